"""The sparse path against the dense one, torch's autograd and finite differences."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.autograd import gradcheck

from brainnn.connectome.surrogate import surrogate
from brainnn.networks.rnn import ConnectomeRNN
from brainnn.networks.roles import choose_roles
from brainnn.networks.sparse import EdgePattern, sparse_sequence
from brainnn.networks.wiring import Wiring
from neuro_common.rate_sequence import ACTIVATIONS

RATES: dict[str, Callable[[Tensor], Tensor]] = {
    "relu": torch.relu,
    "tanh": torch.tanh,
    "softplus": lambda state: torch.logaddexp(state, torch.zeros_like(state)),
}


def plain_sequence(
    drive: Tensor,
    noise: Tensor | None,
    matrix: Tensor,
    decay: Tensor,
    state: Tensor,
    substeps: int,
    activation: str,
) -> tuple[Tensor, Tensor]:
    """The same under torch's own autograd, with a whole matrix."""
    rate, read = RATES[activation], []
    for time, held in enumerate(drive):
        for substep in range(substeps):
            state = decay[:, None] * state + held + matrix @ rate(state)
            if noise is not None:
                state = state + noise[time * substeps + substep]
        read.append(rate(state))
    return torch.stack(read), state


def drawn_edges(units: int, density: float, seed: int) -> tuple[EdgePattern, Any, Any]:
    rng = np.random.default_rng(seed)
    post, pre = np.nonzero(rng.random((units, units)) < density)
    return EdgePattern.of(units, pre, post), post, pre


@settings(max_examples=40)
@given(
    seed=st.integers(0, 2**32 - 1),
    units=st.integers(1, 12),
    density=st.sampled_from([0.0, 0.1, 0.6]),
    batch=st.sampled_from([1, 2, 5, 15, 16, 17, 33]),
    substeps=st.sampled_from([1, 4]),
    activation=st.sampled_from([*ACTIVATIONS]),
    noisy=st.booleans(),
    needs=st.tuples(*[st.booleans()] * 5),
)
def test_it_is_the_plain_loop(
    seed: int,
    units: int,
    density: float,
    batch: int,
    substeps: int,
    activation: str,
    noisy: bool,
    needs: tuple[bool, ...],
) -> None:
    """Any batch, with and without noise, whatever gradients are wanted: also none."""
    pattern, post, pre = drawn_edges(units, density, seed % 1000)
    draw = torch.Generator().manual_seed(seed)

    def free(*shape: int) -> Tensor:
        return torch.randn(shape, generator=draw, dtype=torch.float64)

    arguments = [free(3, units, batch), free(3 * substeps, units, batch), 0.3 * free(len(pre))]
    arguments += [0.5 * free(units), free(units, batch)]
    found = []
    for sparse in (True, False):
        drive, noise, values, decay, state = taken = [
            one.clone().requires_grad_(need) for one, need in zip(arguments, needs, strict=True)
        ]
        heard = noise if noisy else None
        if sparse:
            rest = pattern, decay, state, substeps, activation
            read, last = sparse_sequence(drive, heard, values, *rest)
        else:
            matrix = torch.zeros(units, units, dtype=torch.float64)
            matrix = matrix.index_put((torch.tensor(post), torch.tensor(pre)), values)
            read, last = plain_sequence(drive, heard, matrix, decay, state, substeps, activation)
        if read.requires_grad:
            (read.sin().sum() + (last * last).sum()).backward()
        found.append([read, last, *(one.grad for one in taken)])
    for ours, theirs in zip(*found, strict=True):
        if ours is None or theirs is None:
            assert ours is None or not ours.any()  # nobody asked, or it does not matter
            assert theirs is None or not theirs.any()
        else:
            torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-12)


def test_what_goes_in_need_not_be_contiguous() -> None:
    pattern, _, pre = drawn_edges(6, 0.4, 2)
    draw = torch.Generator().manual_seed(0)
    drive = torch.randn(20, 6, 3, generator=draw).mT.transpose(0, 1).transpose(1, 2)
    state = torch.randn(20, 6, generator=draw).T
    values, decay = 0.3 * torch.randn(2 * len(pre), generator=draw)[::2], torch.rand(1).expand(6)
    given_as = drive, None, values, pattern, decay, state
    laid_out = tuple(one.contiguous() if isinstance(one, Tensor) else one for one in given_as)
    before = state.clone()
    ours, theirs = (sparse_sequence(*one, 2, "relu") for one in (given_as, laid_out))  # type: ignore[arg-type]
    assert not drive.is_contiguous()
    assert torch.equal(ours[0], theirs[0])
    assert torch.equal(ours[1], theirs[1])
    assert torch.equal(state, before)


