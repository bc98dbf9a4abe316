"""Compiled least squares: the posture with points of an arm nearest to where they were seen.

Levenberg-Marquardt steps in the free directions; an angle at the end of its range that the gradient
would push further stays there. Importing this module imports numba.
"""

from math import sqrt
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from proprio_tcn._jit import jit, leaf
from proprio_tcn.arms.kinematics import Skeleton, place_frames, place_point, point_jacobian

__all__ = ["Placing", "fit_posture", "fit_trials", "make_placing"]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

_ROUNDS = 100
_STEP_RAD = 1e-10
_GAIN = 1e-15
_DAMPING, _LARGEST_DAMPING = 1e-3, 1e12


class Placing(NamedTuple):
    """Where the frames of one posture are, as :mod:`~proprio_tcn.arms.kinematics` writes them."""

    rotations: Floats
    origins: Floats
    axes: Floats
    rates: Floats


@jit
def make_placing(skeleton: Skeleton) -> Placing:
    """Room for one posture."""
    count = skeleton.parent.shape[0] + 1
    return Placing(
        np.empty((count, 3, 3)), np.empty((count, 3)), np.empty((count, 3)), np.empty(count)
    )


@jit
def _misfit(
    skeleton: Skeleton,
    frames: Integers,
    places: Floats,
    weights: Floats,
    targets: Floats,
    angles: Floats,
    placing: Placing,
    points: Floats,
) -> float:
    """Half the weighted sum of squared distances; write where the points are."""
    rotations, origins, axes, rates = placing
    place_frames(skeleton, angles, rotations, origins, axes, rates)
    total = 0.0
    for index in range(frames.shape[0]):
        if weights[index] > 0:
            place_point(frames[index], places[index], rotations, origins, points[index])
            for row in range(3):
                total += 0.5 * weights[index] * (points[index, row] - targets[index, row]) ** 2
    return total


@leaf
def _normal_equations(
    skeleton: Skeleton,
    frames: Integers,
    weights: Floats,
    targets: Floats,
    placing: Placing,
    points: Floats,
    jacobian: Floats,
    matrix: Floats,
    slope: Floats,
) -> None:
    """Write the Gauss-Newton matrix and the gradient of the misfit where it was computed last."""
    _, origins, axes, rates = placing
    matrix[:] = 0.0
    slope[:] = 0.0
    count = slope.shape[0]
    for index in range(frames.shape[0]):
        if weights[index] <= 0:
            continue
        point_jacobian(skeleton, frames[index], points[index], origins, axes, rates, jacobian)
        for row in range(3):
            gap = weights[index] * (points[index, row] - targets[index, row])
            for first in range(count):
                slope[first] += jacobian[row, first] * gap
                for second in range(first + 1):
                    product = jacobian[row, first] * jacobian[row, second]
                    matrix[first, second] += weights[index] * product


@leaf
def _factorise(matrix: Floats, held: Floats, damping: float, factor: Floats) -> None:
    """Write the Cholesky factor of the damped matrix, the identity where held."""
    for first in range(held.shape[0]):
        for second in range(first):
            total = matrix[first, second] if held[first] + held[second] == 0 else 0.0
            for index in range(second):
                total -= factor[first, index] * factor[second, index]
            factor[first, second] = total / factor[second, second]
        total = matrix[first, first] + damping if held[first] == 0 else 1.0
        for index in range(first):
            total -= factor[first, index] ** 2
        factor[first, first] = sqrt(max(total, 1e-300))


@jit
def _damped_step(
    matrix: Floats, slope: Floats, held: Floats, damping: float, factor: Floats, step: Floats
) -> None:
    """Write the step down the slope, zero where held."""
    count = slope.shape[0]
    _factorise(matrix, held, damping, factor)
    for first in range(count):
        total = -slope[first] if held[first] == 0 else 0.0
        for index in range(first):
            total -= factor[first, index] * step[index]
        step[first] = total / factor[first, first]
    for first in range(count - 1, -1, -1):
        total = step[first]
        for index in range(first + 1, count):
            total -= factor[index, first] * step[index]
        step[first] = total / factor[first, first]


