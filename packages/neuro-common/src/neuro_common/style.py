"""One look for the figures of all packages, legible on screen, in print and to all eyes."""

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from neuro_common.extras import require
from neuro_common.files import atomic_path, write_csv

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["CONTROLLED", "FREE", "PALETTE", "STIMULATION", "figure_style", "save_figure"]

PALETTE = (
    "#0072b2",  # blue
    "#d55e00",  # vermilion
    "#009e73",  # green
    "#cc79a7",  # pink
    "#e69f00",  # orange
    "#56b4e9",  # sky
    "#000000",  # black
)
"""Colours that stay apart under every colour blindness (Okabe and Ito 2008), without the yellow."""

FREE = "#5c5c5c"
"""Grey: activity that nothing acts on."""
CONTROLLED = "#0072b2"
"""Blue: activity under control."""
STIMULATION = "#d55e00"
"""Vermilion: what is applied."""

_DPI = 150
_SETTINGS: dict[str, Any] = {
    "axes.formatter.useoffset": False,
    "axes.labelsize": 9,
    "axes.linewidth": 0.8,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 9,
    "axes.titleweight": "bold",
    "figure.dpi": _DPI,
    "figure.facecolor": "white",
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "legend.fontsize": 8,
    "legend.frameon": False,
    "lines.linewidth": 1.0,
    "savefig.dpi": _DPI,
    "savefig.facecolor": "white",
    "svg.fonttype": "path",
    "svg.hashsalt": "neuro-common",
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
}


@contextmanager
def figure_style() -> Iterator[None]:
    """Draw in the house style within a ``with`` block, and put matplotlib's settings back after it.

    The style starts from matplotlib's own defaults, so a figure looks the same for every user. Make
    the figure inside the block: axes take their look when they are made (extra ``plot``).
    """
    style = require("matplotlib.style", "plot")
    settings = {**_SETTINGS, "axes.prop_cycle": require("cycler", "plot").cycler(color=PALETTE)}
    with style.context(settings, after_reset=True):
        yield


def save_figure(figure: "Figure", stem: str | Path, data: Mapping[str, ArrayLike]) -> Path:
    """Save a figure for screen and print with its numbers beside it, and close it.

    Writes ``stem.png`` (150 dpi), ``stem.svg`` and ``stem.csv``, or none of them. The same figure
    gives the same bytes.

    Args:
        figure: What to save.
        stem: Path without suffix; folders are made.
        data: The numbers that the figure shows, one array ``(values,)`` per column, names with
            their units such as ``time_ms``. Columns may differ in length.

    Returns:
        Path of the PNG.

    Raises:
        ValueError: There is no column, or one has another shape.
    """
    columns = {name: np.asarray(values) for name, values in data.items()}
    for name, column in columns.items():
        if column.ndim != 1:
            raise ValueError(f'data["{name}"] must be (values,), got shape {column.shape}')
    stem = Path(stem)
    png, svg, table = (stem.with_name(stem.name + suffix) for suffix in (".png", ".svg", ".csv"))
    with figure_style(), atomic_path(png) as png_path, atomic_path(svg) as svg_path:
        figure.savefig(png_path)
        figure.savefig(svg_path, metadata={"Date": None})
        write_csv(table, {name: column.tolist() for name, column in columns.items()})
    if "matplotlib.pyplot" in sys.modules:
        sys.modules["matplotlib.pyplot"].close(figure)
    return png
