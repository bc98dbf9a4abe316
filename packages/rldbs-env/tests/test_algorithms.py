"""Every algorithm: what it becomes in numpy, resuming to the bit, and where it cannot act."""

import math
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from neuro_common.checkpoint import save_checkpoint
from rldbs_env import training
from rldbs_env.algorithms import agent_of, build, environments_of, exploring_std
from rldbs_env.config import TrainConfig
from rldbs_env.controllers import make
from rldbs_env.hyperparameters import (
    A2CConfig,
    AlgoConfig,
    DQNConfig,
    PPOConfig,
    RecurrentPPOConfig,
    SACConfig,
    TD3Config,
)
from rldbs_env.policy import Policy
from rldbs_env.protocol import Protocol, run
from rldbs_env.training import policy_of, train, validate

pytestmark = pytest.mark.usefixtures("short_validation")
LEVELS = [-0.02, -0.005, 0.0, 0.005, 0.02]
OFF: dict[str, Any] = {
    "num_envs": 4, "hidden": [8], "buffer_size": 300, "learning_starts": 16, "batch_size": 16,
    "train_freq": 8, "gradient_steps": 3, "n_steps": 2,
}  # fmt: skip
ON: dict[str, Any] = {"num_envs": 4, "hidden": [8], "n_steps": 32}
ALGOS: dict[str, AlgoConfig] = {
    "ppo": PPOConfig(**ON, batch_size=64, n_epochs=2),
    "a2c": A2CConfig(**ON),
    "recurrent_ppo": RecurrentPPOConfig(**ON, batch_size=64, n_epochs=2, lstm_units=6),
    "sac": SACConfig(**OFF),
    "td3": TD3Config(**OFF),
    "dqn": DQNConfig(**OFF, exploration_fraction=1.0),
}
CONTINUOUS = [name for name in ALGOS if name != "dqn"]
SECTION = 128


def config(name: str, **changes: Any) -> TrainConfig:
    told: dict[str, Any] = {
        "algo": ALGOS[name], "steps": 4 * SECTION, "n_neurons": 20, "window": 40,
        "lags": [0, 10, 39], "pool": 3, "episode_steps": 50, "checkpoint_steps": SECTION, "seed": 1,
    }  # fmt: skip
    if name == "dqn":
        told |= {"environment": "rldbs/BvdPDiscrete-v0", "levels": LEVELS}
    return TrainConfig(**told | changes)


@pytest.mark.parametrize("name", ALGOS)
def test_numpy_does_what_the_networks_do(name: str, tmp_path: Path) -> None:
    told = config(name, signals=["x", "y"])
    model = training._model(told, tmp_path)
    venv = environments_of(model)
    policy = policy_of(model, told)
    observations = np.array(venv.env._batch.observations)
    state = memory = None
    starts = np.array([True, False, False, True])
    rng = np.random.default_rng(0)
    for _ in range(3):
        actions, state = model.predict(venv.features(observations), state, starts, True)
        kicks, memory = policy.predict(observations, memory, starts)
        wanted = np.array(LEVELS)[actions] if name == "dqn" else actions[:, 0] * told.kick_scale
        assert kicks.shape == (4, 1)
        np.testing.assert_allclose(kicks[:, 0], wanted, atol=1e-6)
        observations = observations + rng.normal(0, 0.3, observations.shape).astype(np.float32)
    assert policy.signals == ("x", "y")


@pytest.mark.parametrize("name", ALGOS)
def test_a_policy_is_written_read_and_tested(name: str, tmp_path: Path) -> None:
    told = config(name)
    policy = policy_of(training._model(told, tmp_path), told)
    save_checkpoint(tmp_path / "policy", policy.tensors(), policy.manifest())
    loaded: Any = make(f"policy:{tmp_path / 'policy'}")
    assert type(loaded) is type(policy)
    assert loaded.manifest() == policy.manifest()
    protocol = Protocol(
        n_neurons=20, ensembles=(0, 1), free_steps=1000, controlled_steps=2000, recovery_steps=250,
        transient_steps=0, dtype="float32",
    )  # fmt: skip
    ours, theirs = (run(one, protocol) for one in (loaded, policy))
    np.testing.assert_array_equal(ours.kicks, theirs.kicks)
    assert np.abs(ours.kicks[1000:3000]).max() > 0
    if name == "dqn":
        assert set(np.unique(ours.kicks[1000:3000].round(6))) <= set(LEVELS)
        levels = run(loaded, replace(protocol, levels=LEVELS))
        np.testing.assert_allclose(levels.kicks, ours.kicks, atol=1e-9)


@pytest.mark.parametrize("name", CONTINUOUS)
def test_stimulation_vanishes_where_the_field_is_constant(name: str, tmp_path: Path) -> None:
    told = config(name, steps=SECTION)
    policy: Any = train(told, tmp_path)
    rng = np.random.default_rng(0)
    seen = rng.normal(size=(5, 40)).astype(np.float32)
    first, memory = policy.predict(seen)
    assert np.abs(first).min() > 0
    for _ in range(40):
        kicks, memory = policy.predict(np.full((5, 40), 0.7), memory)
    assert np.abs(kicks).max() < 1e-7
    if isinstance(policy, Policy):
        np.testing.assert_allclose(policy.predict(-seen)[0], -first, atol=1e-6)


