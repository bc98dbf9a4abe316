"""The page that figures are drawn on: light or dark, with the lead beside both sides' muscles."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from neuro_common.extras import require
from neuro_common.plots import new_figure
from neuro_common.style import figure_style
from spinal_rnn.figures.lead import lead_plot
from spinal_rnn.lead import Lead
from spinal_rnn.muscles import SIDE

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.legend import Legend

__all__ = [
    "SIDES",
    "THEMES",
    "amplitude_legend",
    "label_muscles",
    "muscle_page",
    "new_page",
    "themed",
]

THEMES = ("light", "dark")
SIDES = ("LEFT", "RIGHT")

_PAPER, _INK = "#15181c", "#dfe3e8"
_DARK = {
    "figure.facecolor": _PAPER,
    "axes.facecolor": _PAPER,
    **dict.fromkeys(
        ("text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color"), _INK
    ),
}


@contextmanager
def themed(theme: str = "light") -> Iterator[None]:
    """Draw in the house style on light or dark paper within a ``with`` block.

    Args:
        theme: One of THEMES. Figures take their ink and paper from it when they are made.

    Raises:
        ValueError: There is no such theme.
    """
    if theme not in THEMES:
        raise ValueError(f"theme must be one of {', '.join(THEMES)}, got {theme!r}")
    with figure_style():
        require("matplotlib", "plot").rcParams.update(_DARK if theme == "dark" else {})
        yield


def new_page(rows: int = 1, cols: int = 1, **options: Any) -> tuple["Figure", NDArray[Any]]:
    """A figure whose paper is kept when it is saved; see `neuro_common.plots.new_figure`.

    Returns:
        The figure, and its axes, shape (rows, cols).
    """
    figure, axes = new_figure(rows, cols, **options)
    paper = require("matplotlib.patches", "plot").Rectangle(
        (0, 0), 1, 1, transform=figure.transFigure, facecolor=figure.get_facecolor(), zorder=-10
    )
    paper.set_in_layout(False)
    figure.add_artist(paper)
    return figure, axes


def muscle_page(
    lead: Lead, vector: NDArray[np.float64], *, above: int = 0, row_mm: float = 19.0, **options: Any
) -> tuple["Figure", "Axes", NDArray[Any]]:
    """A page with the lead on the left, and a row for each muscle with both its sides.

    Args:
        lead: Where the contacts lie.
        vector: The configuration, shape (contacts,).
        above: Rows above the muscles.
        row_mm: Height of a row.
        **options: For ``Figure.subplots``.

    Returns:
        The figure, the axes of the lead, and the others, shape (above + 7, 2), left and right.
    """
    rows = above + len(SIDE)
    options = {"sharex": "col", "width_ratios": (0.62, 1, 1), **options}
    figure, axes = new_page(rows, 3, height_mm=14 + row_mm * rows, **options)
    place = axes[0, 0].get_gridspec()[:, 0]
    for ax in axes[:, 0]:
        ax.remove()
    beside = figure.add_subplot(place)
    lead_plot(beside, lead, vector)
    return figure, beside, axes[:, 1:]


def label_muscles(
    panels: NDArray[Any], *, x_label: str, y_label: str, outside: bool = False, titles: bool = True
) -> None:
    """Name the muscles of a page's rows, the sides of its columns, and the axes once.

    Args:
        panels: Axes of the muscles alone, shape (7, 2), left and right.
        x_label: Under the lowest row.
        y_label: Beside the middle of the left column.
        outside: Muscles above their panels rather than within.
        titles: Whether the sides stand over the columns.
    """
    if titles:
        for side, ax in zip(SIDES, panels[0], strict=True):
            ax.set_title(side, loc="center")
    for name, (left, right) in zip(SIDE, panels, strict=True):
        for ax, prefix in ((left, "L"), (right, "R")):
            height, level = (1.02, "bottom") if outside else (0.97, "top")
            ax.text(
                0.02, height, prefix + name, transform=ax.transAxes, ha="left", va=level,
                fontsize=8, weight="bold",
            )  # fmt: skip
    for ax in panels[:, 0]:
        ax.tick_params(labelleft=True)
    for ax in panels[-1]:
        ax.set_xlabel(x_label)
    panels[len(panels) // 2, 0].set_ylabel(y_label)


def amplitude_legend(
    figure: "Figure",
    amplitude_ma: NDArray[np.float64],
    colours: NDArray[np.float64],
    *,
    mark: tuple[str, Any, str] | None = None,
) -> "Legend":
    """A box of each amplitude's colour below the panels.

    Args:
        figure: The page.
        amplitude_ma: Shape (amplitudes,).
        colours: Shape (amplitudes, 4).
        mark: Form, colour and meaning of a mark that stands on the bars.
    """
    patch = require("matplotlib.patches", "plot").Patch
    handles: list[Any] = [patch(facecolor=colour) for colour in colours]
    labels = [f"{one:g}" for one in amplitude_ma]
    if mark is not None:
        form, colour, meaning = mark
        line = require("matplotlib.lines", "plot").Line2D
        handles.append(line([], [], color=colour, marker=form, linestyle="", markersize=5))
        labels.append(meaning)
    return figure.legend(
        handles, labels, title="amplitude (mA)", title_fontsize=7, fontsize=7,
        loc="outside lower center", ncols=len(labels), handlelength=1.4, columnspacing=0.9,
        handletextpad=0.4,
    )  # fmt: skip
