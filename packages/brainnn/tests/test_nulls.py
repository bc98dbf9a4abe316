"""What each null model keeps, on drawn graphs, the surrogate and the real circuit."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from brainnn.connectome.graph import Connectome
from brainnn.connectome.layering import colour_layers, layer_of
from brainnn.connectome.nulls import (
    NULL_KINDS,
    layered_graph,
    null_model,
    random_graph,
    rewired,
    shuffled_signs,
    shuffled_weights,
)
from brainnn.connectome.surrogate import surrogate, synthetic
from brainnn.connectome.tables import read_tables


def random_connectome(neurons, density, seed):
    rng = np.random.default_rng(seed)
    counts = rng.integers(1, 99, (neurons, neurons)) * (rng.random((neurons, neurons)) < density)
    np.fill_diagonal(counts, 0)
    transmitters = rng.choice(["acetylcholine", "gaba", ""], neurons)
    signs = [{"acetylcholine": 1, "gaba": -1, "": 0}[name] for name in transmitters]
    classes = rng.choice(["sensory", "interneuron", "motor"], neurons)
    return Connectome.of("drawn", counts, classes=classes, transmitters=transmitters, signs=signs)


GRAPHS = st.builds(random_connectome, st.integers(2, 30), st.floats(0, 1), st.integers(0, 1000))
RNGS = st.integers(0, 1000).map(np.random.default_rng)


def degrees(graph):
    edges = graph.synapse_count.toarray() > 0
    return edges.sum(0).tolist(), edges.sum(1).tolist()


def outgoing(graph):
    """Counts of each neuron's outgoing edges, as a set."""
    return [sorted(row[row > 0]) for row in graph.synapse_count.toarray()]


def moved(graph, null):
    both = (graph.synapse_count > 0).multiply(null.synapse_count > 0)
    return 1 - both.sum() / graph.edges


def same_neurons(graph, null):
    names = ("ids", "types", "classes")
    return all(np.array_equal(getattr(graph, name), getattr(null, name)) for name in names)


@settings(max_examples=60)
@given(GRAPHS, RNGS, st.sampled_from(NULL_KINDS))
def test_every_null_keeps_neurons_edges_counts_and_numbers_of_signs(graph, rng, kind):
    null = null_model(graph, kind, rng, moved=0)
    assert same_neurons(graph, null)
    assert null.edges == graph.edges
    assert sorted(null.synapse_count.data) == sorted(graph.synapse_count.data)
    assert sorted(null.signs) == sorted(graph.signs)
    assert not null.synapse_count.diagonal().any()


@settings(max_examples=60)
@given(GRAPHS, RNGS)
def test_rewiring_keeps_both_degrees_and_the_counts_of_each_source(graph, rng):
    null = rewired(graph, rng, moved=0)
    assert degrees(null) == degrees(graph)
    assert outgoing(null) == outgoing(graph)
    assert np.array_equal(null.signs, graph.signs)


@settings(max_examples=40)
@given(st.integers(30, 60), st.floats(0.03, 0.2), st.integers(0, 1000), RNGS)
def test_rewiring_moves_nine_edges_in_ten(neurons, density, seed, rng):
    graph = random_connectome(neurons, density, seed)
    assume(graph.edges > 20)
    null = rewired(graph, rng)
    assert degrees(null) == degrees(graph)
    assert moved(graph, null) >= 0.9


def test_rewiring_moves_as_much_as_asked_and_hardly_more():
    circuit = surrogate()
    rng = np.random.default_rng(0)
    by_chance = moved(circuit, rewired(circuit, rng, moved=0))
    assert by_chance == pytest.approx(0.8, abs=0.03)
    for part in (0.9, 0.99):
        assert part <= moved(circuit, rewired(circuit, rng, moved=part)) < part + 0.005


