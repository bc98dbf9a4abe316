"""What is put on a trunk for a task; needs no torch."""

from collections.abc import Sequence
from dataclasses import dataclass

from proprio_tcn.networks.geometry import LayerGeometry

__all__ = [
    "HEADS",
    "PROJECTED",
    "READOUTS",
    "TARGET_CHANNELS",
    "TORQUE_UNITS",
    "HeadSettings",
    "decoder_channels",
    "head_parameters",
]

HEADS = ("classify", "regress", "torque", "decode", "project")
READOUTS = ("flatten", "pooled")
PROJECTED = 256
"""Units of each layer of the projector."""
TORQUE_UNITS = 128
"""Units between features and torques."""
TARGET_CHANNELS = 3
"""Coordinates of a reach's target, which the torque head is told."""


@dataclass
class HeadSettings:
    """A head.

    Attributes:
        kind: "classify" (one answer for a sample), "regress" (numbers at each output bin),
            "torque" (the same, told where the reach goes), "decode" (the input again) or "project"
            (a vector for a sample, for the redundancy-reduction loss).
        outputs: Letters, numbers at each bin, or length of the vector; "decode" gives muscle
            lengths and velocities and reads it not.
        readout: How "classify" and "project" see a sample: all outputs side by side, as published,
            or their mean over time, with a small part of the parameters. On an LSTM the first is
            its last state.
        dropout: Share of the features that is left out in training, in heads other than "regress"
            and "torque"; the published network keeps 0.7 of them.
        bottleneck: Numbers of each output that "decode" sees; 0 for all that the trunk gives, as
            published. Fewer leave it no dropout.

    Raises:
        ValueError: An option is unknown, or a number out of its range.
    """

    kind: str
    outputs: int
    readout: str = "flatten"
    dropout: float = 0.3
    bottleneck: int = 0

    def __post_init__(self) -> None:
        for name, choices in (("kind", HEADS), ("readout", READOUTS)):
            if getattr(self, name) not in choices:
                raise ValueError(
                    f"head {name} must be one of {', '.join(choices)}, got {getattr(self, name)!r}"
                )
        if self.outputs < 1:
            raise ValueError(f"head outputs must be at least 1, got {self.outputs}")
        if self.bottleneck < 0:
            raise ValueError(f"head bottleneck must be at least 0, got {self.bottleneck}")
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout must be in [0, 1), got {self.dropout}")

    def sample_features(self, last: LayerGeometry) -> int:
        """Numbers that "classify" and "project" see of a sample."""
        whole = self.readout == "flatten" and last.kind != "recurrent"
        return last.features * (last.bins if whole else 1)


def decoder_channels(geometry: Sequence[LayerGeometry]) -> list[tuple[int, int]]:
    """Channels in and out of each transposed convolution, from the last layer to the first."""
    layers = [layer for layer in geometry if layer.kind != "recurrent"]
    return [
        (layer.channels, layers[number - 1].channels if number else layer.channels)
        for number, layer in reversed(list(enumerate(layers)))
    ]


def head_parameters(settings: HeadSettings, geometry: Sequence[LayerGeometry]) -> int:
    """Trained numbers of a head, without building it.

    Args:
        settings: Of the head.
        geometry: Of the trunk.
    """
    last, outputs = geometry[-1], settings.outputs
    if settings.kind == "classify":
        return _linear(settings.sample_features(last), outputs)
    if settings.kind == "regress":
        return _linear(last.features, outputs)
    if settings.kind == "torque":
        hidden = (last.features + TARGET_CHANNELS) * TORQUE_UNITS + 2 * TORQUE_UNITS
        return hidden + _linear(TORQUE_UNITS, outputs)
    if settings.kind == "project":
        first = settings.sample_features(last) * PROJECTED + 2 * PROJECTED
        return first + PROJECTED**2 + 2 * PROJECTED + _linear(PROJECTED, outputs)
    return _decoder_parameters(geometry, settings.bottleneck)


def _decoder_parameters(geometry: Sequence[LayerGeometry], bottleneck: int) -> int:
    layers = [layer for layer in geometry if layer.kind != "recurrent"]
    given, wanted, spread = geometry[-1].features, layers[-1].features, 0
    if bottleneck:
        spread = _linear(given, bottleneck) + _linear(bottleneck, wanted)
    elif len(layers) < len(geometry):
        spread = _linear(given, wanted)
    channels = decoder_channels(geometry)
    taps = [layer.kernel[0] * layer.kernel[1] for layer in reversed(layers)]
    convolutions = sum(
        size * before * after + 2 * after
        for size, (before, after) in zip(taps, channels, strict=True)
    )
    muscles = geometry[0].height_in
    return spread + convolutions + _linear(muscles * channels[-1][1], 2 * muscles)


def _linear(inputs: int, outputs: int) -> int:
    return inputs * outputs + outputs
