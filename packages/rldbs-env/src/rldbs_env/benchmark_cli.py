"""Verbs that measure: steps per second here, and a controller under many conditions."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from neuro_common.cli import progress
from neuro_common.runs import Run, write_csv
from rldbs_env.config import BenchmarkConfig, SuiteConfig
from rldbs_env.evaluation import format_columns
from rldbs_env.presets import preset
from rldbs_env.scoring import Score
from rldbs_env.speed import numpy_speed, vector_speed
from rldbs_env.suite import overall, protocols, run_suite, suite_table, suppression_of
from rldbs_env.suite_files import write_submission
from rldbs_env.suite_report import write_suite_report

__all__ = ["benchmark", "benchmark_suite"]


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


def benchmark_suite(config: SuiteConfig, run: Run) -> float:
    """Put a controller through the suite; returns the geometric mean of S_ratio."""
    controller = preset(config.environment, config.controller, **config.arguments)
    tests = protocols(config.environment, n_ensembles=config.n_ensembles, seed=config.seed)
    order = [*tests]
    with progress(tests, "conditions", metric="S_ratio") as bar:

        def report(condition: str, scores: Sequence[Score]) -> None:
            s_ratio = float(np.median(suppression_of(scores)))
            run.log(step=order.index(condition), condition=condition, s_ratio=s_ratio)
            bar.show(s_ratio)
            bar.advance()

        submission = run_suite(
            config.controller,
            controller,
            config.arguments,
            environment=config.environment,
            n_ensembles=config.n_ensembles,
            seed=config.seed,
            threads=config.threads,
            report=report,
        )
    write_submission(submission, run.directory)
    write_suite_report([submission], run.directory)
    print(format_columns(suite_table(submission)))
    total = overall(submission)
    print(
        f"\nS_ratio {total.s_ratio:.4g}, the geometric mean over {len(tests)} conditions; worst "
        f"{total.worst_s_ratio:.4g} ({total.worst_condition})\n"
        f"to submit: {run.directory / 'suite.json'}"
    )
    return total.s_ratio
