"""Do networks that do their task better explain neurons better? Depth and session taken out."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np

from proprio_tcn.neural.prediction import Prediction
from proprio_tcn.neural.statistics import mixed_regression, partial_correlation

__all__ = ["Standing", "relation_table"]

_FEWEST = 5  # networks of a task in one session


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
    """

    session: str
    model: str
    task: str
    layers: int
    performance: float
    test_ev: float

    @classmethod
    def of(
        cls, session: str, prediction: Prediction, models: Mapping[str, Sequence[str]]
    ) -> "list[Standing]":
        """Standings of the networks that have a performance.

        Args:
            session: Name of the session.
            prediction: Its scores.
            models: Columns of ``models.csv``.
        """
        found = []
        for number, name in enumerate(models["model"]):
            performance = float(models["performance"][number])
            if np.isnan(performance) or name not in prediction.models:
                continue
            test_ev = float(prediction.best_layer(name).test_ev.mean())
            task, layers = models["task"][number], int(models["layers"][number])
            found.append(cls(session, name, task, layers, performance, test_ev))
        return found


def relation_table(standings: Sequence[Standing]) -> dict[str, list[Any]]:
    """Performance against explained variance for each task, a row for each that can be told.

    r, a description, is the partial correlation over all rows, with depth and differences between
    sessions taken out. Where several sessions saw the same networks their rows are not independent:
    slope and p are then of a mixed regression with an intercept for each network, p with as many
    degrees of freedom as networks leave; in one session p is that of r. All are NaN where
    performance or explained variance follows from depth and session.
    """
    from scipy.stats import t

    columns: dict[str, list[Any]] = {
        name: [] for name in ("task", "networks", "sessions", "r", "p", "slope")
    }
    for task in dict.fromkeys(one.task for one in standings):
        own = [one for one in standings if one.task == task]
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
                # performance and depth differ between networks only
                free = len(models) - 2 - int(varies)
                p = float(2 * t.sf(abs(slope) / mixed.standard_errors[1], free))
        row = (task, len(models), len(sessions), r, p, slope)
        for name, value in zip(columns, row, strict=True):
            columns[name].append(value)
    return columns
