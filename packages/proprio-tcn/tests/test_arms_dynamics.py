"""Inverse dynamics: against MuJoCo's, the balance of energy and closed forms."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import mujoco
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from proprio_tcn.arms.arm import Arm
from proprio_tcn.arms.dynamics import GRAVITY_M_S2, inverse_dynamics, mechanical_energy
from proprio_tcn.arms.mujoco_models import human_arm, mujoco_geometry, quiet_mujoco
from proprio_tcn.arms.segments import (
    HUMAN,
    MACAQUE,
    Segment,
    default_segments,
    file_segments,
    rod_segments,
    scaled_segments,
)
from proprio_tcn.arms.skeletal import SkeletalArm
from proprio_tcn.arms.two_link import TwoLinkArm

Floats = NDArray[np.float64]

OSIM = Path(__file__).parents[4] / "shared/data/arm/snap_scaled.osim"
TWO = TwoLinkArm()
OFF = int(
    mujoco.mjtDisableBit.mjDSBL_CONSTRAINT
    | mujoco.mjtDisableBit.mjDSBL_SPRING
    | mujoco.mjtDisableBit.mjDSBL_DAMPER
)

# The two-link arm with slender rods, in the world's axes: upper arm and forearm hang down.
RODS = """
<mujoco>
  <compiler angle="radian"/>
  <worldbody>
    <body name="upper_arm">
      <inertial pos="0 0 -.0805" mass=".288" diaginertia="{a} {a} 1e-12"/>
      <joint name="shoulder_adduction" axis="-1 0 0"/>
      <joint name="shoulder_rotation" axis="0 0 1"/>
      <joint name="shoulder_flexion" axis="0 -1 0"/>
      <body name="forearm" pos="0 0 -.161">
        <inertial pos="0 0 -.093" mass=".256" diaginertia="{b} {b} 1e-12"/>
        <joint name="elbow_flexion" axis="0 -1 0"/>
        <site name="tip" pos="0 0 -.186"/>
      </body>
    </body>
  </worldbody>
</mujoco>
""".format(a=0.288 * 0.161**2 / 12, b=0.256 * 0.186**2 / 12)

SLIDING = """
<mujoco>
  <compiler angle="radian"/>
  <option gravity="1 2 -9"/>
  <worldbody>
    <body name="cart" quat=".9 .1 .3 -.2">
      <inertial pos=".1 .2 0" mass="2" diaginertia=".01 .02 .03"/>
      <joint name="rail" type="slide" axis="0 1 .3" range="-1 1"/>
      <joint name="mast" axis="1 0 .2" pos=".1 .1 0" range="-1 1"/>
      <body name="boom" pos=".4 0 .1">
        <inertial pos=".1 .02 0" mass="1" fullinertia=".01 .02 .015 .001 .002 -.001"/>
        <joint name="reach" type="slide" axis="1 0 0" range="-1 1"/>
        <joint name="turn" axis="0 .4 1" range="-1 1"/>
        <joint name="follow" axis="1 0 0" range="-9 9"/>
        <site name="tip" pos=".3 0 0"/>
      </body>
    </body>
  </worldbody>
  <equality>
    <joint joint1="follow" joint2="turn" polycoef=".1 .5 -.7 .3 .2"/>
  </equality>
