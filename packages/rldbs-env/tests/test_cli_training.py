"""Trainings by the command: written, swept, searched, drawn, evaluated, and refused."""

import csv
import io
import json
import os
import shlex
import shutil
import subprocess
import sys
import sysconfig
from contextlib import chdir, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from omegaconf import OmegaConf

from neuro_common.cli import compose
from rldbs_env import command
from rldbs_env.cli import VERBS
from rldbs_env.evaluation import read_evaluation

SHORT = (
    "n_neurons=50",
    "n_ensembles=2",
    "free_steps=1000",
    "controlled_steps=2000",
    "recovery_steps=250",
)


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


def table(file: Path) -> list[dict[str, str]]:
    with open(file, newline="", encoding="utf-8") as text:
        return list(csv.DictReader(text))


def here(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    code = command.main(words)
    out, err = capsys.readouterr()
    return code, out, err


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
    told = (f"run={sweep}", "first_seed=7", "controllers=[linear,none]", *SHORT)
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