def test_rewiring_samples_all_graphs_of_its_degrees_alike():
    # one edge out of and into each of 4: the 9 derangements, each as likely
    ring = Connectome.of("ring", np.roll(np.eye(4), 1, axis=1))
    rng = np.random.default_rng(1)
    drawn = [tuple(rewired(ring, rng, moved=0).synapse_count.indices) for _ in range(1800)]
    graphs, times = np.unique(drawn, axis=0, return_counts=True)
    assert len(graphs) == 9
    chi_square = ((times - 200) ** 2 / 200).sum()
    assert chi_square < 26  # of 8 degrees of freedom: 0.1 % of true samples are above


def test_rewiring_that_has_no_room_is_refused():
    star = Connectome.of("star", [[0, 1, 1], [0, 0, 0], [0, 0, 0]])
    with pytest.raises(ValueError, match="degrees of star leave no room to move 90% of its 2 edge"):
        rewired(star, np.random.default_rng(0))
    with pytest.raises(ValueError, match=r"moved must be in \[0, 1\], got 1.5"):
        rewired(star, np.random.default_rng(0), moved=1.5)


def test_a_graph_without_edges_stays_as_it_is():
    empty = Connectome.of("empty", np.zeros((3, 3)))
    for kind in NULL_KINDS:
        assert null_model(empty, kind, np.random.default_rng(0)).edges == 0


@settings(max_examples=40)
@given(GRAPHS, RNGS)
def test_weights_are_shuffled_over_the_same_edges(graph, rng):
    null = shuffled_weights(graph, rng)
    assert np.array_equal(null.synapse_count.indices, graph.synapse_count.indices)
    assert np.array_equal(null.synapse_count.indptr, graph.synapse_count.indptr)
    assert np.array_equal(null.signs, graph.signs)


@settings(max_examples=40)
@given(GRAPHS, RNGS)
def test_signs_are_shuffled_among_neurons_that_send_and_have_one(graph, rng):
    null = shuffled_signs(graph, rng)
    assert (null.synapse_count != graph.synapse_count).nnz == 0
    silent = np.diff(graph.synapse_count.indptr) == 0
    fixed = (graph.signs == 0) | silent
    assert np.array_equal(null.signs[fixed], graph.signs[fixed])
    assert np.array_equal(null.signs == 0, graph.signs == 0)
    of = {1: "acetylcholine", -1: "gaba", 0: ""}
    assert null.transmitters.tolist() == [of[int(sign)] for sign in null.signs]


def test_shuffled_signs_keep_the_balance_of_the_edges():
    circuit = surrogate()
    pre = circuit.edge_list()[0]
    wanted = (circuit.signs[pre] > 0).sum()
    for seed in range(5):
        null = shuffled_signs(circuit, np.random.default_rng(seed))
        assert (null.signs[pre] > 0).sum() == pytest.approx(wanted, abs=2)
        # about 2 * 37 * 63 / 100 of the hundred that send have the other sign
        assert 30 < (null.signs != circuit.signs).sum() < 63


@settings(max_examples=40)
@given(GRAPHS, RNGS)
def test_the_random_graph_keeps_edges_by_sign(graph, rng):
    null = random_graph(graph, rng)
    for sign in (-1, 0, 1):
        old, new = (sorted(one.synapse_count[one.signs == sign].data) for one in (graph, null))
        assert old == new


def test_the_random_graph_lets_no_neuron_stand_out():
    circuit = synthetic(300, 6000)
    into, out = degrees(random_graph(circuit, np.random.default_rng(0)))
    # binomial: 20 +- 4.3 in; the spread out is that of two sign groups
    assert np.std(into) == pytest.approx(4.3, abs=0.8)
    assert max(into) < 40
    assert max(out) < 60 < max(degrees(circuit)[1])


@settings(max_examples=40)
@given(GRAPHS, RNGS)
def test_layers_keep_their_edges_to_each_other(graph, rng):
    layer = layer_of(colour_layers(graph), len(graph))

    def between(one):
        pre, post, _ = one.edge_list()
        return sorted(zip(layer[pre], one.signs[pre], layer[post], strict=True))

    assert between(layered_graph(graph, rng)) == between(graph)


