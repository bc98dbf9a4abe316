"""Figures of one wiring diagram: who meets whom, as a matrix and from left to right."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from brainnn.connectome.compare import degrees
from brainnn.connectome.graph import Connectome
from neuro_common.extras import require
from neuro_common.plots import new_figure
from neuro_common.style import FREE, PALETTE, figure_style, save_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.collections import LineCollection, PathCollection
    from matplotlib.image import AxesImage

__all__ = [
    "SIGN_COLOURS",
    "draw_layers",
    "draw_matrix",
    "layered_plot",
    "matrix_order",
    "matrix_plot",
]

SIGN_COLOURS = {1: PALETTE[1], -1: PALETTE[0], 0: FREE}
"""Vermilion excites, blue inhibits, grey is unknown."""

_SIGN_NAMES = {1: "excites", -1: "inhibits", 0: "unknown sign"}
_FIRST = ("sensory", "descending", "ascending", "interneuron")
_LAST = ("motor", "muscle")
_PIXELS = 400  # of a matrix: more would be finer than print
_FAINTEST = 0.3  # ink of the edge with fewest synapses


def matrix_order(connectome: Connectome) -> NDArray[np.intp]:
    """Neurons by class, from the senses to the muscles, then by sign, + first, then by type.

    Indices, shape (neurons,).
    """
    names = sorted(set(connectome.classes.tolist()) - {*_FIRST, *_LAST})
    place = {name: rank for rank, name in enumerate([*_FIRST, *names, *_LAST])}
    rank = [place[name] for name in connectome.classes.tolist()]
    return np.lexsort([connectome.types, -connectome.signs, np.array(rank)])


def matrix_plot(ax: "Axes", connectome: Connectome) -> "AxesImage":
    """The adjacency matrix by class and type, coloured by sign, darker where there are synapses.

    Args:
        ax: Where to draw; rows are presynaptic neurons, columns postsynaptic ones.
        connectome: What to draw.

    Returns:
        The image, at most 400 pixels wide; where edges share a pixel, the strongest is seen.
    """
    shown = connectome.take(matrix_order(connectome))
    pre, post, count = (
        column[np.argsort(shown.synapse_count.data)] for column in shown.edge_list()
    )
    part = np.log(count) - np.log(count.min(initial=1))
    ink = _FAINTEST + (1 - _FAINTEST) * part / max(part.max(initial=0), 1e-9)
    colour = np.array([_rgb(SIGN_COLOURS[int(sign)]) for sign in shown.signs])[pre]
    pixels = min(len(shown), _PIXELS)
    image = np.ones((pixels, pixels, 3))
    image[pre * pixels // len(shown), post * pixels // len(shown)] = 1 - ink[:, None] * (1 - colour)
    end = len(shown) - 0.5
    drawn = ax.imshow(image, interpolation="nearest", extent=(-0.5, end, end, -0.5))
    names, starts = np.unique(shown.classes, return_index=True)
    order = np.argsort(starts)
    edges = np.append(starts[order], len(shown))
    for edge in edges[1:-1]:
        ax.axhline(edge - 0.5, color="0.3", linewidth=0.6)
        ax.axvline(edge - 0.5, color="0.3", linewidth=0.6)
    middles = (edges[1:] + edges[:-1]) / 2 - 0.5
    labels = [
        f"{name or 'no class'} ({many})"
        for name, many in zip(names[order], np.diff(edges), strict=True)
    ]
    ax.set_xticks(middles, labels)
    ax.set_yticks(middles, labels, rotation=90, va="center")
    ax.tick_params(length=0)
    ax.set(xlabel="postsynaptic", ylabel="presynaptic")
    ax.spines[:].set_visible(True)
    return drawn


def layered_plot(
    ax: "Axes", connectome: Connectome, depth: ArrayLike
) -> "tuple[LineCollection, PathCollection]":
    """Neurons from left to right by a depth, above each other where it is the same.

    Within a column, neurons stand near those that they are connected with. Neurons without any
    edge are hollow.

    Args:
        ax: Where to draw.
        connectome: What to draw.
        depth: Place of each neuron from left to right, such as the number of its layer or its
            trophic depth, shape (neurons,).

    Returns:
        The edges, coloured by sign and darker with more synapses, and the neurons.
    """
    x, y = _places(connectome, np.asarray(depth, dtype=np.float64))
    pre, post, count = connectome.edge_list()
    order = np.argsort(count, kind="stable")
    pre, post, count = pre[order], post[order], count[order]
    colours = [SIGN_COLOURS[int(sign)] for sign in connectome.signs]
    ends = np.stack([np.stack([x[pre], y[pre]], 1), np.stack([x[post], y[post]], 1)], 1)
    strength = (np.log1p(count) / np.log1p(count.max(initial=1))) ** 2
    # the more edges, the fainter each
    ink = np.clip(0.9 * strength * min(1, (600 / max(len(count), 1)) ** 0.5), 0.02, 1)
    rgb = np.array([_rgb(colour) for colour in colours])[pre]
    lines = require("matplotlib.collections", "plot").LineCollection(
        ends,
        colors=np.column_stack([rgb, ink]),
        linewidths=0.2 + 0.9 * strength,
        zorder=1,
        rasterized=len(count) > 500,
    )
    ax.add_collection(lines)
    size = float(np.clip(2500 / len(connectome), 2, 40))
    into, out = degrees(connectome)
    lonely = into + out == 0
    dots = ax.scatter(
        x,
        y,
        s=size,
        c=["white" if alone else one for alone, one in zip(lonely, colours, strict=True)],
        edgecolors=[one if alone else "white" for alone, one in zip(lonely, colours, strict=True)],
        linewidths=0.5,
        zorder=2,
    )
    ax.locator_params(axis="x", integer=np.array_equal(x, np.round(x)))
    ax.set_yticks([])
    ax.spines["left"].set_visible(False)
    return lines, dots


def draw_matrix(connectome: Connectome, stem: Path) -> Path:
    """Draw the adjacency matrix; the edges are its numbers.

    Args:
        connectome: What to draw.
        stem: Path of the figure without suffix.

    Returns:
        Path of the PNG.
    """
    with figure_style():
        figure, axes = new_figure(width_mm=130, height_mm=138)
        matrix_plot(axes[0, 0], connectome)
        _sign_legend(figure, connectome)
        pre, post, count = connectome.edge_list()
        numbers = {
            "pre": connectome.ids[pre],
            "post": connectome.ids[post],
            "synapse_count": count,
            "sign": connectome.signs[pre],
        }
        return save_figure(figure, stem, numbers)


def draw_layers(connectome: Connectome, depth: ArrayLike, stem: Path, *, x_label: str) -> Path:
    """Draw the neurons by depth; their places are the numbers.

    Args:
        connectome: What to draw.
        depth: One number for each neuron, shape (neurons,), as for `layered_plot`.
        stem: Path of the figure without suffix.
        x_label: What the depth is.

    Returns:
        Path of the PNG.
    """
    with figure_style():
        figure, axes = new_figure(width_mm=180, height_mm=110)
        ax = axes[0, 0]
        _, dots = layered_plot(ax, connectome, depth)
        ax.set(xlabel=x_label)
        _sign_legend(figure, connectome)
        x, y = np.asarray(dots.get_offsets()).T
        numbers = {
            "id": connectome.ids,
            "class": connectome.classes,
            "depth": x,
            "height": y,
            "sign": connectome.signs,
        }
        return save_figure(figure, stem, numbers)


def _rgb(colour: str) -> tuple[float, ...]:
    return tuple(require("matplotlib.colors", "plot").to_rgb(colour))


def _sign_legend(figure: Any, connectome: Connectome) -> None:
    patch = require("matplotlib.patches", "plot").Patch
    handles = [
        patch(color=SIGN_COLOURS[sign], label=name)
        for sign, name in _SIGN_NAMES.items()
        if (connectome.signs == sign).any()
    ]
    count = connectome.synapse_count.data
    range_told = f"; darker is more synapses, {count.min()} to {count.max()}" if len(count) else ""
    figure.legend(
        handles=handles,
        loc="outside upper left",
        ncols=len(handles),
        title=f"{connectome.name}: {connectome.edges} edges{range_told}",
        alignment="left",
    )


def _places(
    connectome: Connectome, depth: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Where each neuron stands; a depth that is no layer has columns of a twentieth of it."""
    low, span = depth.min(), max(float(np.ptp(depth)), 1e-9)
    whole = np.array_equal(depth, np.round(depth))
    column = depth if whole else np.round(20 * (depth - low) / span)
    near = connectome.synapse_count + connectome.synapse_count.T
    near = near.astype(np.float64).log1p()
    weight = np.maximum(np.asarray(near.sum(1)), 1e-9)
    height = np.zeros(len(depth))
    height[np.argsort(connectome.types, kind="stable")] = np.linspace(-1, 1, len(depth))
    columns = [np.flatnonzero(column == one) for one in np.unique(column)]
    for members in columns * 8:
        # in the order of the mean height of their neighbours
        mean = (near[members] @ height) / weight[members]
        height[members[np.argsort(mean, kind="stable")]] = _spread(len(members))
    return depth, height


def _spread(number: int) -> NDArray[np.float64]:
    """Even places around 0 that fill the height when there are many."""
    reach = 1 - 1 / number
    return np.linspace(-reach, reach, number)
