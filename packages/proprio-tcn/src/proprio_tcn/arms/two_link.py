"""Two rigid links with a ball at the shoulder and a hinge at the elbow: four angles, no muscles.

The hand is ``Rz(adduction) Ry(rotation) Rx(flexion) [Rx(elbow) (0, -forearm, 0) + (0, -upper, 0)]``
in the shoulder's axes (y up, z backward), here turned to the world's.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from proprio_tcn.arms.arm import Coordinate, Pose, as_angles

__all__ = ["LINK_LENGTHS_M", "TwoLinkArm", "UnreachableError"]

Floats = NDArray[np.float64]

LINK_LENGTHS_M: dict[str, tuple[float, float]] = {
    "snap": (0.161, 0.186),
    "butter": (0.1258, 0.16),
    "han_01_05": (0.166, 0.195),
    "han_11_22": (0.15, 0.185),
    "chips": (0.172, 0.221),
}
"""Upper arm and forearm of the monkeys of Marin Vargas, Bisi et al., Cell 2024."""

# Rows are the world's x forward, y left, z up in the shoulder's axes.
_WORLD = np.array([[0.0, 0.0, -1.0], [-1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])


class UnreachableError(ValueError):
    """A point that the hand cannot be brought to."""


def _coordinate(name: str, low_deg: float, high_deg: float, default_deg: float) -> Coordinate:
    return Coordinate(
        name, *(float(np.deg2rad(value)) for value in (low_deg, high_deg, default_deg))
    )


@dataclass(frozen=True)
class TwoLinkArm:
    """The arm in which the published movements were planned.

    Attributes:
        upper_m: Length of the upper arm.
        forearm_m: Length from elbow to hand.
        body_mass_kg: Of the whole animal, for torques; None is an adult macaque.

    Raises:
        ValueError: A length is not above 0.
    """

    upper_m: float = LINK_LENGTHS_M["snap"][0]
    forearm_m: float = LINK_LENGTHS_M["snap"][1]
    body_mass_kg: float | None = None
    name: ClassVar[str] = "two_link"
    species: ClassVar[str] = "none"
    muscles: ClassVar[tuple[str, ...]] = ()
    coordinates: ClassVar[tuple[Coordinate, ...]] = (
        _coordinate("shoulder_flexion", -50, 180, 36),
        _coordinate("shoulder_adduction", -45, 150, 5),
        _coordinate("shoulder_rotation", -90, 90, 5),
        _coordinate("elbow_flexion", 0, 140, 50),
    )
    notes: ClassVar[tuple[str, ...]] = ("No muscles: two rigid links and four angles.",)

    def __post_init__(self) -> None:
        for name, length in (("upper_m", self.upper_m), ("forearm_m", self.forearm_m)):
            if not (np.isfinite(length) and length > 0):
                raise ValueError(f"{name} must be a positive length in m, got {length}")

    @property
    def moving(self) -> NDArray[np.bool_]:
        """Which muscles move: there are none, (0,)."""
        return np.zeros(0, dtype=np.bool_)

    def hand(self, angles_rad: ArrayLike) -> Floats:
        """Place of the hand in m, (n, 3)."""
        flexion, adduction, rotation, elbow = as_angles(angles_rad, self.coordinates).T
        return _to_world(*_turn(*self._wrist(flexion, elbow), adduction, rotation))

    def elbow(self, angles_rad: ArrayLike) -> Floats:
        """Place of the elbow in m, (n, 3)."""
        flexion, adduction, rotation, _ = as_angles(angles_rad, self.coordinates).T
        y, z = -self.upper_m * np.cos(flexion), -self.upper_m * np.sin(flexion)
        return _to_world(*_turn(y, z, adduction, rotation))

    def hand_jacobian(self, angles_rad: ArrayLike) -> tuple[Floats, Floats]:
        """The hand (n, 3) and its derivatives in m/rad, (n, 3, 4), in closed form."""
        flexion, adduction, rotation, elbow = as_angles(angles_rad, self.coordinates).T
        y, z = self._wrist(flexion, elbow)
        place = _turn(y, z, adduction, rotation)
        far = flexion + elbow
        turned = np.sin(adduction), np.cos(adduction)
        columns = (
            _turn(-z, y, adduction, rotation),  # a turn about x carries (y, z) to (-z, y)
            (-place[1], place[0], np.zeros_like(y)),
            (turned[1] * place[2], turned[0] * place[2], -z * np.sin(rotation)),
            _turn(self.forearm_m * np.sin(far), -self.forearm_m * np.cos(far), adduction, rotation),
        )
        return _to_world(*place), np.stack([_to_world(*column) for column in columns], axis=-1)

    def pose(self, angles_rad: ArrayLike) -> Pose:
        """Hand and elbow; muscle arrays have no columns.

        Angles (n, 4), rad.
        """
        hand = self.hand(angles_rad)
        count = len(hand)
        return Pose(hand, self.elbow(angles_rad), np.zeros((count, 0)), np.zeros((count, 0, 4)))

    def inverse(self, hand_m: ArrayLike, adduction_rad: ArrayLike = 0.0) -> Floats:
        """Angles (n, 4) that bring the hand to these places with this adduction, in closed form.

        Three numbers fix three of the four angles; the rotation is within 90 degrees and the elbow
        does not overextend, while flexion and adduction may leave their ranges.

        Args:
            hand_m: Places of the hand, (n, 3).
            adduction_rad: The angle left open, (n,) or one for all.

        Raises:
            UnreachableError: If a place is nearer or farther than the links reach.
            ValueError: If a place or an angle is not finite.
        """
        places = np.asarray(hand_m, dtype=np.float64)
        if places.ndim != 2 or places.shape[1] != 3 or not np.isfinite(places).all():
            raise ValueError(f"hand_m must be finite with shape (n, 3), got {places.shape}")
        adduction = np.broadcast_to(np.asarray(adduction_rad, np.float64), (len(places),))
        if not np.isfinite(adduction).all():
            raise ValueError("adduction_rad must be finite")
        distance = np.linalg.norm(places, axis=1)
        self._check_distance(distance)
        product = 2 * self.upper_m * self.forearm_m
        bend = (distance**2 - self.upper_m**2 - self.forearm_m**2) / product
        elbow = np.arccos(np.clip(bend, -1, 1))
        x, y, z = (places @ _WORLD).T
        cosine, sine = np.cos(adduction), np.sin(adduction)
        x, y = cosine * x + sine * y, cosine * y - sine * x
        side = np.where(z >= 0, 1.0, -1.0)
        rotation = np.arctan2(side * x, side * z)
        start = np.arctan2(*self._wrist(np.zeros_like(elbow), elbow)[::-1])
        flexion = np.arctan2(side * np.hypot(x, z), y) - start
        flexion = np.mod(flexion - np.deg2rad(-115), 2 * np.pi) + np.deg2rad(-115)
        return np.stack([flexion, adduction, rotation, elbow], axis=1)

    def _check_distance(self, distance: Floats) -> None:
        low, high = abs(self.upper_m - self.forearm_m), self.upper_m + self.forearm_m
        slack = 1e-9 * high
        outside = np.flatnonzero((distance < low - slack) | (distance > high + slack))
        if outside.size:
            row = int(outside[0])
            raise UnreachableError(
                f"hand_m must be {100 * low:.6g} to {100 * high:.6g} cm from the shoulder, got "
                f"{100 * distance[row]:.6g} cm in row {row} ({outside.size} of {len(distance)} "
                "rows cannot be reached)"
            )

    def _wrist(self, flexion: Floats, elbow: Floats) -> tuple[Floats, Floats]:
        """Give y and z of the hand before rotation and adduction; x is 0."""
        far = flexion + elbow
        y = -self.upper_m * np.cos(flexion) - self.forearm_m * np.cos(far)
        z = -self.upper_m * np.sin(flexion) - self.forearm_m * np.sin(far)
        return y, z


def _turn(
    y: Floats, z: Floats, adduction: Floats, rotation: Floats
) -> tuple[Floats, Floats, Floats]:
    """Rz(adduction) Ry(rotation) of (0, y, z)."""
    cosine, sine = np.cos(adduction), np.sin(adduction)
    x = z * np.sin(rotation)
    return cosine * x - sine * y, sine * x + cosine * y, z * np.cos(rotation)


def _to_world(x: Floats, y: Floats, z: Floats) -> Floats:
    places: Floats = np.stack([x, y, z], axis=-1) @ _WORLD.T
    return places
