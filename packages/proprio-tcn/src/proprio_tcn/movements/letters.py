"""Twenty letters, each as one smooth stroke of the pen.

The set is that of the UCI character trajectories: those letters that are written without lifting
the pen. Their shapes are the single-line script of Hershey (font `scripts` of Hershey-Fonts), whose
strokes are joined pen down in the order of writing.
"""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline

__all__ = ["LETTERS", "POINTS", "equidistant", "letter_shape"]

LETTERS = "abcdeghlmnopqrsuvwyz"
"""The letters in the order of their class, 0 to 19."""

POINTS = 400
"""Points of a shape, at equal steps of arc."""

_DENSE = 4000


@lru_cache(maxsize=len(LETTERS))
def letter_shape(letter: str) -> NDArray[np.float64]:
    """The shape of a letter in the unit letter box.

    A cubic spline through the points of the font, with the square root of the chord as its
    parameter (centripetal: no loops between close points), resampled at equal steps of arc. The
    box is centred at the origin; its larger side is one, so that the letter keeps its proportions.

    Args:
        letter: One of ``LETTERS``.

    Returns:
        Shape (2, ``POINTS``): x to the right and y up. Read-only.

    Raises:
        ValueError: There is no such letter.
    """
    if len(letter) != 1 or letter not in LETTERS:
        raise ValueError(f"letter must be one of {', '.join(LETTERS)}, got {letter!r}")
    points = _font_points(letter)
    chords = np.linalg.norm(np.diff(points, axis=1), axis=0)
    parameter = np.concatenate([[0.0], np.cumsum(np.sqrt(chords))])
    spline = CubicSpline(parameter, points, axis=1)
    shape: NDArray[np.float64] = equidistant(
        spline(np.linspace(0.0, parameter[-1], _DENSE)), POINTS
    )
    low, high = shape.min(axis=1, keepdims=True), shape.max(axis=1, keepdims=True)
    shape = (shape - (low + high) / 2) / (high - low).max()
    shape.flags.writeable = False
    return shape


def equidistant(path: NDArray[np.float64], points: int) -> NDArray[np.float64]:
    """Resample a path, shape (axes, any), at ``points`` equal steps of its arc."""
    steps = np.linalg.norm(np.diff(path, axis=1), axis=0)
    arc = np.concatenate([[0.0], np.cumsum(steps)])
    wanted = np.linspace(0.0, arc[-1], points)
    return np.stack([np.interp(wanted, arc, axis) for axis in path])


def _font_points(letter: str) -> NDArray[np.float64]:
    from HersheyFonts import HersheyFonts

    font = HersheyFonts()
    font.load_default_font("scripts")
    strokes = font.strokes_for_text(letter)
    points = np.array([point for stroke in strokes for point in stroke], dtype=np.float64).T
    # a stroke often begins where the last one ended
    moved = np.any(np.diff(points, axis=1) != 0, axis=0)
    points = points[:, np.concatenate([[True], moved])]
    # y of the font points down
    upright: NDArray[np.float64] = points * np.array([[1.0], [-1.0]])
    return upright
