"""Vectors of three numbers as tuples: compiled, they live in registers."""

from proprio_tcn._jit import leaf

__all__ = ["Vector", "cross", "dot", "plus", "scaled", "times"]

Vector = tuple[float, float, float]


@leaf
def dot(a: Vector, b: Vector) -> float:
    """Inner product."""
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


@leaf
def cross(a: Vector, b: Vector) -> Vector:
    """Outer product."""
    return (a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0])


@leaf
def times(a: Vector, b: Vector) -> Vector:
    """Product of components."""
    return (a[0] * b[0], a[1] * b[1], a[2] * b[2])


@leaf
def scaled(factor: float, a: Vector) -> Vector:
    """``factor * a``."""
    return (factor * a[0], factor * a[1], factor * a[2])


@leaf
def plus(a: Vector, factor: float, b: Vector) -> Vector:
    """``a + factor * b``."""
    return (a[0] + factor * b[0], a[1] + factor * b[1], a[2] + factor * b[2])
