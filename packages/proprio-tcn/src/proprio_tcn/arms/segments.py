"""How heavy the parts of an arm are: masses, centres and inertias for inverse dynamics.

A human arm brings its own. The published macaque model does not: its humerus weighs 15 g, as dry
bone would. Its segments are scaled from body mass after Cheng and Scott, J. Morphol. 245:206-224
(2000), in the values that the Kinarm toolbox gives after an analysis anew of their raw data.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from proprio_tcn.arms.arm import Arm
from proprio_tcn.arms.geometry import GROUND, Geometry
from proprio_tcn.arms.kinematics import points
from proprio_tcn.arms.skeletal import SkeletalArm
from proprio_tcn.arms.two_link import LINK_LENGTHS_M, TwoLinkArm

__all__ = [
    "HUMAN",
    "MACAQUE",
    "MACAQUE_BODY_KG",
    "Proportion",
    "Segment",
    "default_segments",
    "file_segments",
    "moving_masses_kg",
    "rod_segments",
    "scaled_segments",
]

Floats = NDArray[np.float64]

MACAQUE_BODY_KG = 8.0
"""An adult male rhesus monkey."""

_DENSITY_KG_M3 = 1060.0
"""Of soft tissue: gives a segment its thickness, which nobody published."""


@dataclass(frozen=True, eq=False)
class Segment:
    """A rigid part of an arm.

    Attributes:
        mass_kg: Its mass.
        center_m: Its centre of mass (3,), in the frame of its body.
        inertia_kg_m2: (3, 3) about the centre of mass, in the axes of its body.
    """

    mass_kg: float
    center_m: Floats
    inertia_kg_m2: Floats


@dataclass(frozen=True)
class Proportion:
    """What a segment is of its animal.

    Attributes:
        mass: Share of the body's mass.
        center: Distance of the centre of mass from the nearer joint, as a share of its length.
        gyration: Radius of gyration about the centre, across the segment, likewise.
    """

    mass: float
    center: float
    gyration: float


MACAQUE: Mapping[str, Proportion] = {
    "upper_arm": Proportion(0.036, 0.49, 0.249),
    "forearm": Proportion(0.024, 0.44, 0.261),
    "hand": Proportion(0.008, 0.40, 0.251),
}
"""Cheng and Scott 2000."""

HUMAN: Mapping[str, Proportion] = {
    "upper_arm": Proportion(0.028, 0.436, 0.322),
    "forearm": Proportion(0.016, 0.430, 0.303),
    "hand": Proportion(0.006, 0.506, 0.297),
}
"""Winter, Biomechanics of Human Movement, 1979."""

_PARTS = ("upper_arm", "forearm", "hand")
_HAND_SHARE = 0.72
"""Length of a macaque's hand over that of its upper arm (Cheng and Scott 2000)."""

_LEAST_SHARE = 0.2
"""Of the mass that a macaque's arm of the same length has: dry bone weighs less, no arm does."""


def default_segments(arm: Arm) -> dict[str, Segment]:
    """A macaque's proportions, slender rods for two links, else what the file says.

    An arm that was opened with a body mass is scaled to it: a macaque's, two links, or a man's.

    Raises:
        TypeError: If the arm is neither skeletal nor of two links.
        ValueError: If the file gives what moves no mass, or far less than an arm of its length
            weighs, or lacks a macaque's bodies; or if a body mass is not positive, or given for an
            arm whose proportions nobody knows.
    """
    if not isinstance(arm, TwoLinkArm | SkeletalArm):
        raise TypeError(f"arm must be skeletal or of two links, got {type(arm).__name__}")
    mass = MACAQUE_BODY_KG if arm.body_mass_kg is None else arm.body_mass_kg
    _check_mass("body_mass_kg", mass)
    if isinstance(arm, TwoLinkArm):
        below = (MACAQUE["forearm"].mass + MACAQUE["hand"].mass) * mass
        return rod_segments(arm, MACAQUE["upper_arm"].mass * mass, below)
    if arm.species == "macaque":
        return scaled_segments(arm, mass)
    if arm.body_mass_kg is not None:
        return _human_segments(arm, mass)
    segments = file_segments(arm.geometry)
    moving = [name for name in segments if arm.placements[name].frame > 0]
    if not any(segments[name].mass_kg > 0 for name in moving):
        raise ValueError(
            f"The model {arm.name!r} gives no mass to the bodies that move: give segments"
        )
    _refuse_bone(arm, sum(segments[name].mass_kg for name in moving))
    return segments


def moving_masses_kg(arm: Arm) -> dict[str, float]:
    """Masses by which :func:`default_segments` lets an arm's moving bodies weigh, heaviest first.

    Raises:
        TypeError: As there.
        ValueError: As there.
    """
    masses = {name: one.mass_kg for name, one in default_segments(arm).items()}
    if isinstance(arm, SkeletalArm):
        masses = {name: kg for name, kg in masses.items() if arm.placements[name].frame > 0}
    return dict(sorted(masses.items(), key=lambda one: -one[1]))


def _human_segments(arm: SkeletalArm, body_mass_kg: float) -> dict[str, Segment]:
    for hand in ("hand", "lunate"):
        bodies = ("humerus", "ulna", hand)
        if arm.species == "human" and set(bodies) <= set(arm.placements):
            return scaled_segments(arm, body_mass_kg, proportions=HUMAN, bodies=bodies)
    raise ValueError(
        f"body_mass_kg is for a macaque's arm, two links, or a human arm with the bodies humerus, "
        f"ulna and hand or lunate, got {body_mass_kg:g} for {arm.name!r} ({arm.species}): leave it "
        "out for the masses of the file, or give segments to inverse_dynamics"
    )


