"""Pages on trained walkers: scores, gait, neurons, learning curves."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from brainnn.analysis.curves import Training, learning_panels
from brainnn.analysis.recording import Walk
from brainnn.analysis.rhythm import strides_of
from brainnn.figures.training import draw_training
from brainnn.learning.rollouts import roll_out
from brainnn.learning.walkers import TrainedWalker
from brainnn.networks.rnn import ConnectomeRNN
from brainnn.walk_report import (
    draw_neurons,
    draw_scores,
    draw_walk,
    last_stretch,
    score_columns,
    score_table,
)
from neuro_common.files import write_csv
from neuro_common.report import Report

__all__ = [
    "describe",
    "draw_curves",
    "draw_page",
    "record_walk",
    "write_page",
    "write_scores_page",
    "write_walker_page",
]

Scores = Mapping[str, NDArray[np.float64]]

_SHOWN_S = 2.0


def record_walk(walker: TrainedWalker, seeds: Sequence[int], steps: int) -> Walk:
    """Let a walker walk, with the rates of its neurons.

    Args:
        walker: The walker.
        seeds: One for each episode.
        steps: Longest episode.
    """
    rollouts = roll_out(walker.controller(), walker.body.test(steps), seeds, steps)
    return Walk.of(rollouts, walker.core, {"network": describe(walker)})


def describe(walker: TrainedWalker) -> str:
    """What walks, in one sentence.

    Args:
        walker: The walker.
    """
    core = walker.core
    if not isinstance(core, ConnectomeRNN):
        return f"A {core.kind} with {core.trained} trained numbers, without a connectome."
    graph = core.connectome
    return (
        f"{graph.name} ({graph.source or 'unknown source'}): {len(graph)} neurons, {graph.edges} "
        f"edges, {len(core.roles.inputs)} input and {len(core.roles.outputs)} read-out neurons, "
        f"{core.trained} trained numbers."
    )


def draw_page(walker: TrainedWalker, walk: Walk, directory: Path) -> dict[Path, str]:
    """Draw gait and neurons of a walk.

    Args:
        walker: Who walked.
        walk: Its walk.
        directory: Of the page.

    Returns:
        Caption of each figure; a walk without strides, or without a connectome, has none of its
        neurons.
    """
    captions = draw_walk(last_stretch(walk, walker.body.clip, _SHOWN_S), directory / "figures")
    if walk.rates is not None and strides_of(walk):
        neurons = "motor" if "motor" in walk.classes else None
        captions |= draw_neurons(walk, neurons, directory / "figures")
    return captions


def write_walker_page(
    walker: TrainedWalker,
    walk: Walk,
    scores: Scores,
    directory: Path,
    *,
    curves: Mapping[Path, str] | None = None,
) -> None:
    """Write ``report.html`` and ``test_scores.csv`` of a walker.

    Args:
        walker: The walker.
        walk: What is shown of it.
        scores: Of a test, as `brainnn.learning.evaluation.score` gives them.
        directory: Where to.
        curves: Captions of its learning curves.
    """
    write_csv(directory / "test_scores.csv", score_columns({"network": scores}))
    page = Report(directory, "brainnn: a network that learned to walk").text(describe(walker))
    table = _means({"network": scores})
    page.table(table, "Means over episodes from the start of the course, on seeds it never saw.")
    page.figures({**(curves or {})} | draw_page(walker, walk, directory)).write()


def write_scores_page(walker: TrainedWalker, scores: Mapping[str, Scores], directory: Path) -> None:
    """Write ``report.html`` and tables of a walker beside its baselines.

    Args:
        walker: The walker.
        scores: By controller.
        directory: Where to.
    """
    write_csv(directory / "scores.csv", score_columns(scores))
    write_csv(directory / "summary.csv", score_table(scores))
    page = Report(directory, "brainnn: a walker beside controllers that do not walk")
    page.text(describe(walker))
    page.table(_means(scores), "Means over episodes; summary.csv has their intervals.")
    page.figures(draw_scores(scores, directory / "figures")).write()


def write_page(
    directory: Path, title: str, lines: Sequence[str], captions: Mapping[Path, str]
) -> None:
    """Write ``report.html`` of paragraphs and figures.

    Args:
        directory: Where to.
        title: Of the page.
        lines: Paragraphs; empty ones are left out.
        captions: Caption of each figure.
    """
    page = Report(directory, title)
    for line in filter(None, lines):
        page.text(line)
    page.figures(captions).write()


def draw_curves(trainings: list[Training], directory: Path) -> dict[Path, str]:
    """Draw learning curves.

    Args:
        trainings: One, or those of a sweep.
        directory: Of the page.

    Returns:
        Caption of the figure.
    """
    path = draw_training(
        learning_panels(trainings), directory / "figures" / "training", x_label="steps"
    )
    many = "Means over seeds with 95 % bootstrap intervals. " if len(trainings) > 1 else ""
    return {path: f"{many}While a teacher drives, the reward is the teacher's."}


def _means(scores: Mapping[str, Scores]) -> dict[str, list[object]]:
    return {
        name: column
        for name, column in score_table(scores).items()
        if not name.endswith(("_low", "_high"))
    }
