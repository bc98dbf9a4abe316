"""Taps to clicks drawn: asynchrony, changes of tempo, clicks out of order."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from neuro_common.plots import new_figure
from neuro_common.style import PALETTE, figure_style, save_figure
from rhythm_rnn.adaptation import Disorder, Synchronisation, TempoSwitch
from rhythm_rnn.figures.tempo import cue_colours
from rhythm_rnn.task import context_cue

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.container import ErrorbarContainer

__all__ = [
    "asynchrony_plot",
    "disorder_plot",
    "draw_adaptation",
    "switch_plot",
    "write_adaptation_report",
]

_KINDS = {"shifted": PALETTE[0], "missing": "black", "extra": PALETTE[2]}
_EARLY = PALETTE[1]
_FIRST_BEAT = -2


def asynchrony_plot(ax: "Axes", found: Sequence[Synchronisation]) -> list["ErrorbarContainer"]:
    """Tap minus beat against the number of the beat; the clicks end at the dotted line.

    Returns:
        One for each tempo; bars are standard deviations.
    """
    colours = cue_colours(context_cue([one.period_s for one in found]))
    bars = []
    for one, colour in zip(found, colours, strict=True):
        mean, sd = _mean_and_sd(one.asynchrony_ms)
        label = f"{1e3 * one.period_s:g} ms"
        bars.append(_line(ax, np.arange(len(mean)), mean, sd, color=colour, label=label))
    if found:
        ax.axvline(found[0].n_clicks - 0.5, color="0.6", linestyle=":", linewidth=0.8)
        _legend_above(ax, n=len(found))
    ax.axhline(0, color="0.6", linewidth=0.8, zorder=0)
    ax.set(xlabel="beat", ylabel="tap minus beat (ms)")
    return bars


def switch_plot(ax: "Axes", found: Sequence[tuple[TempoSwitch, bool]]) -> list["ErrorbarContainer"]:
    """Interval against its number after a change of tempo.

    Args:
        ax: Where to draw.
        found: Changes of tempo, each with whether there were clicks.

    Returns:
        One for each change; hollow markers are those that the cue alone told.
    """
    bars = []
    pairs = list(dict.fromkeys(switch.period_s for switch, _ in found))
    for switch, clicks in found:
        colour = PALETTE[pairs.index(switch.period_s) % len(PALETTE)]
        mean, sd = _mean_and_sd(switch.interval_ms)
        fill = colour if clicks else "white"
        label = "clicks and cue" if clicks else "cue alone"
        style = {"color": colour, "markerfacecolor": fill}
        # one entry for each way of being told, in the colour of the first pair
        named = label if switch.period_s == pairs[0] else None
        bars.append(_line(ax, switch.interval, mean, sd, label=named, **style))
    for pair in pairs:
        for period in pair:
            ax.axhline(1e3 * period, color="0.8", linewidth=0.8, zorder=0)
    ax.axvline(-0.5, color="0.6", linestyle=":", linewidth=0.8)
    ax.set(xlabel="interval after the change", ylabel="inter-tap interval (ms)")
    if bars:
        _legend_above(ax, n=2)
    return bars


def disorder_plot(ax: "Axes", found: Sequence[Disorder]) -> list["ErrorbarContainer"]:
    """How much later taps come than without the disorder, against the beat from the click on.

    Returns:
        One for each kind and shift.
    """
    bars = []
    for one in found:
        mean, sd = _mean_and_sd(one.shift_ms)
        early = one.kind == "shifted" and one.shift_s < 0
        colour = _EARLY if early else _KINDS[one.kind]
        label = f"{1e3 * one.shift_s:+g} ms" if one.kind == "shifted" else one.kind
        shown = one.beat >= _FIRST_BEAT
        bars.append(_line(ax, one.beat[shown], mean[shown], sd[shown], color=colour, label=label))
    ax.axhline(0, color="0.6", linewidth=0.8, zorder=0)
    ax.set(xlabel="beat after the click", ylabel="shift of the tap (ms)")
    if bars:
        ax.legend(fontsize=7, title="click", title_fontsize=7)
    return bars


def draw_adaptation(
    taps: Sequence[Synchronisation],
    switches: Sequence[tuple[TempoSwitch, bool]],
    disorders: Sequence[Disorder],
    directory: Path,
) -> dict[Path, str]:
    """Draw all three beside one another, with their numbers beside them.

    Args:
        taps: Taps to clicks, one for each tempo.
        switches: Changes of tempo, each with whether there were clicks.
        disorders: Clicks out of order, at one tempo.
        directory: Where the figure goes, as PNG, SVG and CSV.

    Returns:
        Caption of the PNG.
    """
    with figure_style():
        figure, axes = new_figure(1, 3, height_mm=70)
        asynchrony_plot(axes[0, 0], taps)
        switch_plot(axes[0, 1], switches)
        disorder_plot(axes[0, 2], disorders)
        path = save_figure(figure, directory / "clicks", _numbers(taps, switches, disorders))
    caption = (
        "Left: taps to clicks at several intervals; at the dotted line the clicks end and the "
        "network goes on alone. Middle: intervals round a change of tempo. Right: what one click "
        "out of order does to the taps, against the same noise with the click in order. Bars are "
        "standard deviations over repeats; a gap is a beat at which one of them has no tap."
    )
    return {path: caption}


def _legend_above(ax: "Axes", n: int) -> None:
    style: dict[str, Any] = {"columnspacing": 1.0, "handletextpad": 0.4, "handlelength": 1.2}
    ax.legend(fontsize=7, ncol=n, loc="lower center", bbox_to_anchor=(0.5, 1.0), **style)


def _line(
    ax: "Axes", x: NDArray[Any], mean: NDArray[Any], sd: NDArray[Any], **style: Any
) -> "ErrorbarContainer":
    return ax.errorbar(x, mean, sd, fmt="o-", markersize=3, linewidth=0.8, elinewidth=0.6, **style)


def _mean_and_sd(values: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Over repeats, NaN where one of them has no value; the deviation is the sample's, n - 1."""
    return values.mean(axis=0), values.std(axis=0, ddof=min(1, len(values) - 1))


