"""What the command line can say of a trunk."""

import pytest

from proprio_tcn.network_config import (
    TRUNKS,
    RecurrentConfig,
    SampledConfig,
    SpatiotemporalConfig,
    TrunkConfig,
    trunk_settings,
)
from proprio_tcn.networks.geometry import trunk_parameters
from proprio_tcn.networks.sampling import sample_trunk


@pytest.mark.parametrize(
    ("name", "parameters"),
    [("spatial_temporal", 64_256), ("temporal_spatial", 43_552), ("spatiotemporal", 67_840)],
)
def test_defaults_are_published(name, parameters):
    assert trunk_parameters(trunk_settings(TRUNKS[name]()), 39) == parameters


@pytest.mark.parametrize("name", TRUNKS)
def test_names_and_modes(name):
    config = TRUNKS[name](norm="step", padding="causal")
    assert config.name == name
    settings = trunk_settings(config)
    assert settings.causal
    if name != "sampled":
        assert settings.family == name


def test_numbers_arrive():
    settings = trunk_settings(SpatiotemporalConfig(kernels=[4], kernel_size=7, strides=[3]))
    assert settings.name() == "spatiotemporal_4_k7_s3"
    assert trunk_settings(RecurrentConfig(units=9)).units == 9


def test_sampled():
    config = SampledConfig(draw=4, family="spatiotemporal", depth="deep", most_multiply_adds=None)
    assert trunk_settings(config) == sample_trunk(4, "spatiotemporal", "deep")


def test_refuses():
    with pytest.raises(ValueError, match=r"model must be one of spatial_temporal, .* got 'wide'"):
        trunk_settings(TrunkConfig("wide"))
    with pytest.raises(ValueError, match="spatial_kernel_size must be odd"):
        trunk_settings(SpatiotemporalConfig(kernel_size=4))
