"""Networks and normalised environment that stable-baselines3 trains, and the policy they become."""

from collections.abc import Sequence
from typing import Any, Protocol, cast

import numpy as np
import torch
from gymnasium import spaces
from numpy.typing import NDArray
from sb3_contrib.common.recurrent.policies import RecurrentActorCriticPolicy
from stable_baselines3.common.policies import ActorCriticPolicy
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor, FlattenExtractor
from stable_baselines3.common.type_aliases import Schedule
from stable_baselines3.dqn.policies import DQNPolicy
from stable_baselines3.sac.policies import Actor as SACActor
from stable_baselines3.sac.policies import SACPolicy
from stable_baselines3.td3.policies import Actor as TD3Actor
from stable_baselines3.td3.policies import TD3Policy
from torch import Tensor, nn

from rldbs_env.policy import Policy
from rldbs_env.recurrent import RecurrentPolicy
from rldbs_env.sb3 import DBSVecEnv
from rldbs_env.settings import Settings
from rldbs_env.sight import window_samples
from rldbs_env.vector import DBSVectorEnv

__all__ = [
    "Agent",
    "AgentVecEnv",
    "LevelValues",
    "OddActorCritic",
    "OddDeterministic",
    "OddRecurrent",
    "OddSoft",
    "to_policy",
]


class AgentVecEnv(DBSVecEnv):
    """`rldbs_env.sb3.DBSVecEnv` as the networks want it.

    Observations are the samples of `rldbs_env.sight.window_samples` and last the logarithm of the
    field's loudness, which critics alone use; actions are in [-1, 1], or indices of levels.

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
        if env.settings.levels is None:
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
        """Start an episode in every environment; observations have shape (envs, features)."""
        return self.features(super().reset())

    def step_async(self, actions: NDArray[Any]) -> None:
        """Keep the actions, shape (envs, 1) in [-1, 1] or (envs,) of levels, for `step_wait`."""
        if self.env.settings.levels is None:
            actions = np.clip(actions, -1, 1) * self._kick_scale
        super().step_async(actions)

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


class Agent(Protocol):
    """What the networks of every algorithm offer to the training."""

    @property
    def action_std(self) -> float:
        """Spread of the exploring actions where the field is constant."""

    def set_action_std(self, std: float) -> None:
        """Spread of the exploring actions, above 0."""

    def to_policy(self, settings: Settings, sight: dict[str, Any]) -> Policy | RecurrentPolicy:
        """The mean action in numpy, of copied weights; ``sight`` are `Sight`'s fields."""


class _GaussianActor:
    """An actor whose mean has no bias; its spread follows a schedule and is not learned."""

    action_net: nn.Module
    log_std: nn.Parameter

    def _build(self, lr_schedule: Any) -> None:
        super()._build(lr_schedule)  # type: ignore[misc]
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


class OddActorCritic(_GaussianActor, ActorCriticPolicy):
    """Actor and critic whose mean action is an odd function of the field's deviation.

    Without biases a constant field gets no stimulation at all.
    """

    def __init__(self, *args: Any, hidden: Sequence[int] = (32, 32), **kwargs: Any) -> None:
        self._hidden = hidden
        super().__init__(*args, **kwargs)

    def _build_mlp_extractor(self) -> None:
        self.mlp_extractor = _Networks(self.features_dim, self._hidden)  # type: ignore[assignment]

    def to_policy(self, settings: Settings, sight: dict[str, Any]) -> Policy:
        """The mean action in numpy."""
        actor = cast("_Networks", self.mlp_extractor).actor
        return Policy(layers=_weights(actor, self.mean_action), **sight)


class OddRecurrent(_GaussianActor, RecurrentActorCriticPolicy):
    """An actor that remembers by a layer of LSTM, without biases; its critic does not remember.

    Where the field is constant the memory halves at each step, and stimulation dies away.
    """

    def __init__(
        self,
        observation_space: spaces.Box,
        action_space: spaces.Box,
        lr_schedule: Schedule,
        *,
        hidden: Sequence[int] = (32, 32),
        lstm_units: int = 32,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            observation_space,
            action_space,
            lr_schedule,
            net_arch={"pi": [], "vf": list(hidden)},
            features_extractor_class=_Samples,
            share_features_extractor=False,
            lstm_hidden_size=lstm_units,
            enable_critic_lstm=False,
            lstm_kwargs={"bias": False},
            **kwargs,
        )
        # the critic sees the loudness too, which the base class has no way to say
        self.vf_features_extractor = FlattenExtractor(observation_space)
        self.critic = nn.Linear(self.vf_features_extractor.features_dim, lstm_units)
        rate = {"lr": self.optimizer.param_groups[0]["lr"]}
        self.optimizer = self.optimizer_class(self.parameters(), **rate, **self.optimizer_kwargs)

    def to_policy(self, settings: Settings, sight: dict[str, Any]) -> RecurrentPolicy:
        """The mean action in numpy."""
        ((inputs, recurrent),) = self.lstm_actor.all_weights
        return RecurrentPolicy(
            inputs=_copied(inputs),
            recurrent=_copied(recurrent),
            readout=_copied(self.mean_action.weight),
            **sight,
        )


class _Samples(BaseFeaturesExtractor):
    """What actors see: all features but the loudness."""

    def __init__(self, observation_space: spaces.Box) -> None:
        super().__init__(observation_space, observation_space.shape[0] - 1)

    def forward(self, observations: Tensor) -> Tensor:
        return observations[:, :-1]


