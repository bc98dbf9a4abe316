"""Training of an agent by any of the algorithms: resumable to the bit, scored as it goes."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from shutil import rmtree
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.on_policy_algorithm import OnPolicyAlgorithm

from neuro_common.checkpoint import load_checkpoint, save_checkpoint
from neuro_common.files import FormatError
from neuro_common.seeding import spawn_seeds
from rldbs_env.agents import AgentVecEnv, to_policy
from rldbs_env.algorithms import agent_of, build, environments_of, exploring_std
from rldbs_env.catalogue import make_model, name_of, settings_of
from rldbs_env.checkpoints import KIND, restore, snapshot
from rldbs_env.config import TrainConfig
from rldbs_env.controllers import Controller
from rldbs_env.hyperparameters import DQNConfig
from rldbs_env.models import BonhoefferVanDerPol
from rldbs_env.oscillators import Model
from rldbs_env.policy import Policy
from rldbs_env.pulses import Pulse, delta
from rldbs_env.recurrent import RecurrentPolicy
from rldbs_env.reward import AbsoluteReward
from rldbs_env.vector import DBSVectorEnv

__all__ = ["CurvePoint", "model_of", "policy_of", "train", "validate"]

_VALIDATION = tuple(range(900, 904))
_SETTLING_STEPS, _SCORED_STEPS = 1500, 1500
_LEAST_CYCLES = 3


@dataclass(frozen=True)
class CurvePoint:
    """One point of a learning curve.

    Attributes:
        reward: Mean reward per step since the last report, exploration included.
        s_ratio: Suppression by the mean action on validation ensembles, their median; one that is
            quenched or diverged counts as zero.
        charge: Mean absolute kick of the mean action, once settled.
        kick_std: Spread of the exploring kicks.
    """

    reward: float
    s_ratio: float
    charge: float
    kick_std: float


def train(
    config: TrainConfig,
    directory: Path,
    *,
    report: Callable[[int, CurvePoint], None] = lambda step, point: None,
    advance: Callable[[int, float], None] = lambda steps, reward: None,
) -> Policy | RecurrentPolicy:
    """Train an agent; checkpoints found in the directory are taken up.

    stable-baselines3 draws from the global generators of torch and numpy, which are seeded here;
    torch's number of threads is set to ``config.threads``.

    Args:
        config: What to train, on what and for how long.
        directory: Where ``checkpoints/`` and ``tensorboard/`` go.
        report: Called with the step and its point at every ``checkpoint_steps`` and at the end.
        advance: Called after every rollout with its steps and its mean reward.

    Returns:
        The agent's mean action.

    Raises:
        ValueError: If the algorithm cannot act in the environment.
        FormatError: If the last checkpoint is damaged, or of another algorithm.
    """
    torch.set_num_threads(config.threads)
    model = _model(config, directory)
    keeper = _Keeper(config, directory / "checkpoints", report, advance)
    done = keeper.take_up(model)
    if done:
        advance(done, keeper.last_reward)
    try:
        # with a reset of its counter stable-baselines3 would reset the environments as well
        model.learn(
            config.steps - done, keeper, tb_log_name=config.algo.name, reset_num_timesteps=False
        )
    except KeyboardInterrupt:
        keeper.save_last()
        raise
    finally:
        environments_of(model).close()
    return policy_of(model, config)


def policy_of(model: BaseAlgorithm, config: TrainConfig) -> Policy | RecurrentPolicy:
    """The mean action of a model under training."""
    settings = environments_of(model).env.settings
    return to_policy(agent_of(model), settings, config.lags, config.environment)


def model_of(config: TrainConfig) -> Model:
    """The ensembles' model: the environment's own, with the numbers of the configuration.

    Raises:
        ValueError: There is no such environment or number; the message lists the valid ones.
    """
    own = settings_of(config.environment).get("model", BonhoefferVanDerPol())
    return make_model(name_of(own), **config.model)


def validate(
    controller: Controller,
    model: Model,
    n_neurons: int,
    ensembles: Sequence[int] = _VALIDATION,
    *,
    pulse: Pulse | None = None,
) -> tuple[float, float]:
    """Median S_ratio and mean charge of a controller that is switched on in settled ensembles.

    Settling and scoring take 1,500 steps each, or three cycles of the rhythm if that is more.
    Within a pulse every sub-step counts, so each is a step of its own here. An ensemble that
    diverges, or is quenched (fewer than 0.9 of its neurons have a third of the std of free ones),
    counts as zero: its mean field is flat because nothing moves.

    Args:
        controller: A policy, or a law.
        model: The ensembles' model.
        n_neurons: Neurons per ensemble.
        ensembles: Their seeds.
        pulse: Shape of every pulse; None for the policy's own, single kicks of a law.
    """
    weights = (getattr(controller, "pulse", delta()) if pulse is None else pulse).weights
    env = DBSVectorEnv(
        len(ensembles),
        model=model,
        n_neurons=n_neurons,
        signals=controller.signals,
        window=controller.window,
        stride=getattr(controller, "stride", 1),
        max_kick=getattr(controller, "max_kick", 1.0),
        episode_steps=None,
        ensemble=tuple(ensembles),
        dtype="float32",
    )
    observation, _ = env.reset(seed=0, options={"ensemble": np.array(ensembles)})
    on = 2 * model.period_steps
    cycles = _LEAST_CYCLES * model.period_steps
    scored = on + max(_SETTLING_STEPS, cycles)
    fields, charges = np.zeros((2, scored + max(_SCORED_STEPS, cycles), len(ensembles)))
    pulses, memory = np.zeros((len(ensembles), 1), np.float32), None
    free: list[NDArray[Any]] = []
    controlled: list[NDArray[Any]] = []
    diverged, every = np.zeros(len(ensembles), np.bool_), max(1, model.period_steps // 16)
    for step in range(len(fields)):
        phase = (step - on) % len(weights)
        if step >= on and phase == 0:
            pulses, memory = controller.predict(observation, memory)
        kicks = pulses * np.float32(weights[phase])
        observation, _, terminated, _, info = env.step(kicks)
        fields[step], charges[step] = info["mean_x"], np.abs(kicks[:, 0])
        diverged |= terminated
        if step % every == 0 and not on <= step < scored:
            (free if step < on else controlled).append(_recorded(model, env.neurons))
    env.close()
    active = np.std(controlled, axis=0) > np.median(np.std(free, axis=0)) / 3
    failed = diverged | (active.mean(axis=1) < 0.9)
    residual = np.maximum(fields[scored:].std(axis=0), 1e-9)
    s_ratio = np.where(failed, 0.0, fields[:on].std(axis=0) / residual)
    return float(np.median(s_ratio)), float(charges[scored:].mean())


def _recorded(model: Model, state: NDArray[Any]) -> NDArray[Any]:
    """State x of every neuron, the cosine of a phase, shape (envs, neurons)."""
    return np.cos(state[:, 0]) if model.variables == ("phase",) else state[:, 0]


def _model(config: TrainConfig, directory: Path) -> BaseAlgorithm:
    algo = config.algo
    agent_seed, env_seed = spawn_seeds(config.seed, 2)
    env = DBSVectorEnv(algo.num_envs, threads=config.threads, **_settings(config))
    venv = AgentVecEnv(env, config.lags, reward_scale=1 - algo.gamma)
    model = build(algo, venv, agent_seed, directory / "tensorboard")
    venv.seed(env_seed)
    model._last_obs = venv.reset()
    model._last_episode_starts = np.ones(algo.num_envs, np.bool_)
    # episodes that all ended at once would make every rollout all onset or none of it
    state = env.get_state()
    state["steps"] = np.arange(algo.num_envs) * config.episode_steps // algo.num_envs
    env.set_state(state)
    return model


def _settings(config: TrainConfig) -> dict[str, Any]:
    """Arguments of the environments to learn in."""
    changes: dict[str, Any] = {"pulse": tuple(config.pulse)} if config.pulse else {}
    if config.levels:
        changes["levels"] = tuple(config.levels)
    settings = settings_of(
        config.environment,
        model=model_of(config),
        n_neurons=config.n_neurons,
        signals=tuple(config.signals),
        window=config.window,
        stride=config.stride,
        max_kick=config.kick_scale,
        reward=AbsoluteReward(config.penalty),
        episode_steps=config.episode_steps,
        ensemble=range(config.pool),
        dtype="float32",
        **changes,
    )
    levels, name = settings.get("levels"), config.algo.name
    if isinstance(config.algo, DQNConfig) and not levels:
        raise ValueError(
            f"algo={name} chooses among levels, but {config.environment} has none: take "
            "environment=rldbs/BvdPDiscrete-v0, or give some, levels=[-0.02,0,0.02]"
        )
    if levels and not isinstance(config.algo, DQNConfig):
        raise ValueError(
            f"algo={name} gives any kick up to kick_scale, but the environment is to have levels: "
            "take algo=dqn, or rldbs/BvdP-v0 without levels"
        )
    return settings | ({"max_kick": float(np.abs(levels).max())} if levels else {})


class _Keeper(BaseCallback):
    """At rollout boundaries: anneals the exploration, keeps a snapshot, reports and saves."""

    def __init__(
        self,
        config: TrainConfig,
        directory: Path,
        report: Callable[[int, CurvePoint], None],
        advance: Callable[[int, float], None],
    ) -> None:
        super().__init__()
        self._config, self._directory = config, directory
        self._report, self._advance = report, advance
        self._rewards: list[float] = []
        self._rollout: list[float] = []
        self._snapshot: tuple[dict[str, Any], dict[str, Any]] | None = None
        self._saved = -1

    def _on_rollout_start(self) -> None:
        step, algo = self.num_timesteps, self._config.algo
        kick_std = algo.kick_std(min(step / self._config.steps, 1.0))
        if kick_std is not None:
            agent_of(self.model).set_action_std(kick_std / self._config.kick_scale)
        rollout, every = algo.num_envs * algo.rollout_steps, self._config.checkpoint_steps
        due = bool(self._rewards) and step // every > (step - rollout) // every
        # a replay buffer is too large to be copied at every boundary
        if due or isinstance(self.model, OnPolicyAlgorithm):
            self._take_snapshot()
        if due:
            self._keep()

    def _on_step(self) -> bool:
        self._rollout.append(float(self.locals["rewards"].mean()))
        return True

    def _on_rollout_end(self) -> None:
        algo = self._config.algo
        self._rewards.append(float(np.mean(self._rollout)) / (1 - algo.gamma))
        self._advance(algo.num_envs * len(self._rollout), self._rewards[-1])
        self._rollout.clear()

    def _on_training_end(self) -> None:
        if self._rewards:
            self._take_snapshot()
            self._keep()

    def _take_snapshot(self) -> None:
        tensors, manifest = snapshot(self.model)
        more = {"algo": self._config.algo.name, "rewards": list(self._rewards)}
        self._snapshot = tensors, manifest | more

    def _keep(self) -> None:
        config = self._config
        s_ratio, charge = validate(
            policy_of(self.model, config), model_of(config), config.n_neurons
        )
        kick_std = exploring_std(self.model)
        reward = float(np.mean(self._rewards))
        self._report(self.num_timesteps, CurvePoint(reward, s_ratio, charge, kick_std))
        self.logger.record("validation/s_ratio", s_ratio)
        self.logger.record("validation/charge", charge)
        self.save_last()
        self._rewards.clear()

    @property
    def last_reward(self) -> float:
        """Mean reward per step of the last rollout, NaN before the first."""
        return self._rewards[-1] if self._rewards else float("nan")

    def take_up(self, model: BaseAlgorithm) -> int:
        """Restore the last whole checkpoint; returns its step, 0 where there is none."""
        found = self._directory.glob("step_*")
        whole = [path for path in found if (path / "manifest.json").is_file()]
        if not whole:
            return 0
        last, algo = max(whole), self._config.algo.name
        tensors, manifest = load_checkpoint(last)
        if manifest.get("kind") != KIND or manifest.get("algo") != algo:
            raise FormatError(
                f"{last} must be a checkpoint of algo={algo}, got "
                f"{manifest.get('algo') or manifest.get('kind')!r}: give another directory"
            )
        try:
            restore(model, tensors, manifest)
            self._rewards = [float(reward) for reward in manifest["rewards"]]
        except (KeyError, RuntimeError, ValueError, TypeError) as error:
            raise FormatError(f"{last} does not fit this configuration: {error}") from error
        return int(manifest["step"])

    def save_last(self) -> None:
        """Write the last snapshot; the one before stays until this one is whole."""
        if self._snapshot is None or self._snapshot[1]["step"] == self._saved:
            return
        tensors, manifest = self._snapshot
        earlier = sorted(self._directory.glob("step_*"))
        target = self._directory / f"step_{manifest['step']:012d}"
        save_checkpoint(target, tensors, manifest)
        self._saved = manifest["step"]
        for old in earlier:
            if old != target:
                rmtree(old)
