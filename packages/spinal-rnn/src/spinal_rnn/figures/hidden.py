"""The hidden state of a recurrent network: orbits, activity, time constants, eigenvalues."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neuro_common.extras import require
from spinal_rnn.figures.ink import faint, ink
from spinal_rnn.interpretation import Components, Orbit

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.collections import LineCollection, PathCollection
    from matplotlib.container import BarContainer
    from matplotlib.lines import Line2D

__all__ = [
    "activity_plot",
    "orbit_plot",
    "orbit_summary_plot",
    "spectrum_plot",
    "time_constant_plot",
]

_TRAINED, _UNTRAINED = "#2f8fd0", "#e69f00"
_TIME = ("#6a4fd0", "#2f9fb8", "#e8a52e")
_SENT = ((0.0, "#1f6fd0"), (0.5, "#86b4ea"), (0.5, "#f2a08c"), (1.0, "#d8402a"))


def orbit_plot(
    ax: "Axes", components: Components, time_ms: ArrayLike, title: str = ""
) -> "PathCollection":
    """A state's path on the plane of two components, coloured by time.

    Args:
        ax: Where to draw.
        components: At least two.
        time_ms: Shape (time,).
        title: Over the panel.

    Returns:
        The dots.
    """
    x, y = components.scores[:, :2].T
    ax.plot(x, y, color=faint(ax, 0.3), linewidth=0.6, zorder=1)
    colours = require("matplotlib.colors", "plot").LinearSegmentedColormap
    along = colours.from_list("time", _TIME)
    dots = ax.scatter(x, y, c=np.asarray(time_ms), cmap=along, s=5, zorder=2)
    ax.plot(x[:1], y[:1], "s", color=ink(ax), markersize=4, zorder=3)
    share = 100 * components.explained
    ax.set_title(title, fontsize=8)
    middle = np.array([x.min() + x.max(), y.min() + y.max()]) / 2
    reach = 0.56 * (max(np.ptp(x), np.ptp(y)) or 1.0)
    (left, low), (right, high) = middle - reach, middle + reach
    ax.set(xlim=(left, right), ylim=(low, high), box_aspect=1)
    ax.set(xlabel=f"PC1 ({share[0]:.0f} %)", ylabel=f"PC2 ({share[1]:.0f} %)")
    return dots


def orbit_summary_plot(
    ax: "Axes",
    frequency_hz: ArrayLike,
    orbits: Sequence[Orbit],
    untrained: Sequence[Orbit],
    what: str,
) -> list["Line2D"]:
    """The period, the closure or the radius of orbits over the frequency of stimulation.

    Args:
        ax: Where to draw.
        frequency_hz: Shape (frequencies,).
        orbits: Of the network, one for each frequency.
        untrained: Of the same network before training: what periodic input alone does.
        what: "period_ms", "closure" or "radius".

    Returns:
        The network's line and the untrained one's.
    """
    hz = np.asarray(frequency_hz, dtype=np.float64)
    lines: list[Line2D] = []
    if what == "period_ms":
        along = np.linspace(hz.min(), hz.max(), 60)
        ax.plot(along, 1e3 / along, color=faint(ax, 0.4), linewidth=0.8, label="of stimulation")
    looks: list[dict[str, Any]] = [
        {"color": _TRAINED, "marker": "o", "label": "trained"},
        {"color": _UNTRAINED, "marker": "s", "markerfacecolor": "none", "label": "untrained"},
    ]
    for found, look in zip((orbits, untrained), looks, strict=True):
        values = [getattr(one, what) for one in found]
        style = "" if what == "period_ms" else "-"
        lines += ax.plot(hz, values, linestyle=style, markersize=4.5, **look)
    words = {"period_ms": "period of PC1 (ms)", "closure": "loop-closure error", "radius": "radius"}
    ax.set(xlabel="frequency (Hz)", ylabel=words[what])
    ax.set_xticks(hz, [f"{one:g}" for one in hz])
    ax.set_ylim(bottom=0)
    return lines


def activity_plot(
    ax: "Axes", time_ms: ArrayLike, rates: ArrayLike, weight: ArrayLike, *, largest: float
) -> "LineCollection":
    """Rates of units over time, coloured by the signed weight that they send out.

    Args:
        ax: Where to draw.
        time_ms: Shape (time,).
        rates: Shape (time, units).
        weight: See `spinal_rnn.interpretation.outgoing_weight`, shape (units,).
        largest: Where the colours end on both sides.

    Returns:
        The lines, red for units that excite.
    """
    time, values = np.asarray(time_ms), np.asarray(rates, dtype=np.float64)
    # the sign shows however small the weight is
    ramp = require("matplotlib.colors", "plot").LinearSegmentedColormap.from_list("sent", _SENT)
    traces = [np.column_stack([time, column]) for column in values.T]
    lines: LineCollection = require("matplotlib.collections", "plot").LineCollection(
        traces, cmap=ramp, linewidths=0.9
    )
    lines.set_array(np.asarray(weight, dtype=np.float64))
    lines.set_clim(-largest, largest)
    ax.add_collection(lines)
    ax.set(xlim=(time[0], time[-1]), xlabel="time (ms)", ylabel="rate")
    ax.set_ylim(1.05 * values.min(initial=-0.05), 1.05 * values.max(initial=0.05))
    return lines


def time_constant_plot(
    ax: "Axes", before_ms: ArrayLike, after_ms: ArrayLike
) -> list["BarContainer"]:
    """How many units have which time constant, before and after training.

    Args:
        ax: Where to draw; the axis is logarithmic.
        before_ms: Shape (units,).
        after_ms: Shape (units,).

    Returns:
        The bars of each.
    """
    both = np.concatenate([np.ravel(before_ms), np.ravel(after_ms)])
    low, high = both.min() / 1.1, both.max() * 1.1
    edges = np.geomspace(low, high, 25)
    drawn = []
    for values, colour, label, fill in (
        (before_ms, _UNTRAINED, "before", 0.0),
        (after_ms, _TRAINED, "after", 0.75),
    ):
        counts, _ = np.histogram(np.ravel(values), edges)
        drawn.append(
            ax.bar(
                edges[:-1],
                counts,
                np.diff(edges),
                align="edge",
                edgecolor=colour,
                linewidth=1.0,
                facecolor=faint(ax, 0.0) if fill == 0 else colour,
                alpha=1.0 if fill == 0 else fill,
                label=f"{label} training",
            )
        )
    ticks = [one for one in (1, 2, 5, 10, 20, 50, 100, 200, 500) if low <= one <= high]
    ax.set(xscale="log", xlabel="time constant (ms)", ylabel="units", xlim=(low, high))
    ax.set_xticks(ticks, [f"{one}" for one in ticks])
    ax.minorticks_off()
    ax.set_ylim(0, 1.3 * ax.get_ylim()[1])
    ax.legend(fontsize=7, loc="upper left")
    return drawn


def spectrum_plot(ax: "Axes", spectra: Mapping[str, NDArray[np.complex128]]) -> list["Line2D"]:
    """Eigenvalues in the complex plane, with the unit circle.

    Args:
        ax: Where to draw.
        spectra: Eigenvalues by what they are of: "before" and "after" training.

    Returns:
        A set of marks for each.
    """
    around = np.exp(1j * np.linspace(0, 2 * np.pi, 200))
    ax.plot(around.real, around.imag, color=faint(ax, 0.45), linewidth=0.8)
    ax.axhline(0, color=faint(ax, 0.2), linewidth=0.6, zorder=0)
    ax.axvline(0, color=faint(ax, 0.2), linewidth=0.6, zorder=0)
    marks: list[Line2D] = []
    looks: list[dict[str, Any]] = [
        {"color": _UNTRAINED, "marker": "s", "markerfacecolor": "none"},
        {"color": _TRAINED, "marker": "o"},
    ]
    for (label, values), look in zip(spectra.items(), looks, strict=False):
        marks += ax.plot(
            values.real, values.imag, linestyle="", markersize=3.5, label=label, **look
        )
    ax.set(xlabel="real part", ylabel="imaginary part")
    ax.set_aspect("equal", adjustable="datalim")
    ax.legend(fontsize=7, loc="center left", bbox_to_anchor=(0.12, 0.64))
    return marks


def signed_colours(ax: "Axes") -> Any:
    """A colour map from blue through the paper's own colour to red."""
    ramp = require("matplotlib.colors", "plot").LinearSegmentedColormap
    return ramp.from_list("signed", ("#3b8fe0", faint(ax, 0.16), "#e0523b"))
