"""From a letter to spindles: pen, arm, joints and muscles of one movement."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from neuro_common.plots import new_figure
from neuro_common.style import FREE, PALETTE, STIMULATION, figure_style, save_figure
from proprio_tcn.figures.trial import LetterTrial

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

__all__ = [
    "arm_plot",
    "course_plot",
    "draw_movement",
    "most_moved",
    "movement_columns",
    "pen_plot",
]

Floats = NDArray[np.float64]

_MOVING = "0.93"


def most_moved(lengths: Floats, count: int) -> NDArray[np.int64]:
    """The muscles whose length changes most, in order of the change.

    Args:
        lengths: mm, shape (muscles, bins).
        count: How many to give, at most all.
    """
    return np.argsort(-np.ptp(lengths, axis=1), kind="stable")[:count]


def pen_plot(ax: "Axes", pen_cm: Floats) -> list["Line2D"]:
    """Draw a pen trace with a dot every 100 ms and a mark at its beginning.

    Args:
        ax: Where to draw.
        pen_cm: Shape (2, bins of 10 ms).

    Returns:
        The path, the dots and the beginning.
    """
    lines = ax.plot(*pen_cm, color=PALETTE[0])
    lines += ax.plot(*pen_cm[:, ::10], "o", color=PALETTE[0], markersize=2.5)
    lines += ax.plot(*pen_cm[:, :1], "o", color=STIMULATION, markersize=5)
    ax.set_aspect("equal")
    ax.set(xlabel="x (cm)", ylabel="y (cm)")
    return lines


def arm_plot(
    ax: Any, hand_cm: Floats, elbow_cm: Floats, moving: NDArray[np.bool_], postures: int = 4
) -> list["Artist"]:
    """Draw the hand's path in space with the two links of the arm in a few postures.

    Args:
        ax: Axes in three dimensions.
        hand_cm: Shape (3, bins), the shoulder at the origin.
        elbow_cm: Shape (3, bins).
        moving: Bins of the movement, shape (bins,).
        postures: How many, from the first to the last bin of the movement.

    Returns:
        The path, the postures from first to last, the shoulder.

    Raises:
        ValueError: No bin moves.
    """
    bins = np.flatnonzero(moving)
    if not len(bins):
        raise ValueError("moving must be true in at least one bin, got none")
    lines: list[Artist] = [*ax.plot(*hand_cm[:, bins], color=STIMULATION, linewidth=1.5, zorder=5)]
    chosen = bins[np.linspace(0, len(bins) - 1, postures).round().astype(int)]
    for place, one in enumerate(chosen):
        links = np.stack([np.zeros(3), elbow_cm[:, one], hand_cm[:, one]], axis=1)
        shade = 0.3 + 0.6 * (place + 1) / postures
        lines += ax.plot(*links, "-o", color=PALETTE[0], alpha=shade, markersize=2.5)
    lines += ax.plot([0], [0], [0], "s", color="black", markersize=5)
    ax.set(xlabel="forward (cm)", ylabel="left (cm)", zlabel="up (cm)")
    for axis in (ax.xaxis, ax.yaxis, ax.zaxis):
        axis.set_major_locator(_ticks(4))
        axis.pane.set_alpha(0.0)
    ax.set_aspect("equal")
    return lines


def course_plot(
    ax: "Axes",
    time_s: Floats,
    courses: Mapping[str, Floats],
    moving: NDArray[np.bool_],
    *,
    label: str,
    others: Floats | None = None,
) -> list["Line2D"]:
    """Draw courses over time, the bins of the movement shaded, named right of the axes.

    Args:
        ax: Where to draw.
        time_s: Shape (bins,).
        courses: Name to values, shape (bins,).
        moving: Bins of the movement, shape (bins,).
        label: Of the values, with their unit.
        others: Courses without a name, drawn in grey behind, shape (courses, bins).

    Returns:
        A line for each named course.
    """
    bins = np.flatnonzero(moving)
    if len(bins):
        ax.axvspan(time_s[bins[0]], time_s[bins[-1]], color=_MOVING, linewidth=0, zorder=0)
    if others is not None and len(others):
        ax.plot(time_s, others.T, color=FREE, linewidth=0.4, alpha=0.5, zorder=1)
    lines = []
    for number, (name, values) in enumerate(courses.items()):
        colour = PALETTE[number % len(PALETTE)]
        lines += ax.plot(time_s, values, color=colour, label=name, zorder=2)
    ax.set(xlim=(time_s[0], time_s[-1]), ylabel=label)
    if lines:
        ax.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), fontsize=7, handlelength=1.2)
    return lines


def movement_columns(trial: LetterTrial) -> dict[str, NDArray[Any]]:
    """The numbers of the figure, all muscles included.

    Returns:
        Columns by name, shape (bins,) each.
    """
    columns: dict[str, NDArray[Any]] = {"time_s": trial.time_s, "moving": trial.moving.astype(int)}
    columns |= {f"pen_{name}_cm": one for name, one in zip("xy", trial.pen_cm, strict=True)}
    for part, values in (("hand", trial.hand_cm), ("elbow", trial.elbow_cm)):
        columns |= {f"{part}_{name}_cm": one for name, one in zip("xyz", values, strict=True)}
    for names, values, unit in (
        (trial.coordinates, trial.joint_angle_deg, "deg"),
        (trial.muscles, trial.muscle_length_mm, "length_mm"),
        (trial.muscles, trial.muscle_velocity_mm_s, "velocity_mm_s"),
    ):
        columns |= {f"{name}_{unit}": one for name, one in zip(names, values, strict=True)}
    return columns


def draw_movement(trial: LetterTrial, stem: Path, *, muscles: int = 6, postures: int = 4) -> Path:
    """Draw one movement from the pen to the spindles, and save it with its numbers.

    Args:
        trial: What to draw.
        stem: Path without suffix.
        muscles: How many muscles are named; the others are grey.
        postures: How many postures of the arm are drawn.

    Returns:
        Path of the PNG.
    """
    with figure_style():
        figure, panels = new_figure(4, 2, height_mm=190, height_ratios=(1.7, 1, 1, 1))
        for ax in panels.ravel():
            ax.remove()
        grid = panels[0, 0].get_gridspec()
        pen_ax = figure.add_subplot(grid[0, 0])
        pen_plot(pen_ax, trial.pen_cm)
        pen_ax.set_title("PEN ON PAPER")
        space = figure.add_subplot(grid[0, 1], projection="3d")
        arm_plot(space, trial.hand_cm, trial.elbow_cm, trial.moving, postures)
        space.set_title("ARM IN SPACE")
        _draw_courses(figure, grid, trial, muscles)
        return save_figure(figure, stem, movement_columns(trial))


def _draw_courses(figure: "Figure", grid: Any, trial: LetterTrial, muscles: int) -> None:
    named = most_moved(trial.muscle_length_mm, muscles)
    rest = trial.muscle_length_mm[:, :1]
    # length as its change, or the longest muscle would hide the others
    change = trial.muscle_length_mm - rest
    angles = dict(zip(trial.coordinates, trial.joint_angle_deg, strict=True))
    rows: list[tuple[str, str, Mapping[str, Floats], Floats | None]] = [
        ("JOINTS", "angle (deg)", angles, None)
    ]
    for title, label, values in (
        ("MUSCLE LENGTH", "change (mm)", change),
        ("MUSCLE VELOCITY", "velocity (mm/s)", trial.muscle_velocity_mm_s),
    ):
        chosen = {trial.muscles[one]: values[one] for one in named}
        rows.append((title, label, chosen, np.delete(values, named, axis=0)))
    panels: list[Axes] = []
    for row, (title, label, courses, others) in enumerate(rows, start=1):
        ax = figure.add_subplot(grid[row, :], sharex=panels[0] if panels else None)
        course_plot(ax, trial.time_s, courses, trial.moving, label=label, others=others)
        ax.set_title(title)
        ax.tick_params(labelbottom=row == len(rows))
        panels.append(ax)
    panels[-1].set_xlabel("time (s)")
    figure.align_ylabels(panels)


def _ticks(count: int) -> Any:
    from matplotlib.ticker import MaxNLocator

    return MaxNLocator(count)
