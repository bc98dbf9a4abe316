"""Which stimulation gives a wanted response: search, measure, refit, within hard limits."""

__all__: list[str] = []
