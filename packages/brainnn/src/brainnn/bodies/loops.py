"""Where a recorded gait repeats itself, and where in its stride it is."""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["Loop", "find_loop", "find_stride"]

_FEATURES: Final = (0, 1, 2, 3, 4, 5, 6, 7, 9, 10, 11, 12)
"""Columns of the biped that move smoothly: hull and joints, neither contacts nor lidar."""

_ALIKE = 0.8
"""Frames a stride apart differ by less than this share of what frames at random differ by."""


_SEAMLESS = 0.2
"""The same share for the two frames at which a loop is closed."""


class Loop(NamedTuple):
    """A stretch of a clip from ``start`` to ``stop``, frames that look alike, whole strides apart.

    Attributes:
        start: First frame.
        stop: Frame that is like the first, so that the walk goes on from ``start`` there.
        strides: Strides from ``start`` to ``stop``.
        seam: Distance of the two frames as a share of the distance of two at random.
    """

    start: int
    stop: int
    strides: int
    seam: float

    @property
    def period(self) -> float:
        """Duration of a stride in frames."""
        return (self.stop - self.start) / self.strides

    def frame(self, step: int) -> int:
        """Frame after so many steps: the clip as it is up to ``stop``, then round and round."""
        if step < self.stop:
            return step
        return self.start + (step - self.start) % (self.stop - self.start)

    def phase(self, step: int) -> float:
        """Where in the stride a step is, 0 at ``start``, in [0, 2 pi)."""
        return float(2 * np.pi * ((step - self.start) / self.period % 1.0))


def find_loop(
    states: NDArray[np.floating[Any]], columns: Sequence[int] = _FEATURES, *, settle: int = 50
) -> Loop | None:
    """Find the stretch of whole strides with the smoothest seam.

    The stride is the shortest lag at which the gait is about as like itself as at any lag. Among
    stretches of three strides or more and half of the clip or more, the one is taken whose two ends
    are most alike.

    Args:
        states: Observations, shape (frames, channels).
        columns: Those that are compared; hull and joints of the planar biped if not given.
        settle: Frames at the start that are left out, for the walk to become steady.

    Returns:
        The loop; None where frames are alike at no lag, or no two are enough alike to join.
    """
    distance = _distance(states, states, columns, settle)
    stride = None if distance is None else _stride(distance[settle:, settle:])
    if distance is None or stride is None:
        return None
    frames = len(distance)
    shortest = max(3 * stride, (frames - settle) / 2)
    best: Loop | None = None
    for lag in range(int(np.ceil(shortest)), frames - settle):
        strides = round(lag / stride)
        seams = np.diagonal(distance, lag)[settle:]
        # within a quarter of a stride it is certain how many strides they are
        if abs(lag / stride - strides) <= 0.25 and (best is None or seams.min() < best.seam):
            start = settle + int(seams.argmin())
            best = Loop(start, start + lag, strides, float(seams.min()))
    return best if best and best.seam < _SEAMLESS else None


def find_stride(
    states: NDArray[np.floating[Any]],
    mirrored: NDArray[np.floating[Any]],
    columns: Sequence[int] = _FEATURES,
    *,
    settle: int = 50,
    latest: int = 150,
) -> tuple[Loop, float] | None:
    """Find the one stride that can be played again and again with the least limp.

    Args:
        states: Observations, shape (frames, channels).
        mirrored: The same with the legs swapped.
        columns: Those that are compared; hull and joints of the planar biped if not given.
        settle: Frames at the start that are left out, for the walk to become steady.
        latest: Last frame that it can begin with.

    Returns:
        The stride, and its limp: the seam and the mean distance of its frames from the mirrored
        ones half a stride on, in sum. None where frames are alike at no lag, or no stride closes.
    """
    distance = _distance(states, states, columns, settle)
    across = _distance(states, mirrored, columns, settle)
    stride = None if distance is None else _stride(distance[settle:, settle:])
    if distance is None or across is None or stride is None:
        return None
    found: list[tuple[float, Loop]] = []
    for lag in range(round(0.85 * stride), round(1.15 * stride) + 1):
        seams = np.diagonal(distance, lag)
        turn = np.arange(lag)
        for start in settle + np.flatnonzero(seams[settle : latest + 1] < _SEAMLESS / 4):
            limp = across[start + turn, start + (turn + lag // 2) % lag].mean()
            seam = float(seams[start])
            found.append((seam + float(limp), Loop(int(start), int(start) + lag, 1, seam)))
    if not found:
        return None
    limp, loop = min(found)
    return loop, limp


def _distance(
    states: NDArray[np.floating[Any]],
    others: NDArray[np.floating[Any]],
    columns: Sequence[int],
    settle: int,
) -> NDArray[np.float64] | None:
    """Mean square difference of any two frames, as a share of that of two at random."""
    features, across = (np.asarray(one, np.float64)[:, [*columns]] for one in (states, others))
    steady = features[settle:]
    spread = steady.std(0) if len(steady) >= 20 else np.zeros(len(columns))
    moving = spread > 0
    if not moving.any():
        return None
    features, across = (one[:, moving] / spread[moving] for one in (features, across))
    sizes = np.square(features).sum(1)[:, None] + np.square(across).sum(1)
    squares: NDArray[np.float64] = sizes - 2 * features @ across.T
    return np.maximum(squares, 0.0) / (2 * int(moving.sum()))  # rounding can make it less


def _stride(distance: NDArray[np.float64]) -> float | None:
    """Shortest lag at which frames are alike, refined by the longest one of its multiples."""
    frames = len(distance)
    lags = np.arange(frames // 2)
    curve = np.array([np.diagonal(distance, lag).mean() for lag in lags])
    dips = [
        lag for lag in lags[4:-1] if curve[lag] <= curve[lag - 1] and curve[lag] < curve[lag + 1]
    ]
    # it comes back only after it went away
    away = int(np.argmax(curve > 1)) if curve.max() > 1 else frames
    alike = [lag for lag in dips if curve[lag] < _ALIKE and lag > away]
    if not alike:
        return None
    depths = {lag: _between(*curve[lag - 1 : lag + 2]) for lag in alike}
    first = next(lag for lag in alike if depths[lag] <= min(depths.values()) + 0.1)
    period = float(first)
    # a later dip tells the period to a smaller share of a frame
    for multiple in range(2, int(lags[-2] / first) + 1):
        near = [lag for lag in alike if abs(lag - multiple * period) < 0.25 * first]
        if near:
            period = min(near, key=lambda lag: float(curve[lag])) / multiple
    return period


def _between(before: float, least: float, after: float) -> float:
    """How low a curve is between frames, by the parabola through its least value."""
    return least - (before - after) ** 2 / (8 * (before - 2 * least + after))
