"""Which roots a configuration recruits, beside the contacts that do it, at one scale."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neuro_common.style import save_figure
from spinal_rnn.figures.ink import faint, ink, ramp_colours
from spinal_rnn.figures.lead import lead_plot
from spinal_rnn.figures.page import SIDES, amplitude_legend, new_page, themed
from spinal_rnn.figures.shown import lead_columns
from spinal_rnn.lead import Lead

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.container import BarContainer

__all__ = ["LEVELS", "draw_roots", "roots_plot"]

LEVELS = ("L1", "L2", "L3", "L4", "L5", "S1", "S2")
"""The segments whose dorsal roots the lead reaches, from rostral to caudal."""

_RAMP = ("#12525c", "#2fa3a8", "#a8dfd3")
_FILL = 0.8


def roots_plot(
    ax: "Axes",
    z_mm: ArrayLike,
    recruited: ArrayLike,
    *,
    colours: ArrayLike,
    true: ArrayLike | None = None,
) -> list["BarContainer"]:
    """Recruited parts of one side's roots, bars where the roots lie, for several amplitudes.

    Args:
        ax: Where to draw; its vertical axis is that of the lead, in mm.
        z_mm: Where the roots lie, caudal positive, rising, shape (7,).
        recruited: Parts of their fibres, shape (amplitudes, 7).
        colours: One for each amplitude.
        true: What really was recruited, a diamond on each bar, shaped as ``recruited``.

    Returns:
        The bars of each amplitude, in percent.
    """
    z, parts = np.asarray(z_mm, dtype=np.float64), 100 * np.atleast_2d(recruited)
    room = _FILL * float(np.diff(z).min())
    slot = room / len(parts)
    drawn = []
    for number, (row, colour) in enumerate(zip(parts, np.asarray(colours), strict=True)):
        place = z + (number - (len(parts) - 1) / 2) * slot
        drawn.append(ax.barh(place, row, 0.9 * slot, color=[colour], linewidth=0))
        if true is not None:
            ax.plot(
                100 * np.atleast_2d(true)[number], place, "D", color=ink(ax), markersize=2.6,
                markeredgecolor=faint(ax, 0.0), markeredgewidth=0.4, clip_on=False, zorder=4,
            )  # fmt: skip
    ax.set_yticks(z, LEVELS)
    ax.tick_params(axis="y", length=0)
    return drawn


def draw_roots(
    lead: Lead,
    vector: NDArray[np.float64],
    amplitude_ma: ArrayLike,
    recruited: NDArray[np.float64],
    stem: Path,
    *,
    z_mm: ArrayLike,
    true: NDArray[np.float64] | None = None,
    what: str = "learned",
    theme: str = "light",
) -> Path:
    """Draw the recruited roots of both sides with the lead between them, at one scale.

    Args:
        lead: Where the contacts lie.
        vector: The configuration, shape (contacts,).
        amplitude_ma: Shape (amplitudes,).
        recruited: Parts of the roots' fibres, left then right, shape (amplitudes, 14).
        stem: Path of the figure without suffix.
        z_mm: Where the roots of a side lie, rising, shape (7,).
        true: What really was recruited, shaped as ``recruited``.
        what: What the bars are, for the legend: learned or true.
        theme: "light" or "dark".

    Returns:
        Path of the PNG.
    """
    amplitudes = np.asarray(amplitude_ma, dtype=np.float64)
    colours = ramp_colours(_RAMP, len(amplitudes))
    half = len(LEVELS)
    with themed(theme):
        figure, axes = new_page(
            1, 3, width_mm=140, height_mm=110, width_ratios=(1, 0.62, 1), sharey=True
        )
        left, middle, right = axes[0]
        lead_plot(middle, lead, vector)
        bottom, top = middle.get_ylim()
        for ax, name, roots in ((left, SIDES[0], range(half)), (right, SIDES[1], range(half, 14))):
            seen = None if true is None else true[:, roots]
            roots_plot(ax, np.asarray(z_mm), recruited[:, roots], colours=colours, true=seen)
            ax.set_title(name, loc="center")
            ax.set(xlabel="recruited fibres (%)", ylim=(bottom, top))
            ax.set_xlim((102, 0) if ax is left else (0, 102))
            ax.spines["left"].set_visible(False)
            ax.axvline(0, color=faint(ax, 0.5), linewidth=0.8)
        left.tick_params(labelleft=False, labelright=True)
        right.tick_params(labelleft=True)
        mark = None if true is None else ("D", ink(left), "true")
        amplitude_legend(figure, amplitudes, colours, mark=mark)
        columns: dict[str, Any] = lead_columns(lead, vector) | {"amplitude_ma": amplitudes}
        for word, values in ((what, recruited), ("true", true)):
            if values is not None:
                names = [f"{word}_{side}_{level}" for side in "LR" for level in LEVELS]
                columns |= dict(zip(names, values.T, strict=True))
        return save_figure(figure, stem, columns)
