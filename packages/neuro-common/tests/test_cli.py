"""The command line, tried as a user does: a small distribution of its own, in processes."""

import importlib
import json
import logging
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from omegaconf import OmegaConf

from neuro_common import cli, runs
from neuro_common.verbs import Verb

SOURCES = Path(cli.__file__).parents[1]
POSIX = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGTERM to catch")

CONFIG = """
from __future__ import annotations
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

@dataclass
class Model:
    width: int = 2

@dataclass
class Train:
    model: Model = field(default_factory=Model)
    seed: int = 0
    gain: float = 1.0
    wait_for: str | None = None
    weights: Path | None = None
    arguments: dict[str, Any] = field(default_factory=dict)
    threads: int = 1
    device: str = "cpu"

    def __post_init__(self) -> None:
        if self.gain < 0:
            raise ValueError(f"gain must be >= 0, got {self.gain}")

@dataclass
class Build:
    run: str = "???"
"""

WORK = """
import os, time
from pathlib import Path
from neuro_common.extras import require
from toy_dist.config import Train

def train(config: Train, run) -> float:
    assert isinstance(config, Train)
    if config.gain == 7:
        raise ValueError("gain must not be 7")
    if config.gain == 8:
        raise KeyError("a bug")
    if config.gain == 9:
        require("a_module_that_nobody_has", "io")
    with open("calls.txt", "a") as calls:
        calls.write(f"{config.seed}\\n")
    run.log(step=0, loss=1.0)
    run.path("figures", "began").write_text("x")
    while config.wait_for and config.wait_for.startswith(f"{config.seed}-") and not Path(
        config.wait_for
    ).exists():
        time.sleep(0.01)
    run.log(step=1, loss=0.5)
    return config.seed * 10.0

def build(config, run) -> None:
    run.path("built").write_text(config.run)

def info(words) -> int:
    print("info", *words)
    return 0
"""

TRAIN = """
defaults:
  - neuro
  - train_schema
  - model: small
  - _self_
hydra:
  job: {name: toy-dist}
  searchpath: ["pkg://neuro_common.conf"]
seed: 3
"""

BUILD = """
defaults: [neuro, net_build_schema, _self_]
hydra:
  job: {name: toy-dist}
  searchpath: ["pkg://neuro_common.conf"]
"""

CLI = """
import sys
from neuro_common.cli import Verb, main

VERBS = [
    Verb("train", "train a toy", "toy-dist train seed=3", "toy_dist.work:train",
         "toy_dist.config:Train"),
    Verb("net build", "build a net", "toy-dist net build run=x", "toy_dist.work:build",
         "toy_dist.config:Build"),
    Verb("info", "print versions", "toy-dist info", "toy_dist.work:info"),
]

if __name__ == "__main__":
    sys.exit(main("toy-dist", VERBS))
"""


