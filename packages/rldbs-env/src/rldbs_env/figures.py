"""The figures of an evaluation, and the page that shows them with the table."""

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from neuro_common.plots import new_figure, pareto, phase_portrait, raster, stacked_traces
from neuro_common.signals import Spectrum, spectrum
from neuro_common.style import CONTROLLED, FREE, PALETTE, STIMULATION, figure_style, save_figure
from rldbs_env.catalogue import name_of
from rldbs_env.comparison import add_comparison, short_name
from rldbs_env.evaluation import Evaluation, Example, mean_interval, summary, suppression
from rldbs_env.protocol import NEURON_EVERY, Protocol
from rldbs_env.timeline import TIME_LABEL, between, mark_control, time_from_onset

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.lines import Line2D

    from neuro_common.report import Report

__all__ = [
    "draw_all",
    "fill_report",
    "mean_fields",
    "neurons_over_field",
    "phase_portraits",
    "single_neurons",
    "spectra",
    "suppression_against_charge",
    "traces",
    "write_report",
]

_SPECTRUM_CYCLES = 15
_TRACED_NEURONS = 4


def traces(axes: "NDArray[Any]", example: Example, protocol: Protocol) -> list["Line2D"]:
    """Mean field and kicks: the whole run in the left column, the onset in the right one.

    Args:
        axes: Shape (2, 2).
        example: What to draw.
        protocol: Its phases.

    Returns:
        The four lines.
    """
    time = time_from_onset(len(example.mean_x), protocol)
    cycle = protocol.model.period
    lines = []
    for column, span in ((0, slice(None)), (1, between(time, -3 * cycle, 15 * cycle))):
        lines += stacked_traces(
            axes[:, column],
            time[span],
            {"mean field X": example.mean_x[span], "kick": example.kicks[span]},
            units={"mean field X": "1", "kick": "1"},
            time_label=TIME_LABEL,
            colours={"mean field X": CONTROLLED, "kick": STIMULATION},
        )
        for ax in axes[:, column]:
            mark_control(ax, protocol)
    for ax in axes[:, 1]:
        ax.set_ylabel("")
    axes[0, 0].set_title("whole test")
    axes[0, 1].set_title("onset")
    return lines


def mean_fields(axes: "NDArray[Any]", evaluation: Evaluation) -> list["Line2D"]:
    """Mean field of the first ensemble under each controller, one below the other.

    Args:
        axes: One per controller, shape (controllers,).
        evaluation: What to draw; a controller whose populations are quenched is titled so.

    Returns:
        One line per controller.
    """
    protocol = evaluation.protocol
    lines = []
    largest = max(np.abs(one.mean_x).max() for one in evaluation.examples.values())
    for ax, (name, example) in zip(axes, evaluation.examples.items(), strict=True):
        time = time_from_onset(len(example.mean_x), protocol)[:: protocol.neuron_every]
        quenched = evaluation.scores[name][0].quenched
        lines += ax.plot(
            time,
            example.mean_x[:: protocol.neuron_every],
            color=FREE if quenched else CONTROLLED,
            linewidth=0.5,
            rasterized=True,
        )
        ax.set(xlim=(time[0], time[-1]), ylim=(-1.1 * largest, 1.1 * largest), ylabel="X")
        ax.locator_params(axis="y", nbins=3)
        frozen = " (quenched: neurons frozen)" if quenched else ""
        ax.set_title(f"{short_name(name)}{frozen}")
        ax.tick_params(labelbottom=ax is axes[-1])
        mark_control(ax, protocol)
    axes[-1].set_xlabel(TIME_LABEL)
    return lines


