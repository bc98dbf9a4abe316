"""Arithmetic of the published training, to compare with; the training here does neither."""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["Split", "discounted_returns", "split_episode"]


class Split(NamedTuple):
    """Sequences that an episode is learned in.

    Attributes:
        sequences: How many.
        steps: Steps of each.
    """

    sequences: int
    steps: int


def split_episode(steps: int, least_steps: int = 40) -> Split:
    """How the published training cuts an episode: a power of two of equal sequences.

    It takes ``2**int(abs(log2(steps / least_steps)))`` of them, and of an episode that stays in one
    piece only half of its steps.

    Args:
        steps: Of the episode, at least 2.
        least_steps: That a sequence is to have; shorter episodes have shorter ones still.

    Raises:
        ValueError: A number is too small.
    """
    if steps < 2 or least_steps < 1:
        raise ValueError(
            f"an episode must have at least 2 steps and sequences at least 1, got {steps} "
            f"and least_steps={least_steps}"
        )
    sequences = 2 ** int(abs(math.log2(steps / least_steps)))
    length = steps // sequences
    return Split(sequences, steps // 2 if length >= steps else length)


def discounted_returns(
    rewards: ArrayLike, last_value: float, gamma: float = 0.99
) -> NDArray[np.float64]:
    """``G[t] = r[t] + gamma * G[t + 1]``, beginning with the value of what comes last.

    The published training gave that value to episodes that had ended by themselves as well; theirs
    is 0.

    Args:
        rewards: Shape (steps,).
        last_value: What the critic expects after the last step.
        gamma: Discount of a step.
    """
    earned = np.asarray(rewards, dtype=np.float64)
    returns, following = np.empty_like(earned), float(last_value)
    for step in range(len(earned) - 1, -1, -1):
        returns[step] = following = earned[step] + gamma * following
    return returns
