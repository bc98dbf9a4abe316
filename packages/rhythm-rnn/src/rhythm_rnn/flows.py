"""Flows with a cue as their parameter, and the states at which they rest."""

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["Array", "FixedPoint", "Flow", "SmoothFlow", "eigenvalues_per_s", "find_fixed_points"]

Array = NDArray[np.float64]

_NEWTON_STEPS = 60
_LONGEST_STEP = 0.05
_CONVERGED = 1e-14
_RESIDUAL = 1e-12
_SAME = 1e-7


class Flow(Protocol):
    """A flow of states `(..., n)`, which a cue drives."""

    def velocity(self, state: Array, cue: ArrayLike) -> Array:
        """ds/dt per ms, shape (..., n)."""

    def jacobian(self, state: Array, cue: ArrayLike) -> Array:
        """Its derivative by the state, shape (..., n, n)."""

    def cue_derivative(self, state: Array, cue: ArrayLike) -> Array:
        """Its derivative by the cue, shape (..., n)."""


class SmoothFlow(Flow, Protocol):
    """A flow whose cue adds to the velocity, with the derivatives that normal forms need."""

    def higher_derivative(self, state: Array, *directions: NDArray[Any]) -> NDArray[Any]:
        """Its second or third derivative at one state along two or three directions, shape (n,)."""


@dataclass(frozen=True)
class FixedPoint:
    """A state that rests.

    Attributes:
        cue: The cue at which it rests.
        state: Shape (n,).
        eigenvalues: Of the Jacobian, in 1/s, the least stable first, shape (n,), complex.
    """

    cue: float
    state: Array
    eigenvalues: NDArray[np.complex128]

    @property
    def n_unstable(self) -> int:
        """Number of directions in which it is left."""
        return int((self.eigenvalues.real > 0).sum())

    @property
    def stable(self) -> bool:
        """Whether small deviations die out."""
        return self.n_unstable == 0

    @property
    def kind(self) -> str:
        """Its name: stable or unstable, node or focus, or saddle.

        A point with a single unstable direction is a saddle. Of the others, the least stable
        direction decides between node and focus.
        """
        if self.n_unstable == 1:
            return "saddle"
        shape = "focus" if self.eigenvalues[0].imag else "node"
        return f"{'stable' if self.stable else 'unstable'} {shape}"


def find_fixed_points(flow: Flow, cue: float, starts: Array) -> list[FixedPoint]:
    """The states that rest at one cue, by Newton's method from many starts at once.

    Args:
        flow: The flow.
        cue: The tonic input.
        starts: Where to begin, shape (starts, n).

    Returns:
        The fixed points that were found, by rising last variable.

    Raises:
        ValueError: The cue is not finite.
    """
    if not np.isfinite(cue):
        raise ValueError(f"cue must be finite, got {cue}")
    state = starts
    for _ in range(_NEWTON_STEPS):
        velocity = flow.velocity(state, cue)
        step = np.linalg.solve(flow.jacobian(state, cue), velocity[..., None])[..., 0]
        # short steps: far out the flow is nearly straight and Newton overshoots
        length = np.linalg.norm(step, axis=-1, keepdims=True)
        state = state - step * np.minimum(1.0, _LONGEST_STEP / np.maximum(length, _LONGEST_STEP))
        if length.max() < _CONVERGED:
            break
    speed = np.linalg.norm(flow.velocity(state, cue), axis=-1)
    resting = _distinct(state[speed < _RESIDUAL])
    return [FixedPoint(cue, point, eigenvalues_per_s(flow, point, cue)) for point in resting]


def eigenvalues_per_s(flow: Flow, state: Array, cue: float) -> NDArray[np.complex128]:
    """Eigenvalues of the Jacobian at one state, in 1/s, the least stable first, shape (n,)."""
    values = 1e3 * np.linalg.eigvals(flow.jacobian(state, cue))
    return np.asarray(values[np.lexsort((-values.imag, -values.real))], dtype=np.complex128)


def _distinct(points: Array) -> list[Array]:
    """One of each group of equal points, by rising last variable."""
    found: list[Array] = []
    for point in points[np.argsort(points[:, -1])]:
        if all(np.linalg.norm(point - other) > _SAME for other in found):
            found.append(point)
    return found
