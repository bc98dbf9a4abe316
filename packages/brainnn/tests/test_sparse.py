"""The sparse path against the dense one, scipy and finite differences."""

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from torch import Tensor
from torch.autograd import gradcheck

from brainnn.connectome.surrogate import surrogate
from brainnn.networks.edge_kernels import add_edge_sums, advance_by_edges
from brainnn.networks.rnn import ConnectomeRNN
from brainnn.networks.roles import choose_roles
from brainnn.networks.sparse import EdgePattern, sparse_sequence
from brainnn.networks.wiring import Wiring
from neuro_common.rate_sequence import ACTIVATIONS


@settings(max_examples=25, deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    st.integers(1, 12),
    st.sampled_from([1, 2, 5, 9]),
    st.sampled_from([np.float32, np.float64]),
)
def test_kernels_are_products_of_scipy(seed: int, units: int, batch: int, dtype: Any) -> None:
    rng = np.random.default_rng(seed)
    matrix = sparse.random_array((units, units), density=0.5, rng=rng, format="csr", dtype=dtype)
    matrix.sort_indices()
    vectors, drive, out = rng.normal(size=(3, units, batch)).astype(dtype)
    decay = rng.random(units).astype(dtype)
    starts, columns = matrix.indptr.astype(np.int64), matrix.indices.astype(np.uint32)
    expected = decay[:, None] * out + drive + matrix @ vectors
    advance_by_edges(starts, columns, matrix.data, vectors, decay, drive, out)
    near = 1e-5 if dtype is np.float32 else 1e-13
    np.testing.assert_allclose(out, expected, rtol=near, atol=near)

    ends, seen = rng.normal(size=(2, 3, units, batch)).astype(dtype)
    sums = np.ones_like(matrix.data)
    add_edge_sums(starts, columns, ends, seen, sums)
    whole = 1 + np.einsum("trb,tcb->rc", ends, seen)
    rows = np.repeat(np.arange(units), np.diff(starts))
    np.testing.assert_allclose(sums, whole[rows, columns], rtol=10 * near, atol=10 * near)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("batch", [1, 6])
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
