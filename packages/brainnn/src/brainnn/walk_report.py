"""What is drawn and told of a walk: figures with captions, and tables of scores."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from brainnn.analysis.recording import Walk
from brainnn.analysis.rhythm import best_frame, walk_tuning
from brainnn.bodies.clip import Clip
from brainnn.bodies.planar_biped import DT_S
from brainnn.figures.activity import draw_activity
from brainnn.figures.effects import Effects, draw_effects
from brainnn.figures.gait import draw_gait, draw_portraits, draw_stances
from brainnn.learning.evaluation import SCORES, summarise

__all__ = [
    "Stretch",
    "draw_neurons",
    "draw_scores",
    "draw_walk",
    "last_stretch",
    "score_columns",
    "score_lines",
    "score_table",
]

Scores = Mapping[str, NDArray[np.float64]]
Captions = dict[Path, str]

_SHOWN = {
    "speed": "forward speed (observation units)",
    "native_return": "native return",
    "shaped_return": "shaped return",
    "upright": "episodes without a fall (%)",
}
"""Scores that are drawn, and their labels."""


@dataclass(frozen=True, eq=False)
class Stretch:
    """The end of a walk, beside the part of the reference that fits best.

    Attributes:
        states: Observations, one more than actions, shape (time + 1, 14 or more).
        actions: Shape (time, 4).
        reference: States and actions of the reference.
    """

    states: NDArray[np.float32]
    actions: NDArray[np.float32]
    reference: tuple[NDArray[np.float32], NDArray[np.float32]]


def last_stretch(walk: Walk, clip: Clip, last_s: float) -> Stretch:
    """The end of the longest episode.

    Args:
        walk: The episodes.
        clip: The reference.
        last_s: Duration; less where episode or reference are shorter.
    """
    runs = walk.rollouts
    longest = int(runs.lengths.argmax())
    stop = int(runs.lengths[longest])
    frames = min(round(last_s / DT_S), stop, clip.steps)
    states = runs.observations[longest, stop - frames : stop + 1]
    first = best_frame(states, clip)
    matching = clip.states[first : first + frames + 1], clip.actions[first : first + frames]
    return Stretch(states, runs.actions[longest, stop - frames : stop], matching)


def draw_walk(stretch: Stretch, directory: Path) -> Captions:
    """Draw the end of a walk: beside its reference, as portraits, as a gait diagram.

    Args:
        stretch: The end of a walk.
        directory: Where the figures go.

    Returns:
        Caption of each PNG.
    """
    states, actions, reference = stretch.states, stretch.actions, stretch.reference
    aligned = "the reference begins where it fits best"
    return {
        draw_gait(states, actions, reference, directory / "gait"): (
            f"Joint angles, joint speeds, torques and hull at the end of the walk; {aligned}."
        ),
        draw_portraits(states, reference[0], directory / "portraits"): (
            "Speed of each joint against its angle: a steady gait is a closed loop. Dots: the end."
        ),
        draw_stances(
            {"network": states, "reference": reference[0]}, directory / "stances"
        ): f"When each foot is on the ground; {aligned}.",
    }


def draw_neurons(walk: Walk, neurons: str | None, directory: Path, *, seed: int = 0) -> Captions:
    """Draw when in a stride neurons are active.

    Args:
        walk: With rates.
        neurons: Class or cell type; None is all.
        directory: Where the figure goes.
        seed: Of the intervals.

    Returns:
        Caption of the PNG.

    Raises:
        ValueError: There is no such neuron, the walk has no rates, or it has not enough strides.
    """
    classes, types = np.array(walk.classes), np.array(walk.types)
    chosen = np.flatnonzero((classes == neurons) | (types == neurons) | (neurons is None))
    if walk.rates is not None and len(chosen) == 0:
        raise ValueError(
            f"neurons must be a class ({', '.join(sorted({*walk.classes} - {''}))}) or a cell type "
            f"of the network, or null for all, got {neurons!r}"
        )
    tuning, feet = walk_tuning(walk, chosen, seed=seed)
    names = [walk.ids[neuron] for neuron in chosen]
    labels = [walk.types[neuron] for neuron in chosen]
    path = draw_activity(tuning, feet, names, labels, directory / "activity")
    return {
        path: "Mean activity over the stride of leg 1, which begins at its touch-down; one row a "
        "neuron, in the order of the phase (dot) at which the first harmonic of its activity "
        "peaks. Grey: constant. Above: share of the strides in which a foot is on the ground."
    }


def draw_scores(scores: Mapping[str, Scores], directory: Path) -> Captions:
    """Draw the scores of controllers side by side.

    Args:
        scores: As `brainnn.learning.evaluation.score` gives them, by controller.
        directory: Where the figure goes.

    Returns:
        Caption of the PNG.
    """
    panels: dict[str, Effects] = {}
    for name, label in _SHOWN.items():
        found = [_summary(one)[name] for one in scores.values()]
        mean, low, high = (np.array(part, dtype=np.float64) for part in zip(*found, strict=True))
        if np.isfinite(mean).any():
            panels[label] = Effects(mean, low, high)
    path = draw_effects([*scores], panels, directory / "scores")
    return {path: "Means over episodes with 95 % bootstrap intervals."}


def score_table(scores: Mapping[str, Scores]) -> dict[str, list[Any]]:
    """Means and intervals by controller, a row each; ``fell`` becomes ``upright``, in percent.

    Args:
        scores: By controller.
    """
    table: dict[str, list[Any]] = {"controller": [*scores]}
    summaries = [_summary(one) for one in scores.values()]
    for name in summaries[0] if summaries else ():
        mean, low, high = zip(*(one[name] for one in summaries), strict=True)
        table |= {name: list(mean), f"{name}_low": list(low), f"{name}_high": list(high)}
    return table


def score_columns(scores: Mapping[str, Scores]) -> dict[str, list[Any]]:
    """One row for each controller and episode.

    Args:
        scores: By controller.
    """
    rows = [(name, len(one["seed"])) for name, one in scores.items()]
    columns: dict[str, list[Any]] = {
        "controller": [name for name, episodes in rows for _ in range(episodes)]
    }
    for column in ("seed", *SCORES):
        columns[column] = np.concatenate([one[column] for one in scores.values()]).tolist()
    return columns


def score_lines(scores: Mapping[str, Scores]) -> list[str]:
    """A line for each controller, to be printed.

    Args:
        scores: By controller.
    """
    lines = [f"{'':14}{'speed':>8}{'upright':>9}{'native':>9}{'shaped':>9}{'strides/s':>11}"]
    for name, one in scores.items():
        means = {key: interval[0] for key, interval in _summary(one).items()}
        lines.append(
            f"{name:14}{means['speed']:8.3f}{means['upright']:8.0f}%{means['native_return']:9.1f}"
            f"{means['shaped_return']:9.1f}{means['stride_hz']:11.2f}"
        )
    return lines


def _summary(scores: Scores) -> dict[str, tuple[float, float, float]]:
    found = {name: tuple(interval) for name, interval in summarise(scores).items()}
    mean, low, high = found.pop("fell")
    found["upright"] = (100 * (1 - mean), 100 * (1 - high), 100 * (1 - low))
    return found  # type: ignore[return-value]
