"""Which contact reaches which muscle: the lead once for each muscle, its contacts coloured."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neuro_common.extras import require
from neuro_common.style import save_figure
from spinal_rnn.figures.ink import faint, ink
from spinal_rnn.figures.lead import paddle_mm
from spinal_rnn.figures.page import SIDES, new_page, themed
from spinal_rnn.figures.shown import muscle_columns
from spinal_rnn.lead import Lead
from spinal_rnn.muscles import MUSCLES, SIDE

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.collections import PatchCollection

__all__ = ["contact_plot", "draw_contacts"]

_COLOURS = "viridis"


def contact_plot(
    ax: "Axes", lead: Lead, values: ArrayLike, *, largest: float = 100.0
) -> "PatchCollection":
    """The contacts at their places, coloured by a value; one that is NaN stays empty.

    Args:
        ax: Where to draw; its scale becomes mm in both directions, caudal down.
        lead: Where the contacts lie.
        values: Shape (contacts without the case,).
        largest: Where the colours end; they begin at 0.

    Returns:
        The contacts.
    """
    patches = require("matplotlib.patches", "plot")
    width, length = lead.contact_mm
    # wider than to scale, so that the colours are seen
    boxes = [
        patches.Rectangle((x - width, z - length / 2), 2 * width, length)
        for x, z in zip(lead.x_mm[:-1], lead.z_mm[:-1], strict=True)
    ]
    left, right, top, bottom = paddle_mm(lead)
    ax.add_patch(
        patches.Rectangle(
            (left - 1, top), right - left + 2, bottom - top, facecolor=faint(ax, 0.06),
            edgecolor=faint(ax, 0.35), linewidth=0.7,
        )
    )  # fmt: skip
    drawn: PatchCollection = require("matplotlib.collections", "plot").PatchCollection(
        boxes, cmap=_COLOURS, edgecolor=[faint(ax, 0.5)], linewidth=0.5
    )
    drawn.set_array(np.ma.masked_invalid(np.asarray(values, dtype=np.float64)))
    drawn.set_clim(0, largest)
    ax.add_collection(drawn)
    ax.set(xlim=(left - 2, right + 2), ylim=(bottom + 1, top - 1))
    ax.set_aspect("equal")
    ax.set_axis_off()
    return drawn


def draw_contacts(
    lead: Lead, response: NDArray[np.float64], stem: Path, *, theme: str = "light"
) -> Path:
    """Draw what each contact as the only cathode evokes in each muscle.

    Args:
        lead: Where the contacts lie.
        response: As parts of the large ones, NaN where there is none, shape (contacts without the
            case, 14).
        stem: Path of the figure without suffix.
        theme: "light" or "dark".

    Returns:
        Path of the PNG.
    """
    percent = 100 * np.asarray(response, dtype=np.float64)
    largest = float(np.nanmax(percent, initial=1.0))
    with themed(theme):
        figure, axes = new_page(len(SIDES), len(SIDE), height_mm=118)
        for muscle, ax in enumerate(axes.flat):
            drawn = contact_plot(ax, lead, percent[:, muscle], largest=largest)
            ax.set_title(MUSCLES[muscle], loc="center")
        bar = figure.colorbar(drawn, ax=axes.ravel().tolist(), shrink=0.5, aspect=25, pad=0.01)
        bar.set_label("response (%)")
        bar.outline.set_edgecolor(ink(axes[0, 0]))
        columns: dict[str, Any] = {"contact": np.arange(len(percent))}
        return save_figure(figure, stem, columns | muscle_columns("response", percent))
