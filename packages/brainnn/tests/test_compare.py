"""Measures against networkx, hand cases and what is published."""

import math

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brainnn.connectome.compare import block_edges, compare, degrees, measures
from brainnn.connectome.graph import Connectome
from brainnn.connectome.nulls import rewired
from brainnn.connectome.surrogate import surrogate
from brainnn.connectome.tables import read_tables


def random_connectome(neurons, density, seed):
    rng = np.random.default_rng(seed)
    counts = rng.integers(1, 99, (neurons, neurons)) * (rng.random((neurons, neurons)) < density)
    return Connectome.of("drawn", counts, signs=rng.integers(-1, 2, neurons))


@settings(max_examples=60)
@given(st.integers(2, 25), st.floats(0, 1), st.integers(0, 1000))
def test_measures_are_those_of_networkx(neurons, density, seed):
    connectome = random_connectome(neurons, density, seed)
    graph = nx.from_scipy_sparse_array(connectome.synapse_count, create_using=nx.DiGraph)
    found = measures(connectome)
    edges = graph.number_of_edges()
    assert found["edges"] == edges
    assert found["density"] == pytest.approx(nx.density(graph))
    assert found["autapses"] == nx.number_of_selfloops(graph)
    assert found["synapses"] == graph.size(weight="weight")
    into, out = degrees(connectome)
    assert into.tolist() == [degree for _, degree in graph.in_degree()]
    assert out.tolist() == [degree for _, degree in graph.out_degree()]
    assert found["neurons without input"] == sum(not degree for _, degree in graph.in_degree())
    if edges:
        assert found["reciprocity"] == pytest.approx(nx.overall_reciprocity(graph))
    parts = [*nx.strongly_connected_components(graph)]
    assert found["largest strongly connected part"] == max(map(len, parts))
    weak = nx.number_weakly_connected_components(graph)
    assert found["weakly connected parts"] == weak
    values = np.linalg.eigvals(nx.to_numpy_array(graph, weight=None))
    assert found["spectral radius, binary"] == pytest.approx(np.abs(values).max(), abs=1e-2)


def test_the_real_circuit_has_the_published_measures(manc):
    circuit = read_tables(
        manc / "manc_standard_leg_edges.csv", manc / "manc_standard_leg_nodes.csv"
    )
    found = measures(circuit)
    wanted = {
        "neurons": 143,
        "edges": 1624,
        "density": 0.0800,
        "autapses": 0,
        "synapses": 52288,
        "synapses per edge, mean": 32.2,
        "synapses per edge, 50 %": 13,
        "synapses per edge, 99 %": 286,
        "synapses per edge, most": 470,
        "in-degree, most": 35,
        "out-degree, most": 46,
        "neurons without input": 6,
        "neurons without output": 43,
        "reciprocity": 0.287,
        "largest strongly connected part": 92,
        "weakly connected parts": 7,
        "spectral radius, counts": 798.5,
        "spectral radius, binary": 15.46,
    }
    assert {name: found[name] for name in wanted} == pytest.approx(wanted, rel=0.002)
    assert list(block_edges(circuit).values()) == [1089, 520, 8, 7]


def test_blocks_and_signs_of_a_hand_case():
    graph = Connectome.of(
        "hand", [[1, 2, 0], [0, 0, 3], [4, 0, 0]], classes=["b", "a", ""], signs=[1, -1, 0]
    )
    assert block_edges(graph) == {("", "b"): 1, ("a", ""): 1, ("b", "a"): 1, ("b", "b"): 1}
    found = measures(graph)
    assert found["excitatory edges"] == pytest.approx(2 / 3)
    assert (found["autapses"], found["reciprocity"]) == (1, 0)


def test_what_cannot_be_said_is_nan():
    found = measures(Connectome.of("empty", np.zeros((1, 1))))
    nan = {name for name, value in found.items() if math.isnan(value)}
    assert {"density", "reciprocity", "excitatory edges", "synapses per edge, mean"} < nan
    assert found["spectral radius, counts"] == 0


def test_graphs_stand_side_by_side():
    circuit = surrogate()
    table = compare([circuit, rewired(circuit, np.random.default_rng(0))])
    assert list(table) == ["measure", "surrogate", "surrogate, rewired"]
    row = table["measure"].index("in-degree, most")
    assert table["surrogate"][row] == table["surrogate, rewired"][row]
    row = table["measure"].index("reciprocity")
    # the mutual pairs are what rewiring takes away
    assert table["surrogate"][row] == pytest.approx(0.288, abs=0.01)
    assert table["surrogate, rewired"][row] < 0.2


def test_graphs_of_one_name_are_refused():
    with pytest.raises(ValueError, match=r"different names, got \['surrogate', 'surrogate'\]"):
        compare([surrogate(), surrogate(1)])
    with pytest.raises(ValueError, match="graphs of different names, got none"):
        compare([])
