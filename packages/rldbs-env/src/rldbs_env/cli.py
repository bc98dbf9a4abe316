"""The verbs of `rldbs-env` that are configured by Hydra."""

import platform
from dataclasses import asdict, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from neuro_common.checkpoint import save_checkpoint
from neuro_common.cli import Progress, Verb, progress
from neuro_common.extras import require
from neuro_common.runs import Run, read_config, read_provenance, write_csv
from rldbs_env import controllers
from rldbs_env.animation import animate
from rldbs_env.catalogue import DIFFICULTIES, ENVIRONMENTS, MODELS
from rldbs_env.comparison import comparison
from rldbs_env.config import (
    BenchmarkConfig,
    EvaluateConfig,
    FiguresConfig,
    InfoConfig,
    SuiteConfig,
    TrainConfig,
    TuneConfig,
)
from rldbs_env.dependence import varied_number, write_dependence
from rldbs_env.evaluation import (
    Evaluation,
    format_columns,
    read_evaluation,
    summary,
    suppression,
)
from rldbs_env.figures import write_report
from rldbs_env.learning import (
    conditions_of,
    differing,
    find_trainings,
    paired_ratio,
    read_curve,
    write_sweep_report,
    write_training_report,
)
from rldbs_env.policy import load_policy
from rldbs_env.presets import preset, shipped
from rldbs_env.protocol import Protocol
from rldbs_env.pulses import Pulse
from rldbs_env.records import DISTURBANCES
from rldbs_env.settings import SIGNALS
from rldbs_env.speed import numpy_speed, vector_speed
from rldbs_env.suite import overall, protocols, run_suite, suite_table, suppression_of
from rldbs_env.suite_files import read_submission, write_submission
from rldbs_env.suite_report import write_suite_report

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from optuna.trial import FrozenTrial

    from rldbs_env.scoring import Score
    from rldbs_env.training import CurvePoint

__all__ = ["VERBS", "benchmark", "benchmark_suite", "evaluate", "figures", "info", "train", "tune"]

_TRAINING = ("stable_baselines3", "sb3_contrib", "tensorboard")
_FIRST_UNSEEN = 1000  # a training pool ends below

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
        "train",
        "Train an agent and score it beside the linear law on ensembles that it never saw.",
        "rldbs-env train algo=ppo seed=0,1,2,3,4 --multirun",
        "rldbs_env.cli:train",
        "rldbs_env.config:TrainConfig",
        {"algo": "rldbs_env.hyperparameters:ALGORITHMS"},
    ),
    Verb(
        "tune",
        "Search for the settings of a training, judged on ensembles kept for validation.",
        "rldbs-env tune env=bvdp algo=sac trials=20 steps=200000",
        "rldbs_env.cli:tune",
        "rldbs_env.config:TuneConfig",
        {"algo": "rldbs_env.hyperparameters:ALGORITHMS"},
    ),
    Verb(
        "figures",
        "Draw a run again, or the trainings or the suites of a sweep side by side.",
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
        "benchmark suite",
        "Score one controller under many conditions, and write a table to submit.",
        "rldbs-env benchmark suite controller=linear arguments.gain=-0.03",
        "rldbs_env.cli:benchmark_suite",
        "rldbs_env.config:SuiteConfig",
    ),
    Verb(
        "info",
        "List versions, environments, models, controllers and disturbances.",
        "rldbs-env info",
        "rldbs_env.cli:info",
        "rldbs_env.config:InfoConfig",
    ),
)


def evaluate(config: EvaluateConfig, run: Run) -> float:
    """Evaluate the controllers and write the run; returns the last one's mean S_ratio."""
    trainings = find_trainings(Path(config.run)) if config.run else []
    changes: dict[str, Any] = {
        name: value
        for name in ("n_neurons", "free_steps", "controlled_steps", "recovery_steps")
        if (value := getattr(config, name)) is not None
    }
    if trainings:
        if varied := differing(trainings):
            raise ValueError(
                f"trainings must differ by their seed alone, got several {', '.join(varied)} in "
                f"{config.run}: name one of its directories"
            )
        config = _beside(trainings[0].config, config)
        changes = conditions_of(trainings[0]) | changes
    protocol = Protocol.on(
        config.environment,
        config.difficulty,
        model=config.model,
        ensembles=tuple(range(config.first_ensemble, config.first_ensemble + config.n_ensembles)),
        seed=config.seed,
        threads=config.threads,
        **changes,
    )
    names = config.controllers or shipped(config.environment)
    strangers = set(config.arguments) - set(names)
    if strangers:
        raise ValueError(
            "arguments must belong to one of the controllers "
            f"{', '.join(names)}, got {', '.join(sorted(strangers))}: write "
            "arguments.linear.gain=-0.03"
        )
    chosen = {
        name: preset(config.environment, name, **config.arguments.get(name, {})) for name in names
    }
    for one in trainings:
        chosen[f"policy seed {one.seed}"] = load_policy(one.directory)
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
    if beside := comparison(evaluation):
        print("\n" + format_columns(beside))
    write_report(evaluation, run.directory)
    return s_ratio


def _beside(trained: "Mapping[str, Any]", config: EvaluateConfig) -> EvaluateConfig:
    """The evaluation in the environment of a training, beside its law where none is named."""
    if config.environment not in (EvaluateConfig.environment, trained["environment"]):
        raise ValueError(
            f"environment must be that of the training, {trained['environment']}, "
            f"got {config.environment}"
        )
    law, arguments = trained["law"], dict(config.arguments)
    names = config.controllers or [law]
    if law in names:
        # all of them, so that it is the law of the training and no preset of the environment
        same: Any = controllers.make(law, **trained["law_arguments"])
        arguments[law] = asdict(same) | arguments.get(law, {})
    return replace(
        config,
        environment=trained["environment"],
        model=dict(trained["model"]) | config.model,
        controllers=names,
        arguments=arguments,
    )


