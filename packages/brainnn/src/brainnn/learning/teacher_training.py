"""How the teacher comes to walk: it imitates a hand-written walker, then improves on it.

Gymnasium's hand-written controller of BipedalWalker walks upright and evenly, but it remembers what
it is at, and falls in most runs. A policy without memory learns what it does, then PPO of
stable-baselines3 makes of that a gait that lasts: many episodes start in the middle of a stride of
the hand-written walker, so that standing still is no way out.
"""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import gymnasium
import numpy as np
import torch
from gymnasium.envs.box2d.bipedal_walker import BipedalWalkerHeuristics
from numpy.typing import NDArray
from stable_baselines3 import PPO
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.vec_env import DummyVecEnv, VecMonitor, VecNormalize

from brainnn.bodies.clip import Clip
from brainnn.bodies.planar_biped import DT_S, PROPRIOCEPTION, SPEED_UNIT, PlanarBiped
from brainnn.bodies.recording import even_clip, record_clip
from brainnn.learning.policies import SymmetricPolicy
from brainnn.learning.settings import TeacherPlan
from brainnn.learning.teacher import Teacher

__all__ = ["TeacherEnv", "hand_written_clip", "lasting_clip", "train_teacher"]

_HIPS = (4, 9)
_POTENTIAL = 130 / 30  # what BipedalWalker pays for a unit of length
_APART_STEPS = 40  # over which the hips' mean difference is taken
_EFFORT = 0.028  # what BipedalWalker charges for a motor's full torque
_ABOVE_LIMIT = 0.1  # share of the pay for what is faster than wanted


class TeacherEnv(gymnasium.Env[NDArray[np.float32], NDArray[np.float32]]):
    """The planar biped, paid for way made evenly, upright and without haste.

    Args:
        plan: What is paid.
        strides: Physical states to start from, shape (states, 5, 6).
    """

    def __init__(self, plan: TeacherPlan, strides: NDArray[np.float32]) -> None:
        self._plan, self._strides = plan, strides
        self.mid_stride = plan.mid_stride
        self._body = PlanarBiped(lidar=False)
        self.observation_space = self._body.observation_space
        self.action_space = self._body.action_space

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.float32], dict[str, Any]]:
        """Stand at the start of the course, or be in the middle of a stride.

        Returns:
            The observation, shape (channels,), and facts on the episode.
        """
        super().reset(seed=seed)
        self._body.np_random = self.np_random
        observation, _ = self._body.reset()
        if self.np_random.random() < self.mid_stride:
            state = self._strides[self.np_random.integers(len(self._strides))]
            observation = self._body.place(state)
        self._steps, self._apart = 0, 0.0
        self._last: NDArray[np.floating[Any]] = np.zeros(4)
        return observation, {}

    def step(
        self, action: NDArray[np.floating[Any]]
    ) -> tuple[NDArray[np.float32], float, bool, bool, dict[str, Any]]:
        """Act for 0.02 s.

        The action has shape (4,), in [-1, 1]; the observation (channels,).
        """
        plan = self._plan
        action = np.clip(action, -1, 1)
        observation, _, over, _, _ = self._body.step(action)
        self._steps += 1
        apart = float(observation[_HIPS[0]] - observation[_HIPS[1]])
        self._apart += (apart - self._apart) / _APART_STEPS
        speed = float(observation[2]) / SPEED_UNIT
        paid = min(speed, plan.speed) + _ABOVE_LIMIT * max(0.0, speed - plan.speed)
        reward = _POTENTIAL * DT_S * paid - _EFFORT * float(np.abs(action).sum())
        reward -= plan.effort * float(np.square(action).sum())
        reward -= plan.jerk * float(np.square(action - self._last).sum())
        reward -= plan.tilt * abs(float(observation[0])) + plan.asymmetry * abs(self._apart)
        self._last = action
        reward = -plan.fall if self._body.fell else reward
        return observation, reward, over, self._steps >= plan.episode_steps, {}


def hand_written_clip(seed: int, steps: int) -> Clip:
    """A walk of Gymnasium's hand-written controller.

    Args:
        seed: Of the terrain and the first push.
        steps: Duration, in steps of 0.02 s.

    Raises:
        ValueError: It fell before.
    """
    controller: Any = BipedalWalkerHeuristics()
    return record_clip(
        lambda observation: np.clip(controller.step_heuristic(observation), -1, 1),
        seed=seed,
        steps=steps,
        source=f"hand-written walker of Gymnasium, seed {seed}",
    )


