"""Spindles encoded and in standard deviations: a trunk that knows how its own muscles vary.

Lengths of muscles are some hundred millimetres and vary by ten. The published networks get them as
they are, and their first norm, over the whole sample, is then ruled by which muscle is how long.

Whoever calls such a trunk gives it lengths and velocities: a training, a score, a recording.
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
from proprio_tcn.training.spindle_encoding import SpindleEncoding

__all__ = ["ScaledTrunk", "spindle_scale"]


class ScaledTrunk(Trunk):
    """A trunk whose input is encoded and standardised first, in whatever way it is called.

    Args:
        settings: Of the trunk.
        muscles: That it sees.
        bins: Of a sample.
        encoding: What becomes of lengths and velocities; None leaves them as they are.

    Attributes:
        encoding: As given.
        input_mean: Subtracted from both channels of each muscle, ``(muscles, 1, 2)``.
        input_scale: Divided by, ``(muscles, 1, 2)``.
    """

    input_mean: Tensor
    input_scale: Tensor

    def __init__(
        self,
        settings: TrunkSettings,
        muscles: int,
        bins: int = BINS,
        encoding: SpindleEncoding | None = None,
    ) -> None:
        super().__init__(settings, muscles, bins)
        self.encoding, self._draw = encoding, 0
        self.register_buffer("input_mean", torch.zeros(muscles, 1, 2))
        self.register_buffer("input_scale", torch.ones(muscles, 1, 2))

    @classmethod
    def of(
        cls,
        trunk: Trunk,
        scale: NDArray[np.float64] | None = None,
        encoding: SpindleEncoding | None = None,
    ) -> Self:
        """The same trunk with an input scale.

        Args:
            trunk: Its weights are taken over.
            scale: Of :func:`spindle_scale`, of its shape; None leaves it to be loaded, or as
                nothing changes.
            encoding: What becomes of lengths and velocities before that.
        """
        one = next(trunk.parameters())
        found = cls(trunk.settings, trunk.muscles, trunk.bins, encoding).to(one.device, one.dtype)
        found.load_state_dict(trunk.state_dict(), strict=False)
        if scale is not None:
            mean, spread = torch.from_numpy(scale).to(one)[:, :, None]
            found.input_mean.copy_(mean)
            found.input_scale.copy_(spread)
        return found

    @property
    def blank(self) -> Tensor:
        """Lengths and velocities that it takes for nothing ``(muscles, 1, 2)``."""
        if self.encoding is None:
            return self.input_mean
        still = torch.from_numpy(self.encoding.rest_mm).to(self.input_mean)
        return torch.stack([still, torch.zeros_like(still)], dim=1)[:, None]

    def reseed(self, update: int) -> None:
        """Let noise of the encoder draw anew; in evaluation a movement always has the same."""
        self._draw = update + 1

    def padded(self, spindle: Tensor, mask: Tensor | None, networks: int = 1) -> Tensor:
        """Encode and standardise, then as any trunk."""
        if self.encoding is not None:
            spindle = self._encoded(self.encoding, spindle)
        both = (self.input_mean, self.input_scale)
        mean, spread = (one.repeat(1, 1, networks) for one in both)
        return super().padded((spindle - mean) / spread, mask, networks)

    @torch.compiler.disable  # type: ignore[untyped-decorator]
    def _encoded(self, encoding: SpindleEncoding, spindle: Tensor) -> Tensor:
        draw = self._draw if self.training else 0
        # of several networks they lie side by side
        each = [encoding.encode(one, draw) for one in torch.split(spindle.detach(), 2, dim=-1)]
        return torch.cat(each, dim=-1)


def spindle_scale(
    movements: Movements, encoding: SpindleEncoding | None = None
) -> NDArray[np.float64]:
    """Mean and standard deviation of each muscle's two channels over the moving bins.

    Muscles at rest have no velocity: its mean is left at zero. Muscles that never move have a scale
    of 1.

    Args:
        movements: Those of the training.
        encoding: What becomes of lengths and velocities; None leaves them as they are.

    Returns:
        ``(2, muscles, 2)``: mean and scale, muscles, length and velocity or what they become.
    """

    def channels(spindle: NDArray[np.float32]) -> NDArray[np.float32]:
        seen = spindle if encoding is None else encoding.encode(spindle)
        return np.concatenate([seen[..., part] for part in range(2)], axis=1)

    batches = batches_of(movements, ("spindle", "moving"))
    found = TargetScale.fit((channels(one["spindle"]), one["moving"]) for one in batches)
    both = np.stack([found.mean, found.scale]).reshape(2, 2, -1)
    if encoding is None:
        both[0, 1] = 0
    return np.ascontiguousarray(np.moveaxis(both, 1, 2))
