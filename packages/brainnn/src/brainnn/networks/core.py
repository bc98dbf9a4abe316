"""What every controller is: observations and a state in, actions and the next state out."""

from typing import Any, ClassVar

import torch
from torch import Tensor

__all__ = ["Core"]


class Core(torch.nn.Module):
    """A controller, whatever is in it; actions are unbounded, to be squashed by the caller.

    Attributes:
        kind: What files call it.

    Args:
        channels: Numbers in an observation.
        actions: Numbers in an action.
        state_size: Numbers that it remembers; 0 is none.

    Raises:
        ValueError: There are no channels or no actions.
    """

    kind: ClassVar[str]

    def __init__(self, channels: int, actions: int, state_size: int) -> None:
        super().__init__()
        for name, size in (("channels", channels), ("actions", actions)):
            if size < 1:
                raise ValueError(f"{name} must be at least 1, got {size}")
        self.channels = channels
        self.actions = actions
        self.state_size = state_size

    @property
    def trained(self) -> int:
        """Number of parameters that are trained."""
        return sum(one.numel() for one in self.parameters() if one.requires_grad)

    def options(self) -> dict[str, Any]:
        """Keywords that make another of its kind, in plain values; for files."""
        raise NotImplementedError

    def initial_state(self, batch: int) -> Tensor:
        """State at the start of an episode, shape (batch, state_size)."""
        first = next(self.parameters())
        return first.new_zeros(batch, self.state_size)

    def forward(self, observations: Tensor, state: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Act on a sequence.

        Args:
            observations: Shape (batch, time, channels).
            state: Shape (batch, state_size); None is :meth:`initial_state`.

        Returns:
            Actions, shape (batch, time, actions), and the last state, shape (batch, state_size).
        """
        raise NotImplementedError

    def checked(self, observations: Tensor, state: Tensor | None) -> Tensor:
        """The state to begin with, if the shapes are right.

        Args:
            observations: As in :meth:`forward`.
            state: As in :meth:`forward`.

        Raises:
            ValueError: They are not.
        """
        shape = (*observations.shape,)
        if len(shape) != 3 or shape[1] == 0 or shape[2] != self.channels:
            raise ValueError(
                f"observations must be (batch, time, {self.channels}) with at least one step, "
                f"got {shape}"
            )
        if state is None:
            return self.initial_state(shape[0])
        if state.shape != (shape[0], self.state_size):
            raise ValueError(
                f"state must have shape {(shape[0], self.state_size)}, got {(*state.shape,)}"
            )
        return state