def _refuse_bone(arm: SkeletalArm, mass_kg: float) -> None:
    """Refuse masses as of dry bone, by which torques would come out twenty times too small.

    A macaque's arm is measured against, whose mass grows with the cube of its length: a man's is
    half as heavy again at the same length (``HUMAN``, 75 kg and 58 cm).
    """
    whole = sum(LINK_LENGTHS_M["snap"])
    usual = sum(share.mass for share in MACAQUE.values()) * MACAQUE_BODY_KG
    length = _moving_length_m(arm)
    wanted = usual * (length / whole) ** 3
    if mass_kg < _LEAST_SHARE * wanted:
        raise ValueError(
            f"The bodies of {arm.name!r} that move must weigh about {wanted:.3g} kg for an arm of "
            f"{100 * length:.3g} cm, got {mass_kg:.3g} kg, as dry bone would: for a macaque's arm "
            'give species="macaque" to open_arm, or a <Model name> with "macaque" in it, to scale '
            "masses from body mass; else put masses into the file, or give segments, such as "
            "those of scaled_segments"
        )


def _moving_length_m(arm: SkeletalArm) -> float:
    """From the elbow to the hand in the default posture, and from the shoulder if that moves."""
    angles = np.array([[one.default_rad for one in arm.coordinates]])
    shoulder, elbow, hand = (arm.marker(name, angles)[0] for name in ("shoulder", "elbow", "hand"))
    upper = np.linalg.norm(elbow - shoulder) if arm.marker_place("elbow")[0] > 0 else 0.0
    return float(upper + np.linalg.norm(hand - elbow))


def file_segments(geometry: Geometry) -> dict[str, Segment]:
    """Masses as the file has them, by body."""
    return {
        body.name: Segment(body.mass_kg, body.center_m, body.inertia_kg_m2)
        for body in geometry.bodies
    }


def rod_segments(arm: TwoLinkArm, upper_arm_kg: float, forearm_kg: float) -> dict[str, Segment]:
    """Two slender rods; the hand belongs to the forearm.

    Raises:
        ValueError: If a mass is not positive.
    """
    _check_mass("upper_arm_kg", upper_arm_kg)
    _check_mass("forearm_kg", forearm_kg)
    lengths = {"upper_arm": (upper_arm_kg, arm.upper_m), "forearm": (forearm_kg, arm.forearm_m)}
    return {
        name: Segment(
            mass,
            np.array([0.0, -length / 2, 0.0]),
            np.diag([1.0, 0.0, 1.0]) * mass * length**2 / 12,
        )
        for name, (mass, length) in lengths.items()
    }


def scaled_segments(
    arm: SkeletalArm,
    body_mass_kg: float = MACAQUE_BODY_KG,
    *,
    proportions: Mapping[str, Proportion] = MACAQUE,
    bodies: tuple[str, str, str] = ("humerus", "ulna", "hand"),
) -> dict[str, Segment]:
    """Segments of upper arm, forearm and hand as shares of body mass.

    Each lies on the line between the origins of its body and the next, in the default posture; the
    hand points on from the forearm. All other bodies weigh nothing.

    Args:
        arm: Whose lengths to take.
        body_mass_kg: Mass of the animal.
        proportions: Of "upper_arm", "forearm" and "hand".
        bodies: The bodies that carry these, in this order.

    Raises:
        ValueError: If the mass is not positive or a body is not the arm's.
    """
    _check_mass("body_mass_kg", body_mass_kg)
    missing = [name for name in bodies if name not in arm.placements or name == GROUND]
    if missing:
        raise ValueError(
            f"bodies must be three of {', '.join(arm.placements)}, got {', '.join(missing)}"
        )
    origins, turns = _default_frames(arm, bodies)
    upper, lower = origins[1] - origins[0], origins[2] - origins[1]
    hand = _HAND_SHARE * np.linalg.norm(upper) * lower / np.linalg.norm(lower)
    segments = {}
    for index, (part, body) in enumerate(zip(_PARTS, bodies, strict=True)):
        span = turns[index].T @ (upper, lower, hand)[index]
        segments[body] = _along(proportions[part], proportions[part].mass * body_mass_kg, span)
    return segments


def _check_mass(name: str, mass: float) -> None:
    if not (np.isfinite(mass) and mass > 0):
        raise ValueError(f"{name} must be positive, got {mass}")


def _along(proportion: Proportion, mass: float, span: Floats) -> Segment:
    """A segment that reaches from the origin of its body along ``span``."""
    length = float(np.linalg.norm(span))
    axis = span / length
    across = mass * (proportion.gyration * length) ** 2
    inner = mass**2 / (2 * np.pi * _DENSITY_KG_M3 * length)
    outer = np.outer(axis, axis)
    return Segment(mass, proportion.center * span, across * (np.eye(3) - outer) + inner * outer)


def _default_frames(arm: SkeletalArm, bodies: tuple[str, ...]) -> tuple[Floats, Floats]:
    """Origins (bodies, 3) and axes (bodies, 3, 3) of bodies in the default posture."""
    angles = np.array([[one.default_rad for one in arm.coordinates]])
    frames, places = [], []
    for name in bodies:
        place = arm.placements[name]
        for corner in np.vstack([np.zeros(3), np.eye(3)]):
            frames.append(place.frame)
            places.append(place.point(corner))
    found = np.empty((1, len(frames), 3))
    points(arm.skeleton, np.array(frames), np.array(places), angles, found)
    corners = found.reshape(len(bodies), 4, 3)
    return corners[:, 0], np.swapaxes(corners[:, 1:] - corners[:, :1], 1, 2)
