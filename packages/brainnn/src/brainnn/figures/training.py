"""How learning went: curves with their intervals over seeds."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from brainnn.analysis.curves import LearningCurve
from neuro_common.plots import new_figure
from neuro_common.style import PALETTE, figure_style, save_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.lines import Line2D

__all__ = ["curve_plot", "draw_training"]

_DASHES = ("-", (0, (4, 2)), (0, (1, 1)))


def curve_plot(
    ax: "Axes",
    curves: Mapping[str, LearningCurve],
    *,
    x_label: str,
    y_label: str,
    names: Sequence[str] | None = None,
) -> list["Line2D"]:
    """Mean curves with bands.

    Args:
        ax: Where to draw.
        curves: By the name in the legend; after seven the colours return, dashed.
        x_label: Label of the steps.
        y_label: Label of the numbers.
        names: All names of the figure, whose order gives the colours; None takes those drawn here.

    Returns:
        One line for each curve.
    """
    lines = []
    order = [*(curves if names is None else names)]
    for name, curve in curves.items():
        number = order.index(name)
        colour = PALETTE[number % len(PALETTE)]
        dash: Any = _DASHES[number // len(PALETTE) % len(_DASHES)]
        lines += ax.plot(curve.step, curve.mean, color=colour, linestyle=dash, label=name)
        if np.isfinite(curve.low).all():
            ax.fill_between(curve.step, curve.low, curve.high, color=colour, alpha=0.2, linewidth=0)
    ax.set(xlabel=x_label, ylabel=y_label)
    ax.margins(x=0)
    return lines


def draw_training(
    panels: Mapping[str, Mapping[str, LearningCurve]], stem: Path, *, x_label: str
) -> Path:
    """Draw learning curves, a panel for each number that was followed.

    Args:
        panels: Curves by name, by the label of the panel's numbers.
        stem: Path of the figure without suffix.
        x_label: Label of the steps.

    Returns:
        Path of the PNG.
    """
    from matplotlib.ticker import EngFormatter

    # one colour for a name in all panels, some of which may lack it
    names = [*dict.fromkeys(name for curves in panels.values() for name in curves)]
    columns = len(panels) if len(panels) <= 3 else 2
    rows = -(-len(panels) // columns)
    numbers: dict[str, ArrayLike] = {}
    with figure_style():
        figure, axes = new_figure(
            rows, columns, width_mm=max(95, 60 * columns), height_mm=20 + 45 * rows, sharex=True
        )
        for ax, (label, curves) in zip(axes.flat, panels.items(), strict=False):
            curve_plot(ax, curves, x_label=x_label, y_label=label, names=names)
            ax.xaxis.set_major_formatter(EngFormatter(sep=""))
            for name, curve in curves.items():
                numbers |= {f"{name} {label} {part}": values for part, values in _parts(curve)}
        for ax in axes[:-1].flat:
            ax.set_xlabel("")
        for ax in axes.flat[len(panels) :]:
            ax.set_axis_off()
        drawn = {str(line.get_label()): line for ax in axes.flat for line in ax.get_lines()}
        if len(names) > 1:
            handles = [drawn[name] for name in names]
            figure.legend(handles, names, loc="outside lower center", ncols=min(4, len(names)))
        return save_figure(figure, stem, numbers)


def _parts(curve: LearningCurve) -> list[tuple[str, ArrayLike]]:
    return [(name, values) for name, values in curve._asdict().items()]
