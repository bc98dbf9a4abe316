"""Baselines: each does what it says, and the one that stands stands."""

import numpy as np
import pytest

from brainnn.bodies.clip import Clip
from brainnn.bodies.loops import Loop
from brainnn.bodies.planar_biped import PlanarBiped
from brainnn.bodies.stances import Controller, OpenLoop, RandomActions, Standing, no_action

ANGLES = [4, 6, 9, 11]
# mean posture of the published reference
PUBLISHED = (1.04, 0.4, -0.5, 0.3)


def steps_of(act: Controller, seed: int, steps: int = 500) -> tuple[int, float]:
    """Steps until a fall, and the way it went."""
    body = PlanarBiped(lidar=False)
    observation, _ = body.reset(seed=seed)
    for step in range(steps):
        observation, _, over, *_ = body.step(act(observation, step))
        if over:
            return step + 1, body.distance
    return steps, body.distance


def made_clip(states: np.ndarray) -> Clip:
    """A clip of these states, with actions that count up."""
    actions = np.arange(len(states) - 1)[:, None] * np.ones(4)
    return Clip.of(states, actions)


def test_standing_stands_and_goes_nowhere() -> None:
    for seed in range(3):
        steps, way = steps_of(Standing(PUBLISHED), seed)
        assert steps == 500
        # below 0.1 of the observation's unit of speed
        assert abs(way) < 0.1 / 0.12 * 10


def test_without_torque_or_reason_it_falls() -> None:
    assert steps_of(no_action, 0)[0] < 200
    assert steps_of(RandomActions(0), 0)[0] < 400


def test_standing_by_hand() -> None:
    standing = Standing((1.0, 0.0, 0.5, 0.0), stiffness=2, damping=0.5)
    observations = np.zeros((2, 14))
    observations[0, ANGLES] = 0.8, 0.1, 0.5, 0
    observations[0, 10] = 1
    observations[1, 4] = -3
    actions = standing(observations, 0)
    np.testing.assert_allclose(actions[0], [0.4, -0.2, -0.5, 0], atol=1e-6)
    np.testing.assert_allclose(actions[1], [1, 0, 1, 0], atol=1e-6)


def test_the_posture_is_the_mean_with_the_legs_apart() -> None:
    states = np.zeros((100, 24))
    states[:, ANGLES] = PUBLISHED
    states[::2, 4] += 0.2
    assert Standing.of(made_clip(states)).posture == pytest.approx((1.14, 0.4, -0.5, 0.3))
    # side by side on average, on which nothing stands
    states[::2, 4], states[1::2, 4] = 0.6, -0.4
    states[::2, 9], states[1::2, 9] = -0.4, 0.6
    assert Standing.of(made_clip(states)).posture == (0.8, -0.9, 0.0, -0.9)


def test_random_actions_are_those_of_seed_and_step() -> None:
    observations = np.zeros((3, 14))
    actions = RandomActions(1)(observations, 7)
    assert actions.shape == (3, 4)
    np.testing.assert_array_equal(actions, RandomActions(1)(observations, 7))
    assert not np.array_equal(actions, RandomActions(1)(observations, 8))
    assert not np.array_equal(actions, RandomActions(2)(observations, 7))
    assert -1 <= actions.min() < -0.5 < 0.5 < actions.max() <= 1


def test_open_loop_replays_and_goes_round() -> None:
    clip = made_clip(np.zeros((31, 24)))
    replay = OpenLoop(clip)
    assert replay(np.zeros((2, 14)), 29).tolist() == [[29] * 4] * 2
    with pytest.raises(ValueError, match="step must be below 30, the length of the clip, got 30"):
        replay(np.zeros(14), 30)
    clip.__dict__["loop"] = Loop(10, 20, 2, 0.0)
    assert replay(np.zeros(14), 25).tolist() == [15] * 4
