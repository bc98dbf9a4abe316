"""The plots that several packages share; they draw into given axes and return what they drew.

matplotlib's global state (pyplot) is never touched. Make figures with :func:`new_figure` inside
:func:`neuro_common.style.figure_style`, save them with :func:`neuro_common.style.save_figure`.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neuro_common.extras import require
from neuro_common.stats import non_dominated
from neuro_common.style import PALETTE

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.collections import LineCollection
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

__all__ = ["new_figure", "pareto", "phase_portrait", "raster", "stacked_traces"]

_MM_PER_INCH = 25.4
_MANY = 5_000  # artists with more points than this are pixels in an SVG, which stays small
_ALONG = {1: "left", 0: "center", -1: "right"}
_UP = {1: "bottom", 0: "center", -1: "top"}
_SIDES = ((1, 1), (1, -1), (-1, 1), (-1, -1), (1, 0), (-1, 0), (0, 1), (0, -1))
_PLACES = [(distance, np.array(side)) for distance in (4, 8, 16) for side in _SIDES]


def new_figure(
    rows: int = 1,
    cols: int = 1,
    *,
    width_mm: float = 180.0,
    height_mm: float | None = None,
    **subplots: Any,
) -> tuple["Figure", NDArray[Any]]:
    """Make a figure with a grid of axes, sized for a journal page.

    Args:
        rows: Number of rows.
        cols: Number of columns.
        width_mm: Width; 180 is a page, 85 a column.
        height_mm: Height; 45 per row, and 25 for what is around them, when not given.
        **subplots: Passed to ``Figure.subplots``, such as ``sharex`` or ``height_ratios``.

    Returns:
        The figure, laid out so that nothing overlaps, and its axes ``(rows, cols)``.
    """
    figure_class = require("matplotlib.figure", "plot").Figure
    canvas_class = require("matplotlib.backends.backend_agg", "plot").FigureCanvasAgg
    height_mm = 25.0 + 45.0 * rows if height_mm is None else height_mm
    size = (width_mm / _MM_PER_INCH, height_mm / _MM_PER_INCH)
    figure: Figure = figure_class(figsize=size, layout="constrained")
    canvas_class(figure)
    return figure, figure.subplots(rows, cols, squeeze=False, **subplots)


def stacked_traces(
    axes: "Axes | Sequence[Axes] | NDArray[Any]",
    time: ArrayLike,
    traces: Mapping[str, ArrayLike],
    *,
    units: Mapping[str, str],
    time_label: str,
    colours: Mapping[str, str] | None = None,
) -> list["Line2D"]:
    """Draw signals over one time axis, each in axes of its own.

    Args:
        axes: One axes per trace, from top to bottom.
        time: Sample times ``(time,)``.
        traces: Signals ``(time,)`` by the name that labels them.
        units: Unit of each trace; ``"1"`` for plain numbers.
        time_label: Label of the time axis, such as ``"time (ms)"``.
        colours: Colour of each trace; the palette in order when not given.

    Returns:
        One line per trace.

    Raises:
        ValueError: There are not as many axes as traces, a trace and ``time`` differ in shape, or
            there are fewer than 2 times.
    """
    panels: list[Axes] = list(np.ravel(np.asarray(axes, dtype=object)))
    if len(panels) != len(traces):
        raise ValueError(f"axes must be one per trace, got {len(panels)} for {len(traces)}")
    moments = _moments(time)
    lines = []
    for index, (panel, (name, trace)) in enumerate(zip(panels, traces.items(), strict=True)):
        values = _column(name, trace, moments)
        colour = colours[name] if colours else PALETTE[index % len(PALETTE)]
        lines += panel.plot(moments, values, color=colour, rasterized=moments.size > _MANY)
        panel.set_ylabel(name if units[name] == "1" else f"{name} ({units[name]})")
        panel.set_xlim(moments[0], moments[-1])
        panel.tick_params(labelbottom=panel is panels[-1])
    panels[-1].set_xlabel(time_label)
    panels[-1].figure.align_ylabels(panels)
    return lines


def raster(
    ax: "Axes",
    time: ArrayLike,
    spikes: NDArray[np.bool_] | Sequence[ArrayLike],
    *,
    time_label: str,
    colour: str = "black",
) -> "LineCollection":
    """Draw one short line per spike, one row per unit.

    Args:
        ax: Where to draw.
        time: Sample times ``(time,)``; the axis runs from the first to the last.
        spikes: True ``(time, units)`` where a unit fired, or one array of spike times per unit.
        time_label: Label of the time axis, such as ``"time (ms)"``.
        colour: Colour of the lines.

    Returns:
        The lines, unit by unit.

    Raises:
        ValueError: Boolean spikes and ``time`` differ in length, there is no unit, or there are
            fewer than 2 times.
    """
    moments = _moments(time)
    if isinstance(spikes, np.ndarray) and spikes.dtype == np.bool_:
        if spikes.ndim != 2 or len(spikes) != len(moments):
            raise ValueError(
                f"boolean spikes must be (time, units) with {len(moments)} times, "
                f"got shape {spikes.shape}"
            )
        trains = [moments[fired] for fired in spikes.T]
    else:
        trains = [np.asarray(train) for train in spikes]
    if not trains:
        raise ValueError("spikes must hold at least one unit, got none")
    rows = np.repeat(np.arange(len(trains)), [len(train) for train in trains])
    lines = ax.vlines(
        np.concatenate(trains),
        rows - 0.4,
        rows + 0.4,
        colors=colour,
        linewidth=0.6,
        rasterized=len(rows) > _MANY,
    )
    ax.set(xlim=(moments[0], moments[-1]), ylim=(-0.5, len(trains) - 0.5))
    ax.set(xlabel=time_label, ylabel="unit")
    ax.locator_params(axis="y", integer=True)
    return lines


def phase_portrait(
    ax: "Axes",
    x: ArrayLike,
    y: ArrayLike,
    *,
    x_label: str,
    y_label: str,
    colour: str = PALETTE[0],
    label: str | None = None,
) -> list["Line2D"]:
    """Draw one variable against another, with a dot where the trajectory ends.

    Args:
        ax: Where to draw.
        x: First variable ``(time,)``.
        y: Second variable ``(time,)``.
        x_label: Label of the first, with its unit.
        y_label: Label of the second, with its unit.
        colour: Colour of the trajectory.
        label: Its entry in the legend.

    Returns:
        The trajectory and the dot.

    Raises:
        ValueError: ``x`` and ``y`` differ in shape or are empty.
    """
    first = np.asarray(x)
    second = _column("y", y, first)
    many = first.size > _MANY
    path = ax.plot(first, second, color=colour, linewidth=0.8, label=label, rasterized=many)
    end = ax.plot(first[-1:], second[-1:], "o", color=colour, markersize=5, markeredgecolor="white")
    ax.set(xlabel=x_label, ylabel=y_label)
    return path + end


def pareto(
    ax: "Axes",
    x: ArrayLike,
    y: ArrayLike,
    labels: Sequence[str],
    *,
    x_label: str,
    y_label: str,
    xerr: ArrayLike | None = None,
    yerr: ArrayLike | None = None,
) -> list["Artist"]:
    """Draw candidates by two costs and mark those that none beats in both.

    Non-dominated candidates are filled and joined by the front, the others are hollow. Set the
    scales of ``ax`` before: labels are placed where they cover least.

    Args:
        ax: Where to draw.
        x: First cost ``(points,)``, smaller being better.
        y: Second cost ``(points,)``, smaller being better.
        labels: Name of each point.
        x_label: Label of the first cost, with its unit.
        y_label: Label of the second cost, with its unit.
        xerr: Distances to the ends of an interval ``(points,)``, or below and above
            ``(2, points)``.
        yerr: The same for the second cost.

    Returns:
        The front, the filled markers, the hollow markers, then the labels in the order given.

    Raises:
        ValueError: ``x``, ``y`` and ``labels`` differ in length, or a cost is NaN.
    """
    first = np.asarray(x, dtype=np.float64)
    second = _column("y", y, first)
    if len(labels) != len(first):
        raise ValueError(f"labels must be one per point, got {len(labels)} for {len(first)}")
    best = non_dominated(first, second)
    order = np.flatnonzero(best)[np.lexsort((second[best], first[best]))]
    artists: list[Artist] = [
        *ax.plot(
            first[order],
            second[order],
            drawstyle="steps-post",
            color="0.7",
            label="Pareto front",
            zorder=1,
        )
    ]
    bars = ax.errorbar(first, second, yerr, xerr, fmt="none", ecolor=PALETTE[0], elinewidth=0.8)
    for chosen, fill in ((best, PALETTE[0]), (~best, "white")):
        artists += ax.plot(
            first[chosen],
            second[chosen],
            "o",
            color=PALETTE[0],
            markerfacecolor=fill,
            markersize=5,
        )
    ax.set(xlabel=x_label, ylabel=y_label)
    ends = [segment for group in bars[2] for segment in group.get_segments()]
    return artists + _place_labels(ax, np.column_stack([first, second]), labels, ends)


def _place_labels(
    ax: "Axes", points: NDArray[np.float64], labels: Sequence[str], bars: Sequence[ArrayLike]
) -> list["Artist"]:
    """Put each label beside its point, where it covers least of what is there already."""
    bbox = require("matplotlib.transforms", "plot").Bbox
    figure = ax.get_figure(root=True)
    if figure is None:
        raise ValueError("ax must belong to a figure, got one that was removed")
    figure.draw_without_rendering()
    pixels = figure.dpi / 72
    spots = ax.transData.transform(points)
    taken = [bbox([spot, spot]).padded(4 * pixels) for spot in spots]
    taken += [bbox(ax.transData.transform(bar)).padded(pixels) for bar in bars]
    page = ax.get_window_extent()
    leader = {"arrowstyle": "-", "color": "0.7", "linewidth": 0.6, "shrinkA": 0, "shrinkB": 3}
    placed: list[Artist] = []
    for name, point, spot in zip(labels, points, spots, strict=True):
        probe = ax.text(0, 0, name, fontsize=8)
        size = np.asarray(probe.get_window_extent().size)
        probe.remove()
        tried: list[tuple[float, int, Any]] = []
        for distance, side in _PLACES:
            corner = spot + distance * pixels * side - size * (1 - side) / 2
            box = bbox.from_bounds(*corner, *size)
            covered = sum(_area(bbox.intersection(box, other)) for other in taken)
            outside = _area(box) - _area(bbox.intersection(box, page))
            tried.append((covered + outside, len(tried), box))
        _, best, box = min(tried, key=lambda option: option[:2])
        distance, side = _PLACES[best]
        text = ax.annotate(
            name,
            point,
            (distance * side[0], distance * side[1]),
            textcoords="offset points",
            fontsize=8,
            arrowprops=leader,
            ha=_ALONG[side[0]],
            va=_UP[side[1]],
        )
        taken.append(box)
        placed.append(text)
    return placed


def _area(box: Any) -> float:
    return 0.0 if box is None else float(box.width * box.height)


def _moments(time: ArrayLike) -> NDArray[Any]:
    moments = np.asarray(time)
    if moments.ndim != 1 or moments.size < 2:
        raise ValueError(f"time must be (time,) with at least 2 samples, got shape {moments.shape}")
    return moments


def _column(name: str, values: ArrayLike, like: NDArray[Any]) -> NDArray[Any]:
    column = np.asarray(values)
    if column.shape != like.shape or column.ndim != 1 or column.size == 0:
        raise ValueError(
            f"{name} must be as long as what it is drawn against and not empty, "
            f"got shape {column.shape} for {like.shape}"
        )
    return column
