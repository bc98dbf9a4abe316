"""Threads for kernels that release the GIL: one by default, more on request, same result."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from rldbs_env.arrays import Indices

__all__ = ["Threads"]


class Threads:
    """Runs a kernel over the members of a batch, a contiguous part of them per thread.

    Args:
        n_threads: Number of threads, at least 1.
        shape: Shape (rows, n_neurons) of the scratch that each thread owns.
        dtype: Type of the scratch.

    Raises:
        ValueError: There are no threads.
    """

    def __init__(self, n_threads: int, shape: tuple[int, int], dtype: DTypeLike) -> None:
        if n_threads < 1:
            raise ValueError(f"threads must be at least 1, got {n_threads}")
        self._work = np.empty((n_threads, *shape), dtype=dtype)
        self._pool: ThreadPoolExecutor | None = None

    @property
    def count(self) -> int:
        """Number of threads."""
        return len(self._work)

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_pool": None}

    def run(self, kernel: Callable[..., None], members: Indices, *arguments: Any) -> None:
        """Call ``kernel(members, work, *arguments)``, split over the threads."""
        if len(self._work) == 1 or len(members) == 1:
            kernel(members, self._work[0], *arguments)
            return
        if self._pool is None:
            self._pool = ThreadPoolExecutor(len(self._work))
        parts = np.array_split(members, len(self._work))
        futures = [
            self._pool.submit(kernel, part, work, *arguments)
            for part, work in zip(parts, self._work, strict=True)
        ]
        for future in futures:
            future.result()

    def close(self) -> None:
        """End the threads."""
        if self._pool is not None:
            self._pool.shutdown()
            self._pool = None
