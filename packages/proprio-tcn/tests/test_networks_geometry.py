"""Settings, padding and geometry: the published sizes, and times that hold to the bin."""

import json
import subprocess
import sys
from dataclasses import asdict

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proprio_tcn.networks.geometry import (
    published_drift,
    published_target_bins,
    trunk_geometry,
    trunk_multiply_adds,
    trunk_parameters,
)
from proprio_tcn.networks.head_settings import HeadSettings, head_parameters
from proprio_tcn.networks.padding import pad, published_padding
from proprio_tcn.networks.settings import TrunkSettings

DEEP = [2, 1, 1, 2, 1, 1, 2, 1, 1, 1, 1, 1]
SPATIOTEMPORAL = TrunkSettings()
SPATIAL_TEMPORAL = TrunkSettings("spatial_temporal", [8, 16, 16, 32], [32, 32, 64, 64], 7, 7)
TEMPORAL_SPATIAL = TrunkSettings(
    "temporal_spatial", [32, 64, 64, 64], [16, 16, 32, 32], 3, 5, [2], [3]
)
TWELVE = TrunkSettings(
    "spatiotemporal", [8] * 3 + [16] * 3 + [32] * 3 + [64] * 3, [], 3, 3, DEEP, DEEP
)
TWO = TrunkSettings("spatiotemporal", [32, 64], [], 7, 7, [1], [1])
UNSTRIDED = TrunkSettings("spatial_temporal", [8, 8, 16, 16], [16, 16, 32, 32], 5, 9, [1], [2])
RECURRENT = TrunkSettings("recurrent", [8, 16], units=32)

# height, outputs, channels; parameters of the trunk, with six numbers at a bin, with 20 letters
PUBLISHED = {
    "unstrided": (UNSTRIDED, (39, 25, 32), 21_040, 28_534, 645_060),
    "spatial_temporal": (SPATIAL_TEMPORAL, (3, 25, 64), 64_256, 65_414, 160_276),
    "temporal_spatial": (TEMPORAL_SPATIAL, (3, 5, 64), 43_552, 44_710, 62_772),
    "spatiotemporal": (SPATIOTEMPORAL, (3, 25, 64), 67_840, 68_998, 163_860),
    "two": (TWO, (39, 400, 64), 103_680, 118_662, 20_071_700),
    "twelve": (TWELVE, (5, 50, 64), 122_976, 124_902, 442_996),
}


