"""What a leaky network steps with: a leak that stays within its bounds, and a step of its units."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from neuro_common import rate_structure as structure
from neuro_common.extras import require

if TYPE_CHECKING:
    import torch
    from torch import Tensor
else:
    torch = require("torch", "torch")
    Tensor = torch.Tensor

__all__ = ["ACTIVATIONS", "Leak", "LeakyCell", "UnitState"]

ACTIVATIONS: Mapping[str, Callable[[Tensor], Tensor]] = {
    "relu": torch.relu,
    "softplus": lambda state: torch.logaddexp(state, state.new_zeros(())),
    "tanh": torch.tanh,
}
"""The functions of :data:`neuro_common.rate_sequence.ACTIVATIONS` as autograd takes them."""


class UnitState(NamedTuple):
    """The units at one time, each of shape (batch, units).

    Attributes:
        rate: What others receive.
        state: What leaks.
        synapse: The filtered drive; without a synapse it is never changed.
    """

    rate: Tensor
    state: Tensor
    synapse: Tensor


@dataclass(frozen=True, eq=False)
class LeakyCell:
    """One step of leaky units, whatever their options; see :mod:`neuro_common.leaky`.

    Attributes:
        kernel: Recurrent weights, shape (units, units), row = pre, column = post.
        alpha: The leak of the states, shape () or (units,).
        synapse_alpha: That of the synapses; None is no synapse.
        before: The activation, if it acts before the leak.
        after: The activation, if it acts after the leak.
    """

    kernel: Tensor
    alpha: Tensor
    synapse_alpha: Tensor | None = None
    before: Callable[[Tensor], Tensor] | None = None
    after: Callable[[Tensor], Tensor] | None = None

    def step(self, activity: UnitState, drive: Tensor, kick: Tensor | None) -> UnitState:
        """The units a step later.

        Args:
            activity: The units now.
            drive: From inputs, feedback and bias, shape (batch, units).
            kick: What noise adds to the states, of that shape; None is nothing.
        """
        _, state, synapse = activity
        target = torch.addmm(drive, activity.rate, self.kernel)
        if self.synapse_alpha is not None:
            target = synapse = torch.lerp(synapse, target, self.synapse_alpha)
        if self.before is not None:
            target = self.before(target)
        state = torch.lerp(state, target, self.alpha)
        if kick is not None:
            state = state + kick
        return UnitState(state if self.after is None else self.after(state), state, synapse)


class Leak(torch.nn.Module):
    """The part of the way to its target that a leaky variable goes in a step: alpha = dt / tau.

    A trained one is the sigmoid of a parameter, and so never leaves (0, 1).

    Args:
        tau_ms: Time constant, one for all units or shape (units,), at least ``dt_ms``.
        units: Number of units.
        dt_ms: Step.
        trained: Whether it is a parameter; ``tau_ms`` must then be above ``dt_ms``.

    Raises:
        ValueError: As :func:`neuro_common.rate_structure.checked_time_constants`.
    """

    def __init__(self, tau_ms: float | Tensor, units: int, dt_ms: float, trained: bool) -> None:
        super().__init__()
        tau = structure.checked_time_constants(tau_ms, units, dt_ms, trained)
        self.dt_ms = dt_ms
        self.fixed_alpha: Tensor
        self.logit = torch.nn.Parameter((dt_ms / tau).logit()) if trained else None
        if not trained:
            self.register_buffer("fixed_alpha", dt_ms / tau)

    def forward(self) -> Tensor:
        """Alpha, shape () or (units,)."""
        return self.fixed_alpha if self.logit is None else torch.sigmoid(self.logit)

    @property
    def tau_ms(self) -> Tensor:
        """Time constants, shape () or (units,)."""
        alpha: Tensor = self()
        return self.dt_ms / alpha

    @torch.no_grad()
    def set_alpha(self, alpha: Tensor, *, compat: bool = False) -> None:
        """Take given numbers: a fixed leak to the bit, a trained one up to rounding.

        Args:
            alpha: In (0, 1], below 1 for a trained leak; one for all or one for each unit, as
                there are.
            compat: Take any finite number into a fixed leak. Published networks were trained
                without bounds; outside (0, 2) a unit by itself grows without end.

        Raises:
            ValueError: A wrong shape, or a number out of its range.
        """
        held = self.fixed_alpha if self.logit is None else self.logit
        if alpha.shape != held.shape:
            raise ValueError(f"alpha must have shape {(*held.shape,)}, got {(*alpha.shape,)}")
        inside = (alpha > 0) & (alpha <= 1 if self.logit is None else alpha < 1)
        if compat and self.logit is None:
            inside = alpha.isfinite()
        if not bool(inside.all()):
            wanted = "in (0, 1]" if self.logit is None else "in (0, 1) to be trained"
            raise ValueError(
                f"alpha must be {wanted}, got {alpha[~inside].tolist()[:3]}; a fixed leak with "
                "compat=True takes any finite number"
            )
        held.copy_(alpha if self.logit is None else alpha.double().logit())
