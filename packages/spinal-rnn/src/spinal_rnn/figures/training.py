"""How a training went: losses against updates."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from neuro_common.style import save_figure
from spinal_rnn.figures.ink import MEASURED, PREDICTED, faint
from spinal_rnn.figures.page import new_page, themed

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.lines import Line2D

__all__ = ["draw_loss", "loss_plot"]


def loss_plot(
    ax: "Axes", update: ArrayLike, train_loss: ArrayLike, loss: ArrayLike
) -> list["Line2D"]:
    """Losses of training and held-out trials, and the least of the latter.

    Args:
        ax: Where to draw.
        update: Updates made by each validation, shape (validations,).
        train_loss: Mean loss of the updates before it, NaN for none, shape (validations,).
        loss: Of the held-out trials, shape (validations,).

    Returns:
        The lines of training, of the held-out trials, and the mark of the least loss.
    """
    updates, held_out = np.asarray(update), np.asarray(loss, dtype=np.float64)
    lines = ax.plot(updates, train_loss, "o-", color=MEASURED, markersize=3, label="training")
    lines += ax.plot(updates, held_out, "x-", color=PREDICTED, markersize=4, label="held out")
    best = int(np.nanargmin(held_out))
    lines.append(
        ax.axvline(float(updates[best]), color=faint(ax, 0.4), linestyle=":", label="kept")
    )
    ax.set(xlabel="updates", ylabel="mean squared error (%²)")
    ax.set_ylim(bottom=0)
    ax.legend(fontsize=7)
    return lines


def draw_loss(
    update: ArrayLike, train_loss: ArrayLike, loss: ArrayLike, stem: Path, *, theme: str = "light"
) -> Path:
    """Draw the losses of a training, with their numbers.

    Args:
        update: Numbers of the updates, shape (validations,), as for `loss_plot`.
        train_loss: As for `loss_plot`, shape (validations,).
        loss: As for `loss_plot`, shape (validations,).
        stem: Path of the figure without suffix.
        theme: "light" or "dark".

    Returns:
        Path of the PNG.
    """
    columns = {"update": update, "train_loss": train_loss, "held_out_loss": loss}
    with themed(theme):
        figure, axes = new_page(width_mm=100, height_mm=65)
        loss_plot(axes[0, 0], update, train_loss, loss)
        return save_figure(figure, stem, columns)
