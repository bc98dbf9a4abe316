"""Networks of one trunk that run together: other seeds, or other tasks.

Trunks lie side by side as groups of channels, so that a layer of all of them is one convolution and
one norm. The members stay networks of their own: gradients arrive in their parameters, each can
have its optimiser, be saved and be run alone.
"""

from collections.abc import Iterable, Sequence
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from proprio_tcn.networks.making import Network
from proprio_tcn.networks.normalisation import norm_rectify
from proprio_tcn.networks.trunk import Block, Trunk

__all__ = ["Ensemble"]

# measured with eight networks: 1.1 to 1.6 times faster up to here, slower for larger ones
_SMALL_BATCH = {
    "spatial_temporal": 4,
    "temporal_spatial": 4,
    "spatiotemporal": 16,
    "recurrent": 4,
}


class Ensemble(nn.Module):
    """Networks with trunks of the same settings, run together; heads may differ.

    What a member gives here it gives alone, to rounding.

    Args:
        networks: Members, on one device and of one dtype.
        grouped: Whether the trunks run as groups of one convolution; else one after the other.
            None decides at each call: groups on a GPU, and on a CPU where they were found
            faster, for batches of up to 4 samples, up to 16 for spatiotemporal trunks.

    Attributes:
        networks: The members.

    Raises:
        ValueError: There is no member, their trunks are not alike, or they are to run as groups and
            hold other fixed numbers, such as scales of the input.
    """

    networks: Sequence[Network]

    def __init__(self, networks: Iterable[Network], *, grouped: bool | None = None) -> None:
        super().__init__()
        members = nn.ModuleList(networks)
        self.networks = cast("Sequence[Network]", members)
        self.grouped = grouped
        if len(members) == 0:
            raise ValueError("networks must hold at least one network, got none")
        wanted = _kind(self.networks[0].trunk)
        for number, network in enumerate(self.networks):
            for name, found in _kind(network.trunk).items():
                if found != wanted[name]:
                    raise ValueError(
                        f"networks must have trunks alike, but {name} is {wanted[name]} in number "
                        f"0 and {found} in number {number}"
                    )
        self._same_inputs = all(_same_buffers(self.networks[0], one) for one in self.networks)
        if grouped and not self._same_inputs:
            raise ValueError(
                "networks that run as groups must have trunks with the same fixed numbers, such as "
                "scales of the input, but some differ: give grouped=False"
            )

    def forward(
        self, spindle: Tensor, mask: Tensor | None = None, target: Tensor | None = None
    ) -> list[Tensor]:
        """Do the task of every member.

        Args:
            spindle: What all members see, shape (batch, muscles, bins, 2), or what each of them
                sees, shape (members, batch, muscles, bins, 2).
            mask: Moving bins, shape (batch, bins), of all of them.
            target: As for one network, of all of them.

        Returns:
            What each member gives, as alone.

        Raises:
            ValueError: As one network, or ``spindle`` is not one for each member.
        """
        masks = self.networks[0].trunk.masks(mask)
        pairs = zip(self.networks, self.features(spindle, mask), strict=True)
        return [network.head(features, masks, target) for network, features in pairs]

    def features(self, spindle: Tensor, mask: Tensor | None = None) -> list[Tensor]:
        """What the trunk of each member gives.

        Args:
            spindle: As for :meth:`forward`.
            mask: As for :meth:`forward`.

        Raises:
            ValueError: As :meth:`forward`.
        """
        members = len(self.networks)
        if spindle.ndim == 5 and len(spindle) != members:
            raise ValueError(
                f"spindle must be one for each of {members} members, got {len(spindle)}"
            )
        if not self._in_groups(spindle):
            own = spindle.unbind() if spindle.ndim == 5 else [spindle] * members
            pairs = zip(self.networks, own, strict=True)
            return [network.trunk(seen, mask) for network, seen in pairs]
        return self._grouped(spindle, mask)

    def _in_groups(self, spindle: Tensor) -> bool:
        if self.grouped is not None:
            return self.grouped and len(self.networks) > 1
        small = spindle.shape[-4] <= _SMALL_BATCH[self.networks[0].trunk.settings.family]
        faster = spindle.device.type != "cpu" or small
        return faster and self._same_inputs and len(self.networks) > 1

    def _grouped(self, spindle: Tensor, mask: Tensor | None) -> list[Tensor]:
        trunks = [network.trunk for network in self.networks]
        members, first = len(trunks), trunks[0]
        groups = 1
        if spindle.ndim == 5:
            # the members' lengths and velocities become channels
            groups = members
            spindle = spindle.permute(1, 2, 3, 0, 4).flatten(3)
        x, masks = first.padded(spindle, mask, groups), first.masks(mask)
        for number, (block, moving) in enumerate(zip(first.blocks, masks[1:], strict=True)):
            each = [trunk.blocks[number] for trunk in trunks]
            if not isinstance(block, Block):
                parts = x.chunk(members, 1)
                return [one(part, moving) for one, part in zip(each, parts, strict=True)]
            blocks = cast("list[Block]", each)
            weight = torch.cat([one.weight for one in blocks])
            x = norm_rectify(
                F.conv2d(x, weight, stride=block.strides, groups=groups),
                torch.cat([one.norm.scale for one in blocks]),
                torch.cat([one.norm.shift for one in blocks]),
                block.norm.kind,
                mask=moving,
                sides=block.norm.sides,
                networks=members,
                compiled=block.norm.compiled,
            )
            groups = members
        return list(x.chunk(members, 1))


def _kind(trunk: Trunk) -> dict[str, object]:
    """What members must have in common."""
    one = next(trunk.parameters())
    return {
        "class": type(trunk).__name__,
        "settings": trunk.settings.facts(),
        "muscles": trunk.muscles,
        "bins": trunk.bins,
        "dtype": one.dtype,
        "device": one.device,
    }


def _same_buffers(one: Network, other: Network) -> bool:
    """Whether trunks hold the same numbers beside those that are trained."""
    pairs = zip(one.trunk.buffers(), other.trunk.buffers(), strict=True)
    return all(torch.equal(first, second) for first, second in pairs)
