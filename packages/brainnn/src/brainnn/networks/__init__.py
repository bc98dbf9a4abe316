"""Recurrent networks on a wiring diagram, and the networks that they are compared with."""

__all__: list[str] = []
