"""What the root models share: their inputs, and the laws from a root's drive to a late response.

All of it is differentiable torch, with the members of an ensemble along the first axis.
"""

from collections.abc import Mapping
from typing import NamedTuple, Protocol

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import softplus

from spinal_rnn.conditions import PULSE_WIDTH_US, Conditions
from spinal_rnn.lead import Lead

__all__ = [
    "NEVER",
    "Form",
    "Parameters",
    "Stimulation",
    "late_factor",
    "recruited",
    "steady_resource",
    "stimulation",
    "strength",
]

Parameters = Mapping[str, Tensor]
"""Tensors of shape (members, ...) by name."""

NEVER = -30.0
"""Logarithm of a size that is as good as none, and from which no gradient leads back."""

_LEAST = 1e-4


class Stimulation(NamedTuple):
    """Conditions as tensors.

    Attributes:
        currents_ma: Shape (trials, contacts), the case among them.
        frequency_hz: Shape (trials,).
        pulse_width_us: Shape (trials,).
    """

    currents_ma: Tensor
    frequency_hz: Tensor
    pulse_width_us: Tensor


def stimulation(conditions: Conditions) -> Stimulation:
    """Conditions as float32 tensors."""
    columns = (conditions.currents_ma, conditions.frequency_hz, conditions.pulse_width_us)
    return Stimulation(*(torch.from_numpy(one.astype(np.float32)) for one in columns))


class Form(Protocol):
    """How a root model computes; its numbers are elsewhere."""

    @property
    def lead(self) -> Lead:
        """Where the contacts lie."""

    def draw(self, members: int, generator: torch.Generator) -> dict[str, Tensor]:
        """First parameters, each of shape (members, ...)."""

    def respond(self, parameters: Parameters, given: Stimulation) -> tuple[Tensor, Tensor]:
        """Late responses (members, trials, 14) and recruited roots (members, trials, 14)."""

    def silence(self, parameters: Parameters, silent: Tensor) -> dict[str, Tensor]:
        """Parameters by which some muscles, of a mask (14,), never respond, nor learn to."""

    def penalty(self, parameters: Parameters) -> Tensor:
        """What is added to the mean squared error, shape (members,)."""


def strength(pulse_width_us: Tensor, chronaxie_us: float) -> Tensor:
    """How strongly a pulse of some width drives, against one of 300 us (Weiss and Lapicque).

    Args:
        pulse_width_us: Any shape.
        chronaxie_us: Width at which the threshold is twice the rheobase.
    """
    return (1 + chronaxie_us / PULSE_WIDTH_US) / (1 + chronaxie_us / pulse_width_us)


def recruited(drive: Tensor, slope: Tensor) -> Tensor:
    """Part of a root's fibres that a drive recruits: logistic in its logarithm.

    Args:
        drive: In units of the threshold, of either sign, shape (members, trials, roots).
        slope: Shape (members, 1, 1).
    """
    return torch.sigmoid(slope * torch.log(softplus(4 * drive) / 4 + _LEAST))


def steady_resource(kept: Tensor, recovered: Tensor) -> Tensor:
    """The resource before a pulse, after many: it is used at each, and recovers in between.

    From pulse to pulse ``x`` becomes ``1 - (1 - kept * x) * (1 - recovered)``.

    Args:
        kept: Part that a pulse leaves, in [0, 1].
        recovered: Part of what is missing that comes back until the next pulse, in (0, 1].
    """
    return recovered / (1 - kept * (1 - recovered))


def late_factor(kept: Tensor, recovered: Tensor, pulses: Tensor) -> Tensor:
    """Mean resource before the second and later pulses, in closed form; the first finds it at 1.

    Args:
        kept: As for :func:`steady_resource`.
        recovered: As for :func:`steady_resource`.
        pulses: How many are averaged, from the second on, at least 1; need not be whole. Shape
            (trials,).
    """
    steady = steady_resource(kept, recovered)
    ratio = kept * (1 - recovered)
    sum_of_powers = ratio * (1 - ratio**pulses) / (1 - ratio)
    return steady + (1 - steady) * sum_of_powers / pulses
