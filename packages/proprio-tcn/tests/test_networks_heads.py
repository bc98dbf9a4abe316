"""Heads and whole networks: shapes, counts, oracles by hand, dropout, shared first weights."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from proprio_tcn.networks.geometry import trunk_geometry
from proprio_tcn.networks.head_settings import HEADS, HeadSettings, head_parameters
from proprio_tcn.networks.heads import Dropout, by_bin
from proprio_tcn.networks.making import build_network, network_from_facts
from proprio_tcn.networks.settings import FAMILIES, TrunkSettings

MUSCLES, BINS = 7, 60
TRUNKS = {
    "spatial_temporal": TrunkSettings("spatial_temporal", [4, 5], [5, 6], 3, 5, [2], [2]),
    "temporal_spatial": TrunkSettings("temporal_spatial", [5, 6], [4, 5], 3, 5, [2], [3]),
    "spatiotemporal": TrunkSettings("spatiotemporal", [4, 6], [], 3, 5, [2], [2]),
    "recurrent": TrunkSettings("recurrent", [4, 5], [], 3, spatial_strides=[2], units=6),
}
OUTPUTS = {"classify": 20, "regress": 6, "torque": 4, "decode": 1, "project": 32}


def head(kind, **changes):
    return HeadSettings(kind, OUTPUTS[kind], **changes)


def network(kind, family="spatiotemporal", seed=0, readout="flatten", dropout=0.3, **changes):
    trunk = replace(TRUNKS[family], **changes)
    settings = head(kind, readout=readout, dropout=dropout)
    return build_network(trunk, settings, MUSCLES, seed, bins=BINS)


def batch(samples=4, seed=0):
    rng = np.random.default_rng(seed)
    spindle = rng.normal(80, 30, (samples, MUSCLES, BINS, 2))
    mask = np.zeros((samples, BINS), bool)
    mask[:, 11:40] = True
    target = rng.normal(0, 5, (samples, 3, BINS))
    return torch.from_numpy(spindle).float(), torch.from_numpy(mask), torch.from_numpy(target)


@pytest.mark.parametrize("kind", HEADS)
@pytest.mark.parametrize("family", FAMILIES)
class TestEveryHead:
    @pytest.mark.parametrize("norm", ["sample", "masked", "step"])
    @pytest.mark.parametrize("readout", ["flatten", "pooled"])
    def test_shapes_counts_and_gradients(self, kind, family, norm, readout):
        one = network(kind, family, norm=norm, readout=readout)
        last = one.trunk.geometry[-1]
        wanted = {
            "classify": (4, 20),
            "regress": (4, 6, last.bins),
            "torque": (4, 4, last.bins),
            "decode": (4, MUSCLES, BINS, 2),
            "project": (4, 32),
        }[kind]
        out = one(*batch())
        assert out.shape == wanted
        count = sum(each.numel() for each in one.head.parameters())
        assert count == head_parameters(head(kind, readout=readout), one.trunk.geometry)
        out.square().mean().backward()
        assert all(each.grad.isfinite().all() for each in one.parameters())
        assert all(each.grad.any() for each in one.head.parameters())

    def test_comes_back_from_its_facts(self, kind, family):
        one = network(kind, family, seed=5, norm="step")
        other = network_from_facts(one.facts())
        for name, value in one.state_dict().items():
            assert torch.equal(value, other.state_dict()[name])
        assert torch.equal(one.eval()(*batch()), other.eval()(*batch()))


@pytest.mark.parametrize("family", FAMILIES)
def test_tasks_share_their_first_trunk(family):
    trunks = [network(kind, family, seed=2).trunk.state_dict() for kind in HEADS]
    for trunk in trunks[1:]:
        assert all(torch.equal(value, trunk[name]) for name, value in trunks[0].items())


class TestOracles:
    def test_regression_by_hand(self):
        one, (x, _, _) = network("regress"), batch()
        features = one.trunk(x)
        weight, bias = one.head.linear.weight, one.head.linear.bias
        out = one(x)
        for step in (0, 8):
            # height first, then channels
            flat = features[0, :, :, step].T.reshape(-1)
            torch.testing.assert_close(out[0, :, step], weight @ flat + bias)
        assert one.centres == list(range(3, BINS, 4))

    def test_torque_reads_the_target_where_outputs_stand(self):
        one, (x, _, target) = network("torque"), batch()
        out = one(x, target=target)
        elsewhere = batch(seed=1)[2]
        elsewhere[:, :, one.centres] = target[:, :, one.centres]
        assert torch.equal(out, one(x, target=elsewhere))
        series = torch.cat([by_bin(one.trunk(x)), target[:, :, one.centres].mT.float()], 2)
        hidden = series @ one.head.hidden.weight.T
        mean, spread = hidden.mean((1, 2), keepdim=True), hidden.var((1, 2), False, keepdim=True)
        wanted = one.head.linear(torch.relu((hidden - mean) / spread.sqrt())).mT
        torch.testing.assert_close(out, wanted, rtol=1e-4, atol=1e-4)

    def test_torque_of_a_causal_network_sees_nothing_later(self):
        one, (x, _, target) = network("torque", norm="step", padding="causal"), batch()
        later, changed = target.clone(), 30
        later[:, :, changed:] += 7
        early = torch.tensor(one.centres) < changed
        out, other = one(x, target=target), one(x, target=later)
        assert torch.equal(out[..., early], other[..., early])
        assert not torch.equal(out, other)

    @pytest.mark.parametrize("family", FAMILIES)
    def test_classifier_by_hand(self, family):
        one, (x, _, _) = network("classify", family).eval(), batch()
        features = one.trunk(x)
        if family == "recurrent":
            seen = features[:, :, 0, -1]
        else:
            seen = features.permute(0, 2, 3, 1).reshape(4, -1)
        wanted = seen @ one.head.linear.weight.T
        torch.testing.assert_close(one(x), wanted, rtol=1e-4, atol=1e-5)

    @pytest.mark.parametrize("readout", ["flatten", "pooled"])
    @pytest.mark.parametrize("family", ["recurrent", "spatiotemporal"])
    def test_masked_readout_sees_no_padding(self, family, readout):
        if readout == "flatten" and family == "spatiotemporal":
            pytest.skip("side by side, the place of a movement is seen by design")
        one = network("classify", family, norm="masked", readout=readout).eval()
        x, _, _ = batch(1)
        found = []
        for first in (0, 8, 20):
            whole = torch.full((1, MUSCLES, BINS, 2), -4e3)
            whole[:, :, first : first + 30] = x[:, :, :30]
            mask = torch.zeros(1, BINS, dtype=torch.bool)
            mask[:, first : first + 30] = True
            found.append(one(whole, mask))
        for other in found[1:]:
            torch.testing.assert_close(other, found[0], rtol=1e-4, atol=1e-5)

    def test_projector_is_standard_in_a_batch(self):
        one, (x, _, _) = network("project", dropout=0.0), batch(9)
        vectors = one(x)
        layers = one.head.layers
        assert sum(isinstance(layer, nn.BatchNorm1d) for layer in layers) == 2
        assert not list(one.buffers())  # no moving averages
        torch.testing.assert_close(vectors, one.eval()(x))  # batch statistics always
        hidden = layers[:2](one.head.view(one.trunk(x), [None]))
        torch.testing.assert_close(hidden.mean(0), torch.zeros(256), rtol=0, atol=1e-5)

    def test_decoder_is_the_adjoint_of_the_trunk_in_time(self):
        """One output of the trunk writes the bins that it has seen."""
        one = network("decode", norm="step", dropout=0.0)
        layers = one.trunk.geometry
        features = torch.zeros(1, layers[-1].channels, layers[-1].height, layers[-1].bins)
        masks = [None] * 3
        base = one.head(features, masks, None)
        output = 6
        features[..., output] = torch.randn(
            features.shape[:3], generator=torch.Generator().manual_seed(0)
        )
        changed = (one.head(features, masks, None) - base).abs().sum((0, 1, 3)).nonzero().flatten()
        centre, reach = int(layers[-1].centres()[output]), layers[-1].receptive_field // 2
        assert (int(changed.min()), int(changed.max())) == (centre - reach, centre + reach)


def test_a_bottleneck_is_all_that_a_decoder_sees():
    for family in ("spatiotemporal", "recurrent"):
        settings = head("decode", bottleneck=3)
        one = build_network(TRUNKS[family], settings, MUSCLES, 0, bins=BINS)
        count = sum(each.numel() for each in one.head.parameters())
        assert count == head_parameters(settings, one.trunk.geometry)
        x, _, _ = batch()
        features = one.trunk(x).detach()
        assert torch.equal(one(x), one(x))  # in training, too: nothing is left out
        # what the three numbers do not tell apart, nothing does
        blind = torch.linalg.svd(one.head.squeeze.weight.double())[2][3:].float()
        height, channels = features.shape[2], features.shape[1]
        hidden = blind[0].view(height, channels).T[None, :, :, None]
        masks = [None] * (len(one.trunk.geometry) + 1)
        out = one.head(features, masks, None)
        torch.testing.assert_close(one.head(features + 3 * hidden, masks, None), out)
        assert not torch.allclose(one.head(features + 0.1, masks, None), out, atol=1e-2)
    with pytest.raises(ValueError, match="head bottleneck must be at least 0, got -1"):
        head("decode", bottleneck=-1)


class TestDropout:
    def test_keeps_seven_in_ten_and_the_mean(self):
        dropout = Dropout(0.3, seed=0)
        out = dropout(torch.ones(400, 500))
        kept = out != 0
        assert abs(float(kept.float().mean()) - 0.7) < 0.005
        torch.testing.assert_close(out[kept], torch.full_like(out[kept], 1 / 0.7))

    def test_deterministic_in_evaluation(self):
        one, (x, _, _) = network("classify"), batch()
        assert not torch.equal(one(x), one(x))
        one.eval()
        assert torch.equal(one(x), one(x))

    def test_an_update_draws_the_same_again(self):
        one, (x, _, _) = network("classify"), batch()
        one.reseed(17)
        first = one(x)
        one(x)
        one.reseed(17)
        assert torch.equal(first, one(x))
        one.reseed(18)
        assert not torch.equal(first, one(x))

    def test_leaves_the_global_generator_alone(self):
        one, (x, _, _) = network("classify"), batch()
        before = torch.get_rng_state()
        one(x)
        for family in FAMILIES:
            network("project", family)
        assert torch.equal(torch.get_rng_state(), before)


def test_published_counts():
    wanted = {"regress": 68_419, "classify": 163_860}
    for kind, outputs in (("regress", 3), ("classify", 20)):
        one = build_network(TrunkSettings(), HeadSettings(kind, outputs), 39, 0)
        assert sum(each.numel() for each in one.parameters()) == wanted[kind]
    projector = HeadSettings("project", 256)
    by_hand = 4800 * 256 + 256 * 256 + 4 * 256 + 256 * 256 + 256
    assert head_parameters(projector, trunk_geometry(TrunkSettings(), 39)) == by_hand


def test_autocast():
    for kind in HEADS:
        one, (x, mask, target) = network(kind).eval(), batch()
        with torch.autocast("cpu", torch.bfloat16):
            out = one(x, mask, target)
        assert out.dtype == torch.bfloat16
        assert (out.float() - one(x, mask, target)).abs().max() < 0.2


@pytest.mark.slow
# torch's own compiler imports a part of torch that is on its way out
@pytest.mark.filterwarnings("ignore:.*torch.jit.script_method.*:DeprecationWarning")
@pytest.mark.parametrize("kind", HEADS)
def test_compile(kind):
    one, given = network(kind).eval(), batch()
    torch.testing.assert_close(torch.compile(one)(*given), one(*given), rtol=1e-3, atol=1e-4)


def test_refuses_a_missing_target():
    one, (x, _, target) = network("torque"), batch()
    with pytest.raises(ValueError, match=r"needs a target of shape \(4, 3, 60\), got none"):
        one(x)
    with pytest.raises(ValueError, match=r"\(4, 3, 60\), got shape \(4, 3, 59\)"):
        one(x, target=target[:, :, 1:])


def test_a_network_keeps_its_own_settings():
    trunk, settings = replace(TRUNKS["spatiotemporal"]), head("regress")
    one = build_network(trunk, settings, MUSCLES, 0, bins=BINS)
    trunk.norm, settings.kind = "step", "classify"
    assert (one.facts()["trunk"]["norm"], one.facts()["head"]["kind"]) == ("sample", "regress")


def test_refuses_settings_that_were_changed():
    settings = head("classify")
    settings.kind = "guess"
    with pytest.raises(ValueError, match="head kind must be one of"):
        build_network(TrunkSettings(), settings, 39, 0)


@pytest.mark.parametrize("change", [{"trunk": {"depth": 3}}, {"muscles": None}])
def test_refuses_other_facts(change):
    facts = network("classify").facts() | change
    with pytest.raises(ValueError, match="facts are not those of a network"):
        network_from_facts(facts)
    del facts["head"]
    with pytest.raises(ValueError, match="facts are not those of a network: 'head'"):
        network_from_facts(facts | {"trunk": {}})
