"""Muscle paths: a pulley by hand, MuJoCo's tendons, and the macaque's 39 muscles."""

from pathlib import Path

import numpy as np
import pytest

from proprio_tcn.arms.geometry import (
    GROUND,
    Body,
    Coordinate,
    Geometry,
    Marker,
    Motion,
    Muscle,
    PathPoint,
    Wrap,
    WrapObject,
)
from proprio_tcn.arms.mujoco_models import mujoco_geometry, quiet_mujoco
from proprio_tcn.arms.opening import open_arm
from proprio_tcn.arms.skeletal import SkeletalArm

MACAQUE = Path(__file__).resolve().parents[4] / "shared" / "data" / "arm" / "snap_scaled.osim"

TENDONS = """
<mujoco><option><flag contact="disable"/></option><worldbody>
  <site name="shoulder" pos="0 0 0"/><site name="top" pos=".05 .01 .2"/>
  <geom name="ball" type="sphere" size=".04" pos="0 0 .02"/><site name="beside" pos=".2 0 .02"/>
  <body><joint name="swing" axis="0 1 0" range="-90 90"/>
    <geom size=".01" mass="1"/><site name="upper" pos=".05 .02 -.1"/>
    <body pos="0 0 -.3"><joint name="bend" axis="0 -1 0" range="0 140"/><geom size=".01" mass="1"/>
      <geom name="roll" type="cylinder" size=".03 .05" euler="90 0 0"/>
      <site name="over" pos=".1 0 0"/><site name="hand" pos="0 0 -.2"/><site name="elbow"/>
      <site name="lower" pos=".04 -.01 -.1"/></body></body></worldbody>
  <tendon><spatial name="flexor"><site site="top"/><geom geom="ball" sidesite="beside"/>
    <site site="upper"/><geom geom="roll" sidesite="over"/><site site="lower"/></spatial></tendon>
  <actuator><muscle name="flexor" tendon="flexor" lengthrange=".2 .8"/></actuator></mujoco>
"""


def pulley(*wraps: Wrap, sign: int = 1, constrained: int = -1) -> SkeletalArm:
    """A hinge about y through a cylinder of 3 cm that a muscle crosses in front; arms of 0.2 m."""
    turn = np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]])  # the cylinder's z along the hinge
    roll = WrapObject(
        "roll", GROUND, "cylinder", turn, np.zeros(3), np.full(3, 0.03), 1.0, constrained, sign
    )
    motion = Motion("rotation", np.array([0.0, -1.0, 0.0]), "bend")
    places = (GROUND, [0.02, 0.0, 0.2]), ("forearm", [0.02, 0.01, -0.2])
    points = tuple(PathPoint(body, np.array(place)) for body, place in places)
    return SkeletalArm(
        Geometry(
            "pulley",
            "none",
            (Body("forearm", GROUND, (motion,)),),
            (Coordinate("bend", -2.0, 2.0),),
            {},
            (Muscle("flexor", points, wraps),),
            (roll,),
            (
                Marker("hand", "forearm", np.array([0, 0, -0.2])),
                Marker("elbow", "forearm", np.zeros(3)),
                Marker("shoulder", GROUND, np.zeros(3)),
            ),
            np.eye(3),
        )
    )


def test_a_pulley_has_its_radius_as_moment_arm() -> None:
    arm = pulley(Wrap("roll", 0, 1), constrained=0)
    # bent backwards the muscle lies on the roll: angles of the ends, less those of the tangents
    bend = np.linspace(-1.5, -0.3, 30)[:, None]
    pose = arm.pose(bend)
    distance, reach = np.hypot(0.02, 0.2), np.sqrt(0.02**2 + 0.2**2 - 0.03**2)
    between = 2 * np.arctan2(0.2, 0.02) - bend[:, 0]
    arc = 0.03 * (between - 2 * np.arccos(0.03 / distance))
    flat = 2 * reach + arc
    np.testing.assert_allclose(pose.muscle_length_m[:, 0], np.hypot(flat, 0.01), atol=1e-12)
    expected = -0.03 * flat / np.hypot(flat, 0.01)  # the path climbs a centimetre along the roll
    np.testing.assert_allclose(pose.muscle_jacobian_m[:, 0, 0], expected, atol=1e-12)
    assert arm.moving.tolist() == [True]


def test_off_the_pulley_the_muscle_is_straight() -> None:
    arm, bare = pulley(Wrap("roll", 0, 1), constrained=0), pulley()
    bend = np.linspace(0.3, 2.0, 20)[:, None]
    np.testing.assert_array_equal(arm.muscle_lengths(bend), bare.muscle_lengths(bend))
    whole = np.linspace(-1.5, 2.0, 35001)[:, None]
    lengths = arm.muscle_lengths(whole)[:, 0]
    assert abs(np.diff(lengths)).max() < 2e-5  # no jump where it lifts off: 0.2 m x 1e-4 rad
    slope = (lengths[2:] - lengths[:-2]) / 2e-4
    jacobian = arm.pose(whole).muscle_jacobian_m[1:-1, 0, 0]
    np.testing.assert_allclose(jacobian, slope, atol=1e-5)


