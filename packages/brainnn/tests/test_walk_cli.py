"""Evaluating, recording and drawing as a user types it, with a small untrained network."""

from pathlib import Path

import numpy as np
import pytest

from brainnn.analysis.recording import read_walk
from brainnn.bodies.clip import reference_clip
from brainnn.cli import main
from brainnn.connectome.graph import Connectome
from brainnn.learning.baselines import baselines
from brainnn.learning.walkers import Body, TrainedWalker, load_walker
from brainnn.networks.controls import GRUCore
from brainnn.networks.making import make_network
from brainnn.train_config import BipedTaskConfig, WiredConfig
from brainnn.walk_config import (
    EvaluateConfig,
    LesionFigureConfig,
    RecordConfig,
    RobustnessFigureConfig,
    WalkConfig,
    WalkFigureConfig,
)
from neuro_common.runs import read_csv, read_metric

pytestmark = pytest.mark.usefixtures("elsewhere")
SHORT = ["episodes=2", "steps=12"]


def walker() -> TrainedWalker:
    rng = np.random.default_rng(0)
    counts = (rng.random((10, 10)) < 0.5) * (1 - np.eye(10, dtype=int)) * 5
    classes = ["interneuron"] * 6 + ["motor"] * 4
    graph = Connectome.of(
        "ten", counts, types=["A"] * 3 + ["B"] * 3 + ["M"] * 4, classes=classes,
        signs=np.ones(10),
    )  # fmt: skip
    return TrainedWalker(make_network(WiredConfig(), graph, 14, 4, seed=0), body(), squash=True)


def gru() -> TrainedWalker:
    return TrainedWalker(GRUCore(14, 4, units=3, encoded=2, seed=0), body(), squash=True)


def body() -> Body:
    return Body(BipedTaskConfig(), reference_clip())


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("weights")
    walker().save(folder)
    gru().save(folder / "gru")
    return folder


def run_of(verb: str) -> Path:
    (run,) = Path("results/brainnn", verb).iterdir()
    return run


def test_a_walker_acts_alike_after_it_was_saved(weights: Path) -> None:
    seen = np.random.default_rng(1).normal(size=(2, 14)).astype(np.float32)
    here, there = walker().controller(), load_walker(weights).controller()
    for step in range(5):
        np.testing.assert_array_equal(here(seen, step), there(seen, step))
    assert np.abs(here(100 * seen, 0)).max() <= 1


