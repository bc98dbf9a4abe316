"""The verbs as a user types them: what they print, write and return, and what they refuse."""

import json
import re
import shutil
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rldbs_env.catalogue import DIFFICULTIES, ENVIRONMENTS, MODELS
from rldbs_env.controllers import CONTROLLERS
from rldbs_env.evaluation import format_columns, read_evaluation, summary, suppression

STEMS = (
    "traces", "mean_fields", "suppression_against_charge", "neurons_over_field", "single_neurons",
    "phase_portrait_and_spectrum",
)  # fmt: skip
FIGURES = {f"figures/{stem}.{kind}" for stem in STEMS for kind in ("csv", "png", "svg")}
RECORD = {"config.json", "provenance.json", "lock", "done"}
REPORT = {"summary.csv", "report.json", "report.html", *FIGURES}
EVALUATION = RECORD | REPORT | {"metrics.csv", "data.h5", "scores.csv"}
Contents = Callable[[Path], dict[str, bytes]]
Rows = Callable[[Path], list[dict[str, str]]]
POSIX = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGTERM to catch")


@pytest.fixture(scope="module")
def evaluated(
    tmp_path_factory: pytest.TempPathFactory, rldbs_env: Any, short: tuple[str, ...]
) -> Any:
    """One evaluation that went well."""
    folder = tmp_path_factory.mktemp("evaluated")
    words = (*short, "controllers=[none,tonic,linear]", "model.coupling=0.04", "seed=3")
    done = rldbs_env(folder, "evaluate", *words)
    assert done.code == 0, done.err
    return done


def test_an_evaluation_writes_one_directory(evaluated: Any, contents: Contents) -> None:
    assert contents(evaluated.run).keys() == EVALUATION
    assert evaluated.run.parent == evaluated.folder / "results" / "rldbs-env" / "evaluate"
    assert re.fullmatch(r"\d{4}-\d\d-\d\d_\d\d-\d\d-\d\d", evaluated.run.name)
    assert [path.name for path in evaluated.folder.iterdir()] == ["results"]


def test_an_evaluation_records_what_it_was_told(evaluated: Any) -> None:
    record = json.loads((evaluated.run / "config.json").read_text(encoding="utf-8"))
    assert (record["distribution"], record["verb"]) == ("rldbs-env", "evaluate")
    config = record["config"]
    assert config["controllers"] == ["none", "tonic", "linear"]
    assert config["model"] == {"coupling": 0.04}
    assert (config["environment"], config["difficulty"]) == ("rldbs/BvdP-v0", "published")
    assert (config["n_neurons"], config["first_seed"], config["seed"]) == (50, 3000, 3)
    made = json.loads((evaluated.run / "provenance.json").read_text(encoding="utf-8"))
    assert (made["seed"], made["status"], made["error"]) == (3, "done", None)
    assert made["command"].startswith("rldbs-env evaluate n_neurons=50 ")
    assert made["duration_s"] > 0
    protocol = read_evaluation(evaluated.run).protocol
    assert (protocol.n_neurons, tuple(protocol.ensembles), protocol.seed) == (50, (3000, 3001), 3)
    assert (protocol.free_steps, protocol.controlled_steps, protocol.recovery_steps) == (
        1000,
        2000,
        250,
    )
    assert protocol.model.coupling == 0.04


def test_an_evaluation_logs_and_returns_its_metric(evaluated: Any, rows: Rows) -> None:
    scores = read_evaluation(evaluated.run).scores
    logged = rows(evaluated.run / "metrics.csv")
    told = [(row["step"], row["controller"]) for row in logged]
    assert told == [("0", "none"), ("1", "tonic"), ("2", "linear")]
    assert [float(row["s_ratio"]) for row in logged] == [suppression(s) for s in scores.values()]
    metric = json.loads((evaluated.run / "done").read_text(encoding="utf-8"))["metric"]
    assert metric == suppression(scores["linear"])
    assert suppression(scores["tonic"]) == 0


