"""Inverse dynamics: the torques that a movement takes, gravity on.

Newton's and Euler's equations are gone through from the trunk outwards, and the forces summed on
the way back; what coupled joints have to give is projected on the free coordinates (virtual work),
and what locked joints bear does no work. Importing this module imports numba.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike, NDArray

from proprio_tcn._jit import jit, leaf
from proprio_tcn.arms.arm import Arm, as_angles
from proprio_tcn.arms.inverse import two_link_skeleton
from proprio_tcn.arms.kinematics import Skeleton, gather_torques, place_frames
from proprio_tcn.arms.segments import Segment, default_segments
from proprio_tcn.arms.skeletal import SkeletalArm
from proprio_tcn.arms.two_link import TwoLinkArm

__all__ = ["GRAVITY_M_S2", "inverse_dynamics", "mechanical_energy"]

Floats = NDArray[np.float64]

GRAVITY_M_S2 = (0.0, 0.0, -9.81)
"""In the world frame, in which z is up."""


def inverse_dynamics(
    arm: Arm,
    angles_rad: ArrayLike,
    velocities: ArrayLike,
    accelerations: ArrayLike,
    *,
    segments: Mapping[str, Segment] | None = None,
    gravity: ArrayLike = GRAVITY_M_S2,
) -> Floats:
    """Torques in N m that move the arm so, (n, coordinates).

    Args:
        arm: A skeletal or a two-link arm.
        angles_rad: (n, coordinates).
        velocities: In rad/s, (n, coordinates).
        accelerations: In rad/s^2, (n, coordinates).
        segments: Masses by body; :func:`~proprio_tcn.arms.segments.default_segments` unless given.
        gravity: In m/s^2 in the world frame, (3,).

    Raises:
        ValueError: If a shape is wrong, a number is not finite or a body is not the arm's.
        TypeError: If the arm is of another kind.
    """
    skeleton, masses, centers, inertias = _loads(arm, segments)
    angles, speeds, rises = _states(arm, angles_rad, velocities, accelerations)
    torques = np.empty_like(angles)
    _torques(skeleton, masses, centers, inertias, _vector(gravity), angles, speeds, rises, torques)
    return torques


def mechanical_energy(
    arm: Arm,
    angles_rad: ArrayLike,
    velocities: ArrayLike,
    *,
    segments: Mapping[str, Segment] | None = None,
    gravity: ArrayLike = GRAVITY_M_S2,
) -> Floats:
    """Kinetic and potential energy in J, (n,); zero at rest with all masses in the shoulder.

    The arguments are those of :func:`inverse_dynamics`.
    """
    skeleton, masses, centers, inertias = _loads(arm, segments)
    angles, speeds = _states(arm, angles_rad, velocities)
    energies = np.empty(len(angles))
    _energies(skeleton, masses, centers, inertias, _vector(gravity), angles, speeds, energies)
    return energies


def _states(arm: Arm, angles_rad: ArrayLike, *rates: ArrayLike) -> tuple[Floats, ...]:
    angles = as_angles(angles_rad, arm.coordinates)
    found = [angles]
    for name, values in zip(("velocities", "accelerations"), rates, strict=False):
        rate = np.ascontiguousarray(values, dtype=np.float64)
        if rate.shape != angles.shape:
            raise ValueError(
                f"{name} must have the shape of angles_rad, {angles.shape}, got {rate.shape}"
            )
        if not np.isfinite(rate).all():
            raise ValueError(f"{name} must be finite")
        found.append(rate)
    return tuple(found)


def _vector(gravity: ArrayLike) -> Floats:
    found = np.ascontiguousarray(gravity, dtype=np.float64)
    if found.shape != (3,) or not np.isfinite(found).all():
        raise ValueError(f"gravity must be three finite numbers in m/s^2, got {gravity!r}")
    return found


def _loads(
    arm: Arm, segments: Mapping[str, Segment] | None
) -> tuple[Skeleton, Floats, Floats, Floats]:
    """The moving frames, and the mass, centre and inertia that each carries."""
    if isinstance(arm, SkeletalArm):
        skeleton = arm.skeleton
        places = {
            name: (place.frame, place.rotation, place.offset)
            for name, place in arm.placements.items()
        }
    elif isinstance(arm, TwoLinkArm):
        skeleton = two_link_skeleton(arm)
        places = {
            "upper_arm": (3, np.eye(3), np.zeros(3)),
            "forearm": (4, np.eye(3), np.zeros(3)),
        }
    else:
        raise TypeError(
            f"inverse dynamics know skeletal and two-link arms, got {type(arm).__name__}"
        )
    given = default_segments(arm) if segments is None else segments
    frames = len(skeleton.parent) + 1
    masses, firsts = np.zeros(frames), np.zeros((frames, 3))
    about = np.zeros((frames, 3, 3))
    for name, segment in given.items():
        if name not in places:
            raise ValueError(
                f"segments must name bodies of the arm ({', '.join(places)}), got {name!r}"
            )
        frame, turn, offset = places[name]
        center = turn @ segment.center_m + offset
        masses[frame] += segment.mass_kg
        firsts[frame] += segment.mass_kg * center
        about[frame] += turn @ segment.inertia_kg_m2 @ turn.T + _spread(segment.mass_kg, center)
    centers = firsts / np.where(masses > 0, masses, 1.0)[:, None]
    for frame in range(frames):
        about[frame] -= _spread(masses[frame], centers[frame])
    return skeleton, masses, centers, about


def _spread(mass: float, place: Floats) -> Floats:
    """Inertia (3, 3) about the origin of a mass in one point."""
    found: Floats = mass * (place @ place * np.eye(3) - np.outer(place, place))
    return found


@leaf
def _cross(a: Floats, b: Floats, found: Floats) -> None:
    found[0] = a[1] * b[2] - a[2] * b[1]
    found[1] = a[2] * b[0] - a[0] * b[2]
    found[2] = a[0] * b[1] - a[1] * b[0]


@jit
def _turn(rotation: Floats, inertia: Floats, vector: Floats, found: Floats) -> None:
    """Write what an inertia, turned into the world, makes of a vector."""
    inner = np.empty(3)
    for row in range(3):
        inner[row] = 0.0
        for column in range(3):
            inner[row] += rotation[column, row] * vector[column]
    for row in range(3):
        found[row] = 0.0
        for column in range(3):
            total = 0.0
            for last in range(3):
                total += inertia[column, last] * inner[last]
            found[row] += rotation[row, column] * total


@jit
def _advance(
    skeleton: Skeleton,
    step: int,
    origins: Floats,
    axes: Floats,
    speed: float,
    rise: float,
    motions: Floats,
) -> None:
    """Write how frame ``step + 1`` moves: turning and its change, speed and its change."""
    frame, parent = step + 1, skeleton.parent[step]
    spin, change = motions[0], motions[1]
    arm, first, second = np.empty(3), np.empty(3), np.empty(3)
    for row in range(3):
        arm[row] = origins[frame, row] - origins[parent, row]
    _cross(spin[parent], arm, first)
    _cross(spin[parent], first, second)
    for row in range(3):
        motions[2, frame, row] = motions[2, parent, row] + first[row]
        motions[3, frame, row] = motions[3, parent, row] + second[row]
    _cross(change[parent], arm, first)
    _cross(spin[parent], axes[frame], second)
    for row in range(3):
        motions[3, frame, row] += first[row]
        along, across = axes[frame, row], second[row]
        spin[frame, row], change[frame, row] = spin[parent, row], change[parent, row]
        if skeleton.slides[step]:
            motions[2, frame, row] += along * speed
            motions[3, frame, row] += along * rise + 2.0 * across * speed
        else:
            spin[frame, row] += along * speed
            change[frame, row] += along * rise + across * speed


@leaf
def _bend(polynomial: Floats, angle: float) -> float:
    """Second derivative of a polynomial in ascending powers."""
    total = 0.0
    for power in range(polynomial.shape[0] - 1, 1, -1):
        total = total * angle + power * (power - 1) * polynomial[power]
    return total


@jit
def _load(
    mass: float,
    inertia: Floats,
    rotation: Floats,
    lever: Floats,
    origin: Floats,
    gravity: Floats,
    spin: Floats,
    change: Floats,
    rise: Floats,
    force: Floats,
    moment: Floats,
) -> None:
    """Write the force on a body and its moment about the world's origin."""
    first, second, center = np.empty(3), np.empty(3), np.empty(3)
    _cross(spin, lever, first)
    _cross(spin, first, second)
    _cross(change, lever, first)
    for row in range(3):
        center[row] = origin[row] + lever[row]
        force[row] = mass * (rise[row] + first[row] + second[row] - gravity[row])
    _cross(center, force, moment)
    _turn(rotation, inertia, change, first)
    for row in range(3):
        moment[row] += first[row]
    _turn(rotation, inertia, spin, first)
    _cross(spin, first, second)
    for row in range(3):
        moment[row] += second[row]


