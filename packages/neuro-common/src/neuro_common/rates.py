"""Leaky rate networks in torch: excitatory and inhibitory units, trained fast and run for long.

    tau dh/dt = -h + W r + W_in x + b + noise,    r = f(h),    y = W_out r + b_out

stepped by Euler: ``h <- h + dt / tau (-h + W r + W_in x + b)``, then the noise of one step, see
:class:`neuro_common.rate_noise.Noise`. The output reads the updated state.
"""

import math
from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

from neuro_common import rate_structure as structure
from neuro_common.extras import require
from neuro_common.rate_noise import Noise
from neuro_common.rate_runs import Block, Dynamics, FreeRun, checked_state, gather
from neuro_common.rate_sequence import ACTIVATIONS

if TYPE_CHECKING:
    import torch
    from torch import Tensor
else:
    torch = require("torch", "torch")
    Tensor = torch.Tensor

__all__ = ["Block", "FreeRun", "RateNetwork"]


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
        state = checked_state(inputs, state, self.input_weight)
        return self.dynamics(noise).run(inputs, state, chunk_steps)

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
        state = checked_state(inputs, state, self.input_weight)
        _, rates, last = self.dynamics(noise).sequence(inputs, state)
        return rates, last

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
        state = checked_state(inputs, state, self.input_weight)
        return self.dynamics(noise).blocks(inputs, state)

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
        return gather(self.blocks(inputs, state, noise=noise), save_every)

    def dynamics(self, noise: Noise | None = None) -> Dynamics:
        """What a run needs of the network, for runs of one's own.

        Args:
            noise: Noise of the run; None is none.
        """
        alpha = self.dt_ms / self.tau_ms
        by_unit = alpha.unsqueeze(-1)

        def disturb(inputs: Tensor, first: int) -> tuple[Tensor, Tensor | None]:
            if noise is None:
                return inputs, None
            shape = (*inputs.shape[:2], self.units)
            return noise.add_to_inputs(inputs, alpha, first), noise.of_units(shape, alpha, first)

        return Dynamics(
            by_unit * torch.cat((self.input_weight, self.bias.unsqueeze(1)), dim=1),
            by_unit * self.effective_weight(),
            (1 - alpha).reshape(1, -1),
            self.output_weight,
            self.output_bias.unsqueeze(0),
            self.activation,
            disturb,
        )


def _check_sizes(**sizes: int) -> None:
    for name, size in sizes.items():
        if size < 1:
            raise ValueError(f"{name} must be at least 1, got {size}")
