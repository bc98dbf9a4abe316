"""What every arm can do, and what its callers check before they ask."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from proprio_tcn.arms.geometry import Coordinate

__all__ = [
    "Arm",
    "Coordinate",
    "Pose",
    "as_angles",
    "check_range",
    "describe",
    "muscle_velocities",
]

Floats = NDArray[np.float64]


class Pose(NamedTuple):
    """An arm in n postures; places are in the world frame with the shoulder at its origin.

    Attributes:
        hand_m: (n, 3).
        elbow_m: (n, 3).
        muscle_length_m: Of the paths from origin to insertion, tendons included, (n, muscles).
        muscle_jacobian_m: d length / d coordinate in m/rad, (n, muscles, coordinates). The moment
            arm is its negative.
    """

    hand_m: Floats
    elbow_m: Floats
    muscle_length_m: Floats
    muscle_jacobian_m: Floats


@runtime_checkable
class Arm(Protocol):
    """From joint angles to hand, elbow and muscles, for many postures at once.

    The world has x forward, y left and z up. Angles are rad, (n, coordinates), in the order of
    ``coordinates``; an arm computes outside of their ranges too (see :func:`check_range`).

    Attributes:
        name: Of the model.
        species: "human", "macaque" or "none".
        coordinates: Those that are free, in order.
        muscles: Their names, () for an arm without.
        moving: Whether any free coordinate can change a muscle's length, (muscles,).
    """

    @property
    def name(self) -> str:
        """Name of the model."""

    @property
    def species(self) -> str:
        """Whose arm it is."""

    @property
    def coordinates(self) -> tuple[Coordinate, ...]:
        """Those that are free."""

    @property
    def muscles(self) -> tuple[str, ...]:
        """Names of the muscles."""

    @property
    def moving(self) -> NDArray[np.bool_]:
        """Which muscles a free coordinate can change.

        Shape (muscles,).
        """

    def hand(self, angles_rad: ArrayLike) -> Floats:
        """Place of the hand in m, (n, 3)."""

    def hand_jacobian(self, angles_rad: ArrayLike) -> tuple[Floats, Floats]:
        """The hand (n, 3) and its derivatives in m/rad, (n, 3, coordinates)."""

    def elbow(self, angles_rad: ArrayLike) -> Floats:
        """Place of the elbow in m, (n, 3)."""

    def pose(self, angles_rad: ArrayLike) -> Pose:
        """Hand, elbow, muscle lengths and their derivatives.

        Angles (n, coordinates), rad; a `Pose` tells the shapes.
        """


def as_angles(angles_rad: ArrayLike, coordinates: Sequence[Coordinate]) -> Floats:
    """Angles as one contiguous array (n, coordinates) of float64.

    Raises:
        ValueError: If the shape is another or an angle is not finite.
    """
    angles = np.ascontiguousarray(angles_rad, dtype=np.float64)
    if angles.ndim != 2 or angles.shape[1] != len(coordinates):
        names = ", ".join(coordinate.name for coordinate in coordinates)
        raise ValueError(
            f"angles_rad must have shape (n, {len(coordinates)}) with the columns {names}, "
            f"got {angles.shape}"
        )
    if not np.isfinite(angles).all():
        row, column = (int(index) for index in np.argwhere(~np.isfinite(angles))[0])
        raise ValueError(
            f"angles_rad must be finite, got {angles[row, column]} for "
            f"{coordinates[column].name} in row {row}"
        )
    return angles


def check_range(
    angles_rad: ArrayLike, coordinates: Sequence[Coordinate], *, tolerance_rad: float = 1e-6
) -> Floats:
    """Angles as :func:`as_angles` gives them, refused where the model is not to be trusted.

    Shape (n, coordinates), rad.

    Raises:
        ValueError: If an angle lies outside of its coordinate's range; the message names the
            coordinate, the range and the value in degrees.
    """
    angles = as_angles(angles_rad, coordinates)
    for column, coordinate in enumerate(coordinates):
        values = angles[:, column]
        low, high = coordinate.low_rad - tolerance_rad, coordinate.high_rad + tolerance_rad
        outside = np.flatnonzero((values < low) | (values > high))
        if outside.size:
            bounds = np.rad2deg([coordinate.low_rad, coordinate.high_rad])
            raise ValueError(
                f"{coordinate.name} must be in [{bounds[0]:.6g}, {bounds[1]:.6g}] deg, got "
                f"{np.rad2deg(values[outside[0]]):.6g} deg in row {outside[0]} "
                f"({outside.size} of {len(values)} rows are outside)"
            )
    return angles


def muscle_velocities(
    arm: Arm, angles_rad: ArrayLike, velocities_rad_s: ArrayLike
) -> tuple[Floats, Floats]:
    """Muscle lengths in m and their velocities in m/s, both (n, muscles), without differences.

    Args:
        arm: Whose muscles.
        angles_rad: (n, coordinates).
        velocities_rad_s: Of the angles, (n, coordinates).

    Raises:
        ValueError: If a shape is another or a number is not finite.
    """
    angles = as_angles(angles_rad, arm.coordinates)
    velocities = np.asarray(velocities_rad_s, dtype=np.float64)
    if velocities.shape != angles.shape or not np.isfinite(velocities).all():
        raise ValueError(
            f"velocities_rad_s must be finite and of the shape of angles_rad, {angles.shape}, got "
            f"{'NaN or infinity' if velocities.shape == angles.shape else velocities.shape}"
        )
    pose = arm.pose(angles)
    return pose.muscle_length_m, np.einsum("nmc,nc->nm", pose.muscle_jacobian_m, velocities)


def describe(arm: Arm) -> dict[str, object]:
    """Facts of an arm as plain values: whose it is, coordinates in degrees, muscles, notes."""
    moving = [name for name, moves in zip(arm.muscles, arm.moving, strict=True) if moves]
    return {
        "name": arm.name,
        "species": arm.species,
        "coordinates": {
            coordinate.name: {
                "low_deg": float(np.rad2deg(coordinate.low_rad)),
                "high_deg": float(np.rad2deg(coordinate.high_rad)),
                "default_deg": float(np.rad2deg(coordinate.default_rad)),
            }
            for coordinate in arm.coordinates
        },
        "muscles": list(arm.muscles),
        "moving_muscles": moving,
        "notes": list(getattr(arm, "notes", ())),
    }
