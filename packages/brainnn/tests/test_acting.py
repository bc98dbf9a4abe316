"""A network that only acts, in one compiled call: against the same network under autograd."""

from typing import Any

import numpy as np
import pytest
import torch

from brainnn.connectome.surrogate import surrogate, synthetic
from brainnn.networks.acting import EdgeActor
from brainnn.networks.lesions import ablate, perturb
from brainnn.networks.rnn import ConnectomeRNN
from brainnn.networks.roles import choose_roles
from brainnn.networks.wiring import Wiring

CHANNELS, ACTIONS = 5, 3


def network(**options: Any) -> ConnectomeRNN:
    connectome = surrogate(1)
    roles = choose_roles(connectome)
    options = {"seed": 2, "path": "sparse", "dtype": torch.float64, "tau_ms": 12.0} | options
    net = ConnectomeRNN(Wiring.of(connectome), roles, CHANNELS, ACTIONS, **options)
    draw = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for one in (net.bias, net.first_state, net.output_bias):
            one.add_(0.3 * torch.randn(one.shape, generator=draw, dtype=torch.float64))
    return net


def given(batch: int, steps: int, net: ConnectomeRNN) -> tuple[torch.Tensor, torch.Tensor]:
    draw = torch.Generator().manual_seed(batch)
    x = torch.randn(batch, steps, CHANNELS, generator=draw, dtype=torch.float64)
    return x, torch.randn(batch, net.state_size, generator=draw, dtype=torch.float64)


def agree(net: ConnectomeRNN, *arguments: torch.Tensor, near: float = 1e-13) -> None:
    """All three results of acting are those of the path that learns."""
    learning = net.run(*arguments)
    before = [one.clone() for one in arguments]
    with torch.no_grad():
        assert isinstance(net._kernels(), EdgeActor)
        acting = net.run(*arguments)
    for ours, theirs in zip(acting, learning, strict=True):
        torch.testing.assert_close(ours, theirs.detach(), rtol=near, atol=near)
    assert all(torch.equal(*pair) for pair in zip(arguments, before, strict=True))


@pytest.mark.parametrize("batch", [1, 2, 15, 16, 33])
@pytest.mark.parametrize("substeps", [1, 4])
def test_acting_is_the_sequence_that_is_learned_from(batch: int, substeps: int) -> None:
    net = network(substeps=substeps)
    agree(net, *given(batch, 6, net))
    agree(net, *given(batch, 1, net))


@pytest.mark.parametrize("batch", [1, 17])
def test_lesions_are_in_it(batch: int) -> None:
    lesioned = ablate(network(), np.arange(0, 143, 4))
    agree(lesioned, *given(batch, 5, lesioned))


@pytest.mark.parametrize("batch", [1, 17])
def test_noise_is_the_same(batch: int) -> None:
    noisy = [perturb(network(), seed=3, state_noise=0.2) for _ in range(2)]
    arguments = given(batch, 5, noisy[0])
    learning = noisy[0].run(*arguments)[0].detach()
    with torch.no_grad():
        acting = noisy[1].run(*arguments)[0]
        again = noisy[1].run(*arguments)[0]
    torch.testing.assert_close(acting, learning, rtol=1e-13, atol=1e-13)
    assert float((again - acting).abs().max()) > 0.01


@pytest.mark.parametrize("batch", [1, 3])
def test_what_goes_in_need_not_be_contiguous(batch: int) -> None:
    net = network()
    x, state = given(batch, 8, net)
    agree(net, x.transpose(1, 2).contiguous().transpose(1, 2)[:, ::2], state.T.contiguous().T)


@pytest.mark.parametrize("batch", [1, 3])
def test_what_is_not_a_number_is_not_hidden(batch: int) -> None:
    net = network()
    x, state = given(batch, 2, net)
    state[0] = torch.nan
    with torch.no_grad():
        actions, last = net(x, state)
    assert bool(actions[0].isnan().all())
    assert bool(last[0].isnan().all())
    assert bool(actions[1:].isfinite().all())


@pytest.mark.parametrize("batch", [1, 20])
def test_single_precision_at_the_size_of_a_neuropil(batch: int) -> None:
    connectome = synthetic(1101, 37026, seed=0)
    roles = choose_roles(connectome, 220, 220, rng=np.random.default_rng(0))
    net = ConnectomeRNN(Wiring.of(connectome), roles, CHANNELS, ACTIONS, seed=0)
    agree(net, *(one.float() for one in given(batch, 20, net)), near=1e-5)


def test_where_it_does_not_apply() -> None:
    x, _ = given(2, 3, network())
    for options in ({"activation": "tanh"}, {"path": "dense"}):
        net = network(**options)
        with torch.no_grad():
            assert not isinstance(net._kernels(), EdgeActor)
            actions = net(x)[0]
        torch.testing.assert_close(actions, net(x)[0].detach(), rtol=1e-13, atol=1e-13)
    net = network()
    with torch.no_grad():
        by_edges = net(x)[0]
        net.path = "dense"
        assert not isinstance(net._kernels(), EdgeActor)
        torch.testing.assert_close(net(x)[0], by_edges, rtol=1e-12, atol=1e-12)


def test_another_dtype_is_refused() -> None:
    net = network()
    x, state = given(2, 3, net)
    message = "observations and state must be float64, got float32 and float64"
    with torch.no_grad(), pytest.raises(TypeError, match=message):
        net(x.float(), state)
