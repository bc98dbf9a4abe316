"""Training as a user types it, on small movements."""

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from omegaconf import OmegaConf

from neuro_common import cli
from neuro_common.runs import read_config, read_csv, read_metric
from proprio_tcn.cli import VERBS
from proprio_tcn.movements_config import MovementSettings
from proprio_tcn.network_config import SpatiotemporalConfig
from proprio_tcn.networks.sampling import sample_trunk
from proprio_tcn.networks.settings import FAMILIES, TrunkSettings
from proprio_tcn.spindles.encoders import SpindleSettings
from proprio_tcn.tasks.sixteen import Task
from proprio_tcn.train_config import ENCODERS, MODELS, TRAININGS, EvaluateConfig, TrainConfig
from proprio_tcn.training import movement_source
from proprio_tcn.training.batches import ArrayMovements
from proprio_tcn.training.movement_source import Source
from proprio_tcn.training.settings import TrainSettings
from proprio_tcn.training.trained import load_network

SMALL = [
    "model.kernels=[4,8]",
    "training.epochs=2",
    "training.batch=16",
    "training.learning_rate=0.01",
]
BINS = 48


class MadeUp(ArrayMovements):
    """Movements with what they were drawn with."""

    origin: dict[str, Any]
    sources: dict[str, str]


def movements(seed: int, n: int) -> MadeUp:
    rng = np.random.default_rng(seed)
    letter = rng.permutation(np.arange(n) % 4)
    moving = np.zeros((n, BINS), bool)
    moving[:, 10:40] = True
    phase = np.clip((np.arange(BINS) - 10) / 30, 0, 1)
    state = np.sin(np.pi * (1 + letter[:, None, None]) * phase + np.arange(3)[None, :, None])
    state = state + rng.normal(size=(n, 3, 1))
    length = np.einsum("ms,nsb->nmb", np.random.default_rng(0).normal(size=(5, 3)), state) + 20
    arrays = {
        "spindle": np.stack([length, np.gradient(length, 0.01, axis=2)], axis=3),
        "hand": 9 * state,
        "hand_velocity": np.gradient(9 * state, 0.01, axis=2),
    }
    arrays = {key: value.astype(np.float32) for key, value in arrays.items()}
    facts = {"letter": letter, "moving": moving, "writer": np.zeros(n, np.int64)}
    return MadeUp(tuple("abcde"), arrays | facts)


@pytest.fixture(autouse=True)
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, MovementSettings]]:
    """What is drawn; no arm is opened: movements are made up."""
    drawn = []

    def made_up(config: TrainConfig | Source, split: str, task: Task) -> MadeUp:
        number = ("train", "val", "test").index(split)
        drawn.append((split, config.drawn))
        found = movements(number, (48, 16, 24)[number])
        object.__setattr__(found, "origin", asdict(config.drawn))
        object.__setattr__(found, "sources", {"version": "1"})
        return found

    monkeypatch.setattr(movement_source, "draw_or_open", made_up)
    monkeypatch.chdir(tmp_path)
    return drawn


def run_of(verb: str) -> Path:
    (run,) = Path("results/proprio-tcn", verb).iterdir()
    return run


