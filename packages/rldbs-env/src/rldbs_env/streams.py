"""Random numbers as pure functions of a key and a time, for a whole batch at once, in numpy."""

import numpy as np
from numpy.typing import NDArray

__all__ = ["chaos_of", "keyed_normal", "keyed_uniform"]

Words = NDArray[np.uint64]

_STEP, _MIX_1, _MIX_2 = (
    np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB),
)  # fmt: skip
_11, _27, _30, _31 = map(np.uint64, (11, 27, 30, 31))
_PER_WORD = 2.0**-53


def chaos_of(rng: np.random.Generator) -> Words:
    """State of a stream of its own for kernels, drawn from ``rng``, shape (4,)."""
    return rng.integers(1, 2**64, 4, dtype=np.uint64)


def keyed_uniform(keys: Words, steps: NDArray[np.int64], stream: int) -> NDArray[np.float64]:
    """Numbers in (0, 1], a pure function of key, step and stream (SplitMix64's output function).

    Args:
        keys: One per environment, shape (envs,).
        steps: Step of each environment, shape (envs,).
        stream: Separates uses of the same key.
    """
    with np.errstate(over="ignore"):
        word = keys + _STEP * (2 * steps.astype(np.uint64) + np.uint64(2**20 * stream + 1))
        for _ in range(2):  # a second round parts neighbouring keys
            word = (word ^ (word >> _30)) * _MIX_1
            word = (word ^ (word >> _27)) * _MIX_2
            word = word ^ (word >> _31)
    return (np.asarray(word >> _11, np.float64) + 1.0) * _PER_WORD


def keyed_normal(keys: Words, steps: NDArray[np.int64], stream: int) -> NDArray[np.float64]:
    """Standard normal numbers, a pure function of key, step and stream; see `keyed_uniform`."""
    radius = np.sqrt(-2.0 * np.log(keyed_uniform(keys, steps, 2 * stream)))
    turn = 2.0 * np.pi * keyed_uniform(keys, steps, 2 * stream + 1)
    return np.asarray(radius * np.cos(turn))
