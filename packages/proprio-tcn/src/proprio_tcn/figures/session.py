"""One recorded session at a glance: markers, hand, and joints and muscles of some trials."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from neuro_common.plots import new_figure
from neuro_common.style import FREE, PALETTE, STIMULATION, figure_style, save_figure
from proprio_tcn.figures.movement import course_plot
from proprio_tcn.movements.format import BIN_S
from proprio_tcn.recorded.inputs import RecordedInputs
from proprio_tcn.recorded.reconstruction import Residuals
from proprio_tcn.recorded.windows import START_BIN

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import SubFigure
    from matplotlib.lines import Line2D

__all__ = [
    "chosen_trials",
    "draw_session",
    "path_plot",
    "residual_plot",
    "session_columns",
    "trial_columns",
]

Floats = NDArray[np.floating[Any]]
Ints = NDArray[np.int64]

_BESIDE = 20  # bins of rest that are drawn before and after a movement
_MANY = 5_000  # lines with more points are pixels in an SVG, which stays small
_VIEWS = {"HAND FROM ABOVE": (0, 1), "HAND FROM RIGHT": (0, 2)}
_AXES = ("forward (cm)", "left (cm)", "up (cm)")
_KINDS = (("active", PALETTE[0]), ("passive", STIMULATION))


def chosen_trials(passive: NDArray[np.bool_], count: int) -> Ints:
    """Some trials, spread evenly over the session, half of them passive where both kinds are.

    Args:
        passive: Which trials are passive, (trials,).
        count: How many to choose, at most all.

    Returns:
        Their rows, active ones first.
    """
    kinds = [np.flatnonzero(~passive), np.flatnonzero(passive)]
    of_passive = min(len(kinds[1]), max(count // 2, count - len(kinds[0])))
    shares = (min(count - of_passive, len(kinds[0])), of_passive)
    chosen = [
        rows[np.linspace(0, len(rows) - 1, share).round().astype(int)]
        for rows, share in zip(kinds, shares, strict=True)
    ]
    return np.concatenate(chosen)


def residual_plot(ax: "Axes", residuals: Residuals) -> list["Line2D"]:
    """Draw how far the fit misses each marker: a point for each trial, a bar at the median.

    Args:
        ax: Where to draw.
        residuals: Of all trials.

    Returns:
        The points and the bar of each marker.
    """
    lines = []
    for row, values in enumerate(residuals.rms_mm.T):
        seen = values[~np.isnan(values)]
        # side by side, so that equal residuals do not hide each other
        beside = row + 0.3 * np.linspace(-1, 1, len(seen) + 2)[1:-1]
        lines += ax.plot(seen, beside, "o", color=FREE, markersize=2, alpha=0.6)
        middle = [float(np.median(seen))] * 2 if len(seen) else []
        lines += ax.plot(middle, [row - 0.35, row + 0.35][: len(middle)], color=STIMULATION)
    ax.set_yticks(range(len(residuals.markers)), residuals.markers, fontsize=7)
    ax.set(xlabel="RMS residual (mm)", ylim=(len(residuals.markers) - 0.5, -0.5))
    ax.set_xlim(left=0)
    return lines


def path_plot(ax: "Axes", inputs: RecordedInputs, axes: tuple[int, int]) -> list["Line2D"]:
    """Draw the paths of the hand in all movements, seen along one axis; a dot where each begins.

    Args:
        ax: Where to draw.
        inputs: The session.
        axes: Of the world, drawn to the right and upwards.

    Returns:
        The paths of active trials, then of passive ones: one line for each kind that there is.
    """
    lines = []
    for kind, colour in _KINDS:
        rows = np.flatnonzero(inputs.passive == (kind == "passive"))
        paths = [_paths(inputs, rows[[at]], gap=True)[list(axes)] for at in range(len(rows))]
        if paths:
            places = np.concatenate(paths, axis=1)
            lines += ax.plot(
                *places,
                color=colour,
                linewidth=0.6,
                alpha=0.7,
                label=kind,
                rasterized=places.shape[1] > _MANY,
            )
            begin = inputs.hand[rows][:, list(axes), START_BIN, 0].T
            ax.plot(*begin, "o", color=colour, markersize=1.5)
    ax.set_aspect("equal", adjustable="datalim")
    ax.set(xlabel=_AXES[axes[0]], ylabel=_AXES[axes[1]])
    return lines


def trial_columns(inputs: RecordedInputs, row: int, muscles: Sequence[int]) -> dict[str, Floats]:
    """Courses of one trial: joint angles, and muscle lengths as the change since its start.

    Args:
        inputs: The session.
        row: Of the trial.
        muscles: Which ones.

    Returns:
        The time since the movement began in s, then the courses, each (bins,).
    """
    bins = _shown(inputs, row)
    columns: dict[str, Floats] = {"time_s": ((bins - START_BIN + 0.5) * BIN_S).round(6)}
    for name, values in zip(inputs.coordinates, inputs.joint[row, :, bins, 0].T, strict=True):
        columns[f"{name}_deg"] = values
    for one in muscles:
        length = inputs.muscle[row, one, :, 0]
        columns[f"{inputs.muscles[one]}_change_mm"] = length[bins] - length[START_BIN]
    return columns


def session_columns(
    inputs: RecordedInputs, residuals: Residuals | None, rows: Ints, muscles: Sequence[int]
) -> dict[str, NDArray[Any]]:
    """The numbers of the figure.

    Args:
        inputs: The session.
        residuals: Of the markers, if there were any.
        rows: Of the trials whose courses are drawn, shape (trials,).
        muscles: Which muscles are.
    """
    courses = [trial_columns(inputs, row, muscles) for row in rows]
    names = np.array(inputs.trial, dtype=object)
    columns: dict[str, NDArray[Any]] = {
        "trial": np.repeat(names[rows], [len(one["time_s"]) for one in courses])
    }
    columns |= {name: np.concatenate([one[name] for one in courses]) for name in courses[0]}
    every = np.arange(len(inputs))
    columns["hand_trial"] = np.repeat(names, inputs.duration)
    paths = _paths(inputs, every)
    columns |= {f"hand_{axis}_cm": one for axis, one in zip("xyz", paths, strict=True)}
    if residuals is not None:
        columns["residual_trial"] = np.repeat(names, len(residuals.markers))
        columns["residual_marker"] = np.tile(residuals.markers, len(inputs))
        columns["residual_rms_mm"] = residuals.rms_mm.ravel()
    return columns


def draw_session(
    inputs: RecordedInputs,
    residuals: Residuals | None,
    stem: Path,
    *,
    trials: int = 4,
    muscles: int = 5,
) -> Path:
    """Draw a session, and save it with its numbers.

    Args:
        inputs: The session.
        residuals: Of the markers; None leaves their panel out.
        stem: Path without suffix.
        trials: How many have their joints and muscles drawn.
        muscles: How many muscles: those whose length changes most in these trials.

    Returns:
        Path of the PNG.
    """
    rows = chosen_trials(inputs.passive, trials)
    chosen = _most_moved(inputs, rows, muscles)
    with figure_style():
        figure, panels = new_figure(height_mm=165)
        panels[0, 0].remove()
        parts: Any = figure.subfigures(2, 1, height_ratios=(1, 1.7))
        above, below = parts
        _draw_overview(above, inputs, residuals)
        _draw_courses(below, inputs, rows, chosen)
        return save_figure(figure, stem, session_columns(inputs, residuals, rows, chosen))


def _draw_overview(part: "SubFigure", inputs: RecordedInputs, residuals: Residuals | None) -> None:
    panels = list(part.subplots(1, len(_VIEWS) + (residuals is not None), squeeze=False)[0])
    if residuals is not None:
        ax = panels.pop(0)
        residual_plot(ax, residuals)
        ax.set_title("MARKERS")
    for ax, (title, axes) in zip(panels, _VIEWS.items(), strict=True):
        path_plot(ax, inputs, axes)
        ax.set_title(title)
    if inputs.passive.any():
        panels[-1].legend(fontsize=7, loc="center left", bbox_to_anchor=(1.01, 0.5))


def _draw_courses(
    part: "SubFigure", inputs: RecordedInputs, rows: Ints, muscles: Sequence[int]
) -> None:
    panels = part.subplots(2, len(rows), squeeze=False, sharey="row")
    for column, row in enumerate(rows):
        courses = trial_columns(inputs, row, muscles)
        time_s = courses.pop("time_s").astype(np.float64)
        moving = inputs.movement[row, _shown(inputs, row)]
        for ax, suffix in zip(panels[:, column], ("_deg", "_change_mm"), strict=True):
            course_plot(ax, time_s, _named(courses, suffix), moving, label="")
            ax.axvline(0.0, color=STIMULATION, linewidth=0.8)
            if column < len(rows) - 1 and (legend := ax.get_legend()):
                legend.remove()
        panels[0, column].tick_params(labelbottom=False)
        panels[0, column].set_title(f"{inputs.trial[row]}, {_KINDS[int(inputs.passive[row])][0]}")
    panels[0, 0].set_ylabel("angle (deg)")
    panels[1, 0].set_ylabel("muscle length\nchange (mm)")
    part.align_ylabels(panels[:, 0])
    part.supxlabel("time since the movement began (s)", fontsize=9)


def _named(courses: Mapping[str, Floats], suffix: str) -> dict[str, NDArray[np.float64]]:
    return {
        name.removesuffix(suffix): values.astype(np.float64)
        for name, values in courses.items()
        if name.endswith(suffix)
    }


def _shown(inputs: RecordedInputs, row: int) -> Ints:
    """Bins of a trial that are drawn."""
    stop = START_BIN + int(inputs.duration[row]) + _BESIDE
    return np.arange(START_BIN - _BESIDE, min(stop, inputs.movement.shape[1]), dtype=np.int64)


def _most_moved(inputs: RecordedInputs, rows: Ints, count: int) -> list[int]:
    """The muscles whose length changes most in some trials, in order of the change."""
    change = np.ptp(inputs.muscle[rows, :, :, 0], axis=2).max(axis=0)
    return [int(one) for one in np.argsort(-change, kind="stable")[:count]]


def _paths(inputs: RecordedInputs, rows: Ints, *, gap: bool = False) -> Floats:
    """Places of the hand in the movements of some trials, end to end, (3, bins)."""
    parts = []
    for row in rows:
        stop = START_BIN + int(inputs.duration[row])
        parts.append(inputs.hand[row, :, START_BIN:stop, 0])
        if gap:
            parts.append(np.full((3, 1), np.nan, dtype=np.float32))
    return np.concatenate(parts, axis=1)
