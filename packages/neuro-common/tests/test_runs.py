"""Run directories: writers, resuming, status, and what a kill leaves behind."""

import math
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from neuro_common import runs
from neuro_common.locks import Lock, is_held
from neuro_common.runs import FormatError, RunError, RunExists, RunLocked

CONFIG: dict[str, Any] = {"seed": 3, "model": {"width": 2, "gain": 1.5}, "threads": 1}

WRITER = """
import sys
from neuro_common.runs import Run
config = {"seed": 3, "model": {"width": 2, "gain": 1.5}, "threads": 1}
with Run.open(sys.argv[1], config=config, distribution="toy", verb="train", command="toy train",
              seed=3, resume=True) as run:
    run.log(step=0, loss=0.5)
    print("ready", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[Callable[[], "subprocess.Popen[str]"]]:
    """Start another process that writes to ``tmp_path / "run"`` until it is killed."""
    started: list[subprocess.Popen[str]] = []

    def start() -> "subprocess.Popen[str]":
        process = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(tmp_path / "run")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**runs.os.environ, "PYTHONPATH": str(Path(runs.__file__).parents[1])},
        )
        started.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def test_run_from_beginning_to_end(tmp_path: Path, begin: Any) -> None:
    directory = tmp_path / "deep" / "run"
    with begin(directory) as run:
        assert runs.job_status(directory) == "running"
        assert runs.read_provenance(directory)["status"] == "running"
        run.log(step=0, loss=1.0, phase="free")
        run.log(step=1, loss=1 / 3, phase="controlled")
        run.path("figures", "a.png").write_bytes(b"x")
        assert not run.done
        run.finish(1 / 3)
        assert run.done
    assert runs.job_status(directory) == "done"
    assert runs.read_metric(directory) == 1 / 3
    assert runs.read_config(directory) == CONFIG
    record = runs.read_provenance(directory)
    assert (record["status"], record["error"], record["resumed"]) == ("done", None, [])
    assert (record["command"], record["seed"], record["device"]) == ("toy train", 3, "cpu")
    assert record["duration_s"] >= 0
    assert runs.read_csv(directory / "metrics.csv") == {
        "step": ["0", "1"],
        "loss": ["1.0", repr(1 / 3)],
        "phase": ["free", "controlled"],
    }


@pytest.mark.parametrize("metric", [None, 0.5, math.inf, -math.inf, math.nan])
def test_metric_is_recalled(
    tmp_path: Path, metric: float | None, begin: Any, finished: Any
) -> None:
    found = begin(finished(tmp_path / "run", metric), resume=True).metric
    assert found == metric or (math.isnan(found or 0) and math.isnan(metric or 0))


def test_run_that_is_done_takes_no_more(tmp_path: Path, begin: Any, finished: Any) -> None:
    with begin(finished(tmp_path / "run"), resume=True) as run:
        assert run.done
        with pytest.raises(RunError, match="is done and takes no more"):
            run.log(step=9, loss=0.0)
        with pytest.raises(RunError, match="is done and takes no more"):
            run.finish(1.0)
    assert runs.read_metric(tmp_path / "run") == 0.25


@pytest.mark.parametrize(
    ("error", "status", "text"),
    [
        (RuntimeError("boom"), "failed", "RuntimeError: boom"),
        (KeyboardInterrupt(), "stopped", None),
        (SystemExit(3), "stopped", None),
    ],
)
def test_how_it_ended_is_recorded(
    tmp_path: Path, error: BaseException, status: str, text: str | None, begin: Any
) -> None:
    with pytest.raises(type(error)), begin(tmp_path / "run"):
        raise error
    assert runs.job_status(tmp_path / "run") == status
    assert runs.read_provenance(tmp_path / "run")["error"] == text


def test_run_that_nobody_finished_is_stopped(tmp_path: Path, begin: Any) -> None:
    with begin(tmp_path / "run"):
        pass
    assert runs.job_status(tmp_path / "run") == "stopped"


@pytest.mark.parametrize(("end", "state"), [(True, "is done"), (False, "was cut short")])
def test_existing_run_is_refused(tmp_path: Path, end: bool, state: str, begin: Any) -> None:
    with begin(tmp_path / "run") as run:
        if end:
            run.finish(None)
    with pytest.raises(RunExists, match=f"must be new, got a run that {state}: add resume=true"):
        begin(tmp_path / "run")
    with begin(tmp_path / "run", resume=True):
        pass


def test_resume_keeps_the_first_session_and_adds_its_own(tmp_path: Path, begin: Any) -> None:
    with begin(tmp_path / "run"):
        pass
    first = runs.read_provenance(tmp_path / "run")
    with begin(tmp_path / "run", resume=True, command="toy train resume=true") as run:
        run.finish(None)
    record = runs.read_provenance(tmp_path / "run")
    assert record["start"] == first["start"]
    assert record["command"] == "toy train"
    assert [session["command"] for session in record["resumed"]] == ["toy train resume=true"]
    assert record["duration_s"] >= first["duration_s"]


def test_resume_of_a_new_directory_begins_it(tmp_path: Path, begin: Any) -> None:
    with begin(tmp_path / "run", resume=True) as run:
        assert not run.done


def test_resume_with_another_config_names_the_keys(
    tmp_path: Path, begin: Any, finished: Any
) -> None:
    finished(tmp_path / "run")
    other = {**CONFIG, "seed": 4, "model": {"width": 2, "depth": 7}}
    with pytest.raises(
        RunError,
        match=r"seed \(3 then, 4 now\), model.gain \(1.5 then, None now\), "
        r"model.depth \(None then, 7 now\); set them back",
    ):
        begin(tmp_path / "run", resume=True, config=other)


def test_resume_on_other_threads_is_the_same_run(tmp_path: Path, begin: Any, finished: Any) -> None:
    finished(tmp_path / "run")
    config = {**CONFIG, "threads": 8, "device": "cuda"}
    assert begin(tmp_path / "run", resume=True, config=config).done


@pytest.mark.parametrize(("key", "value"), [("verb", "evaluate"), ("distribution", "other")])
def test_resume_of_another_kind_of_run_is_refused(
    tmp_path: Path, key: str, value: str, begin: Any, finished: Any
) -> None:
    finished(tmp_path / "run")
    with pytest.raises(RunError, match=f"must be a run of {key} {value} to be taken up, got t"):
        begin(tmp_path / "run", resume=True, **{key: value})


def test_second_writer_is_refused_while_the_first_lives(
    tmp_path: Path, writer: Callable[[], "subprocess.Popen[str]"], begin: Any
) -> None:
    process = writer()
    holder = f"process {process.pid} on {socket.gethostname()}"
    for resume in (False, True):
        with pytest.raises(RunLocked, match=f"must have one writer, but {holder} is writing"):
            begin(tmp_path / "run", resume=resume)
    assert runs.job_status(tmp_path / "run") == "running"
    process.kill()
    process.communicate()
    assert runs.job_status(tmp_path / "run") == "interrupted"
    with begin(tmp_path / "run", resume=True) as run:
        run.finish(None)
    assert len(runs.read_provenance(tmp_path / "run")["resumed"]) == 1


def test_second_writer_in_the_same_process_is_refused(tmp_path: Path, begin: Any) -> None:
    with begin(tmp_path / "run"), pytest.raises(RunLocked, match="must have one writer"):
        begin(tmp_path / "run", resume=True)


def test_refused_run_lets_go_of_the_lock(tmp_path: Path, begin: Any) -> None:
    with begin(tmp_path / "run"):
        pass
    with pytest.raises(RunExists):
        begin(tmp_path / "run")
    assert runs.job_status(tmp_path / "run") == "stopped"


def test_torn_row_of_a_killed_run_is_dropped(
    tmp_path: Path, writer: Callable[[], "subprocess.Popen[str]"], begin: Any
) -> None:
    process = writer()
    process.kill()
    process.communicate()
    table = tmp_path / "run" / "metrics.csv"
    with open(table, "a") as file:
        file.write("1,0.2")
    with begin(tmp_path / "run", resume=True) as run:
        run.log(step=1, loss=0.25)
    assert table.read_text() == "step,loss\n0,0.5\n1,0.25\n"


@pytest.mark.parametrize("cut", range(len("step,loss\n0,0.5\n")))
def test_table_cut_anywhere_can_be_taken_up(tmp_path: Path, cut: int, begin: Any) -> None:
    with begin(tmp_path / "run"):
        pass
    table = tmp_path / "run" / "metrics.csv"
    table.write_bytes(b"step,loss\n0,0.5\n"[:cut])
    with begin(tmp_path / "run", resume=True) as run:
        run.log(step=0, loss=0.75)
        run.log(step=1, loss=0.25)
    assert table.read_bytes() == b"step,loss\n0,0.75\n1,0.25\n"


def test_steps_done_again_are_not_logged_twice(tmp_path: Path, begin: Any) -> None:
    with begin(tmp_path / "run") as run:
        for step in range(6):
            run.log(step=step, loss=step)
    with begin(tmp_path / "run", resume=True) as run:
        run.log(step=3, loss=33)
        run.log(step=4, loss=44)
    assert runs.read_csv(tmp_path / "run" / "metrics.csv") == {
        "step": ["0", "1", "2", "3", "4"],
        "loss": ["0", "1", "2", "33", "44"],
    }


def test_columns_are_those_of_the_first_row(tmp_path: Path, begin: Any) -> None:
    match = r"must have the columns \['step', 'loss'\] of the first row, got \['step', 'gain'\]"
    with begin(tmp_path / "run") as run:
        run.log(step=0, loss=1.0)
        with pytest.raises(ValueError, match=match):
            run.log(step=1, gain=1.0)
    with begin(tmp_path / "run", resume=True) as run, pytest.raises(ValueError, match=match):
        run.log(step=1, gain=1.0)


def test_foreign_table_is_refused_and_left_alone(tmp_path: Path, begin: Any) -> None:
    with begin(tmp_path / "run"):
        pass
    table = tmp_path / "run" / "metrics.csv"
    table.write_text("name,age\nAda,36\n")
    with (
        begin(tmp_path / "run", resume=True) as run,
        pytest.raises(FormatError, match="must be a table with whole steps in its first column"),
    ):
        run.log(step=1, loss=1.0)
    assert table.read_text() == "name,age\nAda,36\n"


@pytest.mark.parametrize("file", ["config.json", "provenance.json", "done"])
@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda text: text[: len(text) // 2], "must be a complete JSON file"),
        (lambda text: text.replace('version": 1', 'version": 2'), "format_version <= 1, got 2"),
        (lambda text: text.replace("neuro-common/", "other/"), "must have the format"),
    ],
)
def test_spoiled_file_is_refused_and_left_alone(
    tmp_path: Path, file: str, spoil: Callable[[str], str], message: str, begin: Any, finished: Any
) -> None:
    path = finished(tmp_path / "run") / file
    spoiled = spoil(path.read_text())
    path.write_text(spoiled)
    with pytest.raises(FormatError, match=message):
        begin(tmp_path / "run", resume=True)
    assert path.read_text() == spoiled


def test_run_without_its_config_is_refused(tmp_path: Path, begin: Any, finished: Any) -> None:
    (finished(tmp_path / "run") / "config.json").unlink()
    with pytest.raises(FormatError, match=r"must hold config.json beside its other files"):
        begin(tmp_path / "run", resume=True)


def test_kill_between_the_first_two_files_loses_nothing(tmp_path: Path, begin: Any) -> None:
    with begin(tmp_path / "run"):
        pass
    (tmp_path / "run" / "provenance.json").unlink()
    assert runs.job_status(tmp_path / "run") == "interrupted"
    with begin(tmp_path / "run", resume=True) as run:
        run.finish(None)
    assert runs.read_provenance(tmp_path / "run")["command"] == "toy train"


def test_status_of_no_run(tmp_path: Path) -> None:
    assert runs.job_status(tmp_path) == "interrupted"  # killed before it took its lock
    (tmp_path / "photo.jpg").touch()
    with pytest.raises(RunError, match="must be the directory of a run, got one without a lock"):
        runs.job_status(tmp_path)


def test_done_must_hold_a_number(tmp_path: Path, finished: Any) -> None:
    path = finished(tmp_path / "run") / "done"
    path.write_text(path.read_text().replace("0.25", '"much"'))
    with pytest.raises(FormatError, match="must hold a number, got 'much'"):
        runs.job_status(tmp_path / "run")


def test_config_that_is_not_finite_is_refused_before_anything_is_made(
    tmp_path: Path, begin: Any
) -> None:
    with pytest.raises(ValueError, match="numbers must be finite"):
        begin(tmp_path / "run", config={"gain": math.nan})
    assert not (tmp_path / "run").exists()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="Windows has no fork")
def test_lock_is_let_go_while_a_forked_child_lives(tmp_path: Path) -> None:
    lock = Lock(tmp_path / "lock")
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(write)
        os.read(read, 1)
        os._exit(0)
    os.close(read)
    try:
        lock.release()
        assert not is_held(tmp_path / "lock")
    finally:
        os.close(write)
        os.waitpid(child, 0)


def test_config_of_another_verb_is_refused(tmp_path: Path, finished: Any) -> None:
    finished(tmp_path / "run")
    assert runs.read_config(tmp_path / "run", of="toy train") == CONFIG
    with pytest.raises(RunError, match="must be a run of toy predict, got one of toy train"):
        runs.read_config(tmp_path / "run", of="toy predict")
