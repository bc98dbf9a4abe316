"""Networks with something taken away or shaken, as copies; the original stays as it is."""

import copy
import math

import numpy as np
import torch
from numpy.typing import ArrayLike

from brainnn.networks.rnn import ConnectomeRNN

__all__ = ["ablate", "perturb"]


def ablate(core: ConnectomeRNN, neurons: ArrayLike) -> ConnectomeRNN:
    """Silence neurons: nothing reaches them, nothing leaves them, and nobody reads them.

    Args:
        core: Whose neurons; those that are silent already stay so.
        neurons: Indices, or a mask of shape (neurons,).

    Returns:
        A copy, which may be trained further.

    Raises:
        ValueError: An index is no neuron.
    """
    every = np.arange(core.state_size)
    try:
        silent = every[np.asarray(neurons)] if np.size(neurons) else every[:0]
    except IndexError as error:
        raise ValueError(f"neurons must be among {len(every)}, got {error}") from None
    lesioned = _copied(core)
    lesioned.active[torch.from_numpy(silent)] = False
    return lesioned


def perturb(
    core: ConnectomeRNN,
    *,
    seed: int,
    recurrent_scale: float = 1.0,
    weight_noise: float = 0.0,
    state_noise: float = 0.0,
) -> ConnectomeRNN:
    """Scale recurrence, shake weights, or let states be noisy.

    Args:
        core: What to perturb.
        seed: Of the weights' factors, and of the states' noise from here on.
        recurrent_scale: Factor of all recurrent weights, at least 0; 0 cuts all edges.
        weight_noise: Standard deviation of the logarithm of a factor that is drawn for each edge;
            it keeps signs.
        state_noise: Stationary standard deviation of a free neuron under white noise; a sub-step
            adds ``sqrt(2 dt / tau)`` times so much to a state.

    Returns:
        A copy, which draws new noise in each run.

    Raises:
        ValueError: A number is negative or not finite.
    """
    told = {
        "recurrent_scale": recurrent_scale,
        "weight_noise": weight_noise,
        "state_noise": state_noise,
    }
    for name, number in told.items():
        if not 0 <= number < math.inf:
            raise ValueError(f"{name} must be at least 0 and finite, got {number}")
    shaken = _copied(core)
    draw = torch.Generator().manual_seed(seed)
    normal = torch.randn(len(core.scale), generator=draw, dtype=torch.float64)
    factor = recurrent_scale * (weight_noise * normal).exp()
    shaken.scale.mul_(factor.to(core.scale))
    shaken.noise_std = state_noise
    shaken.noise_source = torch.Generator(core.scale.device).manual_seed(seed)
    return shaken


def _copied(core: ConnectomeRNN) -> ConnectomeRNN:
    """A copy with parameters of its own; the wiring, which nobody changes, is shared."""
    shared = (core.wiring, core.roles, core.pattern)
    return copy.deepcopy(core, {id(one): one for one in shared})
