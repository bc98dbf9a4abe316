"""Order in a wiring diagram: layers by colouring, and depth from the senses to the muscles."""

from collections.abc import Sequence
from dataclasses import dataclass

import networkx as nx
import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse
from scipy.sparse import linalg

from brainnn.connectome.graph import Connectome

__all__ = [
    "LayerCheck",
    "LayerEdges",
    "check_layers",
    "colour_layers",
    "count_layer_edges",
    "depth_layers",
    "hop_depth",
    "layer_of",
    "trophic_depth",
]


@dataclass(frozen=True)
class LayerCheck:
    """What is wrong with a list of layers.

    Attributes:
        duplicates: Neurons that are listed more than once, in order.
        missing: Neurons that are in no layer.
        unknown: Indices that are no neurons.
    """

    duplicates: tuple[int, ...]
    missing: tuple[int, ...]
    unknown: tuple[int, ...]

    @property
    def passed(self) -> bool:
        """Whether each neuron is in exactly one layer."""
        return not (self.duplicates or self.missing or self.unknown)


@dataclass(frozen=True)
class LayerEdges:
    """How many edges a layer-by-layer sweep realises, and as what.

    Attributes:
        forward: From a layer to the next one.
        skip: From a layer to one further up.
        recurrent: Within a layer or downwards, as long as it is not the last that they go to.
        dropped: Within the last layer, which gets nothing recurrent.
    """

    forward: int
    skip: int
    recurrent: int
    dropped: int

    @property
    def realised(self) -> int:
        """All edges but those dropped."""
        return self.forward + self.skip + self.recurrent


def colour_layers(connectome: Connectome, last: str = "motor") -> tuple[NDArray[np.intp], ...]:
    """Layers without an edge inside: greedy colouring (largest first), motor neurons at the end.

    The order of such layers has no meaning: it is the order of the colours. Only the last layer may
    have edges inside.

    Args:
        connectome: What to layer.
        last: Class of the last layer; where no neuron is of it, there is no such layer.

    Returns:
        Indices of neurons, each in exactly one layer.
    """
    at_end = connectome.classes == last
    # colours number the neurons that were coloured, so they go through this list to be indices
    coloured = np.flatnonzero(~at_end)
    graph = nx.from_scipy_sparse_array(
        connectome.synapse_count[coloured][:, coloured], create_using=nx.DiGraph
    ).to_undirected()
    graph.remove_edges_from(list(nx.selfloop_edges(graph)))
    colour_of = nx.greedy_color(graph, strategy="largest_first")
    colours = np.array([colour_of[node] for node in range(len(coloured))], dtype=np.intp)
    layers = [coloured[colours == colour] for colour in range(colours.max(initial=-1) + 1)]
    return (*layers, *([np.flatnonzero(at_end)] if at_end.any() else []))


def depth_layers(connectome: Connectome, sources: ArrayLike) -> tuple[NDArray[np.intp], ...]:
    """Layers by the fewest edges from some neurons; those never reached form the last one.

    Args:
        connectome: What to layer.
        sources: Where the way begins, indices or a mask, as in `hop_depth`.

    Returns:
        Indices of neurons, each in exactly one layer.
    """
    depth = hop_depth(connectome, sources)
    levels = [np.flatnonzero(depth == level) for level in [*range(depth.max() + 1), -1]]
    return tuple(level for level in levels if level.size)


def check_layers(layers: Sequence[ArrayLike], neurons: int) -> LayerCheck:
    """Find what is listed twice, not at all, or wrongly.

    Args:
        layers: Indices of neurons, shape (members,) layer by layer.
        neurons: How many neurons there are.
    """
    listed = np.concatenate([np.zeros(0, np.intp), *(np.ravel(layer) for layer in layers)])
    index, times = np.unique(listed.astype(np.intp), return_counts=True)
    known = (index >= 0) & (index < neurons)
    return LayerCheck(
        tuple(index[known & (times > 1)].tolist()),
        tuple(np.setdiff1d(np.arange(neurons), index).tolist()),
        tuple(index[~known].tolist()),
    )


def layer_of(layers: Sequence[ArrayLike], neurons: int) -> NDArray[np.intp]:
    """Number of the layer that each neuron is in, shape (neurons,).

    Raises:
        ValueError: A neuron is in two layers or in none, or an index is no neuron.
    """
    check = check_layers(layers, neurons)
    if not check.passed:
        raise ValueError(
            f"each of {neurons} neurons must be in one layer; in several: {_some(check.duplicates)}"
            f"; in none: {_some(check.missing)}; no neuron: {_some(check.unknown)}"
        )
    number = np.empty(neurons, dtype=np.intp)
    for layer, members in enumerate(layers):
        number[np.asarray(members, dtype=np.intp)] = layer
    return number


def count_layer_edges(connectome: Connectome, layers: Sequence[ArrayLike]) -> LayerEdges:
    """Count what becomes of the edges in a network that is swept layer by layer.

    Layers are indices of neurons, shape (members,) each.

    Raises:
        ValueError: As `layer_of`.
    """
    number = layer_of(layers, len(connectome))
    pre, post, _ = connectome.edge_list()
    climb = number[post] - number[pre]
    back = climb <= 0
    to_last = number[post] == len(layers) - 1
    return LayerEdges(
        forward=int((climb == 1).sum()),
        skip=int((climb > 1).sum()),
        recurrent=int((back & ~to_last).sum()),
        dropped=int((back & to_last).sum()),
    )


def hop_depth(connectome: Connectome, sources: ArrayLike) -> NDArray[np.intp]:
    """Fewest edges from some neurons to each, such as from the senses to the muscles.

    Args:
        connectome: Where to walk.
        sources: Where the walk begins, indices or a mask of shape (neurons,).

    Returns:
        0 at the sources, -1 where no path leads, shape (neurons,).
    """
    front = np.zeros(len(connectome), dtype=np.bool_)
    front[np.asarray(sources)] = True
    depth = np.where(front, 0, -1).astype(np.intp)
    onward = (connectome.synapse_count > 0).astype(np.int32).T.tocsr()
    while front.any():
        # at the first pass the largest depth is 0, and each pass goes one further
        front = (onward @ front.astype(np.int32) > 0) & (depth < 0)
        depth[front] = depth.max() + 1
    return depth


def trophic_depth(connectome: Connectome, *, binary: bool = False) -> NDArray[np.float64]:
    """Depth that makes as many edges as can be climb by one: the trophic level.

    It needs no sources. Loops bring their neurons together; a chain gives 0, 1, 2 and so on. From
    MacKay, Johnson and Sansom, "How directed is a directed network?", R. Soc. Open Sci. 2020.

    Args:
        connectome: What to order.
        binary: Each edge counts 1; otherwise as many as it has synapses.

    Returns:
        Depth of each neuron, lowest 0 within each part that hangs together, shape (neurons,).
    """
    weight = connectome.synapse_count.astype(np.float64)
    if binary:
        weight.data[:] = 1
    inward, outward = np.asarray(weight.sum(0)), np.asarray(weight.sum(1))
    laplacian = sparse.diags_array(inward + outward) - weight - weight.T
    depth = linalg.minres(laplacian, inward - outward, rtol=1e-12)[0]
    parts, part = sparse.csgraph.connected_components(weight, connection="weak")
    lowest = np.full(parts, np.inf)
    np.minimum.at(lowest, part, depth)
    return np.asarray(depth - lowest[part])


def _some(indices: tuple[int, ...]) -> str:
    shown = ", ".join(map(str, indices[:5])) or "none"
    return shown + (f" and {len(indices) - 5} more" if len(indices) > 5 else "")
