"""Random numbers of ensembles: streams with a state of their own, and functions of a key.

Neither the size of a batch nor the number of threads changes what an ensemble draws.
"""

import math

import numpy as np
from numpy.typing import NDArray

from rldbs_env._jit import jit
from rldbs_env.arrays import Array, Indices

__all__ = ["add_noise", "chaos_of", "keyed_normal", "keyed_uniform", "normal", "uniform"]

Words = NDArray[np.uint64]

_STEP, _MIX_1, _MIX_2 = (
    np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB),
)  # fmt: skip
_11, _17, _19, _23, _27, _30, _31, _41, _45 = map(np.uint64, (11, 17, 19, 23, 27, 30, 31, 41, 45))
_PER_WORD = 2.0**-53


def chaos_of(rng: np.random.Generator) -> Words:
    """State of a stream of its own, drawn from ``rng``, shape (4,)."""
    return rng.integers(1, 2**64, 4, dtype=np.uint64)


@jit
def uniform(chaos: Words) -> float:
    """A number in (0, 1] from xoshiro256++ (Blackman and Vigna 2021); ``chaos (4,)`` moves on."""
    a, b, c, d = chaos[0], chaos[1], chaos[2], chaos[3]
    word = a + d
    word = ((word << _23) | (word >> _41)) + a
    shifted = b << _17
    c ^= a
    d ^= b
    b ^= c
    a ^= d
    c ^= shifted
    d = (d << _45) | (d >> _19)
    chaos[0], chaos[1], chaos[2], chaos[3] = a, b, c, d
    return (np.float64(word >> _11) + 1.0) * _PER_WORD


@jit
def normal(chaos: Words) -> float:
    """A standard normal number by the transform of Box and Muller; ``chaos (4,)`` moves on."""
    radius = math.sqrt(-2.0 * math.log(uniform(chaos)))
    return radius * math.cos(2.0 * math.pi * uniform(chaos))


@jit
def add_noise(x: Array, n: int, scale: float, chaos: Words) -> None:
    """Add ``scale`` times a standard normal number to each of the first ``n`` entries of ``x``."""
    real = x.dtype.type
    for i in range(0, n, 2):
        radius = scale * math.sqrt(-2.0 * math.log(uniform(chaos)))
        angle = 2.0 * math.pi * uniform(chaos)
        x[i] += real(radius * math.cos(angle))
        if i + 1 < n:
            x[i + 1] += real(radius * math.sin(angle))


@jit
def _hashed(key: np.uint64, step: int, stream: int) -> float:
    word = key + _STEP * (np.uint64(2) * np.uint64(step) + np.uint64(stream << 40 | 1))
    for _ in range(2):  # the second round parts neighbouring keys
        word = (word ^ (word >> _30)) * _MIX_1
        word = (word ^ (word >> _27)) * _MIX_2
        word = word ^ (word >> _31)
    return (np.float64(word >> _11) + 1.0) * _PER_WORD


@jit
def keyed_uniform(keys: Words, steps: Indices, stream: int) -> NDArray[np.float64]:
    """Numbers in (0, 1], a pure function of key, step and stream (SplitMix64's output function).

    Args:
        keys: One per environment, shape (envs,).
        steps: Step of each environment, shape (envs,).
        stream: Separates uses of the same key.
    """
    draws = np.empty(keys.shape[0])
    for e in range(keys.shape[0]):
        draws[e] = _hashed(keys[e], steps[e], stream)
    return draws


@jit
def keyed_normal(keys: Words, steps: Indices, stream: int) -> NDArray[np.float64]:
    """Standard normal numbers, a pure function of key, step and stream; see `keyed_uniform`."""
    draws = np.empty(keys.shape[0])
    for e in range(keys.shape[0]):
        radius = math.sqrt(-2.0 * math.log(_hashed(keys[e], steps[e], 2 * stream)))
        draws[e] = radius * math.cos(2.0 * math.pi * _hashed(keys[e], steps[e], 2 * stream + 1))
    return draws
