"""Taps of a network's output: found without knowing the period, and checked against the spectrum.

The detector that was published filters round the period that it expects. It finds that period in
noise too, and puts several taps into one cycle of another rhythm; `compat_taps` has it, for
comparison. `find_taps` asks first whether there is a rhythm at all, takes the period from the
spectrum, and calls a rhythm valid only where the taps agree with it.
"""

from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import nnls
from scipy.signal import butter, filtfilt, find_peaks

from neuro_common.signals import lowpass, spectrum

__all__ = [
    "CompatTaps",
    "Intervals",
    "Taps",
    "Weber",
    "asynchronies",
    "compat_taps",
    "crests",
    "find_taps",
    "intervals",
    "weber",
]

Array = NDArray[np.float64]
Verdict = Literal["valid", "no rhythm", "invalid"]

_COARSE_SEGMENTS = 8  # of the first look at the spectrum
_FINE_CYCLES = 16.0  # in a segment of the second
_FEWEST_CYCLES = 5
_REPEATS = 0.3  # autocorrelation after one period below which nothing recurs
_HYSTERESIS = 0.5  # standard deviations
_SMOOTH_HARMONICS = 4.0
_AGREES = 0.02
_LEAST_VARIANCE = 1e-4  # of the largest


@dataclass(frozen=True)
class Taps:
    """What was found in one recording.

    Attributes:
        time_ms: When, rising, from the first sample on, shape (taps,); empty without a rhythm.
        spectral_period_ms: Period of the highest spectral peak, NaN without a rhythm.
        verdict: "valid"; "no rhythm" if the output rests or does not recur; "invalid" if the mean
            interval of the taps is not within 2 % of the spectral period, so that neither should
            be believed.
        reason: What speaks against it, in words; empty if valid.
    """

    time_ms: Array
    spectral_period_ms: float
    verdict: Verdict
    reason: str = ""


class CompatTaps(NamedTuple):
    """Filtered output `(time,)`, indices of its crests and of the taps, both `(taps,)`."""

    filtered: Array
    crests: NDArray[np.int64]
    taps: NDArray[np.int64]


class Intervals(NamedTuple):
    """Inter-tap intervals: mean and standard deviation in ms, their ratio, and their number."""

    mean_ms: float
    sd_ms: float
    cv: float
    n: int


class Weber(NamedTuple):
    """`sd^2 = (fraction mean)^2 + constant_ms^2`, the generalised Weber law (Getty 1975)."""

    fraction: float
    constant_ms: float


def find_taps(output: ArrayLike, dt_ms: float = 1.0, *, smallest: float = 0.02) -> Taps:
    """Find the crests of a rhythm whose period is not known.

    The period is that of the highest peak of the spectrum. The output must recur after it, or there
    is no rhythm. It is smoothed below the fourth harmonic; a tap is the crest between a rise and a
    fall through half a standard deviation round the mean, interpolated between samples.

    Args:
        output: What the network gave out, its transient left out, shape (time,).
        dt_ms: Sampling interval.
        smallest: Least swing, from the 1st to the 99th percentile, that is no silence.

    Raises:
        ValueError: The output is not (time,), not finite, or shorter than 16 samples.
    """
    y = _recording(output)
    swing = float(np.ptp(np.percentile(y, (1, 99))))
    if swing < smallest:
        return _no_rhythm(f"the output swings by {swing:.3g}, less than {smallest:g}")
    period = _spectral_period(y, dt_ms)
    if period * _FEWEST_CYCLES > len(y) * dt_ms:
        return _no_rhythm(f"fewer than {_FEWEST_CYCLES} cycles of the slowest component fit in")
    repeats = _recurrence(y, period / dt_ms)
    if repeats < _REPEATS:
        return _no_rhythm(f"the output does not recur (autocorrelation {repeats:.2f})")
    times = crests(y, dt_ms, period)
    if len(times) < _FEWEST_CYCLES:
        return Taps(times, period, "invalid", f"only {len(times)} taps")
    mean = float(np.diff(times).mean())
    if abs(mean / period - 1) > _AGREES:
        reason = f"taps every {mean:.4g} ms, but the spectrum says {period:.4g} ms"
        return Taps(times, period, "invalid", reason)
    return Taps(times, period, "valid")


