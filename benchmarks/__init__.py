"""Speed, measured as ratios to named baselines; `nox -s bench` runs it."""

__all__: list[str] = []