@leaf
def _lever(rotation: Floats, center: Floats, found: Floats) -> None:
    for row in range(3):
        found[row] = 0.0
        for column in range(3):
            found[row] += rotation[row, column] * center[column]


@jit
def _torques(
    skeleton: Skeleton,
    masses: Floats,
    centers: Floats,
    inertias: Floats,
    gravity: Floats,
    angles: Floats,
    velocities: Floats,
    accelerations: Floats,
    torques: Floats,
) -> None:
    """Write the torques of n states, (n, coordinates)."""
    count = skeleton.parent.shape[0] + 1
    rotations, origins = np.empty((count, 3, 3)), np.empty((count, 3))
    axes, rates, lever = np.empty((count, 3)), np.empty(count), np.empty(3)
    motions = np.zeros((4, count, 3))
    forces, moments = np.empty((count, 3)), np.empty((count, 3))
    for row in range(angles.shape[0]):
        place_frames(skeleton, angles[row], rotations, origins, axes, rates)
        forces[:] = 0.0
        moments[:] = 0.0
        for step in range(count - 1):
            frame, index = step + 1, skeleton.coordinate[step]
            speed = velocities[row, index]
            rise = rates[frame] * accelerations[row, index]
            rise += _bend(skeleton.polynomial[step], angles[row, index]) * speed * speed
            _advance(skeleton, step, origins, axes, rates[frame] * speed, rise, motions)
            if masses[frame] > 0:
                _lever(rotations[frame], centers[frame], lever)
                _load(
                    masses[frame],
                    inertias[frame],
                    rotations[frame],
                    lever,
                    origins[frame],
                    gravity,
                    motions[0, frame],
                    motions[1, frame],
                    motions[3, frame],
                    forces[frame],
                    moments[frame],
                )
        gather_torques(skeleton, origins, axes, rates, forces, moments, torques[row])