@pytest.mark.parametrize("name", ALGOS)
def test_a_stopped_training_goes_on_to_the_bit(name: str, tmp_path: Path) -> None:
    rows, again = {}, {}
    whole: Any = train(config(name), tmp_path / "whole", report=rows.__setitem__)
    assert list(rows) == [SECTION, 2 * SECTION, 3 * SECTION, 4 * SECTION]
    assert all(math.isfinite(number) for point in rows.values() for number in vars(point).values())
    done = 0

    def stop(steps: int, reward: float) -> None:
        nonlocal done
        done += steps
        if done > 2.5 * SECTION:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(config(name), tmp_path / "cut", report=again.__setitem__, advance=stop)
    (kept,) = (tmp_path / "cut" / "checkpoints").iterdir()
    assert kept.name == f"step_{2 * SECTION:012d}"
    resumed: Any = train(config(name), tmp_path / "cut", report=again.__setitem__)
    for key, weights in whole.tensors().items():
        np.testing.assert_array_equal(resumed.tensors()[key], weights)
    assert again == rows


@pytest.mark.parametrize("name", ALGOS)
def test_weights_are_learned(name: str, tmp_path: Path) -> None:
    told = config(name, steps=SECTION)
    before: Any = policy_of(training._model(told, tmp_path), told)
    after: Any = train(told, tmp_path)
    for key, weights in before.tensors().items():
        assert not np.array_equal(after.tensors()[key], weights), key


def test_a_memory_is_carried_through_the_validation(tmp_path: Path) -> None:
    told = config("recurrent_ppo")
    policy: Any = policy_of(training._model(told, tmp_path), told)
    given: list[Any] = []

    class Spy:
        """Sees what the policy is given."""

        def __getattr__(self, name: str) -> Any:
            return getattr(policy, name)

        def predict(self, observation: Any, state: Any = None) -> Any:
            given.append(state)
            return policy.predict(observation, state)

    validate(Spy(), training.model_of(told), 20)  # type: ignore[arg-type]
    assert given[0] is None
    assert all(state.shape == (2, 4, 6) for state in given[1:])


def test_soft_actions_begin_with_the_entropy_that_is_wanted(tmp_path: Path) -> None:
    told = config("sac", algo=SACConfig(**OFF, target_entropy=-2.0, first_entropy_price=0.01))
    model: Any = training._model(told, tmp_path)
    entropy = 0.5 * math.log(2 * math.pi * math.e * agent_of(model).action_std ** 2)
    assert entropy == pytest.approx(-2.0, abs=1e-5)
    assert exploring_std(model) == pytest.approx(told.kick_scale * agent_of(model).action_std)
    assert model.log_ent_coef.exp().item() == pytest.approx(0.01)


def test_the_deterministic_actor_explores_with_the_spread_that_is_set(tmp_path: Path) -> None:
    model = training._model(config("td3"), tmp_path)
    agent_of(model).set_action_std(0.03)
    features = np.zeros((20_000, 4), np.float32)
    noisy, _ = model.predict(features, deterministic=False)
    assert noisy.std() == pytest.approx(0.03, rel=0.03)
    assert np.abs(model.predict(features, deterministic=True)[0]).max() == 0
    agent_of(model).set_action_std(10.0)
    assert np.abs(model.predict(features, deterministic=False)[0]).max() == 1


def test_random_choices_among_levels_are_what_explores(tmp_path: Path) -> None:
    model: Any = training._model(config("dqn"), tmp_path)
    model.exploration_rate = 0.25
    assert exploring_std(model) == pytest.approx(0.5 * np.sqrt(np.mean(np.square(LEVELS))))
    assert math.isnan(agent_of(model).action_std)
    agent_of(model).set_action_std(1.0)  # has nothing to set


def test_the_largest_level_is_the_largest_kick(tmp_path: Path) -> None:
    told = config("dqn")
    assert policy_of(training._model(told, tmp_path), told).max_kick == 0.02
    told = config("dqn", levels=[])
    policy: Any = policy_of(training._model(told, tmp_path), told)
    assert (len(policy.levels), policy.max_kick) == (21, 0.5)


@pytest.mark.parametrize("environment", ["rldbs/BvdP-v0", "rldbs/HindmarshRose-v0"])
def test_values_of_levels_need_levels(environment: str, tmp_path: Path) -> None:
    message = f"algo=dqn chooses among levels, but {environment} has none: take environment=rldbs/"
    with pytest.raises(ValueError, match=re.escape(message)):
        train(config("dqn", environment=environment, levels=[]), tmp_path)


@pytest.mark.parametrize("name", CONTINUOUS)
@pytest.mark.parametrize("changes", [{"environment": "rldbs/BvdPDiscrete-v0"}, {"levels": LEVELS}])
def test_other_algorithms_need_an_environment_without(
    name: str, changes: dict[str, Any], tmp_path: Path
) -> None:
    message = f"algo={name} gives any kick up to kick_scale, but the environment is to have levels"
    with pytest.raises(ValueError, match=re.escape(message)):
        train(config(name, **changes), tmp_path)


def test_a_model_gets_what_its_configuration_says(tmp_path: Path) -> None:
    venv = environments_of(training._model(config("td3"), tmp_path))
    algo = TD3Config(**OFF, policy_delay=5, gamma=0.9, learning_rate=0.02)
    model: Any = build(algo, venv, 0, tmp_path)
    assert (model.policy_delay, model.gamma, model.n_steps) == (5, 0.9, 2)
    assert [model.lr_schedule(left) for left in (1.0, 0.5, 0.0)] == pytest.approx(
        [0.02, 0.01, 0.0004]
    )