def _numbers(
    taps: Sequence[Synchronisation],
    switches: Sequence[tuple[TempoSwitch, bool]],
    disorders: Sequence[Disorder],
) -> dict[str, Any]:
    """Columns of the figure's CSV."""
    data: dict[str, Any] = {}

    def add(name: str, positions: NDArray[np.int64], values: NDArray[np.float64]) -> None:
        mean, sd = _mean_and_sd(values)
        data.update({f"beat_{name}": positions, f"{name}_ms": mean, f"{name}_sd_ms": sd})

    for one in taps:
        beats = np.arange(one.asynchrony_ms.shape[1])
        add(f"asynchrony_{1e3 * one.period_s:g}", beats, one.asynchrony_ms)
    for switch, clicks in switches:
        periods = "_to_".join(f"{1e3 * period:g}" for period in switch.period_s)
        told = "clicks" if clicks else "cue"
        add(f"interval_{periods}_{told}", switch.interval, switch.interval_ms)
    for disorder in disorders:
        name = f"shift_{disorder.kind}_{1e3 * disorder.shift_s:g}"
        add(name, disorder.beat, disorder.shift_ms)
    return data


def write_adaptation_report(
    taps: Sequence[Synchronisation],
    switches: Sequence[tuple[TempoSwitch, bool]],
    disorders: Sequence[Disorder],
    directory: Path,
) -> list[str]:
    """Draw the figure and write ``report.html``.

    Args:
        taps: As for `draw_adaptation`.
        switches: Likewise.
        disorders: Likewise.
        directory: The run directory.

    Returns:
        What was found, in a few lines.
    """
    from neuro_common.report import Report

    summary = _summary(taps, switches)
    report = Report(directory, "rhythm-rnn: tapping to clicks")
    report.text(" ".join(summary))
    report.figures(draw_adaptation(taps, switches, disorders, directory / "figures")).write()
    return summary


def _summary(
    taps: Sequence[Synchronisation], switches: Sequence[tuple[TempoSwitch, bool]]
) -> list[str]:
    lines = [
        f"Clicks every {1e3 * one.period_s:g} ms: taps {one.settled_ms:+.1f} ms from them."
        for one in taps
    ]
    for switch, clicks in switches:
        first, second = (f"{1e3 * period:g}" for period in switch.period_s)
        told = "with clicks" if clicks else "by the cue alone"
        needed = switch.intervals_needed
        within = "not reached" if needed is None else f"reached in interval {needed}"
        lines.append(f"From {first} to {second} ms {told}: {within}.")
    return lines
