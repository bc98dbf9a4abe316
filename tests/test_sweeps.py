"""Sweeps that are killed and taken up under every launcher: no result lost, none run twice.

A toy command of its own, because a launcher starts a process for each job. What is not installed is
skipped: the session `launchers` has Ray and the Optuna sweeper, which has other pins.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path

import pytest

import neuro_common
from neuro_common.runs import read_config, read_metric
from neuro_common.sweeps import sweep_status

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="groups of processes are killed")

SHARED = Path(__file__).parents[1] / "shared-configs"
WHERE = "results/toy/train/multirun/s"
JOBS, FREE = 12, 5
LAUNCHERS = {
    "basic": [],
    "joblib": ["+launcher=joblib", "hydra.launcher.n_jobs=2"],
    "submitit_local": ["+launcher=submitit_local"],
    "ray": ["+launcher=ray", "+hydra.launcher.ray.init.num_cpus=2"],
}
PLUGINS = {
    "joblib": "hydra_plugins.hydra_joblib_launcher",
    "submitit_local": "hydra_plugins.hydra_submitit_launcher",
    "ray": "hydra_plugins.hydra_ray_launcher",
    "optuna": "hydra_plugins.hydra_optuna_sweeper",
}

# goes on past failures, as Optuna's sweeper does
SEARCH = """
from hydra._internal.core_plugins.basic_sweeper import BasicSweeper

class Search(BasicSweeper):
    def sweep(self, arguments):
        try:
            return super().sweep(arguments)
        except Exception:
            pass
"""


class Toy:
    """A command of one verb, and the folder that it is used in."""

    def __init__(self, folder: Path, scratch: str) -> None:
        self.folder, self.package = folder, folder / "sources" / "toy"
        shutil.copytree(Path(__file__).with_name("toy"), self.package)
        path = [self.package.parent, Path(neuro_common.__file__).parents[1]]
        self.environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join([*map(str, path), os.environ.get("PYTHONPATH", "")]),
            # nothing of Ray goes into the home folder or the network
            "RAY_TMPDIR": scratch,
            "RAY_AUTH_MODE": "disabled",
            "RAY_USAGE_STATS_ENABLED": "0",
        }
        self.started: list[subprocess.Popen[str]] = []

    def start(self, *words: str) -> subprocess.Popen[str]:
        """Begin a sweep in a group of processes of its own."""
        line = [sys.executable, "-m", "toy.cli", "train", "--config-dir", str(SHARED), "--multirun"]
        self.started.append(
            subprocess.Popen(
                [*line, *words],
                cwd=self.folder,
                env=self.environment,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                start_new_session=True,
            )
        )
        return self.started[-1]

    def __call__(self, *words: str) -> tuple[int, str]:
        """A whole sweep: exit code, and all that it said."""
        process = self.start(*words)
        told, _ = process.communicate(timeout=400)
        return process.returncode, told

    @property
    def sweep(self) -> Path:
        return self.folder / WHERE

    def notes(self, word: str) -> Counter[str]:
        """How often each job noted the word, by seed and rate."""
        file = self.package / "notes"
        lines = file.read_text().splitlines() if file.exists() else []
        return Counter(line.partition(" ")[2] for line in lines if line.startswith(word))

    def open_gate(self) -> None:
        (self.package / "go").touch()

    def done(self) -> int:
        return len(list(self.sweep.glob("*/done")))

    def statuses(self) -> Counter[str]:
        return Counter(row.status for row in sweep_status(self.sweep))


def wait(is_so: Callable[[], bool], seconds: float = 300) -> None:
    end = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end, "the toy did not get as far as it should"
        time.sleep(0.05)


@pytest.fixture
def toy(tmp_path: Path) -> Iterator[Toy]:
    # not where TMPDIR is: Ray's sockets must have paths of 107 letters and less
    with tempfile.TemporaryDirectory(dir="/tmp", ignore_cleanup_errors=True) as scratch:
        toy = Toy(tmp_path, scratch)
        yield toy
        toy.open_gate()
        for process in toy.started:
            kill_group(process)


def kill_group(process: subprocess.Popen[str]) -> None:
    """What a node that fails does: launcher and workers at once, without a word."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    if process.stdout is not None:
        process.stdout.close()


def installed(name: str) -> str:
    plugin = PLUGINS.get(name)
    if plugin is not None and find_spec(plugin) is None:
        pytest.skip(f"{name} is not installed")
    return name


each_launcher = pytest.mark.parametrize(
    "launcher",
    [
        pytest.param("basic", marks=pytest.mark.slow),
        "joblib",
        # a process or more for each job
        pytest.param("submitit_local", marks=pytest.mark.slow),
        pytest.param("ray", marks=pytest.mark.slow),
    ],
)


