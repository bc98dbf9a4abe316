"""Verbs that train agents, and search for the settings of a training."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from neuro_common.checkpoint import save_checkpoint
from neuro_common.cli import Progress, progress
from neuro_common.extras import require
from neuro_common.runs import Run, read_provenance
from rldbs_env import controllers
from rldbs_env.config import TrainConfig, TuneConfig
from rldbs_env.evaluation import Evaluation, format_columns, summary
from rldbs_env.learning import paired_ratio, read_curve, write_training_report
from rldbs_env.protocol import Protocol
from rldbs_env.pulses import Pulse

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

    from rldbs_env.training import CurvePoint

__all__ = ["train", "tune"]

_TRAINING = ("stable_baselines3", "sb3_contrib", "tensorboard")
_FIRST_TESTED = 1000  # a training pool ends below; settings were chosen by these tests


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
        ensembles=tuple(range(_FIRST_TESTED, _FIRST_TESTED + config.n_ensembles)),
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
