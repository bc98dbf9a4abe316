"""Phase response drawn: shifts by faint and by strong pushes, and the page that shows them."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from neuro_common.extras import require
from neuro_common.plots import new_figure
from neuro_common.style import figure_style, save_figure
from rhythm_rnn.phase_response import PhaseResponse, wrapped

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.lines import Line2D

__all__ = ["draw_responses", "shift_plot", "transition_plot", "write_response_report"]

_FIRST = "0.65"


def shift_plot(ax: "Axes", response: PhaseResponse, *, colour: Any) -> list["Line2D"]:
    """Shift of the taps against the phase of the push.

    Args:
        ax: Where to draw.
        response: The response.
        colour: Colour of the shift that lasts.

    Returns:
        Lines of the first tap after the push, of the shift that lasts and, where it does not exceed
        half a cycle, of the theory.
    """
    curves: dict[str, tuple[Any, dict[str, Any]]] = {
        "first tap": (response.shift[:, 0], {"color": _FIRST, "marker": "o", "linestyle": "none"}),
        "lasting": (response.lasting, {"color": colour, "marker": "o", "linestyle": "none"}),
    }
    if np.abs(response.linear).max() < 0.5:
        curves["small-push theory"] = (response.linear, {"color": "black", "linewidth": 0.8})
    ax.axhline(0, color="0.8", linewidth=0.6, zorder=0)
    lines = []
    for label, (shift, look) in curves.items():
        lines += ax.plot(response.phase, shift, label=label, markersize=2.5, **look)
    measured = np.nan_to_num(response.shift[:, [0, -1]])
    reach = min(0.5, 1.3 * max(float(np.abs(measured).max()), 1e-6))
    ax.set(xlim=(0, 1), ylim=(-reach, reach))
    return lines


def transition_plot(ax: "Axes", response: PhaseResponse, *, colour: Any) -> list["Line2D"]:
    """New phase against the phase of the push, both round the tap; on the diagonal nothing changes.

    Args:
        ax: Where to draw.
        response: The response.
        colour: Of the points.

    Returns:
        The diagonal and the points.
    """
    lines = ax.plot([0, 0.5, np.nan, 0.5, 1], [0, 0.5, np.nan, -0.5, 0], color="0.8", linewidth=0.6)
    new = wrapped(response.new_phase)
    lines += ax.plot(response.phase, new, "o", color=colour, markersize=2.5)
    ax.set(xlim=(0, 1), ylim=(-0.5, 0.5))
    return lines


def draw_responses(
    responses: Sequence[Sequence[PhaseResponse]], pushes: Sequence[str], stem: Path
) -> Path:
    """Draw shifts by each push, and the new phases after the last one; a column for each cue.

    Args:
        responses: For each push, one response for each cue.
        pushes: What the pushes are called, the faintest first.
        stem: Path of the files without suffix.

    Returns:
        Path of the PNG.
    """
    cues = [response.cue for response in responses[0]]
    rows, columns = len(pushes) + 1, len(cues)
    with figure_style():
        colours = require("matplotlib", "plot").colormaps["viridis"](np.linspace(0, 0.85, columns))
        figure, axes = new_figure(
            rows, columns, height_mm=15 + 45 * rows, width_mm=20 + 53 * columns, sharex=True
        )
        for row, (push, same) in enumerate(zip(pushes, responses, strict=True)):
            for ax, response, colour in zip(axes[row], same, colours, strict=True):
                shift_plot(ax, response, colour=colour)
                ax.set_title(f"{push}, cue {response.cue:g}: {_type(response)}")
            axes[row, 0].set_ylabel("shift (cycles)")
        for ax, response, colour in zip(axes[-1], responses[-1], colours, strict=True):
            transition_plot(ax, response, colour=colour)
            ax.set_title(f"{pushes[-1]}, cue {response.cue:g}")
            ax.set_xlabel("phase of the push (cycles)")
        axes[-1, 0].set_ylabel("new phase (cycles)")
        figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
        return save_figure(figure, stem, _numbers(responses, pushes))


def write_response_report(
    responses: Sequence[Sequence[PhaseResponse]], pushes: Sequence[str], directory: Path
) -> list[str]:
    """Draw the figure and write ``phase_response.csv`` and ``report.html``.

    Args:
        responses: For each push, one response for each cue.
        pushes: What the pushes are called, the faintest first.
        directory: The run directory.

    Returns:
        What was found, a line for each push and cue.
    """
    from neuro_common.report import Report
    from neuro_common.runs import write_csv

    named = [(push, one) for push, same in zip(pushes, responses, strict=True) for one in same]
    table: dict[str, list[Any]] = {
        "push": [push for push, _ in named],
        "cue": [one.cue for _, one in named],
        "period_ms": [one.period_ms for _, one in named],
        "type": [one.winding for _, one in named],
        "largest_advance": [float(one.lasting.max()) for _, one in named],
        "largest_delay": [float(one.lasting.min()) for _, one in named],
        "reset": [one.reset for _, one in named],
        "unsettled": [one.unsettled for _, one in named],
    }
    write_csv(directory / "phase_response.csv", table)
    summary = [
        f"{push}, cue {one.cue:g}: {_type(one)}, shifts from {one.lasting.min():+.3f} to "
        f"{one.lasting.max():+.3f} cycles, reset {one.reset:.2f}"
        for push, one in named
    ]
    report = Report(directory, "rhythm-rnn: phase response")
    report.text(
        "The rhythm is pushed once at many phases, without noise. Shifts are in cycles, positive "
        "is earlier, wrapped to half a cycle. Type 1: the new phase goes round with the old one; "
        "type 0: the push all but resets the rhythm. Reset is 1 if every phase becomes the same."
    )
    report.figure(
        draw_responses(responses, pushes, directory / "figures" / "phase_response"),
        "Shift of the first tap after the push and shift that lasts, with the prediction for small "
        "pushes from the adjoint; below, the phase that the last push leads to.",
    )
    report.table(table, "Each push at each cue.")
    report.write()
    return summary


def _type(response: PhaseResponse) -> str:
    return "type unclear" if response.winding is None else f"type {response.winding}"


def _numbers(responses: Sequence[Sequence[PhaseResponse]], pushes: Sequence[str]) -> dict[str, Any]:
    """Columns of the figure's CSV."""
    data: dict[str, Any] = {}
    for push, same in zip(pushes, responses, strict=True):
        for one in same:
            name = f"{push.replace(' ', '_')}_cue_{one.cue:g}"
            data |= {
                f"{name}_phase": one.phase,
                f"{name}_first_shift": one.shift[:, 0],
                f"{name}_lasting_shift": one.lasting,
                f"{name}_theory": one.linear,
                f"{name}_new_phase": one.new_phase,
            }
    return data
