"""A network goes as a whole: on another device nothing of it is left behind."""

import copy
from collections.abc import Callable

import numpy as np
import pytest
import torch

from brainnn.connectome.graph import Connectome
from brainnn.networks.controls import GRUCore, MLPCore
from brainnn.networks.core import Core
from brainnn.networks.lesions import ablate, perturb
from brainnn.networks.rnn import ConnectomeRNN, NetworkPath
from brainnn.networks.roles import Roles
from brainnn.networks.sweep import SweepRNN
from brainnn.networks.wiring import Wiring

CHANNELS, ACTIONS = 3, 2
ROLES = Roles(np.arange(4), np.arange(9, 12))


def connectome() -> Connectome:
    rng = np.random.default_rng(3)
    counts = rng.integers(1, 4, (12, 12)) * (rng.random((12, 12)) < 0.5)
    np.fill_diagonal(counts, 0)
    return Connectome.of("drawn", counts)


def wired(path: NetworkPath, activation: str = "relu") -> ConnectomeRNN:
    options = {"train_tau": True, "train_initial_state": True, "activation": activation}
    wiring = Wiring.of(connectome())
    return ConnectomeRNN(wiring, ROLES, CHANNELS, ACTIONS, seed=0, path=path, **options)


def swept() -> SweepRNN:
    layers = [np.arange(5), np.arange(5, 9), np.arange(9, 12)]
    return SweepRNN(connectome(), layers, ROLES, CHANNELS, ACTIONS, seed=0)


CORES: dict[str, Callable[[], Core]] = {
    "dense": lambda: wired("dense"),
    "tanh": lambda: wired("auto", "tanh"),
    "sparse": lambda: wired("sparse"),
    "sweep": swept,
    "gru": lambda: GRUCore(CHANNELS, ACTIONS, units=4, encoded=3, seed=0),
    "mlp": lambda: MLPCore(CHANNELS, ACTIONS, hidden=(4, 3), seed=0),
}


@pytest.mark.parametrize("name", CORES)
def test_nothing_of_a_network_stays_behind(name: str) -> None:
    """A tensor of the device meta has no numbers, and meets no tensor of another."""
    core = CORES[name]().to("meta")
    observations = torch.zeros(5, 7, CHANNELS, device="meta")
    actions, state = core(observations)
    (actions.sum() + state.sum()).backward()
    assert actions.shape == (5, 7, ACTIONS)
    assert {one.grad.device.type for one in core.parameters() if one.grad is not None} == {"meta"}
    with torch.no_grad():
        again, _ = core(observations, state.detach())
    assert again.device.type == "meta"


def test_edges_are_of_the_cpu() -> None:
    core = wired("sparse")
    assert core.by_edges
    assert not core.to("meta").by_edges


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("name", CORES)
def test_a_gpu_gives_the_same_numbers(name: str) -> None:
    here = CORES[name]().double()
    there = copy.deepcopy(here).cuda()
    observations = torch.from_numpy(np.random.default_rng(0).normal(size=(5, 7, CHANNELS)))
    one, other = here(observations)[0], there(observations.cuda())[0]
    torch.testing.assert_close(other.cpu(), one, rtol=1e-9, atol=1e-12)
    for actions in (one, other):
        actions.square().sum().backward()
    for ours, theirs in zip(here.parameters(), there.parameters(), strict=True):
        if ours.grad is not None:
            torch.testing.assert_close(theirs.grad.cpu(), ours.grad, rtol=1e-9, atol=1e-12)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_lesions_and_noise_stay_on_a_gpu() -> None:
    core = wired("auto").cuda()
    observations = torch.ones(2, 3, CHANNELS, device="cuda")
    for changed in (ablate(core, [1, 5]), perturb(core, seed=1, weight_noise=0.1, state_noise=0.1)):
        assert changed(observations)[0].isfinite().all()
