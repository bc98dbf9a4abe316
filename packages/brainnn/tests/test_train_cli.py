"""Training as a user types it, on a small graph and for a few steps."""

from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
import torch

from brainnn import train_config
from brainnn.cli import main
from brainnn.connectome.formats import save_connectome
from brainnn.connectome.graph import Connectome
from brainnn.learning import training
from brainnn.learning.dagger import Dagger
from brainnn.learning.reinforce import PPO
from brainnn.learning.teacher import Teacher
from brainnn.learning.walkers import load_walker
from brainnn.networks.files import load_network
from brainnn.networks.making import make_network
from brainnn.networks.rnn import ConnectomeRNN
from brainnn.networks.tracking import TrackingTask
from brainnn.train_config import (
    BipedTaskConfig,
    DaggerConfig,
    DaggerThenPPOConfig,
    MatchedConfig,
    NetworkConfig,
    PPOConfig,
    TrackingTaskConfig,
    TrainConfig,
    WiredConfig,
)
from neuro_common.runs import read_csv, read_metric

TINY_DAGGER = DaggerConfig(
    rounds=2, teacher_rounds=1, envs=2, segment_steps=6, updates=1, batch=2, episode_steps=20
)
TINY_PPO = PPOConfig(
    steps=32, envs=2, rollout_steps=8, segment_steps=4, batch_steps=8, epochs=1, episode_steps=20,
    reference_start=0.0, checkpoint_steps=16, critic_hidden=[4],
)  # fmt: skip


