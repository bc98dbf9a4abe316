"""Trunks: against plain torch, invariances, causality, times, seeds."""

from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from proprio_tcn.networks.geometry import trunk_parameters
from proprio_tcn.networks.settings import FAMILIES, TrunkSettings
from proprio_tcn.networks.trunk import Block, build_trunk

MUSCLES, BINS = 7, 60
SMALL = {
    "spatial_temporal": TrunkSettings("spatial_temporal", [4, 5], [5, 6], 3, 5, [2], [2]),
    "temporal_spatial": TrunkSettings("temporal_spatial", [5, 6], [4, 5], 3, 5, [2], [3]),
    "spatiotemporal": TrunkSettings("spatiotemporal", [4, 6], [], 3, 5, [2], [2]),
    "recurrent": TrunkSettings("recurrent", [4, 5], [], 3, spatial_strides=[2], units=6),
}


def spindle(samples=2, muscles=MUSCLES, bins=BINS, seed=0, dtype=torch.float64):
    """Lengths in mm and velocities in mm/s."""
    rng = np.random.default_rng(seed)
    length = rng.uniform(40, 200, (samples, muscles, 1)) + rng.normal(
        0, 8, (samples, muscles, bins)
    )
    both = np.stack([length, rng.normal(0, 60, (samples, muscles, bins))], axis=3)
    return torch.from_numpy(both).to(dtype)


def small(family, seed=0, **changes):
    return build_trunk(replace(SMALL[family], **changes), MUSCLES, seed, bins=BINS).double()


def causal(family):
    padding = "same" if family == "recurrent" else "causal"
    return small(family, norm="step", padding=padding)


def plain(trunk, x):
    """The same network as it is usually written."""
    x, seen = x.permute(0, 3, 1, 2), []
    for block, layer in zip(trunk.blocks, trunk.geometry, strict=True):
        if isinstance(block, Block):
            (_, top, bottom), (_, left, right) = layer.padding
            x = F.conv2d(F.pad(x, (left, right, top, bottom)), block.weight, stride=layer.strides)
            norm = block.norm
            x = F.relu(F.group_norm(x, 1, norm.scale, norm.shift, 1e-12))
        else:
            x = block.lstm(x.permute(0, 3, 2, 1).flatten(2))[0].transpose(1, 2)[:, :, None]
        seen.append(x)
    return seen


