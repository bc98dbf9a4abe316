"""Compiled muscle paths: lengths and their derivatives, with all wraps, in one pass.

Where a path may wrap is decided by OpenSim's rule (every object looks for the segment of the whole
path that it bends at least; several rounds where a muscle has several objects) or by MuJoCo's (an
object belongs to one segment). The tangent points of a shortest path may be held still in its
derivative, so that only the straight pieces between different frames count. Importing this module
imports numba.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from proprio_tcn._jit import jit, part
from proprio_tcn.arms.assembly import Placement
from proprio_tcn.arms.geometry import Geometry
from proprio_tcn.arms.kinematics import Skeleton, gather_torques
from proprio_tcn.arms.path_pieces import (
    Scratch,
    contact,
    distance,
    insert,
    into_object,
    make_scratch,
    path_length,
    place_all,
    remove,
    start_path,
)
from proprio_tcn.arms.path_tables import PathTables, tabulate_paths
from proprio_tcn.arms.wrapping import INSIDE, MANDATORY, NONE, WRAPPED

__all__ = ["measure", "tabulate"]

Floats = NDArray[np.float64]

_ROUNDS = 8
"""Of a muscle with several objects, as in OpenSim."""

_SETTLED = 1e-8
"""Change of length in m at which rounds end; OpenSim's is 5e-4."""


@part
def _try(tables: PathTables, scratch: Scratch, wrap: int, entry: int) -> tuple[int, float, float]:
    """Status, length on the surface and change of length of one segment; tangents in ``tangents``.

    What is found between two points of the muscle holds for all rounds; the last column is for
    segments that end at a tangent point.
    """
    index, ends = tables.wrap_object[wrap], scratch.ends
    first, second = scratch.numbers[entry], scratch.numbers[entry + 1]
    fixed = first >= 0 and second == first + 1
    column = first if fixed else tables.known_status.shape[1] - 1
    seen = fixed and scratch.status[wrap, column] >= 0
    if seen and scratch.status[wrap, column] < WRAPPED:
        return scratch.status[wrap, column], 0.0, 0.0
    into_object(scratch, index, scratch.places[entry], ends[0])
    into_object(scratch, index, scratch.places[entry + 1], ends[1])
    tangents = scratch.tangents[wrap, column]
    if seen:
        status, arc = scratch.status[wrap, column], scratch.arc[wrap, column]
    else:
        status, arc = contact(tables, wrap, ends[0], ends[1], tangents[0], tangents[1])
        if fixed:
            scratch.status[wrap, column], scratch.arc[wrap, column] = status, arc
    change = 0.0
    if status >= WRAPPED:
        change = arc + distance(ends[0], tangents[0]) + distance(tangents[1], ends[1])
        change -= distance(ends[0], ends[1])
    return status, arc, change


@part
def _bend(tables: PathTables, scratch: Scratch, count: int, wrap: int) -> tuple[int, int]:
    """Let one object look for the segment to wrap; new number of entries, and its last status."""
    count = remove(scratch, count, wrap)
    low, high = tables.wrap_range[wrap, 0], tables.wrap_range[wrap, 1]
    start, end = count, -1
    for entry in range(count):
        number = scratch.numbers[entry]
        if low <= number <= high:
            start, end = min(start, entry), entry
    best, best_arc, least, status = -1, 0.0, np.inf, NONE
    for entry in range(start, end):
        other = scratch.wraps[entry]
        if other >= 0 and other == scratch.wraps[entry + 1]:
            continue
        status, arc, change = _try(tables, scratch, wrap, entry)
        if status == MANDATORY or (status == WRAPPED and change < least):
            best, best_arc, least = entry, arc, change
            first, second = scratch.numbers[entry], scratch.numbers[entry + 1]
            fixed = first >= 0 and second == first + 1
            column = first if fixed else tables.known_status.shape[1] - 1
            for which in range(2):
                for row in range(3):
                    scratch.ends[2 + which, row] = scratch.tangents[wrap, column, which, row]
        if status == MANDATORY:
            break
    if best >= 0:
        count = insert(tables, scratch, count, best, wrap, best_arc)
    return count, status


@part
def _settle(tables: PathTables, scratch: Scratch, count: int, first: int, beyond: int) -> int:
    """Let objects bend the path in turn until its length stays; new number of entries."""
    rounds = 1
    if beyond - first > 1 and not tables.wrap_mujoco[first]:
        rounds = _ROUNDS
    last, second = np.inf, first + 1
    swapped = False
    for turn in range(rounds):
        statuses = (NONE, NONE)
        for place in range(first, beyond):
            wrap = 2 * first + 1 - place if swapped and place <= second else place
            count, status = _bend(tables, scratch, count, wrap)
            if place == first:
                statuses = (status, NONE)
            elif place == second:
                statuses = (statuses[0], status)
        if rounds == 1:
            break
        length = path_length(scratch, count, False)
        if abs(length - last) < _SETTLED:
            break
        last = length
        if turn == 0 and statuses[0] == NONE and statuses[1] == INSIDE:
            swapped = True
            count = remove(scratch, count, first)
    return count


