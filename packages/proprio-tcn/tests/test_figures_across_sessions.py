"""Best layers by depth, and several sessions in one figure: from tables to drawn numbers."""

from pathlib import Path

import numpy as np
import pytest

from neuro_common.files import read_csv, write_csv, write_json
from neuro_common.plots import new_figure
from neuro_common.stats import bootstrap_mean
from proprio_tcn.figures.across_sessions import (
    SessionScores,
    draw_sessions,
    read_session,
    session_plot,
    shared_models,
)
from proprio_tcn.figures.depth import best_depth_plot, best_depths, draw_depths, task_plot
from proprio_tcn.figures.tables import Explained


@pytest.fixture(autouse=True)
def blank(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "matplotlib.figure.Figure.savefig", lambda _, path, **__: path.write_bytes(b"")
    )


def network(model: str, task: str, layers: int, best: int, ev: float = 0.3) -> list[Explained]:
    kind = "untrained" if task == "untrained" else "trained"
    return [
        Explained(model, f"l{n}", n, kind, task, n == best, np.array([ev, ev + 0.1, ev + 0.3]))
        for n in range(1, layers + 1)
    ]


def linear(ev: float) -> Explained:
    return Explained(
        *("limb position", "limb position", 0, "linear", "linear", True),
        np.array([ev, ev + 0.1, ev + 0.3]),
    )


def test_the_best_layer_is_placed_from_first_to_last() -> None:
    layers = [
        *network("torque a", "torque", 5, 2),
        *network("torque b", "torque", 3, 3),
        *network("hand_position a", "hand_position", 4, 1),
        *network("untrained a", "untrained", 5, 5),
        *network("torque shallow", "torque", 1, 1),
        Explained("data-driven", "out", 4, "data-driven", "data-driven", True, np.ones(3)),
        linear(0.2),
    ]
    every = best_depths("one", layers)
    found = [one for one in every if not np.isnan(one.relative)]
    without = [one for one in every if np.isnan(one.relative)]
    assert [(one.model, one.layers, one.best, one.relative) for one in found] == [
        ("torque a", 5, 2, 0.25),
        ("torque b", 3, 3, 1.0),
        ("hand_position a", 4, 1, 0.0),
        ("untrained a", 5, 5, 1.0),
    ]
    assert [(one.model, one.layers, one.task) for one in without] == [
        ("torque shallow", 1, "torque"),
        ("data-driven", 1, "data-driven"),
        ("limb position", 1, "linear"),
    ]
    assert found[0].test_ev == pytest.approx(0.3 + 0.4 / 3)
    _, axes = new_figure()
    lines = best_depth_plot(axes[0, 0], every)
    names = [one.get_text() for one in axes[0, 0].get_yticklabels()]
    assert names[2:] == ["untrained", "data-driven", "linear"]
    assert len(lines) == len(names) == 5
    torque = next(one for one, name in zip(lines, names, strict=True) if "orque" in name)
    assert np.asarray(torque.get_xdata()).tolist() == [0.25, 1.0]
    means = [np.asarray(one.get_xdata())[0] for one in axes[0, 0].lines if one not in lines]
    assert sorted(means) == [0.0, 0.625, 1.0]


def test_tasks_stand_beside_what_learnt_none() -> None:
    nets = [one for n in range(4) for one in network(f"torque {n}", "torque", 2, 1, 0.1 * n)]
    found = best_depths("one", [*nets, *network("untrained a", "untrained", 1, 1), linear(-0.9)])
    _, axes = new_figure()
    ax = axes[0, 0]
    torque, untrained, straight = task_plot(ax, found)
    third = 0.4 / 3
    for line, wanted in ((torque, np.arange(4) / 10), (untrained, [0.3]), (straight, [-0.9])):
        assert np.asarray(line.get_xdata()).tolist() == pytest.approx(np.add(wanted, third))
    height = np.asarray(torque.get_ydata())
    assert np.ptp(height) < 0.8
    assert np.diff(height).min() > 0.1
    means = [np.asarray(one.get_xdata())[0] for one in ax.lines if len(one.get_xdata()) == 2]
    assert means == pytest.approx([0.15 + third, 0.3 + third])  # none of linear models
    assert ax.get_xlim()[0] == -0.2


