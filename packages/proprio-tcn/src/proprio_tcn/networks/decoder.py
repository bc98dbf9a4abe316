"""The head of the autoencoder: the trunk's layers mirrored, back to lengths and velocities."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from proprio_tcn.networks.geometry import LayerGeometry
from proprio_tcn.networks.head_settings import HeadSettings, decoder_channels
from proprio_tcn.networks.heads import Dropout, Linear, Masks, by_bin
from proprio_tcn.networks.initial import Stream, draw_xavier_
from proprio_tcn.networks.normalisation import NormRectify

__all__ = ["Decoder"]


class Decoder(nn.Module):
    """Transposed convolutions, then a linear layer at each bin: (batch, muscles, bins, 2).

    Before them stand two linear layers at each output where there is a bottleneck.

    Args:
        settings: Of the head.
        geometry: Of the trunk.
        norm: That of the trunk.
        seed: Of the first weights.
    """

    def __init__(
        self, settings: HeadSettings, geometry: list[LayerGeometry], norm: str, seed: int
    ) -> None:
        super().__init__()
        layers = [layer for layer in geometry if layer.kind != "recurrent"]
        self.top, narrow = layers[-1], settings.bottleneck
        self.dropout = Dropout(0 if narrow else settings.dropout, seed)
        self.recurrent = len(layers) < len(geometry)
        given, self.squeeze, self.spread = geometry[-1].features, None, None
        if narrow:
            self.squeeze = Linear(given, narrow, seed, len(layers) + 2)
        if narrow or self.recurrent:
            self.spread = Linear(narrow or given, self.top.features, seed, 0)
        pairs = zip(reversed(layers), decoder_channels(geometry), strict=True)
        self.blocks = nn.ModuleList(
            _Mirrored(layer, outputs, norm, seed, place)
            for place, (layer, (_, outputs)) in enumerate(pairs, start=1)
        )
        self.muscles = geometry[0].height_in
        inputs = self.muscles * decoder_channels(geometry)[-1][1]
        self.linear = Linear(inputs, 2 * self.muscles, seed, len(self.blocks) + 1)

    def forward(self, features: Tensor, masks: Masks, target: Tensor | None) -> Tensor:
        """See :mod:`proprio_tcn.networks.heads`."""
        x = self.dropout(features)
        levels = list(reversed(masks))[1:]
        if self.recurrent:
            levels = levels[1:]
        if self.spread is not None:
            series = by_bin(x) if self.squeeze is None else self.squeeze(by_bin(x))
            spread = self.spread(series).unflatten(2, (self.top.height, self.top.channels))
            x = spread.permute(0, 3, 2, 1)
        for block, moving in zip(self.blocks, levels, strict=True):
            x = block(x, moving)
        numbers: Tensor = self.linear(by_bin(x)).unflatten(2, (self.muscles, 2))
        return numbers.transpose(1, 2)


class _Mirrored(nn.Module):
    """A layer's convolution transposed and cut to what went into it, norm, ReLU."""

    def __init__(
        self, layer: LayerGeometry, outputs: int, norm: str, seed: int, place: int
    ) -> None:
        super().__init__()
        self.layer = layer
        self.weight = nn.Parameter(torch.empty(layer.channels, outputs, *layer.kernel))
        taps = layer.kernel[0] * layer.kernel[1]
        fans = layer.channels * taps, outputs * taps
        draw_xavier_(self.weight, fans, seed, (Stream.HEAD, place))
        self.norm = NormRectify(outputs, norm)

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        space, time = self.layer.padding
        wide = F.conv_transpose2d(x, self.weight, stride=self.layer.strides)
        rows = slice(space.before, space.before + self.layer.height_in)
        cut = wide[:, :, rows, time.before : time.before + self.layer.bins_in]
        out: Tensor = self.norm(cut, mask)
        return out
