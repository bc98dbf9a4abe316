"""The table of a sweep, read from directories in every state."""

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from neuro_common.runs import Run, RunError, config_hash
from neuro_common.sweeps import JobRow, format_status, sweep_status


def begin(sweep: Path, seed: int, gain: float = 1.0) -> Run:
    config = {"seed": seed, "model": {"gain": gain}, "width": 2, "threads": seed}
    return Run.open(
        sweep / config_hash(config),
        config=config,
        distribution="toy",
        verb="train",
        command="toy train",
        seed=seed,
    )


@pytest.fixture
def sweep(tmp_path: Path) -> Path:
    """Four jobs: done, failed, stopped, broken; and two things that are no jobs."""
    with begin(tmp_path, 10) as run:
        run.finish(0.125)
    with pytest.raises(ValueError, match="gain"), begin(tmp_path, 2):
        raise ValueError("gain\nis wrong")
    with begin(tmp_path, 1, gain=2.0):
        pass
    with begin(tmp_path, 3) as run:
        run.finish(1.0)
    (run.directory / "config.json").write_text('{"format"')
    (tmp_path / "multirun.yaml").write_text("x: 1")
    (tmp_path / ".submitit").mkdir()
    return tmp_path


def test_rows_are_in_order_of_what_differs(sweep: Path) -> None:
    rows = sweep_status(sweep)
    assert [row.settings for row in rows] == [
        {"seed": 1, "model.gain": 2.0},
        {"seed": 2, "model.gain": 1.0},
        {"seed": 10, "model.gain": 1.0},
        {"seed": None, "model.gain": None},
    ]
    assert [row.status for row in rows] == ["stopped", "failed", "done", "broken"]
    assert [row.metric for row in rows] == [None, None, 0.125, None]
    assert rows[1].note == "ValueError: gain\nis wrong"
    assert "must be a complete JSON file" in rows[3].note
    assert all(row.duration_s is not None for row in rows[:3])


def test_running_and_killed_jobs(tmp_path: Path) -> None:
    with begin(tmp_path, 0) as run:
        assert [row.status for row in sweep_status(tmp_path)] == ["running"]
        # what a kill right after the lock leaves
        young = tmp_path / "01234567"
        young.mkdir()
        (young / "lock").touch()
        rows = {row.job: row.status for row in sweep_status(tmp_path)}
        assert rows == {run.directory.name: "running", "01234567": "interrupted"}


def edited(path: Path, **changes: Any) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


@pytest.mark.parametrize(
    ("file", "spoil", "message"),
    [
        ("done", {"format_version": 9}, "done must have format_version <= 1, got 9: a newer"),
        ("config.json", {"config": [1]}, "config.json must hold a config, got [1]"),
        ("config.json", {"format": "theirs/x"}, 'must have the format "neuro-common/config"'),
        ("provenance.json", {"format_version": 9}, "a newer release wrote it, so update with pip"),
        ("provenance.json", {"error": 5}, "must be as a run wrote it, got error 5: restore it"),
        ("provenance.json", {"duration_s": "long"}, "got duration_s 'long': restore it from a"),
        ("provenance.json", {"git": {"revision": 5}}, "got git revision 5: restore it from a copy"),
        ("provenance.json", {"git": "abc"}, "got git and resumed that read 'str' object has no"),
        ("provenance.json", {"resumed": ["abc"]}, "got git and resumed that read 'str' object"),
        ("provenance.json", b"\x89PNG", "must be a complete JSON file, got one that breaks off"),
        ("done", b"", "done must be a complete JSON file, got one that breaks off or is no JSON"),
    ],
)
def test_one_spoiled_job_hides_no_other(
    tmp_path: Path, file: str, spoil: dict[str, Any] | bytes, message: str
) -> None:
    for seed in (0, 1):
        with begin(tmp_path, seed) as run:
            run.finish(seed + 0.5)
    if isinstance(spoil, bytes):
        (run.directory / file).write_bytes(spoil)
    else:
        edited(run.directory / file, **spoil)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    rows = {row.job: row for row in sweep_status(tmp_path)}
    broken = rows.pop(run.directory.name)
    assert broken.status == "broken"
    assert message in broken.note
    assert [(row.status, row.metric) for row in rows.values()] == [("done", 0.5)]
    assert message in format_status(sweep_status(tmp_path))
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_what_is_no_job_but_is_called_like_one(tmp_path: Path) -> None:
    with begin(tmp_path, 0) as run:
        run.finish(0.5)
    (tmp_path / "deadbeef").write_text("a file")
    # what a kill right before the lock leaves: a job that can be taken up
    (tmp_path / "cafecafe").mkdir()
    rows = {row.job: row.status for row in sweep_status(tmp_path)}
    assert rows == {run.directory.name: "done", "deadbeef": "broken", "cafecafe": "interrupted"}


def test_table(sweep: Path) -> None:
    lines = format_status(sweep_status(sweep)).splitlines()
    assert lines[0].split() == ["job", "status", "metric", "time", "seed", "model.gain", "error"]
    assert lines[2].split()[1:3] == ["failed", "-"]
    assert lines[2].endswith("2     1.0         ValueError: gain is wrong")
    assert lines[3].split()[1:3] == ["done", "0.125"]
    assert lines[-1] == "4 jobs: 1 done, 1 stopped, 1 failed, 1 broken"
    assert len(lines) == 6


def test_table_of_times_and_revisions() -> None:
    rows = [
        JobRow("0" * 8, "done", 1234567.0, 59.94, {}, "a" * 40),
        JobRow("1" * 8, "done", 1e-7, 61.0, {}, "b" * 40),
        JobRow("2" * 8, "done", -0.5, 3600 * 25 + 120, {}, None),
    ]
    assert format_status(rows).splitlines() == [
        "job       status  metric      time    revision",
        "00000000  done    1.2346e+06  59.9s   aaaaaaaa",
        "11111111  done    1e-07       1m01s   bbbbbbbb",
        "22222222  done    -0.5        25h02m  -",
        "3 jobs: 3 done",
    ]


def test_folder_that_is_no_sweep(tmp_path: Path) -> None:
    (tmp_path / "figures").mkdir()
    with pytest.raises(RunError, match=r"must be the directory of a sweep, got one without jobs"):
        sweep_status(tmp_path)


def test_empty_sweep(tmp_path: Path) -> None:
    (tmp_path / "sweep.json").write_text("{}")
    assert format_status(sweep_status(tmp_path)) == "0 jobs"


def test_sweep_that_does_not_exist(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="must be the directory of a sweep, but there is none"):
        sweep_status(tmp_path / "no")


@pytest.mark.skipif(
    sys.platform == "win32" or getattr(os, "geteuid", int)() == 0, reason="root writes anywhere"
)
def test_sweep_of_somebody_else_can_be_read(sweep: Path) -> None:
    before = format_status(sweep_status(sweep))
    for path in [*sweep.rglob("*"), sweep]:
        path.chmod(0o555 if path.is_dir() else 0o444)
    try:
        assert format_status(sweep_status(sweep)) == before
    finally:
        for path in [sweep, *sweep.rglob("*")]:
            path.chmod(0o755)
