"""The trunk of a network: convolutions over muscles and time, or over muscles and then an LSTM.

Inputs are seen as (batch, 2, muscles, bins), channels last in memory, which is how a movement set
holds them: nothing is copied but to add zeros at the ends.
"""

from collections.abc import Sequence
from copy import deepcopy

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from proprio_tcn.movements.format import BINS
from proprio_tcn.networks.geometry import LayerGeometry, trunk_geometry
from proprio_tcn.networks.initial import Stream, draw_xavier_
from proprio_tcn.networks.normalisation import NormRectify, checked_mask
from proprio_tcn.networks.settings import TrunkSettings

__all__ = ["Block", "Trunk", "build_trunk"]


class Block(nn.Module):
    """Convolution without bias, norm, ReLU.

    Args:
        layer: Its sizes.
        norm: One of `proprio_tcn.networks.settings.NORMS`.
        sides: Zeros that the next layer wants around what comes out.
    """

    def __init__(self, layer: LayerGeometry, norm: str, sides: tuple[int, int, int, int]) -> None:
        super().__init__()
        self.strides = layer.strides
        weight = torch.empty(layer.channels, layer.channels_in, *layer.kernel)
        # as the activations lie: nothing is reordered at a call
        self.weight = nn.Parameter(weight.contiguous(memory_format=torch.channels_last))
        self.norm = NormRectify(layer.channels, norm, sides)

    def forward(self, padded: Tensor, mask: Tensor | None) -> Tensor:
        """From padded input to output padded for the next layer."""
        out: Tensor = self.norm(F.conv2d(padded, self.weight, stride=self.strides), mask)
        return out


class _LSTM(nn.LSTM):
    def reset_parameters(self) -> None:
        """Draw nothing from torch's global generator: the first weights are drawn by seed."""


class Recurrence(nn.Module):
    """LSTM over the bins; numbers of one bin are its input, muscles first, then channels.

    Args:
        layer: Its sizes.
        norm: That of the layers before; "masked" starts each sample where it begins to move.
    """

    def __init__(self, layer: LayerGeometry, norm: str) -> None:
        super().__init__()
        features = layer.channels_in * layer.height_in
        self.starts_moving = norm == "masked"
        self.lstm = _LSTM(features, layer.channels, batch_first=True)

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        """Shapes (batch, channels, muscles, bins) to (batch, units, 1, bins)."""
        series = x.permute(0, 3, 2, 1).flatten(2)
        if not self.starts_moving:
            states, _ = self.lstm(series)
        else:
            moving = checked_mask(mask, x)
            start = moving.to(torch.int8).argmax(1)
            states, _ = self.lstm(_rolled(series, start))
            states = _rolled(states, -start) * moving[:, :, None].to(states.dtype)
        out: Tensor = states.permute(0, 2, 1)[:, :, None, :]
        return out


