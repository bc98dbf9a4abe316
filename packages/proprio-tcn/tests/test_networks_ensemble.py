"""Networks together: what each gives alone, forward and backward."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from proprio_tcn.networks.ensemble import Ensemble
from proprio_tcn.networks.head_settings import HeadSettings
from proprio_tcn.networks.making import build_network
from proprio_tcn.networks.normalisation import norm_rectify, normalise
from proprio_tcn.networks.settings import FAMILIES, NORMS, TrunkSettings

MUSCLES, BINS = 7, 60
TRUNKS = {
    "spatial_temporal": TrunkSettings("spatial_temporal", [4, 5], [5, 6], 3, 5, [2], [2]),
    "temporal_spatial": TrunkSettings("temporal_spatial", [5, 6], [4, 5], 3, 5, [2], [3]),
    "spatiotemporal": TrunkSettings("spatiotemporal", [4, 6], [], 3, 5, [2], [2]),
    "recurrent": TrunkSettings("recurrent", [4, 5], [], 3, spatial_strides=[2], units=6),
}
HEADS = [HeadSettings("classify", 20), HeadSettings("regress", 6), HeadSettings("torque", 4)]


def members(family, heads=HEADS, **changes):
    trunk = replace(TRUNKS[family], **changes)
    nets = [build_network(trunk, head, MUSCLES, seed, bins=BINS) for seed, head in enumerate(heads)]
    return [one.double().eval() for one in nets]


def batch(*shape):
    rng = np.random.default_rng(0)
    spindle = torch.from_numpy(rng.normal(80, 30, (*shape, MUSCLES, BINS, 2)))
    mask = torch.zeros(shape[-1], BINS, dtype=torch.bool)
    mask[:, 11:40] = True
    target = torch.from_numpy(rng.normal(0, 5, (shape[-1], 3, BINS)))
    return spindle, mask, target


def gradients(networks, outputs):
    sum(out.square().sum() for out in outputs).backward()
    found = [one.grad.clone() for network in networks for one in network.parameters()]
    for network in networks:
        network.zero_grad()
    return found


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("own_input", [False, True])
@pytest.mark.parametrize("compiled", [False, True])
def test_together_is_alone(family, norm, own_input, compiled):
    networks = members(family, norm=norm)
    for network in networks:
        for module in network.modules():
            if hasattr(module, "compiled"):
                module.compiled = compiled
    spindle, mask, target = batch(3, 2) if own_input else batch(2)
    each = spindle.unbind() if own_input else [spindle] * 3
    alone = [one(x, mask, target) for one, x in zip(networks, each, strict=True)]
    wanted = gradients(networks, alone)
    together = Ensemble(networks, grouped=True)(spindle, mask, target)
    found = gradients(networks, together)
    for one, other in zip(together + found, alone + wanted, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-8, atol=1e-9)


def test_a_member_learns_as_alone():
    """A step of each member's own optimiser."""
    after = []
    for together in (True, False):
        networks = members("spatiotemporal")
        optimisers = [torch.optim.Adam(one.parameters(), lr=0.01) for one in networks]
        ensemble = Ensemble(networks, grouped=together)
        for _ in range(3):
            sum(out.square().sum() for out in ensemble(*batch(2))).backward()
            for one in optimisers:
                one.step()
                one.zero_grad()
        after.append([one.detach() for one in ensemble.parameters()])
    for one, other in zip(*after, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-6, atol=1e-8)


def test_decides_by_itself(monkeypatch):
    called = []
    ensemble = Ensemble(members("spatial_temporal", [HeadSettings("regress", 6)] * 2))
    monkeypatch.setattr(ensemble, "_grouped", lambda *given: called.append("grouped") or [])
    ensemble.features(batch(2)[0])
    assert called == ["grouped"]
    ensemble.features(batch(9)[0])
    assert called == ["grouped"]
    alone = Ensemble(members("spatial_temporal", [HeadSettings("regress", 6)]), grouped=True)
    assert len(alone.features(batch(2)[0])) == 1


@pytest.mark.parametrize("kind", NORMS)
def test_norm_of_networks_side_by_side(kind):
    rng = torch.Generator().manual_seed(0)
    x, mask = torch.randn(2, 6, 4, 9, generator=rng).double(), torch.arange(9).expand(2, 9) > 3
    scale, shift = torch.rand(2, 6, generator=rng).double()
    alone = [
        normalise(x[:, part], scale[part], shift[part], kind, mask=mask)
        for part in (slice(3), slice(3, 6))
    ]
    together = normalise(x, scale, shift, kind, mask=mask, networks=2)
    torch.testing.assert_close(together, torch.cat(alone, 1), rtol=1e-10, atol=1e-11)
    fused = norm_rectify(x, scale, shift, kind, mask=mask, networks=2)
    torch.testing.assert_close(fused, torch.relu(together), rtol=1e-9, atol=1e-10)


def scaled(networks, scales):
    for network, scale in zip(networks, scales, strict=True):
        network.trunk.register_buffer("scale", torch.tensor(float(scale)))
    return networks


def test_other_scales_run_one_by_one():
    assert not Ensemble(scaled(members("spatiotemporal"), [1, 2, 1]))._in_groups(batch(2)[0])
    assert Ensemble(scaled(members("spatiotemporal"), [2, 2, 2]))._in_groups(batch(2)[0])
    with pytest.raises(ValueError, match=r"same fixed numbers, .* give grouped=False"):
        Ensemble(scaled(members("spatiotemporal"), [1, 2, 1]), grouped=True)


class TestRefuses:
    def test_nobody(self):
        with pytest.raises(ValueError, match="at least one network, got none"):
            Ensemble([])

    def test_other_trunks(self):
        mixed = members("spatiotemporal") + members("recurrent")
        with pytest.raises(
            ValueError, match=r"trunks alike, but settings is .* and .* in number 3"
        ):
            Ensemble(mixed)
        mixed = members("spatiotemporal")
        mixed[1].float()
        with pytest.raises(ValueError, match=r"dtype is torch.float64 .* torch.float32"):
            Ensemble(mixed)

    def test_inputs_of_fewer_members(self):
        with pytest.raises(ValueError, match="spindle must be one for each of 3 members, got 2"):
            Ensemble(members("spatiotemporal"))(batch(2, 4)[0])

    @pytest.mark.parametrize("grouped", [False, True])
    def test_inputs_of_another_shape(self, grouped):
        ensemble = Ensemble(members("spatiotemporal"), grouped=grouped)
        for spindle in (batch(2)[0][..., :40, :], batch(2)[0].repeat(1, 1, 1, 2)):
            with pytest.raises(ValueError, match=r"spindle must have shape \(batch, 7, 60, 2\)"):
                ensemble(spindle)
