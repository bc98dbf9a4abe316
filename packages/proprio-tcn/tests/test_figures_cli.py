"""The verbs that draw, as a user types them."""

import json
from pathlib import Path

import numpy as np
import pytest

from neuro_common.cli import Verb, compose, main
from neuro_common.files import read_csv, write_csv
from neuro_common.runs import Run, read_metric
from proprio_tcn.figures.trial import LetterTrial
from proprio_tcn.figures_config import MovementFigureConfig
from proprio_tcn.movements_config import MovementSettings
from proprio_tcn.neural.prediction import LayerScore, Prediction, TrialSums
from proprio_tcn.neural.prediction_files import write_prediction

VERBS = tuple(
    Verb(
        f"figures {name}",
        f"Draw {name}.",
        f"proprio-tcn figures {name}",
        f"proprio_tcn.figures_cli:{name}",
        f"proprio_tcn.figures_config:{name.capitalize()}FigureConfig",
    )
    for name in ("movement", "prediction", "tasks", "relation")
)
TASKS = ("hand_position", "hand_velocity", "torque")
NEURONS = 5


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(
        "matplotlib.figure.Figure.savefig", lambda _, path, **__: path.write_bytes(b"")
    )


def layer(model: str, ev: float) -> LayerScore:
    rng = np.random.default_rng(int(1000 * ev))
    scores = np.clip(ev + 0.01 * rng.normal(size=NEURONS), 0, 1)
    sums = TrialSums(np.full(4, 10.0), *(rng.uniform(1, 2, (4, NEURONS)) for _ in range(4)))
    return LayerScore(model, "spatial_1", 1, "spatial", 3, *[scores] * 6, sums)


def saved(folder: str, window: str, by: float) -> Path:
    """A prediction of five beginnings that learnt three tasks each."""
    layers, facts = [], []
    for net in range(5):
        layers.append(layer(f"untrained net {net}", 0.2 + 0.01 * net))
        facts.append((f"untrained net {net}", "untrained", 1, "nan"))
        for number, task in enumerate(TASKS):
            layers.append(layer(f"{task} net {net}", 0.2 + by * (number + net)))
            facts.append((f"{task} net {net}", task, 1, 0.5 + 0.1 * net))
    path = Path(folder)
    config = {"protocol": {"window": window}}
    with Run.open(
        path, config=config, distribution="proprio-tcn", verb="predict", command="", seed=0
    ) as run:
        write_prediction(path, Prediction(tuple(f"n{n}" for n in range(NEURONS)), tuple(layers)))
        header = ("model", "task", "layers", "performance")
        rows = dict(zip(header, zip(*facts, strict=True), strict=True))
        write_csv(path / "models.csv", rows)
        write_csv(path / "ceilings.csv", {"condition_ceiling": [0.5], "oracle_ev": [0.7]})
        run.finish(None)
    return path


def compared(*predictions: Path, r: float = 0.75) -> Path:
    path = Path("compared")
    config = {"predictions": [str(one) for one in predictions]}
    with Run.open(
        path, config=config, distribution="proprio-tcn", verb="compare", command="", seed=0
    ) as run:
        write_csv(path / "relations.csv", {"task": ["torque"], "r": [r], "p": [0.01]})
        run.finish(None)
    return path


def drawn_by(name: str) -> Path:
    (run,) = Path(f"results/proprio-tcn/figures_{name}").iterdir()
    return run


