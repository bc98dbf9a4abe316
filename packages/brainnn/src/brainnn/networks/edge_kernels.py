"""Compiled loops over edges: products with a sparse matrix, and the gradient of its entries.

Trials lie side by side in memory, so that an edge, once read, serves all of them in vector
instructions. Importing this module imports numba.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

import numba
import numpy as np
from numpy.typing import NDArray

__all__ = ["add_edge_sums", "advance_by_edges"]

Floats = NDArray[np.floating[Any]]
Indices = NDArray[np.integer[Any]]
Function = TypeVar("Function", bound=Callable[..., object])

# Sums may be reordered into vector lanes and products fused; NaN and infinity keep their meaning.
_FLAGS = {"reassoc", "contract", "nsz"}


def _jit(function: Function) -> Function:
    options: Any = {"nogil": True, "error_model": "numpy", "fastmath": _FLAGS}
    try:
        Path.home()  # a user without one has no cache folder, and numba would make one named "~"
        return cast(Function, numba.njit(function, cache=True, **options))
    except RuntimeError:  # there is no folder for the cache: compile once per process
        return cast(Function, numba.njit(function, **options))


@_jit
def _advance_one(
    starts: Indices,
    columns: Indices,
    values: Floats,
    vector: Floats,
    decay: Floats,
    drive: Floats,
    out: Floats,
) -> None:
    """One trial, where a sum is a number; vector, drive and out have shapes (columns,), (rows,)."""
    for row in range(len(starts) - 1):
        entry, end = starts[row], starts[row + 1]
        total = decay[row] * out[row] + drive[row]
        a = b = c = out.dtype.type(0)
        # four at a time: sums that do not wait for one another
        while entry + 4 <= end:
            total += values[entry] * vector[columns[entry]]
            a += values[entry + 1] * vector[columns[entry + 1]]
            b += values[entry + 2] * vector[columns[entry + 2]]
            c += values[entry + 3] * vector[columns[entry + 3]]
            entry += 4
        while entry < end:
            total += values[entry] * vector[columns[entry]]
            entry += 1
        out[row] = total + ((a + b) + c)


@_jit
def advance_by_edges(
    starts: Indices,
    columns: Indices,
    values: Floats,
    vectors: Floats,
    decay: Floats,
    drive: Floats,
    out: Floats,
) -> None:
    """Set ``out`` to ``decay * out + drive + matrix @ vectors``, the matrix in compressed rows.

    Args:
        starts: Where each row begins among the entries, shape (rows + 1,).
        columns: Column of each entry, shape (entries,).
        values: The entries, shape (entries,).
        vectors: Shape (columns, batch).
        decay: Shape (rows,).
        drive: Shape (rows, batch).
        out: Shape (rows, batch); **overwritten**.
    """
    batch = vectors.shape[1]
    if batch == 1:
        flat = vectors.reshape(-1), decay, drive.reshape(-1), out.reshape(-1)
        _advance_one(starts, columns, values, *flat)
        return
    for row in range(len(starts) - 1):
        entry, end = starts[row], starts[row + 1]
        total, added, left = out[row], drive[row], decay[row]
        for trial in range(batch):
            total[trial] = left * total[trial] + added[trial]
        # four at a time: fewer visits to the total
        while entry + 4 <= end:
            a, b, c, d = values[entry], values[entry + 1], values[entry + 2], values[entry + 3]
            u, v = vectors[columns[entry]], vectors[columns[entry + 1]]
            w, x = vectors[columns[entry + 2]], vectors[columns[entry + 3]]
            for trial in range(batch):
                pairs = (a * u[trial] + b * v[trial]) + (c * w[trial] + d * x[trial])
                total[trial] += pairs
            entry += 4
        while entry < end:
            value, vector = values[entry], vectors[columns[entry]]
            for trial in range(batch):
                total[trial] += value * vector[trial]
            entry += 1


@_jit
def add_edge_sums(
    starts: Indices, columns: Indices, rows_seen: Floats, columns_seen: Floats, out: Floats
) -> None:
    """Add, for each entry, the product of what its row and its column saw, over time and trials.

    Args:
        starts: Where each row begins among the entries, shape (rows + 1,).
        columns: Column of each entry, shape (entries,).
        rows_seen: Shape (time, rows, batch).
        columns_seen: Shape (time, columns, batch).
        out: Shape (entries,); **added to**.
    """
    batch = rows_seen.shape[2]
    for time in range(len(rows_seen)):
        for row in range(len(starts) - 1):
            left = rows_seen[time, row]
            for entry in range(starts[row], starts[row + 1]):
                right = columns_seen[time, columns[entry]]
                total = out[entry]
                for trial in range(batch):
                    total += left[trial] * right[trial]
                out[entry] = total
