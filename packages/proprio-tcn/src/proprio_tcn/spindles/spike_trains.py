"""How irregularly fibres fire at a rate: spike counts per bin, and noise of the same size."""

from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from proprio_tcn.movements.format import BIN_S

__all__ = ["count_spikes", "gaussian_rate", "gaussian_spread"]

_Array = NDArray[np.float64]
_T = TypeVar("_T", bound=Any)


def gaussian_rate(
    rate_hz: ArrayLike,
    interval_cv: float,
    fibres: int,
    rng: np.random.Generator,
    bin_s: float = BIN_S,
) -> _Array:
    """Mean rate of some fibres as counted in bins, by a Gaussian of the same variance.

    Counts of a renewal process in a time much longer than an interval have the variance CV^2 times
    their mean (Cox 1962); the rate's s.d. is ``CV sqrt(rate / (bin_s fibres))``. Rectified.

    Args:
        rate_hz: Shape (..., bins), at least 0.
        interval_cv: Of the intervals between spikes, s.d. / mean.
        fibres: Over how many the mean is taken.
        rng: Source of the noise.
        bin_s: Width of a bin.
    """
    rate = _checked_rate(rate_hz)
    spread = gaussian_spread(rate, interval_cv, fibres, bin_s)
    noisy: _Array = np.maximum(rate + spread * rng.standard_normal(rate.shape), 0.0)
    return noisy


def gaussian_spread(rate_hz: _T, interval_cv: float, fibres: int, bin_s: float = BIN_S) -> _T:
    """Standard deviation of that noise, by the rate; array or tensor."""
    spread: Any = interval_cv * (rate_hz / (bin_s * fibres)) ** 0.5
    return spread  # type: ignore[no-any-return]


def count_spikes(
    rate_hz: ArrayLike,
    rng: np.random.Generator,
    *,
    interval_cv: float = 1.0,
    fibres: int = 1,
    bin_s: float = BIN_S,
) -> NDArray[np.int64]:
    """Spikes per bin of fibres that fire at a rate, shape (..., bins).

    The intervals are of a gamma distribution in time stretched by the rate, which starts in its
    steady state; a coefficient of variation of 1 is a Poisson process.

    Args:
        rate_hz: Shape (..., bins), at least 0; constant within a bin.
        rng: Source of the spikes.
        interval_cv: Of the intervals, s.d. / mean, above 0.
        fibres: Independent fibres whose counts are summed.
        bin_s: Width of a bin.

    Raises:
        ValueError: A rate is negative or not finite, or a number is out of range.
    """
    rate = _checked_rate(rate_hz)
    if not 0 < interval_cv < np.inf or fibres < 1 or not 0 < bin_s < np.inf:
        raise ValueError(
            f"interval_cv and bin_s must be above 0 and fibres at least 1, got {interval_cv}, "
            f"{bin_s} and {fibres}"
        )
    if interval_cv == 1.0:
        return rng.poisson(rate * bin_s * fibres).astype(np.int64)
    total = np.zeros(rate.shape, dtype=np.int64)
    expected = np.cumsum(rate.reshape(-1, rate.shape[-1]) * bin_s, axis=1)
    for _ in range(fibres):
        total += _renewal_counts(expected, interval_cv, rng).reshape(rate.shape)
    return total


def _renewal_counts(
    expected: _Array, interval_cv: float, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Counts per bin of renewal processes whose expected number until each bin's end is known."""
    shape = interval_cv**-2
    horizon = float(expected[:, -1].max(initial=0.0))
    most = int(np.ceil(horizon + 6.0 * (interval_cv * np.sqrt(horizon) + interval_cv**2) + 2.0))
    intervals = rng.gamma(shape, 1.0 / shape, size=(len(expected), most))
    # in the steady state, time begins at a uniform point of an interval that is long in proportion
    intervals[:, 0] = rng.random(len(expected)) * rng.gamma(shape + 1, 1 / shape, len(expected))
    times = np.cumsum(intervals, axis=1)
    while times[:, -1].min(initial=np.inf) < horizon:
        more = rng.gamma(shape, 1.0 / shape, size=times.shape)
        times = np.concatenate([times, times[:, -1:] + np.cumsum(more, axis=1)], axis=1)
    until = np.stack(
        [np.searchsorted(one, ends) for one, ends in zip(times, expected, strict=True)]
    )
    return np.diff(until, axis=1, prepend=0).astype(np.int64)


def _checked_rate(rate_hz: ArrayLike) -> _Array:
    rate = np.asarray(rate_hz, dtype=np.float64)
    if not (np.isfinite(rate).all() and (rate >= 0).all()):
        raise ValueError("rate_hz must be finite and at least 0: rectify it first")
    return rate
