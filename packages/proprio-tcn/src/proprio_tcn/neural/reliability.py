"""How much of a response there is to explain: repeats of one condition, halved or pooled."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neuro_common.seeding import generator
from proprio_tcn.neural.windows import Windows

__all__ = [
    "condition_ceiling",
    "oracle_ceiling",
    "spearman_brown",
    "split_half_reliability",
]

Floats = NDArray[np.float64]


def spearman_brown(r: ArrayLike) -> Floats:
    """Reliability of the whole from the correlation of its halves: ``2 r / (1 + r)``.

    Of any shape, which is kept.
    """
    halves = np.asarray(r, dtype=np.float64)
    return np.asarray(2 * halves / (1 + halves))


def oracle_ceiling(rates: ArrayLike, true_rates: ArrayLike) -> Floats:
    """Explained variance of the rates that made the spikes: what no model can pass but by chance.

    Args:
        rates: Smoothed counts, ``(rows, neurons)``.
        true_rates: Expected counts per bin, smoothed alike, ``(rows, neurons)``.
    """
    from proprio_tcn.neural.scores import explained_variance

    return explained_variance(rates, true_rates)


def split_half_reliability(
    rates: Floats, windows: Windows, *, splits: int = 100, seed: int
) -> Floats:
    """Correlation of mean time courses from two halves of the repeats, to the length of the whole.

    The windows of each condition are halved at random, averaged bin by bin as far as the shortest
    of them goes, and the averages of all conditions are correlated over time and conditions. The
    mean correlation over random splits is corrected by Spearman and Brown.

    Args:
        rates: Of each bin of each trial, ``(trials, bins, neurons)``.
        windows: The repeats; a condition of a single window, or an unknown one, is not
            used.
        splits: Number of random splits.
        seed: Of the splits.

    Returns:
        Shape ``(neurons,)``; NaN for a neuron whose averages do not vary.

    Raises:
        ValueError: No condition is repeated.
    """
    rng = generator(seed)
    halves: list[tuple[Floats, Floats]] = []
    for course in _courses(rates, windows):
        repeats = len(course)
        # a random order for each split: its first half against its second
        order = np.argsort(rng.random((splits, repeats)), axis=1)
        first = np.zeros((splits, repeats))
        np.put_along_axis(first, order[:, : repeats // 2], 1.0, axis=1)
        flat = course.reshape(repeats, -1)
        one = (first @ flat) / (repeats // 2)
        two = ((1 - first) @ flat) / (repeats - repeats // 2)
        shape = (splits, *course.shape[1:])
        halves.append((one.reshape(shape), two.reshape(shape)))
    one, two = (np.concatenate(half, axis=1) for half in zip(*halves, strict=True))
    one = one - one.mean(axis=1, keepdims=True)
    two = two - two.mean(axis=1, keepdims=True)
    spread = np.sqrt((one**2).sum(axis=1) * (two**2).sum(axis=1))
    r = np.full(spread.shape, np.nan)
    np.divide((one * two).sum(axis=1), spread, out=r, where=spread > 0)
    return spearman_brown(np.mean(r, axis=0))


def condition_ceiling(rates: Floats, windows: Windows) -> Floats:
    """Part of the single-trial variance that repeats of one condition share (Sahani, Linden 2003).

    The variance over time of the mean of n repeats holds the signal and 1/n of the noise; with the
    mean variance of single repeats that gives both. What varies from trial to trial with the
    movement counts as noise here, so a model of the actual movement may pass this ceiling.

    Args:
        rates: Of each bin of each trial, ``(trials, bins, neurons)``.
        windows: The repeats; a condition of a single window, or an unknown one, is not
            used.

    Returns:
        Shape ``(neurons,)``; may fall below 0 by chance, NaN for a neuron that does not vary.

    Raises:
        ValueError: No condition is repeated.
    """
    signal: Floats | float = 0.0
    total: Floats | float = 0.0
    courses = _courses(rates, windows)
    # of all bins alike, as the variance is: long movements count more
    grand = np.concatenate([course.mean(axis=0) for course in courses]).mean(axis=0)
    for course in courses:
        repeats = len(course)
        # about one mean for all conditions, so that differences between them are signal too
        of_mean = ((course.mean(axis=0) - grand) ** 2).sum(axis=0)
        of_single = ((course - grand) ** 2).sum(axis=1).mean(axis=0)
        signal = signal + (repeats * of_mean - of_single) / (repeats - 1)
        total = total + of_single
    part = np.full(np.shape(total), np.nan)
    np.divide(signal, total, out=part, where=np.asarray(total) > 0)
    return part


def _courses(rates: Floats, windows: Windows) -> list[Floats]:
    """Time courses ``(repeats, bins, neurons)`` of each condition that has repeats."""
    found = []
    condition = windows.condition
    for number in windows.repeated:
        own = windows.take(condition == number)
        bins = np.arange(own.length.min())
        found.append(rates[own.trial[:, None], own.start[:, None] + bins])
    if not found:
        raise ValueError(
            f"reliability needs a direction with two or more trials, got {len(windows)} trials of "
            "different or unknown ones"
        )
    return found
