"""Classes of units drawn: how many, when they fire, and the weights between them."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neuro_common.plots import new_figure
from neuro_common.style import PALETTE, figure_style, save_figure
from rhythm_rnn.classes import CLASSES, Composition
from rhythm_rnn.figures.lesions import draw_lesions, lesion_summary, lesion_table
from rhythm_rnn.lesions import Lesion

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.container import BarContainer
    from matplotlib.image import AxesImage
    from matplotlib.lines import Line2D

__all__ = [
    "CLASS_COLOURS",
    "block_plot",
    "class_rate_plot",
    "count_plot",
    "phase_plot",
    "write_classes_report",
]

CLASS_COLOURS = (PALETTE[1], PALETTE[0], "#f0a57c", "#7fc4ee", "0.8")
"""Red excites and blue inhibits; the lighter of each is in between taps; silent units are grey."""

_SILENT = CLASSES.index("silent")
_PHASE_BINS = 40


def count_plot(ax: "Axes", cues: ArrayLike, labels: ArrayLike) -> list["BarContainer"]:
    """How many units are of each class at each cue, as stacked bars.

    Args:
        ax: Where to draw.
        cues: Shape (cues,).
        labels: Class of each unit at each cue, shape (cues, units).

    Returns:
        The bars of each class.
    """
    counts = _counts(labels)
    places = np.arange(len(counts))
    bars = [
        ax.bar(places, column, bottom=below, color=colour, width=0.75, label=name)
        for column, below, colour, name in zip(
            counts.T, (counts.cumsum(axis=1) - counts).T, CLASS_COLOURS, CLASSES, strict=True
        )
    ]
    ax.set_xticks(places, [f"{cue:.2g}" for cue in np.asarray(cues)])
    ax.set(xlabel="cue", ylabel="units")
    ax.legend(
        fontsize=7, ncols=3, loc="lower left", bbox_to_anchor=(-0.15, 1.0), handlelength=0.8,
        columnspacing=0.8, handletextpad=0.4, borderpad=0.2,
    )  # fmt: skip
    return bars


def phase_plot(
    ax: "Axes", phase: ArrayLike, labels: NDArray[np.int64], tap_within: float = 0.2
) -> list["BarContainer"]:
    """How many units peak at which phase: excitatory upwards, inhibitory downwards, the tap at 0.

    Args:
        ax: Where to draw.
        phase: When each unit peaks, in [0, 1), shape (units,).
        labels: Class of each unit, shape (units,).
        tap_within: The zone of the tap, which is shaded.

    Returns:
        The bars of each class that takes part.
    """
    edges = np.linspace(-0.5, 0.5, _PHASE_BINS + 1)
    centred = (np.asarray(phase) + 0.5) % 1 - 0.5
    ax.axvspan(-tap_within, tap_within, color="0.94", zorder=0)
    bars = []
    # a class of each sign may share a bin that the zone's edge divides
    stacked = {1: np.zeros(_PHASE_BINS), -1: np.zeros(_PHASE_BINS)}
    for number, name in enumerate(CLASSES[:_SILENT]):
        up = 1 if name.endswith("E") else -1
        counts = np.histogram(centred[labels == number], edges)[0]
        below, colour = up * stacked[up], CLASS_COLOURS[number]
        bars.append(
            ax.bar(edges[:-1], up * counts, np.diff(edges), below, align="edge", color=colour)
        )
        stacked[up] += counts
    ax.axhline(0, color="black", linewidth=0.8)
    ax.axvline(0, color="0.6", linestyle="--", linewidth=0.8)
    high, low = (1.1 * max(1, *counts) for counts in stacked.values())
    ax.set(xlabel="phase of the peak, tap at 0", ylabel="units, E above, I below")
    ax.set(xlim=(-0.5, 0.5), ylim=(-low, high))
    ax.yaxis.set_major_formatter(lambda count, _: f"{abs(count):g}")
    ax.set_xticks([-0.5, 0, 0.5])
    return bars


def class_rate_plot(ax: "Axes", rates: ArrayLike) -> list["Line2D"]:
    """Mean rate of each class over the cycle, the tap in the middle.

    Args:
        ax: Where to draw.
        rates: What `rhythm_rnn.classes.class_rates` gave, shape (phases, classes).

    Returns:
        One line for each class that fires.
    """
    cycle = np.asarray(rates)
    phase = np.arange(-len(cycle) // 2, len(cycle) // 2 + 1) / len(cycle)
    turned = cycle[np.round(phase * len(cycle)).astype(int) % len(cycle)]
    lines: list[Line2D] = []
    for number, (name, colour) in enumerate(zip(CLASSES, CLASS_COLOURS, strict=True)):
        if number != _SILENT and np.isfinite(turned[:, number]).all():
            lines += ax.plot(phase, turned[:, number], color=colour, label=name, linewidth=1.6)
    ax.axvline(0, color="0.6", linestyle="--", linewidth=0.8)
    ax.set(xlabel="phase of the cycle, tap at 0", ylabel="mean rate", xlim=(-0.5, 0.5))
    ax.set_ylim(0, None)
    ax.set_xticks([-0.5, 0, 0.5])
    return lines


def block_plot(ax: "Axes", summed: ArrayLike) -> "AxesImage":
    """Summed weights between classes, with their numbers; silent units only receive.

    Args:
        ax: Where to draw.
        summed: Shape (classes, classes), row = post, column = pre.

    Returns:
        The image.
    """
    blocks = np.asarray(summed)[:, :_SILENT]
    largest = float(np.nanmax(np.abs(blocks)))
    image = ax.imshow(blocks, cmap="RdBu_r", vmin=-largest, vmax=largest, aspect="auto")
    for (post, pre), value in np.ndenumerate(blocks):
        if np.isfinite(value):
            colour = "white" if abs(value) > 0.6 * largest else "black"
            ax.text(
                pre,
                post,
                f"{value:.2f}".replace("-0.00", "0.00"),
                ha="center",
                va="center",
                fontsize=7,
                color=colour,
            )
    ax.set_xticks(
        range(_SILENT), CLASSES[:_SILENT], rotation=45, ha="right", rotation_mode="anchor"
    )
    ax.set_yticks(range(len(CLASSES)), CLASSES)
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    ax.set(xlabel="pre", ylabel="post")
    return image


def write_classes_report(
    found: Composition, lesions: Sequence[Lesion], directory: Path
) -> list[str]:
    """Draw classes and lesions, write ``units.csv``, ``lesions.csv`` and ``report.html``.

    Args:
        found: The classes.
        lesions: What `rhythm_rnn.lesions.lesion_classes` gave for them.
        directory: The run directory.

    Returns:
        What was found, in a few lines.
    """
    from neuro_common.report import Report
    from neuro_common.runs import write_csv

    units: dict[str, list[Any]] = {"unit": list(range(len(found.labels)))}
    units["phase"] = found.phase.tolist()
    for cue, labels in zip(found.cues, found.labels_by_cue, strict=True):
        units[f"class_cue_{cue:.4g}"] = [CLASSES[label] for label in labels]
    write_csv(directory / "units.csv", units)
    write_csv(directory / "lesions.csv", lesion_table(lesions))
    sizes = zip(_counts([found.labels])[0], CLASSES, strict=True)
    summary = [f"At cue {found.cue:.4g}: " + ", ".join(f"{n} {name}" for n, name in sizes) + "."]
    summary += lesion_summary(lesions)
    report = Report(directory, "rhythm-rnn: classes of units")
    for line in summary:
        report.text(line)
    captions = _draw_classes(found, directory / "figures")
    captions |= draw_lesions(lesions, directory / "figures")
    report.figures(captions)
    effects = lesion_table([one for one in lesions if not one.control])
    report.table(effects, "The rhythm without each class; lesions.csv has the controls.").write()
    return summary


def _draw_classes(found: Composition, directory: Path) -> dict[Path, str]:
    with figure_style():
        figure, axes = new_figure(2, 2, height_mm=135, width_ratios=(1, 1.1))
        count_plot(axes[0, 0], found.cues, found.labels_by_cue)
        phase_plot(axes[0, 1], found.phase, found.labels, found.tap_within)
        class_rate_plot(axes[1, 0], found.rates)
        image = block_plot(axes[1, 1], found.blocks.summed)
        figure.colorbar(image, ax=axes[1, 1], label="summed weight", aspect=30)
        path = save_figure(figure, directory / "classes", _numbers(found))
    return {
        path: f"Units of each class at each cue. At cue {found.cue:.4g}: phases at which units "
        "peak, the zone of the tap shaded; mean rate of each class over the cycle; what a unit of "
        "one class (row) receives from all units of another (column) when these have rate 1."
    }


def _counts(labels: ArrayLike) -> NDArray[np.int64]:
    """Units of each class, shape (cues, classes)."""
    return np.array([np.bincount(each, minlength=len(CLASSES)) for each in np.asarray(labels)])


def _numbers(found: Composition) -> dict[str, Any]:
    """Columns of the classes figure's CSV."""
    data: dict[str, Any] = {"cue": found.cues}
    for name, counts in zip(CLASSES, _counts(found.labels_by_cue).T, strict=True):
        data[f"units_{name}"] = counts
    data |= {"unit_phase": found.phase, "unit_class": np.array(CLASSES)[found.labels]}
    data["phase"] = np.arange(len(found.rates)) / len(found.rates)
    data |= {f"rate_{name}": column for name, column in zip(CLASSES, found.rates.T, strict=True)}
    data["post"] = np.array(CLASSES)
    for kind, matrix in zip(found.blocks._fields, found.blocks, strict=True):
        columns = zip(CLASSES, matrix.T, strict=True)
        data |= {f"{kind}_weight_from_{name}": column for name, column in columns}
    return data
