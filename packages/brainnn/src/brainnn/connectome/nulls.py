"""Null models: graphs that share some of a connectome's properties, and are random otherwise.

What a network does on the connectome and not on a null model hangs on what the null model lacks.
All keep the neurons, the number of edges, the synapse counts as a set and the number of neurons of
each sign, so that inputs and read-outs stay where they were. The spectral radius of the weights is
matched downstream, where `brainnn.networks.rnn.ConnectomeRNN` is made.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse

from brainnn.connectome.compare import degrees
from brainnn.connectome.graph import Connectome
from brainnn.connectome.layering import colour_layers, hop_depth, layer_of

__all__ = [
    "NULL_KINDS",
    "layered_graph",
    "null_model",
    "random_graph",
    "rewired",
    "shuffled_signs",
    "shuffled_weights",
]

NULL_KINDS = ("rewired", "weights", "signs", "random", "layers")
"""Degree-preserving swaps, counts shuffled, signs shuffled, Erdos-Renyi, layer-preserving."""

_SWAPS = 10  # tried per edge: the overlap with the start has settled well before
_TRIES = 100  # to move an edge that came back to where one was, or to exchange a neuron's sign
_DRAWS = 100  # null models drawn before giving up on a path from inputs to outputs


def rewired(connectome: Connectome, rng: np.random.Generator, *, moved: float = 0.9) -> Connectome:
    """Degree-preserving null: who meets whom is random, how many each meets is not.

    Two edges a->b and c->d become a->d and c->b, again and again, unless that makes an autapse or
    a second edge between the same two (Maslov and Sneppen 2002). In- and out-degrees stay, and so
    do the counts of each neuron's outgoing edges. Some edges come back by chance, the more the
    denser the graph; swaps that only undo them go on until ``moved`` is met.

    Args:
        connectome: Where to start from.
        rng: Source of randomness.
        moved: Least part of the edges to lie where the connectome has none; 0 is the plain random
            graph of these degrees.

    Raises:
        ValueError: ``moved`` is not in [0, 1], or the degrees leave no room for as much.
    """
    if not 0 <= moved <= 1:
        raise ValueError(f"moved must be in [0, 1], got {moved}")
    pre, post, count = connectome.edge_list()
    neurons, edges = len(connectome), len(pre)
    swaps = _Swaps(pre, post, neurons)
    for first, second in rng.integers(edges, size=(_SWAPS * edges, 2)).tolist():
        swaps.swap(first, second)
    original = set((pre * neurons + post).tolist())
    stay = swaps.among(original)
    allowed = int((1 - moved) * edges + 1e-9)
    again = rng.permuted(np.tile(sorted(stay), (_TRIES, 1)), axis=1).ravel().tolist()
    for first, second in zip(again, rng.integers(edges, size=len(again)).tolist(), strict=True):
        if len(stay) <= allowed:
            break
        if first in stay and swaps.swap(first, second, avoiding=original):
            stay -= {first, second}
    if len(stay) > allowed:
        raise ValueError(
            f"the degrees of {connectome.name} leave no room to move {moved:.0%} of its {edges} "
            f"edges: {len(stay)} stay where they were; ask for less with moved="
        )
    return _with_edges(connectome, pre, np.array(swaps.post, np.intp), count, "rewired")


def shuffled_weights(connectome: Connectome, rng: np.random.Generator) -> Connectome:
    """The same edges, their synapse counts exchanged among them."""
    pre, post, count = connectome.edge_list()
    return _with_edges(connectome, pre, post, rng.permutation(count), "weights")


def shuffled_signs(connectome: Connectome, rng: np.random.Generator) -> Connectome:
    """The same edges and counts; neurons exchange signs and transmitters.

    Those take part that send and whose sign is known. Exchanges follow that bring the number of
    excitatory edges back to the connectome's, or as near as they can: their balance alone would
    tell in a network.
    """
    _, out = degrees(connectome)
    known = np.flatnonzero((connectome.signs != 0) & (out > 0))
    drawn = rng.permutation(known)
    sign, edges = connectome.signs.astype(np.intp), out[known]
    excess = int(edges @ (sign[drawn] - sign[known]))
    for one, other in rng.integers(max(len(known), 1), size=(_TRIES * len(known), 2)):
        change = int((sign[drawn[other]] - sign[drawn[one]]) * (edges[one] - edges[other]))
        if abs(excess + change) < abs(excess):
            drawn[[one, other]] = drawn[[other, one]]
            excess += change
    order = np.arange(len(connectome))
    order[known] = drawn
    return replace(
        connectome,
        name=f"{connectome.name}, signs",
        signs=connectome.signs[order],
        transmitters=connectome.transmitters[order],
        source=_origin(connectome, "signs"),
    )


def random_graph(connectome: Connectome, rng: np.random.Generator) -> Connectome:
    """Erdos-Renyi null: as many edges, anywhere, from neurons of each sign; no autapses.

    Counts stay with neurons of their sign, so that as many synapses excite as before.
    """
    sign = connectome.signs.astype(np.intp)
    return _redrawn(connectome, sign, np.zeros(len(connectome), np.intp), rng, "random")


def layered_graph(
    connectome: Connectome,
    rng: np.random.Generator,
    *,
    layers: Sequence[ArrayLike] | None = None,
) -> Connectome:
    """Layer-preserving null: as many edges from each layer, by sign, to each layer, anywhere there.

    Counts stay between their layers.

    Args:
        connectome: Where to start from.
        rng: Source of randomness.
        layers: Indices of neurons, layer by layer, each neuron in one; None takes `colour_layers`.

    Raises:
        ValueError: The layers are no partition.
    """
    neurons = len(connectome)
    layer = layer_of(colour_layers(connectome) if layers is None else layers, neurons)
    return _redrawn(connectome, 3 * layer + connectome.signs, layer, rng, "layers")


def null_model(
    connectome: Connectome,
    kind: str,
    rng: np.random.Generator,
    *,
    inputs: ArrayLike | None = None,
    outputs: ArrayLike | None = None,
    moved: float = 0.9,
    layers: Sequence[ArrayLike] | None = None,
) -> Connectome:
    """Draw a null model, again where no path leads from the inputs to the outputs.

    Args:
        connectome: What to compare with.
        kind: One of `NULL_KINDS`; the functions of this module tell what each keeps.
        rng: Source of randomness; each draw takes a child of its own.
        inputs: Neurons that will get input, indices or a mask; None asks for no path.
        outputs: Neurons that will be read out.
        moved: Of `rewired`.
        layers: Of `layered_graph`.

    Raises:
        ValueError: The kind is unknown, only one of inputs and outputs is given, no draw had a
            path, or as the function of the kind.
    """
    models: dict[str, Callable[[Connectome, np.random.Generator], Connectome]] = {
        "rewired": partial(rewired, moved=moved),
        "weights": shuffled_weights,
        "signs": shuffled_signs,
        "random": random_graph,
        "layers": partial(layered_graph, layers=layers),
    }
    if kind not in models:
        raise ValueError(f"kind must be one of {', '.join(NULL_KINDS)}, got {kind!r}")
    if (inputs is None) != (outputs is None):
        raise ValueError("give both inputs and outputs, or neither: a path leads from one to one")
    for child in rng.spawn(_DRAWS):
        drawn = models[kind](connectome, child)
        if inputs is None or outputs is None:
            return drawn
        if (hop_depth(drawn, inputs)[np.asarray(outputs)] >= 0).any():
            return drawn
    raise ValueError(
        f"none of {_DRAWS} {kind!r} null models of {connectome.name} has a path from its inputs to "
        "its outputs: choose more of either, or a denser graph"
    )


class _Swaps:
    """The edges while they are being swapped: sources stay, targets change."""

    def __init__(self, pre: NDArray[np.intp], post: NDArray[np.intp], neurons: int) -> None:
        self.pre: list[int] = pre.tolist()
        self.post: list[int] = post.tolist()
        self.neurons = neurons
        self.present = set((pre * neurons + post).tolist())

    def swap(self, first: int, second: int, avoiding: set[int] | None = None) -> bool:
        """Exchange the targets of two edges, if the graph stays simple and avoids some edges."""
        a, b, c, d = self.pre[first], self.post[first], self.pre[second], self.post[second]
        one, other = a * self.neurons + d, c * self.neurons + b
        if a == d or c == b or one in self.present or other in self.present:
            return False
        if avoiding is not None and (one in avoiding or other in avoiding):
            return False
        self.present -= {a * self.neurons + b, c * self.neurons + d}
        self.present |= {one, other}
        self.post[first], self.post[second] = d, b
        return True

    def among(self, places: set[int]) -> set[int]:
        """Which edges lie at some places."""
        pairs = zip(self.pre, self.post, strict=True)
        return {edge for edge, (a, b) in enumerate(pairs) if a * self.neurons + b in places}


def _redrawn(
    connectome: Connectome,
    source: NDArray[np.intp],
    target: NDArray[np.intp],
    rng: np.random.Generator,
    kind: str,
) -> Connectome:
    """Draw all edges again, as many as there are from each group of sources to each of targets."""
    pre, post, count = connectome.edge_list()
    blocks, block = np.unique(np.stack([source[pre], target[post]]), axis=1, return_inverse=True)
    drawn = np.empty((2, len(pre)), dtype=np.intp)
    for number, (sends, takes) in enumerate(blocks.T):
        edges = np.flatnonzero(block == number)
        rows, columns = np.flatnonzero(source == sends), np.flatnonzero(target == takes)
        drawn[:, edges] = _places(rows, columns, len(edges), rng)
    return _with_edges(connectome, drawn[0], drawn[1], count, kind)


def _places(
    rows: NDArray[np.intp], columns: NDArray[np.intp], edges: int, rng: np.random.Generator
) -> NDArray[np.intp]:
    """Different places off the diagonal, in random order, shape (2, edges)."""
    everywhere, autapses = rows.size * columns.size, len(np.intersect1d(rows, columns))
    if edges > everywhere - autapses:
        raise ValueError(
            f"{edges} edges from {rows.size} to {columns.size} neurons leave no other place to "
            "draw: take the autapses out of the connectome first"
        )
    drawn = rng.choice(everywhere, edges + autapses, replace=False)
    pre, post = rows[drawn // columns.size], columns[drawn % columns.size]
    apart = np.flatnonzero(pre != post)[:edges]
    return np.stack([pre[apart], post[apart]])


def _with_edges(
    connectome: Connectome,
    pre: NDArray[np.intp],
    post: NDArray[np.intp],
    count: NDArray[np.int64],
    kind: str,
) -> Connectome:
    shape = (len(connectome), len(connectome))
    matrix = sparse.csr_array((count, (pre, post)), shape=shape)
    wired = connectome.with_counts(matrix, name=f"{connectome.name}, {kind}")
    return replace(wired, source=_origin(connectome, kind))


def _origin(connectome: Connectome, kind: str) -> str:
    return f"null model ({kind}) of {connectome.source or connectome.name}"
