"""Networks and normalised environment that stable-baselines3 trains, and the policy they become."""

from collections.abc import Sequence
from typing import Any, cast

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray
from stable_baselines3.common.policies import ActorCriticPolicy
from torch import Tensor, nn

from rldbs_env.policy import Policy, window_samples
from rldbs_env.sb3 import DBSVecEnv
from rldbs_env.settings import Settings
from rldbs_env.vector import DBSVectorEnv

__all__ = ["AgentVecEnv", "OddActorCritic", "to_policy"]


class AgentVecEnv(DBSVecEnv):
    """`rldbs_env.sb3.DBSVecEnv` as the networks want it.

    Observations are the samples of `rldbs_env.policy.window_samples` and last the logarithm of the
    field's loudness, which the critic alone uses; actions are in [-1, 1].

    Args:
        env: The vector environment; its ``max_kick`` is what an action of 1 gives.
        lags: Samples counted back from the newest, multiples of the environment's ``stride``.
        reward_scale: Factor of the rewards; ``1 - gamma`` makes values as large as rewards.
    """

    def __init__(self, env: DBSVectorEnv, lags: Sequence[int], reward_scale: float) -> None:
        super().__init__(env)
        self._n_signals = len(env.settings.signals)
        self._lags = tuple(lag // env.settings.stride for lag in lags)
        n_features = self._n_signals * len(lags) + 1
        self.observation_space = spaces.Box(-np.inf, np.inf, (n_features,), np.float32)
        self.action_space = spaces.Box(-1, 1, (1,), np.float32)
        self._kick_scale = np.float32(env.settings.max_kick)
        self._reward_scale = np.float32(reward_scale)

    def features(self, observations: NDArray[Any]) -> NDArray[np.float32]:
        """What the networks see of observations (envs, n_signals * samples)."""
        windows = observations.reshape(len(observations), self._n_signals, -1)
        loudness = 0.5 * np.log(windows.std(axis=2).mean(axis=1) + 0.003) + 1
        samples = window_samples(windows, self._lags)
        return np.column_stack([samples, loudness]).astype(np.float32)

    def reset(self) -> NDArray[np.float32]:
        """Start an episode in every environment."""
        return self.features(super().reset())

    def step_async(self, actions: NDArray[Any]) -> None:
        """Keep the actions, shape (envs, 1) in [-1, 1], for `step_wait`."""
        super().step_async(np.clip(actions, -1, 1) * self._kick_scale)

    def step_wait(self) -> Any:
        """Advance every environment."""
        observations, rewards, dones, infos = super().step_wait()
        for info in infos if dones.any() else ():
            if "terminal_observation" in info:
                last = info["terminal_observation"]
                info["terminal_observation"] = self.features(last[None])[0]
        return self.features(observations), rewards * self._reward_scale, dones, infos


class _Networks(nn.Module):
    """Actor without biases on the samples, critic on the samples and the loudness."""

    def __init__(self, n_features: int, hidden: Sequence[int]) -> None:
        super().__init__()
        self.actor = _tanh_layers(n_features - 1, hidden, bias=False)
        self.critic = _tanh_layers(n_features, hidden, bias=True)
        self.latent_dim_pi = self.latent_dim_vf = hidden[-1]

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        return self.forward_actor(features), self.forward_critic(features)

    def forward_actor(self, features: Tensor) -> Tensor:
        latent: Tensor = self.actor(features[:, :-1])
        return latent

    def forward_critic(self, features: Tensor) -> Tensor:
        latent: Tensor = self.critic(features)
        return latent


def _tanh_layers(n_inputs: int, hidden: Sequence[int], *, bias: bool) -> nn.Sequential:
    layers: list[nn.Module] = []
    for n_outputs in hidden:
        layers += [nn.Linear(n_inputs, n_outputs, bias=bias), nn.Tanh()]
        n_inputs = n_outputs
    return nn.Sequential(*layers)


class OddActorCritic(ActorCriticPolicy):
    """Actor and critic whose mean action is an odd function of the field's deviation.

    Without biases a constant field gets no stimulation at all; the spread of the actions follows
    a schedule (`set_action_std`) and is not learned.
    """

    def __init__(self, *args: Any, hidden: Sequence[int] = (32, 32), **kwargs: Any) -> None:
        self._hidden = hidden
        super().__init__(*args, **kwargs)

    def _build_mlp_extractor(self) -> None:
        self.mlp_extractor = _Networks(self.features_dim, self._hidden)  # type: ignore[assignment]

    def _build(self, lr_schedule: Any) -> None:
        super()._build(lr_schedule)
        self.mean_action.bias.data.zero_()
        self.mean_action.bias.requires_grad_(False)
        self.log_std.requires_grad_(False)

    @property
    def mean_action(self) -> nn.Linear:
        """The actor's last layer."""
        return cast("nn.Linear", self.action_net)

    @property
    def action_std(self) -> float:
        """Spread of the exploring actions."""
        return float(np.exp(self.log_std.detach().numpy()[0]))

    def set_action_std(self, std: float) -> None:
        """Spread of the exploring actions, above 0."""
        self.log_std.data.fill_(float(np.log(std)))


def to_policy(
    agent: OddActorCritic, settings: Settings, lags: Sequence[int], environment: str
) -> Policy:
    """The agent's mean action as a `rldbs_env.policy.Policy` of copied weights.

    Args:
        agent: The networks.
        settings: Of the environment that they were trained on.
        lags: Samples that they see, counted back from the newest.
        environment: Its id.
    """
    actor = cast("_Networks", agent.mlp_extractor).actor
    linear = [layer for layer in actor if isinstance(layer, nn.Linear)]
    layers = [layer.weight.detach().numpy().copy() for layer in (*linear, agent.mean_action)]
    return Policy(
        layers,
        tuple(settings.signals),
        settings.window_steps,
        tuple(lags),
        settings.max_kick,
        settings.stride,
        settings.shape,
        environment,
    )
