"""Weights of a recurrent network as colours: input, recurrent and output."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from spinal_rnn.figures.hidden import signed_colours
from spinal_rnn.muscles import MUSCLES

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.image import AxesImage

__all__ = ["weight_map"]


def weight_map(
    ax: "Axes", weight: ArrayLike, title: str, *, from_label: str, to_label: str
) -> "AxesImage":
    """A matrix of weights, with limits that are the same to both sides of 0.

    Args:
        ax: Where to draw; the matrix fills it whatever its shape.
        weight: Shape (to, from).
        title: Over the panel.
        from_label: Under the columns.
        to_label: Beside the rows; they are named where there are as many as muscles.

    Returns:
        The image.
    """
    matrix = np.asarray(weight, dtype=np.float64)
    largest = float(np.abs(matrix).max(initial=0.0)) or 1.0
    image = ax.imshow(
        matrix, cmap=signed_colours(ax), vmin=-largest, vmax=largest, aspect="auto",
        interpolation="nearest",
    )  # fmt: skip
    ax.set_title(title)
    ax.set(xlabel=from_label, ylabel=to_label)
    if len(matrix) == len(MUSCLES):
        ax.set_yticks(range(len(MUSCLES)), MUSCLES, fontsize=6)
    for side in ("top", "right"):
        ax.spines[side].set_visible(True)
    return image
