"""What explains neurons: recordings, features, ridge, ceilings, comparisons."""

__all__: list[str] = []
