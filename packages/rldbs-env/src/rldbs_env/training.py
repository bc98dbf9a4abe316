"""Training of an agent by proximal policy optimisation: resumable to the bit, scored as it goes."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from shutil import rmtree
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from stable_baselines3 import PPO
from stable_baselines3.common.callbacks import BaseCallback

from neuro_common.checkpoint import load_checkpoint, save_checkpoint
from neuro_common.files import FormatError
from neuro_common.seeding import spawn_seeds
from rldbs_env.agents import AgentVecEnv, OddActorCritic, to_policy
from rldbs_env.catalogue import make_model, name_of, settings_of
from rldbs_env.config import TrainConfig
from rldbs_env.models import BonhoefferVanDerPol
from rldbs_env.oscillators import Model
from rldbs_env.policy import Policy
from rldbs_env.reward import AbsoluteReward
from rldbs_env.vector import DBSVectorEnv

__all__ = ["CurvePoint", "model_of", "policy_of", "restore", "snapshot", "train", "validate"]

_KIND = "rldbs-env training"
_VALIDATION = tuple(range(900, 904))
_SETTLING_STEPS, _SCORED_STEPS = 1500, 1500
_LEAST_CYCLES = 3


@dataclass(frozen=True)
class CurvePoint:
    """One point of a learning curve.

    Attributes:
        reward: Mean reward per step since the last report, exploration included.
        s_ratio: Suppression by the mean action on validation ensembles, their median.
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
) -> Policy:
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
        model.learn(config.steps - done, keeper, tb_log_name="ppo", reset_num_timesteps=False)
    except KeyboardInterrupt:
        keeper.save_last()
        raise
    finally:
        _environments(model).close()
    return policy_of(model, config)


def policy_of(model: PPO, config: TrainConfig) -> Policy:
    """The mean action of a model under training."""
    settings = _environments(model).env.settings
    return to_policy(_agent(model), settings, config.lags, config.environment)


def model_of(config: TrainConfig) -> Model:
    """The ensembles' model: the environment's own, with the numbers of the configuration.

    Raises:
        ValueError: There is no such environment or number; the message lists the valid ones.
    """
    own = settings_of(config.environment).get("model", BonhoefferVanDerPol())
    return make_model(name_of(own), **config.model)


def _agent(model: PPO) -> OddActorCritic:
    return cast("OddActorCritic", model.policy)


def _environments(model: PPO) -> AgentVecEnv:
    return cast("AgentVecEnv", model.env)


def validate(
    policy: Policy,
    model: Model,
    n_neurons: int,
    ensembles: Sequence[int] = _VALIDATION,
) -> tuple[float, float]:
    """Median S_ratio and mean charge of a policy that is switched on in settled ensembles.

    Settling and scoring take 1,500 steps each, or three cycles of the rhythm if that is more.
    Within a pulse every sub-step counts, so each is a step of its own here.
    """
    env = DBSVectorEnv(
        len(ensembles),
        model=model,
        n_neurons=n_neurons,
        signals=policy.signals,
        window=policy.window,
        stride=policy.stride,
        max_kick=policy.max_kick,
        episode_steps=None,
        ensemble=tuple(ensembles),
        dtype="float32",
    )
    observation, _ = env.reset(seed=0, options={"ensemble": np.array(ensembles)})
    on = 2 * model.period_steps
    cycles, weights = _LEAST_CYCLES * model.period_steps, policy.pulse.weights
    scored = on + max(_SETTLING_STEPS, cycles)
    fields, charges = np.zeros((2, scored + max(_SCORED_STEPS, cycles), len(ensembles)))
    pulses = np.zeros((len(ensembles), 1), np.float32)
    for step in range(len(fields)):
        phase = (step - on) % len(weights)
        if step >= on and phase == 0:
            pulses, _ = policy.predict(observation)
        kicks = pulses * np.float32(weights[phase])
        observation, _, _, _, info = env.step(kicks)
        fields[step], charges[step] = info["mean_x"], np.abs(kicks[:, 0])
    env.close()
    residual = np.maximum(fields[scored:].std(axis=0), 1e-9)
    return float(np.median(fields[:on].std(axis=0) / residual)), float(charges[scored:].mean())


