"""Layers, their checker and depths, against hand cases and networkx."""

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brainnn.connectome.graph import Connectome
from brainnn.connectome.layering import (
    LayerEdges,
    check_layers,
    colour_layers,
    count_layer_edges,
    depth_layers,
    hop_depth,
    layer_of,
    trophic_depth,
)
from brainnn.connectome.surrogate import surrogate, synthetic


def random_connectome(neurons, density, seed):
    rng = np.random.default_rng(seed)
    counts = rng.integers(1, 9, (neurons, neurons)) * (rng.random((neurons, neurons)) < density)
    classes = rng.choice(["interneuron", "motor"], neurons)
    return Connectome.of("drawn", counts, classes=classes)


GRAPHS = st.builds(random_connectome, st.integers(1, 25), st.floats(0, 0.6), st.integers(0, 1000))


@settings(max_examples=50)
@given(GRAPHS)
def test_colouring_is_a_partition_with_no_edge_inside_a_layer_but_the_last(graph):
    layers = colour_layers(graph)
    assert check_layers(layers, len(graph)).passed
    motor = graph.classes == "motor"
    number = layer_of(layers, len(graph))
    pre, post, _ = graph.edge_list()
    inside = (number[pre] == number[post]) & (pre != post)
    assert motor[pre[inside]].all()
    if motor.any():
        assert np.array_equal(layers[-1], np.flatnonzero(motor))


def test_indices_are_those_of_the_whole_graph():
    # the motor neuron comes first, so the colours of the rest are not their places
    graph = Connectome.of("hand", np.eye(3, k=1), classes=["motor", "a", "a"])
    layers = [layer.tolist() for layer in colour_layers(graph)]
    assert layers == [[1], [2], [0]]


def test_the_checker_flags_layers_that_index_the_rest_alone():
    circuit = surrogate()
    order = np.random.default_rng(0).permutation(143)
    mixed = circuit.take(order)
    rest = np.flatnonzero(mixed.classes != "motor")
    layers = colour_layers(mixed)
    # the published mistake: places in the list of the coloured, taken for neurons
    wrong = [*(np.searchsorted(rest, layer) for layer in layers[:-1]), layers[-1]]
    check = check_layers(wrong, 143)
    motor = set(layers[-1].tolist())
    assert check.duplicates == tuple(sorted(motor & set(range(93))))
    assert check.missing == tuple(sorted(set(rest.tolist()) & set(range(93, 143))))
    assert len(check.duplicates) == len(check.missing) > 0
    assert not check.passed
    assert check_layers(layers, 143).passed


def test_the_checker_names_what_is_no_neuron():
    check = check_layers([[0, 1], [1, 5, -1]], 4)
    assert (check.duplicates, check.missing, check.unknown) == ((1,), (2, 3), (-1, 5))
    assert check_layers([], 2).missing == (0, 1)


def test_layers_that_are_no_partition_are_refused():
    with pytest.raises(ValueError, match=r"several: 1; in none: 2, 3, 4, 5, 6 and 1 more; no neur"):
        layer_of([[0, 1], [1]], 8)


def test_edges_by_what_a_sweep_makes_of_them():
    counts = np.zeros((5, 5))
    for pre, post in [(0, 1), (1, 2), (0, 2), (0, 3), (2, 0), (1, 0), (3, 4), (4, 1)]:
        counts[pre, post] = 5
    graph = Connectome.of("hand", counts)
    found = count_layer_edges(graph, [[0], [1], [2], [3, 4]])
    assert found == LayerEdges(forward=2, skip=2, recurrent=3, dropped=1)
    assert found.realised == 7


