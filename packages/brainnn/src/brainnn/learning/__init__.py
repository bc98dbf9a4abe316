"""Teaching and reinforcement: from a reference gait to a network that walks."""

__all__: list[str] = []
