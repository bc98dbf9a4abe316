"""The published arithmetic, by the table of its facts and a closed form."""

import numpy as np
import pytest

from brainnn.learning.published import discounted_returns, split_episode


@pytest.mark.parametrize(
    ("steps", "split"),
    [
        (45, (1, 22)), (60, (1, 30)), (80, (2, 40)), (117, (2, 58)), (200, (4, 50)),
        (320, (8, 40)), (500, (8, 62)), (10, (4, 2)),
    ],
)  # fmt: skip
def test_an_episode_is_split_as_published(steps: int, split: tuple[int, int]) -> None:
    assert split_episode(steps) == split


def test_returns_of_a_constant_reward_are_a_geometric_series() -> None:
    found = discounted_returns(np.full(50, 2.0), last_value=7.0, gamma=0.9)
    left = np.arange(50, 0, -1)
    np.testing.assert_allclose(found, 2 * (1 - 0.9**left) / 0.1 + 0.9**left * 7, rtol=1e-12)
    assert discounted_returns([1.0, -3.0], 0.0, 0.5).tolist() == [-0.5, -3.0]


@pytest.mark.parametrize(("steps", "least"), [(1, 40), (50, 0)])
def test_too_short_an_episode_is_refused(steps: int, least: int) -> None:
    with pytest.raises(ValueError, match=f"got {steps} and least_steps={least}"):
        split_episode(steps, least)
