"""Trainings by the command: written, swept, searched, drawn, evaluated, and refused."""

import json
import shlex
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from omegaconf import OmegaConf

from neuro_common.cli import compose
from rldbs_env.cli import VERBS
from rldbs_env.evaluation import read_evaluation

Rows = Callable[[Path], list[dict[str, str]]]
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
def trained(tmp_path_factory: pytest.TempPathFactory, rldbs_env: Any) -> Any:
    """Trainings of two seeds that went well."""
    folder = tmp_path_factory.mktemp("trained")
    words = ("algo=ppo", *TINY, "seed=3,4", "sweep=two", "--multirun")
    done = rldbs_env(folder, "train", *words)
    assert done.code == 0, done.err
    return done


def training(trained: Any, seed: int) -> Any:
    """The folder of one training."""
    jobs = {
        path.parent: json.loads(path.read_text(encoding="utf-8"))
        for path in trained.folder.rglob("config.json")
    }
    (found,) = (folder for folder, record in jobs.items() if record["config"]["seed"] == seed)
    return found


def test_training_writes_a_policy_that_can_be_evaluated_and_drawn(
    trained: Any, tmp_path: Path, rldbs_env: Any, short: tuple[str, ...], rows: Rows
) -> None:
    run = shutil.copytree(training(trained, 3), tmp_path / "run")
    assert all((run / name).is_file() for name in ("weights.safetensors", "manifest.json"))
    assert list((run / "tensorboard").rglob("events*"))
    logged = rows(run / "metrics.csv")
    assert [row["step"] for row in logged] == ["256", "512"]
    assert set(logged[0]) == {"step", "reward", "s_ratio", "charge", "kick_std"}
    blocks = json.loads((run / "report.json").read_text(encoding="utf-8"))["blocks"]
    heads = [list(block["columns"]) for block in blocks if block["kind"] == "table"]
    assert heads[-1] == ["quantity", "published", "ours", "why they differ"]
    drawn = [block["path"] for block in blocks if block["kind"] == "figure"]
    assert drawn[-1] == "figures/learning_curves.png"
    assert list(read_evaluation(run).scores) == ["linear", "policy"]

    other = tmp_path / "other"
    done = rldbs_env.inside(other, "evaluate", "controllers=[linear,policy:../run]", *short)
    assert done.code == 0, done.err
    assert list(read_evaluation(done.run).scores) == ["linear", "policy:../run"]
    done = rldbs_env.inside(tmp_path / "again", "figures", "run=../run")
    assert done.code == 0, done.err
    assert (done.run / "figures" / "learning_curves.png").is_file()
    done = rldbs_env.inside(other, "train", *TINY, "seed=3", "hydra.run.dir=../run", "resume=true")
    assert done.code == 0, done.err
    assert "is done already: skipped" in done.out


def test_trainings_of_several_seeds_are_drawn_together(
    trained: Any, tmp_path: Path, rldbs_env: Any, short: tuple[str, ...], rows: Rows
) -> None:
    sweep = training(trained, 3).parent
    other = tmp_path / "other"
    done = rldbs_env.inside(other, "figures", f"run={sweep}")
    assert done.code == 0, done.err
    told = rows(done.run / "summary.csv")
    assert sorted(row["seed"] for row in told) == ["3", "4"]
    assert {"S_ratio", "over the law's", "charge per step", "quenched"} < set(told[0])
    assert [row["beside"] for row in rows(done.run / "comparison.csv")] == ["linear"]

    words = (f"run={sweep}", "first_seed=7", "controllers=[linear,none]", *short)
    done = rldbs_env.inside(tmp_path / "fresh", "evaluate", *words)
    assert done.code == 0, done.err
    names = ["linear", "none", "policy seed 3", "policy seed 4"]
    evaluation = read_evaluation(done.run)
    assert list(evaluation.scores) == names
    assert evaluation.protocol.ensembles[0] == 7
    assert "S_ratio over the law's" in done.out
    done = rldbs_env.inside(other, "evaluate", f"run={sweep}", "environment=KuramotoGrid", *short)
    assert done.code == 1
    assert "environment must be that of the training, rldbs/BvdP-v0, got" in done.err
    done = rldbs_env.inside(other, "evaluate", "run=.", "hydra.run.dir=none", *short)
    assert done.code == 1
    assert ". must hold a training or a sweep of them" in done.err


