"""Compiled parts of a muscle's path: its entries, their places, straight pieces and contacts.

Importing this module imports numba.
"""

from math import sqrt
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from proprio_tcn._jit import jit, part
from proprio_tcn.arms.kinematics import Skeleton, place_frames, place_point
from proprio_tcn.arms.path_tables import CYLINDER, SPHERE, PathTables
from proprio_tcn.arms.wrapping import wrap_cylinder, wrap_ellipsoid, wrap_mujoco, wrap_sphere

__all__ = [
    "Scratch",
    "contact",
    "distance",
    "insert",
    "into_object",
    "make_scratch",
    "path_length",
    "place_all",
    "remove",
    "start_path",
]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


class Scratch(NamedTuple):
    """Where frames, objects, forces and the path at hand are written.

    A path's entries are points and tangent points: their places in the world, their frames, their
    numbers among the muscle's points (-1 for tangent points), their wraps (-1 for points), and the
    length on the surface from the first tangent point of a wrap to its second.
    """

    rotations: Floats
    origins: Floats
    axes: Floats
    rates: Floats
    points: Floats
    turns: Floats
    centers: Floats
    forces: Floats
    moments: Floats
    status: Integers
    arc: Floats
    tangents: Floats
    places: Floats
    frames: Integers
    numbers: Integers
    wraps: Integers
    arcs: Floats
    ends: Floats


@jit
def make_scratch(skeleton: Skeleton, tables: PathTables) -> Scratch:
    """Room for one posture; what is known of contacts is copied."""
    frames, objects = skeleton.parent.shape[0] + 1, tables.object_kind.shape[0]
    longest = tables.known_status.shape[1] + 2 * tables.known_status.shape[0]
    return Scratch(
        np.empty((frames, 3, 3)),
        np.empty((frames, 3)),
        np.empty((frames, 3)),
        np.empty(frames),
        np.empty((tables.point_frame.shape[0], 3)),
        np.empty((objects, 3, 3)),
        np.empty((objects, 3)),
        np.empty((frames, 3)),
        np.empty((frames, 3)),
        tables.known_status.copy(),
        tables.known_arc.copy(),
        tables.known_tangents.copy(),
        np.empty((longest, 3)),
        np.empty(longest, dtype=np.int64),
        np.empty(longest, dtype=np.int64),
        np.empty(longest, dtype=np.int64),
        np.empty(longest),
        np.empty((4, 3)),
    )


@part
def place_all(skeleton: Skeleton, tables: PathTables, angles: Floats, scratch: Scratch) -> None:
    """Frames, points of muscles that move, and objects in the world."""
    rotations, origins = scratch.rotations, scratch.origins
    place_frames(skeleton, angles, rotations, origins, scratch.axes, scratch.rates)
    for muscle in range(tables.moving.shape[0]):
        if tables.moving[muscle]:
            for index in range(tables.point_start[muscle], tables.point_start[muscle + 1]):
                place = tables.point_place[index]
                place_point(
                    tables.point_frame[index], place, rotations, origins, scratch.points[index]
                )
    for index in range(tables.object_kind.shape[0]):
        frame, inner = tables.object_frame[index], tables.object_rotation[index]
        place = tables.object_offset[index]
        place_point(frame, place, rotations, origins, scratch.centers[index])
        for row in range(3):
            for column in range(3):
                scratch.turns[index, row, column] = (
                    rotations[frame, row, 0] * inner[0, column]
                    + rotations[frame, row, 1] * inner[1, column]
                    + rotations[frame, row, 2] * inner[2, column]
                )


@part
def contact(
    tables: PathTables, wrap: int, p: Floats, q: Floats, r1: Floats, r2: Floats
) -> tuple[int, float]:
    """What becomes of the segment p, q in the frame of a wrap's object."""
    index = tables.wrap_object[wrap]
    kind, radii = tables.object_kind[index], tables.object_radii[index]
    if tables.wrap_mujoco[wrap]:
        side, has_side = tables.wrap_side[wrap], tables.wrap_has_side[wrap]
        return wrap_mujoco(p, q, radii[0], kind == SPHERE, side, has_side, r1, r2)
    axis, sign = tables.object_side[index, 0], tables.object_side[index, 1]
    if kind == CYLINDER:
        half = tables.object_half_length[index]
        return wrap_cylinder(p, q, radii[0], half, axis, sign, r1, r2)
    if kind == SPHERE:
        return wrap_sphere(p, q, radii[0], axis, sign, r1, r2)
    return wrap_ellipsoid(p, q, radii, axis, sign, r1, r2)


