"""Noise of rate networks, keyed by seed and step: a run cut into pieces meets the same noise."""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from neuro_common.extras import require
from neuro_common.seeding import generator

if TYPE_CHECKING:
    import torch
    from torch import Tensor
else:
    torch = require("torch", "torch")
    Tensor = torch.Tensor

__all__ = ["Noise", "standard_normal"]

# Steps that share one seeding of the generator; a power of two, so that most spans are aligned.
_BLOCK = 16


@dataclass(frozen=True)
class Noise:
    """White noise of one run, in the scaling of Euler and Maruyama.

    A free unit under recurrent noise has the stationary standard deviation ``recurrent`` at every
    step ``dt``, up to the factor ``1 / sqrt(1 - dt / (2 tau))``; so has an input that is low-pass
    filtered with the time constant of the units, with ``inputs``.

    Attributes:
        seed: Which noise, in [0, 2**128). The same seed, shapes and kind of device give the same
            noise, however the run is cut into chunks.
        recurrent: Strength on the units, at least 0. A step adds ``sqrt(2 dt / tau) * recurrent``
            times a standard normal number to a state, each unit by its own time constant.
        inputs: Strength on the inputs, at least 0. A step sees its input plus
            ``sqrt(2 tau / dt) * inputs`` times a standard normal number, with the mean of tau.
        compat: Input noise as Zemlianova, Bose and Rinzel's program (2024) has it: scaled with
            ``sqrt(2 dt / tau)``, weaker by ``tau / dt`` and dependent on the step, and the sum
            rectified.

    Raises:
        TypeError: The seed is no integer.
        ValueError: A strength is negative or not finite, or the seed is out of its range.
    """

    seed: int
    recurrent: float = 0.0
    inputs: float = 0.0
    compat: bool = False

    def __post_init__(self) -> None:
        generator(self.seed)
        for name in ("recurrent", "inputs"):
            strength = getattr(self, name)
            if not (math.isfinite(strength) and strength >= 0):
                raise ValueError(f"{name} must be finite and at least 0, got {strength}")

    def add_to_inputs(self, inputs: Tensor, alpha: Tensor, first: int) -> Tensor:
        """Inputs with their noise.

        Args:
            inputs: Shape (time, batch, channels).
            alpha: Step over time constant, shape () or (units,).
            first: Number of the first of these steps in the run.
        """
        if not self.inputs:
            return inputs
        alpha = alpha.mean()
        scale = (2.0 * alpha if self.compat else 2.0 / alpha).sqrt() * self.inputs
        noisy = inputs + scale * standard_normal(self.seed, 1, first, inputs.shape, inputs)
        return noisy.clamp_min(0.0) if self.compat else noisy

    def of_units(self, shape: tuple[int, int, int], alpha: Tensor, first: int) -> Tensor | None:
        """What each step adds to the states, shape (time, batch, units), if anything.

        Args:
            shape: Of the result.
            alpha: Step over time constant, shape () or (units,).
            first: Number of the first of these steps in the run.
        """
        if not self.recurrent:
            return None
        scale = (2.0 * alpha).sqrt() * self.recurrent
        noise = standard_normal(self.seed, 0, first, shape, alpha)
        return noise * scale if scale.requires_grad else noise.mul_(scale)


def standard_normal(
    seed: int, stream: int, first: int, shape: tuple[int, ...], like: Tensor
) -> Tensor:
    """Standard normal numbers that belong to steps, not to calls.

    The numbers of a step are the same, whichever span it is asked for in.

    Args:
        seed: Root seed, in [0, 2**128).
        stream: Which of the seed's independent streams.
        first: Number of the first step, at least 0.
        shape: Shape of the result, time first.
        like: Its dtype and device are the result's.
    """
    numbers = torch.empty(shape, dtype=like.dtype, device=like.device)
    blocks = range(first // _BLOCK, -(-(first + shape[0]) // _BLOCK))
    seeds = generator(seed, stream).integers(2**63, size=blocks.stop)
    source = torch.Generator(like.device)
    for block in blocks:
        source.manual_seed(int(seeds[block]))
        start = block * _BLOCK - first
        piece = numbers[max(start, 0) : start + _BLOCK]
        if len(piece) == _BLOCK:
            piece.normal_(generator=source)
        else:
            whole = piece.new_empty((_BLOCK, *shape[1:])).normal_(generator=source)
            piece.copy_(whole[max(-start, 0) :][: len(piece)])
    return numbers
