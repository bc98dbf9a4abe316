"""Connectomes in files: npz, exact and ours, and GraphML for other programs."""

import json
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import ParseError

import networkx as nx
import numpy as np
from scipy import sparse

from brainnn.connectome.graph import Connectome
from brainnn.connectome.names import roi_names
from neuro_common.files import FORMAT_VERSION, FormatError, atomic_path, check_format

__all__ = [
    "from_graph",
    "load_connectome",
    "load_graphml",
    "save_connectome",
    "save_graphml",
    "to_graph",
]

_FORMAT = "brainnn/connectome"
_TEXTS = ("ids", "types", "classes", "transmitters")
# what numpy, zipfile and json raise on files that are cut short or are something else
_BROKEN = (ValueError, TypeError, KeyError, AttributeError, EOFError, OverflowError,
           NotImplementedError, zipfile.BadZipFile, zlib.error)  # fmt: skip
_COUNTS = ("count", "synapse_count", "weight")


def save_connectome(path: str | Path, connectome: Connectome) -> None:
    """Write a connectome as npz, atomically; :func:`load_connectome` gives back the same.

    Args:
        path: File to write, `.npz`.
        connectome: What to write.

    Raises:
        ValueError: The path ends otherwise.
    """
    if Path(path).suffix.lower() != ".npz":
        raise ValueError(f"path must end in .npz, got {path}")
    counts = connectome.synapse_count
    header = {
        "format": _FORMAT,
        "format_version": FORMAT_VERSION,
        "name": connectome.name,
        "source": connectome.source,
        "rois": [sorted(rois) for rois in connectome.rois],
    }
    with atomic_path(path) as temporary:
        np.savez_compressed(
            temporary,
            header=np.array(json.dumps(header)),
            data=counts.data,
            indices=counts.indices,
            indptr=counts.indptr,
            signs=connectome.signs,
            **{name: getattr(connectome, name) for name in _TEXTS},
        )


def load_connectome(path: str | Path) -> Connectome:
    """Read what :func:`save_connectome` wrote.

    Raises:
        FileNotFoundError: There is no such file.
        FormatError: The file is damaged, foreign, or of a newer version.
    """
    try:
        with Path(path).open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            parts = {name: arrays[name] for name in arrays.files}
        header = dict(json.loads(str(parts["header"])))
    except _BROKEN as error:
        raise FormatError(f"{path} must be a whole npz file of a connectome, got {error}") from None
    check_format(path, header.get("format"), header.get("format_version"), _FORMAT)
    try:
        return _assembled(header, parts)
    except (ValueError, KeyError, TypeError, IndexError) as error:
        raise FormatError(f"{path} must be a whole connectome, got {error}") from None


def _assembled(header: Mapping[str, Any], parts: Mapping[str, Any]) -> Connectome:
    neurons = len(parts["ids"])
    counts = sparse.csr_array(
        (parts["data"], parts["indices"], parts["indptr"]), shape=(neurons, neurons)
    )
    counts.check_format(full_check=True)
    return Connectome.of(
        header["name"],
        counts,
        signs=parts["signs"],
        rois=[frozenset(rois) for rois in header["rois"]],
        source=header["source"],
        **{name: parts[name] for name in _TEXTS},
    )


def to_graph(connectome: Connectome) -> "nx.DiGraph[str]":
    """A connectome as a networkx graph.

    Returns:
        Nodes by id with type, class, transmitter, sign and rois (joined by `|`); edges from pre to
        post with count; the graph with name and source.
    """
    graph: nx.DiGraph[str] = nx.DiGraph(name=connectome.name, source=connectome.source)
    ids = connectome.ids.tolist()
    for index, name in enumerate(ids):
        graph.add_node(
            name,
            **{
                "type": str(connectome.types[index]),
                "class": str(connectome.classes[index]),
                "transmitter": str(connectome.transmitters[index]),
                "sign": int(connectome.signs[index]),
                "rois": "|".join(sorted(connectome.rois[index])),
            },
        )
    for pre, post, count in zip(*connectome.edge_list(), strict=True):
        graph.add_edge(ids[pre], ids[post], count=int(count))
    return graph


def from_graph(graph: "nx.Graph[Any]") -> Connectome:
    """A networkx graph as a connectome, whose neurons are in the order of the nodes.

    Args:
        graph: Directed, without parallel edges; each edge with count, synapse_count or weight; of
            the nodes' attributes those of :func:`to_graph` are read, where they are there.

    Raises:
        ValueError: The graph is another, or an edge's count is missing or none.
    """
    if not graph.is_directed() or graph.is_multigraph():
        raise ValueError(
            f"a connectome's graph must be directed, with one edge from pre to post, got a "
            f"{type(graph).__name__}"
        )
    nodes = dict(graph.nodes(data=True))
    place = {node: index for index, node in enumerate(nodes)}
    edge = np.array([(place[pre], place[post]) for pre, post in graph.edges], dtype=np.intp)
    counts = [_count(pre, post, facts) for pre, post, facts in graph.edges(data=True)]
    pre, post = edge.reshape(-1, 2).T
    return Connectome.of(
        str(graph.graph.get("name", "")),
        sparse.coo_array((np.array(counts), (pre, post)), shape=(len(place), len(place))),
        [*nodes],
        types=[str(facts.get("type", "")) for facts in nodes.values()],
        classes=[str(facts.get("class", "")) for facts in nodes.values()],
        transmitters=[str(facts.get("transmitter", "")) for facts in nodes.values()],
        signs=[facts.get("sign", 0) for facts in nodes.values()],
        rois=[roi_names(facts.get("rois", "")) for facts in nodes.values()],
        source=str(graph.graph.get("source", "")),
    )


def _count(pre: object, post: object, facts: Mapping[str, Any]) -> float:
    for name in _COUNTS:
        if name in facts:
            return float(facts[name])
    raise ValueError(
        f"an edge must have one of {', '.join(_COUNTS)}, got {', '.join(facts) or 'none'} from "
        f"{pre} to {post}"
    )


def save_graphml(path: str | Path, connectome: Connectome) -> None:
    """Write a connectome as GraphML, atomically, with the attributes of :func:`to_graph`."""
    with atomic_path(path) as temporary:
        nx.write_graphml(to_graph(connectome), temporary)


def load_graphml(path: str | Path) -> Connectome:
    """Read a connectome from GraphML, ours or another's; see :func:`from_graph`.

    Raises:
        FileNotFoundError: There is no such file.
        FormatError: The file is damaged, or holds no connectome.
    """
    try:
        return from_graph(nx.read_graphml(path))
    except (ParseError, nx.NetworkXError, ValueError, KeyError) as error:
        raise FormatError(f"{path} must be a connectome as GraphML, got {error}") from None
