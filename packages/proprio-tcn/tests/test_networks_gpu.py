"""The same networks on a GPU: what the CPU gives, to the rounding of single precision."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from proprio_tcn.networks.ensemble import Ensemble
from proprio_tcn.networks.head_settings import HeadSettings
from proprio_tcn.networks.making import build_network
from proprio_tcn.networks.settings import FAMILIES, NORMS, TrunkSettings

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device"),
]
MUSCLES, BINS = 7, 60
TRUNKS = {
    "spatial_temporal": TrunkSettings("spatial_temporal", [4, 5], [5, 6], 3, 5, [2], [2]),
    "temporal_spatial": TrunkSettings("temporal_spatial", [5, 6], [4, 5], 3, 5, [2], [3]),
    "spatiotemporal": TrunkSettings("spatiotemporal", [4, 6], [], 3, 5, [2], [2]),
    "recurrent": TrunkSettings("recurrent", [4, 5], [], 3, spatial_strides=[2], units=6),
}
HEADS = [HeadSettings("classify", 20), HeadSettings("regress", 6), HeadSettings("torque", 4)]


def batch():
    rng = np.random.default_rng(0)
    spindle = torch.from_numpy(rng.normal(80, 30, (3, MUSCLES, BINS, 2))).double()
    mask = torch.zeros(3, BINS, dtype=torch.bool)
    mask[:, 11:40] = True
    return spindle, mask, torch.from_numpy(rng.normal(0, 5, (3, 3, BINS)))


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("norm", NORMS)
def test_is_what_the_cpu_gives(family, norm):
    trunk = replace(TRUNKS[family], norm=norm)
    networks = [
        build_network(trunk, head, MUSCLES, seed, bins=BINS).double().eval()
        for seed, head in enumerate(HEADS)
    ]
    given = batch()
    found = []
    for device in ("cpu", "cuda"):
        for network in networks:
            network.to(device)
        outputs = Ensemble(networks)(*(one.to(device) for one in given))
        sum(out.square().sum() for out in outputs).backward()
        gradients = [one.grad for network in networks for one in network.parameters()]
        found.append([one.detach().cpu() for one in [*outputs, *gradients]])
        for network in networks:
            network.zero_grad()
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-7, atol=1e-8)


@pytest.mark.parametrize("kind", ["classify", "decode", "project"])
def test_learns_in_half_precision(kind):
    network = build_network(
        TRUNKS["spatiotemporal"], HeadSettings(kind, 8), MUSCLES, 0, bins=BINS
    ).cuda()
    spindle = batch()[0].float().cuda()
    with torch.autocast("cuda", torch.float16):
        loss = network(spindle).float().square().mean()
    loss.backward()
    assert all(one.grad.isfinite().all() for one in network.parameters())
