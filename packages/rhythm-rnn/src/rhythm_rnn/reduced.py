"""The reduced model: three populations that keep a beat, their flow and their resting states.

Zemlianova, Bose and Rinzel, Sci Rep 14 (2024), reduce a trained network to the excitatory units
that fire at the tap (x), the inhibitory ones that fire with them (y) and the inhibitory ones that
fire between taps (z)::

    tau_i ds_i/dt = -s_i + sum_j W_ij f_j(s_j) + cue w_i + b_i
    f_j(u) = c_j log(1 + exp(a_j u - k_j))

It shows how a tonic cue can start, pace and stop a rhythm. It is qualitative: at the cues of the
task its periods are not those of the task.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit

from rhythm_rnn.flows import Array, FixedPoint, find_fixed_points

__all__ = ["POPULATIONS", "START", "ReducedModel", "fixed_points", "reduced_model"]

POPULATIONS = ("x: excitatory, at the tap", "y: inhibitory, at the tap", "z: inhibitory, between")
"""What the three variables are."""

START = (0.075, 0.075, -0.01)
"""State from which the published time courses begin."""

_WEIGHTS = [[8.949, -7.4, -2.952], [9.123, -7.386, -3.072], [8.935, -4.0, -1.0]]
_SHAPES = {"weights": (3, 3)}
_IDENTITY = np.eye(3)
_STARTS = np.stack(np.meshgrid(*3 * [np.linspace(-0.3, 0.3, 7)]), axis=-1).reshape(-1, 3)


@dataclass(frozen=True, eq=False)
class ReducedModel:
    """Three rate populations driven by a tonic cue; states are `(..., 3)`, the cue `(...)`.

    The arrays are copied and cannot be written to; `dataclasses.replace` makes a variant.

    Attributes:
        weights: W, shape (3, 3): row the population that receives, column the one that sends.
        cue_weights: w, what the cue gives to each population, shape (3,).
        bias: b, the constant input of each, shape (3,).
        tau_ms: Time constants, shape (3,).
        slope: a of each population's activation, shape (3,).
        threshold: k of each population's activation, shape (3,).
        gain: c of each population's activation, shape (3,); a c is the slope far above threshold.

    Raises:
        ValueError: A value has another shape or is not finite, or `tau_ms` is not positive.
    """

    weights: Array = field(default_factory=lambda: np.array(_WEIGHTS))
    cue_weights: Array = field(default_factory=lambda: np.array([0.048, 0.055, 0.068]))
    bias: Array = field(default_factory=lambda: np.array([0.0, 0.0, -0.1]))
    tau_ms: Array = field(default_factory=lambda: np.array([10.0, 10.0, 50.0]))
    slope: Array = field(default_factory=lambda: np.array([150.134, 62.873, 87.0]))
    threshold: Array = field(default_factory=lambda: np.array([-0.476, 0.481, -0.781]))
    gain: Array = field(default_factory=lambda: np.array([0.007, 0.016, 0.012]))

    def __post_init__(self) -> None:
        for entry in fields(self):
            value = np.array(getattr(self, entry.name), dtype=np.float64)
            shape = _SHAPES.get(entry.name, (3,))
            if value.shape != shape or not np.isfinite(value).all():
                raise ValueError(
                    f"{entry.name} must be finite numbers of shape {shape}, got {value.tolist()}"
                )
            value.setflags(write=False)
            object.__setattr__(self, entry.name, value)
        if self.tau_ms.min() <= 0:
            raise ValueError(f"tau_ms must be positive, got {self.tau_ms.tolist()}")

    def rates(self, state: Array) -> Array:
        """Firing rates f(s), shape of the state; linear far above threshold, never an overflow."""
        return np.asarray(self.gain * np.logaddexp(0.0, self.slope * state - self.threshold))

    def velocity(self, state: Array, cue: ArrayLike) -> Array:
        """ds/dt per ms, shape of the state."""
        tonic = np.asarray(cue)[..., None] * self.cue_weights + self.bias
        return np.asarray((self.rates(state) @ self.weights.T - state + tonic) / self.tau_ms)

    def jacobian(self, state: Array, cue: ArrayLike = 0.0) -> Array:
        """Derivative of the velocity by the state, per ms, (..., 3, 3); the same at every cue."""
        steepness = self.gain * self.slope * expit(self.slope * state - self.threshold)
        inner = self.weights * steepness[..., None, :] - _IDENTITY
        return np.asarray(inner / self.tau_ms[:, None])

    def cue_derivative(self, state: Array, cue: ArrayLike = 0.0) -> Array:
        """Derivative of the velocity by the cue, per ms, shape of the state; constant here."""
        return np.broadcast_to(self.cue_weights / self.tau_ms, np.shape(state)).copy()

    def higher_derivative(self, state: Array, *directions: NDArray[Any]) -> NDArray[Any]:
        """The symmetric form D2F(u, v) or D3F(u, v, w) at one state, per ms, shape (3,).

        Args:
            state: Where, shape (3,).
            *directions: Two or three vectors of shape (3,), real or complex.

        Raises:
            ValueError: There are neither two nor three directions.
        """
        p = expit(self.slope * state - self.threshold)
        bend = self.gain * self.slope**2 * p * (1 - p)
        if len(directions) == 3:
            bend = bend * self.slope * (1 - 2 * p)
        elif len(directions) != 2:
            raise ValueError(f"directions must be two or three vectors, got {len(directions)}")
        return np.asarray(self.weights @ (bend * np.prod(directions, axis=0)) / self.tau_ms)


def fixed_points(model: ReducedModel, cue: float) -> list[FixedPoint]:
    """All states that rest at one cue, by rising z.

    The search begins at 343 places in a cube round all that the model reaches.

    Raises:
        ValueError: The cue is not finite.
    """
    return find_fixed_points(model, cue, _STARTS)


def reduced_model(changes: Mapping[str, ArrayLike]) -> ReducedModel:
    """The published model with some values changed.

    Each value has the shape that the model's has.

    Raises:
        ValueError: A name is none of the model's, or a value does not fit.
    """
    names = [entry.name for entry in fields(ReducedModel)]
    if strangers := [name for name in changes if name not in names]:
        raise ValueError(f"model must be told one of {', '.join(names)}, got {strangers[0]!r}")
    return ReducedModel(**{name: np.asarray(value) for name, value in changes.items()})
