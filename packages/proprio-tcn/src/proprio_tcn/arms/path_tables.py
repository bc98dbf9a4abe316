"""Muscle paths as arrays: every point in a frame that moves, what cannot change worked out once."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from proprio_tcn.arms.assembly import Placement
from proprio_tcn.arms.geometry import Geometry, Muscle, PathPoint

__all__ = ["CYLINDER", "ELLIPSOID", "SPHERE", "PathTables", "tabulate_paths"]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Flags = NDArray[np.bool_]

CYLINDER, SPHERE, ELLIPSOID = 0, 1, 2

_KINDS = {"cylinder": CYLINDER, "sphere": SPHERE, "ellipsoid": ELLIPSOID}

# OpenSim's slack at the ends of the range within which a conditional point is passed.
_RANGE_SLACK = 1e-5


class PathTables(NamedTuple):
    """Paths of all muscles; rows of one muscle follow each other.

    Attributes:
        moving: Whether a free coordinate can change the length, (muscles,).
        constant: Length in m of those that do not move, (muscles,).
        point_start: First point of each muscle, (muscles + 1,).
        point_frame: Frame of each point, (points,).
        point_place: Its place there, (points, 3).
        point_coordinate: Index of the angle that switches it, -1 for none, (points,).
        point_range: Range in rad in which it is passed, (points, 2).
        wrap_start: First wrap of each muscle, (muscles + 1,).
        wrap_object: Object of each wrap, (wraps,).
        wrap_range: First and last point of the muscle between which it may lie, (wraps, 2).
        wrap_mujoco: Whether MuJoCo's rule decides; else OpenSim's, (wraps,).
        wrap_side: Side site in the object's frame, (wraps, 3).
        wrap_has_side: Whether there is one, (wraps,).
        known_status: What becomes of a segment that does not move against the object, -1 for the
            others, (wraps, columns); the last column is for segments that end at tangent points.
        known_arc: Length of its path on the surface in m, (wraps, columns).
        known_tangents: Its tangent points in the object's frame, (wraps, columns, 2, 3).
        object_frame: Frame of each object, (objects,).
        object_rotation: Its axes there, (objects, 3, 3).
        object_offset: Its centre there, (objects, 3).
        object_kind: CYLINDER, SPHERE or ELLIPSOID, (objects,).
        object_radii: (objects, 3).
        object_half_length: (objects,).
        object_side: Constrained axis (-1 for none) and sign, (objects, 2).
    """

    moving: Flags
    constant: Floats
    point_start: Integers
    point_frame: Integers
    point_place: Floats
    point_coordinate: Integers
    point_range: Floats
    wrap_start: Integers
    wrap_object: Integers
    wrap_range: Integers
    wrap_mujoco: Flags
    wrap_side: Floats
    wrap_has_side: Flags
    known_status: Integers
    known_arc: Floats
    known_tangents: Floats
    object_frame: Integers
    object_rotation: Floats
    object_offset: Floats
    object_kind: Integers
    object_radii: Floats
    object_half_length: Floats
    object_side: Integers


def tabulate_paths(
    geometry: Geometry,
    free: Sequence[str],
    held: Mapping[str, float],
    placed: Mapping[str, Placement],
    wrapping: bool,
) -> PathTables:
    """Arrays of all paths; constant lengths and known contacts are still to be filled in.

    Args:
        geometry: The arm.
        free: Names of the coordinates that move.
        held: Values of the others in rad.
        placed: Of every body: its frame and its place there.
        wrapping: Whether to keep the wraps.
    """
    kept = [_kept(muscle, held) for muscle in geometry.muscles]
    muscles = list(zip(geometry.muscles, kept, strict=True))
    points = [muscle.points[index] for muscle, indices in muscles for index in indices]
    index_of = {one.name: row for row, one in enumerate(geometry.wrap_objects)}
    wraps = [
        (wrap, _range(indices, wrap.first, wrap.last))
        for muscle, indices in muscles
        for wrap in (muscle.wraps if wrapping else ())
    ]
    columns = max([1, *(len(indices) for indices in kept)])
    sides = [np.zeros(3) if wrap.side is None else wrap.side for wrap, _ in wraps]
    objects = geometry.wrap_objects
    homes = [placed[one.body] for one in objects]
    count = len(wraps)
    return PathTables(
        moving=np.array(
            [
                _moves(muscle, indices, geometry, free, placed, wrapping)
                for muscle, indices in muscles
            ],
            dtype=np.bool_,
        ),
        constant=np.zeros(len(muscles)),
        point_start=_starts([len(indices) for indices in kept]),
        point_frame=np.array([placed[point.body].frame for point in points], dtype=np.int64),
        point_place=_rows([placed[point.body].point(point.place_m) for point in points], 3),
        point_coordinate=np.array(
            [free.index(one.coordinate) if one.coordinate in free else -1 for one in points],
            dtype=np.int64,
        ),
        point_range=_rows([_widened(point) for point in points], 2),
        wrap_start=_starts([len(muscle.wraps) if wrapping else 0 for muscle, _ in muscles]),
        wrap_object=np.array([index_of[wrap.target] for wrap, _ in wraps], dtype=np.int64),
        wrap_range=np.array([ends for _, ends in wraps], dtype=np.int64).reshape(-1, 2),
        wrap_mujoco=np.array([wrap.rule == "mujoco" for wrap, _ in wraps], dtype=np.bool_),
        wrap_side=_rows(sides, 3),
        wrap_has_side=np.array([wrap.side is not None for wrap, _ in wraps], dtype=np.bool_),
        known_status=np.full((count, columns), -1, dtype=np.int64),
        known_arc=np.zeros((count, columns)),
        known_tangents=np.zeros((count, columns, 2, 3)),
        object_frame=np.array([home.frame for home in homes], dtype=np.int64),
        object_rotation=np.array(
            [home.rotation @ one.rotation for home, one in zip(homes, objects, strict=True)]
        ).reshape(-1, 3, 3),
        object_offset=_rows(
            [home.point(one.offset) for home, one in zip(homes, objects, strict=True)], 3
        ),
        object_kind=np.array([_KINDS[one.kind] for one in objects], dtype=np.int64),
        object_radii=_rows([one.radii_m for one in objects], 3),
        object_half_length=np.array([one.half_length_m for one in objects], dtype=np.float64),
        object_side=np.array(
            [(one.constrained, one.sign) for one in objects], dtype=np.int64
        ).reshape(-1, 2),
    )


def _rows(values: Sequence[Floats | tuple[float, ...]], columns: int) -> Floats:
    return np.ascontiguousarray(np.array(values, dtype=np.float64).reshape(-1, columns))


def _starts(counts: Sequence[int]) -> Integers:
    return np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)


def _widened(point: PathPoint) -> tuple[float, float]:
    return point.low_rad - _RANGE_SLACK, point.high_rad + _RANGE_SLACK


def _kept(muscle: Muscle, held: Mapping[str, float]) -> list[int]:
    """Points of a muscle that can be passed at all while some coordinates are held."""
    kept = []
    for index, point in enumerate(muscle.points):
        low, high = _widened(point)
        if low <= held.get(point.coordinate, point.low_rad) <= high:
            kept.append(index)
    if len(kept) < 2:
        raise ValueError(
            f"muscle {muscle.name!r} has fewer than two points where the held coordinates stand"
        )
    return kept


def _range(kept: Sequence[int], first: int, last: int) -> tuple[int, int]:
    """Which of the kept points a wrap's range spans; an empty range where there is none."""
    inside = [row for row, index in enumerate(kept) if first <= index <= last]
    return (inside[0], inside[-1]) if inside else (0, 0)


def _moves(
    muscle: Muscle,
    kept: Sequence[int],
    geometry: Geometry,
    free: Sequence[str],
    placed: Mapping[str, Placement],
    wrapping: bool,
) -> bool:
    targets = {wrap.target for wrap in muscle.wraps} if wrapping else set()
    bodies = {muscle.points[index].body for index in kept}
    bodies |= {one.body for one in geometry.wrap_objects if one.name in targets}
    switched = any(muscle.points[index].coordinate in free for index in kept)
    return switched or len({placed[body].frame for body in bodies}) > 1
