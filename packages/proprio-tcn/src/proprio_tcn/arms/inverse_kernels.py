"""Compiled inverse kinematics: the posture nearest to the last one that brings the hand to a point.

Each point is a small nonlinear programme: least squared distance from the prior angles while the
hand is at the target and the angles are in their ranges. From bin to bin it is solved by sequential
quadratic programming, in a few steps. Where these are too long, the hand is first brought to the
target somehow, by least squares, and then stays there while the posture slides towards the prior.
Importing this module imports numba.
"""

from math import sqrt
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from proprio_tcn._jit import jit, leaf
from proprio_tcn.arms.kinematics import Skeleton, place_frames, place_point, point_jacobian
from proprio_tcn.arms.marker_kernels import Placing, fit_posture, make_placing
from proprio_tcn.arms.quadratic_kernels import norm, solve_programme

__all__ = ["Reach", "solve_trials"]

Floats = NDArray[np.float64]

_QUICK_ROUNDS, _SLIDES = 12, 60
_LONGEST_RAD = 0.3
"""Steps that are longer leave the programme's linear model behind."""
_STEP_RAD = 1e-9
"""A point is solved when the next step would be smaller than this."""
_SOLVED_M = 1e-8
"""Farther away, the hand is not where it was wanted."""


class Reach(NamedTuple):
    """What of an arm matters to its hand.

    Attributes:
        skeleton: The steps.
        frame: Frame that the hand rides on, (1,).
        place: Where it is in its frame, (1, 3).
        low: Of the angles, (coordinates,).
        high: Likewise.
    """

    skeleton: Skeleton
    frame: NDArray[np.int64]
    place: Floats
    low: Floats
    high: Floats


class _Room(NamedTuple):
    """Arrays of one search, reused for every point.

    Attributes:
        placing: The frames of a posture.
        rows: (5, coordinates): pull, step, trial, and two for bounds.
        jacobians: (2, 3, coordinates): here and one step on.
        point: Where the hand is, (1, 3).
        target: Where it is wanted, (1, 3).
        gap: Its offset, (3,).
        weight: One, (1,).
        multipliers: Of the three equations, (3,).
        work: (7, 3).
        fitting: For :func:`~proprio_tcn.arms.marker_kernels.fit_posture`.
    """

    placing: Placing
    rows: Floats
    jacobians: Floats
    point: Floats
    target: Floats
    gap: Floats
    weight: Floats
    multipliers: Floats
    work: Floats
    fitting: Floats


@jit
def _make_room(reach: Reach) -> _Room:
    count = reach.low.shape[0]
    return _Room(
        make_placing(reach.skeleton),
        np.empty((5, count)),
        np.empty((2, 3, count)),
        np.empty((1, 3)),
        np.empty((1, 3)),
        np.empty(3),
        np.ones(1),
        np.zeros(3),
        np.empty((7, 3)),
        np.empty((2 * count + 7, count)),
    )


@jit
def _look(reach: Reach, room: _Room, angles: Floats, jacobian: Floats) -> float:
    """Write the offset of the hand from its target and its derivatives; return the distance."""
    rotations, origins, axes, rates = room.placing
    frame, point = reach.frame[0], room.point[0]
    place_frames(reach.skeleton, angles, rotations, origins, axes, rates)
    place_point(frame, reach.place[0], rotations, origins, point)
    point_jacobian(reach.skeleton, frame, point, origins, axes, rates, jacobian)
    for row in range(3):
        room.gap[row] = point[row] - room.target[0, row]
    return norm(room.gap)


@jit
def _next_step(
    reach: Reach, room: _Room, prior: Floats, angles: Floats, radius: float, curvature: float
) -> float:
    """Write the step towards the solution; return by how much its equations are missed."""
    pull, step, bounds = room.rows[0], room.rows[1], room.rows[3:]
    for index in range(angles.shape[0]):
        pull[index] = prior[index] - angles[index]
        bounds[0, index] = max(reach.low[index] - angles[index], -radius)
        bounds[1, index] = min(reach.high[index] - angles[index], radius)
    return solve_programme(
        pull, room.jacobians[0], room.gap, bounds, curvature, room.multipliers, step, room.work
    )


@leaf
def _curvature(step: Floats, jacobians: Floats, multipliers: Floats, before: float) -> float:
    """Second derivative of the Lagrangian along a step, from the slopes at its two ends."""
    along, length = 0.0, 0.0
    for index in range(step.shape[0]):
        bend = step[index]
        for row in range(3):
            bend -= (jacobians[1, row, index] - jacobians[0, row, index]) * multipliers[row]
        along += step[index] * bend
        length += step[index] * step[index]
    return min(max(along / length, 0.2), 20.0) if length > 1e-18 else before


