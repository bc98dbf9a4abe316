"""A perceptron as a core: the critic, or a policy that remembers nothing."""

from itertools import pairwise

import torch
from torch import Tensor, nn

from brainnn.networks.core import Core

__all__ = ["StatelessCore"]


class StatelessCore(Core):
    """A perceptron with tanh units: the critic, or a policy that remembers nothing.

    Args:
        channels: Numbers in an observation.
        actions: Numbers that it gives.
        hidden: Units of each hidden layer.
        generator: Draws the weights; None draws from torch's own.
    """

    def __init__(
        self,
        channels: int,
        actions: int,
        hidden: tuple[int, ...] = (64, 64),
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__(channels, actions, 0)
        sizes = (channels, *hidden)
        layers: list[nn.Module] = []
        for before, after in pairwise(sizes):
            layers += [_linear(before, after, 2**0.5, generator), nn.Tanh()]
        self.layers = nn.Sequential(*layers, _linear(sizes[-1], actions, 1.0, generator))

    def forward(self, observations: Tensor, state: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """As a `Core`; the state is empty.

        Observations (batch, time, channels) give actions (batch, time, actions) and a state (batch,
        0).
        """
        state = self.checked(observations, state)
        outputs: Tensor = self.layers(observations)
        return outputs, state


def _linear(before: int, after: int, gain: float, generator: torch.Generator | None) -> nn.Linear:
    layer = nn.Linear(before, after)
    nn.init.orthogonal_(layer.weight, gain, generator=generator)
    nn.init.zeros_(layer.bias)
    return layer
