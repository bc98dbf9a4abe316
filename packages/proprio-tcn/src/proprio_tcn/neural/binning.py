"""Spike times to counts, counts to smooth rates, continuous signals to bins."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from proprio_tcn.movements.format import BIN_S

__all__ = ["bin_spikes", "fill_gaps", "sample_signal", "smooth"]

Floats = NDArray[np.float64]

_EARLY = 1e-6  # of a bin: a time on an edge belongs to the bin that begins there, rounding or not


def bin_spikes(
    times_s: Sequence[ArrayLike],
    start_s: ArrayLike,
    length: ArrayLike,
    *,
    bin_s: float = BIN_S,
) -> NDArray[np.uint16]:
    """Count the spikes of all neurons in the bins of all trials.

    Args:
        times_s: Spike times of each neuron, in any order.
        start_s: Start of each trial, ``(trials,)``, ascending; trials must not overlap.
        length: Bins of each trial, ``(trials,)``, at least 1.
        bin_s: Length of a bin.

    Returns:
        Counts ``(trials, bins, neurons)``, 0 beyond the end of a trial.

    Raises:
        ValueError: Trials overlap or have no bin, or a time is not finite.
    """
    start = np.asarray(start_s, dtype=np.float64)
    bins = np.asarray(length, dtype=np.int64)
    if start.ndim != 1 or start.shape != bins.shape or len(start) == 0 or (bins < 1).any():
        raise ValueError(
            "start_s and length must be (trials,), every trial at least a bin long, got shapes "
            f"{start.shape} and {bins.shape}" + (f", shortest {bins.min()}" if bins.size else "")
        )
    late = np.flatnonzero(start[1:] < (start + (bins - _EARLY) * bin_s)[:-1])
    if len(late):
        raise ValueError(
            f"trials must follow one another, but trial {late[0] + 1} starts at "
            f"{start[late[0] + 1]:g} s, before the end of the one before"
        )
    spikes = [np.asarray(one, dtype=np.float64).ravel() for one in times_s]
    time = np.concatenate([*spikes, np.empty(0)])
    if not np.isfinite(time).all():
        raise ValueError("times_s must be finite, got a spike at a time that is NaN or infinite")
    neuron = np.repeat(np.arange(len(spikes)), [len(one) for one in spikes])
    trial = np.searchsorted(start, time + _EARLY * bin_s, side="right") - 1
    place = np.floor((time - start[trial]) / bin_s + _EARLY).astype(np.int64)
    inside = (trial >= 0) & (place < bins[trial])
    shape = (len(start), int(bins.max()), len(spikes))
    flat = np.ravel_multi_index((trial[inside], place[inside], neuron[inside]), shape)
    counts = np.bincount(flat, minlength=int(np.prod(shape))).reshape(shape)
    return counts.astype(np.uint16)


def sample_signal(
    values: ArrayLike,
    time_s: ArrayLike,
    start_s: ArrayLike,
    bins: int,
    *,
    bin_s: float = BIN_S,
) -> NDArray[np.float32]:
    """Interpolate a continuous signal linearly at the centres of the bins of all trials.

    A NaN spoils only its own channel.

    Args:
        values: Samples ``(samples, channels)``.
        time_s: Their times, ascending, ``(samples,)``.
        start_s: Start of each trial, ``(trials,)``.
        bins: Bins of each trial.
        bin_s: Length of a bin.

    Returns:
        Shape ``(trials, bins, channels)``, NaN before the first sample and after the last.

    Raises:
        ValueError: Shapes do not fit, or times do not ascend.
    """
    data, time = np.asarray(values), np.asarray(time_s, dtype=np.float64)
    if data.ndim != 2 or len(time) != len(data) or len(data) < 2 or (np.diff(time) <= 0).any():
        raise ValueError(
            "values must be (samples, channels), at least 2 samples at ascending times, got shape "
            f"{data.shape} and {len(time)} times"
        )
    wanted = np.asarray(start_s, dtype=np.float64)[:, None] + (np.arange(bins) + 0.5) * bin_s
    after = np.clip(np.searchsorted(time, wanted, side="right"), 1, len(time) - 1)
    part = ((wanted - time[after - 1]) / (time[after] - time[after - 1]))[..., None]
    sampled = data[after - 1] * (1 - part) + data[after] * part
    # half a sample beyond the ends is no gap
    reach = 0.5 * bin_s
    outside = (wanted < time[0] - reach) | (wanted > time[-1] + reach)
    sampled[outside] = np.nan
    return np.asarray(sampled, dtype=np.float32)


def fill_gaps(values: ArrayLike, valid: ArrayLike) -> NDArray[np.float32]:
    """Bridge NaN by straight lines in time, each channel of each trial by itself.

    A gap at an end takes the nearest number of the same channel. A channel that a trial has no
    number of stays NaN.

    Args:
        values: Shape ``(trials, bins, channels)``.
        valid: Bins to mend, ``(trials, bins)``; the others are given back as they are.
    """
    data = np.array(values, dtype=np.float32)
    good = np.isfinite(data) & np.asarray(valid)[..., None]
    bins = data.shape[1]
    place = np.broadcast_to(np.arange(bins)[:, None], data.shape)
    before = np.maximum.accumulate(np.where(good, place, -1), axis=1)
    after = np.minimum.accumulate(np.where(good, place, bins)[:, ::-1], axis=1)[:, ::-1]
    left = np.where(before < 0, after, before)
    right = np.where(after >= bins, before, after)
    known = good.any(axis=1, keepdims=True) & np.asarray(valid)[..., None] & ~good
    left, right = (np.clip(one, 0, bins - 1) for one in (left, right))
    low, high = (np.take_along_axis(data, one, axis=1) for one in (left, right))
    part = (place - left) / np.maximum(right - left, 1)
    return np.where(known, low + (high - low) * part, data).astype(np.float32)


def smooth(
    counts: ArrayLike,
    length: ArrayLike,
    *,
    width_bins: float = 5,
    kernel: str = "mean",
    compat: bool = False,
) -> Floats:
    """Smooth counts in time, centred, each trial by itself.

    Args:
        counts: Shape ``(trials, bins, neurons)``.
        length: Valid bins of each trial, ``(trials,)``.
        width_bins: Of the running mean, an odd whole number, 1 for none; or the standard deviation
            of the Gaussian, which reaches 4 of them to each side.
        kernel: "mean" or "gaussian".
        compat: As published, bins beyond a trial's ends count as bins without spikes. Otherwise
            the mean is over the bins that there are.

    Returns:
        Counts per bin, ``(trials, bins, neurons)``, 0 beyond the end of a trial.

    Raises:
        ValueError: The kernel is unknown, or its width out of range.
    """
    weights = _kernel(width_bins, kernel)
    data = np.asarray(counts, dtype=np.float64)
    valid = (np.arange(data.shape[1]) < np.asarray(length)[:, None])[..., None]
    summed = _convolve(np.where(valid, data, 0), weights)
    if not compat:
        summed /= np.where(valid, _convolve(valid.astype(np.float64), weights), 1)
    return np.where(valid, summed, 0)


def _kernel(width: float, kernel: str) -> Floats:
    if kernel == "mean":
        if width < 1 or width != int(width) or int(width) % 2 == 0:
            raise ValueError(f"width_bins of a mean must be an odd number of bins, got {width:g}")
        return np.full(int(width), 1 / width)
    if kernel != "gaussian":
        raise ValueError(f'kernel must be "mean" or "gaussian", got {kernel!r}')
    if not width > 0:
        raise ValueError(f"width_bins of a Gaussian must be above 0, got {width:g}")
    reach = int(np.ceil(4 * width))
    weights = np.exp(-0.5 * (np.arange(-reach, reach + 1) / width) ** 2)
    return np.asarray(weights / weights.sum())


def _convolve(data: Floats, weights: Floats) -> Floats:
    """Centred, along axis 1, zeros beyond the ends; one pass for each weight of the kernel."""
    reach, bins = len(weights) // 2, data.shape[1]
    padded = np.pad(data, ((0, 0), (reach, reach), (0, 0)))
    summed = np.zeros_like(data)
    for place, weight in enumerate(weights):
        summed += weight * padded[:, place : place + bins]
    return summed
