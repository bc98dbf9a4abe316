"""Speed of training temporal convolutional networks: in CPU time of this process.

The six published architectures, 39 muscles and 400 bins, six numbers at each output bin; a step is
one sample through forward, backward and Adam. They are held against the same layers as they are
usually written in torch: padding, convolution, GroupNorm, ReLU, channels first.

The floor is the convolutions alone: their multiplications and additions, once forward and twice
back (the first layer's input needs no gradient), at the 130 GFLOP/s that the widest of these layers
reach on one core of the machine this was written on, with all else that it did: 268, 950, 3382,
1916, 14 and 548 samples/s in the order below. The networks reached .33, .31, .18, .39, .91 and .48
of it, and 1.42, 1.06, 1.17, 1.02, 1.09 and 1.07 times the speed of plain torch. What they save is
the norm, the rectifier and the padding, which are one pass over memory that lies channels last; the
convolutions, which are torch's own in both, take two thirds of an update, and those with few
channels fill no vector register.

Together: eight networks of one architecture and different seeds, against one after the other. As
groups of one convolution they gained 1.2 to 1.5 on batches of 2; on batches of 16 torch's grouped
convolutions of few channels lose what the rest gains (.76 and 1.08), so that networks are then left
to run one after the other unless they are told otherwise. torch.func.vmap took 1.4 times (batches
of 2) to 4.4 times (of 16) as long as one after the other.
"""

import time
from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from proprio_tcn.networks.ensemble import Ensemble
from proprio_tcn.networks.geometry import LayerGeometry
from proprio_tcn.networks.head_settings import HeadSettings
from proprio_tcn.networks.making import Network, build_network
from proprio_tcn.networks.settings import TrunkSettings

MUSCLES, BINS = 39, 400
DEEP = [2, 1, 1, 2, 1, 1, 2, 1, 1, 1, 1, 1]
ARCHITECTURES = {
    "spatial, then temporal, 8 layers, no stride over muscles": TrunkSettings(
        "spatial_temporal", [8, 8, 16, 16], [16, 16, 32, 32], 5, 9, [1], [2]
    ),
    "spatial, then temporal, 8 layers": TrunkSettings(
        "spatial_temporal", [8, 16, 16, 32], [32, 32, 64, 64], 7, 7
    ),
    "temporal, then spatial, 8 layers": TrunkSettings(
        "temporal_spatial", [32, 64, 64, 64], [16, 16, 32, 32], 3, 5, [2], [3]
    ),
    "spatiotemporal, 4 layers": TrunkSettings(),
    "spatiotemporal, 2 layers, no stride": TrunkSettings(
        "spatiotemporal", [32, 64], [], 7, 7, [1], [1]
    ),
    "spatiotemporal, 12 layers": TrunkSettings(
        "spatiotemporal", [8] * 3 + [16] * 3 + [32] * 3 + [64] * 3, [], 3, 3, DEEP, DEEP
    ),
}
MANY = 8


class PlainBlock(nn.Module):
    """A layer as it is usually written."""

    def __init__(self, layer: LayerGeometry) -> None:
        super().__init__()
        (_, top, bottom), (_, left, right) = layer.padding
        self.sides = (left, right, top, bottom)
        self.conv = nn.Conv2d(
            layer.channels_in, layer.channels, layer.kernel, layer.strides, bias=False
        )
        self.norm = nn.GroupNorm(1, layer.channels, eps=1e-12)

    def forward(self, x: Tensor) -> Tensor:
        """Pad, convolve, normalise, rectify."""
        return F.relu(self.norm(self.conv(F.pad(x, self.sides))))


class PlainNetwork(nn.Module):
    """The same network as it is usually written."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        layers = network.trunk.geometry
        self.blocks = nn.Sequential(*map(PlainBlock, layers))
        self.linear = nn.Linear(layers[-1].features, network.head_settings.outputs)

    def forward(self, spindle: Tensor) -> Tensor:
        """As :meth:`Network.forward`."""
        x = self.blocks(spindle.permute(0, 3, 1, 2))
        return self.linear(x.permute(0, 3, 2, 1).flatten(2)).transpose(1, 2)


def make(settings: TrunkSettings, seed: int = 0) -> Network:
    return build_network(settings, HeadSettings("regress", 6), MUSCLES, seed)


def inputs(batch: int) -> Tensor:
    draw = torch.Generator().manual_seed(0)
    return 100 + 30 * torch.randn(batch, MUSCLES, BINS, 2, generator=draw)


def update(network: nn.Module, run: Callable[[Tensor], Any], spindle: Tensor) -> Callable[[], None]:
    """One update of everything that the network holds."""
    optimiser = torch.optim.Adam(network.parameters())

    def work() -> None:
        optimiser.zero_grad()
        out = run(spindle)
        losses = [one.square().mean() for one in (out if isinstance(out, list) else [out])]
        torch.stack(losses).sum().backward()
        optimiser.step()

    return work


def measure(benchmark: Any, label: str, steps: int, work: Callable[[], Any], first: str) -> None:
    """Time work of so many steps."""
    benchmark.extra_info |= {"label": label, "steps": steps, "baseline": label == first}
    benchmark.pedantic(work, rounds=5, warmup_rounds=1)


@pytest.mark.parametrize("label", ["plain torch", "network"])
@pytest.mark.parametrize("name", ARCHITECTURES)
class TestTraining:
    """One network."""

    @pytest.mark.benchmark(timer=time.process_time)
    def test_update(self, benchmark: Any, name: str, label: str) -> None:
        benchmark.group = f"Spindle network: an update, batch of 16 ({name})"
        network = make(ARCHITECTURES[name])
        chosen = PlainNetwork(network) if label == "plain torch" else network
        measure(benchmark, label, 16, update(chosen, chosen, inputs(16)), "plain torch")


@pytest.mark.parametrize("batch", [2, 16])
@pytest.mark.parametrize("label", ["one after the other", "together"])
@pytest.mark.parametrize("name", ["temporal, then spatial, 8 layers", "spatiotemporal, 4 layers"])
class TestTogether:
    """Many networks that see the same samples; a step is one sample in one of them."""

    @pytest.mark.benchmark(timer=time.process_time)
    def test_update(self, benchmark: Any, name: str, label: str, batch: int) -> None:
        benchmark.group = f"Spindle networks: an update of {MANY}, batch of {batch} ({name})"
        networks = [make(ARCHITECTURES[name], seed) for seed in range(MANY)]
        ensemble = Ensemble(networks, grouped=label == "together")
        work = update(ensemble, ensemble, inputs(batch))
        measure(benchmark, label, MANY * batch, work, "one after the other")
