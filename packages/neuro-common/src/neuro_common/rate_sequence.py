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

__all__ = ["ACTIVATIONS", "Activation", "add_input_drive", "advance", "leaky_sequence"]


# Steps that are worked on at a time, so that all that belongs to them stays in the cache.
_BLOCK_STEPS = 32


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


def add_input_drive(drive: Tensor, inputs: Tensor, input_kernel: Tensor) -> None:
    """Add what the inputs bring to each step, without autograd.

    Args:
        drive: Noise or zeros, shape (time, ..., batch, units); **added to**.
        inputs: Shape (time, ..., batch, channels).
        input_kernel: Input weights of one step, shape (..., units, channels).
    """
    _add_product(drive, inputs, input_kernel.mT)


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
        drive: What each step adds, shape (time, ..., batch, units); **overwritten** with the rates
            after each step.
        kernel: Recurrent weights of one step, shape (..., units, units), row = post, column = pre.
        decay: What a step leaves of a state, as it multiplies one of shape (..., batch, units).
        state: State before the first step, shape (..., batch, units).
        activation: Rate function.
        states: Where to write the state after each step, if wanted, shape
            (time, ..., batch, units).

    Returns:
        The last state, shape (..., batch, units): a part of ``states``, or a tensor of its own.
    """
    addmm = _addmm(kernel)
    transposed = kernel.mT
    rate = _rate_of(state, activation)
    if states is None:
        state = state.clone()
        slots = (state,) * len(drive)
    else:
        slots = states.unbind(0)
    for slot, current in zip(slots, drive.unbind(0), strict=True):
        torch.addcmul(current, decay, state, out=slot)
        addmm(slot, rate, transposed, out=slot)
        activation.rate(slot, current)
        state, rate = slot, current
    return state


def leaky_sequence(
    inputs: Tensor,
    noise: Tensor | None,
    input_kernel: Tensor,
    kernel: Tensor,
    decay: Tensor,
    readout: Tensor,
    state: Tensor,
    activation: str,
) -> tuple[Tensor, Tensor, Tensor]:
    """Run a sequence of :func:`advance`, differentiable once in everything.

    The rates stay in memory for that; if the decay is differentiated, the states beside them.

    Args:
        inputs: Shape (time, ..., batch, channels).
        noise: What is added to the states, shape (time, ..., batch, units), or None;
            **overwritten**.
        input_kernel: Input weights of one step, shape (..., units, channels).
        kernel: Recurrent weights of one step, shape (..., units, units), row = post, column = pre.
        decay: What a step leaves of a state, as it multiplies one of shape (..., batch, units).
        readout: Output weights, shape (..., outputs, units).
        state: State before the first step, shape (..., batch, units).
        activation: Name in :data:`ACTIVATIONS`.

    Returns:
        Outputs and rates after each step, shapes (time, ..., batch, outputs) and
        (time, ..., batch, units), and the last state, shape (..., batch, units).
    """
    return _LeakySequence.apply(  # type: ignore[no-any-return, no-untyped-call]
        inputs, noise, input_kernel, kernel, decay, readout, state, activation
    )


class _LeakySequence(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        inputs: Tensor,
        noise: Tensor | None,
        input_kernel: Tensor,
        kernel: Tensor,
        decay: Tensor,
        readout: Tensor,
        state: Tensor,
        activation: str,
    ) -> tuple[Tensor, Tensor, Tensor]:
        if noise is None:
            rates = state.new_zeros(len(inputs), *state.shape)
        else:
            rates = noise
            ctx.mark_dirty(noise)
        states = torch.empty_like(rates) if ctx.needs_input_grad[4] else None
        outputs, last = [], state
        for here in _blocks(len(rates)):
            drive, after = rates[here], None if states is None else states[here]
            add_input_drive(drive, inputs[here], input_kernel)
            last = advance(drive, kernel, decay, last, ACTIVATIONS[activation], after)
            outputs.append(torch.matmul(drive, readout.mT))
        ctx.save_for_backward(inputs, input_kernel, kernel, decay, readout, state, rates, states)
        ctx.activation = activation
        ctx.set_materialize_grads(False)
        return torch.cat(outputs), rates, last if states is None else last.clone()

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(
        ctx: Any, grad_outputs: Tensor | None, grad_rates: Tensor | None, grad_last: Tensor | None
    ) -> tuple[Tensor | None, ...]:
        inputs, input_kernel, kernel, decay, readout, state, rates, states = ctx.saved_tensors
        activation = ACTIVATIONS[ctx.activation]
        first_rate = _rate_of(state, activation)
        sums = [
            torch.zeros_like(like) if needed else None
            for like, needed in zip(
                (inputs, rates, input_kernel, kernel, decay, readout),
                ctx.needs_input_grad,
                strict=False,
            )
        ]
        for_inputs, for_noise, for_input_kernel, for_kernel, for_decay, for_readout = sums
        workspace, arriving_space = (torch.empty_like(rates[:_BLOCK_STEPS]) for _ in range(2))
        through = torch.zeros_like(state)
        direct = torch.zeros_like(state) if grad_last is None else grad_last
        for here in reversed(_blocks(len(rates))):
            after = rates[here]
            adjoints = workspace[: len(after)] if for_noise is None else for_noise[here]
            activation.slope(after, adjoints)
            arriving = arriving_space[: len(after)].zero_()
            if grad_rates is not None:
                arriving.copy_(grad_rates[here])
            if grad_outputs is not None:
                _add_product(arriving, grad_outputs[here], readout)
                if for_readout is not None:
                    _add_outer(for_readout, grad_outputs[here], after)
            through, direct = _retreat(adjoints, arriving, kernel, decay, through, direct)
            if for_inputs is not None:
                torch.matmul(adjoints, input_kernel, out=for_inputs[here])
            if for_input_kernel is not None:
                _add_outer(for_input_kernel.mT, inputs[here], adjoints)
            if for_kernel is not None:
                _add_outer(for_kernel, adjoints, _before(first_rate, rates, here))
            if for_decay is not None:
                kept = adjoints * _before(state, states, here)
                for_decay += kept.sum(0).sum_to_size(decay.shape)
        slope = torch.empty_like(state)
        activation.slope(first_rate, slope)
        return (*sums, slope.mul_(through).add_(direct), None)


def _retreat(
    adjoints: Tensor,
    arriving: Tensor,
    kernel: Tensor,
    decay: Tensor,
    through: Tensor,
    direct: Tensor,
) -> tuple[Tensor, Tensor]:
    """Run a block of steps back.

    Args:
        adjoints: Slopes after each step; **overwritten** with the gradients of the states there.
        arriving: Gradients of the rates, as far as they come from outside.
        kernel: Recurrent weights of one step.
        decay: What a step leaves of a state.
        through: Gradient of the last rate from the steps behind the block; **overwritten**.
        direct: Gradient of the last state from there, past its rate.

    Returns:
        ``through`` and ``direct`` for the block before.
    """
    addmm = _addmm(kernel)
    slots = adjoints.unbind(0)
    later = slots[-1].mul_(through.add_(arriving[-1])).add_(direct)
    for slot, grad_rate in zip(slots[-2::-1], arriving.unbind(0)[-2::-1], strict=True):
        addmm(grad_rate, later, kernel, out=through)
        slot.mul_(through).addcmul_(later, decay)
        later = slot
    return torch.matmul(later, kernel), later * decay


def _blocks(steps: int) -> list[slice]:
    starts = range(0, steps, _BLOCK_STEPS)
    return [slice(start, min(start + _BLOCK_STEPS, steps)) for start in starts]


def _before(first: Tensor, after: Tensor, here: slice) -> Tensor:
    """What was there before each step, told from what was there after it."""
    if here.start > 0:
        return after[here.start - 1 : here.stop - 1]
    return torch.cat((first[None], after[: here.stop - 1]))


def _add_outer(total: Tensor, left: Tensor, right: Tensor) -> None:
    """Add the outer products of two sequences, (..., left, right), summed over time and trials."""
    rows, columns = (tensor.movedim(0, -3).flatten(-3, -2) for tensor in (left, right))
    _addmm(total)(total, rows.mT, columns, out=total)


def _add_product(total: Tensor, sequence: Tensor, weight: Tensor) -> None:
    """Add ``sequence @ weight``, of (time, ..., batch, in) and (..., in, out), to a sequence."""
    if weight.ndim > 2:
        weight = weight.expand(len(sequence), *weight.shape).flatten(0, 1)
    whole = total.flatten(0, 1)
    _addmm(weight)(whole, sequence.flatten(0, 1), weight, out=whole)


def _addmm(weights: Tensor) -> Callable[..., Tensor]:
    return torch.addmm if weights.ndim == 2 else torch.baddbmm


def _rate_of(state: Tensor, activation: Activation) -> Tensor:
    rate = torch.empty_like(state)
    activation.rate(state, rate)
    return rate
