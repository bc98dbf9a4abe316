"""The bifurcation diagram of a trained network, drawn beside that of the reduced model."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from neuro_common.plots import new_figure
from neuro_common.style import FREE, PALETTE, figure_style, save_figure
from rhythm_rnn.cue_scan import Edge
from rhythm_rnn.diagram import Diagram
from rhythm_rnn.equilibria import BranchEvent, NetworkFixedPoint
from rhythm_rnn.figures.reduced import bifurcation_plot, period_plot
from rhythm_rnn.network_diagram import NetworkDiagram
from rhythm_rnn.task import TRAINED_PERIODS_S, context_cue

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.lines import Line2D

__all__ = [
    "draw_fixed_points",
    "eigenvalue_plot",
    "network_period_plot",
    "network_plot",
    "onset_plot",
    "write_fixed_points_report",
]

_CYCLE = PALETTE[2]
_STABLE = PALETTE[1]
_CUE = "cue"
_MARKS = {"non-smooth fold": "o", "fold": "o", "Hopf": "s", "change of stability": "s"}
_RESTS = {
    "rests, stable": (_STABLE, "-"),
    "stable in the flow only": (_STABLE, ":"),
    "rests, unstable": ("black", "--"),
}
_MS_PER_CUE = 100.0  # the period that a cue asks for is 0.1 s / cue


def network_plot(ax: "Axes", diagram: NetworkDiagram) -> list["Line2D"]:
    """Output at rest and the extremes of the output in the rhythm, against the cue.

    Returns:
        Three lines a branch (stable, stable in the flow but not in the simulated map, unstable),
        the two of the rhythm, then one marker for each turning point.
    """
    lines: list[Line2D] = []
    for branch in diagram.branches:
        output = diagram.flow.output(branch.state)
        in_map = diagram.stable_in_map(branch)
        chosen = (in_map, branch.stable & ~in_map, ~branch.stable & ~in_map)
        for (label, (colour, style)), points in zip(_RESTS.items(), chosen, strict=True):
            height = np.where(points, output, np.nan)
            lines += ax.plot(branch.cue, height, style, color=colour, label=label)
    swing = diagram.scan.carried
    for extreme in (swing.highest, swing.lowest):
        height = np.where(swing.runs, extreme, np.nan)
        lines += ax.plot(
            diagram.scan.cue, height, "o-", color=_CYCLE, markersize=2, label="rhythm, extremes"
        )
    for number, event in enumerate(_turning_points(diagram.events), start=1):
        place = (event.before.cue, event.before.output)
        lines += ax.plot(
            *place, _MARKS[event.kind], color="white", markeredgecolor="black", markersize=5,
            label="_",
        )  # fmt: skip
        aside = (5, -9) if number % 2 else (-9, 5)
        ax.annotate(str(number), place, aside, textcoords="offset points", fontsize=7)
    ax.set(xlabel=_CUE, ylabel="output y", xlim=diagram.cue_range)
    handles = {
        str(line.get_label()): line
        for line in lines
        if line.get_label() != "_" and np.isfinite(np.asarray(line.get_ydata())).any()
    }
    ax.legend(handles.values(), handles.keys(), fontsize=7)
    return lines


def network_period_plot(
    ax: "Axes", diagram: NetworkDiagram, trained_cues: ArrayLike | None = None
) -> list["Line2D"]:
    """Period of the rhythm against the cue, what the cue asks for, and the events.

    Args:
        ax: Where to draw.
        diagram: Of the network.
        trained_cues: Their range is shaded, shape (cues,); None is the seven published ones.

    Returns:
        The line of the periods, that of 0.1 s / cue, and one for each event.
    """
    scan = diagram.scan
    lines = ax.plot(
        scan.cue, scan.carried.period_ms, "o-", color=_CYCLE, markersize=2.5, label="network"
    )
    top = np.nanmax(scan.carried.period_ms, initial=1.0)
    cues = np.linspace(_MS_PER_CUE / (1.2 * top), scan.cue[-1], 200)
    lines += ax.plot(cues, _MS_PER_CUE / cues, "--", color=FREE, label="0.1 s / cue")
    rows = []
    for number, event in enumerate(_turning_points(diagram.events), start=1):
        lines.append(ax.axvline(event.before.cue, color="0.7", linestyle=":", linewidth=0.8))
        rows.append(f"{number}  {event.before.cue:.4f} {_short(event)}")
    ax.text(0.02, 0.97, "\n".join(rows), transform=ax.transAxes, fontsize=6.5, va="top")
    trained = context_cue(TRAINED_PERIODS_S) if trained_cues is None else np.asarray(trained_cues)
    ax.axvspan(trained.min(), trained.max(), color="0.93", linewidth=0, label="trained cues")
    ax.set(xlabel=_CUE, ylabel="period (ms)", ylim=(0, 1.1 * top), xlim=diagram.cue_range)
    ax.legend(loc="upper right", fontsize=7)
    return lines


def onset_plot(ax: "Axes", diagram: NetworkDiagram, reduced: Diagram) -> list["Line2D"]:
    """Periods close to where the rhythm begins, against the distance of the cue from there.

    Returns:
        The network's periods and, if it is right, the growth that its eigenvalues predict, then the
        same of the reduced model; what was not measured is left out.
    """
    lines: list[Line2D] = []
    if diagram.onset is not None:
        onset = diagram.onset
        lines += ax.plot(
            onset.distance, onset.period_ms, "o", color=_CYCLE, markersize=4, label="network"
        )
        if onset.kind == onset.expected:
            farther = np.log(onset.distance / onset.distance[0])
            foreseen = onset.period_ms[0] - onset.passage_ms * farther
            lines += ax.plot(onset.distance, foreseen, color=_CYCLE, label="-log d / rates at rest")
    if reduced.onset is not None:
        smooth = reduced.onset
        lines += ax.plot(
            smooth.distance, smooth.period_ms, "s", color=PALETTE[0], markersize=4, label="reduced"
        )
        span = np.geomspace(smooth.distance.min(), smooth.distance.max(), 50)
        foreseen = smooth.passage_ms / np.sqrt(span) + smooth.law.offset_ms
        lines += ax.plot(span, foreseen, color=PALETTE[0], label="1 / sqrt(d), normal form")
    ax.set(xscale="log", xlabel="distance d of the cue from the onset", ylabel="period (ms)")
    if lines:
        ax.set_ylim(0, None)
        ax.legend(fontsize=7)
    return lines


def eigenvalue_plot(ax: "Axes", event: BranchEvent) -> list["Line2D"]:
    """Leading eigenvalues of the flow on both sides of an event, and the borders of stability.

    The flow is stable left of the imaginary axis, the map within a circle that touches it.

    Returns:
        The eigenvalues before and after, the flow's border, and the map's.
    """
    sides = (event.before, event.after)
    lines: list[Line2D] = []
    for side, mark, colour in zip(sides, ("o", "x"), (PALETTE[0], _STABLE), strict=True):
        values = _leading(side)
        name = f"{side.kind}, {side.n_active} on"
        lines += ax.plot(
            values.real, values.imag, mark, color=colour, markersize=5, fillstyle="none", label=name
        )
    radius = 1e3 / event.before.dt_ms
    critical = np.array([side.eigenvalues[0] for side in sides])
    up = 1.5 * max(np.abs(critical.imag).max(), np.abs(critical.real).max())
    top = 2.2 * up  # room for the legend
    height = np.linspace(-up, top, 101)
    circle = np.sqrt(np.maximum(radius**2 - height**2, 0)) - radius
    aside = 1.5 * max(np.abs(critical.real).max(), np.abs(circle[[0]]).max())
    lines.append(ax.axvline(0, color="black", linewidth=0.8, label="border of the flow"))
    lines += ax.plot(circle, height, ":", color="black", linewidth=0.8, label="border of the map")
    ax.set(xlabel="real part (1/s)", ylabel="imaginary part (1/s)")
    ax.set(xlim=(-aside, aside), ylim=(-up, top))
    ax.set_title(f"cue {event.before.cue:.4f}: {event.label}", fontsize=8)
    ax.legend(
        handles=lines, fontsize=7, loc="upper left", ncols=2, frameon=True, framealpha=1,
        edgecolor="none", borderpad=0,
    )  # fmt: skip
    return lines


def draw_fixed_points(
    diagram: NetworkDiagram,
    reduced: Diagram,
    directory: Path,
    trained_cues: ArrayLike | None = None,
) -> dict[Path, str]:
    """Draw the network's diagram beside the reduced model's, and what happens at the events.

    Args:
        diagram: Of the network.
        reduced: Of the reduced model.
        directory: Where the figures go, as PNG, SVG and CSV.
        trained_cues: As for `network_period_plot`.

    Returns:
        Caption of each PNG, in reading order.
    """
    captions = {}
    with figure_style():
        figure, axes = new_figure(2, 2, height_mm=130, sharex="col", height_ratios=(1.4, 1))
        network_plot(axes[0, 0], diagram)
        bifurcation_plot(axes[0, 1], reduced)
        network_period_plot(axes[1, 0], diagram, trained_cues)
        period_plot(axes[1, 1], reduced)
        for ax, title in zip(axes[0], ("trained network", "reduced model"), strict=True):
            ax.set(title=title, xlabel="")
        captions[save_figure(figure, directory / "fixed_points", _numbers(diagram))] = (
            "Left: where the trained network rests without noise, how far its output swings, and "
            "the period. Right: the same of the reduced model, whose cue has another scale."
        )

        figure, axes = new_figure(2, 2, height_mm=130)
        onset_plot(axes[0, 0], diagram, reduced)
        axes[0, 0].set_title("towards the onset", fontsize=8)
        events = _turning_points(diagram.events)
        for ax, event in zip(axes.flat[1:], events, strict=False):
            eigenvalue_plot(ax, event)
        for ax in axes.flat[1 + len(events) :]:
            ax.set_axis_off()
        captions[save_figure(figure, directory / "stability", _stability_numbers(diagram))] = (
            "Periods close to the onset, and the leading eigenvalues of the flow on both sides of "
            "the first events. Left of the full line the flow is stable, left of the dotted one "
            "the simulated map."
        )
    return captions


def write_fixed_points_report(
    diagram: NetworkDiagram,
    reduced: Diagram,
    directory: Path,
    trained_cues: ArrayLike | None = None,
) -> list[str]:
    """Draw the figures and write ``events.csv``, ``rhythm.csv`` and ``report.html``.

    Args:
        diagram: Of the network.
        reduced: Of the reduced model.
        directory: The run directory.
        trained_cues: As for `network_period_plot`.

    Returns:
        What was found, in a few lines.
    """
    from neuro_common.report import Report
    from neuro_common.runs import write_csv

    events, scan = _event_table(diagram.events), diagram.scan
    write_csv(directory / "events.csv", events)
    rhythm: dict[str, list[Any]] = {"cue": scan.cue.tolist()}
    for name, swing in (("silent", scan.silent), ("carried", scan.carried)):
        columns = {f"{field}_from_{name}": value for field, value in swing._asdict().items()}
        rhythm |= {field: value.tolist() for field, value in columns.items()}
    write_csv(directory / "rhythm.csv", rhythm)
    summary = summarised(diagram)
    report = Report(directory, "rhythm-rnn: fixed points of the trained network")
    report.text(" ".join(summary))
    report.figures(draw_fixed_points(diagram, reduced, directory / "figures", trained_cues))
    shown = [i for i, kind in enumerate(events["kind"]) if kind != "crossing"]
    if shown:
        short = {
            name: [column[i] for i in shown]
            for name, column in events.items()
            if not name.startswith("active")
        }
        report.table(short, "Where fixed points vanish or change; events.csv has all borders.")
    report.write()
    return summary


def summarised(diagram: NetworkDiagram) -> list[str]:
    """What a diagram says, in a few lines."""
    flow = diagram.flow
    lines = [
        f"{len(diagram.branches)} branches of fixed points between cue {diagram.cue_range[0]:g} "
        f"and {diagram.cue_range[1]:g}, {len(diagram.events)} events."
    ]
    for event in _notable(diagram.events):
        sides = " and ".join(f"{s.kind} ({s.n_active} on)" for s in (event.before, event.after))
        lines.append(f"Cue {event.before.cue:.6f}: {event.label}; {sides}.")
    begins, ends = diagram.scan.begins, diagram.scan.ends
    if begins is None or ends is None:
        return [*lines, "No rhythm."]
    lines.append(f"Rhythm from {_edge_words(begins)} to {_edge_words(ends)}.")
    if diagram.onset is not None:
        onset, law = diagram.onset, diagram.onset.law
        lines.append(
            f"Onset at cue {onset.cue:.6f}: {onset.kind}. The period is {onset.period_ms[0]:.0f} ms"
            f" at a distance of {onset.distance[0]:.0e} and grows by {onset.slope_ms:.1f} ms for "
            f"each factor e that the cue comes closer; for a {onset.expected} the eigenvalues "
            f"predict {onset.passage_ms:.1f} ms. A logarithm misses by {law.log_misfit_ms:.2g} ms, "
            f"a square root by {law.misfit_ms:.2g} ms."
        )
    both = ", ".join(f"{low:.4f} to {high:.4f}" for low, high in diagram.bistable)
    lines.append(f"Rhythm and stable rest are both possible: {both or 'nowhere'}.")
    lines.append(f"The map is the simulation in steps of {flow.dt_ms:g} ms.")
    return lines


def _notable(events: Sequence[BranchEvent]) -> list[BranchEvent]:
    """All events but crossings of borders that change the active set alone."""
    return [event for event in events if event.kind != "crossing"]


def _turning_points(events: Sequence[BranchEvent]) -> list[BranchEvent]:
    """Folds, and where stability is gained or lost in the flow or in the map."""
    return [event for event in _notable(events) if event.label != "change of stability"]


def _edge_words(edge: Edge) -> str:
    """A cue with what is beyond it: "cue 0.0805 (none at 0.0797)"."""
    beyond = "or beyond" if np.isnan(edge.rests) else f"(none at {edge.rests:.4f})"
    return f"cue {edge.runs:.4f} {beyond}"


def _short(event: BranchEvent) -> str:
    """The event's label in a word or two: "fold", "flow stable", "both unstable"."""
    words = [word for word in event.label.split() if not word.startswith("become")]
    return " ".join(words).replace("non-smooth ", "").replace("flow and map", "both")


