"""The stations from a contact to a muscle, as a differentiable form with few numbers to learn.

Current spreads from the contacts to fourteen roots, seven on each side, at places that are the same
on both sides but for a shift of the lead. A root is met where it enters the cord and, more weakly,
further down where it passes. Its fibres answer in proportion to the logarithm of the drive over
their threshold. Each muscle pools the roots of its side, and a little of the other; a Hill curve
makes the pool's response, which is depressed by those before it. Noise adds a floor to a
peak-to-peak, and so to the form.

The spread falls by a learnt power of the distance, with a Gaussian surround of either sign: it
solves no field equation, and is not what a simulator has. The widths along and across the cord are
learnt too.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from spinal_rnn.lead import SPECIFY_565, Lead
from spinal_rnn.models.forms import (
    NEVER,
    Parameters,
    Stimulation,
    late_factor,
    recruited,
    strength,
)

__all__ = ["AnatomicalForm"]

_SIDE = 7
_MUSCLES = 14
_KERNELS = ("rational", "free")
_MIDDLE_HZ = 40.0
_SHARPNESS = 6.0
_LIKE_GAINS, _LIKE_SIDES = 1e-3, 1e-4
_STRAIGHT_X, _STRAIGHT_Z = 3e-4, 1e-4


@dataclass(frozen=True)
class AnatomicalForm:
    """The default form, and what can be left out of it.

    Attributes:
        lead: Where the contacts lie.
        kernel: "rational", or "free" for a number for each contact and root, without places.
        shared_positions: Roots at mirror images but for one shift; False places all fourteen.
        depression: Responses depress those after them; False makes the frequency no matter.
        floor: Noise adds a floor; False leaves it out.
        late_ms: How long the responses of a trial can be seen, `spinal_rnn.responses.late_ms`.
        chronaxie_us: Of the roots' fibres.

    Raises:
        ValueError: The kernel is unknown.
    """

    lead: Lead = SPECIFY_565
    kernel: str = "rational"
    shared_positions: bool = True
    depression: bool = True
    floor: bool = True
    late_ms: float = 165.0
    chronaxie_us: float = 300.0

    def __post_init__(self) -> None:
        if self.kernel not in _KERNELS:
            raise ValueError(f"kernel must be one of {', '.join(_KERNELS)}, got {self.kernel!r}")

    def draw(self, members: int, generator: torch.Generator) -> dict[str, Tensor]:
        """First parameters, scattered about values that suit any lead: nothing of one subject.

        Args:
            members: How many.
            generator: Of the scatter.

        Returns:
            By name, shape (members, ...).
        """

        def scattered(start: object, deviation: float) -> Tensor:
            mean = torch.as_tensor(start)
            return mean + deviation * torch.randn((members, *mean.shape), generator=generator)

        x_mm, z_mm = _places(self.lead)
        rows = torch.linspace(float(z_mm.min()), float(z_mm.max()), _SIDE)
        beside = float(x_mm.abs().max())
        drawn: dict[str, Tensor] = {}
        if self.kernel == "free":
            drawn["spread"] = scattered(torch.full((len(x_mm), 2 * _SIDE), 0.2), 0.1)
        elif self.shared_positions:
            drawn["root_x_mm"] = scattered([beside] * _SIDE, 0.3)
            drawn["root_z_mm"] = scattered(rows, 1.5)
            drawn["shift_mm"] = scattered([0.0, 0.0], 0.3)
        else:
            drawn["root_x_mm"] = scattered([-beside] * _SIDE + [beside] * _SIDE, 0.3)
            drawn["root_z_mm"] = scattered(rows.repeat(2), 1.5)
        if self.kernel == "rational":
            # across and along the cord, of the core and of the surround
            drawn["log_width_mm"] = scattered([[1.4, 1.8], [1.8, 2.7]], 0.05)
            drawn["log_power"] = scattered([0.7], 0.05)
            drawn["surround"] = scattered([-0.05], 0.03)
            drawn["node_mm"] = scattered([0.7, 8.0], 0.3)
            drawn["node_weight"] = scattered([-0.5], 0.05)
        drawn["log_gain"] = scattered([0.0] * _SIDE, 0.1)
        drawn["log_gain_beside"] = scattered([0.0] * 2 * _SIDE, 0.02)
        drawn["log_slope"] = scattered([1.4], 0.05)
        drawn["weight"] = scattered(torch.zeros(_SIDE, _SIDE), 0.3)
        drawn["weight_beside"] = scattered(torch.zeros(_MUSCLES, _SIDE), 0.05)
        drawn["spill"] = scattered([-3.0], 0.0)
        drawn["log_pool"] = scattered([0.7, -0.5], 0.0)
        drawn["log_top"] = scattered([0.0] * _MUSCLES, 0.02)
        if self.depression:
            drawn["used"] = scattered([0.0] * _MUSCLES, 0.05)
            drawn["used_at_rest"] = scattered([-1.0, 1.0], 0.0)
            drawn["log_recovery_ms"] = scattered([4.4], 0.0)
        if self.floor:
            drawn["log_floor"] = scattered([-3.0] * _MUSCLES, 0.0)
            drawn["floor_slope"] = scattered([0.0], 0.0)
        return drawn

    def respond(self, parameters: Parameters, given: Stimulation) -> tuple[Tensor, Tensor]:
        """Late responses and recruited roots.

        Args:
            parameters: Of the members.
            given: The stimulation.

        Returns:
            Responses as parts of a muscle's large one, shape (members, trials, 14), and recruited
            parts of the roots, left then right, shape (members, trials, 14).
        """
        roots = recruited(self.drive(parameters, given), _wide(parameters["log_slope"]).exp())
        size = self.pool(parameters, roots)
        if self.depression:
            size = size * self.resource(parameters, size, given.frequency_hz)
        size = size * parameters["log_top"].exp()[:, None]
        if self.floor:
            # the largest of fewer samples is smaller: a short period has a lower floor
            slope = (given.frequency_hz / _MIDDLE_HZ).log() * parameters["floor_slope"]
            floor = (parameters["log_floor"][:, None] - slope[..., None]).exp()
            size = torch.sqrt(size**2 + floor**2)
        return size, roots

    def silence(self, parameters: Parameters, silent: Tensor) -> dict[str, Tensor]:
        """Parameters by which some muscles never respond, such as those of dead electrodes.

        Args:
            parameters: Of the members.
            silent: Which muscles, shape (14,).
        """
        return {
            name: one.masked_fill(silent, NEVER) if name in ("log_top", "log_floor") else one
            for name, one in parameters.items()
        }

    def penalty(self, parameters: Parameters) -> Tensor:
        """Roots lie in smooth rows, have like thresholds, and serve both sides alike.

        Args:
            parameters: Of the members.

        Returns:
            Shape (members,).
        """
        gains = parameters["log_gain"].square().mean(dim=1)
        gains = gains + parameters["log_gain_beside"].square().mean(dim=1)
        beside = parameters["weight_beside"].square().mean(dim=(1, 2))
        total = _LIKE_GAINS * gains + _LIKE_SIDES * beside
        if self.kernel == "free":
            return total
        x_mm, z_mm = (
            parameters[f"root_{axis}_mm"].reshape(len(beside), -1, _SIDE) for axis in "xz"
        )
        bend = z_mm.diff(n=2).square().mean(dim=(1, 2))
        step = x_mm.diff().square().mean(dim=(1, 2))
        return total + _STRAIGHT_Z * bend + _STRAIGHT_X * step

    def roots_mm(self, parameters: Parameters) -> tuple[Tensor, Tensor]:
        """Where the roots lie: x and z, left then right, each of shape (members, 14).

        Args:
            parameters: Of a form with places.
        """
        x_mm, z_mm = parameters["root_x_mm"], parameters["root_z_mm"]
        if not self.shared_positions:
            return x_mm, z_mm
        shift = parameters["shift_mm"]
        return (
            torch.cat([-x_mm, x_mm], dim=1) + shift[:, :1],
            z_mm.repeat(1, 2) + shift[:, 1:],
        )

    def weights(self, parameters: Parameters) -> Tensor:
        """What part of a muscle's pool each root is: shape (members, 14 muscles, 14 roots).

        Args:
            parameters: Of the members.
        """
        shared = parameters["weight"].repeat(1, 2, 1)
        own = torch.softmax(shared + parameters["weight_beside"], dim=-1)
        spill = torch.sigmoid(_wide(parameters["spill"]))
        left, right = own.chunk(2, dim=1)
        rows = (
            torch.cat([left * (1 - spill), left * spill], dim=2),
            torch.cat([right * spill, right * (1 - spill)], dim=2),
        )
        return torch.cat(rows, dim=1)

    def drive(self, parameters: Parameters, given: Stimulation) -> Tensor:
        """Drive of each root in units of its threshold, shape (members, trials, 14).

        Args:
            parameters: Of the members.
            given: The stimulation.
        """
        spread = self._spread(parameters)
        outward = given.currents_ma[:, : spread.shape[1]]
        outward = outward * strength(given.pulse_width_us, self.chronaxie_us)[:, None]
        at_nodes = torch.stack(
            torch.split(torch.matmul(outward, -spread), 2 * _SIDE, dim=-1), dim=-2
        )
        gain = (parameters["log_gain"].repeat(1, 2) + parameters["log_gain_beside"]).exp()
        # the node that is driven the most decides, smoothly
        best = torch.logsumexp(_SHARPNESS * at_nodes, dim=-2) - math.log(at_nodes.shape[-2])
        return best / _SHARPNESS * gain[:, None]

    def pool(self, parameters: Parameters, roots: Tensor) -> Tensor:
        """Response of each muscle to recruited roots before depression, 1 at most.

        Args:
            parameters: Of the members.
            roots: Recruited parts, shape (members, trials, 14).
        """
        pooled = torch.matmul(roots, self.weights(parameters).transpose(1, 2))
        power, half = parameters["log_pool"].exp()[:, :, None, None].unbind(1)
        return (1 + half**power) / (1 + (half / (pooled + 1e-4)) ** power)

    def resource(self, parameters: Parameters, size: Tensor, frequency_hz: Tensor) -> Tensor:
        """What depression leaves of the late responses on average.

        Args:
            parameters: Of a form with depression.
            size: Undepressed responses, shape (members, trials, 14).
            frequency_hz: Shape (trials,).
        """
        kept, recovered = self.use(parameters, size, frequency_hz)
        pulses = torch.clamp(self.late_ms * frequency_hz / 1e3 - 1, min=1)[:, None]
        return late_factor(kept, recovered, pulses)

    def use(
        self, parameters: Parameters, size: Tensor, frequency_hz: Tensor
    ) -> tuple[Tensor, Tensor]:
        """What a pulse leaves of the resource and what comes back until the next.

        Args:
            parameters: Of a form with depression.
            size: Undepressed responses, shape (members, trials, 14).
            frequency_hz: Shape (trials,).

        Returns:
            Kept parts, shape (members, trials, 14), and recovered ones, (members, trials, 1).
        """
        at_rest, steepness = parameters["used_at_rest"][:, :, None, None].unbind(1)
        relative = 1 - (1 - torch.sigmoid(at_rest)) * torch.exp(-steepness.exp() * size)
        kept = 1 - torch.sigmoid(parameters["used"])[:, None] * relative
        tau_ms = parameters["log_recovery_ms"].exp()
        return kept, -torch.expm1(-1e3 / (frequency_hz * tau_ms))[..., None]

    def _spread(self, parameters: Parameters) -> Tensor:
        """Field of each contact at the nodes of each root: (members, contacts, nodes * 14)."""
        if self.kernel == "free":
            return parameters["spread"]
        x_mm, z_mm = self.roots_mm(parameters)
        lateral = torch.tensor([-1.0] * _SIDE + [1.0] * _SIDE)
        further_x, further_z = parameters["node_mm"].unsqueeze(-1).unbind(1)
        nodes_x = torch.cat([x_mm, x_mm + lateral * further_x], dim=1)[:, None]
        nodes_z = torch.cat([z_mm, z_mm + further_z], dim=1)[:, None]
        contacts_x, contacts_z = _places(self.lead)
        offset = torch.stack([contacts_x[:, None] - nodes_x, contacts_z[:, None] - nodes_z], dim=1)
        width = torch.exp(-parameters["log_width_mm"])
        near, far = (((offset * width[:, one, :, None, None]) ** 2).sum(dim=1) for one in (0, 1))
        power = _wide(parameters["log_power"].exp())
        field = (1 + near / power) ** -power
        field = field + _wide(parameters["surround"]) * torch.exp(-0.5 * far)
        weight = torch.sigmoid(_wide(parameters["node_weight"]))
        entry, passing = field.chunk(2, dim=2)
        return torch.cat([entry, weight * passing], dim=2)


def _places(lead: Lead) -> tuple[Tensor, Tensor]:
    """Places of the contacts without the case: x and z in mm, float32."""
    return torch.tensor(lead.x_mm[:-1]).float(), torch.tensor(lead.z_mm[:-1]).float()


def _wide(numbers: Tensor) -> Tensor:
    """One number for each member, (members, 1), to go with (members, trials, roots)."""
    return numbers[:, :, None]
