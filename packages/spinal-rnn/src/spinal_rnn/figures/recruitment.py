"""Recruitment: each muscle's response over the amplitude, measured and predicted."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from neuro_common.style import save_figure
from spinal_rnn.figures.ink import faint, frequency_colours, ink
from spinal_rnn.figures.page import label_muscles, muscle_page, themed
from spinal_rnn.figures.shown import (
    Curve,
    Trials,
    curve_columns,
    lead_columns,
    trial_columns,
)
from spinal_rnn.lead import Lead

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes

__all__ = ["curve_plot", "draw_recruitment", "recruitment_plot"]

_FOOT_STEP = 11.0  # thresholds of several frequencies stand one below the other, in percent


def recruitment_plot(
    ax: "Axes",
    amplitude_ma: ArrayLike,
    response: ArrayLike,
    *,
    colour: Any,
    marker: str = "x",
    label: str | None = None,
) -> list["Artist"]:
    """Measured responses of one muscle, a mark for each trial.

    Args:
        ax: Where to draw.
        amplitude_ma: Shape (trials,).
        response: As parts of the large response, shape (trials,).
        colour: Of the marks.
        marker: Their form.
        label: Their entry in a legend.

    Returns:
        The marks, in percent.
    """
    percent = 100 * np.asarray(response, dtype=np.float64)
    return [
        *ax.plot(
            amplitude_ma, percent, marker, color=colour, markersize=4, markeredgewidth=1.1,
            label=label, zorder=3,
        )
    ]  # fmt: skip


def curve_plot(
    ax: "Axes",
    curve: Curve,
    muscle: int,
    *,
    colour: Any,
    label: str | None = None,
    foot: float = -10.0,
) -> list["Artist"]:
    """A recruitment curve of one muscle, its interval as a band and its threshold as a triangle.

    Args:
        ax: Where to draw.
        curve: Of all muscles.
        muscle: Which to draw.
        colour: Of everything.
        label: Entry of the line in a legend.
        foot: At which height the threshold stands, in percent.

    Returns:
        The line in percent, then what there is of the band, the threshold's interval and it.
    """
    x = curve.amplitude_ma
    drawn: list[Artist] = [
        *ax.plot(x, 100 * curve.response[:, muscle], color=colour, linewidth=1.3, label=label)
    ]
    if curve.low is not None and curve.high is not None:
        low, high = 100 * curve.low[:, muscle], 100 * curve.high[:, muscle]
        drawn.append(ax.fill_between(x, low, high, color=colour, alpha=0.18, linewidth=0))
    if curve.threshold_ma is not None and np.isfinite(curve.threshold_ma[0, muscle]):
        estimate, low, high = curve.threshold_ma[:, muscle]
        drawn += ax.plot([low, high], [foot, foot], color=colour, linewidth=1.2, zorder=4)
        drawn += ax.plot(
            estimate, foot, "^", color=colour, markersize=5, markeredgecolor=ink(ax),
            markeredgewidth=0.5, zorder=5,
        )  # fmt: skip
    return drawn


def draw_recruitment(
    lead: Lead,
    measured: Trials,
    stem: Path,
    *,
    curves: tuple[Curve, ...] = (),
    line: str = "predicted",
    theme: str = "light",
) -> Path:
    """Draw the recruitment of all muscles by one configuration, with the lead and the numbers.

    Args:
        lead: Where the contacts lie.
        measured: Trials of one configuration; frequencies differ in colour.
        stem: Path of the figure without suffix.
        curves: One for each frequency, or none.
        line: What the curves are, for the legend.
        theme: "light" or "dark".

    Returns:
        Path of the PNG.
    """
    vector = measured.conditions.configuration[0]
    frequency, amplitude = measured.conditions.frequency_hz, measured.conditions.amplitude_ma
    found = [one.frequency_hz for one in curves]
    colours = frequency_colours([*frequency, *found])
    heights = [measured.response, *(one.response for one in curves)]
    heights += [one.high for one in curves if one.high is not None]
    top = max(110.0, min(150.0, 104 * max(float(one.max(initial=0)) for one in heights)))
    right = max(float(one.max(initial=0)) for one in (amplitude, *(c.amplitude_ma for c in curves)))
    with themed(theme):
        figure, _, panels = muscle_page(lead, vector, sharey=True)
        for muscle, ax in enumerate(panels.T.flat):
            ax.axhline(0, color=faint(ax, 0.25), linewidth=0.8, zorder=0)
            for hz, colour in colours.items():
                mine = frequency == hz
                recruitment_plot(
                    ax, amplitude[mine], measured.response[mine, muscle], colour=colour,
                    label=f"{hz:g} Hz measured" if mine.any() else None,
                )  # fmt: skip
            for number, one in enumerate(curves):
                curve_plot(
                    ax, one, muscle, colour=colours[one.frequency_hz],
                    label=f"{one.frequency_hz:g} Hz {line}", foot=-_FOOT_STEP * (number + 1),
                )  # fmt: skip
            bottom = -_FOOT_STEP * (len(curves) + 0.7)
            ax.set(xlim=(0, 1.03 * right), ylim=(bottom, top), yticks=(0, 50, 100))
        label_muscles(panels, x_label="amplitude (mA)", y_label="response (%)")
        handles, labels = panels[0, 0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=4, fontsize=7)
        columns = lead_columns(lead, vector) | trial_columns("measured", measured)
        return save_figure(figure, stem, columns | curve_columns(curves))
