"""How suppression depends on one number of the experiment: size, coupling, noise."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from neuro_common.plots import new_figure
from neuro_common.runs import write_csv
from neuro_common.style import PALETTE, figure_style, save_figure
from rldbs_env.comparison import short_name
from rldbs_env.evaluation import Evaluation

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.lines import Line2D

__all__ = ["Dependence", "dependence_of", "suppression_over", "varied_number", "write_dependence"]

Dependence = dict[str, list[Any]]
"""Columns ``value``, ``controller``, then median, lowest and highest S_ratio and residual."""


def varied_number(configs: Sequence[Mapping[str, Any]]) -> tuple[str, list[float]]:
    """The one number in which configurations differ, by its dotted name, and its values.

    Args:
        configs: Nested configurations of a sweep's jobs, at least two.

    Raises:
        ValueError: If they differ in nothing, in more than one entry, or in one that is no number.
    """
    flat = [_flatten(config) for config in configs]
    names = [name for name in flat[0] if any(one.get(name) != flat[0][name] for one in flat)]
    if len(names) != 1:
        raise ValueError(
            "the jobs of a sweep must differ in one number to be drawn over it, "
            f"got {', '.join(names) or 'no difference'}"
        )
    values = [one.get(names[0]) for one in flat]
    if not all(isinstance(value, int | float) for value in values):
        raise ValueError(f"{names[0]} must be a number to be drawn over, got {values}")
    return names[0], [float(value) for value in values]  # type: ignore[arg-type]


def _flatten(config: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    entries: dict[str, Any] = {}
    for name, value in config.items():
        if isinstance(value, Mapping):
            entries |= _flatten(value, f"{prefix}{name}.")
        else:
            entries[prefix + name] = value
    return entries


def dependence_of(values: Sequence[float], evaluations: Sequence[Evaluation]) -> Dependence:
    """One row per value and controller, in the order of the values.

    A quenched or diverged ensemble counts as zero suppression, and has no residual: that of a
    frozen population would be the least of all. Where every one is, the residual is NaN.

    Args:
        values: What the evaluations differ in.
        evaluations: One per value.
    """
    names = ["value", "controller"]
    for measure in ("s_ratio", "residual"):
        names += [f"{measure}_{end}" for end in ("median", "low", "high")]
    columns: Dependence = {name: [] for name in names}
    for index in np.argsort(values, kind="stable"):
        for controller, scores in evaluations[index].scores.items():
            columns["value"].append(float(values[index]))
            columns["controller"].append(controller)
            alive = [one.std_controlled for one in scores if not math.isnan(one.s_ratio)]
            measures = {
                "s_ratio": np.nan_to_num([one.s_ratio for one in scores]),
                "residual": np.array(alive or [np.nan]),
            }
            for measure, many in measures.items():
                for end, number in zip(
                    ("median", "low", "high"),
                    (np.median(many), many.min(), many.max()),
                    strict=True,
                ):
                    columns[f"{measure}_{end}"].append(float(number))
    return columns


def suppression_over(axes: Sequence["Axes"], name: str, columns: Dependence) -> list["Line2D"]:
    """S_ratio and residual over a number: median over ensembles, the range as a band.

    Args:
        axes: Two, for S_ratio and for the residual.
        name: What the number is called.
        columns: As `dependence_of` gives them.

    Returns:
        One line per panel and controller.
    """
    lines: list[Line2D] = []
    chosen = np.array(columns["controller"])
    panels = (("s_ratio", "S_ratio"), ("residual", "residual std of X"))
    for ax, (measure, label) in zip(axes, panels, strict=True):
        for number, controller in enumerate(dict.fromkeys(columns["controller"])):
            mine = chosen == controller
            x, middle, low, high = (
                np.array(columns[column])[mine]
                for column in (
                    "value", f"{measure}_median", f"{measure}_low", f"{measure}_high"
                )
            )  # fmt: skip
            colour = PALETTE[number % len(PALETTE)]
            ax.fill_between(x, low, high, color=colour, alpha=0.2, linewidth=0)
            lines += ax.plot(
                x, middle, "o-", color=colour, markersize=3, label=short_name(controller)
            )
        positive = np.array(columns["value"])
        if positive.min() > 0 and positive.max() / positive.min() >= 5:
            ax.set_xscale("log")
        ax.set(xlabel=name, ylabel=label, yscale="log")
    axes[0].axhline(1.0, color="0.4", linestyle=":", linewidth=0.8)
    axes[0].legend(fontsize="small")
    return lines


def write_dependence(
    name: str, values: Sequence[float], evaluations: Sequence[Evaluation], directory: Path
) -> Path:
    """The page of a sweep over one number: table, figure and ``summary.csv``.

    Args:
        name: What the number is called.
        values: One per evaluation.
        evaluations: The sweep's jobs.
        directory: The run directory.

    Returns:
        The page.
    """
    from neuro_common.report import Report

    columns = dependence_of(values, evaluations)
    write_csv(directory / "summary.csv", columns)
    report = Report(directory, f"rldbs-env: suppression over {name}")
    report.table(columns, f"Median, lowest and highest over ensembles, for each {name}.")
    with figure_style():
        figure, axes = new_figure(1, 2, height_mm=75)
        suppression_over(axes[0], name, columns)
        path = save_figure(figure, directory / "figures" / "dependence", columns)
    report.figure(
        path,
        f"Suppression and residual over {name}: medians over ensembles, bands from the lowest to "
        "the highest. The dotted line is no suppression. Quenched and diverged ensembles are left "
        "out of the residual, and count as no suppression at all.",
    )
    return report.write()
