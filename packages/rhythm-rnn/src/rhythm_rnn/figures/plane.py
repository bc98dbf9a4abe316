"""The flow of a network on the plane drawn (published figure 5), and the page that shows it."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from neuro_common.extras import require
from neuro_common.plots import new_figure
from neuro_common.style import PALETTE, figure_style, save_figure
from rhythm_rnn.plane import Panel, Plane

if TYPE_CHECKING:
    from matplotlib.collections import QuadMesh

__all__ = ["draw_flow", "flow_plot", "write_flow_report"]

_COLUMNS = 3
_TRAJECTORY = PALETTE[1]
_OFF_PLANE = {
    "relaxed": "Off the plane the states have gone where they go while their place on the plane "
    "is held.",
    "trajectory": "Off the plane all states are where the trajectory is.",
    "mean": "Off the plane all states are at the mean of those that the plane was fitted to.",
}


def flow_plot(ax: Any, panel: Panel, *, fastest: float) -> "QuadMesh":
    """One field: speed as colour, directions as stream lines, the trajectory over them.

    Args:
        ax: Where to draw.
        panel: The field and its trajectory.
        fastest: Speed at the end of the colour scale, per ms.

    Returns:
        The coloured mesh, for a colour bar.
    """
    field, grid = panel.field, panel.field.grid
    # the slow places are what is looked for: a root spreads them out
    scale = require("matplotlib.colors", "plot").PowerNorm(0.5, vmin=0.0, vmax=fastest)
    mesh: QuadMesh = ax.pcolormesh(
        grid.x, grid.y, field.speed, cmap="YlGnBu", norm=scale, shading="gouraud", rasterized=True
    )
    ax.streamplot(
        grid.x, grid.y, field.velocity[..., 0], field.velocity[..., 1],
        color="0.25", linewidth=0.5, arrowsize=0.6, density=0.9,
    )  # fmt: skip
    for arrow in ax.patches:
        arrow.set_in_layout(False)  # hundreds, all within the axes: their boxes cost seconds
    ax.plot(*panel.path.T, color=_TRAJECTORY, linewidth=1.4)
    ax.plot(*panel.path[-1], "o", color=_TRAJECTORY, markersize=5, markeredgecolor="white")
    ax.set(xlim=grid.x[[0, -1]], ylim=grid.y[[0, -1]], aspect="equal")
    return mesh


def draw_flow(panels: Mapping[str, Panel], stem: Path) -> Path:
    """Draw fields side by side with one scale of speed, their numbers beside them.

    Args:
        panels: The fields by their titles, in reading order.
        stem: Path of the files without suffix.

    Returns:
        Path of the PNG.
    """
    rows = -(-len(panels) // _COLUMNS)
    columns = min(len(panels), _COLUMNS)
    fastest = max(float(panel.field.speed.max()) for panel in panels.values())
    with figure_style():
        figure, axes = new_figure(rows, columns, height_mm=12 + 56 * rows)
        for ax, (title, panel) in zip(axes.flat, panels.items(), strict=False):
            mesh = flow_plot(ax, panel, fastest=fastest)
            ax.set_title(title)
        for ax in axes.flat[len(panels) :]:
            ax.set_axis_off()
        for ax in axes[-1]:
            ax.set_xlabel("PC 1")
        for ax in axes[:, 0]:
            ax.set_ylabel("PC 2")
        figure.colorbar(mesh, ax=axes, label="speed (per ms)", shrink=0.8, aspect=30)
        return save_figure(figure, stem, _numbers(panels.values()))


def write_flow_report(
    plane: Plane,
    over_cues: Sequence[Panel],
    over_time: Sequence[Sequence[Panel]],
    directory: Path,
) -> list[str]:
    """Draw all figures and write ``flow.csv`` and ``report.html``.

    Args:
        plane: The plane.
        over_cues: A panel for each cue.
        over_time: For each way to be off the plane, a panel for each time of one run.
        directory: The run directory.

    Returns:
        What was found, in a few lines.
    """
    from neuro_common.report import Report
    from neuro_common.runs import write_csv

    table = _table([*over_cues, *(panel for run in over_time for panel in run)])
    write_csv(directory / "flow.csv", table)
    first, second = 100 * plane.explained
    summary = [
        f"The plane has {first:.0f} % and {second:.0f} % of the variance that it was fitted to."
    ]
    summary += [
        f"cue {panel.cue:g}: {100 * panel.in_plane:.0f} % of the trajectory is in the plane, "
        f"slowest point {panel.field.speed.min():.4f} per ms"
        for panel in over_cues
    ]
    report = Report(directory, "rhythm-rnn: the flow of a network on the plane")
    report.text(
        f"{summary[0]} Speed is the length of the whole state's change. The trajectory is red; "
        "where it leaves the plane, stream lines need not follow it. All panels of a figure have "
        "one scale of speed."
    )
    cues = {f"cue {panel.cue:g}": panel for panel in over_cues}
    report.figure(
        draw_flow(cues, directory / "figures" / "flow_over_cues"),
        f"Flow at {over_cues[0].time_ms:g} ms of a run at each cue. "
        f"{_OFF_PLANE[over_cues[0].field.off_plane]}",
    )
    for run in over_time:
        off_plane = run[0].field.off_plane
        times = {_moment(panel): panel for panel in run}
        report.figure(
            draw_flow(times, directory / "figures" / f"flow_over_time_{off_plane}"),
            f"Flow at several times of one run from zero, cue {run[0].cue:g} from 50 ms on. "
            f"{_OFF_PLANE[off_plane]}",
        )
    report.table(
        table,
        "Each field: its slowest and fastest point, and how much of the trajectory's variance the "
        "plane has.",
    )
    report.write()
    return summary


def _moment(panel: Panel) -> str:
    return f"{panel.time_ms:g} ms" + ("" if panel.cue_on else " (before the cue)")


def _table(panels: Sequence[Panel]) -> dict[str, list[Any]]:
    slowest = [np.unravel_index(p.field.speed.argmin(), p.field.speed.shape) for p in panels]
    return {
        "cue": [p.cue for p in panels],
        "time_ms": [p.time_ms for p in panels],
        "cue_on": [p.cue_on for p in panels],
        "off_plane": [p.field.off_plane for p in panels],
        "slowest_per_ms": [float(p.field.speed.min()) for p in panels],
        "slowest_pc1": [
            float(p.field.grid.x[i]) for p, (_, i) in zip(panels, slowest, strict=True)
        ],
        "slowest_pc2": [
            float(p.field.grid.y[j]) for p, (j, _) in zip(panels, slowest, strict=True)
        ],
        "fastest_per_ms": [float(p.field.speed.max()) for p in panels],
        "trajectory_in_plane": [p.in_plane for p in panels],
    }


def _numbers(panels: Any) -> dict[str, Any]:
    """Columns of a figure's CSV: grid, velocities and speed of each panel, and its trajectory."""
    data: dict[str, Any] = {}
    for panel in panels:
        name = f"cue_{panel.cue:g}_{panel.time_ms:g}_ms"
        x, y = panel.field.grid.points.T
        velocity = panel.field.velocity.reshape(-1, 2)
        data |= {
            f"{name}_pc1": x,
            f"{name}_pc2": y,
            f"{name}_speed_per_ms": panel.field.speed.ravel(),
        }
        data |= {f"{name}_velocity{i}_per_ms": velocity[:, i - 1] for i in (1, 2)}
        data |= {f"{name}_path_pc{i}": panel.path[:, i - 1] for i in (1, 2)}
    return data
