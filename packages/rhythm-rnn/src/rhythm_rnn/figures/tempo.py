"""Tempo against cue drawn: intervals, their error, and the scalar law of timing."""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neuro_common.style import PALETTE
from rhythm_rnn.tempo import Tempo, follows, weber_law

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.container import ErrorbarContainer

__all__ = ["cue_colours", "error_plot", "interval_plot", "weber_plot"]

_COMPAT = "0.6"
_WITHIN = 0.05


def cue_colours(cues: ArrayLike) -> NDArray[np.float64]:
    """A colour for each cue, dark for low ones, shape (cues, 4)."""
    from matplotlib import colormaps

    amplitudes = np.asarray(cues, dtype=np.float64)
    above = amplitudes - amplitudes.min(initial=np.inf)
    # the lightest tenth is too light for lines on white
    place = 0.9 * above / max(above.max(initial=0.0), np.finfo(float).tiny)
    return np.asarray(colormaps["viridis"](place))


def interval_plot(ax: "Axes", table: Tempo) -> list["ErrorbarContainer"]:
    """Inter-tap interval against cue: what is asked for, what is tapped, and what is no rhythm.

    Bars are standard deviations. Cues without taps stand at the lower edge.

    Returns:
        Trained cues, untrained cues, and cues whose taps are invalid.
    """
    asked = table.cue > 0
    if asked.any():
        finest = np.geomspace(table.cue[asked].min(), table.cue.max(), 200)
        ax.plot(finest, 100 / finest, color="0.3", linewidth=0.8, label="100 ms / cue")
    bars = []
    for label, where, fmt, colour, fill in _markers(table):
        bars.append(
            ax.errorbar(
                table.cue[where],
                table.iti_ms[where],
                table.sd_ms[where],
                fmt=fmt,
                color=colour,
                markerfacecolor=fill,
                markersize=4,
                elinewidth=0.8,
                label=label if where.any() else None,
            )
        )
    published: dict[str, Any] = {
        "color": _COMPAT,
        "markersize": 2.5,
        "zorder": 1,
        "label": "published detector",
    }
    ax.plot(table.cue, table.compat_iti_ms, "s", **published)
    rests = np.isnan(table.iti_ms)
    if rests.any():
        at_edge: dict[str, Any] = {"transform": ax.get_xaxis_transform(), "label": "no rhythm"}
        heights = np.full(rests.sum(), 0.02)
        ax.plot(table.cue[rests], heights, "v", color="black", mfc="white", ms=4, **at_edge)
    ax.set_yscale("log")
    _plain_ticks(ax, (50, 100, 200, 500, 1000, 2000))
    ax.set(xlabel="cue", ylabel="inter-tap interval (ms)")
    ax.legend(fontsize=7, loc="upper right")
    return bars


def error_plot(ax: "Axes", table: Tempo) -> list["Artist"]:
    """Deviation of the mean interval from what the cue asks for, in per cent, valid rhythms only.

    Returns:
        Trained and untrained cues.
    """
    ax.axhspan(-100 * _WITHIN, 100 * _WITHIN, color="0.93", zorder=0)
    ax.axhline(0, color="0.3", linewidth=0.8)
    artists: list[Artist] = []
    for _, where, fmt, colour, fill in _markers(table)[:2]:
        error = 100 * table.error[where]
        artists += ax.plot(table.cue[where], error, fmt, color=colour, mfc=fill, ms=4)
    ax.set(xlabel="cue", ylabel="error of the interval (%)")
    return artists


def weber_plot(ax: "Axes", table: Tempo) -> list["Artist"]:
    """Standard deviation of the intervals against their mean, with the generalised Weber law.

    Returns:
        Valid rhythms, hollow where the network does not follow the cue, then the law of the others,
        if there are two or more.
    """
    mean, sd = table.iti_ms[table.valid], table.sd_ms[table.valid]
    colours = cue_colours(table.cue)
    fills = np.where(follows(table)[:, None], colours, 1.0)
    style: dict[str, Any] = {
        "edgecolors": colours[table.valid],
        "facecolors": fills[table.valid],
    }
    artists: list[Artist] = [ax.scatter(mean, sd, s=16, zorder=2, **style)]
    law = weber_law(table)
    if law is not None:
        along = np.linspace(0, mean.max(), 100)
        artists += ax.plot(
            along, np.hypot(law.fraction * along, law.constant_ms), color="0.3", linewidth=0.8
        )
        ax.set_title(
            f"$\\sqrt{{({law.fraction:.3f}\\,m)^2 + ({law.constant_ms:.1f}\\,\\mathrm{{ms}})^2}}$",
            fontsize=8,
        )
    ax.set(xlabel="mean interval m (ms)", ylabel="standard deviation (ms)", xlim=(0, None))
    ax.set_ylim(0, None)
    return artists


def _markers(table: Tempo) -> list[tuple[str, NDArray[np.bool_], str, str, str]]:
    """Name, place, marker, colour and filling of trained, untrained and invalid cues."""
    return [
        ("trained", table.valid & table.trained, "o", PALETTE[1], PALETTE[1]),
        ("untrained", table.valid & ~table.trained, "o", PALETTE[0], "white"),
        ("invalid", table.verdict == "invalid", "x", "black", "black"),
    ]


def _plain_ticks(ax: "Axes", ticks: tuple[float, ...]) -> None:
    """Ticks of a logarithmic axis written as plain numbers."""
    low, high = ax.get_ylim()
    shown = [tick for tick in ticks if low <= tick <= high]
    ax.set_yticks(shown, [f"{tick:g}" for tick in shown])
    ax.minorticks_off()