@jit
def _follow(reach: Reach, room: _Room, prior: Floats, angles: Floats) -> bool:
    """Sequential quadratic programming from the prior; False where it leads too far away."""
    step, jacobians = room.rows[1], room.jacobians
    angles[:] = prior
    distance, curvature = _look(reach, room, angles, jacobians[0]), 1.0
    for _ in range(_QUICK_ROUNDS):
        missed = _next_step(reach, room, prior, angles, np.inf, curvature)
        largest = np.abs(step).max()
        if missed > 1e-11 + 1e-3 * distance or not largest < _LONGEST_RAD:
            return False
        for index in range(angles.shape[0]):
            ahead = min(max(angles[index] + step[index], reach.low[index]), reach.high[index])
            step[index] = ahead - angles[index]
            angles[index] = ahead
        distance = _look(reach, room, angles, jacobians[1])
        if largest < _STEP_RAD:
            return distance <= _SOLVED_M
        curvature = _curvature(step, jacobians, room.multipliers, curvature)
        jacobians[0] = jacobians[1]
    return False


@jit
def _approach(reach: Reach, room: _Room, angles: Floats) -> float:
    """Bring the hand as near to its target as can be; return the distance that is left in m."""
    cost = fit_posture(
        reach.skeleton,
        reach.frame,
        reach.place,
        room.weight,
        room.target,
        reach.low,
        reach.high,
        room.placing,
        room.point,
        room.fitting,
        angles,
    )
    return sqrt(2.0 * cost)


@leaf
def _length(angles: Floats, prior: Floats) -> float:
    total = 0.0
    for index in range(angles.shape[0]):
        total += 0.5 * (angles[index] - prior[index]) ** 2
    return total


@jit
def _slide(reach: Reach, room: _Room, prior: Floats, angles: Floats) -> None:
    """Bring the posture as near to the prior as can be while the hand stays at its target."""
    step, trial, jacobians = room.rows[1], room.rows[2], room.jacobians
    room.multipliers[:] = 0.0
    length, radius, curvature = _length(angles, prior), _LONGEST_RAD, 1.0
    _look(reach, room, angles, jacobians[0])
    for _ in range(_SLIDES):
        _next_step(reach, room, prior, angles, radius, curvature)
        largest = np.abs(step).max()
        for index in range(angles.shape[0]):
            trial[index] = min(
                max(angles[index] + step[index], reach.low[index]), reach.high[index]
            )
        if _approach(reach, room, trial) > _SOLVED_M or _length(trial, prior) > length + 1e-15:
            radius = 0.25 * largest
        else:
            for index in range(angles.shape[0]):
                step[index] = trial[index] - angles[index]
            angles[:] = trial
            length = _length(angles, prior)
            _look(reach, room, angles, jacobians[1])
            curvature = _curvature(step, jacobians, room.multipliers, curvature)
            jacobians[0] = jacobians[1]
            radius = min(2.0 * radius, 1.0)
        if largest < _STEP_RAD or radius < _STEP_RAD:
            break


@jit
def _solve_point(
    reach: Reach, room: _Room, prior: Floats, restarts: Floats, angles: Floats
) -> float:
    """Write the posture for the target in ``room``; return the distance of the hand in m."""
    if _follow(reach, room, prior, angles):
        return norm(room.gap)
    error, other = np.inf, prior.copy()
    for restart in range(-1, restarts.shape[0]):
        if restart >= 0:
            other[:] = restarts[restart]
        found = _approach(reach, room, other)
        if found < error - 1e-10:
            error = found
            angles[:] = other
        if error <= _SOLVED_M:
            _slide(reach, room, prior, angles)
            error = _look(reach, room, angles, room.jacobians[0])
            break
    room.multipliers[:] = 0.0
    return error


@jit
def solve_trials(
    reach: Reach,
    targets: Floats,
    starts: Floats,
    restarts: Floats,
    angles: Floats,
    errors: Floats,
) -> None:
    """Follow the targets of each trial, every bin from the posture of the bin before.

    Args:
        reach: The arm.
        targets: (trials, bins, 3).
        starts: Postures before the first bin, (trials, coordinates).
        restarts: Postures to search from where the first search fails, (restarts, coordinates).
        angles: Written: (trials, bins, coordinates).
        errors: Written: distances of the hand in m, (trials, bins).
    """
    room = _make_room(reach)
    for trial in range(targets.shape[0]):
        prior = starts[trial].copy()
        room.multipliers[:] = 0.0
        for index in range(targets.shape[1]):
            room.target[0] = targets[trial, index]
            found = angles[trial, index]
            errors[trial, index] = _solve_point(reach, room, prior, restarts, found)
            prior[:] = found
