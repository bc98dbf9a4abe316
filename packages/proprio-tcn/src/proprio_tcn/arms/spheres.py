"""Contact of a straight segment with a sphere: a great circle between two tangent points.

Which way round follows OpenSim's ``WrapSphere``. A path through the centre, where the plane of the
circle is not determined, takes one that is fixed.
"""

from math import atan2, pi, sqrt

import numpy as np
from numpy.typing import NDArray

from proprio_tcn._jit import leaf
from proprio_tcn.arms.statuses import INSIDE, MANDATORY, NONE, WRAPPED

__all__ = ["wrap_sphere"]

Floats = NDArray[np.float64]

_CENTRAL = 1e-12  # a sine so small leaves the plane undetermined


@leaf
def wrap_sphere(
    p: Floats, q: Floats, radius: float, constrained: int, sign: int, r1: Floats, r2: Floats
) -> tuple[int, float]:
    """Wrap the segment from ``p`` to ``q`` around a sphere at the origin.

    Args:
        p: One end (3,), in the sphere's frame.
        q: The other end (3,).
        radius: Of the sphere, above zero.
        constrained: Axis of which only one side is wrapped over; -1 for the nearer way round.
        sign: Which side of it, 1 or -1.
        r1: **Overwritten** with the tangent point next to ``p``, if the path wraps.
        r2: **Overwritten** with the tangent point next to ``q``, if the path wraps.

    Returns:
        Status and length of the path on the surface (0 if it does not wrap).
    """
    square = radius * radius
    p_square = p[0] * p[0] + p[1] * p[1] + p[2] * p[2]
    q_square = q[0] * q[0] + q[1] * q[1] + q[2] * q[2]
    if p_square < square or q_square < square:
        return INSIDE, 0.0
    x, y, z = q[0] - p[0], q[1] - p[1], q[2] - p[2]
    n0, n1, n2 = p[1] * q[2] - p[2] * q[1], p[2] * q[0] - p[0] * q[2], p[0] * q[1] - p[1] * q[0]
    normal, along = sqrt(n0 * n0 + n1 * n1 + n2 * n2), x * x + y * y + z * z
    fraction = -(p[0] * x + p[1] * y + p[2] * z)
    if not (0.0 < fraction < along) or normal * normal >= square * along:
        return NONE, 0.0

    if normal > _CENTRAL * sqrt(p_square * q_square):
        n0, n1, n2 = n0 / normal, n1 / normal, n2 / normal
    else:
        n0, n1, n2 = _any_normal(p, constrained, sign)
    p_side = radius * sqrt(p_square - square) / p_square
    q_side = radius * sqrt(q_square - square) / q_square
    # Directions along the circle, as long as p and q.
    a0, a1, a2 = n1 * p[2] - n2 * p[1], n2 * p[0] - n0 * p[2], n0 * p[1] - n1 * p[0]
    b0, b1, b2 = n1 * q[2] - n2 * q[1], n2 * q[0] - n0 * q[2], n0 * q[1] - n1 * q[0]
    way, status = 1.0, WRAPPED
    if constrained >= 0:
        p_on = (p[constrained] >= 0.0) == (sign > 0)
        q_on = (q[constrained] >= 0.0) == (sign > 0)
        if p_on or q_on:
            status = MANDATORY
        if not (p_on and q_on):
            a = a0 if constrained == 0 else (a1 if constrained == 1 else a2)
            b = b0 if constrained == 0 else (b1 if constrained == 1 else b2)
            pull = (square / p_square - 1.0) * p[constrained] - p_side * a
            pull += (square / q_square - 1.0) * q[constrained] + q_side * b
            if pull * sign >= 0.0:
                way = -1.0  # the far way round pulls to the active side
    p_out, q_out, p_side, q_side = square / p_square, square / q_square, p_side * way, q_side * way
    r1[0], r1[1], r1[2] = (
        p_out * p[0] + p_side * a0,
        p_out * p[1] + p_side * a1,
        p_out * p[2] + p_side * a2,
    )
    r2[0], r2[1], r2[2] = (
        q_out * q[0] - q_side * b0,
        q_out * q[1] - q_side * b1,
        q_out * q[2] - q_side * b2,
    )
    sine = n0 * (r1[1] * r2[2] - r1[2] * r2[1]) + n1 * (r1[2] * r2[0] - r1[0] * r2[2])
    sine += n2 * (r1[0] * r2[1] - r1[1] * r2[0])
    angle = atan2(way * sine, r1[0] * r2[0] + r1[1] * r2[1] + r1[2] * r2[2])
    if way < 0.0:
        angle = angle + 2.0 * pi if angle < 0.0 else angle
    elif angle < 0.0:  # by rounding, from none or from half a turn
        angle = 0.0 if angle > -1.0 else -angle
    return status, radius * angle


@leaf
def _any_normal(p: Floats, constrained: int, sign: int) -> tuple[float, float, float]:
    """A unit vector across ``p``: the circle about it goes over the active side, if it can."""
    axis = constrained
    if axis < 0 or abs(p[axis]) > 0.99 * sqrt(p[0] * p[0] + p[1] * p[1] + p[2] * p[2]):
        axis = 0
        for other in range(1, 3):
            if abs(p[other]) < abs(p[axis]):
                axis = other
    e0 = sign * (1.0 if axis == 0 else 0.0)
    e1 = sign * (1.0 if axis == 1 else 0.0)
    e2 = sign * (1.0 if axis == 2 else 0.0)
    n0, n1, n2 = p[1] * e2 - p[2] * e1, p[2] * e0 - p[0] * e2, p[0] * e1 - p[1] * e0
    length = sqrt(n0 * n0 + n1 * n1 + n2 * n2)
    return n0 / length, n1 / length, n2 / length
