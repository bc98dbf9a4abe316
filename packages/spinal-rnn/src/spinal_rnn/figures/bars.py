"""Responses or selectivity as bars: a row for each muscle, left bars to the left."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neuro_common.style import save_figure
from spinal_rnn.figures.ink import faint, ink, ramp_colours
from spinal_rnn.figures.page import amplitude_legend, label_muscles, muscle_page, themed
from spinal_rnn.figures.shown import Trials, lead_columns, mean_of_repeats, trial_columns
from spinal_rnn.lead import Lead

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.container import BarContainer

__all__ = ["bar_plot", "draw_bars", "draw_selectivity_bars"]

_RESPONSE = ("#4c2a85", "#8f6fd1", "#d4c4f7")
_SELECTIVITY = ("#8a3b00", "#e07b1f", "#ffd19a")
_FILL = 0.84  # part of a frequency's room that its bars take


def bar_plot(
    ax: "Axes",
    frequency_hz: ArrayLike,
    amplitude_ma: ArrayLike,
    values: ArrayLike,
    *,
    colours: Any,
    overlaid: bool = False,
) -> "BarContainer":
    """Bars of one muscle, grouped by frequency, low ones at the top, and amplitude.

    Args:
        ax: Where to draw.
        frequency_hz: Shape (bars,).
        amplitude_ma: Shape (bars,), each once at each frequency.
        values: Lengths of the bars, shape (bars,); NaN is no bar.
        colours: One for each bar.
        overlaid: The bars of a frequency over each other, the smallest amplitude on top, as
            published: a response that falls with the amplitude is hidden.

    Returns:
        The bars, in the order given.
    """
    hz, ma = np.asarray(frequency_hz), np.asarray(amplitude_ma)
    rows, row = np.unique(hz, return_inverse=True)
    columns, column = np.unique(ma, return_inverse=True)
    slot = _FILL / len(columns)
    place = row + (0 if overlaid else (column - (len(columns) - 1) / 2) * slot)
    height = _FILL if overlaid else 0.92 * slot
    widths = np.nan_to_num(np.asarray(values, dtype=np.float64))
    bars = ax.barh(place, widths, height, color=colours, linewidth=0)
    for bar, rank in zip(bars, column, strict=True):
        bar.set_zorder(3 - rank / len(columns))
    ax.set(ylim=(len(rows) - 0.5, -0.5), yticks=range(len(rows)))
    ax.set_yticklabels([f"{one:g}" for one in rows], fontsize=7)
    return bars


def draw_bars(
    lead: Lead,
    measured: Trials,
    stem: Path,
    *,
    predicted: NDArray[np.float64] | None = None,
    overlaid: bool = False,
    theme: str = "light",
) -> Path:
    """Draw the responses of all muscles to one configuration, with the lead and the numbers.

    Args:
        lead: Where the contacts lie.
        measured: Trials of one configuration; repeats are averaged.
        stem: Path of the figure without suffix.
        predicted: A mark on each bar, shaped as the measured response.
        overlaid: See `bar_plot`.
        theme: "light" or "dark".

    Returns:
        Path of the PNG.
    """
    mean = mean_of_repeats(measured)
    percent = Trials(mean.conditions, 100 * mean.response)
    marks = None
    if predicted is not None:
        marks = 100 * mean_of_repeats(Trials(measured.conditions, predicted)).response
    top = max(100.0, 10 * np.ceil(float(percent.response.max()) / 10))
    return _draw(
        lead, percent, stem, marks, ramp=_RESPONSE, limits=(0.0, top), label="response (%)",
        overlaid=overlaid, theme=theme,
    )  # fmt: skip


def draw_selectivity_bars(
    lead: Lead,
    selectivity: Trials,
    stem: Path,
    *,
    kind: str = "difference",
    overlaid: bool = False,
    theme: str = "light",
) -> Path:
    """Draw how selective one configuration is for each muscle, with the lead and the numbers.

    Args:
        lead: Where the contacts lie.
        selectivity: Of the mean responses to one configuration, NaN below the floor, see
            `spinal_rnn.selectivity.selectivity`.
        stem: Path of the figure without suffix.
        kind: What the index is called.
        overlaid: See `bar_plot`.
        theme: "light" or "dark".

    Returns:
        Path of the PNG.
    """
    low = float(np.nanmin(selectivity.response, initial=0.0))
    high = float(np.nanmax(selectivity.response, initial=1.0))
    return _draw(
        lead, selectivity, stem, None, ramp=_SELECTIVITY,
        limits=(np.floor(10 * low) / 10, np.ceil(10 * high) / 10),
        label=f"selectivity ({kind})", overlaid=overlaid, theme=theme,
    )  # fmt: skip


def _draw(
    lead: Lead,
    shown: Trials,
    stem: Path,
    marks: NDArray[np.float64] | None,
    *,
    ramp: tuple[str, ...],
    limits: tuple[float, float],
    label: str,
    overlaid: bool,
    theme: str,
) -> Path:
    conditions = shown.conditions
    hz, ma = conditions.frequency_hz, conditions.amplitude_ma
    levels, level = np.unique(ma, return_inverse=True)
    colours = ramp_colours(ramp, len(levels))
    groups = len(np.unique(hz))
    with themed(theme):
        figure, _, panels = muscle_page(lead, conditions.configuration[0], row_mm=9 + 6 * groups)
        for muscle, ax in enumerate(panels.T.flat):
            values = shown.response[:, muscle]
            bars = bar_plot(ax, hz, ma, values, colours=colours[level], overlaid=overlaid)
            if marks is not None:
                _mark_bars(ax, bars, marks[:, muscle])
            ax.axvline(0, color=faint(ax, 0.5), linewidth=0.8, zorder=4)
            ax.set_xlim(limits if muscle >= len(panels) else limits[::-1])
            ax.spines["left"].set_visible(False)
            ax.tick_params(axis="y", length=0)
        label_muscles(panels, x_label=label, y_label="", outside=True)
        # the frequencies stand between the sides and serve both
        for ax in panels[:, 0]:
            ax.tick_params(labelleft=False)
        panels[len(panels) // 2, 1].set_ylabel("frequency (Hz)")
        mark = None if marks is None else ("|", ink(panels[0, 0]), "predicted")
        amplitude_legend(figure, levels, colours, mark=mark)
        columns = lead_columns(lead, conditions.configuration[0]) | trial_columns("bar", shown)
        if marks is not None:
            columns |= trial_columns("predicted", Trials(conditions, marks))
        return save_figure(figure, stem, columns)


def _mark_bars(ax: "Axes", bars: "BarContainer", values: NDArray[np.float64]) -> None:
    low = np.array([bar.get_y() for bar in bars])
    height = np.array([bar.get_height() for bar in bars])
    ax.vlines(values, low, low + height, colors=[ink(ax)], linewidth=1.2, zorder=5)
