"""A network teaches itself to walk: recurrent PPO from imitation to goal, resumable to the bit."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from gymnasium.wrappers import TransformReward
from numpy.typing import NDArray
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.vec_env import DummyVecEnv, VecEnv

from brainnn.learning.checkpoints import restore_last, save_last
from brainnn.learning.recurrent import CorePolicy, CorePPO
from brainnn.learning.rollouts import Environment
from brainnn.learning.settings import PPO
from brainnn.learning.stateless import StatelessCore
from brainnn.networks.core import Core
from neuro_common.seeding import generator

__all__ = ["Stage", "reinforce"]


@dataclass(frozen=True)
class Stage:
    """A part of the curriculum.

    Attributes:
        steps: Steps of all environments together; the next stage begins with the first rollout
            after them.
        imitation: Share of imitation in the reward, in [0, 1]; the rest is the goal.
        reference_start: Share of the episodes that start in a frame of the reference, in [0, 1].
        episode_steps: Duration of an episode.

    Raises:
        ValueError: There are no steps, or a share is not in [0, 1].
    """

    steps: int
    imitation: float = 0.7
    reference_start: float = 0.7
    episode_steps: int = 300

    def __post_init__(self) -> None:
        if self.steps < 1 or self.episode_steps < 1:
            raise ValueError(
                "steps and episode_steps of a stage must be at least 1, got "
                f"{self.steps} and {self.episode_steps}"
            )
        for name in ("imitation", "reference_start"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} must be in [0, 1], got {getattr(self, name)}")


def reinforce(
    core: Core,
    make_env: Callable[[Stage], Environment],
    stages: Sequence[Stage],
    settings: PPO,
    directory: Path,
    *,
    seed: int,
    report: Callable[[int, Mapping[str, float]], None] = lambda step, row: None,
) -> dict[str, NDArray[np.float64]]:
    """Train a network, in place; a checkpoint found in the directory is taken up.

    stable-baselines3 draws from torch's global generator, which is seeded here.

    Args:
        core: The actor, new or taught before.
        make_env: Makes an environment of a stage.
        stages: The curriculum, at least one stage.
        settings: How.
        directory: Where ``checkpoints/`` goes.
        seed: Of environments, actions and batches.
        report: Called after every rollout with the step and its row, those of an earlier session
            left out.

    Returns:
        The learning curve, one entry for each rollout: ``step``, ``reward`` (mean of a step),
        ``episode_steps`` and ``ends`` (of the episodes that ended in the rollout their mean
        duration, NaN if none did, and the share that ended by itself), ``kl``, ``std``,
        ``value_loss``, ``fps`` (steps a second).

    Raises:
        ValueError: There is no stage.
        FormatError: The last checkpoint is damaged, or of another training.
    """
    if not stages:
        raise ValueError("stages must be at least one, got none")
    checkpoint_steps = settings.checkpoint_steps
    ends = np.cumsum([stage.steps for stage in stages])
    total = int(ends[-1])
    tally = _Tally()
    model = _model(core, make_env, stages[0], settings, seed)
    actor = [part for part in (*core.parameters(), _policy(model).log_std) if part.requires_grad]
    model._setup_learn(total, tally, reset_num_timesteps=False)
    found = restore_last(model, directory / "checkpoints")
    rows = _from_json(found["rows"]) if found else []
    at, reset_due = 0, True
    while (start := model.num_timesteps) < total:
        began = time.perf_counter()
        stage = int(np.searchsorted(ends, start, side="right"))
        if stage != at:
            _environments(model).close()
            model.set_env(_vector(make_env, stages[stage], settings))
            at, reset_due = stage, True
        if reset_due:
            _reset(model, seed)
        for part in actor:
            part.requires_grad_(start >= settings.critic_steps)
        model.collect_rollouts(_environments(model), tally, model.rollout_buffer, model.n_steps)
        step = model.num_timesteps
        model._update_current_progress_remaining(step, total)
        model.train()
        fps = (step - start) / (time.perf_counter() - began)
        row = tally.row() | _learned(model) | {"fps": fps}
        rows.append({"step": float(step)} | row)
        report(step, row)
        reset_due = start // checkpoint_steps < step // checkpoint_steps
        if reset_due or step >= total:
            save_last(model, directory / "checkpoints", {"rows": _to_json(rows)})
    _environments(model).close()
    return {name: np.array([row[name] for row in rows]) for name in rows[-1]}


class _Tally(BaseCallback):
    """What happened in a rollout."""

    def _on_rollout_start(self) -> None:
        self._rewards: list[NDArray[np.float32]] = []
        self._ends: list[bool] = []
        self._steps: list[int] = []
        if not hasattr(self, "_ages"):
            self._ages = np.zeros(self.training_env.num_envs, np.int64)

    def _on_step(self) -> bool:
        heard = self.locals
        self._rewards.append(heard["rewards"].copy())
        # a seeded reset begins new episodes without a word
        self._ages[self.model._last_episode_starts] = 0
        self._ages += 1
        for env in np.flatnonzero(heard["dones"]):
            self._steps.append(int(self._ages[env]))
            self._ends.append(not heard["infos"][env]["TimeLimit.truncated"])
        return True

    def row(self) -> dict[str, float]:
        assert isinstance(self.model, CorePPO)
        return {
            "reward": float(np.mean(self._rewards)) / (1 - self.model.gamma),
            "episode_steps": float(np.mean(self._steps)) if self._steps else float("nan"),
            "ends": float(np.mean(self._ends)) if self._ends else float("nan"),
        }


def _model(
    core: Core,
    make_env: Callable[[Stage], Environment],
    stage: Stage,
    settings: PPO,
    seed: int,
) -> CorePPO:
    """A model with environments of the first stage, whose spaces are those of all."""
    critic_seed, model_seed = generator(seed).integers(2**31, size=2).tolist()
    draw = torch.Generator().manual_seed(critic_seed)
    critic = StatelessCore(core.channels, 1, tuple(settings.critic_hidden), draw)
    first, last = settings.learning_rate, settings.last_learning_rate
    return CorePPO(
        CorePolicy,
        _vector(make_env, stage, settings),
        segment_steps=settings.segment_steps,
        n_steps=settings.rollout_steps,
        batch_size=settings.batch_steps,
        n_epochs=settings.epochs,
        learning_rate=lambda left: last + left * (first - last),
        gamma=settings.gamma,
        gae_lambda=settings.gae_lambda,
        clip_range=settings.clip_range,
        target_kl=settings.target_kl,
        ent_coef=settings.entropy,
        vf_coef=settings.value,
        max_grad_norm=settings.clip_norm,
        seed=model_seed,
        device="cpu",
        policy_kwargs={
            "core": core,
            "critic": critic,
            "squash_mean": settings.squash,
            "log_std_init": float(np.log(settings.first_std)),
        },
    )


def _vector(make_env: Callable[[Stage], Environment], stage: Stage, settings: PPO) -> DummyVecEnv:
    # returns near 1 keep the critic's gradient from drowning the actor's
    scale = 1 - settings.gamma

    def make() -> Environment:
        return TransformReward(make_env(stage), lambda reward: scale * float(reward))

    return DummyVecEnv([make] * settings.num_envs)


def _reset(model: CorePPO, seed: int) -> None:
    """Begin new episodes, by a seed that this step of the training alone has."""
    env = _environments(model)
    env.seed(int(generator(seed, model.num_timesteps).integers(2**16, 2**30)))
    model._last_obs = env.reset()  # type: ignore[assignment]
    model._last_episode_starts = np.ones(env.num_envs, np.bool_)
    states = _policy(model).initial_states(env.num_envs)
    model._last_lstm_states = states  # type: ignore[assignment]


def _learned(model: CorePPO) -> dict[str, float]:
    """What stable-baselines3 noted of the last update."""
    noted = model.logger.name_to_value
    return {
        "kl": float(noted["train/approx_kl"]),
        "std": float(noted["train/std"]),
        "value_loss": float(noted["train/value_loss"]),
    }


def _environments(model: CorePPO) -> VecEnv:
    assert model.env is not None
    return model.env


def _policy(model: CorePPO) -> CorePolicy:
    assert isinstance(model.policy, CorePolicy)
    return model.policy


def _to_json(rows: list[dict[str, float]]) -> list[dict[str, float | None]]:
    return [
        {name: None if np.isnan(value) else value for name, value in row.items()} for row in rows
    ]


def _from_json(rows: list[dict[str, float | None]]) -> list[dict[str, float]]:
    return [
        {name: float("nan") if value is None else value for name, value in row.items()}
        for row in rows
    ]