class OddSoft(SACPolicy):
    """Networks of soft actor-critic: an odd actor of tanh, critics of rectified units."""

    def __init__(
        self,
        observation_space: spaces.Box,
        action_space: spaces.Box,
        lr_schedule: Schedule,
        *,
        hidden: Sequence[int] = (32, 32),
        **kwargs: Any,
    ) -> None:
        super().__init__(
            observation_space, action_space, lr_schedule, net_arch=list(hidden), **kwargs
        )

    def make_actor(self, features_extractor: BaseFeaturesExtractor | None = None) -> SACActor:
        """An actor whose mean has no biases; the spread has one."""
        self.actor_kwargs["activation_fn"] = nn.Tanh
        actor = super().make_actor(_Samples(cast("spaces.Box", self.observation_space)))
        _drop_biases(actor.latent_pi, actor.mu)
        return actor

    @property
    def action_std(self) -> float:
        """Spread of the exploring actions where the field is constant."""
        return float(np.exp(_copied(self._log_std.bias)[0]))

    def set_action_std(self, std: float) -> None:
        """Spread of the exploring actions where the field is constant; training changes it."""
        self._log_std.bias.data.fill_(float(np.log(std)))

    @property
    def _log_std(self) -> nn.Linear:
        return cast("nn.Linear", self.actor.log_std)

    def to_policy(self, settings: Settings, sight: dict[str, Any]) -> Policy:
        """The squashed mean in numpy."""
        layers = _weights(self.actor.latent_pi, self.actor.mu)
        return Policy(layers=layers, squash="tanh", **sight)


class OddDeterministic(TD3Policy):
    """Networks of TD3, with an odd actor; the policy itself adds the exploring noise."""

    def __init__(
        self,
        observation_space: spaces.Box,
        action_space: spaces.Box,
        lr_schedule: Schedule,
        *,
        hidden: Sequence[int] = (32, 32),
        **kwargs: Any,
    ) -> None:
        super().__init__(
            observation_space, action_space, lr_schedule, net_arch=list(hidden), **kwargs
        )
        self.register_buffer("log_std", torch.zeros(1))

    def make_actor(self, features_extractor: BaseFeaturesExtractor | None = None) -> TD3Actor:
        """An actor without biases."""
        self.actor_kwargs["activation_fn"] = nn.Tanh
        actor = super().make_actor(_Samples(cast("spaces.Box", self.observation_space)))
        _drop_biases(actor.mu)
        return actor

    def _predict(self, observation: Any, deterministic: bool = False) -> Tensor:
        action: Tensor = self.actor(observation)
        if deterministic:
            return action
        return (action + self.action_std * torch.randn_like(action)).clamp(-1, 1)

    @property
    def action_std(self) -> float:
        """Spread of the exploring actions."""
        return float(self.get_buffer("log_std").exp())

    def set_action_std(self, std: float) -> None:
        """Spread of the exploring actions, above 0."""
        self.get_buffer("log_std").fill_(float(np.log(std)))

    def to_policy(self, settings: Settings, sight: dict[str, Any]) -> Policy:
        """The actor in numpy."""
        return Policy(layers=_weights(self.actor.mu), squash="tanh", **sight)


class LevelValues(DQNPolicy):
    """What each level is worth, from the samples alone."""

    def __init__(
        self,
        observation_space: spaces.Box,
        action_space: spaces.Discrete,
        lr_schedule: Schedule,
        *,
        hidden: Sequence[int] = (32, 32),
        **kwargs: Any,
    ) -> None:
        super().__init__(
            observation_space,
            action_space,
            lr_schedule,
            net_arch=list(hidden),
            activation_fn=nn.Tanh,
            features_extractor_class=_Samples,
            **kwargs,
        )

    @property
    def action_std(self) -> float:
        """Not a number: random choices explore, as often as the algorithm says."""
        return float("nan")

    def set_action_std(self, std: float) -> None:
        """Nothing to set."""

    def to_policy(self, settings: Settings, sight: dict[str, Any]) -> Policy:
        """The best level in numpy."""
        layers = [part for part in self.q_net.q_net if isinstance(part, nn.Linear)]
        return Policy(
            layers=_weights(*layers),
            biases=[_copied(layer.bias) for layer in layers],
            levels=tuple(settings.levels or ()),
            **sight,
        )


def _drop_biases(*networks: nn.Module) -> None:
    for layer in _linear(networks):
        layer.register_parameter("bias", None)


def _weights(*networks: nn.Module) -> list[NDArray[np.float32]]:
    return [_copied(layer.weight) for layer in _linear(networks)]


def _linear(networks: Sequence[nn.Module]) -> list[nn.Linear]:
    return [part for one in networks for part in one.modules() if isinstance(part, nn.Linear)]


def _copied(weight: Tensor) -> NDArray[np.float32]:
    return np.array(weight.detach().numpy())


def to_policy(
    agent: Agent, settings: Settings, lags: Sequence[int], environment: str
) -> Policy | RecurrentPolicy:
    """The agent's mean action as a policy of copied weights.

    Args:
        agent: The networks.
        settings: Of the environment that they were trained on.
        lags: Samples that they see, counted back from the newest.
        environment: Its id.
    """
    sight: dict[str, Any] = {
        "signals": tuple(settings.signals),
        "window": settings.window_steps,
        "lags": tuple(lags),
        "kick_scale": settings.max_kick,
        "stride": settings.stride,
        "pulse": settings.shape,
        "environment": environment,
    }
    return agent.to_policy(settings, sight)