def test_networks_of_one_depth_stand_apart(tmp_path: Path) -> None:
    layers = [one for n in range(9) for one in network(f"torque {n}", "torque", 3, 2)]
    found = best_depths("one", layers)
    _, axes = new_figure()
    (line,) = best_depth_plot(axes[0, 0], found)
    height = np.sort(np.asarray(line.get_ydata()))
    assert np.diff(height).min() > 0.05
    assert abs(height).max() < 0.4
    assert height.mean() == pytest.approx(0)
    draw_depths(found, tmp_path / "depth")
    table = read_csv(tmp_path / "depth.csv")
    assert table["relative"] == ["0.5"] * 9
    assert (
        draw_depths(best_depths("s", network("untrained a", "untrained", 3, 2)), tmp_path) is None
    )


def test_sessions_are_paired_by_model(tmp_path: Path) -> None:
    one = SessionScores("Han", [linear(0.2), *network("torque a", "torque", 2, 1, 0.3)])
    two = SessionScores(
        "Chips",
        [linear(0.5), *network("torque a", "torque", 2, 2, 0.1), *network("b", "torque", 2, 1)],
    )
    assert shared_models([one, two]) == ["limb position", "torque a"]
    _, axes = new_figure()
    lines, rows = session_plot(axes[0, 0], [one, two], shared_models([one, two]), seed=3)
    assert [line.get_label() for line in lines] == ["Han", "Chips"]
    third = 0.4 / 3
    assert np.asarray(lines[0].get_xdata()).tolist() == pytest.approx([0.2 + third, 0.3 + third])
    assert np.asarray(lines[1].get_xdata()).tolist() == pytest.approx([0.5 + third, 0.1 + third])
    # beside each other within a row
    apart = np.asarray(lines[1].get_ydata()) - np.asarray(lines[0].get_ydata())
    np.testing.assert_allclose(apart, 0.3)
    assert rows["layer"] == ["limb position", "l1", "limb position", "l2"]
    wanted = bootstrap_mean([0.5, 0.6, 0.8], confidence=0.95, n_resamples=2000, seed=3)
    assert rows["test_ev_low"][2] == wanted.low
    poor = SessionScores("Poor", [linear(-0.9)])
    session_plot(axes[0, 0], [one, poor], ["limb position"])
    assert axes[0, 0].get_xlim()[0] == -0.2
    # the best of each task or kind first
    again = [
        SessionScores(each.name, [*each.layers, *network("torque b", "torque", 2, 1, 0.15)])
        for each in (one, two)
    ]
    assert shared_models(again) == ["limb position", "torque a", "torque b"]
    flat = [each._replace(layers=[*each.layers[1:], linear(-0.1)]) for each in again]
    assert shared_models(flat, 2) == ["torque a", "limb position"]
    draw_sessions([one, two], tmp_path / "sessions", models=1)
    assert read_csv(tmp_path / "sessions.csv")["model"] == ["limb position"] * 2
    with pytest.raises(ValueError, match=r"but none is in all of them, which have 1, 2: predict"):
        shared_models([SessionScores("a", [linear(0.2)]), SessionScores("b", two.layers[1:])])
    with pytest.raises(ValueError, match="runs must be 2 to 7 to be drawn together"):
        draw_sessions([one], tmp_path / "none")


def test_a_session_is_called_by_animal_and_area(tmp_path: Path) -> None:
    folder = tmp_path / "12-30"
    folder.mkdir()
    columns = {"model": ["direction"], "layer": ["direction"]}
    write_csv(folder / "neurons.csv", columns | {"test_ev": [0.25]})
    write_csv(
        folder / "layers.csv", columns | {"depth": [0], "kind": ["kinematic"], "best": [True]}
    )
    write_csv(folder / "models.csv", {"model": [], "task": []})
    assert read_session(folder, "passive").name == "12-30 passive"
    facts = {"subject": "Han", "area": "area 2", "session": "", "folds": [[1], [2]]}
    write_json(folder / "split.json", facts, "proprio-tcn/split")
    found = read_session(folder, "active")
    assert found.name == "Han area 2 active"
    assert found.best["direction"].mean == 0.25
