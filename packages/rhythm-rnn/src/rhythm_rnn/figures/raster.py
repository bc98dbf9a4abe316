"""Who fires when (published figure 1a): rates of all units in the order of their phases."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neuro_common.plots import new_figure
from neuro_common.style import PALETTE, figure_style, save_figure
from rhythm_rnn.population import (
    cycle_average,
    lag_order,
    normalised,
    peak_lags,
    peak_phases,
    phase_order,
    silent_units,
)
from rhythm_rnn.taps import intervals

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.image import AxesImage

    from rhythm_rnn.activity import Activity

__all__ = ["EXCITATORY", "INHIBITORY", "raster_plot", "write_raster_report"]

EXCITATORY, INHIBITORY = PALETTE[1], PALETTE[0]
"""Red and blue, the colours of the two types of units."""

_DECIMALS = 4


def raster_plot(
    ax: "Axes",
    time_ms: ArrayLike,
    rates: ArrayLike,
    order: ArrayLike,
    excitatory: ArrayLike,
    tap_ms: ArrayLike,
) -> "AxesImage":
    """Rates of all units over time, one row per unit, with a strip that tells the type.

    Args:
        ax: Where to draw.
        time_ms: Times of the samples, shape (time,).
        rates: Normalised, shape (time, units).
        order: Number of the unit in each row, from the top, shape (units,).
        excitatory: Whether a unit excites, shape (units,).
        tap_ms: Times of the taps.

    Returns:
        The image.
    """
    from matplotlib.colors import ListedColormap

    moments, rows = np.asarray(time_ms), np.asarray(order)
    n_units = len(rows)
    extent = (float(moments[0]), float(moments[-1]), float(n_units), 0.0)
    image = ax.imshow(
        np.asarray(rates)[:, rows].T, extent=extent, aspect="auto", cmap="viridis", vmin=0, vmax=1
    )
    for tap in np.asarray(tap_ms):
        ax.axvline(tap, color="white", linestyle=(0, (4, 3)), linewidth=0.8)
    types = np.asarray(excitatory)[rows]
    strip = ax.inset_axes((1.008, 0.0, 0.015, 1.0))
    colours = ListedColormap([INHIBITORY, EXCITATORY])
    strip.imshow(
        types[:, None].astype(int), extent=(0, 1, n_units, 0), aspect="auto", cmap=colours,
        vmin=0, vmax=1,
    )  # fmt: skip
    strip.set_axis_off()
    named = (("excitatory", EXCITATORY, types), ("inhibitory", INHIBITORY, ~types))
    for name, colour, members in named:
        if members.any():
            middle = float(np.flatnonzero(members).mean()) + 0.5
            strip.text(1.6, middle, name, color=colour, rotation=270, va="center", fontsize=8)
    ax.axhline(float(types.sum()), color="white", linewidth=0.8)
    ax.set(xlabel="time (ms)", ylabel="unit, in order of phase")
    ax.spines[:].set_visible(False)
    return image


def write_raster_report(
    activity: "Activity",
    excitatory: NDArray[np.bool_],
    directory: Path,
    *,
    window_s: tuple[float, float] = (0.0, 1.0),
    compat: bool = False,
) -> list[str]:
    """Draw the raster of one cue and write ``units.csv`` and ``report.html``.

    Args:
        activity: What `rhythm_rnn.activity.record` gave for the cue, with rates.
        excitatory: Whether a unit excites, shape (units,).
        directory: The run directory.
        window_s: What is drawn, counted from the end of the transient.
        compat: Order units as published, by median lags.

    Returns:
        What was found, in a few lines.

    Raises:
        ValueError: There is no rhythm, or the window holds less than two samples.
    """
    from neuro_common.report import Report
    from neuro_common.runs import write_csv

    begin, end = (round(moment * 1e3 / activity.sample_ms) for moment in window_s)
    span = slice(begin, min(end + 1, len(activity.rates)))
    if not (begin >= 0 and span.stop - begin >= 2):
        longest = len(activity.rates) * activity.sample_ms / 1e3
        raise ValueError(f"window_s must rise within [0, {longest:g}] s, got {[*window_s]}")
    table = _unit_table(activity, excitatory, compat)
    order = np.asarray(table["unit"])
    time = np.arange(span.start, span.stop) * activity.sample_ms
    taps = activity.taps.time_ms
    shown = taps[(taps >= time[0]) & (taps <= time[-1])]
    rates = normalised(activity.rates)[span]
    step = round(activity.sample_ms / activity.dt_ms)
    output = activity.output[::step][span]
    with figure_style():
        figure, axes = new_figure(2, 1, height_mm=120, height_ratios=(1, 5), sharex=True)
        axes[0, 0].plot(time, output, color="black")
        axes[0, 0].plot(shown, np.interp(shown, time, output), "o", color=PALETTE[4], markersize=4)
        axes[0, 0].set(ylabel="output", xlim=(time[0], time[-1]))
        image = raster_plot(axes[1, 0], time, rates, order, excitatory, shown)
        bar = figure.colorbar(image, ax=axes[1, 0], pad=0.04, aspect=30, ticks=[0, 0.5, 1])
        bar.set_label("normalised rate")
        data = {"time_ms": time, "output": output, "tap_ms": shown}
        data |= {f"unit_{unit}": np.round(rates[:, unit], _DECIMALS) for unit in order}
        path = save_figure(figure, directory / "figures" / "raster", data)
    write_csv(directory / "units.csv", table)
    summary = _raster_summary(activity, table)
    rule = "the median lag of its peaks to the tap" if compat else "the phase of its peaks"
    report = Report(directory, f"rhythm-rnn: the population at cue {activity.cue:g}")
    for line in summary:
        report.text(line)
    report.figure(
        path,
        f"Output, and rates of all units, each scaled to its range, in the order of {rule}. Dashed "
        "lines are taps.",
    ).write()
    return summary


def _unit_table(
    activity: "Activity", excitatory: NDArray[np.bool_], compat: bool
) -> dict[str, list[Any]]:
    """One row per unit, in the order of the raster."""
    taps = activity.tap_samples
    peaks = peak_phases(activity.rates, taps)
    silent = silent_units(cycle_average(activity.rates, taps))
    lags = peak_lags(activity.rates, np.rint(taps).astype(int))
    ours = phase_order(peaks.phase, silent, excitatory)
    order = lag_order(lags, excitatory) if compat else ours
    columns = {
        "unit": np.arange(len(order)),
        "type": np.where(excitatory, "E", "I"),
        "silent": silent,
        "phase": peaks.phase,
        "concentration": peaks.concentration,
        "median_lag_ms": lags * activity.sample_ms,
    }
    return {name: column[order].tolist() for name, column in columns.items()}


def _raster_summary(activity: "Activity", table: dict[str, list[Any]]) -> list[str]:
    mean, sd, _, n = intervals(activity.taps.time_ms)
    lines = [
        f"Cue {activity.cue:g}: a tap every {mean:.1f} ms (sd {sd:.1f} ms, {n} intervals), "
        f"{activity.taps.verdict}."
    ]
    types, silent = np.array(table["type"]), np.array(table["silent"])
    for kind, name in (("E", "excitatory"), ("I", "inhibitory")):
        of_kind = types == kind
        lines.append(f"{(of_kind & silent).sum()} of {of_kind.sum()} {name} units are silent.")
    return lines