def suppression_against_charge(ax: "Axes", evaluation: Evaluation) -> list["Artist"]:
    """Residual oscillation against charge, means over ensembles with 95 % intervals.

    Controllers with a quenched ensemble are left out: their residual means nothing.

    Returns:
        What `neuro_common.plots.pareto` drew.
    """
    names, charge, residual = _costs(evaluation)
    ax.set_xscale("symlog", linthresh=1e-4)
    ax.set_yscale("log")
    free = np.mean([one.std_free for many in evaluation.scores.values() for one in many])
    ax.axhline(float(free), color=FREE, linestyle=":", linewidth=0.8)
    ax.set_xlim(-2e-5, 2 * max(1e-4, charge[:, 0].max()))
    ax.set_ylim(0.6 * residual.min(), 1.8 * max(residual.max(), float(free)))
    return pareto(
        ax,
        charge[:, 0],
        residual[:, 0],
        [short_name(name) for name in names],
        x_label="charge per step (mean |kick|, units of x)",
        y_label="residual std of X",
        xerr=np.abs(charge[:, 1:] - charge[:, :1]).T,
        yerr=np.abs(residual[:, 1:] - residual[:, :1]).T,
    )


def single_neurons(ax: "Axes", example: Example, protocol: Protocol) -> "Artist":
    """Raster around the onset: a line where a neuron jumps to its active branch (x above 0)."""
    time = time_from_onset(len(example.mean_x), protocol)[::NEURON_EVERY]
    shown = between(time, -6 * protocol.model.period, 24 * protocol.model.period)
    active = example.neuron_x[shown] > 0
    fired = np.zeros_like(active)
    fired[1:] = active[1:] & ~active[:-1]
    lines = raster(ax, time[shown], fired, time_label=TIME_LABEL)
    mark_control(ax, protocol)
    ax.set_ylabel("neuron")
    return lines


def neurons_over_field(ax: "Axes", example: Example, protocol: Protocol) -> list["Line2D"]:
    """A few neurons around the onset, their x as thin lines, and the mean field X over them.

    Returns:
        The neurons' lines, then that of X.
    """
    time = time_from_onset(len(example.mean_x), protocol)[::NEURON_EVERY]
    shown = between(time, -4 * protocol.model.period, 10 * protocol.model.period)
    few = example.neuron_x[shown, :_TRACED_NEURONS].T
    lines = []
    for colour, x in zip(PALETTE[1:], few, strict=False):
        lines += ax.plot(time[shown], x, color=colour, linewidth=0.6, alpha=0.8)
    x = example.mean_x[::NEURON_EVERY][shown]
    lines += ax.plot(time[shown], x, color="black", linewidth=1.8, label="mean field X")
    ax.set(xlabel=TIME_LABEL, ylabel="x", xlim=(time[shown][0], time[shown][-1]))
    ax.legend(loc="lower left", bbox_to_anchor=(0.0, 1.0), borderaxespad=0.2)
    mark_control(ax, protocol)
    return lines


def phase_portraits(ax: "Axes", example: Example, protocol: Protocol) -> list["Line2D"]:
    """X against Y over the last cycles before control and of control."""
    lines: list[Line2D] = []
    cycles = 5 * protocol.cycle_steps
    on = protocol.free_steps
    off = on + protocol.controlled_steps
    for end, colour, label in ((on, FREE, "free"), (off, CONTROLLED, "controlled")):
        span = slice(max(0, end - cycles), end)
        lines += phase_portrait(
            ax,
            example.mean_x[span],
            example.mean_y[span],
            x_label="mean field X",
            y_label="mean field Y",
            colour=colour,
            label=label,
        )
    ax.legend()
    return lines


def spectra(ax: "Axes", example: Example, protocol: Protocol) -> list["Line2D"]:
    """Power spectral density of X before control and in the scored half of control."""
    lines: list[Line2D] = []
    highest = 5.5 / protocol.model.period
    for label, colour, estimate in _spectra(example, protocol):
        shown = (estimate.frequency > 0) & (estimate.frequency <= highest)
        lines += ax.plot(
            estimate.frequency[shown], estimate.density[shown], color=colour, label=label
        )
    ax.axvline(1 / protocol.model.period, color="0.7", linestyle="--", linewidth=0.8, zorder=0)
    ax.set(
        yscale="log",
        xlim=(0, highest),
        xlabel="frequency (cycles per time unit)",
        ylabel="density of X (time units)",
    )
    ax.legend()
    return lines