def test_a_regression_is_trained_scored_and_evaluated(capsys: pytest.CaptureFixture[str]) -> None:
    task = "task=hand_position_velocity"
    assert cli.main("proprio-tcn", VERBS, ["train", task, *SMALL, "untrained=true"]) == 0
    told = capsys.readouterr().out
    assert "spatiotemporal_4-8_k5_s2: 48 movements learnt from, 24 tested" in told
    assert "hand_velocity, in movement, at outputs" in told
    assert "hand_velocity, in movement, at every bin" in told
    for name in ("spatiotemporal", "untrained", "mean", "linear", "quadratic"):
        assert name in told
    run = run_of("train")
    assert read_csv(run / "metrics.csv")["step"] == ["0", "3", "6"]
    scores = read_csv(run / "scores.csv")
    rows = list(zip(*(scores[name] for name in ("predictor", "target", "where")), strict=True))
    assert len(set(rows)) == len(rows) == 5 * 2 * 4
    r2 = dict(zip(rows, map(float, scores["r2"]), strict=True))
    assert abs(r2["mean", "hand", "movement"]) < 0.2
    # places are linear in these muscles
    assert r2["linear", "hand", "movement"] > 0.99
    trained = load_network(run)
    names = ("hand", "hand_velocity")
    found = [r2["spatiotemporal", name, "movement at outputs"] for name in names]
    assert trained.metrics["test_hand_movement_r2"] == pytest.approx(found[0])
    filled = r2["spatiotemporal", "hand", "movement"]
    assert trained.metrics["test_hand_movement_filled_r2"] == pytest.approx(filled)
    # a sweep is to choose on validation: the test is only told
    chosen = [trained.metrics[f"validation_{name}_movement_r2"] for name in names]
    assert read_metric(run) == pytest.approx(np.mean(chosen))
    assert read_metric(run) != np.mean(found)
    assert trained.facts["architecture"] == "spatiotemporal_4-8_k5_s2"
    assert trained.facts["command"].startswith("proprio-tcn train task=hand_position_velocity")

    assert cli.main("proprio-tcn", VERBS, ["evaluate", f"weights={run}"]) == 0
    told = capsys.readouterr().out
    assert f"R2 {found[0]:.3f}" in told.split("hand, in movement, at outputs")[1].split("\n")[0]
    assert f"R2 {filled:.3f}" in told.split("hand, in movement, at every bin")[1].split("\n")[0]
    assert "euclidean error" in told
    assert read_metric(run_of("evaluate")) == pytest.approx(np.mean(found))


def test_a_network_is_evaluated_on_movements_as_in_its_training(
    asked: list[tuple[str, MovementSettings]], capsys: pytest.CaptureFixture[str]
) -> None:
    drawn = ["drawn.writers=200", "drawn.jitter=0.06", "baselines=false", "hydra.run.dir=run"]
    assert cli.main("proprio-tcn", VERBS, ["train", *SMALL, *drawn]) == 0
    wanted = MovementSettings(writers=200, jitter=0.06, repeats=4)
    assert asked == [(split, wanted) for split in ("train", "val", "test")]
    evaluate = ["evaluate", "weights=run"]
    assert cli.main("proprio-tcn", VERBS, [*evaluate, "hydra.run.dir=first"]) == 0
    assert asked[3] == ("test", wanted)
    assert "drawn as in training" in capsys.readouterr().out
    words = [*evaluate, "drawn.jitter=0.1", "hydra.run.dir=second"]
    assert cli.main("proprio-tcn", VERBS, words) == 0
    assert asked[4] == ("test", replace(wanted, jitter=0.1))
    assert "drawn jitter=0.1 and else as in training" in capsys.readouterr().out
    words = [*evaluate, "drawn.writers=145", "hydra.run.dir=third"]
    assert cli.main("proprio-tcn", VERBS, words) == 1
    assert "writers of movements must be 200 as in training" in capsys.readouterr().err
    assert len(asked) == 5


