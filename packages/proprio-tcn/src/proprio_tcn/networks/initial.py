"""First weights, drawn by seed and place, whatever else is built beside them."""

import math
from collections.abc import Sequence
from enum import IntEnum

import torch
from torch import Tensor

from neuro_common.seeding import generator

__all__ = ["Stream", "draw_xavier_"]


class Stream(IntEnum):
    """Which numbers are drawn; each stream is independent of the others."""

    TRUNK = 0
    HEAD = 1
    DROPOUT = 2


def draw_xavier_(weight: Tensor, fans: tuple[int, int], seed: int, keys: Sequence[int]) -> None:
    """Fill a weight with Xavier-uniform numbers (Glorot & Bengio 2010), as the published code does.

    Args:
        weight: Of any shape, **overwritten**.
        fans: Numbers that go into a unit, and that a number goes out to.
        seed: Of the network.
        keys: Where in the network.
    """
    limit = math.sqrt(6 / sum(fans))
    drawn = generator(seed, *keys).uniform(-limit, limit, tuple(weight.shape))
    with torch.no_grad():
        weight.copy_(torch.from_numpy(drawn))
