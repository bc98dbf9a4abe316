"""Scores of trained networks by task, depth and family."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from neuro_common.checkpoint import save_checkpoint
from neuro_common.files import FormatError, read_csv
from neuro_common.plots import new_figure
from neuro_common.style import PALETTE
from proprio_tcn.figures.tasks import TaskScore, depth_plot, draw_tasks, read_task_scores
from proprio_tcn.networks.settings import FAMILIES


def save(directory: Path, task: str, metrics: dict[str, Any], **trunk: Any) -> None:
    manifest = {"task": task, "network": {"trunk": trunk}, "metrics": metrics}
    save_checkpoint(directory, {"w": np.zeros(1, dtype=np.float32)}, manifest)


def test_networks_are_found_in_and_below_folders(tmp_path: Path) -> None:
    save(
        tmp_path / "sweep" / "b",
        "limb_velocity",
        {"test_hand_movement_r2": 0.8, "test_elbow_movement_r2": 0.6, "test_hand_all_r2": 0.1},
        family="spatial_temporal",
        spatial_kernels=[8, 8],
        temporal_kernels=[8, 16, 32],
    )
    letters = {"test_accuracy": 0.9, "validation_accuracy": 0.2}
    save(tmp_path / "sweep" / "c", "action_recognition", letters)
    save(tmp_path / "alone", "redundancy_reduction", {"test_probe_accuracy": 0.4})
    save(tmp_path / "sweep" / "a", "hand_position", {"test_hand_movement_r2": None})
    found = read_task_scores([tmp_path / "sweep", tmp_path / "alone", tmp_path / "alone"])
    assert [one[1:] for one in found] == [
        ("action_recognition", "spatiotemporal", 4, "accuracy", 0.9),
        ("limb_velocity", "spatial_temporal", 5, "R2 in movement", pytest.approx(0.7)),
        ("redundancy_reduction", "spatiotemporal", 4, "probe's accuracy", 0.4),
    ]
    assert found[0].directory == str(tmp_path / "sweep" / "c")


def test_families_have_their_colours(tmp_path: Path) -> None:
    scores = [
        TaskScore("", "torque", "recurrent", 3, "R2 in movement", 0.2),
        TaskScore("", "torque", "spatiotemporal", 7, "R2 in movement", 0.4),
    ]
    _, axes = new_figure()
    lines = dict(zip(FAMILIES, depth_plot(axes[0, 0], scores), strict=True))
    assert np.asarray(lines["recurrent"].get_ydata()).tolist() == [0.2]
    assert np.rint(np.asarray(lines["spatiotemporal"].get_xdata())).tolist() == [7]
    assert len(np.asarray(lines["temporal_spatial"].get_xdata())) == 0
    colours = [one.get_color() for one in lines.values()]
    assert colours == list(PALETTE[:4])


def test_no_axis_goes_beyond_a_perfect_score() -> None:
    scores = [TaskScore("", "torque", "recurrent", n, "R2 in movement", 0.998) for n in (1, 8)]
    _, axes = new_figure(1, 4)
    depth_plot(axes[0, 0], scores)
    low, high = axes[0, 0].get_ylim()
    assert low < 0.998 < 1 < high < 1.01
    ticks = axes[0, 0].get_xticks()
    assert sum((ticks >= 1) & (ticks <= 8)) >= 3
    depth_plot(axes[0, 1], [one._replace(score=0.4) for one in scores])
    assert axes[0, 1].get_ylim()[1] < 0.5


def test_the_figure_keeps_its_numbers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "matplotlib.figure.Figure.savefig", lambda _, path, **__: path.write_bytes(b"")
    )
    scores = [
        TaskScore(f"run {n}", task, "recurrent", n + 2, "R2 in movement", 0.1 * n)
        for n, task in enumerate(("hand_position", "hand_velocity") * 3)
    ]
    draw_tasks(scores, tmp_path / "tasks")
    table = read_csv(tmp_path / "tasks.csv")
    assert [float(one) for one in table["score"]] == [one.score for one in scores]
    assert table["layers"] == ["2", "3", "4", "5", "6", "7"]
    with pytest.raises(ValueError, match="scores must hold at least one network, got none"):
        draw_tasks([], tmp_path / "none")


def test_folders_without_scores_are_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"runs must name folders: runs=\[DIR\]"):
        read_task_scores([])
    with pytest.raises(FileNotFoundError, match="nowhere holds 0 networks, none with one"):
        read_task_scores([tmp_path / "nowhere"])
    save(tmp_path / "x", "torque", {"test_torque_movement_r2": math.pi, "test_a_movement_r2": None})
    with pytest.raises(FileNotFoundError, match="holds 1 network, none with one"):
        read_task_scores([tmp_path])
    save(tmp_path / "x", "grasp", {})
    with pytest.raises(FormatError, match="must hold a network of a task, got 'grasp'"):
        read_task_scores([tmp_path])
    save_checkpoint(tmp_path / "x", {"w": np.zeros(1, dtype=np.float32)}, {"kind": "other"})
    with pytest.raises(FormatError, match="is no whole network of proprio-tcn: 'task'"):
        read_task_scores([tmp_path])
