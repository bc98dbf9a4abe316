"""Training: the agent that is kept, resuming to the bit, and what is refused."""

import re
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from omegaconf import OmegaConf

from neuro_common.checkpoint import load_checkpoint, save_checkpoint
from neuro_common.cli import compose
from neuro_common.files import FormatError
from rldbs_env import training
from rldbs_env.agents import AgentVecEnv
from rldbs_env.cli import VERBS
from rldbs_env.config import TrainConfig
from rldbs_env.controllers import make
from rldbs_env.evaluation import Evaluation
from rldbs_env.hyperparameters import ALGORITHMS, PPOConfig
from rldbs_env.learning import published, seed_row
from rldbs_env.models import BonhoefferVanDerPol, HindmarshRose
from rldbs_env.policy import Policy
from rldbs_env.protocol import Protocol
from rldbs_env.pulses import Pulse
from rldbs_env.reward import AbsoluteReward
from rldbs_env.training import CurvePoint, policy_of, train, validate
from rldbs_env.vector import DBSVectorEnv

pytestmark = pytest.mark.usefixtures("short_validation")
ALGO = PPOConfig(num_envs=4, n_steps=32, batch_size=64, n_epochs=2, hidden=[8])
ROLLOUT = 4 * 32


def config(**changes: Any) -> TrainConfig:
    told: dict[str, Any] = {
        "algo": ALGO, "steps": 6 * ROLLOUT, "n_neurons": 20, "window": 40, "lags": [0, 10, 39],
        "pool": 3, "episode_steps": 50, "checkpoint_steps": 2 * ROLLOUT, "seed": 1,
    }  # fmt: skip
    return TrainConfig(**told | changes)


def composed(*overrides: str) -> TrainConfig:
    """What the command is told, without what every command is."""
    told = OmegaConf.to_container(compose("rldbs-env", VERBS, "train", overrides))
    assert isinstance(told, dict)
    algo = told.pop("algo")
    algo = ALGORITHMS[algo["name"]](**algo)
    return TrainConfig(algo, **{k: v for k, v in told.items() if k not in ("sweep", "resume")})


class Rows(dict[int, CurvePoint]):
    """What was reported, by step; ``report`` as a method."""

    def report(self, step: int, now: CurvePoint) -> None:
        self[step] = now


@pytest.mark.parametrize("name", ["bvdp", "charge_balanced", "hindmarsh_rose"])
def test_every_configured_environment_can_be_learned_on(name: str, tmp_path: Path) -> None:
    small = ("n_neurons=20", "pool=1", "steps=128", "algo.num_envs=2", "algo.n_steps=32")
    told = composed(f"env={name}", *small, "algo.batch_size=32", "episode_steps=20")
    policy = train(told, tmp_path)
    assert (policy.environment, policy.stride) == (told.environment, told.stride)
    model = training._model(told, tmp_path)
    env: Any = model.env
    assert policy.pulse.weights == env.env.settings.shape.weights
    observations = np.array(env.env._batch.observations)
    wanted, _ = model.predict(env.features(observations), deterministic=True)
    kicks, _ = policy_of(model, told).predict(observations)
    np.testing.assert_allclose(kicks, np.clip(wanted, -1, 1) * told.kick_scale, atol=1e-6)
    assert isinstance(make(told.law, **told.law_arguments).window, int)


def test_the_default_environment_is_that_of_the_configuration() -> None:
    told = composed()
    model = BonhoefferVanDerPol()
    assert training.model_of(told) == training.model_of(TrainConfig()) == model
    told.model = {}
    assert told == TrainConfig()


def test_numbers_of_a_model_are_taken_over_or_refused() -> None:
    model = training.model_of(composed("env=hindmarsh_rose", "model.coupling=0.3"))
    assert model == HindmarshRose(coupling=0.3)
    with pytest.raises(ValueError, match=r"hindmarsh_rose takes coupling, .*, got 'mass'"):
        training.model_of(composed("env=hindmarsh_rose", "+model.mass=1"))


