"""Models of a session: baselines, root models and their ensembles, recurrent networks."""

__all__: list[str] = []
