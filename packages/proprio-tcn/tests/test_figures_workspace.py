"""Real and synthetic workspace: shares, points and ranges, and the verb."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from neuro_common.cli import Verb, main
from neuro_common.files import read_csv
from neuro_common.plots import new_figure
from neuro_common.runs import read_metric
from proprio_tcn.figures.workspace import (
    Course,
    angle_plot,
    draw_workspace,
    place_plot,
    recorded_course,
    share_within,
    synthetic_course,
)
from proprio_tcn.figures_config import WorkspaceFigureConfig
from proprio_tcn.movements.making import make_movements
from proprio_tcn.movements.storage import write_movements
from proprio_tcn.movements_config import MovementSettings
from proprio_tcn.recorded.inputs import RecordedInputs
from proprio_tcn.recorded.windows import START_BIN

VERBS = (
    Verb(
        "figures workspace",
        "Draw workspaces.",
        "proprio-tcn figures workspace",
        "proprio_tcn.figures_cli:workspace",
        "proprio_tcn.figures_config:WorkspaceFigureConfig",
    ),
)
SETTINGS = MovementSettings(
    arm="linear", writers=4, shares=[0.5, 0.25, 0.25], start_points=50, max_joint_jerk=5.0
)


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(
        "matplotlib.figure.Figure.savefig", lambda _, path, **__: path.write_bytes(b"")
    )


def recorded(places_cm: Any, names: tuple[str, ...] = ("x", "free")) -> RecordedInputs:
    """One trial through some places; its angles are the first of them, and that less one."""
    places = np.asarray(places_cm, dtype=np.float32)
    hand = np.full((1, 3, 400, 2), 1e3, dtype=np.float32)
    hand[0, :, START_BIN : START_BIN + len(places), 0] = places.T
    joint = np.concatenate([hand[:, :1], hand[:, :1] - 1], axis=1)
    muscle = np.zeros((1, 1, 400, 2), dtype=np.float32)
    one, name = np.zeros(1, dtype=np.int64), ("a",)
    moving, passive = np.ones(1, dtype=bool), np.zeros(1, dtype=bool)
    duration = np.array([len(places)])
    return RecordedInputs(
        "fake", "none", ("m",), names, moving, name, one, passive, duration, muscle, joint, hand
    )


def test_shares_count_places_with_a_neighbour() -> None:
    others = np.array([[0.0, 10], [0, 0], [0, 0]])
    places = np.array([[1.0, 3, 10, 50], [0, 0, 1.9, 0], [0, 0, 0, 0]])
    assert share_within(places, others, 2.0) == 0.5
    assert share_within(places, others, 3.5) == 0.75


def test_only_what_moves_is_taken(linear_arm: Any) -> None:
    course = recorded_course(recorded([[1, 2, 3], [4, 5, 6]]))
    assert course.hand_cm.tolist() == [[1, 4], [2, 5], [3, 6]]
    assert {name: one.tolist() for name, one in course.angle_deg.items()} == {
        "x": [1, 4],
        "free": [0, 3],
    }
    movements = make_movements(linear_arm, SETTINGS, "val", solve=linear_arm.solve)
    synthetic = synthetic_course(movements)
    assert synthetic.hand_cm.shape == (3, int(movements.trials.length.sum()))
    # the arm is linear: 30 cm for each radian
    assert synthetic.hand_cm[1] == pytest.approx(
        30 * np.deg2rad(synthetic.angle_deg["y"]), abs=1e-3
    )


def test_plots_show_places_and_ranges() -> None:
    _, axes = new_figure(1, 2)
    many = np.arange(9000.0)
    synthetic = Course("synthetic", np.stack([many, 2 * many, -many]), {"q": many / 90})
    few = Course("recorded", np.ones((3, 2)), {"q": np.array([10.0, 20])})
    behind, before = place_plot(axes[0, 0], synthetic, few, (0, 2))
    x, z = (np.asarray(one) for one in behind.get_data())
    assert len(x) == 3000  # every third
    assert z.tolist() == (-x).tolist()
    assert len(np.asarray(before.get_xdata())) == 2
    angle_plot(axes[0, 1], synthetic, few, ["q"])
    whole, middle, median, own, *_ = axes[0, 1].lines
    assert whole.get_xdata() == pytest.approx([0, 100], abs=0.02)
    assert middle.get_xdata() == pytest.approx([5, 95], abs=0.02)
    assert median.get_xdata() == pytest.approx([50], abs=0.02)
    assert own.get_xdata() == pytest.approx([10, 20])


def test_coordinates_of_one_arm_alone_are_left_out() -> None:
    one = Course("synthetic", np.ones((3, 4)), {"a": np.ones(4), "b": np.ones(4)})
    two = Course("recorded", np.ones((3, 4)), {"b": np.arange(4.0), "c": np.ones(4)})
    draw_workspace(one, two, Path("some"))
    table = read_csv("some.csv")
    assert [name for name in table if name.endswith("_deg")] == [
        "synthetic_b_deg",
        "recorded_b_deg",
    ]
    assert [float(one) for one in table["recorded_b_deg"] if one][2] == 1.5
    draw_workspace(one, two._replace(angle_deg={"c": np.ones(4)}), Path("none"))
    assert not [name for name in read_csv("none.csv") if name.endswith("_deg")]


def test_the_verb_gives_the_share_that_is_covered(
    linear_arm: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    movements = make_movements(linear_arm, SETTINGS, "train", solve=linear_arm.solve)
    Path("set").mkdir()
    write_movements("set/dataset_train.hdf5", movements, "rendered")
    inside = movements.trials.hand[:, ::100].T
    recorded(np.concatenate([inside[:3], [[500, 0, 0]]])).write("inputs.h5")
    words = ["figures", "workspace", "recording=inputs.h5", "movements=set", "hydra.run.dir=out"]
    assert main("proprio-tcn", VERBS, words) == 0
    told = capsys.readouterr().out
    assert "75.0% of the recorded bins have a synthetic place of the hand within 2 cm" in told
    assert "The arms have other joint coordinates: only those of both are drawn." in told
    assert read_metric("out") == 0.75
    assert (Path("out") / "figures" / "workspace.csv").exists()
    assert (Path("out") / "report.html").exists()


FILES = ("recording=a.h5", "movements=set")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["movements=set"], "recording must be given: add recording=VALUE, as in `proprio-tcn"),
        (["recording=a.h5"], "movements must be given: add movements=VALUE"),
        (["recording=a.h5", "movements=set"], "a.h5"),
        ([*FILES, "split=all"], "split must be train, val or test, got 'all'"),
        ([*FILES, "within_cm=0"], "within_cm must be above 0, got 0.0"),
    ],
)
def test_what_is_missing_is_said(
    capsys: pytest.CaptureFixture[str], words: list[str], message: str
) -> None:
    assert main("proprio-tcn", VERBS, ["figures", "workspace", *words]) in (1, 2)
    assert message in capsys.readouterr().err


def test_the_config_has_defaults() -> None:
    config = WorkspaceFigureConfig("a.h5", "set")
    assert (config.split, config.within_cm) == ("train", 2.0)
