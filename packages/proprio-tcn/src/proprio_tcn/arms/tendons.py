"""Contact of a straight segment with a sphere or a cylinder as MuJoCo's spatial tendons have it.

A side site says which way round; one inside the object says that the tendon passes within it and
touches its wall. The rules and their tolerances are those of MuJoCo's ``mju_wrap``.
"""

from math import acos, asin, atan2, cos, pi, sin, sqrt

import numpy as np
from numpy.typing import NDArray

from proprio_tcn._jit import leaf
from proprio_tcn.arms.statuses import MANDATORY, NONE

__all__ = ["wrap_mujoco"]

Floats = NDArray[np.float64]

_TINY = 1e-15  # MuJoCo's mjMINVAL
_FAR = 1e150  # a square beyond which its square overflows
_STEPS = 20  # of Newton's method
_START = 1.0 - 1e-7
_TOLERANCE = 1e-6
_APART = 1.0 - 1e-9  # tangents that share an end do not cross; MuJoCo leaves this to rounding


@leaf
def wrap_mujoco(
    p: Floats,
    q: Floats,
    radius: float,
    sphere: bool,
    side: Floats,
    has_side: bool,
    r1: Floats,
    r2: Floats,
) -> tuple[int, float]:
    """Wrap the segment from ``p`` to ``q`` around a sphere or a cylinder about z, at the origin.

    Args:
        p: One end (3,), in the object's frame.
        q: The other end (3,).
        radius: Of the object.
        sphere: Whether it is a sphere; else an endless cylinder.
        side: Side site (3,).
        has_side: Whether there is one; else the shorter way is taken.
        r1: **Overwritten** with the tangent point next to ``p``, if the path wraps.
        r2: **Overwritten** with the tangent point next to ``q``, if the path wraps.

    Returns:
        ``MANDATORY`` or ``NONE``, and the length of the path on the surface.
    """
    a0, a1, a2, b0, b1, b2 = 1.0, 0.0, 0.0, 0.0, 1.0, 0.0
    p_square = p[0] * p[0] + p[1] * p[1] + p[2] * p[2]
    q_square = q[0] * q[0] + q[1] * q[1] + q[2] * q[2]
    if min(p_square, q_square) < _TINY * _TINY or not max(p_square, q_square) < _FAR:
        return NONE, 0.0
    if sphere:
        a0, a1, a2, b0, b1, b2 = _plane(p, q, sqrt(p_square))
    px, py = p[0] * a0 + p[1] * a1 + p[2] * a2, p[0] * b0 + p[1] * b1 + p[2] * b2
    qx, qy = q[0] * a0 + q[1] * a1 + q[2] * a2, q[0] * b0 + q[1] * b1 + q[2] * b2
    sx = sy = 0.0
    inside = False
    if has_side:
        inside = side[0] * side[0] + side[1] * side[1] + side[2] * side[2] < radius * radius
        sx = side[0] * a0 + side[1] * a1 + side[2] * a2
        sy = side[0] * b0 + side[1] * b1 + side[2] * b2
        length = sqrt(sx * sx + sy * sy)
        if length < _TINY:
            sx, sy, length = 1.0, 0.0, 1.0
        sx, sy = radius * sx / length, radius * sy / length
    if inside:
        wraps, x1, y1 = _touch_inside(px, py, qx, qy, radius)
        x2, y2, arc = x1, y1, 0.0
    else:
        wraps, x1, y1, x2, y2, arc = _go_round(px, py, qx, qy, radius, sx, sy, has_side)
    if not wraps:
        return NONE, 0.0
    r1[0], r1[1], r1[2] = a0 * x1 + b0 * y1, a1 * x1 + b1 * y1, a2 * x1 + b2 * y1
    r2[0], r2[1], r2[2] = a0 * x2 + b0 * y2, a1 * x2 + b1 * y2, a2 * x2 + b2 * y2
    if not sphere:
        p_free = sqrt((px - x1) * (px - x1) + (py - y1) * (py - y1))
        q_free = sqrt((qx - x2) * (qx - x2) + (qy - y2) * (qy - y2))
        total = p_free + arc + q_free
        rise = (q[2] - p[2]) / total if total > 0.0 else 0.0
        r1[2], r2[2] = p[2] + rise * p_free, p[2] + rise * (p_free + arc)
        arc = sqrt(arc * arc + (r2[2] - r1[2]) * (r2[2] - r1[2]))
    return MANDATORY, arc


