"""Spindles in standard deviations: a trunk that knows how its own muscles vary.

Lengths of muscles are some hundred millimetres and vary by ten. The published networks get them as
they are, and their first norm, over the whole sample, is then ruled by which muscle is how long.
"""

from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from proprio_tcn.movements.format import BINS
from proprio_tcn.networks.settings import TrunkSettings
from proprio_tcn.networks.trunk import Trunk
from proprio_tcn.tasks.targets import TargetScale
from proprio_tcn.training.batches import Movements, batches_of

__all__ = ["ScaledTrunk", "spindle_scale"]


class ScaledTrunk(Trunk):
    """A trunk whose input is standardised first, in whatever way it is called.

    Args:
        settings: Of the trunk.
        muscles: That it sees.
        bins: Of a sample.

    Attributes:
        input_mean: Subtracted from length and velocity of each muscle, ``(muscles, 1, 2)``.
        input_scale: Divided by, ``(muscles, 1, 2)``.
    """

    input_mean: Tensor
    input_scale: Tensor

    def __init__(self, settings: TrunkSettings, muscles: int, bins: int = BINS) -> None:
        super().__init__(settings, muscles, bins)
        self.register_buffer("input_mean", torch.zeros(muscles, 1, 2))
        self.register_buffer("input_scale", torch.ones(muscles, 1, 2))

    @classmethod
    def of(cls, trunk: Trunk, scale: NDArray[np.float64] | None = None) -> Self:
        """The same trunk with an input scale.

        Args:
            trunk: Its weights are taken over.
            scale: Of :func:`spindle_scale`; None leaves it to be loaded.
        """
        one = next(trunk.parameters())
        found = cls(trunk.settings, trunk.muscles, trunk.bins).to(one.device, one.dtype)
        found.load_state_dict(trunk.state_dict(), strict=False)
        if scale is not None:
            mean, spread = torch.from_numpy(scale).to(one)[:, :, None]
            found.input_mean.copy_(mean)
            found.input_scale.copy_(spread)
        return found

    def padded(self, spindle: Tensor, mask: Tensor | None, networks: int = 1) -> Tensor:
        """Standardise, then as any trunk."""
        both = (self.input_mean, self.input_scale)
        mean, spread = (one.repeat(1, 1, networks) for one in both)
        return super().padded((spindle - mean) / spread, mask, networks)


def spindle_scale(movements: Movements) -> NDArray[np.float64]:
    """Mean and standard deviation of each muscle's length and velocity over the moving bins.

    Muscles at rest have no velocity: its mean is left at zero. Muscles that never move have a scale
    of 1.

    Args:
        movements: Those of the training.

    Returns:
        ``(2, muscles, 2)``: mean and scale, muscles, length and velocity.
    """
    found = TargetScale.fit(
        (
            np.concatenate([batch["spindle"][..., part] for part in range(2)], axis=1),
            batch["moving"],
        )
        for batch in batches_of(movements, ("spindle", "moving"))
    )
    both = np.stack([found.mean, found.scale]).reshape(2, 2, -1)
    both[0, 1] = 0
    return np.ascontiguousarray(np.moveaxis(both, 1, 2))
