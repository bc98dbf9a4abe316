"""Rate networks of one size that run together: several seeds, or strengths of noise, at once.

Small networks keep a processor busy with calls more than with numbers. Together they need as many
calls a step as one.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, cast

from neuro_common.extras import require
from neuro_common.rate_noise import Noise
from neuro_common.rate_runs import Block, Dynamics, FreeRun, checked_state, gather, together
from neuro_common.rates import RateNetwork

if TYPE_CHECKING:
    import torch
    from torch import Tensor
else:
    torch = require("torch", "torch")
    Tensor = torch.Tensor

__all__ = ["RateEnsemble"]


class RateEnsemble(torch.nn.Module):
    """Rate networks that run together, each with weights, trials and noise of its own.

    The members stay networks of their own: gradients arrive in their parameters, and each can have
    its optimiser, be loaded and be run alone. What one gives here it gives alone, to rounding.

    Args:
        networks: Members. Their weights, connections and time constants may differ; sizes,
            activation, dtype, device, and whether a unit has a time constant of its own, may not.

    Attributes:
        networks: The members.

    Raises:
        ValueError: There is no member, or they are not alike.
    """

    networks: Sequence[RateNetwork]

    def __init__(self, networks: Iterable[RateNetwork]) -> None:
        super().__init__()
        members = torch.nn.ModuleList(networks)
        self.networks = cast("Sequence[RateNetwork]", members)
        if len(members) == 0:
            raise ValueError("networks must hold at least one network, got none")
        wanted = _kind(self.networks[0])
        for number, network in enumerate(self.networks):
            for name, found in _kind(network).items():
                if found != wanted[name]:
                    raise ValueError(
                        f"networks must be alike, but {name} is {wanted[name]} in number 0 and "
                        f"{found} in number {number}"
                    )

    def forward(
        self,
        inputs: Tensor,
        state: Tensor | None = None,
        *,
        noise: Sequence[Noise | None] | None = None,
        chunk_steps: int | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Run a sequence, for training.

        Args:
            inputs: Shape (members, batch, time, inputs).
            state: First state, shape (members, batch, units); None is zero.
            noise: Noise of each member; None is none.
            chunk_steps: As in :meth:`neuro_common.rates.RateNetwork.forward`.

        Returns:
            Outputs, shape (members, batch, time, outputs), and the last state, shape
            (members, batch, units).

        Raises:
            ValueError: As for one network, or ``noise`` is not one for each member.
        """
        state = self._checked_state(inputs, state)
        return self._dynamics(noise).run(inputs, state, chunk_steps)

    def blocks(
        self,
        inputs: Tensor,
        state: Tensor | None = None,
        *,
        noise: Sequence[Noise | None] | None = None,
    ) -> Iterator[Block]:
        """Run freely, without autograd, and hand over one stretch after the other.

        Args:
            inputs: Shape (members, batch, time, inputs); an expanded view will do.
            state: First state, shape (members, batch, units); None is zero.
            noise: Noise of each member; None is none.

        Raises:
            ValueError: As :meth:`forward`.
        """
        state = self._checked_state(inputs, state)
        return self._dynamics(noise).blocks(inputs, state)

    def free_run(
        self,
        inputs: Tensor,
        state: Tensor | None = None,
        *,
        noise: Sequence[Noise | None] | None = None,
        save_every: int | None = None,
    ) -> FreeRun:
        """Run freely, without autograd: all outputs, and the states of every so many steps.

        Args:
            inputs: Shape (members, batch, time, inputs); an expanded view will do.
            state: First state, shape (members, batch, units); None is zero.
            noise: Noise of each member; None is none.
            save_every: Steps between saved states; None saves none.

        Raises:
            ValueError: As :meth:`forward`, or ``save_every`` is below 1.
        """
        return gather(self.blocks(inputs, state, noise=noise), save_every)

    def _dynamics(self, noise: Sequence[Noise | None] | None) -> Dynamics:
        noise = [None] * len(self.networks) if noise is None else noise
        if len(noise) != len(self.networks):
            raise ValueError(
                f"noise must be one for each of {len(self.networks)} members, got {len(noise)}"
            )
        pairs = zip(self.networks, noise, strict=True)
        return together([network.dynamics(own) for network, own in pairs])

    def _checked_state(self, inputs: Tensor, state: Tensor | None) -> Tensor:
        return checked_state(inputs, state, self.networks[0].input_weight, (len(self.networks),))


def _kind(network: RateNetwork) -> dict[str, object]:
    """What members must have in common."""
    weight = network.input_weight
    return {
        "units": network.units,
        "inputs": weight.shape[1],
        "outputs": len(network.output_bias),
        "activation": network.activation,
        "dtype": weight.dtype,
        "device": weight.device,
        "tau_ms' shape": tuple(network.tau_ms.shape),
    }
