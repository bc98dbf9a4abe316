"""What one task adds to networks over another: pairs of one architecture and first weights."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuro_common.seeding import generator
from neuro_common.stats import holm
from proprio_tcn.neural.prediction import Prediction

__all__ = ["Placed", "task_pairs"]

_UNTRAINED = "untrained"
_NORM = "norm"
_COLUMNS = (
    *("window", "first", "second", "architectures", "pairs", "difference", "low", "high"),
    *("p_wilcoxon", "p_holm"),
)


@dataclass(frozen=True)
class Placed:
    """What one network explains of one session.

    Attributes:
        session: Of the prediction.
        task: What it was taught, or "untrained".
        trunk: Its settings but for the norm, as text.
        norm: Of its trunk.
        seed: Of its first weights.
        test_ev: Mean test explained variance of its best layer.
        input: How it sees spindles.
        window: Which bins were explained, one of `proprio_tcn.neural.windows.WINDOWS`.
    """

    session: str
    task: str
    trunk: str
    norm: str
    seed: str
    test_ev: float
    input: str = ""
    window: str = "active"

    @classmethod
    def of(
        cls,
        session: str,
        prediction: Prediction,
        models: Mapping[str, Sequence[str]],
        window: str = "active",
    ) -> "list[Placed]":
        """Networks of a prediction that ``models.csv`` knows, and that explain a number.

        Args:
            session: Name of the session.
            prediction: Its scores.
            models: Columns of ``models.csv``.
            window: Which bins were explained.
        """
        found = []
        columns = ("model", "task", "settings", "seed", "input")
        for name, task, settings, seed, seen in zip(
            *(models[column] for column in columns), strict=True
        ):
            if name not in prediction.models:
                continue
            test_ev = float(prediction.best_layer(name).test_ev.mean())
            if math.isnan(test_ev):
                continue
            facts = json.loads(settings)
            norm = str(facts.pop(_NORM, ""))
            trunk = json.dumps(facts, sort_keys=True)
            found.append(cls(session, task, trunk, norm, seed, test_ev, seen, window))
        return found


def task_pairs(
    networks: Sequence[Placed], *, n_resamples: int = 5000, seed: int = 0
) -> dict[str, list[Any]]:
    """Compare every two tasks, untrained networks among them, as a table.

    Networks are paired that have the same architecture and first weights and saw the same session;
    a trained network and an untrained one also have the same norm and input, two tasks need not.
    Movements, bumps and cut movements (``window``) have rows of their own. Differences are averaged
    within an architecture, over first weights and sessions, which share too much to count as many;
    interval (percentile bootstrap) and p (Wilcoxon's signed ranks) are over architectures. Tasks
    with fewer than two architectures in common are left out.

    Args:
        networks: What they explain.
        n_resamples: Of the bootstrap.
        seed: Of the bootstrap.

    Returns:
        Columns window, first, second (tasks), architectures, pairs, difference (of test explained
        variance, first less second), low, high (95 %), p_wilcoxon, and p_holm, corrected for all
        rows.
    """
    tasks = sorted(dict.fromkeys(one.task for one in networks), key=lambda task: task == _UNTRAINED)
    columns: dict[str, list[Any]] = {name: [] for name in _COLUMNS}
    for window in dict.fromkeys(one.window for one in networks):
        own = [one for one in networks if one.window == window]
        for first, second in combinations(tasks, 2):
            gains = list(_gains(own, first, second).values())
            if len(gains) < 2:
                continue
            means = np.array([np.mean(one) for one in gains])
            drawn = generator(seed).choice(means, (n_resamples, len(means))).mean(axis=1)
            low, high = np.quantile(drawn, [0.025, 0.975])
            counts = len(gains), sum(map(len, gains))
            row = (window, first, second, *counts, means.mean(), low, high, _signed_ranks(means))
            for name, value in zip(_COLUMNS, row, strict=False):
                columns[name].append(value)
    columns["p_holm"] = [float(one) for one in holm(columns["p_wilcoxon"])]
    return columns


def _gains(networks: Sequence[Placed], first: str, second: str) -> dict[str, list[float]]:
    """Differences by architecture."""

    def key(one: Placed) -> tuple[str, ...]:
        alike = (one.norm, one.input) if second == _UNTRAINED else ()
        return one.session, one.trunk, one.seed, *alike

    others = {key(one): one.test_ev for one in networks if one.task == second}
    gains: dict[str, list[float]] = {}
    for one in networks:
        if one.task == first and key(one) in others:
            gains.setdefault(one.trunk, []).append(one.test_ev - others[key(one)])
    return gains


def _signed_ranks(differences: NDArray[np.float64]) -> float:
    from scipy.stats import wilcoxon

    return float(wilcoxon(differences).pvalue) if differences.any() else 1.0