def graph(neurons: int = 12) -> Connectome:
    rng = np.random.default_rng(0)
    counts = (rng.random((neurons, neurons)) < 0.4) * (1 - np.eye(neurons, dtype=int)) * 7
    classes = ["interneuron"] * (neurons - 4) + ["motor"] * 4
    types = [f"T{number // 2}" for number in range(neurons)]
    signs = rng.choice([-1, 1], neurons)
    return Connectome.of("small", counts, types=types, classes=classes, signs=signs)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small graph and an untrained teacher."""
    folder = tmp_path_factory.mktemp("files")
    save_connectome(folder / "graph.npz", graph())
    torch.manual_seed(0)
    Teacher(14, (4,)).save(folder / "teacher", {})
    return folder


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def touch(_: object, path: Path, **__: object) -> None:
        # the least that a report takes for a picture
        path.write_bytes(b"")

    monkeypatch.setattr("matplotlib.figure.Figure.savefig", touch)
    monkeypatch.chdir(tmp_path)


def words(learning: str, config: object, files: Path, prefix: str = "learning") -> list[str]:
    told = [f"learning={learning}", f"connectome.source={files}/graph.npz"]
    for one in fields(config):  # type: ignore[arg-type]
        value = getattr(config, one.name)
        if value != getattr(type(config)(), one.name):
            told.append(f"{prefix}.{one.name}={value}".replace(" ", ""))
    return [*told, "episodes=2", "test_steps=15"]


def run_of(verb: str) -> Path:
    (run,) = Path("results/brainnn", verb).iterdir()
    return run


def test_a_taught_network_is_scored_saved_and_loaded(
    files: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told = words("dagger", TINY_DAGGER, files)
    assert main(["train", *told, f"learning.teacher={files}/teacher", "task.phase=true"]) == 0
    assert "upright" in capsys.readouterr().out
    run = run_of("train")
    rows = read_csv(run / "metrics.csv")
    assert rows["step"] == ["12", "24"]
    assert rows["part"] == ["dagger", "dagger"]
    scores = read_csv(run / "test_scores.csv")
    assert scores["seed"] == ["0.0", "1.0"]
    native = [float(one) for one in scores["native_return"]]
    assert read_metric(run) == pytest.approx(np.mean(native))
    walker = load_walker(run)
    assert walker.core.channels == 16
    assert walker.body.task.phase
    assert walker.facts["scores"]["native_return"] == pytest.approx(np.mean(native))
    assert walker.facts["learning"]["rounds"] == 2
    assert (run / "report.html").exists()

    # a second training goes on from these weights, and refuses another body
    more = [*told, f"learning.teacher={files}/teacher", f"weights={run}"]
    assert main(["train", *more]) == 1
    assert "weights must be of a network with 14 channels" in capsys.readouterr().err


def test_a_network_teaches_itself_with_a_curriculum(files: Path) -> None:
    told = words("ppo", TINY_PPO, files)
    assert main(["train", *told, "learning.goal_steps=16", "network=weights"]) == 0
    rows = read_csv(run_of("train") / "metrics.csv")
    assert rows["step"] == ["16", "32", "48"]
    assert rows["part"] == ["ppo"] * 3
    assert load_walker(run_of("train")).squash


def test_tracking_trains_the_network_alone(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told = [f"connectome.source={files}/graph.npz", "task.updates=20", "task.batch=4"]
    assert main(["train", "task=tracking", *told, "task.duration_s=0.4"]) == 0
    assert "of the variance explained, on unseen trials" in capsys.readouterr().out
    run = run_of("train")
    core, facts = load_network(run)
    assert (core.channels, core.actions) == (1, 1)
    assert facts["scores"]["explained_variance"] == pytest.approx(read_metric(run))
    with pytest.raises(Exception, match="must hold a network that was trained to walk"):
        load_walker(run)


def test_a_stopped_training_goes_on_after_what_was_taught(files: Path, tmp_path: Path) -> None:
    learning = DaggerThenPPOConfig(
        dagger=DaggerConfig(**{**vars(TINY_DAGGER), "squash": True}), ppo=TINY_PPO
    )
    learning.dagger.teacher = str(files / "teacher")
    config = TrainConfig(learning=learning)
    whole = training.train_walker(config, graph(), tmp_path / "whole")
    seen: list[tuple[int, str]] = []

    def stop(step: int, part: str, row: object) -> None:
        if step > 40:
            raise KeyboardInterrupt
        seen.append((step, part))

    with pytest.raises(KeyboardInterrupt):
        training.train_walker(config, graph(), tmp_path / "cut", report=stop)
    again: list[tuple[int, str]] = []
    resumed = training.train_walker(
        config, graph(), tmp_path / "cut", report=lambda step, part, row: again.append((step, part))
    )
    assert seen == [(12, "dagger"), (24, "dagger"), (40, "ppo")]
    assert again == [(56, "ppo")]
    for name, value in whole.core.state_dict().items():
        torch.testing.assert_close(resumed.core.state_dict()[name], value, rtol=0, atol=0)
    assert training.planned_steps(config) == 56


def test_stages_are_the_reward_of_the_task_and_then_the_goal() -> None:
    task = BipedTaskConfig(imitation=0.9, goal=0.3)
    first, last = training.stages_of(PPOConfig(steps=100, goal_steps=50), task)
    assert (first.steps, first.imitation, first.reference_start) == (100, 0.75, 0.7)
    assert (last.steps, last.imitation, last.reference_start) == (50, 0.0, 0.0)


@pytest.mark.parametrize("name", train_config.NETWORKS)
def test_every_network_can_be_made(name: str) -> None:
    kind, large = train_config.NETWORKS[name], graph(40)
    core = make_network(kind(name=name), large, 14, 4, seed=0)
    assert (core.channels, core.actions) == (14, 4)
    if kind is WiredConfig:
        assert isinstance(core, ConnectomeRNN)
        assert core.connectome.edges == large.edges
        np.testing.assert_array_equal(core.roles.outputs, np.arange(36, 40))
    else:
        real = make_network(WiredConfig(), large, 14, 4, seed=0)
        assert core.trained == pytest.approx(real.trained, rel=0.02)
    again = make_network(kind(name=name), large, 14, 4, seed=0)
    for one, other in zip(core.parameters(), again.parameters(), strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=0)


def test_a_null_model_has_a_seed_of_its_own() -> None:
    def edges(draw: int | None, seed: int) -> set[tuple[int, int]]:
        config = WiredConfig(name="random", draw=draw)
        core = make_network(config, graph(), 14, 4, seed=seed)
        assert isinstance(core, ConnectomeRNN)
        return set(zip(core.wiring.pre.tolist(), core.wiring.post.tolist(), strict=True))

    assert edges(5, 0) == edges(5, 1) != edges(6, 0)
    assert edges(None, 0) != edges(None, 1)


def test_roles_can_be_shares_or_numbers() -> None:
    config = NetworkConfig(name="connectome", inputs=0.25, outputs=2)
    core = make_network(config, graph(), 14, 4, seed=0)
    assert isinstance(core, ConnectomeRNN)
    assert (len(core.roles.inputs), len(core.roles.outputs)) == (3, 2)


@pytest.mark.parametrize(
    ("config", "settings"),
    [(DaggerConfig(), Dagger()), (PPOConfig(), PPO()), (TrackingTaskConfig(), TrackingTask())],
)
def test_configs_begin_as_the_settings_that_they_make(config: object, settings: object) -> None:
    for one in fields(settings):  # type: ignore[arg-type]
        told, default = getattr(config, one.name), getattr(settings, one.name)
        assert (tuple(told) if isinstance(told, list) else told) == default, one.name


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (["network=lstm"], "lstm"),
        (["network.gains=some"], "network.gains must be of edge, type_pair, frozen"),
        (["episodes=0"], "episodes must be at least 1"),
        (["learning=dagger_then_ppo", "learning.ppo.squash=false"], "must be the same"),
        (["connectome.source=nowhere.npz"], "connectome must be one of surrogate"),
        (["learning.rouds=3"], "did you mean"),
        (["weights=nowhere"], "nowhere"),
    ],
)
def test_wrong_lines_end_with_a_message(
    line: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["train", *line]) in (1, 2)
    assert said in capsys.readouterr().err


def test_what_does_not_fit_together_is_refused() -> None:
    with pytest.raises(ValueError, match="network must be one of connectome"):
        make_network(NetworkConfig(), graph(), 14, 4, seed=0)
    with pytest.raises(ValueError, match="task must be biped"):
        training.train_walker(TrainConfig(task=TrackingTaskConfig()), graph(), Path())
    with pytest.raises(ValueError, match="learning must be dagger, ppo or dagger_then_ppo"):
        training.planned_steps(TrainConfig(learning=train_config.LearningConfig()))
    assert MatchedConfig(name="gru").gains == "edge"
