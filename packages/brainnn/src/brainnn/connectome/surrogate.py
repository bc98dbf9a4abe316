"""Graphs that need no download: a surrogate of the standard leg premotor circuit, and any size.

The surrogate is **no real circuit**. It is drawn at random from what is published of the fly's leg
premotor circuit (MANC, left front leg; Cheong et al. 2024): cell types and how many neurons each
has, numbers of edges between interneurons and motor neurons, share of transmitters, quantiles of
the synapse counts, reciprocity, largest degrees. Which neuron meets which is chance, so nothing
about the fly's wiring can be learned from it.
"""

from itertools import accumulate

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.special import ndtri

from brainnn.connectome.graph import Connectome

__all__ = ["surrogate", "synthetic"]

_ACH, _GABA, _GLU = "acetylcholine", "gaba", "glutamate"
_SIGNS = {_ACH: 1, _GABA: -1, _GLU: -1}

# Neurons of each type. Published types have their hemilineage's transmitter (Lacin et al. 2019);
# the others are made up, and fill the published numbers of 37 GABA, 37 ACh and 19 Glu neurons.
_INTERNEURONS: dict[str, tuple[tuple[str, int], ...]] = {
    _ACH: (
        ("IN03A007", 19),
        ("IN01A038", 4),
        ("IN20A.22A001", 2),
        ("IN03A010", 1),
        ("IN17A017", 1),
        ("IN19B003", 1),
        ("IN19B012", 1),
        *((f"surrogate ACh {number}", 1) for number in range(1, 9)),
    ),
    _GABA: (
        ("IN19A029", 6),
        ("IN13A021", 5),
        ("IN19A006", 2),
        ("IN13A001", 1),
        *((f"surrogate GABA {number}", 1) for number in range(1, 24)),
    ),
    _GLU: (
        ("IN16B018", 3),
        ("IN16B020", 3),
        ("IN21A004", 2),
        ("IN08A006", 1),
        ("IN21A001", 1),
        *((f"surrogate Glu {number}", 1) for number in range(1, 10)),
    ),
}
_MOTOR_NEURONS = (
    ("Acc. ti flexor MN", 10),
    ("Tr flexor MN", 8),
    ("Fe reductor MN", 6),
    ("Ti flexor MN", 5),
    ("Sternal post. rotator MN", 4),
    ("Tergotr. MN", 4),
    ("Acc. tr flexor MN", 3),
    ("Pleural remotor MN", 2),
    ("Sternal ant. rotator MN", 2),
    ("Sternotrochanter MN", 2),
    ("Ti extensor MN", 2),
    ("Tr extensor MN", 2),
)
_EDGES = {"IN->IN": 1089, "IN->MN": 520, "MN->IN": 8, "MN->MN": 7}
_MUTUAL_PAIRS = 233  # reciprocity 0.287 of 1624 edges
_SPEAKING = 7  # motor neurons that synapse onto others; 43 of the circuit's neurons do not

# Synapses of an edge at these parts of all edges: published for the standard leg circuit, but for
# 0.95, which is set to meet the sum of 52288; of the neuropil only 0.5, 1 and the mean of 19.3 are.
_COUNTS = ((0, 0.10, 0.25, 0.50, 0.75, 0.90, 0.95, 0.99, 1), (5, 5, 7, 13, 33, 76, 102, 286, 470))
_NEUROPIL_COUNTS = ((0, 0.25, 0.50, 0.75, 0.90, 0.99, 0.999, 1), (5, 6, 10, 19, 40, 130, 330, 946))
_NEUROPIL_RECIPROCITY = 0.189

# Spread of the logarithm of a neuron's readiness to connect: set to meet the largest degrees.
_SPREAD = 0.6


def surrogate(seed: int = 0) -> Connectome:
    """A random stand-in for the standard leg premotor circuit, to work without any download.

    It has 93 interneurons and 50 motor neurons with 1624 edges. Every interneuron
    reaches every neuron; in the real circuit six neurons stay alone.

    Args:
        seed: Of the edges and their counts; neurons, types and signs are always the same.

    Returns:
        The connectome, named "surrogate"; acetylcholine is +, GABA and glutamate are -.
    """
    rng = np.random.default_rng(seed)
    rows = [
        (f"{name}_{number}", name, "interneuron", transmitter)
        for transmitter, types in _INTERNEURONS.items()
        for name, neurons in types
        for number in range(1, neurons + 1)
    ]
    inter = len(rows)
    rows += [
        (f"{name}_{number}", name, "motor", _GLU)
        for name, neurons in _MOTOR_NEURONS
        for number in range(1, neurons + 1)
    ]
    ids, types, classes, transmitters = zip(*rows, strict=True)
    motor = len(rows) - inter

    sends, takes = _readiness(inter, rng), _readiness(inter, rng)
    among = _wire_among(sends, takes, _EDGES["IN->IN"], _MUTUAL_PAIRS, rng)
    down = _wire_onto(sends, _readiness(motor, rng), _EDGES["IN->MN"], rng)
    speaking = rng.permutation(np.arange(motor) < _SPEAKING).astype(np.float64)
    up = _draw(np.outer(speaking, np.ones(inter)), _EDGES["MN->IN"], rng)
    across = _draw(np.outer(speaking, np.ones(motor)) - np.diag(speaking), _EDGES["MN->MN"], rng)
    down[1] += inter
    up[0] += inter
    pairs = np.hstack([among, down, up, across + inter])
    return _with_counts(
        Connectome.of(
            "surrogate",
            np.zeros((len(rows), len(rows))),
            ids,
            types=types,
            classes=classes,
            transmitters=transmitters,
            signs=[_SIGNS[name] for name in transmitters],
            rois=[frozenset({"LegNpT1_L"})] * len(rows),
            source=f"surrogate of the standard leg premotor circuit, drawn with seed {seed}",
        ),
        pairs,
        _COUNTS,
        rng,
    )


