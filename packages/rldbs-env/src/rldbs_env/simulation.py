"""Open-loop simulation: an ensemble, a number of steps, a sequence of kicks."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from rldbs_env import kernels
from rldbs_env.arrays import Array
from rldbs_env.models import BonhoefferVanDerPol

__all__ = ["Trajectory", "simulate"]


@dataclass(frozen=True)
class Trajectory:
    """What an ensemble did.

    Attributes:
        mean_x: Mean field X after each step, shape (n_steps,).
        mean_y: Mean field Y after each step, shape (n_steps,).
        state: State after the last step, shape (n_variables, n_neurons).
        neuron_x: x of the recorded neurons after each step, shape (n_steps, n_recorded).
    """

    mean_x: Array
    mean_y: Array
    state: Array
    neuron_x: Array


def simulate(
    model: BonhoefferVanDerPol,
    state: ArrayLike,
    currents: ArrayLike,
    n_steps: int,
    kicks: ArrayLike | None = None,
    *,
    neurons: ArrayLike = (),
) -> Trajectory:
    """Advance one ensemble by classical RK4 steps of ``model.dt``, kicked before each step.

    The coupling is evaluated in every stage. A float32 ``state`` is advanced in float32, any
    other in float64.

    Args:
        model: The model with its parameters.
        state: Initial state, shape (n_variables, n_neurons); not changed.
        currents: Current of each neuron, shape (n_neurons,).
        n_steps: Number of steps, at least 0.
        kicks: What is added to every x before each step, shape (n_steps,); none by default.
        neurons: Indices of the neurons to record, shape (n_recorded,).

    Returns:
        The mean fields after each step, the recorded neurons and the final state.

    Raises:
        ValueError: If a shape, an index or a number is wrong, or a value is not finite.
    """
    dtype: type[np.floating[Any]] = np.float64
    if np.asarray(state).dtype == np.float32:
        dtype = np.float32
    start: Array = np.array(state, dtype=dtype, order="C")
    drive: Array = np.ascontiguousarray(currents, dtype=dtype)
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
    pulses = np.zeros(n_steps) if kicks is None else np.asarray(kicks, dtype=float)
    if pulses.shape != (n_steps,):
        raise ValueError(f"kicks must have shape (n_steps,) = ({n_steps},), got {pulses.shape}")
    for name, values in (("state", start), ("currents", drive), ("kicks", pulses)):
        if not np.isfinite(values).all():
            raise ValueError(f"{name} must be finite, got NaN or infinity")
    recorded = np.asarray(neurons, dtype=np.int64).reshape(-1)
    if recorded.size and not 0 <= recorded.min() <= recorded.max() < start.shape[1]:
        raise ValueError(f"neurons must be in [0, {start.shape[1]}), got {recorded.tolist()}")

    mean_field = np.empty((n_steps, n_variables), dtype=dtype)
    neuron_x = np.empty((n_steps, recorded.size), dtype=dtype)
    work = np.empty((4, start.shape[1]), dtype=dtype)
    kernels.trace(
        start,
        drive,
        work,
        model.parameters(dtype),
        pulses.astype(dtype),
        recorded,
        mean_field,
        neuron_x,
    )
    return Trajectory(mean_field[:, 0].copy(), mean_field[:, 1].copy(), start, neuron_x)
