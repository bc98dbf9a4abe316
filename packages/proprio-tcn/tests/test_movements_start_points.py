from typing import Any

import numpy as np
import pytest

from proprio_tcn.movements.start_points import find_start_points, random_postures, reach_grid


def test_the_grid_holds_all_that_is_reached_and_nothing_else(linear_arm: Any):
    grid = reach_grid(linear_arm, solve=linear_arm.solve)
    # a cube of 30 cm to each side: its corners are the farthest that the hand comes
    farthest = 19 * grid.step_cm
    assert 0.9 * 30 * np.sqrt(3) < farthest <= 30 * np.sqrt(3)
    inside = int(np.floor((30 + 1e-3) / grid.step_cm))
    everywhere = (inside + 1) * (2 * inside + 1) ** 2
    # a few at the very edges lie too far from any random posture to be tried
    assert 0.999 * everywhere < len(grid.indices) <= everywhere
    assert np.abs(grid.indices).max() == inside
    hands = 100 * linear_arm.hand(grid.postures_rad)
    np.testing.assert_allclose(hands, grid.points_cm, atol=1e-2)


@pytest.mark.parametrize(("plane", "axes", "across"), [("horizontal", (0, 1), 2)])
def test_around_a_start_point_the_plane_is_reached(
    linear_arm: Any, plane: str, axes: tuple[int, int], across: int
):
    step = reach_grid(linear_arm, solve=linear_arm.solve).step_cm
    points = find_start_points(linear_arm, plane, 10_000, solve=linear_arm.solve).points_cm
    last = step * np.floor(30 / step)
    margin = max(step, step * np.ceil((2.5 - (30 - last)) / step))
    # forward nothing is behind the shoulder, so the corners of the coarse filter begin at one step
    assert points[:, 0].min() == pytest.approx(step)
    for axis in axes:
        assert points[:, axis].max() == pytest.approx(last - margin)
    assert points[:, across].max() == pytest.approx(last)
    few = find_start_points(linear_arm, plane, 7, solve=linear_arm.solve).points_cm
    assert len(few) == 7
    assert {tuple(point) for point in few} <= {tuple(point) for point in points}


def test_vertical_letters_may_be_beside_the_shoulder(linear_arm: Any):
    points = find_start_points(linear_arm, "vertical", 20_000, solve=linear_arm.solve).points_cm
    assert points[:, 0].min() == 0.0
    # its plane is across the forward axis: only there the last points of the grid are left
    last = points[:, 0].max()
    assert points[:, 1].max() < last
    assert points[:, 2].max() < last


def test_an_arm_without_room_for_a_letter_is_refused(linear_arm: Any):
    linear_arm.reach_m = 0.02
    with pytest.raises(ValueError, match="must reach a square of 5 cm somewhere in a horizontal"):
        find_start_points(linear_arm, "horizontal", 50, solve=linear_arm.solve)
    with pytest.raises(ValueError, match="plane must be one of horizontal, vertical, got 'up'"):
        find_start_points(linear_arm, "up")


def test_random_postures_fill_the_ranges(linear_arm: Any):
    postures = random_postures(linear_arm, 4000, np.random.default_rng(0))
    assert np.abs(postures.mean(axis=0)).max() < 0.05
    np.testing.assert_allclose(postures.var(axis=0), 1 / 3, rtol=0.1)
