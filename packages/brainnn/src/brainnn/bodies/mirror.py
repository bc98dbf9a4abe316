"""The walker seen from its other side: the two legs change places.

BipedalWalker-v3 is built with its thighs apart by 0.1 rad and reads each hip from there, so one
reading is another angle in each leg. Limits and motors are alike in readings, and these are what is
swapped here.
"""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "HIP_ZERO",
    "MIRROR_ACTION",
    "MIRROR_OBSERVATION",
    "mirror_actions",
    "mirror_observations",
]

HIP_ZERO: Final = 0.05
"""What hip 1 reads more, and hip 2 less, than the angle between thigh and hull, rad."""

MIRROR_ACTION: Final = (2, 3, 0, 1)
"""Where each number of a mirrored action comes from."""

MIRROR_OBSERVATION: Final = (0, 1, 2, 3, 9, 10, 11, 12, 13, 4, 5, 6, 7, 8, *range(14, 24))
"""Where each number of a mirrored observation comes from; the first 14 do without lidar."""


def mirror_observations(observations: NDArray[Any]) -> NDArray[Any]:
    """Swap the legs of observations.

    Of an observation with phase the sine and cosine change sign: the other leg is half a stride
    away.

    Args:
        observations: Shape (..., 14), (..., 24), or two more with phase.

    Raises:
        ValueError: Another number of channels.
    """
    channels = observations.shape[-1]
    if channels not in (14, 16, 24, 26):
        raise ValueError(
            f"observations must have 14, 16, 24 or 26 channels, got shape {observations.shape}"
        )
    with_phase = channels in (16, 26)
    body = observations[..., MIRROR_OBSERVATION[: channels - 2 * with_phase]]
    if not with_phase:
        return body
    return np.concatenate([body, -observations[..., -2:]], axis=-1)


def mirror_actions(actions: NDArray[Any]) -> NDArray[Any]:
    """Swap the legs of actions, shape (..., 4).

    Raises:
        ValueError: There are not four channels.
    """
    if actions.shape[-1] != 4:
        raise ValueError(f"actions must have 4 channels, got shape {actions.shape}")
    return actions[..., MIRROR_ACTION]