def test_levels_are_chosen_and_tested_with(
    tmp_path: Path, rldbs_env: Any, short: tuple[str, ...]
) -> None:
    words = [word for word in TINY if not word.startswith(("algo.n_steps", "algo.batch"))]
    words += ["algo.buffer_size=500", "algo.learning_starts=64", "algo.n_steps=2"]
    done = rldbs_env.inside(tmp_path, "train", "algo=dqn", *words)
    assert done.code == 0, done.err
    evaluation = read_evaluation(done.run)
    assert evaluation.protocol.levels == (
        -0.02, -0.01, -0.005, -0.002, -0.001, 0.0, 0.001, 0.002, 0.005, 0.01, 0.02,
    )  # fmt: skip
    words = [f"run={done.run}", "controllers=[none]", *short]
    again = rldbs_env.inside(tmp_path / "fresh", "evaluate", *words)
    assert again.code == 0, again.err
    assert read_evaluation(again.run).protocol.levels == evaluation.protocol.levels


def test_settings_are_searched_and_trained_with(tmp_path: Path, rldbs_env: Any, rows: Rows) -> None:
    words = (*TINY, "~space.algo.n_steps")
    done = rldbs_env.inside(tmp_path, "tune", *words, "trials=2", "hydra.run.dir=here")
    assert done.code == 0, done.err
    here = tmp_path / "here"
    trials = rows(here / "trials.csv")
    assert [row["trial"] for row in trials] == ["0", "1"]
    best = json.loads((here / "best.json").read_text(encoding="utf-8"))
    assert best["command"] in done.out
    assert float(best["objective"]) == max(float(row["objective"]) for row in trials)
    assert (here / "report.html").is_file()
    line = shlex.split(best["command"])
    assert line[:2] == ["rldbs-env", "train"]
    told: Any = OmegaConf.to_object(compose("rldbs-env", VERBS, "train", line[2:]))
    assert f"penalty={told.penalty}" in best["overrides"]
    # three are wanted now: the first two are there
    more = ("trials=3", "study=here", "hydra.run.dir=more")
    done = rldbs_env.inside(tmp_path, "tune", *words, *more)
    assert done.code == 0, done.err
    assert rows(tmp_path / "more" / "trials.csv")[:2] == trials


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("train", "steps=0"), "steps must be at least 1, got 0"),
        (("train", "algo=ars"), "algo/ars"),
        (("train", "algo=dqn", "env=hindmarsh_rose"), "algo=dqn chooses among levels, but rldbs/"),
        (("train", "algo=sac", "algo.n_epochs=2"), "the options below algo are name, num_envs, l"),
        (("tune", "space.penaltie=[1,2]"), "did you mean 'penalty'?"),
        (("evaluate", "controllers=[policy:nowhere]"), "nowhere must hold a policy"),
    ],
)
def test_what_cannot_be_trained_or_loaded_is_refused(
    tmp_path: Path, rldbs_env: Any, words: tuple[str, ...], message: str
) -> None:
    done = rldbs_env.inside(tmp_path, *words)
    assert done.code in (1, 2)
    assert message in done.err


def test_a_run_with_other_settings_is_not_taken_up(trained: Any, rldbs_env: Any) -> None:
    here = f"hydra.run.dir={training(trained, 4)}"
    words = (*TINY, "seed=4", "signals=[y]", here, "resume=true")
    done = rldbs_env.inside(trained.folder, "train", *words)
    assert done.code == 1
    assert "must be taken up with the config that it began with" in done.err
    done = rldbs_env.inside(trained.folder, "evaluate", here, "resume=true")
    assert done.code == 1
    assert "must be a run of verb evaluate to be taken up, got train" in done.err