@leaf
def _plane(
    p: Floats, q: Floats, p_length: float
) -> tuple[float, float, float, float, float, float]:
    """Axes of the plane of ``p``, ``q`` and the centre, or of a fixed one where they are in line.

    The first points to ``p``.
    """
    a0, a1, a2 = p[0] / p_length, p[1] / p_length, p[2] / p_length
    n0, n1, n2 = p[1] * q[2] - p[2] * q[1], p[2] * q[0] - p[0] * q[2], p[0] * q[1] - p[1] * q[0]
    length = sqrt(n0 * n0 + n1 * n1 + n2 * n2)
    if length < _TINY:
        largest = 0
        if abs(a1) > abs(a0) and abs(a1) > abs(a2):
            largest = 1
        if abs(a2) > abs(a0) and abs(a2) > abs(a1):
            largest = 2
        e0 = 0.0 if largest == 0 else 1.0
        e1 = 0.0 if largest == 1 else 1.0
        e2 = 0.0 if largest == 2 else 1.0
        n0, n1, n2 = a1 * e2 - a2 * e1, a2 * e0 - a0 * e2, a0 * e1 - a1 * e0
        length = sqrt(n0 * n0 + n1 * n1 + n2 * n2)
        if length < _TINY:  # in line with that too: then it has no share of x
            n0, n1, n2, length = 1.0, 0.0, 0.0, 1.0
    n0, n1, n2 = n0 / length, n1 / length, n2 / length
    b0, b1, b2 = n1 * a2 - n2 * a1, n2 * a0 - n0 * a2, n0 * a1 - n1 * a0
    length = sqrt(b0 * b0 + b1 * b1 + b2 * b2)
    return a0, a1, a2, b0 / length, b1 / length, b2 / length


@leaf
def _cross_over(
    px: float, py: float, x1: float, y1: float, qx: float, qy: float, x2: float, y2: float
) -> bool:
    """Whether the segment from p to (x1, y1) meets that from q to (x2, y2)."""
    det = (y2 - qy) * (x1 - px) - (x2 - qx) * (y1 - py)
    if abs(det) < _TINY:
        return False
    a = ((x2 - qx) * (py - qy) - (y2 - qy) * (px - qx)) / det
    b = ((x1 - px) * (py - qy) - (y1 - py) * (px - qx)) / det
    return 0.0 <= a <= _APART and 0.0 <= b <= _APART


@leaf
def _tangents(
    px: float, py: float, qx: float, qy: float, radius: float, way: float
) -> tuple[float, float, float, float]:
    square, p_square, q_square = radius * radius, px * px + py * py, qx * qx + qy * qy
    p_free, q_free = way * sqrt(p_square - square), way * sqrt(q_square - square)
    return (
        (px * square + radius * py * p_free) / p_square,
        (py * square - radius * px * p_free) / p_square,
        (qx * square - radius * qy * q_free) / q_square,
        (qy * square + radius * qx * q_free) / q_square,
    )


