"""Leaky rate units that are wired sparsely: the work of a step is one pass over the edges.

The numbers are those of :func:`neuro_common.rate_sequence.leaky_sequence`, on the CPU alone. Here
a trial is a column, (units, batch), so that one edge serves all trials at once; the drive of an
action is held over its sub-steps without being written out; the gradient is that of the edges.
"""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from neuro_common.rate_sequence import ACTIVATIONS

__all__ = ["EdgePattern", "sparse_sequence", "step_products"]

_WIDTH = 16  # trials that the compiled loops work on at once: brainnn.networks.lanes.WIDTH


@dataclass(frozen=True, eq=False)
class EdgePattern:
    """Where the edges of units are, sorted by post, then pre; and the same sorted the other way.

    Attributes:
        post_starts: Where the edges that end at each unit begin, shape (units + 1,).
        pre: Where each edge comes from, shape (edges,).
        pre_starts: Where the edges from each unit begin in the other order, shape (units + 1,).
        post: Where each edge ends, in the other order, shape (edges,).
        by_pre: Which edge it is, in the other order, shape (edges,).
    """

    post_starts: NDArray[np.int64]
    pre: NDArray[np.uint32]
    pre_starts: NDArray[np.int64]
    post: NDArray[np.uint32]
    by_pre: NDArray[np.intp]

    @classmethod
    def of(cls, units: int, pre: NDArray[np.intp], post: NDArray[np.intp]) -> Self:
        """Sort edges both ways.

        Args:
            units: Number of units.
            pre: Where each edge comes from, sorted by post, then pre, shape (edges,).
            post: Where each edge ends, sorted likewise, shape (edges,).
        """
        by_pre = np.argsort(pre, kind="stable")
        every = np.arange(units + 1)
        # unsigned: numba then leaves out the check for negative indices
        return cls(
            np.searchsorted(post, every).astype(np.int64),
            pre.astype(np.uint32),
            np.searchsorted(pre[by_pre], every).astype(np.int64),
            post[by_pre].astype(np.uint32),
            by_pre,
        )


def sparse_sequence(
    drive: Tensor,
    noise: Tensor | None,
    values: Tensor,
    pattern: EdgePattern,
    decay: Tensor,
    state: Tensor,
    substeps: int,
    activation: str,
) -> tuple[Tensor, Tensor]:
    """Run a sequence, differentiable once in drive, values, decay and state.

    Args:
        drive: What an action's input adds at each of its sub-steps, shape (time, units, batch).
        noise: What is added to the states, shape (time * substeps, units, batch), or None.
        values: Weight of each edge for one sub-step, shape (edges,).
        pattern: Where the edges are.
        decay: What a sub-step leaves of a state, shape (units,).
        state: State before the first step, shape (units, batch).
        substeps: Sub-steps that a drive is held for.
        activation: Name in :data:`neuro_common.rate_sequence.ACTIVATIONS`.

    Returns:
        Rates after each ``substeps``, shape (time, units, batch), and the last state, shape
        (units, batch).
    """
    return _SparseSequence.apply(  # type: ignore[no-any-return, no-untyped-call]
        drive, noise, values, pattern, decay, state, substeps, activation
    )


def step_products(weights: Tensor, values: Tensor) -> Tensor:
    """Multiply each step by itself: the product of all at once would have to be laid out anew.

    Args:
        weights: Shape (rows, columns).
        values: Shape (time, columns, batch).

    Returns:
        Shape (time, rows, batch).
    """
    return torch.bmm(weights.expand(len(values), -1, -1), values)


