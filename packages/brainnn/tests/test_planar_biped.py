"""The faster walker against Gymnasium's own, number for number."""

import gymnasium
import numpy as np
import pytest
from numpy.typing import NDArray

from brainnn.bodies.planar_biped import (
    BODIES,
    DT_S,
    JOINT_ANGLES,
    PROPRIOCEPTION,
    SPEED_UNIT,
    PlanarBiped,
)


def programme(seed: int, steps: int) -> NDArray[np.floating]:
    """Actions: smooth, jumpy and beyond the bounds by turns, in both precisions."""
    rng = np.random.default_rng(seed)
    time = np.arange(steps)[:, None] / 8
    smooth = np.sin(time * rng.uniform(0.2, 2, 4) + rng.uniform(0, 6, 4))
    actions = np.where(rng.random((steps, 1)) < 0.7, smooth, rng.normal(0, 2, (steps, 4)))
    return actions.astype(np.float32 if seed % 2 else np.float64)


@pytest.mark.parametrize("lidar", [False, True])
def test_every_number_is_that_of_gymnasium(lidar: bool) -> None:
    ours = PlanarBiped(lidar=lidar)
    columns = 24 if lidar else PROPRIOCEPTION
    assert ours.observation_space.shape == (columns,)
    steps = 0
    for seed in range(10):
        # a new one each time: its later episodes depend on what was before them
        native = gymnasium.make("BipedalWalker-v3").unwrapped
        expected, observation = native.reset(seed=seed)[0], ours.reset(seed=seed)[0]
        np.testing.assert_array_equal(observation, expected[:columns])
        for action in programme(seed, 200):
            expected, reward, over, *_ = native.step(action)
            observation, own_reward, own_over, *_ = ours.step(action)
            np.testing.assert_array_equal(observation, expected[:columns])
            assert (own_reward, own_over) == (reward, over)
            assert ours.fell == (reward == -100)
            steps += 1
            if over:
                break
    assert steps > 700


def test_an_episode_depends_on_its_seed_alone() -> None:
    def walk(body: PlanarBiped) -> np.ndarray:
        body.reset(seed=5)
        return np.array([body.step(action)[0] for action in programme(5, 40)])

    used, new = PlanarBiped(), PlanarBiped()
    used.reset(seed=1)
    for action in programme(1, 8):
        used.step(action)
    np.testing.assert_array_equal(walk(used), walk(new))


def test_roughness_scales_the_random_part_of_the_slope_alone() -> None:
    def ground(roughness: float) -> tuple[np.ndarray, float]:
        body = PlanarBiped(lidar=False, roughness=roughness)
        body.reset(seed=3)
        return np.array(body.terrain_y), body.np_random.random()

    (level, after), (plain, after_plain), (rough, _) = ground(0), ground(1), ground(3)
    assert {*level.tolist()} == {plain[0]}
    # what is drawn after the ground, such as the push, stays
    assert after == after_plain
    np.testing.assert_array_equal(rough[:21], plain[:21])
    # the first free tile: no slope before it, and none that pulls back
    assert rough[21] - plain[0] == pytest.approx(3 * (plain[21] - plain[0]), rel=1e-12)
    assert plain[21] != plain[0]
    for wrong in (-1.0, np.nan, np.inf):
        with pytest.raises(ValueError, match="roughness must be at least 0 and finite"):
            PlanarBiped(roughness=wrong)


def test_masses_and_inertias_are_the_published_ones() -> None:
    body = PlanarBiped(lidar=False)
    body.reset(seed=0)
    parts = [body.hull, *body.legs]
    assert [part.mass for part in parts] == pytest.approx(
        [5.42222, 0.30222, 0.24178, 0.30222, 0.24178], abs=1e-5
    )
    # about the centre of mass
    inertia = [part.inertia - part.mass * part.localCenter.lengthSquared for part in parts[:3]]
    assert inertia == pytest.approx([2.0017, 0.03414, 0.02680], rel=0.01)


def test_units() -> None:
    assert pytest.approx(0.02) == DT_S
    assert pytest.approx(0.12) == SPEED_UNIT
    body = PlanarBiped(lidar=False)
    body.reset(seed=0)
    observation = body.step(np.zeros(4))[0]
    assert observation[2] == pytest.approx(SPEED_UNIT * body.hull.linearVelocity[0], rel=1e-6)


def test_a_body_put_down_elsewhere_goes_on_as_before() -> None:
    one, other = PlanarBiped(lidar=False), PlanarBiped(lidar=False)
    one.reset(seed=3)
    actions = 0.3 * programme(5, 40)
    for action in actions[:20]:
        one.step(action)
    states = one.body_states()
    assert states.shape == (len(BODIES), 6)
    assert states[0, 0] == 0
    other.reset(seed=8)
    observation = other.place(states)
    # a contact is felt a step late, and here at once
    felt = np.delete(np.arange(14), [8, 13])
    np.testing.assert_allclose(observation[felt], one._observe()[0][felt], atol=2e-6)
    np.testing.assert_allclose(other.body_states(), states, atol=2e-6)
    assert other.distance == pytest.approx(0, abs=1e-6)
    # the start is level and so is the pad on which the first walked
    for action in actions[20:]:
        expected, observation = one.step(action)[0], other.step(action)[0]
    np.testing.assert_allclose(
        observation[[*JOINT_ANGLES]], expected[[*JOINT_ANGLES]], rtol=0, atol=0.01
    )


def test_the_first_reward_after_a_placing_counts_from_there() -> None:
    body = PlanarBiped(lidar=False)
    body.reset(seed=0)
    states = body.body_states()
    for _ in range(15):
        body.step(np.array([0.5, 0.5, -0.5, 0.5]))
    body.place(states)
    x, angle = body.hull.position[0], body.hull.angle
    reward = body.step(np.zeros(4))[1]
    moved = 130 * (body.hull.position[0] - x) / 30 - 5 * (abs(body.hull.angle) - abs(angle))
    assert reward == pytest.approx(moved, abs=1e-6)


def test_feet_stand_on_the_ground_after_a_placing() -> None:
    body = PlanarBiped(lidar=False)
    body.reset(seed=0)
    for _ in range(10):
        observation = body.step(np.zeros(4))[0]
    assert observation[[8, 13]].tolist() == [1, 1]
    states = body.body_states()
    assert body.place(states)[[8, 13]].tolist() == [1, 1]
    states[:, 1] += 0.5
    assert body.place(states)[[8, 13]].tolist() == [0, 0]


def test_a_state_that_is_none_is_refused() -> None:
    body = PlanarBiped(lidar=False)
    body.reset(seed=0)
    with pytest.raises(ValueError, match=r"finite of shape \(5, 6\), got shape \(4, 6\)"):
        body.place(np.zeros((4, 6), np.float32))
    with pytest.raises(ValueError, match="states must be finite"):
        body.place(np.full((5, 6), np.nan, np.float32))
