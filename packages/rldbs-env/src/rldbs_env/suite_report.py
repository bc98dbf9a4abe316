"""The suite's figure and page: a controller beside those of the package."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from neuro_common.files import write_csv
from neuro_common.plots import new_figure
from neuro_common.style import FREE, PALETTE, figure_style, save_figure
from rldbs_env.comparison import short_name
from rldbs_env.suite import Submission, overall, suite_table, summaries
from rldbs_env.suite_files import OVERALL, label_of, read_reference, suite_rows

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes

__all__ = ["suppression_by_condition", "write_suite_report"]

_FAINT = "linear"
_HEADINGS = {
    "condition": "condition",
    "s_ratio": "S_ratio",
    "s_ratio_min": "lowest",
    "s_ratio_max": "highest",
    "std_controlled": "residual",
    "charge": "charge",
    "mean_shift": "shift",
    "settling_step": "settles",
    "quenched": "quenched",
    "diverged": "diverged",
}

Table = Mapping[str, Sequence[Any]]


def suppression_by_condition(
    ax: "Axes", submissions: Sequence[Submission], reference: Mapping[str, float]
) -> list["Artist"]:
    """S_ratio under each condition: medians over ensembles as dots, ranges as lines.

    A cross stands for a condition with an ensemble that was quenched or diverged.

    Args:
        ax: Where to draw.
        submissions: Each in a colour of its own, or a marker where colours come again.
        reference: Medians of the linear law by condition, drawn faintly; may be empty.

    Returns:
        The faint markers, then dots and crosses of each submission.
    """
    names = list(submissions[0].scores)
    rows = np.arange(len(names))
    artists: list[Artist] = []
    if reference:
        shown = [reference.get(name, math.nan) for name in names]
        style: dict[str, Any] = {"color": "0.8", "markersize": 8, "zorder": 1}
        artists += ax.plot(shown, rows, "o", label=f"{_FAINT}, shipped", **style)
    room = 0.7 / len(submissions)
    for number, one in enumerate(submissions):
        table = {name: np.array(column) for name, column in suite_table(one).items()}
        colour, dot = PALETTE[number % len(PALETTE)], "os^v"[number // len(PALETTE) % 4]
        at = rows + room * (number - (len(submissions) - 1) / 2)
        failed = table["quenched"] + table["diverged"] > 0
        ax.hlines(at, table["s_ratio_min"], table["s_ratio_max"], color=colour, linewidth=1.0)
        ax.plot([], [], f"{dot}-", color=colour, markersize=4, label=short_name(label_of(one)))
        for chosen, marker in ((~failed, dot), (failed, "X")):
            artists += ax.plot(
                table["s_ratio"][chosen], at[chosen], marker, color=colour, markersize=4
            )
    if len(submissions) == 1:
        mean = overall(submissions[0]).s_ratio
        ax.axvline(mean, color=PALETTE[0], linestyle="--", linewidth=0.8, zorder=0)
    ax.axvline(1.0, color=FREE, linestyle=":", linewidth=0.8, zorder=0)
    ax.set_yticks(rows, [summaries()[name] for name in names])
    ax.set(xscale="log", xlabel="S_ratio", ylim=(len(names) - 0.5, -0.5))
    low, high = ax.get_xlim()
    ax.set_xlim(min(low, 0.7), max(high, 120.0))  # one scale for good and bad controllers
    ax.xaxis.set_major_formatter("{x:g}")
    ax.tick_params(axis="y", length=0)
    ax.grid(axis="y", color="0.93", linewidth=0.6)
    ax.set_axisbelow(True)
    ax.legend(loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=3, borderaxespad=0.2)
    return artists


def write_suite_report(submissions: Sequence[Submission], directory: Path) -> Path:
    """Draw the figure and write ``suite.csv``, ``report.json`` and ``report.html``.

    Args:
        submissions: One, or several on one environment to be compared.
        directory: The run directory.

    Returns:
        The page.

    Raises:
        ValueError: If there is none, they are of several environments, of other numbers of
            ensembles or other seeds, or two are of one controller.
    """
    from neuro_common.report import Report

    environments = list(dict.fromkeys(one.environment for one in submissions))
    if len(environments) != 1:
        raise ValueError(
            "submissions must be at least one, all on one environment, got "
            f"{', '.join(environments) or 'none'}"
        )
    tests = {(one.n_ensembles, one.seed) for one in submissions}
    labels = [label_of(one) for one in submissions]
    if len(tests) > 1 or len(set(labels)) < len(labels):
        raise ValueError(
            "submissions that are compared must be of different controllers, with one n_ensembles "
            "and one seed, got "
            + "; ".join(
                f"{label} (n_ensembles={one.n_ensembles}, seed={one.seed})"
                for label, one in zip(labels, submissions, strict=True)
            )
        )
    rows = suite_rows(submissions)
    write_csv(directory / "suite.csv", rows)
    beside = read_reference(environments[0])
    medians = dict(zip(*_medians(beside, _FAINT), strict=True))
    alone = len(submissions) == 1
    conditions = len(submissions[0].scores)
    whose = label_of(submissions[0]) if alone else f"{len(submissions)} controllers"
    report = Report(directory, f"rldbs-env: the robustness of {whose}")
    report.text(
        f"{conditions} conditions of {environments[0]} on up to {submissions[0].n_ensembles} "
        f"ensembles each, which nothing was tuned on. S_ratio is the std of the mean field before "
        "control over that under control, and 1 for an ensemble that was quenched or diverged."
    )
    report.table(
        _leaders(rows, beside),
        "Geometric mean of S_ratio over the conditions and the worst one, with the controllers of "
        "the package beside.",
    )
    with figure_style():
        figure, axes = new_figure(width_mm=150, height_mm=25 + 5.5 * conditions)
        suppression_by_condition(axes[0, 0], submissions, medians)
        path = save_figure(figure, directory / "figures" / "suppression_by_condition", rows)
    lines = "Dotted: no suppression; dashed: the geometric mean." if alone else ""
    report.figure(
        path,
        "Suppression under each condition: medians over ensembles and their ranges; a cross where "
        "an ensemble was quenched or diverged. Grey: the linear law as shipped. " + lines,
    )
    for one in submissions:
        whole = suite_table(one)
        table = {heading: whole[name] for name, heading in _HEADINGS.items()}
        if medians and alone:
            table[f"{_FAINT}'s S_ratio"] = [medians.get(name) for name in one.scores]
        report.table(
            table,
            f"{label_of(one)}: medians over ensembles, S_ratio with its range; residual is the std "
            "of X under control, charge the mean absolute kick per step.",
        )
    return report.write()


def _medians(rows: Table, controller: str) -> tuple[list[str], list[float]]:
    """Conditions and median S_ratio of one controller."""
    mine = [
        i
        for i, name in enumerate(rows.get("controller", ()))
        if name == controller and rows["condition"][i] != OVERALL
    ]
    return [rows["condition"][i] for i in mine], [rows["s_ratio"][i] for i in mine]


def _leaders(rows: Table, beside: Table) -> dict[str, list[Any]]:
    """Every controller's overall row, the best first."""
    found: list[dict[str, Any]] = []
    for table, mark in ((rows, "this run"), (beside, "shipped")):
        for i, condition in enumerate(table.get("condition", ())):
            if condition != OVERALL:
                continue
            controller = table["controller"][i]
            conditions, medians = _medians(table, controller)
            found.append(
                {
                    "controller": controller,
                    "from": mark,
                    "S_ratio": table["s_ratio"][i],
                    "worst condition": conditions[int(np.argmin(medians))],
                    "its S_ratio": min(medians),
                    "charge per step": table["charge"][i],
                    "quenched": int(table["quenched"][i]),
                    "diverged": int(table["diverged"][i]),
                }
            )
    found.sort(key=lambda row: -row["S_ratio"])
    return {name: [row[name] for row in found] for name in found[0]}
