"""Who is coupled to whom: sparse networks in place of the mean field."""

import hashlib
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from rldbs_env.arrays import Array, Indices

__all__ = ["Network", "all_to_all", "from_adjacency", "small_world"]

# Rows of both signs whose sum is smaller than this part of their absolute sum cancel.
_CANCELS = 1e-12


@dataclass(frozen=True, eq=False, repr=False)
class Network:
    """Directed, weighted connections as compressed sparse rows; row ``i`` is what ``i`` receives.

    The drive of neuron ``i`` is ``coupling * sum_j strengths[i, j] x[j]``; rows that sum to 1 make
    it comparable to that of the mean field. Arrays are copied and read-only, and networks of the
    same content are equal, so that a model with a network can be hashed, compared and pickled.

    Attributes:
        indptr: Neuron ``i`` receives ``indices[indptr[i]:indptr[i + 1]]``, shape (n_neurons + 1,).
        indices: Senders, ascending within a row, each at most once, shape (connections,).
        strengths: Strength of each connection, shape (connections,); negative ones inhibit.
        digest: SHA-256 of the content, as hexadecimal digits.

    Raises:
        ValueError: If the arrays are no such rows, or a strength is not finite.
    """

    indptr: Indices
    indices: Indices
    strengths: NDArray[np.float64]
    digest: str = field(init=False)

    def __post_init__(self) -> None:
        indptr, indices = _whole("indptr", self.indptr), _whole("indices", self.indices)
        strengths = np.array(self.strengths, dtype=np.float64) + 0.0  # -0.0 is 0.0 as content
        _check_rows(indptr, indices, strengths)
        content = hashlib.sha256()
        for array, layout in ((indptr, "<i8"), (indices, "<i8"), (strengths, "<f8")):
            content.update(array.astype(layout).tobytes())
            array.flags.writeable = False
        object.__setattr__(self, "indptr", indptr)
        object.__setattr__(self, "indices", indices)
        object.__setattr__(self, "strengths", strengths)
        object.__setattr__(self, "digest", content.hexdigest())

    @property
    def n_neurons(self) -> int:
        """Number of neurons."""
        return len(self.indptr) - 1

    @property
    def largest_input(self) -> float:
        """Largest sum of absolute strengths that a neuron receives."""
        totals = np.zeros(self.n_neurons)
        np.add.at(
            totals, np.repeat(np.arange(self.n_neurons), np.diff(self.indptr)), abs(self.strengths)
        )
        return float(totals.max())

    def check(self, n_neurons: int) -> None:
        """Refuse an ensemble of another size.

        Raises:
            ValueError: If the network does not connect ``n_neurons`` neurons.
        """
        if n_neurons != self.n_neurons:
            raise ValueError(
                f"the network connects {self.n_neurons} neurons, but the ensemble has "
                f"n_neurons={n_neurons}: make both the same"
            )

    def arrays(self, dtype: DTypeLike) -> tuple[Indices, Indices, Array]:
        """``(indptr, indices, strengths)`` for the compiled step, strengths of this type."""
        strengths: Array = self.strengths.astype(dtype, copy=False)
        return self.indptr, self.indices, strengths

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Network) and self.digest == other.digest

    def __hash__(self) -> int:
        return hash(self.digest)

    def __repr__(self) -> str:
        return (
            f"Network(n_neurons={self.n_neurons}, connections={len(self.indices)}, "
            f"digest={self.digest[:12]!r})"
        )

    def __reduce__(self) -> tuple[Any, ...]:
        return Network, (self.indptr, self.indices, self.strengths)  # read-only there as well


def all_to_all(n: int, including_itself: bool = True) -> Network:
    """Every neuron receives the mean of all.

    The sum over ``n^2`` connections is the mean field, which models without a network compute at
    the price of ``n``: this is for comparison.

    Args:
        n: Number of neurons.
        including_itself: Whether a neuron counts to its own mean (strength 1 / n, the mean field)
            or not (strength 1 / (n - 1)).

    Raises:
        ValueError: If there are too few neurons.
    """
    _check_count("n", n, 1 if including_itself else 2)
    senders = np.tile(np.arange(n), (n, 1))
    if not including_itself:
        senders = senders[~np.eye(n, dtype=np.bool_)].reshape(n, n - 1)
    degree = senders.shape[1]
    strengths = np.full(senders.size, 1 / degree)
    return Network(np.arange(n + 1) * degree, senders.reshape(-1), strengths)


