"""Networks against dense matrices and scipy.sparse, small worlds against networkx."""

import copy
import math
import pickle
from collections.abc import Callable
from typing import Any

import networkx
import numpy as np
import pytest
import scipy.sparse
import scipy.stats
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from rldbs_env.coupling import gather
from rldbs_env.networks import Network, all_to_all, from_adjacency, small_world

Floats = NDArray[np.float64]
SEEDS = st.integers(0, 2**32 - 1)


def dense(network: Network) -> Floats:
    parts = (network.strengths, network.indices, network.indptr)
    n = network.n_neurons
    return np.asarray(scipy.sparse.csr_array(parts, shape=(n, n)).toarray())


def graph(network: Network) -> networkx.DiGraph:
    """Receivers point to senders; built from the arrays, not from a matrix."""
    made = networkx.DiGraph()
    made.add_nodes_from(range(network.n_neurons))
    for i in range(network.n_neurons):
        senders = network.indices[network.indptr[i] : network.indptr[i + 1]].tolist()
        assert len(set(senders)) == len(senders)
        made.add_edges_from((i, j) for j in senders)
    return made


@st.composite
def matrices(draw: st.DrawFn, low: float = -5.0) -> Floats:
    n = draw(st.integers(1, 12))
    elements = st.just(0.0) | st.floats(low, 5.0)
    values = draw(hnp.arrays(np.float64, (n, n), elements=elements))
    np.fill_diagonal(values, 0.0)
    return values


# The drive


@given(matrices(), SEEDS, st.floats(-2, 2), st.integers(0, 3))
def test_the_drive_is_the_product_with_the_matrix(
    matrix: Floats, seed: int, coupling: float, spare: int
) -> None:
    network = from_adjacency(matrix, normalise=False)
    n = len(matrix)
    rng = np.random.default_rng(seed)
    x, currents = rng.uniform(-2, 2, (2, n + spare))
    out = np.full(n + spare, 7.0)
    gather(x, currents, coupling, *network.arrays(np.float64), out)
    expected = currents[:n] + coupling * (matrix @ x[:n])
    np.testing.assert_allclose(out[:n], expected, rtol=1e-12, atol=1e-12)
    assert (out[n:] == 7.0).all()


@pytest.mark.parametrize(("dtype", "within"), [(np.float64, 1e-14), (np.float32, 3e-6)])
def test_the_drive_of_a_large_network_is_that_of_scipy(
    dtype: type[np.floating[Any]], within: float
) -> None:
    network = small_world(2000, 20, 0.2, 0)
    rng = np.random.default_rng(1)
    x, currents = rng.uniform(-2, 2, (2, 2000)).astype(dtype)
    out = np.empty(2000, dtype)
    gather(x, currents, dtype(0.3), *network.arrays(dtype), out)
    parts = (network.strengths, network.indices, network.indptr)
    expected = currents + 0.3 * (scipy.sparse.csr_array(parts, shape=(2000, 2000)) @ x)
    np.testing.assert_allclose(out, expected, rtol=0, atol=within)


@pytest.mark.parametrize("n", [1, 2, 7, 300])
def test_all_to_all_is_the_mean_field(n: int) -> None:
    network = all_to_all(n)
    x, currents = np.random.default_rng(2).uniform(-2, 2, (2, n))
    out = np.empty(n)
    gather(x, currents, 0.5, *network.arrays(np.float64), out)
    np.testing.assert_allclose(out, currents + 0.5 * x.mean(), rtol=0, atol=1e-14)
    np.testing.assert_array_equal(dense(network), np.full((n, n), 1 / n))


@pytest.mark.parametrize("n", [2, 3, 50])
def test_all_to_all_without_itself_is_the_mean_of_the_others(n: int) -> None:
    expected = (np.ones((n, n)) - np.eye(n)) / (n - 1)
    np.testing.assert_array_equal(dense(all_to_all(n, including_itself=False)), expected)
    assert all_to_all(n, including_itself=False) == from_adjacency(np.ones((n, n)) - np.eye(n))


# From a matrix


