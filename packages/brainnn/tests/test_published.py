"""The published matrices and layers."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from brainnn.connectome.published import (
    published_graphs,
    read_layers,
    read_matrix,
    read_published,
)
from neuro_common.files import FormatError

GRAPHS: dict[str, Any] = {
    "simple": {"matrix": [[0, 5], [0, 0]], "layers": [[0], [1]]},
    "medium": {"matrix": [[0, 1, 0], [0, 0, 2], [3, 0, 0]], "layers": [[2, 0], [0]]},
}


def write(folder: Path, data: object) -> Path:
    path = folder / "adj_matrices.json"
    path.write_text(data if isinstance(data, str) else json.dumps(data))
    return path


def test_a_graph_is_read_by_name_with_its_layers(tmp_path: Path) -> None:
    path = write(tmp_path, GRAPHS)
    assert published_graphs(path) == ["simple", "medium"]
    medium, layers = read_published(path, "medium")
    np.testing.assert_array_equal(medium.synapse_count.toarray(), GRAPHS["medium"]["matrix"])
    assert (medium.name, medium.source) == ("medium", "adj_matrices.json")
    assert medium.ids.tolist() == ["0", "1", "2"]
    assert [layer.tolist() for layer in layers] == [[2, 0], [0]]  # as they are, faults included
    assert set(medium.types.tolist()) == {""}


def test_a_single_graph_needs_no_name(tmp_path: Path) -> None:
    only = {"simple": {"matrix": GRAPHS["simple"]["matrix"]}}
    graph, layers = read_published(write(tmp_path, only))
    assert (graph.name, layers) == ("simple", ())
    with pytest.raises(ValueError, match=r"holds 2 graphs: name one of simple, medium"):
        read_published(write(tmp_path, GRAPHS))


def test_an_unknown_graph_gets_a_suggestion(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"has no graph 'simpel' \(did you mean 'simple'\?\)"):
        read_published(write(tmp_path, GRAPHS), "simpel")


def test_layers_and_matrices_have_files_of_their_own(tmp_path: Path) -> None:
    (tmp_path / "layers.json").write_text("[[3, 1], []]")
    assert [layer.tolist() for layer in read_layers(tmp_path / "layers.json")] == [[3, 1], []]
    np.save(tmp_path / "adj_mat.npy", np.array([[0, 7], [0, 0]], dtype=np.uint16))
    read = read_matrix(tmp_path / "adj_mat.npy")
    assert (read.name, read.synapse_count[0, 1]) == ("adj_mat", 7)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("{", r"must be a complete JSON file, got"),
        ([], r"must hold graphs, "),
        ({}, r"must hold graphs, "),
        ({"a": {"layers": []}}, r"must hold graphs, "),
        ({"a": {"matrix": [[1, 2]]}}, r"a: synapse_count must be square .*, got shape \(1, 2\)"),
        ({"a": {"matrix": [[1, 2], [3]]}}, r"a: "),
        ({"a": {"matrix": [["x"]]}}, r"a: could not convert"),
        ({"a": {"matrix": [[-1]]}}, r"a: synapse_count must hold whole numbers of synapses"),
        ({"a": {"matrix": [[1.5]]}}, r"a: synapse_count must hold whole numbers of synapses"),
        ({"a": {"matrix": [[1]], "layers": [[0.5]]}}, r"a: layers must be lists of indices"),
        ({"a": {"matrix": [[1]], "layers": [[-1]]}}, r"a: layers must be lists of indices"),
        ({"a": {"matrix": [[1]], "layers": 3}}, r"a: layers must be lists of indices"),
    ],
)
def test_bad_files_are_refused(tmp_path: Path, data: object, message: str) -> None:
    with pytest.raises(FormatError, match=message):
        read_published(write(tmp_path, data))


def test_bad_matrices_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "m.npy"
    for broken in (b"", b"\x93NUMPY\x01\x00", b"\x80\x04N."):
        path.write_bytes(broken)
        with pytest.raises(FormatError, match=r"must be a whole .npy file of numbers, got"):
            read_matrix(path)
    np.save(path, np.ones(3))
    with pytest.raises(FormatError, match=r"m.npy: synapse_count must be square"):
        read_matrix(path)