def test_a_stopped_training_goes_on_to_the_bit(tmp_path: Path) -> None:
    rows, again = Rows(), Rows()
    whole = train(config(), tmp_path / "whole", report=rows.report)
    assert list(rows) == [2 * ROLLOUT, 4 * ROLLOUT, 6 * ROLLOUT]

    count = 0

    def stop(steps: int, reward: float) -> None:
        nonlocal count
        count += 1
        if count == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(config(), tmp_path / "cut", report=again.report, advance=stop)
    (kept,) = (tmp_path / "cut" / "checkpoints").iterdir()
    assert kept.name == f"step_{3 * ROLLOUT:012d}"  # the last boundary, not the last report
    told: list[tuple[int, float]] = []
    resumed = train(
        config(), tmp_path / "cut", report=again.report, advance=lambda *one: told.append(one)
    )
    assert told[0][0] == 3 * ROLLOUT
    for ours, theirs in zip(resumed.layers, whole.layers, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert again[6 * ROLLOUT] == rows[6 * ROLLOUT]
    assert again == rows


def test_a_killed_training_loses_no_more_than_an_interval(tmp_path: Path) -> None:
    class Killed(BaseException):
        """Leaves no time to save."""

    def kill(step: int, now: CurvePoint) -> None:
        if step == 4 * ROLLOUT:
            raise Killed

    with pytest.raises(Killed):
        train(config(), tmp_path, report=kill)
    (kept,) = (tmp_path / "checkpoints").iterdir()
    assert kept.name == f"step_{2 * ROLLOUT:012d}"
    resumed = train(config(), tmp_path)
    whole = train(config(), tmp_path / "whole")
    np.testing.assert_array_equal(resumed.layers[0], whole.layers[0])


def test_a_finished_training_is_not_repeated(tmp_path: Path) -> None:
    first = train(config(), tmp_path)
    told: list[int] = []
    again = train(config(), tmp_path, advance=lambda steps, reward: told.append(steps))
    assert told == [6 * ROLLOUT]
    np.testing.assert_array_equal(first.layers[0], again.layers[0])


def test_seeds_differ(tmp_path: Path) -> None:
    one, other = (train(config(seed=s), tmp_path / str(s)).layers[0] for s in (1, 2))
    assert not np.array_equal(one, other)


def test_a_checkpoint_of_another_algorithm_is_refused(tmp_path: Path) -> None:
    train(config(steps=ROLLOUT), tmp_path)
    (kept,) = (tmp_path / "checkpoints").iterdir()
    tensors, manifest = load_checkpoint(kept)
    save_checkpoint(kept, tensors, manifest | {"algo": "sac"})
    with pytest.raises(FormatError, match="must be a checkpoint of algo=ppo, got 'sac'"):
        train(config(), tmp_path)


def test_a_damaged_checkpoint_is_refused_and_stays(tmp_path: Path) -> None:
    train(config(steps=ROLLOUT), tmp_path)
    (kept,) = (tmp_path / "checkpoints").iterdir()
    weights = kept / "weights.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1])
    with pytest.raises(FormatError, match="SHA-256"):
        train(config(), tmp_path)
    assert weights.is_file()


def test_a_checkpoint_of_other_networks_is_refused(tmp_path: Path) -> None:
    train(config(steps=ROLLOUT), tmp_path)
    with pytest.raises(FormatError, match="does not fit this configuration"):
        train(config(lags=[0, 1]), tmp_path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"steps": 0}, "steps must be at least 1, got 0"),
        ({"checkpoint_steps": 0}, "checkpoint_steps must be at least 1, got 0"),
        ({"signals": ["action"]}, "signals must be among x, y, got ['action']"),
        ({"lags": [0, 40]}, "lags must be in [0, window) = [0, 40), got [0, 40]"),
        ({"stride": 2, "lags": [0, 3]}, "lags must be multiples of stride=2, got [0, 3]"),
        ({"stride": 0}, "stride must be at least 1, got 0"),
        ({"levels": [-0.1, 0.1]}, "levels must hold 0, no kick, got [-0.1, 0.1]"),
        ({"pool": 901}, "pool must be in [1, 900] (later ensembles are for tests), got 901"),
        ({"n_ensembles": 1}, "n_ensembles must be at least 2 (an interval needs two), got 1"),
    ],
)
def test_settings_out_of_range_are_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        config(**changes)


def test_the_environment_of_agents_scales_actions_and_rewards() -> None:
    settings: dict[str, Any] = {
        "n_neurons": 20, "window": 40, "max_kick": 0.2, "signals": ("x",), "transient_steps": 100,
        "episode_steps": 3, "dtype": "float32", "reward": AbsoluteReward(),
    }  # fmt: skip
    plain = DBSVectorEnv(2, **settings)
    agent = AgentVecEnv(DBSVectorEnv(2, **settings), lags=(0, 39), reward_scale=0.01)
    plain.reset(seed=5)
    agent.seed(5)
    features = agent.reset()
    assert agent.observation_space.shape == features.shape[1:] == (3,)
    for step in range(3):
        actions = np.array([[0.5], [-3.0]], np.float32)
        observation, reward, _, _, info = plain.step(np.clip(actions, -1, 1) * np.float32(0.2))
        features, rewards, dones, infos = agent.step(actions)
        np.testing.assert_allclose(rewards, 0.01 * reward, rtol=1e-5)
        np.testing.assert_array_equal(features, agent.features(observation))
        assert dones.all() == (step == 2)
    last = agent.features(np.stack(list(info["final_obs"])))
    np.testing.assert_array_equal(infos[0]["terminal_observation"], last[0])
    wanted = observation[:, [39, 0]] - observation.mean(axis=1, keepdims=True)
    np.testing.assert_allclose(features[:, :2], wanted, atol=1e-6)
    assert np.all(np.isfinite(features))


