"""Connectomes in npz and GraphML."""

from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from brainnn.connectome.formats import (
    from_graph,
    load_connectome,
    load_graphml,
    save_connectome,
    save_graphml,
    to_graph,
)
from brainnn.connectome.graph import Connectome
from neuro_common.files import FormatError

WORDS = st.text("aZ9 ._-äµ(|", max_size=5).map(str.strip)
ROIS = st.frozensets(st.text("aZ9_-", min_size=1, max_size=5), max_size=3)


@st.composite
def connectomes(draw: st.DrawFn) -> Connectome:
    neurons = draw(st.integers(1, 5))

    def each(values: st.SearchStrategy[Any]) -> list[Any]:
        return draw(st.lists(values, min_size=neurons, max_size=neurons))

    counts = np.array(each(st.just(0)), dtype=np.int64) + np.zeros((neurons, 1), dtype=np.int64)
    for pre in range(neurons):
        counts[pre] = each(st.sampled_from([0, 0, 1, 2**40]))
    ids = st.text("aZ9._-ä", min_size=1, max_size=5)
    return Connectome.of(
        draw(WORDS),
        counts,
        draw(st.lists(ids, min_size=neurons, max_size=neurons, unique=True)),
        types=each(WORDS),
        classes=each(WORDS),
        transmitters=each(WORDS),
        signs=each(st.sampled_from([-1, 0, 1])),
        rois=each(ROIS),
        source=draw(WORDS),
    )


def same(one: Connectome, other: Connectome) -> None:
    assert (one.name, one.source, one.rois) == (other.name, other.source, other.rois)
    for name in ("ids", "types", "classes", "transmitters", "signs"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
    for name in ("data", "indices", "indptr"):
        first, second = getattr(one.synapse_count, name), getattr(other.synapse_count, name)
        np.testing.assert_array_equal(first, second)
    assert one.synapse_count.dtype == other.synapse_count.dtype


_TMP = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


@_TMP
@given(connectome=connectomes())
def test_npz_gives_back_the_same(tmp_path: Path, connectome: Connectome) -> None:
    save_connectome(tmp_path / "c.npz", connectome)
    same(load_connectome(tmp_path / "c.npz"), connectome)


@_TMP
@given(connectome=connectomes())
def test_graphml_gives_back_the_same(tmp_path: Path, connectome: Connectome) -> None:
    save_graphml(tmp_path / "c.graphml", connectome)
    same(load_graphml(tmp_path / "c.graphml"), connectome)


@given(connectome=connectomes())
def test_the_graph_agrees_with_networkx_own(connectome: Connectome) -> None:
    wanted = nx.from_numpy_array(connectome.synapse_count.toarray(), create_using=nx.DiGraph)
    graph = to_graph(connectome)
    names = dict(enumerate(connectome.ids.tolist()))
    assert {(names[a], names[b], d["weight"]) for a, b, d in wanted.edges(data=True)} == {
        (a, b, d["count"]) for a, b, d in graph.edges(data=True)
    }
    same(from_graph(graph), connectome)


def test_graphs_of_other_programs_are_read(tmp_path: Path) -> None:
    graph = nx.DiGraph()
    graph.add_edge("b", "a", weight=3.0)
    nx.write_graphml(graph, tmp_path / "g.graphml")
    read = load_graphml(tmp_path / "g.graphml")
    assert read.ids.tolist() == ["b", "a"]
    np.testing.assert_array_equal(read.synapse_count.toarray(), [[0, 3], [0, 0]])


def test_other_graphs_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"must be directed, with one edge .*, got a Graph"):
        from_graph(nx.Graph([("a", "b")]))
    with pytest.raises(ValueError, match=r"must be directed, with one edge .*, got a MultiDiGraph"):
        from_graph(nx.MultiDiGraph([("a", "b")]))
    with pytest.raises(ValueError, match=r"one of count, synapse_count, weight, got size from a"):
        from_graph(nx.DiGraph([("a", "b", {"size": 1})]))
    path = tmp_path / "g.graphml"
    for text in ("", "<graphml>", "<html></html>"):
        path.write_text(text)
        with pytest.raises(FormatError, match=r"must be a connectome as GraphML, got"):
            load_graphml(path)
    nx.write_graphml(nx.DiGraph([("a", "b", {"count": -1})]), path)
    with pytest.raises(FormatError, match=r"as GraphML, got synapse_count must hold whole numbers"):
        load_graphml(path)
    with pytest.raises(FileNotFoundError):
        load_graphml(tmp_path / "none.graphml")


def test_damaged_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "c.npz"
    with pytest.raises(ValueError, match=r"path must end in .npz, got .*c.json"):
        save_connectome(tmp_path / "c.json", Connectome.of("one", [[1]]))
    save_connectome(path, Connectome.of("one", np.ones((9, 9))))
    whole = path.read_bytes()
    for broken in (b"", b"PK", whole[: len(whole) // 2], whole[:-30], b"\x80\x04N."):
        path.write_bytes(broken)
        with pytest.raises(FormatError, match=r"must be a whole npz file of a connectome, got"):
            load_connectome(path)
    with pytest.raises(FileNotFoundError):
        load_connectome(tmp_path / "none.npz")


def test_foreign_and_altered_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "c.npz"
    np.savez(path, header=np.array('{"format": "other"}'))
    with pytest.raises(FormatError, match=r'must have the format "brainnn/connectome", got'):
        load_connectome(path)
    np.savez(path, header=np.array("[3]"))
    with pytest.raises(FormatError, match=r"must be a whole npz file of a connectome, got"):
        load_connectome(path)
    np.savez(path, a=np.array([{}], dtype=object))
    with pytest.raises(FormatError, match=r"must be a whole npz file of a connectome, got"):
        load_connectome(path)
    save_connectome(path, Connectome.of("one", np.ones((3, 3))))
    with np.load(path) as arrays:
        parts = dict(arrays)
    for change in (
        {"indices": parts["indices"] + 5},
        {"data": -parts["data"]},
        {"signs": parts["signs"] + 3},
        {"ids": np.array(["a", "a", "b"])},
    ):
        np.savez(path, **{**parts, **change})
        with pytest.raises(FormatError, match=r"must be a whole connectome, got"):
            load_connectome(path)
