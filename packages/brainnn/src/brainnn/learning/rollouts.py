"""Closed-loop runs of a controller in many environments at once, recorded."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import gymnasium
import numpy as np
import torch
from numpy.typing import NDArray

from brainnn.bodies.stances import Controller
from brainnn.networks.core import Core

__all__ = ["Environment", "NetworkController", "Rollouts", "roll_out"]

Environment: TypeAlias = gymnasium.Env[NDArray[np.float32], NDArray[np.float32]]


@dataclass(frozen=True)
class Rollouts:
    """Episodes that began together; what lies beyond the end of one is NaN.

    Attributes:
        seeds: Of the environments' resets, shape (runs,).
        observations: Before every step and after the last, shape (runs, steps + 1, channels).
        actions: Shape (runs, steps, actions).
        rewards: The environment's own, shape (runs, steps).
        infos: Numbers of the environment's info dictionary by name, each of shape (runs, steps).
        lengths: Steps of each episode, shape (runs,).
        terminated: Whether an episode ended by itself, shape (runs,).
    """

    seeds: NDArray[np.int64]
    observations: NDArray[np.float32]
    actions: NDArray[np.float32]
    rewards: NDArray[np.float64]
    infos: dict[str, NDArray[np.float64]]
    lengths: NDArray[np.int64]
    terminated: NDArray[np.bool_]

    def __len__(self) -> int:
        """Number of episodes."""
        return len(self.seeds)


class NetworkController:
    """A network that acts by its mean, and begins anew at step 0.

    Args:
        core: The network.
        squash: Whether its outputs go through tanh; else they are clipped to [-1, 1].
    """

    def __init__(self, core: Core, *, squash: bool = False) -> None:
        self._core, self._squash = core, squash
        self._state = core.initial_state(0)

    @torch.no_grad()
    def __call__(self, observations: NDArray[np.floating[Any]], step: int) -> NDArray[np.float32]:
        """Actions of a step, shape (batch, actions).

        Args:
            observations: Shape (batch, channels).
            step: Steps since the start; 0 forgets what was before.
        """
        if step == 0:
            self._state = self._core.initial_state(len(observations))
        seen = torch.as_tensor(observations, dtype=self._state.dtype)
        outputs, self._state = self._core(seen[:, None], self._state)
        actions = torch.tanh(outputs) if self._squash else outputs.clamp(-1, 1)
        return actions[:, 0].to(torch.float32).numpy()


def roll_out(
    controller: Controller,
    make_env: Callable[[], Environment],
    seeds: Sequence[int],
    steps: int,
) -> Rollouts:
    """Run one episode from ``env.reset(seed=...)`` for each seed, all side by side.

    Args:
        controller: Gives the actions.
        make_env: Makes one environment.
        seeds: One for each episode.
        steps: Longest episode.

    Raises:
        ValueError: There is no seed or no step.
    """
    if not seeds or steps < 1:
        raise ValueError(
            f"seeds and steps must be at least one each, got {len(seeds)} seeds and {steps} steps"
        )
    envs = [make_env() for _ in seeds]
    current = np.stack(
        [env.reset(seed=int(seed))[0] for env, seed in zip(envs, seeds, strict=True)]
    )
    runs = len(seeds)
    observations = np.full((runs, steps + 1, current.shape[1]), np.nan, np.float32)
    observations[:, 0] = current
    actions = np.full((runs, steps, *(envs[0].action_space.shape or ())), np.nan, np.float32)
    rewards = np.full((runs, steps), np.nan)
    infos: dict[str, NDArray[np.float64]] = {}
    live, terminated = np.ones(runs, np.bool_), np.zeros(runs, np.bool_)
    for step in range(steps):
        chosen = controller(current, step)
        for run in np.flatnonzero(live):
            current[run], reward, terminated[run], truncated, info = envs[run].step(chosen[run])
            observations[run, step + 1], actions[run, step] = current[run], chosen[run]
            rewards[run, step] = reward
            for name, value in info.items():
                if isinstance(value, int | float | np.number | np.bool_):
                    if name not in infos:
                        infos[name] = np.full((runs, steps), np.nan)
                    infos[name][run, step] = value
            live[run] = not (terminated[run] or truncated)
        if not live.any():
            break
    for env in envs:
        env.close()
    lengths = np.isfinite(rewards).sum(axis=1)
    return Rollouts(np.asarray(seeds), observations, actions, rewards, infos, lengths, terminated)
