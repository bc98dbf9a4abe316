"""One leaky network whose options are many published ones: synapses, feedback, Dale's law, noise.

    u_t = B x_t + b + J r_(t-1) + A y_(t-D)        the drive, with y = 0 before the start
    s_t = s_(t-1) + alpha_s (u_t - s_(t-1))        the synapse; without one, s_t = u_t
    v_t = v_(t-1) + alpha (g(s_t) - v_(t-1)) + sqrt(2 alpha) sigma xi_t
    r_t = f(v_t)                                   the rate
    y_t = W r_t + b_y

with g, f or both an activation and the other the identity, from zero on, alpha = dt / tau.

:class:`neuro_common.rates.RateNetwork` is the case of f alone without synapse and feedback, much
faster to train; this one is a plain loop under autograd that takes everything apart.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal, get_args

from neuro_common import rate_structure as structure
from neuro_common.extras import require
from neuro_common.leaky_cell import ACTIVATIONS, Leak, LeakyCell, UnitState
from neuro_common.rate_noise import Noise
from neuro_common.rate_runs import checked_state

if TYPE_CHECKING:
    import torch
    from torch import Tensor
else:
    torch = require("torch", "torch")
    Tensor = torch.Tensor

__all__ = ["ActivationOn", "LeakyNetwork", "Readout"]

ActivationOn = Literal["drive", "state", "both"]
"""Where the activation acts: before the leak (a state is then its own rate), after it, or both."""

Readout = Literal["all", "excitatory", "signed"]
"""What the outputs read: all units, the excitatory ones, or all with the sign of the unit."""


class LeakyNetwork(torch.nn.Module):
    """Leaky units with inputs, recurrent connections and a linear readout, taken apart by options.

    Input, feedback and output weights start uniformly within one over the square root of what feeds
    a unit, biases within that of the recurrent weights. These start uniformly, the excitatory ones
    weaker by the ratio of the two kinds, and are then scaled to ``spectral_radius``.

    Dale's law has two strengths. ``signs`` alone fix the signs of recurrent weights, as published;
    with tanh a negative rate turns the effect of a unit round. An activation that is never negative
    on the state and ``readout="signed"`` keep the law in every path out of a unit.

    Args:
        units: Number of units.
        inputs: Number of input channels.
        outputs: Number of outputs.
        seed: Seed of the first weights, the same for every dtype and device.
        signs: Sign of what each unit does to others, 1 or -1, shape (units,); see
            :func:`neuro_common.rate_structure.dale_signs`. None leaves every weight free.
        autapses: Whether a unit may connect to itself.
        tau_ms: Time constant of the leak, one for all or shape (units,), at least ``dt_ms``.
        synapse_tau_ms: That of the synapses; None is no synapse.
        train_tau: Whether time constants are parameters. They then stay above ``dt_ms``.
        dt_ms: Step.
        activation: "relu", "softplus" or "tanh".
        activation_on: Where it acts, see :data:`ActivationOn`.
        readout: What the outputs read, see :data:`Readout`.
        feedback_delay_ms: How long an output takes to come back, whole steps of at least one; None
            is no feedback.
        spectral_radius: Of the first effective recurrent weights, above 0.
        dtype: Of all numbers; None is torch's default.
        device: Where the numbers are.

    Raises:
        ValueError: An argument is out of its range or of the wrong shape, or the options contradict
            one another.
    """

    def __init__(
        self,
        units: int,
        inputs: int,
        outputs: int,
        *,
        seed: int,
        signs: Tensor | None = None,
        autapses: bool = False,
        tau_ms: float | Tensor = 10.0,
        synapse_tau_ms: float | Tensor | None = None,
        train_tau: bool = False,
        dt_ms: float = 1.0,
        activation: str = "tanh",
        activation_on: ActivationOn = "drive",
        readout: Readout = "all",
        feedback_delay_ms: float | None = None,
        spectral_radius: float = 0.5,
        dtype: torch.dtype | None = None,
        device: torch.device | str | None = None,
    ) -> None:
        super().__init__()
        _check_sizes(units=units, inputs=inputs, outputs=outputs)
        _check_choice("activation", activation, tuple(ACTIVATIONS))
        _check_choice("activation_on", activation_on, get_args(ActivationOn))
        _check_choice("readout", readout, get_args(Readout))
        if readout != "all" and signs is None:
            raise ValueError(f'readout "{readout}" needs the signs of the units, got none')
        if readout == "signed" and (activation == "tanh" or activation_on == "drive"):
            raise ValueError(
                'readout "signed" needs rates that are never negative: relu or softplus on "state" '
                f'or "both", got {activation} on "{activation_on}"'
            )
        if not spectral_radius > 0:
            raise ValueError(f"spectral_radius must be above 0, got {spectral_radius}")
        self.units, self.dt_ms = units, dt_ms
        self.activation, self.activation_on = activation, activation_on
        self.signed_readout = readout == "signed"
        self.delay_steps = _steps(feedback_delay_ms, dt_ms)
        self.leak = Leak(tau_ms, units, dt_ms, train_tau)
        self.synapse_leak = None
        if synapse_tau_ms is not None:
            self.synapse_leak = Leak(synapse_tau_ms, units, dt_ms, train_tau)

        self.signs: Tensor | None
        self.mask: Tensor
        self.read_units: Tensor
        if signs is not None:
            signs = structure.checked_signs(signs, units).to("cpu", torch.float64)
        self.register_buffer("signs", signs)
        self.register_buffer("mask", structure.checked_mask(None, units, autapses))
        read = torch.ones(units, dtype=torch.bool)
        if signs is not None and readout == "excitatory":
            read = signs > 0
            if not bool(read.any()):
                raise ValueError('readout "excitatory" needs an excitatory unit, got none')
        self.register_buffer("read_units", read.nonzero().squeeze(1))

        source = torch.Generator().manual_seed(seed)

        def uniform(*shape: int, fan_in: int) -> torch.nn.Parameter:
            numbers = torch.rand(shape, generator=source, dtype=torch.float64)
            return torch.nn.Parameter((2 * numbers - 1) / fan_in**0.5)

        self.input_weight = uniform(units, inputs, fan_in=inputs)
        self.recurrent_weight = uniform(units, units, fan_in=units)
        self.bias = uniform(units, fan_in=units)
        read_units = len(self.read_units)
        self.output_weight = uniform(outputs, read_units, fan_in=read_units)
        self.output_bias = uniform(outputs, fan_in=read_units)
        self.feedback_weight = None
        if self.delay_steps:
            self.feedback_weight = uniform(units, outputs, fan_in=outputs)
        self._balance(spectral_radius)
        self.to(dtype=dtype or torch.get_default_dtype(), device=device)

    def effective_weight(self) -> Tensor:
        """Recurrent weights as they act, shape (units, units), row = post, column = pre."""
        weight = structure.signed_weight(self.recurrent_weight, self.signs)
        return weight.masked_fill(~self.mask, 0.0)

    def effective_output_weight(self) -> Tensor:
        """Output weights as they act, shape (outputs, units), 0 from a unit that is not read."""
        signs = self.signs if self.signed_readout else None
        weight = structure.signed_weight(self.output_weight, signs)
        everyone = weight.new_zeros(len(weight), self.units)
        return everyone.index_copy(1, self.read_units, weight)

    def forward(
        self, inputs: Tensor, *, noise: Noise | None = None
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Run a sequence from rest.

        Args:
            inputs: Shape (batch, time, inputs).
            noise: Noise of this run; None is none.

        Returns:
            Outputs, shape (batch, time, outputs), and the activities after each step, each of shape
            (batch, time, units): "rate", "state" and, if there is one, "synapse".

        Raises:
            ValueError: A wrong shape, dtype or device, no step, or an input that is not finite.
        """
        rest = checked_state(inputs, None, self.input_weight)
        alpha, steps = self.leak(), inputs.shape[1]
        inputs = inputs.transpose(0, 1)
        kicks = None
        if noise is not None:
            inputs = noise.add_to_inputs(inputs, alpha, 0)
            kicks = noise.of_units((steps, *rest.shape), alpha, 0)
        drive = torch.nn.functional.linear(inputs, self.input_weight, self.bias)

        cell, readout = self.cell(), self.effective_output_weight()
        activity = UnitState(rest, rest, rest)
        passed: list[UnitState] = []
        outputs: list[Tensor] = []
        # an output comes back a whole block later: a block is read out, and fed back, at once
        for block in _blocks(steps, self.delay_steps):
            drives = drive[block]
            if self.feedback_weight is not None and outputs:
                back = outputs[-1][: len(drives)]
                drives = drives + torch.nn.functional.linear(back, self.feedback_weight)
            kicked = [None] * len(drives) if kicks is None else kicks[block].unbind()
            for one_drive, kick in zip(drives.unbind(), kicked, strict=True):
                activity = cell.step(activity, one_drive, kick)
                passed.append(activity)
            rates = torch.stack([activity.rate for activity in passed[block]])
            outputs.append(torch.nn.functional.linear(rates, readout, self.output_bias))
        series = UnitState(*(torch.stack(each, dim=1) for each in zip(*passed, strict=True)))
        activities = series._asdict()
        if self.synapse_leak is None:
            del activities["synapse"]
        return torch.cat(outputs).transpose(0, 1), activities

    def cell(self) -> LeakyCell:
        """A step of the units, for runs of one's own."""
        activation = ACTIVATIONS[self.activation]
        return LeakyCell(
            self.effective_weight().t(),
            self.leak(),
            None if self.synapse_leak is None else self.synapse_leak(),
            before=None if self.activation_on == "state" else activation,
            after=None if self.activation_on == "drive" else activation,
        )

    @torch.no_grad()
    def _balance(self, radius: float) -> None:
        """Even out the two kinds of units, then scale the first recurrent weights."""
        if self.signs is not None:
            excites = self.signs > 0
            inhibitory = len(excites) - int(excites.sum())
            if 0 < inhibitory < len(excites):
                self.recurrent_weight[:, excites] *= inhibitory / (len(excites) - inhibitory)
        found = structure.spectral_radius(self.effective_weight())
        if found > 0:
            self.recurrent_weight.mul_(radius / found)


def _blocks(steps: int, length: int) -> Iterator[slice]:
    """Cut steps into blocks of a length, 0 for a single one."""
    length = length or steps
    return (slice(first, min(first + length, steps)) for first in range(0, steps, length))


def _steps(delay_ms: float | None, dt_ms: float) -> int:
    if delay_ms is None:
        return 0
    steps = round(delay_ms / dt_ms)
    if steps < 1 or abs(steps * dt_ms - delay_ms) > 1e-6 * dt_ms:
        raise ValueError(
            f"feedback_delay_ms must be a whole number of steps of dt_ms={dt_ms}, at least one, "
            f"got {delay_ms}"
        )
    return steps


def _check_sizes(**sizes: int) -> None:
    for name, size in sizes.items():
        if size < 1:
            raise ValueError(f"{name} must be at least 1, got {size}")


def _check_choice(name: str, choice: str, offered: tuple[str, ...]) -> None:
    if choice not in offered:
        raise ValueError(f"{name} must be one of {', '.join(offered)}, got {choice!r}")
