"""Periods, spectra and filters of recorded signals: one definition for every package's numbers.

Time is the last axis. ``dt`` is the sampling interval in a unit of the caller's choice; periods and
segments come in that unit, frequencies in cycles per that unit.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neuro_common.extras import require

__all__ = ["Period", "Spectrum", "band_power", "lowpass", "oscillation_period", "spectrum"]

_MIN_CYCLES = 3
_LOWPASS_ORDER = 4


class Period(NamedTuple):
    """Mean cycle length, its jitter (standard deviation / mean of the cycles) and their number."""

    mean: float
    jitter: float
    n_cycles: int


class Spectrum(NamedTuple):
    """One-sided power spectral density: frequency ``(bins,)``, density ``(..., bins)``."""

    frequency: NDArray[np.floating[Any]]
    density: NDArray[np.floating[Any]]


def oscillation_period(signal: ArrayLike, dt: float, *, hysteresis: float = 0.25) -> Period:
    """Measure the period of one oscillating signal between its upward crossings of the mean.

    A crossing counts when the signal has been ``hysteresis`` standard deviations below the mean
    before it and reaches as far above the mean after it, so that noise makes no extra cycles. Its
    time is interpolated linearly between samples.

    Args:
        signal: Samples ``(time,)``, in any unit.
        dt: Sampling interval.
        hysteresis: Half width of the dead band, in standard deviations of the signal; at least 0.

    Returns:
        Mean period in the unit of ``dt``, jitter without unit, number of whole cycles.

    Raises:
        ValueError: The signal is not 1-D, not finite, silent, or shows fewer than 3 cycles.
    """
    samples = _samples(signal, dt)
    if samples.ndim != 1:
        raise ValueError(f"signal must be (time,), got shape {samples.shape}: pass one at a time")
    if hysteresis < 0:
        raise ValueError(f"hysteresis must be at least 0, got {hysteresis}")
    centred = samples - samples.mean()
    spread = float(centred.std())
    if spread <= 100 * np.finfo(samples.dtype).eps * float(np.abs(samples).max()):
        raise ValueError(f"signal must oscillate, got a silent one (standard deviation {spread:g})")

    side = np.where(centred > hysteresis * spread, 1, 0) - (centred < -hysteresis * spread)
    decided = np.flatnonzero(side)
    rises = decided[1:][np.diff(side[decided]) == 2]
    upward = np.flatnonzero((centred[:-1] < 0) & (centred[1:] >= 0))
    before = upward[np.searchsorted(upward, rises) - 1]
    crossings = before + centred[before] / (centred[before] - centred[before + 1])
    if len(crossings) <= _MIN_CYCLES:
        raise ValueError(
            f"signal must show at least {_MIN_CYCLES} cycles, got {max(0, len(crossings) - 1)} in "
            f"{len(samples)} samples: record longer"
        )
    cycles = np.diff(crossings) * dt
    return Period(float(cycles.mean()), float(cycles.std() / cycles.mean()), len(cycles))


def spectrum(signal: ArrayLike, dt: float, segment: float) -> Spectrum:
    """Estimate the power spectral density by Welch's method (Hann window, half overlap).

    Args:
        signal: Samples ``(..., time)``, in any unit; each segment's mean is taken off.
        dt: Sampling interval.
        segment: Length of one segment in the unit of ``dt``; the resolution is ``1 / segment``.

    Returns:
        Frequencies in cycles per unit of ``dt`` and densities in the signal's unit squared per
        that frequency; their sum times the bin width is about the signal's variance.

    Raises:
        ValueError: The signal is not finite, or ``segment`` is shorter than 2 samples or longer
            than the signal.
    """
    samples = _samples(signal, dt)
    n_segment = round(segment / dt)
    if not 2 <= n_segment <= samples.shape[-1]:
        raise ValueError(
            f"segment must be in [{2 * dt:g}, {samples.shape[-1] * dt:g}] "
            f"(2 samples ... the whole signal), got {segment:g}"
        )
    welch = require("scipy.signal", "signals").welch
    frequency, density = welch(samples, fs=1 / dt, nperseg=n_segment, axis=-1)
    return Spectrum(frequency, density)


def band_power(spectrum: Spectrum, low: float, high: float) -> NDArray[np.floating[Any]]:
    """Sum the power between two frequencies, both included.

    Args:
        spectrum: What :func:`spectrum` returned.
        low: Lower edge, at least 0, in the unit of ``spectrum.frequency``.
        high: Upper edge, above ``low`` and at most the last frequency.

    Returns:
        Power ``(...)`` in the signal's unit squared: a sine of amplitude A has A**2 / 2.

    Raises:
        ValueError: The edges are out of range or hold no frequency bin.
    """
    frequency, density = spectrum
    if not 0 <= low < high <= frequency[-1]:
        raise ValueError(
            f"low and high must be in [0, {frequency[-1]:g}] (the last bin) with low < high, "
            f"got {low:g} and {high:g}"
        )
    inside = (frequency >= low) & (frequency <= high)
    if not inside.any():
        raise ValueError(
            f"the band {low:g} ... {high:g} must hold a frequency bin, got bins every "
            f"{frequency[1]:g}: take a longer segment"
        )
    power: NDArray[np.floating[Any]] = density[..., inside].sum(axis=-1) * frequency[1]
    return power


def lowpass(signal: ArrayLike, dt: float, cutoff: float) -> NDArray[np.floating[Any]]:
    """Remove fast components without shifting the slow ones in time.

    A Butterworth filter of order 4 runs forwards and backwards: no phase lag, and half the
    amplitude left at ``cutoff``.

    Args:
        signal: Samples ``(..., time)``, in any unit.
        dt: Sampling interval.
        cutoff: Frequency in cycles per unit of ``dt``, in (0, Nyquist).

    Returns:
        The filtered signal, of the same shape.

    Raises:
        ValueError: The signal is not finite or too short, or ``cutoff`` is out of its range.
    """
    samples = _samples(signal, dt)
    nyquist = 0.5 / dt
    if not 0 < cutoff < nyquist:
        raise ValueError(
            f"cutoff must be in (0, {nyquist:g}), got {cutoff:g} (Nyquist of dt={dt:g})"
        )
    scipy_signal: Any = require("scipy.signal", "signals")
    sections = scipy_signal.butter(_LOWPASS_ORDER, cutoff, fs=1 / dt, output="sos")
    n_pad = 3 * (_LOWPASS_ORDER + 1)
    if samples.shape[-1] <= n_pad:
        raise ValueError(
            f"signal must be longer than {n_pad} samples to be filtered, got {samples.shape[-1]}"
        )
    filtered: NDArray[np.floating[Any]] = scipy_signal.sosfiltfilt(sections, samples, padlen=n_pad)
    return filtered


def _samples(signal: ArrayLike, dt: float) -> NDArray[np.floating[Any]]:
    samples = np.asarray(signal)
    if not np.issubdtype(samples.dtype, np.floating):
        samples = samples.astype(np.float64)
    if samples.ndim == 0 or samples.size == 0:
        raise ValueError(f"signal must be (..., time) and not empty, got shape {samples.shape}")
    if not np.isfinite(samples).all():
        n_bad = int((~np.isfinite(samples)).sum())
        raise ValueError(f"signal must be finite, got {n_bad} NaN or infinite of {samples.size}")
    if not (np.isfinite(dt) and dt > 0):
        raise ValueError(f"dt must be positive and finite, got {dt}")
    return samples
