"""Heads: from the activation of a trunk to what a task asks for.

Every head is called with the features, (batch, channels, height, outputs), the masks of all levels
of the trunk (the input's first) and the target of a reach, and reads what it needs.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from neuro_common.seeding import generator
from proprio_tcn.networks.geometry import LayerGeometry
from proprio_tcn.networks.head_settings import (
    PROJECTED,
    TARGET_CHANNELS,
    TORQUE_UNITS,
    HeadSettings,
)
from proprio_tcn.networks.initial import Stream, draw_xavier_
from proprio_tcn.networks.normalisation import NormRectify

__all__ = ["Classifier", "Dropout", "Linear", "Projector", "Regressor", "TorqueHead", "by_bin"]

Masks = Sequence[Tensor | None]


def by_bin(features: Tensor) -> Tensor:
    """Numbers of each output bin side by side, (batch, outputs, height * channels)."""
    return features.permute(0, 3, 2, 1).flatten(2)


class Linear(nn.Linear):
    """A linear layer whose first weights are drawn by seed and place, without bias at first."""

    def __init__(
        self, inputs: int, outputs: int, seed: int, place: int, *, bias: bool = True
    ) -> None:
        super().__init__(inputs, outputs, bias=bias)
        draw_xavier_(self.weight, (inputs, outputs), seed, (Stream.HEAD, place))
        if bias:
            nn.init.zeros_(self.bias)

    def reset_parameters(self) -> None:
        """Draw nothing from torch's global generator."""


class Dropout(nn.Module):
    """Leave out a share of the numbers in training, drawn by a generator of its own.

    Under torch.compile torch's global generator draws instead.

    Args:
        rate: Share that is left out; the others are scaled up to keep the mean.
        seed: Of the network.
    """

    def __init__(self, rate: float, seed: int) -> None:
        super().__init__()
        self.rate = rate
        self.reseed(seed)

    def reseed(self, seed: int, *keys: int) -> None:
        """Begin the draws anew, as in an update of that number: what resumes draws the same."""
        self._seed = int(generator(seed, Stream.DROPOUT, *keys).integers(2**63))
        self._drawn: torch.Generator | None = None

    def forward(self, x: Tensor) -> Tensor:
        """Shape as it comes."""
        if not self.training or self.rate == 0:
            return x
        if torch.compiler.is_compiling():
            return F.dropout(x, self.rate)
        if self._drawn is None or self._drawn.device != x.device:
            self._drawn = torch.Generator(x.device).manual_seed(self._seed)
        kept = torch.rand(x.shape, generator=self._drawn, device=x.device) >= self.rate
        return x * kept.to(x.dtype) / (1 - self.rate)


class _SampleView(nn.Module):
    """What a head for whole samples sees of one."""

    def __init__(self, settings: HeadSettings, last: LayerGeometry) -> None:
        super().__init__()
        self.pooled = settings.readout == "pooled"
        self.last_state = last.kind == "recurrent" and not self.pooled

    def forward(self, features: Tensor, masks: Masks) -> Tensor:
        moving = masks[-1]
        if self.last_state:
            return _last_state(features, moving)
        if not self.pooled:
            # muscles, bins, channels: as they lie in memory
            return features.permute(0, 2, 3, 1).flatten(1)
        series = by_bin(features)
        if moving is None:
            return series.mean(1)
        # what does not move is zero already
        return series.sum(1) / moving.sum(1, keepdim=True).clamp(min=1).to(series.dtype)


class Classifier(nn.Module):
    """Scores of each letter, (batch, letters)."""

    def __init__(self, settings: HeadSettings, last: LayerGeometry, seed: int) -> None:
        super().__init__()
        self.view = _SampleView(settings, last)
        self.dropout = Dropout(settings.dropout, seed)
        self.linear = Linear(settings.sample_features(last), settings.outputs, seed, 0)

    def forward(self, features: Tensor, masks: Masks, target: Tensor | None) -> Tensor:
        """See the module.

        Features (samples, features) give outputs (samples, classes).
        """
        scores: Tensor = self.linear(self.dropout(self.view(features, masks)))
        return scores


