"""What several test modules share: an arm whose every answer is known in closed form."""

from typing import Any, NamedTuple

import numpy as np
import pytest


class Coordinate(NamedTuple):
    name: str
    low_rad: float
    high_rad: float
    default_rad: float


class Pose(NamedTuple):
    hand_m: Any
    elbow_m: Any
    muscle_length_m: Any
    muscle_jacobian_m: Any


class Postures(NamedTuple):
    angles_rad: Any
    error_m: Any


class LinearArm:
    """Three angles carry the hand along x, y and z, a fourth moves but muscles; all is linear."""

    name = "linear"
    species = "none"
    coordinates = tuple(Coordinate(name, -1.0, 1.0, 0.0) for name in ("x", "y", "z", "free"))
    muscles = ("left", "right", "still", "near", "far")

    def __init__(self, reach_m: float = 0.3) -> None:
        self.reach_m = reach_m
        rng = np.random.default_rng(7)
        self.rows = 0.02 * rng.standard_normal((5, 4))
        self.rows[2] = 0.0
        self.rest = rng.uniform(0.1, 0.2, 5)
        self.moving = np.array([True, True, False, True, True])

    def hand(self, angles_rad: Any) -> Any:
        return self.reach_m * np.asarray(angles_rad)[:, :3]

    def elbow(self, angles_rad: Any) -> Any:
        return self.hand(angles_rad) / 2

    def hand_jacobian(self, angles_rad: Any) -> Any:
        jacobian = np.zeros((len(angles_rad), 3, 4))
        jacobian[:, range(3), range(3)] = self.reach_m
        return self.hand(angles_rad), jacobian

    def pose(self, angles_rad: Any) -> Pose:
        angles = np.asarray(angles_rad)
        jacobian = np.broadcast_to(self.rows, (len(angles), 5, 4))
        lengths = self.rest + angles @ self.rows.T
        return Pose(self.hand(angles), self.elbow(angles), lengths, jacobian)

    def solve(self, arm: Any, hand_m: Any, start_rad: Any, *, threads: int = 1) -> Postures:
        """The nearest posture: the fourth angle stays where it was."""
        angles = np.repeat(np.asarray(start_rad)[:, None], hand_m.shape[1], axis=1)
        angles[..., :3] = np.clip(hand_m / self.reach_m, -1.0, 1.0)
        return Postures(angles, np.linalg.norm(self.reach_m * angles[..., :3] - hand_m, axis=-1))


@pytest.fixture
def linear_arm() -> LinearArm:
    """Reaches a cube of 60 cm around its shoulder; ``.solve`` is its inverse kinematics."""
    return LinearArm()
