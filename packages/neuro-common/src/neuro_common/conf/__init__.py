"""Hydra configs that every package shares; a package so that an installed wheel finds them."""

__all__: list[str] = []
