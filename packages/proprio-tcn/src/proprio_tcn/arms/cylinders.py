"""Contact of a straight segment with a cylinder: a helix between two tangent points.

Which way round, and whether at all, follows OpenSim's ``WrapCylinder``; the helix itself is exact.
Two things are otherwise, because there OpenSim's path depends on which end is called the first or
jumps by a whole turn: a segment that clears the cylinder on the side of its way round is straight,
and where the tangent points do not tell the side, the middle of the way round does.
"""

from math import atan2, pi, sqrt

import numpy as np
from numpy.typing import NDArray

from proprio_tcn._jit import leaf
from proprio_tcn.arms.statuses import INSIDE, MANDATORY, NONE, WRAPPED

__all__ = ["wrap_cylinder"]

Floats = NDArray[np.float64]

_FAR = 1e300  # a square beyond which products overflow


@leaf
def wrap_cylinder(
    p: Floats,
    q: Floats,
    radius: float,
    half_length: float,
    constrained: int,
    sign: int,
    r1: Floats,
    r2: Floats,
) -> tuple[int, float]:
    """Wrap the segment from ``p`` to ``q`` around a cylinder about z, centred at the origin.

    Args:
        p: One end (3,), in the cylinder's frame.
        q: The other end (3,).
        radius: Of the cylinder, above zero.
        half_length: A path that touches beyond it with both tangent points is straight instead.
        constrained: Axis of which only one side is wrapped over; -1 for the nearer way round.
        sign: Which side of it, 1 or -1.
        r1: **Overwritten** with the tangent point next to ``p``, if the path wraps.
        r2: **Overwritten** with the tangent point next to ``q``, if the path wraps.

    Returns:
        Status and length of the path on the surface (0 if it does not wrap).
    """
    square = radius * radius
    p_square, q_square = p[0] * p[0] + p[1] * p[1], q[0] * q[0] + q[1] * q[1]
    if p_square < square or q_square < square:
        return INSIDE, 0.0
    x, y, z = q[0] - p[0], q[1] - p[1], q[2] - p[2]
    along, across = x * x + y * y, p[0] * q[1] - p[1] * q[0]
    if not 0.0 < along < _FAR:
        return NONE, 0.0
    # At this fraction of the segment its line passes the axis, |across| / sqrt(along) away.
    near = -(p[0] * x + p[1] * y) / along
    crosses = 0.0 < near < 1.0 and across * across < square * along
    if not crosses and constrained < 0:
        return NONE, 0.0

    p_free, q_free = sqrt(p_square - square), sqrt(q_square - square)
    p_out, p_side = square / p_square, radius * p_free / p_square
    q_out, q_side = square / q_square, radius * q_free / q_square
    nearer = 1.0 if across >= 0.0 else -1.0  # 1: counter-clockwise from p to q
    status, way = MANDATORY, nearer
    if constrained >= 0:
        status = _constrained_status(p, q, near, crosses, constrained, sign)
        if status == NONE:
            return NONE, 0.0
        way = _constrained_way(p, q, p_out, p_side, q_out, q_side, nearer, constrained, sign)
        if way == nearer and not crosses:
            return NONE, 0.0
    p_side *= way
    q_side *= way
    x1, y1 = p_out * p[0] - p_side * p[1], p_out * p[1] + p_side * p[0]
    x2, y2 = q_out * q[0] + q_side * q[1], q_out * q[1] - q_side * q[0]
    angle = way * atan2(x1 * y2 - y1 * x2, x1 * x2 + y1 * y2)
    if way != nearer:
        angle = angle + 2.0 * pi if angle < 0.0 else angle
    elif angle < 0.0:  # by rounding, from none or from half a turn
        angle = 0.0 if angle > -1.0 else -angle

    # Unrolled, the path is straight: height is shared out in proportion to the way.
    arc = radius * angle
    total = p_free + arc + q_free
    rise = z / total if total > 0.0 else 0.0
    z1, z2 = p[2] + rise * p_free, q[2] - rise * q_free
    if abs(z1) > half_length and abs(z2) > half_length:
        return NONE, 0.0
    r1[0], r1[1], r1[2] = x1, y1, z1
    r2[0], r2[1], r2[2] = x2, y2, z2
    return status, arc * sqrt(1.0 + rise * rise)


@leaf
def _constrained_status(
    p: Floats, q: Floats, near: float, crosses: bool, axis: int, sign: int
) -> int:
    p_on, q_on = (p[axis] >= 0.0) == (sign > 0), (q[axis] >= 0.0) == (sign > 0)
    if not (p_on or q_on):
        return WRAPPED  # both beyond the object: round its active side, whether they cross or not
    if crosses:
        return MANDATORY
    passes_on = (p[axis] + near * (q[axis] - p[axis]) >= 0.0) == (sign > 0)
    return NONE if p_on == q_on or passes_on else WRAPPED


@leaf
def _constrained_way(
    p: Floats,
    q: Floats,
    p_out: float,
    p_side: float,
    q_out: float,
    q_side: float,
    nearer: float,
    axis: int,
    sign: int,
) -> float:
    """The way round, 1 or -1, whose tangent points lie on the active side.

    The point next to p of the way 1 lies to the left of p, that next to q to the right of q.
    """
    if axis == 2:  # the sides are the cylinder's halves: they do not tell the ways apart
        p_turn = q_turn = 0.0
        p_left = p_right = (p[2] >= 0.0) == (sign > 0)
        q_left = q_right = (q[2] >= 0.0) == (sign > 0)
    else:
        p_turn, q_turn = p_side * p[1 - axis], q_side * q[1 - axis]
        if axis == 0:
            p_turn, q_turn = -p_turn, -q_turn
        p_left = (p_out * p[axis] + p_turn >= 0.0) == (sign > 0)
        p_right = (p_out * p[axis] - p_turn >= 0.0) == (sign > 0)
        q_left = (q_out * q[axis] + q_turn >= 0.0) == (sign > 0)
        q_right = (q_out * q[axis] - q_turn >= 0.0) == (sign > 0)
    votes = int(p_left) - int(p_right) + int(q_right) - int(q_left)
    if votes != 0:
        return 1.0 if votes > 0 else -1.0
    if p_left or p_right or q_left or q_right:
        middle = p_out * p[axis] + nearer * p_turn + q_out * q[axis] - nearer * q_turn
        return nearer if axis == 2 or middle * sign >= 0.0 else -nearer
    # None is active: the way whose points are further apart by angle, which leads there.
    plus = (p_out * p[0] - p_side * p[1]) * (q_out * q[0] + q_side * q[1])
    plus += (p_out * p[1] + p_side * p[0]) * (q_out * q[1] - q_side * q[0])
    minus = (p_out * p[0] + p_side * p[1]) * (q_out * q[0] - q_side * q[1])
    minus += (p_out * p[1] - p_side * p[0]) * (q_out * q[1] + q_side * q[0])
    return 1.0 if plus < minus else -1.0