def test_only_the_active_side_is_wrapped() -> None:
    bend = np.array([[0.5]])
    behind = pulley(Wrap("roll", 0, 1), constrained=0, sign=-1).muscle_lengths(bend)
    front = pulley(Wrap("roll", 0, 1), constrained=0, sign=1).muscle_lengths(bend)
    straight = pulley().muscle_lengths(bend)
    assert abs(front - straight) < 1e-12
    assert behind > straight + 0.005


@pytest.fixture(scope="module")
def tendons(tmp_path_factory: pytest.TempPathFactory):
    import mujoco

    path = tmp_path_factory.mktemp("tendons") / "tendons.xml"
    path.write_text(TENDONS, encoding="utf-8")
    arm = SkeletalArm(mujoco_geometry(path, hand="hand", elbow="elbow", shoulder="shoulder"))
    with quiet_mujoco():
        model = mujoco.MjModel.from_xml_path(str(path))
    return arm, model


def test_two_wraps_are_mujocos(tendons) -> None:
    import mujoco

    arm, model = tendons
    data = mujoco.MjData(model)
    angles = np.random.default_rng(0).uniform([-1.5, 0], [1.5, 2.4], (500, 2))
    pose = arm.pose(angles)
    expected = np.empty((500, 3))
    for row, angle in enumerate(angles):
        data.qpos[:] = angle
        mujoco.mj_kinematics(model, data)
        mujoco.mj_comPos(model, data)
        mujoco.mj_tendon(model, data)
        expected[row] = data.ten_length[0], *np.asarray(data.ten_J).ravel()[:2]
    np.testing.assert_allclose(pose.muscle_length_m[:, 0], expected[:, 0], atol=1e-9)
    np.testing.assert_allclose(pose.muscle_jacobian_m[:, 0], expected[:, 1:], atol=1e-7)
    free = SkeletalArm(arm.geometry, wrapping=False).muscle_lengths(angles)[:, 0]
    assert np.mean(expected[:, 0] - free > 1e-4) > 0.2  # the wraps matter in this test


@pytest.fixture(scope="module")
def macaque() -> SkeletalArm:
    if not MACAQUE.is_file():
        pytest.skip("the macaque's arm is not there: shared/data/arm/snap_scaled.osim")
    arm = open_arm(MACAQUE)
    assert isinstance(arm, SkeletalArm)
    return arm


def random_angles(arm: SkeletalArm, count: int, seed: int = 0):
    low, high = zip(*((one.low_rad, one.high_rad) for one in arm.coordinates), strict=True)
    return np.random.default_rng(seed).uniform(low, high, (count, len(low)))


def test_lengths_are_sane_everywhere(macaque: SkeletalArm) -> None:
    angles = random_angles(macaque, 5000) * 1.5  # far beyond the ranges too
    pose = macaque.pose(angles)
    assert np.isfinite(pose.muscle_length_m).all()
    assert np.isfinite(pose.muscle_jacobian_m).all()
    assert pose.muscle_length_m.min() > 0.01
    assert pose.muscle_length_m.max() < 0.3
    still = pose.muscle_length_m[:, ~macaque.moving]
    assert still.shape[1] == 6
    assert np.ptp(still, axis=0).max() == 0
    assert np.all(pose.muscle_jacobian_m[:, ~macaque.moving] == 0)
    np.testing.assert_array_equal(pose.muscle_length_m, macaque.muscle_lengths(angles))


def test_wraps_only_lengthen(macaque: SkeletalArm) -> None:
    angles = random_angles(macaque, 2000)
    gain = macaque.muscle_lengths(angles) - open_arm(MACAQUE, wrapping=False).muscle_lengths(angles)
    assert gain.min() > -1e-12
    bare = [not muscle.wraps for muscle in macaque.geometry.muscles]
    assert gain[:, bare].max() < 1e-12
    assert gain[:, macaque.muscles.index("anconeus")].max() > 0.015


def test_jacobian_is_the_slope_away_from_switches(macaque: SkeletalArm) -> None:
    angles = random_angles(macaque, 1000, seed=1)
    steps = 1e-5 * np.eye(4)
    ahead, behind = (
        np.stack([macaque.muscle_lengths(angles + sign * one) for one in steps], -1)
        for sign in (1, -1)
    )
    error = abs((ahead - behind) / 2e-5 - macaque.pose(angles).muscle_jacobian_m).max(axis=2)
    assert np.median(error) < 1e-9
    assert np.mean(error > 1e-5) < 1e-3


def test_slow_movements_jump_only_where_the_rule_switches(macaque: SkeletalArm) -> None:
    ends = random_angles(macaque, 20, seed=2).reshape(10, 2, 4)
    # OpenSim's rule for these: another segment, or an end within the ellipsoid
    known = {"bicep_lh", "bicep_sh", "coracobrachialis", "deltoid_ant", "deltoid_med"}
    known |= {"lat_dorsi_sup", "lat_dorsi_cen", "lat_dorsi_inf", "supraspinatus", "teres_minor"}
    known |= {"pectoralis_sup", "pectoralis_inf"}
    smooth = [name not in known for name in macaque.muscles]
    for first, last in ends:
        share = np.linspace(0, 1, 4001)[:, None]
        lengths = macaque.muscle_lengths(first + share * (last - first))
        # 0.25 ms of a second-long movement: less than 0.1 mm with moment arms below 6 cm
        assert abs(np.diff(lengths[:, smooth], axis=0)).max() < 1e-4
        assert abs(np.diff(lengths, axis=0)).max() < 0.015
