"""What algorithms can be told: explained, named as in stable-baselines3, and checked."""

import re
from dataclasses import fields
from inspect import signature
from typing import Any

import pytest

from rldbs_env import algorithms
from rldbs_env.hyperparameters import (
    ALGORITHMS,
    AlgoConfig,
    DQNConfig,
    PPOConfig,
    RecurrentPPOConfig,
    SACConfig,
    TD3Config,
)


@pytest.mark.parametrize("name", ALGORITHMS)
def test_an_algorithm_is_told_only_what_it_knows(name: str) -> None:
    config = ALGORITHMS[name]()
    assert config.name == name
    model, _ = algorithms._MODELS[name]
    known = signature(model).parameters
    for entry in fields(config):
        assert (entry.name in known) != (entry.name in algorithms._OURS) or (
            entry.name == "learning_rate"  # ours falls as the training goes on
        )


@pytest.mark.parametrize("schema", [PPOConfig, RecurrentPPOConfig, TD3Config])
def test_exploration_falls_geometrically(schema: Any) -> None:
    algo = schema(first_kick_std=0.1, last_kick_std=0.001)
    assert [algo.kick_std(part) for part in (0, 0.5, 1)] == pytest.approx([0.1, 0.01, 0.001])
    assert SACConfig().kick_std(0.5) is None


def test_updates_come_after_rollouts() -> None:
    assert PPOConfig(n_steps=7).rollout_steps == 7
    assert SACConfig(n_steps=7, train_freq=3).rollout_steps == 3
    with pytest.raises(NotImplementedError):
        AlgoConfig().rollout_steps  # noqa: B018


@pytest.mark.parametrize(
    ("schema", "changes", "message"),
    [
        (PPOConfig, {"name": "sac"}, "algo.name must be ppo, got 'sac'"),
        (PPOConfig, {"num_envs": 0}, "algo.num_envs must be at least 1, got 0"),
        (SACConfig, {"train_freq": 0}, "algo.train_freq must be at least 1, got 0"),
        (RecurrentPPOConfig, {"lstm_units": 0}, "algo.lstm_units must be at least 1, got 0"),
        (PPOConfig, {"hidden": []}, "algo.hidden must hold layer sizes of at least 1, got []"),
        (PPOConfig, {"gamma": 1.0}, "algo.gamma must be in (0, 1), got 1.0"),
        (PPOConfig, {"learning_rate": 0.0}, "algo.learning_rate must be above 0, got 0.0"),
        (PPOConfig, {"last_kick_std": 0.0}, "algo needs 0 < last_kick_std <= first_kick_std"),
        (TD3Config, {"last_kick_std": 1.0}, "algo needs 0 < last_kick_std <= first_kick_std"),
        (SACConfig, {"tau": 0.0}, "algo.tau must be in (0, 1], got 0.0"),
        (SACConfig, {"first_entropy_price": 0.0}, "algo.first_entropy_price must be above 0"),
        (
            SACConfig,
            {"buffer_size": 100},
            "algo.buffer_size must hold n_steps of every environment, 640 transitions, got 100",
        ),
        (
            DQNConfig,
            {"exploration_final_eps": 2.0},
            "algo.exploration_final_eps must be in [0, 1], got 2.0",
        ),
        (
            DQNConfig,
            {"exploration_fraction": 0.0},
            "algo.exploration_fraction must be in (0, 1], got 0.0",
        ),
    ],
)
def test_settings_out_of_range_are_refused(
    schema: Any, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
        schema(**changes)
