"""The surrogate has the published measures, and synthetic graphs the size asked for."""

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brainnn.connectome.compare import block_edges, measures
from brainnn.connectome.layering import hop_depth
from brainnn.connectome.surrogate import surrogate, synthetic


@pytest.fixture(scope="module", params=[0, 1, 2])
def circuit(request):
    return surrogate(request.param)


def test_neurons_are_of_the_published_classes_types_and_transmitters(circuit):
    inter, motor = circuit.classes == "interneuron", circuit.classes == "motor"
    assert (inter.sum(), motor.sum()) == (93, 50)
    transmitters, number = np.unique(circuit.transmitters[inter], return_counts=True)
    assert dict(zip(transmitters, number, strict=True)) == {
        "acetylcholine": 37,
        "gaba": 37,
        "glutamate": 19,
    }
    types, number = np.unique(circuit.types[motor], return_counts=True)
    assert len(types) == 12
    assert sorted(number) == [2, 2, 2, 2, 2, 3, 4, 4, 5, 6, 8, 10]
    types, number = np.unique(circuit.types[inter], return_counts=True)
    assert dict(zip(types, number, strict=True))["IN03A007"] == 19
    assert sorted(number)[-9:] == [2, 2, 2, 3, 3, 4, 5, 6, 19]
    assert (number == 1).sum() == 47


def test_signs_follow_the_transmitter_and_none_is_open(circuit):
    assert np.array_equal(circuit.signs == 1, circuit.transmitters == "acetylcholine")
    assert (circuit.signs != 0).all()


def test_edges_lie_in_the_published_blocks(circuit):
    assert block_edges(circuit) == {
        ("interneuron", "interneuron"): 1089,
        ("interneuron", "motor"): 520,
        ("motor", "interneuron"): 8,
        ("motor", "motor"): 7,
    }


def test_measures_are_near_the_published_ones(circuit):
    found = measures(circuit)
    assert (found["edges"], found["autapses"]) == (1624, 0)
    quantiles = [found[f"synapses per edge, {part} %"] for part in (10, 25, 50, 75, 90, 99)]
    np.testing.assert_allclose(quantiles, [5, 7, 13, 33, 76, 286], atol=1)
    assert circuit.synapse_count.data.min() == 5
    assert found["synapses per edge, most"] == 470
    assert found["synapses"] == pytest.approx(52288, rel=0.005)
    assert found["reciprocity"] == pytest.approx(0.287, abs=0.01)
    assert found["out-degree, most"] == pytest.approx(46, abs=14)
    assert found["in-degree, most"] == pytest.approx(35, abs=10)
    assert found["neurons without output"] == pytest.approx(43, abs=3)
    assert found["spectral radius, binary"] == pytest.approx(15.5, abs=4)


def test_every_interneuron_reaches_every_motor_neuron(circuit):
    for neuron in np.flatnonzero(circuit.classes == "interneuron"):
        assert (hop_depth(circuit, [neuron]) >= 0).all()


def test_it_says_that_it_is_a_surrogate():
    assert surrogate().name == "surrogate"
    assert (
        surrogate(3).source == "surrogate of the standard leg premotor circuit, drawn with seed 3"
    )
    assert sum(kind.startswith("surrogate ") for kind in surrogate().types) == 40


def test_a_seed_gives_the_same_wiring_and_another_seed_another():
    first, again, other = (surrogate(seed).synapse_count for seed in (5, 5, 6))
    assert (first != again).nnz == 0
    assert (first != other).nnz > 1000
    assert np.array_equal(surrogate(5).ids, surrogate(6).ids)


def test_the_synthetic_neuropil_has_its_size_and_heavy_tails():
    found = measures(synthetic())
    assert (found["neurons"], found["edges"]) == (1101, 37026)
    assert found["density"] == pytest.approx(0.0306, abs=5e-5)
    assert found["reciprocity"] == pytest.approx(0.189, abs=1e-4)
    assert found["synapses per edge, 50 %"] == 10
    assert found["synapses per edge, most"] == 946
    assert found["synapses per edge, mean"] == pytest.approx(19.3, abs=1.5)
    assert found["in-degree, most"] > 4 * 37026 / 1101
    assert found["out-degree, most"] > 4 * 37026 / 1101
    assert found["largest strongly connected part"] == 1101


@settings(max_examples=30)
@given(st.integers(2, 40), st.floats(0, 1), st.integers(0, 5))
def test_a_synthetic_graph_is_simple_and_hangs_together(neurons, part, seed):
    least, most = 2 * (neurons - 1), max(neurons * (neurons - 1) // 2, 2 * (neurons - 1))
    edges = round(least + part * (most - least))
    graph = nx.from_scipy_sparse_array(
        synthetic(neurons, edges, seed).synapse_count, create_using=nx.DiGraph
    )
    assert graph.number_of_edges() == edges
    assert nx.number_of_selfloops(graph) == 0
    assert nx.is_strongly_connected(graph)


@pytest.mark.parametrize(("neurons", "edges"), [(1, 0), (10, 17), (10, 46)])
def test_a_synthetic_graph_of_impossible_size_is_refused(neurons, edges):
    with pytest.raises(ValueError, match=f"of {neurons}, from .* edges; got {edges}"):
        synthetic(neurons, edges)
