"""Fixed points of a rate network at a constant cue, and their stability in the flow and in the map.

A state rests where ``h = W f(h) + w cue + b``. Newton's method solves for many starts at once; for
ReLU units a step lands exactly as soon as it knows which units are on, the active set.

The flow is the differential equation; the map is one step of its simulation by Euler's method,
``h + dt dh/dt``. They rest at the same states, and an eigenvalue L of the flow is 1 + dt L of the
map. A focus that is stable in the flow can be unstable in the map, never the other way round.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from neuro_common.rate_sequence import ACTIVATIONS
from neuro_common.rates import RateNetwork
from rhythm_rnn.flows import Array, FixedPoint
from rhythm_rnn.task import CUE

__all__ = [
    "BranchEvent",
    "NetworkFixedPoint",
    "RateFlow",
    "fixed_point",
    "network_fixed_points",
    "rest_near",
    "same_state",
]

_NEWTON_STEPS = 30
_BATCH_NUMBERS = 2**24  # of all Jacobians that are held at once: 128 MiB
_RESIDUAL = 1e-9  # of the largest term of the balance
_SAME = 1e-6  # distance of equal states, relative to their size


@dataclass(frozen=True, eq=False)
class RateFlow:
    """The noise-free flow of a rate network whose cue is constant and whose other inputs are zero.

    It is a `rhythm_rnn.flows.Flow`: states are `(..., n)`, cues `(...)`, all in float64.

    Attributes:
        weight: Effective recurrent weights, shape (n, n), row = post, column = pre.
        cue_weight: What the cue gives to each unit, shape (n,).
        bias: Constant input of each unit, shape (n,).
        tau_ms: Time constants, shape (n,).
        dt_ms: Step of the simulated map.
        activation: "relu", "tanh" or "softplus".
        readout_weight: Weights of the first output, shape (n,).
        readout_bias: Its bias.
    """

    weight: Array
    cue_weight: Array
    bias: Array
    tau_ms: Array
    dt_ms: float
    activation: str
    readout_weight: Array
    readout_bias: float

    @classmethod
    def of(cls, network: RateNetwork, channel: int = CUE) -> "RateFlow":
        """The flow of a network.

        Args:
            network: Any rate network.
            channel: Its input that is the cue.

        Raises:
            ValueError: The network has no such input.
        """
        inputs = network.input_weight.shape[1]
        if not 0 <= channel < inputs:
            raise ValueError(f"channel must be one of the network's {inputs} inputs, got {channel}")

        def array(tensor: torch.Tensor) -> Array:
            return tensor.detach().double().cpu().numpy()

        return cls(
            array(network.effective_weight()),
            array(network.input_weight[:, channel]),
            array(network.bias),
            np.broadcast_to(array(network.tau_ms), network.units),
            network.dt_ms,
            network.activation,
            array(network.output_weight[0]),
            float(network.output_bias.detach()[0]),
        )

    @property
    def piecewise_linear(self) -> bool:
        """Whether the units are ReLU: what rests then moves along straight lines with the cue."""
        return self.activation == "relu"

    def rates(self, state: Array) -> Array:
        """Rates f(h), shape of the state."""
        given = torch.from_numpy(np.ascontiguousarray(state))
        rates = torch.empty_like(given)
        ACTIVATIONS[self.activation].rate(given, rates)
        return rates.numpy()

    def slopes(self, state: Array) -> Array:
        """f'(h), shape of the state; 0 at the border of a ReLU unit."""
        rates = torch.from_numpy(self.rates(state))
        slopes = torch.empty_like(rates)
        ACTIVATIONS[self.activation].slope(rates, slopes)
        return slopes.numpy()

    def drive(self, cue: ArrayLike) -> Array:
        """Input from outside the network, shape (..., n)."""
        return np.asarray(np.asarray(cue)[..., None] * self.cue_weight + self.bias)

    def velocity(self, state: Array, cue: ArrayLike) -> Array:
        """dh/dt per ms, shape of the state."""
        inputs = self.rates(state) @ self.weight.T + self.drive(cue)
        return np.asarray((inputs - state) / self.tau_ms)

    def jacobian(self, state: Array, cue: ArrayLike = 0.0) -> Array:
        """Derivative of the velocity by the state, per ms, (..., n, n); the same at every cue."""
        inner = self.weight * self.slopes(state)[..., None, :] - np.eye(len(self.bias))
        return np.asarray(inner / self.tau_ms[:, None])

    def cue_derivative(self, state: Array, cue: ArrayLike = 0.0) -> Array:
        """Derivative of the velocity by the cue, per ms, shape of the state; constant here."""
        return np.broadcast_to(self.cue_weight / self.tau_ms, np.shape(state)).copy()

    def output(self, state: Array) -> Array:
        """First output at a state, shape (...)."""
        return np.asarray(self.rates(state) @ self.readout_weight + self.readout_bias)

    def block_eigenvalues_per_s(self, slopes: Array) -> NDArray[np.complex128]:
        """Eigenvalues of the Jacobian's block of units that act on others, in 1/s, (active,).

        Args:
            slopes: f' of each unit, shape (n,); active are those where it is not 0.
        """
        on = np.flatnonzero(slopes)
        block = self.weight[np.ix_(on, on)] * slopes[on] - np.eye(len(on))
        return np.asarray(1e3 * np.linalg.eigvals(block / self.tau_ms[on, None]), np.complex128)

    def eigenvalues_per_s(self, slopes: Array) -> NDArray[np.complex128]:
        """Eigenvalues of the Jacobian in 1/s, the least stable first, shape (n,).

        A unit of slope 0 acts on none: it adds -1/tau, and the others are a block of their own.

        Args:
            slopes: f' of each unit, shape (n,).
        """
        own = -1e3 / self.tau_ms[slopes == 0]
        values = np.concatenate([self.block_eigenvalues_per_s(slopes), own])
        return np.asarray(values[np.lexsort((-values.imag, -values.real))])


