"""The geometric root bottleneck: fourteen roots at places of their own, and nothing shared.

The simpler relative of `spinal_rnn.models.anatomical`, for comparison: Gaussian spread with a small
free remainder for each contact and root, any weights of at least 0 from roots to muscles, and a
response that saturates.
"""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import softplus

from spinal_rnn.lead import SPECIFY_565, Lead
from spinal_rnn.models.forms import (
    NEVER,
    Parameters,
    Stimulation,
    late_factor,
    recruited,
    strength,
)

__all__ = ["GeometricForm"]

_SIDE = 7
_MUSCLES = 14
_REMAINDER = 0.3
_PENALTY = 3e-3


@dataclass(frozen=True)
class GeometricForm:
    """Places, widths, gains and weights, all free.

    Attributes:
        lead: Where the contacts lie.
        depression: Responses depress those after them, of each muscle in the same way whatever
            their size; False makes the frequency no matter.
        late_ms: As in `spinal_rnn.models.anatomical.AnatomicalForm`.
        chronaxie_us: Of the roots' fibres.
    """

    lead: Lead = SPECIFY_565
    depression: bool = True
    late_ms: float = 165.0
    chronaxie_us: float = 300.0

    def draw(self, members: int, generator: torch.Generator) -> dict[str, Tensor]:
        """First parameters: roots on a grid over the lead.

        Args:
            members: How many.
            generator: Of the scatter.

        Returns:
            By name, shape (members, ...).
        """
        x_mm = torch.tensor(self.lead.x_mm[:-1]).float()
        z_mm = torch.tensor(self.lead.z_mm[:-1]).float()
        rows = torch.linspace(float(z_mm.min()), float(z_mm.max()), _SIDE).repeat(2)
        beside = float(x_mm.abs().max()) * torch.tensor([-1.0] * _SIDE + [1.0] * _SIDE)

        def scattered(start: Tensor, deviation: float) -> Tensor:
            return start + deviation * torch.randn((members, *start.shape), generator=generator)

        drawn = {
            "root_x_mm": scattered(beside, 0.5),
            "root_z_mm": scattered(rows, 1.5),
            "log_width_mm": scattered(torch.tensor([0.7, 1.6]), 0.1),
            "surround": scattered(torch.zeros(1), 0.05),
            "log_gain": scattered(torch.zeros(2 * _SIDE), 0.1),
            "remainder": scattered(torch.zeros(len(x_mm), 2 * _SIDE), 0.05),
            "slope": scattered(torch.ones(1), 0.05),
            "weight": scattered(torch.full((_MUSCLES, 2 * _SIDE), -1.0), 0.3),
            "top": scattered(torch.zeros(_MUSCLES), 0.1),
        }
        if self.depression:
            drawn["used"] = scattered(torch.zeros(_MUSCLES), 0.1)
            drawn["log_recovery_ms"] = scattered(torch.tensor([4.4]), 0.05)
        return drawn

    def respond(self, parameters: Parameters, given: Stimulation) -> tuple[Tensor, Tensor]:
        """Late responses and recruited roots.

        Args:
            parameters: Of the members.
            given: The stimulation.

        Returns:
            Responses (members, trials, 14) and recruited parts of the roots (members, trials, 14).
        """
        outward = given.currents_ma[:, :-1]
        outward = outward * strength(given.pulse_width_us, self.chronaxie_us)[:, None]
        drive = -torch.matmul(outward, self._spread(parameters))
        roots = recruited(drive, 5 * parameters["slope"].abs()[:, :, None])
        pooled = torch.matmul(roots, softplus(parameters["weight"]).transpose(1, 2))
        top = 1.6 * torch.sigmoid(parameters["top"])[:, None]
        size = -top * torch.expm1(-pooled)
        if self.depression:
            kept = 1 - torch.sigmoid(parameters["used"])[:, None]
            tau_ms = parameters["log_recovery_ms"].exp()
            recovered = -torch.expm1(-1e3 / (given.frequency_hz * tau_ms))[..., None]
            pulses = torch.clamp(self.late_ms * given.frequency_hz / 1e3 - 1, min=1)[:, None]
            size = size * late_factor(kept, recovered, pulses)
        return size, roots

    def silence(self, parameters: Parameters, silent: Tensor) -> dict[str, Tensor]:
        """Parameters by which some muscles never respond, such as those of dead electrodes.

        Args:
            parameters: Of the members.
            silent: Which muscles, shape (14,).
        """
        return {**parameters, "top": parameters["top"].masked_fill(silent, NEVER)}

    def penalty(self, parameters: Parameters) -> Tensor:
        """The free remainder shall be small, shape (members,).

        Args:
            parameters: Of the members.
        """
        return _PENALTY * parameters["remainder"].square().mean(dim=(1, 2))

    def _spread(self, parameters: Parameters) -> Tensor:
        """Field of each contact at each root, shape (members, contacts, 14)."""
        across = torch.tensor(self.lead.x_mm[:-1]).float()[:, None]
        along = torch.tensor(self.lead.z_mm[:-1]).float()[:, None]
        offset_x = across - parameters["root_x_mm"][:, None]
        offset_z = along - parameters["root_z_mm"][:, None]
        width_x, width_z = parameters["log_width_mm"].exp()[:, :, None, None].unbind(1)
        near, far = (torch.exp(-0.5 * (offset_z / (n * width_z)) ** 2) for n in (1.0, 2.5))
        profile = near + parameters["surround"][:, :, None] * far
        beside = torch.exp(-0.5 * (offset_x / (2 * width_x)) ** 2)
        gain = parameters["log_gain"].exp()[:, None]
        return gain * profile * beside + _REMAINDER * parameters["remainder"]