def test_letters_are_compared_with_classifiers(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main("proprio-tcn", VERBS, ["train", "task=action_recognition", *SMALL]) == 0
    told = capsys.readouterr().out
    scores = read_csv(run_of("train") / "scores.csv")
    assert scores["predictor"] == [
        "spatiotemporal",
        "k_nearest",
        "logistic",
        "k_nearest_uncut",
        "logistic_uncut",
    ]
    assert all(name in told for name in scores["predictor"])
    assert float(scores["accuracy"][1]) > 0.9
    metrics = load_network(run_of("train")).metrics
    assert metrics["test_accuracy"] == float(scores["accuracy"][0])
    assert read_metric(run_of("train")) == metrics["validation_accuracy"]


def test_redundancy_reduction_is_probed_beside_the_untrained() -> None:
    assert cli.main("proprio-tcn", VERBS, ["train", "task=redundancy_reduction", *SMALL]) == 0
    run = run_of("train")
    scores = read_csv(run / "scores.csv")
    assert scores["predictor"] == ["spatiotemporal", "untrained"]
    metrics = load_network(run).metrics
    assert metrics["test_probe_accuracy"] == float(scores["accuracy"][0])
    assert read_metric(run) == metrics["validation_probe_accuracy"]


def test_an_autoencoder_is_compared_with_pca() -> None:
    assert cli.main("proprio-tcn", VERBS, ["train", "task=autoencoder", *SMALL]) == 0
    scores = read_csv(run_of("train") / "scores.csv")
    assert set(scores["predictor"]) == {"spatiotemporal", "pca_bins", "pca_windows"}
    assert set(scores["target"]) == {"muscle_length", "muscle_velocity"}


@pytest.mark.parametrize("task", ["hand_position", "redundancy_reduction"])
def test_several_members_learn_together(task: str, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["train", f"task={task}", *SMALL, "members=3", "seed=5", "hydra.run.dir=run"]
    assert cli.main("proprio-tcn", VERBS, [*words, "untrained=true"]) == 0
    told = capsys.readouterr().out
    assert "mean of 3 members:\n" in told
    assert "weights=run/members/5" in told.replace(str(Path.cwd()) + "/", "")
    members = [load_network(Path("run/members", str(seed))) for seed in (5, 6, 7)]
    assert [one.network.seed for one in members] == [5, 6, 7]
    table = read_csv(Path("run/members.csv"))
    assert table["seed"] == ["5", "6", "7", "mean", "sd"]
    regression = task == "hand_position"
    name = f"test_{'hand_movement_rmse' if regression else 'probe_accuracy'}"
    values = [one.metrics[name] for one in members]
    rows = [*values, np.mean(values), np.std(values, ddof=1)]
    assert list(map(float, table[name])) == pytest.approx(rows)
    assert f"s.d. {rows[-1]:.2g}" in told
    chosen = f"validation_{'hand_movement_r2' if regression else 'probe_accuracy'}"
    assert read_metric(Path("run")) == pytest.approx(np.mean([x.metrics[chosen] for x in members]))
    names = [f"spatiotemporal {seed}" for seed in (5, 6, 7)]
    assert read_csv(Path("run/scores.csv"))["predictor"][:1] == names[:1]
    assert {*names, "untrained"} <= {*read_csv(Path("run/scores.csv"))["predictor"]}
    own = {*read_csv(Path("run/members/6/scores.csv"))["predictor"]}
    assert {*names} & own == {"spatiotemporal 6"}
    assert "seed 6" in Path("run/members/6/card.md").read_text()
    if regression:
        words = ["evaluate", "weights=run/members/6", "hydra.run.dir=scored"]
        assert cli.main("proprio-tcn", VERBS, words) == 0
        assert read_metric(Path("scored")) == pytest.approx(
            members[1].metrics["test_hand_movement_r2"]
        )


def test_networks_learn_from_rates_and_are_scored_on_them() -> None:
    words = ["encoder=afferents", "encoder.noise=gaussian", "encoder.fibres=4"]
    quick = [*SMALL, "baselines=false", "hydra.run.dir=run"]
    assert cli.main("proprio-tcn", VERBS, ["train", *quick, *words]) == 0
    trained = load_network("run")
    assert trained.encoding is not None
    assert trained.encoding.settings == SpindleSettings("afferents", "gaussian", fibres=4)
    evaluate = ["evaluate", "weights=run", "hydra.run.dir=scored"]
    assert cli.main("proprio-tcn", VERBS, evaluate) == 0
    wanted = trained.metrics["test_hand_movement_r2"]
    assert read_metric(Path("scored")) == pytest.approx(wanted)
    assert read_config(Path("run"))["encoder"]["encoder"] == "afferents"


def test_a_sweep_trains_drawn_networks_on_tasks() -> None:
    words = ["train", "--multirun", "task=hand_position,hand_velocity", "model=sampled"]
    quick = ["training.epochs=1", "training.batch=16", "baselines=false", "sweep=both"]
    limit = ["model.most_multiply_adds=5e6"]
    assert cli.main("proprio-tcn", VERBS, [*words, *quick, *limit]) == 0
    jobs = [one.parent for one in Path("results").rglob("weights.safetensors")]
    trained = [load_network(job) for job in jobs]
    assert {one.task.name for one in trained} == {"hand_position", "hand_velocity"}
    first, second = (one.network.trunk.settings for one in trained)
    assert first == second == sample_trunk(0, most_multiply_adds=5e6)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["train", "task=grasp"], "task must be one of action_recognition"),
        (["train", "members=0"], "members must be at least 1, got 0"),
        (
            ["train", "training=published", "members=2"],
            'training.schedule must be "cosine" or "constant" for members that learn together, got',
        ),
        (["train", "training=slow"], "Available options in 'training':\n\tfast\n"),
        (["train", "encoder=golgi"], "Available options in 'encoder':\n\tafferents\n"),
        (["train", "encoder.noise=gaussian"], "noise=gaussian needs the rate of a fibre"),
        (["train", "training.epochs=0"], "epochs must be at least 1"),
        (["train", "drawn.jitter=2"], "jitter must be in [0, 0.5], got 2"),
        (["evaluate"], "weights must be given: add weights=VALUE"),
        (["evaluate", "weights=here", "split=all"], 'split must be "train", "val" or "test"'),
        (["evaluate", "weights=nowhere"], "nowhere holds no complete checkpoint"),
        (["train", "device=gpu"], 'device must be "cpu", or "cuda" where torch finds'),
        (
            ["evaluate", "weights=pretrained/hand_position", "device=gpu"],
            'device must be "cpu", or "cuda" where torch finds',
        ),
    ],
)
def test_wrong_lines_are_told(
    words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main("proprio-tcn", VERBS, [*words, "hydra.run.dir=run"]) in (1, 2)
    assert message in capsys.readouterr().err


def test_every_published_setting_is_one_choice() -> None:
    def told(*words: str) -> TrainConfig:
        composed = OmegaConf.to_object(cli.compose("proprio-tcn", VERBS, "train", words))
        assert isinstance(composed, TrainConfig)
        return composed

    fast, published = told(), told("training=published")
    assert fast.training == TrainSettings()
    assert (fast.encoder, fast.members) == (SpindleSettings(), 1)
    kept = asdict(fast.training)
    assert {name: x for name, x in asdict(published.training).items() if x != kept[name]} == {
        "epochs": 50,
        "batch": 512,
        "learning_rate": 5e-4,
        "schedule": "patience",
        "readout": "flatten",
        "mask_padding": False,
        "clip_norm": 1e9,
        "validations": 100,
        "compat_inputs": True,
        "compat_weights": True,
        "compat_alignment": True,
        "interpolation": "linear",
        "compat_barlow": True,
        "linear_path": False,
        "bottleneck": 0,
        "views": ["time"],
    }
    assert told("training=published", "task=action_recognition").trunk().norm == "sample"
    changed = told("training=published", "training.epochs=3", "training.batch=0").training
    assert (changed.epochs, changed.for_task("redundancy_reduction").batch) == (3, 256)
    assert replace(changed, epochs=50, batch=512) == published.training
    for name in ENCODERS:
        assert told(f"encoder={name}").encoder == SpindleSettings(name)
    assert {*TRAININGS} == {"fast", "published"}


def test_every_model_has_a_trunk_and_a_config() -> None:
    assert TrainConfig().trunk() == TrunkSettings()
    for task in ("action_recognition", "redundancy_reduction"):
        assert TrainConfig(task).trunk() == TrunkSettings(norm="masked")
        whole = TrainSettings(mask_padding=False)
        assert TrainConfig(task, training=whole).trunk() == TrunkSettings()
    causal = SpatiotemporalConfig(norm="step", padding="causal")
    assert TrainConfig("action_recognition", causal).trunk().norm == "step"
    for name, model in MODELS.items():
        composed = cli.compose("proprio-tcn", VERBS, "train", [f"model={name}"])
        assert composed.model.name == model().name == name
        assert TrainConfig(model=model()).trunk().family in FAMILIES
    assert EvaluateConfig("run").split == "test"
