"""The verbs of `rhythm-rnn`, configured by Hydra."""

import platform
import sys
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from itertools import count
from typing import TYPE_CHECKING

from neuro_common import cli

if TYPE_CHECKING:
    from neuro_common.runs import Run
    from rhythm_rnn.config import InfoConfig, ReducedConfig
    from rhythm_rnn.cycles import Cycle

__all__ = ["VERBS", "info", "main", "reduced"]

VERBS = (
    cli.Verb(
        "reduced",
        "Draw the reduced model: time courses, periods, bifurcations and limit cycles.",
        "rhythm-rnn reduced",
        "rhythm_rnn.cli:reduced",
        "rhythm_rnn.config:ReducedConfig",
    ),
    cli.Verb(
        "info",
        "List versions, trained tempi and the parameters of the reduced model.",
        "rhythm-rnn info",
        "rhythm_rnn.cli:info",
        "rhythm_rnn.config:InfoConfig",
    ),
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line of ``rhythm-rnn``; returns the exit code."""
    return cli.main("rhythm-rnn", VERBS, argv)


def reduced(config: "ReducedConfig", run: "Run") -> float:
    """Study the reduced model; returns the width of the range of cues with a rhythm."""
    from rhythm_rnn.diagram import bifurcation_diagram
    from rhythm_rnn.figures import write_reduced_report
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
    """Print what is installed, the tempi and the reduced model's parameters."""
    from dataclasses import fields

    from rhythm_rnn.reduced import POPULATIONS, ReducedModel
    from rhythm_rnn.task import TRAINED_PERIODS_S, context_cue

    names = ("rhythm-rnn", "neuro-common", "numpy", "scipy", "matplotlib")
    rows = [f"{name} {_installed(name)}" for name in names]
    rows += [f"Python {platform.python_version()}, {platform.platform()}", ""]
    rows += ["trained periods and their cues:"]
    cues = context_cue(TRAINED_PERIODS_S)
    rows += [f"  {p * 1e3:g} ms  {cue:.4f}" for p, cue in zip(TRAINED_PERIODS_S, cues, strict=True)]
    rows += ["", f"reduced model ({'; '.join(POPULATIONS)}):"]
    model = ReducedModel()
    rows += [f"  {one.name}: {getattr(model, one.name).tolist()}" for one in fields(model)]
    print("\n".join(rows))


def _installed(distribution: str) -> str:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return "not installed"


if __name__ == "__main__":
    sys.exit(main())
