"""Models and sizes that differ from one reset to the next."""

import math
from typing import Any

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from rldbs_env import BonhoefferVanDerPol, DBSEnv, DBSVectorEnv, KuramotoGrid, simulate
from rldbs_env.disturbances import Variety
from rldbs_env.networks import small_world

SMALL: dict[str, Any] = {"n_neurons": 40, "transient_steps": 100, "window": 30}


@settings(max_examples=20)
@given(low=st.floats(0.01, 0.3), width=st.floats(0, 0.3), seed=st.integers(0, 100))
def test_draws_are_within_their_ranges(low: float, width: float, seed: int) -> None:
    variety = Variety((("coupling", low, low + width), ("spread", 0.05, 0.1)), (10, 1000))
    rng = np.random.default_rng(seed)
    draws = [variety.draw(BonhoefferVanDerPol(), 1000, rng) for _ in range(20)]
    for model, n_neurons in draws:
        assert isinstance(model, BonhoefferVanDerPol)
        assert low <= model.coupling <= low + width
        assert 0.05 <= model.spread <= 0.1
        assert (model.mean_current, model.dt) == (0.6, 0.2)
        assert 10 <= n_neurons <= 1000


def test_sizes_are_uniform_in_the_logarithm() -> None:
    rng = np.random.default_rng(0)
    variety = Variety(n_neurons=(10, 1000))
    sizes = [variety.draw(BonhoefferVanDerPol(), 1000, rng)[1] for _ in range(3000)]
    part = np.log(np.array(sizes) / 10) / np.log(100)
    assert scipy.stats.kstest(part, "uniform").statistic < 0.03
    assert {10, 11} <= set(sizes)


def test_every_reset_draws_its_model_and_its_size() -> None:
    ranges = (("coupling", 0.05, 0.5), ("mean_current", 0.5, 0.8))
    env = DBSEnv(**SMALL, variety=Variety(ranges, (5, 40)), signals=("x", "y"))
    drawn = []
    for seed in range(12):
        env.reset(seed=seed)
        state = env.get_state()
        n = int(state["sizes"][0])
        drawn.append((n, float(state["couplings"][0])))
        model = BonhoefferVanDerPol(coupling=drawn[-1][1])
        start = np.ascontiguousarray(env.neurons[:, :n])
        observation = env.step(np.array([0.25]))[0].reshape(2, -1)
        run = simulate(model, start, state["currents"][0, :n], 1, [0.25])
        np.testing.assert_allclose(env.neurons[:, :n], run.state, atol=1e-13)
        np.testing.assert_allclose(observation[:, -1], run.fields[0, :, 0], atol=1e-13)
    sizes, couplings = zip(*drawn, strict=True)
    assert len(set(sizes)) > 6
    assert len(set(couplings)) == 12
    assert 5 <= min(sizes) <= max(sizes) <= 40
    assert 0.05 <= min(couplings) <= max(couplings) <= 0.5


def test_noise_may_vary_from_none() -> None:
    """Streams are drawn wherever a model may turn out to be noisy."""
    env = DBSVectorEnv(40, **SMALL, variety=Variety((("noise", 0.2, 0.2),)), ensemble=(0,))
    env.reset(seed=0)
    before = env.neurons[:, 0].mean(axis=1)
    env.step(np.zeros(40))
    gained = env.neurons[:, 0].mean(axis=1) - before
    assert abs(gained.mean()) < 0.1
    assert len(np.unique(env.get_state()["chaos"])) == 160


def test_whole_numbers_vary_too() -> None:
    variety = Variety((("mean_current", 0.5, 1.0),))
    variety.check(BonhoefferVanDerPol(mean_current=1), 10)


@pytest.mark.parametrize(
    ("variety", "model", "message"),
    [
        (
            Variety((("dt", 0.1, 0.2),)),
            BonhoefferVanDerPol(),
            "variety must be in coupling, spread, mean_current, noise, cross_coupling, got 'dt'",
        ),
        (Variety((("populations", 1, 2),)), BonhoefferVanDerPol(), "got 'populations'"),
        (Variety((("couplin", 0, 1),)), BonhoefferVanDerPol(), "got 'couplin'"),
        (
            Variety((("coupling", 0.2, 0.1),)),
            BonhoefferVanDerPol(),
            "variety needs low <= high of coupling, got 0.2 and 0.1",
        ),
        (Variety((("coupling", 0.2, math.nan),)), BonhoefferVanDerPol(), "low <= high of coupling"),
        (Variety((("spread", -0.1, 0.1),)), BonhoefferVanDerPol(), "spread must be at least 0"),
        (
            Variety(n_neurons=(10, 41)),
            BonhoefferVanDerPol(),
            "variety needs 1 <= low <= high <= n_neurons=40, got 10 and 41",
        ),
        (Variety(n_neurons=(0, 4)), BonhoefferVanDerPol(), "1 <= low <= high <= n_neurons=40, got"),
        (Variety(n_neurons=(9, 4)), BonhoefferVanDerPol(), "got 9 and 4"),
        (
            Variety(n_neurons=(10, 40)),
            BonhoefferVanDerPol(populations=2),
            "the number of neurons can vary in one population without network or grid only, got B",
        ),
        (
            Variety(n_neurons=(10, 40)),
            BonhoefferVanDerPol(network=small_world(40, 4, 0.1, 0)),
            "in one population without network or grid only",
        ),
        (Variety(n_neurons=(10, 40)), KuramotoGrid(grid=(2, 4, 5)), "without network or grid only"),
    ],
)
def test_impossible_variety_is_refused(variety: Variety, model: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        DBSEnv(n_neurons=40, model=model, variety=variety)