def test_evaluate_puts_baselines_beside(weights: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = ["evaluate", f"weights={weights}", *SHORT, "baselines=[no_recurrence,zero,standing]"]
    assert main(line) == 0
    said = capsys.readouterr().out
    assert all(name in said for name in ("network", "no_recurrence", "zero", "standing"))
    run = run_of("evaluate")
    assert read_csv(run / "metrics.csv")["controller"][1] == "no_recurrence"
    rows = read_csv(run / "scores.csv")
    assert rows["seed"] == ["0.0", "1.0"] * 4
    native = np.array(rows["native_return"], dtype=float)[:2]
    assert read_metric(run) == pytest.approx(native.mean())
    assert (run / "report.html").exists()


def test_w_0_cuts_all_recurrence_and_nothing_else() -> None:
    own = walker()
    found = baselines(own, ["no_recurrence", "random", "replay"], seed=3)
    cut = found["no_recurrence"]._core  # type: ignore[attr-defined]
    assert cut.edge_weights().abs().max() == 0
    assert (cut.input_weight == own.core.input_weight).all()
    clip = own.body.clip
    np.testing.assert_array_equal(found["replay"](clip.states[:1], 7)[0], clip.actions[7])
    assert baselines(gru(), ["no_recurrence"]) == {}
    with pytest.raises(ValueError, match="a baseline must be one of no_recurrence"):
        baselines(own, ["flying"])


def test_a_record_can_be_read_and_drawn(weights: Path) -> None:
    assert main(["record", f"weights={weights}", *SHORT]) == 0
    run = run_of("record")
    walk = read_walk(run / "walk.h5")
    assert walk.rates is not None
    assert walk.rates.shape == (2, 12, 10)
    speeds = walk.rollouts.observations[:, 1:, 2]
    assert read_metric(run) == pytest.approx(float(np.nanmean(speeds)), rel=1e-5)
    assert (run / "walk.gif").stat().st_size > 1000
    assert (run / "figures" / "stride.csv").exists()

    file = f"walk={run}/walk.h5"
    assert main(["figures", "gait", f"weights={weights}", file]) == 0
    table = read_csv(run_of("figures_gait") / "figures" / "gait.csv")
    hip = np.array(table["hip_1_rad"], dtype=float)
    np.testing.assert_allclose(hip, walk.rollouts.observations[0, :12, 4], rtol=1e-6)
    assert main(["figures", "portrait", f"weights={weights}", file]) == 0


def test_activity_needs_strides_and_known_neurons(
    weights: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["figures", "activity", f"weights={weights}", *SHORT]) == 1
    assert "it does not walk, or the episodes are too short" in capsys.readouterr().err
    unknown = [f"weights={weights}", *SHORT, "neurons=sensory", "hydra.run.dir=sensory"]
    assert main(["figures", "activity", *unknown]) == 1
    error = capsys.readouterr().err
    assert "neurons must be a class (interneuron, motor)" in error
    assert "or null for all, got 'sensory'" in error


def test_lesions_and_disturbances_are_tabled(
    weights: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["figures", "lesions", f"weights={weights}", *SHORT, "draws=1", "rows=2"]) == 0
    run = run_of("figures_lesions")
    table = read_csv(run / "lesions.csv")
    assert sorted({*table["group"]}) == ["A", "B", "M", "intact"]
    assert table["speed"][0] == "1.0"
    # the figure has two of the three groups, and its caption says so
    drawn = {name.partition(",")[0] for name in read_csv(run / "figures/lesions.csv")["condition"]}
    assert len(drawn) == 3
    assert drawn < {*table["group"]}
    assert "Shown are the 2 of 3 whose loss changes" in (run / "report.html").read_text()
    levels = ["sensor_noise=[0.1]", "motor_noise=[]", "lesions=[0.2]", "terrain=[0]", "draws=1"]
    assert main(["figures", "robustness", f"weights={weights}", *SHORT, *levels]) == 0
    table = read_csv(run_of("figures_robustness") / "robustness.csv")
    assert table["disturbance"] == ["none", "sensor_noise", "lesions", "terrain"]
    left = np.array(table["speed"], dtype=float)
    assert read_metric(run_of("figures_robustness")) == pytest.approx(left[1:].mean())
    other = [f"weights={weights}/gru", *SHORT, "hydra.run.dir=other"]
    assert main(["figures", "lesions", *other]) == 1
    assert "a network with neurons to silence, got a gru" in capsys.readouterr().err


def test_report_is_one_page(weights: Path) -> None:
    assert main(["report", f"weights={weights}", *SHORT]) == 0
    page = (run_of("report") / "report.html").read_text()
    assert "10 neurons" in page
    assert "on seeds it never saw" in page


def test_curves_of_a_sweep_are_one_for_each_setting(tmp_path: Path) -> None:
    from brainnn.analysis.curves import find_trainings, learning_panels
    from neuro_common.runs import Run

    for number, (name, seed) in enumerate([("real", 0), ("real", 1), ("rewired", 0)]):
        config = {"network": {"name": name}, "seed": seed}
        told = {"distribution": "brainnn", "verb": "train", "command": "", "seed": seed}
        with Run.open(tmp_path / "sweep" / str(number), config=config, **told) as run:
            for step in (0, 10):
                run.log(step=step, part="ppo", reward=float(number + step), loss=float("nan"))
            run.finish(0.0)
    panels = learning_panels(find_trainings(tmp_path / "sweep"))
    assert [*panels] == ["reward a step"]
    curves = panels["reward a step"]
    assert [*curves] == ["network.name=real", "network.name=rewired"]
    assert curves["network.name=real"].mean.tolist() == [0.5, 10.5]
    assert main(["figures", "training", f"run={tmp_path}/sweep"]) == 0
    assert main(["figures", "training", f"run={tmp_path}", "hydra.run.dir=other"]) == 1


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: WalkConfig(episodes=0), "episodes must be at least 1"),
        (lambda: WalkConfig(first_seed=-1), "first_seed must be at least 0"),
        (lambda: EvaluateConfig(baselines=["fly"]), r"baselines must be among .* got \['fly'\]"),
        (lambda: WalkFigureConfig(last_s=0.0), "last_s must be at least 0.1"),
        (lambda: LesionFigureConfig(by="x"), "by must be one of type, class, transmitter"),
        (lambda: LesionFigureConfig(draws=-1), "draws must be at least 0"),
        (lambda: RobustnessFigureConfig(draws=0), "draws must be at least 1"),
        (lambda: RecordConfig(video="avi"), "video must be one of mp4, gif or null"),
    ],
)
def test_configs_refuse_what_cannot_be(make: object, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        make()  # type: ignore[operator]
