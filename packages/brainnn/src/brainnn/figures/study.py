"""The control study: how real and control networks learned, and by how much they differ."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from textwrap import fill
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from brainnn.analysis.comparisons import Comparison
from brainnn.analysis.curves import LearningCurve
from brainnn.figures.effects import Effects, forest_plot
from neuro_common.plots import new_figure
from neuro_common.style import FREE, PALETTE, figure_style, save_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.container import ErrorbarContainer
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

__all__ = [
    "control_curves",
    "difference_figure",
    "difference_plot",
    "draw_differences",
    "draw_learning",
    "learning_figure",
]

_COLUMNS = 3
_NOTHING = (np.nan, np.nan, np.nan)


def control_curves(
    ax: "Axes", curves: Mapping[str, LearningCurve], colours: Mapping[str, str]
) -> dict[str, "Line2D"]:
    """Mean learning curves, the first with its interval and in front.

    Args:
        ax: Where to draw.
        curves: By name; the first is that of the real wiring.
        colours: By name.

    Returns:
        Lines by name.
    """
    lines = {}
    for place, (name, curve) in enumerate(curves.items()):
        look = {"zorder": 3, "linewidth": 1.8} if place == 0 else {"zorder": 2}
        (lines[name],) = ax.plot(curve.step, curve.mean, color=colours[name], label=name, **look)
        if np.isfinite(curve.low).all():
            ax.fill_between(
                curve.step, curve.low, curve.high, color=colours[name], linewidth=0,
                alpha=0.25 if place == 0 else 0.1, zorder=1,
            )  # fmt: skip
    ax.margins(x=0)
    return lines


def difference_plot(
    ax: "Axes", controls: Mapping[str, str], comparisons: Sequence[Comparison]
) -> "ErrorbarContainer":
    """Real less control, a row for each control: a dot with its Welch interval.

    The dot is filled where a difference was found after correction. The thin grey line is the
    hierarchical bootstrap interval; the band holds true differences too small to be found.

    Args:
        ax: Where to draw.
        controls: Label of each row, from the top, by control.
        comparisons: With these controls; one that is missing leaves its row empty.

    Returns:
        The Welch intervals.
    """
    by_control = {one.control: one for one in comparisons}
    rows = [by_control.get(control) for control in controls]
    mean, low, high = np.array([one.difference[:3] if one else _NOTHING for one in rows]).T
    bars = forest_plot(
        ax,
        [*controls.values()],
        Effects(mean, low, high, none=0.0),
        filled=[one is not None and one.differs for one in rows],
        unseen=[one.detectable if one else np.nan for one in rows],
    )
    _, low, high = np.array([one.bootstrap if one else _NOTHING for one in rows]).T
    ax.hlines(0.28 + np.arange(len(rows)), low, high, color=FREE, linewidth=0.7)
    return bars


def learning_figure(panels: Mapping[str, Mapping[str, LearningCurve]]) -> "Figure":
    """Learning curves, a panel for each arm.

    Args:
        panels: Curves by the network's name, the real wiring first, by title.

    Returns:
        The figure, in the house style.
    """
    from matplotlib.ticker import EngFormatter

    names = [*dict.fromkeys(name for curves in panels.values() for name in curves)]
    colours = {name: PALETTE[place % len(PALETTE)] for place, name in enumerate(names)}
    columns = min(_COLUMNS, len(panels))
    rows = -(-len(panels) // columns)
    with figure_style():
        figure, axes = new_figure(
            rows, columns, width_mm=max(95, 60 * columns), height_mm=18 + 52 * rows, sharey=True
        )
        lines: dict[str, Any] = {}
        for ax, (title, curves) in zip(axes.flat, panels.items(), strict=False):
            lines |= control_curves(ax, curves, colours)
            ax.set_title(_two_lines(title))
            ax.xaxis.set_major_formatter(EngFormatter(sep=""))
            ax.set_xlabel("steps")
        for ax in axes.flat[len(panels) :]:
            ax.set_axis_off()
        for ax in axes[:, 0]:
            ax.set_ylabel("reward a step")
        figure.legend(
            [lines[name] for name in names], names, loc="outside lower center",
            ncols=min(len(names), 2 * columns),
        )  # fmt: skip
    return figure


def difference_figure(
    panels: Mapping[str, Mapping[str, Sequence[Comparison]]],
    outcomes: Mapping[str, str],
    names: Mapping[str, str],
) -> "Figure":
    """Real less control, a row of panels for each arm and a column for each outcome.

    Args:
        panels: Families of comparisons by outcome, by title of the arm.
        outcomes: Those that are shown, with their labels.
        names: Controls in words, in the order of the rows.

    Returns:
        The figure, in the house style.

    Raises:
        ValueError: No arm has an outcome that is shown.
    """
    shown = _shown(panels, outcomes)
    if not shown:
        raise ValueError(f"an arm must have one of {', '.join(outcomes)}, got none that has")
    rows = {title: _labels(families, names) for title, families in shown.items()}
    heights = [16 + 4.6 * len(controls) for controls in rows.values()]
    with figure_style():
        figure, axes = new_figure(
            len(shown), len(outcomes), height_mm=20 + sum(heights), height_ratios=heights,
            sharex="col", sharey="row",
        )  # fmt: skip
        for row, (title, families) in zip(axes, shown.items(), strict=True):
            for ax, outcome in zip(row, outcomes, strict=True):
                family = families.get(outcome, [])
                difference_plot(ax, rows[title], family)
                ax.spines["left"].set_visible(False)
                ax.tick_params(labelbottom=True)
                if not family:
                    ax.text(0.5, 0.5, "not tested", transform=ax.transAxes, ha="center", color=FREE)
            row[0].set_title(f"{_two_lines(title)} (real: {_counts(families, 0)})")
        for ax, label in zip(axes[-1], outcomes.values(), strict=True):
            wrapped = fill(label, max(12, len(label) // 2 + 3))
            ax.set_xlabel(f"{wrapped}\n(real \N{MINUS SIGN} control)")
    return figure


def draw_learning(panels: Mapping[str, Mapping[str, LearningCurve]], stem: Path) -> Path:
    """Write `learning_figure` and its numbers.

    Args:
        panels: As there.
        stem: Path of the figure without suffix.

    Returns:
        Path of the PNG.
    """
    numbers: dict[str, ArrayLike] = {
        f"{title}: {name} {part}": values
        for title, curves in panels.items()
        for name, curve in curves.items()
        for part, values in curve._asdict().items()
    }
    return save_figure(learning_figure(panels), stem, numbers)


def draw_differences(
    panels: Mapping[str, Mapping[str, Sequence[Comparison]]],
    outcomes: Mapping[str, str],
    names: Mapping[str, str],
    stem: Path,
) -> Path:
    """Write `difference_figure` and its numbers.

    Args:
        panels: As there.
        outcomes: As there.
        names: As there.
        stem: Path of the figure without suffix.

    Returns:
        Path of the PNG.
    """
    table: dict[str, list[Any]] = {}
    for title, families in _shown(panels, outcomes).items():
        for outcome, family in families.items():
            for one in family:
                _add_row(table, title, outcome, one)
    return save_figure(difference_figure(panels, outcomes, names), stem, table)


def _shown(
    panels: Mapping[str, Mapping[str, Sequence[Comparison]]], outcomes: Mapping[str, str]
) -> dict[str, dict[str, Sequence[Comparison]]]:
    """Arms that have one of the outcomes, and no others of theirs."""
    kept = {
        title: {name: families[name] for name in outcomes if name in families}
        for title, families in panels.items()
    }
    return {title: families for title, families in kept.items() if families}


def _two_lines(title: str) -> str:
    """The last part of a title below the others."""
    return "\n".join(title.rsplit(", ", 1))


def _labels(
    families: Mapping[str, Sequence[Comparison]], names: Mapping[str, str]
) -> dict[str, str]:
    """Controls of an arm in words, with the number of their runs."""
    by_control: dict[str, list[Comparison]] = {}
    for one in (one for family in families.values() for one in family):
        by_control.setdefault(one.control, []).append(one)
    return {
        control: f"{names[control]} ({_counts({control: by_control[control]}, 1)})"
        for control in names
        if control in by_control
    }


def _counts(families: Mapping[str, Sequence[Comparison]], group: int) -> str:
    """Fewest and most runs, real (0) or control (1); one number where they are the same."""
    runs = {one.runs[group] for family in families.values() for one in family}
    return "\N{EN DASH}".join(map(str, sorted({min(runs), max(runs)})))


def _add_row(table: dict[str, list[Any]], arm: str, outcome: str, one: Comparison) -> None:
    row = {"arm": arm, "outcome": outcome, "control": one.control}
    numbers = {**one.difference._asdict(), "p_holm": one.adjusted, "detectable": one.detectable}
    for name, value in {**row, **numbers}.items():
        table.setdefault(name, []).append(value)