def small_world(n: int, neighbours: int, rewiring: float, seed: int) -> Network:
    """A ring of neighbours in which some connections lead elsewhere (Watts and Strogatz 1998).

    Each neuron is connected to the ``neighbours / 2`` next ones on either side. Then, the nearest
    ones first, each neuron moves each connection to a following one with probability ``rewiring``
    to a random neuron that it is not yet connected to; one connected to all others keeps it.
    Connections work both ways, at a strength of 1 / degree of the neuron that receives.

    Args:
        n: Number of neurons.
        neighbours: Mean number of connections per neuron, even, at least 2 and below ``n``.
        rewiring: Probability of moving a connection, in [0, 1].
        seed: Names the network, at least 0.

    Raises:
        ValueError: If an argument is out of its range.
    """
    _check_count("n", n, 3)
    _check_count("neighbours", neighbours, 2)
    _check_count("seed", seed, 0)
    if neighbours % 2 or neighbours >= n:
        raise ValueError(
            f"neighbours must be even (half on each side) and below n={n}, got {neighbours}"
        )
    if not 0 <= rewiring <= 1:
        raise ValueError(f"rewiring must be a probability in [0, 1], got {rewiring}")
    rng = np.random.default_rng(seed)
    reach = range(1, neighbours // 2 + 1)
    connected = [{(i + sign * k) % n for k in reach for sign in (-1, 1)} for i in range(n)]
    moved = rng.random((len(reach), n)) < rewiring
    for k, i in zip(*np.nonzero(moved), strict=True):
        if len(connected[i]) < n - 1:
            _move(connected, int(i), int(i + k + 1) % n, rng)
    degrees = np.array([len(others) for others in connected])
    senders = np.concatenate([sorted(others) for others in connected])
    return Network(_starts(degrees), senders, np.repeat(1 / degrees, degrees))


def _move(connected: list[set[int]], i: int, old: int, rng: np.random.Generator) -> None:
    """Replace the connection of ``i`` and ``old`` by one to a random other neuron."""
    new = i
    while new == i or new in connected[i]:
        new = int(rng.integers(len(connected)))
    connected[i].remove(old)
    connected[old].remove(i)
    connected[i].add(new)
    connected[new].add(i)


def from_adjacency(matrix: ArrayLike, normalise: bool = True) -> Network:
    """The network of a dense matrix of strengths, ``matrix[i, j]`` from ``j`` to ``i``.

    Args:
        matrix: Strengths, shape (n_neurons, n_neurons), zero where there is no connection.
        normalise: Scale each row to the sum 1, as in the mean field.

    Raises:
        ValueError: If the matrix is not square, empty, not finite or connects a neuron to itself;
            or, where rows are scaled, if a row has no positive sum.
    """
    values = np.asarray(matrix)
    if values.ndim != 2 or values.shape[0] != values.shape[1] or not values.size:
        raise ValueError(
            "the matrix must have shape (n_neurons, n_neurons) with at least one neuron, "
            f"got {values.shape}"
        )
    if values.dtype.kind not in "biuf":
        raise ValueError(f"the matrix must hold real numbers, got {values.dtype}")
    values = values.astype(np.float64)
    if not np.isfinite(values).all():
        raise ValueError("the matrix must be finite, got NaN or infinity")
    if values.diagonal().any():
        first = int(np.flatnonzero(values.diagonal())[0])
        raise ValueError(
            "no neuron may be connected to itself, but the matrix has "
            f"{values[first, first]} at [{first}, {first}]: set the diagonal to 0"
        )
    if normalise:
        values = _scaled_rows(values)
    receivers, senders = np.nonzero(values)
    degrees = np.bincount(receivers, minlength=len(values))
    return Network(_starts(degrees), senders, values[receivers, senders])


def _scaled_rows(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The matrix with rows of sum 1."""
    with np.errstate(over="ignore"):  # an infinite sum is refused below
        totals, sizes = values.sum(axis=1), np.abs(values).sum(axis=1)
    summing = totals > _CANCELS * sizes
    if not summing.all():
        first = int(np.argmin(summing))
        raise ValueError(
            "every row must have a positive finite sum to be scaled to 1, but row "
            f"{first} sums to {totals[first]:g}: give that neuron excitatory input, or take "
            "normalise=False"
        )
    return np.asarray(values / totals[:, None])


def _starts(degrees: NDArray[np.int64]) -> Indices:
    return np.concatenate([[0], np.cumsum(degrees)])


def _check_count(name: str, value: object, least: int) -> None:
    if not isinstance(value, int | np.integer) or value < least:
        raise ValueError(f"{name} must be a whole number of at least {least}, got {value!r}")


def _whole(name: str, values: ArrayLike) -> Indices:
    array = np.array(values)
    if array.size and array.dtype.kind not in "iu":
        raise ValueError(f"{name} must hold whole numbers, got {array.dtype}")
    return array.astype(np.int64)


def _check_rows(indptr: Indices, indices: Indices, strengths: NDArray[np.float64]) -> None:
    """Refuse arrays that are no compressed sparse rows: compiled code does not look again."""
    if indptr.ndim != 1 or len(indptr) < 2:
        raise ValueError(f"indptr must have shape (n_neurons + 1,) > (1,), got {indptr.shape}")
    degrees = np.diff(indptr)
    if indptr[0] != 0 or (degrees < 0).any():
        raise ValueError(f"indptr must begin at 0 and never fall, got {indptr}")
    shape = (int(indptr[-1]),)
    if indices.shape != shape or strengths.shape != shape:
        raise ValueError(
            f"indices and strengths must have shape (indptr[-1],) = {shape}, "
            f"got {indices.shape} and {strengths.shape}"
        )
    n = len(degrees)
    if indices.size and not 0 <= indices.min() <= indices.max() < n:
        raise ValueError(f"indices must be in [0, {n}), got {indices.min()} to {indices.max()}")
    places = np.repeat(np.arange(n) * n, degrees) + indices
    if (np.diff(places) <= 0).any():
        row = int(np.repeat(np.arange(n), degrees)[1:][np.diff(places) <= 0][0])
        raise ValueError(
            f"indices must ascend within each row, each sender at most once, got "
            f"{indices[indptr[row] : indptr[row + 1]]} in row {row}"
        )
    if not np.isfinite(strengths).all():
        raise ValueError("strengths must be finite, got NaN or infinity")