def train_teacher(
    plan: TeacherPlan,
    *,
    seed: int,
    report: Callable[[int, dict[str, float]], None] = lambda steps, row: None,
) -> Teacher:
    """Train a teacher, without lidar.

    stable-baselines3 draws from the global generators of torch and numpy, which are seeded here.

    Args:
        plan: How.
        seed: Of everything.
        report: Called after every rollout with the steps so far, the mean reward and the mean
            duration of late episodes, and the spread of the actions.
    """
    walks = _lasting_walks()
    strides = np.concatenate([walk.bodies[30:] for walk in walks if walk.bodies is not None])
    envs = DummyVecEnv([lambda: TeacherEnv(plan, strides)] * plan.num_envs)
    model = PPO(
        SymmetricPolicy,
        VecNormalize(VecMonitor(envs), norm_obs=False, clip_reward=100),
        learning_rate=lambda left: plan.learning_rate * left + 1e-5,
        n_steps=256,
        batch_size=64 * plan.num_envs,
        n_epochs=8,
        gamma=0.985,
        gae_lambda=0.95,
        target_kl=0.04,
        seed=seed,
        policy_kwargs={"log_std_init": plan.log_std},
        device="cpu",
    )
    policy = model.policy
    assert isinstance(policy, SymmetricPolicy)
    _copy(policy.actor, plan, walks, seed)
    acting = [*policy.actor.parameters(), policy.log_std]
    for weight in acting:
        weight.requires_grad_(False)
    model.learn(plan.critic_steps)
    for weight in acting:
        weight.requires_grad_(True)
    model.learn(plan.steps, callback=_Course(plan, report))
    return policy.actor.eval()


def lasting_clip(
    act: Callable[[NDArray[np.float32]], NDArray[np.floating[Any]]],
    steps: int,
    *,
    walks: int = 20,
    source: str,
) -> Clip:
    """Record walks, and make of those that last one in even strides.

    Args:
        act: The walker, from observations (channels,) to actions (4,), as
            :func:`brainnn.bodies.recording.record_clip` takes it.
        steps: Duration, in steps of 0.02 s.
        walks: How many are recorded.
        source: Where it comes from, in one line.

    Raises:
        ValueError: None of them lasts and has a stride that closes on itself.
    """
    lasting: list[Clip] = []
    for seed in range(walks):
        with suppress(ValueError):  # it fell
            clip = record_clip(act, seed=seed, steps=steps, source=f"{source}, on terrain {seed}")
            lasting.append(clip)
    if not lasting:
        raise ValueError(
            f"the teacher must walk {steps} steps in one of {walks} walks, but it did in none: "
            "train it longer (steps)"
        )
    return even_clip(lasting)


def _lasting_walks(number: int = 5, steps: int = 350) -> list[Clip]:
    """The first walks of the hand-written controller that last."""
    walks: list[Clip] = []
    seed = 0
    while len(walks) < number:
        with suppress(ValueError):  # it fell: another seed
            walks.append(hand_written_clip(seed, steps))
        seed += 1
    return walks


def _copy(actor: Teacher, plan: TeacherPlan, walks: list[Clip], seed: int) -> None:
    """Teach a policy what the hand-written walker does, disturbed walks among it."""
    seen = [walk.states[:-1, :PROPRIOCEPTION] for walk in walks]
    done = [walk.actions for walk in walks]
    rng = np.random.default_rng(seed)
    body = PlanarBiped()
    for walk in range(plan.copied_walks):
        controller: Any = BipedalWalkerHeuristics()
        observation, _ = body.reset(seed=100 + walk)
        over, step = False, 0
        while not over and step < plan.episode_steps:
            action = np.clip(controller.step_heuristic(observation), -1, 1)
            seen.append(observation[None, :PROPRIOCEPTION])
            done.append(action[None].astype(np.float32))
            disturbed = np.clip(action + rng.normal(0, 0.1, 4), -1, 1)
            observation, _, over, _, _ = body.step(disturbed)
            step += 1
    inputs, labels = (torch.from_numpy(np.concatenate(parts)) for parts in (seen, done))
    optimiser = torch.optim.Adam(actor.parameters(), lr=1e-3)
    for _ in range(plan.copying_updates):
        chosen = torch.from_numpy(rng.integers(0, len(inputs), 512))
        loss = (actor(inputs[chosen]) - labels[chosen].float()).square().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()


class _Course(BaseCallback):
    """Lets more episodes begin at the start, and hands over what is known of late ones."""

    def __init__(self, plan: TeacherPlan, report: Callable[[int, dict[str, float]], None]) -> None:
        super().__init__()
        self._plan, self._report = plan, report

    def _on_step(self) -> bool:
        return True

    def _on_rollout_end(self) -> None:
        left = max(0.0, 1 - 2 * self.num_timesteps / self._plan.steps)
        self.training_env.set_attr("mid_stride", self._plan.mid_stride * left)
        late: list[Any] = [*(self.model.ep_info_buffer or ())]
        policy = self.model.policy
        assert isinstance(policy, SymmetricPolicy)
        row = {
            "reward": float(np.mean([episode["r"] for episode in late])) if late else np.nan,
            "episode_steps": float(np.mean([episode["l"] for episode in late])) if late else np.nan,
            "std": float(policy.log_std.detach().exp().mean()),
        }
        self._report(self.num_timesteps, row)