@given(matrices())
def test_a_matrix_comes_back(matrix: Floats) -> None:
    network = from_adjacency(matrix, normalise=False)
    np.testing.assert_array_equal(dense(network), matrix)
    assert len(network.indices) == np.count_nonzero(matrix)
    assert network.n_neurons == len(matrix)


@given(matrices())
def test_rows_are_scaled_to_the_sum_one_or_refused(matrix: Floats) -> None:
    totals = np.array([math.fsum(row) for row in matrix])
    sizes = np.abs(matrix).sum(axis=1)
    assume(((np.abs(totals) > 1e-3 * sizes) | (sizes == 0)).all())  # not at the border
    if (totals > 0).all():
        expected = matrix / totals[:, None]
        np.testing.assert_allclose(dense(from_adjacency(matrix)), expected, rtol=1e-12)
    else:
        with pytest.raises(ValueError, match="every row must have a positive finite sum"):
            from_adjacency(matrix)


def test_whole_numbers_flags_and_lists_are_matrices_too() -> None:
    expected = from_adjacency(np.array([[0, 1, 1], [0, 0, 1], [1, 0, 0.0]]))
    assert from_adjacency([[0, 2, 2], [0, 0, 1], [5, 0, 0]]) == expected
    flags = np.array([[0, 1, 1], [0, 0, 1], [1, 0, 0]], np.bool_)
    assert from_adjacency(flags) == expected
    np.testing.assert_array_equal(expected.indptr, [0, 2, 3, 4])
    np.testing.assert_array_equal(expected.indices, [1, 2, 2, 0])
    np.testing.assert_array_equal(expected.strengths, [0.5, 0.5, 1, 1])


# Small worlds


@st.composite
def rings(draw: st.DrawFn) -> tuple[int, int]:
    half = draw(st.integers(1, 6))
    return draw(st.integers(2 * half + 1, 60)), 2 * half


@given(rings())
def test_without_rewiring_a_small_world_is_the_ring_of_networkx(ring: tuple[int, int]) -> None:
    n, neighbours = ring
    expected = networkx.to_numpy_array(networkx.watts_strogatz_graph(n, neighbours, 0.0))
    np.testing.assert_array_equal(dense(small_world(n, neighbours, 0.0, 0)), expected / neighbours)


@given(rings(), st.floats(0, 1), SEEDS)
def test_rewiring_keeps_the_number_of_connections_and_makes_no_loops(
    ring: tuple[int, int], rewiring: float, seed: int
) -> None:
    n, neighbours = ring
    network = small_world(n, neighbours, rewiring, seed)
    made = graph(network)
    assert made.number_of_edges() == n * neighbours
    assert networkx.number_of_selfloops(made) == 0
    assert all(made.has_edge(j, i) for i, j in made.edges)  # both ways
    degrees = np.array([degree for _, degree in made.out_degree])
    assert degrees.min() >= neighbours // 2  # each keeps the ends that were its own
    np.testing.assert_array_equal(network.strengths, np.repeat(1 / degrees, degrees))
    np.testing.assert_allclose(dense(network).sum(axis=1), 1, rtol=1e-14)


@settings(max_examples=30)
@given(
    st.integers(100, 150),
    st.sampled_from([6, 8, 10]),
    st.floats(0.1, 0.25),
    st.floats(0.7, 1.0),
    SEEDS,
)
def test_clustering_falls_with_rewiring(
    n: int, neighbours: int, little: float, much: float, seed: int
) -> None:
    """The ring's clustering is 3 (k - 2) / (4 (k - 1))."""
    ring, some, many = (
        networkx.average_clustering(graph(small_world(n, neighbours, p, seed)).to_undirected())
        for p in (0.0, little, much)
    )
    assert ring == pytest.approx(3 * (neighbours - 2) / (4 * (neighbours - 1)))
    assert many < some < ring


