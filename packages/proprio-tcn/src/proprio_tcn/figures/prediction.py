"""How well models and their layers explain neurons, and at which lag."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from neuro_common.plots import new_figure
from neuro_common.style import PALETTE, figure_style, save_figure
from proprio_tcn.figures.tables import (
    COLOURS,
    LOWEST,
    Explained,
    LagScores,
    chosen_models,
    colour_of,
    limits,
)

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.lines import Line2D

__all__ = [
    "draw_lags",
    "draw_prediction",
    "lag_plot",
    "layer_plot",
    "model_label",
    "rank_plot",
]

_LINES = ("--", ":")
_ROW_MM = (5.2, 7.0)  # of names in one line, in two
_BIN_MS = 10

_MANY = 12  # networks: more are a thicket, and their lines go back


def rank_plot(
    ax: "Axes", models: Sequence[Explained], *, confidence: float = 0.95, seed: int = 0
) -> dict[str, list[Any]]:
    """Draw the mean of each model's best layer with its interval over neurons, a row for each.

    Means below -0.2 are written at the edge.

    Args:
        ax: Where to draw.
        models: Best layers, from the top row to the lowest.
        confidence: Of the intervals.
        seed: Of the bootstrap.

    Returns:
        The numbers: model, layer, kind, test_ev, test_ev_low, test_ev_high.
    """
    rows: dict[str, list[Any]] = {
        name: [] for name in ("model", "layer", "kind", "test_ev", "test_ev_low", "test_ev_high")
    }
    for place, one in enumerate(models):
        found = limits(one.test_ev, confidence, seed)
        colour = colour_of(one.kind)
        if found.mean >= LOWEST:
            ax.plot([found.low, found.high], [place, place], color=colour, linewidth=1.5)
            ax.plot([found.mean], [place], "o", color=colour, markersize=4)
        else:
            ax.text(LOWEST, place, f" {found.mean:.2f}", fontsize=6.5, va="center")
        for name, value in zip(rows, (one.model, one.layer, one.kind, *found), strict=True):
            rows[name].append(value)
    ax.set_yticks(range(len(models)), [model_label(one) for one in models], fontsize=6.5)
    ax.set_ylim(len(models) - 0.5, -0.5)
    ax.set_xlabel("test explained variance")
    if ax.get_xlim()[0] < LOWEST:
        ax.set_xlim(left=LOWEST)
    ax.grid(axis="x", color="0.9", linewidth=0.6)
    ax.set_axisbelow(True)
    return rows


def layer_plot(ax: "Axes", layers: Sequence[Explained]) -> list["Line2D"]:
    """Draw the explained variance along each network's layers, its best layer filled.

    The lines of more than twelve networks are pale and thin.

    Args:
        ax: Where to draw.
        layers: All layers; models without layers (depth 0) are left out.

    Returns:
        Two lines for each network: the layers, and the best one.
    """
    lines: list[Line2D] = []
    models = dict.fromkeys(one.model for one in layers if one.depth)
    many = len(models) > _MANY
    for model in models:
        own = [one for one in layers if one.model == model]
        look: dict[str, Any] = {"color": colour_of(own[0].kind), "markersize": 3 if many else 4}
        depth, mean = [one.depth for one in own], [one.mean for one in own]
        if many:
            lines += ax.plot(depth, mean, "-", linewidth=0.5, alpha=0.3, **look)
        else:
            lines += ax.plot(depth, mean, "-o", markerfacecolor="white", **look)
        best = [one for one in own if one.best]
        lines += ax.plot([one.depth for one in best], [one.mean for one in best], "o", **look)
    ax.set(xlabel="layer", ylabel="test explained variance")
    ax.locator_params(axis="x", integer=True)
    ax.locator_params(axis="y", nbins=6)
    if any(one.mean < LOWEST for one in layers):
        ax.set_ylim(bottom=LOWEST)
    return lines


def lag_plot(
    ax: "Axes",
    scores: Sequence[LagScores],
    *,
    confidence: float = 0.95,
    seed: int = 0,
) -> dict[str, list[Any]]:
    """Draw explained variance against the lag; the lag that cross-validation picks is marked.

    Args:
        ax: Where to draw.
        scores: Of at most seven models; the first has a band, its interval over neurons.
        confidence: Of the intervals.
        seed: Of the bootstrap.

    Returns:
        The numbers: model, lag_ms, test_ev, test_ev_low, test_ev_high, fold_ev, best.
    """
    names = ("model", "lag_ms", "test_ev", "test_ev_low", "test_ev_high", "fold_ev", "best")
    rows: dict[str, list[Any]] = {name: [] for name in names}
    for one, colour in zip(scores, PALETTE, strict=False):
        found = np.array([limits(values, confidence, seed) for values in one.test_ev.T])
        lag_ms = one.lag_bins * _BIN_MS
        best = one.lag_bins == one.best_bins
        if one is scores[0]:
            ax.fill_between(lag_ms, *found[:, 1:].T, color=colour, alpha=0.12, linewidth=0)
        ax.plot(lag_ms, found[:, 0], "-", color=colour, label=_wrapped(one.model))
        ax.plot(lag_ms[best], found[best, 0], "o", color=colour, markersize=5)
        rows["model"] += [one.model] * len(lag_ms)
        for name, values in zip(names[1:5], (lag_ms, *found.T), strict=True):
            rows[name] += values.tolist()
        rows["fold_ev"] += one.fold_ev.tolist()
        rows["best"] += best.tolist()
    ax.axvline(0, color="0.8", linewidth=0.8, zorder=0)
    ax.set(xlabel="lag of neurons behind the arm (ms)", ylabel="test explained variance")
    ax.legend(loc="center left", bbox_to_anchor=(1.02, 0.5), fontsize=7)
    return rows


def model_label(one: Explained, *, layer: bool = True) -> str:
    """A model's name for a figure, in two lines if it is long.

    Args:
        one: One of its layers.
        layer: Name the layer too, where the model has several.
    """
    if one.layer == one.model:
        return one.model
    name = _wrapped(one.model)
    return f"{name}, {one.layer.replace('_', ' ')}" if layer else name


def draw_prediction(
    layers: Sequence[Explained],
    ceilings: Mapping[str, float],
    stem: Path,
    *,
    models: int = 30,
    confidence: float = 0.95,
    seed: int = 0,
) -> Path:
    """Draw models by rank and networks by layer, and save them with their numbers.

    Args:
        layers: Of all models.
        ceilings: Name to value, drawn as lines.
        stem: Path without suffix.
        models: At most so many are listed.
        confidence: Of the intervals.
        seed: Of the bootstrap.

    Returns:
        Path of the PNG.
    """
    shown = chosen_models(layers, models)
    deep = any(one.depth for one in layers)
    with figure_style():
        row_mm = _ROW_MM[any("\n" in model_label(one) for one in shown)]
        height = max(80.0, 28 + row_mm * len(shown))
        figure, axes = new_figure(
            1, 1 + deep, height_mm=height, width_ratios=(1, 1) if deep else (1,)
        )
        handles = _kind_handles({one.kind for one in layers})
        # ceilings first: where poor models are cut off, axes stretch no more
        for (name, value), style in zip(ceilings.items(), _LINES, strict=False):
            look: dict[str, Any] = {"color": "black", "linestyle": style, "zorder": 0}
            handles.append(axes[0, 0].axvline(value, label=name, **look))
            if deep:
                axes[0, 1].axhline(value, **look)
        numbers = rank_plot(axes[0, 0], shown, confidence=confidence, seed=seed)
        count = len({one.model for one in layers})
        title = "BEST LAYERS" if count == len(shown) else f"{len(shown)} OF {count} MODELS"
        axes[0, 0].set_title(title)
        if deep:
            layer_plot(axes[0, 1], layers)
            axes[0, 1].set_title("ALONG THE LAYERS")
        figure.legend(handles=handles, loc="outside lower center", ncols=len(handles), fontsize=7)
        columns: dict[str, ArrayLike] = dict(numbers)
        columns |= {
            "along_model": [one.model for one in layers],
            "along_layer": [one.layer for one in layers],
            "along_depth": [one.depth for one in layers],
            "along_test_ev": [one.mean for one in layers],
            "along_best": [one.best for one in layers],
        }
        columns |= {f"ceiling_{name.replace(' ', '_')}": [v] for name, v in ceilings.items()}
        return save_figure(figure, stem, columns)


def draw_lags(
    scores: Sequence[LagScores], stem: Path, *, confidence: float = 0.95, seed: int = 0
) -> Path:
    """Draw the lag curves of the models that explain most, and save them with their numbers.

    Args:
        scores: Of all models; the seven best by cross-validation are drawn.
        stem: Path without suffix.
        confidence: Of the intervals.
        seed: Of the bootstrap.

    Returns:
        Path of the PNG.
    """
    best = sorted(scores, key=lambda one: -float(one.fold_ev.max()))[: len(PALETTE)]
    with figure_style():
        figure, axes = new_figure(height_mm=80)
        rows = lag_plot(axes[0, 0], best, confidence=confidence, seed=seed)
        return save_figure(figure, stem, rows)


def _wrapped(name: str) -> str:
    """A network's name in two lines: what it was taught, then its architecture."""
    words, _, rest = name.rpartition(" ")
    if len(name) <= 28 or not words:
        return name
    if rest.isdigit() and " " in words:
        words, _, architecture = words.rpartition(" ")
        rest = f"{architecture} {rest}"
    return f"{words.replace('_', ' ')}\n{rest}"


def _kind_handles(kinds: set[str]) -> list["Artist"]:
    from matplotlib.lines import Line2D as Line

    return [
        Line([], [], color=colour, marker="o", markersize=4, label=kind)
        for kind, colour in COLOURS.items()
        if kind in kinds
    ]
