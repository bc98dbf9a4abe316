"""The table of sixteen tasks: its command on little data, and what the package ships."""

from __future__ import annotations

import csv
import importlib.util
import subprocess
from pathlib import Path
from typing import Any

import pytest

import proprio_tcn
from proprio_tcn.tasks.sixteen import TASKS

PATH = Path(__file__).parents[1] / "benchmarks" / "proprio_tasks.py"
SPEC = importlib.util.spec_from_file_location("proprio_tasks", PATH)
assert SPEC is not None
assert SPEC.loader is not None
proprio_tasks = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(proprio_tasks)

SMALL = [
    *("drawn.writers=3", "drawn.repeats=1", "drawn.shares=[0.4,0.3,0.3]", "drawn.start_points=20"),
    *("model.kernels=[4]", "training.epochs=1", "training.batch=8"),
]


def test_a_task_is_trained_once_and_stands_in_the_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = ["proprio_tasks", "run", "--tasks", "hand_position", "--jobs", "2", str(tmp_path)]
    monkeypatch.setattr("sys.argv", [*line, *SMALL])
    proprio_tasks.main()
    table = (tmp_path / "table.md").read_text(encoding="utf-8")
    [row] = [one for one in table.splitlines() if one.startswith("| Hand position")]
    cells = row.strip("| ").split(" | ")
    assert cells[1] == "hand (cm)"
    assert len(cells) == 7
    with (tmp_path / "hand_position" / "scores.csv").open(encoding="utf-8") as file:
        rows = {(row["predictor"], row["where"]): row for row in csv.DictReader(file)}
    for cell, predictor, where in [
        (cells[2], "spatiotemporal", "movement at outputs"),
        (cells[3], "linear", "movement at outputs"),
        (cells[6], "spatiotemporal", "movement"),
    ]:
        told = rows[predictor, where]
        assert f"{float(told['rmse']):.3g} ({float(told['r2']):.3f})" in cell
    (tmp_path / "table.md").unlink()

    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("what is done must not be trained again")

    monkeypatch.setattr(subprocess, "run", refuse)
    proprio_tasks.main()
    assert (tmp_path / "table.md").read_text(encoding="utf-8") == table


def test_what_was_begun_is_taken_up_and_what_fails_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []

    def fail(words: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        seen.append(words[4:])
        return subprocess.CompletedProcess(words, 1)

    (tmp_path / "torque").mkdir()
    (tmp_path / "torque" / "config.json").touch()
    monkeypatch.setattr(subprocess, "run", fail)
    monkeypatch.setattr("sys.argv", ["proprio_tasks", "run", str(tmp_path), "seed=4"])
    with pytest.raises(SystemExit, match=r"not done: action_recognition, .*redundancy_reduction$"):
        proprio_tasks.main()
    wanted = [[f"task={task}", f"hydra.run.dir={tmp_path / task}", "seed=4"] for task in TASKS]
    wanted[list(TASKS).index("torque")].append("resume=true")
    assert sorted(seen) == sorted(wanted)
    assert not (tmp_path / "table.md").exists()


def test_the_shipped_networks_make_the_page() -> None:
    shipped = Path(proprio_tcn.__file__).parent / "pretrained"
    lines = list(proprio_tasks.page(shipped))
    titles = {line.split("|")[1].strip() for line in lines if line.startswith("| ")}
    assert {task.title for task in TASKS.values()} <= titles
    assert len({line.count("|") for line in lines[: lines.index("")]}) == 1
    with pytest.raises(FileNotFoundError, match=r"must hold folders of tasks with scores\.csv"):
        list(proprio_tasks.page(shipped / "torque"))
