"""Where the hand of a recorded session goes, beside where that of a movement set does."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from neuro_common.plots import new_figure
from neuro_common.style import FREE, PALETTE, figure_style, save_figure
from proprio_tcn.movements.movement_set import MovementSet
from proprio_tcn.recorded.inputs import RecordedInputs

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.lines import Line2D

__all__ = [
    "Course",
    "angle_plot",
    "draw_workspace",
    "place_plot",
    "recorded_course",
    "share_within",
    "synthetic_course",
]

Floats = NDArray[np.floating[Any]]

_SHOWN = 4000  # places of each kind that are drawn
_VIEWS = {"HAND FROM ABOVE": (0, 1), "HAND FROM RIGHT": (0, 2)}
_AXES = ("forward (cm)", "left (cm)", "up (cm)")
_LEVELS = (0.0, 5.0, 50.0, 95.0, 100.0)  # percent


class Course(NamedTuple):
    """The bins of many movements, end to end.

    Attributes:
        kind: "synthetic" or "recorded".
        hand_cm: From the shoulder: x forward, y left, z up, (3, bins).
        angle_deg: Of each joint coordinate by its name, (bins,).
    """

    kind: str
    hand_cm: Floats
    angle_deg: dict[str, Floats]

    def columns(self, names: list[str]) -> dict[str, NDArray[Any]]:
        """The places that are drawn, and what of the angles is: the levels of each."""
        hand = zip("xyz", _some(self.hand_cm), strict=True)
        columns: dict[str, NDArray[Any]] = {f"{self.kind}_{axis}_cm": one for axis, one in hand}
        for name in names:
            columns[f"{self.kind}_{name}_deg"] = np.percentile(self.angle_deg[name], _LEVELS)
        return columns


def recorded_course(inputs: RecordedInputs) -> Course:
    """All movements of a session, passive ones too."""
    row, bins = np.nonzero(inputs.movement)
    joint = inputs.joint[row, :, bins, 0].T
    angles = dict(zip(inputs.coordinates, joint, strict=True))
    return Course("recorded", inputs.hand[row, :, bins, 0].T, angles)


def synthetic_course(movements: MovementSet) -> Course:
    """All movements of a set, without what is before and after them."""
    trials = movements.trials
    angles = dict(zip(movements.coordinates, trials.joint_angle, strict=True))
    return Course("synthetic", trials.hand, angles)


def share_within(places_cm: Floats, others_cm: Floats, distance_cm: float) -> float:
    """Share of places that have one of others so near.

    Args:
        places_cm: Shape (3, n).
        others_cm: Shape (3, m).
        distance_cm: How near.
    """
    from scipy.spatial import cKDTree

    nearest, _ = cKDTree(others_cm.T).query(places_cm.T, distance_upper_bound=distance_cm)
    return float(np.isfinite(nearest).mean())


def place_plot(
    ax: "Axes", synthetic: Course, recorded: Course, axes: tuple[int, int]
) -> list["Line2D"]:
    """Draw places of the hand, at most a few thousand of each kind, seen along one axis.

    Args:
        ax: Where to draw.
        synthetic: Drawn behind.
        recorded: Drawn before it.
        axes: Of the world, drawn to the right and upwards.

    Returns:
        The points of each, in this order.
    """
    lines = []
    for course, colour in ((synthetic, FREE), (recorded, PALETTE[0])):
        shown = _some(course.hand_cm)[list(axes)]
        lines += ax.plot(
            *shown, ".", color=colour, markersize=1.5, alpha=0.5, label=course.kind, rasterized=True
        )
    ax.plot([0], [0], "s", color="black", markersize=4)
    ax.set_aspect("equal", adjustable="datalim")
    ax.set(xlabel=_AXES[axes[0]], ylabel=_AXES[axes[1]])
    return lines


def angle_plot(ax: "Axes", synthetic: Course, recorded: Course, names: list[str]) -> None:
    """Draw how far each joint coordinate goes: whole range, middle 90 % thick, median a dot.

    Args:
        ax: Where to draw.
        synthetic: Drawn above.
        recorded: Drawn below it.
        names: Of the coordinates; both must have them.
    """
    for row, name in enumerate(names):
        for course, colour, shift in ((synthetic, FREE, -0.15), (recorded, PALETTE[0], 0.15)):
            low, early, middle, late, high = np.percentile(course.angle_deg[name], _LEVELS)
            height = [row + shift] * 2
            ax.plot([low, high], height, color=colour, linewidth=0.8)
            ax.plot([early, late], height, color=colour, linewidth=3.0, solid_capstyle="butt")
            ax.plot([middle], height[:1], "o", color="white", markeredgecolor=colour, markersize=4)
    ax.set_yticks(range(len(names)), names, fontsize=7)
    ax.set(xlabel="angle (deg)", ylim=(len(names) - 0.5, -0.5))


def draw_workspace(synthetic: Course, recorded: Course, stem: Path) -> Path:
    """Draw where hands and joints go, and save it with its numbers.

    Args:
        synthetic: Of a movement set.
        recorded: Of a session. Joint coordinates that only one of them has are left out.
        stem: Path without suffix.

    Returns:
        Path of the PNG.
    """
    shared = [name for name in recorded.angle_deg if name in synthetic.angle_deg]
    with figure_style():
        figure, panels = new_figure(1, 2 + bool(shared), height_mm=75)
        for ax, (title, axes) in zip(panels[0], _VIEWS.items(), strict=False):
            lines = place_plot(ax, synthetic, recorded, axes)
            ax.set_title(title)
        if shared:
            angle_plot(panels[0, 2], synthetic, recorded, shared)
            panels[0, 2].set_title("JOINTS")
        legend = figure.legend(handles=lines, loc="outside lower center", ncols=2, markerscale=5)
        for handle in legend.legend_handles:
            if handle is not None:
                handle.set_alpha(1.0)
        columns = synthetic.columns(shared) | recorded.columns(shared)
        return save_figure(figure, stem, {"percent": np.array(_LEVELS)} | columns)


def _some(places: Floats) -> Floats:
    """At most so many places as are drawn, evenly spread, (3, n)."""
    step = -(-places.shape[1] // _SHOWN)
    return places[:, ::step]