def until_the_gate(toy: Toy, process: subprocess.Popen[str]) -> None:
    """Wait until five jobs or more are done, and all that are at work wait for the file `go`."""

    def so_far() -> bool:
        if process.poll() is not None and process.stdout is not None:
            pytest.fail(f"the sweep ended before it was killed:\n{process.stdout.read()}")
        done, waiting = toy.done(), len(toy.notes("waits"))
        return done >= FREE and waiting >= 1 and len(toy.notes("began")) == done + waiting

    wait(so_far)


def begun(toy: Toy, launcher: str) -> subprocess.Popen[str]:
    """A sweep of twelve jobs that has come to the gate."""
    line = [*LAUNCHERS[installed(launcher)], "sweep=s", f"free={FREE}"]
    process = toy.start(*line, f"seed=range({JOBS})")
    until_the_gate(toy, process)
    return process


def taken_up(toy: Toy, launcher: str) -> tuple[int, str]:
    line = [*LAUNCHERS[launcher], "sweep=s", f"free={FREE}", "resume=true"]
    return toy(*line, f"seed=range({JOBS})")


def files(toy: Toy) -> dict[int, dict[str, bytes]]:
    """What the directories of finished jobs hold, by seed."""
    return {
        read_config(done.parent)["seed"]: {
            path.name: path.read_bytes() for path in done.parent.iterdir() if path.name != "lock"
        }
        for done in toy.sweep.glob("*/done")
    }


def whole(toy: Toy) -> None:
    """All twelve results are there, and each job came to its end exactly once."""
    assert toy.statuses() == {"done": JOBS}
    assert toy.notes("ended") == {f"{seed} 1.0": 1 for seed in range(JOBS)}
    metrics = {
        read_config(d.parent)["seed"]: read_metric(d.parent) for d in toy.sweep.glob("*/done")
    }
    assert metrics == pytest.approx({seed: 0.49 + seed for seed in range(JOBS)})


@each_launcher
def test_sweep_that_was_killed_is_taken_up(toy: Toy, launcher: str) -> None:
    process = begun(toy, launcher)
    kill_group(process)
    wait(lambda: toy.statuses()["running"] == 0)
    before, at_work = files(toy), set(toy.notes("waits"))
    assert toy.statuses()["interrupted"] >= len(at_work)
    toy.open_gate()
    code, told = taken_up(toy, launcher)
    assert code == 0, told
    assert f"sweep s: {len(before)} done, " in told
    assert f"{JOBS - len(before)} to run" in told
    whole(toy)
    after = files(toy)
    assert {seed: after[seed] for seed in before} == before
    # those that were at work begin again, all others once
    assert toy.notes("began") == {
        f"{seed} 1.0": 1 + (f"{seed} 1.0" in at_work) for seed in range(JOBS)
    }


@pytest.mark.slow
@pytest.mark.parametrize("launcher", ["joblib", "submitit_local"])
def test_workers_that_outlive_their_launcher_are_not_doubled(toy: Toy, launcher: str) -> None:
    process = begun(toy, launcher)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    at_work = toy.statuses()["running"]
    assert at_work >= 1
    toy.open_gate()
    # whoever comes second to a job is refused it, so one more line may be needed
    for _ in range(3):
        code, told = taken_up(toy, launcher)
        if code == 0:
            break
        assert "must have one writer" in told
    assert code == 0, told
    wait(lambda: toy.statuses() == {"done": JOBS})
    whole(toy)


def test_second_sweep_in_the_directory_of_a_living_one(toy: Toy) -> None:
    line = ["seed=range(3)", "free=1", "sweep=s"]
    first = toy.start(*line)
    wait(lambda: len(toy.notes("began")) == 2)
    code, told = toy(*line)
    assert code == 1
    at_work = f"process {first.pid} on {socket.gethostname()} is at work in {WHERE}"
    assert f"sweep s must be new, but {at_work}: wait until it ends, choose another" in told
    second = toy.start(*line, "resume=true")
    wait(lambda: len(toy.notes("began")) == 3)
    assert toy.statuses() == {"done": 1, "running": 2}
    toy.open_gate()
    one, told = (each.communicate(timeout=60)[0] for each in (first, second))
    assert f"sweep s: {at_work}; the jobs that it runs are refused here" in told
    assert "sweep s: 1 done, 1 running, 2 to run" in told
    assert f"must have one writer, but process {first.pid} on " in told
    assert "toy train" in told.split("take it up again with")[1]
    assert second.returncode == 1
    assert "3 jobs: 3 done" in one + told
    assert toy.statuses() == {"done": 3}
    assert toy.notes("ended") == {f"{seed} 1.0": 1 for seed in range(3)}


