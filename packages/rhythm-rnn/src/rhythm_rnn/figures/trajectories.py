"""The path of all units together (published figure 1b): orbits, their length, and the tempo."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from neuro_common.plots import new_figure
from neuro_common.style import PALETTE, figure_style, save_figure
from rhythm_rnn.figures.tempo import cue_colours
from rhythm_rnn.taps import intervals
from rhythm_rnn.task import TRAINED_PERIODS_S, context_cue

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.container import ErrorbarContainer
    from matplotlib.lines import Line2D

    from rhythm_rnn.activity import Activity
    from rhythm_rnn.trajectories import Trajectories

__all__ = ["length_plot", "tempo_plot", "trajectory_plot", "write_trajectories_report"]

_DRAWN_CYCLES = 3


def trajectory_plot(ax: Any, found: "Trajectories", cycles: int = _DRAWN_CYCLES) -> list["Line2D"]:
    """Orbits in the space of three principal components, a dot at the tap, colours by cue.

    Thin lines are single cycles with their noise, thick ones the mean cycle.

    Args:
        ax: Where to draw, three-dimensional.
        found: At least three components.
        cycles: How many single cycles to draw.

    Returns:
        The mean cycle of each tempo.
    """
    lines: list[Line2D] = []
    rings = zip(
        found.cues, cue_colours(found.cues), found.orbits, found.paths, found.taps, strict=True
    )
    for cue, colour, orbit, path, taps in rings:
        x, y, z = path[taps[0] : taps[min(cycles, len(taps) - 1)] + 1, :3].T
        ax.plot(x, y, z, color=colour, linewidth=0.4, alpha=0.45)
        x, y, z = np.vstack([orbit, orbit[:1]])[:, :3].T
        lines += ax.plot(x, y, z, color=colour, linewidth=1.6, label=f"{10 * cue:.2g} Hz")
        ax.plot(x[:1], y[:1], z[:1], "o", color="black", markersize=3)
    share = found.components.explained
    for axis, number in ((ax.xaxis, 0), (ax.yaxis, 1), (ax.zaxis, 2)):
        axis.set_label_text(f"PC{number + 1} ({100 * share[number]:.0f} %)")
        axis.labelpad = -9
        axis.label.set_size(8)
        axis.set_tick_params(pad=-4, labelsize=6)
        axis.set_pane_color((1, 1, 1, 0))
    ax.grid(visible=False)
    ax.view_init(elev=30, azim=-60)
    # labels of three-dimensional axes stand outside of what the layout knows of
    ax.set_box_aspect((1, 1, 0.9), zoom=0.98)
    ax.legend(
        fontsize=7, loc="upper left", bbox_to_anchor=(-0.06, 1.0), handlelength=1.0, borderpad=0,
        labelspacing=0.2,
    )  # fmt: skip
    return lines


def length_plot(ax: "Axes", found: "Trajectories") -> "ErrorbarContainer":
    """Length of a cycle against the cue: as sampled, with noise, and of the mean cycle.

    Returns:
        The sampled lengths, bars being standard deviations.
    """
    bars = ax.errorbar(
        found.cues, found.length_mean, found.length_sd, fmt="s", color="0.5", markersize=3.5,
        elinewidth=0.8, label="steps between samples",
    )  # fmt: skip
    ax.plot(found.cues, found.orbit_length, "-", color="0.8", linewidth=0.8, zorder=0)
    ax.scatter(
        found.cues, found.orbit_length, color=cue_colours(found.cues), s=18, label="mean cycle"
    )
    # room for the legend
    top = 1.25 * float((found.length_mean + found.length_sd).max())
    ax.set(xlabel="cue", ylabel="length of a cycle", ylim=(0, top))
    ax.legend(fontsize=7)
    return bars


def tempo_plot(
    ax: "Axes",
    cues: ArrayLike,
    interval_ms: ArrayLike,
    valid: ArrayLike,
    trained: ArrayLike,
) -> list["Line2D"]:
    """Inter-tap interval against the cue, the trained cues filled, invalid rhythms crossed out.

    Args:
        ax: Where to draw.
        cues: Above 0, shape (cues,).
        interval_ms: Mean interval, NaN where there are no taps, shape (cues,).
        valid: Whether taps and spectrum agree, shape (cues,).
        trained: Whether the network was trained at a cue, shape (cues,).

    Returns:
        The line that the cues ask for, then untrained, trained and invalid rhythms.
    """
    amplitudes, means = np.asarray(cues, dtype=np.float64), np.asarray(interval_ms)
    agree, known = np.asarray(valid), np.asarray(trained)
    along = np.geomspace(amplitudes.min(), amplitudes.max(), 100)
    lines = ax.plot(along, 100 / along, color="0.6", linewidth=0.8, label="100 ms / cue")
    for label, chosen, style in (
        ("untrained", agree & ~known, {"marker": "o", "markerfacecolor": "white"}),
        ("trained", agree & known, {"marker": "o", "color": PALETTE[1]}),
        ("invalid", ~agree & np.isfinite(means), {"marker": "x", "color": "black"}),
    ):
        look: dict[str, Any] = {"color": PALETTE[0], "markersize": 3.5, **style}
        lines += ax.plot(
            amplitudes[chosen], means[chosen], linestyle="", zorder=3,
            label=label if chosen.any() else "_", **look,
        )  # fmt: skip
    ax.set(xscale="log", yscale="log", xlabel="cue", ylabel="inter-tap interval (ms)")
    _plain_ticks(ax)
    ax.legend(fontsize=7)
    return lines


def write_trajectories_report(
    found: "Trajectories",
    scan: "Sequence[Activity]",
    directory: Path,
    trained_cues: ArrayLike | None = None,
) -> list[str]:
    """Draw the trajectories, write ``cycles.csv``, ``intervals.csv`` and ``report.html``.

    Args:
        found: Paths of the trained tempi, at least three components.
        scan: Activity at many cues above 0, with or without rates.
        directory: The run directory.
        trained_cues: Cues of the training, shape (cues,); None is the seven published ones.

    Returns:
        What was found, in a few lines.
    """
    from neuro_common.report import Report
    from neuro_common.runs import write_csv

    tempo = _tempo_table(
        scan, context_cue(TRAINED_PERIODS_S) if trained_cues is None else trained_cues
    )
    lengths = {
        "cue": found.cues.tolist(),
        "length_mean": found.length_mean.tolist(),
        "length_sd": found.length_sd.tolist(),
        "orbit_length": found.orbit_length.tolist(),
    }
    with figure_style():
        figure, axes = new_figure(
            1, 3, height_mm=75, width_ratios=(1.6, 1, 1), gridspec_kw={"wspace": 0.08}
        )
        place = axes[0, 0].get_subplotspec()
        axes[0, 0].remove()
        trajectory_plot(figure.add_subplot(place, projection="3d"), found)
        length_plot(axes[0, 1], found)
        columns = (np.array(tempo[name]) for name in ("cue", "iti_ms", "valid", "trained"))
        tempo_plot(axes[0, 2], *columns)
        data: dict[str, Any] = dict(lengths)
        for cue, orbit in zip(found.cues, found.orbits, strict=True):
            data |= {f"pc{i}_cue_{cue:.4g}": column for i, column in enumerate(orbit.T, start=1)}
        data |= {f"scan_{name}": tempo[name] for name in ("cue", "iti_ms")}
        path = save_figure(figure, directory / "figures" / "trajectories", data)
    write_csv(directory / "cycles.csv", lengths)
    write_csv(directory / "intervals.csv", tempo)
    summary = _trajectory_summary(found)
    report = Report(directory, "rhythm-rnn: trajectories of the population")
    for line in summary:
        report.text(line)
    report.figure(
        path,
        "Left: normalised rates on their first three principal components; thick lines are mean "
        "cycles, thin ones single cycles, dots taps. Middle: length of a cycle in the space of all "
        "units, as the sum of steps between noisy samples and of the mean cycle. Right: inter-tap "
        "interval against the cue.",
    )
    report.table(lengths, "Length of a cycle, in units of normalised rate.").write()
    return summary


def _trajectory_summary(found: "Trajectories") -> list[str]:
    slow, fast = found.cues.argmin(), found.cues.argmax()
    share = 100 * found.components.explained[:3].sum()
    return [
        f"Three components hold {share:.0f} % of the variance of normalised rates.",
        f"From cue {found.cues[slow]:.3g} to {found.cues[fast]:.3g} the mean cycle's length goes "
        f"from {found.orbit_length[slow]:.1f} to {found.orbit_length[fast]:.1f}; the sum of steps "
        f"between samples goes from {found.length_mean[slow]:.1f} to "
        f"{found.length_mean[fast]:.1f}, most of it noise where the two differ.",
    ]


def _tempo_table(scan: "Sequence[Activity]", trained: ArrayLike) -> dict[str, list[Any]]:
    rows = []
    for one in scan:
        many = len(one.taps.time_ms) > 2
        mean, sd, cv, n = intervals(one.taps.time_ms) if many else (np.nan, np.nan, np.nan, 0)
        known = bool(np.isclose(one.cue, trained, rtol=1e-3).any())
        verdict = one.taps.verdict
        rows.append((one.cue, mean, sd, cv, n, verdict == "valid", known, verdict))
    names = ("cue", "iti_ms", "sd_ms", "cv", "intervals", "valid", "trained", "verdict")
    return {name: list(column) for name, column in zip(names, zip(*rows, strict=True), strict=True)}


def _plain_ticks(ax: "Axes") -> None:
    """Ticks of logarithmic axes written as plain numbers."""
    for axis, limits in ((ax.xaxis, ax.get_xlim()), (ax.yaxis, ax.get_ylim())):
        decades = np.outer(10.0 ** np.arange(-3, 6), (1, 2, 5)).ravel()
        shown = decades[(decades >= limits[0]) & (decades <= limits[1])]
        axis.set_ticks(shown.tolist(), [f"{tick:g}" for tick in shown])
        axis.set_minor_locator(_no_ticks())


def _no_ticks() -> Any:
    from matplotlib.ticker import NullLocator

    return NullLocator()
