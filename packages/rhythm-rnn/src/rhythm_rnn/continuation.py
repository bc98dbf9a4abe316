"""Fixed points followed over the cue, and the folds and Hopf points met on the way.

Pseudo-arclength continuation (Keller 1977): the next point is predicted along the tangent and
corrected at right angles to it, so that a branch is followed round its folds. Any smooth flow will
do; border collisions of piecewise linear ones are another matter.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

from rhythm_rnn.flows import Array, FixedPoint, Flow, eigenvalues_per_s

__all__ = ["Bifurcation", "Branch", "bifurcations", "continue_fixed_point", "tangent"]

_NEWTON_STEPS = 12
_STEP_CONVERGED = 1e-13
_RESIDUAL_CONVERGED = 1e-11
_LARGEST_TURN = 0.97  # cosine of the angle between successive tangents
_SMALLEST_STEP = 1e-7


@dataclass(frozen=True)
class Branch:
    """Fixed points in the order in which they were met.

    Attributes:
        cue: Shape (points,).
        state: Shape (points, n).
        eigenvalues: Of the Jacobian, in 1/s, the least stable first, complex, shape (points, n).
    """

    cue: Array
    state: Array
    eigenvalues: NDArray[np.complex128]

    @property
    def stable(self) -> NDArray[np.bool_]:
        """Whether each point is stable, shape (points,)."""
        return np.asarray(self.eigenvalues.real.max(axis=1) < 0)


class Bifurcation(NamedTuple):
    """Where a branch changes: a "fold" or a "hopf" point."""

    kind: str
    point: FixedPoint


def continue_fixed_point(
    flow: Flow,
    state: Array,
    cue: float,
    *,
    cue_range: tuple[float, float],
    rising: bool = True,
    largest_step: float = 0.02,
    max_points: int = 5000,
) -> Branch:
    """Follow a fixed point until it leaves a range of cues.

    Args:
        flow: What rests there.
        state: Near a fixed point, shape (n,).
        cue: Its cue, within the range.
        cue_range: Where to stop; the last point lies on the edge.
        rising: Whether the cue rises at first.
        largest_step: Arclength between points in the space of state and cue; shorter in bends.
        max_points: Where to stop on a branch that never leaves the range.

    Returns:
        The branch, its first point the corrected start.

    Raises:
        ValueError: The range is empty or does not hold the cue, no fixed point is near, or the
            branch ends, as it does where the flow is not smooth.
    """
    low, high = cue_range
    if not low < high or not low <= cue <= high:
        raise ValueError(f"cue_range must be (low, high) and hold cue {cue:g}, got {cue_range}")
    across = np.append(np.zeros(np.size(state)), 1.0)
    point = _corrected(flow, np.append(state, cue), across)
    if point is None:
        raise ValueError(f"state must be near a fixed point at cue {cue:g}, got {list(state)}")
    ahead = tangent(flow, point, across if rising else -across)
    points = [point]
    step = largest_step
    while len(points) < max_points:
        guess = points[-1] + step * ahead
        point = _corrected(flow, guess, ahead)
        turned = None if point is None else tangent(flow, point, ahead)
        if point is None or turned is None or turned @ ahead < _LARGEST_TURN:
            step /= 2
            if step < _SMALLEST_STEP:
                raise ValueError(
                    f"the branch must be smooth, but no point was found after cue "
                    f"{points[-1][-1]:.9g}"
                )
            continue
        if not low <= point[-1] <= high:
            edge = np.append(points[-1][:-1], np.clip(point[-1], low, high))
            last = _corrected(flow, edge, across)
            return _branch(flow, points if last is None else [*points, last])
        points.append(point)
        ahead, step = turned, min(largest_step, 1.5 * step)
    return _branch(flow, points)


def bifurcations(flow: Flow, branch: Branch) -> list[Bifurcation]:
    """The folds and Hopf points of a branch, located to rounding.

    A fold is where the branch turns back in the cue, a Hopf point where a complex pair of
    eigenvalues crosses the imaginary axis.

    Args:
        flow: The flow that the branch belongs to.
        branch: What `continue_fixed_point` found.

    Returns:
        In the order in which they were met.
    """
    points = np.column_stack([branch.state, branch.cue])
    n_unstable = (branch.eigenvalues.real > 0).sum(axis=1)
    found = []
    for i, (before, after) in enumerate(pairwise(points)):
        chord = after - before
        ends = [tangent(flow, point, chord)[-1] for point in (before, after)]
        if ends[0] * ends[1] < 0:
            found.append(_located(flow, "fold", before, chord, _fold_test))
        if abs(n_unstable[i + 1] - n_unstable[i]) == 2:
            found.append(_located(flow, "hopf", before, chord, _hopf_test))
    return found


def tangent(flow: Flow, point: Array, along: Array) -> Array:
    """Unit tangent `(n + 1,)` of the branch at a point (state, cue), on the side of `along`."""
    state, cue = point[:-1], float(point[-1])
    rows = np.column_stack([flow.jacobian(state, cue), flow.cue_derivative(state, cue)])
    bordered = np.vstack([rows, along / np.linalg.norm(along)])
    solution = np.linalg.solve(bordered, np.append(np.zeros(len(state)), 1.0))
    return np.asarray(solution / np.linalg.norm(solution))


def _corrected(flow: Flow, guess: Array, across: Array) -> Array | None:
    """The fixed point in the plane through a guess at right angles to a direction, by Newton."""
    point = guess
    for _ in range(_NEWTON_STEPS):
        state, cue = point[:-1], float(point[-1])
        rows = np.column_stack([flow.jacobian(state, cue), flow.cue_derivative(state, cue)])
        residual = np.append(flow.velocity(state, cue), across @ (point - guess))
        step = np.linalg.solve(np.vstack([rows, across]), residual)
        point = point - step
        if np.linalg.norm(step) < _STEP_CONVERGED * (1 + np.linalg.norm(point)):
            break
    worst = np.abs(flow.velocity(point[:-1], float(point[-1]))).max()
    return point if worst < _RESIDUAL_CONVERGED else None


def _located(
    flow: Flow,
    kind: str,
    before: Array,
    chord: Array,
    test: Callable[[Flow, Array, Array], float],
) -> Bifurcation:
    """Where the test function is zero between a point and the one a chord further."""

    def between(fraction: float) -> Array:
        point = _corrected(flow, before + fraction * chord, chord / np.linalg.norm(chord))
        if point is None:
            raise ValueError(f"the branch must be smooth near cue {before[-1]:.9g}, but it is not")
        return point

    root: Any = brentq(lambda f: test(flow, between(f), chord), 0.0, 1.0, xtol=1e-14, rtol=1e-14)
    point = between(root)
    return Bifurcation(kind, _fixed_point(flow, point))


def _fold_test(flow: Flow, point: Array, chord: Array) -> float:
    """Slope of the cue along the branch."""
    return float(tangent(flow, point, chord)[-1])


def _hopf_test(flow: Flow, point: Array, _: Array) -> float:
    """Real part of the complex pair that is nearest to the imaginary axis."""
    values = _fixed_point(flow, point).eigenvalues
    pairs = values[values.imag > 0]
    return float(pairs.real[np.abs(pairs.real).argmin()])


def _fixed_point(flow: Flow, point: Array) -> FixedPoint:
    state, cue = point[:-1], float(point[-1])
    return FixedPoint(cue, state, eigenvalues_per_s(flow, state, cue))


def _branch(flow: Flow, points: list[Array]) -> Branch:
    stacked = np.array(points)
    values = np.array([_fixed_point(flow, point).eigenvalues for point in points])
    return Branch(stacked[:, -1], stacked[:, :-1], values)