@dataclass
class Toy:
    """A distribution that exists for these tests, and the folder that it is used in."""

    sources: Path
    folder: Path

    def environment(self) -> dict[str, str]:
        path = os.pathsep.join([str(self.sources), str(SOURCES)])
        return {**os.environ, "PYTHONPATH": path, "PYTHONWARNINGS": "error::UserWarning"}

    def start(self, *words: str) -> "subprocess.Popen[str]":
        # as from a terminal, even where the tests run in the background and ignore Ctrl-C
        code = (
            "import signal, runpy; signal.signal(signal.SIGINT, signal.default_int_handler); "
            "runpy.run_module('toy_dist.cli', run_name='__main__', alter_sys=True)"
        )
        return subprocess.Popen(
            [sys.executable, "-c", code, *words],
            cwd=self.folder,
            env=self.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def __call__(self, *words: str) -> "subprocess.CompletedProcess[str]":
        process = self.start(*words)
        out, err = process.communicate(timeout=60)
        return subprocess.CompletedProcess(words, process.returncode, out, err)

    def calls(self) -> list[str]:
        file = self.folder / "calls.txt"
        return file.read_text().split() if file.exists() else []

    def wait(self, is_so: Callable[[], bool]) -> None:
        for _ in range(3000):
            if is_so():
                return
            time.sleep(0.01)
        raise TimeoutError("the toy did not get as far as it should")


@pytest.fixture(scope="session")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("toy")
    package = root / "toy_dist"
    (package / "conf" / "model").mkdir(parents=True)
    for name, text in {
        "__init__.py": "",
        "config.py": CONFIG,
        "work.py": WORK,
        "cli.py": CLI,
        "conf/__init__.py": "",
        "conf/train.yaml": TRAIN,
        "conf/net_build.yaml": BUILD,
        "conf/model/small.yaml": "width: 2\n",
        "conf/model/big.yaml": "width: 20\n",
    }.items():
        (package / name).write_text(text)
    return root


@pytest.fixture
def toy(sources: Path, tmp_path: Path) -> Toy:
    return Toy(sources, tmp_path)


@pytest.fixture
def here(
    toy: Toy, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str]]:
    """The toy's command in this process, which is quicker: exit code and standard error."""
    monkeypatch.syspath_prepend(toy.sources)
    monkeypatch.chdir(toy.folder)

    root = logging.getLogger()
    monkeypatch.setattr(root, "handlers", list(root.handlers))
    monkeypatch.setattr(root, "level", root.level)

    def run(*words: str) -> tuple[int, str]:
        verbs = importlib.import_module("toy_dist.cli").VERBS
        code = cli.main("toy-dist", verbs, words)
        return code, capsys.readouterr().err

    return run


def jobs_of(sweep: Path) -> dict[int, Path]:
    """The job directories of a sweep, by seed."""
    return {runs.read_config(job.parent)["seed"]: job.parent for job in sweep.glob("*/config.json")}


def test_help_lists_every_verb_with_its_example(toy: Toy) -> None:
    done = toy("--help")
    assert done.returncode == 0
    assert "  train      train a toy\n               toy-dist train seed=3" in done.stdout
    assert "toy-dist net build run=x" in done.stdout


def test_no_verb_is_a_usage_error_that_shows_the_help(toy: Toy) -> None:
    done = toy()
    assert done.returncode == 2
    assert "usage: toy-dist VERB" in done.stderr


def test_help_of_a_verb_is_hydras_below_the_example(toy: Toy) -> None:
    done = toy("train", "--help")
    assert done.returncode == 0
    assert done.stdout.startswith("train a toy\n\n    toy-dist train seed=3\n")
    assert "model: big, small" in done.stdout
    assert "seed: 3" in done.stdout
    assert not (toy.folder / "results").exists()


def test_unknown_verb_suggests_the_nearest(toy: Toy) -> None:
    done = toy("trian", "seed=1")
    assert done.returncode == 2
    assert done.stderr == (
        "toy-dist: 'trian' is no verb (did you mean 'train'?); "
        "the verbs are train, net build, info\n"
    )


def test_unknown_second_word_suggests_the_nearest(toy: Toy) -> None:
    done = toy("net", "biuld")
    assert done.returncode == 2
    assert "'net biuld' is no verb (did you mean 'net build'?)" in done.stderr


def test_plain_verb_gets_the_rest_of_the_line(toy: Toy) -> None:
    done = toy("info", "a", "--b")
    assert (done.returncode, done.stdout) == (0, "info a --b\n")


def test_run_writes_its_directory(toy: Toy, here: Callable[..., tuple[int, str]]) -> None:
    assert here("train", "seed=5", "model=big") == (0, "")
    (directory,) = (toy.folder / "results/toy-dist/train").iterdir()
    assert re.fullmatch(r"\d{4}-\d\d-\d\d_\d\d-\d\d-\d\d", directory.name)
    assert sorted(path.name for path in directory.iterdir()) == [
        "config.json",
        "done",
        "figures",
        "lock",
        "metrics.csv",
        "provenance.json",
    ]
    config = runs.read_config(directory)
    assert config["seed"] == 5
    assert config["model"] == {"width": 20}
    record = runs.read_provenance(directory)
    assert record["command"] == "toy-dist train seed=5 model=big"
    assert record["seed"] == 5
    assert runs.read_metric(directory) == 50.0


