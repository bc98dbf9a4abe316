"""Inputs and responses that are spoilt on purpose: what is still explained needed no more."""

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from neuro_common.seeding import generator
from proprio_tcn.neural.windows import Windows

if TYPE_CHECKING:
    from proprio_tcn.neural.targets import Targets

__all__ = ["CONTROLS", "control_input", "shuffled"]

CONTROLS = ("muscles", "time", "constant")


def control_input(
    spindle: NDArray[np.float32], windows: Windows, kind: str, *, placement: int = 100, seed: int
) -> NDArray[np.float32]:
    """Spoil what a network sees, within the windows.

    Args:
        spindle: Input of each window, ``(windows, muscles, BINS, 2)``.
        windows: The bins, the first of each at bin ``placement``.
        kind: "muscles" exchanges muscles, in the same way in all windows; "time" puts the bins of
            each window in random order, the same for all muscles; "constant" holds the mean length
            of each window, at velocity zero.
        placement: Bin of the input at which windows begin.
        seed: Of the order.

    Raises:
        ValueError: The kind is unknown.
    """
    if kind == "muscles":
        return spindle[:, generator(seed).permutation(spindle.shape[1])]
    since = np.arange(spindle.shape[2]) - placement
    inside = (since >= 0) & (since < windows.length[:, None])
    if kind == "time":
        # bins outside keep their places: the key that they are sorted by is their own place
        draws = generator(seed).random(inside.shape)
        key = placement + draws * (windows.length[:, None] - 1)
        order = np.argsort(np.where(inside, key, np.arange(len(since))), axis=1, kind="stable")
        return np.take_along_axis(spindle, order[:, None, :, None], axis=2)
    if kind == "constant":
        weight = inside[:, None, :] / windows.length[:, None, None]
        mean = (spindle[..., 0] * weight).sum(axis=2)
        held = np.zeros_like(spindle)
        held[..., 0] = mean[..., None]
        return held
    raise ValueError(f"control must be one of {', '.join(CONTROLS)}, got {kind!r}")


def shuffled(targets: "Targets", *, seed: int) -> "Targets":
    """A control: the bins of each window in random order, the same for all neurons.

    What a trial's mean rate tells is left; what its time course tells is gone.
    """
    order = np.lexsort((generator(seed).random(len(targets.rates)), targets.window))
    counts = None if targets.counts is None else targets.counts[order]
    return replace(targets, rates=targets.rates[order], counts=counts)
