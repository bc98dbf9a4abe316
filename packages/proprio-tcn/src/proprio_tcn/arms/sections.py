"""Plane sections of an ellipsoid through a segment that crosses it: ways round, and their lengths.

In coordinates in which the ellipsoid is the unit sphere a section is a circle, and tangents are
tangents. A half plane that ends in the segment's line holds one way round; its length on the
ellipsoid is that of an arc in a quadratic form. Half planes are told apart by their angle as the
ellipsoid has it: around a long one, scaled, the short ways are close together.
"""

from math import atan2, cos, pi, sin, sqrt
from typing import NamedTuple

from proprio_tcn._jit import leaf
from proprio_tcn.arms.vectors import Vector, cross, dot, plus, scaled, times

__all__ = ["Cut", "Section", "crosses_sphere", "cut_sphere", "in_section", "section_at"]


class Cut(NamedTuple):
    """A segment that crosses the unit sphere, and how the ellipsoid measures what is around it.

    Attributes:
        along: Unit vector from p to q.
        foot: Point of the line nearest to the centre.
        one: A vector across the line: on the ellipsoid it has the least extent across it.
        two: Another at right angles to both, as long that its extent there is the same.
        p_at: Place of p along the line, from the foot.
        q_at: Place of q.
        p_free: Length of a tangent from p.
        q_free: Length of a tangent from q.
        form: Products of along, one and two on the ellipsoid: aa, a1, a2, 11, 12, 22.
        low: Products of the foot with one and with two.
    """

    along: Vector
    foot: Vector
    one: Vector
    two: Vector
    p_at: float
    q_at: float
    p_free: float
    q_free: float
    form: tuple[float, float, float, float, float, float]
    low: tuple[float, float]


class Section(NamedTuple):
    """The way round in one half plane; places are (along, across the line), from its origin.

    Attributes:
        length: Of the whole way, on the ellipsoid.
        arc: Of its part on the surface.
        angle: Of the circle between the tangent points.
        first: Tangent point next to p.
        last: Tangent point next to q.
        middle: Of the arc.
    """

    length: float
    arc: float
    angle: float
    first: tuple[float, float]
    last: tuple[float, float]
    middle: tuple[float, float]


@leaf
def crosses_sphere(p: Vector, q: Vector) -> bool:
    """Whether the segment between two points outside the unit sphere crosses it."""
    d = plus(q, -1.0, p)
    span, fraction = dot(d, d), -dot(p, d)
    if not 0.0 < fraction < span:
        return False
    foot = plus(p, fraction / span, d)
    return dot(foot, foot) < 1.0


@leaf
def cut_sphere(p: Vector, q: Vector, radii: Vector) -> Cut:
    """What a segment that crosses the unit sphere has around it."""
    d = plus(q, -1.0, p)
    span = sqrt(dot(d, d))
    along = scaled(1.0 / span, d)
    p_at = dot(p, along)
    q_at = p_at + span
    foot = plus(p, -p_at, along)

    # Two directions across the line that are at right angles on the ellipsoid too, seen along it.
    out = (0.0, along[2], -along[1]) if abs(along[0]) < 0.7 else (-along[2], 0.0, along[0])
    out = scaled(1.0 / sqrt(dot(out, out)), out)
    side = cross(along, out)
    a, o, t = times(radii, along), times(radii, out), times(radii, side)
    aa, ao, at = dot(a, a), dot(a, o), dot(a, t)
    oo, tt, mixed = dot(o, o) - ao * ao / aa, dot(t, t) - at * at / aa, dot(o, t) - ao * at / aa
    mean, apart = 0.5 * (oo + tt), sqrt(0.25 * (oo - tt) * (oo - tt) + mixed * mixed)
    tilt = 0.5 * atan2(-mixed, 0.5 * (tt - oo))
    c, s = cos(tilt), sin(tilt)
    one = plus(scaled(c, out), s, side)
    two = plus(scaled(c, side), -s, out)
    two = scaled(sqrt(max(mean - apart, 0.0) / (mean + apart)), two)
    o, t = times(radii, one), times(radii, two)
    form = (aa, dot(a, o), dot(a, t), dot(o, o), dot(o, t), dot(t, t))
    p_free, q_free = sqrt(max(dot(p, p) - 1.0, 0.0)), sqrt(max(dot(q, q) - 1.0, 0.0))
    low = (dot(foot, one), dot(foot, two))
    return Cut(along, foot, one, two, p_at, q_at, p_free, q_free, form, low)


