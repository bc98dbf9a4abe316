"""Geodesics of an ellipsoid, by shooting, in coordinates in which it is the unit sphere.

With A = diag(radii), a point of the surface is A y with y on the unit sphere. Its path at unit
speed in y bends by ``y'' = -(D y - (y' . D y) y') / (y . D y)``, D = A^-2; how far a turn at the
start shifts it further on is Jacobi's equation with the Gaussian curvature
``1 / (det A  y . D y)^2``. A line touches the ellipsoid where its image touches the sphere.
"""

from math import atan2, sqrt
from typing import NamedTuple

from proprio_tcn._jit import leaf
from proprio_tcn.arms.vectors import Vector, cross, dot, plus, scaled, times

__all__ = ["Metric", "Shot", "measure_by", "shoot"]

_STEP = 0.2  # radians on the unit sphere, at most
_ENDINGS = 3  # corrections of where the path leaves the surface
_NEAR = 1e-4  # radians: the next correction would be of the order of its cube


class Metric(NamedTuple):
    """Radii of an ellipsoid, their inverses, these squared, and the square of their product."""

    radii: Vector
    inverse: Vector
    flat: Vector
    volume: float


class Shot(NamedTuple):
    """A geodesic between two tangents.

    Attributes:
        first: Where it begins, on the unit sphere.
        last: Where it ends.
        arc: Its length on the ellipsoid.
        angle: Its length on the unit sphere.
        miss: How far beside the last tangent its target lies.
        gain: How much that falls per angle by which the heading turns.
    """

    first: Vector
    last: Vector
    arc: float
    angle: float
    miss: float
    gain: float


class _State(NamedTuple):
    """Place, direction, length gone, shift sideways, and its slope."""

    y: Vector
    v: Vector
    arc: float
    shift: float
    slope: float


@leaf
def measure_by(radii: Vector) -> Metric:
    """What the formulas need of the radii."""
    inverse = (1.0 / radii[0], 1.0 / radii[1], 1.0 / radii[2])
    product = radii[0] * radii[1] * radii[2]
    return Metric(radii, inverse, times(inverse, inverse), product * product)


@leaf
def shoot(p: Vector, heading: Vector, q: Vector, metric: Metric, angle: float) -> Shot:
    """Follow the geodesic that a tangent from ``p`` runs into until ``q`` comes in sight.

    Args:
        p: Where the tangent starts, on or outside the unit sphere.
        heading: Unit vector at right angles to ``p``, towards which the tangent passes the centre.
        q: What is to be seen, on or outside the unit sphere.
        metric: Of the ellipsoid.
        angle: A guess of the geodesic's length on the unit sphere.
    """
    square = dot(p, p)
    free = sqrt(max(square - 1.0, 0.0))
    v = plus(scaled(1.0 / sqrt(square), heading), -free / square, p)
    y = _unit(plus(p, free, v))
    v = _unit(plus(v, -dot(v, y), y))
    first, along = y, times(metric.radii, v)
    speed = sqrt(dot(along, along))
    aside = _aside(metric, y, along)
    slope = dot(times(metric.radii, cross(p, heading)), aside) / (square * speed)
    state = _State(y, v, 0.0, slope * free * speed, slope)

    steps = int(angle / _STEP) + 1
    for _ in range(steps):
        state = _advance(state, angle / steps, metric)
    for _ in range(_ENDINGS):
        missing = _ahead(dot(state.y, q), dot(state.v, q))
        state = _advance(state, missing, metric)
        angle += missing
        if abs(missing) < _NEAR:
            break
    aside = _aside(metric, state.y, times(metric.radii, state.v))
    left = times(metric.radii, plus(q, -1.0, state.y))
    gain = state.shift + state.slope * sqrt(dot(left, left))
    return Shot(first, state.y, state.arc, angle, dot(left, aside), gain)


@leaf
def _unit(a: Vector) -> Vector:
    return scaled(1.0 / sqrt(dot(a, a)), a)


@leaf
def _aside(metric: Metric, y: Vector, along: Vector) -> Vector:
    """Unit vector of the surface across a direction of it."""
    return _unit(cross(times(metric.inverse, y), along))


@leaf
def _ahead(level: float, climb: float) -> float:
    """Angle on a great circle to where its tangent meets q: level cos + climb sin = 1."""
    rest = level * level + climb * climb - 1.0
    if rest <= 0.0:
        return 0.0
    root = sqrt(rest)
    return atan2(climb - level * root, level + climb * root)


@leaf
def _bend(y: Vector, v: Vector, metric: Metric) -> tuple[Vector, float, float]:
    """Second derivative of the path, its speed on the ellipsoid, and minus that times curvature."""
    dy, along = times(metric.flat, y), times(metric.radii, v)
    eta, slip, speed = dot(y, dy), dot(v, dy), sqrt(dot(along, along))
    inverse = 1.0 / eta
    turn = scaled(-inverse, plus(dy, -slip, v))
    return turn, speed, -speed * inverse * inverse / metric.volume


@leaf
def _advance(s: _State, h: float, metric: Metric) -> _State:
    """One step of Runge and Kutta's fourth order."""
    half, sixth = 0.5 * h, h / 6.0
    a1, u1, c1 = _bend(s.y, s.v, metric)
    j1, k1 = s.slope * u1, s.shift * c1
    v2 = plus(s.v, half, a1)
    a2, u2, c2 = _bend(plus(s.y, half, s.v), v2, metric)
    j2, k2 = (s.slope + half * k1) * u2, (s.shift + half * j1) * c2
    v3 = plus(s.v, half, a2)
    a3, u3, c3 = _bend(plus(s.y, half, v2), v3, metric)
    j3, k3 = (s.slope + half * k2) * u3, (s.shift + half * j2) * c3
    v4 = plus(s.v, h, a3)
    a4, u4, c4 = _bend(plus(s.y, h, v3), v4, metric)
    j4, k4 = (s.slope + h * k3) * u4, (s.shift + h * j3) * c4
    y = _unit(plus(s.y, sixth, plus(plus(s.v, 1.0, v4), 2.0, plus(v2, 1.0, v3))))
    v = plus(s.v, sixth, plus(plus(a1, 1.0, a4), 2.0, plus(a2, 1.0, a3)))
    return _State(
        y,
        _unit(plus(v, -dot(v, y), y)),
        s.arc + sixth * (u1 + 2.0 * (u2 + u3) + u4),
        s.shift + sixth * (j1 + 2.0 * (j2 + j3) + j4),
        s.slope + sixth * (k1 + 2.0 * (k2 + k3) + k4),
    )
