"""The reduced model drawn (published figure 3), and the page that shows it."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from neuro_common.plots import new_figure
from neuro_common.style import PALETTE, figure_style, save_figure
from rhythm_rnn.cycles import Cycle, limit_cycle, trajectory
from rhythm_rnn.diagram import Diagram
from rhythm_rnn.reduced import POPULATIONS, START, ReducedModel

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.lines import Line2D

__all__ = [
    "bifurcation_plot",
    "cycle_plot",
    "draw_reduced",
    "period_plot",
    "time_courses",
    "write_reduced_report",
]

_NAMES = ("x", "y", "z")
_COLOURS = (PALETTE[1], PALETTE[0], PALETTE[2])  # red excites, blue inhibits
_CYCLE = PALETTE[2]
_MARKS = {"fold": "o", "hopf": "s"}
_CUE = "cue I"


def time_courses(ax: "Axes", time_ms: ArrayLike, states: ArrayLike) -> list["Line2D"]:
    """The three populations against time.

    Args:
        ax: Where to draw.
        time_ms: Shape (time,).
        states: Shape (time, 3).

    Returns:
        The lines of x, y and z.
    """
    lines = []
    columns = zip(POPULATIONS, _COLOURS, np.asarray(states).T, strict=True)
    for name, colour, column in columns:
        lines += ax.plot(time_ms, column, color=colour, label=name)
    # y lies on x for most of the time
    lines[1].set_linestyle("--")
    moments = np.asarray(time_ms)
    ax.set(xlabel="time (ms)", ylabel="state", xlim=(moments[0], moments[-1]))
    return lines


def period_plot(ax: "Axes", diagram: Diagram) -> list["Line2D"]:
    """Period of the limit cycles against the cue, and where they begin and end.

    Returns:
        The line of the periods, and one for each bifurcation.
    """
    lines = ax.plot(
        [cycle.cue for cycle in diagram.cycles],
        [cycle.period_ms for cycle in diagram.cycles],
        "o-",
        color=_CYCLE,
        markersize=2.5,
    )
    for kind, point in diagram.bifurcations:
        lines.append(ax.axvline(point.cue, color="0.7", linestyle=":", linewidth=0.8))
        ax.annotate(
            _name(diagram, kind, point.cue), (point.cue, 1), (5, -2), rotation=90, fontsize=7,
            xycoords=ax.get_xaxis_transform(), textcoords="offset points", va="top", color="0.4",
        )  # fmt: skip
    ax.set(xlabel=_CUE, ylabel="period (ms)", ylim=(0, None))
    return lines


def bifurcation_plot(ax: "Axes", diagram: Diagram) -> list["Line2D"]:
    """Z at rest and the extremes of z on the cycles, against the cue.

    Returns:
        Lines of the fixed points, stable and unstable pieces apart, then the two of the cycles,
        then one marker per bifurcation.
    """
    lines: list[Line2D] = []
    for branch in diagram.branches:
        for stable, colour in ((True, PALETTE[1]), (False, "black")):
            z = np.where(branch.stable == stable, branch.state[:, -1], np.nan)
            style = "-" if stable else "--"
            label = "rests, stable" if stable else "rests, unstable"
            lines += ax.plot(branch.cue, z, style, color=colour, label=label)
    cues = [cycle.cue for cycle in diagram.cycles]
    for extreme in (np.max, np.min):
        heights = [extreme(cycle.orbit[:, -1]) for cycle in diagram.cycles]
        lines += ax.plot(cues, heights, color=_CYCLE, label="cycle, extremes")
    for kind, point in diagram.bifurcations:
        place = (point.cue, point.state[-1])
        lines += ax.plot(
            *place, _MARKS[kind], color="white", markeredgecolor="black", markersize=5, label="_"
        )
        label = f"{_name(diagram, kind, point.cue)}\n{point.cue:.4f}"
        ax.annotate(label, place, (-4, -14), textcoords="offset points", fontsize=7, va="top")
    ax.set(xlabel=_CUE, ylabel="z", xlim=diagram.cue_range)
    handles = {str(line.get_label()): line for line in lines if line.get_label() != "_"}
    ax.legend(handles.values(), handles.keys(), loc="lower right", fontsize=7)
    return lines


def cycle_plot(ax: "Axes", cycles: Sequence[Cycle]) -> list["Line2D"]:
    """Limit cycles in the plane of x and z, one colour per cue.

    Returns:
        One line per cycle.
    """
    lines = []
    for i, cycle in enumerate(cycles):
        colour = PALETTE[i % len(PALETTE)]
        lines += ax.plot(
            cycle.orbit[:, 0], cycle.orbit[:, -1], color=colour, label=f"{cycle.cue:g}"
        )
    ax.set(xlabel="x", ylabel="z")
    if lines:
        ax.legend(title="I", loc="upper left", bbox_to_anchor=(1, 1), fontsize=7, handlelength=1.0)
    return lines


def draw_reduced(
    model: ReducedModel,
    diagram: Diagram,
    directory: Path,
    *,
    course_cues: Sequence[float] = (-1.0, 0.5, 1.8),
    duration_ms: float = 500.0,
    cycle_cues: Sequence[float] = (0.197, 0.3, 0.5, 0.8, 1.2),
    start: ArrayLike = START,
) -> dict[Path, str]:
    """Draw published figure 3 as two figures, with their numbers beside them.

    Args:
        model: The model.
        diagram: What `rhythm_rnn.diagram.bifurcation_diagram` found for it.
        directory: Where the figures go, as PNG, SVG and CSV.
        course_cues: Cues of the time courses.
        duration_ms: Their length.
        cycle_cues: Cues of the limit cycles in the plane of x and z.
        start: State from which time courses and cycles begin.

    Returns:
        Caption of each PNG, in reading order.
    """
    time = np.linspace(0.0, duration_ms, int(duration_ms) + 1)
    courses = {cue: trajectory(model, start, time, cue) for cue in course_cues}
    found = (limit_cycle(model, cue, start, rtol=1e-9) for cue in cycle_cues)
    cycles = [cycle for cycle in found if cycle is not None]
    captions = {}
    with figure_style():
        figure, axes = new_figure(1, len(courses), height_mm=60, sharey=True)
        for ax, (cue, states) in zip(axes[0], courses.items(), strict=True):
            time_courses(ax, time, states)
            ax.set_title(f"I = {cue:g}")
            ax.label_outer()
        axes[0, -1].legend(fontsize=7)
        data: dict[str, Any] = {"time_ms": time}
        for cue, states in courses.items():
            data |= {f"{n}_cue_{cue:g}": column for n, column in zip(_NAMES, states.T, strict=True)}
        captions[save_figure(figure, directory / "time_courses", data)] = (
            "Time courses of the reduced model, all from one state. Without a rhythm they end at "
            "rest, with one x and y fire together at each tap and z follows."
        )

        figure, axes = new_figure(1, 3, height_mm=75, width_ratios=(1, 1.5, 1))
        period_plot(axes[0, 0], diagram)
        bifurcation_plot(axes[0, 1], diagram)
        cycle_plot(axes[0, 2], cycles)
        captions[save_figure(figure, directory / "bifurcations", _numbers(diagram, cycles))] = (
            "Left: period of the limit cycle against the cue. Middle: where the model rests, and "
            "how far z swings on the cycle. Right: limit cycles in the plane of x and z."
        )
    return captions


def write_reduced_report(
    model: ReducedModel, diagram: Diagram, directory: Path, **figure_options: Any
) -> list[str]:
    """Draw the figures and write ``bifurcations.csv``, ``cycles.csv`` and ``report.html``.

    Args:
        model: The model.
        diagram: What was found for it.
        directory: The run directory.
        **figure_options: Passed to `draw_reduced`.

    Returns:
        What was found, in a few lines.
    """
    from neuro_common.report import Report
    from neuro_common.runs import write_csv

    special: dict[str, list[Any]] = {
        "kind": [_name(diagram, kind, point.cue) for kind, point in diagram.bifurcations],
        "cue": [point.cue for _, point in diagram.bifurcations],
    }
    special |= {
        name: [float(point.state[i]) for _, point in diagram.bifurcations]
        for i, name in enumerate(_NAMES)
    }
    cycles = _cycle_table(diagram)
    write_csv(directory / "bifurcations.csv", special)
    write_csv(directory / "cycles.csv", cycles)
    summary = _summary(diagram)
    report = Report(directory, "rhythm-rnn: the reduced model")
    report.text(
        "Three populations: x excitatory at the tap, y inhibitory at the tap, z inhibitory between "
        "taps. The model is qualitative: at the cues of the task its periods are not those of the "
        "task."
    )
    report.text(" ".join(summary))
    report.figures(draw_reduced(model, diagram, directory / "figures", **figure_options))
    if special["kind"]:
        report.table(special, "Where fixed points meet (fold) or turn into a rhythm (Hopf).")
    if diagram.cycles:
        every = max(1, len(diagram.cycles) // 12)
        short = {name: column[::every] for name, column in cycles.items()}
        report.table(short, "Some of the limit cycles; cycles.csv has all of them.")
    report.write()
    return summary


def _summary(diagram: Diagram) -> list[str]:
    if not diagram.cycles:
        low, high = diagram.cue_range
        return [f"No rhythm between cue {low:g} and {high:g}."]
    begin, end = diagram.rhythm_range
    lines = [f"Rhythm between cue {begin:.8f} and {end:.8f}."]
    onset = diagram.onset
    if onset is not None:
        law = onset.law
        lines.append(
            f"Onset at cue {onset.cue:.8f}: {onset.kind}. The period is {law.slope_ms:.2f} ms / "
            f"sqrt(distance) + {law.offset_ms:.1f} ms (rms {law.misfit_ms:.2g} ms; a logarithm "
            f"misses by {law.log_misfit_ms:.2g} ms), and the fold alone predicts "
            f"{onset.passage_ms:.2f} ms / sqrt(distance)."
        )
    return lines


def _cycle_table(diagram: Diagram) -> dict[str, list[float]]:
    cycles = diagram.cycles
    return {
        "cue": [cycle.cue for cycle in cycles],
        "period_ms": [cycle.period_ms for cycle in cycles],
        "lowest_z": [float(cycle.orbit[:, -1].min()) for cycle in cycles],
        "highest_z": [float(cycle.orbit[:, -1].max()) for cycle in cycles],
        "largest_multiplier": [cycle.largest_multiplier for cycle in cycles],
    }


def _numbers(diagram: Diagram, drawn: Sequence[Cycle]) -> dict[str, Any]:
    """Columns of the bifurcation figure's CSV."""
    data: dict[str, Any] = dict(_cycle_table(diagram))
    for i, branch in enumerate(diagram.branches, start=1):
        data |= {f"branch_{i}_cue": branch.cue, f"branch_{i}_stable": branch.stable.astype(int)}
        data |= {f"branch_{i}_{n}": c for n, c in zip(_NAMES, branch.state.T, strict=True)}
    for cycle in drawn:
        data |= {f"{n}_cue_{cycle.cue:g}": cycle.orbit[:, i] for i, n in enumerate(_NAMES)}
    return data


def _name(diagram: Diagram, kind: str, cue: float) -> str:
    """What a bifurcation is called: a fold on an invariant circle is a SNIC."""
    if diagram.onset is not None and diagram.onset.kind == "SNIC" and diagram.onset.cue == cue:
        return "SNIC"
    return {"fold": "fold", "hopf": "Hopf"}[kind]
