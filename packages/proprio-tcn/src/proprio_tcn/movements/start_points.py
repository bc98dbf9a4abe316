"""Where in space a letter can be written: places around which the hand reaches everywhere.

As in the published set: points of a grid that inverse kinematics reaches, of which the corners of
a square in the plane are points of the grid too (coarse), and around which 6 x 6 points at 1 cm are
all reached (fine). The grid is as fine as reach and arm suggest: 20 x 39 x 39 points.
"""

import weakref
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from neuro_common.seeding import generator
from proprio_tcn.arms.arm import Arm
from proprio_tcn.movements.augmentation import PLANES

__all__ = ["ReachGrid", "StartPoints", "find_start_points", "random_postures", "reach_grid"]

Floats = NDArray[np.float64]
Solver = Callable[..., Any]

_STEPS = 19
_REACHED_CM = 1e-2
_PROBES = 4000
_KEYS = {"horizontal": 11, "vertical": 12, "probes": 13}
_cache: "weakref.WeakKeyDictionary[Any, dict[tuple[str, int], StartPoints]]"
_cache = weakref.WeakKeyDictionary()
_grids: "weakref.WeakKeyDictionary[Any, ReachGrid]" = weakref.WeakKeyDictionary()


class ReachGrid(NamedTuple):
    """Grid points that the hand can be brought to.

    Attributes:
        step_cm: Between neighbours.
        indices: Place of each in the grid, shape (points, 3); (0, 0, 0) is the shoulder.
        postures_rad: A posture that reaches it, shape (points, coordinates).
    """

    step_cm: float
    indices: NDArray[np.int64]
    postures_rad: Floats

    @property
    def points_cm(self) -> Floats:
        """Places in the world frame, shape (points, 3)."""
        return np.asarray(self.indices * self.step_cm, dtype=np.float64)


class StartPoints(NamedTuple):
    """Places around which a letter can be written in one plane.

    Attributes:
        points_cm: World frame, shape (points, 3).
        postures_rad: A posture that reaches it, shape (points, coordinates).
    """

    points_cm: Floats
    postures_rad: Floats


def random_postures(arm: Arm, count: int, rng: np.random.Generator) -> Floats:
    """Postures drawn evenly from the ranges of the coordinates, rad, (count, coordinates)."""
    low = [one.low_rad for one in arm.coordinates]
    high = [one.high_rad for one in arm.coordinates]
    return rng.uniform(low, high, size=(count, len(low)))


def find_start_points(
    arm: Arm, plane: str, at_most: int = 1000, *, solve: Solver | None = None
) -> StartPoints:
    """Places where letters can begin, in random order; found once per arm and process.

    Args:
        arm: Any arm.
        plane: "horizontal" or "vertical".
        at_most: So many candidates of the coarse filter go on to the fine one.
        solve: Inverse kinematics; None is ``proprio_tcn.arms.inverse.solve_postures``.

    Raises:
        ValueError: There is no such plane, or no such place.
    """
    if plane not in PLANES:
        raise ValueError(f"plane must be one of {', '.join(PLANES)}, got {plane!r}")
    found = _cache.setdefault(arm, {})
    if (plane, at_most) not in found:
        found[plane, at_most] = _find(arm, plane, at_most, solve or _solver())
    return found[plane, at_most]


def reach_grid(arm: Arm, *, solve: Solver | None = None) -> ReachGrid:
    """Which points of a grid in front of the shoulder the hand reaches to 0.1 mm.

    Every point is tried from the nearest of some thousand random postures. The step is a
    nineteenth of the farthest reach, 1.8 cm for the arm of a macaque.

    Args:
        arm: Any arm.
        solve: Inverse kinematics; None is ``proprio_tcn.arms.inverse.solve_postures``.
    """
    if arm in _grids:
        return _grids[arm]
    from scipy.spatial import cKDTree

    probes = random_postures(arm, _PROBES, generator(0, _KEYS["probes"]))
    hands = 100.0 * np.asarray(arm.hand(probes))
    step = float(np.linalg.norm(hands, axis=1).max()) / _STEPS
    side = np.arange(-_STEPS, _STEPS + 1)
    axes = np.meshgrid(np.arange(_STEPS + 1), side, side, indexing="ij")
    indices = np.stack(axes, axis=-1).reshape(-1, 3)
    # what lies farther than two steps from every probe is out of reach
    near = [np.asarray(found) for found in cKDTree(hands).query(indices * step)]
    close = near[0] <= 2.0 * step
    indices, start = indices[close], probes[near[1][close]]
    paths: Floats = np.asarray(indices[:, None] * step, dtype=np.float64)
    angles, reached = _reach(arm, paths, start, solve or _solver())
    _grids[arm] = ReachGrid(step, indices[reached].astype(np.int64), angles[reached, 0])
    return _grids[arm]


def _find(arm: Arm, plane: str, at_most: int, solve: Solver) -> StartPoints:
    grid = reach_grid(arm, solve=solve)
    along = np.abs(PLANES[plane].T).astype(np.int64)
    chosen = np.flatnonzero(_corners_reached(grid.indices, along))
    chosen = generator(0, _KEYS[plane]).permutation(chosen)[:at_most]
    points = grid.points_cm[chosen]
    square = _snake() @ along
    postures, reached = _reach(arm, points[:, None] + square, grid.postures_rad[chosen], solve)
    if not reached.any():
        raise ValueError(
            f"the arm {arm.name} must reach a square of 5 cm somewhere in a {plane} plane in front "
            f"of its shoulder, got none at {len(grid.indices)} points that it reaches: give a "
            "larger arm, or its lengths in m"
        )
    return StartPoints(points[reached], postures[reached, 0])


def _reach(arm: Arm, paths_cm: Floats, start: Floats, solve: Solver) -> tuple[Floats, Any]:
    """Postures along paths (trials, bins, 3), and which paths are reached all along."""
    if not len(paths_cm):
        return np.empty((0, 1, start.shape[1])), np.zeros(0, dtype=np.bool_)
    solved = solve(arm, paths_cm / 100.0, start)
    missed = 100.0 * np.asarray(solved.error_m).max(axis=1)
    return np.asarray(solved.angles_rad), missed < _REACHED_CM


def _corners_reached(indices: NDArray[np.int64], along: NDArray[np.int64]) -> NDArray[np.bool_]:
    shape = indices.max(axis=0) - indices.min(axis=0) + 3
    shifted = indices - indices.min(axis=0) + 1
    reached = np.zeros(shape, dtype=np.bool_)
    reached[tuple(shifted.T)] = True
    corners = np.array([[a, b] for a in (-1, 1) for b in (-1, 1)]) @ along
    all_reached: NDArray[np.bool_] = np.all(
        [reached[tuple((shifted + corner).T)] for corner in corners], axis=0
    )
    return all_reached


def _snake() -> Floats:
    """The 6 x 6 points at 1 cm around the origin, so that each is next to the one before."""
    side = np.arange(6) - 2.5
    rows = [[(a, b) for b in (side if row % 2 == 0 else side[::-1])] for row, a in enumerate(side)]
    return np.array(rows).reshape(-1, 2)


def _solver() -> Solver:
    from proprio_tcn.arms.inverse import solve_postures

    return solve_postures
