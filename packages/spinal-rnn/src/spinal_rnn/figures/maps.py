"""Each muscle's response over amplitude and frequency, as colours."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from neuro_common.style import save_figure
from spinal_rnn.figures.ink import faint, ink
from spinal_rnn.figures.page import label_muscles, muscle_page, themed
from spinal_rnn.figures.shown import Trials, lead_columns, mean_of_repeats, trial_columns
from spinal_rnn.lead import Lead

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.collections import QuadMesh

__all__ = ["draw_maps", "map_plot"]

_COLOURS = "viridis"


def map_plot(
    ax: "Axes",
    frequency_hz: NDArray[np.float64],
    amplitude_ma: NDArray[np.float64],
    values: NDArray[np.float64],
    *,
    largest: float = 100.0,
) -> "QuadMesh":
    """One muscle's values over amplitude and frequency; pairs that are missing stay blank.

    Args:
        ax: Where to draw.
        frequency_hz: Shape (points,).
        amplitude_ma: Shape (points,), each once at each frequency.
        values: Shape (points,).
        largest: Where the colours end; they begin at 0.

    Returns:
        The cells, frequencies rising by row and amplitudes by column.
    """
    rows, row = np.unique(frequency_hz, return_inverse=True)
    columns, column = np.unique(amplitude_ma, return_inverse=True)
    cells = np.full((len(rows), len(columns)), np.nan)
    cells[row, column] = values
    return ax.pcolormesh(
        _edges(columns), _edges(rows), cells, cmap=_COLOURS, vmin=0, vmax=largest, rasterized=True
    )


def draw_maps(
    lead: Lead,
    mapped: Trials,
    stem: Path,
    *,
    measured: Trials | None = None,
    theme: str = "light",
) -> Path:
    """Draw the map of every muscle for one configuration, with the lead and the numbers.

    Args:
        lead: Where the contacts lie.
        mapped: Trials of one configuration that give the cells: measured ones, or predictions on a
            grid; repeats are averaged.
        stem: Path of the figure without suffix.
        measured: Trials of the same configuration, dots in the same colours.
        theme: "light" or "dark".

    Returns:
        Path of the PNG.
    """
    mean = mean_of_repeats(mapped)
    dots = None if measured is None else mean_of_repeats(measured)
    hz, ma = mean.conditions.frequency_hz, mean.conditions.amplitude_ma
    vector = mean.conditions.configuration[0]
    with themed(theme):
        figure, _, panels = muscle_page(lead, vector, sharey=True, width_ratios=(0.56, 1, 1))
        for muscle, ax in enumerate(panels.T.flat):
            ax.set_facecolor(faint(ax, 0.08))
            mesh = map_plot(ax, hz, ma, 100 * mean.response[:, muscle])
            if dots is not None:
                ax.scatter(
                    dots.conditions.amplitude_ma, dots.conditions.frequency_hz, s=12,
                    c=100 * dots.response[:, muscle], cmap=_COLOURS, norm=mesh.norm,
                    edgecolors=["white"], linewidths=0.6, clip_on=False, zorder=3,
                )  # fmt: skip
            rows = np.unique(hz if dots is None else dots.conditions.frequency_hz)
            ax.set_yticks(rows, [f"{one:g}" for one in rows])
        label_muscles(panels, x_label="amplitude (mA)", y_label="frequency (Hz)", outside=True)
        bar = figure.colorbar(mesh, ax=panels.ravel().tolist(), shrink=0.4, aspect=30, pad=0.015)
        bar.set_label("response (%)")
        bar.outline.set_edgecolor(ink(panels[0, 0]))
        columns = lead_columns(lead, vector) | trial_columns("map", mean)
        if dots is not None:
            columns |= trial_columns("measured", dots)
        return save_figure(figure, stem, columns)


def _edges(centres: NDArray[np.float64]) -> NDArray[np.float64]:
    """Where cells around some places end; a single one has a width of its own size."""
    if len(centres) == 1:
        return np.array([centres[0] / 2, 3 * centres[0] / 2])
    between = (centres[1:] + centres[:-1]) / 2
    first, last = 2 * centres[0] - between[0], 2 * centres[-1] - between[-1]
    return np.concatenate([[first], between, [last]])
