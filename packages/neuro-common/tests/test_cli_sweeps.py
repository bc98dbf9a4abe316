"""Sweeps by the command: jobs by their configs, taken up after a kill, asked for by wrong lines."""

import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from neuro_common import runs

POSIX = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGTERM to catch")


def jobs_of(sweep: Path) -> dict[int, Path]:
    """The job directories of a sweep, by seed."""
    return {runs.read_config(job.parent)["seed"]: job.parent for job in sweep.glob("*/config.json")}


def test_multirun_lays_jobs_out_by_hash(toy: Any) -> None:
    done = toy("train", "--multirun", "seed=0,1", "sweep=seeds", "threads=2")
    assert done.returncode == 0, done.stderr
    sweep = toy.folder / "results/toy-dist/train/multirun/seeds"
    jobs = jobs_of(sweep)
    assert sorted(jobs) == [0, 1]
    for seed, directory in jobs.items():
        config = runs.read_config(directory)
        assert directory.name == runs.config_hash(config)
        assert directory.name == runs.config_hash({**config, "threads": 9, "sweep": "other"})
        assert runs.read_metric(directory) == 10 * seed
        assert not re.search("[=,:]", directory.relative_to(toy.folder).as_posix())
    assert "2 jobs: 2 done" in done.stdout
    other = toy("train", "--multirun", "seed=1", "sweep=other")
    assert other.returncode == 0
    assert [path.name for path in jobs_of(sweep.with_name("other")).values()] == [jobs[1].name]


def test_sweep_name_is_not_taken_twice_by_accident(
    toy: Any, here: Callable[..., tuple[int, str]]
) -> None:
    assert here("train", "--multirun", "seed=0", "sweep=s") == (0, "")
    code, err = here("train", "--multirun", "seed=0", "sweep=s")
    assert code == 1
    assert "sweep s must be new, but results/toy-dist/train/multirun/s exists: add resume=" in err
    assert toy.calls() == ["0"]


def test_config_asked_for_twice_runs_once(toy: Any, here: Callable[..., tuple[int, str]]) -> None:
    assert here("train", "seed=1,1", "--multirun", "sweep=s") == (0, "")
    assert toy.calls() == ["1"]


def test_failed_job_does_not_stop_the_others(toy: Any) -> None:
    done = toy("train", "--multirun", "gain=7,1", "sweep=s")
    assert done.returncode == 1
    assert "2 jobs: 1 done, 1 failed" in done.stdout
    assert "job gain=7 sweep=s failed: ValueError: gain must not be 7" in done.stderr
    assert "toy-dist train --multirun gain=7,1 sweep=s resume=true" in done.stderr
    assert "Traceback" not in done.stderr
    again = toy("train", "--multirun", "gain=7,1", "sweep=s", "resume=true")
    assert "sweep s: 1 done, 1 failed, 1 to run" in again.stdout
    assert len(toy.calls()) == 1


def test_killed_sweep_loses_only_the_job_that_was_running(toy: Any) -> None:
    line = ["train", "--multirun", "seed=0,1,2", "sweep=s", "wait_for=1-go"]
    process = toy.start(*line)
    sweep = toy.folder / "results/toy-dist/train/multirun/s"
    toy.wait(lambda: toy.calls() == ["0", "1"] and len(list(sweep.glob("*/figures/began"))) == 2)
    process.kill()
    process.communicate()
    jobs = jobs_of(sweep)
    assert runs.job_status(jobs[0]) == "done"
    assert runs.job_status(jobs[1]) == "interrupted"
    first = (jobs[0] / "done").read_bytes()
    with open(jobs[1] / "metrics.csv", "a") as file:
        file.write("1,0.")
    (toy.folder / "1-go").touch()
    again = toy(*line, "resume=true")
    assert again.returncode == 0, again.stderr
    assert "sweep s: 1 done, 1 interrupted, 2 to run" in again.stdout
    assert "3 jobs: 3 done" in again.stdout
    assert toy.calls() == ["0", "1", "1", "2"]
    assert (jobs[0] / "done").read_bytes() == first
    assert runs.read_csv(jobs[1] / "metrics.csv") == {"step": ["0", "1"], "loss": ["1.0", "0.5"]}