def test_the_real_circuit_has_the_published_layers(manc):
    circuit = read_circuit(manc)
    layers = colour_layers(circuit)
    assert [len(layer) for layer in layers] == [15, 12, 10, 10, 8, 10, 11, 5, 5, 4, 3, 50]
    edges = count_layer_edges(circuit, layers)
    assert edges == LayerEdges(forward=128, skip=955, recurrent=534, dropped=7)
    assert edges.realised == 1617
    number = layer_of(layers, 143)
    pre, post, _ = circuit.edge_list()
    assert ((number[pre] == number[post]) & (circuit.classes[pre] != "motor")).sum() == 0
    rest = np.flatnonzero(circuit.classes != "motor")
    wrong = [*(np.searchsorted(rest, layer) for layer in layers[:-1]), layers[-1]]
    check = check_layers(wrong, 143)
    assert (len(check.duplicates), len(check.missing)) == (22, 22)
    assert check.duplicates[:4] == (24, 35, 36, 40)
    assert check.missing[:6] == (93, 94, 95, 100, 101, 102)


def read_circuit(folder):
    from brainnn.connectome.tables import read_tables

    return read_tables(
        folder / "manc_standard_leg_edges.csv", folder / "manc_standard_leg_nodes.csv"
    )


@settings(max_examples=50)
@given(GRAPHS, st.integers(0, 24), st.integers(0, 24))
def test_hops_are_the_shortest_paths_of_networkx(graph, first, second):
    sources = sorted({first % len(graph), second % len(graph)})
    reference = nx.from_scipy_sparse_array(graph.synapse_count, create_using=nx.DiGraph)
    wanted = nx.multi_source_dijkstra_path_length(reference, set(sources), weight=None)
    found = hop_depth(graph, sources)
    assert found.tolist() == [wanted.get(neuron, -1) for neuron in range(len(graph))]
    mask = np.isin(np.arange(len(graph)), sources)
    assert np.array_equal(hop_depth(graph, mask), found)


def test_layers_of_depth_put_the_unreached_last():
    graph = Connectome.of("hand", np.diag([1, 1, 0, 1], 1))
    layers = [layer.tolist() for layer in depth_layers(graph, [0])]
    assert layers == [[0], [1], [2], [3, 4]]
    assert check_layers(depth_layers(graph, [3]), 5).passed


def test_no_source_reaches_nothing():
    assert (hop_depth(surrogate(), np.zeros(143, bool)) == -1).all()


def test_trophic_depth_of_a_chain_and_of_a_ring():
    chain = Connectome.of("chain", np.diag([7, 2, 5], 1))
    np.testing.assert_allclose(trophic_depth(chain), [0, 1, 2, 3], atol=1e-8)
    ring = Connectome.of("ring", np.roll(np.eye(5), 1, axis=1))
    np.testing.assert_allclose(trophic_depth(ring), 0, atol=1e-8)


def test_trophic_depth_of_a_shortcut_by_hand():
    # 0->1->2 and 0->2: the least squares of the climbs are 2/3, 2/3 and 4/3
    graph = Connectome.of("hand", [[0, 3, 3], [0, 0, 3], [0, 0, 0]])
    np.testing.assert_allclose(trophic_depth(graph), [0, 2 / 3, 4 / 3], atol=1e-8)
    heavy = Connectome.of("hand", [[0, 1, 9], [0, 0, 3], [0, 0, 0]])
    np.testing.assert_allclose(trophic_depth(heavy, binary=True), [0, 2 / 3, 4 / 3], atol=1e-8)


@settings(max_examples=30)
@given(GRAPHS)
def test_trophic_depth_solves_its_equation(graph):
    depth = trophic_depth(graph)
    weight = graph.synapse_count.toarray()
    into, out = weight.sum(0), weight.sum(1)
    balance = (into + out) * depth - (weight + weight.T) @ depth
    np.testing.assert_allclose(balance, into - out, atol=1e-6 * (1 + weight.sum()))
    assert depth.min() == 0


def test_motor_neurons_lie_deeper_than_interneurons():
    circuit = surrogate()
    depth, motor = trophic_depth(circuit), circuit.classes == "motor"
    assert depth[motor].mean() > depth[~motor].mean() + 0.5


def test_the_size_of_the_neuropil_is_layered_too():
    graph = synthetic()
    layers = colour_layers(graph)
    assert check_layers(layers, 1101).passed
    edges = count_layer_edges(graph, layers)
    assert edges.dropped == 0
    assert edges.realised == 37026