class Trunk(nn.Module):
    """A network without its head; :func:`build_trunk` draws its first weights.

    Args:
        settings: What it is made of.
        muscles: That it sees.
        bins: Of a sample.

    Attributes:
        geometry: Sizes and times of each layer.

    Raises:
        ValueError: The settings or the sizes are out of range.
    """

    def __init__(self, settings: TrunkSettings, muscles: int, bins: int = BINS) -> None:
        super().__init__()
        self.settings, self.muscles, self.bins = deepcopy(settings), muscles, bins
        self.geometry = list(trunk_geometry(settings, muscles, bins))
        layers: list[nn.Module] = []
        for number, layer in enumerate(self.geometry):
            if layer.kind == "recurrent":
                layers.append(Recurrence(layer, settings.norm))
                continue
            following = self.geometry[number + 1 : number + 2]
            layers.append(Block(layer, settings.norm, _sides(following)))
        self.blocks = nn.ModuleList(layers)

    @property
    def centres(self) -> list[int]:
        """Bin of the input that each output stands for."""
        return [int(one) for one in self.geometry[-1].centres()]

    def forward(self, spindle: Tensor, mask: Tensor | None = None) -> Tensor:
        """Activation of the last layer.

        Args:
            spindle: Muscle lengths and velocities, shape (batch, muscles, bins, 2).
            mask: Moving bins, shape (batch, bins); only a masked norm reads it, and needs it.

        Returns:
            Shape (batch, channels, height, outputs).

        Raises:
            ValueError: The input is of another shape, or a masked norm has no mask.
        """
        x, masks = self.padded(spindle, mask), self.masks(mask)
        for block, moving in zip(self.blocks, masks[1:], strict=True):
            x = block(x, moving)
        return x

    def layers(self, spindle: Tensor, mask: Tensor | None = None) -> list[Tensor]:
        """Activation of every layer, each of shape (batch, channels, height, outputs).

        Args:
            spindle: As for :meth:`forward`.
            mask: As for :meth:`forward`.

        Raises:
            ValueError: As :meth:`forward`.
        """
        x, masks, seen = self.padded(spindle, mask), self.masks(mask), []
        for block, moving in zip(self.blocks, masks[1:], strict=True):
            x = block(x, moving)
            seen.append(block.norm.middle(x) if isinstance(block, Block) else x)
        return seen

    def masks(self, mask: Tensor | None) -> list[Tensor | None]:
        """Which outputs move: at the input, then at each layer; None where the norm asks for none.

        An output moves if one of the ``stride`` bins that it is the only one to stand for does, so
        that no movement falls between outputs.

        Args:
            mask: Moving bins, shape (batch, bins).
        """
        masks: list[Tensor | None] = [None] * (len(self.geometry) + 1)
        if self.settings.norm != "masked" or mask is None:
            return masks
        masks[0] = moving = mask.bool()
        for number, layer in enumerate(self.geometry, start=1):
            step = layer.strides[1]
            if step > 1:
                longer = F.pad(moving, (0, layer.bins * step - layer.bins_in))
                moving = longer.view(longer.shape[0], layer.bins, step).any(2)
            masks[number] = moving
        return masks

    def padded(self, spindle: Tensor, mask: Tensor | None, networks: int = 1) -> Tensor:
        """The input as the first layer sees it: channels first, with zeros at the ends.

        Args:
            spindle: Shape (batch, muscles, bins, 2 * networks).
            mask: As for :meth:`forward`.
            networks: Whose inputs lie side by side.

        Raises:
            ValueError: As :meth:`forward`.
        """
        wanted = (self.muscles, self.bins, 2 * networks)
        if spindle.ndim != 4 or tuple(spindle.shape[1:]) != wanted:
            raise ValueError(
                f"spindle must have shape (batch, {', '.join(map(str, wanted))}), got "
                f"{tuple(spindle.shape)}"
            )
        if self.settings.norm == "masked":
            moving = checked_mask(mask, spindle[..., 0])
            spindle = spindle * moving[:, None, :, None].to(spindle.dtype)
        top, bottom, left, right = _sides(self.geometry[:1])
        padded = F.pad(spindle, (0, 0, left, right, top, bottom))
        return padded.permute(0, 3, 1, 2)


def build_trunk(settings: TrunkSettings, muscles: int, seed: int, *, bins: int = BINS) -> Trunk:
    """Build an untrained trunk; the same seed and settings give the same one for every task.

    Args:
        settings: What it is made of.
        muscles: That it sees.
        seed: Of the first weights.
        bins: Of a sample.

    Raises:
        ValueError: The settings, the sizes or the seed are out of range.
    """
    trunk = Trunk(settings, muscles, bins)
    for number, block in enumerate(trunk.blocks):
        keys = (Stream.TRUNK, number)
        if isinstance(block, Block):
            taps = block.weight[0, 0].numel()
            fans = block.weight.shape[1] * taps, block.weight.shape[0] * taps
            draw_xavier_(block.weight, fans, seed, keys)
        elif isinstance(block, Recurrence):
            _draw_lstm_(block.lstm, seed, keys)
    return trunk


def _draw_lstm_(lstm: nn.LSTM, seed: int, keys: Sequence[int]) -> None:
    """Xavier-uniform weights of each gate, no bias at first."""
    for place, (name, weight) in enumerate(lstm.named_parameters()):
        if name.startswith("weight"):
            fans = weight.shape[1], lstm.hidden_size
            draw_xavier_(weight, fans, seed, (*keys, place))
        else:
            nn.init.zeros_(weight)


def _sides(following: Sequence[LayerGeometry]) -> tuple[int, int, int, int]:
    """Zeros that the next layer wants, if there is one."""
    if not following:
        return 0, 0, 0, 0
    space, time = following[0].padding
    return space.before, space.after, time.before, time.after


def _rolled(series: Tensor, start: Tensor) -> Tensor:
    """Each sample of (batch, bins, features), begun at its own bin and closed into a ring."""
    bins = series.shape[1]
    places = (torch.arange(bins, device=series.device) + start[:, None]) % bins
    return series.gather(1, places[:, :, None].expand_as(series))