@dataclass(frozen=True)
class NetworkFixedPoint(FixedPoint):
    """A state of a rate network that rests; eigenvalues and `stable` are those of the flow.

    Attributes:
        active: Which units have a slope other than 0, shape (n,).
        output: The network's first output.
        dt_ms: Step of the simulated map.
    """

    active: NDArray[np.bool_]
    output: float
    dt_ms: float

    @property
    def n_active(self) -> int:
        """Number of active units."""
        return int(self.active.sum())

    @property
    def multipliers(self) -> NDArray[np.complex128]:
        """Eigenvalues of the simulated map, in the order of the flow's, shape (n,)."""
        return np.asarray(1 + self.dt_ms / 1e3 * self.eigenvalues)

    @property
    def n_unstable_in_map(self) -> int:
        """Number of directions in which the simulation leaves it."""
        return int((np.abs(self.multipliers) > 1).sum())

    @property
    def stable_in_map(self) -> bool:
        """Whether small deviations die out in the simulation."""
        return self.n_unstable_in_map == 0


class BranchEvent(NamedTuple):
    """Where a branch of fixed points changes.

    Attributes:
        kind: For ReLU units "non-smooth fold" where the branch turns back, "change of stability"
            where the number of unstable directions changes in the flow or in the map, or
            "crossing"; for smooth ones "fold", "Hopf", or "change of stability" in the map.
        before: The fixed point as it is on the branch's side of lower cue, or, at a fold, on the
            part of the branch that was followed first.
        after: The same state as it is on the other side.
        unit: The ReLU unit at its border, None for smooth ones.
    """

    kind: str
    before: NetworkFixedPoint
    after: NetworkFixedPoint
    unit: int | None = None

    @property
    def label(self) -> str:
        """What changes as the cue rises: "map becomes stable", or else the kind."""
        if self.kind != "change of stability":
            return self.kind
        flow = self.after.stable - self.before.stable
        in_map = self.after.stable_in_map - self.before.stable_in_map
        names = [name for name, change in (("flow", flow), ("map", in_map)) if change]
        if not names:
            return self.kind
        verb = "becomes" if len(names) == 1 else "become"
        return f"{' and '.join(names)} {verb} {'stable' if flow + in_map > 0 else 'unstable'}"