</mujoco>
"""


def draws(arm: Arm, count: int, seed: int = 0) -> tuple[Floats, Floats, Floats]:
    """Angles, velocities and accelerations."""
    rng = np.random.default_rng(seed)
    low = [one.low_rad for one in arm.coordinates]
    high = [one.high_rad for one in arm.coordinates]
    shape = (count, len(low))
    return rng.uniform(low, high, shape), rng.normal(0, 3, shape), rng.normal(0, 30, shape)


def mujoco_torques(model: Any, law: Any, states: tuple[Floats, ...]) -> Floats:
    """MuJoCo's inverse dynamics of each joint, projected on the coordinates.

    Args:
        model: Compiled.
        law: From coordinates (n,) to joints, and the first and second derivatives of each joint,
            (joints, n) and (joints, n, n).
        states: Angles, velocities, accelerations.
    """
    model.opt.disableflags |= OFF
    model.dof_armature[:] = 0
    data = mujoco.MjData(model)
    found = []
    for angles, speeds, rises in zip(*states, strict=True):
        data.qpos[:], first, second = law(angles)
        data.qvel[:] = first @ speeds
        data.qacc[:] = first @ rises + np.einsum("jab,a,b->j", second, speeds, speeds)
        mujoco.mj_inverse(model, data)
        found.append(first.T @ data.qfrc_inverse)
    return np.array(found)


def human_law(model: Any, arm: SkeletalArm) -> Any:
    first = np.zeros((model.nv, 4))
    for column, one in enumerate(arm.coordinates):
        first[model.joint(one.name + "_r").id, column] = 1
    for row in range(model.neq):
        first[model.eq_obj1id[row]] += model.eq_data[row, 1] * first[model.eq_obj2id[row]]
    return lambda angles: (first @ angles, first, np.zeros((model.nv, 4, 4)))


def test_human_torques_are_mujocos() -> None:
    import myo_sim

    with quiet_mujoco():
        model = myo_sim.load_model("myoarm")
    arm = SkeletalArm(human_arm())
    states = draws(arm, 40)
    expected = mujoco_torques(model, human_law(model, arm), states)
    np.testing.assert_allclose(inverse_dynamics(arm, *states), expected, atol=1e-9)
    assert np.abs(expected).max() > 50


def test_rods_are_mujocos() -> None:
    model = mujoco.MjModel.from_xml_string(RODS)
    names = [one.name for one in TWO.coordinates]
    first = np.zeros((4, 4))
    for joint in range(4):
        first[joint, names.index(model.joint(joint).name)] = 1
    states = draws(TWO, 40)
    zero = np.zeros((4, 4, 4))
    expected = mujoco_torques(model, lambda angles: (first @ angles, first, zero), states)
    np.testing.assert_allclose(inverse_dynamics(TWO, *states), expected, atol=1e-9)


def test_slides_and_bent_couplings_are_mujocos() -> None:
    model = mujoco.MjModel.from_xml_string(SLIDING)
    arm = SkeletalArm(mujoco_geometry(model, hand="tip", elbow="boom", shoulder="cart"))
    law = np.polynomial.Polynomial([0.1, 0.5, -0.7, 0.3, 0.2])

    def joints(angles: Floats) -> tuple[Floats, Floats, Floats]:
        first, second = np.eye(5, 4), np.zeros((5, 4, 4))
        first[4, 3] = law.deriv()(angles[3])
        second[4, 3, 3] = law.deriv(2)(angles[3])
        return np.append(angles, law(angles[3])), first, second

    states = draws(arm, 40)
    expected = mujoco_torques(model, joints, states)
    found = inverse_dynamics(arm, *states, gravity=(1.0, 2.0, -9.0))
    np.testing.assert_allclose(found, expected, atol=1e-9)


@settings(max_examples=25)
@given(seed=st.integers(0, 10_000), gravity=st.sampled_from([GRAVITY_M_S2, (0.0, 0.0, 0.0)]))
def test_power_is_the_change_of_energy(seed: int, gravity: tuple[float, ...]) -> None:
    angles, speeds, rises = draws(TWO, 5, seed)
    torques = inverse_dynamics(TWO, angles, speeds, rises, gravity=gravity)
    power = (torques * speeds).sum(axis=1)
    step = 1e-5
    energy = [
        mechanical_energy(
            TWO,
            angles + sign * step * speeds + 0.5 * step**2 * rises,
            speeds + sign * step * rises,
            gravity=gravity,
        )
        for sign in (1, -1)
    ]
    np.testing.assert_allclose((energy[0] - energy[1]) / (2 * step), power, rtol=1e-5, atol=1e-4)


def test_energy_of_a_swing_is_a_closed_form() -> None:
    upper, lower = rod_segments(TWO, 0.3, 0.2).values()
    at_rest = mechanical_energy(TWO, np.zeros((1, 4)), np.zeros((1, 4)), segments=None)
    masses = 8.0 * 0.036, 8.0 * 0.032
    height = -(masses[0] * 0.0805 + masses[1] * (0.161 + 0.093))
    assert at_rest[0] == pytest.approx(9.81 * height)
    swing = mechanical_energy(
        TWO,
        np.zeros((1, 4)),
        [[2.0, 0.0, 0.0, 0.0]],
        segments={"upper_arm": upper, "forearm": lower},
        gravity=(0.0, 0.0, 0.0),
    )
    about = 0.3 * 0.161**2 / 3 + 0.2 * (0.186**2 / 12 + 0.254**2)
    assert swing[0] == pytest.approx(0.5 * about * 4.0)


def test_holding_the_arm_out_takes_the_moment_of_its_weight() -> None:
    forward = np.array([[np.pi / 2, 0.0, 0.0, 0.0]])
    assert TWO.hand(forward)[0] == pytest.approx([0.347, 0.0, 0.0])
    still = np.zeros((1, 4))
    torque = inverse_dynamics(TWO, forward, still, still)[0]
    elbow = 9.81 * 8.0 * 0.032 * 0.093
    shoulder = 9.81 * 8.0 * (0.036 * 0.0805 + 0.032 * 0.254)
    np.testing.assert_allclose(torque, [shoulder, 0.0, 0.0, elbow], atol=1e-12)
    np.testing.assert_allclose(inverse_dynamics(TWO, 0 * forward, still, still), 0, atol=1e-12)


@pytest.mark.parametrize("name", ["two_link", "human"])
def test_a_reach_takes_plausible_power(name: str) -> None:
    """A minimum-jerk reach of 20 degrees a joint in half a second."""
    arm: Arm = TWO if name == "two_link" else SkeletalArm(human_arm())
    default = np.array([one.default_rad for one in arm.coordinates])
    time = np.linspace(0.0, 0.5, 200)
    part = time / 0.5
    way = 10 * part**3 - 15 * part**4 + 6 * part**5
    angles = default + np.deg2rad(20) * way[:, None] * np.ones(4)
    speeds = np.gradient(angles, time, axis=0)
    torques = inverse_dynamics(arm, angles, speeds, np.gradient(speeds, time, axis=0))
    power = (torques * speeds).sum(axis=1)
    work = np.trapezoid(power, time)
    gained = np.diff(mechanical_energy(arm, angles[[0, -1]], np.zeros((2, 4))))[0]
    assert work == pytest.approx(gained, rel=0.02)
    heavy = {"two_link": (0.05, 5.0), "human": (1.0, 50.0)}[name]  # W; 8 kg of monkey, a man
    assert heavy[0] < np.abs(power).mean() < heavy[1]
    assert heavy[0] < np.abs(torques).max() < 2 * heavy[1]


@pytest.mark.skipif(not OSIM.exists(), reason="the shared macaque model is not here")
def test_macaque_segments_are_scaled_and_not_bone() -> None:
    from proprio_tcn.arms.opening import open_arm

    arm = open_arm(OSIM)
    assert isinstance(arm, SkeletalArm)
    assert arm.species == "macaque"
    assert file_segments(arm.geometry)["humerus"].mass_kg == pytest.approx(0.01536, abs=1e-5)
    segments = default_segments(arm)
    assert list(segments) == ["humerus", "ulna", "hand"]
    shares = [segment.mass_kg / 8.0 for segment in segments.values()]
    assert shares == pytest.approx([0.036, 0.024, 0.008])
    upper = segments["humerus"]
    assert np.linalg.norm(upper.center_m) == pytest.approx(0.49 * 0.155, rel=0.02)
    principal = np.linalg.eigvalsh(upper.inertia_kg_m2)
    assert principal[1:] == pytest.approx(0.288 * (0.249 * 0.155) ** 2, rel=0.03)
    assert 0 < principal[0] < 0.5 * principal[1]
    angles = np.array([[one.default_rad for one in arm.coordinates]])
    still = np.zeros_like(angles)
    torque = inverse_dynamics(arm, angles, still, still)
    assert 0.05 < np.abs(torque).max() < 2.0
    light = inverse_dynamics(arm, angles, still, still, segments=scaled_segments(arm, 4.0))
    np.testing.assert_allclose(light, torque / 2, atol=1e-12)


@pytest.mark.skipif(not OSIM.exists(), reason="the shared macaque model is not here")
def test_masses_of_dry_bone_are_refused_whatever_the_file_is_called(tmp_path: Path) -> None:
    from proprio_tcn.arms.opening import open_arm

    text = OSIM.read_text(encoding="utf-8")
    named = text.replace('<Model name="Monkey', '<Model name="limb', 1)
    assert named != text
    path = tmp_path / "limb.osim"
    path.write_text(named, encoding="utf-8")
    arm = open_arm(path)
    angles = np.array([[one.default_rad for one in arm.coordinates]])
    still = np.zeros_like(angles)
    # 30.7 g on 16.3 + 18.6 cm; the least is a fifth of 0.544 kg (0.349 / 0.347)^3
    with pytest.raises(ValueError, match=r"about 0\.554 kg .* 34\.9 cm, got 0\.0307 kg.*macaque"):
        inverse_dynamics(arm, angles, still, still)
    told = open_arm(path, species="macaque")
    published = inverse_dynamics(open_arm(OSIM), angles, still, still)
    np.testing.assert_allclose(inverse_dynamics(told, angles, still, still), published)


def test_a_fifth_of_a_macaques_mass_is_the_least() -> None:
    usual = 0.068 * 8.0
    for share, fits in ((0.21, True), (0.19, False)):
        text = RODS.replace("</worldbody>", '<site name="top"/></worldbody>')
        text = text.replace('pos="0 0 -.161">', 'pos="0 0 -.161"><site name="joint"/>')
        for mass, part in ((".288", 0.6), (".256", 0.4)):
            text = text.replace(f'mass="{mass}"', f'mass="{part * share * usual}"')
        model = mujoco.MjModel.from_xml_string(text)
        arm = SkeletalArm(mujoco_geometry(model, hand="tip", elbow="joint", shoulder="top"))
        if fits:
            assert default_segments(arm)["forearm"].mass_kg == pytest.approx(0.4 * share * usual)
            continue
        with pytest.raises(ValueError, match=r"about 0\.544 kg for an arm of 34\.7 cm, got 0\.103"):
            default_segments(arm)


def test_scaled_segments_of_a_man() -> None:
    arm = SkeletalArm(human_arm())
    segments = scaled_segments(arm, 75.0, proportions=HUMAN, bodies=("humerus", "ulna", "lunate"))
    assert [one.mass_kg for one in segments.values()] == pytest.approx([2.1, 1.2, 0.45])
    own = file_segments(arm.geometry)
    assert own["humerus"].mass_kg == pytest.approx(2.0, abs=0.1)
    angles, still = draws(arm, 20)[0], np.zeros((20, 4))
    scaled = inverse_dynamics(arm, angles, still, still, segments=segments)
    arms = inverse_dynamics(arm, angles, still, still)
    assert np.corrcoef(scaled[:, 3], arms[:, 3])[0, 1] > 0.95  # the elbow carries no shoulder blade


def test_segments_on_one_frame_add_up() -> None:
    rod = rod_segments(TWO, 0.3, 0.2)["forearm"]
    halves = {
        "upper_arm": rod_segments(TWO, 0.3, 0.2)["upper_arm"],
        "forearm": Segment(0.2, rod.center_m, rod.inertia_kg_m2),
    }
    states = draws(TWO, 5)
    np.testing.assert_allclose(
        inverse_dynamics(TWO, *states, segments=halves),
        inverse_dynamics(TWO, *states, segments=rod_segments(TWO, 0.3, 0.2)),
    )
    assert sum(share.mass for share in MACAQUE.values()) == pytest.approx(0.068)


def test_refused_input() -> None:
    angles, speeds, rises = draws(TWO, 3)
    with pytest.raises(ValueError, match=r"angles_rad must have shape \(n, 4\)"):
        inverse_dynamics(TWO, angles[:, :3], speeds, rises)
    with pytest.raises(ValueError, match=r"velocities must have the shape of angles_rad, \(3, 4\)"):
        inverse_dynamics(TWO, angles, speeds[:2], rises)
    with pytest.raises(ValueError, match="accelerations must be finite"):
        inverse_dynamics(TWO, angles, speeds, rises * np.nan)
    with pytest.raises(ValueError, match="gravity must be three finite numbers"):
        inverse_dynamics(TWO, angles, speeds, rises, gravity=(0.0, -9.81))
    segments = {"leg": rod_segments(TWO, 1, 1)["forearm"]}
    with pytest.raises(ValueError, match=r"segments must name bodies .*upper_arm, forearm.*'leg'"):
        inverse_dynamics(TWO, angles, speeds, rises, segments=segments)
    with pytest.raises(ValueError, match="upper_arm_kg must be positive, got 0"):
        rod_segments(TWO, 0.0, 1.0)


def test_refused_arms() -> None:
    arm = SkeletalArm(human_arm())
    with pytest.raises(ValueError, match="body_mass_kg must be positive, got nan"):
        scaled_segments(arm, float("nan"))
    with pytest.raises(ValueError, match=r"bodies must be three of .* got hand"):
        scaled_segments(arm, 75.0)
    other: Any = object()
    with pytest.raises(TypeError, match="arm must be skeletal or of two links, got object"):
        default_segments(other)
    with pytest.raises(TypeError, match="inverse dynamics know skeletal and two-link arms"):
        inverse_dynamics(other, np.zeros((1, 4)), np.zeros((1, 4)), np.zeros((1, 4)))
    geometry = mujoco_geometry(
        mujoco.MjModel.from_xml_string(SLIDING), hand="tip", elbow="boom", shoulder="cart"
    )
    light = replace(geometry, bodies=tuple(replace(body, mass_kg=0.0) for body in geometry.bodies))
    with pytest.raises(ValueError, match="gives no mass to the bodies that move"):
        default_segments(SkeletalArm(light))
