"""Compiled forward kinematics: where the moving frames of an arm are, and how points on them move.

A body that is fixed to another has no frame of its own: :mod:`proprio_tcn.arms.skeletal` expresses
its points in the nearest frame that moves. Frame 0 is the ground, in the world's axes; frame k is
what step k - 1 moves. Importing this module imports numba.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from proprio_tcn._jit import jit, leaf

__all__ = [
    "Skeleton",
    "gather_torques",
    "place_frames",
    "place_point",
    "point_jacobian",
    "points",
    "points_and_jacobians",
]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


class Skeleton(NamedTuple):
    """The steps that move frames, parents before children; step k - 1 makes frame k.

    Attributes:
        parent: Frame that a step starts from, (steps,).
        rotation: Fixed turn before the motion, (steps, 3, 3).
        offset: Fixed offset of the motion's origin in the parent frame, (steps, 3).
        axis: Unit axis of the motion after the fixed turn, (steps, 3).
        slides: Whether it is a translation along the axis (else a rotation), (steps,).
        coordinate: Index of the angle that drives it, (steps,).
        polynomial: Value of the motion from that angle, ascending powers, (steps, powers).
        base_rotation: From the file's axes to the world's, (3, 3).
        base_offset: The file's origin in the world, (3,).
    """

    parent: Integers
    rotation: Floats
    offset: Floats
    axis: Floats
    slides: NDArray[np.bool_]
    coordinate: Integers
    polynomial: Floats
    base_rotation: Floats
    base_offset: Floats


@leaf
def place_frames(
    skeleton: Skeleton,
    angles: Floats,
    rotations: Floats,
    origins: Floats,
    axes: Floats,
    rates: Floats,
) -> None:
    """Place all frames for one posture.

    Args:
        skeleton: The steps.
        angles: (coordinates,).
        rotations: Written: axes of the frames in the world, (steps + 1, 3, 3).
        origins: Written: their origins in the world, (steps + 1, 3).
        axes: Written: axis of the motion of each frame in the world, (steps + 1, 3).
        rates: Written: how fast its motion goes with its angle, (steps + 1,).
    """
    for row in range(3):
        origins[0, row] = skeleton.base_offset[row]
        for column in range(3):
            rotations[0, row, column] = skeleton.base_rotation[row, column]
    powers = skeleton.polynomial.shape[1]
    for step in range(skeleton.parent.shape[0]):
        frame, parent = step + 1, skeleton.parent[step]
        angle = angles[skeleton.coordinate[step]]
        value = skeleton.polynomial[step, powers - 1]
        rate = 0.0
        for power in range(powers - 2, -1, -1):
            rate = rate * angle + value
            value = value * angle + skeleton.polynomial[step, power]
        rates[frame] = rate
        x, y, z = skeleton.axis[step, 0], skeleton.axis[step, 1], skeleton.axis[step, 2]
        if skeleton.slides[step]:
            cosine, sine, slide = 1.0, 0.0, value
        else:
            cosine, sine, slide = np.cos(value), np.sin(value), 0.0
        rest = 1.0 - cosine
        for row in range(3):
            above = rotations[parent, row]
            origin = origins[parent, row]
            for middle in range(3):
                origin += above[middle] * skeleton.offset[step, middle]
            fixed = skeleton.rotation[step]
            a = above[0] * fixed[0, 0] + above[1] * fixed[1, 0] + above[2] * fixed[2, 0]
            b = above[0] * fixed[0, 1] + above[1] * fixed[1, 1] + above[2] * fixed[2, 1]
            c = above[0] * fixed[0, 2] + above[1] * fixed[1, 2] + above[2] * fixed[2, 2]
            along = a * x + b * y + c * z
            axes[frame, row] = along
            origins[frame, row] = origin + slide * along
            # (a, b, c) times the rotation about the axis, after Rodrigues
            rotations[frame, row, 0] = cosine * a + sine * (b * z - c * y) + rest * along * x
            rotations[frame, row, 1] = cosine * b + sine * (c * x - a * z) + rest * along * y
            rotations[frame, row, 2] = cosine * c + sine * (a * y - b * x) + rest * along * z


@leaf
def place_point(
    frame: int, place: Floats, rotations: Floats, origins: Floats, point: Floats
) -> None:
    """Write where a point (3,) of a frame is in the world."""
    for row in range(3):
        point[row] = (
            origins[frame, row]
            + rotations[frame, row, 0] * place[0]
            + rotations[frame, row, 1] * place[1]
            + rotations[frame, row, 2] * place[2]
        )


@leaf
def point_jacobian(
    skeleton: Skeleton,
    frame: int,
    point: Floats,
    origins: Floats,
    axes: Floats,
    rates: Floats,
    jacobian: Floats,
) -> None:
    """Write d point / d coordinate, (3, coordinates), of a point that rides on a frame."""
    jacobian[:] = 0.0
    while frame > 0:
        step = frame - 1
        column, rate = skeleton.coordinate[step], rates[frame]
        x, y, z = axes[frame, 0], axes[frame, 1], axes[frame, 2]
        if skeleton.slides[step]:
            jacobian[0, column] += rate * x
            jacobian[1, column] += rate * y
            jacobian[2, column] += rate * z
        else:
            a = point[0] - origins[frame, 0]
            b = point[1] - origins[frame, 1]
            c = point[2] - origins[frame, 2]
            jacobian[0, column] += rate * (y * c - z * b)
            jacobian[1, column] += rate * (z * a - x * c)
            jacobian[2, column] += rate * (x * b - y * a)
        frame = skeleton.parent[step]


@leaf
def gather_torques(
    skeleton: Skeleton,
    origins: Floats,
    axes: Floats,
    rates: Floats,
    forces: Floats,
    moments: Floats,
    torques: Floats,
) -> None:
    """Write what forces on the frames do along each coordinate, (coordinates,).

    Args:
        skeleton: The steps.
        origins: Of the frames, as :func:`place_frames` wrote them.
        axes: Likewise.
        rates: Likewise.
        forces: On each frame, (steps + 1, 3); overwritten by sums over all that it carries.
        moments: About the world's origin, (steps + 1, 3); overwritten likewise.
        torques: Written: (coordinates,).
    """
    torques[:] = 0.0
    for frame in range(skeleton.parent.shape[0], 0, -1):
        step = frame - 1
        force, moment, parent = forces[frame], moments[frame], skeleton.parent[step]
        x, y, z = axes[frame, 0], axes[frame, 1], axes[frame, 2]
        if skeleton.slides[step]:
            along = x * force[0] + y * force[1] + z * force[2]
        else:
            a, b, c = origins[frame, 0], origins[frame, 1], origins[frame, 2]
            along = (
                x * (moment[0] - b * force[2] + c * force[1])
                + y * (moment[1] - c * force[0] + a * force[2])
                + z * (moment[2] - a * force[1] + b * force[0])
            )
        torques[skeleton.coordinate[step]] += rates[frame] * along
        for row in range(3):
            forces[parent, row] += force[row]
            moments[parent, row] += moment[row]


@jit
def points(
    skeleton: Skeleton, frames: Integers, places: Floats, angles: Floats, found: Floats
) -> None:
    """Write where points are in n postures.

    Args:
        skeleton: The steps.
        frames: Frame of each point, (points,).
        places: Where it is in its frame, (points, 3).
        angles: (n, coordinates).
        found: Written: (n, points, 3).
    """
    count = skeleton.parent.shape[0] + 1
    rotations, origins = np.empty((count, 3, 3)), np.empty((count, 3))
    axes, rates = np.empty((count, 3)), np.empty(count)
    for row in range(angles.shape[0]):
        place_frames(skeleton, angles[row], rotations, origins, axes, rates)
        for index in range(frames.shape[0]):
            place_point(frames[index], places[index], rotations, origins, found[row, index])


@jit
def points_and_jacobians(
    skeleton: Skeleton,
    frames: Integers,
    places: Floats,
    angles: Floats,
    found: Floats,
    jacobians: Floats,
) -> None:
    """Write where points are in n postures and how they move, (n, points, 3, coordinates)."""
    count = skeleton.parent.shape[0] + 1
    rotations, origins = np.empty((count, 3, 3)), np.empty((count, 3))
    axes, rates = np.empty((count, 3)), np.empty(count)
    for row in range(angles.shape[0]):
        place_frames(skeleton, angles[row], rotations, origins, axes, rates)
        for index in range(frames.shape[0]):
            frame = frames[index]
            place_point(frame, places[index], rotations, origins, found[row, index])
            point_jacobian(
                skeleton, frame, found[row, index], origins, axes, rates, jacobians[row, index]
            )
