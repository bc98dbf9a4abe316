"""From a geometry to the frames that move: what is fixed or held still is multiplied out once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.polynomial import Polynomial
from numpy.typing import NDArray

from proprio_tcn.arms.geometry import GROUND, Geometry, Motion
from proprio_tcn.arms.kinematics import Skeleton, place_frames

__all__ = ["Placement", "assemble", "axis_rotation", "body_poses"]

Floats = NDArray[np.float64]


class Placement(NamedTuple):
    """Where a body sits: in which moving frame, and how it is turned and shifted there."""

    frame: int
    rotation: Floats
    offset: Floats

    def point(self, place: Floats) -> Floats:
        """A point (3,) of the body, in the moving frame."""
        return self.rotation @ place + self.offset


@dataclass
class _Step:
    parent: int
    rotation: Floats
    offset: Floats
    axis: Floats
    slides: bool
    coordinate: int
    polynomial: tuple[float, ...]


def axis_rotation(axis: Floats, angle: float) -> Floats:
    """Rotation matrix (3, 3) about a unit axis."""
    x, y, z = axis
    across = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
    turned: Floats = np.eye(3) + np.sin(angle) * across + (1 - np.cos(angle)) * across @ across
    return turned


def assemble(
    geometry: Geometry, free: Sequence[str], held: Mapping[str, float]
) -> tuple[Skeleton, dict[str, Placement]]:
    """Steps of the frames that move, and every body's place in them.

    The world's origin is where the marker "shoulder" is while all coordinates have their defaults.

    Args:
        geometry: The arm.
        free: Names of the coordinates that move, in the order of the angles.
        held: Values in rad of those that do not.
    """
    steps: list[_Step] = []
    placed = {GROUND: Placement(0, np.eye(3), np.zeros(3))}
    for body in geometry.bodies:
        here = placed[body.parent]
        for motion in body.motions:
            here = _move(here, motion, steps, free, held)
        placed[body.name] = here
    defaults = {coordinate.name: coordinate.default_rad for coordinate in geometry.coordinates}
    skeleton = _stack(steps, geometry.world, np.zeros(3))
    poses = body_poses(skeleton, placed, [defaults[name] for name in free])
    (marker,) = (marker for marker in geometry.markers if marker.name == "shoulder")
    turn, origin = poses[marker.body]
    shoulder = turn @ marker.place_m + origin
    return _stack(steps, geometry.world, -shoulder), placed


def _move(
    here: Placement,
    motion: Motion,
    steps: list[_Step],
    free: Sequence[str],
    held: Mapping[str, float],
) -> Placement:
    if motion.kind == "fixed":
        return Placement(here.frame, here.rotation @ motion.rotation, here.point(motion.offset))
    moves = motion.coordinate in free and any(power != 0 for power in motion.polynomial[1:])
    if moves:
        steps.append(
            _Step(
                here.frame,
                here.rotation,
                here.offset,
                motion.axis / np.linalg.norm(motion.axis),
                motion.kind == "translation",
                free.index(motion.coordinate),
                motion.polynomial,
            )
        )
        return Placement(len(steps), np.eye(3), np.zeros(3))
    value = motion.polynomial[0]
    if motion.coordinate and motion.coordinate not in free:
        value = float(Polynomial(motion.polynomial)(held[motion.coordinate]))
    axis = motion.axis / np.linalg.norm(motion.axis)
    if motion.kind == "translation":
        return Placement(here.frame, here.rotation, here.point(value * axis))
    return Placement(here.frame, here.rotation @ axis_rotation(axis, value), here.offset)


def _stack(steps: Sequence[_Step], world: Floats, offset: Floats) -> Skeleton:
    powers = max([2, *(len(step.polynomial) for step in steps)])
    polynomial = np.zeros((len(steps), powers))
    for row, step in enumerate(steps):
        polynomial[row, : len(step.polynomial)] = step.polynomial
    return Skeleton(
        parent=np.array([step.parent for step in steps], dtype=np.int64),
        rotation=np.array([step.rotation for step in steps]).reshape(-1, 3, 3),
        offset=np.array([step.offset for step in steps]).reshape(-1, 3),
        axis=np.array([step.axis for step in steps]).reshape(-1, 3),
        slides=np.array([step.slides for step in steps], dtype=np.bool_),
        coordinate=np.array([step.coordinate for step in steps], dtype=np.int64),
        polynomial=polynomial,
        base_rotation=np.ascontiguousarray(world),
        base_offset=np.ascontiguousarray(offset),
    )


def body_poses(
    skeleton: Skeleton, placed: Mapping[str, Placement], angles: Sequence[float] = ()
) -> dict[str, tuple[Floats, Floats]]:
    """Axes (3, 3) and origin (3,) of every body in the world, in one posture.

    Args:
        skeleton: The frames that move.
        placed: Of every body: its frame and its place there.
        angles: (coordinates,).
    """
    count = len(skeleton.parent) + 1
    rotations, origins = np.empty((count, 3, 3)), np.empty((count, 3))
    place_frames(
        skeleton,
        np.array(angles, dtype=np.float64),
        rotations,
        origins,
        np.empty((count, 3)),
        np.empty(count),
    )
    return {
        name: (
            rotations[one.frame] @ one.rotation,
            rotations[one.frame] @ one.offset + origins[one.frame],
        )
        for name, one in placed.items()
    }
