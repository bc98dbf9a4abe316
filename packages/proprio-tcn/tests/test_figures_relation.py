"""Performance against explained variance, active against passive, and the map of tasks."""

from pathlib import Path

import numpy as np
import pytest
from sklearn.decomposition import PCA

from neuro_common.files import read_csv
from neuro_common.plots import new_figure
from proprio_tcn.figures.gains import (
    HYPOTHESES,
    Gain,
    condition_plot,
    draw_conditions,
    draw_map,
    gains_of,
    map_plot,
    task_map,
)
from proprio_tcn.figures.relation import draw_relation, relation_plot
from proprio_tcn.figures.tables import Explained
from proprio_tcn.neural.relations import Standing

TASKS = ("action_recognition", "hand_position", "limb_velocity", "torque")


@pytest.fixture(autouse=True)
def blank(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "matplotlib.figure.Figure.savefig", lambda _, path, **__: path.write_bytes(b"")
    )


def gains(seed: int = 0, nets: int = 6) -> list[Gain]:
    rng = np.random.default_rng(seed)
    return [
        Gain("s", "active", task, f"net {n}", 0.1 * number + 0.05 * float(rng.normal()))
        for number, task in enumerate(TASKS)
        for n in range(nets)
    ]


def test_a_gain_is_over_the_same_beginning() -> None:
    def layer(model: str, kind: str, task: str, ev: float, best: bool = True) -> Explained:
        return Explained(model, "l", 1, kind, task, best, np.array([ev, ev + 0.2]))

    layers = [
        layer("torque net 0", "trained", "torque", 0.5),
        layer("torque net 0", "trained", "torque", 0.9, best=False),
        layer("torque net 1", "trained", "torque", 0.5),
        layer("hand_position net 0 job3", "trained", "hand_position", 0.1),
        layer("untrained net 0", "untrained", "untrained", 0.3),
        layer("limb position", "linear", "linear", 0.8),
    ]
    found = gains_of("s", "passive", layers)
    assert [one[:4] for one in found] == [
        ("s", "passive", "torque", "net 0"),
        ("s", "passive", "hand_position", "net 0"),
    ]
    assert [one.gain for one in found] == pytest.approx([0.2, -0.2])


def test_networks_with_a_masked_norm_share_their_beginning() -> None:
    """Action recognition is taught with another norm, and has an untrained twin of its own."""

    def layer(task: str, trunk: str, ev: float, told: str = "as trained") -> Explained:
        kind = "untrained" if task == "untrained" else "trained"
        name = f"{task} {trunk}"
        return Explained(name, "l", 1, kind, task, True, np.array([ev, ev]), told)

    nets = [f"spatiotemporal_8_k{size}_s2" for size in (3, 5, 7)]
    layers = []
    for place, net in enumerate(nets):
        layers += [
            layer("untrained", f"{net}_masked 1", 0.1),
            layer("untrained", f"{net} 1", 0.2),
            layer("untrained", f"{net} 1 input 2", 0.4, "as trained, input 2"),
            layer("action_recognition", f"{net}_masked 1", 0.5 + 0.01 * place),
            layer("hand_position", f"{net} 1", 0.3),
            layer("torque", f"{net} 1", 0.7, "as trained, input 2"),
        ]
    found = gains_of("s", "active", layers)
    assert {one.beginning for one in found} == {f"{net} 1" for net in nets}
    # each over the untrained network of its own norm and input
    assert [one.gain for one in found[:3]] == pytest.approx([0.4, 0.1, 0.3])
    shared = task_map(found)
    assert shared is not None
    assert (shared.beginnings, len(shared.tasks)) == (3, 3)


def test_the_map_is_that_of_scikit_learn() -> None:
    rows = gains()
    found = task_map(rows)
    assert found is not None
    matrix = np.array([[one.gain for one in rows if one.task == task] for task in TASKS])
    scaled = (matrix - matrix.mean(axis=0)) / matrix.std(axis=0)
    pca = PCA(2)
    wanted = pca.fit_transform(scaled)
    np.testing.assert_allclose(np.abs(found.place), np.abs(wanted), atol=1e-10)
    np.testing.assert_allclose(found.share, pca.explained_variance_ratio_)
    largest = found.place[np.abs(found.place).argmax(axis=0), range(2)]
    assert (largest > 0).all()
    assert (found.tasks, found.beginnings) == (TASKS, 6)


def test_a_map_needs_networks_that_learnt_all_tasks() -> None:
    rows = gains(nets=4)
    part = task_map(rows[:-1])
    assert part is not None
    assert part.beginnings == 3
    assert task_map(gains(nets=2)) is None
    assert task_map([one for one in rows if one.task in TASKS[:2]]) is None


def test_the_map_is_drawn_and_kept(tmp_path: Path) -> None:
    found = task_map(gains())
    assert found is not None
    _, axes = new_figure()
    points = map_plot(axes[0, 0], found)
    assert [one.get_label() for one in points][1] == "Hand position"
    draw_map(found, tmp_path / "map")
    table = read_csv(tmp_path / "map.csv")
    assert table["task"] == list(TASKS)
    assert [float(one) for one in table["component_2"]] == found.place[:, 1].tolist()


def test_networks_are_paired_over_conditions(tmp_path: Path) -> None:
    rows = [
        Gain("a", "active", "torque", "net 0", 0.2),
        Gain("b", "active", "torque", "net 0", 0.4),
        Gain("c", "passive", "torque", "net 0", 0.1),
        Gain("a", "active", "torque", "net 1", 0.9),
    ]
    draw_conditions(rows, tmp_path / "conditions")
    table = read_csv(tmp_path / "conditions.csv")
    assert table["beginning"] == ["net 0"]
    assert float(table["active_gain"][0]) == pytest.approx(0.3)
    assert float(table["passive_gain"][0]) == pytest.approx(0.1)
    assert draw_conditions(rows[:2], tmp_path / "none") is None
    _, axes = new_figure()
    (points,) = condition_plot(axes[0, 0], [(rows[0], rows[2])])
    assert points.get_label() == "sensorimotor control"
    assert np.asarray(points.get_xydata()).tolist() == [[0.2, 0.1]]
    assert len(HYPOTHESES) == 6


def test_sessions_have_their_colours(tmp_path: Path) -> None:
    standings = [
        Standing(f"runs/{place}", f"net {n}", "torque", 3, 0.1 * n, ev + 0.01 * n, window=window)
        for place, ev, window in (("one", 0.1, "active"), ("two", 0.2, "passive"))
        for n in range(3)
    ]
    _, axes = new_figure()
    lines = relation_plot(axes[0, 0], standings)
    assert [one.get_label() for one in lines] == ["one active", "two passive"]
    assert np.asarray(lines[1].get_ydata()).tolist() == pytest.approx([0.2, 0.21, 0.22])
    relations = {"task": ["torque"], "r": ["0.5"], "p": ["0.04"]}
    draw_relation(standings, relations, tmp_path / "relation")
    table = read_csv(tmp_path / "relation.csv")
    assert [float(one) for one in table["performance"]] == [one.performance for one in standings]
    assert table["window"] == ["active"] * 3 + ["passive"] * 3
    with pytest.raises(ValueError, match="must hold trained networks with a performance"):
        draw_relation([], relations, tmp_path / "none")
