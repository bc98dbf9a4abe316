"""The verbs as a user types them: what they print, write and return, and what they refuse."""

import csv
import io
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import sysconfig
import time
from contextlib import chdir, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from omegaconf import OmegaConf

from neuro_common.cli import compose
from rldbs_env import command, suite
from rldbs_env.catalogue import DIFFICULTIES, ENVIRONMENTS, MODELS
from rldbs_env.cli import VERBS
from rldbs_env.controllers import CONTROLLERS
from rldbs_env.disturbances import ObservationNoise
from rldbs_env.evaluation import format_columns, read_evaluation, summary, suppression
from rldbs_env.suite import Condition, overall
from rldbs_env.suite_files import read_submission

SHORT = (
    "n_neurons=50",
    "n_ensembles=2",
    "free_steps=1000",
    "controlled_steps=2000",
    "recovery_steps=250",
)
STEMS = (
    "traces",
    "mean_fields",
    "suppression_against_charge",
    "neurons_over_field",
    "single_neurons",
    "phase_portrait_and_spectrum",
)
FIGURES = {f"figures/{stem}.{kind}" for stem in STEMS for kind in ("csv", "png", "svg")}
RECORD = {"config.json", "provenance.json", "lock", "done"}
REPORT = {"summary.csv", "report.json", "report.html", *FIGURES}
POSIX = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGTERM to catch")


def program() -> list[str]:
    """The installed command, or its module where the package runs from its sources."""
    script = shutil.which("rldbs-env", path=sysconfig.get_path("scripts"))
    return [script] if script else [sys.executable, "-m", "rldbs_env.command"]


