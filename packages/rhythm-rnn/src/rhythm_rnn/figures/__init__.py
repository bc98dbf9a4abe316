"""The figures, one module for each part of the analysis; all take data and axes."""

__all__: list[str] = []
