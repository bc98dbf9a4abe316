"""At which depth networks explain neurons best, trained and untrained."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from neuro_common.plots import new_figure
from neuro_common.style import figure_style, save_figure
from proprio_tcn.figures.tables import Explained, colour_of
from proprio_tcn.tasks.sixteen import TASKS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.lines import Line2D

__all__ = ["BestDepth", "best_depth_plot", "best_depths", "draw_depths"]

_ROW_MM = 9.0
_STEP = 0.12  # between networks of one depth, of the height of a row
_MOST = 0.36


class BestDepth(NamedTuple):
    """Where the best layer of a network lies.

    Attributes:
        session: Of the prediction.
        model: Name of the network.
        task: What it was taught, or "untrained".
        layers: Its depth.
        best: Place of the best layer, from 1.
        relative: The same from 0, the first layer, to 1, the last.
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
    """Of each network the layer that explains the training trials best.

    Networks of one layer have no choice, and are left out.

    Args:
        session: Name of the session.
        layers: Of a prediction.
    """
    found = []
    for model in dict.fromkeys(one.model for one in layers if one.depth):
        own = [one for one in layers if one.model == model]
        best = next((one for one in own if one.best), None)
        if best is None or best.kind not in ("trained", "untrained") or len(own) < 2:
            continue
        relative = (best.depth - 1) / (len(own) - 1)
        found.append(
            BestDepth(session, model, best.task, len(own), best.depth, relative, best.mean)
        )
    return found


def best_depth_plot(ax: "Axes", found: Sequence[BestDepth]) -> list["Line2D"]:
    """Draw the relative depth of best layers, a row for each task, and the mean of each row.

    Args:
        ax: Where to draw.
        found: Of all networks; untrained ones are the lowest row.

    Returns:
        The points of each row, from the top.
    """
    tasks = [name for name in TASKS if any(one.task == name for one in found)]
    tasks += ["untrained"] if any(one.task == "untrained" for one in found) else []
    lines: list[Line2D] = []
    for row, task in enumerate(tasks):
        own = sorted(one.relative for one in found if one.task == task)
        colour = colour_of("untrained" if task == "untrained" else "trained")
        look: dict[str, Any] = {"color": colour, "markersize": 4, "alpha": 0.8}
        lines += ax.plot(own, [row + one for one in _apart(own)], "o", linestyle="none", **look)
        mean = sum(own) / len(own)
        ax.plot([mean, mean], [row - 0.4, row + 0.4], color="black", linewidth=1.5)
    names = [TASKS[name].title if name in TASKS else name for name in tasks]
    ax.set_yticks(range(len(tasks)), names)
    ax.set(ylim=(len(tasks) - 0.5, -0.5), xlim=(-0.05, 1.05))
    ax.set_xlabel("relative depth of the best layer: 0 the first, 1 the last")
    ax.grid(axis="x", color="0.9", linewidth=0.6)
    ax.set_axisbelow(True)
    return lines


def draw_depths(found: Sequence[BestDepth], stem: Path) -> Path | None:
    """Draw best layers by relative depth, and save them with their numbers.

    Args:
        found: Of all networks.
        stem: Path without suffix.

    Returns:
        Path of the PNG; None if no trained network has a choice of layers.
    """
    if all(one.task == "untrained" for one in found):
        return None
    with figure_style():
        rows = len({one.task for one in found})
        figure, axes = new_figure(width_mm=140, height_mm=24 + _ROW_MM * rows)
        best_depth_plot(axes[0, 0], found)
        return save_figure(
            figure,
            stem,
            {name: [getattr(one, name) for one in found] for name in BestDepth._fields},
        )


def _apart(values: Sequence[float]) -> list[float]:
    """How far each of some ascending values stands from its row's middle, equal ones apart."""
    shifts: list[float] = []
    for value in dict.fromkeys(values):
        count = values.count(value)
        step = min(_STEP, 2 * _MOST / max(1, count - 1))
        shifts += [step * (place - (count - 1) / 2) for place in range(count)]
    return shifts