def train(config: TrainConfig, run: Run) -> float:
    """Train an agent, or go on; returns its median S_ratio over that of the law, in pairs."""
    for package in _TRAINING:
        require(package, "train", "rldbs-env")
    from rldbs_env.training import train as learn

    changes: dict[str, Any] = {"pulse": Pulse(tuple(config.pulse))} if config.pulse else {}
    if config.levels:
        changes["levels"] = tuple(config.levels)
    # before the work begins: they may be refused
    protocol = Protocol.on(
        config.environment,
        model=config.model,
        n_neurons=config.n_neurons,
        ensembles=tuple(range(_FIRST_UNSEEN, _FIRST_UNSEEN + config.n_ensembles)),
        controlled_steps=config.controlled_steps,
        threads=config.threads,
        **changes,
    )
    law = controllers.make(config.law, **config.law_arguments)
    bar: Progress[int] = progress(config.steps, "train", metric="reward")
    with bar:
        shown: dict[str, float] = {}

        def report(step: int, point: "CurvePoint") -> None:
            run.log(step=step, **asdict(point))
            shown["s_ratio"] = point.s_ratio

        def advance(steps: int, reward: float) -> None:
            bar.show(reward, **shown)
            bar.advance(steps)

        policy = learn(config, run.directory, report=report, advance=advance)
    save_checkpoint(
        run.directory, policy.tensors(), policy.manifest() | {"training": asdict(config)}
    )
    evaluation = Evaluation(protocol)
    evaluation.add(config.law, law)
    evaluation.add("policy", policy)
    evaluation.write(run.directory)
    print(format_columns(summary(evaluation)))
    write_training_report(evaluation, read_curve(run.directory), run.directory)
    return paired_ratio(evaluation)


def tune(config: TuneConfig, run: Run) -> float:
    """Search for the settings of a training, or go on; returns the best trial's objective."""
    for package in _TRAINING:
        require(package, "train", "rldbs-env")
    require("optuna", "tune", "rldbs-env")
    from rldbs_env.search import parameters, search
    from rldbs_env.search_report import best_of, table_of, write_search_report

    space = parameters(config.space, config)
    bar: Progress[int] = progress(config.trials, "trials", metric="objective")
    with bar:

        def report(trial: "FrozenTrial") -> None:
            row = {name: column[0] for name, column in table_of([trial], space).items()}
            run.log(step=row.pop("trial"), objective=row["objective"], state=row["state"])
            bar.show(row["objective"])
            bar.advance()

        trials = search(config, run.directory, report=report)
    best = best_of(trials)
    command = str(read_provenance(run.directory)["command"])
    line = write_search_report(trials, space, command, run.directory)
    print(format_columns(table_of(trials, space)))
    print(f"\nbest objective {best.value:.4g}, in trial {best.number}; train with\n    {line}")
    return float(best.value or 0.0)


def figures(config: FiguresConfig, run: Run) -> None:
    """Draw what a directory holds again, into this run's directory."""
    source = Path(config.run)
    suites = sorted([*source.glob("suite.json"), *source.glob("*/suite.json")])
    trainings = any(source.glob("*/weights.safetensors"))
    evaluations = sorted(path.parent for path in source.glob("*/scores.csv"))
    if suites:
        submissions = [read_submission(path) for path in suites]
        submissions.sort(key=lambda one: -overall(one).s_ratio)
        write_suite_report(submissions, run.directory)
    elif trainings:
        write_sweep_report(find_trainings(source), run.directory)
    elif evaluations:
        name, values = varied_number([read_config(path) for path in evaluations])
        many = [read_evaluation(path) for path in evaluations]
        write_dependence(name, values, many, run.directory)
    elif (source / "weights.safetensors").is_file():
        write_training_report(read_evaluation(source), read_curve(source), run.directory)
    else:
        write_report(read_evaluation(source), run.directory)
    if config.animation:
        _animate(read_evaluation(source), run)


def _animate(evaluation: Evaluation, run: Run) -> None:
    """Film the best controller on the first ensemble."""
    best = max(evaluation.scores, key=lambda name: suppression(evaluation.scores[name]))
    target = run.directory / "figures" / "suppression"
    for path in animate(evaluation.examples[best], evaluation.protocol, best, target):
        print(f"wrote {path}")


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

        def report(condition: str, scores: "Sequence[Score]") -> None:
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


def info(config: InfoConfig, run: Run) -> None:
    """Print what is installed and what can be named on the command line."""
    names = ("rldbs-env", "neuro-common", "gymnasium", "numba", "numpy", "stable-baselines3")
    rows = [f"{name} {_installed(name)}" for name in names]
    rows += [f"Python {platform.python_version()}, {platform.platform()}", ""]
    lists = {
        "environments": ENVIRONMENTS,
        "difficulties": DIFFICULTIES,
        "models": MODELS,
        "controllers": [*controllers.CONTROLLERS, "policy"],
        "disturbances": [one.__name__ for one in DISTURBANCES],
        "signals": SIGNALS,
    }
    rows += [f"{name + ':':<14}{', '.join(names)}" for name, names in lists.items()]
    print("\n".join(rows))


def _installed(distribution: str) -> str:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return "not installed"
