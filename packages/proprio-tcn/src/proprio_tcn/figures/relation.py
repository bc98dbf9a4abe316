"""What networks can do against what they explain of neurons."""

import math
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from neuro_common.plots import new_figure
from neuro_common.style import PALETTE, figure_style, save_figure
from proprio_tcn.neural.relations import Standing
from proprio_tcn.tasks.sixteen import TASKS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.lines import Line2D

__all__ = ["draw_relation", "relation_plot"]

_COLUMNS = 4
_WIDTH = 16  # letters of a line above a panel
_LINE = 28  # of a correlation there


def relation_plot(ax: "Axes", standings: Sequence[Standing]) -> list["Line2D"]:
    """Draw performance against explained variance, a colour for each prediction of a session.

    Args:
        ax: Where to draw.
        standings: Of one task.

    Returns:
        One set of points for each prediction.
    """
    lines = []
    for number, session in enumerate(dict.fromkeys(one.session for one in standings)):
        own = [one for one in standings if one.session == session]
        lines += ax.plot(
            [one.performance for one in own],
            [one.test_ev for one in own],
            "o",
            color=PALETTE[number % len(PALETTE)],
            markersize=4,
            alpha=0.8,
            label=f"{Path(session).name} {own[0].window}",
        )
    ax.locator_params(axis="x", nbins=3)
    ax.tick_params(labelsize=7)
    ax.locator_params(axis="y", nbins=4)
    return lines


def draw_relation(
    standings: Sequence[Standing],
    relations: Mapping[str, Sequence[str]],
    stem: Path,
) -> Path:
    """Draw a panel for each task with its partial correlations, and save them with their numbers.

    Args:
        standings: Of all networks that have a performance.
        relations: Columns of ``relations.csv``; tasks it lacks have no correlation.
        stem: Path without suffix.

    Returns:
        Path of the PNG.

    Raises:
        ValueError: There is no network with a performance.
    """
    tasks = [name for name in TASKS if any(one.task == name for one in standings)]
    if not tasks:
        raise ValueError(
            "predictions must hold trained networks with a performance to relate, got none: give "
            "`proprio-tcn predict` networks=[DIR]"
        )
    several = len({one.window for one in standings}) > 1
    told = _correlations(relations, several=several)
    cols = min(_COLUMNS, len(tasks))
    rows = -(-len(tasks) // cols)
    with figure_style():
        figure, axes = new_figure(
            rows, cols, height_mm=28 + 50 * rows, width_mm=max(45 * cols, 100)
        )
        handles: dict[str, Any] = {}
        for place, ax in enumerate(axes.ravel()):
            if place >= len(tasks):
                ax.remove()
                continue
            task = tasks[place]
            lines = relation_plot(ax, [one for one in standings if one.task == task])
            handles |= {str(one.get_label()): one for one in lines}
            title = textwrap.fill(TASKS[task].title, _WIDTH)
            lines_of = [title, *told.get(task, ["too few for r"])]
            ax.set_title("\n".join(lines_of), fontsize=6 if several else 7.5)
            heads = TASKS[task].head in ("classify", "project")
            ax.set_xlabel("accuracy" if heads else "R2 in movement")
            if place % cols == 0:
                ax.set_ylabel("test explained variance")
        figure.legend(
            handles=list(handles.values()),
            loc="outside lower center",
            fontsize=7,
            ncols=min(3, len(handles)),
        )
        names = ("session", "window", "model", "task", "layers", "performance", "test_ev")
        return save_figure(
            figure, stem, {name: [getattr(one, name) for one in standings] for name in names}
        )


def _correlations(relations: Mapping[str, Sequence[str]], *, several: bool) -> dict[str, list[str]]:
    """A line for each correlation of a task; of several windows each is named."""
    found: dict[str, list[str]] = {}
    # tables of earlier versions pooled all windows
    windows = relations.get("window", ["all windows"] * len(relations["task"]))
    columns = (relations[name] for name in ("task", "r", "p"))
    for window, task, *numbers in zip(windows, *columns, strict=True):
        r, p = (float(one or "nan") for one in numbers)
        if math.isfinite(r) and math.isfinite(p):
            name = f"{window.replace('_', ' ')}: " if several else ""
            line = textwrap.fill(f"{name}r {r:.2f}, p {p:.2g}", _LINE)
            found.setdefault(task, []).append(line)
    return found
