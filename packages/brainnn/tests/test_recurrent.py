"""Recurrent PPO on cores: segments, masks, states, bootstrapping, and learning to remember."""

from typing import Any

import gymnasium
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from sb3_contrib.common.recurrent.type_aliases import RNNStates
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.vec_env import DummyVecEnv
from torch import Tensor, nn

from brainnn.learning.recurrent import CorePolicy, CorePPO, SegmentBuffer, cut_segments
from brainnn.learning.stateless import StatelessCore
from brainnn.networks.core import Core


class TanhCore(Core):
    """The plainest recurrent network, which starts an episode away from zero."""

    def __init__(self, channels: int = 2, actions: int = 1, units: int = 6, seed: int = 0) -> None:
        super().__init__(channels, actions, units)
        draw = torch.Generator().manual_seed(seed)

        def weights(rows: int, columns: int) -> nn.Parameter:
            return nn.Parameter(torch.randn(rows, columns, generator=draw) / columns**0.5)

        self.input, self.recurrent = weights(units, channels), weights(units, units)
        self.readout = weights(actions, units)

    def initial_state(self, batch: int) -> Tensor:
        return torch.full((batch, self.state_size), 0.3)

    def forward(self, observations: Tensor, state: Tensor | None = None) -> tuple[Tensor, Tensor]:
        state = self.checked(observations, state)
        outputs = []
        for observation in observations.unbind(1):
            state = torch.tanh(observation @ self.input.T + state @ self.recurrent.T)
            outputs.append(state @ self.readout.T)
        return torch.stack(outputs, 1), state


class Counting(gymnasium.Env[NDArray[np.float32], NDArray[np.float32]]):
    """Reward 1 a step; episodes of 3, 4, 5, ... steps, which are cut off or end by themselves."""

    observation_space = gymnasium.spaces.Box(-9, 9, (2,), np.float32)
    action_space = gymnasium.spaces.Box(-1, 1, (1,), np.float32)

    def __init__(self, first: int = 3, truncates: bool = False, grows: bool = True) -> None:
        self.length, self.truncates, self.grows = first, truncates, grows

    def _observe(self) -> NDArray[np.float32]:
        return np.array([np.sin(self.step_count), self.length / 5], np.float32)

    def reset(self, **_: Any) -> tuple[NDArray[np.float32], dict[str, Any]]:
        self.step_count = 0
        self.length += self.grows
        return self._observe(), {}

    def step(
        self, action: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], float, bool, bool, dict[str, Any]]:
        self.step_count += 1
        over = self.step_count == self.length
        return (
            self._observe(), 1.0, over and not self.truncates, over and self.truncates, {}
        )  # fmt: skip


class Constant(Core):
    """A critic that says the same always."""

    def __init__(self, value: float) -> None:
        super().__init__(2, 1, 0)
        self.value = nn.Parameter(torch.tensor(value))

    def forward(self, observations: Tensor, state: Tensor | None = None) -> tuple[Tensor, Tensor]:
        state = self.checked(observations, state)
        return self.value * torch.ones(*observations.shape[:2], 1), state


def rolled_out(
    *envs: Counting, critic: Core | None = None, n_steps: int = 20, **settings: Any
) -> CorePPO:
    """A model with one full rollout in its buffer."""
    torch.set_num_threads(1)
    model = CorePPO(
        CorePolicy,
        DummyVecEnv([lambda env=env: env for env in envs]),
        n_steps=n_steps,
        segment_steps=settings.pop("segment_steps", 4),
        policy_kwargs={"core": TanhCore(), "critic": critic},
        seed=0,
        device="cpu",
        **settings,
    )
    _, callback = model._setup_learn(n_steps * len(envs), None)
    model.collect_rollouts(model.env, callback, model.rollout_buffer, n_steps)
    return model


@given(
    starts=st.lists(st.lists(st.booleans(), min_size=3, max_size=3), min_size=1, max_size=30),
    segment_steps=st.integers(1, 9),
)
def test_segments_part_the_rollout_within_episodes(
    starts: list[list[bool]], segment_steps: int
) -> None:
    episode_starts = np.array(starts)
    seen = np.zeros(episode_starts.shape, int)
    for env, start, length in zip(*cut_segments(episode_starts, segment_steps), strict=True):
        assert 1 <= length <= segment_steps
        seen[start : start + length, env] += 1
        assert not episode_starts[start + 1 : start + length, env].any()
    assert (seen == 1).all()


def test_segments_are_counted_from_the_start_of_the_episode() -> None:
    starts = np.zeros((7, 1), bool)
    starts[3] = True
    segments = cut_segments(starts, 2)
    assert segments.start.tolist() == [0, 2, 3, 5]
    assert segments.length.tolist() == [2, 1, 2, 2]