class Regressor(nn.Module):
    """Numbers at each output bin, (batch, numbers, outputs)."""

    def __init__(self, settings: HeadSettings, last: LayerGeometry, seed: int) -> None:
        super().__init__()
        self.linear = Linear(last.features, settings.outputs, seed, 0)

    def forward(self, features: Tensor, masks: Masks, target: Tensor | None) -> Tensor:
        """See the module."""
        numbers: Tensor = self.linear(by_bin(features)).transpose(1, 2)
        return numbers


class TorqueHead(nn.Module):
    """Torques at each output bin, (batch, torques, outputs), from features and the reach's target.

    The target is read at the bins that the outputs stand for.
    """

    def __init__(
        self, settings: HeadSettings, last: LayerGeometry, norm: str, bins: int, seed: int
    ) -> None:
        super().__init__()
        self.bins = bins
        # a slice: a list of bins would be copied to the device at every call
        end = last.first_centre + last.stride * last.bins
        self.centres = slice(last.first_centre, min(end, bins), last.stride)
        inputs = last.features + TARGET_CHANNELS
        self.hidden = Linear(inputs, TORQUE_UNITS, seed, 0, bias=False)
        self.norm = NormRectify(TORQUE_UNITS, norm)
        self.linear = Linear(TORQUE_UNITS, settings.outputs, seed, 1)

    def forward(self, features: Tensor, masks: Masks, target: Tensor | None) -> Tensor:
        """See the module.

        Raises:
            ValueError: The target is missing or of another shape.
        """
        wanted = (features.shape[0], TARGET_CHANNELS, self.bins)
        if target is None or tuple(target.shape) != wanted:
            got = "none" if target is None else f"shape {tuple(target.shape)}"
            raise ValueError(f"the torque head needs a target of shape {wanted}, got {got}")
        told = target[:, :, self.centres].transpose(1, 2).to(features.dtype)
        hidden = self.hidden(torch.cat([by_bin(features), told], dim=2))
        rectified = self.norm(hidden.transpose(1, 2)[:, :, None, :], masks[-1])
        torques: Tensor = self.linear(rectified[:, :, 0, :].transpose(1, 2)).transpose(1, 2)
        return torques


class Projector(nn.Module):
    """A vector for each sample, (batch, length), through two layers with batch norm.

    Batch norm is always that of the batch, as published: the head serves the loss alone.
    """

    def __init__(self, settings: HeadSettings, last: LayerGeometry, seed: int) -> None:
        super().__init__()
        self.view = _SampleView(settings, last)
        self.dropout = Dropout(settings.dropout, seed)
        inputs = settings.sample_features(last)
        self.layers = nn.Sequential(
            Linear(inputs, PROJECTED, seed, 0, bias=False),
            nn.BatchNorm1d(PROJECTED, track_running_stats=False),
            nn.ReLU(),
            Linear(PROJECTED, PROJECTED, seed, 1, bias=False),
            nn.BatchNorm1d(PROJECTED, track_running_stats=False),
            nn.ReLU(),
            Linear(PROJECTED, settings.outputs, seed, 2),
        )

    def forward(self, features: Tensor, masks: Masks, target: Tensor | None) -> Tensor:
        """See the module."""
        vector: Tensor = self.layers(self.dropout(self.view(features, masks)))
        return vector


def _last_state(features: Tensor, moving: Tensor | None) -> Tensor:
    """Numbers of the last bin, or of the last one that moves."""
    series = by_bin(features)
    if moving is None:
        return series[:, -1]
    last = features.shape[-1] - 1 - moving.to(torch.int8).flip(1).argmax(1)
    return series[torch.arange(series.shape[0], device=series.device), last]
