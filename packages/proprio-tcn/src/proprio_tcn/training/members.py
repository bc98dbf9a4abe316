"""Scores of networks that learnt together, and how far they are apart."""

from collections.abc import Mapping, Sequence

import numpy as np

from proprio_tcn.training.trained import Trained

__all__ = ["member_lines", "member_scores"]

_TOLD = ("accuracy", "_movement_rmse", "_movement_r2")


def member_scores(members: Sequence[Trained]) -> dict[str, list[str | float]]:
    """Every metric of every network, then their mean and standard deviation, as a table.

    Args:
        members: Networks of one task, at least two, with their metrics.

    Returns:
        Column to values: "seed" of the first weights, with "mean" and "sd" below; then a column of
        each metric.
    """
    names = list(members[0].metrics)
    values = np.array([[one.metrics[name] for name in names] for one in members])
    rows = np.vstack([values, values.mean(axis=0), values.std(axis=0, ddof=1)])
    seeds: list[str | float] = [*(str(one.network.seed) for one in members), "mean", "sd"]
    return {"seed": seeds} | dict(zip(names, rows.T.tolist(), strict=True))


def member_lines(scores: Mapping[str, Sequence[str | float]]) -> list[str]:
    """The test in a few lines: accuracy, or error and R2 in movement.

    Args:
        scores: Of :func:`member_scores`.
    """
    told = [name for name in scores if name.startswith("test_") and name.endswith(_TOLD)]
    return [
        f"{name.removeprefix('test_').replace('_', ' '):48s}{scores[name][-2]:24.4g}, "
        f"s.d. {scores[name][-1]:.2g}"
        for name in told
    ]
