"""The command in this process, which is quicker: what it refuses and lists, and suites."""

import csv
import json
from pathlib import Path

import pytest

from rldbs_env import command, suite
from rldbs_env.disturbances import ObservationNoise
from rldbs_env.evaluation import read_evaluation
from rldbs_env.suite import Condition, overall
from rldbs_env.suite_files import read_submission

RECORD = {"config.json", "provenance.json", "lock", "done"}


def files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def contents(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in files(folder)}


def table(file: Path) -> list[dict[str, str]]:
    with open(file, newline="", encoding="utf-8") as text:
        return list(csv.DictReader(text))


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
        (("evaluate", "first_seed=-1"), 1, "at least 0, got"),
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
