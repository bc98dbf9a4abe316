"""Compiled quadratic programmes of inverse kinematics: bounds and three equations.

Their duals are smooth functions of three multipliers, minimised by Newton's method. Importing this
module imports numba.
"""

from math import sqrt

import numpy as np
from numpy.typing import NDArray

from proprio_tcn._jit import jit, leaf

__all__ = ["norm", "solve_programme"]

Floats = NDArray[np.float64]

_ROUNDS, _TURNS = 25, 60
_SLACK = 1e-8
"""Of the equations, in m^2: what ties the multipliers to those of the programme before."""


@leaf
def norm(values: Floats) -> float:
    """Length of a vector."""
    total = 0.0
    for index in range(values.shape[0]):
        total += values[index] * values[index]
    return sqrt(total)


@leaf
def _solve_three(matrix: Floats, right: Floats, found: Floats) -> None:
    """Write the solution of a positive definite system of three, from its upper triangle."""
    a = sqrt(matrix[0, 0])
    b, c = matrix[0, 1] / a, matrix[0, 2] / a
    d = sqrt(max(matrix[1, 1] - b * b, 1e-3 * _SLACK))
    e = (matrix[1, 2] - b * c) / d
    f = sqrt(max(matrix[2, 2] - c * c - e * e, 1e-3 * _SLACK))
    x = right[0] / a
    y = (right[1] - b * x) / d
    z = (right[2] - c * x - e * y) / f
    found[2] = z / f
    found[1] = (y - e * found[2]) / d
    found[0] = (x - b * found[1] - c * found[2]) / a


@leaf
def _dual_slope(
    pull: Floats,
    jacobian: Floats,
    gap: Floats,
    bounds: Floats,
    curvature: float,
    anchor: Floats,
    multipliers: Floats,
    step: Floats,
    slope: Floats,
) -> None:
    """Write the step that belongs to these multipliers, and the slope of the dual there."""
    for row in range(3):
        slope[row] = gap[row] + _SLACK * (multipliers[row] - anchor[row])
    for column in range(pull.shape[0]):
        force = pull[column]
        for row in range(3):
            force += jacobian[row, column] * multipliers[row]
        change = min(max(force / curvature, bounds[0, column]), bounds[1, column])
        step[column] = change
        for row in range(3):
            slope[row] += jacobian[row, column] * change


@leaf
def _newton_matrix(
    jacobian: Floats, bounds: Floats, curvature: float, step: Floats, matrix: Floats
) -> None:
    """Write the second derivative of the dual: what the angles between their bounds can do."""
    for row in range(3):
        for column in range(row, 3):
            total = _SLACK if row == column else 0.0
            for index in range(step.shape[0]):
                if bounds[0, index] < step[index] < bounds[1, index]:
                    total += jacobian[row, index] * jacobian[column, index] / curvature
            matrix[row, column] = total


@leaf
def _dot(first: Floats, second: Floats) -> float:
    total = 0.0
    for row in range(3):
        total += first[row] * second[row]
    return total


@jit
def _search_line(
    pull: Floats,
    jacobian: Floats,
    gap: Floats,
    bounds: Floats,
    curvature: float,
    multipliers: Floats,
    step: Floats,
    work: Floats,
) -> None:
    """Go along the Newton direction in ``work[4]`` until the dual rises; it is convex."""
    slope, change, trial, anchor = work[3], work[4], work[5], work[6]
    near, steep_near = 0.0, _dot(slope, change)
    far, steep_far, share = 1.0, 0.0, 1.0
    for turn in range(_TURNS):
        for row in range(3):
            trial[row] = multipliers[row] - share * change[row]
        _dual_slope(pull, jacobian, gap, bounds, curvature, anchor, trial, step, slope)
        steep = _dot(slope, change)
        if steep >= 0:
            near, steep_near = share, steep
        else:
            far, steep_far = share, steep
        if (turn == 0 and steep >= 0) or far - near < 1e-14 * far:
            break
        # the slope is piecewise linear: the secant finds its zero, halving keeps it honest
        secant = near + (far - near) * steep_near / (steep_near - steep_far)
        share = secant if turn % 3 else 0.5 * (near + far)
        if abs(steep) <= 1e-14 * steep_near:
            break
    multipliers[:] = trial


@jit
def solve_programme(
    pull: Floats,
    jacobian: Floats,
    gap: Floats,
    bounds: Floats,
    curvature: float,
    multipliers: Floats,
    step: Floats,
    work: Floats,
) -> float:
    """Minimise ``curvature |step|^2 / 2 - pull step`` with ``jacobian step = -gap`` and bounds.

    Args:
        pull: (coordinates,).
        jacobian: (3, coordinates).
        gap: (3,).
        bounds: Lowest and highest step, (2, coordinates).
        curvature: Positive.
        multipliers: Of the equations, (3,): start and result.
        step: Written, (coordinates,).
        work: (7, 3).

    Returns:
        By how much the equations are missed: more than rounding where they cannot be met.
    """
    matrix, slope, change, anchor = work[:3], work[3], work[4], work[6]
    anchor[:] = multipliers
    _dual_slope(pull, jacobian, gap, bounds, curvature, anchor, multipliers, step, slope)
    for _ in range(_ROUNDS):
        if norm(slope) < 1e-13:
            break
        _newton_matrix(jacobian, bounds, curvature, step, matrix)
        _solve_three(matrix, slope, change)
        _search_line(pull, jacobian, gap, bounds, curvature, multipliers, step, work)
    for row in range(3):
        slope[row] = gap[row]
        for index in range(step.shape[0]):
            slope[row] += jacobian[row, index] * step[index]
    return norm(slope)