def crests(output: ArrayLike, dt_ms: float, period_ms: float) -> Array:
    """Crests of an output whose tempo may change; `find_taps` looks for steady rhythms.

    Args:
        output: Shape (time,).
        dt_ms: Sampling interval.
        period_ms: The shortest period that is there; above its fourth harmonic it is smoothed.

    Returns:
        Times in ms from the first sample on, rising, shape (crests,).

    Raises:
        ValueError: The output is not (time,), not finite, or shorter than 16 samples.
    """
    y = _recording(output)
    cutoff = _SMOOTH_HARMONICS / period_ms
    smooth = lowpass(y, dt_ms, cutoff) if cutoff < 0.45 / dt_ms and len(y) > 16 else y
    centred = smooth - smooth.mean()
    band = _HYSTERESIS * centred.std()
    side = np.where(centred > band, 1, 0) - (centred < -band)
    decided = np.flatnonzero(side)
    turns = np.flatnonzero(np.diff(side[decided]))
    # from the first sample above the band to the last one before it is below
    ups = [decided[turn + 1] for turn in turns if side[decided[turn + 1]] > 0]
    downs = [decided[turn + 1] for turn in turns if side[decided[turn + 1]] < 0]
    if ups and downs and downs[0] < ups[0]:
        downs = downs[1:]
    # the last rise may have no fall
    return np.array([_vertex(smooth, *ends) * dt_ms for ends in zip(ups, downs, strict=False)])


def compat_taps(output: ArrayLike, period_s: float) -> CompatTaps:
    """Taps as the published program found them, at 1 ms, with all their artefacts.

    A Butterworth band-pass of order 2 between 1 / (period + 0.1 s) and 1 / (period - 0.1 s) runs
    forwards and backwards; each maximum above zero is moved to the largest sample of the raw output
    within half a period. Taps may repeat, and silence has them too.

    Args:
        output: Shape (time,), one sample per ms.
        period_s: The expected period.

    Raises:
        ValueError: The output is not (time,), not finite or too short, or the band reaches the
            Nyquist frequency, as it does up to 0.102 s.
    """
    y = _recording(output)
    if not (np.isfinite(period_s) and period_s > 0.102):
        raise ValueError(
            f"period_s must be above 0.102 (the band would reach 500 Hz), got {period_s}: "
            "find_taps has no such limit"
        )
    band = (1 / (period_s + 0.1), 1 / (period_s - 0.1))
    coefficients: Any = butter(2, band, "bandpass", fs=1000)
    b, a = coefficients
    filtered = filtfilt(b, a, y)
    crests, _ = find_peaks(filtered, height=0)
    half = int(period_s / 2 / 0.001)
    starts = np.maximum(crests - half, 0)
    moved = [
        first + y[first : crest + half].argmax()
        for first, crest in zip(starts, crests, strict=True)
    ]
    return CompatTaps(filtered, crests.astype(np.int64), np.array(moved, dtype=np.int64))


def intervals(tap_ms: ArrayLike) -> Intervals:
    """Statistics of the intervals between taps; the standard deviation is the sample's, n - 1.

    Times in ms, shape (taps,).

    Raises:
        ValueError: There are fewer than 3 taps, or they do not rise.
    """
    times = np.asarray(tap_ms, dtype=np.float64)
    if times.ndim != 1 or len(times) < 3 or not (np.diff(times) > 0).all():
        raise ValueError(f"tap_ms must be at least 3 rising times, got {np.array2string(times)}")
    gaps = np.diff(times)
    mean, sd = float(gaps.mean()), float(gaps.std(ddof=1))
    return Intervals(mean, sd, sd / mean, len(gaps))


def asynchronies(tap_ms: ArrayLike, click_ms: ArrayLike) -> Array:
    """Time from each click to the nearest tap, negative where the tap comes first.

    Args:
        tap_ms: Rising times, shape (taps,).
        click_ms: Rising times, shape (clicks,); NaN at the end are left out.

    Returns:
        Shape (clicks,), NaN where no tap is nearer than half the shorter interval to a
        neighbouring click; a tap is never given to two clicks.

    Raises:
        ValueError: There are fewer than 2 clicks.
    """
    clicks = np.asarray(click_ms, dtype=np.float64)
    clicks = clicks[np.isfinite(clicks)]
    if len(clicks) < 2:
        raise ValueError(f"click_ms must hold at least 2 clicks, got {len(clicks)}")
    taps = np.asarray(tap_ms, dtype=np.float64)
    if len(taps) == 0:
        return np.full(len(clicks), np.nan)
    gaps = np.diff(clicks)
    reach = np.minimum(np.append(gaps, gaps[-1]), np.append(gaps[0], gaps)) / 2
    apart = taps - clicks[:, None]
    nearest = np.abs(apart).argmin(axis=1)
    found = apart[np.arange(len(clicks)), nearest]
    return np.where(np.abs(found) < reach, found, np.nan)


