"""Figures of connectomes, gaits, trainings and comparisons."""

__all__: list[str] = []
