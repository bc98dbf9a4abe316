"""Models of a session: baselines, the anatomical model, recurrent networks."""

__all__: list[str] = []
