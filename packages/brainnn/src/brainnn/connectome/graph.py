"""A wiring diagram: who connects to whom, by how many synapses, and what is known of each."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse

__all__ = ["Connectome"]


@dataclass(frozen=True, eq=False)
class Connectome:
    """Neurons and the synapses between them.

    Attributes:
        name: What it is called in tables and figures.
        synapse_count: Synapses, integers, shape (neurons, neurons), **row = pre, column = post**;
            canonical CSR: sorted, no duplicates, no stored zeros.
        ids: Name or body id of each neuron, unique, shape (neurons,), str.
        types: Cell types, shape (neurons,), str; "" is unknown.
        classes: Classes such as "sensory", "interneuron", "motor" (tables may bring others), shape
            (neurons,), str; "" is unknown.
        transmitters: Transmitters in lower case, shape (neurons,), str; "" is unknown.
        signs: What each neuron does to others: 1, -1, or 0 for unknown, shape (neurons,), int8.
        rois: Neuropils that each neuron sends to, one frozenset of str for each.
        source: Where it comes from, in one line, for provenance and figures.
    """

    name: str
    synapse_count: sparse.csr_array
    ids: NDArray[Any]
    types: NDArray[Any]
    classes: NDArray[Any]
    transmitters: NDArray[Any]
    signs: NDArray[np.int8]
    rois: tuple[frozenset[str], ...] = field(repr=False)
    source: str = ""

    @classmethod
    def of(
        cls,
        name: str,
        synapse_count: ArrayLike | sparse.sparray,
        ids: Sequence[object] | None = None,
        *,
        types: Sequence[str] | None = None,
        classes: Sequence[str] | None = None,
        transmitters: Sequence[str] | None = None,
        signs: ArrayLike | None = None,
        rois: Sequence[frozenset[str]] | None = None,
        source: str = "",
    ) -> Self:
        """Check the parts and put them together.

        Args:
            name: What it is called.
            synapse_count: Whole numbers, not negative, shape (neurons, neurons), row = pre; dense
                or sparse.
            ids: Unique names; None numbers the neurons from 0.
            types: Cell types; None is unknown.
            classes: Classes; None is unknown.
            transmitters: Transmitters; None is unknown.
            signs: 1, -1 or 0 for unknown; None is unknown.
            rois: Neuropils that each neuron sends to; None is none.
            source: Where it comes from.

        Raises:
            ValueError: The matrix is not square or holds something else than counts, a list is not
                one entry for each neuron, ids repeat, or a sign is none of the three.
        """
        counts = _checked_counts(synapse_count)
        neurons = counts.shape[0]
        ids = range(neurons) if ids is None else ids

        def texts(label: str, values: Sequence[object] | None) -> NDArray[np.str_]:
            if values is None:
                return np.full(neurons, "", dtype=np.str_)
            if len(values) != neurons:
                raise ValueError(
                    f"{label} must be one for each of {neurons} neurons, got {len(values)}"
                )
            return np.array([str(value) for value in values], dtype=np.str_)

        names = texts("ids", ids)
        unique, times = np.unique(names, return_counts=True)
        if len(unique) < neurons:
            raise ValueError(
                f"ids must be unique, got {unique[times.argmax()]!r} {times.max()} times"
            )
        sign = np.zeros(neurons) if signs is None else np.asarray(signs)
        if sign.shape != (neurons,) or not np.isin(sign, (-1, 0, 1)).all():
            raise ValueError(f"signs must be {neurons} of 1, -1 or 0 (unknown), got {sign}")
        if rois is not None and len(rois) != neurons:
            raise ValueError(f"rois must be one for each of {neurons} neurons, got {len(rois)}")
        return cls(
            name,
            counts,
            names,
            texts("types", types),
            texts("classes", classes),
            np.char.lower(texts("transmitters", transmitters)),
            sign.astype(np.int8),
            (frozenset[str](),) * neurons if rois is None else tuple(map(frozenset, rois)),
            source,
        )

    def __len__(self) -> int:
        """Number of neurons."""
        return len(self.ids)

    @property
    def edges(self) -> int:
        """Number of connections."""
        return int(self.synapse_count.nnz)

    @property
    def synapses(self) -> int:
        """Number of synapses."""
        return int(self.synapse_count.sum())

    def edge_list(self) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.int64]]:
        """Pre, post and synapse count of each connection, in row order; each of shape (edges,)."""
        entries = self.synapse_count.tocoo()
        return entries.row.astype(np.intp), entries.col.astype(np.intp), entries.data

    def take(self, neurons: ArrayLike, *, name: str | None = None) -> Self:
        """The connectome among some neurons, in the order given.

        Args:
            neurons: Indices, or a mask of shape (neurons,).
            name: Its name; None keeps this one's.

        Raises:
            ValueError: The selection is empty.
        """
        wanted = np.arange(len(self))[np.asarray(neurons)]
        if wanted.size == 0:
            raise ValueError(
                f"a selection must leave a neuron, got none of the {len(self)} neurons of "
                f"{self.name}: widen it"
            )
        return replace(
            self,
            name=name or self.name,
            synapse_count=_canonical(self.synapse_count[wanted][:, wanted]),
            ids=self.ids[wanted],
            types=self.types[wanted],
            classes=self.classes[wanted],
            transmitters=self.transmitters[wanted],
            signs=self.signs[wanted],
            rois=tuple(self.rois[neuron] for neuron in wanted),
        )

    def index_of(self, ids: Sequence[object]) -> NDArray[np.intp]:
        """Indices of neurons by id.

        For ids (neurons,), shape (neurons,).

        Raises:
            ValueError: An id is not there; the message suggests near ones.
        """
        place = {name: index for index, name in enumerate(self.ids.tolist())}
        for wanted in map(str, ids):
            if wanted not in place:
                near = get_close_matches(wanted, [*place], n=3, cutoff=0.5)
                hint = f"; near: {', '.join(near)}" if near else ""
                raise ValueError(f"{self.name} has no neuron {wanted!r}{hint}")
        return np.array([place[str(wanted)] for wanted in ids], dtype=np.intp)

    def with_counts(self, synapse_count: ArrayLike | sparse.sparray, *, name: str) -> Self:
        """The same neurons, wired otherwise.

        Args:
            synapse_count: As in :meth:`of`, of the same shape.
            name: What the new wiring is called.

        Raises:
            ValueError: As :meth:`of`, or the shape differs.
        """
        counts = _checked_counts(synapse_count)
        if counts.shape != self.synapse_count.shape:
            raise ValueError(
                f"synapse_count must have shape {self.synapse_count.shape}, got {counts.shape}"
            )
        return replace(self, name=name, synapse_count=counts)


def _checked_counts(synapse_count: ArrayLike | sparse.sparray) -> sparse.csr_array:
    if not sparse.issparse(synapse_count):
        synapse_count = np.asarray(synapse_count)
    matrix = sparse.csr_array(synapse_count)
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1] or matrix.shape[0] == 0:
        raise ValueError(f"synapse_count must be square (pre, post), got shape {matrix.shape}")
    values = matrix.data
    if not np.isfinite(values).all() or (values < 0).any() or (values % 1 != 0).any():
        raise ValueError("synapse_count must hold whole numbers of synapses, 0 or more")
    return _canonical(matrix.astype(np.int64))


def _canonical(matrix: sparse.csr_array) -> sparse.csr_array:
    matrix = sparse.csr_array(matrix)
    matrix.sum_duplicates()
    matrix.eliminate_zeros()
    matrix.sort_indices()
    return matrix
