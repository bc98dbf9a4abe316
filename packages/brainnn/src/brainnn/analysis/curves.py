"""Trainings in directories, and their learning curves over seeds."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neuro_common.files import RunError
from neuro_common.provenance import differing_keys
from neuro_common.runs import read_config, read_csv
from neuro_common.stats import bootstrap_mean

__all__ = [
    "LABELS",
    "LearningCurve",
    "Training",
    "find_trainings",
    "learning_panels",
    "mean_curve",
]

LABELS: Mapping[str, str] = {
    "reward": "reward a step",
    "loss": "error of labelled actions",
    "explained_variance": "explained variance",
    "episode_steps": "episode (steps)",
    "ends": "ends before time (share)",
}
"""Labels of what learning curves show, by column of ``metrics.csv``."""


class LearningCurve(NamedTuple):
    """A number against the steps of a training, over seeds.

    Attributes:
        step: Shape (points,).
        mean: Shape (points,).
        low: Lower limit of the 95 % interval, NaN for a single seed, shape (points,).
        high: Upper limit.
    """

    step: NDArray[np.float64]
    mean: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]


def mean_curve(runs: Mapping[Any, tuple[ArrayLike, ArrayLike]], *, seed: int = 0) -> LearningCurve:
    """Average curves of several seeds.

    Points in which a run has no number are bridged by its neighbours; the mean ends where the
    shortest run does.

    Args:
        runs: Steps and numbers of each seed.
        seed: Of the bootstrap.

    Raises:
        ValueError: There is no run, or one has no number at all.
    """
    if not runs:
        raise ValueError("runs must be at least one, got none")
    known = [_known(name, *run) for name, run in runs.items()]
    first = max(float(steps[0]) for steps, _ in known)
    last = min(float(steps[-1]) for steps, _ in known)
    longest = max(known, key=lambda one: len(one[0]))[0]
    step = longest[(longest >= first) & (longest <= last)]
    if len(step) == 0:
        raise ValueError(
            f"runs must overlap, but the last begins at {first:g}, one ends at {last:g}"
        )
    values = np.stack([np.interp(step, steps, numbers) for steps, numbers in known])
    if len(values) == 1:
        unknown = np.full(len(step), np.nan)
        return LearningCurve(step, values[0], unknown, unknown)
    interval = bootstrap_mean(values, n_resamples=2000, seed=seed)
    return LearningCurve(step, interval.mean, interval.low, interval.high)


@dataclass(frozen=True, eq=False)
class Training:
    """What a training was told and how it went.

    Attributes:
        config: The config of record.
        columns: Of ``metrics.csv``, one number for each row; text is NaN.
    """

    config: dict[str, Any]
    columns: dict[str, NDArray[np.float64]]


def find_trainings(directory: str | Path) -> list[Training]:
    """Read a training, or those of a sweep.

    Args:
        directory: Of one training, or with trainings below it.

    Raises:
        RunError: There is none.
        FormatError: A file is damaged.
    """
    root = Path(directory)
    alone = [root] if (root / "metrics.csv").is_file() else []
    found = alone or sorted(path.parent for path in root.glob("*/metrics.csv"))
    if not found:
        raise RunError(
            f"{root} must be the directory of a training or of a sweep of them, got one without "
            "metrics.csv in it or one below: give the directory that `brainnn train` printed"
        )
    return [Training(read_config(path), _columns(path)) for path in found]


def learning_panels(trainings: list[Training]) -> dict[str, dict[str, LearningCurve]]:
    """Curves by name, by label of what they show; trainings that differ by seed alone are one.

    Args:
        trainings: As :func:`find_trainings` gives them, at least one.

    Raises:
        RunError: None of them has one of `LABELS`: they are runs of something else.
    """
    told = [{key: value for key, value in one.config.items() if key != "seed"} for one in trainings]
    varied = differing_keys(told) if len(told) > 1 else {}
    groups: dict[str, list[Training]] = {}
    for number, one in enumerate(trainings):
        name = ", ".join(f"{key}={values[number]}" for key, values in varied.items())
        groups.setdefault(name or "network", []).append(one)
    panels: dict[str, dict[str, LearningCurve]] = {}
    for column, label in LABELS.items():
        for name, many in groups.items():
            runs = {
                number: (one.columns["step"], one.columns[column])
                for number, one in enumerate(many)
                if np.isfinite(one.columns.get(column, np.nan)).any()
            }
            if runs:
                panels.setdefault(label, {})[name] = mean_curve(runs)
    if not panels:
        raise RunError(
            f"metrics.csv of a training must have one of {', '.join(LABELS)}, got "
            f"{', '.join(trainings[0].columns) or 'nothing'}: give the directory that `brainnn "
            "train` printed"
        )
    return panels


def _columns(directory: Path) -> dict[str, NDArray[np.float64]]:
    table = read_csv(directory / "metrics.csv")
    return {name: np.array([_number(cell) for cell in cells]) for name, cells in table.items()}


def _number(cell: str) -> float:
    try:
        return float(cell)
    except ValueError:
        return float("nan")


def _known(
    name: Any, step: ArrayLike, values: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    steps, numbers = np.asarray(step, dtype=np.float64), np.asarray(values, dtype=np.float64)
    known = np.isfinite(numbers)
    if steps.shape != numbers.shape or not known.any():
        raise ValueError(
            f"run {name} must have a number for each step, at least one finite, got shapes "
            f"{steps.shape} and {numbers.shape}"
        )
    return steps[known], numbers[known]
