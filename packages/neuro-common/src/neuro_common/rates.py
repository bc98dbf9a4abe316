"""Leaky rate networks in torch: excitatory and inhibitory units, trained fast and run for long.

    tau dh/dt = -h + W r + W_in x + b + noise,    r = f(h),    y = W_out r + b_out

stepped by Euler: ``h <- h + dt / tau (-h + W r + W_in x + b)``, then the noise of one step, see
:class:`neuro_common.rate_noise.Noise`. The output reads the updated state.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from neuro_common import rate_structure as structure
from neuro_common.extras import require
from neuro_common.rate_noise import Noise
from neuro_common.rate_sequence import ACTIVATIONS, advance, input_drive, leaky_sequence

if TYPE_CHECKING:
    import torch
    from torch import Tensor
    from torch.utils.checkpoint import checkpoint
else:
    torch = require("torch", "torch")
    Tensor = torch.Tensor
    checkpoint = require("torch.utils.checkpoint", "torch").checkpoint

__all__ = ["Block", "FreeRun", "RateNetwork"]

# Steps of a free run that are worked on at a time.
_BLOCK_STEPS = 64


@dataclass(frozen=True, eq=False)
class Block:
    """A stretch of a free run.

    Attributes:
        first: Number of its first step in the run.
        outputs: Shape (batch, time, outputs).
        states: State after each step, shape (batch, time, units).
        rates: Rate after each step, shape (batch, time, units).
    """

    first: int
    outputs: Tensor
    states: Tensor
    rates: Tensor


@dataclass(frozen=True, eq=False)
class FreeRun:
    """A whole free run.

    Attributes:
        outputs: After every step, shape (batch, time, outputs).
        states: After the steps 0, k, 2k, ... of ``save_every=k``, shape (batch, saved, units).
        last: State after the last step, shape (batch, units).
    """

    outputs: Tensor
    states: Tensor
    last: Tensor


class _Kernels(NamedTuple):
    """Weights of one step, made once for a whole sequence."""

    inputs: Tensor
    recurrent: Tensor
    decay: Tensor
    alpha: Tensor


class RateNetwork(torch.nn.Module):
    """Leaky rate units with inputs, recurrent connections and a linear readout.

    With ``signs`` it keeps Dale's law, see :func:`neuro_common.rate_structure.signed_weight`. Input
    and readout weights start from Xavier's normal distribution, biases at zero, recurrent weights
    from a normal distribution that is then scaled to ``spectral_radius``. None starts at zero.

    Args:
        units: Number of units.
        inputs: Number of input channels.
        outputs: Number of outputs.
        seed: Seed of the first weights, the same for every dtype and device.
        signs: Sign of what each unit does to others, 1 or -1, shape (units,); see
            :func:`neuro_common.rate_structure.dale_signs`. None leaves every weight free.
        mask: Which connections exist, shape (units, units), row = post, column = pre; the others
            stay zero. None is all.
        autapses: Whether a unit may connect to itself.
        tau_ms: Time constant, one for all or shape (units,), at least ``dt_ms``.
        train_tau: Whether time constants are parameters. They then stay above ``dt_ms``.
        dt_ms: Step.
        activation: "relu", "tanh" or "softplus".
        spectral_radius: Of the first effective recurrent weights, above 0.
        dtype: Of all numbers; None is torch's default.
        device: Where the numbers are.

    Raises:
        ValueError: An argument is out of its range or of the wrong shape.
    """

    def __init__(
        self,
        units: int,
        inputs: int,
        outputs: int,
        *,
        seed: int,
        signs: Tensor | None = None,
        mask: Tensor | None = None,
        autapses: bool = False,
        tau_ms: float | Tensor = 10.0,
        train_tau: bool = False,
        dt_ms: float = 1.0,
        activation: str = "relu",
        spectral_radius: float = 0.5,
        dtype: torch.dtype | None = None,
        device: torch.device | str | None = None,
    ) -> None:
        super().__init__()
        _check_sizes(units=units, inputs=inputs, outputs=outputs)
        if activation not in ACTIVATIONS:
            raise ValueError(f"activation must be one of {[*ACTIVATIONS]}, got {activation!r}")
        if not spectral_radius > 0:
            raise ValueError(f"spectral_radius must be above 0, got {spectral_radius}")
        self.activation = activation
        self.dt_ms = dt_ms
        dtype = dtype or torch.get_default_dtype()

        def parameter(start: Tensor) -> torch.nn.Parameter:
            return torch.nn.Parameter(start.to(dtype=dtype, device=device))

        self.signs: Tensor | None
        self.mask: Tensor
        self.fixed_tau_ms: Tensor
        mask = structure.checked_mask(mask, units, autapses)
        tau = structure.checked_time_constants(tau_ms, units, dt_ms, train_tau)
        if signs is not None:
            signs = structure.checked_signs(signs, units).to(dtype=dtype, device=device)
        self.register_buffer("signs", signs)
        self.register_buffer("mask", mask.to(device=device))
        # log of what a time constant has above the step
        self.log_tau_excess = parameter((tau - dt_ms).log()) if train_tau else None
        if not train_tau:
            self.register_buffer("fixed_tau_ms", tau.to(dtype=dtype, device=device))

        normal = partial(
            torch.randn, generator=torch.Generator().manual_seed(seed), dtype=torch.float64
        )
        self.input_weight = parameter(normal(units, inputs) * math.sqrt(2 / (units + inputs)))
        self.recurrent_weight = parameter(normal(units, units))
        self.output_weight = parameter(normal(outputs, units) * math.sqrt(2 / (units + outputs)))
        self.bias = parameter(torch.zeros(units))
        self.output_bias = parameter(torch.zeros(outputs))
        radius = structure.spectral_radius(self.effective_weight())
        if not radius > 0:
            raise ValueError("mask must leave at least one loop of connections, got none")
        self.recurrent_weight.data.mul_(spectral_radius / radius)

    @property
    def units(self) -> int:
        """Number of units."""
        return len(self.bias)

    @property
    def tau_ms(self) -> Tensor:
        """Time constants, shape () or (units,)."""
        if self.log_tau_excess is not None:
            return self.dt_ms + self.log_tau_excess.exp()
        return self.fixed_tau_ms

    def effective_weight(self) -> Tensor:
        """Recurrent weights as they act, shape (units, units), row = post, column = pre."""
        weight = structure.signed_weight(self.recurrent_weight, self.signs)
        return weight.masked_fill(~self.mask, 0.0)

    def rate_of(self, state: Tensor) -> Tensor:
        """Rates of states of any shape, without autograd."""
        rates = torch.empty_like(state)
        ACTIVATIONS[self.activation].rate(state.detach(), rates)
        return rates

    def readout(self, rates: Tensor) -> Tensor:
        """Outputs of rates, shape (..., units) -> (..., outputs)."""
        return torch.nn.functional.linear(rates, self.output_weight, self.output_bias)

    def forward(
        self,
        inputs: Tensor,
        state: Tensor | None = None,
        *,
        noise: Noise | None = None,
        chunk_steps: int | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Run a sequence, for training.

        Args:
            inputs: Shape (batch, time, inputs).
            state: First state, shape (batch, units); None is zero.
            noise: Noise of this run; None is none.
            chunk_steps: Keep one state every so many steps and compute a chunk again when it is
                differentiated: its rates, not the whole sequence's, are then in memory. The same
                numbers come out, for about a third more time. None keeps all.

        Returns:
            Outputs, shape (batch, time, outputs), and the last state, shape (batch, units).

        Raises:
            ValueError: A wrong shape, dtype or device, no step, or an input that is not finite.
        """
        if chunk_steps is not None and chunk_steps < 1:
            raise ValueError(f"chunk_steps must be at least 1 or None, got {chunk_steps}")
        inputs, state = self._checked(inputs, state)
        kernels = self._kernels()
        if chunk_steps is None:
            output, last = self._chunk(kernels, inputs, state, noise, 0)
            return output.transpose(0, 1), last
        outputs = []
        for first in range(0, len(inputs), chunk_steps):
            piece, state = checkpoint(
                self._chunk,
                kernels,
                inputs[first : first + chunk_steps],
                state,
                noise,
                first,
                use_reentrant=False,
                preserve_rng_state=False,
            )
            outputs.append(piece)
        return torch.cat(outputs).transpose(0, 1), state

    def rates(
        self, inputs: Tensor, state: Tensor | None = None, *, noise: Noise | None = None
    ) -> tuple[Tensor, Tensor]:
        """Rates in place of the outputs of :meth:`forward`, shape (batch, time, units).

        They are differentiable too: for losses on activity, or a readout of one's own.

        Args:
            inputs: Shape (batch, time, inputs).
            state: First state, shape (batch, units); None is zero.
            noise: Noise of this run; None is none.

        Returns:
            Rates after each step, and the last state, shape (batch, units).

        Raises:
            ValueError: As :meth:`forward`.
        """
        inputs, state = self._checked(inputs, state)
        rates, last = self._sequence(self._kernels(), inputs, state, noise, 0)
        return rates.transpose(0, 1), last

    def blocks(
        self, inputs: Tensor, state: Tensor | None = None, *, noise: Noise | None = None
    ) -> Iterator[Block]:
        """Run freely, without autograd, and hand over one stretch after the other.

        A run of any length needs the memory of one stretch: reduce each, to components or means, as
        it comes.

        Args:
            inputs: Shape (batch, time, inputs); an expanded view will do for a constant input.
            state: First state, shape (batch, units); None is zero.
            noise: Noise of this run; None is none.

        Raises:
            ValueError: As :meth:`forward`.
        """
        return self._blocks(*self._checked(inputs, state), noise)

    def free_run(
        self,
        inputs: Tensor,
        state: Tensor | None = None,
        *,
        noise: Noise | None = None,
        save_every: int | None = None,
    ) -> FreeRun:
        """Run freely, without autograd: all outputs, and the states of every so many steps.

        Args:
            inputs: Shape (batch, time, inputs); an expanded view will do for a constant input.
            state: First state, shape (batch, units); None is zero.
            noise: Noise of this run; None is none.
            save_every: Steps between saved states; None saves none.

        Raises:
            ValueError: As :meth:`forward`, or ``save_every`` is below 1.
        """
        if save_every is not None and save_every < 1:
            raise ValueError(f"save_every must be at least 1 or None, got {save_every}")
        outputs, saved = [], []
        for block in self.blocks(inputs, state, noise=noise):
            outputs.append(block.outputs)
            if save_every is not None:
                saved.append(block.states[:, -block.first % save_every :: save_every].clone())
        last = block.states[:, -1].clone()
        states = torch.cat(saved, dim=1) if saved else last.new_empty(len(last), 0, self.units)
        return FreeRun(torch.cat(outputs, dim=1), states, last)

    @torch.no_grad()
    def _blocks(self, inputs: Tensor, state: Tensor, noise: Noise | None) -> Iterator[Block]:
        kernels = self._kernels()
        activation = ACTIVATIONS[self.activation]
        for first in range(0, len(inputs), _BLOCK_STEPS):
            stretch = inputs[first : first + _BLOCK_STEPS]
            rates = input_drive(*self._disturbed(kernels, stretch, noise, first), kernels.inputs)
            states = torch.empty_like(rates)
            state = advance(rates, kernels.recurrent, kernels.decay, state, activation, states)
            parts = (self.readout(rates), states, rates)
            yield Block(first, *(part.transpose(0, 1) for part in parts))

    def _chunk(
        self, kernels: _Kernels, inputs: Tensor, state: Tensor, noise: Noise | None, first: int
    ) -> tuple[Tensor, Tensor]:
        rates, last = self._sequence(kernels, inputs, state, noise, first)
        return self.readout(rates), last

    def _sequence(
        self, kernels: _Kernels, inputs: Tensor, state: Tensor, noise: Noise | None, first: int
    ) -> tuple[Tensor, Tensor]:
        channels, kicks = self._disturbed(kernels, inputs, noise, first)
        return leaky_sequence(
            channels,
            kicks,
            kernels.inputs,
            kernels.recurrent,
            kernels.decay,
            state,
            self.activation,
        )

    def _disturbed(
        self, kernels: _Kernels, inputs: Tensor, noise: Noise | None, first: int
    ) -> tuple[Tensor, Tensor | None]:
        """Input channels with their noise and a last one for the bias, and noise of the units."""
        kicks = None
        if noise is not None:
            inputs = noise.add_to_inputs(inputs, kernels.alpha, first)
            kicks = noise.of_units((*inputs.shape[:2], self.units), kernels.alpha, first)
        return torch.cat((inputs, inputs.new_ones(*inputs.shape[:2], 1)), dim=2), kicks

    def _kernels(self) -> _Kernels:
        alpha = self.dt_ms / self.tau_ms
        by_unit = alpha.unsqueeze(-1)
        channels = torch.cat((self.input_weight, self.bias.unsqueeze(1)), dim=1)
        return _Kernels(by_unit * channels, by_unit * self.effective_weight(), 1 - alpha, alpha)

    def _checked(self, inputs: Tensor, state: Tensor | None) -> tuple[Tensor, Tensor]:
        """Inputs by time, shape (time, batch, inputs), and the first state."""
        weight = self.input_weight
        if inputs.ndim != 3 or inputs.shape[2] != weight.shape[1] or 0 in inputs.shape[:2]:
            raise ValueError(
                f"inputs must have shape (batch, time, {weight.shape[1]}) and at least one step, "
                f"got {(*inputs.shape,)}"
            )
        if state is None:
            state = weight.new_zeros(len(inputs), self.units)
        if state.shape != (len(inputs), self.units):
            raise ValueError(
                f"state must have shape {(len(inputs), self.units)}, got {(*state.shape,)}"
            )
        for name, tensor in (("inputs", inputs), ("state", state)):
            found, wanted = (f"{t.dtype} on {t.device}" for t in (tensor, weight))
            if found != wanted:
                raise ValueError(f"{name} must be {wanted} like the network, got {found}")
            if not bool(tensor.isfinite().all()):
                raise ValueError(f"{name} must be finite, got NaN or infinity")
        return inputs.transpose(0, 1), state


def _check_sizes(**sizes: int) -> None:
    for name, size in sizes.items():
        if size < 1:
            raise ValueError(f"{name} must be at least 1, got {size}")
