"""Effects beside one another, each with its interval: of wiring, of lesions, of disturbances."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neuro_common.plots import new_figure
from neuro_common.style import FREE, PALETTE, figure_style, save_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.container import ErrorbarContainer

__all__ = ["Effects", "draw_effects", "forest_plot"]


class Effects(NamedTuple):
    """One number for each condition, with its interval.

    Attributes:
        mean: Shape (conditions,); NaN where there is none.
        low: Lower limit, NaN for a single repeat, shape (conditions,).
        high: Upper limit.
        none: What would be no effect: a line there; None is none.
    """

    mean: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    none: float | None = None


def forest_plot(
    ax: "Axes",
    names: Sequence[str],
    effects: Effects,
    *,
    grey: Sequence[bool] | None = None,
    filled: Sequence[bool] | None = None,
    unseen: ArrayLike | None = None,
) -> "ErrorbarContainer":
    """A row for each condition: a dot, its interval, and a line where there is no effect.

    A condition whose interval does not reach that line has a filled dot, unless ``filled`` tells.

    Args:
        ax: Where to draw.
        names: Of the conditions, from the top.
        effects: Of the conditions.
        grey: Conditions that are drawn grey, such as controls of others.
        filled: Conditions that have a filled dot.
        unseen: Shaded in each row: how far from no effect one may be and not be noticed, shape
            (conditions,); NaN where that is not known.

    Returns:
        The intervals.
    """
    rows = np.arange(len(names))
    mean, low, high, none = effects
    reach = np.nan_to_num(np.stack([mean - low, high - mean]))
    colours = [FREE if pale else PALETTE[0] for pale in grey or [False] * len(names)]
    look: dict[str, Any] = {"fmt": "none", "ecolor": colours, "elinewidth": 1.2}
    bars = ax.errorbar(mean, rows, xerr=reach, **look)
    clear = np.ones(len(names), bool) if none is None else (low > none) | (high < none)
    if unseen is not None:
        far = np.nan_to_num(np.asarray(unseen, dtype=np.float64))
        ax.use_sticky_edges = False
        ax.barh(rows, 2 * far, left=(none or 0.0) - far, height=0.8, color="0.9", zorder=0)
    for row, colour in enumerate(colours):
        fill = colour if (clear if filled is None else filled)[row] else "white"
        ax.plot(mean[row], row, "o", color=colour, markerfacecolor=fill, markersize=4.5)
    if none is not None:
        ax.axvline(none, color="0.7", linewidth=0.8, zorder=0)
    ax.set_yticks(rows, names)
    ax.set_ylim(len(names) - 0.4, -0.6)
    ax.tick_params(axis="y", length=0)
    ax.grid(axis="y", color="0.93", linewidth=0.6)
    ax.set_axisbelow(True)
    return bars


def draw_effects(
    names: Sequence[str],
    panels: Mapping[str, Effects],
    stem: Path,
    *,
    grey: Sequence[bool] | None = None,
    sizes: ArrayLike | None = None,
) -> Path:
    """Draw effects of the same conditions on several numbers, side by side.

    Args:
        names: Of the conditions, from the top.
        panels: Effects by the label of the number.
        stem: Path of the figure without suffix.
        grey: As for `forest_plot`.
        sizes: Number of neurons of each condition, shown in brackets.

    Returns:
        Path of the PNG.
    """
    numbers: dict[str, Any] = {"condition": list(names)}
    labels = list(names)
    if sizes is not None:
        numbers["neurons"] = np.asarray(sizes)
        labels = [f"{name} ({size})" for name, size in zip(names, np.asarray(sizes), strict=True)]
    with figure_style():
        figure, axes = new_figure(
            1, len(panels), height_mm=28 + 5.2 * len(labels), width_mm=50 + 48 * len(panels),
            sharey=True,
        )  # fmt: skip
        for ax, (label, effects) in zip(axes[0], panels.items(), strict=True):
            forest_plot(ax, labels, effects, grey=grey)
            ax.set_xlabel(label)
            ax.spines["left"].set_visible(False)
            for part in ("mean", "low", "high"):
                numbers[f"{label} {part}"] = getattr(effects, part)
        return save_figure(figure, stem, numbers)
