"""Do networks that do their task better explain neurons better? Depth and session taken out."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from proprio_tcn.neural.prediction import Prediction
from proprio_tcn.neural.statistics import mixed_regression, partial_correlation

__all__ = ["Standing", "relation_table"]

_FEWEST = 5  # architectures that learnt a task


@dataclass(frozen=True)
class Standing:
    """Where one trained network stands in one session.

    Attributes:
        session: Of the prediction.
        model: Name of the network.
        task: What it was taught.
        layers: Its depth.
        performance: At its task, greater is better.
        test_ev: Mean test explained variance of its best layer.
        architecture: Name of its trunk; "" for one of its own.
        window: Which bins were explained, one of `proprio_tcn.neural.windows.WINDOWS`.
    """

    session: str
    model: str
    task: str
    layers: int
    performance: float
    test_ev: float
    architecture: str = ""
    window: str = "active"

    @classmethod
    def of(
        cls,
        session: str,
        prediction: Prediction,
        models: Mapping[str, Sequence[str]],
        window: str = "active",
    ) -> "list[Standing]":
        """Standings of the networks that have a performance.

        Args:
            session: Name of the session.
            prediction: Its scores.
            models: Columns of ``models.csv``.
            window: Which bins were explained.
        """
        found = []
        trunks = models.get("architecture", [""] * len(models["model"]))
        for number, name in enumerate(models["model"]):
            performance = float(models["performance"][number])
            if np.isnan(performance) or name not in prediction.models:
                continue
            test_ev = float(prediction.best_layer(name).test_ev.mean())
            task, layers = models["task"][number], int(models["layers"][number])
            row = (session, name, task, layers, performance, test_ev, trunks[number], window)
            found.append(cls(*row))
        return found


def relation_table(standings: Sequence[Standing]) -> dict[str, list[Any]]:
    """Performance against explained variance for each window and task that can be told.

    Networks of one architecture are much alike, so that their means over first weights count, one
    for each session. r, a description, is the partial correlation over these, with depth and
    differences between sessions taken out. Where several sessions saw the same architectures their
    rows are not independent: slope and p are then of a mixed regression with an intercept for each
    architecture, p with as many degrees of freedom as architectures leave; in one session p is that
    of r. All are NaN where performance or explained variance follows from depth and session. Tasks
    that fewer than five architectures learnt have no row.

    Args:
        standings: Of all networks. Movements, bumps and cut movements (``window``) are not pooled.

    Returns:
        Columns window, task, networks, architectures, sessions, r, p, slope.
    """
    from scipy.stats import t

    columns: dict[str, list[Any]] = {
        name: []
        for name in ("window", "task", "networks", "architectures", "sessions", "r", "p", "slope")
    }
    for window, task in dict.fromkeys((one.window, one.task) for one in standings):
        every = [one for one in standings if (one.window, one.task) == (window, task)]
        own = _means(every)
        sessions = sorted({one.session for one in own})
        models = {one.model for one in own}
        performance = np.array([one.performance for one in own])
        test_ev = np.array([one.test_ev for one in own])
        depth = np.array([one.layers for one in own], dtype=float)
        others = [np.array([one.session == name for one in own]) for name in sessions[1:]]
        covariates = np.column_stack([depth, *others])
        varies = np.ptp(depth) > 0
        covariates = covariates if varies else covariates[:, 1:]
        if len(models) < _FEWEST or np.ptp(performance) == 0:
            continue
        r = p = slope = float("nan")
        with suppress(ValueError, np.linalg.LinAlgError):  # collinear, or too few rows
            r, p = partial_correlation(performance, test_ev, covariates)
            if len(sessions) > 1:
                p = float("nan")
                predictors = np.column_stack([performance, covariates])
                mixed = mixed_regression(test_ev, predictors, [one.model for one in own])
                slope = float(mixed.coefficients[1])
                # performance and depth differ between architectures only
                free = len(models) - 2 - int(varies)
                p = float(2 * t.sf(abs(slope) / mixed.standard_errors[1], free))
        networks = len({one.model for one in every})
        row = (window, task, networks, len(models), len(sessions), r, p, slope)
        for name, value in zip(columns, row, strict=True):
            columns[name].append(value)
    return columns


def _means(standings: Sequence[Standing]) -> list[Standing]:
    """One for each session and architecture, called by its name."""
    groups: dict[tuple[str, str], list[Standing]] = {}
    for one in standings:
        groups.setdefault((one.session, one.architecture or one.model), []).append(one)
    return [
        replace(
            group[0],
            model=name,
            performance=float(np.mean([one.performance for one in group])),
            test_ev=float(np.mean([one.test_ev for one in group])),
        )
        for (_, name), group in groups.items()
    ]
