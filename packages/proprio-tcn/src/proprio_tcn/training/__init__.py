"""How networks learn a task: movements in batches, updates, validation, and what is kept."""

__all__: list[str] = []
