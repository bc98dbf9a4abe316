"""Verbs that score controllers, and draw what was scored or trained."""

from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from neuro_common.cli import progress
from neuro_common.runs import Run, read_config
from rldbs_env import controllers
from rldbs_env.animation import animate
from rldbs_env.catalogue import id_of
from rldbs_env.comparison import comparison
from rldbs_env.config import EvaluateConfig, FiguresConfig
from rldbs_env.controllers import Controller
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
    read_curve,
    write_sweep_report,
    write_training_report,
)
from rldbs_env.policy import load_policy
from rldbs_env.presets import preset, shipped
from rldbs_env.protocol import FIRST_UNSEEN, Protocol
from rldbs_env.suite import overall
from rldbs_env.suite_files import read_submission
from rldbs_env.suite_report import write_suite_report

__all__ = ["evaluate", "figures"]


def evaluate(config: EvaluateConfig, run: Run) -> float:
    """Evaluate the controllers and write the run; returns the last one's mean S_ratio.

    Raises:
        ValueError: Trainings differ in more than their seed, or arguments are of no controller
            here.
    """
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
        ensembles=tuple(range(config.first_seed, config.first_seed + config.n_ensembles)),
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
        name: preset(
            config.environment, name, model=protocol.model, **config.arguments.get(name, {})
        )
        for name in names
    }
    for one in trainings:
        chosen[f"policy seed {one.seed}"] = load_policy(one.directory)
    evaluation = Evaluation(protocol, notes=_notes(protocol, config.environment, chosen))
    with progress(chosen, "controllers", metric="S_ratio") as bar:
        for step, (name, controller) in enumerate(chosen.items()):
            scores = evaluation.add(name, controller)
            s_ratio = suppression(scores)
            run.log(step=step, controller=name, s_ratio=s_ratio)
            bar.show(s_ratio)
            bar.advance()
    evaluation.write(run.directory)
    print("\n\n".join([*evaluation.notes, format_columns(summary(evaluation))]))
    if beside := comparison(evaluation):
        print("\n" + format_columns(beside))
    write_report(evaluation, run.directory)
    return s_ratio


def _notes(protocol: Protocol, environment: str, chosen: Mapping[str, Controller]) -> list[str]:
    """What makes these scores another thing than a test of controllers where they are at home."""
    seen = [seed for seed in protocol.ensembles if seed < FIRST_UNSEEN]
    notes = []
    if seen:
        notes.append(
            f"{len(seen)} of {len(protocol.ensembles)} ensembles have seeds below {FIRST_UNSEEN}, "
            "by which agents were trained, or settings and shipped agents chosen: it is no test."
        )
    usual = type(protocol.model)().dt
    if protocol.model.dt != usual:
        notes.append(
            f"With dt={protocol.model.dt:g} in place of {usual:g} windows of laws have as many "
            "time units as before, but delays, gains and all that a policy sees count steps."
        )
    if protocol.prelude is not None:
        notes.append(
            "The free phase begins suppressed and its rhythm grows: the std before control, and so "
            f"S_ratio, hang on its {protocol.free_steps} steps; compare residuals."
        )
    for name, controller in chosen.items():
        trained_on = getattr(controller, "environment", None)
        if trained_on is not None and trained_on != id_of(environment):
            notes.append(f"{name} was trained on {trained_on}, not on {id_of(environment)}.")
    return notes


def _beside(trained: Mapping[str, Any], config: EvaluateConfig) -> EvaluateConfig:
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
