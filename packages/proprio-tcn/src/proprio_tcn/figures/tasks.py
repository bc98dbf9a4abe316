"""How well trained networks do their tasks, by depth and family."""

import math
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from neuro_common.checkpoint import load_checkpoint
from neuro_common.files import FormatError
from neuro_common.plots import new_figure
from neuro_common.style import PALETTE, figure_style, save_figure
from proprio_tcn._words import counted
from proprio_tcn.networks.settings import FAMILIES, TrunkSettings
from proprio_tcn.tasks.sixteen import TASKS
from proprio_tcn.training.shipped import each_network, find_network

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.lines import Line2D

__all__ = ["TaskScore", "depth_plot", "draw_tasks", "read_task_scores"]

_MARKERS = ("o", "s", "^", "D")
_COLUMNS = 4
_MOVING = "_movement_r2"
_WIDTH = 16  # letters of a line above a panel
_SHIFT = 0.08  # layers between the families, so that points of one depth stand beside each other


class TaskScore(NamedTuple):
    """What one trained network reached.

    Attributes:
        directory: Where it lies.
        task: Its name in `TASKS`.
        family: One of `FAMILIES`.
        layers: Depth of its trunk.
        measure: "accuracy" or "R2 in movement".
        score: On writers it never saw.
    """

    directory: str
    task: str
    family: str
    layers: int
    measure: str
    score: float


def read_task_scores(runs: Sequence[str | Path]) -> list[TaskScore]:
    """The test scores of all networks in or below some folders.

    Args:
        runs: Directories of `proprio-tcn train`, or above them; "pretrained" is all that ship.

    Returns:
        In the order of the tasks, then of the folders; networks without a test score are left out.

    Raises:
        FileNotFoundError: A folder holds no network with a test score.
        FormatError: A network is damaged, or of another kind.
        ValueError: No folder was given.
    """
    if not runs:
        raise ValueError("runs must name folders: runs=[DIR] of `proprio-tcn train`")
    found: dict[Path, TaskScore] = {}
    for run in each_network(runs):
        own = {path: _task_score(path) for path in _networks(find_network(run))}
        kept = {path: one for path, one in own.items() if one is not None}
        if not kept:
            raise FileNotFoundError(
                f"runs must hold networks of `proprio-tcn train` with a test score, but {run} "
                f"holds {counted(len(own), 'network')}, none with one"
            )
        found |= kept
    order = list(TASKS)
    return sorted(found.values(), key=lambda one: order.index(one.task))


def depth_plot(ax: "Axes", scores: Iterable[TaskScore]) -> list["Line2D"]:
    """Draw the scores of one task against the number of layers, colour and marker by family.

    Args:
        ax: Where to draw.
        scores: Of one task.

    Returns:
        One set of points for each family, in the order of `FAMILIES`, empty or not.
    """
    lines = []
    for number, family in enumerate(FAMILIES):
        own = [one for one in scores if one.family == family]
        shift = (number - 1.5) * _SHIFT
        lines += ax.plot(
            [one.layers + shift for one in own],
            [one.score for one in own],
            _MARKERS[number],
            color=PALETTE[number],
            markersize=4,
            alpha=0.8,
            label=family.replace("_", "-"),
        )
    ax.locator_params(axis="x", integer=True, min_n_ticks=1, nbins=5)
    ax.locator_params(axis="y", nbins=5)
    low, high = ax.get_ylim()
    if high > 1:
        # no score is above 1, and none is cut in two
        ax.set_ylim(low, 1 + 0.03 * (1 - low))
    return lines


def draw_tasks(scores: Sequence[TaskScore], stem: Path) -> Path:
    """Draw a panel for each task, and save them with their numbers.

    Args:
        scores: Of all networks.
        stem: Path without suffix.

    Returns:
        Path of the PNG.

    Raises:
        ValueError: There is no score.
    """
    tasks = list(dict.fromkeys(one.task for one in scores))
    if not tasks:
        raise ValueError("scores must hold at least one network, got none")
    cols = min(_COLUMNS, len(tasks))
    rows = -(-len(tasks) // cols)
    low, high = min(one.layers for one in scores), max(one.layers for one in scores)
    with figure_style():
        figure, axes = new_figure(rows, cols, height_mm=28 + 46 * rows, width_mm=45 * max(cols, 3))
        families = {one.family for one in scores}
        handles: list[Artist] = []
        for place, ax in enumerate(axes.ravel()):
            if place >= len(tasks):
                ax.remove()
                continue
            own = [one for one in scores if one.task == tasks[place]]
            lines = zip(FAMILIES, depth_plot(ax, own), strict=True)
            handles = [line for family, line in lines if family in families]
            ax.set_xlim(low - 0.6, high + 0.6)
            ax.set_title(textwrap.fill(TASKS[tasks[place]].title, _WIDTH), fontsize=8)
            ax.set_ylabel(own[0].measure)
            if place + cols >= len(tasks):
                ax.set_xlabel("layers")
        figure.legend(handles=handles, loc="outside lower center", ncols=len(handles), fontsize=7)
        return save_figure(
            figure,
            stem,
            {name: [getattr(one, name) for one in scores] for name in TaskScore._fields},
        )


def _networks(folder: Path) -> list[Path]:
    return sorted(path.parent for path in folder.rglob("manifest.json"))


def _task_score(directory: Path) -> TaskScore | None:
    _, manifest = load_checkpoint(directory)
    try:
        task, trunk = manifest["task"], TrunkSettings(**manifest["network"]["trunk"])
        measure, score = _measured(manifest["metrics"])
    except (KeyError, TypeError, ValueError) as error:
        raise FormatError(
            f"{directory} is no whole network of proprio-tcn: {error}; "
            "restore it from a copy, or train it again"
        ) from error
    if task not in TASKS:
        raise FormatError(f"{directory} must hold a network of a task, got {task!r}")
    if not math.isfinite(score):
        return None
    return TaskScore(str(directory), task, trunk.family, len(trunk.plan()), measure, score)


def _measured(metrics: Mapping[str, float | None]) -> tuple[str, float]:
    """What a network is scored by, and its score; NaN without one."""
    for name, measure in (("accuracy", "accuracy"), ("probe_accuracy", "probe's accuracy")):
        value = metrics.get(f"test_{name}")
        if value is not None:
            return measure, float(value)
    r2 = [
        one for name, one in metrics.items() if name.startswith("test_") and name.endswith(_MOVING)
    ]
    known = [float(one) for one in r2 if one is not None]
    score = sum(known) / len(known) if known and len(known) == len(r2) else math.nan
    return "R2 in movement", score