def draw_all(evaluation: Evaluation, directory: Path, shown: str | None = None) -> dict[Path, str]:
    """Draw every figure, one controller in detail, with its numbers beside it.

    Args:
        evaluation: What to show.
        directory: Where the figures go, as PNG, SVG and CSV.
        shown: The controller to show in detail; None for the best.

    Returns:
        Caption of each PNG, in reading order.
    """
    protocol = evaluation.protocol
    best = shown or max(evaluation.scores, key=lambda name: suppression(evaluation.scores[name]))
    example = evaluation.examples[best]
    time = time_from_onset(len(example.mean_x), protocol)
    captions: dict[Path, str] = {}
    with figure_style():
        figure, axes = new_figure(2, 2, height_mm=90, sharex="col", height_ratios=(3, 2))
        traces(axes, example, protocol)
        data: dict[str, Any] = {
            "time": time, "mean_x": example.mean_x, "kick": example.kicks,
        }  # fmt: skip
        captions[save_figure(figure, directory / "traces", data)] = (
            f"Mean field of one ensemble before, during and after control by {best}, and "
            "the kicks. Control begins and ends at the dashed lines."
        )

        figure, axes = new_figure(len(evaluation.examples), 1, height_mm=None)
        figure.set_figheight(0.6 + 0.75 * len(evaluation.examples))
        mean_fields(axes[:, 0], evaluation)
        every = protocol.neuron_every
        data = {"time": time[::every]} | {
            name: one.mean_x[::every] for name, one in evaluation.examples.items()
        }
        captions[save_figure(figure, directory / "mean_fields", data)] = (
            "The same ensemble under every controller. A flat line is a success only where the "
            "neurons are still active; where they are frozen the population is quenched."
        )

        names, charge, residual = _costs(evaluation)
        if names:
            figure, axes = new_figure(width_mm=120, height_mm=90)
            suppression_against_charge(axes[0, 0], evaluation)
            data = {"controller": names} | {
                f"{cost}_{end}": values[:, i]
                for cost, values in (("charge", charge), ("residual_std", residual))
                for i, end in enumerate(("mean", "low", "high"))
            }
            captions[save_figure(figure, directory / "suppression_against_charge", data)] = (
                "Residual oscillation against its price: means over ensembles with 95 % bootstrap "
                "intervals. The dotted line is the free oscillation. Filled: no other controller "
                "is better in both. Controllers that quench are left out."
            )

        figure, axes = new_figure(height_mm=75)
        single_neurons(axes[0, 0], example, protocol)
        data = {"time": time[::NEURON_EVERY]} | {
            f"x_{i}": column for i, column in enumerate(example.neuron_x.T)
        }
        captions[save_figure(figure, directory / "single_neurons", data)] = (
            f"Single neurons of that ensemble around the onset of control by {best}: they go on "
            "firing, but no longer together."
        )

        figure, axes = new_figure(height_mm=65)
        neurons_over_field(axes[0, 0], example, protocol)
        data = {
            "time": time[::NEURON_EVERY],
            "mean_x": example.mean_x[::NEURON_EVERY],
            **{f"x_{i}": x for i, x in enumerate(example.neuron_x.T[:_TRACED_NEURONS])},
        }
        captions[save_figure(figure, directory / "neurons_over_field", data)] = (
            f"{_TRACED_NEURONS} of these neurons, and the mean field over them: under control by "
            f"{best} each keeps its rhythm, and their mean rests."
        )

        figure, axes = new_figure(1, 2, height_mm=75)
        phase_portraits(axes[0, 0], example, protocol)
        spectra(axes[0, 1], example, protocol)
        data = {"mean_x": example.mean_x, "mean_y": example.mean_y}
        for label, _, estimate in _spectra(example, protocol):
            data |= {f"{label}_frequency": estimate.frequency, f"{label}_psd": estimate.density}
        captions[save_figure(figure, directory / "phase_portrait_and_spectrum", data)] = (
            f"Left: the mean field in the X-Y plane, free and under control by {best}. Right: its "
            "power spectral density; the dashed line is the published rhythm's frequency."
        )
    return captions


