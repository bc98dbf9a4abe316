"""Runs of rate networks: a sequence for training, in one piece or in chunks, and a free run.

One network and several that run together take the same path: ``...`` in a shape is the axis of
members, which one network does not have.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from neuro_common.extras import require
from neuro_common.rate_sequence import ACTIVATIONS, add_input_drive, advance, leaky_sequence

if TYPE_CHECKING:
    import torch
    from torch import Tensor
    from torch.utils.checkpoint import checkpoint
else:
    torch = require("torch", "torch")
    Tensor = torch.Tensor
    checkpoint = require("torch.utils.checkpoint", "torch").checkpoint

__all__ = ["Block", "Dynamics", "FreeRun", "checked_state", "gather", "together"]

# Steps of a free run that are worked on at a time.
_BLOCK_STEPS = 64


@dataclass(frozen=True, eq=False)
class Block:
    """A stretch of a free run.

    Attributes:
        first: Number of its first step in the run.
        outputs: Shape (..., batch, time, outputs).
        states: State after each step, shape (..., batch, time, units).
        rates: Rate after each step, shape (..., batch, time, units).
    """

    first: int
    outputs: Tensor
    states: Tensor
    rates: Tensor


@dataclass(frozen=True, eq=False)
class FreeRun:
    """A whole free run.

    Attributes:
        outputs: After every step, shape (..., batch, time, outputs).
        states: After the steps 0, k, 2k, ... of ``save_every=k``, shape (..., batch, saved, units).
        last: State after the last step, shape (..., batch, units).
    """

    outputs: Tensor
    states: Tensor
    last: Tensor


@dataclass(frozen=True, eq=False)
class Dynamics:
    """What a run needs of a network and its noise, made once for all steps.

    Attributes:
        input_kernel: What a step takes from each input channel and, in a last column, from the
            bias, shape (..., units, channels + 1).
        kernel: Recurrent weights of one step, shape (..., units, units), row = post, column = pre.
        decay: What a step leaves of a state, shape (..., 1, 1) or (..., 1, units).
        readout: Output weights, shape (..., outputs, units).
        output_bias: Shape (..., 1, outputs).
        activation: Name in :data:`neuro_common.rate_sequence.ACTIVATIONS`.
        disturb: From inputs (time, ..., batch, channels) and the number of their first step to the
            inputs with their noise, and to what noise adds to the states, if anything.
    """

    input_kernel: Tensor
    kernel: Tensor
    decay: Tensor
    readout: Tensor
    output_bias: Tensor
    activation: str
    disturb: Callable[[Tensor, int], tuple[Tensor, Tensor | None]]

    def sequence(
        self, inputs: Tensor, state: Tensor, first: int = 0
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Run a sequence, differentiable once in everything.

        Args:
            inputs: Shape (..., batch, time, channels).
            state: First state, shape (..., batch, units).
            first: Number of the first step.

        Returns:
            Outputs and rates after each step, shapes (..., batch, time, outputs) and
            (..., batch, time, units), and the last state.
        """
        channels, noise = self._disturbed(inputs, first)
        outputs, rates, last = leaky_sequence(
            channels,
            noise,
            self.input_kernel,
            self.kernel,
            self.decay,
            self.readout,
            state,
            self.activation,
        )
        return (outputs + self.output_bias).movedim(0, -2), rates.movedim(0, -2), last

    def run(
        self, inputs: Tensor, state: Tensor, chunk_steps: int | None = None
    ) -> tuple[Tensor, Tensor]:
        """Outputs and last state of :meth:`sequence`, in one piece or in chunks.

        Args:
            inputs: Shape (..., batch, time, channels).
            state: First state, shape (..., batch, units).
            chunk_steps: Steps of a chunk, which is computed again when it is differentiated: the
                rates of one are in memory at a time. None keeps all.

        Raises:
            ValueError: ``chunk_steps`` is below 1.
        """
        if chunk_steps is not None and chunk_steps < 1:
            raise ValueError(f"chunk_steps must be at least 1 or None, got {chunk_steps}")
        if chunk_steps is None:
            outputs, _, last = self.sequence(inputs, state)
            return outputs, last
        pieces = []
        for number, piece in enumerate(torch.split(inputs, chunk_steps, dim=-2)):
            outputs, _, state = checkpoint(
                self.sequence,
                piece,
                state,
                number * chunk_steps,
                use_reentrant=False,
                preserve_rng_state=False,
            )
            pieces.append(outputs)
        return torch.cat(pieces, dim=-2), state

    @torch.no_grad()
    def blocks(self, inputs: Tensor, state: Tensor) -> Iterator[Block]:
        """Run freely and hand over one stretch after the other.

        Args:
            inputs: Shape (..., batch, time, channels).
            state: First state, shape (..., batch, units).
        """
        activation = ACTIVATIONS[self.activation]
        for number, part in enumerate(torch.split(inputs, _BLOCK_STEPS, dim=-2)):
            channels, noise = self._disturbed(part, number * _BLOCK_STEPS)
            rates = state.new_zeros(len(channels), *state.shape) if noise is None else noise
            add_input_drive(rates, channels, self.input_kernel)
            states = torch.empty_like(rates)
            state = advance(rates, self.kernel, self.decay, state, activation, states)
            outputs = torch.matmul(rates, self.readout.mT) + self.output_bias
            parts = (outputs, states, rates)
            yield Block(number * _BLOCK_STEPS, *(part.movedim(0, -2) for part in parts))

    def _disturbed(self, inputs: Tensor, first: int) -> tuple[Tensor, Tensor | None]:
        """Channels by time with their noise and a last one for the bias, and the states' noise."""
        inputs, noise = self.disturb(inputs.movedim(-2, 0), first)
        return torch.cat((inputs, inputs.new_ones(*inputs.shape[:-1], 1)), dim=-1), noise


