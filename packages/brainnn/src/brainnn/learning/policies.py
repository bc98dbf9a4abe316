"""The teacher as a policy of stable-baselines3, while it learns."""

from itertools import pairwise
from typing import Any

import torch
from gymnasium import spaces
from stable_baselines3.common.distributions import Distribution
from stable_baselines3.common.policies import ActorCriticPolicy
from stable_baselines3.common.type_aliases import PyTorchObs, Schedule
from torch import Tensor, nn

from brainnn.bodies.mirror import MIRROR_OBSERVATION
from brainnn.learning.teacher import Teacher

__all__ = ["SymmetricPolicy"]

_FIRST_READOUT = 0.1  # actions are small before anything is learned


class SymmetricPolicy(ActorCriticPolicy):
    """Gaussian around a `Teacher`'s action, with a critic that does not tell the legs apart.

    The spread is one for both hips and one for both knees.

    Args:
        observation_space: Of the planar biped.
        action_space: Of the planar biped.
        lr_schedule: Learning rate by the share of the training that is left.
        use_sde: Has to be False.
        hidden: Units of each hidden layer of actor and critic.
        log_std_init: Logarithm of the spread at the start.

    Raises:
        ValueError: The spaces are not the biped's, or ``use_sde`` is set.
    """

    def __init__(
        self,
        observation_space: spaces.Space[Any],
        action_space: spaces.Space[Any],
        lr_schedule: Schedule,
        use_sde: bool = False,
        *,
        hidden: tuple[int, ...] = (128, 128),
        log_std_init: float = -0.7,
    ) -> None:
        if use_sde:
            raise ValueError("use_sde must be False: the spread does not depend on the state")
        super().__init__(observation_space, action_space, lr_schedule)
        (channels,) = observation_space.shape or (0,)
        self.actor = Teacher(channels, hidden)
        last = self.actor.leg[-1]
        assert isinstance(last, nn.Linear)
        with torch.no_grad():
            last.weight *= _FIRST_READOUT
            last.bias.zero_()
        layers: list[nn.Module] = []
        for before, after in pairwise((channels, *hidden)):
            layers += [nn.Linear(before, after), nn.Tanh()]
        self.side = nn.Sequential(*layers)
        self.value = nn.Linear(hidden[-1], 1)
        self.log_std = nn.Parameter(torch.full((2,), log_std_init))
        self.optimizer = torch.optim.Adam(self.parameters(), lr=lr_schedule(1), eps=1e-5)

    def _build(self, lr_schedule: Schedule) -> None:
        """Nothing: the networks are made by the constructor."""

    def forward(self, obs: Tensor, deterministic: bool = False) -> tuple[Tensor, Tensor, Tensor]:
        """Actions, values and log-probabilities.

        For observations (batch, channels): shapes (batch, actions), (batch, 1) and (batch,).
        """
        distribution = self.get_distribution(obs)
        actions = distribution.get_actions(deterministic=deterministic)
        return actions, self.predict_values(obs), distribution.log_prob(actions)

    def get_distribution(self, obs: PyTorchObs) -> Distribution:
        """The distribution of actions."""
        assert isinstance(obs, Tensor)
        return self.action_dist.proba_distribution(self.actor(obs), self.log_std.repeat(2))

    def predict_values(self, obs: PyTorchObs) -> Tensor:
        """Values, the same for an observation and its mirror image.

        For observations (batch, channels), shape (batch, 1).
        """
        assert isinstance(obs, Tensor)
        mirrored = obs[..., MIRROR_OBSERVATION[: obs.shape[-1]]]
        values: Tensor = self.value(self.side(obs) + self.side(mirrored))
        return values

    def evaluate_actions(
        self, obs: PyTorchObs, actions: Tensor
    ) -> tuple[Tensor, Tensor, Tensor | None]:
        """Values, log-probabilities and entropies.

        For observations (batch, channels) and actions (batch, actions): shapes (batch, 1), (batch,)
        and (batch,).
        """
        distribution = self.get_distribution(obs)
        return self.predict_values(obs), distribution.log_prob(actions), distribution.entropy()
