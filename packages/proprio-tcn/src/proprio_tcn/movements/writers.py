"""Writers: how one hand's letter differs from the font's, in shape and in time.

A jitter J says how much writers differ, so that the difficulty of recognising their letters is a
number. A writer's form of a letter is one draw per (seed, writer, letter): whatever is drawn of it
later (size, rotation, speed, posture) is a trial of that one form.
"""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from neuro_common.seeding import generator
from proprio_tcn.movements.letters import LETTERS, letter_shape

__all__ = ["FontWriters", "Writers", "cosine_series", "fill_box", "pen_trace", "resample_time"]

MIN_BINS, MAX_BINS = 50, 170
_BINS_PER_ROOT_ARC = 48.0
_SPEEDING_PART = 0.1
_STREAM = 1
_KEPT = 4000  # traces that a renderer may come back to, 1.4 kB each


class Writers(Protocol):
    """People who write the twenty letters."""

    @property
    def count(self) -> int:
        """How many writers there are."""
        ...

    def trace(self, writer: int, letter: int) -> NDArray[np.float64]:
        """A writer's form of a letter (0 to 19): pen positions per bin in cm, shape (2, bins)."""
        ...


class FontWriters:
    """Writers of the font's letters, told apart by their jitter.

    Attributes:
        count: Number of writers.
        jitter: J, how much they differ; 0 is the font itself.
        seed: Of all writers.
        box_cm: Side of the square that a letter fills.

    Raises:
        ValueError: An argument is out of its range.
    """

    def __init__(self, count: int, jitter: float, seed: int = 0, box_cm: float = 5.0) -> None:
        if count < 1:
            raise ValueError(f"writers must be at least 1, got {count}")
        if not 0.0 <= jitter <= 0.5:
            raise ValueError(f"jitter must be in [0, 0.5], got {jitter:g} (0.03 is a neat hand)")
        if not box_cm > 0.0:
            raise ValueError(f"box_cm must be above 0, got {box_cm:g}")
        self.count = count
        self.jitter = jitter
        self.seed = seed
        self.box_cm = box_cm
        self._kept: dict[tuple[int, int], NDArray[np.float64]] = {}

    def trace(self, writer: int, letter: int) -> NDArray[np.float64]:
        """A writer's form of a letter: pen positions per bin in cm, shape (2, bins).

        Raises:
            ValueError: There is no such writer or letter.
        """
        if not 0 <= writer < self.count:
            raise ValueError(f"writer must be in [0, {self.count}), got {writer}")
        if not 0 <= letter < len(LETTERS):
            raise ValueError(f"letter must be in [0, {len(LETTERS)}), got {letter}")
        if (writer, letter) not in self._kept:
            rng = generator(self.seed, _STREAM, writer, letter)
            trace = pen_trace(letter_shape(LETTERS[letter]), self.jitter, rng)
            if len(self._kept) >= _KEPT:
                self._kept.clear()
            self._kept[writer, letter] = fill_box(trace, self.box_cm)
            self._kept[writer, letter].flags.writeable = False
        return self._kept[writer, letter]


