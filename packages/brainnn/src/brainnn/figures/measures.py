"""Figures of measures: how degrees and counts are distributed, and where null models lie."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from brainnn.connectome.compare import degrees
from brainnn.connectome.graph import Connectome
from neuro_common.extras import require
from neuro_common.plots import new_figure
from neuro_common.style import PALETTE, figure_style, save_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.collections import PathCollection
    from matplotlib.lines import Line2D

__all__ = ["degree_plot", "draw_degrees", "draw_nulls", "measure_plot"]


def degree_plot(
    ax: "Axes", values: Mapping[str, ArrayLike], *, x_label: str, logarithmic: bool = False
) -> list["Line2D"]:
    """How many have at least so much: a falling staircase for each graph.

    Args:
        ax: Where to draw.
        values: Degrees of neurons or counts of edges by name, each of shape (values,).
        x_label: What they are.
        logarithmic: Whether the axis of the values is.

    Returns:
        A line for each name.
    """
    lines = []
    for index, (name, column) in enumerate(values.items()):
        found, share = _survival(np.asarray(column))
        lines += ax.plot(
            found, share, drawstyle="steps-pre", color=PALETTE[index % len(PALETTE)], label=name
        )
    ax.set(xlabel=x_label, ylabel="part with at least this", yscale="log")
    ax.yaxis.set_major_formatter("{x:g}")
    if logarithmic:
        ax.set_xscale("log")
        ax.xaxis.set_major_formatter("{x:g}")
    return lines


def measure_plot(ax: "Axes", values: Mapping[str, Sequence[float]]) -> list["PathCollection"]:
    """One measure of a connectome, as a line, and of draws of its null models, as dots.

    Args:
        ax: Where to draw; a row for each null model, from top to bottom.
        values: The measure of each draw by the name of the null model; the first is the connectome
            itself, once.

    Returns:
        The dots of each null model.
    """
    (_, (real,)), *nulls = values.items()
    ax.axvline(real, color=PALETTE[1], linewidth=1.2, zorder=1)
    dots = []
    for row, (_, column) in enumerate(nulls):
        # neighbouring draws stand a little apart, so that equal ones can be counted
        lift = 0.25 * (np.arange(len(column)) % 3 - 1)
        dots.append(
            ax.scatter(column, row + lift, s=9, color=PALETTE[0], alpha=0.6, linewidths=0, zorder=2)
        )
    ax.set(ylim=(len(nulls) - 0.5, -0.5))
    ax.set_yticks(range(len(nulls)), [name for name, _ in nulls])
    ax.tick_params(axis="y", length=0)
    return dots


def draw_degrees(connectomes: Sequence[Connectome], stem: Path) -> Path:
    """Draw the distributions of in-degree, out-degree and synapses per edge of some graphs.

    Args:
        connectomes: Of different names.
        stem: Path of the figure without suffix.

    Returns:
        Path of the PNG.
    """
    inward = {one.name: degrees(one)[0] for one in connectomes}
    outward = {one.name: degrees(one)[1] for one in connectomes}
    counts = {one.name: one.synapse_count.data for one in connectomes}
    with figure_style():
        figure, axes = new_figure(1, 3, height_mm=70)
        degree_plot(axes[0, 0], inward, x_label="in-degree (neurons)")
        degree_plot(axes[0, 1], outward, x_label="out-degree (neurons)")
        lines = degree_plot(axes[0, 2], counts, x_label="synapses per edge", logarithmic=True)
        for ax in axes[0, 1:]:
            ax.set_ylabel("")
        if len(lines) > 1:
            figure.legend(handles=lines, loc="outside upper center", ncols=min(len(lines), 4))
        columns: dict[str, NDArray[Any]] = {}
        kinds = {"in_degree": inward, "out_degree": outward, "synapses": counts}
        for kind, values in kinds.items():
            for name, column in values.items():
                found, share = _survival(np.asarray(column))
                columns |= {f"{name} {kind}": found, f"{name} {kind} share": share}
        return save_figure(figure, stem, columns)


def draw_nulls(panels: Mapping[str, Mapping[str, Sequence[float]]], stem: Path) -> Path:
    """Draw measures of a connectome against those of its null models.

    Args:
        panels: For each measure what `measure_plot` takes.
        stem: Path of the figure without suffix.

    Returns:
        Path of the PNG.
    """
    columns = 3
    rows = -(-len(panels) // columns)
    nulls = max(len(values) - 1 for values in panels.values())
    with figure_style():
        figure, axes = new_figure(rows, columns, height_mm=20 + rows * (18 + 5 * nulls))
        for ax, (name, values) in zip(axes.flat, panels.items(), strict=False):
            measure_plot(ax, values)
            ax.set_title(name, fontsize=8)
            ax.locator_params(axis="x", nbins=5)
            ax.tick_params(labelleft=ax in axes[:, 0])
        for ax in axes.flat[len(panels) :]:
            ax.set_axis_off()
        line = require("matplotlib.lines", "plot").Line2D
        real = next(iter(next(iter(panels.values()))))
        figure.legend(
            handles=[
                line([], [], color=PALETTE[1], label=real),
                line([], [], color=PALETTE[0], marker="o", markersize=3, ls="", label="null model"),
            ],
            loc="outside upper left",
            ncols=2,
        )
        numbers = {
            f"{name}: {graph}": column
            for name, values in panels.items()
            for graph, column in values.items()
        }
        return save_figure(figure, stem, numbers)


def _survival(values: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.float64]]:
    found, times = np.unique(values, return_counts=True)
    return found, np.cumsum(times[::-1])[::-1] / max(len(values), 1)
