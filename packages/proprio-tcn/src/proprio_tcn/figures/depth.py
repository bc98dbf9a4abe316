"""What networks of each task explain at best, and at which depth, beside untrained ones."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from neuro_common.plots import new_figure
from neuro_common.style import figure_style, save_figure
from proprio_tcn.figures.tables import LOWEST, Explained, colour_of
from proprio_tcn.tasks.sixteen import TASKS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.lines import Line2D

__all__ = ["BestDepth", "best_depth_plot", "best_depths", "draw_depths", "task_plot"]

_ROW_MM = 9.0
_STEP = 0.12  # between networks of one depth, of the height of a row
_MOST = 0.36
_LOOK: dict[str, Any] = {
    "linestyle": "none",
    "markersize": 4,
    "alpha": 0.8,
    "markeredgecolor": "white",
    "markeredgewidth": 0.3,
}


class BestDepth(NamedTuple):
    """Where the best layer of a model lies.

    Attributes:
        session: Of the prediction.
        model: Name of the model.
        task: What it was taught, or its kind: "untrained", "data-driven", "linear".
        layers: Its depth.
        best: Place of the best layer, from 1; 0 for what has no layers.
        relative: The same from 0, the first layer, to 1, the last; NaN without a choice of layers.
        test_ev: Mean test explained variance of that layer.
    """

    session: str
    model: str
    task: str
    layers: int
    best: int
    relative: float
    test_ev: float


def best_depths(session: str, layers: Sequence[Explained]) -> list[BestDepth]:
    """Of each model the layer that explains the training trials best.

    Args:
        session: Name of the session.
        layers: Of a prediction.
    """
    depth: dict[str, int] = {}
    for one in layers:
        depth[one.model] = depth.get(one.model, 0) + 1
    found = []
    for one in (one for one in layers if one.best):
        count = depth[one.model]
        relative = (one.depth - 1) / (count - 1) if count > 1 else math.nan
        found.append(BestDepth(session, one.model, one.task, count, one.depth, relative, one.mean))
    return found


def task_plot(ax: "Axes", found: Sequence[BestDepth]) -> list["Line2D"]:
    """Draw what best layers explain, a row for each task, and the mean of each row of networks.

    Within a row models stand in their order: networks of one architecture at much the same height.
    Linear models far below all networks are cut off, all but the best.

    Args:
        ax: Where to draw.
        found: Of all models; those that were taught no task are the lowest rows.

    Returns:
        The points of each row, from the top.
    """
    lines: list[Line2D] = []
    for row, task in enumerate(_tasks(found)):
        own = [one.test_ev for one in found if one.task == task]
        height = row - _MOST + 2 * _MOST * (np.arange(len(own)) + 0.5) / len(own)
        lines += ax.plot(own, height, "o", color=_colour(task), **_LOOK)
        if task != "linear":
            ax.plot([sum(own) / len(own)] * 2, [row - 0.4, row + 0.4], color="black", linewidth=1.5)
    _label(ax, _tasks(found))
    ax.set_xlabel("test explained variance of the best layer")
    linear = [one.test_ev for one in found if one.task == "linear"]
    shown = [one.test_ev for one in found if one.task != "linear"]
    shown += [max(linear)] if linear else []
    margin = 0.08 * (max(shown) - min(shown)) + 0.01
    ax.set_xlim(max(min(shown) - margin, LOWEST), max(*shown, LOWEST) + margin)
    return lines


def best_depth_plot(ax: "Axes", found: Sequence[BestDepth]) -> list["Line2D"]:
    """Draw the relative depth of best layers, a row for each task, and the mean of each row.

    Args:
        ax: Where to draw.
        found: Of all models; those without a choice of layers have no point.

    Returns:
        The points of each row, from the top.
    """
    lines: list[Line2D] = []
    for row, task in enumerate(_tasks(found)):
        known = (one.relative for one in found if one.task == task)
        own = sorted(one for one in known if not math.isnan(one))
        height = [row + one for one in _apart(own)]
        lines += ax.plot(own, height, "o", color=_colour(task), **_LOOK)
        if own:
            ax.plot([sum(own) / len(own)] * 2, [row - 0.4, row + 0.4], color="black", linewidth=1.5)
    _label(ax, _tasks(found))
    ax.set(xlim=(-0.05, 1.05), xlabel="relative depth of the best layer:\n0 the first, 1 the last")
    return lines


def draw_depths(found: Sequence[BestDepth], stem: Path) -> Path | None:
    """Draw what best layers explain, and where they lie, and save them with their numbers.

    Args:
        found: Of all models.
        stem: Path without suffix.

    Returns:
        Path of the PNG; None if no trained network has a choice of layers.
    """
    if all(one.task not in TASKS or math.isnan(one.relative) for one in found):
        return None
    with figure_style():
        rows = len({one.task for one in found})
        figure, axes = new_figure(1, 2, height_mm=32 + _ROW_MM * rows)
        task_plot(axes[0, 0], found)
        axes[0, 0].set_title("WHAT IS EXPLAINED")
        best_depth_plot(axes[0, 1], found)
        axes[0, 1].set(title="WHERE", yticklabels=[])
        return save_figure(
            figure,
            stem,
            {name: [getattr(one, name) for one in found] for name in BestDepth._fields},
        )


def _tasks(found: Sequence[BestDepth]) -> list[str]:
    """Tasks in their order, then what was taught none."""
    there = {one.task for one in found}
    return [name for name in (*TASKS, "untrained", "data-driven", "linear") if name in there]


def _colour(task: str) -> str:
    return colour_of("trained" if task in TASKS else task)


def _label(ax: "Axes", tasks: Sequence[str]) -> None:
    ax.set_yticks(range(len(tasks)), [TASKS[n].title if n in TASKS else n for n in tasks])
    ax.set_ylim(len(tasks) - 0.5, -0.5)
    ax.grid(axis="x", color="0.9", linewidth=0.6)
    ax.set_axisbelow(True)


def _apart(values: Sequence[float]) -> list[float]:
    """How far each of some ascending values stands from its row's middle, equal ones apart."""
    shifts: list[float] = []
    for value in dict.fromkeys(values):
        count = values.count(value)
        step = min(_STEP, 2 * _MOST / max(1, count - 1))
        shifts += [step * (place - (count - 1) / 2) for place in range(count)]
    return shifts
