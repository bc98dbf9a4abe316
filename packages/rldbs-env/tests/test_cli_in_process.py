"""The command in this process, which is quicker: what it refuses and lists, and suites."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rldbs_env.disturbances import ObservationNoise
from rldbs_env.evaluation import read_evaluation
from rldbs_env.suite import overall
from rldbs_env.suite_files import read_submission


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("evaluate", "controllers=[]"), 1, "controllers must name at least one of none, random"),
        (("evaluate", "n_ensembles=1"), 1, "must be at least 2 (an interval needs two), got 1"),
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
        (
            ("evaluate", "controllers=[linear]", "+arguments.linear.gian=-0.03"),
            1,
            "linear takes the arguments window, max_kick, gain, every, sensors, got 'gian'",
        ),
        (("evaluate", "n_neurons=few"), 2, "could not be converted to Integer"),
        (("evaluate", "model.delay=1"), 1, "bvdp takes coupling, spread, mean_current, dt, noise"),
        (("evaluate", "model.coupling=few"), 1, "coupling must be a finite number, got 'few'"),
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
    words: tuple[str, ...], code: int, message: str, tmp_path: Path, rldbs_env: Any
) -> None:
    done = rldbs_env.inside(tmp_path, *words)
    assert done.code == code
    assert message in done.err
    assert not list(tmp_path.rglob("done"))


@pytest.mark.parametrize("verb", ["evaluate", "figures", "benchmark", "benchmark suite", "info"])
def test_each_verb_lists_what_it_can_be_told(verb: str, tmp_path: Path, rldbs_env: Any) -> None:
    done = rldbs_env.inside(tmp_path, *verb.split(), "--help")
    assert done.code == 0
    assert f"rldbs-env {verb}" in done.out
    options = {
        "evaluate": "n_ensembles: 20",
        "figures": "run: ???",
        "benchmark": "num_envs: 64",
        "benchmark suite": "controller: linear",
    }
    assert options.get(verb, "resume: false") in done.out
    assert not list(tmp_path.iterdir())


@pytest.mark.usefixtures("few")
def test_a_suite_writes_a_submission_its_table_and_a_page(
    tmp_path: Path,
    rldbs_env: Any,
    contents: Callable[[Path], dict[str, bytes]],
    rows: Callable[[Path], list[dict[str, str]]],
) -> None:
    words = ("controller=linear", "arguments.gain=-0.05", "n_ensembles=2", "environment=BvdP")
    done = rldbs_env.inside(tmp_path, "benchmark", "suite", *words)
    assert done.code == 0, done.err
    figures = {f"figures/suppression_by_condition.{kind}" for kind in ("csv", "png", "svg")}
    record = {"config.json", "provenance.json", "lock", "done", "report.json", "report.html"}
    tables = {"metrics.csv", "suite.json", "suite.csv"}
    assert contents(done.run).keys() == record | figures | tables
    found = read_submission(done.run / "suite.json")
    assert (found.controller, found.arguments) == ("linear", {"gain": -0.05})
    assert [one.ensemble for one in found.scores["noisy"]] == [5000, 5001]
    total = overall(found)
    metric = json.loads((done.run / "done").read_text(encoding="utf-8"))["metric"]
    assert metric == total.s_ratio > 1.5
    assert f"S_ratio {total.s_ratio:.4g}, the geometric mean over 3 conditions; worst" in done.out
    assert f"{done.run.relative_to(tmp_path).as_posix()}/suite.json" in done.out
    logged = [(row["step"], row["condition"]) for row in rows(done.run / "metrics.csv")]
    assert logged == [("0", "plain"), ("1", "noisy"), ("2", "large")]
    made = json.loads((done.run / "provenance.json").read_text(encoding="utf-8"))
    assert made["command"] == f"rldbs-env benchmark suite {' '.join(words)}"
    assert "conditions: 3/3 in" in done.err


@pytest.mark.usefixtures("few")
def test_suites_are_swept_over_and_drawn_together(
    tmp_path: Path, rldbs_env: Any, rows: Callable[[Path], list[dict[str, str]]]
) -> None:
    words = ("controller=none,linear", "n_ensembles=1", "sweep=all", "--multirun")
    done = rldbs_env.inside(tmp_path, "benchmark", "suite", *words)
    assert done.code == 0, done.err
    assert "2 jobs: 2 done" in done.out
    sweep = "results/rldbs-env/benchmark_suite/multirun/all"
    done = rldbs_env.inside(tmp_path, "figures", f"run={sweep}", "hydra.run.dir=both")
    assert done.code == 0, done.err
    assert (tmp_path / "both" / "report.html").is_file()
    drawn = rows(tmp_path / "both" / "suite.csv")
    assert list(dict.fromkeys(row["controller"] for row in drawn)) == ["linear", "none"]
    one = next((tmp_path / sweep).glob("*/suite.json"))
    done = rldbs_env.inside(tmp_path, "figures", f"run={one.parent}", "hydra.run.dir=again")
    assert done.code == 0, done.err
    again = (tmp_path / "again" / "suite.csv").read_bytes()
    assert again == one.with_name("suite.csv").read_bytes()
    damaged = one.read_text(encoding="utf-8").replace('"charge": ', '"charge": 1', 1)
    one.write_text(damaged, encoding="utf-8")
    done = rldbs_env.inside(tmp_path, "figures", f"run={sweep}", "hydra.run.dir=third")
    assert done.code == 1
    assert "must have the SHA-256 that it was written with" in done.err
    assert not (tmp_path / "third" / "report.html").exists()


def test_an_evaluation_of_another_environment(tmp_path: Path, rldbs_env: Any) -> None:
    words = (
        "environment=KuramotoGrid", "difficulty=varied", "model.grid=[3,3,3]", "n_ensembles=2",
        "free_steps=936", "controlled_steps=1872", "recovery_steps=234", "controllers=[linear]",
        "arguments.linear.window=234",
    )  # fmt: skip
    done = rldbs_env.inside(tmp_path, "evaluate", *words)
    assert done.code == 0, done.err
    protocol = read_evaluation(done.run).protocol
    assert protocol.n_neurons == 27
    assert protocol.disturbances == (ObservationNoise(0.05),)
    config = json.loads((done.run / "config.json").read_text(encoding="utf-8"))["config"]
    assert config["model"] == {"grid": [3, 3, 3]}
