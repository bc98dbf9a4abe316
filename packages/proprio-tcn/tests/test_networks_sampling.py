"""The search space: what may be drawn, and that a seed draws the same."""

import pytest

from proprio_tcn.networks.geometry import trunk_geometry, trunk_multiply_adds
from proprio_tcn.networks.sampling import sample_trunk, sample_trunks
from proprio_tcn.networks.settings import FAMILIES

CHANNELS = {8, 16, 32, 64}


def channels(settings):
    return [layer.channels for layer in settings.plan()]


@pytest.mark.parametrize("family", FAMILIES[:3])
def test_shallow(family):
    drawn = [sample_trunk(seed, family) for seed in range(80)]
    mixed = family != "spatiotemporal"
    assert {len(one.spatial_kernels) for one in drawn} == {1, 2, 3, 4}
    for one in drawn:
        assert one.family == family
        assert channels(one) == sorted(channels(one))
        assert set(channels(one)) <= CHANNELS
        assert one.spatial_kernel_size <= one.temporal_kernel_size
        assert len(one.temporal_kernels) == (len(one.spatial_kernels) if mixed else 0)
        assert len(one.spatial_strides) == len(one.temporal_strides) == 1
        assert mixed or one.spatial_strides == one.temporal_strides
    assert {one.spatial_kernel_size for one in drawn} == {3, 5, 7, 9}
    assert {one.spatial_strides[0] for one in drawn} == {1, 2}
    assert {one.temporal_strides[0] for one in drawn} == ({1, 2, 3} if mixed else {1, 2})


def test_deep():
    for family, layers in [("spatial_temporal", {10, 12}), ("spatiotemporal", set(range(5, 13)))]:
        drawn = [sample_trunk(seed, family, "deep") for seed in range(60)]
        assert {len(one.plan()) for one in drawn} == layers
        assert {stride for one in drawn for stride in one.temporal_strides} == {1, 2}
        assert min(trunk_geometry(one, 39)[-1].bins for one in drawn) >= 5
        assert any(len(set(one.temporal_strides)) == 2 for one in drawn)


def test_recurrent():
    drawn = [sample_trunk(seed, "recurrent") for seed in range(40)]
    assert {len(one.spatial_kernels) for one in drawn} == {1, 2, 3}
    assert {one.units for one in drawn} == {32, 64, 128}
    assert {one for each in drawn for one in each.spatial_kernels} == {8, 16, 32}


def test_any_family_is_one_that_convolves():
    assert {sample_trunk(seed).family for seed in range(30)} == set(FAMILIES[:3])


def test_a_seed_draws_the_same():
    assert sample_trunk(3, "spatiotemporal") == sample_trunk(3, "spatiotemporal")
    # pinned: a sweep over seeds names its networks by them
    assert sample_trunk(0).name() == "spatial_temporal_8-16-64_64-64-64_k9_s1x3"


def test_many_are_different_and_more_keep_the_first():
    twelve = sample_trunks(12, 0, most_multiply_adds=3e7)
    assert len({one.content_hash() for one in twelve}) == 12
    assert max(trunk_multiply_adds(one, 39) for one in twelve) <= 3e7
    assert twelve[:5] == sample_trunks(5, 0, most_multiply_adds=3e7)
    assert [one.family for one in twelve[:4]] == [*FAMILIES[:3], FAMILIES[0]]


def test_other_modes():
    one = sample_trunk(1, "spatiotemporal", norm="step", padding="causal")
    assert one.causal
    assert one.spatial_kernels == sample_trunk(1, "spatiotemporal").spatial_kernels


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: sample_trunk(0, "mixed"), "family must be one of .*, got 'mixed'"),
        (lambda: sample_trunk(0, depth="bottomless"), "depth must be one of shallow, deep, got"),
        (lambda: sample_trunk(0, most_multiply_adds=1), "takes at most 1 multiply-adds: allow"),
        (lambda: sample_trunks(0, 0), "count and families must be at least one, got 0 and"),
        (lambda: sample_trunks(1501, 0, ("spatiotemporal",)), "trunks that were found, got 1501"),
    ],
)
def test_refuses(call, message):
    with pytest.raises(ValueError, match=message):
        call()