def test_a_letter_is_drawn(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def written(
        settings: MovementSettings, letter: str, plane: str, writer: int, *, threads: int
    ) -> LetterTrial:
        course = np.linspace(0, 1, 400)
        moving = (course > 0.2) & (course < 0.5)
        place = np.stack([course, 2 * course, -course])
        title = f"{letter} {plane} {writer} {settings.arm} {settings.augment} {threads}"
        return LetterTrial(
            *(title, 4 * course, moving, place[:2, moving], 40 + place, 20 + place),
            *(("q",), course[None], ("m1", "m2"), place[:2], place[:2]),
        )

    monkeypatch.setattr("proprio_tcn.figures.trial.write_letter", written)
    words = ["letter=e", "plane=horizontal", "writer=3", "drawn.arm=two_link", "muscles=1"]
    assert main("proprio-tcn", VERBS, ["figures", "movement", *words]) == 0
    moving = int(((np.arange(400) > 0.2 * 399) & (np.arange(400) < 0.5 * 399)).sum())
    told = capsys.readouterr().out
    assert f"e horizontal 3 two_link False 1: {moving} bins of 10 ms move, 2 muscles" in told
    table = read_csv(drawn_by("movement") / "figures" / "movement.csv")
    assert len(table["m2_velocity_mm_s"]) == 400
    assert (drawn_by("movement") / "report.html").exists()


def test_letters_are_drawn_as_they_were_written() -> None:
    config = compose("proprio-tcn", VERBS, "figures movement", [])
    assert config.drawn.augment is False
    assert config.drawn.arm == "human"
    assert MovementFigureConfig().drawn.augment is False


def test_a_prediction_returns_its_best_model(capsys: pytest.CaptureFixture[str]) -> None:
    path = saved("one", "active", 0.02)
    assert main("proprio-tcn", VERBS, ["figures", "prediction", f"run={path}", "rows=3"]) == 0
    assert "torque net 4 (trained) explains most" in capsys.readouterr().out
    run = drawn_by("prediction")
    layers = read_csv(path / "layers.csv")
    assert read_metric(run) == pytest.approx(max(float(one) for one in layers["test_ev"]))
    table = read_csv(run / "figures" / "prediction.csv")
    listed = [one for one in table["model"] if one]
    assert sorted(listed) == sorted(f"{task} net 4" for task in TASKS)
    assert not (run / "figures" / "lags.csv").exists()
    assert "true rates would explain 0.700" in (run / "report.html").read_text()


def test_several_predictions_are_drawn_together(capsys: pytest.CaptureFixture[str]) -> None:
    one, two = saved("one", "active", 0.02), saved("two", "passive", 0.0)
    words = ["figures", "prediction", f"runs=[{one},{two}]", "rows=4"]
    assert main("proprio-tcn", VERBS, words) == 0
    told = capsys.readouterr().out
    assert "Of 20 models that all 2 sessions share, torque net 4 explains most" in told
    run = drawn_by("prediction")
    table = read_csv(run / "figures" / "sessions.csv")
    assert table["session"] == ["one active"] * 4 + ["two passive"] * 4
    best = [i for i, name in enumerate(table["model"]) if name == "torque net 4"]
    mean = np.mean([float(table["test_ev"][i]) for i in best])
    assert read_metric(run) == pytest.approx(mean)
    # all networks have one layer here
    assert not (run / "figures" / "depth.csv").exists()


def test_one_of_several_is_one() -> None:
    path = saved("one", "active", 0.02)
    assert main("proprio-tcn", VERBS, ["figures", "prediction", f"runs=[{path}]"]) == 0
    assert (drawn_by("prediction") / "figures" / "prediction.csv").exists()


def test_a_relation_has_three_figures(capsys: pytest.CaptureFixture[str]) -> None:
    directory = compared(saved("one", "active", 0.02), saved("two", "passive", 0.0))
    assert main("proprio-tcn", VERBS, ["figures", "relation", f"run={directory}"]) == 0
    assert "30 standings" in capsys.readouterr().out
    run = drawn_by("relation")
    assert read_metric(run) == 0.75
    figures = run / "figures"
    assert {one.stem for one in figures.glob("*.png")} == {"relation", "conditions", "map"}
    table = read_csv(figures / "conditions.csv")
    assert len(table["task"]) == 15
    active, passive = (
        np.array([float(one) for one in table[f"{name}_gain"]]) for name in ("active", "passive")
    )
    assert active.mean() > passive.mean() + 0.02
    assert read_csv(figures / "map.csv")["task"] == list(TASKS)
    captions = json.loads((run / "report.json").read_text())["blocks"]
    assert any("over 10 networks and sessions" in one.get("caption", "") for one in captions)


def test_one_window_has_no_conditions_and_nan_is_no_metric() -> None:
    directory = compared(saved("one", "active", 0.02), r=float("nan"))
    assert main("proprio-tcn", VERBS, ["figures", "relation", f"run={directory}"]) == 0
    assert read_metric(drawn_by("relation")) is None
    figures = drawn_by("relation") / "figures"
    assert {one.stem for one in figures.glob("*.png")} == {"relation", "map"}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["movement", "letter=x"], "letter must be one of a, b, c"),
        (["movement", "plane=sagittal"], "plane must be horizontal or vertical"),
        (["prediction"], "run must be given: run=DIR of `proprio-tcn predict`"),
        (
            ["prediction", "run=nowhere"],
            "nowhere must be the directory of a finished `proprio-tcn predict`",
        ),
        (["prediction", "run=one", "runs=[two]"], "runs=[A,B] several: give one of them"),
        (["tasks"], "runs must name folders: runs=[DIR]"),
        (["tasks", "runs=[nowhere]"], "nowhere holds 0 networks"),
        (["relation"], "run must be given: add run=VALUE, as in `proprio-tcn figures rel"),
        (
            ["relation", "run=nowhere"],
            "but it holds no relations.csv",
        ),
    ],
)
def test_what_is_missing_is_said(
    capsys: pytest.CaptureFixture[str], words: list[str], message: str
) -> None:
    assert main("proprio-tcn", VERBS, ["figures", *words]) in (1, 2)
    assert message in capsys.readouterr().err


def test_predictions_that_went_away_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    directory = compared(Path("gone"))
    assert main("proprio-tcn", VERBS, ["figures", "relation", f"run={directory}"]) == 1
    assert "compared compares gone, which is not there" in capsys.readouterr().err
