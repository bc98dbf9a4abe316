"""Limit cycles: found by shooting, timed by events, judged by their Floquet multipliers.

A trajectory is followed until its maxima repeat; then Newton's method closes the orbit, with the
variational equation for its derivative, so that a cycle is exact also where it attracts slowly.
Integration is by DOP853, of order 8.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.integrate import DOP853, solve_ivp
from scipy.optimize import brentq

from rhythm_rnn.flows import Array, Flow

__all__ = ["Cycle", "limit_cycle", "trajectory"]

_ROUGH = 1e-7  # relative tolerance while the transient dies out
_AT_REST = 1e-6  # per ms, and of the state
_REPEATS = 1e-2  # distance of maxima that count as the same, relative to the amplitude
_MOST_MAXIMA = 4  # in one period
_NEWTON_STEPS = 10
_SMALLEST_AMPLITUDE = 1e-7


@dataclass(frozen=True)
class Cycle:
    """A periodic orbit.

    Attributes:
        cue: Its cue.
        period_ms: Its period.
        start: The state where the last variable is largest, shape (n,).
        multipliers: Floquet multipliers, the largest first, complex, shape (n,); one of them is 1,
            and the cycle is stable if all others are smaller.
        time_ms: From 0 to the period, shape (samples,).
        orbit: States at these times, shape (samples, n).
    """

    cue: float
    period_ms: float
    start: Array
    multipliers: NDArray[np.complex128]
    time_ms: Array
    orbit: Array

    @property
    def largest_multiplier(self) -> float:
        """Magnitude of the largest multiplier but the trivial one."""
        trivial = np.abs(self.multipliers - 1).argmin()
        return float(np.abs(np.delete(self.multipliers, trivial)).max())

    @property
    def stable(self) -> bool:
        """Whether neighbouring trajectories come back to it."""
        return self.largest_multiplier < 1


def trajectory(
    flow: Flow, state: ArrayLike, time_ms: ArrayLike, cue: float, *, rtol: float = 1e-11
) -> Array:
    """Integrate from a state.

    Args:
        flow: The flow.
        state: At the first time, shape (n,).
        time_ms: Rising times, shape (samples,).
        cue: The tonic input.
        rtol: Relative tolerance; the absolute one is a hundredth of it.

    Returns:
        States, shape (samples, n).

    Raises:
        ValueError: The times do not rise, a number is not finite, or the state runs away.
    """
    times = np.asarray(time_ms, dtype=np.float64)
    if times.ndim != 1 or len(times) < 2 or not (np.diff(times) > 0).all():
        raise ValueError(f"time_ms must be at least 2 rising times, got {np.array2string(times)}")
    begin = np.asarray(state, dtype=np.float64)
    if not (np.isfinite(begin).all() and np.isfinite(cue)):
        raise ValueError(f"state and cue must be finite, got {begin.tolist()} and {cue}")
    moments = times - times[0]
    return _solved(lambda _, s: flow.velocity(s, cue), begin, moments, rtol)


def limit_cycle(
    flow: Flow,
    cue: float,
    near: ArrayLike,
    *,
    rtol: float = 1e-11,
    longest_ms: float = 60_000.0,
    samples: int = 400,
) -> Cycle | None:
    """The limit cycle that a state runs to, or None if it comes to rest.

    Args:
        flow: The flow.
        cue: The tonic input.
        near: Where to begin, shape (n,); on a neighbouring cycle is best.
        rtol: Relative tolerance of the integration; the cycle closes as exactly.
        longest_ms: How long to wait for the transient to die out.
        samples: Number of samples of the orbit.

    Raises:
        ValueError: A number is not finite, or the trajectory neither rests nor repeats in time.
    """
    guess = _settled(flow, cue, np.asarray(near, dtype=np.float64), longest_ms)
    if guess is None:
        return None
    state, period, _ = _closed(flow, cue, *guess, max(rtol, _ROUGH))
    state, period, monodromy = _closed(flow, cue, state, period, rtol)
    times = np.linspace(0.0, period, samples)
    orbit = trajectory(flow, state, times, cue, rtol=rtol)
    if np.ptp(orbit[:, -1]) < _SMALLEST_AMPLITUDE:
        return None
    multipliers = np.linalg.eigvals(monodromy).astype(np.complex128)
    order = np.argsort(-np.abs(multipliers))
    return Cycle(cue, period, state, multipliers[order], times, orbit)


def _closed(
    flow: Flow, cue: float, state: Array, period_ms: float, rtol: float
) -> tuple[Array, float, Array]:
    """State, period and monodromy matrix of the closed orbit near a maximum, by Newton's method."""
    for _ in range(_NEWTON_STEPS):
        end, monodromy = _once_round(flow, state, cue, period_ms, rtol)
        gap = np.append(end - state, flow.velocity(state, cue)[-1])
        by_state = np.vstack([monodromy - np.eye(len(state)), flow.jacobian(state, cue)[-1]])
        by_period = np.append(flow.velocity(end, cue), 0.0)
        change = np.linalg.solve(np.column_stack([by_state, by_period]), -gap)
        state, period_ms = state + change[:-1], period_ms + float(change[-1])
        if np.abs(change[:-1]).max() < 10 * rtol:
            return state, period_ms, monodromy
    raise ValueError(f"the orbit at cue {cue:g} must close, but Newton's method did not converge")