def weber(mean_ms: ArrayLike, sd_ms: ArrayLike) -> Weber:
    """Fit the generalised Weber law to intervals of several tempi.

    By least squares of the variances' relative errors: an estimated variance errs in proportion to
    itself.

    Args:
        mean_ms: Mean interval at each tempo, shape (tempi,).
        sd_ms: Standard deviation of the intervals there, shape (tempi,).

    Returns:
        The fraction and the constant; each is 0 where the best fit would be below it.

    Raises:
        ValueError: There are fewer than 2 tempi, or a number is not finite.
    """
    means, sds = np.asarray(mean_ms, dtype=np.float64), np.asarray(sd_ms, dtype=np.float64)
    if means.ndim != 1 or means.shape != sds.shape or len(means) < 2:
        raise ValueError(
            f"mean_ms and sd_ms must be (tempi,) with at least 2, got {means.shape} and {sds.shape}"
        )
    if not (np.isfinite(means).all() and np.isfinite(sds).all()):
        raise ValueError(f"mean_ms and sd_ms must be finite, got {means.tolist()}, {sds.tolist()}")
    scale = float(np.abs(means).max())
    terms = np.column_stack([(means / scale) ** 2, np.ones_like(means)])
    if not sds.any():
        return Weber(0.0, 0.0)
    # a tempo without spread would otherwise count for all
    error = np.maximum(sds**2, _LEAST_VARIANCE * (sds**2).max())
    (by_mean, constant), _ = nnls(terms / error[:, None], sds**2 / error)
    return Weber(float(np.sqrt(by_mean) / scale), float(np.sqrt(constant)))


def _recording(output: ArrayLike) -> Array:
    y = np.asarray(output, dtype=np.float64)
    if y.ndim != 1 or len(y) < 16:
        raise ValueError(f"output must be (time,) with at least 16 samples, got shape {y.shape}")
    if not np.isfinite(y).all():
        raise ValueError(f"output must be finite, got {(~np.isfinite(y)).sum()} bad samples")
    return y


def _no_rhythm(reason: str) -> Taps:
    return Taps(np.empty(0), float("nan"), "no rhythm", reason)


def _spectral_period(y: Array, dt_ms: float) -> float:
    """Period of the highest peak, found in coarse segments, then timed in longer ones."""
    total = len(y) * dt_ms
    coarse = _peak_period(y, dt_ms, total / _COARSE_SEGMENTS)
    return _peak_period(y, dt_ms, min(total, max(_FINE_CYCLES * coarse, 16 * dt_ms)))


def _peak_period(y: Array, dt_ms: float, segment_ms: float) -> float:
    frequency, density = spectrum(y - y.mean(), dt_ms, max(segment_ms, 4 * dt_ms))
    top = int(density[1:].argmax()) + 1
    if top + 1 == len(density):
        return 1 / float(frequency[top])
    # a Hann window's peak is a parabola in the logarithm
    left, middle, right = np.log(np.maximum(density[top - 1 : top + 2], np.finfo(float).tiny))
    bend = left - 2 * middle + right
    shift = 0.5 * (left - right) / bend if bend < 0 else 0.0
    return 1 / float((top + np.clip(shift, -0.5, 0.5)) * frequency[1])


def _recurrence(y: Array, lag: float) -> float:
    """Largest autocorrelation within 10 % of a lag in samples."""
    centred = y - y.mean()
    power = np.abs(np.fft.rfft(centred, 2 * len(y))) ** 2
    products = np.fft.irfft(power)[: len(y)] / np.arange(len(y), 0, -1)
    low, high = int(0.9 * lag), int(np.ceil(1.1 * lag)) + 1
    return float(products[low:high].max() / products[0])


def _vertex(y: NDArray[np.floating[Any]], begin: int, end: int) -> float:
    """Index of the largest value in a span, interpolated by a parabola."""
    top = begin + int(y[begin:end].argmax())
    if not 0 < top < len(y) - 1:
        return float(top)
    left, middle, right = y[top - 1 : top + 2]
    bend = left - 2 * middle + right
    return top + (0.5 * (left - right) / bend if bend < 0 else 0.0)
