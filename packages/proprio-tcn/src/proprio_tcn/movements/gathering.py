"""Compiled loops that put ragged trials into windows; importing this module imports numba."""

import numpy as np
from numpy.typing import NDArray

from proprio_tcn._jit import jit

__all__ = ["differentiate", "pad_channels", "pad_spindle"]

Floats = NDArray[np.float32]
Whole = NDArray[np.int64]


@jit
def pad_channels(ragged: Floats, first: Whole, length: Whole, start: Whole, out: Floats) -> None:
    """Hold the first value before each trial and the last after it.

    Args:
        ragged: Shape (channels, bins of all).
        first: Where each wanted trial begins in ``ragged``, shape (n,).
        length: Its bins, shape (n,).
        start: Where it begins in its window, shape (n,).
        out: Shape (n, channels, bins); **written**.
    """
    for one in range(len(first)):
        at, bins, begin = first[one], length[one], start[one]
        for channel in range(ragged.shape[0]):
            row, source = out[one, channel], ragged[channel, at : at + bins]
            row[:begin] = source[0]
            row[begin : begin + bins] = source
            row[begin + bins :] = source[bins - 1]


@jit
def pad_spindle(ragged: Floats, first: Whole, length: Whole, start: Whole, out: Floats) -> None:
    """Hold lengths at both ends, where velocity is zero.

    Args:
        ragged: Length and velocity, shape (muscles, bins of all, 2).
        first: Where each wanted trial begins in ``ragged``, shape (n,).
        length: Its bins, shape (n,).
        start: Where it begins in its window, shape (n,).
        out: Shape (n, muscles, bins, 2); **written**.
    """
    for one in range(len(first)):
        at, bins, begin = first[one], length[one], start[one]
        for muscle in range(ragged.shape[0]):
            row, source = out[one, muscle], ragged[muscle, at : at + bins]
            row[:begin, 0] = source[0, 0]
            row[:begin, 1] = 0.0
            row[begin : begin + bins] = source
            row[begin + bins :, 0] = source[bins - 1, 0]
            row[begin + bins :, 1] = 0.0
            if begin == 0:  # at the edge of the window the difference is one-sided
                row[0, 1] *= 2.0


@jit
def differentiate(values: Floats, step: float, out: Floats) -> None:
    """Central differences along the last axis, one-sided at its ends, as np.gradient takes them.

    Args:
        values: Shape (n, channels, bins).
        step: Between bins.
        out: As ``values``; **written**.
    """
    last = values.shape[2] - 1
    for one in range(values.shape[0]):
        for channel in range(values.shape[1]):
            row, rate = values[one, channel], out[one, channel]
            half = 0.5 / step
            for bin_ in range(1, last):
                rate[bin_] = (row[bin_ + 1] - row[bin_ - 1]) * half
            rate[0] = (row[1] - row[0]) * (2.0 * half)
            rate[last] = (row[last] - row[last - 1]) * (2.0 * half)
