"""Movements and bumps of one session are compared each by itself."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import wilcoxon

from neuro_common.cli import Verb, main
from neuro_common.files import FormatError, read_csv, write_csv, write_json
from neuro_common.runs import Run
from neuro_common.stats import holm
from proprio_tcn.figures.relation import draw_relation
from proprio_tcn.neural.prediction import LayerScore, Prediction, TrialSums
from proprio_tcn.neural.prediction_files import read_prediction, read_window, write_prediction
from proprio_tcn.neural.relations import Standing, relation_table
from proprio_tcn.neural.task_pairs import Placed, task_pairs

VERB = Verb(
    "compare",
    "compare",
    "proprio-tcn compare",
    "proprio_tcn.neural_cli:compare",
    "proprio_tcn.neural_config:CompareConfig",
)
NETWORKS, NEURONS = 8, 6


def explained(window: str, task: str) -> np.ndarray:
    """What networks of a task explain: training helps in movements, and harms in bumps."""
    rng = np.random.default_rng([len(window), len(task)])
    gain = {"active": 0.1, "passive": -0.1}[window] * (task != "untrained")
    slope = {"active": 0.05, "passive": -0.05}[window]
    return np.asarray(0.3 + gain + slope * performances() + 0.002 * rng.normal(size=NETWORKS))


def performances() -> np.ndarray:
    return np.random.default_rng(3).uniform(0.2, 0.9, NETWORKS)


def standings(window: str) -> list[Standing]:
    rows = zip(performances(), explained(window, "torque"), strict=True)
    return [
        Standing("s", f"net {n}", "torque", 1 + n % 3, can, ev, window=window)
        for n, (can, ev) in enumerate(rows)
    ]


def networks(window: str) -> list[Placed]:
    return [
        Placed("s", task, f"trunk {n}", "sample", "0", ev, window=window)
        for task in ("torque", "untrained")
        for n, ev in enumerate(explained(window, task))
    ]


def test_relations_of_movements_and_bumps_are_two_rows() -> None:
    both = relation_table([*standings("active"), *standings("passive")])
    assert (both["window"], both["task"]) == (["active", "passive"], ["torque", "torque"])
    assert (both["networks"], both["sessions"]) == ([NETWORKS] * 2, [1] * 2)
    alone = [relation_table(standings(window)) for window in ("active", "passive")]
    assert both["r"] == [alone[0]["r"][0], alone[1]["r"][0]]
    assert both["p"] == [alone[0]["p"][0], alone[1]["p"][0]]
    assert both["r"][0] > 0.9
    assert both["r"][1] < -0.9


def test_tasks_in_movements_and_bumps_are_two_rows() -> None:
    both = task_pairs([*networks("active"), *networks("passive")], n_resamples=500, seed=2)
    assert list(zip(both["window"], both["first"], both["second"], strict=True)) == [
        ("active", "torque", "untrained"),
        ("passive", "torque", "untrained"),
    ]
    gains = [
        explained(window, "torque") - explained(window, "untrained") for window in both["window"]
    ]
    np.testing.assert_allclose(both["difference"], [one.mean() for one in gains])
    # as many pairs as one window has, and not the mean of both
    assert (both["pairs"], both["architectures"]) == ([NETWORKS] * 2, [NETWORKS] * 2)
    p = [wilcoxon(one).pvalue for one in gains]
    np.testing.assert_allclose(both["p_wilcoxon"], p)
    np.testing.assert_allclose(both["p_holm"], holm(p))


def saved(folder: Path, window: str) -> str:
    """A prediction of eight architectures that learnt a task, and of their untrained twins."""
    rng = np.random.default_rng(5)
    y = rng.uniform(-1, 1, (4, NEURONS))
    layers, facts = [], []
    for task in ("torque", "untrained"):
        for n, ev in enumerate(explained(window, task)):
            spread = np.full(NEURONS, ev) + 0.01 * rng.normal(size=NEURONS)
            sums = TrialSums(np.full(4, 10.0), y, y**2 + 1, 0.1 * y, (y**2 + 1) * (1 - ev))
            row = (f"{task} net{n} 0", "layer", 1, "spatial", 3, *[spread] * 6, sums)
            layers.append(LayerScore(*row))
            can = performances()[n] if task == "torque" else float("nan")
            facts.append((row[0], task, 1 + n % 3, can, f'{{"trunk": {n}}}', 0, "raw", f"net{n}"))
    config = {"protocol": {"window": window}}
    with Run.open(
        folder, config=config, distribution="proprio-tcn", verb="predict", command="", seed=0
    ) as run:
        names = tuple(f"n{n}" for n in range(NEURONS))
        write_prediction(folder, Prediction(names, tuple(layers)))
        header = (
            *("model", "task", "layers", "performance"),
            *("settings", "seed", "input", "architecture"),
        )
        write_csv(folder / "models.csv", dict(zip(header, zip(*facts, strict=True), strict=True)))
        run.finish(None)
    return str(folder)


def test_compare_names_the_window(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    both = [saved(Path(window), window) for window in ("active", "passive")]
    words = [f"predictions=[{','.join(both)}]", "resamples=100", "hydra.run.dir=compared"]
    assert main("proprio-tcn", (VERB,), ["compare", *words]) == 0
    said = capsys.readouterr().out
    pairs = 2 * NETWORKS * (2 * NETWORKS - 1) // 2
    assert f"... {2 * pairs} pairs in comparisons.csv" in said
    table = read_csv("compared/comparisons.csv")
    assert table["window"] == ["active"] * pairs + ["passive"] * pairs
    assert table["prediction"] == ["active"] * pairs + ["passive"] * pairs
    # each block names its prediction, and tasks and relations their window
    assert "passive (passive):\ndifference of test EV" in said
    tasks, relations = (read_csv(f"compared/{name}.csv") for name in ("tasks", "relations"))
    for window, difference, r in zip(
        tasks["window"], tasks["difference"], relations["r"], strict=True
    ):
        assert f"{window}: torque - untrained: {float(difference):+.3f} (" in said
        told = f"{window}: torque: performance and explained variance, depth taken out: r "
        assert f"{told}{float(r):.2f}, p " in said
    assert float(relations["r"][0]) * float(relations["r"][1]) < 0
    assert tasks["window"] == relations["window"] == ["active", "passive"]
    # one window alone is not named on every line
    words = ["predictions=[active]", "resamples=100", "hydra.run.dir=alone"]
    assert main("proprio-tcn", (VERB,), ["compare", *words]) == 0
    said = capsys.readouterr().out
    assert f"\ntorque - untrained: {float(tasks['difference'][0]):+.3f} (" in said
    assert "active:" not in said


def test_a_panel_tells_windows_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    titles: list[str] = []

    def saved_figure(figure: Any, stem: Path, _: object) -> Path:
        titles.extend(ax.get_title(loc="left") for ax in figure.axes)
        return stem

    monkeypatch.setattr("proprio_tcn.figures.relation.save_figure", saved_figure)
    both = [*standings("active"), *standings("passive")]
    table = {n: [str(one) for one in values] for n, values in relation_table(both).items()}
    draw_relation(both, table, tmp_path / "relation")
    r = [f"{float(one):.2f}" for one in table["r"]]
    assert f"\nactive: r {r[0]}, p" in titles[0]
    assert f"\npassive: r {r[1]}, p" in titles[0]
    # a table of an earlier version knows no windows
    old = {name: values[:1] for name, values in table.items() if name != "window"}
    draw_relation([replace(one, window="active") for one in both], old, tmp_path / "relation")
    assert titles[1].startswith(f"Torque\nr {r[0]}, p")


def test_a_folder_without_a_prediction_is_named(tmp_path: Path) -> None:
    told = r"of a finished `proprio-tcn predict`, but it holds no prediction\.npz"
    with pytest.raises(FileNotFoundError, match=told):
        read_prediction(tmp_path)


def test_a_prediction_without_a_window_is_named(tmp_path: Path) -> None:
    record = {"distribution": "proprio-tcn", "verb": "predict", "config": {}}
    write_json(tmp_path / "config.json", record, "neuro-common/config")
    with pytest.raises(FormatError, match=r"config\.json must have protocol\.window"):
        read_window(tmp_path)
