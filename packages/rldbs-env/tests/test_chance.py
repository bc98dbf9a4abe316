"""Random numbers against the published algorithms in whole numbers, and against statistics."""

import math
from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from rldbs_env import chance

Floats = NDArray[np.float64]

MASK = 2**64 - 1
WORDS = st.integers(0, MASK)


def rotated(word: int, by: int) -> int:
    return (word << by | word >> (64 - by)) & MASK


def xoshiro256plusplus(s: list[int]) -> Iterator[int]:
    """Blackman and Vigna 2021, in Python's own whole numbers."""
    while True:
        yield (rotated((s[0] + s[3]) & MASK, 23) + s[0]) & MASK
        t = (s[1] << 17) & MASK
        s[2] ^= s[0]
        s[3] ^= s[1]
        s[1] ^= s[2]
        s[0] ^= s[3]
        s[2] ^= t
        s[3] = rotated(s[3], 45)


def unit(word: int) -> float:
    """The upper 53 bits as a number in (0, 1]."""
    return ((word >> 11) + 1) * 2.0**-53


@given(st.lists(WORDS, min_size=4, max_size=4))
def test_the_stream_is_xoshiro(words: list[int]) -> None:
    chaos = np.array(words, np.uint64)
    oracle = xoshiro256plusplus(list(words))
    for _ in range(50):
        assert chance.uniform(chaos) == unit(next(oracle))


def test_the_stream_is_xoshiro_for_ten_thousand_numbers() -> None:
    """Its first outputs from 1, 2, 3, 4 are those of the authors' program."""
    oracle = xoshiro256plusplus([1, 2, 3, 4])
    assert [next(oracle) for _ in range(3)] == [41943041, 58720359, 3588806011781223]
    chaos = np.array([1, 2, 3, 4], np.uint64)
    drawn = np.array([chance.uniform(chaos) for _ in range(10_000)])
    oracle = xoshiro256plusplus([1, 2, 3, 4])
    np.testing.assert_array_equal(drawn, [unit(next(oracle)) for _ in range(10_000)])


def test_uniform_numbers_are_above_zero_and_at_most_one() -> None:
    assert chance.uniform(np.zeros(4, np.uint64)) == 2.0**-53
    assert chance.uniform(np.array([0, 0, 0, MASK], np.uint64)) == 1.0


@given(st.lists(WORDS, min_size=4, max_size=4))
def test_normal_numbers_are_box_and_mullers(words: list[int]) -> None:
    oracle = xoshiro256plusplus(list(words))
    chaos = np.array(words, np.uint64)
    for _ in range(5):
        first, second = unit(next(oracle)), unit(next(oracle))
        expected = math.sqrt(-2 * math.log(first)) * math.cos(2 * math.pi * second)
        assert chance.normal(chaos) == pytest.approx(expected, rel=1e-12, abs=1e-12)


@pytest.mark.parametrize("n", [1, 2, 7, 8])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_noise_goes_to_the_first_n_in_pairs(n: int, dtype: type) -> None:
    oracle = xoshiro256plusplus([5, 6, 7, 8])
    expected = np.ones(10)
    for i in range(0, n, 2):
        radius = 0.3 * math.sqrt(-2 * math.log(unit(next(oracle))))
        angle = 2 * math.pi * unit(next(oracle))
        expected[i] += radius * math.cos(angle)
        if i + 1 < n:
            expected[i + 1] += radius * math.sin(angle)
    x: Floats = np.ones(10, dtype)
    chance.add_noise(x, n, 0.3, np.array([5, 6, 7, 8], np.uint64))
    np.testing.assert_allclose(x, expected, rtol=1e-12 if dtype is np.float64 else 1e-6)


def test_drawn_numbers_are_uniform_and_normal() -> None:
    chaos = chance.chaos_of(np.random.default_rng(0))
    uniform = np.array([chance.uniform(chaos) for _ in range(100_000)])
    normal = np.array([chance.normal(chaos) for _ in range(100_000)])
    noise = np.zeros(100_000)
    chance.add_noise(noise, 100_000, 1.0, chaos)
    assert scipy.stats.kstest(uniform, "uniform").pvalue > 1e-3
    for drawn in (normal, noise):
        assert scipy.stats.kstest(drawn, "norm").pvalue > 1e-3
        assert drawn.mean() == pytest.approx(0, abs=0.012)
        assert drawn.var() == pytest.approx(1, abs=0.02)
        assert scipy.stats.kurtosis(drawn) == pytest.approx(0, abs=0.08)
        assert np.corrcoef(drawn[:-1], drawn[1:])[0, 1] == pytest.approx(0, abs=0.012)


