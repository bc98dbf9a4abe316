"""A network wired by edges that only acts: its numbers laid out once, and a step is one call."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from brainnn.networks.sparse import EdgePattern

__all__ = ["EdgeActor"]

Floats = NDArray[np.floating[Any]]


@dataclass(frozen=True, eq=False)
class EdgeActor:
    """Rectified leaky rate units with inputs and a read-out, without gradients, on the CPU.

    Attributes:
        decay: What a sub-step leaves of a state, shape (1, units).
        pattern: Where the edges are.
        values: Weight of each edge for one sub-step, sorted by post, shape (edges,).
        by_pre: The same sorted by pre.
        rest: What both kernels take next: decay, bias, inputs, input weights, outputs, output
            weights, output bias.
        substeps: Sub-steps that an observation is held for.
    """

    decay: Tensor
    pattern: EdgePattern
    values: Floats
    by_pre: Floats
    rest: tuple[NDArray[Any], ...]
    substeps: int

    @classmethod
    def of(
        cls,
        of_inputs: Tensor,
        values: Tensor,
        decay: Tensor,
        readout: Tensor,
        inputs: Tensor,
        outputs: Tensor,
        output_bias: Tensor,
        pattern: EdgePattern,
        substeps: int,
    ) -> Self:
        """Take the weights of input and read-out neurons alone.

        Args:
            of_inputs: Weights of an observation and, last, of a constant, shape
                (units, channels + 1).
            values: Weight of each edge for one sub-step, shape (edges,).
            decay: What a sub-step leaves of a state, shape (1, units).
            readout: Shape (actions, units).
            inputs: Units that see the observation, shape (inputs,).
            outputs: Units that are read, shape (outputs,).
            output_bias: Shape (actions,).
            pattern: Where the edges are.
            substeps: Sub-steps that an observation is held for.
        """
        rest = (
            decay[0],
            of_inputs[:, -1],
            inputs,
            of_inputs[inputs, :-1],
            outputs,
            readout[:, outputs],
            output_bias,
        )
        laid_out = tuple(one.detach().contiguous().numpy() for one in rest)
        edges = values.detach().numpy()
        return cls(decay, pattern, edges, edges[pattern.by_pre], laid_out, substeps)

    def run(
        self, observations: Tensor, noise: Tensor | None, state: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Act on a sequence.

        Args:
            observations: Shape (batch, time, channels).
            noise: What is added to the states, shape (time * substeps, batch, units), or None.
            state: Shape (batch, units).

        Returns:
            Actions, shape (batch, time, actions); rates that they read, shape
            (batch, time, units); the last state, shape (batch, units).

        Raises:
            TypeError: Observations or state have another dtype than the weights.
        """
        from brainnn.networks.edge_kernels import act_by_edges, act_one
        from brainnn.networks.lanes import WIDTH

        given = [one.detach().numpy() for one in (observations, state)]
        if any(one.dtype != self.values.dtype for one in given):
            kinds = " and ".join(str(one.dtype) for one in given)
            raise TypeError(f"observations and state must be {self.values.dtype}, got {kinds}")
        seen, before = given
        batch, time, channels = seen.shape
        units, actions = len(self.rest[0]), len(self.rest[-1])
        lanes = 1 if batch == 1 else batch + -batch % WIDTH
        disturbed = 0 if noise is None else time * self.substeps
        sizes = (disturbed, units), (time, channels), (1, units), (time, units), (time, actions)
        added, held, current, rates, acted = (
            np.zeros((*size, lanes), self.values.dtype) for size in sizes
        )
        held[..., :batch] = seen.transpose(1, 2, 0)
        current[0, :, :batch] = before.T
        if noise is not None:
            added[..., :batch] = noise.mT.numpy()
        if batch == 1:
            order = self.pattern.pre_starts, self.pattern.post, self.by_pre
            parts = (one[..., 0] for one in (added, held, current[0], rates, acted))
            act_one(self.substeps, *order, *self.rest, *parts)
        else:
            order = self.pattern.post_starts, self.pattern.pre, self.values
            every: tuple[Floats, ...] = (added, held, current[0], rates, acted)
            act_by_edges(self.substeps, *order, *self.rest, *every)
        results = (torch.from_numpy(one[..., :batch]) for one in (acted, rates, current))
        acts, read, last = (one.permute(2, 0, 1) for one in results)
        return acts, read, last[:, 0]
