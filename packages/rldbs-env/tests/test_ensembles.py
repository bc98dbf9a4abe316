"""Ensembles by number: reproducible, settled, cached without a difference."""

import numpy as np
import pytest

from rldbs_env import BonhoefferVanDerPol, settled_ensembles, simulate
from rldbs_env.ensembles import Cache, Ensemble

MODEL = BonhoefferVanDerPol()


def test_an_ensemble_is_its_draw_after_the_transient() -> None:
    (ensemble,) = settled_ensembles(MODEL, 100, [7], transient_steps=500)
    state, currents = MODEL.draw(100, np.random.default_rng(7))
    run = simulate(MODEL, state, currents, 500)
    np.testing.assert_array_equal(ensemble.currents, currents)
    np.testing.assert_allclose(ensemble.state, run.state, atol=1e-12, rtol=0)
    np.testing.assert_allclose(ensemble.fields[:, 0], ensemble.state.mean(axis=1), atol=1e-14)


def test_company_threads_and_memory_change_no_bit() -> None:
    seeds = [5, 6, 7, 8, 5]
    together = settled_ensembles(MODEL, 64, seeds, transient_steps=300, remember=False)
    for threads, remember in ((3, False), (1, True), (1, True)):
        again = settled_ensembles(
            MODEL, 64, seeds, transient_steps=300, threads=threads, remember=remember
        )
        for one, other in zip(together, again, strict=True):
            np.testing.assert_array_equal(one.state, other.state)
    for seed, expected in zip(seeds, together, strict=True):
        (alone,) = settled_ensembles(MODEL, 64, [seed], transient_steps=300, remember=False)
        np.testing.assert_array_equal(alone.state, expected.state)


def test_the_cache_keeps_models_apart() -> None:
    (weak,) = settled_ensembles(MODEL, 32, [1], transient_steps=50)
    (strong,) = settled_ensembles(BonhoefferVanDerPol(coupling=0.5), 32, [1], transient_steps=50)
    (single,) = settled_ensembles(MODEL, 32, [1], transient_steps=50, dtype=np.float32)
    assert not np.array_equal(weak.state, strong.state)
    assert single.state.dtype == np.float32


def test_cached_arrays_cannot_be_written() -> None:
    (ensemble,) = settled_ensembles(MODEL, 8, [0], transient_steps=1)
    with pytest.raises(ValueError, match="read-only"):
        ensemble.state[0, 0] = 1.0


def test_the_cache_forgets_what_was_used_longest_ago() -> None:
    def entry() -> Ensemble:
        return Ensemble(np.zeros(100), np.zeros(20), np.zeros(5))  # 1,000 bytes

    cache = Cache(max_bytes=2500)
    for name in "ab":
        cache.put((name,), entry())
    assert cache.get(("a",)) is not None
    cache.put(("c",), entry())
    assert cache.get(("b",)) is None
    assert cache.get(("a",)) is not None
    assert cache.get(("c",)) is not None


def test_bad_arguments_are_refused() -> None:
    with pytest.raises(ValueError, match="an ensemble's seed must be at least 0, got -2"):
        settled_ensembles(MODEL, 8, [1, -2], transient_steps=0)
    with pytest.raises(ValueError, match="transient_steps must be at least 0, got -1"):
        settled_ensembles(MODEL, 8, [1], transient_steps=-1)
    with pytest.raises(ValueError, match="threads must be at least 1, got 0"):
        settled_ensembles(MODEL, 8, [1], transient_steps=1, threads=0, remember=False)
    with pytest.raises(ValueError, match="n_neurons must be at least 1, got 0"):
        settled_ensembles(MODEL, 0, [1], transient_steps=1)
