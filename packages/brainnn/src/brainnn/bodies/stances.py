"""Controllers that do not walk, or not for long: what a trained one must be better than."""

from dataclasses import dataclass
from typing import Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from brainnn.bodies.clip import Clip
from brainnn.bodies.planar_biped import JOINT_ANGLES, JOINT_SPEEDS

__all__ = ["Controller", "OpenLoop", "RandomActions", "Standing", "no_action"]

_Numbers = NDArray[np.floating[Any]]

_STABLE = (0.8, -0.9, 0.0, -0.9)
_APART = 0.5  # rad between the hips, from which on the feet carry the body between them


class Controller(Protocol):
    """Whatever acts on the planar biped without a memory of its own."""

    def __call__(self, observations: _Numbers, step: int) -> _Numbers:
        """Actions of a step.

        Args:
            observations: Shape (..., 14 or more).
            step: Steps since the start.

        Returns:
            Shape (..., 4).
        """


def no_action(observations: _Numbers, step: int) -> _Numbers:
    """Motors without torque: the body collapses."""
    return np.zeros((*observations.shape[:-1], 4), np.float32)


@dataclass(frozen=True)
class RandomActions:
    """Uniform in -1..1, another draw each step, the same for the same seed and step.

    Attributes:
        seed: Of the draws.
    """

    seed: int

    def __call__(self, observations: _Numbers, step: int) -> _Numbers:
        """See :class:`Controller`."""
        rng = np.random.default_rng([self.seed, step])
        return rng.uniform(-1, 1, (*observations.shape[:-1], 4)).astype(np.float32)


@dataclass(frozen=True)
class Standing:
    """Holds a posture by proportional and derivative control of each joint.

    Attributes:
        posture: Angles of the joints as an observation gives them, rad.
        stiffness: Share of the largest torque for an error of 1 rad.
        damping: Share of the largest torque at the motor's full speed.
    """

    posture: tuple[float, float, float, float]
    stiffness: float = 1.0
    damping: float = 1.0

    @classmethod
    def of(cls, clip: Clip) -> Self:
        """Hold the mean posture of a clip.

        The two legs of a symmetric gait are side by side on average, on which nothing can stand;
        there it is one with the legs apart and the knees bent, which is stable.
        """
        angles = clip.states[:, JOINT_ANGLES].astype(float)
        if abs(angles[:, 0].mean() - angles[:, 2].mean()) < _APART:
            return cls(_STABLE)
        hip_1, knee_1, hip_2, knee_2 = angles.mean(0).tolist()
        return cls((hip_1, knee_1, hip_2, knee_2))

    def __call__(self, observations: _Numbers, step: int) -> _Numbers:
        """See :class:`Controller`."""
        errors = np.array(self.posture, np.float32) - observations[..., JOINT_ANGLES]
        torques = self.stiffness * errors - self.damping * observations[..., JOINT_SPEEDS]
        return np.clip(torques, -1, 1)


@dataclass(frozen=True, eq=False)
class OpenLoop:
    """Replays the actions of a clip, whatever it observes; past its loop it goes round and round.

    Attributes:
        clip: The clip.
    """

    clip: Clip

    def __call__(self, observations: _Numbers, step: int) -> _Numbers:
        """See :class:`Controller`.

        Raises:
            ValueError: The clip is over and has no loop.
        """
        loop, steps = self.clip.loop, self.clip.steps
        if loop is None and step >= steps:
            raise ValueError(f"step must be below {steps}, the length of the clip, got {step}")
        action = self.clip.actions[loop.frame(step) if loop else step]
        return np.broadcast_to(action, (*observations.shape[:-1], 4))
