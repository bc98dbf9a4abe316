"""What hand, elbow and muscles do while the joints move, bin by bin, without padding."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from proprio_tcn.arms.arm import Arm
from proprio_tcn.movements.format import BIN_S

__all__ = ["Course", "chosen_muscles", "joint_velocity", "render_course"]

Floats = NDArray[np.float64]
_BATCH = 16384


class Course(NamedTuple):
    """Trials end to end, in the units of a movement set.

    Attributes:
        hand: cm, shape (3, bins).
        elbow: cm, shape (3, bins).
        spindle: Length in mm and velocity in mm/s, shape (muscles, bins, 2).
    """

    hand: NDArray[np.float32]
    elbow: NDArray[np.float32]
    spindle: NDArray[np.float32]


def chosen_muscles(arm: Arm, muscles: str) -> NDArray[np.bool_]:
    """Which muscles of an arm networks see: "moving" or "all", shape (muscles of the arm,).

    Raises:
        ValueError: Neither word was given.
    """
    if muscles not in ("moving", "all"):
        raise ValueError(f"muscles must be moving or all, got {muscles!r}")
    moving = np.asarray(arm.moving, dtype=np.bool_)
    return moving if muscles == "moving" else np.ones_like(moving)


def joint_velocity(
    angles: NDArray[Any], length: NDArray[np.int64], *, resting: bool = False
) -> Floats:
    """Velocity per second of trials end to end, as central differences of each trial padded.

    The first and the last bin see the padding beside them, which holds still.

    Args:
        angles: Any unit, shape (coordinates, bins of all).
        length: Bins of each trial, shape (trials,).
        resting: The padding is zero, as that of velocities, in place of the value beside it.
    """
    angles = np.asarray(angles, dtype=np.float64)
    ends = np.cumsum(length) - 1
    starts = ends - length + 1
    before, after = np.roll(angles, 1, axis=1), np.roll(angles, -1, axis=1)
    before[:, starts] = 0.0 if resting else angles[:, starts]
    after[:, ends] = 0.0 if resting else angles[:, ends]
    rate: Floats = (after - before) / (2.0 * BIN_S)
    return rate


def render_course(
    arm: Arm,
    joint_angle: NDArray[np.float32],
    length: NDArray[np.int64],
    muscles: NDArray[np.bool_],
) -> Course:
    """Hand, elbow, and lengths and velocities of muscles (moment arms times joint velocity).

    Args:
        arm: Any arm.
        joint_angle: deg, shape (coordinates, bins of all).
        length: Bins of each trial, shape (trials,).
        muscles: Which ones, shape (muscles of the arm,).
    """
    angles = np.deg2rad(joint_angle.astype(np.float64))
    rate = joint_velocity(angles, length)
    bins = angles.shape[1]
    hand, elbow = np.empty((2, 3, bins), dtype=np.float32)
    spindle = np.empty((int(muscles.sum()), bins, 2), dtype=np.float32)
    for first in range(0, bins, _BATCH):
        part = slice(first, first + _BATCH)
        pose = arm.pose(angles[:, part].T)
        hand[:, part] = 100.0 * np.asarray(pose.hand_m).T
        elbow[:, part] = 100.0 * np.asarray(pose.elbow_m).T
        spindle[:, part, 0] = 1e3 * np.asarray(pose.muscle_length_m)[:, muscles].T
        jacobian = np.asarray(pose.muscle_jacobian_m)[:, muscles]
        spindle[:, part, 1] = 1e3 * np.einsum("bmc,cb->mb", jacobian, rate[:, part])
    return Course(hand, elbow, spindle)
