"""The two-link arm: the published numbers, derivatives, and the way back."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from proprio_tcn.arms.arm import Arm, check_range, describe, muscle_velocities
from proprio_tcn.arms.two_link import LINK_LENGTHS_M, TwoLinkArm, UnreachableError

# the shoulder's axes (y up, z backward) in the world's, from the paper's matrix
WORLD = np.array([[0, 0, -1], [-1, 0, 0], [0, 1, 0]])

ANGLE = st.floats(-1.5, 1.5)


def test_published_numbers() -> None:
    arm = TwoLinkArm()
    angles = np.deg2rad([[36, 5, 5, 50], [0, 0, 0, 0]])
    hand = [[-1.18433959, -14.48097048, -27.91141682], [0, -34.7, 0]]
    elbow = [[0.31357259, -13.04749361, -9.42733169], [0, -16.1, 0]]
    np.testing.assert_allclose(100 * arm.hand(angles) @ WORLD, hand, atol=1e-8)
    np.testing.assert_allclose(100 * arm.elbow(angles) @ WORLD, elbow, atol=1e-8)
    # 36 degrees of flexion bring the hand forward and up, never behind the shoulder
    assert arm.hand(angles)[0, 0] > 0.27


@given(st.tuples(ANGLE, ANGLE, ANGLE, ANGLE))
def test_rotations_of_scipy_give_the_same(angles: tuple[float, float, float, float]) -> None:
    arm = TwoLinkArm(0.2, 0.3)
    flexion, adduction, rotation, elbow = angles
    turn = Rotation.from_euler("ZYX", [adduction, rotation, flexion])
    upper = np.array([0, -0.2, 0])
    forearm = Rotation.from_euler("x", elbow).apply([0, -0.3, 0])
    np.testing.assert_allclose(
        arm.hand([angles])[0], WORLD @ turn.apply(upper + forearm), atol=1e-12
    )
    np.testing.assert_allclose(arm.elbow([angles])[0], WORLD @ turn.apply(upper), atol=1e-12)


def test_jacobian_is_the_slope() -> None:
    arm = TwoLinkArm()
    angles = np.random.default_rng(0).uniform(-2, 2, (200, 4))
    hand, jacobian = arm.hand_jacobian(angles)
    np.testing.assert_array_equal(hand, arm.hand(angles))
    step = 1e-6 * np.eye(4)
    slopes = [(arm.hand(angles + one) - arm.hand(angles - one)) / 2e-6 for one in step]
    np.testing.assert_allclose(jacobian, np.stack(slopes, axis=-1), atol=1e-9)


@settings(max_examples=50)
@given(st.integers(0, 2**31))
def test_inverse_finds_the_angles_again(seed: int) -> None:
    arm = TwoLinkArm()
    low, high = (
        [getattr(one, side) for one in arm.coordinates] for side in ("low_rad", "high_rad")
    )
    angles = np.random.default_rng(seed).uniform(low, high, (20, 4))
    hand = arm.hand(angles)
    found = arm.inverse(hand, angles[:, 1])
    np.testing.assert_allclose(arm.hand(found), hand, atol=1e-12)
    np.testing.assert_allclose(found, angles, atol=1e-5)


def test_out_of_reach_is_named() -> None:
    arm = TwoLinkArm()
    with pytest.raises(UnreachableError, match=r"2.5 to 34.7 cm .* got 40 cm in row 1 \(1 of 2"):
        arm.inverse([[0.2, 0, 0], [0, 0.4, 0]])
    with pytest.raises(UnreachableError, match="got 1 cm"):
        arm.inverse([[0.01, 0, 0]])
    np.testing.assert_allclose(arm.hand(arm.inverse([[0.347, 0, 0]])), [[0.347, 0, 0]], atol=1e-9)
    with pytest.raises(ValueError, match=r"finite with shape \(n, 3\)"):
        arm.inverse([[np.nan, 0, 0]])
    with pytest.raises(ValueError, match="adduction_rad must be finite"):
        arm.inverse([[0.2, 0, 0]], np.nan)


def test_it_is_an_arm_without_muscles() -> None:
    arm = TwoLinkArm(*LINK_LENGTHS_M["butter"])
    assert isinstance(arm, Arm)
    assert arm.moving.shape == (0,)
    pose = arm.pose(np.zeros((3, 4)))
    assert pose.muscle_length_m.shape == (3, 0)
    assert pose.muscle_jacobian_m.shape == (3, 0, 4)
    np.testing.assert_allclose(pose.hand_m[:, 2], -0.2858)
    lengths, velocities = muscle_velocities(arm, np.zeros((3, 4)), np.ones((3, 4)))
    assert lengths.shape == velocities.shape == (3, 0)
    facts = describe(arm)
    assert facts["species"] == "none"
    limits = facts["coordinates"]["elbow_flexion"]  # type: ignore[index]
    assert limits == {"low_deg": 0.0, "high_deg": pytest.approx(140), "default_deg": 50.0}


def test_angles_are_checked() -> None:
    arm = TwoLinkArm()
    with pytest.raises(
        ValueError, match=r"\(n, 4\) with the columns shoulder_flexion, .* got \(4,\)"
    ):
        arm.hand(np.zeros(4))
    with pytest.raises(ValueError, match="got nan for shoulder_rotation in row 1"):
        arm.pose([[0, 0, 0, 0], [0, 0, np.nan, 0]])
    with pytest.raises(
        ValueError, match=r"velocities_rad_s must be .* of angles_rad, \(1, 4\), got \(2, 4\)"
    ):
        muscle_velocities(arm, np.zeros((1, 4)), np.zeros((2, 4)))
    with pytest.raises(ValueError, match=r"velocities_rad_s must be finite .* got NaN or infinity"):
        muscle_velocities(arm, np.zeros((1, 4)), np.full((1, 4), np.nan))
    with pytest.raises(ValueError, match="upper_m must be a positive length in m, got 0"):
        TwoLinkArm(0.0, 0.1)


def test_ranges_are_checked_by_name() -> None:
    arm = TwoLinkArm()
    inside = np.deg2rad([[180, 150, -90, 140], [-50, -45, 90, 0]])
    np.testing.assert_array_equal(check_range(inside, arm.coordinates), inside)
    wanted = r"elbow_flexion must be in \[0, 140\] deg, got 145 deg in row 1 \(1 of 2 rows"
    with pytest.raises(ValueError, match=wanted):
        check_range(np.deg2rad([[0, 0, 0, 0], [0, 0, 0, 145]]), arm.coordinates)
    assert np.isfinite(arm.hand(np.deg2rad([[0, 0, 0, 145.0]]))).all()
