"""One trial as it was recorded: the stimulation, and each muscle measured and predicted."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neuro_common.style import save_figure
from spinal_rnn.conditions import Conditions
from spinal_rnn.encoding import pulse_times_ms
from spinal_rnn.figures.ink import ANODE, CATHODE, MEASURED, PREDICTED, faint, ink
from spinal_rnn.figures.page import SIDES, label_muscles, muscle_page, themed
from spinal_rnn.figures.shown import lead_columns, muscle_columns
from spinal_rnn.lead import Lead

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.collections import LineCollection
    from matplotlib.lines import Line2D

__all__ = ["draw_prediction", "stimulation_plot", "waveform_plot"]

_APART_MS = 1.6  # contacts are drawn side by side


def stimulation_plot(
    ax: "Axes", condition: Conditions, duration_ms: float, lead_in_ms: float
) -> list["LineCollection"]:
    """The current of each active contact, a line at each pulse, side by side.

    Args:
        ax: Where to draw.
        condition: One trial.
        duration_ms: Its length.
        lead_in_ms: From the first sample to the first pulse.

    Returns:
        The lines of each active contact, in the contacts' order.
    """
    times = pulse_times_ms(
        float(condition.frequency_hz[0]), duration_ms, lead_in_ms, int(condition.pulses[0])
    )
    current = condition.currents_ma[0]
    (active,) = np.nonzero(np.abs(condition.configuration[0]) > 1e-6)
    drawn = []
    for number, contact in enumerate(active):
        place = times + (number - (len(active) - 1) / 2) * _APART_MS
        colour = CATHODE if current[contact] < 0 else ANODE
        drawn.append(ax.vlines(place, 0, current[contact], colors=colour, linewidth=1.3))
    ax.axhline(0, color=faint(ax, 0.5), linewidth=0.8)
    reach = 1.15 * float(np.abs(current).max())
    ax.set(xlim=(0, duration_ms), ylim=(-reach, reach))
    return drawn


def waveform_plot(
    ax: "Axes", time_ms: ArrayLike, measured: ArrayLike, predicted: ArrayLike | None = None
) -> list["Line2D"]:
    """The EMG of one muscle, measured solid and predicted dashed.

    Args:
        ax: Where to draw.
        time_ms: Shape (time,).
        measured: Shape (time,).
        predicted: Shape (time,).

    Returns:
        The lines.
    """
    lines = ax.plot(time_ms, measured, color=MEASURED, linewidth=1.0, label="measured")
    if predicted is not None:
        lines += ax.plot(
            time_ms, predicted, color=PREDICTED, linewidth=1.1, linestyle=(0, (2.5, 1.2)),
            label="predicted",
        )  # fmt: skip
    return lines


def draw_prediction(
    lead: Lead,
    condition: Conditions,
    time_ms: NDArray[np.float64],
    measured: NDArray[np.float64],
    stem: Path,
    *,
    lead_in_ms: float,
    predicted: NDArray[np.float64] | None = None,
    theme: str = "light",
) -> Path:
    """Draw one trial of all muscles below its stimulation, with the lead and the numbers.

    Args:
        lead: Where the contacts lie.
        condition: Of the trial.
        time_ms: From the first sample, shape (time,).
        measured: EMG as parts of each muscle's largest, shape (time, 14).
        stem: Path of the figure without suffix.
        lead_in_ms: From the first sample to the first pulse.
        predicted: Shaped as ``measured``.
        theme: "light" or "dark".

    Returns:
        Path of the PNG.
    """
    duration_ms = float(time_ms[-1] + time_ms[1] - time_ms[0])
    vector = condition.configuration[0]
    shown = 100 * measured, None if predicted is None else 100 * predicted
    top = max(100.0, *(float(np.abs(one).max()) for one in shown if one is not None))
    with themed(theme):
        figure, beside, panels = muscle_page(
            lead, vector, above=1, row_mm=17, width_ratios=(0.5, 1, 1)
        )
        for side, ax in zip(SIDES, panels[0], strict=True):
            stimulation_plot(ax, condition, duration_ms, lead_in_ms)
            ax.set_title(side, loc="center")
        panels[0, 0].set_ylabel("mA", rotation=0, ha="right", va="center")
        for muscle, ax in enumerate(panels[1:].T.flat):
            mine = None if shown[1] is None else shown[1][:, muscle]
            waveform_plot(ax, time_ms, shown[0][:, muscle], mine)
            ax.set(ylim=(-1.05 * top, 1.05 * top), yticks=(-100, 0, 100))
        label_muscles(panels[1:], x_label="time (ms)", y_label="EMG (%)", titles=False)
        amplitude, hz = float(condition.amplitude_ma[0]), float(condition.frequency_hz[0])
        beside.text(
            0.5, -0.02, f"{amplitude:g} mA, {hz:g} Hz", transform=beside.transAxes, ha="center",
            va="top", fontsize=8, color=ink(beside),
        )  # fmt: skip
        if predicted is not None:
            handles, labels = panels[1, 0].get_legend_handles_labels()
            figure.legend(handles, labels, loc="outside lower center", ncols=2)
        columns: dict[str, Any] = lead_columns(lead, vector) | {"time_ms": time_ms}
        columns |= muscle_columns("measured", shown[0])
        if shown[1] is not None:
            columns |= muscle_columns("predicted", shown[1])
        return save_figure(figure, stem, columns)