def together(members: Sequence[Dynamics]) -> Dynamics:
    """Several networks as one, with a first axis of members.

    Args:
        members: Of one size and one activation, each without that axis.
    """

    def disturb(inputs: Tensor, first: int) -> tuple[Tensor, Tensor | None]:
        pairs = zip(members, inputs.unbind(1), strict=True)
        noisy, noises = zip(*(member.disturb(own, first) for member, own in pairs), strict=True)
        drawn = [noise for noise in noises if noise is not None]
        if not drawn:
            return torch.stack(noisy, dim=1), None
        filled = [torch.zeros_like(drawn[0]) if noise is None else noise for noise in noises]
        return torch.stack(noisy, dim=1), torch.stack(filled, dim=1)

    def stacked(name: str) -> Tensor:
        return torch.stack([getattr(member, name) for member in members])

    return Dynamics(
        stacked("input_kernel"),
        stacked("kernel"),
        stacked("decay"),
        stacked("readout"),
        stacked("output_bias"),
        members[0].activation,
        disturb,
    )


def gather(blocks: Iterable[Block], save_every: int | None) -> FreeRun:
    """A whole run of its stretches.

    Args:
        blocks: At least one.
        save_every: Steps between saved states; None saves none.

    Raises:
        ValueError: ``save_every`` is below 1.
    """
    if save_every is not None and save_every < 1:
        raise ValueError(f"save_every must be at least 1 or None, got {save_every}")
    outputs, saved = [], []
    for block in blocks:
        outputs.append(block.outputs)
        states = block.states
        start = states.shape[-2] if save_every is None else -block.first % save_every
        saved.append(states[..., start :: save_every or 1, :].clone())
    last = states[..., -1, :].clone()
    return FreeRun(torch.cat(outputs, dim=-2), torch.cat(saved, dim=-2), last)


def checked_state(
    inputs: Tensor, state: Tensor | None, weight: Tensor, members: tuple[int, ...] = ()
) -> Tensor:
    """The first state, if it and the inputs fit a network.

    Args:
        inputs: Shape (..., batch, time, channels).
        state: First state, shape (..., batch, units); None is zero.
        weight: Input weights, shape (units, channels).
        members: Number of members, if there are any.

    Raises:
        ValueError: A wrong shape, dtype or device, no step, or a number that is not finite.
    """
    units, channels = weight.shape
    wanted = (*members, "batch", "time", channels)
    pairs = zip(wanted, inputs.shape, strict=False)
    fits = all(isinstance(want, str) or want == found for want, found in pairs)
    if inputs.ndim != len(wanted) or not fits or 0 in inputs.shape:
        raise ValueError(
            f"inputs must have shape ({', '.join(map(str, wanted))}) and at least one step, "
            f"got {(*inputs.shape,)}"
        )
    shape = (*inputs.shape[:-2], units)
    if state is None:
        state = weight.new_zeros(shape)
    if state.shape != shape:
        raise ValueError(f"state must have shape {shape}, got {(*state.shape,)}")
    for name, tensor in (("inputs", inputs), ("state", state)):
        found, like = (f"{each.dtype} on {each.device}" for each in (tensor, weight))
        if found != like:
            raise ValueError(f"{name} must be {like} like the network, got {found}")
        if not bool(tensor.isfinite().all()):
            raise ValueError(f"{name} must be finite, got NaN or infinity")
    return state