def synthetic(neurons: int = 1101, edges: int = 37026, seed: int = 0) -> Connectome:
    """A random graph with heavy-tailed degrees and counts, for tests of size and speed.

    Left alone it has the size, reciprocity and range of counts that the front leg's neuropil has.
    All neurons reach each other; two in five excite.

    Args:
        neurons: Number of neurons, at least 2.
        edges: Number of edges, at least ``2 * (neurons - 1)``, at most half of all there could be.
        seed: Of everything drawn.

    Raises:
        ValueError: A number is out of range.
    """
    least, most = 2 * (neurons - 1), neurons * (neurons - 1) // 2
    if neurons < 2 or not least <= edges <= max(most, least):
        raise ValueError(
            f"synthetic needs 2 neurons or more and, of {neurons}, from {least} to "
            f"{max(most, least)} edges; got {edges}"
        )
    rng = np.random.default_rng(seed)
    sends, takes = _readiness(neurons, rng), _readiness(neurons, rng)
    mutual = max(round(_NEUROPIL_RECIPROCITY * edges / 2), neurons - 1)
    transmitters = rng.choice([_ACH, _GABA, _GLU], neurons, p=(0.4, 0.4, 0.2)).tolist()
    return _with_counts(
        Connectome.of(
            f"synthetic_{neurons}",
            sparse.csr_array((neurons, neurons)),
            classes=["interneuron"] * neurons,
            transmitters=transmitters,
            signs=[_SIGNS[name] for name in transmitters],
            source=f"random graph of {neurons} neurons and {edges} edges, drawn with seed {seed}",
        ),
        _wire_among(sends, takes, edges, mutual, rng),
        _NEUROPIL_COUNTS,
        rng,
    )


def _readiness(neurons: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Log-normal weights, the same set for every seed, in random order."""
    evenly = (np.arange(neurons) + 0.5) / neurons
    return rng.permutation(np.exp(_SPREAD * ndtri(evenly)))


def _draw(weight: NDArray[np.float64], size: int, rng: np.random.Generator) -> NDArray[np.intp]:
    """Places of ``size`` different entries, chosen in proportion to their weight; (2, size)."""
    with np.errstate(divide="ignore"):
        wait = rng.exponential(size=weight.shape) / weight
    # sorted, since the order of a partition is the processor's, and draws that follow depend on it
    chosen = np.sort(np.argpartition(wait, size - 1, axis=None)[:size])
    return np.array(np.unravel_index(chosen, weight.shape))


def _wire_onto(
    sends: NDArray[np.float64], takes: NDArray[np.float64], edges: int, rng: np.random.Generator
) -> NDArray[np.intp]:
    """Edges from one set to another that leave no target without input, shape (2, edges)."""
    weight = np.outer(sends, takes)
    first = np.array([rng.choice(len(sends), p=sends / sends.sum()) for _ in takes])
    onto = np.arange(len(takes))
    weight[first, onto] = 0
    rest = _draw(weight, edges - len(takes), rng)
    return np.hstack([[first, onto], rest])


def _wire_among(
    sends: NDArray[np.float64],
    takes: NDArray[np.float64],
    edges: int,
    mutual: int,
    rng: np.random.Generator,
) -> NDArray[np.intp]:
    """Edges within one set, ``mutual`` pairs of them both ways, strongly connected; (2, edges)."""
    neurons = len(sends)
    # a tree of mutual pairs comes first: through it, every neuron reaches every other
    order = rng.permutation(neurons)
    reach = np.array([*accumulate((sends * takes)[order])])
    parent = np.searchsorted(reach, rng.random(neurons - 1) * reach[:-1], side="right")
    tree = np.sort([order[1:], order[parent]], axis=0)
    weight = np.triu(np.outer(sends, takes) * np.outer(takes, sends), 1) ** 0.5
    weight[tuple(tree)] = 0
    both = tree
    if mutual > neurons - 1:
        both = np.hstack([tree, _draw(weight, mutual - (neurons - 1), rng)])
    onward = np.outer(sends, takes)
    weight = np.triu(onward + onward.T, 1)
    weight[tuple(both)] = 0
    one_way = _draw(weight, edges - 2 * mutual, rng) if edges > 2 * mutual else both[:, :0]
    low, high = one_way
    turned = rng.random(len(low)) * (onward[low, high] + onward[high, low]) > onward[low, high]
    one_way = np.where(turned, one_way[::-1], one_way)
    return np.hstack([both, both[::-1], one_way])


def _with_counts(
    graph: Connectome,
    pairs: NDArray[np.intp],
    quantiles: tuple[tuple[float, ...], tuple[int, ...]],
    rng: np.random.Generator,
) -> Connectome:
    """Give the edges counts with these quantiles (log-linear between them), in random order."""
    part, count = quantiles
    edges = pairs.shape[1]
    counts = np.round(np.exp(np.interp(np.linspace(0, 1, edges), part, np.log(count))))
    shape = (len(graph), len(graph))
    matrix = sparse.csr_array((rng.permutation(counts), tuple(pairs)), shape=shape)
    return graph.with_counts(matrix, name=graph.name)