@POSIX
def test_stopped_sweep_says_the_line_that_resumes(toy: Any) -> None:
    process = toy.start("train", "--multirun", "seed=0,1", "wait_for=1-go")
    toy.wait(lambda: toy.calls() == ["0", "1"])
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=600)
    assert process.returncode == 130
    assert "2 jobs: 1 done, 1 stopped" in out
    (sweep,) = (toy.folder / "results/toy-dist/train/multirun").iterdir()
    (line,) = re.findall(r"take it up again with\n    toy-dist (.*)\n", err)
    assert line == f"train --multirun seed=0,1 wait_for=1-go sweep={sweep.name} resume=true"
    (toy.folder / "1-go").touch()
    again = toy(*shlex.split(line))
    assert again.returncode == 0, again.stderr
    assert toy.calls() == ["0", "1", "1"]


def test_joblib_workers_agree_on_the_sweep(toy: Any) -> None:
    line = ["train", "--multirun", "seed=0,1,2", "hydra/launcher=joblib", "hydra.launcher.n_jobs=2"]
    done = toy(*line, "gain=1,7")
    assert done.returncode == 1
    (sweep,) = (toy.folder / "results/toy-dist/train/multirun").iterdir()
    assert "6 jobs: 3 done, 3 failed" in done.stdout
    assert sorted(toy.calls()) == ["0", "1", "2"]
    again = toy(*line, "gain=1", f"sweep={sweep.name}", "resume=true")
    assert again.returncode == 0, again.stderr
    assert f"sweep {sweep.name}: 3 done, 0 to run" in again.stdout
    assert sorted(toy.calls()) == ["0", "1", "2"]


def test_sweep_status_command(toy: Any) -> None:
    assert toy("train", "--multirun", "seed=0,1", "sweep=s").returncode == 0
    sweep = "results/toy-dist/train/multirun/s"
    done = subprocess.run(
        [sys.executable, "-m", "neuro_common.command", "sweep-status", sweep],
        cwd=toy.folder,
        env=toy.environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    head, first, second, last = done.stdout.splitlines()
    assert head.split() == ["job", "status", "metric", "time", "seed"]
    assert first.split()[1:3] + first.split()[-1:] == ["done", "0", "0"]
    assert second.split()[1:3] + second.split()[-1:] == ["done", "10", "1"]
    assert last == "2 jobs: 2 done"


def test_wrong_line_of_a_sweep_is_a_usage_error_and_leaves_its_name_free(
    toy: Any, here: Callable[..., tuple[int, str]]
) -> None:
    code, err = here("train", "--multirun", "seed=0,1", "sweep=s", "+sede=1")
    assert code == 2
    assert "'sede' is no option" in err
    assert "take it up again" not in err
    assert here("train", "--multirun", "seed=0,1", "sweep=s") == (0, "")
    code, err = here("net", "build", "--multirun")
    assert code == 2
    assert "run must be given: add run=VALUE" in err


def test_job_that_is_sent_again_is_taken_up(toy: Any, here: Callable[..., tuple[int, str]]) -> None:
    code, err = here("train", "--multirun", "gain=7,7", "sweep=s")
    assert code == 1
    assert err.count("ValueError: gain must not be 7") >= 2
    assert "resume=true to take" not in err


@pytest.mark.parametrize("name", ["a:b", "../up", "''", "a,b"])
def test_sweep_names_are_names(toy: Any, here: Callable[..., tuple[int, str]], name: str) -> None:
    code, err = here("train", "--multirun", "seed=0", f"sweep='{name.strip(chr(39))}'")
    assert code == 1
    assert "sweep must be a name of letters, digits and . _ + -, got" in err
    assert toy.calls() == []


def test_resuming_must_name_the_sweep_and_says_when_there_is_none(
    toy: Any, here: Callable[..., tuple[int, str]]
) -> None:
    code, err = here("train", "--multirun", "seed=0", "resume=true")
    assert code == 1
    assert "resume=true must name the sweep to take up: add sweep=NAME" in err
    done = toy("train", "--multirun", "seed=0", "sweep=new", "resume=true")
    assert done.returncode == 0
    assert "sweep new: none at results/toy-dist/train/multirun/new, begun anew" in done.stdout