def network_fixed_points(flow: RateFlow, cue: float, starts: Array) -> list[NetworkFixedPoint]:
    """The states of a network that rest at one cue, by Newton's method from many starts.

    Args:
        flow: The network's flow.
        cue: The tonic input.
        starts: Where to begin, shape (starts, n).

    Returns:
        The fixed points that were found, by rising output. There may be others.

    Raises:
        ValueError: The cue is not finite, or the starts have another shape.
    """
    starts = np.asarray(starts, dtype=np.float64)
    if not np.isfinite(cue):
        raise ValueError(f"cue must be finite, got {cue}")
    if starts.ndim != 2 or starts.shape[1] != len(flow.bias):
        raise ValueError(f"starts must be (starts, {len(flow.bias)}), got shape {starts.shape}")
    found: list[Array] = []
    for state in rest_near(flow, np.full(len(starts), cue), starts):
        if np.isfinite(state).all() and not any(same_state(state, other) for other in found):
            found.append(state)
    return sorted((fixed_point(flow, cue, s) for s in found), key=lambda point: point.output)


def fixed_point(
    flow: RateFlow, cue: float, state: Array, active: NDArray[np.bool_] | None = None
) -> NetworkFixedPoint:
    """Describe a state that rests.

    Args:
        flow: The network's flow.
        cue: The tonic input.
        state: Shape (n,).
        active: Which ReLU units count as on, shape (n,): at a border it is not told by the state.
    """
    slopes = flow.slopes(state) if active is None else active.astype(np.float64)
    values = flow.eigenvalues_per_s(slopes)
    return NetworkFixedPoint(cue, state, values, slopes != 0, float(flow.output(state)), flow.dt_ms)


def rest_near(flow: RateFlow, cue: Array, starts: Array) -> Array:
    """Newton's method from many starts at once.

    Args:
        flow: The network's flow.
        cue: Tonic input of each start, shape (starts,).
        starts: Where to begin, shape (starts, n).

    Returns:
        States that rest, shape (starts, n), NaN where none was reached.
    """
    n = len(flow.bias)
    size = max(1, _BATCH_NUMBERS // n**2)
    pieces = [slice(first, first + size) for first in range(0, len(starts), size)]
    rested = [_newton(flow, flow.drive(cue[piece]), starts[piece]) for piece in pieces]
    return np.concatenate(rested) if rested else np.empty((0, n))


def same_state(state: Array, other: Array) -> bool:
    """Whether two states `(n,)` are equal but for the accuracy of Newton's method."""
    return bool(np.abs(state - other).max() < _SAME * (1 + np.abs(other).max()))


def _newton(flow: RateFlow, drive: Array, starts: Array) -> Array:
    """Solve ``(1 - W D) h = W (f - D h) + drive`` again and again, D the slopes at the last h."""
    rested = np.full_like(starts, np.nan)
    state, moving = starts, np.arange(len(starts))
    for _ in range(_NEWTON_STEPS):
        slopes = flow.slopes(state)
        matrix = np.eye(len(flow.bias)) - flow.weight * slopes[:, None, :]
        kept = (flow.rates(state) - slopes * state) @ flow.weight.T + drive
        # unlike numpy's, one singular matrix does not end the batch
        solved, failed = torch.linalg.solve_ex(torch.from_numpy(matrix), torch.from_numpy(kept))
        state = solved.numpy()
        inputs = flow.rates(state) @ flow.weight.T + drive
        size = 1 + np.abs(state).max(axis=1)
        with np.errstate(invalid="ignore"):
            done = np.abs(inputs - state).max(axis=1) < _RESIDUAL * size
        bad = (failed.numpy() != 0) | ~np.isfinite(size)
        rested[moving[done & ~bad]] = state[done & ~bad]
        go_on = ~(done | bad)
        state, moving, drive = state[go_on], moving[go_on], drive[go_on]
        if not len(moving):
            break
    return rested
