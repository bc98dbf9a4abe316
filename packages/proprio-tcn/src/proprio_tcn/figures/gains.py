"""What training adds to what networks explain: active against passive, and a map of tasks."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neuro_common.plots import new_figure
from neuro_common.style import PALETTE, figure_style, save_figure
from proprio_tcn.figures.tables import Explained
from proprio_tcn.tasks.sixteen import TASKS

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.lines import Line2D

__all__ = [
    "HYPOTHESES",
    "Gain",
    "TaskMap",
    "condition_plot",
    "draw_conditions",
    "draw_map",
    "gains_of",
    "map_plot",
    "task_map",
]

HYPOTHESES = tuple(dict.fromkeys(task.hypothesis for task in TASKS.values()))
"""The ideas that tasks stand for, in the order of their colours."""

_MARKERS = ("o", "s", "^", "D")
_MASKED = "_masked"  # a norm that some tasks are taught with, from the same first weights
_FEWEST = 3  # tasks, and beginnings shared by them, that a map needs


class Gain(NamedTuple):
    """What training on a task added to what a network explains.

    Attributes:
        session: Of the prediction.
        window: "active" or "passive".
        task: What was taught.
        beginning: Architecture and seed that the network shares with the untrained one; networks of
            other tasks share it whether or not their norm is masked.
        gain: Mean test explained variance of the best layer, trained minus untrained.
    """

    session: str
    window: str
    task: str
    beginning: str
    gain: float


class TaskMap(NamedTuple):
    """Tasks placed by what training on them adds.

    Attributes:
        tasks: Their names.
        place: Principal components, shape (tasks, 2).
        share: Of the variance that each component has, shape (2,).
        beginnings: Number of columns that the components were taken from.
    """

    tasks: tuple[str, ...]
    place: NDArray[np.float64]
    share: NDArray[np.float64]
    beginnings: int


def gains_of(session: str, window: str, layers: Sequence[Explained]) -> list[Gain]:
    """Gains of all trained networks whose untrained beginning is in the same prediction.

    The untrained one has the same architecture, norm included, seed and input.

    Args:
        session: Name of the session.
        window: "active" or "passive".
        layers: Of the prediction.
    """
    best = [one for one in layers if one.best]
    first = {(_begun(one), one.input): one for one in best if one.kind == "untrained"}
    found = []
    for one in best:
        begun = _begun(one)
        twin = first.get((begun, one.input))
        if one.kind == "trained" and twin is not None:
            beginning = begun.replace(f"{_MASKED} ", " ")
            found.append(Gain(session, window, one.task, beginning, one.mean - twin.mean))
    return found


def task_map(gains: Sequence[Gain]) -> TaskMap | None:
    """Principal components of tasks over networks, each network's gains z-scored across tasks.

    The published map is a UMAP of the same matrix; components need no random seed.

    Args:
        gains: Of all networks; only beginnings that learnt every task count.

    Returns:
        The map; None with fewer than three tasks or three such beginnings.
    """
    tasks = [name for name in TASKS if any(one.task == name for one in gains)]
    rows: dict[tuple[str, str, str], dict[str, float]] = {}
    for one in gains:
        rows.setdefault((one.session, one.window, one.beginning), {})[one.task] = one.gain
    whole = [row for row in rows.values() if len(row) == len(tasks)]
    if len(tasks) < _FEWEST or len(whole) < _FEWEST:
        return None
    matrix = np.array([[row[name] for row in whole] for name in tasks])
    spread = matrix.std(axis=0)
    scaled = (matrix - matrix.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    left, values, _ = np.linalg.svd(scaled, full_matrices=False)
    place = left[:, :2] * values[:2]
    # a component's sign means nothing: the largest entry is positive
    place *= np.sign(place[np.abs(place).argmax(axis=0), range(2)])
    power = values**2
    share = power[:2] / power.sum() if power.sum() > 0 else np.zeros(2)
    return TaskMap(tuple(tasks), place, share, len(whole))


def condition_plot(ax: "Axes", pairs: Sequence[tuple[Gain, Gain]]) -> list["Line2D"]:
    """Draw gains in active against passive movements, a colour for each hypothesis.

    Args:
        ax: Where to draw.
        pairs: The gain of a network in active and in passive movements.

    Returns:
        One set of points for each hypothesis that occurs.
    """
    lines = []
    for hypothesis, colour in zip(HYPOTHESES, PALETTE, strict=False):
        own = [pair for pair in pairs if TASKS[pair[0].task].hypothesis == hypothesis]
        if own:
            active, passive = np.array([[one.gain for one in pair] for pair in own]).T
            look: dict[str, Any] = {"color": colour, "markersize": 4, "alpha": 0.8}
            lines += ax.plot(active, passive, "o", label=hypothesis, **look)
    ax.locator_params(nbins=5)
    ax.axhline(0, color="0.8", linewidth=0.8, zorder=0)
    ax.axvline(0, color="0.8", linewidth=0.8, zorder=0)
    ax.axline((0, 0), slope=1, color="0.8", linewidth=0.8, linestyle="--", zorder=0)
    ax.set(
        xlabel="active: trained - untrained\ntest explained variance",
        ylabel="passive: trained - untrained\ntest explained variance",
    )
    ax.legend(loc="center left", bbox_to_anchor=(1.02, 0.5), fontsize=7)
    return lines


def map_plot(ax: "Axes", found: TaskMap) -> list["Artist"]:
    """Draw a map of tasks, a colour for each hypothesis and a marker for each task of it.

    Args:
        ax: Where to draw.
        found: The map.

    Returns:
        A point for each task.
    """
    points: list[Artist] = []
    for name, place in zip(found.tasks, found.place, strict=True):
        task = TASKS[name]
        alike = [one.name for one in TASKS.values() if one.hypothesis == task.hypothesis]
        points += ax.plot(
            *place[:, None],
            _MARKERS[alike.index(name)],
            color=PALETTE[HYPOTHESES.index(task.hypothesis)],
            markersize=6,
            label=task.title,
        )
    ax.legend(loc="center left", bbox_to_anchor=(1.02, 0.5), fontsize=7)
    share = 100 * found.share
    ax.set(xlabel=f"component 1 ({share[0]:.0f} %)", ylabel=f"component 2 ({share[1]:.0f} %)")
    return points


def draw_conditions(gains: Sequence[Gain], stem: Path) -> Path | None:
    """Draw gains in active against passive movements, and save them with their numbers.

    Args:
        gains: Of all networks; the mean is taken where a window has several sessions.
        stem: Path without suffix.

    Returns:
        Path of the PNG; None if no network has a gain in both.
    """
    values: dict[tuple[str, str], dict[str, list[float]]] = {}
    for one in gains:
        values.setdefault((one.task, one.beginning), {}).setdefault(one.window, []).append(one.gain)
    pairs = [
        (
            Gain("", "active", *key, float(np.mean(of["active"]))),
            Gain("", "passive", *key, float(np.mean(of["passive"]))),
        )
        for key, of in values.items()
        if {"active", "passive"} <= of.keys()
    ]
    if not pairs:
        return None
    with figure_style():
        figure, axes = new_figure(width_mm=140, height_mm=85)
        condition_plot(axes[0, 0], pairs)
        columns: dict[str, ArrayLike] = {
            "task": [one.task for one, _ in pairs],
            "beginning": [one.beginning for one, _ in pairs],
            "active_gain": [one.gain for one, _ in pairs],
            "passive_gain": [one.gain for _, one in pairs],
        }
        return save_figure(figure, stem, columns)


def draw_map(found: TaskMap, stem: Path) -> Path:
    """Draw a map of tasks, and save it with its numbers.

    Args:
        found: The map.
        stem: Path without suffix.

    Returns:
        Path of the PNG.
    """
    with figure_style():
        figure, axes = new_figure(width_mm=150, height_mm=100)
        map_plot(axes[0, 0], found)
        columns: dict[str, ArrayLike] = {
            "task": list(found.tasks),
            "component_1": found.place[:, 0],
            "component_2": found.place[:, 1],
        }
        return save_figure(figure, stem, columns)


def _begun(one: Explained) -> str:
    """Architecture and seed, as `proprio_tcn.neural.models.open_networks` names networks."""
    return " ".join(one.model.split()[1:3])