def test_layers_of_ones_own_are_kept():
    circuit = surrogate()
    blocks = [np.flatnonzero(circuit.classes == name) for name in ("interneuron", "motor")]
    null = layered_graph(circuit, np.random.default_rng(0), layers=blocks)
    again = null_model(circuit, "layers", np.random.default_rng(0), layers=blocks)
    assert [null.edges, again.edges] == [1624, 1624]
    found = [again.synapse_count[a][:, b].nnz for a in blocks for b in blocks]
    assert found == [1089, 520, 8, 7]
    found = [null.synapse_count[a][:, b].nnz for a in blocks for b in blocks]
    assert found == [1089, 520, 8, 7]
    assert moved(circuit, null) > 0.8


def test_autapses_that_leave_no_other_place_are_refused():
    graph = Connectome.of("dense", np.ones((3, 3)))
    with pytest.raises(ValueError, match="take the autapses out of the connectome first"):
        random_graph(graph, np.random.default_rng(0))


@pytest.mark.parametrize("kind", NULL_KINDS)
def test_a_seed_gives_the_same_null_and_another_seed_another(kind):
    circuit = surrogate()
    first, again, other = (
        null_model(circuit, kind, np.random.default_rng(seed)) for seed in (1, 1, 2)
    )
    assert (first.synapse_count != again.synapse_count).nnz == 0
    assert np.array_equal(first.signs, again.signs)
    wiring = (first.synapse_count != other.synapse_count).nnz
    assert wiring + (first.signs != other.signs).sum() > 20
    assert first.name == f"surrogate, {kind}"
    assert first.source.startswith(f"null model ({kind}) of surrogate of the standard leg")


def test_a_null_with_a_path_is_drawn_until_there_is_one():
    # 0 reaches 3 in about a fifth of the draws of these 2 edges among 4 neurons
    graph = Connectome.of("sparse", [[0, 1, 0, 0], [0, 0, 0, 1], [0] * 4, [0] * 4])
    for seed in range(20):
        null = null_model(graph, "random", np.random.default_rng(seed), inputs=[0], outputs=[3])
        reach = np.linalg.matrix_power(np.eye(4) + null.synapse_count.toarray(), 3)
        assert reach[0, 3] > 0


def test_a_null_that_never_has_a_path_is_refused():
    graph = Connectome.of("split", [[0, 1, 0], [1, 0, 0], [0, 0, 0]])
    with pytest.raises(ValueError, match="none of 100 'weights' null models of split has a path"):
        null_model(graph, "weights", np.random.default_rng(0), inputs=[0], outputs=[2])


def test_wrong_requests_are_refused():
    circuit, rng = surrogate(), np.random.default_rng(0)
    with pytest.raises(ValueError, match="one of rewired, weights, signs, random, layers, got 'x'"):
        null_model(circuit, "x", rng)
    with pytest.raises(ValueError, match="give both inputs and outputs, or neither"):
        null_model(circuit, "signs", rng, inputs=[0])


def test_nulls_of_the_size_of_the_neuropil():
    graph = synthetic()
    null = rewired(graph, np.random.default_rng(0))
    assert degrees(null) == degrees(graph)
    assert moved(graph, null) > 0.9
    assert layered_graph(graph, np.random.default_rng(0)).edges == 37026


@pytest.mark.parametrize("kind", NULL_KINDS)
def test_nulls_of_the_real_circuit(manc, kind):
    tables = (manc / f"manc_standard_leg_{name}.csv" for name in ("edges", "nodes"))
    circuit = read_tables(*tables)
    sign = {"acetylcholine": 1, "gaba": -1, "glutamate": -1, "": 0}
    circuit = replace(circuit, signs=np.array([sign[name] for name in circuit.transmitters]))
    inputs, outputs = (circuit.classes == name for name in ("interneuron", "motor"))
    null = null_model(circuit, kind, np.random.default_rng(3), inputs=inputs, outputs=outputs)
    assert (null.edges, null.synapses) == (1624, 52288)
    assert ((null.signs > 0).sum(), (null.signs < 0).sum()) == (37, 56)
    if kind == "rewired":
        assert degrees(null) == degrees(circuit)
        assert moved(circuit, null) >= 0.9
