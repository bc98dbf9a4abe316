"""What a search found: its table, its figure, and the line that trains with the best."""

import math
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from optuna.trial import FrozenTrial, TrialState

from neuro_common.files import write_csv, write_json
from neuro_common.plots import new_figure
from neuro_common.report import Report
from neuro_common.style import CONTROLLED, FREE, figure_style, save_figure
from rldbs_env.search import Parameter, overrides

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["best_of", "draw_search", "table_of", "training_line", "write_search_report"]

Numbers = NDArray[np.float64]

_FORMAT = "rldbs-env/best"
_COLUMNS = 4
_SHOWN = 10
# words of the search that no training knows
_OF_THE_SEARCH = ("trials=", "space.", "~space.", "study=", "resume=", "sweep=", "hydra.")


def best_of(trials: Sequence[FrozenTrial]) -> FrozenTrial:
    """The trial with the largest objective among those that came to their end."""
    return max((t for t in trials if t.state == TrialState.COMPLETE), key=_score)


def table_of(trials: Sequence[FrozenTrial], space: Sequence[Parameter]) -> dict[str, list[Any]]:
    """Every trial as a row: how it ended, its last scores, what it was told."""
    attributes = [trial.user_attrs for trial in trials]
    table: dict[str, list[Any]] = {
        "trial": [trial.number for trial in trials],
        "state": [trial.state.name.lower() for trial in trials],
        "objective": [_score(trial) for trial in trials],
        "s_ratio": [one.get("s_ratio", math.nan) for one in attributes],
        "charge": [one.get("charge", math.nan) for one in attributes],
        "step": [trial.last_step or 0 for trial in trials],
    }
    return table | {one.name: [one.value(trial) for trial in trials] for one in space}


def _score(trial: FrozenTrial) -> float:
    """A trial's last objective; NaN where there was none."""
    if trial.value is not None:
        return trial.value
    last = trial.last_step
    return math.nan if last is None else trial.intermediate_values[last]


def training_line(command: str, best: FrozenTrial, space: Sequence[Parameter]) -> str:
    """The command line of the search, as that of a training with the best settings."""
    settings = overrides(best, space)
    varied = {word.partition("=")[0] for word in settings}
    words = [
        word
        for word in shlex.split(command)
        if not word.startswith(_OF_THE_SEARCH) and word.partition("=")[0] not in varied
    ]
    return shlex.join(["train" if word == "tune" else word for word in words] + settings)


def write_search_report(
    trials: Sequence[FrozenTrial], space: Sequence[Parameter], command: str, directory: Path
) -> str:
    """Write ``trials.csv``, ``best.json``, the figure and ``report.html``.

    Args:
        trials: Those that ended, one of them to its end.
        space: What was varied.
        command: Command line of the search.
        directory: The run directory.

    Returns:
        The line that trains with the best settings.
    """
    best, table = best_of(trials), table_of(trials, space)
    write_csv(directory / "trials.csv", table)
    line = training_line(command, best, space)
    record = {"trial": best.number, "objective": best.value, "overrides": overrides(best, space)}
    write_json(directory / "best.json", record | {"command": line}, _FORMAT)
    report = Report(directory, "rldbs-env: a search for the settings of a training")
    report.text("The best settings, to be trained with other seeds and tested on other ensembles:")
    report.command(line)
    order = sorted(range(len(trials)), key=lambda i: -np.nan_to_num(table["objective"][i]))
    report.table(
        {name: [_cell(column[i]) for i in order[:_SHOWN]] for name, column in table.items()},
        "The best trials. The objective is the median S_ratio on the validation ensembles, divided "
        "by the charge over the law's where that is above 1.",
    )
    report.figure(
        draw_search(table, space, directory / "figures" / "search"),
        "Objective of each trial and the best so far, then against each setting. Filled: trained "
        "to the end; open: given up early, at its last validation.",
    )
    report.write()
    return line


def draw_search(table: dict[str, list[Any]], space: Sequence[Parameter], stem: Path) -> Path:
    """The objective over the trials, and against each setting; the numbers beside it as CSV."""
    panels = 1 + len(space)
    rows, cols = math.ceil(panels / _COLUMNS), min(panels, _COLUMNS)
    with figure_style():
        figure, axes = new_figure(rows, cols, height_mm=15 + 45 * rows, sharey=True)
        score = np.array(table["objective"], dtype=float)
        ended = np.array([state == "complete" for state in table["state"]])
        history = axes.flat[0]
        _scatter(history, np.array(table["trial"], dtype=float), score, ended)
        so_far = np.fmax.accumulate(np.where(ended, score, np.nan))
        history.step(table["trial"], so_far, where="post", color=FREE)
        history.set(xlabel="trial", ylim=(0, 1.08 * np.nanmax(score, initial=0.1)))
        for ax, one in zip(axes.flat[1:], space, strict=False):
            _draw_setting(ax, one, table[one.name], score, ended)
        for ax in axes.flat[panels:]:
            ax.set_visible(False)
        for ax in axes[:, 0]:
            ax.set_ylabel("objective")
        data = {name: [_cell(value) for value in column] for name, column in table.items()}
        return save_figure(figure, stem, data)


def _draw_setting(
    ax: "Axes", one: Parameter, values: Sequence[Any], score: Any, ended: Any
) -> None:
    if one.choices:
        places = [one.choices.index(v) if v in one.choices else math.nan for v in values]
        ax.set_xticks(range(len(one.choices)), [str(choice) for choice in one.choices])
    else:
        places = [math.nan if value is None else value for value in values]
        if one.log:
            ticks = np.geomspace(one.low, one.high, 3)
            ax.set_xscale("log")
            ax.set_xticks(ticks, [f"{tick:.2g}" for tick in ticks])
            ax.minorticks_off()
    _scatter(ax, np.array(places, dtype=float), score, ended)
    ax.set_xlabel(one.name)


def _scatter(ax: "Axes", places: Numbers, score: Numbers, ended: NDArray[np.bool_]) -> None:
    ax.scatter(places[ended], score[ended], s=14, color=CONTROLLED)
    ax.scatter(places[~ended], score[~ended], s=14, facecolors="none", edgecolors=CONTROLLED)


def _cell(value: Any) -> Any:
    return str(value) if isinstance(value, list) else value
