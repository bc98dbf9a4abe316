"""The verbs of `rldbs-env` that are configured by Hydra."""

import platform
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from gymnasium import registry

from neuro_common.cli import Verb, progress
from neuro_common.runs import Run, write_csv
from rldbs_env import controllers
from rldbs_env.config import BenchmarkConfig, EvaluateConfig, FiguresConfig, InfoConfig
from rldbs_env.evaluation import (
    Evaluation,
    format_columns,
    read_evaluation,
    summary,
    suppression,
)
from rldbs_env.figures import write_report
from rldbs_env.models import BonhoefferVanDerPol
from rldbs_env.protocol import Protocol
from rldbs_env.settings import SIGNALS
from rldbs_env.speed import numpy_speed, vector_speed

__all__ = ["VERBS", "benchmark", "evaluate", "figures", "info"]

VERBS = (
    Verb(
        "demo",
        "Every shipped controller tries to silence a synchronised population.",
        "rldbs-env demo --output results/demo/rldbs-env",
        "rldbs_env.demo:main",
    ),
    Verb(
        "evaluate",
        "Score controllers on ensembles that they never saw: free, controlled, free again.",
        "rldbs-env evaluate controllers=[linear,pid] model.coupling=0.03,0.05 --multirun",
        "rldbs_env.cli:evaluate",
        "rldbs_env.config:EvaluateConfig",
    ),
    Verb(
        "figures",
        "Draw the figures and the report of an evaluation again.",
        "rldbs-env figures run=results/rldbs-env/evaluate/2026-01-31_12-00-00",
        "rldbs_env.cli:figures",
        "rldbs_env.config:FiguresConfig",
    ),
    Verb(
        "benchmark",
        "Measure steps per second on this machine.",
        "rldbs-env benchmark num_envs=1,16,64 --multirun",
        "rldbs_env.cli:benchmark",
        "rldbs_env.config:BenchmarkConfig",
    ),
    Verb(
        "info",
        "List versions, environments, controllers and models.",
        "rldbs-env info",
        "rldbs_env.cli:info",
        "rldbs_env.config:InfoConfig",
    ),
)


def evaluate(config: EvaluateConfig, run: Run) -> float:
    """Evaluate the controllers and write the run; returns the last one's mean S_ratio."""
    model = BonhoefferVanDerPol(**asdict(config.model))
    protocol = Protocol(
        model=model,
        n_neurons=config.n_neurons,
        ensembles=tuple(range(config.first_ensemble, config.first_ensemble + config.n_ensembles)),
        free_steps=config.free_steps,
        controlled_steps=config.controlled_steps,
        recovery_steps=config.recovery_steps,
        seed=config.seed,
        threads=config.threads,
    )
    strangers = set(config.arguments) - set(config.controllers)
    if strangers:
        raise ValueError(
            "arguments must belong to one of the controllers "
            f"{', '.join(config.controllers)}, got {', '.join(sorted(strangers))}: write "
            "+arguments.linear.gain=-0.03"
        )
    chosen = {
        name: controllers.make(name, **config.arguments.get(name, {}))
        for name in config.controllers
    }
    evaluation = Evaluation(protocol)
    with progress(chosen, "controllers", metric="S_ratio") as bar:
        for step, (name, controller) in enumerate(chosen.items()):
            scores = evaluation.add(name, controller)
            s_ratio = suppression(scores)
            run.log(step=step, controller=name, s_ratio=s_ratio)
            bar.show(s_ratio)
            bar.advance()
    evaluation.write(run.directory)
    print(format_columns(summary(evaluation)))
    write_report(evaluation, run.directory)
    return s_ratio


def figures(config: FiguresConfig, run: Run) -> None:
    """Draw a stored evaluation again, into this run's directory."""
    write_report(read_evaluation(Path(config.run)), run.directory)


def benchmark(config: BenchmarkConfig, run: Run) -> float:
    """Time the vector environment against plain numpy; returns environment steps per second."""
    fast = vector_speed(
        num_envs=config.num_envs,
        n_neurons=config.n_neurons,
        dtype=config.dtype,
        threads=config.threads,
        repeats=config.repeats,
    )
    plain = numpy_speed(n_neurons=config.n_neurons, repeats=config.repeats)
    columns: dict[str, list[Any]] = {
        "program": ["plain numpy, one ensemble", f"vector environment of {config.num_envs}"],
        "steps_per_s": [round(plain), round(fast)],
        "us_per_step": [1e6 / plain, 1e6 / fast],
        "ratio": [1.0, fast / plain],
    }
    write_csv(run.path("speed.csv"), columns)
    print(format_columns(columns))
    return fast


def info(config: InfoConfig, run: Run) -> None:
    """Print what is installed and what can be named on the command line."""
    names = ("rldbs-env", "neuro-common", "gymnasium", "numba", "numpy", "stable-baselines3")
    rows = [f"{name} {_installed(name)}" for name in names]
    rows += [f"Python {platform.python_version()}, {platform.platform()}", ""]
    rows += ["environments: " + ", ".join(sorted(e for e in registry if e.startswith("rldbs/")))]
    rows += ["models:       BonhoefferVanDerPol"]
    rows += ["controllers:  " + ", ".join(controllers.CONTROLLERS)]
    rows += ["signals:      " + ", ".join(SIGNALS)]
    print("\n".join(rows))


def _installed(distribution: str) -> str:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return "not installed"
