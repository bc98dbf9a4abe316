"""Random numbers drawn inside kernels: each ensemble has a state of its own.

So neither the size of a batch nor the number of threads changes what an ensemble draws.
"""

import math

import numpy as np
from numpy.typing import NDArray

from rldbs_env._jit import jit
from rldbs_env.arrays import Array

__all__ = ["add_noise", "normal", "uniform"]

Words = NDArray[np.uint64]

_11, _17, _19, _23, _41, _45 = map(np.uint64, (11, 17, 19, 23, 41, 45))
_PER_WORD = 2.0**-53


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
