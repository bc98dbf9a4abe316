"""Mapping sessions from files of laboratories, checked row by row."""

__all__: list[str] = []