def pen_trace(
    shape: NDArray[np.float64], jitter: float, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Write a shape once: displaced, slanted, rotated, and with a course in time.

    In this order: displacement of each axis by J/sqrt(2) times a cosine series of six terms;
    slant and rotation with s.d. 200 J degrees; time per unit of arc
    (curvature + 1)^(1/3) exp(5 J x a series of three terms), with an even start from rest over
    the first tenth of the arc and an even stop over the last; a duration of
    48 sqrt(arc) exp(3 J N(0, 1)) bins, in [50, 170].

    Args:
        shape: Letter in the unit box at equal steps of arc, shape (2, points).
        jitter: J.
        rng: Where the writer's draws come from.

    Returns:
        Pen positions per bin in units of the box, shape (2, bins).
    """
    along = np.linspace(0.0, 1.0, shape.shape[1])
    displacement = np.stack([cosine_series(rng, 6, along) for _ in range(2)])
    slant, rotation = np.deg2rad(200.0 * jitter) * rng.standard_normal(2)
    tempo, pace = cosine_series(rng, 3, along), rng.standard_normal()
    path = _lean(np.clip(slant, -1.0, 1.0), rotation) @ (
        shape + jitter / np.sqrt(2.0) * displacement
    )
    steps = np.linalg.norm(np.diff(path, axis=1), axis=0)
    per_arc = np.cbrt(_curvature(path) + 1.0) * np.exp(5.0 * jitter * tempo)
    per_step = (per_arc[1:] + per_arc[:-1]) / 2.0 / _speed_at_ends(along)
    time = np.concatenate([[0.0], np.cumsum(steps * per_step)])
    bins = _BINS_PER_ROOT_ARC * np.sqrt(steps.sum()) * np.exp(3.0 * jitter * pace)
    return resample_time(path, int(np.clip(round(bins), MIN_BINS, MAX_BINS)), time)


def cosine_series(
    rng: np.random.Generator, terms: int, along: NDArray[np.float64]
) -> NDArray[np.float64]:
    """A random sum of a_k cos(pi k s), k = 1 to ``terms``, a_k ~ N(0, 1)/k, scaled to RMS one."""
    orders = np.arange(1, terms + 1)
    weights = rng.standard_normal(terms) / orders
    series: NDArray[np.float64] = weights @ np.cos(np.pi * np.outer(orders, along))
    scaled: NDArray[np.float64] = series / np.sqrt(np.mean(series**2))
    return scaled


def fill_box(trace: NDArray[np.float64], side: float) -> NDArray[np.float64]:
    """Stretch each axis of a trace by itself to a centred square of ``side``; (2, bins).

    Raises:
        ValueError: The trace is a line along an axis.
    """
    low, high = trace.min(axis=1, keepdims=True), trace.max(axis=1, keepdims=True)
    if not np.all(high > low):
        raise ValueError("a pen trace must extend along both axes, got one that is a line")
    boxed: NDArray[np.float64] = side * ((trace - low) / (high - low) - 0.5)
    return boxed


def resample_time(
    path: NDArray[np.float64], points: int, time: NDArray[np.float64] | None = None
) -> NDArray[np.float64]:
    """Read a path at ``points`` equal steps of its time, linearly; (axes, any) to (axes, points).

    Args:
        path: Positions.
        points: Number of points to give.
        time: When each position is reached, increasing; None is equal steps.
    """
    if time is None:
        time = np.linspace(0.0, 1.0, path.shape[1])
    wanted = np.linspace(time[0], time[-1], points)
    return np.stack([np.interp(wanted, time, axis) for axis in path])


def _lean(slant: float, rotation: float) -> NDArray[np.float64]:
    cos, sin = np.cos(rotation), np.sin(rotation)
    lean: NDArray[np.float64] = np.array([[cos, -sin], [sin, cos]]) @ np.array(
        [[1.0, np.tan(slant)], [0.0, 1.0]]
    )
    return lean


def _curvature(path: NDArray[np.float64]) -> NDArray[np.float64]:
    first = np.gradient(path, axis=1)
    second = np.gradient(first, axis=1)
    speed = np.maximum(np.linalg.norm(first, axis=0), 1e-9)
    return np.asarray(np.abs(first[0] * second[1] - first[1] * second[0]) / speed**3)


def _speed_at_ends(along: NDArray[np.float64]) -> NDArray[np.float64]:
    """Speed of an even start from rest over the first part, relative to after it; per step."""
    middle = (along[1:] + along[:-1]) / 2.0
    from_end = np.minimum(middle, 1.0 - middle)
    rising: NDArray[np.float64] = np.sin(np.pi / 2.0 * np.minimum(1.0, from_end / _SPEEDING_PART))
    return np.sqrt(rising)