def test_of_two_sweeps_begun_at_once_one_is_refused(toy: Toy) -> None:
    both = [toy.start("seed=range(3)", "free=1", "sweep=s") for _ in range(2)]
    wait(lambda: any(one.poll() is not None for one in both))
    refused, other = sorted(both, key=lambda one: one.poll() is None)
    told, _ = refused.communicate(timeout=60)
    assert refused.returncode == 1
    assert f"sweep s must be new, but process {other.pid} on {socket.gethostname()} is at" in told
    toy.open_gate()
    assert "3 jobs: 3 done" in other.communicate(timeout=60)[0]
    assert toy.notes("began") == toy.notes("ended") == {f"{seed} 1.0": 1 for seed in range(3)}


def test_search_fails_by_jobs_that_its_sweeper_went_past(toy: Toy) -> None:
    plugin = toy.package.parent / "hydra_plugins" / "toy_search.py"
    plugin.parent.mkdir()
    plugin.write_text(SEARCH)
    line = ["hydra.sweeper._target_=hydra_plugins.toy_search.Search", "sweep=s"]
    code, told = toy(*line, "seed=0,1,2", "rate=1,-1")
    assert code == 1
    assert "6 jobs: 3 done, 3 failed" in told
    message = told[told.index("toy train: 3 of 6 jobs of the search are not done:\n") :]
    listed = [row.split(maxsplit=1)[1] for row in message.splitlines()[1:4]]
    failure = "rate=-1.0 failed ValueError: rate must be >= 0, got -1.0"
    assert listed == [f"seed={seed} {failure}" for seed in range(3)]
    assert "take it up again with\n    toy train " in told
    # what failed before is no failure of another line
    code, told = toy(*line, "seed=7", "resume=true")
    assert (code, toy.statuses()) == (0, {"done": 4, "failed": 3}), told


def test_sweep_on_a_full_disk_is_taken_up(toy: Toy) -> None:
    results = toy.folder / "results"
    results.mkdir()
    line = ["seed=range(4)", "numbers=30000", "sweep=s"]
    with small_disk(results):
        code, told = toy(*line)
        assert code == 1
        done = toy.done()
        assert 0 < done < 4
        assert f"4 jobs: {done} done, {4 - done} failed" in told
        full = f"weights.safetensors must be written, but there is no room ({os.strerror(28)}): the"
        assert told.count(f"{full} disk of {results}") >= 4 - done
        assert "sweep=s resume=true" in told
        left = {path.name for path in results.rglob("*") if path.is_file()}
        assert not any(name.startswith(".") for name in left), left
        before = files(toy)
        subprocess.run(["mount", "-o", "remount,size=8m", results], check=True)
        code, told = toy(*line, "resume=true")
        assert code == 0, told
        assert f"sweep s: {done} done, {4 - done} failed, {4 - done} to run" in told
        assert toy.statuses() == {"done": 4}
        after = files(toy)
        assert {seed: after[seed] for seed in before} == before
        assert toy.notes("ended") == {f"{seed} 1.0": 1 for seed in range(4)}


@contextmanager
def small_disk(folder: Path) -> Iterator[None]:
    """Put a disk of 600 kB under a folder, where this is permitted."""
    words = ["mount", "-t", "tmpfs", "-o", "size=600k", "tmpfs", str(folder)]
    if (
        sys.platform != "linux"
        or subprocess.run(words, capture_output=True, check=False).returncode
    ):
        pytest.skip("needs a Linux where disks may be mounted")
    try:
        yield
    finally:
        subprocess.run(["umount", folder], check=True)


@pytest.mark.slow
@pytest.mark.parametrize("launcher", ["basic", "joblib"])
def test_search_that_was_killed_proposes_the_same_again(toy: Toy, launcher: str) -> None:
    installed("optuna")
    search = ["+sweeper=optuna", f"hydra.sweeper.n_trials={JOBS}", "rate=interval(0,1)"]
    line = [*search, *LAUNCHERS[installed(launcher)], "hydra.sweeper.n_jobs=2", f"free={FREE}"]
    process = toy.start(*line, "sweep=s")
    until_the_gate(toy, process)
    kill_group(process)
    wait(lambda: toy.statuses()["running"] == 0)
    before = {path: path.read_bytes() for path in toy.sweep.glob("*/done")}
    toy.open_gate()
    code, told = toy(*line, "sweep=s", "resume=true")
    assert code == 0, told
    assert toy.statuses() == {"done": JOBS}
    assert {path: path.read_bytes() for path in before} == before
    assert sorted(toy.notes("ended").values()) == [1] * JOBS
    # the same as a search that nobody cut off
    found = {row.settings["rate"] for row in sweep_status(toy.sweep)}
    code, told = toy(*line, "sweep=t")
    assert code == 0, told
    assert {row.settings["rate"] for row in sweep_status(toy.sweep.with_name("t"))} == found
