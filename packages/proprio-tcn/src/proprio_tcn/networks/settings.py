"""What a trunk is made of; needs no torch.

The families are those of Marin Vargas, Bisi et al. 2024 (doi 10.1016/j.cell.2024.02.036) and of
Sandbrink et al. 2023 (eLife 12:e81499). "Space" is the axis of muscles.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, NamedTuple

__all__ = ["FAMILIES", "NORMS", "PADDINGS", "LayerPlan", "TrunkSettings"]

FAMILIES = ("spatial_temporal", "temporal_spatial", "spatiotemporal", "recurrent")
PADDINGS = ("same", "causal")
NORMS = ("sample", "masked", "step")


class LayerPlan(NamedTuple):
    """One layer before its sizes are known.

    Attributes:
        name: Kind and number within the kind, from 1.
        kind: "spatial", "temporal", "spatiotemporal" or "recurrent".
        channels: That come out.
        kernel: Taps over muscles and over bins.
        stride: Muscles and bins between outputs.
    """

    name: str
    kind: str
    channels: int
    kernel: tuple[int, int]
    stride: tuple[int, int]


@dataclass
class TrunkSettings:
    """A network without its head.

    Attributes:
        family: "spatial_temporal" (convolutions over muscles, then over time), "temporal_spatial",
            "spatiotemporal" (over both at once) or "recurrent" (over muscles, then an LSTM).
        spatial_kernels: Channels of each layer over muscles; of each layer at all in
            "spatiotemporal".
        temporal_kernels: Channels of each layer over time; only the two mixed families have them.
        spatial_kernel_size: Taps over muscles, odd.
        temporal_kernel_size: Taps over time, odd; "recurrent" has none.
        spatial_strides: Muscles between outputs, for each layer, or one number for all layers.
        temporal_strides: Bins between outputs, likewise; "recurrent" has none.
        units: Of the LSTM; the other families have none.
        padding: "same" as published, or "causal": no output sees a later bin. Causal layers need
            ``norm="step"``.
        norm: "sample" takes mean and variance over muscles, bins and channels of a sample, as
            published; "masked" over the moving bins alone, and keeps the others at zero; "step"
            over muscles and channels of each bin.
    """

    family: str = "spatiotemporal"
    spatial_kernels: list[int] = field(default_factory=lambda: [8, 16, 32, 64])
    temporal_kernels: list[int] = field(default_factory=list)
    spatial_kernel_size: int = 5
    temporal_kernel_size: int = 5
    spatial_strides: list[int] = field(default_factory=lambda: [2])
    temporal_strides: list[int] = field(default_factory=lambda: [2])
    units: int = 64
    padding: str = "same"
    norm: str = "sample"

    def __post_init__(self) -> None:
        self.check()

    def check(self) -> None:
        """Refuse what no network can be built from.

        Raises:
            ValueError: A name is unknown, a number out of range, or parts do not go together.
        """
        for name, choices in (("family", FAMILIES), ("padding", PADDINGS), ("norm", NORMS)):
            if getattr(self, name) not in choices:
                raise ValueError(
                    f"{name} must be one of {', '.join(choices)}, got {getattr(self, name)!r}"
                )
        if self.padding == "causal" and self.norm != "step":
            raise ValueError(
                f'padding "causal" needs norm "step", got {self.norm!r}: statistics over time '
                "tell every bin what comes later"
            )
        self._check_channels()
        for axis in ("spatial",) if self.family == "recurrent" else ("spatial", "temporal"):
            self._check_axis(axis)

    def _check_channels(self) -> None:
        mixed = self.family in ("spatial_temporal", "temporal_spatial")
        if not self.spatial_kernels or bool(self.temporal_kernels) is not mixed:
            wanted = "at least one" if mixed else "no"
            raise ValueError(
                f"{self.family} must have at least one number in spatial_kernels and {wanted} "
                f"number in temporal_kernels, got {self.spatial_kernels} and "
                f"{self.temporal_kernels}"
            )
        every = [*self.spatial_kernels, *self.temporal_kernels, self.units]
        if min(every) < 1:
            raise ValueError(f"channels and units must be at least 1, got {every}")

    def _check_axis(self, axis: str) -> None:
        size: int = getattr(self, f"{axis}_kernel_size")
        strides: list[int] = getattr(self, f"{axis}_strides")
        if size < 1 or size % 2 == 0:
            raise ValueError(
                f"{axis}_kernel_size must be odd and above 0, got {size}: an even kernel has no "
                "centre"
            )
        layers = len(self._channels_of(axis))
        if len(strides) not in (1, layers) or not all(1 <= one <= size for one in strides):
            raise ValueError(
                f"{axis}_strides must be one number or {layers}, each from 1 to "
                f"{axis}_kernel_size {size}, got {strides}"
            )

    @property
    def causal(self) -> bool:
        """Whether no output can see a later bin."""
        return self.norm == "step" and (self.padding == "causal" or self.family == "recurrent")

    def plan(self) -> list[LayerPlan]:
        """The layers in order.

        Raises:
            ValueError: As :meth:`check`.
        """
        self.check()
        if self.family == "spatiotemporal":
            return self._layers("spatiotemporal", self.spatial_kernels, True, True)
        spatial = self._layers("spatial", self.spatial_kernels, True, False)
        if self.family == "recurrent":
            return [*spatial, LayerPlan("recurrent", "recurrent", self.units, (1, 1), (1, 1))]
        temporal = self._layers("temporal", self.temporal_kernels, False, True)
        if self.family == "spatial_temporal":
            return spatial + temporal
        return temporal + spatial

    def facts(self) -> dict[str, Any]:
        """The settings that this family reads, in plain values."""
        every = asdict(self)
        unread = {
            "spatial_temporal": ("units",),
            "temporal_spatial": ("units",),
            "spatiotemporal": ("units", "temporal_kernels"),
            "recurrent": ("temporal_kernels", "temporal_kernel_size", "temporal_strides"),
        }[self.family]
        if self.family == "recurrent":  # it has nothing to pad in time
            every["padding"] = "same"
        for axis in ("spatial", "temporal"):
            name = f"{axis}_strides"
            every[name] = _every_layer(every[name], len(self._channels_of(axis)))
        return {name: value for name, value in every.items() if name not in unread}

    def content_hash(self) -> str:
        """Eight hex digits of what the network is made of; no two architectures share a name."""
        text = json.dumps(self.facts(), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:8]

    def name(self) -> str:
        """A name to read, such as ``spatiotemporal_8-16-32-64_k5_s2``.

        Channels stand in the order of the layers; where kernels or strides differ over muscles and
        over time, as in ``k3x5``, that over muscles comes first.
        """
        read = self.facts()
        channels = [_joined(self.spatial_kernels), _joined(self.temporal_kernels)]
        if self.family == "temporal_spatial":
            channels.reverse()
        parts = [self.family, *filter(None, channels)]
        if self.family == "recurrent":
            parts += [f"u{self.units}", f"k{self.spatial_kernel_size}"]
        elif self.spatial_kernel_size == self.temporal_kernel_size:
            parts.append(f"k{self.spatial_kernel_size}")
        else:
            parts.append(f"k{self.spatial_kernel_size}x{self.temporal_kernel_size}")
        strides = _short(read["spatial_strides"])
        if "temporal_strides" in read and _short(read["temporal_strides"]) != strides:
            strides += f"x{_short(read['temporal_strides'])}"
        parts.append(f"s{strides}")
        parts += [one for one in (read["padding"], self.norm) if one not in ("same", "sample")]
        return "_".join(parts)

    def _channels_of(self, axis: str) -> list[int]:
        """Channels of the layers that move along an axis."""
        over_time = axis == "temporal" and self.family != "spatiotemporal"
        return self.temporal_kernels if over_time else self.spatial_kernels

    def _layers(
        self, kind: str, channels: Sequence[int], over_space: bool, over_time: bool
    ) -> list[LayerPlan]:
        count = len(channels)
        space = _every_layer(self.spatial_strides, count) if over_space else [1] * count
        time = _every_layer(self.temporal_strides, count) if over_time else [1] * count
        kernel = (
            self.spatial_kernel_size if over_space else 1,
            self.temporal_kernel_size if over_time else 1,
        )
        layers = zip(channels, space, time, strict=True)
        return [
            LayerPlan(f"{kind}_{number}", kind, one, kernel, (over_muscles, over_bins))
            for number, (one, over_muscles, over_bins) in enumerate(layers, start=1)
        ]


def _every_layer(strides: Sequence[int], count: int) -> list[int]:
    return list(strides) * (count if len(strides) == 1 else 1)


def _joined(numbers: Sequence[int]) -> str:
    return "-".join(map(str, numbers))


def _short(numbers: Sequence[int]) -> str:
    return str(numbers[0]) if len(set(numbers)) == 1 else _joined(numbers)
