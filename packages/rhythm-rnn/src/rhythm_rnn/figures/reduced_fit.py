"""The reduced model fitted to a network drawn: periods against the cue, and its page."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from neuro_common.plots import new_figure
from neuro_common.style import PALETTE, figure_style, save_figure
from rhythm_rnn.fitting import PeriodFit, model_periods

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.lines import Line2D

__all__ = ["fit_plot", "write_fit_report"]

_CUES_BETWEEN = 60


def fit_plot(ax: "Axes", fit: PeriodFit, cues: ArrayLike, period_ms: ArrayLike) -> list["Line2D"]:
    """Periods of a network and of the model fitted to it.

    Args:
        ax: Where to draw.
        fit: The fit.
        cues: Where the model's periods are drawn, shape (cues,).
        period_ms: Its period there, shape (cues,).

    Returns:
        The model's line and the network's points.
    """
    lines = ax.plot(cues, period_ms, color=PALETTE[0], label="reduced model, fitted")
    lines += ax.plot(fit.cues, fit.wanted_ms, "o", color="black", markersize=4, label="network")
    ax.set(xlabel="cue", ylabel="period (ms)", ylim=(0, 1.15 * fit.wanted_ms.max()))
    ax.legend()
    return lines


def write_fit_report(fit: PeriodFit, class_means: str, directory: Path) -> list[str]:
    """Draw the figure and write ``fit.csv`` and ``report.html``.

    Args:
        fit: The fit.
        class_means: What became of the model of class means, in a sentence.
        directory: The run directory.

    Returns:
        What was found, in a few lines.
    """
    from neuro_common.report import Report
    from neuro_common.runs import write_csv

    at = np.geomspace(fit.cues.min(), fit.cues.max(), _CUES_BETWEEN)
    (found,) = model_periods([fit.model], at, duration_ms=15 * float(fit.wanted_ms.max()))
    columns = {"cue": fit.cues, "network_ms": fit.wanted_ms, "model_ms": fit.period_ms}
    table = {name: column.tolist() for name, column in columns.items()}
    write_csv(directory / "fit.csv", table)
    with figure_style():
        figure, axes = new_figure(1, 1, width_mm=95, height_mm=75)
        fit_plot(axes[0, 0], fit, at, found)
        path = save_figure(
            figure,
            directory / "figures" / "reduced_fit",
            {
                "cue": at,
                "model_ms": found,
                "network_cue": fit.cues,
                "network_ms": fit.wanted_ms,
            },
        )
    summary = [f"The model's periods are off by {100 * fit.misfit:.1f} % (rms).", class_means]
    report = Report(directory, "rhythm-rnn: the reduced model fitted to a network")
    report.text(
        "The published model with its time stretched, and its cue stretched and shifted, to the "
        "network's periods. " + " ".join(summary)
    )
    report.figure(path, "Period against the cue.")
    report.table(table, "Periods in ms.")
    changed = ("tau_ms", "cue_weights", "bias")
    parameters: dict[str, list[object]] = {"parameter": [*changed]}
    for i, population in enumerate("xyz"):
        parameters[population] = [float(getattr(fit.model, name)[i]) for name in changed]
    report.table(parameters, "What was changed; weights and activations are the published ones.")
    report.write()
    return summary