def test_every_ensemble_gets_a_stream_of_its_own() -> None:
    rng = np.random.default_rng(0)
    states = np.array([chance.chaos_of(rng) for _ in range(100)])
    assert states.shape == (100, 4)
    assert states.dtype == np.uint64
    assert len(np.unique(states)) == 400  # no word is shared, none is zero
    assert (states > 0).all()


# Functions of key, step and stream


def splitmix(key: int, step: int, stream: int) -> int:
    """SplitMix64's output function, twice, of a position in its sequence."""
    word = (key + 0x9E3779B97F4A7C15 * (2 * step + 2**40 * stream + 1)) & MASK
    for _ in range(2):
        word = (word ^ word >> 30) * 0xBF58476D1CE4E5B9 & MASK
        word = (word ^ word >> 27) * 0x94D049BB133111EB & MASK
        word ^= word >> 31
    return word


@given(
    st.lists(st.tuples(WORDS, st.integers(0, 2**38)), min_size=1, max_size=5), st.integers(0, 20)
)
def test_keyed_numbers_are_splitmix(places: list[tuple[int, int]], stream: int) -> None:
    keys = np.array([key for key, _ in places], np.uint64)
    steps = np.array([step for _, step in places])
    uniform = [unit(splitmix(*place, stream)) for place in places]
    np.testing.assert_array_equal(chance.keyed_uniform(keys, steps, stream), uniform)
    normal = [
        math.sqrt(-2 * math.log(unit(splitmix(*place, 2 * stream))))
        * math.cos(2 * math.pi * unit(splitmix(*place, 2 * stream + 1)))
        for place in places
    ]
    drawn = chance.keyed_normal(keys, steps, stream)
    np.testing.assert_allclose(drawn, normal, rtol=1e-12, atol=1e-12)


def along(axis: str, n: int, start: int = 0) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """Neighbouring keys at one step, or neighbouring steps of one key."""
    run = np.arange(start, start + n)
    still = np.zeros(n, np.int64)
    keys, steps = (run, still) if axis == "keys" else (still, run)
    return keys.astype(np.uint64), steps


@pytest.mark.parametrize("axis", ["keys", "steps"])
def test_neighbours_are_uniform_normal_and_independent(axis: str) -> None:
    n = 100_000
    keys, steps = along(axis, n)
    uniform = [chance.keyed_uniform(keys, steps, stream) for stream in range(4)]
    for drawn in uniform:
        counts = np.histogram(drawn, 256, (0, 1))[0]
        assert scipy.stats.chisquare(counts).pvalue > 1e-3
        pairs = np.histogram2d(drawn[:-1:2], drawn[1::2], 16, ((0, 1), (0, 1)))[0]
        assert scipy.stats.chisquare(pairs.ravel()).pvalue > 1e-3
        for lag in (1, 2, 3, 64):
            assert np.corrcoef(drawn[:-lag], drawn[lag:])[0, 1] == pytest.approx(0, abs=0.015)
    for one, other in pairwise(uniform):
        pairs = np.histogram2d(one, other, 16, ((0, 1), (0, 1)))[0]
        assert scipy.stats.chisquare(pairs.ravel()).pvalue > 1e-3
    normal = chance.keyed_normal(keys, steps, 1)
    assert scipy.stats.kstest(normal, "norm").pvalue > 1e-3
    assert np.corrcoef(normal[:-1], normal[1:])[0, 1] == pytest.approx(0, abs=0.015)


def test_every_bit_of_a_keyed_number_is_fair() -> None:
    for axis in ("keys", "steps"):
        drawn = chance.keyed_uniform(*along(axis, 50_000), 3)
        words = (drawn * 2.0**53 - 1).astype(np.uint64)
        for bit in range(53):
            ones = int((words >> np.uint64(bit) & np.uint64(1)).sum())
            assert abs(ones - 25_000) < 4.5 * math.sqrt(50_000) / 2


def test_streams_do_not_meet_within_a_very_long_episode() -> None:
    key = np.array([7], np.uint64)
    late = [chance.keyed_uniform(key, np.array([2**k]), 0)[0] for k in range(38)]
    others = [chance.keyed_uniform(key, np.array([0]), stream)[0] for stream in range(1, 20)]
    assert not set(late) & set(others)
