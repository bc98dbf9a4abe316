"""Networks for tasks: a trunk and a head, from settings and a seed."""

from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

from torch import Tensor, nn

from proprio_tcn.movements.format import BINS
from proprio_tcn.networks.decoder import Decoder
from proprio_tcn.networks.head_settings import HeadSettings
from proprio_tcn.networks.heads import Classifier, Dropout, Projector, Regressor, TorqueHead
from proprio_tcn.networks.settings import TrunkSettings
from proprio_tcn.networks.trunk import Trunk, build_trunk

__all__ = ["Network", "build_head", "build_network", "network_from_facts"]


class Network(nn.Module):
    """A trunk with a head.

    Args:
        trunk: The trunk.
        head: The head.
        head_settings: What the head is made of.
        seed: Of the first weights, and of what dropout draws.
    """

    def __init__(
        self, trunk: Trunk, head: nn.Module, head_settings: HeadSettings, seed: int
    ) -> None:
        super().__init__()
        self.trunk, self.head = trunk, head
        self.head_settings, self.seed = replace(head_settings), seed

    @property
    def centres(self) -> list[int]:
        """Bin of the input that each output in time stands for."""
        return self.trunk.centres

    def forward(
        self, spindle: Tensor, mask: Tensor | None = None, target: Tensor | None = None
    ) -> Tensor:
        """Do the task.

        Args:
            spindle: Muscle lengths (mm) and velocities (mm/s), shape (batch, muscles, bins, 2).
            mask: Moving bins, shape (batch, bins); a masked norm needs it, others do not read it.
            target: Of a reach, in cm, shape (batch, 3, bins); the torque head needs it.

        Returns:
            What the head gives: scores (batch, letters), numbers (batch, channels, outputs), the
            input again (batch, muscles, bins, 2), or vectors (batch, length).

        Raises:
            ValueError: An input is missing or of another shape.
        """
        masks = self.trunk.masks(mask)
        out: Tensor = self.head(self.trunk(spindle, mask), masks, target)
        return out

    def reseed(self, *keys: int) -> None:
        """Let dropout draw anew; give the number of the update, and what resumes is the same."""
        for module in self.modules():
            if isinstance(module, Dropout):
                module.reseed(self.seed, *keys)

    def facts(self) -> dict[str, Any]:
        """What :func:`network_from_facts` builds the same network from, in plain values."""
        trunk = self.trunk
        return {
            "trunk": asdict(trunk.settings),
            "head": asdict(self.head_settings),
            "muscles": trunk.muscles,
            "bins": trunk.bins,
            "seed": self.seed,
        }


def build_head(settings: HeadSettings, trunk: Trunk, seed: int) -> nn.Module:
    """Build an untrained head; its first weights do not depend on those of the trunk.

    Args:
        settings: What it is made of.
        trunk: What it is put on.
        seed: Of the first weights.

    Raises:
        ValueError: The settings or the seed are out of range.
    """
    replace(settings)  # checks them anew: they may have been changed since they were made
    last, norm = trunk.geometry[-1], trunk.settings.norm
    if settings.kind == "classify":
        return Classifier(settings, last, seed)
    if settings.kind == "regress":
        return Regressor(settings, last, seed)
    if settings.kind == "torque":
        return TorqueHead(settings, last, norm, trunk.bins, seed)
    if settings.kind == "project":
        return Projector(settings, last, seed)
    return Decoder(settings, trunk.geometry, norm, seed)


def build_network(
    trunk: TrunkSettings, head: HeadSettings, muscles: int, seed: int, *, bins: int = BINS
) -> Network:
    """Build an untrained network.

    Networks of one seed and trunk begin with the same trunk, whatever the head.

    Args:
        trunk: What the trunk is made of.
        head: What the head is made of.
        muscles: That the network sees.
        seed: Of the first weights, in [0, 2**128).
        bins: Of a sample.

    Raises:
        ValueError: The settings, the sizes or the seed are out of range.
    """
    body = build_trunk(trunk, muscles, seed, bins=bins)
    return Network(body, build_head(head, body, seed), head, seed)


def network_from_facts(facts: Mapping[str, Any]) -> Network:
    """Build the network, untrained, that gave these facts.

    Args:
        facts: From :meth:`Network.facts`.

    Raises:
        ValueError: Something is missing, unknown or out of range.
    """
    try:
        trunk, head = TrunkSettings(**facts["trunk"]), HeadSettings(**facts["head"])
        sizes = int(facts["muscles"]), int(facts["seed"])
        return build_network(trunk, head, *sizes, bins=int(facts["bins"]))
    except (KeyError, TypeError) as error:
        raise ValueError(f"facts are not those of a network: {error}") from error
