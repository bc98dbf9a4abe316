"""Training as a user types it, on a small graph and for a few steps."""

from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from brainnn import train_config
from brainnn.cli import main
from brainnn.connectome.formats import save_connectome
from brainnn.connectome.graph import Connectome
from brainnn.learning import training
from brainnn.learning.teacher import Teacher
from brainnn.learning.walkers import load_walker
from brainnn.networks.files import load_network
from brainnn.networks.making import make_network
from brainnn.networks.rnn import ConnectomeRNN
from brainnn.networks.tracking import TrackingTask
from brainnn.train_config import (
    BipedTaskConfig,
    CloningConfig,
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

pytestmark = pytest.mark.usefixtures("elsewhere")
TINY_DAGGER = DaggerConfig(
    rounds=2, teacher_rounds=1, num_envs=2, segment_steps=6, updates=1, batch=2, episode_steps=20,
    checkpoint_rounds=1,
)  # fmt: skip
TINY_PPO = PPOConfig(
    steps=32, num_envs=2, rollout_steps=8, segment_steps=4, batch_steps=8, epochs=1,
    episode_steps=20, reference_start=[0.0], checkpoint_steps=16, critic_hidden=[4],
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
    assert main(["train", *more, "hydra.run.dir=second"]) == 1
    assert "weights must be of a network with 14 channels" in capsys.readouterr().err
    others = ["learning.squash=true", "task.phase=true", "hydra.run.dir=third"]
    assert main(["train", *more, *others]) == 1
    assert "learning.squash must be False, as it was for the weights" in capsys.readouterr().err


def test_a_network_teaches_itself_with_a_curriculum(files: Path) -> None:
    told = words("ppo", TINY_PPO, files)
    assert main(["train", *told, "learning.goal_steps=16", "network=weights"]) == 0
    rows = read_csv(run_of("train") / "metrics.csv")
    assert rows["step"] == ["16", "32", "48"]
    assert rows["part"] == ["ppo"] * 3
    assert load_walker(run_of("train")).squash


def test_a_network_clones_the_reference_and_goes_on_by_reward(files: Path) -> None:
    tiny = CloningConfig(rounds=2, updates=2, batch=4)
    assert main(["train", *words("cloning", tiny, files), "task.phase=true"]) == 0
    run = run_of("train")
    rows = read_csv(run / "metrics.csv")
    assert rows["step"] == ["500", "1000"]
    assert rows["part"] == ["cloning"] * 2
    assert float(rows["loss"][1]) < float(rows["loss"][0])
    assert rows["reward"] == ["nan"] * 2
    assert load_walker(run).squash
    more = [*words("ppo", TINY_PPO, files), "task.phase=true", f"weights={run}"]
    assert main(["train", *more, "hydra.run.dir=more"]) == 0
    assert read_csv(Path("more/metrics.csv"))["part"] == ["ppo"] * 2


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
    with pytest.raises(KeyboardInterrupt):
        training.train_walker(config, graph(), tmp_path / "cut", report=stopped_at(40, seen))
    again: list[tuple[int, str]] = []
    resumed = training.train_walker(
        config, graph(), tmp_path / "cut", report=lambda step, part, row: again.append((step, part))
    )
    assert seen == [(12, "dagger"), (24, "dagger"), (40, "ppo")]
    assert again == [(56, "ppo")]
    for name, value in whole.core.state_dict().items():
        torch.testing.assert_close(resumed.core.state_dict()[name], value, rtol=0, atol=0)
    assert training.planned_steps(config) == 56


def stopped_at(last: int, seen: list[tuple[int, str]]) -> Any:
    def report(step: int, part: str, row: object) -> None:
        if step > last:
            raise KeyboardInterrupt
        seen.append((step, part))

    return report


@pytest.mark.parametrize("name", ["dagger", "cloning"])
def test_a_stopped_lesson_goes_on(name: str, files: Path, tmp_path: Path) -> None:
    learning: DaggerConfig | CloningConfig = DaggerConfig(**vars(TINY_DAGGER))
    if isinstance(learning, DaggerConfig):
        learning.teacher, steps = str(files / "teacher"), 12
    if name == "cloning":
        learning, steps = CloningConfig(rounds=2, updates=1, batch=2, checkpoint_rounds=1), 500
    config = TrainConfig(learning=learning)
    whole = training.train_walker(config, graph(), tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        training.train_walker(config, graph(), tmp_path / "cut", report=stopped_at(steps, []))
    again: list[tuple[int, str]] = []
    resumed = training.train_walker(
        config, graph(), tmp_path / "cut", report=stopped_at(10**6, again)
    )
    assert again == [(2 * steps, name)]
    for key, value in whole.core.state_dict().items():
        torch.testing.assert_close(resumed.core.state_dict()[key], value, rtol=0, atol=0)
    assert training.planned_steps(config) == 2 * steps
    # what was labelled is of no use once all is learned
    assert [path.name for path in (tmp_path / "cut" / "checkpoints").iterdir()] == ["taught"]


def test_stages_are_the_reward_of_the_task_and_then_the_goal() -> None:
    task = BipedTaskConfig(imitation=0.9, goal=0.3)
    learning = PPOConfig(steps=100, goal_steps=50, reference_start=[0.7, 0.4, 0.1])
    *parts, last = training.stages_of(learning, task)
    assert [(one.steps, one.reference_start) for one in parts] == [(33, 0.7), (33, 0.4), (34, 0.1)]
    assert {one.imitation for one in parts} == {0.75}
    assert {one.episode_steps for one in (*parts, last)} == {300}
    assert (last.steps, last.imitation, last.reference_start) == (50, 0.0, 0.0)
    default = training.stages_of(PPOConfig(), BipedTaskConfig())
    assert [one.reference_start for one in default] == [0.7, 0.7, 0.4, 0.1]
    assert {one.steps for one in default} == {250_000}


@pytest.mark.parametrize("shares", [[], [0.5] * 4])
def test_stages_have_a_share_each_and_a_step_at_least(shares: list[float]) -> None:
    learning = PPOConfig(steps=3, reference_start=shares)
    with pytest.raises(ValueError, match=r"must be 1 to 3 shares \(learning.steps\), got \["):
        training.stages_of(learning, BipedTaskConfig())


def test_who_does_not_imitate_may_be_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Early ends hold while there is imitation, and neither for the goal alone nor when taught."""
    made: dict[str, tuple[float | None, float | None]] = {}

    def ends(env: Any) -> tuple[float | None, float | None]:
        return env.max_lag, env.max_pose_error

    def reinforce(core: object, make_env: Any, stages: Any, *_: object, **__: object) -> None:
        made["imitation"], made["goal"] = (ends(make_env(one)) for one in stages)

    def learn_from(teacher: object, core: object, make_env: Any, *_: object, **told: Any) -> None:
        made["taught"] = ends(make_env())
        told["directory"].mkdir(parents=True)

    monkeypatch.setattr(training, "reinforce", reinforce)
    monkeypatch.setattr(training, "learn_from", learn_from)
    learning = DaggerThenPPOConfig(ppo=PPOConfig(goal_steps=9, reference_start=[0.5]))
    learning.dagger.squash = True
    task = BipedTaskConfig(max_lag=1.5, max_pose_error=0.4)
    training.train_walker(TrainConfig(learning=learning, task=task), graph(), tmp_path)
    assert made == {"taught": (None, None), "imitation": (1.5, 0.4), "goal": (None, None)}


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


def test_configs_begin_as_the_settings_that_they_make() -> None:
    for one in fields(TrackingTask):
        assert getattr(TrackingTaskConfig(), one.name) == getattr(TrackingTask(), one.name)


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
    with pytest.raises(
        ValueError, match="learning must be cloning, dagger, ppo or dagger_then_ppo"
    ):
        training.planned_steps(TrainConfig(learning=train_config.LearningConfig()))
    assert MatchedConfig(name="gru").gains == "edge"