def _model(config: TrainConfig, directory: Path) -> PPO:
    algo = config.algo
    agent_seed, env_seed = spawn_seeds(config.seed, 2)
    changes: dict[str, Any] = {"pulse": tuple(config.pulse)} if config.pulse else {}
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
    env = DBSVectorEnv(algo.num_envs, threads=config.threads, **settings)
    venv = AgentVecEnv(env, config.lags, reward_scale=1 - algo.gamma)
    model = PPO(
        OddActorCritic,
        venv,
        learning_rate=lambda remaining: algo.learning_rate * max(remaining, 0.02),
        n_steps=algo.n_steps,
        batch_size=algo.batch_size,
        n_epochs=algo.n_epochs,
        gamma=algo.gamma,
        gae_lambda=algo.gae_lambda,
        clip_range=algo.clip_range,
        seed=agent_seed,
        device="cpu",
        tensorboard_log=str(directory / "tensorboard"),
        policy_kwargs={"hidden": tuple(algo.hidden)},
    )
    venv.seed(env_seed)
    model._last_obs = venv.reset()
    model._last_episode_starts = np.ones(algo.num_envs, np.bool_)
    # episodes that all ended at once would make every rollout all onset or none of it
    state = env.get_state()
    state["steps"] = np.arange(algo.num_envs) * config.episode_steps // algo.num_envs
    env.set_state(state)
    return model


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
        self.model: PPO
        self._config, self._directory = config, directory
        self._report, self._advance = report, advance
        self._rewards: list[float] = []
        self._snapshot: tuple[dict[str, Any], dict[str, Any]] | None = None
        self._saved = -1

    def _on_rollout_start(self) -> None:
        step, algo = self.num_timesteps, self._config.algo
        part = min(step / self._config.steps, 1.0)
        kick_std = algo.first_kick_std ** (1 - part) * algo.last_kick_std**part
        _agent(self.model).set_action_std(kick_std / self._config.kick_scale)
        self._take_snapshot()
        rollout, every = algo.num_envs * algo.n_steps, self._config.checkpoint_steps
        if self._rewards and step // every > (step - rollout) // every:
            self._keep()

    def _on_step(self) -> bool:
        return True

    def _on_rollout_end(self) -> None:
        rollout = self.model.rollout_buffer
        scale = 1 - self._config.algo.gamma
        self._rewards.append(float(rollout.rewards.mean()) / scale)
        self._advance(rollout.rewards.size, self._rewards[-1])

    def _on_training_end(self) -> None:
        if self._rewards:
            self._take_snapshot()
            self._keep()

    def _take_snapshot(self) -> None:
        tensors, manifest = snapshot(self.model)
        self._snapshot = tensors, manifest | {"rewards": list(self._rewards)}

    def _keep(self) -> None:
        config = self._config
        s_ratio, charge = validate(
            policy_of(self.model, config), model_of(config), config.n_neurons
        )
        kick_std = config.kick_scale * _agent(self.model).action_std
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

    def take_up(self, model: PPO) -> int:
        """Restore the last whole checkpoint; returns its step, 0 where there is none."""
        found = self._directory.glob("step_*")
        whole = [path for path in found if (path / "manifest.json").is_file()]
        if not whole:
            return 0
        last, algo = max(whole), self._config.algo.name
        tensors, manifest = load_checkpoint(last)
        if manifest.get("kind") != _KIND or manifest.get("algo") != algo:
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


def snapshot(model: PPO) -> tuple[dict[str, Any], dict[str, Any]]:
    """Everything that the rest of a training depends on, as copied tensors and plain values."""
    env = _environments(model).env.get_state()
    rngs = env.pop("rngs")
    # stable-baselines3 shuffles its batches with numpy's global generator
    name, keys, position, has_gauss, gauss = np.random.get_state(legacy=True)  # noqa: NPY002
    tensors: dict[str, Any] = {f"env.{key}": value for key, value in env.items()}
    tensors |= {f"agent.{k}": v.clone() for k, v in model.policy.state_dict().items()}
    for number, entry in model.policy.optimizer.state_dict()["state"].items():
        tensors |= {f"adam.{number}.{key}": value.clone() for key, value in entry.items()}
    tensors |= {
        "torch_rng": torch.get_rng_state(),
        "numpy_rng": np.array(keys),
        "episode_starts": np.array(model._last_episode_starts),
    }
    manifest = {
        "kind": _KIND,
        "algo": "ppo",
        "step": model.num_timesteps,
        "n_updates": model._n_updates,
        "rngs": rngs,
        "numpy_rng": [name, int(position), int(has_gauss), float(gauss)],
    }
    return tensors, manifest


def restore(model: PPO, tensors: Mapping[str, NDArray[Any]], manifest: Mapping[str, Any]) -> None:
    """Put a model, its environments and the global generators where `snapshot` found them."""

    def part(prefix: str) -> dict[str, NDArray[Any]]:
        named = {key: value for key, value in tensors.items() if key.startswith(prefix)}
        return {key.removeprefix(prefix): value for key, value in named.items()}

    agent = {key: torch.from_numpy(value.copy()) for key, value in part("agent.").items()}
    model.policy.load_state_dict(agent)
    moments: dict[int, dict[str, Any]] = {}
    for key, value in part("adam.").items():
        number, _, name = key.partition(".")
        moments.setdefault(int(number), {})[name] = torch.from_numpy(value.copy())
    groups = model.policy.optimizer.state_dict()["param_groups"]
    model.policy.optimizer.load_state_dict({"state": moments, "param_groups": groups})
    venv = _environments(model)
    observations = venv.env.set_state(part("env.") | {"rngs": manifest["rngs"]})
    model._last_obs = venv.features(observations)
    model._last_episode_starts = tensors["episode_starts"].copy()
    model.num_timesteps = manifest["step"]
    model._n_updates = manifest["n_updates"]
    torch.set_rng_state(torch.from_numpy(tensors["torch_rng"].copy()))
    name, position, has_gauss, gauss = manifest["numpy_rng"]
    np.random.set_state((name, tensors["numpy_rng"], position, has_gauss, gauss))  # noqa: NPY002
