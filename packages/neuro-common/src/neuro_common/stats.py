"""Intervals and comparisons for results over seeds: a mean never travels without its spread."""

from collections.abc import Sequence
from typing import Any, Generic, NamedTuple, TypeVar, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neuro_common.seeding import generator

__all__ = ["Interval", "bootstrap_crossed", "bootstrap_mean", "holm", "non_dominated"]

_BATCH = 2**20  # resampled numbers held at once: 8 MB

Estimate = TypeVar("Estimate", float, NDArray[np.float64])


class Interval(NamedTuple, Generic[Estimate]):
    """A mean between the limits of its confidence interval.

    Floats for a list of values, arrays ``(points,)`` for values ``(repeats, points)``.
    """

    mean: Estimate
    low: Estimate
    high: Estimate


@overload
def bootstrap_mean(
    values: Sequence[float], *, confidence: float = ..., n_resamples: int = ..., seed: int
) -> Interval[float]: ...
@overload
def bootstrap_mean(
    values: ArrayLike, *, confidence: float = ..., n_resamples: int = ..., seed: int
) -> Interval[Any]: ...
def bootstrap_mean(
    values: ArrayLike, *, confidence: float = 0.95, n_resamples: int = 10_000, seed: int
) -> Interval[Any]:
    """Estimate a mean and its percentile bootstrap interval (Efron and Tibshirani 1993, ch. 13).

    Args:
        values: One value per repeat ``(repeats,)``, or one curve per repeat ``(repeats, points)``;
            repeats are resampled, at least 2 of them, and a curve is resampled as a whole.
        confidence: Coverage of the interval, in (0, 1).
        n_resamples: Number of bootstrap samples, at least 100.
        seed: Seed of the resampling; the same seed gives the same interval.

    Returns:
        Mean and limits, in the unit of ``values``.

    Raises:
        ValueError: ``values`` has another shape, fewer than 2 repeats or a number that is not
            finite; ``confidence`` or ``n_resamples`` is out of its range.
    """
    data = np.asarray(values, dtype=np.float64)
    if data.ndim not in (1, 2) or data.shape[0] < 2 or data.size == 0:
        raise ValueError(
            "values must be (repeats,) or (repeats, points) with at least 2 repeats, "
            f"got shape {data.shape}"
        )
    _check(data, confidence, n_resamples)
    rng = generator(seed)
    n_repeats = data.shape[0]
    batch = max(1, _BATCH // data.size)
    means = np.empty((n_resamples, *data.shape[1:]))
    for start in range(0, n_resamples, batch):
        stop = min(start + batch, n_resamples)
        chosen = rng.integers(0, n_repeats, size=(stop - start, n_repeats))
        means[start:stop] = data[chosen].mean(axis=1)
    low, high = _limits(means, confidence)
    if data.ndim == 1:
        return Interval(float(data.mean()), float(low), float(high))
    return Interval(data.mean(axis=0), low, high)


def bootstrap_crossed(
    values: ArrayLike, *, confidence: float = 0.95, n_resamples: int = 10_000, seed: int
) -> Interval[float]:
    """Estimate the mean over two kinds of repeats at once, such as trainings and test ensembles.

    Every resample draws rows and, for all of them together, columns (the pigeonhole bootstrap,
    Owen 2007, Ann. Appl. Stat. 1, 386). Drawing columns anew in each row would treat an ensemble
    that every training was tested on as many independent ones, and give too narrow an interval.

    Args:
        values: One value per pair ``(rows, columns)``, at least 2 of each.
        confidence: Coverage of the interval, in (0, 1).
        n_resamples: Number of bootstrap samples, at least 100.
        seed: Seed of the resampling; the same seed gives the same interval.

    Returns:
        Mean and limits, in the unit of ``values``.

    Raises:
        ValueError: ``values`` has another shape, fewer than 2 rows or columns or a number that is
            not finite; ``confidence`` or ``n_resamples`` is out of its range.
    """
    data = np.asarray(values, dtype=np.float64)
    if data.ndim != 2 or min(data.shape) < 2:
        raise ValueError(
            f"values must be (rows, columns) with at least 2 of each, got shape {data.shape}"
        )
    _check(data, confidence, n_resamples)
    rng = generator(seed)
    # how often each row and each column is drawn is all that the mean depends on
    rows, columns = (
        rng.multinomial(n, np.full(n, 1 / n), size=n_resamples) / n for n in data.shape
    )
    means = np.einsum("sr,rc,sc->s", rows, data, columns, optimize=True)
    low, high = _limits(means, confidence)
    return Interval(float(data.mean()), float(low), float(high))


def _check(data: NDArray[np.float64], confidence: float, n_resamples: int) -> None:
    if not np.isfinite(data).all():
        n_bad = int((~np.isfinite(data)).sum())
        raise ValueError(f"values must be finite, got {n_bad} NaN or infinite of {data.size}")
    if not 0 < confidence < 1:
        raise ValueError(f"confidence must be in (0, 1), got {confidence}")
    if n_resamples < 100:
        raise ValueError(f"n_resamples must be at least 100, got {n_resamples}")


def _limits(estimates: NDArray[np.float64], confidence: float) -> NDArray[np.float64]:
    """Percentile limits ``(2, ...)`` of bootstrap estimates ``(n_resamples, ...)``."""
    tail = (1 - confidence) / 2
    return np.asarray(np.quantile(estimates, [tail, 1 - tail], axis=0))


def holm(p: ArrayLike) -> NDArray[np.float64]:
    """Adjust a family of p values (Holm 1979, Scand. J. Statist. 6, 65).

    The share of families with a value below alpha, where there is no difference at all, is then
    alpha at most.

    Args:
        p: Shape (comparisons,).

    Returns:
        Adjusted values, shape (comparisons,).

    Raises:
        ValueError: A value is not in [0, 1].
    """
    values = np.asarray(p, dtype=np.float64)
    if values.ndim != 1 or not ((values >= 0) & (values <= 1)).all():
        raise ValueError(f"p must be (comparisons,) of numbers in [0, 1], got {values}")
    order = np.argsort(values)
    steps = values[order] * np.arange(values.size, 0, -1)
    adjusted = np.empty_like(values)
    adjusted[order] = np.minimum(np.maximum.accumulate(steps), 1.0)
    return adjusted


def non_dominated(*costs: ArrayLike) -> NDArray[np.bool_]:
    """Mark the points that no other point beats in every cost, smaller being better.

    Args:
        *costs: One array ``(points,)`` per cost, in any units.

    Returns:
        True ``(points,)`` where no other point is at least as good in every cost and better in one.

    Raises:
        ValueError: No cost, costs of different shapes, or a cost that is NaN.
    """
    columns = [np.asarray(cost, dtype=np.float64) for cost in costs]
    if len({column.shape for column in columns}) != 1 or columns[0].ndim != 1:
        shapes = [column.shape for column in columns]
        raise ValueError(f"costs must be arrays (points,) of one length, got shapes {shapes}")
    points = np.stack(columns, axis=1)
    if np.isnan(points).any():
        raise ValueError("costs must not be NaN: leave out the points that have no cost")
    no_worse = (points[:, None, :] <= points[None, :, :]).all(axis=2)
    better = (points[:, None, :] < points[None, :, :]).any(axis=2)
    return np.asarray(~(no_worse & better).any(axis=0))