def test_a_dict_of_the_schema_takes_any_key_and_a_sweep_over_it(
    toy: Toy, here: Callable[..., tuple[int, str]]
) -> None:
    assert here("train", "arguments.gain=-0.5", "+arguments.deep.er=2") == (0, "")
    (directory,) = (toy.folder / "results/toy-dist/train").iterdir()
    assert runs.read_config(directory)["arguments"] == {"gain": -0.5, "deep": {"er": 2}}
    done = toy("train", "arguments.gain=1,2", "sweep=s", "--multirun")
    assert done.returncode == 0, done.stderr
    jobs = (toy.folder / "results/toy-dist/train/multirun/s").glob("*/config.json")
    found = [runs.read_config(job.parent)["arguments"]["gain"] for job in jobs]
    assert sorted(found) == [1, 2]
    code, err = here("train", "model.wdth=3")  # a dataclass stays closed
    assert code == 2
    assert "'model.wdth' is no option (did you mean 'width'?)" in err


def test_two_word_verb_and_mandatory_option(toy: Toy, here: Callable[..., tuple[int, str]]) -> None:
    code, err = here("net", "build")
    assert code == 2
    assert "toy-dist net build: run must be given: add run=VALUE" in err
    assert not list(toy.folder.glob("results/toy-dist/net_build/*"))
    assert here("net", "build", "run=x") == (0, "")
    assert len(list(toy.folder.glob("results/toy-dist/net_build/*/built"))) == 1


@pytest.mark.parametrize(
    ("word", "message"),
    [
        (
            "sede=1",
            "'sede' is no option (did you mean 'seed'?); the options of this verb are model, seed, "
            "gain, wait_for, weights, arguments, threads, device, sweep, resume",
        ),
        (
            "model.widht=1",
            "'model.widht' is no option (did you mean 'width'?); the options below model are width",
        ),
        ("+sede=1", "'sede' is no option (did you mean 'seed'?); the options are model, seed"),
        ("seed=abc", "Value 'abc' of type 'str' could not be converted to Integer"),
        ("model=huge", "Available options in 'model':\n\tbig\n\tsmall"),
        ("seed=0,1", "To sweep over it, add --multirun to your command line"),
        ("seed=[", "no viable alternative at input '['"),
        ("--nonsense", "unrecognized arguments: --nonsense"),
    ],
)
def test_wrong_option_says_what_would_be_right(
    toy: Toy, here: Callable[..., tuple[int, str]], word: str, message: str
) -> None:
    code, err = here("train", word)
    assert code == 2, err
    assert message in err
    assert not list(toy.folder.glob("results/toy-dist/train/*"))


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("gain=-1", "toy-dist train: gain must be >= 0, got -1"),
        ("gain=7", "toy-dist train: gain must not be 7"),
        ("gain=inf", "toy-dist train: numbers must be finite to go into JSON"),
        ("gain=9", 'a_module_that_nobody_has is not installed: run pip install "neuro-common[io]"'),
        ("resume=true", "add hydra.run.dir=DIRECTORY"),
    ],
)
def test_what_the_user_can_mend_ends_with_a_message(
    here: Callable[..., tuple[int, str]], word: str, message: str
) -> None:
    code, err = here("train", word)
    assert code == 1
    assert message in err
    assert "Traceback" not in err


def test_what_the_user_can_mend_has_no_traceback(toy: Toy) -> None:
    done = toy("train", "gain=7")
    assert done.returncode == 1
    assert done.stderr.endswith("toy-dist train: gain must not be 7\n")
    assert "Traceback" not in done.stderr


