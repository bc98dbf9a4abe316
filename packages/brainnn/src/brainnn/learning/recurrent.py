"""Recurrent PPO for any network with a state: sb3-contrib's algorithm on whole sequences.

sb3-contrib's own policy is an LSTM, and steps through a sequence one observation at a time wherever
an episode begins in a batch. Here rollouts are cut into short segments that lie within one episode
each, so that many of them run through the network side by side in one call.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import torch
from gymnasium import spaces
from numpy.typing import NDArray
from sb3_contrib import RecurrentPPO
from sb3_contrib.common.recurrent.buffers import RecurrentRolloutBuffer
from sb3_contrib.common.recurrent.policies import RecurrentActorCriticPolicy
from sb3_contrib.common.recurrent.type_aliases import RecurrentRolloutBufferSamples, RNNStates
from stable_baselines3.common.buffers import RolloutBuffer
from stable_baselines3.common.distributions import Distribution
from stable_baselines3.common.policies import ActorCriticPolicy
from stable_baselines3.common.type_aliases import Schedule
from stable_baselines3.common.utils import FloatSchedule
from torch import Tensor, nn

from brainnn.learning.stateless import StatelessCore
from brainnn.networks.core import Core

__all__ = ["CorePPO", "CorePolicy", "SegmentBuffer", "Segments", "cut_segments"]

States = tuple[Tensor, ...]


class Segments(NamedTuple):
    """Stretches of a rollout that lie within one episode of one environment.

    Attributes:
        env: Environment of each, shape (segments,).
        start: First step of each in the rollout, shape (segments,).
        length: Steps of each, shape (segments,).
    """

    env: NDArray[np.int64]
    start: NDArray[np.int64]
    length: NDArray[np.int64]


def cut_segments(episode_starts: NDArray[Any], segment_steps: int) -> Segments:
    """Cut a rollout at the starts of episodes, and every ``segment_steps`` from there.

    Args:
        episode_starts: True where an observation is the first of its episode, shape (steps, envs).
        segment_steps: Longest segment, at least 1.

    Raises:
        ValueError: ``segment_steps`` is below 1.
    """
    if segment_steps < 1:
        raise ValueError(f"segment_steps must be at least 1, got {segment_steps}")
    steps = np.arange(len(episode_starts))[:, None]
    begun = np.maximum.accumulate(np.where(episode_starts, steps, 0), axis=0)
    env, start = np.nonzero(((steps - begun) % segment_steps == 0).T)
    following = np.append(start[1:], 0)
    # the next segment of another environment starts at its first step
    length = np.where(following > start, following, len(episode_starts)) - start
    return Segments(env, start, length)


class SegmentBuffer(RecurrentRolloutBuffer):
    """A rollout with the state before every step, handed out in segments.

    Args:
        buffer_size: Steps of each environment.
        observation_space: Of one environment.
        action_space: Of one environment.
        state_sizes: Numbers in a state of the actor and of the critic.
        segment_steps: Longest segment that gradients run through.
        rng: Shuffles the segments.
        device: Where batches go.
        gae_lambda: Weight of longer returns in the advantage.
        gamma: Discount of a step.
        n_envs: Environments side by side.
    """

    def __init__(
        self,
        buffer_size: int,
        observation_space: spaces.Space[Any],
        action_space: spaces.Space[Any],
        *,
        state_sizes: tuple[int, int],
        segment_steps: int,
        rng: np.random.Generator,
        device: torch.device | str = "cpu",
        gae_lambda: float = 0.95,
        gamma: float = 0.99,
        n_envs: int = 1,
    ) -> None:
        self.state_sizes, self.segment_steps, self.rng = state_sizes, segment_steps, rng
        super().__init__(
            buffer_size,
            observation_space,
            action_space,
            (buffer_size, 1, n_envs, state_sizes[0]),
            device,
            gae_lambda=gae_lambda,
            gamma=gamma,
            n_envs=n_envs,
        )

    def reset(self) -> None:
        """Forget the rollout."""
        RolloutBuffer.reset(self)
        shape = (self.buffer_size, self.n_envs)
        self.states_pi, self.states_vf = (
            np.zeros((*shape, size), np.float32) for size in self.state_sizes
        )

    def add(self, *args: Any, lstm_states: RNNStates, **kwargs: Any) -> None:  # type: ignore[override]
        """Append one step of every environment, with the states before it."""
        self.states_pi[self.pos] = lstm_states.pi[0][0].cpu().numpy()
        self.states_vf[self.pos] = lstm_states.vf[0][0].cpu().numpy()
        RolloutBuffer.add(self, *args, **kwargs)

    def get(self, batch_size: int | None = None) -> Iterator[RecurrentRolloutBufferSamples]:  # type: ignore[override]
        """Give all segments once, shuffled, in batches of nearly equal numbers of segments.

        Args:
            batch_size: Steps in a batch, about; None gives one batch.

        Raises:
            RuntimeError: The rollout is not complete.
        """
        if not self.full:
            raise RuntimeError(
                f"a rollout must have {self.buffer_size} steps before it is learned from, "
                f"got {self.pos}"
            )
        segments = cut_segments(self.episode_starts, self.segment_steps)
        steps = self.buffer_size * self.n_envs
        batches = max(1, round(steps / (batch_size or steps)))
        order = self.rng.permutation(len(segments.start))
        for chosen in np.array_split(order, min(batches, len(order))):
            yield self._batch(Segments(*(part[chosen] for part in segments)))

    def _batch(self, segments: Segments) -> RecurrentRolloutBufferSamples:
        steps = np.arange(segments.length.max())
        mask = steps < segments.length[:, None]
        # what lies beyond the end of a segment repeats its last step, and is masked
        time = segments.start[:, None] + np.minimum(steps, segments.length[:, None] - 1)
        env = segments.env[:, None]

        def flat(values: NDArray[Any]) -> Tensor:
            rows = values[time, env].astype(np.float32, copy=False)
            return self.to_torch(rows.reshape(mask.size, *values.shape[2:]))

        def states(values: NDArray[Any]) -> States:
            first = self.to_torch(values[segments.start, segments.env])[None]
            return first, first[..., :0]

        starts = np.zeros(mask.shape, np.float32)
        starts[:, 0] = self.episode_starts[segments.start, segments.env]
        return RecurrentRolloutBufferSamples(
            observations=flat(self.observations),
            actions=flat(self.actions),
            old_values=flat(self.values),
            old_log_prob=flat(self.log_probs),
            advantages=flat(self.advantages),
            returns=flat(self.returns),
            lstm_states=RNNStates(states(self.states_pi), states(self.states_vf)),
            episode_starts=self.to_torch(starts.ravel()),
            mask=self.to_torch(mask.ravel().astype(np.float32)),
        )


class CorePolicy(RecurrentActorCriticPolicy):
    """Gaussian around a core's output, with a spread that does not depend on the state.

    In sb3-contrib's pairs of states the first is the core's, shape (1, batch, state_size), and the
    second is empty.

    Args:
        observation_space: Box of one dimension.
        action_space: Box of one dimension.
        lr_schedule: Learning rate by the share of the training that is left.
        use_sde: Has to be False.
        core: The actor; it is trained where it is, not copied.
        critic: A core that gives one number; None takes two layers of 64 on the observation.
        squash_mean: Whether the mean is the tanh of the core's output; else it is the output.
        log_std_init: Logarithm of the spread at the start.

    Raises:
        ValueError: The core does not fit the spaces, the critic gives more than one number, or
            ``use_sde`` is set.
    """

    def __init__(
        self,
        observation_space: spaces.Space[Any],
        action_space: spaces.Space[Any],
        lr_schedule: Schedule,
        use_sde: bool = False,
        *,
        core: Core,
        critic: Core | None = None,
        squash_mean: bool = False,
        log_std_init: float = -0.5,
    ) -> None:
        if use_sde:
            raise ValueError("use_sde must be False: the spread does not depend on the state")
        # the parent's own constructor would make an LSTM
        ActorCriticPolicy.__init__(self, observation_space, action_space, lr_schedule)
        wanted = (observation_space.shape, action_space.shape)
        if wanted != ((core.channels,), (core.actions,)):
            raise ValueError(
                f"core must take observations {wanted[0]} and give actions {wanted[1]}, got a core "
                f"of {core.channels} channels and {core.actions} actions"
            )
        critic = StatelessCore(core.channels, 1) if critic is None else critic
        if (critic.channels, critic.actions) != (core.channels, 1):
            raise ValueError(
                f"critic must take {core.channels} channels and give 1 number, got a core of "
                f"{critic.channels} channels and {critic.actions} actions"
            )
        self.core, self.value_core, self.squash_mean = core, critic, squash_mean
        self.log_std = nn.Parameter(torch.full((core.actions,), log_std_init))
        self.lstm_hidden_state_shape = (1, 1, core.state_size)
        self.optimizer = torch.optim.Adam(self.parameters(), lr=lr_schedule(1), eps=1e-5)

    def _build(self, lr_schedule: Schedule) -> None:
        """Nothing: the core is the network."""

    def initial_states(self, n_envs: int) -> RNNStates:
        """States of actor and critic at the start of an episode."""

        def first(core: Core) -> States:
            state = core.initial_state(n_envs).detach()[None]
            return state, state[..., :0]

        return RNNStates(first(self.core), first(self.value_core))

    def forward(  # type: ignore[override]
        self,
        obs: Tensor,
        lstm_states: RNNStates,
        episode_starts: Tensor,
        deterministic: bool = False,
    ) -> tuple[Tensor, Tensor, Tensor, RNNStates]:
        """Actions, values and log-probabilities of one step, and the next states.

        For observations (envs, channels) and starts (envs,): shapes (envs, actions), (envs, 1) and
        (envs,).
        """
        distribution, state_pi = self.get_distribution(obs, lstm_states.pi, episode_starts)
        values, state_vf = _run(self.value_core, obs, lstm_states.vf, episode_starts)
        actions = distribution.get_actions(deterministic=deterministic)
        return actions, values, distribution.log_prob(actions), RNNStates(state_pi, state_vf)

    def get_distribution(  # type: ignore[override]
        self, obs: Tensor, lstm_states: States, episode_starts: Tensor
    ) -> tuple[Distribution, States]:
        """The distribution of actions, and the next state of the actor.

        For observations (envs, channels) and starts (envs,).
        """
        mean, state = _run(self.core, obs, lstm_states, episode_starts)
        mean = torch.tanh(mean) if self.squash_mean else mean
        return self.action_dist.proba_distribution(mean, self.log_std), state

    def predict_values(  # type: ignore[override]
        self, obs: Tensor, lstm_states: States, episode_starts: Tensor
    ) -> Tensor:
        """Values of one observation per state.

        For observations (envs, channels) and starts (envs,), shape (envs, 1).
        """
        return _run(self.value_core, obs, lstm_states, episode_starts)[0]

    def evaluate_actions(  # type: ignore[override]
        self, obs: Tensor, actions: Tensor, lstm_states: RNNStates, episode_starts: Tensor
    ) -> tuple[Tensor, Tensor, Tensor | None]:
        """Values, log-probabilities and entropies of whole segments, one after the other.

        For observations (segments * steps, channels) and actions (segments * steps, actions):
        shapes (segments * steps, 1) and, the last two, (segments * steps,).
        """
        distribution, _ = self.get_distribution(obs, lstm_states.pi, episode_starts)
        values = self.predict_values(obs, lstm_states.vf, episode_starts)
        return values, distribution.log_prob(actions), distribution.entropy()

    def predict(  # type: ignore[override]
        self,
        observation: NDArray[Any],
        state: tuple[NDArray[Any], ...] | None = None,
        episode_start: NDArray[Any] | None = None,
        deterministic: bool = False,
    ) -> tuple[NDArray[Any], tuple[NDArray[Any], ...] | None]:
        """Actions and next states; without a state, an episode starts.

        For observations (channels,) or (envs, channels), shape (actions,) or (envs, actions).
        """
        if state is None:
            n_envs = 1 if observation.ndim == 1 else len(observation)
            episode_start = np.ones(n_envs)
        return super().predict(observation, state, episode_start, deterministic)


class CorePPO(RecurrentPPO):
    """Recurrent PPO whose memory is the core's, learning from short segments side by side.

    An episode that is cut off by its time limit is bootstrapped with the critic's value of its last
    observation; one that ends by itself is not.

    Args:
        policy: `CorePolicy`; the core goes in by ``policy_kwargs={"core": core}``.
        env: Environments side by side.
        segment_steps: Longest segment that gradients run through.
        **settings: As sb3-contrib's RecurrentPPO takes them.
    """

    def __init__(
        self, policy: type[CorePolicy], env: Any, *, segment_steps: int = 32, **settings: Any
    ) -> None:
        self.segment_steps = segment_steps
        super().__init__(policy, env, **settings)

    def _setup_model(self) -> None:
        # in place of the parent's, which takes the sizes of an LSTM and lays out its buffer
        self._setup_lr_schedule()
        self.set_random_seed(self.seed)
        policy = self.policy_class(
            self.observation_space, self.action_space, self.lr_schedule, **self.policy_kwargs
        ).to(self.device)
        if not isinstance(policy, CorePolicy):
            raise TypeError(f"policy must be a CorePolicy, got {type(policy).__name__}")
        self.policy = policy
        self.rng = np.random.default_rng(self.seed)
        self._last_lstm_states = policy.initial_states(self.n_envs)  # type: ignore[assignment]
        self.rollout_buffer = SegmentBuffer(
            self.n_steps,
            self.observation_space,
            self.action_space,
            state_sizes=(policy.core.state_size, policy.value_core.state_size),
            segment_steps=self.segment_steps,
            rng=self.rng,
            device=self.device,
            gae_lambda=self.gae_lambda,
            gamma=self.gamma,
            n_envs=self.n_envs,
        )
        self.clip_range = FloatSchedule(self.clip_range)
        if self.clip_range_vf is not None:
            self.clip_range_vf = FloatSchedule(self.clip_range_vf)


def _run(
    core: Core, observations: Tensor, states: States, episode_starts: Tensor
) -> tuple[Tensor, States]:
    """Run segments that lie one after the other, shape (segments * time, channels)."""
    segments = states[0].shape[1]
    starts = episode_starts.reshape(segments, -1) > 0
    if starts[:, 1:].any():
        raise ValueError("an episode must start with its segment, got a start inside of one")
    state = torch.where(starts[:, :1], core.initial_state(segments), states[0][0])
    outputs, state = core(observations.reshape(segments, -1, core.channels), state)
    return outputs.flatten(0, 1), (state[None], states[1])