@pytest.mark.parametrize("rewiring", [0.05, 0.3, 1.0])
def test_small_worlds_are_statistically_those_of_networkx(rewiring: float) -> None:
    ours = [graph(small_world(200, 8, rewiring, s)).to_undirected() for s in range(20)]
    theirs = [networkx.watts_strogatz_graph(200, 8, rewiring, seed=s) for s in range(100, 120)]
    ring = networkx.watts_strogatz_graph(200, 8, 0.0)

    def kept(one: networkx.Graph) -> float:
        return float(np.mean([one.has_edge(*edge) for edge in ring.edges]))

    for statistic in (
        networkx.average_clustering,
        networkx.average_shortest_path_length,
        kept,
    ):
        observed, expected = ([statistic(one) for one in group] for group in (ours, theirs))
        assert scipy.stats.ttest_ind(observed, expected, equal_var=False).pvalue > 0.01
    degrees = [[d for one in group for _, d in one.degree] for group in (ours, theirs)]
    table = np.array([np.bincount(d, minlength=30)[:30] for d in degrees])
    common = table[:, table.sum(axis=0) >= 20]
    assert scipy.stats.chi2_contingency(common).pvalue > 0.01


def test_small_worlds_follow_from_their_seed() -> None:
    assert small_world(50, 4, 0.3, 1) == small_world(50, 4, 0.3, 1)
    assert small_world(50, 4, 0.3, 1) != small_world(50, 4, 0.3, 2)


def test_a_neuron_that_is_connected_to_all_keeps_its_connections() -> None:
    complete = np.ones((7, 7)) - np.eye(7)
    assert small_world(7, 6, 1.0, 0) == from_adjacency(complete)
    networks = {small_world(5, 2, 1.0, seed) for seed in range(200)}
    assert any(np.diff(network.indptr).max() == 4 for network in networks)


# Networks as values


def test_networks_of_the_same_content_are_equal() -> None:
    matrix = np.array([[0, 1.0], [2.0, 0]])
    one, same = from_adjacency(matrix, False), from_adjacency(matrix.copy(), False)
    assert one == same
    assert hash(one) == hash(same)
    assert one.digest == same.digest
    assert len(one.digest) == 64
    assert Network([0, 1, 2], [1, 0], [1, -0.0]) == Network([0, 1, 2], [1, 0], [1, 0.0])  # type: ignore[arg-type]
    for other in (
        from_adjacency(matrix.T, False),
        from_adjacency(matrix),
        from_adjacency(matrix * (1 + 1e-15), False),
        from_adjacency(np.zeros((2, 2)), False),
        "network",
    ):
        assert one != other
    assert repr(one) == f"Network(n_neurons=2, connections=2, digest='{one.digest[:12]}')"


@pytest.mark.parametrize(
    "again", [copy.copy, copy.deepcopy, lambda n: pickle.loads(pickle.dumps(n))]
)
def test_networks_cannot_be_changed(again: Callable[[Network], Network]) -> None:
    strengths = np.ones(2)
    made = again(Network(np.array([0, 1, 2]), np.array([1, 0]), strengths))
    strengths[0] = 5.0
    assert made.strengths[0] == 1.0
    for array in (made.indptr, made.indices, made.strengths, *made.arrays(np.float64)):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0
    with pytest.raises(AttributeError):
        made.digest = ""  # type: ignore[misc]
    assert made == Network(np.array([0, 1, 2]), np.array([1, 0]), np.ones(2))


def test_arrays_have_the_types_of_the_compiled_step() -> None:
    network = small_world(10, 4, 0.1, 0)
    for dtype in (np.float32, np.float64):
        indptr, indices, strengths = network.arrays(dtype)
        assert indptr.dtype == indices.dtype == np.dtype(np.int64)
        assert strengths.dtype == np.dtype(dtype)
    assert network.arrays("float32")[2].dtype == np.float32


# Refusals


def test_an_ensemble_of_another_size_is_refused() -> None:
    all_to_all(3).check(3)
    wanted = "the network connects 3 neurons, but the ensemble has n_neurons=4: make both the same"
    with pytest.raises(ValueError, match=wanted):
        all_to_all(3).check(4)


