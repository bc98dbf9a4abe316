"""Strengths by closed form; spectral radii by all eigenvalues."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from brainnn.connectome.graph import Connectome
from brainnn.connectome.strengths import edge_strengths, spectral_radius
from brainnn.connectome.surrogate import surrogate, synthetic

HAND = Connectome.of("hand", [[0, 6, 0], [3, 0, 1], [9, 0, 0]], signs=[1, -1, 0])


@pytest.mark.parametrize(
    ("kind", "wanted"),
    [
        ("count", [6, 3, 1, 9]),
        ("log1p", np.log([7, 4, 2, 10])),
        ("input_share", [1, 0.25, 1, 0.75]),
        ("one", [1, 1, 1, 1]),
    ],
)
def test_strength_of_a_hand_case(kind, wanted):
    np.testing.assert_allclose(edge_strengths(HAND, kind), wanted)


def test_input_shares_of_every_neuron_sum_to_one():
    circuit = surrogate()
    post = circuit.edge_list()[1]
    sums = np.bincount(post, edge_strengths(circuit, "input_share"))
    np.testing.assert_allclose(sums, 1)


def test_an_unknown_strength_is_refused():
    with pytest.raises(ValueError, match="one of count, log1p, input_share, one, got 'square'"):
        edge_strengths(HAND, "square")


@settings(max_examples=40)
@given(st.integers(1, 12), st.floats(0, 0.5), st.integers(0, 1000))
def test_spectral_radius_is_that_of_all_eigenvalues(neurons, density, seed):
    rng = np.random.default_rng(seed)
    matrix = rng.normal(size=(neurons, neurons)) * (rng.random((neurons, neurons)) < density)
    wanted = np.abs(np.linalg.eigvals(matrix)).max()
    # a nilpotent part has eigenvalues of rounding alone, which grow with the root of its size
    assert spectral_radius(matrix) == pytest.approx(wanted, rel=1e-6, abs=1e-2)
    assert spectral_radius(sparse.csr_array(matrix)) == spectral_radius(matrix)


def test_a_large_matrix_agrees_with_all_eigenvalues():
    graph = synthetic(400, 8000)
    pre, post, count = graph.edge_list()
    signed = sparse.csr_array((graph.signs[pre] * np.log1p(count), (pre, post)), shape=(400, 400))
    wanted = np.abs(np.linalg.eigvals(signed.toarray())).max()
    assert spectral_radius(signed) == pytest.approx(wanted, rel=1e-9)


def test_eigenvalues_of_one_modulus_are_found_all_the_same():
    # a ring: every eigenvalue has modulus 1, which no iteration can tell apart
    ring = sparse.csr_array(np.roll(np.eye(400), 1, axis=1))
    assert spectral_radius(ring) == pytest.approx(1)
