"""The walker has no side: mirrored, it does the mirrored thing."""

import numpy as np
import pytest

from brainnn.bodies.mirror import HIP_ZERO, mirror_actions, mirror_observations
from brainnn.bodies.planar_biped import PlanarBiped


def test_twice_mirrored_is_as_before() -> None:
    rng = np.random.default_rng(0)
    for channels in (14, 16, 24, 26):
        observations = rng.normal(size=(2, 3, channels))
        once = mirror_observations(observations)
        assert not np.array_equal(once, observations)
        np.testing.assert_array_equal(mirror_observations(once), observations)
    actions = rng.normal(size=(5, 4))
    np.testing.assert_array_equal(mirror_actions(mirror_actions(actions)), actions)


def test_legs_change_places_and_phase_turns_by_half() -> None:
    observation = np.arange(26.0)
    mirrored = mirror_observations(observation)
    assert mirrored[:4].tolist() == [0, 1, 2, 3]
    assert mirrored[4:9].tolist() == [9, 10, 11, 12, 13]
    assert mirrored[9:14].tolist() == [4, 5, 6, 7, 8]
    assert mirrored[14:24].tolist() == [*range(14, 24)]
    assert mirrored[24:].tolist() == [-24, -25]
    assert mirror_actions(np.arange(4)).tolist() == [2, 3, 0, 1]


def test_the_body_is_symmetric_but_for_the_zeros_of_its_hips() -> None:
    one, other = PlanarBiped(lidar=False), PlanarBiped(lidar=False)
    one.reset(seed=0)
    other.reset(seed=0)
    for _ in range(5):
        one.step(np.array([0.4, -0.2, -0.5, 0.6]))
    states = one.body_states()
    # placed both, so that neither has impulses left from before
    one.reset(seed=0)
    one.place(states)
    other.place(states[[0, 3, 4, 1, 2]])
    expected = np.zeros(14)
    expected[[4, 9]] = -2 * HIP_ZERO, 2 * HIP_ZERO
    for _ in range(8):
        action = np.array([0.5, 0.3, -0.5, 0.2])
        seen, mirrored = one.step(action)[0], other.step(mirror_actions(action))[0]
        apart = mirror_observations(mirrored) - seen
        np.testing.assert_allclose(
            apart[[0, 2, 4, 6, 9, 11]], expected[[0, 2, 4, 6, 9, 11]], atol=4e-3
        )
    assert np.abs(mirrored - seen).max() > 1


def test_other_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match="14, 16, 24 or 26 channels, got shape"):
        mirror_observations(np.zeros(20))
    with pytest.raises(ValueError, match="actions must have 4 channels, got shape"):
        mirror_actions(np.zeros((4, 3)))