def test_what_is_not_a_number_is_not_hidden() -> None:
    pattern, _, pre = drawn_edges(5, 0.9, 0)
    values, decay = torch.ones(len(pre)), torch.full((5,), 0.5)
    for batch in (1, 3):
        drive = torch.zeros(1, 5, batch)
        drive[0, 0, 0] = torch.nan
        read, last = sparse_sequence(
            drive, None, values, pattern, decay, torch.zeros(5, batch), 2, "relu"
        )
        assert bool(last[:, 0].isnan().any())
        assert bool(read[:, :, 0].isnan().any())
        assert not read[:, :, 1:].any()  # nor does it reach another trial


@pytest.mark.parametrize(
    ("dtype", "batch"),
    [
        (torch.float32, 1),
        (torch.float32, 6),  # of more, the dense sums are rounded further off
        (torch.float64, 1),
        (torch.float64, 6),
        (torch.float64, 33),
    ],
)
def test_both_paths_agree_forward_and_backward(dtype: torch.dtype, batch: int) -> None:
    connectome = surrogate(3)
    roles = choose_roles(connectome)
    draw = torch.Generator().manual_seed(batch)
    x = torch.randn(batch, 25, 7, generator=draw, dtype=torch.float64).to(dtype)
    state = torch.rand(batch, len(connectome), generator=draw, dtype=torch.float64).to(dtype)
    weights = torch.randn(batch, 25, 3, generator=draw, dtype=torch.float64).to(dtype)
    found: list[dict[str, Tensor]] = []
    for path in ("dense", "sparse"):
        options: Any = {"path": path, "train_tau": True, "tau_ms": 12.0, "dtype": dtype}
        net = ConnectomeRNN(Wiring.of(connectome), roles, 7, 3, seed=1, **options)
        net.noise_std, net.noise_source = 0.1, torch.Generator().manual_seed(4)
        begun = state.clone().requires_grad_()
        actions, rates, last = net.run(x, begun)
        ((actions * weights).sum() + last.sum() + rates.square().mean()).backward()
        grads = {name: one.grad for name, one in net.named_parameters() if one.grad is not None}
        assert len(grads) == 6
        assert begun.grad is not None
        found.append(
            {"actions": actions, "rates": rates, "last": last, "begun": begun.grad} | grads
        )
    near = 1e-6 if dtype == torch.float32 else 1e-12
    for name, dense in found[0].items():
        difference = (found[1][name] - dense).abs().max() / dense.abs().max()
        assert float(difference.detach()) < near, name


@pytest.mark.parametrize("activation", [*ACTIVATIONS])
def test_gradients_are_finite_differences(activation: str) -> None:
    rng = np.random.default_rng(6)
    post, pre = np.nonzero(rng.random((5, 5)) < 0.4)
    pattern = EdgePattern.of(5, pre, post)
    draw = torch.Generator().manual_seed(0)

    def free(*shape: int) -> Tensor:
        return torch.randn(shape, generator=draw, dtype=torch.float64).requires_grad_()

    def run(drive: Tensor, noise: Tensor, values: Tensor, decay: Tensor, state: Tensor) -> Any:
        return sparse_sequence(drive, noise, values, pattern, decay, state, 2, activation)

    arguments = free(3, 5, 2), free(6, 5, 2), free(len(pre)), free(5), free(5, 2)
    assert gradcheck(run, arguments)


def test_the_edges_are_the_same_both_ways() -> None:
    post, pre = np.nonzero(np.array([[0, 1, 1], [0, 0, 0], [1, 1, 0]]))
    pattern = EdgePattern.of(3, pre, post)
    assert pattern.post_starts.tolist() == [0, 2, 2, 4]
    assert pattern.pre.tolist() == [1, 2, 0, 1]
    assert pattern.pre_starts.tolist() == [0, 1, 3, 4]
    assert pattern.post.tolist() == [2, 0, 2, 0]
    assert pattern.by_pre.tolist() == [2, 0, 3, 1]