def test_segments_have_steps() -> None:
    with pytest.raises(ValueError, match="segment_steps must be at least 1, got 0"):
        cut_segments(np.zeros((2, 1)), 0)


@pytest.mark.parametrize("critic", [None, TanhCore(seed=1)])
def test_before_the_first_update_the_ratio_is_one(critic: Core | None) -> None:
    model = rolled_out(Counting(), Counting(5, truncates=True), critic=critic)
    model.collect_rollouts(model.env, _silent(model), model.rollout_buffer, 20)
    assert model.rollout_buffer.episode_starts[1:].sum() > 3
    steps = 0
    for batch in model.rollout_buffer.get(12):
        values, log_prob, _ = model.policy.evaluate_actions(
            batch.observations, batch.actions, batch.lstm_states, batch.episode_starts
        )
        mask = batch.mask > 0
        steps += int(mask.sum())
        torch.testing.assert_close(log_prob[mask], batch.old_log_prob[mask], atol=2e-6, rtol=0)
        torch.testing.assert_close(values[mask, 0], batch.old_values[mask], atol=2e-6, rtol=0)
    assert steps == 40


def _silent(model: CorePPO) -> BaseCallback:
    return model._init_callback(None)


def test_the_buffer_holds_the_state_before_every_step() -> None:
    model = rolled_out(Counting())
    buffer, core = model.rollout_buffer, model.policy.core
    state = core.initial_state(1)
    for step in range(20):
        if buffer.episode_starts[step, 0]:
            state = core.initial_state(1)
        elif step:
            np.testing.assert_allclose(buffer.states_pi[step], state.detach(), atol=1e-6)
        state = core(torch.from_numpy(buffer.observations[step])[:, None], state)[1]


def test_padding_does_not_reach_the_gradient() -> None:
    model = rolled_out(Counting(), segment_steps=5)
    batch = next(iter(model.rollout_buffer.get()))
    mask = batch.mask > 0
    assert not mask.all()

    def gradient(observations: Tensor) -> Tensor:
        log_prob = model.policy.evaluate_actions(
            observations, batch.actions, batch.lstm_states, batch.episode_starts
        )[1]
        return torch.autograd.grad(log_prob[mask].sum(), model.policy.core.recurrent)[0]

    changed = torch.where(mask[:, None], batch.observations, 7.0)
    torch.testing.assert_close(gradient(changed), gradient(batch.observations))


def test_shuffling_is_the_models_own() -> None:
    def orders(model: CorePPO) -> list[float]:
        return [float(b.observations.sum()) for b in model.rollout_buffer.get(8)]

    first, second = rolled_out(Counting()), rolled_out(Counting())
    np.random.seed(1)  # noqa: NPY002
    expected = orders(first)
    np.random.seed(2)  # noqa: NPY002
    assert orders(second) == expected
    assert orders(second) != expected


@pytest.mark.parametrize("truncates", [False, True])
def test_an_episode_that_is_cut_off_is_bootstrapped_and_one_that_ends_is_not(
    truncates: bool,
) -> None:
    gamma, lam, value = 0.99, 0.95, 2.0
    env = Counting(3, truncates=truncates, grows=False)
    model = rolled_out(env, critic=Constant(value), n_steps=3, gamma=gamma, gae_lambda=lam)
    last = 1 + gamma * value * truncates - value
    other = 1 + gamma * value - value
    expected = [last + 0.0, other + gamma * lam * last]
    expected.append(other + gamma * lam * expected[1])
    advantages = model.rollout_buffer.advantages[:, 0]
    np.testing.assert_allclose(advantages, expected[::-1], rtol=1e-6)
    np.testing.assert_allclose(model.rollout_buffer.returns[:, 0], advantages + value, rtol=1e-6)


def test_a_hand_case_of_the_advantage() -> None:
    space, action = Counting.observation_space, Counting.action_space
    buffer = SegmentBuffer(
        3, space, action, state_sizes=(1, 0), segment_steps=2, rng=np.random.default_rng(0),
        gamma=0.99, gae_lambda=0.95,
    )  # fmt: skip
    state = (torch.zeros(1, 1, 1), torch.zeros(1, 1, 0))
    empty = (torch.zeros(1, 1, 0), torch.zeros(1, 1, 0))
    for reward, value, start in ((1.0, 0.5, 1), (0.0, 0.2, 0), (2.0, -0.1, 1)):
        buffer.add(
            np.zeros((1, 2)), np.zeros((1, 1)), np.array([reward]), np.array([start]),
            torch.tensor([value]), torch.zeros(1), lstm_states=RNNStates(state, empty),
        )  # fmt: skip
    buffer.compute_returns_and_advantage(torch.tensor([0.37]), np.array([False]))
    # the second step ended its episode: what follows does not reach it
    deltas = [1 + 0.99 * 0.2 - 0.5, 0 - 0.2, 2 + 0.99 * 0.37 + 0.1]
    expected = [deltas[0] + 0.99 * 0.95 * deltas[1], deltas[1], deltas[2]]
    np.testing.assert_allclose(buffer.advantages[:, 0], expected, rtol=1e-6)
    assert buffer.advantages[:, 0] == pytest.approx([0.5099, -0.2, 2.4663], abs=1e-4)