@part
def _route(tables: PathTables, muscle: int, angles: Floats, scratch: Scratch, pulls: bool) -> float:
    """Length of a muscle's path by OpenSim's rule, or by MuJoCo's where its wraps say so."""
    first, beyond = tables.wrap_start[muscle], tables.wrap_start[muscle + 1]
    count = start_path(tables, muscle, angles, scratch)
    for wrap in range(first, beyond):
        for column in range(tables.known_status.shape[1]):
            scratch.status[wrap, column] = tables.known_status[wrap, column]
    count = _settle(tables, scratch, count, first, beyond)
    return path_length(scratch, count, pulls)


@part
def _measure(
    skeleton: Skeleton,
    tables: PathTables,
    angles: Floats,
    lengths: Floats,
    jacobians: Floats,
    scratch: Scratch,
) -> None:
    pulls = jacobians.shape[0] > 0
    for row in range(angles.shape[0]):
        place_all(skeleton, tables, angles[row], scratch)
        for muscle in range(tables.moving.shape[0]):
            if not tables.moving[muscle]:
                lengths[row, muscle] = tables.constant[muscle]
                if pulls:
                    jacobians[row, muscle] = 0.0
                continue
            if pulls:
                scratch.forces[:] = 0.0
                scratch.moments[:] = 0.0
            lengths[row, muscle] = _route(tables, muscle, angles[row], scratch, pulls)
            if pulls:
                gather_torques(
                    skeleton,
                    scratch.origins,
                    scratch.axes,
                    scratch.rates,
                    scratch.forces,
                    scratch.moments,
                    jacobians[row, muscle],
                )


@jit
def measure(
    skeleton: Skeleton, tables: PathTables, angles: Floats, lengths: Floats, jacobians: Floats
) -> None:
    """Write muscle lengths and their derivatives in n postures.

    Args:
        skeleton: The frames that move.
        tables: The paths.
        angles: (n, coordinates).
        lengths: Written: in m, (n, muscles).
        jacobians: Written: in m/rad, (n, muscles, coordinates); not wanted if n is 0 here.
    """
    scratch = make_scratch(skeleton, tables)
    _measure(skeleton, tables, angles, lengths, jacobians, scratch)


@jit
def _find_known(tables: PathTables) -> None:
    """Contacts of segments that do not move against the object."""
    ends = np.empty((2, 3))
    for muscle in range(tables.moving.shape[0]):
        first, beyond = tables.point_start[muscle], tables.point_start[muscle + 1]
        for wrap in range(tables.wrap_start[muscle], tables.wrap_start[muscle + 1]):
            index = tables.wrap_object[wrap]
            frame, turn = tables.object_frame[index], tables.object_rotation[index]
            for point in range(first, beyond - 1):
                if tables.point_frame[point] != frame or tables.point_frame[point + 1] != frame:
                    continue
                for which in range(2):
                    away = tables.point_place[point + which] - tables.object_offset[index]
                    for row in range(3):
                        ends[which, row] = (
                            turn[0, row] * away[0] + turn[1, row] * away[1] + turn[2, row] * away[2]
                        )
                tangents = tables.known_tangents[wrap, point - first]
                status, arc = contact(tables, wrap, ends[0], ends[1], tangents[0], tangents[1])
                tables.known_status[wrap, point - first] = status
                tables.known_arc[wrap, point - first] = arc


def tabulate(
    geometry: Geometry,
    free: Sequence[str],
    held: Mapping[str, float],
    skeleton: Skeleton,
    placed: Mapping[str, Placement],
    wrapping: bool = True,
) -> PathTables:
    """Arrays of all paths, ready for :func:`measure`.

    Args:
        geometry: The arm.
        free: Names of the coordinates that move, in the order of the angles.
        held: Values of the others in rad.
        skeleton: The frames that move.
        placed: Of every body: its frame and its place there.
        wrapping: Whether muscles wrap over objects.

    Raises:
        ValueError: If a muscle has fewer than two points.
    """
    tables = tabulate_paths(geometry, free, held, placed, wrapping)
    _find_known(tables)
    still = tables._replace(moving=np.ones_like(tables.moving))
    lengths = np.empty((1, len(geometry.muscles)))
    nothing = np.empty((0, len(geometry.muscles), len(free)))
    measure(skeleton, still, np.zeros((1, len(free))), lengths, nothing)
    return tables._replace(constant=np.where(tables.moving, 0.0, lengths[0]))