class TestPadding:
    @pytest.mark.parametrize(
        ("size", "kernel", "stride", "wanted"),
        [
            (400, 5, 2, (200, 1, 2)),
            (39, 5, 2, (20, 2, 2)),
            (400, 7, 1, (400, 3, 3)),
            (400, 5, 3, (134, 2, 2)),
            (134, 5, 3, (45, 1, 2)),
            (10, 1, 3, (4, 0, 0)),
        ],
    )
    def test_published(self, size, kernel, stride, wanted):
        assert published_padding(size, kernel, stride) == wanted

    @given(st.integers(1, 500), st.integers(1, 11), st.integers(1, 4), st.booleans())
    def test_windows_fit(self, size, kernel, stride, causal):
        out, before, after = pad(size, kernel, stride, causal=causal)
        assert out == -(-size // stride)
        assert (out - 1) * stride + kernel <= before + size + after
        if causal:
            assert after == 0
        else:
            assert 0 <= after - before <= 1
        if before + after:
            assert (out - 1) * stride + kernel == before + size + after

    def test_refuses(self):
        with pytest.raises(ValueError, match="stride must be at least 1, got 0"):
            published_padding(400, 5, 0)


class TestGeometry:
    @pytest.mark.parametrize("case", PUBLISHED)
    def test_published_sizes_and_parameters(self, case):
        settings, shape, trunk, regress, classify = PUBLISHED[case]
        layers = trunk_geometry(settings, 39)
        last = layers[-1]
        assert (last.height, last.bins, last.channels) == shape
        assert trunk_parameters(settings, 39) == trunk
        assert trunk + head_parameters(HeadSettings("regress", 6), layers) == regress
        assert trunk + head_parameters(HeadSettings("classify", 20), layers) == classify

    def test_three_numbers(self):
        head = head_parameters(HeadSettings("regress", 3), trunk_geometry(SPATIOTEMPORAL, 39))
        assert trunk_parameters(SPATIOTEMPORAL, 39) + head == 68_419

    @pytest.mark.parametrize(
        ("settings", "field"),
        [
            (SPATIAL_TEMPORAL, 91),
            (TEMPORAL_SPATIAL, 161),
            (TWELVE, 119),
            (SPATIOTEMPORAL, 61),
            (TWO, 13),
            (UNSTRIDED, 121),
            (RECURRENT, 400),
        ],
    )
    def test_receptive_field(self, settings, field):
        assert trunk_geometry(settings, 39)[-1].receptive_field == field

    def test_counts_multiplications(self):
        # by hand: 20 x 200 outputs of 25 taps x 2 x 8, and so on
        wanted = 20 * 200 * 400 + 10 * 100 * 3200 + 5 * 50 * 12_800 + 3 * 25 * 51_200
        assert trunk_multiply_adds(SPATIOTEMPORAL, 39) == wanted

    def test_centres_are_exact(self):
        assert list(trunk_geometry(TWO, 39)[-1].centres()) == list(range(400))
        last = trunk_geometry(SPATIOTEMPORAL, 39)[-1]
        assert (last.first_centre, last.stride, last.centres()[-1]) == (15, 16, 399)
        last = trunk_geometry(TEMPORAL_SPATIAL, 39)[-1]
        assert list(last.centres()) == [39, 120, 201, 282, 363]

    @given(
        st.sampled_from([3, 5, 7, 9]),
        st.lists(st.integers(1, 3), min_size=1, max_size=5),
        st.integers(200, 400),
        st.booleans(),
    )
    def test_centres_by_numpy(self, size, strides, bins, causal):
        """Kernels of one tap, where the output stands, carry the number of the bin through."""
        extra = {"padding": "causal", "norm": "step"} if causal else {}
        settings = TrunkSettings(
            "temporal_spatial", [1], [1] * len(strides), 1, size, [1], strides, **extra
        )
        time = np.arange(bins)
        for layer in trunk_geometry(settings, 1, bins)[:-1]:
            padded = np.pad(time, layer.padding[1][1:], constant_values=-1)
            tap = size - 1 if causal else size // 2
            time = padded[tap :: layer.strides[1]][: layer.bins]
            assert np.array_equal(time, layer.centres())

    @pytest.mark.parametrize(
        ("size", "strides", "outputs", "drift"),
        [
            (5, [2] * 4, 25, 0),
            (5, [2] * 5, 13, 12),
            (5, [3] * 3, 15, 14),
            (5, [3] * 4, 5, 72),
            (5, [1], 400, 0),
            (7, [3], 134, 0),
            (7, [3] * 2, 45, 0),
        ],
    )
    def test_published_targets_run_ahead(self, size, strides, outputs, drift):
        channels = [8] * len(strides)
        settings = TrunkSettings("temporal_spatial", [8], channels, 3, size, [1], strides)
        last = trunk_geometry(settings, 39)[-1]
        assert last.bins == outputs
        assert published_drift(last) == drift

    def test_published_target_bins(self):
        assert list(published_target_bins(5)) == [0, 99, 198, 297, 396]
        with pytest.raises(ValueError, match="outputs must be from 1 to 400, got 0"):
            published_target_bins(0)

    def test_refuses_no_muscles(self):
        with pytest.raises(ValueError, match="muscles and bins must be at least 1, got 0 and 400"):
            trunk_geometry(SPATIOTEMPORAL, 0)


class TestSettings:
    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({"family": "mixed"}, "family must be one of spatial_temporal, .* got 'mixed'"),
            ({"norm": "batch"}, "norm must be one of sample, masked, step, got 'batch'"),
            ({"padding": "valid"}, "padding must be one of same, causal, got 'valid'"),
            ({"padding": "causal"}, 'padding "causal" needs norm "step", got \'sample\''),
            ({"spatial_kernels": []}, "must have at least one number in spatial_kernels and no"),
            ({"temporal_kernels": [8]}, "no number in temporal_kernels, got .* and .8"),
            ({"family": "spatial_temporal"}, "and at least one number in temporal_kernels"),
            ({"spatial_kernels": [8, 0]}, "channels and units must be at least 1"),
            ({"spatial_kernel_size": 4}, "spatial_kernel_size must be odd and above 0, got 4"),
            ({"temporal_strides": [2, 2]}, "temporal_strides must be one number or 4, .*, got"),
            ({"spatial_strides": [6]}, "each from 1 to spatial_kernel_size 5, got .6"),
        ],
    )
    def test_refuses(self, changes, message):
        with pytest.raises(ValueError, match=message):
            TrunkSettings(**changes)

    def test_refuses_what_was_changed_later(self):
        settings = TrunkSettings()
        settings.spatial_kernel_size = 2
        with pytest.raises(ValueError, match="must be odd"):
            trunk_geometry(settings, 39)

    def test_names(self):
        assert SPATIOTEMPORAL.name() == "spatiotemporal_8-16-32-64_k5_s2"
        name = "temporal_spatial_16-16-32-32_32-64-64-64_k3x5_s2x3"
        assert TEMPORAL_SPATIAL.name() == name
        assert RECURRENT.name() == "recurrent_8-16_u32_k5_s2"
        causal = TrunkSettings(padding="causal", norm="step")
        assert causal.name() == "spatiotemporal_8-16-32-64_k5_s2_causal_step"
        assert TWO.name() == "spatiotemporal_32-64_k7_s1"

    def test_hash_is_of_what_is_read(self):
        assert SPATIOTEMPORAL.content_hash() == TrunkSettings(units=7).content_hash()
        written_out = TrunkSettings(spatial_strides=[2] * 4)
        assert SPATIOTEMPORAL.content_hash() == written_out.content_hash()
        others = [TrunkSettings(norm="step"), TrunkSettings(temporal_kernel_size=3), RECURRENT]
        hashes = {one.content_hash() for one in (SPATIOTEMPORAL, *others)}
        assert len(hashes) == 4
        # pinned: names of weights that people keep
        assert SPATIOTEMPORAL.content_hash() == "d1515ded"

    def test_published_names_that_collided(self):
        strides = [[2, 2, 1, 1, 1], [1, 1, 1, 2, 2]]
        deep = [TrunkSettings("spatiotemporal", [8] * 5, [], 3, 3, s, s) for s in strides]
        assert deep[0].name() != deep[1].name()
        assert deep[0].content_hash() != deep[1].content_hash()

    def test_causal(self):
        assert not SPATIOTEMPORAL.causal
        assert not TrunkSettings(norm="step").causal
        assert TrunkSettings(norm="step", padding="causal").causal
        assert TrunkSettings("recurrent", [8], norm="step").causal
        assert not RECURRENT.causal

    def test_plain_values(self):
        assert TrunkSettings(**json.loads(json.dumps(asdict(TWELVE)))) == TWELVE


class TestHeadSettings:
    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({"kind": "guess"}, "head kind must be one of classify, .* got 'guess'"),
            ({"readout": "last"}, "head readout must be one of flatten, pooled, got 'last'"),
            ({"outputs": 0}, "head outputs must be at least 1, got 0"),
            ({"dropout": 1.0}, r"dropout must be in \[0, 1\), got 1.0"),
        ],
    )
    def test_refuses(self, changes, message):
        with pytest.raises(ValueError, match=message):
            HeadSettings(**({"kind": "classify", "outputs": 20} | changes))

    def test_pooled_is_light(self):
        layers = trunk_geometry(TWO, 39)
        assert head_parameters(HeadSettings("classify", 20, "pooled"), layers) == 39 * 64 * 20 + 20


def test_needs_no_torch():
    modules = ("settings", "padding", "geometry", "head_settings", "sampling")
    names = ", ".join(f"proprio_tcn.networks.{one}" for one in modules)
    code = f"import sys, {names}; sys.exit('torch' in sys.modules or 'numba' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
