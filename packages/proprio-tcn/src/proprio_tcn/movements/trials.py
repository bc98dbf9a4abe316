"""Trials of different length end to end: what rendering makes, shards keep and sets hold."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

__all__ = ["FACTS", "LATENTS", "Trials", "gathered"]

Floats = NDArray[np.float32]
Whole = NDArray[np.int64]

LATENTS = ("size", "rotation_deg", "shear_x_deg", "shear_y_deg", "speed", "noise")
FACTS = ("letter", "writer", "repeat", "plane", "attempts", "start", "length")


@dataclass(eq=False)
class Trials:
    """Movements without padding, one after the other along their bins.

    Attributes:
        length: Bins of each trial, shape (trials,).
        start: Bin of the window that each begins at, shape (trials,).
        letter: 0 to 19; -1 for a reach, shape (trials,).
        writer: Who made it, shape (trials,).
        repeat: Which of the writer's trials of this letter it is, shape (trials,).
        plane: 0 horizontal, 1 vertical; -1 for a reach, shape (trials,).
        attempts: Draws until one was accepted, shape (trials,).
        latents: Columns ``LATENTS``, shape (trials, 6).
        joint_angle: deg, shape (coordinates, bins of all).
        hand: cm, shape (3, bins of all).
        elbow: cm, shape (3, bins of all); None where a file of another maker lacks it.
        spindle: Length in mm and velocity in mm/s, shape (muscles, bins of all, 2).
        torque: N m, shape (coordinates, bins of all); None for letters.
        target: Where a reach ends, cm, shape (trials, 3); None for letters.
    """

    length: Whole
    start: Whole
    letter: Whole
    writer: Whole
    repeat: Whole
    plane: Whole
    attempts: Whole
    latents: Floats
    joint_angle: Floats
    hand: Floats
    elbow: Floats | None
    spindle: Floats
    torque: Floats | None = None
    target: Floats | None = None

    def __len__(self) -> int:
        return len(self.length)

    @property
    def offset(self) -> Whole:
        """Where each trial begins in the arrays of bins, and the end, shape (trials + 1,)."""
        return np.concatenate([[0], np.cumsum(self.length)])

    @classmethod
    def join(cls, parts: Sequence[Self]) -> Self:
        """Put trials behind one another.

        Raises:
            ValueError: There is nothing to join, or only some are reaches.
        """
        if not parts:
            raise ValueError("there must be at least one part to join, got none")
        arrays = {}
        for one in fields(cls):
            pieces = [getattr(part, one.name) for part in parts]
            if all(piece is None for piece in pieces):
                continue
            if any(piece is None for piece in pieces):
                raise ValueError("parts must all be letters or all be reaches, got both")
            arrays[one.name] = np.concatenate(pieces, axis=_bin_axis(one.name))
        return cls(**arrays)

    def take(self, rows: NDArray[np.integer[Any]]) -> Self:
        """Some trials, in the order of ``rows``.

        Shape (trials,).
        """
        columns = gathered(self.offset, rows)
        arrays = {}
        for one in fields(self):
            array = getattr(self, one.name)
            if array is not None:
                by_bins = _bin_axis(one.name) == 1
                arrays[one.name] = array[:, columns] if by_bins else array[rows]
        return type(self)(**arrays)


def gathered(offset: Whole, rows: NDArray[np.integer[Any]]) -> Whole:
    """Which bins belong to some trials, in their order.

    Rows (trials,) of trials that begin and end at ``offset`` (all trials + 1,).
    """
    pieces = [np.arange(offset[row], offset[row + 1]) for row in rows]
    return np.concatenate(pieces) if pieces else np.zeros(0, dtype=np.int64)


def _bin_axis(name: str) -> int:
    return 1 if name in ("joint_angle", "hand", "elbow", "spindle", "torque") else 0
