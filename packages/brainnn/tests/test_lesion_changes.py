"""What a lesion or a disturbance leaves of a walk: paired episodes, and draws that are few."""

import numpy as np
import pytest
from numpy.typing import NDArray

from brainnn.analysis.lesion import changes

Scores = dict[str, NDArray[np.float64]]


def scores(speed: NDArray[np.float64]) -> Scores:
    return {"speed": speed, "stride_hz": 0 * speed + 1.25, "fell": 0 * speed}


def test_episodes_that_are_slow_before_and_after_do_not_make_a_change_uncertain() -> None:
    speed = np.random.default_rng(0).uniform(0.2, 0.8, 20)
    left = changes(scores(0.5 * speed), scores(speed))["speed"]
    # each episode lost half: against the mean of the others it would be 0.5 +- 0.1
    assert left == pytest.approx((0.5, 0.5, 0.5))
    assert left.low <= left.mean <= left.high  # to the last bit, as figures want it


def test_the_intact_walk_is_not_taken_for_certain() -> None:
    rng = np.random.default_rng(1)
    after, before = (scores(rng.normal(0.5, 0.1, 10)) for _ in range(2))
    left = changes(after, before)["speed"]
    own = after["speed"].std() / np.sqrt(10) / before["speed"].mean()
    wanted = np.hypot(own, before["speed"].std() / np.sqrt(10) / before["speed"].mean())
    assert (left.high - left.low) / 3.92 == pytest.approx(wanted, rel=0.25)


def test_many_episodes_do_not_stand_for_many_draws() -> None:
    rng = np.random.default_rng(2)
    before = scores(rng.normal(0.5, 0.01, 40))
    levels = (0.2, 0.4, 0.6)  # each draw of neurons is another lesion
    draws = [scores(level * before["speed"]) for level in levels]
    left = changes(draws, before)["speed"]
    assert left.mean == pytest.approx(0.4)
    # the spread of means of three draws, and not that of 120 episodes, which is 0.015
    assert left.low < 0.25
    assert left.high > 0.55


def test_falls_are_a_share_of_all_episodes() -> None:
    before = scores(np.full(4, 0.5))
    draws = [scores(np.full(4, 0.5)) for _ in range(2)]
    draws[0]["fell"] = np.array([1.0, 1.0, 0.0, 0.0])
    assert changes(draws, before)["upright"].mean == pytest.approx(0.75)
    assert changes(before, before)["speed"] == (1.0, 1.0, 1.0)
