"""The command line, tried as a user does: a small distribution of its own, in processes."""

import json
import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from omegaconf import OmegaConf

from neuro_common import cli, runs
from neuro_common.verbs import Verb

POSIX = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGTERM to catch")


def test_help_lists_every_verb_with_its_example(toy: Any) -> None:
    done = toy("--help")
    assert done.returncode == 0
    assert "  train      train a toy\n               toy-dist train seed=3" in done.stdout
    assert "toy-dist net build run=x" in done.stdout


def test_no_verb_is_a_usage_error_that_shows_the_help(toy: Any) -> None:
    done = toy()
    assert done.returncode == 2
    assert "usage: toy-dist VERB" in done.stderr


def test_help_of_a_verb_is_hydras_below_the_example(toy: Any) -> None:
    done = toy("train", "--help")
    assert done.returncode == 0
    assert done.stdout.startswith("train a toy\n\n    toy-dist train seed=3\n")
    assert "model: big, small" in done.stdout
    assert "seed: 3" in done.stdout
    assert not (toy.folder / "results").exists()


def test_unknown_verb_suggests_the_nearest(toy: Any) -> None:
    done = toy("trian", "seed=1")
    assert done.returncode == 2
    assert done.stderr == (
        "toy-dist: 'trian' is no verb (did you mean 'train'?); "
        "the verbs are train, net build, info\n"
    )


def test_unknown_second_word_suggests_the_nearest(toy: Any) -> None:
    done = toy("net", "biuld")
    assert done.returncode == 2
    assert "'net biuld' is no verb (did you mean 'net build'?)" in done.stderr


def test_plain_verb_gets_the_rest_of_the_line(toy: Any) -> None:
    done = toy("info", "a", "--b")
    assert (done.returncode, done.stdout) == (0, "info a --b\n")


def test_run_writes_its_directory(toy: Any, here: Callable[..., tuple[int, str]]) -> None:
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
    toy: Any, here: Callable[..., tuple[int, str]]
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


def test_two_word_verb_and_mandatory_option(toy: Any, here: Callable[..., tuple[int, str]]) -> None:
    code, err = here("net", "build")
    assert code == 2
    assert "net build: run must be given: add run=VALUE, as in `toy-dist net build" in err
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
    toy: Any, here: Callable[..., tuple[int, str]], word: str, message: str
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


def test_bug_keeps_its_traceback_and_is_recorded(toy: Any) -> None:
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


@POSIX
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_stopped_run_says_the_line_that_resumes(toy: Any, number: signal.Signals) -> None:
    process = toy.start("train", "seed=4", "wait_for=4-go")
    toy.wait(lambda: bool(list(toy.folder.glob("results/*/*/*/figures/began"))))
    process.send_signal(number)
    _, err = process.communicate(timeout=600)
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


def test_second_writer_is_refused_while_the_first_lives(toy: Any) -> None:
    line = ["train", "seed=4", "wait_for=4-go", "hydra.run.dir=here"]
    process = toy.start(*line)
    toy.wait(lambda: bool(toy.calls()))
    second = toy(*line, "resume=true")
    assert second.returncode == 1
    assert f"must have one writer, but process {process.pid} on " in second.stderr
    (toy.folder / "4-go").touch()
    process.communicate(timeout=600)
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


def test_spoiled_directory_is_refused_and_left_alone(
    toy: Any, here: Callable[..., tuple[int, str]]
) -> None:
    assert here("train", "hydra.run.dir=there") == (0, "")
    file = toy.folder / "there/config.json"
    spoiled = file.read_text().replace('"format_version": 1', '"format_version": 2')
    file.write_text(spoiled)
    code, err = here("train", "hydra.run.dir=there", "resume=true")
    assert code == 1
    assert "must have format_version <= 1, got 2: a newer release wrote it" in err
    assert file.read_text() == spoiled


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


def test_importing_the_command_needs_no_extra(toy: Any) -> None:
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
