"""Contact of a straight segment with an ellipsoid: the shortest way round is a geodesic.

OpenSim's ``WrapEllipsoid`` takes a plane section, through a point chosen in one of three ways. Here
plane sections only say which way round is short and where a geodesic may start; it is then found by
Newton's method on the tangent at its beginning. Where one side only may be wrapped over and the way
over the other is shorter, the path is the plane section over their border.
"""

from math import cos, pi, sin, sqrt

import numpy as np
from numpy.typing import NDArray

from proprio_tcn._jit import leaf
from proprio_tcn.arms.geodesics import measure_by, shoot
from proprio_tcn.arms.sections import (
    Cut,
    Section,
    crosses_sphere,
    cut_sphere,
    in_section,
    section_at,
)
from proprio_tcn.arms.statuses import INSIDE, MANDATORY, NONE
from proprio_tcn.arms.vectors import Vector, cross, dot, plus, scaled, times

__all__ = ["wrap_ellipsoid"]

Floats = NDArray[np.float64]

_WAYS = 8  # half planes tried
_STRIDE = 0.05  # radians of a half plane on its way to the border of the active side
_BORDER = 1e-9  # radians
_SHOTS = 8
_STRAIGHT = 1e-5  # radians by which the last tangent may point past q
_SWERVE = 0.4  # radians that a shot's heading may turn at most
_ASTRAY = 1.0  # radians from its section at which a geodesic is another one


@leaf
def wrap_ellipsoid(
    p: Floats, q: Floats, radii: Floats, constrained: int, sign: int, r1: Floats, r2: Floats
) -> tuple[int, float]:
    """Wrap the segment from ``p`` to ``q`` around an ellipsoid at the origin.

    Args:
        p: One end (3,), in the ellipsoid's frame.
        q: The other end (3,).
        radii: Along the axes (3,), above zero.
        constrained: Axis of which only one side is wrapped over; -1 for the shortest way round.
        sign: Which side of it, 1 or -1.
        r1: **Overwritten** with the tangent point next to ``p``, if the path wraps.
        r2: **Overwritten** with the tangent point next to ``q``, if the path wraps.

    Returns:
        Status and length of the path on the surface (0 if it does not wrap).
    """
    a, b, c = radii[0], radii[1], radii[2]
    start, target = (p[0] / a, p[1] / b, p[2] / c), (q[0] / a, q[1] / b, q[2] / c)
    if dot(start, start) < 1.0 or dot(target, target) < 1.0:
        return INSIDE, 0.0
    if not crosses_sphere(start, target):
        return NONE, 0.0
    cut = cut_sphere(start, target, (a, b, c))
    turn, section, free = _choose(cut, constrained, sign)
    if free:
        first, last, arc = _relax(start, target, (a, b, c), cut, turn, section)
    else:
        first, last = in_section(cut, turn, section.first), in_section(cut, turn, section.last)
        arc = section.arc
    r1[0], r1[1], r1[2] = a * first[0], b * first[1], c * first[2]
    r2[0], r2[1], r2[2] = a * last[0], b * last[1], c * last[2]
    return MANDATORY, arc


@leaf
def _is_active(cut: Cut, turn: float, section: Section, constrained: int, sign: int) -> bool:
    """Whether the middle of a way round is on the side that may be wrapped over."""
    if constrained < 0:
        return True
    return in_section(cut, turn, section.middle)[constrained] * sign >= 0.0


@leaf
def _choose(cut: Cut, constrained: int, sign: int) -> tuple[float, Section, bool]:
    """The shortest active section, near enough, and whether it is one among shorter ones."""
    turn, step = 0.0, 2.0 * pi / _WAYS
    best = section_at(cut, turn)
    found = _is_active(cut, turn, best, constrained, sign)
    for way in range(1, _WAYS):
        section = section_at(cut, way * step)
        if not found or section.length < best.length:
            active = _is_active(cut, way * step, section, constrained, sign)
            if active:
                best, turn, found = section, way * step, True
    for _ in range(2):  # to the bottom of parabolas through its neighbours
        left, right = section_at(cut, turn - step), section_at(cut, turn + step)
        bend = left.length + right.length - 2.0 * best.length
        if bend > 0.0:
            at = turn + 0.5 * step * (left.length - right.length) / bend
            section = section_at(cut, at)
            if section.length < best.length and _is_active(cut, at, section, constrained, sign):
                best, turn = section, at
        step *= 0.25
    if constrained < 0:
        return turn, best, True
    return _to_border(cut, turn, best, constrained, sign)


@leaf
def _to_border(
    cut: Cut, turn: float, best: Section, constrained: int, sign: int
) -> tuple[float, Section, bool]:
    """Walk on to shorter sections until the active side ends; whether it does not."""
    step = _STRIDE
    if section_at(cut, turn - step).length < section_at(cut, turn + step).length:
        step = -step
    while abs(step) > _BORDER:
        section = section_at(cut, turn + step)
        if section.length >= best.length:
            return turn, best, True
        if _is_active(cut, turn + step, section, constrained, sign):
            best, turn = section, turn + step
        else:
            step *= 0.5
    return turn, best, False


@leaf
def _relax(
    start: Vector, target: Vector, radii: Vector, cut: Cut, turn: float, section: Section
) -> tuple[Vector, Vector, float]:
    """The geodesic near a section: its ends on the unit sphere, and its length."""
    metric = measure_by(radii)
    first = in_section(cut, turn, section.first)
    last = in_section(cut, turn, section.last)
    unit = scaled(1.0 / sqrt(dot(start, start)), start)
    heading = plus(first, -dot(first, unit), unit)
    size = sqrt(dot(heading, heading))
    if size < 1e-7:  # p is on the surface: head along the circle, away from p
        middle = in_section(cut, turn, section.middle)
        heading = plus(middle, -dot(middle, unit), unit)
        size = sqrt(dot(heading, heading))
    if size < 1e-7:  # and so is q, beside it
        return first, last, section.arc
    heading, turned, angle = scaled(1.0 / size, heading), 0.0, section.angle
    for _ in range(_SHOTS):
        shot = shoot(start, heading, target, metric, angle)
        left = times(radii, plus(target, -1.0, shot.last))
        if abs(shot.miss) <= _STRAIGHT * (shot.arc + sqrt(dot(left, left))):
            return shot.first, shot.last, shot.arc
        swerve = shot.miss / shot.gain
        if not abs(swerve) < _SWERVE:  # also where it is no number
            swerve = _SWERVE if swerve > 0.0 else -_SWERVE
        turned, angle = turned + swerve, shot.angle
        if not 0.0 <= angle < 2.0 * pi or abs(turned) > _ASTRAY:
            break
        heading = plus(scaled(cos(swerve), heading), sin(swerve), cross(unit, heading))
    return first, last, section.arc