@pytest.mark.parametrize("family", FAMILIES)
class TestEveryFamily:
    def test_is_plain_torch(self, family):
        trunk, x = small(family), spindle()
        with torch.no_grad():  # scales and shifts are one and zero at first
            for block in trunk.blocks:
                if isinstance(block, Block):
                    block.norm.scale.uniform_(0.5, 2, generator=torch.Generator().manual_seed(0))
                    block.norm.shift.uniform_(-1, 1, generator=torch.Generator().manual_seed(1))
        found, wanted = trunk.layers(x), plain(trunk, x)
        for one, other, layer in zip(found, wanted, trunk.geometry, strict=True):
            assert one.shape[1:] == (layer.channels, layer.height, layer.bins)
            torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-10)
        assert torch.equal(found[-1], trunk(x))
        towards = torch.randn(wanted[-1].shape, generator=torch.Generator().manual_seed(2)).double()
        parameters = list(trunk.parameters())
        ours = torch.autograd.grad(found[-1], parameters, towards)
        theirs = torch.autograd.grad(wanted[-1], parameters, towards)
        for one, other in zip(ours, theirs, strict=True):
            torch.testing.assert_close(one, other, rtol=1e-7, atol=1e-8)

    def test_counts_its_parameters(self, family):
        count = sum(one.numel() for one in small(family).parameters())
        assert count == trunk_parameters(SMALL[family], MUSCLES)

    @pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-6), (torch.float64, 1e-9)])
    def test_scale_of_the_input_is_invisible(self, family, dtype, tolerance):
        trunk, x = small(family).to(dtype), spindle(dtype=dtype)
        one, other = trunk(x), trunk(1000 * x)
        assert (one - other).abs().max() <= tolerance * max(one.abs().max(), 1)
        faster = x * torch.tensor([1.0, 1000.0], dtype=dtype)
        assert (one - trunk(faster)).abs().max() > 0.1

    def test_causal_networks_cannot_see_ahead(self, family):
        trunk, x = causal(family), spindle()
        assert trunk.settings.causal
        before = trunk.layers(x)
        for changed in (0, 17, 38, BINS - 1):
            other = x.clone()
            other[:, :, changed:] += spindle(2, seed=9)[:, :, changed:]
            for one, two, layer in zip(before, trunk.layers(other), trunk.geometry, strict=True):
                early = torch.from_numpy(layer.centres() < changed)
                assert torch.equal(one[..., early], two[..., early])
                if (~early).any():
                    first = int(early.sum())  # the output of the changed bin has seen it
                    assert not torch.equal(one[..., first], two[..., first])

    def test_published_networks_do_see_ahead(self, family):
        trunk, x = small(family), spindle()
        other = x.clone()
        other[:, :, -1] += 500
        assert not torch.equal(trunk(x)[..., 0], trunk(other)[..., 0])

    def test_masked_networks_see_no_padding(self, family):
        trunk = small(family, norm="masked")
        step, moving = trunk.geometry[-1].stride, 20
        x = spindle(1, bins=moving, seed=3)
        found = []
        for before in (0, step, 2 * step, 4 * step):
            whole = torch.full((1, MUSCLES, BINS, 2), 1e4).double()
            whole[:, :, before : before + moving] = x
            mask = torch.zeros(1, BINS, dtype=torch.bool)
            mask[:, before : before + moving] = True
            for level, layer in zip(trunk.layers(whole, mask), trunk.geometry, strict=True):
                last = level[..., before // layer.stride :]
                outputs = -(-moving // layer.stride)
                assert last[..., :outputs].abs().sum() > 0
                assert not last[..., outputs:].any()
            found.append(last[..., :outputs])
        for one in found[1:]:
            torch.testing.assert_close(one, found[0], rtol=1e-9, atol=1e-10)

    def test_a_seed_gives_the_same(self, family):
        states = [small(family, seed=seed).state_dict() for seed in (3, 3, 4)]
        for name, one in states[0].items():
            assert torch.equal(one, states[1][name])
        assert any(not torch.equal(one, states[2][name]) for name, one in states[0].items())

    def test_autocast(self, family):
        trunk, x = small(family).float(), spindle(dtype=torch.float32)
        with torch.autocast("cpu", torch.bfloat16):
            out = trunk(x)
        assert out.dtype == torch.bfloat16
        assert (out.float() - trunk(x)).abs().max() < 0.15


@pytest.mark.slow
# torch's own compiler imports a part of torch that is on its way out
@pytest.mark.filterwarnings("ignore:.*torch.jit.script_method.*:DeprecationWarning")
# and looks at gradients of what has none, behind the LSTM that it leaves out
@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor:UserWarning")
@pytest.mark.parametrize(
    ("family", "norm"),
    [
        ("spatial_temporal", "sample"),
        ("temporal_spatial", "step"),
        ("spatiotemporal", "masked"),
        ("recurrent", "masked"),
    ],
)
def test_compile(family, norm):
    trunk, x = small(family, norm=norm).float(), spindle(dtype=torch.float32)
    mask = torch.ones(2, BINS, dtype=torch.bool)
    found = torch.compile(trunk)(x, mask)
    torch.testing.assert_close(found, trunk(x, mask), rtol=1e-4, atol=1e-4)


class TestTimes:
    @pytest.mark.parametrize(("size", "stride"), [(5, 2), (7, 2), (5, 3), (9, 3), (5, 1)])
    @pytest.mark.parametrize("mode", ["same", "causal"])
    def test_copying_the_centre_lags_nowhere(self, size, stride, mode):
        """A network that copies what it stands for follows a ramp without lag."""
        settings = TrunkSettings(
            "temporal_spatial", [1], [1] * 4, 1, size, [1], [stride], norm="step", padding=mode
        )
        trunk = build_trunk(settings, 1, 0).double()
        ramp = torch.arange(400).double()[None, None]
        for block, layer in zip(list(trunk.blocks)[:4], trunk.geometry, strict=False):
            weight = torch.zeros_like(block.weight)
            weight[..., -1 if mode == "causal" else size // 2] = 1
            (_, top, bottom), (_, left, right) = layer.padding
            ramp = F.conv2d(
                F.pad(ramp, (left, right, top, bottom)), weight[:, :1], stride=(1, stride)
            )
            assert ramp.flatten().tolist() == layer.centres().tolist()
        assert trunk.centres == trunk.geometry[3].centres().tolist()

    def test_the_input_reaches_only_its_field(self):
        """Without a norm that mixes time, what an output sees is its receptive field."""
        trunk = small("spatiotemporal", norm="step")
        last = trunk.geometry[-1]
        x = spindle(1).requires_grad_()
        for output in (0, 7, last.bins - 1):
            (gradient,) = torch.autograd.grad(trunk(x)[..., output].sum(), x)
            seen = gradient.abs().sum((0, 1, 3)).nonzero().flatten()
            centre, reach = int(last.centres()[output]), last.receptive_field // 2
            assert int(seen.min()) == max(centre - reach, 0)
            assert int(seen.max()) == min(centre + reach, BINS - 1)

    def test_no_movement_falls_between_outputs(self):
        trunk = small("temporal_spatial", norm="masked")
        for moving in range(BINS):
            mask = torch.zeros(1, BINS, dtype=torch.bool)
            mask[0, moving] = True
            for level in trunk.masks(mask):
                assert int(level.sum()) == 1
            assert torch.count_nonzero(trunk.masks(mask)[-1][0, moving // 9]) == 1

    def test_other_norms_read_no_mask(self):
        trunk = small("spatiotemporal")
        mask = torch.ones(2, BINS, dtype=torch.bool)
        assert trunk.masks(mask) == [None, None, None]
        assert torch.equal(trunk(spindle(), mask), trunk(spindle()))


def test_published_default():
    trunk = build_trunk(TrunkSettings(), 39, 0)
    assert sum(one.numel() for one in trunk.parameters()) == 67_840
    out = trunk(spindle(1, 39, 400, dtype=torch.float32))
    assert out.shape == (1, 64, 3, 25)
    # Xavier: uniform within sqrt(6 / (fan in + fan out))
    weight, limit = trunk.blocks[2].weight.detach(), (6 / (25 * 16 + 25 * 32)) ** 0.5
    assert 0.98 * limit < float(weight.abs().max()) <= limit
    assert abs(float(weight.std()) / limit - 3**-0.5) < 0.01


def test_keeps_its_weights_in_a_state_dict():
    one, other = small("spatiotemporal", seed=0), small("spatiotemporal", seed=1)
    other.load_state_dict({name: value.clone() for name, value in one.state_dict().items()})
    assert torch.equal(one(spindle()), other(spindle()))


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((2, 8, BINS, 2), r"spindle must have shape \(batch, 7, 60, 2\), got \(2, 8, 60, 2\)"),
        ((MUSCLES, BINS, 2), r"got \(7, 60, 2\)"),
    ],
)
def test_refuses_other_inputs(shape, message):
    with pytest.raises(ValueError, match=message):
        small("spatiotemporal")(torch.zeros(shape).double())


@pytest.mark.parametrize("family", FAMILIES)
def test_refuses_no_mask(family):
    with pytest.raises(ValueError, match=r'norm "masked" needs a mask of shape .*, got none'):
        small(family, norm="masked")(spindle())


def test_refuses_a_seed_that_is_none():
    with pytest.raises(ValueError, match="seed must be"):
        build_trunk(TrunkSettings(), 39, -1)