def _leading(point: NetworkFixedPoint) -> Any:
    return point.eigenvalues[:12]


def _event_table(events: Sequence[BranchEvent]) -> dict[str, list[Any]]:
    """One row per event; the active set before is a list of units, and `unit` tells the other."""
    table: dict[str, list[Any]] = {
        "kind": [event.kind for event in events],
        "what": [event.label for event in events],
        "cue": [event.before.cue for event in events],
        "output": [event.before.output for event in events],
        "unit": ["" if event.unit is None else event.unit for event in events],
    }
    for name in ("before", "after"):
        points: list[NetworkFixedPoint] = [getattr(event, name) for event in events]
        table |= {
            f"kind_{name}": [point.kind for point in points],
            f"n_active_{name}": [point.n_active for point in points],
            f"unstable_in_flow_{name}": [point.n_unstable for point in points],
            f"unstable_in_map_{name}": [point.n_unstable_in_map for point in points],
            f"leading_real_per_s_{name}": [float(point.eigenvalues[0].real) for point in points],
            f"leading_imag_per_s_{name}": [float(point.eigenvalues[0].imag) for point in points],
            f"largest_multiplier_{name}": [
                float(np.abs(point.multipliers).max()) for point in points
            ],
            f"active_{name}": [" ".join(map(str, np.flatnonzero(p.active))) for p in points],
        }
    return table