@pytest.mark.parametrize(
    ("matrix", "message"),
    [
        (np.zeros((2, 3)), r"shape \(n_neurons, n_neurons\) with at least one .*, got \(2, 3\)"),
        (np.zeros(4), r"got \(4,\)"),
        (np.zeros((0, 0)), r"with at least one neuron, got \(0, 0\)"),
        (np.zeros((2, 2, 2)), r"got \(2, 2, 2\)"),
        (np.eye(2), r"connected to itself, but the matrix has 1.0 at \[0, 0\]: set the diagonal"),
        ([[0, 1], [1, 0.5]], r"connected to itself, but the matrix has 0.5 at \[1, 1\]"),
        ([[0, np.nan], [1, 0]], "the matrix must be finite, got NaN or infinity"),
        ([[0, np.inf], [1, 0]], "the matrix must be finite"),
        ([[0, 1j], [1, 0]], "the matrix must hold real numbers, got complex128"),
        ([[0, 1], [0, 0]], "positive finite sum to be scaled to 1, but row 1 sums to 0: give that"),
        ([[0, -1], [1, 0]], "row 0 sums to -1: give .* excitatory input, or take normalise=False"),
        ([[0, 0.3, -0.3], [1, 0, 0], [1, 0, 0]], "row 0 sums to 0"),
        ([[0, 1e308, 1e308], [1, 0, 0], [1, 0, 0]], "row 0 sums to inf"),
        ([[0]], "row 0 sums to 0"),
    ],
)
def test_impossible_matrices_are_refused(matrix: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        from_adjacency(matrix)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: all_to_all(0), "n must be a whole number of at least 1, got 0"),
        (lambda: all_to_all(1, False), "n must be a whole number of at least 2, got 1"),
        (lambda: small_world(2, 2, 0.1, 0), "n must be a whole number of at least 3, got 2"),
        (lambda: small_world(9, 0, 0.1, 0), "neighbours must be a whole number of at least 2, got"),
        (lambda: small_world(9, 3, 0.1, 0), r"neighbours must be even \(half on each side\) and b"),
        (lambda: small_world(8, 8, 0.1, 0), "neighbours must be even .* and below n=8, got 8"),
        (lambda: small_world(9, 2, 1.1, 0), r"rewiring must be a probability in \[0, 1\], got 1.1"),
        (lambda: small_world(9, 2, float("nan"), 0), "rewiring must be a probability .*, got nan"),
        (lambda: small_world(9, 2, 0.1, -1), "seed must be a whole number of at least 0, got -1"),
    ],
)
def test_impossible_networks_are_refused(make: Callable[[], Network], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        (([0], [], []), r"indptr must have shape \(n_neurons \+ 1,\) > \(1,\), got \(1,\)"),
        (([[0, 0]], [], []), r"indptr must have shape .*, got \(1, 2\)"),
        (([0.0, 0.5], [], []), "indptr must hold whole numbers, got float64"),
        (([0, 1], [0.5], [1.0]), "indices must hold whole numbers, got float64"),
        (([1, 1], [0], [1.0]), "indptr must begin at 0 and never fall"),
        (([0, 2, 1], [1], [1.0]), r"indptr must begin at 0 and never fall, got \[0 2 1\]"),
        (([0, 1, 1], [1, 0], [1.0]), r"shape \(indptr\[-1\],\) = \(1,\), got \(2,\) and \(1,\)"),
        (([0, 1, 1], [1], []), r"shape \(indptr\[-1\],\) = \(1,\), got \(1,\) and \(0,\)"),
        (([0, 1, 1], [2], [1.0]), r"indices must be in \[0, 2\), got 2 to 2"),
        (([0, 1, 1], [-1], [1.0]), r"indices must be in \[0, 2\), got -1 to -1"),
        (([0, 2, 2, 2], [2, 1], [1.0, 1.0]), "indices must ascend within each row, each sender at"),
        (([0, 0, 2, 2], [1, 1], [1.0, 1.0]), r"sender at most once, got \[1 1\] in row 1"),
        (([0, 1, 1], [1], [np.nan]), "strengths must be finite, got NaN or infinity"),
    ],
)
def test_arrays_that_are_no_rows_are_refused(arrays: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Network(*arrays)
