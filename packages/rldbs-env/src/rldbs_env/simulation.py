"""Open-loop simulation: an ensemble, a number of steps, a sequence of kicks."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from rldbs_env.arrays import Array
from rldbs_env.chance import chaos_of
from rldbs_env.kernels import kernels_of
from rldbs_env.oscillators import Model

__all__ = ["Trajectory", "simulate"]


@dataclass(frozen=True)
class Trajectory:
    """What an ensemble did.

    Attributes:
        fields: X and Y of each sensor after each step, shape (n_steps, 2, n_sensors).
        state: State after the last step, shape (n_variables, n_neurons).
        neuron_x: x of the recorded neurons after each step, shape (n_steps, n_recorded).
    """

    fields: Array
    state: Array
    neuron_x: Array

    @property
    def mean_x(self) -> Array:
        """Mean field X after each step, averaged over the sensors, shape (n_steps,)."""
        return np.asarray(self.fields[:, 0].mean(axis=1))

    @property
    def mean_y(self) -> Array:
        """Mean field Y after each step, averaged over the sensors, shape (n_steps,)."""
        return np.asarray(self.fields[:, 1].mean(axis=1))


def simulate(
    model: Model,
    state: ArrayLike,
    currents: ArrayLike,
    n_steps: int,
    kicks: ArrayLike | None = None,
    *,
    neurons: ArrayLike = (),
    seed: int = 0,
) -> Trajectory:
    """Advance one ensemble by classical RK4 steps of ``model.dt``, kicked before each step.

    The coupling is evaluated in every stage. A float32 ``state`` is advanced in float32, any
    other in float64.

    Args:
        model: The model with its parameters.
        state: Initial state, shape (n_variables, n_neurons); not changed.
        currents: Current of each neuron, shape (n_neurons,).
        n_steps: Number of steps, at least 0.
        kicks: What each electrode adds before each step, shape (n_steps, n_electrodes), or
            (n_steps,) for the same from all; none by default.
        neurons: Indices of the neurons to record, shape (n_recorded,).
        seed: Of dynamic noise, where the model has any.

    Returns:
        The mean fields after each step, the recorded neurons and the final state.

    Raises:
        ValueError: If a shape, an index or a number is wrong, or a value is not finite.
    """
    dtype: type[np.floating[Any]] = np.float64
    if np.asarray(state).dtype == np.float32:
        dtype = np.float32
    start: Array = np.array(state, dtype=dtype, order="C")
    drive: Array = np.array(currents, dtype=dtype, order="C")
    n_variables = len(model.variables)
    if start.ndim != 2 or start.shape[0] != n_variables or start.shape[1] < 1:
        raise ValueError(
            f"state must have shape ({n_variables}, n_neurons) with at least one neuron, "
            f"got {start.shape}"
        )
    if drive.shape != start.shape[1:]:
        raise ValueError(
            f"currents must have one value per neuron, shape {start.shape[1:]}, got {drive.shape}"
        )
    if n_steps < 0:
        raise ValueError(f"n_steps must be at least 0, got {n_steps}")
    n_sensors, n_electrodes = model.n_sensors, model.n_electrodes
    pulses = np.zeros(n_steps) if kicks is None else np.asarray(kicks, dtype=float)
    if pulses.shape not in ((n_steps,), (n_steps, n_electrodes)):
        raise ValueError(
            f"kicks must have shape (n_steps,) = ({n_steps},) or (n_steps, n_electrodes) = "
            f"({n_steps}, {n_electrodes}), got {pulses.shape}"
        )
    for name, values in (("state", start), ("currents", drive), ("kicks", pulses)):
        if not np.isfinite(values).all():
            raise ValueError(f"{name} must be finite, got NaN or infinity")
    recorded = np.asarray(neurons, dtype=np.int64).reshape(-1)
    if recorded.size and not 0 <= recorded.min() <= recorded.max() < start.shape[1]:
        raise ValueError(f"neurons must be in [0, {start.shape[1]}), got {recorded.tolist()}")

    recording = np.empty((n_steps, 2, n_sensors), dtype=dtype)
    neuron_x = np.empty((n_steps, recorded.size), dtype=dtype)
    wiring = model.wiring(start.shape[1], dtype)
    if pulses.ndim == 1:
        pulses = np.repeat(pulses[:, None], n_electrodes, axis=1)
    kernels_of(model.step()).trace(
        start,
        drive,
        np.empty((model.n_work, start.shape[1]), dtype=dtype),
        model.observe(start, wiring),
        model.parameters(dtype),
        wiring,
        chaos_of(np.random.default_rng(seed)),
        pulses.astype(dtype),
        recorded,
        recording,
        neuron_x,
    )
    return Trajectory(recording, start, neuron_x)
