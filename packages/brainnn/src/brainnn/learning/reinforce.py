"""A network teaches itself to walk: recurrent PPO from imitation to goal, resumable to the bit."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
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
from brainnn.learning.stateless import StatelessCore
from brainnn.networks.core import Core
from neuro_common.seeding import generator

__all__ = ["PPO", "Stage", "reinforce"]


@dataclass(frozen=True)
class Stage:
    """A part of the curriculum.

    Attributes:
        steps: Steps of all environments together; the next stage begins with the first rollout
            after them.
        imitation: Share of imitation in the reward, in [0, 1]; the rest is the goal.
        reference_start: Share of the episodes that start in a frame of the reference, in [0, 1].
        episode_steps: Duration of an episode.
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


@dataclass(frozen=True)
class PPO:
    """How to learn from reward.

    Attributes:
        envs: Environments side by side.
        rollout_steps: Steps of each between two updates.
        segment_steps: Longest stretch that gradients run through.
        batch_steps: Steps in one gradient step, about.
        epochs: How often a rollout is learned from.
        learning_rate: Of Adam at the beginning.
        last_learning_rate: At the end; in between it falls in a straight line.
        gamma: Discount of a step.
        gae_lambda: Weight of longer returns in the advantage.
        clip_range: How far a probability may move from that of the rollout.
        target_kl: Divergence from the rollout's policy at which its epochs end; None is never.
        entropy: Weight of the entropy in the loss.
        value: Weight of the critic in the loss.
        max_grad_norm: Longer gradients are shortened to this.
        first_std: Spread of the actions at the beginning.
        squash: Whether the mean action is the tanh of the network's output.
        critic_hidden: Units of each layer of the critic.
        critic_steps: Steps in which the critic alone learns, for a network that can walk already.
    """

    envs: int = 32
    rollout_steps: int = 128
    segment_steps: int = 32
    batch_steps: int = 1024
    epochs: int = 6
    learning_rate: float = 3e-3
    last_learning_rate: float = 3e-4
    gamma: float = 0.97
    gae_lambda: float = 0.95
    clip_range: float = 0.2
    target_kl: float | None = 0.03
    entropy: float = 0.0
    value: float = 0.5
    max_grad_norm: float = 0.5
    first_std: float = 0.37
    squash: bool = True
    critic_hidden: tuple[int, ...] = field(default=(128, 128))
    critic_steps: int = 0

    def __post_init__(self) -> None:
        for name in ("envs", "rollout_steps", "segment_steps", "batch_steps", "epochs"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}")
        for name in ("gamma", "gae_lambda"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} must be in [0, 1], got {getattr(self, name)}")
        if self.gamma == 1:
            raise ValueError("gamma must be below 1, got 1: rewards are scaled by 1 - gamma")
        if self.first_std <= 0:
            raise ValueError(f"first_std must be above 0, got {self.first_std}")


def reinforce(
    core: Core,
    make_env: Callable[[Stage], Environment],
    stages: Sequence[Stage],
    settings: PPO,
    directory: Path,
    *,
    seed: int,
    checkpoint_steps: int = 50_000,
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
        checkpoint_steps: Steps from one checkpoint, at which the environments are reset, to the
            next.
        report: Called after every rollout with the step and its row, those of an earlier session
            left out.

    Returns:
        The learning curve, one entry for each rollout: ``step``, ``reward`` (mean of a step),
        ``episode_steps`` and ``ends`` (of the episodes that ended in the rollout their mean
        duration, NaN if none did, and the share that ended by itself), ``kl``, ``std``,
        ``value_loss``, ``fps`` (steps a second).

    Raises:
        ValueError: There is no stage, or ``checkpoint_steps`` is below 1.
        FormatError: The last checkpoint is damaged, or of another training.
    """
    if not stages or checkpoint_steps < 1:
        raise ValueError(
            "stages and checkpoint_steps must be at least one each, got "
            f"{len(stages)} stages and checkpoint_steps={checkpoint_steps}"
        )
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
        max_grad_norm=settings.max_grad_norm,
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

    return DummyVecEnv([make] * settings.envs)


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