def _numbers(diagram: NetworkDiagram) -> dict[str, Any]:
    """Columns of the diagram's CSV."""
    scan = diagram.scan
    data: dict[str, Any] = {
        "cue": scan.cue,
        "lowest": scan.carried.lowest,
        "highest": scan.carried.highest,
        "period_ms": scan.carried.period_ms,
        "runs": scan.carried.runs.astype(int),
    }
    for i, branch in enumerate(diagram.branches, start=1):
        data |= {
            f"branch_{i}_cue": branch.cue,
            f"branch_{i}_output": diagram.flow.output(branch.state),
            f"branch_{i}_stable_in_flow": branch.stable.astype(int),
            f"branch_{i}_stable_in_map": diagram.stable_in_map(branch).astype(int),
            f"branch_{i}_leading_real_per_s": branch.eigenvalues[:, 0].real,
            f"branch_{i}_leading_imag_per_s": branch.eigenvalues[:, 0].imag,
        }
    return data


def _stability_numbers(diagram: NetworkDiagram) -> dict[str, Any]:
    """Columns of the CSV beside the eigenvalues."""
    data: dict[str, Any] = {"event_cue": [e.before.cue for e in _notable(diagram.events)]}
    if diagram.onset is not None:
        data |= {"distance": diagram.onset.distance, "period_ms": diagram.onset.period_ms}
    for i, event in enumerate(_turning_points(diagram.events)[:3], start=1):
        for name, side in (("before", event.before), ("after", event.after)):
            data[f"event_{i}_{name}_real_per_s"] = _leading(side).real
            data[f"event_{i}_{name}_imag_per_s"] = _leading(side).imag
    return data
