"""The population while it keeps a beat: which units take part, when in the cycle, in which order.

Functions take rates `(time, units)` and taps in samples of them, which may lie between samples. The
phase of a cycle runs from 0 at a tap to 1 at the next.

The published raster orders units by the median lag of their peaks to the nearest tap
(`peak_lags`, `lag_order`). It gives silent units the lag -1, so that they stand before a unit that
peaks half a sample before the tap. `peak_phases` and `phase_order` keep them apart.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = [
    "PeakPhases",
    "UnitRange",
    "cycle_average",
    "lag_order",
    "normalised",
    "peak_lags",
    "peak_phases",
    "phase_order",
    "silent_units",
    "unit_range",
]

Array = NDArray[np.float64]
Rates = NDArray[np.floating[Any]]


class UnitRange(NamedTuple):
    """Smallest and largest rate of each unit, both `(units,)`."""

    low: Array
    high: Array


class PeakPhases(NamedTuple):
    """When units peak, both `(units,)`.

    `phase` is the circular mean over the cycles, in [0, 1); `concentration` the length of the mean
    vector, 1 for a unit that peaks at one phase always and near 0 for one that peaks anywhere.
    """

    phase: Array
    concentration: Array


def unit_range(recordings: Sequence[Rates]) -> UnitRange:
    """Range of each unit over all recordings, each `(time, units)`.

    Over one tempo, as published, differences of amplitude between tempi are lost; over all of them
    together they stay.
    """
    low = np.min([rates.min(axis=0) for rates in recordings], axis=0)
    high = np.max([rates.max(axis=0) for rates in recordings], axis=0)
    return UnitRange(low.astype(np.float64), high.astype(np.float64))


def normalised(rates: Rates, span: UnitRange | None = None) -> Array:
    """Rates scaled to 0 ... 1 for each unit; a unit that never changes is 0.

    Args:
        rates: Shape (time, units).
        span: Range to scale by; that of these rates when not given.

    Returns:
        Shape (time, units).
    """
    low, high = unit_range([rates]) if span is None else span
    swing = high - low
    # one array only: these may be hundreds of megabytes
    scaled = rates.astype(np.float64)
    scaled -= low
    scaled /= np.where(swing > 0, swing, 1.0)
    return scaled


def cycle_average(rates: Rates, taps: ArrayLike, phases: int = 100) -> Array:
    """Mean rate at each phase of the cycle: what is left when noise is averaged out.

    Every cycle is stretched to the same length by linear interpolation.

    Args:
        rates: Shape (time, units).
        taps: Taps in samples, shape (taps,).
        phases: Number of phases 0, 1 / phases, ...

    Returns:
        Shape (phases, units).

    Raises:
        ValueError: There are fewer than 2 taps, they do not rise or lie outside the rates.
    """
    times = _taps(taps, rates)
    total = np.zeros((phases, rates.shape[1]))
    for begin, end in pairwise(times):
        moments = begin + (end - begin) * np.arange(phases) / phases
        below = moments.astype(int)
        after = np.minimum(below + 1, len(rates) - 1)
        part = (moments - below)[:, None]
        total += (1 - part) * rates[below] + part * rates[after]
    return total / (len(times) - 1)


def peak_phases(rates: Rates, taps: ArrayLike) -> PeakPhases:
    """Phase at which each unit peaks, from the largest sample of every cycle.

    Args:
        rates: Shape (time, units).
        taps: Taps in samples, shape (taps,).

    Raises:
        ValueError: As `cycle_average`, or a cycle has no sample.
    """
    times = _taps(taps, rates)
    edges = np.ceil(times).astype(int)
    if (np.diff(edges) < 1).any():
        raise ValueError(f"taps must be at least a sample apart, got {np.diff(times).min():g}")
    vectors = np.zeros(rates.shape[1], dtype=np.complex128)
    for tap, following, begin, end in zip(
        times[:-1], times[1:], edges[:-1], edges[1:], strict=True
    ):
        peak = begin + rates[begin:end].argmax(axis=0)
        vectors += np.exp(2j * np.pi * (peak - tap) / (following - tap))
    vectors /= len(times) - 1
    # a phase just below 0 rounds to 1, which is 0
    return PeakPhases(np.angle(vectors) / (2 * np.pi) % 1.0 % 1.0, np.abs(vectors))


def silent_units(average: ArrayLike, smallest: float = 0.01) -> NDArray[np.bool_]:
    """Which units take no part in the rhythm: at rest, or at one rate all the time.

    Args:
        average: What `cycle_average` gave, shape (phases, units).
        smallest: Swing over the cycle, as a share of the largest of all units, below which a unit
            is silent.

    Returns:
        Shape (units,).
    """
    swing = np.ptp(np.asarray(average), axis=0)
    return np.asarray((swing == 0) | (swing < smallest * swing.max()))


def phase_order(phase: ArrayLike, silent: ArrayLike, excitatory: ArrayLike) -> NDArray[np.int64]:
    """Order excitatory before inhibitory units, each by phase from the tap on, silent units last.

    Args:
        phase: In [0, 1), shape (units,).
        silent: Shape (units,).
        excitatory: Shape (units,).

    Returns:
        Numbers of the units, shape (units,); equals stay in their order.
    """
    return np.lexsort((np.asarray(phase), np.asarray(silent), ~np.asarray(excitatory)))


def peak_lags(rates: Rates, taps: ArrayLike) -> Array:
    """Median lag of each unit's peaks to the taps, in samples, as published.

    Round every tap but the first and the last, a unit's peak is its first largest sample from half
    the interval before to half the interval after, both rounded down.

    Args:
        rates: Normalised or not, shape (time, units).
        taps: Taps in whole samples, shape (taps,).

    Returns:
        Shape (units,); -1 for a unit that never changes.

    Raises:
        TypeError: The taps are not whole samples.
        ValueError: There are fewer than 3 taps, they do not rise or lie outside the rates.
    """
    samples = np.asarray(taps)
    if samples.dtype.kind not in "iu":
        raise TypeError(f"taps must be whole samples, integers, got {samples.dtype}")
    _taps(samples, rates, fewest=3)
    lags = []
    for before, tap, after in zip(samples[:-2], samples[1:-1], samples[2:], strict=True):
        begin, end = tap - (tap - before) // 2, tap + (after - tap) // 2
        lags.append(begin + rates[begin:end].argmax(axis=0) - tap)
    return np.where(np.ptp(rates, axis=0) > 0, np.median(lags, axis=0), -1.0)


def lag_order(lags: ArrayLike, excitatory: ArrayLike) -> NDArray[np.int64]:
    """Order units as published: excitatory first; each from lag 0 up, then from the earliest up.

    Args:
        lags: What `peak_lags` gave, shape (units,).
        excitatory: Shape (units,).

    Returns:
        Numbers of the units, shape (units,); equals stay in their order.
    """
    lag = np.asarray(lags)
    return np.lexsort((lag, lag < 0, ~np.asarray(excitatory)))


def _taps(taps: ArrayLike, rates: Rates, fewest: int = 2) -> Array:
    """Taps as numbers that rise within the rates."""
    times = np.asarray(taps, dtype=np.float64)
    if rates.ndim != 2 or 0 in rates.shape:
        raise ValueError(f"rates must be (time, units) and not empty, got shape {rates.shape}")
    if times.ndim != 1 or len(times) < fewest or not (np.diff(times) > 0).all():
        raise ValueError(
            f"taps must be at least {fewest} rising samples, got {np.array2string(times)}: "
            "a network without a rhythm has no cycle"
        )
    if times[0] < 0 or times[-1] > len(rates) - 1:
        raise ValueError(
            f"taps must lie in the {len(rates)} samples, got {times[0]:g} to {times[-1]:g}"
        )
    return times