@leaf
def _go_round(
    px: float,
    py: float,
    qx: float,
    qy: float,
    radius: float,
    sx: float,
    sy: float,
    has_side: bool,
) -> tuple[bool, float, float, float, float, float]:
    """Two tangent points on a circle and the arc between them, or False first."""
    straight = (False, 0.0, 0.0, 0.0, 0.0, 0.0)
    square = radius * radius
    if px * px + py * py < square or qx * qx + qy * qy < square or radius < _TINY:
        return straight
    x, y = qx - px, qy - py
    along = x * x + y * y
    if along < _TINY:
        return straight
    near = min(max(-(x * px + y * py) / along, 0.0), 1.0)
    nx, ny = px + near * x, py + near * y
    if nx * nx + ny * ny > square and (not has_side or sx * nx + sy * ny >= 0.0):
        return straight

    best_way, best = 1.0, -np.inf
    for choice in range(2):
        way = 1.0 - 2.0 * choice
        x1, y1, x2, y2 = _tangents(px, py, qx, qy, radius, way)
        if has_side:
            length = sqrt((x1 + x2) * (x1 + x2) + (y1 + y2) * (y1 + y2))
            good = ((x1 + x2) * sx + (y1 + y2) * sy) / length if length >= _TINY else sx
        else:
            good = -((x1 - x2) * (x1 - x2) + (y1 - y2) * (y1 - y2))
        if _cross_over(px, py, x1, y1, qx, qy, x2, y2):
            good = -10000.0
        if choice == 0 or good >= best:
            best_way, best = way, good
    x1, y1, x2, y2 = _tangents(px, py, qx, qy, radius, best_way)
    if _cross_over(px, py, x1, y1, qx, qy, x2, y2):
        return straight
    turn = y1 * x2 - x1 * y2
    angle = atan2(abs(turn), x1 * x2 + y1 * y2)
    if (turn > 0.0 and best_way < 0.0) or (turn < 0.0 and best_way > 0.0):
        angle = 2.0 * pi - angle
    return True, x1, y1, x2, y2, radius * angle


@leaf
def _touch_inside(
    px: float, py: float, qx: float, qy: float, radius: float
) -> tuple[bool, float, float]:
    """The point where a tendon that passes within a circle touches its wall, or False first."""
    p_length, q_length = sqrt(px * px + py * py), sqrt(qx * qx + qy * qy)
    x, y = qx - px, qy - py
    along = x * x + y * y
    if p_length <= radius or q_length <= radius or radius < _TINY:
        return False, 0.0, 0.0
    if along > _TINY:
        near = -(x * px + y * py) / along
        nx, ny = px + near * x, py + near * y
        if 0.0 < near < 1.0 and sqrt(nx * nx + ny * ny) <= radius:
            return False, 0.0, 0.0
    mx, my = 0.5 * (px + qx), 0.5 * (py + qy)
    length = sqrt(mx * mx + my * my)
    if length < _TINY:
        mx, my, length = 1.0, 0.0, 1.0
    mx, my = radius * mx / length, radius * my / length
    a, b = radius / p_length, radius / q_length
    cosine = (p_length * p_length + q_length * q_length - along) / (2.0 * p_length * q_length)
    if cosine < -1.0 + _TINY:
        return False, 0.0, 0.0
    if cosine > 1.0 - _TINY:
        return True, mx, my
    z, converged = _inside_sine(a, b, acos(cosine))
    if not converged:
        return True, mx, my
    vx, vy, angle = px / p_length, py / p_length, asin(z) - asin(a * z)
    if px * qy - py * qx <= 0.0:
        vx, vy, angle = qx / q_length, qy / q_length, asin(z) - asin(b * z)
    cosine, sine = cos(angle), sin(angle)
    return True, radius * (cosine * vx - sine * vy), radius * (sine * vx + cosine * vy)


@leaf
def _inside_sine(a: float, b: float, gap: float) -> tuple[float, bool]:
    """Solve ``asin(a z) + asin(b z) - 2 asin(z) + gap = 0`` from the right, by Newton's method."""
    z = _START
    f = asin(a * z) + asin(b * z) - 2.0 * asin(z) + gap
    if f > 0.0:  # it almost touches as it is: z = cos(u), and u is small
        return cos(max(0.5 * (pi - asin(a) - asin(b) - gap), 0.0)), True
    for _ in range(_STEPS):
        if abs(f) <= _TOLERANCE:
            return z, True
        slope = a / max(_TINY, sqrt(1.0 - z * z * a * a)) + b / max(
            _TINY, sqrt(1.0 - z * z * b * b)
        )
        slope -= 2.0 / max(_TINY, sqrt(1.0 - z * z))
        if slope > -_TINY:
            return z, False
        after = z - f / slope
        if after > z:
            return z, False
        z = after
        f = asin(a * z) + asin(b * z) - 2.0 * asin(z) + gap
        if f > _TOLERANCE:
            return z, False
    return z, False
