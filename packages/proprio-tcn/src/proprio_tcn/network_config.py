"""What a trunk can be told on the command line: the groups of `model`."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

from proprio_tcn.networks.settings import TrunkSettings

__all__ = [
    "TRUNKS",
    "RecurrentConfig",
    "SampledConfig",
    "SpatialTemporalConfig",
    "SpatiotemporalConfig",
    "TemporalSpatialConfig",
    "TrunkConfig",
    "trunk_settings",
]


@dataclass
class TrunkConfig:
    """What every trunk is told.

    Attributes:
        name: The trunk's name in `TRUNKS`.
        norm: "sample" as published, "masked" or "step".
        padding: "same" as published, or "causal", which needs `norm="step"`.
    """

    name: str = ""
    norm: str = "sample"
    padding: str = "same"


@dataclass
class SpatialTemporalConfig(TrunkConfig):
    """Convolutions over muscles, then over time.

    Attributes:
        spatial_kernels: Channels of each layer over muscles.
        temporal_kernels: Channels of each layer over time.
        spatial_kernel_size: Muscles that a kernel spans, odd.
        temporal_kernel_size: Bins that a kernel spans, odd.
        spatial_strides: Muscles between outputs: of each layer, or one number for all.
        temporal_strides: Bins between outputs, likewise.
    """

    name: str = "spatial_temporal"
    spatial_kernels: list[int] = field(default_factory=lambda: [8, 16, 16, 32])
    temporal_kernels: list[int] = field(default_factory=lambda: [32, 32, 64, 64])
    spatial_kernel_size: int = 7
    temporal_kernel_size: int = 7
    spatial_strides: list[int] = field(default_factory=lambda: [2])
    temporal_strides: list[int] = field(default_factory=lambda: [2])


@dataclass
class TemporalSpatialConfig(SpatialTemporalConfig):
    """Convolutions over time, then over muscles."""

    name: str = "temporal_spatial"
    spatial_kernels: list[int] = field(default_factory=lambda: [32, 64, 64, 64])
    temporal_kernels: list[int] = field(default_factory=lambda: [16, 16, 32, 32])
    spatial_kernel_size: int = 3
    temporal_kernel_size: int = 5
    temporal_strides: list[int] = field(default_factory=lambda: [3])


@dataclass
class SpatiotemporalConfig(TrunkConfig):
    """Convolutions over muscles and time at once.

    Attributes:
        kernels: Channels of each layer.
        kernel_size: Muscles and bins that a kernel spans, odd.
        strides: Muscles and bins between outputs: of each layer, or one number for all.
    """

    name: str = "spatiotemporal"
    kernels: list[int] = field(default_factory=lambda: [8, 16, 32, 64])
    kernel_size: int = 5
    strides: list[int] = field(default_factory=lambda: [2])


@dataclass
class RecurrentConfig(TrunkConfig):
    """Convolutions over muscles, then an LSTM over time.

    Attributes:
        spatial_kernels: Channels of each layer over muscles.
        spatial_kernel_size: Muscles that a kernel spans, odd.
        spatial_strides: Muscles between outputs: of each layer, or one number for all.
        units: Of the LSTM.
    """

    name: str = "recurrent"
    spatial_kernels: list[int] = field(default_factory=lambda: [8, 16])
    spatial_kernel_size: int = 5
    spatial_strides: list[int] = field(default_factory=lambda: [2])
    units: int = 64


@dataclass
class SampledConfig(TrunkConfig):
    """A trunk drawn from the published search space.

    The draw is not the training's ``seed``: a sweep ``task=... model.draw=0,1,2 seed=0,1`` gives
    every task the same architectures, and each of them the same first weights, as published.

    Attributes:
        draw: Seed of the draw; a sweep over it trains one network after the other.
        family: "spatial_temporal", "temporal_spatial", "spatiotemporal" or "recurrent"; null draws
            one of the first three.
        depth: "shallow" or "deep".
        most_multiply_adds: Draw again what costs more a sample, forward; null takes all, as
            published, up to 8,000 million. 3e7 keeps about the cheaper half.
    """

    name: str = "sampled"
    draw: int = 0
    family: str | None = None
    depth: str = "shallow"
    most_multiply_adds: float | None = None


TRUNKS: Mapping[str, type[TrunkConfig]] = {
    "spatial_temporal": SpatialTemporalConfig,
    "temporal_spatial": TemporalSpatialConfig,
    "spatiotemporal": SpatiotemporalConfig,
    "recurrent": RecurrentConfig,
    "sampled": SampledConfig,
}
"""The trunks by name."""


def trunk_settings(config: TrunkConfig) -> TrunkSettings:
    """The settings that a choice on the command line stands for.

    Args:
        config: One of `TRUNKS`.

    Raises:
        ValueError: The name is unknown, or a setting is out of range.
    """
    if config.name not in TRUNKS:
        raise ValueError(f"model must be one of {', '.join(TRUNKS)}, got {config.name!r}")
    told = asdict(config)
    told.pop("name")
    if isinstance(config, SampledConfig):
        # draws by numpy, which the settings do without
        from proprio_tcn.networks.sampling import sample_trunk

        return sample_trunk(told.pop("draw"), **told)
    if isinstance(config, SpatiotemporalConfig):
        kernels, size, strides = config.kernels, config.kernel_size, config.strides
        return TrunkSettings(
            "spatiotemporal",
            list(kernels),
            [],
            size,
            size,
            list(strides),
            list(strides),
            norm=config.norm,
            padding=config.padding,
        )
    return TrunkSettings(family=config.name, **told)