def test_bug_keeps_its_traceback_and_is_recorded(toy: Toy) -> None:
    done = toy("train", "gain=8")
    assert done.returncode == 1
    assert "Traceback" in done.stderr
    assert "KeyError: 'a bug'" in done.stderr
    (directory,) = (toy.folder / "results/toy-dist/train").iterdir()
    assert runs.job_status(directory) == "failed"
    assert runs.read_provenance(directory)["error"] == "KeyError: 'a bug'"


def test_full_error_of_hydra_lets_every_error_through(
    here: Callable[..., tuple[int, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HYDRA_FULL_ERROR", "1")
    with pytest.raises(ValueError, match="gain must not be 7"):
        here("train", "gain=7")
    assert os.environ["HYDRA_FULL_ERROR"] == "1"


def test_process_is_left_as_it_was(here: Callable[..., tuple[int, str]]) -> None:
    before = list(sys.argv)
    assert here("train", "--help")[0] == 0
    assert here("trian")[0] == 2
    assert sys.argv == before
    assert "HYDRA_FULL_ERROR" not in os.environ


def test_multirun_lays_jobs_out_by_hash(toy: Toy) -> None:
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
    toy: Toy, here: Callable[..., tuple[int, str]]
) -> None:
    assert here("train", "--multirun", "seed=0", "sweep=s") == (0, "")
    code, err = here("train", "--multirun", "seed=0", "sweep=s")
    assert code == 1
    assert "sweep s must be new, but results/toy-dist/train/multirun/s exists: add resume=" in err
    assert toy.calls() == ["0"]


def test_config_asked_for_twice_runs_once(toy: Toy, here: Callable[..., tuple[int, str]]) -> None:
    assert here("train", "seed=1,1", "--multirun", "sweep=s") == (0, "")
    assert toy.calls() == ["1"]


def test_failed_job_does_not_stop_the_others(toy: Toy) -> None:
    done = toy("train", "--multirun", "gain=7,1", "sweep=s")
    assert done.returncode == 1
    assert "2 jobs: 1 done, 1 failed" in done.stdout
    assert "job gain=7 sweep=s failed: ValueError: gain must not be 7" in done.stderr
    assert "toy-dist train --multirun gain=7,1 sweep=s resume=true" in done.stderr
    assert "Traceback" not in done.stderr
    again = toy("train", "--multirun", "gain=7,1", "sweep=s", "resume=true")
    assert "sweep s: 1 done, 1 failed, 1 to run" in again.stdout
    assert len(toy.calls()) == 1


def test_killed_sweep_loses_only_the_job_that_was_running(toy: Toy) -> None:
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
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_stopped_run_says_the_line_that_resumes(toy: Toy, number: signal.Signals) -> None:
    process = toy.start("train", "seed=4", "wait_for=4-go")
    toy.wait(lambda: bool(list(toy.folder.glob("results/*/*/*/figures/began"))))
    process.send_signal(number)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "Traceback" not in err
    (directory,) = (toy.folder / "results/toy-dist/train").iterdir()
    assert runs.job_status(directory) == "stopped"
    (line,) = re.findall(r"take it up again with\n    toy-dist (.*)\n", err)
    assert line == (
        f"train seed=4 wait_for=4-go hydra.run.dir=results/toy-dist/train/{directory.name} "
        "resume=true"
    )
    (toy.folder / "4-go").touch()
    again = toy(*shlex.split(line))
    assert again.returncode == 0, again.stderr
    assert runs.job_status(directory) == "done"
    assert len(runs.read_provenance(directory)["resumed"]) == 1
    assert toy(*shlex.split(line)).returncode == 0
    assert toy.calls() == ["4", "4"]


@POSIX
def test_stopped_sweep_says_the_line_that_resumes(toy: Toy) -> None:
    process = toy.start("train", "--multirun", "seed=0,1", "wait_for=1-go")
    toy.wait(lambda: toy.calls() == ["0", "1"])
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "2 jobs: 1 done, 1 stopped" in out
    (sweep,) = (toy.folder / "results/toy-dist/train/multirun").iterdir()
    (line,) = re.findall(r"take it up again with\n    toy-dist (.*)\n", err)
    assert line == f"train --multirun seed=0,1 wait_for=1-go sweep={sweep.name} resume=true"
    (toy.folder / "1-go").touch()
    again = toy(*shlex.split(line))
    assert again.returncode == 0, again.stderr
    assert toy.calls() == ["0", "1", "1"]


def test_second_writer_is_refused_while_the_first_lives(toy: Toy) -> None:
    line = ["train", "seed=4", "wait_for=4-go", "hydra.run.dir=here"]
    process = toy.start(*line)
    toy.wait(lambda: bool(toy.calls()))
    second = toy(*line, "resume=true")
    assert second.returncode == 1
    assert f"must have one writer, but process {process.pid} on " in second.stderr
    (toy.folder / "4-go").touch()
    process.communicate(timeout=30)
    assert process.returncode == 0
    assert toy.calls() == ["4"]


def test_existing_directory_is_refused_without_resume(here: Callable[..., tuple[int, str]]) -> None:
    assert here("train", "hydra.run.dir=there") == (0, "")
    code, err = here("train", "hydra.run.dir=there")
    assert code == 1
    assert "there must be new, got a run that is done: add resume=true" in err


def test_other_config_is_not_resumed(here: Callable[..., tuple[int, str]]) -> None:
    assert here("train", "hydra.run.dir=there") == (0, "")
    code, err = here("train", "hydra.run.dir=there", "resume=true", "gain=2")
    assert code == 1
    assert "these differ: gain (1.0 then, 2.0 now)" in err


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (
            lambda text: text.replace('"format_version": 1', '"format_version": 2'),
            "must have format_version <= 1, got 2: a newer release wrote it",
        ),
        (lambda text: text[: len(text) // 2], "must be a complete JSON file, got one that breaks"),
    ],
)
def test_spoiled_directory_is_refused_and_left_alone(
    toy: Toy,
    here: Callable[..., tuple[int, str]],
    spoil: Callable[[str], str],
    message: str,
) -> None:
    assert here("train", "hydra.run.dir=there") == (0, "")
    file = toy.folder / "there/config.json"
    spoiled = spoil(file.read_text())
    file.write_text(spoiled)
    code, err = here("train", "hydra.run.dir=there", "resume=true")
    assert code == 1
    assert message in err
    assert file.read_text() == spoiled


def test_joblib_workers_agree_on_the_sweep(toy: Toy) -> None:
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


def test_compose_gives_the_typed_config(sources: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(sources)
    verbs = [Verb("train", "", "", "toy_dist.work:train", "toy_dist.config:Train")]
    config = cli.compose("toy-dist", verbs, "train", ["model=big"])
    assert (config.seed, config.model.width, config.resume) == (3, 20, False)
    with pytest.raises(cli.UsageError, match=r"'sede' is no option \(did you mean 'seed'\?\)"):
        cli.compose("toy-dist", verbs, "train", ["sede=1"])
    with pytest.raises(cli.UsageError, match="'fit' is no verb; the verbs are train"):
        cli.compose("toy-dist", verbs, "fit")


SOLVERS = """
from dataclasses import dataclass, field

@dataclass
class Solver:
    name: str = ""

@dataclass
class Euler(Solver):
    name: str = "euler"
    step: float = 0.1
    more: dict[str, int] = field(default_factory=dict)

@dataclass
class Implicit(Solver):
    name: str = "implicit"
    tolerance: float = 1e-6

@dataclass
class Solve:
    solver: Solver = field(default_factory=Euler)
    seed: int = 0

SOLVERS = {"euler": Euler, "implicit": Implicit}
"""


def test_a_group_is_one_of_several_schemas(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = {
        "__init__.py": "",
        "solvers.py": SOLVERS,
        "conf/__init__.py": "",
        "conf/solve.yaml": "defaults: [solve_schema, solver: euler, _self_]",
        "conf/solver/euler.yaml": "defaults: [euler_schema, _self_]\nstep: 0.5",
        "conf/solver/implicit.yaml": "defaults: [implicit_schema, _self_]",
    }
    for name, text in files.items():
        path = tmp_path / "many_dist" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    groups = {"solver": "many_dist.solvers:SOLVERS"}
    verbs = [Verb("solve", "", "", "unused:unused", "many_dist.solvers:Solve", groups)]

    def told(*words: str) -> Any:
        return OmegaConf.to_object(cli.compose("many-dist", verbs, "solve", words))

    solver = told("solver.more.a=3").solver
    assert (type(solver).__name__, solver.step, solver.more) == ("Euler", 0.5, {"a": 3})
    solver = told("solver=implicit", "solver.tolerance=0.1").solver
    assert (type(solver).__name__, solver.name, solver.tolerance) == ("Implicit", "implicit", 0.1)
    with pytest.raises(cli.UsageError, match=r"'solver.step' .* below solver are name, tolerance"):
        told("solver=implicit", "solver.step=0.1")
    with pytest.raises(cli.UsageError, match=r"'solver.steps' .* are name, step, more"):
        told("solver.steps=0.1")
    with pytest.raises(cli.UsageError, match="tolerance"):
        told("solver=implicit", "solver.tolerance=much")
    with pytest.raises(cli.UsageError, match="solver/newton"):
        told("solver=newton")


def test_sweep_status_command(toy: Toy) -> None:
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


def test_importing_the_command_needs_no_extra(toy: Toy) -> None:
    code = "import json, sys, neuro_common.command; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=toy.environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    heavy = {"hydra", "omegaconf", "tqdm", "jinja2", "numpy", "matplotlib", "torch", "h5py"}
    assert not heavy & set(json.loads(done.stdout))


def test_wrong_line_of_a_sweep_is_a_usage_error_and_leaves_its_name_free(
    toy: Toy, here: Callable[..., tuple[int, str]]
) -> None:
    code, err = here("train", "--multirun", "seed=0,1", "sweep=s", "+sede=1")
    assert code == 2
    assert "'sede' is no option" in err
    assert "take it up again" not in err
    assert here("train", "--multirun", "seed=0,1", "sweep=s") == (0, "")
    code, err = here("net", "build", "--multirun")
    assert code == 2
    assert "run must be given: add run=VALUE" in err


def test_job_that_is_sent_again_is_taken_up(toy: Toy, here: Callable[..., tuple[int, str]]) -> None:
    code, err = here("train", "--multirun", "gain=7,7", "sweep=s")
    assert code == 1
    assert err.count("ValueError: gain must not be 7") >= 2
    assert "resume=true to take" not in err


@pytest.mark.parametrize("name", ["a:b", "../up", "''", "a,b"])
def test_sweep_names_are_names(toy: Toy, here: Callable[..., tuple[int, str]], name: str) -> None:
    code, err = here("train", "--multirun", "seed=0", f"sweep='{name.strip(chr(39))}'")
    assert code == 1
    assert "sweep must be a name of letters, digits and . _ + -, got" in err
    assert toy.calls() == []


def test_resuming_must_name_the_sweep_and_says_when_there_is_none(
    toy: Toy, here: Callable[..., tuple[int, str]]
) -> None:
    code, err = here("train", "--multirun", "seed=0", "resume=true")
    assert code == 1
    assert "resume=true must name the sweep to take up: add sweep=NAME" in err
    done = toy("train", "--multirun", "seed=0", "sweep=new", "resume=true")
    assert done.returncode == 0
    assert "sweep new: none at results/toy-dist/train/multirun/new, begun anew" in done.stdout
