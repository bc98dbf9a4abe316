"""Figures, each with its numbers."""

__all__: list[str] = []
