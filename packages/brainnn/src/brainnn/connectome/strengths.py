"""From synapse counts to the fixed strength of an edge, and the spectral radius of a graph."""

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse
from scipy.sparse import linalg

from brainnn.connectome.graph import Connectome

__all__ = ["STRENGTHS", "edge_strengths", "spectral_radius"]

STRENGTHS = ("count", "log1p", "input_share", "one")
"""Synapse count; its log(1 + count); its share of the synapses that the post neuron gets; 1."""

_DENSE = 300  # below this many neurons all eigenvalues take less time than the search for one


def edge_strengths(connectome: Connectome, kind: str = "log1p") -> NDArray[np.float64]:
    """Strength of each edge, in the order of ``connectome.edge_list()``.

    Args:
        connectome: Whose edges.
        kind: One of `STRENGTHS`.

    Returns:
        Positive numbers, shape (edges,).

    Raises:
        ValueError: The kind is none of these.
    """
    _, post, count = connectome.edge_list()
    synapses = count.astype(np.float64)
    if kind == "count":
        return synapses
    if kind == "log1p":
        return np.log1p(synapses)
    if kind == "input_share":
        return synapses / np.bincount(post, synapses, minlength=len(connectome))[post]
    if kind == "one":
        return np.ones_like(synapses)
    raise ValueError(f"strength must be one of {', '.join(STRENGTHS)}, got {kind!r}")


def spectral_radius(matrix: ArrayLike | sparse.sparray) -> float:
    """Largest modulus of a matrix's eigenvalues.

    Eigenvalues of a graph are those of its strongly connected parts, so each part is solved by
    itself, and a graph without loops gives exactly 0.

    Args:
        matrix: Square, dense or sparse.
    """
    if not sparse.issparse(matrix):
        matrix = np.asarray(matrix)
    whole = sparse.csr_array(matrix).astype(np.float64)
    parts, part = sparse.csgraph.connected_components(whole, connection="strong")
    order = np.argsort(part, kind="stable")
    members = np.split(order, np.cumsum(np.bincount(part, minlength=parts))[:-1])
    return max((_part_radius(whole[one][:, one]) for one in members), default=0.0)


def _part_radius(matrix: sparse.csr_array) -> float:
    neurons = matrix.shape[0]
    if neurons > _DENSE:
        start = np.random.default_rng(0).normal(size=neurons)
        try:
            found = linalg.eigs(
                matrix, k=4, v0=start, tol=1e-12, maxiter=200, return_eigenvectors=False
            )
            return float(np.abs(found).max())
        except linalg.ArpackNoConvergence:
            pass  # eigenvalues of nearly one modulus: take them all
    return float(np.abs(np.linalg.eigvals(matrix.toarray())).max())