@jit
def _energies(
    skeleton: Skeleton,
    masses: Floats,
    centers: Floats,
    inertias: Floats,
    gravity: Floats,
    angles: Floats,
    velocities: Floats,
    energies: Floats,
) -> None:
    """Write kinetic and potential energy of n states, (n,)."""
    count = skeleton.parent.shape[0] + 1
    rotations, origins = np.empty((count, 3, 3)), np.empty((count, 3))
    axes, rates, lever = np.empty((count, 3)), np.empty(count), np.empty(3)
    motions, first = np.zeros((4, count, 3)), np.empty(3)
    for row in range(angles.shape[0]):
        place_frames(skeleton, angles[row], rotations, origins, axes, rates)
        energies[row] = 0.0
        for step in range(count - 1):
            frame = step + 1
            speed = rates[frame] * velocities[row, skeleton.coordinate[step]]
            _advance(skeleton, step, origins, axes, speed, 0.0, motions)
            _lever(rotations[frame], centers[frame], lever)
            spin, mass = motions[0, frame], masses[frame]
            _cross(spin, lever, first)
            for axis in range(3):
                drift = motions[2, frame, axis] + first[axis]
                height = gravity[axis] * (origins[frame, axis] + lever[axis])
                energies[row] += mass * (0.5 * drift * drift - height)
            _turn(rotations[frame], inertias[frame], spin, first)
            for axis in range(3):
                energies[row] += 0.5 * spin[axis] * first[axis]
