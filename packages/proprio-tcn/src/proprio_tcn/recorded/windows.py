"""Trials as windows of 400 bins: where they lie in a recording, resampled, placed and padded."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import interpolate

from proprio_tcn.movements.format import BIN_S, BINS
from proprio_tcn.recorded.events import Trial

__all__ = [
    "MOST_BINS",
    "PASSIVE_BINS",
    "START_BIN",
    "Window",
    "bins_of",
    "pad",
    "resample",
    "window_of",
]

START_BIN = 100
"""Bin of the window at which every movement starts."""

MOST_BINS = BINS - START_BIN
"""Bins that a movement may have."""

PASSIVE_BINS = 13
"""Bins of a passive trial, from the onset of the bump: before the animal reacts (130 ms)."""

_Array = NDArray[np.float64]


class Window(NamedTuple):
    """The bins of a trial that hold its movement.

    Attributes:
        start_s: When the first bin begins, in the time of the recording.
        bins: How many there are.
    """

    start_s: float
    bins: int

    @property
    def times_s(self) -> _Array:
        """Centres of the bins in the time of the recording, (bins,).

        Spikes are counted from edge to edge and signals of recordings of neurons are taken at the
        centres (`proprio_tcn.neural.binning`), so bins of one session mean the same in both.
        """
        centres = self.start_s + BIN_S * (np.arange(self.bins) + 0.5)
        return np.asarray(centres, dtype=np.float64)


def bins_of(trial: Trial, passive_bins: int = PASSIVE_BINS) -> int:
    """Whole bins of a trial's movement."""
    if trial.condition == "passive":
        return passive_bins
    # rounded first, or 1.2 s from 0.1 s to 1.3 s would be 119 bins
    return int(np.floor(round((trial.end_s - trial.start_s) / BIN_S, 6)))


def window_of(trial: Trial, passive_bins: int = PASSIVE_BINS) -> Window:
    """Bins of a trial: from start to end, or ``passive_bins`` from the onset of its bump.

    Raises:
        ValueError: It is shorter than a bin or longer than what a window has room for.
    """
    bins = bins_of(trial, passive_bins)
    if not 1 <= bins <= MOST_BINS:
        fault = (
            "leave it out" if bins < 1 else "leave it out, end it earlier, or give too_long=drop"
        )
        raise ValueError(
            f"trial {trial.name!r} must last from {BIN_S:g} s to {MOST_BINS * BIN_S:g} s, got "
            f"{trial.end_s - trial.start_s:g} s: {fault}"
        )
    return Window(trial.bump_s if trial.condition == "passive" else trial.start_s, bins)


def resample(time_s: _Array, values: _Array, at_s: _Array) -> _Array:
    """Values at other times, by a cubic spline through the frames; exact where they coincide.

    Args:
        time_s: Of the frames (frames,), evenly spaced.
        values: Shape (frames, ...).
        at_s: Times wanted (times,), within those of the frames.
    """
    step = (time_s[-1] - time_s[0]) / (len(time_s) - 1)
    frame = (at_s - time_s[0]) / step
    nearest = np.rint(frame)
    if np.abs(frame - nearest).max() < 1e-6:
        at = np.clip(nearest.astype(int), 0, len(time_s) - 1)
        return np.asarray(values[at], dtype=np.float64)
    spline = interpolate.make_interp_spline(time_s, values, k=min(3, len(time_s) - 1))
    return np.asarray(spline(np.clip(at_s, time_s[0], time_s[-1])), dtype=np.float64)


def pad(values: _Array, *, zero: bool) -> _Array:
    """Place a movement at bin 100 of a window of 400 bins.

    Args:
        values: Shape (bins, ...).
        zero: Fill what is before and after with zeros, for velocities; else with the first and
            the last value.

    Returns:
        Shape (400, ...).
    """
    padded = np.zeros((BINS, *values.shape[1:]))
    stop = START_BIN + len(values)
    padded[START_BIN:stop] = values
    if not zero:
        padded[:START_BIN] = values[0]
        padded[stop:] = values[-1]
    return padded
