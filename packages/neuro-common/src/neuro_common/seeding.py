"""Seeds that stay independent of one another, so that no result hangs on a global generator."""

import operator

import numpy as np

__all__ = ["generator", "spawn_seeds"]

# Longer seeds and keys would run into one another inside SeedSequence: 2**128 with no key draws
# the same stream as 0 with key 1.
_SEED_LIMIT = 2**128
_KEY_LIMIT = 2**32


def spawn_seeds(seed: int, n: int) -> list[int]:
    """Draw ``n`` child seeds for libraries that take a plain integer.

    The first ``k`` seeds do not depend on ``n``: raising the number of environments or repeats
    leaves those that were there before as they were.

    Args:
        seed: Root seed, in [0, 2**128).
        n: Number of child seeds, at least 1.

    Returns:
        ``n`` integers in [0, 2**32), the range that every library takes.

    Raises:
        TypeError: An argument is no integer.
        ValueError: An argument is out of its range.
    """
    seed = _integer("seed", seed, 0, _SEED_LIMIT)
    n = _integer("n", n, 1, _KEY_LIMIT)
    children = np.random.SeedSequence(seed).spawn(n)
    return [int(child.generate_state(1)[0]) for child in children]


def generator(seed: int, *keys: int) -> np.random.Generator:
    """Make the generator that belongs to one seed and one place in the work.

    ``generator(seed, step)`` draws the same numbers whether the work came to ``step`` in one go or
    was resumed there, and independent numbers at every other step.

    Args:
        seed: Root seed, in [0, 2**128).
        *keys: Where in the work, such as the global step; each in [0, 2**32). None gives
            ``numpy.random.default_rng(seed)``.

    Returns:
        A fresh generator; two calls with the same arguments draw the same numbers.

    Raises:
        TypeError: An argument is no integer.
        ValueError: An argument is out of its range.
    """
    seed = _integer("seed", seed, 0, _SEED_LIMIT)
    place = tuple(_integer("key", key, 0, _KEY_LIMIT) for key in keys)
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=place))


def _integer(name: str, value: int, low: int, limit: int) -> int:
    try:
        number = operator.index(value)
    except TypeError:
        raise TypeError(f"{name} must be an integer, got {value!r}") from None
    if not low <= number < limit:
        raise ValueError(f"{name} must be in [{low}, 2**{limit.bit_length() - 1}), got {number}")
    return number
