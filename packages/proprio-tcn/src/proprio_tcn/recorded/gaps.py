"""Gaps in what was recorded: filled over time where they are short, never from another channel."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["Filled", "Gap", "fill_gaps", "find_gaps"]


class Gap(NamedTuple):
    """A run of frames in which a channel has no value: ``first <= frame < stop``."""

    channel: int
    first: int
    stop: int


class Filled(NamedTuple):
    """Values with their short gaps filled.

    Attributes:
        values: As given, short gaps on straight lines over time; NaN in those that stayed.
        filled: Which values were put in, the shape (frames, channels).
        left: The gaps that stayed: too long, or at an end, where a neighbour is missing.
    """

    values: NDArray[np.float64]
    filled: NDArray[np.bool_]
    left: tuple[Gap, ...]


def find_gaps(missing: NDArray[np.bool_]) -> tuple[Gap, ...]:
    """Runs of missing frames, channel by channel.

    Args:
        missing: Shape (frames, channels).
    """
    edge = np.zeros((1, missing.shape[1]), dtype=bool)
    steps = np.diff(np.concatenate([edge, missing, edge]).astype(np.int8), axis=0)
    # transposed, so that the two lists come channel by channel and hence in pairs
    starts, stops = np.argwhere(steps.T == 1), np.argwhere(steps.T == -1)
    return tuple(
        Gap(int(channel), int(first), int(stop))
        for (channel, first), (_, stop) in zip(starts, stops, strict=True)
    )


def fill_gaps(values: NDArray[np.float64], longest: int) -> Filled:
    """Fill gaps of up to ``longest`` frames by straight lines over time, each channel by itself.

    Args:
        values: Shape (frames, channels) or (frames, channels, parts); a channel is missing in a
            frame where any of its parts is NaN.
        longest: Frames that a gap may have to be filled; 0 fills none.

    Raises:
        ValueError: ``longest`` is negative, or the shape is another.
    """
    if longest < 0 or values.ndim not in (2, 3):
        raise ValueError(
            "longest must be at least 0 and values of shape (frames, channels) or (frames, "
            f"channels, parts), got {longest} and {values.shape}"
        )
    parts = values.reshape(*values.shape[:2], -1).astype(np.float64)
    missing = np.asarray(np.isnan(parts).any(axis=2))
    parts[missing] = np.nan
    filled = np.zeros_like(missing)
    left = []
    for gap in find_gaps(missing):
        inside = gap.first > 0 and gap.stop < len(parts)
        if not inside or gap.stop - gap.first > longest:
            left.append(gap)
            continue
        before, after = parts[gap.first - 1, gap.channel], parts[gap.stop, gap.channel]
        weight = np.arange(1, gap.stop - gap.first + 1) / (gap.stop - gap.first + 1)
        parts[gap.first : gap.stop, gap.channel] = before + weight[:, None] * (after - before)
        filled[gap.first : gap.stop, gap.channel] = True
    return Filled(parts.reshape(values.shape), filled, tuple(left))