def write_report(evaluation: Evaluation, directory: Path, command: str | None = None) -> Path:
    """Draw the figures and write ``summary.csv``, ``report.json`` and ``report.html``.

    Args:
        evaluation: What to report.
        directory: The run directory.
        command: The command line that makes it, if the page shall show one.

    Returns:
        The page.
    """
    title = "rldbs-env: silencing a synchronised population"
    return fill_report(evaluation, directory, title, command).write()


def fill_report(
    evaluation: Evaluation,
    directory: Path,
    title: str,
    command: str | None = None,
    shown: str | None = None,
) -> "Report":
    """Draw the figures and write ``summary.csv``; the page is left open for more.

    Args:
        evaluation: What to report.
        directory: The run directory.
        title: Title of the page.
        command: As for `write_report`.
        shown: As for `draw_all`.
    """
    from neuro_common.report import Report
    from neuro_common.runs import write_csv

    protocol = evaluation.protocol
    table = summary(evaluation)
    write_csv(directory / "summary.csv", table)
    report = Report(directory, title)
    report.text(
        f"{len(evaluation.scores)} controllers on {len(protocol.ensembles)} ensembles of "
        f"{protocol.n_neurons} neurons ({_experiment(protocol)}): {protocol.free_steps} free "
        f"steps, {protocol.controlled_steps} under control, {protocol.recovery_steps} free again."
    )
    for note in evaluation.notes:
        report.text(note)
    if command:
        report.command(command)
    report.table(
        table,
        "S_ratio is the std of the mean field X before control over that in the second half of "
        "control; means over ensembles with 95 % bootstrap intervals. A quenched population is "
        "frozen: its mean field is flat, and that is no suppression.",
    )
    add_comparison(report, evaluation, directory)
    report.figures(draw_all(evaluation, directory / "figures", shown))
    return report


def _experiment(protocol: Protocol) -> str:
    """What was unlike the published experiment, and the coupling."""
    model, usual = name_of(protocol.model), Protocol()
    words = [] if model == "bvdp" else [model]
    words.append(f"coupling {protocol.model.coupling:g}")
    if protocol.pulse != usual.pulse:
        words.append(f"{protocol.pulse.name} pulses")
    words += [type(one).__name__ for one in protocol.disturbances]
    for name in ("delivery", "levels", "variety", "prelude"):
        if getattr(protocol, name) != getattr(usual, name):
            words.append(name)
    return ", ".join(words)


def _costs(
    evaluation: Evaluation,
) -> tuple[list[str], NDArray[np.float64], NDArray[np.float64]]:
    """Controllers without a quenched ensemble; charge and residual as (mean, low, high) rows."""
    names = [
        name
        for name, scores in evaluation.scores.items()
        if not any(math.isnan(one.s_ratio) for one in scores)
    ]

    def rows(attribute: str) -> NDArray[np.float64]:
        seed = evaluation.protocol.seed
        values = [[getattr(one, attribute) for one in evaluation.scores[name]] for name in names]
        return np.array([mean_interval(ensembles, seed) for ensembles in values])

    return names, rows("charge"), rows("std_controlled")


def _spectra(example: Example, protocol: Protocol) -> list[tuple[str, str, Spectrum]]:
    on = protocol.free_steps
    off = on + protocol.controlled_steps
    parts = (("free", FREE, slice(0, on)), ("controlled", CONTROLLED, slice((on + off) // 2, off)))
    dt = protocol.step_time
    longest = min(on, (off - on) // 2) * dt
    segment = min(_SPECTRUM_CYCLES * protocol.model.period, longest)
    return [
        (label, colour, spectrum(example.mean_x[span], dt, segment))
        for label, colour, span in parts
    ]
