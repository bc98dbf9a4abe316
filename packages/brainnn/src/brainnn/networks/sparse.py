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

__all__ = ["EdgePattern", "sparse_sequence"]


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
        from brainnn.networks.edge_kernels import advance_by_edges

        steps = len(drive) * substeps
        rates = drive.new_empty(steps + 1, *state.shape)
        states = drive.new_empty(steps, *state.shape) if ctx.needs_input_grad[4] else None
        current = state.clone(memory_format=torch.contiguous_format)
        rate_of = ACTIVATIONS[activation].rate
        rate_of(current, rates[0])
        edges = pattern.post_starts, pattern.pre, values.detach().numpy()
        left, seen = decay.detach().numpy(), rates.numpy()
        added = drive.detach().contiguous().numpy()
        for step, after in enumerate(rates[1:]):
            if states is not None:
                states[step] = current
            held = added[step // substeps]
            advance_by_edges(*edges, seen[step], left, held, current.numpy())
            if noise is not None:
                current += noise[step]
            rate_of(current, after)
        ctx.save_for_backward(values, decay, rates, states)
        ctx.rest = pattern, substeps, activation
        ctx.set_materialize_grads(False)
        return rates[substeps::substeps], current

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(
        ctx: Any, grad_read: Tensor | None, grad_last: Tensor | None
    ) -> tuple[Tensor | None, ...]:
        from brainnn.networks.edge_kernels import add_edge_sums, advance_by_edges

        values, decay, rates, states = ctx.saved_tensors
        pattern, substeps, activation = ctx.rest
        slope_of = ACTIVATIONS[activation].slope
        edges = pattern.pre_starts, pattern.post, values.numpy()[pattern.by_pre]
        adjoints = torch.empty_like(rates[1:])
        through, direct = torch.zeros_like(rates[0]), torch.zeros_like(rates[0])
        if grad_read is not None:
            through += grad_read[-1]
        if grad_last is not None:
            direct += grad_last
        nothing = np.zeros_like(through.numpy())
        forget = np.zeros_like(decay.numpy())
        for step in reversed(range(len(adjoints))):
            here = adjoints[step]
            slope_of(rates[step + 1], here)
            here.mul_(through).add_(direct)
            torch.mul(here, decay.unsqueeze(1), out=direct)
            # what the rates before this step get: from outside, and by the edges
            read, rest = divmod(step, substeps)
            arriving = nothing
            if grad_read is not None and rest == 0 and read > 0:
                arriving = grad_read[read - 1].contiguous().numpy()
            advance_by_edges(*edges, here.numpy(), forget, arriving, through.numpy())
        for_drive, for_noise, for_values, _, for_decay, for_state = ctx.needs_input_grad[:6]
        grads: list[Tensor | None] = [None] * 8
        if for_drive:
            grads[0] = adjoints.reshape(-1, substeps, *through.shape).sum(1)
        if for_noise:
            grads[1] = adjoints
        if for_values:
            sums = values.new_zeros(len(values))
            ends, seen = adjoints.numpy(), rates.numpy()
            add_edge_sums(pattern.post_starts, pattern.pre, ends, seen, sums.numpy())
            grads[2] = sums
        if for_decay:
            grads[4] = (adjoints * states).sum((0, 2))
        if for_state:
            slope = torch.empty_like(through)
            slope_of(rates[0], slope)
            grads[5] = slope.mul_(through).add_(direct)
        return tuple(grads)