@pytest.mark.parametrize("signals", [["x"], ["y"], ["y", "x"]])
def test_validation_of_a_silent_policy_finds_the_free_rhythm(
    signals: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    model = BonhoefferVanDerPol()
    monkeypatch.setattr(training, "_SETTLING_STEPS", 0)
    monkeypatch.setattr(training, "_SCORED_STEPS", 2 * model.period_steps)
    told = config(signals=signals)
    policy = policy_of(training._model(told, Path("unused")), told)
    silent = replace(policy, layers=[0 * layer for layer in policy.layers])
    s_ratio, charge = validate(silent, model, 300)
    assert s_ratio == pytest.approx(1, abs=0.05)  # std of X before and after, whatever it sees
    assert charge == 0


def test_validation_counts_every_sub_step_of_a_pulse(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "_LEAST_CYCLES", 1)
    told = config(environment="rldbs/BvdPChargeBalanced-v0", kick_scale=0.1)
    policy = policy_of(training._model(told, Path("unused")), told)
    monkeypatch.setattr(
        Policy,
        "predict",
        lambda self, seen, memory: (np.full((len(seen), 1), 0.1, np.float32), None),
    )
    _, charge = validate(policy, BonhoefferVanDerPol(), 5, ensembles=(0, 1))
    settled = 162 - 162 % 5  # whole pulses: 1 + 1/2 + 1/2 of the action in five sub-steps
    assert charge == pytest.approx(0.1 * 2 / 5, rel=5 / settled)


def test_strided_windows_are_seen_as_they_come() -> None:
    settings: dict[str, Any] = {
        "n_neurons": 5, "window": 41, "signals": ("x", "y"), "transient_steps": 0,
        "dtype": "float32",
    }  # fmt: skip
    whole, thin = (
        AgentVecEnv(DBSVectorEnv(1, **settings, stride=stride), lags=(0, 20, 40), reward_scale=1)
        for stride in (1, 20)
    )
    for env in (whole, thin):
        env.seed(0)
    one, other = (env.reset()[0, :6].reshape(2, 3) for env in (whole, thin))
    np.testing.assert_allclose(one - one.mean(axis=1, keepdims=True), other, atol=1e-5)


@pytest.mark.parametrize(
    ("name", "weights", "sampled", "charge"),
    [("BvdP", (1.0,), "27", "0.06"), ("HindmarshRose", (1.0, 1.0, 1.0), "2.4", "0.02")],
)
def test_published_numbers_are_those_of_the_environment(
    name: str, weights: tuple[float, ...], sampled: str, charge: str
) -> None:
    table = published(scored(Protocol.on(name, ensembles=(0,), pulse=Pulse(weights))))
    rows = dict(zip(table["quantity"], table["published"], strict=True))
    ours = dict(zip(table["quantity"], table["ours"], strict=True))
    assert rows["S_ratio, actions sampled"] == sampled
    assert ours["S_ratio, mean action"] == ours["S_ratio of the linear law"] == "20"
    assert ours["charge per RK4 step"] == ours["charge of the linear law"] == charge


def test_no_agent_for_balanced_pulses_was_published() -> None:
    table = published(scored(Protocol.on("BvdPChargeBalanced", ensembles=(0,))))
    assert set(map(len, table.values())) == {0}


def scored(protocol: Protocol) -> Any:
    """Stands for an evaluation in which agent and law do the same."""
    one = SimpleNamespace(
        s_ratio=20.0, charge=0.06, std_controlled=0.02, mean_shift=0.0, active_fraction=1.0,
        quenched=False,
    )  # fmt: skip
    return SimpleNamespace(protocol=protocol, scores={"linear": [one], "policy": [one]})


@pytest.mark.slow
def test_an_agent_beats_the_law_on_unseen_ensembles(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()  # validations of full length
    evaluation = Evaluation(Protocol())
    evaluation.add("linear", make("linear"))
    evaluation.add("policy", train(TrainConfig(seed=0), tmp_path))
    row = seed_row(evaluation)
    assert row["over the law's"] >= 1
    assert row["quenched"] == 0
    assert row["least active"] > 0.95
    assert row["largest mean shift"] < 0.05
