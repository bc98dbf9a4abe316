"""The published reward by hand, and the compiled step paying the same."""

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from rldbs_env import DBSVectorEnv, QuadraticReward
from rldbs_env.reward import AbsoluteReward

Floats = NDArray[np.float64]


def test_the_published_formula_by_hand() -> None:
    paid = QuadraticReward()(np.array([1.0, -0.5]), np.array([-0.25, -0.25]), np.array([0.0, 0.1]))
    np.testing.assert_allclose(paid, [-1.5625, -0.0625 - 0.2])


def test_a_target_replaces_the_window_mean() -> None:
    reward = QuadraticReward(weight=2.0, penalty=0.5, target=-0.4)
    paid = reward(np.array([0.1]), np.array([99.0]), np.array([0.2]))
    np.testing.assert_allclose(paid, [-2 * 0.25 - 0.1])


class _Watched:
    """The default formula as a foreign object, so that numpy evaluates it."""

    def __call__(self, mean_x: Floats, window_mean: Floats, charge: Floats) -> Floats:
        return QuadraticReward(3.0, 0.7)(mean_x, window_mean, charge)


def test_compiled_and_python_rewards_are_the_same() -> None:
    rng = np.random.default_rng(0)
    settings = {"n_neurons": 20, "transient_steps": 0, "window": 40}
    compiled = DBSVectorEnv(3, reward=QuadraticReward(3.0, 0.7), **settings)
    python = DBSVectorEnv(3, reward=_Watched(), **settings)
    compiled.reset(seed=1)
    python.reset(seed=1)
    for _ in range(100):
        action = rng.uniform(-1, 1, (3, 1))
        np.testing.assert_allclose(
            compiled.step(action)[1], python.step(action)[1], rtol=1e-13, atol=1e-15
        )


class _Doubled(QuadraticReward):
    """A subclass pays its own way and may spoil what it is given."""

    def __call__(self, mean_x: Floats, window_mean: Floats, charge: Floats) -> Floats:
        paid = 2 * super().__call__(mean_x, window_mean, charge)
        mean_x[:] = 0
        return paid


def test_a_subclass_is_asked_and_cannot_reach_the_simulation() -> None:
    settings = {"n_neurons": 20, "transient_steps": 0, "window": 40}
    plain, doubled = DBSVectorEnv(2, **settings), DBSVectorEnv(2, reward=_Doubled(), **settings)
    plain.reset(seed=1)
    doubled.reset(seed=1)
    for _ in range(5):
        one, two = plain.step(np.full(2, 0.3)), doubled.step(np.full(2, 0.3))
        np.testing.assert_array_equal(one[0], two[0])
        np.testing.assert_allclose(2 * one[1], two[1], rtol=1e-12)


def test_a_reward_of_the_wrong_kind_is_refused() -> None:
    with pytest.raises(ValueError, match=r"reward must be callable .* got 5"):
        DBSVectorEnv(2, reward=5)
    env = DBSVectorEnv(2, reward=lambda *_: np.zeros(3), n_neurons=5, transient_steps=0, window=5)
    env.reset(seed=0)
    with pytest.raises(ValueError, match=r"reward must return 2 finite numbers, shape \(2,\)"):
        env.step(np.zeros(2))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"weight": -1.0}, "weight must be finite and at least 0, got -1.0"),
        ({"penalty": math.nan}, "penalty must be finite and at least 0, got nan"),
        ({"target": math.inf}, r"target must be finite or None \(window mean\), got inf"),
    ],
)
def test_impossible_rewards_are_refused(arguments: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        QuadraticReward(**arguments)


def test_the_absolute_reward_falls_with_deviation_and_charge() -> None:
    mean_x, window_mean = np.array([0.5, -1.0, 0.25]), np.array([0.25, 0.5, 0.25])
    paid = AbsoluteReward(penalty=10.0)(mean_x, window_mean, np.array([0.0, 0.02, 0.1]))
    np.testing.assert_allclose(paid, [-0.25, -1.7, -1.0])


@pytest.mark.parametrize("penalty", [-1.0, math.nan, math.inf])
def test_the_absolute_reward_refuses_other_prices(penalty: float) -> None:
    with pytest.raises(ValueError, match="penalty must be finite and at least 0, got"):
        AbsoluteReward(penalty)
