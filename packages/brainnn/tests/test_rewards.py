"""The reward's terms against their definitions, and its weights by hand."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from brainnn.bodies.rewards import RewardWeights, goal_reward, pose_reward, velocity_reward

angles = arrays(np.float64, (3, 4), elements=st.floats(-4, 4))


@given(angles, angles)
def test_the_pose_is_compared_on_the_circle(one: np.ndarray, other: np.ndarray) -> None:
    by_definition = np.exp(
        -((np.cos(one) - np.cos(other)) ** 2 + (np.sin(one) - np.sin(other)) ** 2).sum(-1)
    )
    np.testing.assert_allclose(pose_reward(one, other), by_definition, rtol=1e-12)
    np.testing.assert_allclose(pose_reward(one + 2 * np.pi, other), by_definition, rtol=1e-9)


def test_terms_by_hand() -> None:
    zero = np.zeros(4)
    assert pose_reward(zero, zero) == 1
    assert pose_reward(np.array([math.pi / 3, 0, 0, 0]), zero) == pytest.approx(math.exp(-1))
    assert velocity_reward(np.array([0.5, 0, 0, -0.5]), zero) == pytest.approx(math.exp(-0.75))
    assert goal_reward(0.2, 0.5) == pytest.approx(math.exp(-0.36))
    assert goal_reward(0.9, 0.5) == 1
    np.testing.assert_allclose(goal_reward(np.array([0.0, 0.5]), 0.5), [math.exp(-1), 1])


def test_weights_sum_to_one() -> None:
    weights = RewardWeights.of(0.9, 0.1)
    assert (weights.pose, weights.velocity, weights.goal) == pytest.approx((0.63, 0.27, 0.1))
    assert weights.ceiling == pytest.approx(1)
    # shares count only against each other
    assert RewardWeights.of(9, 1, pose=1.4, velocity=0.6).pose == pytest.approx(0.63)
    assert RewardWeights.of(imitation=0).ceiling == 1


def test_published_weights_are_published() -> None:
    weights = RewardWeights.published(0.9, 0.1)
    # .56 and .24 of imitation, .82 at most; a fall costs five times the share of the goal
    assert (weights.pose, weights.velocity, weights.goal) == pytest.approx((0.504, 0.216, 0.1))
    assert weights.ceiling == pytest.approx(0.82)
    assert weights.fall == pytest.approx(0.5)
    default = RewardWeights.published()
    assert (default.pose, default.velocity) == pytest.approx((0.7 * 0.56, 0.7 * 0.24))


def test_the_total_is_the_weighted_sum() -> None:
    weights = RewardWeights(pose=0.5, velocity=0.25, goal=0.25, fall=3)
    assert weights.total(0.8, 0.4, 1.0, False) == pytest.approx(0.75)
    assert weights.total(0.8, 0.4, 1.0, True) == pytest.approx(-2.25)
    both = weights.total(np.ones(2), np.zeros(2), np.ones(2), np.array([False, True]))
    np.testing.assert_allclose(both, [0.75, -2.25])


@pytest.mark.parametrize(
    ("shares", "message"),
    [
        ({"imitation": -1}, "shares must be finite and 0 or more, got {'imitation': -1"),
        ({"velocity": np.nan}, "shares must be finite and 0 or more"),
        ({"imitation": 0, "goal": 0}, "one share of a pair must be above 0"),
        ({"fall": -2}, "weights must be finite and 0 or more"),
    ],
)
def test_impossible_weights_are_refused(shares: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        RewardWeights.of(**shares)


def test_something_must_count() -> None:
    with pytest.raises(ValueError, match="one of pose, velocity and goal must count"):
        RewardWeights(0, 0, 0, 1)
