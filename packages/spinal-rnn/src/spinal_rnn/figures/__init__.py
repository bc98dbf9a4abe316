"""Figures of sessions, predictions and networks: they take data and axes, and train nothing."""

__all__: list[str] = []
