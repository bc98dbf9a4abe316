"""Who is active when in a stride: one row a neuron, in the order of their preferred phases."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from brainnn.analysis.phase import PhaseTuning
from neuro_common.plots import new_figure
from neuro_common.style import PALETTE, figure_style, save_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.image import AxesImage
    from matplotlib.lines import Line2D

__all__ = ["draw_activity", "phase_heat_map", "preferred_order", "tuning_curve"]

_ROW_MM, _LEAST_MM, _MOST_MM = 3.0, 45.0, 190.0
_MOST_LABELS = 70


def preferred_order(tuning: PhaseTuning) -> NDArray[np.intp]:
    """Neurons by preferred phase; those whose activity is constant come last.

    Args:
        tuning: Of neurons.

    Returns:
        Shape (neurons,).
    """
    return np.lexsort((tuning.preferred, np.isnan(tuning.explained)))


def phase_heat_map(ax: "Axes", tuning: PhaseTuning, order: ArrayLike) -> "AxesImage":
    """Mean activity by phase, each neuron from its least to its largest, and preferred phases.

    Constant neurons are grey.

    Args:
        ax: Where to draw.
        tuning: Of neurons.
        order: Number of the neuron in each row, from the top.

    Returns:
        The image.
    """
    rows = np.asarray(order)
    low = tuning.mean.min(axis=0)
    span = tuning.mean.max(axis=0) - low
    still = np.isnan(tuning.explained)
    scaled = np.where(still, np.nan, (tuning.mean - low) / np.where(still, 1.0, span))
    image = ax.imshow(
        scaled.T[rows],
        extent=(0, 100, len(rows), 0),
        aspect="auto",
        cmap="viridis",
        vmin=0,
        vmax=1,
        interpolation="nearest",
    )
    at = np.where(still, np.nan, 100 * tuning.preferred)[rows]
    look: dict[str, Any] = {"color": PALETTE[1], "markersize": 3, "markeredgewidth": 0}
    ax.plot(at, np.arange(len(rows)) + 0.5, "o", **look)
    ax.set_facecolor("0.8")
    ax.set(xlim=(0, 100), ylim=(len(rows), 0), xlabel="stride of leg 1 (%)")
    return image


def tuning_curve(
    ax: "Axes", tuning: PhaseTuning, neuron: int, *, colour: str, label: str
) -> list["Line2D"]:
    """Mean of one column over the stride, with its interval over runs.

    Args:
        ax: Where to draw.
        tuning: Of neurons, or of contacts.
        neuron: Which of them.
        colour: Of line and band.
        label: Entry in the legend.

    Returns:
        The line.
    """
    percent = 100 * tuning.phase
    low, high = tuning.low[:, neuron], tuning.high[:, neuron]
    if np.isfinite(low).all():
        ax.fill_between(percent, low, high, color=colour, alpha=0.25, linewidth=0)
    return ax.plot(percent, tuning.mean[:, neuron], color=colour, label=label)


def draw_activity(
    tuning: PhaseTuning,
    contacts: PhaseTuning,
    names: Sequence[str],
    types: Sequence[str],
    stem: Path,
) -> Path:
    """Draw the activity of neurons against the stride, below the stances of both legs.

    Args:
        tuning: Of the neurons.
        contacts: Of the contacts of the two feet.
        names: Of the neurons, shape (neurons,).
        types: Their cell types, "" where unknown, shape (neurons,).
        stem: Path of the figure without suffix.

    Returns:
        Path of the PNG.
    """
    order = preferred_order(tuning)
    labels = [types[neuron] or names[neuron] for neuron in order]
    map_mm = min(max(_LEAST_MM, _ROW_MM * len(order)), _MOST_MM)
    with figure_style():
        figure, axes = new_figure(
            2, 1, width_mm=120, height_mm=map_mm + 45, sharex=True, height_ratios=(18, map_mm)
        )
        feet, heat = axes[:, 0]
        for leg, colour in enumerate(PALETTE[:2]):
            tuning_curve(feet, contacts, leg, colour=colour, label=f"leg {leg + 1}")
        feet.set(ylabel="on the\nground", ylim=(-0.03, 1.03))
        feet.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2)
        image = phase_heat_map(heat, tuning, order)
        if len(labels) <= _MOST_LABELS:
            heat.set_yticks(np.arange(len(labels)) + 0.5, labels, fontsize=5.5)
            heat.tick_params(axis="y", length=0)
        else:
            heat.set_ylabel("neurons, by preferred phase")
            heat.set_yticks([])
        bar = figure.colorbar(image, ax=heat, shrink=0.4, aspect=15, ticks=(0, 1))
        bar.ax.set_yticklabels(("least", "most"))
        bar.set_label("mean activity of each neuron", labelpad=-12)
        return save_figure(figure, stem, _columns(tuning, contacts, names, types, order))


def _columns(
    tuning: PhaseTuning,
    contacts: PhaseTuning,
    names: Sequence[str],
    types: Sequence[str],
    order: NDArray[np.intp],
) -> Mapping[str, ArrayLike]:
    """One row a neuron, then the curves; the number of a curve is the row of its neuron."""
    columns: dict[str, Any] = {
        "neuron": [names[neuron] for neuron in order],
        "type": [types[neuron] for neuron in order],
        "preferred_phase": tuning.preferred[order],
        "depth": tuning.depth[order],
        "explained": tuning.explained[order],
        "phase": tuning.phase,
    }
    columns |= {f"leg_{leg + 1}_contact": contacts.mean[:, leg] for leg in range(2)}
    for row, neuron in enumerate(order):
        columns[f"mean_{row}"] = tuning.mean[:, neuron]
        columns[f"low_{row}"], columns[f"high_{row}"] = (
            tuning.low[:, neuron],
            tuning.high[:, neuron],
        )
    return columns
