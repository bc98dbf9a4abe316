"""A search drawn: best so far, what was verified, and the stimulation that it ended with."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neuro_common.plots import new_figure
from neuro_common.style import save_figure
from spinal_rnn.figures.ink import MEASURED, PREDICTED, TRUE, faint
from spinal_rnn.figures.lead import lead_plot
from spinal_rnn.figures.page import themed
from spinal_rnn.lead import Lead
from spinal_rnn.muscles import MUSCLES

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes

__all__ = ["best_so_far_plot", "draw_search", "response_plot", "verified_plot"]

Array = NDArray[np.float64]


def best_so_far_plot(
    ax: "Axes", scores: Mapping[str, ArrayLike], bar: float | None = None
) -> list["Artist"]:
    """The best score against the number of configurations that were tried.

    Args:
        ax: Where to draw.
        scores: Of each method in turn the scores in the order in which it tried them.
        bar: A score to beat: the best measured one.

    Returns:
        A line for each method, then the bar.
    """
    artists: list[Artist] = []
    tried, best = 0, -np.inf
    for method, values in scores.items():
        column = np.asarray(values, dtype=np.float64)
        course = np.maximum.accumulate(np.append(best, column))[1:]
        number = tried + 1 + np.arange(len(column))
        artists += ax.plot(number, course, drawstyle="steps-post", label=method)
        tried, best = tried + len(column), float(course[-1])
    if bar is not None:
        style: dict[str, Any] = {"color": faint(ax, 0.6), "linestyle": "--", "linewidth": 0.8}
        artists.append(ax.axhline(bar, label="best measured", **style))
    ax.set(xlabel="configurations tried", ylabel="best score so far", xscale="log")
    ax.legend(loc="lower right")
    return artists


def verified_plot(
    ax: "Axes", mean: Array, deviation: Array, truth: Array | None = None
) -> list["Artist"]:
    """What was verified: the score of each measured series, and the best so far.

    Args:
        ax: Where to draw.
        mean: Of the score as all measurements leave it, in the order of measurement, (series,).
        deviation: Of the same.
        truth: The true scores, which only a simulation knows.

    Returns:
        The points with bars, the best so far, and the truth.
    """
    number = 1 + np.arange(len(mean))
    points = ax.errorbar(
        number,
        mean,
        deviation,
        fmt="o",
        color=MEASURED,
        markersize=3,
        elinewidth=0.8,
        label="series",
    )
    artists: list[Artist] = [points.lines[0]]
    course = np.maximum.accumulate(mean)
    artists += ax.plot(number, course, drawstyle="steps-post", color=PREDICTED, label="best so far")
    if truth is not None:
        artists += ax.plot(
            number, truth, "_", color=TRUE, markersize=7, markeredgewidth=1.5, label="truth"
        )
    ax.set(xlabel="series measured", ylabel="score")
    ax.locator_params(axis="x", integer=True)
    ax.legend(loc="lower right")
    return artists


def response_plot(ax: "Axes", members: Array, targets: Sequence[int]) -> list["Artist"]:
    """What each muscle is expected to do, with the members' spread.

    Args:
        ax: Where to draw.
        members: Parts of the full response, shape (members, 14).
        targets: Muscles that are wanted.

    Returns:
        A bar for each muscle.
    """
    mean = members.mean(axis=0)
    low, high = np.quantile(members, [0.05, 0.95], axis=0)
    colours = [PREDICTED if one in targets else faint(ax, 0.45) for one in range(len(MUSCLES))]
    place = np.arange(len(MUSCLES))
    error = np.maximum([mean - low, high - mean], 0)
    bars = ax.barh(
        place,
        mean,
        xerr=error,
        color=colours,
        error_kw={"linewidth": 0.8, "ecolor": faint(ax, 0.9)},
    )
    ax.set_yticks(place, list(MUSCLES))
    ax.invert_yaxis()
    ax.axhline(len(MUSCLES) / 2 - 0.5, color=faint(ax, 0.3), linewidth=0.8)
    ax.set(xlabel="part of the full late response", xlim=(0, max(1.0, float(high.max()) * 1.05)))
    return list(bars)


def draw_search(
    directory: Path,
    lead: Lead,
    vector: Array,
    members: Array,
    targets: Sequence[int],
    scores: Mapping[str, ArrayLike],
    bar: float | None = None,
    verified: tuple[Array, Array, Array] | None = None,
    theme: str = "light",
) -> dict[Path, str]:
    """Draw a search, with the numbers beside.

    Args:
        directory: Where the figures go, as PNG, SVG and CSV.
        lead: Where the contacts lie.
        vector: The configuration that it ended with.
        members: What that is expected to do, see `response_plot`.
        targets: See `response_plot`.
        scores: See `best_so_far_plot`.
        bar: See `best_so_far_plot`.
        verified: See `verified_plot`: mean, deviation, truth.
        theme: "light" or "dark".

    Returns:
        Caption of each PNG.
    """
    captions = {}
    with themed(theme):
        figure, axes = new_figure(1, 2, height_mm=90, width_ratios=(1, 1.6))
        lead_plot(axes[0, 0], lead, vector)
        response_plot(axes[0, 1], members, targets)
        numbers: dict[str, Any] = {"contact": np.arange(len(lead)), "part": vector}
        low, high = np.quantile(members, [0.05, 0.95], axis=0)
        numbers |= {"muscle": list(MUSCLES), "response": members.mean(axis=0)}
        numbers |= {"response_low": low, "response_high": high}
        captions[save_figure(figure, directory / "best", numbers)] = (
            "The stimulation that is recommended: contacts with current, and the expected response "
            "of each muscle with 90 % of the members."
        )
        width_mm = 120 if verified is None else 180
        figure, axes = new_figure(1, 1 if verified is None else 2, width_mm=width_mm, height_mm=75)
        best_so_far_plot(axes[0, 0], scores, bar)
        numbers = {f"score_{method}": np.asarray(values) for method, values in scores.items()}
        caption = "The model's best score so far against the number of configurations tried."
        if verified is not None:
            verified_plot(axes[0, 1], *verified)
            names = ("verified_mean", "verified_deviation", "verified_truth")
            numbers |= dict(zip(names, verified, strict=True))
            caption += " Right: scores of the measured series as all of them leave it."
        captions[save_figure(figure, directory / "best_so_far", numbers)] = caption
    return captions
