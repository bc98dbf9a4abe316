"""The published network: layers of a connectome, updated one after the other once an action.

    l_0:  h' = R h(t-1) + u                               (linear)
    l_i:  h' = s( F h' of the layers below + b + R h(t-1) + u ),    s logistic
    y = W_out h' + b_out,    u = W_in x + b_in at the input neurons,    W = w x synapse count

Edges to a higher layer act at once, all others one action later; none of these reach the last
layer. Here the gradient is real: it goes through every layer and through time.
"""

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from brainnn.connectome.graph import Connectome
from brainnn.connectome.layering import layer_of
from brainnn.networks.core import Core
from brainnn.networks.roles import Roles, check_path

__all__ = ["SweepRNN"]


class SweepRNN(Core):
    """The layered update as published, without its detached gradient.

    Attributes:
        weight: What the synapse count of each edge is multiplied with, shape (edges,), in the order
            of ``connectome.edge_list()``.
        bias: Of each neuron, shape (neurons,); that of the first layer is not used.

    Args:
        connectome: Whose neurons and synapse counts; signs are not used.
        layers: Indices of neurons, layer by layer, each neuron in exactly one.
        roles: Input and read-out neurons.
        channels: Numbers in an observation.
        actions: Numbers in an action.
        seed: Of the first weights.
        linear_first: Whether the first layer is linear and without bias, as published for inputs
            that are drawn; otherwise it is like the others.
        squash: Whether actions go through ``2 s(y) - 1``, as published for the actor.
        dtype: Of all numbers; None is torch's default.

    Raises:
        ValueError: The layers are no partition, or no path leads from input to read-out.
    """

    kind: ClassVar[str] = "sweep"

    count: Tensor
    forwards: Tensor
    pre: Tensor
    post: Tensor
    inputs: Tensor
    outputs: Tensor
    order: Tensor
    place: Tensor

    def __init__(
        self,
        connectome: Connectome,
        layers: Sequence[ArrayLike],
        roles: Roles,
        channels: int,
        actions: int,
        *,
        seed: int,
        linear_first: bool = True,
        squash: bool = False,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__(channels, actions, len(connectome))
        check_path(connectome, roles)
        layer = layer_of(layers, len(connectome))
        self.connectome = connectome
        self.roles = roles
        self.layers = tuple(np.asarray(one, dtype=np.intp) for one in layers)
        self.linear_first = linear_first
        self.squash = squash
        pre, post, count = connectome.edge_list()
        # what acts a step later does not reach the last layer: those edges are never used
        forwards = layer[pre] < layer[post]
        used = forwards | (layer[post] < len(layers) - 1)
        dtype = dtype or torch.get_default_dtype()
        self.register_buffer("count", torch.from_numpy(np.where(used, count, 0)).to(dtype))
        self.register_buffer("forwards", torch.from_numpy(forwards))
        order = np.concatenate(self.layers)
        for name, places in (
            ("pre", pre),
            ("post", post),
            ("inputs", roles.inputs),
            ("outputs", roles.outputs),
            ("order", order),
            ("place", order.argsort()),
        ):
            self.register_buffer(name, torch.from_numpy(places), persistent=False)

        draw = torch.Generator().manual_seed(seed)

        def uniform(shape: tuple[int, ...], feeding: int | NDArray[np.int64]) -> torch.nn.Parameter:
            """As torch's linear layers begin: within one over the root of what feeds a neuron."""
            bound = torch.as_tensor(feeding, dtype=torch.float64).rsqrt()
            drawn = 2 * torch.rand(shape, generator=draw, dtype=torch.float64) - 1
            return torch.nn.Parameter((drawn * bound).to(dtype))

        sizes = np.bincount(layer, minlength=len(layers)).clip(min=1)
        next_below, further_below = sizes[layer - 1], (np.cumsum(sizes) - sizes)[layer - 1]
        near = layer[pre] == layer[post] - 1
        feeding = np.where(near, next_below[post], further_below[post])
        inputs, outputs = len(roles.inputs), len(roles.outputs)
        self.weight = uniform((len(pre),), np.where(forwards, feeding, len(connectome)))
        self.bias = uniform((len(connectome),), next_below)
        self.input_weight = uniform((inputs, channels), channels)
        self.input_bias = uniform((inputs,), channels)
        self.output_weight = uniform((actions, outputs), outputs)
        self.output_bias = uniform((actions,), outputs)

    def options(self) -> dict[str, Any]:
        """Keywords that make another of its kind, in plain values; for files."""
        return {
            "layers": [layer.tolist() for layer in self.layers],
            "linear_first": self.linear_first,
            "squash": self.squash,
        }

    def effective_weights(self) -> tuple[Tensor, Tensor]:
        """Weights that act at once and those that act a step later, row = post, column = pre.

        Returns:
            Two of shape (neurons, neurons).
        """
        values = self.weight * self.count
        nothing = values.new_zeros(self.state_size, self.state_size)
        ends = self.post, self.pre
        at_once = nothing.index_put(ends, values * self.forwards)
        return at_once, nothing.index_put(ends, values * ~self.forwards)

    def forward(self, observations: Tensor, state: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Act on a sequence, one sweep a step.

        Args:
            observations: Shape (batch, time, channels).
            state: Shape (batch, neurons); None is zero.

        Returns:
            Actions, shape (batch, time, actions), and the last state, shape (batch, neurons).

        Raises:
            ValueError: A wrong shape.
        """
        state = self.checked(observations, state)
        at_once, later = self.effective_weights()
        drive = observations.new_zeros(*observations.shape[:2], self.state_size)
        told = torch.nn.functional.linear(observations, self.input_weight, self.input_bias)
        drive = drive.index_copy(2, self.inputs, told)
        read = []
        for given in drive.unbind(1):
            state = self._swept(given + state @ later.mT, at_once)
            read.append(state[:, self.outputs])
        seen = torch.stack(read, dim=1)
        actions = torch.nn.functional.linear(seen, self.output_weight, self.output_bias)
        return (2 * torch.sigmoid(actions) - 1 if self.squash else actions), state

    def _swept(self, given: Tensor, at_once: Tensor) -> Tensor:
        """One sweep over the layers, from what each neuron gets besides, shape (batch, neurons)."""
        lowest, *higher = torch.split(self.order, [len(one) for one in self.layers])
        first = given[:, lowest]
        done = first if self.linear_first else torch.sigmoid(first + self.bias[lowest])
        for layer in higher:
            below = self.order[: done.shape[1]]
            arriving = done @ at_once[layer][:, below].mT
            new = torch.sigmoid(arriving + given[:, layer] + self.bias[layer])
            done = torch.cat((done, new), dim=1)
        return done[:, self.place]
