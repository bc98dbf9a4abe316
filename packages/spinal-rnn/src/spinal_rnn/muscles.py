"""The fourteen leg muscles, seven on each side, in the order that every array follows."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuro_common.verbs import suggestion

__all__ = ["MUSCLES", "SIDE", "muscle_index", "swap_sides"]

SIDE = ("Il", "RF", "VLat", "ST", "TA", "MG", "Sol")
"""One side from hip to ankle: iliopsoas, rectus femoris, vastus lateralis, semitendinosus, tibialis
anterior, medial gastrocnemius, soleus."""

MUSCLES = (*(f"L{name}" for name in SIDE), *(f"R{name}" for name in SIDE))
"""Left, then right."""


def muscle_index(name: str, muscles: Sequence[str] = MUSCLES) -> int:
    """Where a muscle lies in the arrays.

    Args:
        name: Such as "RRF".
        muscles: The names, in order.

    Raises:
        ValueError: There is no such muscle; the message suggests the nearest.
    """
    if name not in muscles:
        raise ValueError(
            f"muscle must be one of {', '.join(muscles)}, got {name!r}{suggestion(name, muscles)}"
        )
    return list(muscles).index(name)


def swap_sides(values: NDArray[Any], axis: int = -1) -> NDArray[Any]:
    """The left muscles in place of the right ones, and the other way round.

    Args:
        values: Any shape with the fourteen muscles along ``axis``.
        axis: Which one that is.

    Raises:
        ValueError: The axis has another length.
    """
    if values.shape[axis] != len(MUSCLES):
        raise ValueError(f"axis {axis} must hold {len(MUSCLES)} muscles, got {values.shape}")
    return np.roll(values, len(SIDE), axis=axis)