@leaf
def in_section(cut: Cut, turn: float, place: tuple[float, float]) -> Vector:
    """A place in a half plane as a point."""
    across = plus(scaled(cos(turn), cut.one), sin(turn), cut.two)
    factor = place[1] / sqrt(dot(across, across))
    return plus(plus(cut.foot, place[0], cut.along), factor, across)


@leaf
def section_at(cut: Cut, turn: float) -> Section:
    """The way round in the half plane at ``turn``; its arc by the rule of Boole."""
    c, s = cos(turn), sin(turn)
    size = 1.0 / sqrt(c * c * dot(cut.one, cut.one) + s * s * dot(cut.two, cut.two))
    c, s = c * size, s * size
    aa, ag = cut.form[0], c * cut.form[1] + s * cut.form[2]
    gg = c * c * cut.form[3] + 2.0 * c * s * cut.form[4] + s * s * cut.form[5]
    low = c * cut.low[0] + s * cut.low[1]  # the circle's centre lies so far below the line
    square = max(1.0 - dot(cut.foot, cut.foot) + low * low, 0.0)
    radius = sqrt(square)
    p_out, q_out = cut.p_at * cut.p_at + low * low, cut.q_at * cut.q_at + low * low
    p_side, q_side = radius * cut.p_free / p_out, radius * cut.q_free / q_out
    p_out, q_out = square / p_out, square / q_out
    x1, y1 = p_out * cut.p_at + p_side * low, p_out * low - p_side * cut.p_at
    x5, y5 = q_out * cut.q_at - q_side * low, q_out * low + q_side * cut.q_at
    angle = atan2(x5 * y1 - y5 * x1, x1 * x5 + y1 * y5)
    if low < 0.0:
        angle = angle + 2.0 * pi if angle < 0.0 else angle
    elif angle < 0.0:  # by rounding, from none or from half a turn
        angle = 0.0 if angle > -1.0 else -angle
    x3, y3 = _midway(x1, y1, x5, y5, angle, radius)
    x2, y2 = _midway(x1, y1, x3, y3, 0.5 * angle, radius)
    x4, y4 = _midway(x3, y3, x5, y5, 0.5 * angle, radius)
    arc = 7.0 * (_measure(aa, ag, gg, y1, -x1) + _measure(aa, ag, gg, y5, -x5))
    arc += 32.0 * (_measure(aa, ag, gg, y2, -x2) + _measure(aa, ag, gg, y4, -x4))
    arc = angle / 90.0 * (arc + 12.0 * _measure(aa, ag, gg, y3, -x3))
    length = arc + _measure(aa, ag, gg, x1 - cut.p_at, y1 - low)
    length += _measure(aa, ag, gg, cut.q_at - x5, low - y5)
    return Section(length, arc, angle, (x1, y1 - low), (x5, y5 - low), (x3, y3 - low))


@leaf
def _measure(aa: float, ag: float, gg: float, x: float, y: float) -> float:
    return sqrt(max(aa * x * x + 2.0 * ag * x * y + gg * y * y, 0.0))


@leaf
def _midway(
    x1: float, y1: float, x2: float, y2: float, angle: float, radius: float
) -> tuple[float, float]:
    """Point of a circle midway between two, ``angle`` apart clockwise."""
    x, y = x1 + x2, y1 + y2
    if angle > 0.5 * pi:
        x, y = y1 - y2, x2 - x1
    factor = radius / sqrt(x * x + y * y)
    return factor * x, factor * y