def start(folder: Path, *words: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [*program(), *words],
        cwd=folder,
        env={**os.environ, "PYTHONWARNINGS": "error"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@dataclass
class Done:
    """How a command line ended."""

    code: int
    out: str
    err: str
    folder: Path

    @property
    def run(self) -> Path:
        """The only run below the folder, which the command has named."""
        (done,) = self.folder.glob("results/rldbs-env/*/*/done")
        assert f"{done.parent.relative_to(self.folder).as_posix()} is done" in self.out
        return done.parent


def rldbs_env(folder: Path, *words: str) -> Done:
    process = start(folder, *words)
    out, err = process.communicate(timeout=300)
    assert "Traceback" not in err, err
    return Done(process.returncode, out, err, folder)


def inside(folder: Path, *words: str) -> Done:
    """As ``rldbs_env``, in this process, which has loaded torch and the figures' packages."""
    out, err = io.StringIO(), io.StringIO()
    with chdir(folder), redirect_stdout(out), redirect_stderr(err):
        code = command.main(words)
    assert "Traceback" not in err.getvalue(), err.getvalue()
    return Done(code, out.getvalue(), err.getvalue(), folder)


def files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def contents(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in files(folder)}


def table(file: Path) -> list[dict[str, str]]:
    with open(file, newline="", encoding="utf-8") as text:
        return list(csv.DictReader(text))


@pytest.fixture(scope="module")
def evaluated(tmp_path_factory: pytest.TempPathFactory) -> Done:
    """One evaluation that went well."""
    folder = tmp_path_factory.mktemp("evaluated")
    words = (*SHORT, "controllers=[none,tonic,linear]", "model.coupling=0.04", "seed=3")
    done = rldbs_env(folder, "evaluate", *words)
    assert done.code == 0, done.err
    return done


def test_an_evaluation_writes_one_directory(evaluated: Done) -> None:
    assert files(evaluated.run) == RECORD | REPORT | {"metrics.csv", "data.h5", "scores.csv"}
    assert evaluated.run.parent == evaluated.folder / "results" / "rldbs-env" / "evaluate"
    assert re.fullmatch(r"\d{4}-\d\d-\d\d_\d\d-\d\d-\d\d", evaluated.run.name)
    assert [path.name for path in evaluated.folder.iterdir()] == ["results"]


def test_an_evaluation_records_what_it_was_told(evaluated: Done) -> None:
    record = json.loads((evaluated.run / "config.json").read_text(encoding="utf-8"))
    assert (record["distribution"], record["verb"]) == ("rldbs-env", "evaluate")
    config = record["config"]
    assert config["controllers"] == ["none", "tonic", "linear"]
    assert config["model"] == {"coupling": 0.04}
    assert (config["environment"], config["difficulty"]) == ("rldbs/BvdP-v0", "published")
    assert (config["n_neurons"], config["first_ensemble"], config["seed"]) == (50, 1000, 3)
    made = json.loads((evaluated.run / "provenance.json").read_text(encoding="utf-8"))
    assert (made["seed"], made["status"], made["error"]) == (3, "done", None)
    assert made["command"].startswith("rldbs-env evaluate n_neurons=50 ")
    assert made["duration_s"] > 0
    protocol = read_evaluation(evaluated.run).protocol
    assert (protocol.n_neurons, tuple(protocol.ensembles), protocol.seed) == (50, (1000, 1001), 3)
    assert (protocol.free_steps, protocol.controlled_steps, protocol.recovery_steps) == (
        1000,
        2000,
        250,
    )
    assert protocol.model.coupling == 0.04


def test_an_evaluation_logs_and_returns_its_metric(evaluated: Done) -> None:
    scores = read_evaluation(evaluated.run).scores
    rows = table(evaluated.run / "metrics.csv")
    assert [(row["step"], row["controller"]) for row in rows] == [
        ("0", "none"),
        ("1", "tonic"),
        ("2", "linear"),
    ]
    assert [float(row["s_ratio"]) for row in rows] == [suppression(s) for s in scores.values()]
    metric = json.loads((evaluated.run / "done").read_text(encoding="utf-8"))["metric"]
    assert metric == suppression(scores["linear"])
    assert suppression(scores["tonic"]) == 0


def test_an_evaluation_prints_its_table_and_its_progress(evaluated: Done) -> None:
    assert format_columns(summary(read_evaluation(evaluated.run))) in evaluated.out
    assert re.search(r"^controllers: 3/3 in \d+ s, S_ratio \d", evaluated.err, re.MULTILINE)


def test_an_evaluations_tables_and_page_agree(evaluated: Done) -> None:
    expected = summary(read_evaluation(evaluated.run))
    rows = table(evaluated.run / "summary.csv")
    assert {name: [row[name] for row in rows] for name in rows[0]} == expected
    page = (evaluated.run / "report.html").read_text(encoding="utf-8")
    for cell in (expected["S_ratio"][2], "2 of 2", "rldbs-env evaluate", "data:image/png"):
        assert cell in page


def test_figures_are_drawn_again_from_a_run(evaluated: Done, tmp_path: Path) -> None:
    before = contents(evaluated.run)
    done = rldbs_env(tmp_path, "figures", f"run={evaluated.run}")
    assert done.code == 0, done.err
    assert files(done.run) == RECORD | REPORT
    drawn = contents(done.run)
    for name in {"summary.csv", *(name for name in FIGURES if not name.endswith(".png"))}:
        assert drawn[name] == before[name], name
    assert contents(evaluated.run) == before


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory) -> Done:
    """A sweep of two jobs."""
    folder = tmp_path_factory.mktemp("swept")
    words = (*SHORT, "controllers=[linear]", "seed=0,1", "sweep=two", "--multirun")
    done = rldbs_env(folder, "evaluate", *words)
    assert done.code == 0, done.err
    return done


def jobs(swept: Done) -> dict[int, Path]:
    """Directory of each job by its seed."""
    sweep = swept.folder / "results" / "rldbs-env" / "evaluate" / "multirun" / "two"
    found = [path for path in sweep.iterdir() if path.is_dir()]
    assert all(re.fullmatch("[0-9a-f]{8}", path.name) for path in found)
    return {
        json.loads((path / "config.json").read_text(encoding="utf-8"))["config"]["seed"]: path
        for path in found
    }


def test_a_sweep_writes_a_directory_per_job(swept: Done) -> None:
    assert sorted(jobs(swept)) == [0, 1]
    for job in jobs(swept).values():
        assert files(job) == RECORD | REPORT | {"metrics.csv", "data.h5", "scores.csv"}
    assert "2 jobs: 2 done" in swept.out
    first, second = (read_evaluation(jobs(swept)[seed]) for seed in (0, 1))
    assert first.protocol.ensembles == second.protocol.ensembles
    assert first.scores["linear"][0].s_ratio != second.scores["linear"][0].s_ratio


def test_a_sweep_is_resumed_with_the_same_result(swept: Done) -> None:
    """One job loses what says that it is done; it is run again, on two threads, to the bit."""
    kept, lost = jobs(swept)[0], jobs(swept)[1]
    before = contents(lost)
    untouched = contents(kept)
    (lost / "done").unlink()
    words = (*SHORT, "controllers=[linear]", "seed=0,1", "sweep=two", "--multirun")
    done = rldbs_env(swept.folder, "evaluate", *words, "resume=true", "threads=2")
    assert done.code == 0, done.err
    assert "sweep two: 1 done, 1 interrupted, 1 to run" in done.out
    assert f"{kept.name} is done already: skipped" in done.out
    assert "2 jobs: 2 done" in done.out
    assert contents(kept) == untouched
    after = contents(lost)
    assert after.keys() == before.keys()
    same = {"scores.csv", "summary.csv", "metrics.csv"}
    same |= {name for name in FIGURES if not name.endswith(".png")}
    for name in same:
        assert after[name] == before[name], name


def test_a_sweep_is_not_begun_twice(swept: Done) -> None:
    words = ("controllers=[linear]", "seed=0,1", "sweep=two", "--multirun")
    done = rldbs_env(swept.folder, "evaluate", *SHORT, *words)
    assert done.code == 1
    assert "sweep two must be new" in done.err
    assert "resume=true" in done.err


def test_a_benchmark_writes_a_speed_and_its_ratio(tmp_path: Path) -> None:
    done = rldbs_env(tmp_path, "benchmark", "num_envs=2", "n_neurons=20", "repeats=1")
    assert done.code == 0, done.err
    assert files(done.run) == RECORD | {"speed.csv"}
    plain, fast = table(done.run / "speed.csv")
    assert plain["program"] == "plain numpy, one ensemble"
    assert fast["program"] == "vector environment of 2"
    assert float(plain["ratio"]) == 1
    speeds = [1e6 / float(row["us_per_step"]) for row in (plain, fast)]
    assert [round(speed) for speed in speeds] == [int(r["steps_per_s"]) for r in (plain, fast)]
    assert float(fast["ratio"]) == pytest.approx(speeds[1] / speeds[0])
    metric = json.loads((done.run / "done").read_text(encoding="utf-8"))["metric"]
    assert metric == pytest.approx(speeds[1])
    assert "vector environment of 2" in done.out


def test_info_lists_what_can_be_named(tmp_path: Path) -> None:
    done = rldbs_env(tmp_path, "info")
    assert done.code == 0, done.err
    assert files(done.run) == RECORD
    assert json.loads((done.run / "done").read_text(encoding="utf-8"))["metric"] is None
    lines = dict(line.split(":", 1) for line in done.out.splitlines() if ":" in line)
    assert lines["environments"].strip().split(", ") == [*ENVIRONMENTS]
    assert lines["difficulties"].strip().split(", ") == [*DIFFICULTIES]
    assert lines["models"].strip().split(", ") == [*MODELS]
    assert lines["controllers"].strip().split(", ") == [*CONTROLLERS, "policy"]
    assert "CouplingDrift" in lines["disturbances"].strip().split(", ")
    assert lines["signals"].strip() == "x, y, action, countdown"
    assert re.search(r"^numba \d+\.\d+", done.out, re.MULTILINE)


def test_an_unknown_option_is_a_usage_error_that_lists_the_valid_ones(tmp_path: Path) -> None:
    done = rldbs_env(tmp_path, "evaluate", "n_neuron=50")
    assert done.code == 2
    assert done.out == ""
    assert "'n_neuron' is no option (did you mean 'n_neurons'?)" in done.err
    assert "controllers, arguments, environment, difficulty, model, n_neurons" in done.err
    assert files(tmp_path) == set()


def test_an_unknown_controller_ends_with_the_list(tmp_path: Path) -> None:
    done = rldbs_env(tmp_path, "evaluate", *SHORT, "controllers=[linear,piid]")
    assert done.code == 1
    names = ", ".join(CONTROLLERS)
    assert f"controller must be one of {names}, policy, policy:DIRECTORY, got 'piid'" in done.err
    assert "(did you mean 'pid'?)" in done.err
    (run,) = (tmp_path / "results" / "rldbs-env" / "evaluate").iterdir()
    assert not (run / "done").exists()
    made = json.loads((run / "provenance.json").read_text(encoding="utf-8"))
    assert made["status"] == "failed"
    assert "piid" in made["error"]


@POSIX
def test_a_stopped_evaluation_says_how_to_take_it_up(tmp_path: Path) -> None:
    process = start(tmp_path, "evaluate", "n_neurons=20", "controllers=[none,linear,pid,on_off]")
    begun: list[Path] = []
    for _ in range(3000):
        begun = list(tmp_path.rglob("metrics.csv"))
        if begun or process.poll() is not None:
            break
        time.sleep(0.01)
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "Traceback" not in err
    (run,) = {path.parent for path in begun}
    line = err.splitlines()[err.splitlines().index("take it up again with") + 1].strip()
    assert line.startswith("rldbs-env evaluate n_neurons=20 ")
    assert line.endswith(f"hydra.run.dir={run.relative_to(tmp_path).as_posix()} resume=true")
    made = json.loads((run / "provenance.json").read_text(encoding="utf-8"))
    assert made["status"] == "stopped"
    assert not (run / "done").exists()


# Below, the command runs in this process, which is quicker.


def here(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    code = command.main(words)
    out, err = capsys.readouterr()
    return code, out, err


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("evaluate", "controllers=[]"), 1, "controllers must name at least one of none, random"),
        (("evaluate", "n_ensembles=1"), 1, "n_ensembles must be at least 2"),
        (("evaluate", "n_neurons=0"), 1, "n_neurons must be a whole number of at least 1, got 0"),
        (
            ("evaluate", "free_steps=10"),
            1,
            "free_steps must be a whole number of at least 1000, got 10",
        ),
        (("evaluate", "model.dt=0.9"), 1, "dt must be in (0, 0.5] for a stable RK4 step, got 0.9"),
        (("evaluate", "threads=0"), 1, "threads must be a whole number of at least 1, got 0"),
        (("evaluate", "first_ensemble=-1"), 1, "at least 0, got"),
        (
            ("evaluate", "controllers=[pid]", "+arguments.pid.leak=2"),
            1,
            "leak must be in (0, 1], got 2",
        ),
        (("evaluate", "n_neurons=few"), 2, "could not be converted to Integer"),
        (("evaluate", "model.delay=1"), 1, "bvdp takes coupling, spread, mean_current, dt, noise"),
        (("evaluate", "model.coupling=few"), 1, "bvdp cannot have {'coupling': 'few'}"),
        (("evaluate", "environment=BvdQ"), 1, "environment must be one of rldbs/BvdP-v0, "),
        (("evaluate", "difficulty=har"), 1, "difficulty must be one of published, varied, clin"),
        (
            ("evaluate", "environment=KuramotoGrid", "n_neurons=3"),
            1,
            "n_neurons must be the 512 units of the grid",
        ),
        (("benchmark", "suite", "controller=lineal"), 1, "controller must be one of none, random"),
        (("benchmark", "suite", "arguments.gian=1"), 1, "linear takes the arguments window, max_k"),
        (
            ("benchmark", "suite", "controller=policy", "environment=KuramotoGrid"),
            1,
            "no agent ships for rldbs/KuramotoGrid-v0, only for rldbs/BvdP-v0",
        ),
        (("benchmark", "suite", "n_ensembles=0"), 1, "n_ensembles must be at least 1, got 0"),
        (("benchmark", "suite", "environment=BvdQ"), 1, "environment must be one of rldbs/BvdP-"),
        (("benchmark", "suite", "threads=few"), 2, "could not be converted to Integer"),
        (("benchmark", "suite", "num_envs=2"), 2, "'num_envs' is no option"),
        (("benchmark", "siute"), 2, "(did you mean 'benchmark suite'?)"),
        (("benchmark", "repeats=0"), 1, "repeats must be at least 1, got 0"),
        (("benchmark", "num_envs=0"), 1, "num_envs must be at least 1, got 0"),
        (("benchmark", "dtype=int8"), 1, "dtype must be 'float64' or 'float32', got 'int8'"),
        (("info", "seed=1"), 2, "'seed' is no option"),
        (("figures",), 2, "run must be given: add run=VALUE"),
        (("figures", "run=nowhere"), 1, "nowhere must hold an evaluation, got a directory without"),
    ],
)
def test_what_is_wrong_is_named(
    words: tuple[str, ...],
    code: int,
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    ended, _, err = here(capsys, *words)
    assert ended == code
    assert message in err
    assert "Traceback" not in err
    assert not list(tmp_path.rglob("done"))


def test_an_argument_that_a_controller_has_not_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    code, _, err = here(capsys, "evaluate", "controllers=[linear]", "+arguments.linear.gian=-0.03")
    assert code == 1
    assert "gian" in err
    assert "window, max_kick, gain, every" in err


@pytest.mark.parametrize("name", ["data.h5", "scores.csv"])
def test_figures_of_a_foreign_directory_are_refused(
    name: str,
    tmp_path: Path,
    evaluated: Done,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    foreign = tmp_path / "foreign"
    shutil.copytree(evaluated.run, foreign)
    (foreign / name).write_bytes(b"\x00 something else")
    before = contents(foreign)
    monkeypatch.chdir(tmp_path)
    code, _, err = here(capsys, "figures", "run=foreign")
    assert code == 1
    assert "foreign" in err
    assert contents(foreign) == before
    assert not list((tmp_path / "results").rglob("report.html"))


@pytest.mark.parametrize("verb", ["evaluate", "figures", "benchmark", "benchmark suite", "info"])
def test_each_verb_lists_what_it_can_be_told(
    verb: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    code, out, _ = here(capsys, *verb.split(), "--help")
    assert code == 0
    assert f"rldbs-env {verb}" in out
    options = {
        "evaluate": "n_ensembles: 20",
        "figures": "run: ???",
        "benchmark": "num_envs: 64",
        "benchmark suite": "controller: linear",
    }
    assert options.get(verb, "resume: false") in out
    assert files(tmp_path) == set()


# A suite of two small conditions, in this process, where they can be put in place.


@pytest.fixture
def small_suite(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The folder to work in."""
    noise = {"n_neurons": 20, "disturbances": (ObservationNoise(0.1),)}
    conditions = (
        Condition("plain", "as it is", lambda test, environment: {"n_neurons": 20}),
        Condition("noisy", "a noisy recording", lambda test, environment: noise),
    )
    monkeypatch.setattr(suite, "CONDITIONS", conditions)
    shortest = {"free_steps": 4, "controlled_steps": 8, "recovery_steps": 1}
    monkeypatch.setattr(suite, "_PHASES", shortest)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_suite_writes_a_submission_its_table_and_a_page(
    small_suite: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("controller=linear", "arguments.gain=-0.05", "n_ensembles=2", "environment=BvdP")
    code, out, err = here(capsys, "benchmark", "suite", *words)
    assert code == 0, err
    (done,) = small_suite.glob("results/rldbs-env/benchmark_suite/*/done")
    figures = {f"figures/suppression_by_condition.{kind}" for kind in ("csv", "png", "svg")}
    wanted = RECORD | figures | {"metrics.csv", "suite.json", "suite.csv"}
    assert files(done.parent) == wanted | {"report.json", "report.html"}
    found = read_submission(done.parent / "suite.json")
    assert (found.controller, found.arguments) == ("linear", {"gain": -0.05})
    assert [one.ensemble for one in found.scores["noisy"]] == [5000, 5001]
    total = overall(found)
    metric = json.loads(done.read_text(encoding="utf-8"))["metric"]
    assert metric == total.s_ratio > 1.5
    assert f"S_ratio {total.s_ratio:.4g}, the geometric mean over 2 conditions; worst" in out
    assert f"{done.parent.relative_to(small_suite).as_posix()}/suite.json" in out
    rows = table(done.parent / "metrics.csv")
    assert [(row["step"], row["condition"]) for row in rows] == [("0", "plain"), ("1", "noisy")]
    record = json.loads((done.parent / "provenance.json").read_text(encoding="utf-8"))
    assert record["command"] == f"rldbs-env benchmark suite {' '.join(words)}"
    assert "conditions: 2/2 in" in err


def test_suites_are_swept_over_and_drawn_together(
    small_suite: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("controller=none,linear", "n_ensembles=1", "sweep=all", "--multirun")
    code, out, err = here(capsys, "benchmark", "suite", *words)
    assert code == 0, err
    assert "2 jobs: 2 done" in out
    sweep = "results/rldbs-env/benchmark_suite/multirun/all"
    code, out, err = here(capsys, "figures", f"run={sweep}")
    assert code == 0, err
    (page,) = small_suite.glob("results/rldbs-env/figures/*/report.html")
    rows = table(page.with_name("suite.csv"))
    assert list(dict.fromkeys(row["controller"] for row in rows)) == ["linear", "none"]
    one = next((small_suite / sweep).glob("*/suite.json"))
    code, out, err = here(capsys, "figures", f"run={one.parent}", "hydra.run.dir=again")
    assert code == 0, err
    same = contents(one.parent)["suite.csv"]
    assert contents(small_suite / "again")["suite.csv"] == same
    damaged = one.read_text(encoding="utf-8").replace('"charge": ', '"charge": 1', 1)
    one.write_text(damaged, encoding="utf-8")
    code, out, err = here(capsys, "figures", f"run={sweep}", "hydra.run.dir=third")
    assert code == 1
    assert "must have the SHA-256 that it was written with" in err
    assert not (small_suite / "third" / "report.html").exists()


def test_an_evaluation_of_another_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    words = (
        "environment=KuramotoGrid", "difficulty=varied", "model.grid=[3,3,3]", "n_ensembles=2",
        "free_steps=936", "controlled_steps=1872", "recovery_steps=234", "controllers=[linear]",
        "arguments.linear.window=234",
    )  # fmt: skip
    code, _, err = here(capsys, "evaluate", *words)
    assert code == 0, err
    (done,) = tmp_path.glob("results/rldbs-env/evaluate/*/done")
    protocol = read_evaluation(done.parent).protocol
    assert protocol.n_neurons == 27
    assert protocol.disturbances == (ObservationNoise(0.05),)
    config = json.loads((done.parent / "config.json").read_text(encoding="utf-8"))["config"]
    assert config["model"] == {"grid": [3, 3, 3]}


TINY = (
    "steps=512",
    "n_neurons=20",
    "pool=2",
    "n_ensembles=2",
    "controlled_steps=2000",
    "checkpoint_steps=256",
    "algo.num_envs=4",
    "algo.n_steps=64",
    "algo.batch_size=128",
)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Done:
    """Trainings of two seeds that went well."""
    folder = tmp_path_factory.mktemp("trained")
    words = ("algo=ppo", *TINY, "seed=3,4", "sweep=two", "--multirun")
    done = rldbs_env(folder, "train", *words)
    assert done.code == 0, done.err
    return done


def trainings(trained: Done) -> Path:
    """The sweep's folder."""
    return trained.folder / "results" / "rldbs-env" / "train" / "multirun" / "two"


def training(trained: Done, seed: int) -> Path:
    """The folder of one training."""
    jobs = {
        path.parent: json.loads(path.read_text(encoding="utf-8"))
        for path in trained.folder.rglob("config.json")
    }
    (found,) = (folder for folder, record in jobs.items() if record["config"]["seed"] == seed)
    return found


def test_training_writes_a_policy_that_can_be_evaluated_and_drawn(
    trained: Done, tmp_path: Path
) -> None:
    run = shutil.copytree(training(trained, 3), tmp_path / "run")
    assert {"weights.safetensors", "manifest.json", "metrics.csv", "scores.csv"} <= files(run)
    assert list((run / "tensorboard").rglob("events*"))
    with (run / "metrics.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["step"] for row in rows] == ["256", "512"]
    assert set(rows[0]) == {"step", "reward", "s_ratio", "charge", "kick_std"}
    blocks = json.loads((run / "report.json").read_text(encoding="utf-8"))["blocks"]
    heads = [list(block["columns"]) for block in blocks if block["kind"] == "table"]
    assert heads[-1] == ["quantity", "published", "ours", "why they differ"]
    drawn = [block["path"] for block in blocks if block["kind"] == "figure"]
    assert drawn[-1] == "figures/learning_curves.png"
    assert list(read_evaluation(run).scores) == ["linear", "policy"]

    other = tmp_path / "other"
    other.mkdir()
    done = inside(other, "evaluate", "controllers=[linear,policy:../run]", *SHORT)
    assert done.code == 0, done.err
    assert list(read_evaluation(done.run).scores) == ["linear", "policy:../run"]
    again = tmp_path / "again"
    again.mkdir()
    done = inside(again, "figures", "run=../run")
    assert done.code == 0, done.err
    assert (done.run / "figures" / "learning_curves.png").is_file()
    done = inside(other, "train", *TINY, "seed=3", "hydra.run.dir=../run", "resume=true")
    assert done.code == 0, done.err
    assert "is done already: skipped" in done.out


def test_trainings_of_several_seeds_are_drawn_together(trained: Done, tmp_path: Path) -> None:
    sweep = trainings(trained)
    other = tmp_path / "other"
    other.mkdir()
    done = inside(other, "figures", f"run={sweep}")
    assert done.code == 0, done.err
    with (done.run / "summary.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert sorted(row["seed"] for row in rows) == ["3", "4"]
    assert {"S_ratio", "over the law's", "charge per step", "quenched"} < set(rows[0])
    assert [row["beside"] for row in table(done.run / "comparison.csv")] == ["linear"]

    fresh = tmp_path / "fresh"
    fresh.mkdir()
    told = (f"run={sweep}", "first_ensemble=7", "controllers=[linear,none]", *SHORT)
    done = inside(fresh, "evaluate", *told)
    assert done.code == 0, done.err
    names = ["linear", "none", "policy seed 3", "policy seed 4"]
    evaluation = read_evaluation(done.run)
    assert list(evaluation.scores) == names
    assert evaluation.protocol.ensembles[0] == 7
    assert "S_ratio over the law's" in done.out
    done = inside(other, "evaluate", f"run={sweep}", "environment=KuramotoGrid", *SHORT)
    assert done.code == 1
    assert "environment must be that of the training, rldbs/BvdP-v0, got" in done.err
    done = inside(other, "evaluate", "run=.", "hydra.run.dir=none", *SHORT)
    assert done.code == 1
    assert ". must hold a training or a sweep of them" in done.err


def test_levels_are_chosen_and_tested_with(tmp_path: Path) -> None:
    words = [word for word in TINY if not word.startswith(("algo.n_steps", "algo.batch"))]
    words += ["algo.buffer_size=500", "algo.learning_starts=64", "algo.n_steps=2"]
    done = inside(tmp_path, "train", "algo=dqn", *words)
    assert done.code == 0, done.err
    evaluation = read_evaluation(done.run)
    assert evaluation.protocol.levels == (
        -0.02, -0.01, -0.005, -0.002, -0.001, 0.0, 0.001, 0.002, 0.005, 0.01, 0.02,
    )  # fmt: skip
    fresh = tmp_path / "fresh"
    fresh.mkdir()
    again = inside(fresh, "evaluate", f"run={done.run}", "controllers=[none]", *SHORT)
    assert again.code == 0, again.err
    assert read_evaluation(again.run).protocol.levels == evaluation.protocol.levels


def test_settings_are_searched_and_trained_with(tmp_path: Path) -> None:
    words = [word for word in TINY if not word.startswith("hydra")]
    where = "hydra.run.dir=here"
    done = inside(tmp_path, "tune", *words, "trials=2", "~space.algo.n_steps", where)
    assert done.code == 0, done.err
    here = tmp_path / "here"
    rows = table(here / "trials.csv")
    assert [row["trial"] for row in rows] == ["0", "1"]
    best = json.loads((here / "best.json").read_text(encoding="utf-8"))
    assert best["command"] in done.out
    assert float(best["objective"]) == max(float(row["objective"]) for row in rows)
    assert (here / "report.html").is_file()
    line = shlex.split(best["command"])
    assert line[:2] == ["rldbs-env", "train"]
    told: Any = OmegaConf.to_object(compose("rldbs-env", VERBS, "train", line[2:]))
    assert f"penalty={told.penalty}" in best["overrides"]
    # three are wanted now: the first two are there
    more = (*words, "trials=3", "~space.algo.n_steps", "study=here", "hydra.run.dir=more")
    done = inside(tmp_path, "tune", *more)
    assert done.code == 0, done.err
    assert table(tmp_path / "more" / "trials.csv")[:2] == rows


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("train", "steps=0"), "steps must be at least 1, got 0"),
        (("train", "algo=ars"), "algo/ars"),
        (("train", "algo=dqn", "env=hindmarsh_rose"), "algo=dqn chooses among levels, but rldbs/"),
        (("train", "algo=sac", "algo.n_epochs=2"), "the options below algo are name, num_envs, l"),
        (("tune", "space.penaltie=[1,2]"), "did you mean 'penalty'?"),
        (("evaluate", "controllers=[policy:nowhere]", *SHORT), "nowhere must hold a policy"),
    ],
)
def test_what_cannot_be_trained_or_loaded_is_refused(
    tmp_path: Path, words: tuple[str, ...], message: str
) -> None:
    done = inside(tmp_path, *words)
    assert done.code in (1, 2)
    assert message in done.err


def test_a_run_with_other_settings_is_not_taken_up(trained: Done) -> None:
    here = f"hydra.run.dir={training(trained, 4)}"
    words = (*TINY, "seed=4", "signals=[y]", here, "resume=true")
    done = inside(trained.folder, "train", *words)
    assert done.code == 1
    assert "must be taken up with the config that it began with" in done.err
    done = inside(trained.folder, "evaluate", *SHORT, here, "resume=true")
    assert done.code == 1
    assert "must be a run of verb evaluate to be taken up, got train" in done.err
