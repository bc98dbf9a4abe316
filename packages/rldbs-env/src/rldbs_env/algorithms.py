"""The algorithms of stable-baselines3 by name, each with the networks that it trains."""

import math
from dataclasses import fields
from pathlib import Path
from typing import Any, cast

import numpy as np
from sb3_contrib import RecurrentPPO
from stable_baselines3 import A2C, DQN, PPO, SAC, TD3
from stable_baselines3.common.base_class import BaseAlgorithm

from rldbs_env.agents import (
    Agent,
    AgentVecEnv,
    LevelValues,
    OddActorCritic,
    OddDeterministic,
    OddRecurrent,
    OddSoft,
)
from rldbs_env.hyperparameters import AlgoConfig, RecurrentPPOConfig, SACConfig

__all__ = ["agent_of", "build", "environments_of", "exploring_std"]

_MODELS: dict[str, tuple[type[BaseAlgorithm], type[Any]]] = {
    "ppo": (PPO, OddActorCritic),
    "a2c": (A2C, OddActorCritic),
    "recurrent_ppo": (RecurrentPPO, OddRecurrent),
    "sac": (SAC, OddSoft),
    "td3": (TD3, OddDeterministic),
    "dqn": (DQN, LevelValues),
}
# what stable-baselines3 is told in another way, or not at all
_OURS = (
    "name", "num_envs", "learning_rate", "hidden", "lstm_units", "first_kick_std", "last_kick_std",
    "first_entropy_price",
)  # fmt: skip


def build(algo: AlgoConfig, env: AgentVecEnv, seed: int, tensorboard: Path) -> BaseAlgorithm:
    """A model that is ready to learn; all else that it is told has the name it has there.

    Args:
        algo: The algorithm and its settings.
        env: The environments, as many as it says.
        seed: Of the networks and of all that the model draws.
        tensorboard: Directory of the log.
    """
    kind, policy = _MODELS[algo.name]
    told = {f.name: getattr(algo, f.name) for f in fields(algo) if f.name not in _OURS}
    networks: dict[str, Any] = {"hidden": tuple(algo.hidden)}
    if isinstance(algo, RecurrentPPOConfig):
        networks["lstm_units"] = algo.lstm_units
    if isinstance(algo, SACConfig):
        told["ent_coef"] = f"auto_{algo.first_entropy_price}"
    model = kind(
        policy,
        env,
        learning_rate=lambda remaining: algo.learning_rate * max(remaining, 0.02),
        seed=seed,
        device="cpu",
        tensorboard_log=str(tensorboard),
        policy_kwargs=networks,
        **told,
    )
    if isinstance(algo, SACConfig):  # the spread of a Gaussian of that entropy
        agent_of(model).set_action_std(
            math.exp(algo.target_entropy) / math.sqrt(2 * math.pi * math.e)
        )
    return model


def agent_of(model: BaseAlgorithm) -> Agent:
    """The networks of a model."""
    return cast("Agent", model.policy)


def environments_of(model: BaseAlgorithm) -> AgentVecEnv:
    """The environments of a model."""
    return cast("AgentVecEnv", model.env)


def exploring_std(model: BaseAlgorithm) -> float:
    """Spread of the exploring kicks, in units of x."""
    settings = environments_of(model).env.settings
    if isinstance(model, DQN):
        spread = float(np.sqrt(np.mean(np.square(settings.levels or ()))))
        return math.sqrt(model.exploration_rate) * spread
    return settings.max_kick * agent_of(model).action_std
