"""The embedded session: reaches of an arm, and its neurons."""

import numpy as np
import pytest

from proprio_tcn.arms.opening import open_arm
from proprio_tcn.neural.protocol import Reaching
from proprio_tcn.neural.reaches import simulate_reaches
from proprio_tcn.neural.windows import active_windows, passive_windows


def test_reaches_are_minimum_jerk_from_where_they_start() -> None:
    arm = open_arm("human")
    session = simulate_reaches(arm, Reaching(active=8, passive=3), seed=1)
    assert session.active.sum() == 8
    assert session.passive.sum() == 3
    assert len(passive_windows(session)) == 3
    assert session.muscles == tuple(np.array(arm.muscles)[arm.moving])
    assert session.subject == "synthetic human"
    windows = active_windows(session)
    window, place = windows.rows()
    hand = windows.gather(session.kinematics["hand"]).astype(float)
    s = place / windows.length[window]
    way = s**3 * (10 - 15 * s + 6 * s**2)
    moved = hand - hand[windows.first_row][window]
    angle = np.radians(windows.direction_deg[window])
    towards = np.stack([np.cos(angle), np.sin(angle), 0 * angle], axis=1)
    done = (moved * towards).sum(axis=1)
    assert np.abs(moved - done[:, None] * towards).max() < 5e-3  # straight, to 50 micrometres
    late = s > 0.2
    distance = done[late] / way[late]
    assert distance.min() > 4.9
    assert distance.max() < 12.1
    assert np.ptp(distance[window[late] == 3]) < 5e-2
    # muscles and joints belong to the same postures
    trial = windows.trial[5]
    angles = np.radians(session.kinematics["joint_angle"][trial, 40:60].astype(float))
    wanted = 1000 * arm.pose(angles).muscle_length_m[:, arm.moving]
    np.testing.assert_allclose(session.kinematics["muscle_length"][trial, 40:60], wanted, atol=0.01)
    np.testing.assert_allclose(
        np.gradient(hand[window == 5], 0.01, axis=0)[2:-2],
        windows.gather(session.kinematics["hand_velocity"])[window == 5][2:-2],
        atol=0.02,
    )
    again = simulate_reaches(arm, Reaching(active=8, passive=3), seed=1)
    np.testing.assert_array_equal(again.kinematics["hand"], session.kinematics["hand"])


def test_reaches_that_leave_the_workspace_are_named() -> None:
    far = Reaching(active=2, passive=0, distance_cm=[160.0, 170.0])
    with pytest.raises(ValueError, match=r"must stay in the arm's workspace, but 2 of 2 did not"):
        simulate_reaches(open_arm("human"), far, seed=0)
    with pytest.raises(
        ValueError, match=r"distance_cm must be two numbers above 0, ascending, got"
    ):
        Reaching(distance_cm=[5.0, 4.0])