def test_an_evaluation_prints_its_table_and_its_progress(evaluated: Any) -> None:
    assert format_columns(summary(read_evaluation(evaluated.run))) in evaluated.out
    assert re.search(r"^controllers: 3/3 in \d+ s, S_ratio \d", evaluated.err, re.MULTILINE)


def test_an_evaluations_tables_and_page_agree(evaluated: Any, rows: Rows) -> None:
    expected = summary(read_evaluation(evaluated.run))
    written = rows(evaluated.run / "summary.csv")
    assert {name: [row[name] for row in written] for name in written[0]} == expected
    page = (evaluated.run / "report.html").read_text(encoding="utf-8")
    for cell in (expected["S_ratio"][2], "2 of 2", "rldbs-env evaluate", "data:image/png"):
        assert cell in page


def test_figures_are_drawn_again_from_a_run(
    evaluated: Any, tmp_path: Path, rldbs_env: Any, contents: Contents
) -> None:
    before = contents(evaluated.run)
    done = rldbs_env(tmp_path, "figures", f"run={evaluated.run}")
    assert done.code == 0, done.err
    drawn = contents(done.run)
    assert drawn.keys() == RECORD | REPORT
    for name in {"summary.csv", *(name for name in FIGURES if not name.endswith(".png"))}:
        assert drawn[name] == before[name], name
    assert contents(evaluated.run) == before


@pytest.fixture(scope="module")
def two_jobs(short: tuple[str, ...]) -> tuple[str, ...]:
    """Options of a sweep."""
    return (*short, "controllers=[linear]", "seed=0,1", "sweep=two", "--multirun")


@pytest.fixture(scope="module")
def swept(
    tmp_path_factory: pytest.TempPathFactory, rldbs_env: Any, two_jobs: tuple[str, ...]
) -> Any:
    done = rldbs_env(tmp_path_factory.mktemp("swept"), "evaluate", *two_jobs)
    assert done.code == 0, done.err
    return done


def jobs(swept: Any) -> dict[int, Path]:
    """Directory of each job by its seed."""
    sweep = swept.folder / "results" / "rldbs-env" / "evaluate" / "multirun" / "two"
    found = [path for path in sweep.iterdir() if path.is_dir()]
    assert all(re.fullmatch("[0-9a-f]{8}", path.name) for path in found)
    return {
        json.loads((path / "config.json").read_text(encoding="utf-8"))["config"]["seed"]: path
        for path in found
    }


def test_a_sweep_writes_a_directory_per_job(swept: Any, contents: Contents) -> None:
    assert sorted(jobs(swept)) == [0, 1]
    for job in jobs(swept).values():
        assert contents(job).keys() == EVALUATION
    assert "2 jobs: 2 done" in swept.out
    first, second = (read_evaluation(jobs(swept)[seed]) for seed in (0, 1))
    assert first.protocol.ensembles == second.protocol.ensembles
    assert first.scores["linear"][0].s_ratio != second.scores["linear"][0].s_ratio


def test_a_sweep_is_resumed_with_the_same_result(
    swept: Any, rldbs_env: Any, two_jobs: tuple[str, ...], contents: Contents
) -> None:
    """One job loses what says that it is done; it is run again, on two threads, to the bit."""
    kept, lost = jobs(swept)[0], jobs(swept)[1]
    before = contents(lost)
    untouched = contents(kept)
    (lost / "done").unlink()
    done = rldbs_env(swept.folder, "evaluate", *two_jobs, "resume=true", "threads=2")
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


def test_a_sweep_is_not_begun_twice(swept: Any, rldbs_env: Any, two_jobs: tuple[str, ...]) -> None:
    done = rldbs_env.inside(swept.folder, "evaluate", *two_jobs)
    assert done.code == 1
    assert "sweep two must be new" in done.err
    assert "resume=true" in done.err


