"""Measures of wiring diagrams, side by side."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csgraph

from brainnn.connectome.graph import Connectome
from brainnn.connectome.strengths import spectral_radius

__all__ = ["block_edges", "compare", "degrees", "measures"]

_QUANTILES = (10, 25, 50, 75, 90, 99)


def degrees(connectome: Connectome) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """How many neurons each one hears, and how many it speaks to; both of shape (neurons,)."""
    pre, post, _ = connectome.edge_list()
    neurons = len(connectome)
    return np.bincount(post, minlength=neurons), np.bincount(pre, minlength=neurons)


def block_edges(connectome: Connectome) -> dict[tuple[str, str], int]:
    """Number of edges from each class to each, where there are any, classes in their order."""
    pre, post, _ = connectome.edge_list()
    pairs = np.stack([connectome.classes[pre], connectome.classes[post]])
    blocks, times = np.unique(pairs, axis=1, return_counts=True)
    return {(str(a), str(b)): int(n) for (a, b), n in zip(blocks.T, times, strict=True)}


def measures(connectome: Connectome) -> dict[str, float]:
    """What is measured of one wiring diagram.

    Degrees count neurons, not synapses. Reciprocity is the part of the edges whose reverse is there
    too. Excitatory edges are a part of those of known sign. What cannot be said, for want of edges
    or signs, is NaN.

    Args:
        connectome: What to measure.

    Returns:
        Value by name of the measure, always in the same order.
    """
    counts = connectome.synapse_count
    neurons, edges = len(connectome), connectome.edges
    pre, post, count = connectome.edge_list()
    into, out = degrees(connectome)
    binary = (counts > 0).astype(np.float64)
    apart = pre != post
    returned = (counts.T.tocsr()[pre, post] > 0) & apart
    sign = connectome.signs[pre]
    _, strong = csgraph.connected_components(counts, connection="strong")
    weak, _ = csgraph.connected_components(counts, connection="weak")
    found = {
        "neurons": neurons,
        "edges": edges,
        "density": _ratio(edges, neurons * (neurons - 1)),
        "autapses": int((~apart).sum()),
        "synapses": connectome.synapses,
        "synapses per edge, mean": _ratio(connectome.synapses, edges),
        **{
            f"synapses per edge, {part} %": np.percentile(count, part) if edges else np.nan
            for part in _QUANTILES
        },
        "synapses per edge, most": count.max(initial=0),
        "in-degree, most": into.max(),
        "out-degree, most": out.max(),
        "neurons without input": (into == 0).sum(),
        "neurons without output": (out == 0).sum(),
        "reciprocity": _ratio(returned.sum(), edges),
        "excitatory edges": _ratio((sign > 0).sum(), (sign != 0).sum()),
        "largest strongly connected part": np.bincount(strong).max(),
        "weakly connected parts": weak,
        "spectral radius, counts": spectral_radius(counts),
        "spectral radius, binary": spectral_radius(binary),
    }
    return {name: float(value) for name, value in found.items()}


def compare(connectomes: Sequence[Connectome]) -> dict[str, list[str] | list[float]]:
    """Table of measures, a row for each measure and a column for each graph.

    Args:
        connectomes: At least one, of different names.

    Returns:
        Column by heading: "measure", then the names of the graphs.

    Raises:
        ValueError: There is none, or two have one name.
    """
    names = [connectome.name for connectome in connectomes]
    if not names or len(set(names)) < len(names):
        raise ValueError(f"compare wants graphs of different names, got {names or 'none'}")
    columns = {connectome.name: measures(connectome) for connectome in connectomes}
    table: dict[str, list[str] | list[float]] = {"measure": list(columns[names[0]])}
    return table | {name: list(values.values()) for name, values in columns.items()}


def _ratio(part: float, whole: float) -> float:
    return float(part / whole) if whole else float("nan")
