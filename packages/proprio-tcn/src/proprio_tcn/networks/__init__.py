"""Temporal convolutional and recurrent networks on muscle-spindle input."""

__all__: list[str] = []