@part
def into_object(scratch: Scratch, index: int, point: Floats, local: Floats) -> None:
    """Write a point (3,) of the world in the frame of an object."""
    turn, center = scratch.turns[index], scratch.centers[index]
    x, y, z = point[0] - center[0], point[1] - center[1], point[2] - center[2]
    for row in range(3):
        local[row] = turn[0, row] * x + turn[1, row] * y + turn[2, row] * z


@part
def _out_of_object(scratch: Scratch, index: int, local: Floats, point: Floats) -> None:
    turn, center = scratch.turns[index], scratch.centers[index]
    for row in range(3):
        point[row] = (
            center[row]
            + turn[row, 0] * local[0]
            + turn[row, 1] * local[1]
            + turn[row, 2] * local[2]
        )


@part
def distance(a: Floats, b: Floats) -> float:
    """Distance of two points (3,)."""
    x, y, z = b[0] - a[0], b[1] - a[1], b[2] - a[2]
    return sqrt(x * x + y * y + z * z)


@part
def _pull(scratch: Scratch, a: Floats, frame_a: int, b: Floats, frame_b: int, pulls: bool) -> float:
    """Length of a straight piece; adds its unit force to the frames of its ends."""
    x, y, z = b[0] - a[0], b[1] - a[1], b[2] - a[2]
    length = sqrt(x * x + y * y + z * z)
    if pulls and frame_a != frame_b and length > 0.0:
        x, y, z = x / length, y / length, z / length
        # the moment about the world's origin is the same at both ends
        u, v, w = b[1] * z - b[2] * y, b[2] * x - b[0] * z, b[0] * y - b[1] * x
        for frame, sign in ((frame_b, 1.0), (frame_a, -1.0)):
            scratch.forces[frame, 0] += sign * x
            scratch.forces[frame, 1] += sign * y
            scratch.forces[frame, 2] += sign * z
            scratch.moments[frame, 0] += sign * u
            scratch.moments[frame, 1] += sign * v
            scratch.moments[frame, 2] += sign * w
    return length


@part
def start_path(tables: PathTables, muscle: int, angles: Floats, scratch: Scratch) -> int:
    """Entries of the points that are passed in this posture; gives their number."""
    count, first = 0, tables.point_start[muscle]
    for index in range(first, tables.point_start[muscle + 1]):
        coordinate = tables.point_coordinate[index]
        if coordinate >= 0:
            angle = angles[coordinate]
            if angle < tables.point_range[index, 0] or angle > tables.point_range[index, 1]:
                continue
        for row in range(3):
            scratch.places[count, row] = scratch.points[index, row]
        scratch.frames[count] = tables.point_frame[index]
        scratch.numbers[count] = index - first
        scratch.wraps[count] = -1
        count += 1
    return count


@part
def _copy_entry(scratch: Scratch, source: int, target: int) -> None:
    for row in range(3):
        scratch.places[target, row] = scratch.places[source, row]
    scratch.frames[target] = scratch.frames[source]
    scratch.numbers[target] = scratch.numbers[source]
    scratch.wraps[target] = scratch.wraps[source]
    scratch.arcs[target] = scratch.arcs[source]


@part
def remove(scratch: Scratch, count: int, wrap: int) -> int:
    """Take a wrap's tangent points out of the path."""
    for entry in range(count - 1):
        if scratch.wraps[entry] == wrap:
            for later in range(entry + 2, count):
                _copy_entry(scratch, later, later - 2)
            return count - 2
    return count


@part
def insert(tables: PathTables, scratch: Scratch, count: int, at: int, wrap: int, arc: float) -> int:
    """Put a wrap's tangent points, held in ``ends``, behind entry ``at``."""
    for entry in range(count - 1, at, -1):
        _copy_entry(scratch, entry, entry + 2)
    index = tables.wrap_object[wrap]
    for which in range(2):
        entry = at + 1 + which
        _out_of_object(scratch, index, scratch.ends[2 + which], scratch.places[entry])
        scratch.frames[entry] = tables.object_frame[index]
        scratch.numbers[entry] = -1
        scratch.wraps[entry] = wrap
        scratch.arcs[entry] = arc
    return count + 2


@part
def path_length(scratch: Scratch, count: int, pulls: bool) -> float:
    """Length of the path at hand; adds its forces if it pulls."""
    length = 0.0
    for entry in range(count - 1):
        wrap = scratch.wraps[entry]
        if wrap >= 0 and wrap == scratch.wraps[entry + 1]:
            length += scratch.arcs[entry]
        else:
            length += _pull(
                scratch,
                scratch.places[entry],
                scratch.frames[entry],
                scratch.places[entry + 1],
                scratch.frames[entry + 1],
                pulls,
            )
    return length
