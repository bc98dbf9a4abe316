"""Seeds must be stable, independent of one another, and never silently fold onto each other."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuro_common.seeding import generator, spawn_seeds

SEEDS = st.integers(0, 2**128 - 1)
KEYS = st.integers(0, 2**32 - 1)


@given(seed=SEEDS, n=st.integers(1, 20), more=st.integers(0, 20))
def test_asking_for_more_seeds_keeps_the_first(seed, n, more):
    assert spawn_seeds(seed, n + more)[:n] == spawn_seeds(seed, n)


@given(seed=SEEDS)
def test_seeds_are_the_first_words_of_numpys_children(seed):
    oracle = [np.random.SeedSequence(seed, spawn_key=(k,)).generate_state(1)[0] for k in range(5)]
    assert spawn_seeds(seed, 5) == oracle


def test_seeds_are_plain_distinct_integers_that_every_library_takes():
    seeds = spawn_seeds(3, 1000)
    assert len(set(seeds)) == 1000
    assert {type(seed) for seed in seeds} == {int}
    assert 0 <= min(seeds) < 2**22 < 2**31 < max(seeds) < 2**32


@given(seed=SEEDS, keys=st.lists(KEYS, max_size=3))
def test_a_generator_depends_on_seed_and_keys_alone(seed, keys):
    first, second = generator(seed, *keys), generator(seed, *keys)
    first.random(7)
    assert generator(seed, *keys).random(7).tolist() == second.random(7).tolist()


def test_a_generator_is_the_spawned_child_of_numpy():
    child = np.random.SeedSequence(11).spawn(5)[4].spawn(3)[2]
    assert generator(11, 4, 2).random() == np.random.default_rng(child).random()
    assert generator(11).random() == np.random.default_rng(11).random()


@given(seed=SEEDS, key=KEYS, other=KEYS)
def test_other_keys_draw_other_numbers(seed, key, other):
    streams = {generator(seed).random(), generator(seed, key).random()}
    streams |= {generator(seed, key, other).random(), generator(seed, (key + 1) % 2**32).random()}
    assert len(streams) == 4


def test_numpy_integers_are_integers():
    assert spawn_seeds(np.uint32(5), np.int64(2)) == spawn_seeds(5, 2)
    assert generator(np.int8(5), np.int16(2)).random() == generator(5, 2).random()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: spawn_seeds(-1, 2), r"seed must be in \[0, 2\*\*128\), got -1"),
        (lambda: spawn_seeds(1, 0), r"n must be in \[1, 2\*\*32\), got 0"),
        (lambda: generator(2**128), r"seed must be in \[0, 2\*\*128\), got 3402823669"),
        (lambda: generator(1, 2**32), r"key must be in \[0, 2\*\*32\), got 4294967296"),
        (lambda: generator(1, 0, -1), r"key must be in \[0, 2\*\*32\), got -1"),
    ],
)
def test_out_of_range_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize("wrong", [1.0, "3", None])
def test_what_is_no_integer_is_refused(wrong):
    with pytest.raises(TypeError, match="seed must be an integer, got"):
        generator(wrong)
    with pytest.raises(TypeError, match="key must be an integer, got"):
        generator(1, wrong)