def _settled(flow: Flow, cue: float, begin: Array, longest_ms: float) -> tuple[Array, float] | None:
    """A maximum near the cycle and its period, or None at rest."""
    if not (np.isfinite(begin).all() and np.isfinite(cue)):
        raise ValueError(f"near and cue must be finite, got {begin.tolist()} and {cue}")
    solver: Any = DOP853(
        lambda _, s: flow.velocity(s, cue), 0.0, begin, longest_ms, rtol=_ROUGH, atol=_ROUGH / 100
    )
    times: list[float] = []
    maxima: list[Array] = []
    lowest = np.inf
    while solver.status == "running":
        slope = solver.f[-1]
        solver.step()
        lowest = min(lowest, solver.y[-1])
        if _at_rest(flow, solver.y, cue, solver.f):
            return None
        if not slope > 0 >= solver.f[-1]:
            continue
        between = solver.dense_output()
        when: Any = brentq(
            lambda t, b=between: flow.velocity(b(t), cue)[-1], solver.t_old, solver.t
        )
        times.append(when)
        maxima.append(between(when))
        amplitude, lowest = maxima[-1][-1] - lowest, np.inf
        for n in range(1, _MOST_MAXIMA + 1):
            if len(maxima) > 2 * n and _repeats(maxima[-1 - 2 * n :: n], _REPEATS * amplitude):
                return maxima[-1], times[-1] - times[-1 - n]
    raise ValueError(
        f"at cue {cue:g} the state must rest or repeat within {longest_ms:g} ms, but did neither "
        f"({solver.status}): begin nearer to the cycle or wait longer"
    )


def _at_rest(flow: Flow, state: Array, cue: float, velocity: Array) -> bool:
    """Whether a stable fixed point is as near as the integration can tell."""
    if np.abs(velocity).max() > _AT_REST:
        return False
    jacobian = flow.jacobian(state, cue)
    if np.linalg.eigvals(jacobian).real.max() >= 0:
        return False
    # slow is not enough: past a fold the state creeps, but the point that rests is gone
    return bool(np.abs(np.linalg.solve(jacobian, velocity)).max() < _AT_REST)


def _repeats(maxima: list[Array], tolerance: float) -> bool:
    first, second, third = maxima
    return bool(max(np.abs(third - second).max(), np.abs(second - first).max()) < tolerance)


def _once_round(
    flow: Flow, state: Array, cue: float, period_ms: float, rtol: float
) -> tuple[Array, Array]:
    """State after one period `(n,)` and its derivative by the first state `(n, n)`."""
    n = len(state)

    def velocity(_: float, both: Array) -> Array:
        s, derivative = both[:n], both[n:].reshape(n, n)
        return np.concatenate([flow.velocity(s, cue), (flow.jacobian(s, cue) @ derivative).ravel()])

    begin = np.concatenate([state, np.eye(n).ravel()])
    end = _solved(velocity, begin, np.array([0.0, period_ms]), rtol)[-1]
    return end[:n], end[n:].reshape(n, n)


def _solved(velocity: Any, begin: Array, times_ms: Array, rtol: float) -> Array:
    """States `(times, n)` of an integration by DOP853."""
    span = (times_ms[0], times_ms[-1])
    done: Any = solve_ivp(
        velocity, span, begin, "DOP853", t_eval=times_ms, rtol=rtol, atol=rtol / 100
    )
    if not done.success:
        raise ValueError(f"the state must stay finite up to {times_ms[-1]:g} ms: {done.message}")
    return np.asarray(done.y.T)
