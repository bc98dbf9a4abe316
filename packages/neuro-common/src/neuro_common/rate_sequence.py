"""Leaky rate units through a whole sequence: one matrix product a step, forward and backward.

A plain loop under autograd builds its weights, draws its noise and records a graph anew at every
step. Here the input drive of all steps is one product, a step is three operations in place, the
backward pass reads every slope from the rates, and the gradient of a weight is one product at the
end. Of a sequence only the rates stay in memory, and its adjoints while it runs back.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from neuro_common.extras import require

if TYPE_CHECKING:
    import torch
    from torch import Tensor
else:
    torch = require("torch", "torch")
    Tensor = torch.Tensor

__all__ = ["ACTIVATIONS", "Activation", "advance", "input_drive", "leaky_sequence"]


@dataclass(frozen=True)
class Activation:
    """A rate function and its slope, both written into a tensor that is there.

    Attributes:
        rate: ``rate(state, out)`` writes the rates of a state.
        slope: ``slope(rate, out)`` writes the derivative, told from the rate itself.
    """

    rate: Callable[[Tensor, Tensor], None]
    slope: Callable[[Tensor, Tensor], None]


def _relu(state: Tensor, out: Tensor) -> None:
    torch.clamp_min(state, 0.0, out=out)


def _relu_slope(rate: Tensor, out: Tensor) -> None:
    torch.sign(rate, out=out)


def _tanh(state: Tensor, out: Tensor) -> None:
    torch.tanh(state, out=out)


def _tanh_slope(rate: Tensor, out: Tensor) -> None:
    torch.mul(rate, rate, out=out)
    out.neg_().add_(1.0)


def _softplus(state: Tensor, out: Tensor) -> None:
    torch.logaddexp(state, state.new_zeros(()), out=out)


def _softplus_slope(rate: Tensor, out: Tensor) -> None:
    torch.neg(rate, out=out)
    out.expm1_().neg_()


ACTIVATIONS: Mapping[str, Activation] = {
    "relu": Activation(_relu, _relu_slope),
    "tanh": Activation(_tanh, _tanh_slope),
    "softplus": Activation(_softplus, _softplus_slope),
}


def input_drive(inputs: Tensor, noise: Tensor | None, input_kernel: Tensor) -> Tensor:
    """What each step adds to the states, in one product and without autograd.

    Args:
        inputs: Shape (time, batch, channels).
        noise: What is added besides, contiguous, shape (time, batch, units), or None;
            **overwritten** with the result.
        input_kernel: Input weights of one step, shape (units, channels).

    Returns:
        Shape (time, batch, units).
    """
    if noise is None:
        return torch.matmul(inputs, input_kernel.T)
    noise.view(-1, len(input_kernel)).addmm_(inputs.flatten(0, 1), input_kernel.T)
    return noise


def advance(
    drive: Tensor,
    kernel: Tensor,
    decay: Tensor,
    state: Tensor,
    activation: Activation,
    states: Tensor | None = None,
) -> Tensor:
    """Step ``state <- decay * state + rate(state) @ kernel.T + drive[t]``, without autograd.

    Args:
        drive: What each step adds, shape (time, batch, units); **overwritten** with the rates after
            each step.
        kernel: Recurrent weights of one step, shape (units, units), row = post, column = pre.
        decay: What a step leaves of a state, shape () or (units,).
        state: State before the first step, shape (batch, units).
        activation: Rate function.
        states: Where to write the state after each step, shape (time, batch, units), if wanted.

    Returns:
        The last state, shape (batch, units): a part of ``states``, or a tensor of its own.
    """
    transposed = kernel.T
    rate = torch.empty_like(state)
    activation.rate(state, rate)
    if states is None:
        state = state.clone()
        slots = (state,) * len(drive)
    else:
        slots = states.unbind(0)
    for slot, current in zip(slots, drive.unbind(0), strict=True):
        torch.addcmul(current, decay, state, out=slot)
        slot.addmm_(rate, transposed)
        activation.rate(slot, current)
        state, rate = slot, current
    return state


def leaky_sequence(
    inputs: Tensor,
    noise: Tensor | None,
    input_kernel: Tensor,
    kernel: Tensor,
    decay: Tensor,
    state: Tensor,
    activation: str,
) -> tuple[Tensor, Tensor]:
    """Run a sequence of :func:`advance` on :func:`input_drive`, differentiable once in everything.

    If the decay is differentiated, the states are kept beside the rates.

    Args:
        inputs: Shape (time, batch, channels).
        noise: What is added to the states, contiguous, shape (time, batch, units), or None;
            **overwritten**.
        input_kernel: Input weights of one step, shape (units, channels).
        kernel: Recurrent weights of one step, shape (units, units), row = post, column = pre.
        decay: What a step leaves of a state, shape () or (units,).
        state: State before the first step, shape (batch, units).
        activation: Name in :data:`ACTIVATIONS`.

    Returns:
        Rates after each step, shape (time, batch, units), and the last state, shape (batch, units).
    """
    return _LeakySequence.apply(inputs, noise, input_kernel, kernel, decay, state, activation)  # type: ignore[no-any-return, no-untyped-call]


class _LeakySequence(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        inputs: Tensor,
        noise: Tensor | None,
        input_kernel: Tensor,
        kernel: Tensor,
        decay: Tensor,
        state: Tensor,
        activation: str,
    ) -> tuple[Tensor, Tensor]:
        rates = input_drive(inputs, noise, input_kernel)
        if noise is not None:
            ctx.mark_dirty(noise)
        states = torch.empty_like(rates) if ctx.needs_input_grad[4] else None
        last = advance(rates, kernel, decay, state, ACTIVATIONS[activation], states)
        ctx.save_for_backward(inputs, input_kernel, kernel, decay, state, rates, states)
        ctx.activation = activation
        return rates, last if states is None else last.clone()

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, grad_rates: Tensor, grad_last: Tensor) -> tuple[Tensor | None, ...]:
        inputs, input_kernel, kernel, decay, state, rates, states = ctx.saved_tensors
        activation = ACTIVATIONS[ctx.activation]
        for_inputs, for_noise, for_input_kernel, for_kernel, for_decay, *_ = ctx.needs_input_grad
        adjoints, grad_state = _retreat(
            grad_rates, grad_last, kernel, decay, state, rates, activation
        )
        return (
            torch.matmul(adjoints, input_kernel) if for_inputs else None,
            adjoints if for_noise else None,
            adjoints.flatten(0, 1).T @ inputs.flatten(0, 1) if for_input_kernel else None,
            _grad_kernel(adjoints, state, rates, activation) if for_kernel else None,
            _grad_decay(adjoints, state, states, decay) if for_decay else None,
            grad_state,
            None,
        )


def _retreat(
    grad_rates: Tensor,
    grad_last: Tensor,
    kernel: Tensor,
    decay: Tensor,
    state: Tensor,
    rates: Tensor,
    activation: Activation,
) -> tuple[Tensor, Tensor]:
    """Adjoints of the state after each step, (time, batch, units), and of the state before all."""
    adjoints = torch.empty_like(rates)
    activation.slope(rates, adjoints)
    slots = adjoints.unbind(0)
    slots[-1].mul_(grad_rates[-1]).add_(grad_last)
    through = torch.empty_like(state)
    later = slots[-1]
    for slot, grad_rate in zip(slots[-2::-1], grad_rates.unbind(0)[-2::-1], strict=True):
        torch.addmm(grad_rate, later, kernel, out=through)
        slot.mul_(through).addcmul_(later, decay)
        later = slot
    rate = torch.empty_like(state)
    activation.rate(state, rate)
    activation.slope(rate, through)
    return adjoints, through.mul_(later @ kernel).addcmul_(later, decay)


def _grad_kernel(adjoints: Tensor, state: Tensor, rates: Tensor, activation: Activation) -> Tensor:
    rate = torch.empty_like(state)
    activation.rate(state, rate)
    grad = adjoints[0].T @ rate
    return grad.addmm_(adjoints[1:].flatten(0, 1).T, rates[:-1].flatten(0, 1))


def _grad_decay(adjoints: Tensor, state: Tensor, states: Tensor, decay: Tensor) -> Tensor:
    total = adjoints[0] * state
    for adjoint, before in zip(adjoints[1:].unbind(0), states[:-1].unbind(0), strict=True):
        total.addcmul_(adjoint, before)
    return total.sum_to_size(decay.shape)
