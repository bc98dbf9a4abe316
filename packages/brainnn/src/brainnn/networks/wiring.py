"""What a network takes from a connectome: edges, signs, strengths, and who shares a gain."""

from dataclasses import dataclass
from typing import Literal, Self, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse

from brainnn.connectome.graph import Connectome
from brainnn.connectome.strengths import edge_strengths

__all__ = ["Gains", "Wiring"]

Gains = Literal["edge", "type_pair", "frozen"]
"""What a gain belongs to: an edge, a pair of cell types (pre, post), or nothing."""


@dataclass(frozen=True, eq=False)
class Wiring:
    """Edges as a network uses them, sorted by where they end, then by where they come from.

    Attributes:
        connectome: Whose neurons these are.
        pre: Presynaptic neuron of each edge, shape (edges,).
        post: Postsynaptic neuron of each edge, shape (edges,).
        sign: 1, -1, or 0 for one that may take either, shape (edges,), int8.
        strength: Size of each edge before its gain, above 0, shape (edges,).
        group: Which gain each edge takes, from 0 on, shape (edges,); -1 is none. Edges of sign 0
            share a gain only with one another.
    """

    connectome: Connectome
    pre: NDArray[np.intp]
    post: NDArray[np.intp]
    sign: NDArray[np.int8]
    strength: NDArray[np.float64]
    group: NDArray[np.intp]

    @classmethod
    def of(
        cls,
        connectome: Connectome,
        strength: str | ArrayLike = "log1p",
        gains: Gains = "edge",
    ) -> Self:
        """Take the wiring of a connectome.

        Args:
            connectome: Signs come from its presynaptic neurons.
            strength: How strength follows from synapse count, a name in
                :data:`brainnn.connectome.strengths.STRENGTHS`, or the strengths themselves, above
                0, shape (edges,), in the order of ``connectome.edge_list()``.
            gains: What a gain belongs to.

        Raises:
            ValueError: There is no edge, a name is unknown, or strengths are not one for each edge.
        """
        if gains not in get_args(Gains):
            raise ValueError(f"gains must be one of {[*get_args(Gains)]}, got {gains!r}")
        pre, post, _ = connectome.edge_list()
        if not len(pre):
            raise ValueError(f"{connectome.name} must have at least one edge to be wired, got none")
        size = _strengths(connectome, len(pre), strength)
        order = np.lexsort((pre, post))
        pre, post, size = pre[order], post[order], size[order]
        sign = connectome.signs[pre]
        return cls(connectome, pre, post, sign, size, _groups(connectome, pre, post, sign, gains))

    def __len__(self) -> int:
        """Number of edges."""
        return len(self.pre)

    @property
    def neurons(self) -> int:
        """Number of neurons."""
        return len(self.connectome)

    @property
    def gains(self) -> int:
        """Number of gains."""
        return int(self.group.max()) + 1

    def matrix(self, values: ArrayLike) -> sparse.csr_array:
        """One number for each edge as a matrix, row = post, column = pre.

        Args:
            values: Shape (edges,), in the order of the wiring.
        """
        shape = (self.neurons, self.neurons)
        return sparse.csr_array((np.asarray(values), (self.post, self.pre)), shape=shape)


def _strengths(
    connectome: Connectome, edges: int, strength: str | ArrayLike
) -> NDArray[np.float64]:
    if isinstance(strength, str):
        return edge_strengths(connectome, strength)
    sizes = np.asarray(strength, dtype=np.float64)
    if sizes.shape != (edges,) or not (np.isfinite(sizes).all() and (sizes > 0).all()):
        raise ValueError(
            f"strength must be finite and above 0 for each of {edges} edges, "
            f"got shape {sizes.shape} from {sizes.min(initial=np.inf)}"
        )
    return sizes


def _groups(
    connectome: Connectome,
    pre: NDArray[np.intp],
    post: NDArray[np.intp],
    sign: NDArray[np.int8],
    gains: Gains,
) -> NDArray[np.intp]:
    if gains == "edge":
        return np.arange(len(pre))
    if gains == "frozen":
        return np.full(len(pre), -1)
    _, of_type = np.unique(connectome.types, return_inverse=True)
    # a sign that is unknown is found by its gain, and so is shared by it
    pairs = np.stack([of_type[pre], of_type[post], sign == 0])
    return np.asarray(np.unique(pairs, axis=1, return_inverse=True)[1].reshape(-1), dtype=np.intp)