def test_a_benchmark_writes_a_speed_and_its_ratio(
    tmp_path: Path, rldbs_env: Any, contents: Contents, rows: Rows
) -> None:
    done = rldbs_env.inside(tmp_path, "benchmark", "num_envs=2", "n_neurons=20", "repeats=1")
    assert done.code == 0, done.err
    assert contents(done.run).keys() == RECORD | {"speed.csv"}
    plain, fast = rows(done.run / "speed.csv")
    assert plain["program"] == "plain numpy, one ensemble"
    assert fast["program"] == "vector environment of 2"
    assert float(plain["ratio"]) == 1
    speeds = [1e6 / float(row["us_per_step"]) for row in (plain, fast)]
    assert [round(speed) for speed in speeds] == [int(r["steps_per_s"]) for r in (plain, fast)]
    assert float(fast["ratio"]) == pytest.approx(speeds[1] / speeds[0])
    metric = json.loads((done.run / "done").read_text(encoding="utf-8"))["metric"]
    assert metric == pytest.approx(speeds[1])
    assert "vector environment of 2" in done.out


def test_info_lists_what_can_be_named(tmp_path: Path, rldbs_env: Any, contents: Contents) -> None:
    done = rldbs_env.inside(tmp_path, "info")
    assert done.code == 0, done.err
    assert contents(done.run).keys() == RECORD
    assert json.loads((done.run / "done").read_text(encoding="utf-8"))["metric"] is None
    lines = dict(line.split(":", 1) for line in done.out.splitlines() if ":" in line)
    assert lines["environments"].strip().split(", ") == [*ENVIRONMENTS]
    assert lines["difficulties"].strip().split(", ") == [*DIFFICULTIES]
    assert lines["models"].strip().split(", ") == [*MODELS]
    assert lines["controllers"].strip().split(", ") == [*CONTROLLERS, "policy"]
    assert "CouplingDrift" in lines["disturbances"].strip().split(", ")
    assert lines["signals"].strip() == "x, y, action, countdown"
    assert re.search(r"^numba \d+\.\d+", done.out, re.MULTILINE)


def test_an_unknown_option_is_a_usage_error_that_lists_the_valid_ones(
    tmp_path: Path, rldbs_env: Any
) -> None:
    done = rldbs_env(tmp_path, "evaluate", "n_neuron=50")
    assert done.code == 2
    assert done.out == ""
    assert "'n_neuron' is no option (did you mean 'n_neurons'?)" in done.err
    assert "controllers, arguments, environment, difficulty, model, n_neurons" in done.err
    assert not list(tmp_path.iterdir())


def test_an_unknown_controller_ends_with_the_list(tmp_path: Path, rldbs_env: Any) -> None:
    done = rldbs_env.inside(tmp_path, "evaluate", "controllers=[linear,piid]")
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
def test_a_stopped_evaluation_says_how_to_take_it_up(tmp_path: Path, rldbs_env: Any) -> None:
    many = f"controllers=[{','.join(CONTROLLERS)}]"  # it must not be done before it is stopped
    process = rldbs_env.start(tmp_path, "evaluate", "n_neurons=20", many)
    while not (begun := list(tmp_path.rglob("metrics.csv"))) and process.poll() is None:
        time.sleep(0.01)
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=300)
    assert process.returncode == 130, err
    assert "Traceback" not in err
    (run,) = {path.parent for path in begun}
    line = err.splitlines()[err.splitlines().index("take it up again with") + 1].strip()
    assert line.startswith("rldbs-env evaluate n_neurons=20 ")
    assert line.endswith(f"hydra.run.dir={run.relative_to(tmp_path).as_posix()} resume=true")
    made = json.loads((run / "provenance.json").read_text(encoding="utf-8"))
    assert made["status"] == "stopped"
    assert not (run / "done").exists()


@pytest.mark.parametrize("name", ["data.h5", "scores.csv"])
def test_figures_of_a_foreign_directory_are_refused(
    name: str, tmp_path: Path, evaluated: Any, rldbs_env: Any, contents: Contents
) -> None:
    foreign = tmp_path / "foreign"
    shutil.copytree(evaluated.run, foreign)
    (foreign / name).write_bytes(b"\x00 something else")
    before = contents(foreign)
    done = rldbs_env.inside(tmp_path, "figures", "run=foreign")
    assert done.code == 1
    assert "foreign" in done.err
    assert contents(foreign) == before
    assert not list((tmp_path / "results").rglob("report.html"))
