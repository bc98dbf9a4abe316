"""Networks as a whole on another device: what the CPU gives, to rounding."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from proprio_tcn.networks.ensemble import Ensemble
from proprio_tcn.networks.head_settings import HeadSettings
from proprio_tcn.networks.making import build_network
from proprio_tcn.networks.settings import FAMILIES, NORMS, TrunkSettings
from proprio_tcn.tasks.sixteen import TASKS
from proprio_tcn.training.batches import ArrayMovements
from proprio_tcn.training.fitting import train_together
from proprio_tcn.training.settings import TrainSettings
from proprio_tcn.training.shipped import find_network
from proprio_tcn.training.trained import Trained, load_network

MUSCLES, BINS = 7, 60
TRUNKS = {
    "spatial_temporal": TrunkSettings("spatial_temporal", [4, 5], [5, 6], 3, 5, [2], [2]),
    "temporal_spatial": TrunkSettings("temporal_spatial", [5, 6], [4, 5], 3, 5, [2], [3]),
    "spatiotemporal": TrunkSettings("spatiotemporal", [4, 6], [], 3, 5, [2], [2]),
    "recurrent": TrunkSettings("recurrent", [4, 5], [], 3, spatial_strides=[2], units=6),
}
HEADS = [
    HeadSettings("classify", 20),
    HeadSettings("regress", 6),
    HeadSettings("torque", 4),
    HeadSettings("decode", 14),
    HeadSettings("project", 8),
]
TOLD = 'device must be "cpu", or "cuda" where torch finds a graphics card, got '


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("norm", NORMS)
def test_nothing_of_a_network_stays_behind(family: str, norm: str) -> None:
    """A tensor of the device meta has no numbers, and meets no tensor of another."""
    networks = [
        build_network(replace(TRUNKS[family], norm=norm), head, MUSCLES, 0, bins=BINS).to("meta")
        for head in HEADS
    ]
    shapes = ((3, MUSCLES, BINS, 2), (3, BINS), (3, 3, BINS))
    spindle, mask, target = (torch.zeros(shape, device="meta") for shape in shapes)
    outputs = Ensemble(networks[:1]).eval()(spindle, mask.bool(), target)
    outputs += [network.eval()(spindle, mask.bool(), target) for network in networks]
    torch.stack([one.sum() for one in outputs]).sum().backward()
    for network in networks:
        assert all(one.grad is not None and one.grad.is_meta for one in network.trunk.parameters())


def test_a_device_that_is_not_there_is_no_damaged_file(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=f"{TOLD}'gpu'"):
        load_network(tmp_path, device="gpu")


def test_files_that_tell_where_they_were_trained_are_read() -> None:
    shipped = find_network("pretrained/hand_position")
    assert '"device": "cpu"' in (shipped / "manifest.json").read_text(encoding="utf-8")
    found = load_network("pretrained/hand_position")
    assert found.device == torch.device("cpu")
    assert "device" not in vars(found.settings)


def batch() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Spindles, which bins move, targets of reaches."""
    rng = np.random.default_rng(0)
    spindle = torch.from_numpy(rng.normal(80, 30, (3, MUSCLES, BINS, 2))).double()
    mask = torch.zeros(3, BINS, dtype=torch.bool)
    mask[:, 11:40] = True
    return spindle, mask, torch.from_numpy(rng.normal(0, 5, (3, 3, BINS)))


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("norm", NORMS)
def test_a_gpu_gives_what_the_cpu_gives(family: str, norm: str) -> None:
    trunk = replace(TRUNKS[family], norm=norm)
    networks = [
        build_network(trunk, head, MUSCLES, seed, bins=BINS).double().eval()
        for seed, head in enumerate(HEADS[:3])
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


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("kind", ["classify", "decode", "project"])
def test_a_gpu_learns_in_half_precision(kind: str) -> None:
    network = build_network(
        TRUNKS["spatiotemporal"], HeadSettings(kind, 8), MUSCLES, 0, bins=BINS
    ).cuda()
    spindle = batch()[0].float().cuda()
    with torch.autocast("cuda", torch.float16):
        loss = network(spindle).float().square().mean()
    loss.backward()
    assert all(one.grad.isfinite().all() for one in network.parameters())


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("name", ["action_recognition", "hand_position"])
@pytest.mark.parametrize("members", [1, 2])
def test_a_gpu_learns_what_the_cpu_does(
    name: str, members: int, sets: tuple[ArrayMovements, ArrayMovements], tmp_path: Path
) -> None:
    settings = TrainSettings(epochs=2, batch=16, learning_rate=5e-3, dropout=0.0)
    trunk = TrunkSettings(spatial_kernels=[4, 8], spatial_kernel_size=3, temporal_kernel_size=3)

    def taught(device: str, folder: str) -> list[Trained]:
        tasks = [(TASKS[name], 3 + one) for one in range(members)]
        return train_together(
            tasks, trunk, *sets, settings, tmp_path / folder, seed=3, device=device
        )

    # else cuDNN rounds factors to ten bits
    with torch.backends.cudnn.flags(enabled=True, deterministic=True, allow_tf32=False):
        here, there = taught("cpu", "here"), taught("cuda", "there")
        # a finished training is given again, wherever it is asked for
        again = taught("cpu", "there")
        told = [one.predict({**sets[1].arrays}) for one in (*there, *again)]
    for one, other, third in zip(here, there, again, strict=True):
        assert (other.device.type, third.device.type) == ("cuda", "cpu")
        losses = [each.metrics["validation_loss"] for each in (one, other, third)]
        np.testing.assert_allclose(losses, losses[0], rtol=0.02, atol=1e-4)
    np.testing.assert_allclose(told[:members], told[members:], rtol=1e-3, atol=0.02)
