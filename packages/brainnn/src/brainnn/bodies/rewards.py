"""What a step earns: the pose and the joint speeds of the reference, and its forward speed.

The terms are those of DeepMimic (Peng et al. 2018) as the published walker used them. Each is 1
where the body does what the reference does, and tends to 0 away from it.
"""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

__all__ = ["RewardWeights", "goal_reward", "pose_reward", "velocity_reward"]

_Numbers = NDArray[np.floating[Any]]

_PUBLISHED_UNUSED = 0.15 + 0.10
"""Shares of two terms, end effector and centre of mass, that were weighed and always 0."""


def pose_reward(angles: _Numbers, reference: _Numbers) -> _Numbers:
    """``exp(-sum((cos a - cos b)**2 + (sin a - sin b)**2))`` over the joints.

    Args:
        angles: Joint angles, rad, shape (..., joints).
        reference: Those of the reference, of a shape that fits.

    Returns:
        Shape (...), in (0, 1].
    """
    # two points on the unit circle are the chord 2 sin(angle / 2) apart
    half_chords = np.sin((angles - reference) / 2)
    earned: _Numbers = np.exp(-4 * np.vecdot(half_chords, half_chords))
    return earned


def velocity_reward(speeds: _Numbers, reference: _Numbers) -> _Numbers:
    """``exp(-1.5 sum((a - b)**2))`` over the joints.

    Args:
        speeds: Joint speeds as shares of the motors' speeds, shape (..., joints).
        reference: Those of the reference, of a shape that fits.

    Returns:
        Shape (...), in (0, 1].
    """
    apart = speeds - reference
    earned: _Numbers = np.exp(-1.5 * np.vecdot(apart, apart))
    return earned


def goal_reward(speed: _Numbers | float, wanted: float) -> _Numbers:
    """``exp(-4 max(0, wanted - speed)**2)``: faster than wanted costs nothing.

    Args:
        speed: Forward speed in units of the observation, shape (...).
        wanted: Mean speed of the reference, in the same units.

    Returns:
        Shape (...), in (0, 1].
    """
    earned: _Numbers = np.exp(-4 * np.square(np.maximum(0, wanted - speed)))
    return earned


@dataclass(frozen=True)
class RewardWeights:
    """What each term counts in a step's reward.

    Attributes:
        pose: Weight of :func:`pose_reward`.
        velocity: Weight of :func:`velocity_reward`.
        goal: Weight of :func:`goal_reward`.
        fall: What a fall costs, once.

    Raises:
        ValueError: A weight is negative or not finite, or none of pose, velocity and goal counts.
    """

    pose: float
    velocity: float
    goal: float
    fall: float

    def __post_init__(self) -> None:
        values = (self.pose, self.velocity, self.goal, self.fall)
        if not np.isfinite(values).all() or min(values) < 0:
            raise ValueError(f"weights must be finite and 0 or more, got {self}")
        if self.pose + self.velocity + self.goal == 0:
            raise ValueError("one of pose, velocity and goal must count, got 0 for all")

    @classmethod
    def of(
        cls,
        imitation: float = 0.7,
        goal: float = 0.3,
        *,
        pose: float = 0.7,
        velocity: float = 0.3,
        fall: float = 5.0,
    ) -> Self:
        """Weights that sum to one, so that a perfect step earns 1.

        Args:
            imitation: Share of imitation against ``goal``.
            goal: Share of the goal.
            pose: Within imitation, share of the pose against ``velocity``.
            velocity: Within imitation, share of the joint speeds.
            fall: What a fall costs, once.

        Raises:
            ValueError: A share is negative or not finite, or both of a pair are 0.
        """
        for pair in ({"imitation": imitation, "goal": goal}, {"pose": pose, "velocity": velocity}):
            if not np.isfinite([*pair.values()]).all() or min(pair.values()) < 0:
                raise ValueError(f"shares must be finite and 0 or more, got {pair}")
            if sum(pair.values()) == 0:
                raise ValueError(f"one share of a pair must be above 0, got {pair}")
        alike = imitation / (imitation + goal) / (pose + velocity)
        return cls(alike * pose, alike * velocity, goal / (imitation + goal), fall)

    @classmethod
    def published(
        cls,
        imitation: float = 0.7,
        goal: float = 0.3,
        *,
        pose: float = 0.7,
        velocity: float = 0.3,
    ) -> Self:
        """Weights as the published system had them, with which a perfect step earns less than 1.

        Its pose and velocity were divided by a sum with two more terms in it (.15 and .10) that
        were always 0, so that imitation earned .56 + .24 at most; a fall cost 5 times ``goal``.
        """
        alike = imitation / (pose + velocity + _PUBLISHED_UNUSED)
        return cls(alike * pose, alike * velocity, goal, 5 * goal)

    @property
    def ceiling(self) -> float:
        """The most that a step can earn."""
        return self.pose + self.velocity + self.goal

    def total(
        self,
        pose: _Numbers | float,
        velocity: _Numbers | float,
        goal: _Numbers | float,
        fell: NDArray[np.bool_] | bool,
    ) -> _Numbers | float:
        """Reward of a step from its terms, each of shape (...)."""
        earned = self.pose * pose + self.velocity * velocity + self.goal * goal
        return earned - self.fall * fell
