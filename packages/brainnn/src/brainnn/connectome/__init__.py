"""Wiring diagrams: read, chosen from, layered, signed, and rewired as controls."""

__all__: list[str] = []
