"""Placement in the window of 400 bins, and what changes there: velocity, acceleration, jerk."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from proprio_tcn.movements.format import BIN_S, BINS

__all__ = ["acceleration", "draw_start", "jerk", "pad_edges", "smooth_median", "velocity"]

Floats = NDArray[np.floating[Any]]


def draw_start(bins: int, rng: np.random.Generator) -> int:
    """Draw the bin that a movement starts at, evenly from [0, ``BINS - bins``).

    Raises:
        ValueError: The movement does not fit.
    """
    if not 1 <= bins < BINS:
        raise ValueError(
            f"a movement must have 1 to {BINS - 1} bins, got {bins}: a letter has those of its "
            "trace times one of sizes over one of speeds, so lower sizes or raise speeds"
        )
    return int(rng.integers(0, BINS - bins))


def pad_edges(movement: Floats, start: int, bins: int = BINS) -> Floats:
    """Hold the first value before a movement and the last after it; (..., n) to (..., bins).

    Raises:
        ValueError: The movement does not fit there.
    """
    n = movement.shape[-1]
    if not 0 <= start <= bins - n:
        raise ValueError(f"start must be in [0, {bins - n}] for {n} of {bins} bins, got {start}")
    widths = [(0, 0)] * (movement.ndim - 1) + [(start, bins - n - start)]
    return np.pad(movement, widths, mode="edge")


def velocity(padded: Floats) -> Floats:
    """Central differences over time (the last axis), in units per second.

    Of shape (..., bins), which is kept.
    """
    rate: Floats = np.gradient(padded, BIN_S, axis=-1)
    return rate


def acceleration(padded: Floats) -> Floats:
    """Central differences of central differences, in units per second squared.

    Of shape (..., bins), which is kept.
    """
    return velocity(velocity(padded))


def jerk(movement: Floats) -> float:
    """Frobenius norm of the third gradient over time (the last axis), in units per cubed bin.

    Of a movement (..., bins).
    """
    third = movement
    for _ in range(3):
        third = np.gradient(third, axis=-1)
    return float(np.linalg.norm(third))


def smooth_median(movement: Floats) -> Floats:
    """Median of five bins, as the published set repaired jerky muscles; shape (channels, bins)."""
    from scipy.ndimage import median_filter

    smooth: Floats = median_filter(movement, size=(1, 5))
    return smooth
