"""The models: an excitatory-inhibitory rate network, a rate network without Dale's law, and a GRU.

All take `(batch, time, 2)` clicks and cue and give `(batch, time, 1)`. `vanilla` is what the
published baseline was meant to be: that program left the leak out, so that its memory was one step.
"""

from collections.abc import Iterator
from functools import singledispatch

import torch
from torch import Tensor

from neuro_common.rate_noise import Noise
from neuro_common.rate_structure import dale_signs
from neuro_common.rates import Block, RateNetwork
from rhythm_rnn.config import EIRateConfig, GRUConfig, ModelConfig, RateConfig

__all__ = ["GatedNetwork", "Network", "build", "noise_of"]

_INPUTS, _OUTPUTS = 2, 1
_BLOCK_STEPS = 64


class GatedNetwork(torch.nn.Module):
    """A gated recurrent unit (torch's GRU) with a linear readout, without noise of its own.

    Args:
        units: Number of units.
        seed: Seed of the first weights.
        dt_ms: Interval between samples; a step of the network is one sample.
    """

    def __init__(self, units: int, *, seed: int, dt_ms: float = 1.0) -> None:
        super().__init__()
        self.units, self.dt_ms = units, dt_ms
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.recurrent = torch.nn.GRU(_INPUTS, units, batch_first=True)
            self.output = torch.nn.Linear(units, _OUTPUTS)

    def forward(
        self,
        inputs: Tensor,
        state: Tensor | None = None,
        *,
        noise: None = None,
        chunk_steps: None = None,
    ) -> tuple[Tensor, Tensor]:
        """Run a sequence.

        Args:
            inputs: Shape (batch, time, 2).
            state: First state, shape (batch, units); None is zero.
            noise: None; the argument is there because rate networks have it.
            chunk_steps: None, likewise.

        Returns:
            Outputs, shape (batch, time, 1), and the last state, shape (batch, units).
        """
        states, last = self.recurrent(inputs, None if state is None else state[None])
        return self.output(states), last[0]

    @torch.no_grad()
    def blocks(
        self, inputs: Tensor, state: Tensor | None = None, *, noise: None = None
    ) -> Iterator[Block]:
        """Run freely and hand over one stretch after the other; a state is its own rate.

        Inputs have shape (batch, time, channels), a state (batch, units).
        """
        for first in range(0, inputs.shape[1], _BLOCK_STEPS):
            stretch = inputs[:, first : first + _BLOCK_STEPS]
            states, last = self.recurrent(stretch, None if state is None else state[None])
            state = last[0]
            yield Block(first, self.output(states), states, states)


Network = RateNetwork | GatedNetwork


@singledispatch
def build(config: ModelConfig, seed: int) -> Network:
    """The network of a config, with the first weights of a seed.

    Raises:
        ValueError: A number is out of its range.
        TypeError: There is no such model.
    """
    raise TypeError(f"config must be of a model in rhythm_rnn.config.MODELS, got {config!r}")


@build.register
def _(config: RateConfig, seed: int) -> Network:
    signs = None
    if isinstance(config, EIRateConfig):
        signs = dale_signs(config.units, config.excitatory_fraction)
    return RateNetwork(
        config.units,
        _INPUTS,
        _OUTPUTS,
        seed=seed,
        signs=signs,
        autapses=signs is None,
        tau_ms=config.tau_ms,
        dt_ms=config.dt_ms,
        activation=config.activation,
        spectral_radius=config.spectral_radius,
    )


@build.register
def _(config: GRUConfig, seed: int) -> Network:
    return GatedNetwork(config.units, seed=seed, dt_ms=config.dt_ms)


def noise_of(config: ModelConfig, seed: int) -> Noise | None:
    """The noise that a model is trained in, None for one without."""
    if isinstance(config, RateConfig):
        return Noise(seed, recurrent=config.recurrent_noise, inputs=config.input_noise)
    return None