def test_gamma_has_an_effect() -> None:
    near = rolled_out(Counting(), critic=Constant(1.0), gamma=0.9).rollout_buffer.returns
    far = rolled_out(Counting(), critic=Constant(1.0), gamma=0.99).rollout_buffer.returns
    assert (far[:3] > near[:3] + 0.01).all()


def test_an_incomplete_rollout_is_refused() -> None:
    model = rolled_out(Counting())
    model.rollout_buffer.reset()
    with pytest.raises(RuntimeError, match="must have 20 steps before it is learned from, got 0"):
        next(iter(model.rollout_buffer.get(8)))


def test_predict_starts_at_the_initial_state_and_remembers() -> None:
    policy, core = rolled_out(Counting()).policy, TanhCore()
    observation = np.array([0.5, -0.2], np.float32)
    seen = torch.from_numpy(observation)[None, None]
    expected, hidden = core(seen, core.initial_state(1))
    action, state = policy.predict(observation, deterministic=True)
    np.testing.assert_allclose(action, expected.detach()[0, 0], atol=1e-6)
    action, _ = policy.predict(observation, state, deterministic=True)
    np.testing.assert_allclose(action, core(seen, hidden)[0].detach()[0, 0], atol=1e-6)


def test_squashing_is_of_the_mean() -> None:
    spaces = Counting.observation_space, Counting.action_space
    core = TanhCore()
    for squash in (False, True):
        policy = CorePolicy(*spaces, lambda _: 1e-3, core=core, squash_mean=squash)
        action, _ = policy.predict(np.ones(2, np.float32), deterministic=True)
        output = core(torch.ones(1, 1, 2), core.initial_state(1))[0]
        expected = torch.tanh(output) if squash else output
        np.testing.assert_allclose(action, expected.detach()[0, 0], atol=1e-6)


@pytest.mark.parametrize(
    ("networks", "message"),
    [
        ({"core": TanhCore(channels=3)}, r"observations \(2,\) and give .* 3 channels"),
        ({"core": TanhCore(), "critic": StatelessCore(2, 2)}, "critic must take 2 .* 2 actions"),
        ({"core": TanhCore(), "use_sde": True}, "use_sde must be False"),
    ],
)
def test_networks_that_do_not_fit_are_refused(networks: dict[str, Any], message: str) -> None:
    spaces = Counting.observation_space, Counting.action_space
    with pytest.raises(ValueError, match=message):
        CorePolicy(*spaces, lambda _: 1e-3, **networks)


def test_a_start_inside_of_a_segment_is_refused() -> None:
    model = rolled_out(Counting())
    states = model.policy.initial_states(1)
    with pytest.raises(ValueError, match="must start with its segment"):
        model.policy.evaluate_actions(
            torch.zeros(3, 2), torch.zeros(3, 1), states, torch.tensor([0.0, 1.0, 0.0])
        )


class Recall(Counting):
    """Shows a sign at the first step only; every step pays for being near it."""

    def reset(
        self, *, seed: int | None = None, **_: Any
    ) -> tuple[NDArray[np.float32], dict[str, Any]]:
        gymnasium.Env.reset(self, seed=seed)
        self.sign = self.np_random.choice([-1.0, 1.0])
        return super().reset()

    def _observe(self) -> NDArray[np.float32]:
        return np.array([self.sign * (self.step_count == 0), 1], np.float32)

    def step(
        self, action: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], float, bool, bool, dict[str, Any]]:
        observation, _, terminated, truncated, info = super().step(action)
        return observation, -abs(float(action[0]) - self.sign), terminated, truncated, info


def test_it_learns_to_remember() -> None:
    envs = [Recall(6, grows=False) for _ in range(16)]
    model = CorePPO(
        CorePolicy, DummyVecEnv([lambda env=env: env for env in envs]), n_steps=24,
        batch_size=192, n_epochs=6, learning_rate=1e-2, gamma=0.5, segment_steps=6, seed=1,
        policy_kwargs={"core": TanhCore(units=12)}, device="cpu",
    )  # fmt: skip
    model.learn(24 * 16 * 25)
    with torch.no_grad():
        core = model.policy.core
        seen = torch.zeros(2, 6, 2)
        seen[:, :, 1] = 1.0
        seen[:, 0, 0] = torch.tensor([-1.0, 1.0])
        actions = core(seen, core.initial_state(2))[0][..., 0]
    # without memory the best is 0 after the first step
    assert float(actions[1, 1:].min()) > 0.5
    assert float(actions[0, 1:].max()) < -0.5
