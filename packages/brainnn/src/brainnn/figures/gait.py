"""How it walks: beside its reference, in the plane of each joint, and as a pattern of steps."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from neuro_common.plots import new_figure, phase_portrait
from neuro_common.style import CONTROLLED, FREE, PALETTE, figure_style, save_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.collections import PolyCollection
    from matplotlib.lines import Line2D

__all__ = ["JOINTS", "draw_gait", "draw_portraits", "draw_stances", "overlay", "stance_bars"]

JOINTS: Final = ("hip 1", "knee 1", "hip 2", "knee 2")
"""The joints in the order of actions."""

_REFERENCE, _WALK = FREE, CONTROLLED
_LEGS = (PALETTE[0], PALETTE[1])
_ANGLES, _SPEEDS, _CONTACTS = (4, 6, 9, 11), (5, 7, 10, 12), (8, 13)
_KNEE_OFFSET = (0.0, 1.0, 0.0, 1.0)  # an observation has a knee's angle plus 1
_MOTOR_RAD_S = (4.0, 6.0, 4.0, 6.0)  # speed of each motor, for which an observation says 1
_HULL = {  # column of an observation, what it has to be divided by, and what it then is
    "forward_speed": (2, 0.12, "forward speed (1/s)"),
    "vertical_speed": (3, 0.08, "vertical speed (1/s)"),
    "hull_angle_rad": (0, 1.0, "hull angle (rad)"),
}

_Numbers = NDArray[np.floating[Any]]


def overlay(
    ax: "Axes", time_s: _Numbers, walk: _Numbers, reference: _Numbers | None
) -> list["Line2D"]:
    """One signal of the walk over that of the reference.

    Args:
        ax: Where to draw.
        time_s: Shape (time,).
        walk: Shape (time,).
        reference: Shape (time,); None is none.

    Returns:
        The line of the reference, if there is one, and that of the walk.
    """
    lines = []
    if reference is not None:
        look: dict[str, Any] = {"color": _REFERENCE, "linewidth": 2.4, "alpha": 0.45}
        lines += ax.plot(time_s, reference, label="reference", **look)
    lines += ax.plot(time_s, walk, color=_WALK, label="network")
    ax.set_xlim(time_s[0], time_s[-1])
    return lines


def stance_bars(
    ax: "Axes", time_s: _Numbers, contacts: Mapping[str, NDArray[np.bool_]]
) -> list["PolyCollection"]:
    """A bar for each time that a foot is on the ground.

    Args:
        ax: Where to draw.
        time_s: Beginning of each step, shape (time,), evenly spaced.
        contacts: Whether the foot touches the ground, shape (time,), by what to call it; from the
            top to the bottom. Every second one has the other colour.

    Returns:
        The bars of each foot.
    """
    step = float(time_s[1] - time_s[0])
    drawn = []
    for row, touches in enumerate(contacts.values()):
        edges = np.flatnonzero(np.diff(touches.astype(np.int8), prepend=0, append=0))
        spans = [
            (float(time_s[start]), step * (stop - start))
            for start, stop in zip(edges[::2], edges[1::2], strict=True)
        ]
        drawn.append(ax.broken_barh(spans, (row - 0.35, 0.7), color=_LEGS[row % 2], linewidth=0))
    ax.set_yticks(range(len(contacts)), [*contacts])
    ax.set(xlim=(time_s[0], time_s[-1] + step), ylim=(len(contacts) - 0.5, -0.5))
    ax.tick_params(axis="y", length=0)
    return drawn


def draw_gait(
    states: _Numbers,
    actions: _Numbers,
    reference: tuple[_Numbers, _Numbers] | None,
    stem: Path,
    *,
    dt_s: float = 0.02,
) -> Path:
    """Draw joints, torques, hull and steps of a walk over those of its reference.

    Args:
        states: Observations, the first before the first action, shape (time + 1, 14 or more).
        actions: In -1..1, shape (time, 4).
        reference: States and actions of the reference in the same time; None is none.
        stem: Path of the figure without suffix.
        dt_s: Duration of a step.

    Returns:
        Path of the PNG.
    """
    time_s = dt_s * np.arange(len(actions))
    numbers: dict[str, _Numbers] = {"time_s": time_s}
    signals = _signals(states[:-1], actions)
    others = _signals(reference[0][:-1], reference[1]) if reference else {}
    with figure_style():
        figure, axes = new_figure(4, 4, height_mm=165, sharex=True)
        for ax, (name, walk) in zip(axes.flat, signals.items(), strict=False):
            overlay(ax, time_s, walk, others.get(name))
            numbers[name] = walk
            if name in others:
                numbers[f"reference_{name}"] = others[name]
        contacts = _contacts(states[:-1])
        stance_bars(axes[3, 3], time_s, contacts)
        numbers |= _as_columns("", contacts)
        _label_gait(axes)
        handles, labels = axes[0, 0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside upper right", ncols=2)
        return save_figure(figure, stem, numbers)


def draw_portraits(states: _Numbers, reference: _Numbers | None, stem: Path) -> Path:
    """Draw the speed of each joint against its angle: a steady gait is a closed loop.

    Args:
        states: Observations, shape (time, 14 or more).
        reference: Those of the reference; None is none.
        stem: Path of the figure without suffix.

    Returns:
        Path of the PNG.
    """
    shown = {} if reference is None else {"reference": reference}
    shown["network"] = states
    colours = {"reference": _REFERENCE, "network": _WALK}
    numbers: dict[str, _Numbers] = {}
    with figure_style():
        figure, axes = new_figure(1, 4, height_mm=62)
        for joint, (ax, name) in enumerate(zip(axes[0], JOINTS, strict=True)):
            for label, walk in shown.items():
                angle, speed = _joint(walk, joint)
                look = {"colour": colours[label], "label": label}
                lines = phase_portrait(ax, angle, speed, x_label="angle (rad)", y_label="", **look)
                lines[0].set(linewidth=2.4 if label == "reference" else 0.7)
                lines[0].set_alpha(0.45 if label == "reference" else 0.8)
                column = f"{label}_{name.replace(' ', '_')}"
                numbers |= {f"{column}_rad": angle, f"{column}_rad_s": speed}
            ax.set_title(name)
        axes[0, 0].set_ylabel("speed (rad/s)")
        handles, labels = axes[0, 0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=2)
        return save_figure(figure, stem, numbers)


def draw_stances(walks: Mapping[str, _Numbers], stem: Path, *, dt_s: float = 0.02) -> Path:
    """Draw the gait diagram of several walks, one below the other.

    Args:
        walks: Observations of each, shape (time, 14 or more), by what to call it.
        stem: Path of the figure without suffix.
        dt_s: Duration of a step.

    Returns:
        Path of the PNG.
    """
    numbers: dict[str, _Numbers] = {}
    with figure_style():
        figure, axes = new_figure(len(walks), 1, height_mm=22 + 20 * len(walks), sharex=True)
        for ax, (name, states) in zip(axes[:, 0], walks.items(), strict=True):
            time_s = dt_s * np.arange(len(states))
            contacts = _contacts(states)
            stance_bars(ax, time_s, contacts)
            ax.set_title(name)
            column = name.replace(" ", "_")
            numbers |= {f"{column}_time_s": time_s} | _as_columns(f"{column}_", contacts)
        axes[-1, 0].set_xlabel("time (s)")
        return save_figure(figure, stem, numbers)


def _joint(states: _Numbers, joint: int) -> tuple[_Numbers, _Numbers]:
    """Angle in rad and speed in rad/s."""
    angle = states[:, _ANGLES[joint]] - _KNEE_OFFSET[joint]
    return angle, states[:, _SPEEDS[joint]] * _MOTOR_RAD_S[joint]


def _signals(states: _Numbers, actions: _Numbers) -> dict[str, _Numbers]:
    """Signals by column, in the order of the panels; states and actions of the same times."""
    names = [name.replace(" ", "_") for name in JOINTS]
    joints = [_joint(states, joint) for joint in range(len(JOINTS))]
    signals = {f"{name}_rad": angle for name, (angle, _) in zip(names, joints, strict=True)}
    signals |= {f"{name}_rad_s": speed for name, (_, speed) in zip(names, joints, strict=True)}
    torques = np.clip(actions, -1, 1).T
    signals |= {f"{name}_torque": torque for name, torque in zip(names, torques, strict=True)}
    return signals | {name: states[:, at] / unit for name, (at, unit, _) in _HULL.items()}


def _contacts(states: _Numbers) -> dict[str, NDArray[np.bool_]]:
    return {f"leg {leg}": states[:, at] > 0.5 for leg, at in enumerate(_CONTACTS, start=1)}


def _as_columns(
    prefix: str, contacts: Mapping[str, NDArray[np.bool_]]
) -> dict[str, NDArray[np.float64]]:
    return {
        f"{prefix}{leg.replace(' ', '_')}_contact": on.astype(np.float64)
        for leg, on in contacts.items()
    }


def _label_gait(axes: NDArray[Any]) -> None:
    for ax, name in zip(axes[0], JOINTS, strict=True):
        ax.set_title(name)
    rows = ("angle (rad)", "speed (rad/s)", "torque (share)")
    for ax, label in zip(axes[:3, 0], rows, strict=True):
        ax.set_ylabel(label)
    for ax in axes[2]:
        ax.set_ylim(-1.1, 1.1)
    hull = [label for _, _, label in _HULL.values()]
    for ax, label in zip(axes[3], (*hull, "on the ground"), strict=True):
        ax.set_title(label, fontweight="normal", fontsize=8)
        ax.set_xlabel("time (s)")
