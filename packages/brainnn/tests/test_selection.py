"""Parts of a connectome."""

from pathlib import Path

import networkx as nx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from brainnn.connectome.formats import to_graph
from brainnn.connectome.graph import Connectome
from brainnn.connectome.selection import (
    above_threshold,
    matching,
    with_class,
    with_roi,
    with_types,
    within_hops,
)
from brainnn.connectome.tables import read_tables


@pytest.fixture
def four() -> Connectome:
    """A chain a -> b -> c -> d of 1, 2 and 3 synapses."""
    return Connectome.of(
        "four",
        np.diag([1, 2, 3], k=1),
        "abcd",
        types=["IN20A.22A001", "IN03A007", "IN03A007", "Fe reductor MN"],
        classes=["interneuron", "interneuron", "interneuron", "motor"],
        rois=[frozenset({"LegNpT1_L"}), frozenset({"IntTct"}), frozenset(), frozenset()],
    )


def test_types_are_found_in_either_spelling(four: Connectome) -> None:
    assert with_types(four, ["IN20A_22A001"]).ids.tolist() == ["a"]
    assert with_types(four, ["Fe reductor MN", "IN03A007"]).ids.tolist() == ["b", "c", "d"]
    assert with_types(four, ["LTM", "IN03A007"], absent="drop").ids.tolist() == ["b", "c"]
    np.testing.assert_array_equal(
        with_types(four, ["IN03A007"]).synapse_count.toarray(), [[0, 2], [0, 0]]
    )


def test_unknown_types_are_refused(four: Connectome) -> None:
    with pytest.raises(ValueError, match=r"four has no type 'IN03A008' \(did you mean 'IN03A007'"):
        with_types(four, ["IN03A008"])
    with pytest.raises(ValueError, match=r"got none of the 4 neurons of four"):
        with_types(four, ["LTM"], absent="drop")
    with pytest.raises(ValueError, match=r"absent must be 'refuse' or 'drop', got 'keep'"):
        with_types(four, [], absent="keep")  # type: ignore[arg-type]


def test_neuropils_and_classes_go_by_either_name(four: Connectome) -> None:
    assert with_roi(four, "LegNp(T1)(L)").ids.tolist() == ["a"]
    assert with_class(four, "MN").ids.tolist() == ["d"]
    assert len(with_class(four, "motor", "IN")) == 4
    with pytest.raises(ValueError, match=r"no neuropil 'LegNpT2_L' \(did you mean 'LegNpT1_L'\?\)"):
        with_roi(four, "LegNpT2_L")
    with pytest.raises(ValueError, match=r"no class 'moter' \(did you mean 'motor'\?\)"):
        with_class(four, "moter")


def test_types_are_matched_by_pattern(four: Connectome) -> None:
    assert matching(four, "MN").ids.tolist() == ["d"]
    assert len(matching(four, "IN|MN")) == 4
    assert matching(four, r"^IN\d+A\.").ids.tolist() == ["a"]
    with pytest.raises(ValueError, match=r"pattern must be a regular expression, got '\['"):
        matching(four, "[")
    with pytest.raises(
        ValueError, match=r"no type of four matches '\^X': its types are such as Fe"
    ):
        matching(four, "^X")


def test_hops_follow_the_connections(four: Connectome) -> None:
    assert within_hops(four, ["b"], 1, direction="downstream").ids.tolist() == ["b", "c"]
    assert within_hops(four, ["b"], 9, direction="upstream").ids.tolist() == ["a", "b"]
    assert within_hops(four, ["b"], 1).ids.tolist() == ["a", "b", "c"]
    assert within_hops(four, ["b"], 0).ids.tolist() == ["b"]
    with pytest.raises(ValueError, match=r"hops must be 0 or more, got -1"):
        within_hops(four, ["b"], -1)
    with pytest.raises(ValueError, match=r"direction must be one of .*, got 'down'"):
        within_hops(four, ["b"], 1, direction="down")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"four has no neuron 'e'"):
        within_hops(four, ["e"], 1)


@given(seed=st.integers(0, 10**6), hops=st.integers(0, 5), start=st.integers(0, 11))
def test_hops_agree_with_networkx(seed: int, hops: int, start: int) -> None:
    counts = np.random.default_rng(seed).integers(0, 300, (12, 12)) // 260
    random = Connectome.of("random", counts)
    graph = to_graph(random)
    for direction, walk in (
        ("downstream", graph),
        ("upstream", graph.reverse()),
        ("both", graph.to_undirected()),
    ):
        found = within_hops(random, [start], hops, direction=direction)  # type: ignore[arg-type]
        wanted = nx.single_source_shortest_path_length(walk, str(start), cutoff=hops)
        assert set(found.ids.tolist()) == set(wanted)


def test_a_threshold_keeps_neurons_and_drops_connections(four: Connectome) -> None:
    strong = above_threshold(four, 2)
    assert (len(strong), strong.edges, strong.synapses) == (4, 2, 5)
    with pytest.raises(ValueError, match=r"no connection of four has 4 synapses, the most is 3"):
        above_threshold(four, 4)
    with pytest.raises(ValueError, match=r"synapses must be 1 or more, got 0"):
        above_threshold(four, 0)


def test_the_standard_leg_circuit_by_type(manc: Path) -> None:
    leg = read_tables(manc / "manc_standard_leg_edges.csv", manc / "manc_standard_leg_nodes.csv")
    assert len(with_types(leg, ["IN20A_22A001"])) == 2
    assert len(matching(leg, r"MN$")) == 50
    assert len(with_roi(leg, "LegNp(T1)(R)")) == 13
    assert above_threshold(leg, 100).edges == int((leg.synapse_count.data >= 100).sum())