class _SparseSequence(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        drive: Tensor,
        noise: Tensor | None,
        values: Tensor,
        pattern: EdgePattern,
        decay: Tensor,
        state: Tensor,
        substeps: int,
        activation: str,
    ) -> tuple[Tensor, Tensor]:
        batch, steps = state.shape[1], len(drive) * substeps
        drive, current = _in_lanes(drive), _in_lanes(state).clone()
        noise = drive[:0] if noise is None else _in_lanes(noise)
        rates = drive.new_empty(steps + 1, *current.shape)
        states = drive.new_empty(steps * ctx.needs_input_grad[4], *current.shape)
        ACTIVATIONS[activation].rate(current, rates[0])
        _advance(pattern, values, decay, drive, noise, current, rates, states, activation)
        ctx.save_for_backward(values, decay, rates, states)
        ctx.rest = pattern, substeps, activation, batch
        ctx.set_materialize_grads(False)
        return rates[substeps::substeps, :, :batch], current[:, :batch]

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(
        ctx: Any, grad_read: Tensor | None, grad_last: Tensor | None
    ) -> tuple[Tensor | None, ...]:
        from brainnn.networks.edge_kernels import retreat_by_edges

        values, decay, rates, states = ctx.saved_tensors
        pattern, substeps, activation, batch = ctx.rest
        _, for_noise, for_values, _, for_decay, for_state = ctx.needs_input_grad[:6]
        steps, first, none = len(rates) - 1, rates[0], rates[:0]
        slopes = none
        if activation != "relu":
            slopes = torch.empty_like(rates[1:])
            ACTIVATIONS[activation].slope(rates[1:], slopes)
        arriving = none if grad_read is None else _in_lanes(grad_read)
        through, direct = torch.zeros_like(first), torch.zeros_like(first)
        if grad_last is not None:
            direct[:, :batch] = grad_last
        drives = rates.new_empty(steps // substeps, *first.shape)
        noises = rates.new_empty(steps * for_noise, *first.shape)
        sums, decays = values.new_zeros(len(values) * for_values), torch.zeros_like(decay)
        numbers = decay, rates, slopes, states, arriving, through, direct
        results = drives, noises, sums, decays
        retreat_by_edges(
            pattern.pre_starts,
            pattern.post,
            values.numpy()[pattern.by_pre],
            *(one.numpy() for one in (*numbers, *results)),
        )
        grads: list[Tensor | None] = [None] * 8
        grads[0] = drives[..., :batch]
        if for_noise:
            grads[1] = noises[..., :batch]
        if for_values:
            grads[2] = for_edges = torch.empty_like(sums)
            for_edges.numpy()[pattern.by_pre] = sums.numpy()
        if for_decay:
            grads[4] = decays
        if for_state:
            slope = torch.empty_like(first)
            ACTIVATIONS[activation].slope(first, slope)
            grads[5] = slope.mul_(through).add_(direct)[:, :batch]
        return tuple(grads)


def _in_lanes(values: Tensor) -> Tensor:
    """Trials, last, filled up with zeros to what the loops work on at once, side by side."""
    missing = -values.shape[-1] % _WIDTH
    if missing:
        return torch.nn.functional.pad(values.detach(), (0, missing))
    return values.detach().contiguous()


def _advance(
    pattern: EdgePattern,
    values: Tensor,
    decay: Tensor,
    drive: Tensor,
    noise: Tensor,
    current: Tensor,
    rates: Tensor,
    states: Tensor,
    activation: str,
) -> None:
    """Run all sub-steps in one call, or, where torch computes the rates, each in a call."""
    from brainnn.networks.edge_kernels import advance_by_edges

    edges = pattern.post_starts, pattern.pre, values.detach().numpy(), decay.detach().numpy()
    if activation == "relu":
        every = drive, noise, current, rates, states
        advance_by_edges(*edges, True, *(one.numpy() for one in every))
        return
    held_for = (len(rates) - 1) // len(drive)
    for step in range(len(rates) - 1):
        here, held = slice(step, step + 1), step // held_for
        after = rates[step : step + 2]
        every = drive[held : held + 1], noise[here], current, after, states[here]
        advance_by_edges(*edges, False, *(one.numpy() for one in every))
        ACTIVATIONS[activation].rate(current, after[1])
