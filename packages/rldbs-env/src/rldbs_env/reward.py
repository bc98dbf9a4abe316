"""What an agent is paid for: calm mean fields, little stimulation."""

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from rldbs_env.arrays import Array

__all__ = ["AbsoluteReward", "QuadraticReward", "Reward"]


class Reward(Protocol):
    """Anything that pays a batch of steps at once."""

    def __call__(
        self, mean_x: Array, window_mean: Array, charge: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Return the reward of each environment, shape (envs,).

        Args:
            mean_x: Mean field X after the step, shape (envs,).
            window_mean: Mean of X over the window, this sample included, shape (envs,).
            charge: Sum of the absolute kicks of the step, shape (envs,).
        """


@dataclass(frozen=True)
class QuadraticReward:
    """``-weight (X - target)^2 - penalty * charge``.

    The defaults are the published reward, ``-(X - mean X)^2 - 2 |a|`` with the mean over the
    window. This form is evaluated inside the compiled step; any other callable that fulfils
    `Reward` is evaluated after it, once for the whole batch.

    Attributes:
        weight: Price of the squared deviation, at least 0.
        penalty: Price of a unit of charge, at least 0.
        target: The X that is wanted; None for the mean of X over the window.

    Raises:
        ValueError: A number is negative or not finite.
    """

    weight: float = 1.0
    penalty: float = 2.0
    target: float | None = None

    def __post_init__(self) -> None:
        for name in ("weight", "penalty"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value >= 0):
                raise ValueError(f"{name} must be finite and at least 0, got {value}")
        if self.target is not None and not math.isfinite(self.target):
            raise ValueError(f"target must be finite or None (window mean), got {self.target}")

    def __call__(
        self, mean_x: Array, window_mean: Array, charge: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """The formula on arrays of shape (envs,)."""
        target = window_mean if self.target is None else self.target
        deviation = np.asarray(mean_x, dtype=float) - target
        return -self.weight * deviation**2 - self.penalty * np.asarray(charge, dtype=float)


@dataclass(frozen=True)
class AbsoluteReward:
    """``-|X - mean X| - penalty * charge``, the mean over the window.

    Both terms grow in proportion to the rhythm, so that one gain is best for strong and for weak
    rhythms; the squared deviation of `QuadraticReward` makes the first cycles outweigh all that
    follows, and an agent learns little about the suppressed state.

    Attributes:
        penalty: Price of a unit of charge, at least 0.

    Raises:
        ValueError: The penalty is negative or not finite.
    """

    penalty: float = 20.0

    def __post_init__(self) -> None:
        if not (math.isfinite(self.penalty) and self.penalty >= 0):
            raise ValueError(f"penalty must be finite and at least 0, got {self.penalty}")

    def __call__(
        self, mean_x: Array, window_mean: Array, charge: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """The formula on arrays of shape (envs,)."""
        deviation = np.asarray(mean_x, dtype=float) - window_mean
        return np.asarray(-np.abs(deviation) - self.penalty * charge)
