"""The verbs of `rhythm-rnn`, configured by Hydra."""

import sys
from collections.abc import Sequence
from itertools import count
from typing import TYPE_CHECKING

from neuro_common import cli
from neuro_common.verbs import installed_lines

if TYPE_CHECKING:
    from neuro_common.export_config import ExportConfig
    from neuro_common.runs import Run
    from neuro_common.training import Point
    from rhythm_rnn.config import InfoConfig, ReducedConfig, TrainConfig
    from rhythm_rnn.cycles import Cycle
    from rhythm_rnn.training import Learnt

__all__ = [
    "VERBS",
    "export",
    "info",
    "main",
    "reduced",
    "train",
]

VERBS = (
    cli.Verb(
        "train",
        "Train a network to keep the beat after the clicks; killed, it goes on with resume=true.",
        "rhythm-rnn train model.units=100 seed=1",
        "rhythm_rnn.cli:train",
        "rhythm_rnn.config:TrainConfig",
        groups={"model": "rhythm_rnn.config:MODELS"},
    ),
    cli.Verb(
        "drive",
        "Run a trained network for long at many cues: taps, intervals, tempo against cue.",
        "rhythm-rnn drive weights=pretrained cues=[0.2,0.5,0.8]",
        "rhythm_rnn.drive_cli:drive",
        "rhythm_rnn.config:DriveConfig",
    ),
    cli.Verb(
        "figures raster",
        "Draw the rates of all units of a trained network, in the order in which they fire.",
        "rhythm-rnn figures raster cue=0.5",
        "rhythm_rnn.population_cli:raster",
        "rhythm_rnn.population_config:RasterConfig",
    ),
    cli.Verb(
        "figures trajectories",
        "Draw the population's path at every tempo, its length, and interval against cue.",
        "rhythm-rnn figures trajectories",
        "rhythm_rnn.population_cli:trajectories",
        "rhythm_rnn.population_config:TrajectoriesConfig",
    ),
    cli.Verb(
        "figures classes",
        "Draw classes of units, the weights between them, and the rhythm without each.",
        "rhythm-rnn figures classes",
        "rhythm_rnn.population_cli:classes",
        "rhythm_rnn.population_config:ClassesConfig",
    ),
    cli.Verb(
        "figures clicks",
        "Draw taps to clicks: asynchronies, changes of tempo, a click out of order.",
        "rhythm-rnn figures clicks disorder_period_s=0.5",
        "rhythm_rnn.drive_cli:clicks",
        "rhythm_rnn.config:ClicksConfig",
    ),
    cli.Verb(
        "figures fixed_points",
        "Follow a trained network's fixed points over the cue, beside the reduced model's.",
        "rhythm-rnn figures fixed_points cue_range=[-1,2]",
        "rhythm_rnn.dynamics_cli:fixed_points",
        "rhythm_rnn.dynamics_config:FixedPointsConfig",
    ),
    cli.Verb(
        "figures flow",
        "Draw a trained network's flow on the plane of two components, over cue and over time.",
        "rhythm-rnn figures flow",
        "rhythm_rnn.dynamics_cli:flow",
        "rhythm_rnn.dynamics_config:FlowConfig",
    ),
    cli.Verb(
        "figures phase_response",
        "Draw how a click or a change of cue at each phase moves the taps that follow.",
        "rhythm-rnn figures phase_response cues=[0.2,0.4,0.8]",
        "rhythm_rnn.dynamics_cli:phase_response",
        "rhythm_rnn.dynamics_config:PhaseResponseConfig",
    ),
    cli.Verb(
        "figures reduced_fit",
        "Fit the reduced model to a trained network's periods, and read it off its classes.",
        "rhythm-rnn figures reduced_fit",
        "rhythm_rnn.dynamics_cli:reduced_fit",
        "rhythm_rnn.dynamics_config:ReducedFitConfig",
    ),
    cli.Verb(
        "export",
        "Write one step of a trained network for other programs, checked by running it.",
        "rhythm-rnn export weights=pretrained format=onnx",
        "rhythm_rnn.cli:export",
        "neuro_common.export_config:ExportConfig",
    ),
    cli.Verb(
        "reduced",
        "Draw the reduced model: time courses, periods, bifurcations and limit cycles.",
        "rhythm-rnn reduced",
        "rhythm_rnn.cli:reduced",
        "rhythm_rnn.config:ReducedConfig",
    ),
    cli.Verb(
        "info",
        "List versions, trained tempi and networks, and the parameters of the reduced model.",
        "rhythm-rnn info",
        "rhythm_rnn.cli:info",
        "rhythm_rnn.config:InfoConfig",
    ),
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line of ``rhythm-rnn``; returns the exit code."""
    return cli.main("rhythm-rnn", VERBS, argv)


def train(config: "TrainConfig", run: "Run") -> float:
    """Train networks, or go on; returns the validation loss of the best."""
    from neuro_common.runs import read_csv
    from rhythm_rnn.figures.training import write_training_report
    from rhythm_rnn.training import examples
    from rhythm_rnn.training import train as learn

    bar: cli.Progress[int] = cli.progress(config.updates, "train", metric="loss")
    with bar:
        shown: dict[str, float] = {}

        def report(points: "Sequence[Point]") -> None:
            best = min(points, key=lambda point: point.scores["loss"])
            dropped = ("scores", "update")
            facts = {name: value for name, value in vars(best).items() if name not in dropped}
            step = max(point.update for point in points)
            losses = {
                f"loss_seed_{config.seed + i}": p.scores["loss"] for i, p in enumerate(points)
            }
            more = losses if len(points) > 1 else {}
            run.log(step=step, **facts, **best.scores, **more)
            shown["validation"] = best.scores["loss"]

        def advance(updates: int, loss: float) -> None:
            bar.show(loss, **shown)
            bar.advance(updates)

        learnt = learn(config, run.directory, report=report, advance=advance)
    lines = [_keep(one, run, alone=len(learnt) == 1) for one in learnt]
    best = min(learnt, key=lambda one: one.fit.best.scores["loss"])
    if len(learnt) > 1:
        _keep(best, run, alone=True)
    print("\n".join(lines))
    trials = examples(best.network, config)
    write_training_report(
        read_csv(run.directory / "metrics.csv"),
        trials.period_s,
        trials.trials,
        trials.outputs,
        run.directory,
        summary=lines,
        stop_loss=config.stop_loss,
    )
    return best.fit.best.scores["loss"]


def _keep(learnt: "Learnt", run: "Run", *, alone: bool) -> str:
    """Save a network, in the run's directory or in one of its own below it; tell how it is."""
    from neuro_common.runs import read_provenance
    from rhythm_rnn.training import mean_loss
    from rhythm_rnn.weights import save

    fit, seed = learnt.fit, learnt.config.seed
    best, tested = fit.best, mean_loss(learnt.network, learnt.config)
    facts = {
        "command": str(read_provenance(run.directory)["command"]),
        "seed": seed,
        "period_s": list(learnt.config.period_s),
        "updates": best.update,
        "validation": dict(best.scores),
        "test_loss": tested,
    }
    directory = run.directory if alone else run.path("members", f"seed_{seed}")
    save(directory, learnt.network, learnt.config.model, facts)
    return (
        f"Seed {seed}: validation loss {best.scores['loss']:.4f} at update {best.update} of "
        f"{fit.updates}, {tested:.4f} on 512 other trials; {best.refused} updates were refused as "
        "spikes."
    )


def export(config: "ExportConfig", run: "Run") -> float:
    """Write a step in each format; returns the largest deviation from the network."""
    from neuro_common.exporting import write_run
    from rhythm_rnn.export import exportable
    from rhythm_rnn.weights import load_network

    return write_run(exportable(load_network(config.weights)), config, run, "step")


def reduced(config: "ReducedConfig", run: "Run") -> float:
    """Study the reduced model; returns the width of the range of cues with a rhythm."""
    from rhythm_rnn.diagram import bifurcation_diagram
    from rhythm_rnn.figures.reduced import write_reduced_report
    from rhythm_rnn.reduced import reduced_model

    model = reduced_model(config.model)
    low, high = config.cue_range
    bar: cli.Progress[int] = cli.progress(config.n_cycles, "cycles", metric="period_ms")
    with bar:
        steps = count()

        def report(cycle: "Cycle") -> None:
            run.log(step=next(steps), cue=cycle.cue, period_ms=cycle.period_ms)
            bar.show(cycle.period_ms)
            bar.advance()

        diagram = bifurcation_diagram(
            model, cue_range=(low, high), n_cycles=config.n_cycles, near=config.start, report=report
        )
    summary = write_reduced_report(
        model,
        diagram,
        run.directory,
        course_cues=config.course_cues,
        duration_ms=config.duration_ms,
        cycle_cues=config.cycle_cues,
        start=config.start,
    )
    print("\n".join(summary))
    begin, end = diagram.rhythm_range
    return end - begin if diagram.cycles else 0.0


def info(config: "InfoConfig", run: "Run") -> None:
    """Print what is installed, the tempi, the networks and the reduced model's parameters."""
    from dataclasses import fields

    from rhythm_rnn.reduced import POPULATIONS, ReducedModel
    from rhythm_rnn.task import TRAINED_PERIODS_S, context_cue
    from rhythm_rnn.weights import SHIPPED, load

    names = ("rhythm-rnn", "neuro-common", "torch", "lightning", "numpy", "scipy", "matplotlib")
    rows = [*installed_lines(names), ""]
    rows += ["trained periods and their cues:"]
    cues = context_cue(TRAINED_PERIODS_S)
    rows += [f"  {p * 1e3:g} ms  {cue:.4f}" for p, cue in zip(TRAINED_PERIODS_S, cues, strict=True)]
    rows += ["", "trained networks:"]
    for name in SHIPPED:
        facts = load(name).facts
        rows += [f"  {name}: validation loss {facts['validation']['loss']:.4f}, {facts['command']}"]
    rows += ["", f"reduced model ({'; '.join(POPULATIONS)}):"]
    model = ReducedModel()
    rows += [f"  {one.name}: {getattr(model, one.name).tolist()}" for one in fields(model)]
    print("\n".join(rows))


if __name__ == "__main__":
    sys.exit(main())