@jit
def fit_posture(
    skeleton: Skeleton,
    frames: Integers,
    places: Floats,
    weights: Floats,
    targets: Floats,
    low: Floats,
    high: Floats,
    placing: Placing,
    points: Floats,
    work: Floats,
    angles: Floats,
) -> float:
    """Move ``angles`` to the best fit nearby and return half the weighted sum of squares in m^2.

    Args:
        skeleton: The steps.
        frames: Frame that each point rides on, (points,).
        places: Where it is in its frame, (points, 3).
        weights: (points,); those with 0 are not looked at.
        targets: (points, 3).
        low: Of the angles, (coordinates,).
        high: Likewise.
        placing: From :func:`make_placing`.
        points: Written: where the points are, (points, 3).
        work: (2 coordinates + 7, coordinates).
        angles: Start, within its range, and result, (coordinates,).
    """
    count = angles.shape[0]
    matrix, factor = work[:count], work[count : 2 * count]
    jacobian, rest = work[2 * count : 2 * count + 3], work[2 * count + 3 :]
    slope, step, trial, held = rest[0], rest[1], rest[2], rest[3]
    cost = _misfit(skeleton, frames, places, weights, targets, angles, placing, points)
    damping, fresh = _DAMPING, True
    for _ in range(_ROUNDS):
        if fresh:
            _normal_equations(
                skeleton, frames, weights, targets, placing, points, jacobian, matrix, slope
            )
        scale = 1e-30
        for index in range(count):
            scale = max(scale, matrix[index, index])
            down, up = angles[index] <= low[index], angles[index] >= high[index]
            held[index] = 1.0 if (down and slope[index] > 0) or (up and slope[index] < 0) else 0.0
        _damped_step(matrix, slope, held, damping * scale, factor, step)
        largest = 0.0
        for index in range(count):
            trial[index] = min(max(angles[index] + step[index], low[index]), high[index])
            largest = max(largest, abs(trial[index] - angles[index]))
        after = _misfit(skeleton, frames, places, weights, targets, trial, placing, points)
        fresh = after < cost
        gain = cost - after
        if fresh:
            angles[:] = trial
            cost = after
            damping = max(0.1 * damping, 1e-12)
        else:
            damping *= 10.0
        if largest < _STEP_RAD or damping > _LARGEST_DAMPING or (fresh and gain < _GAIN * cost):
            break
    if not fresh:
        cost = _misfit(skeleton, frames, places, weights, targets, angles, placing, points)
    return cost


@leaf
def _look(weights: Floats, wanted: Floats, seen: Floats) -> bool:
    """Write the weights of the markers that were seen, zero for the others; whether any counts."""
    found = False
    for marker in range(weights.shape[0]):
        whole = not np.isnan(wanted[marker, 0] + wanted[marker, 1] + wanted[marker, 2])
        seen[marker] = weights[marker] if whole else 0.0
        found = found or seen[marker] > 0
    return found


@jit
def _distances(
    skeleton: Skeleton,
    frames: Integers,
    places: Floats,
    wanted: Floats,
    angles: Floats,
    placing: Placing,
    points: Floats,
    errors: Floats,
) -> None:
    """Write how far each marker is from where it was seen, NaN where it was not, (markers,)."""
    rotations, origins, axes, rates = placing
    place_frames(skeleton, angles, rotations, origins, axes, rates)
    for marker in range(frames.shape[0]):
        place_point(frames[marker], places[marker], rotations, origins, points[marker])
        total = 0.0
        for row in range(3):
            total += (points[marker, row] - wanted[marker, row]) ** 2
        errors[marker] = sqrt(total)


@jit
def fit_trials(
    skeleton: Skeleton,
    frames: Integers,
    places: Floats,
    weights: Floats,
    low: Floats,
    high: Floats,
    targets: Floats,
    starts: Floats,
    angles: Floats,
    errors: Floats,
) -> None:
    """Fit every bin of each trial, from the posture of the bin before.

    Args:
        skeleton: The steps.
        frames: Frame that each marker rides on, (markers,).
        places: Where it is in its frame, (markers, 3).
        weights: (markers,).
        low: Of the angles, (coordinates,).
        high: Likewise.
        targets: (trials, bins, markers, 3), NaN where a marker was not seen.
        starts: Postures from which the first bin of a trial is searched, (starts, coordinates).
        angles: Written: (trials, bins, coordinates), NaN in bins without markers.
        errors: Written: distances in m, (trials, bins, markers), NaN where not seen.
    """
    count, markers = low.shape[0], frames.shape[0]
    placing, points = make_placing(skeleton), np.empty((markers, 3))
    work, seen = np.empty((2 * count + 7, count)), np.empty(markers)
    posture, other = np.empty(count), np.empty(count)
    for trial in range(targets.shape[0]):
        begun = False
        for index in range(targets.shape[1]):
            wanted = targets[trial, index]
            if not _look(weights, wanted, seen):
                angles[trial, index] = np.nan
                errors[trial, index] = np.nan
                continue
            best = np.inf
            for start in range(1 if begun else starts.shape[0]):
                if begun:
                    other[:] = posture
                else:
                    other[:] = starts[start]
                cost = fit_posture(
                    skeleton, frames, places, seen, wanted, low, high, placing, points, work, other
                )
                if cost < best - 1e-12:
                    best = cost
                    posture[:] = other
            begun = True
            angles[trial, index] = posture
            _distances(
                skeleton, frames, places, wanted, posture, placing, points, errors[trial, index]
            )
