"""Hydra configs of the verbs, found as package data."""

__all__: list[str] = []
