"""Arms from MuJoCo models, held against MuJoCo itself."""

import warnings
from pathlib import Path
from typing import Any

import mujoco
import numpy as np
import pytest
from numpy.typing import NDArray

from proprio_tcn.arms.geometry import Geometry
from proprio_tcn.arms.kinematics import points
from proprio_tcn.arms.mujoco_models import human_arm, mujoco_geometry, quiet_mujoco, small_elbow
from proprio_tcn.arms.skeletal import SkeletalArm

Floats = NDArray[np.float64]

OWN = """
<mujoco model="bench">
  <compiler angle="radian"/>
  <worldbody>
    <site name="origin" pos="0 0 .3"/>
    <geom name="ball" type="sphere" size=".03" pos=".02 .1 .2"/>
    <body name="trunk" pos=".1 0 .2" quat=".9 .1 .3 -.2">
      <body name="upper" pos="0 .05 0">
        <inertial pos=".1 0 0" mass="2" diaginertia=".01 .02 .03"/>
        <joint name="lift" type="slide" axis="0 0 1" range="-.1 .2" ref=".05"/>
        <joint name="swing" axis="0 1 .2" pos=".01 .02 .03" range="-1 1.5" ref=".3"/>
        <joint name="twist" axis="1 0 0" range="-1 1" ref="-.2"/>
        <site name="a" pos=".03 .04 .05"/>
        <geom name="tube" type="cylinder" size=".02 .1" pos=".12 .01 0" quat=".5 .5 -.5 .5"/>
        <site name="side" pos=".12 .06 .01"/>
        <body name="lower" pos=".25 0 0" quat=".8 0 .6 0">
          <inertial pos=".1 .01 0" mass="1" fullinertia=".01 .02 .015 .001 .002 -.001"/>
          <joint name="elbow" axis="0 0 1" pos="0 .01 0" range="-.5 2" ref=".4"/>
          <joint name="follower" axis="0 1 0" range="-3 3" ref=".1"/>
          <site name="b" pos=".02 .05 0"/>
          <site name="tip" pos=".3 0 .02"/>
        </body>
      </body>
    </body>
  </worldbody>
  <tendon>
    <spatial name="rope"><site site="origin"/><geom geom="ball"/><site site="a"/>
      <geom geom="tube" sidesite="side"/><site site="b"/><site site="tip"/></spatial>
    <spatial name="passive"><site site="origin"/><site site="tip"/></spatial>
    <spatial name="block"><site site="origin"/><site site="a"/><pulley divisor="2"/>
      <site site="a"/><site site="tip"/></spatial>
    <fixed name="sum"><joint joint="swing" coef="1"/><joint joint="elbow" coef="2"/></fixed>
  </tendon>
  <actuator>
    <muscle name="rope_muscle" tendon="rope" lengthrange=".2 .6" range=".75 1.05" force="90"/>
    <motor name="crank" joint="swing"/>
    <motor name="hoist" tendon="block"/>
    <motor name="adder" tendon="sum"/>
  </actuator>
  <equality>
    <joint name="bent" joint1="follower" joint2="twist" polycoef=".1 .5 -.3 .2 .05"/>
    <joint name="idle" joint1="lift" joint2="twist" active="false"/>
    <tendon name="ropes" tendon1="rope" tendon2="passive"/>
  </equality>
</mujoco>
"""
PLACES: dict[str, Any] = {"hand": "tip", "elbow": "lower", "shoulder": "upper"}


def posed(model: Any, arm: SkeletalArm, angles: Floats, suffix: str) -> Any:
    """MuJoCo's data where the coordinates have these values and couplings hold."""
    data = mujoco.MjData(model)
    mapping = position_map(model, arm, suffix)
    data.qpos[:] = [mapping(joint, angles) for joint in range(model.njnt)]
    mujoco.mj_forward(model, data)
    return data


def position_map(model: Any, arm: SkeletalArm, suffix: str) -> Any:
    """The value of each joint, from MuJoCo's definition of a coupling."""
    free = {one.name + suffix: index for index, one in enumerate(arm.coordinates)}
    coupled = {int(model.eq_obj1id[e]): e for e in range(model.neq) if model.eq_type[e] == 2}
    coupled = {joint: e for joint, e in coupled.items() if model.eq_active0[e]}

    def value(joint: int, angles: Floats) -> float:
        name = model.joint(joint).name
        if name in free:
            return float(angles[free[name]])
        if joint in coupled:
            driver = int(model.eq_obj2id[coupled[joint]])
            offset = value(driver, angles) - model.qpos0[driver]
            law = np.polyval(model.eq_data[coupled[joint]][:5][::-1], offset)
            return float(model.qpos0[joint] + law)
        return float(arm.held_rad[name.removesuffix(suffix)])

    return value


def draws(arm: SkeletalArm, count: int, seed: int = 0) -> Floats:
    """Postures all over the range."""
    low = [one.low_rad for one in arm.coordinates]
    high = [one.high_rad for one in arm.coordinates]
    return np.random.default_rng(seed).uniform(low, high, (count, len(low)))


def worst(model: Any, arm: SkeletalArm, angles: Floats, suffix: str = "") -> dict[str, float]:
    """Largest differences from MuJoCo over some postures."""
    names = [one.name for one in arm.geometry.bodies]
    frames = np.array([arm.placements[name].frame for name in names])
    places = np.array([arm.placements[name].offset for name in names])
    bodies = np.empty((len(angles), len(names), 3))
    points(arm.skeleton, frames, places, angles, bodies)
    pose = arm.pose(angles)
    found = {"body": 0.0, "length": 0.0, "jacobian": 0.0}
    tendons = [
        int(model.actuator_trnid[index, 0])
        for index in range(model.nu)
        if model.actuator(index).name in arm.muscles
    ]
    for row, posture in enumerate(angles):
        data = posed(model, arm, posture, suffix)
        expected = data.xpos[1:] @ arm.skeleton.base_rotation.T + arm.skeleton.base_offset
        found["body"] = max(found["body"], np.abs(bodies[row] - expected).max())
        lengths = data.ten_length[tendons]
        found["length"] = max(found["length"], np.abs(pose.muscle_length_m[row] - lengths).max())
        slopes = tendon_slopes(model, data)[tendons] @ spread(model, arm, posture, suffix)
        gap = np.abs(pose.muscle_jacobian_m[row] - slopes).max()
        found["jacobian"] = max(found["jacobian"], gap)
    return found


def tendon_slopes(model: Any, data: Any) -> Floats:
    """Derivatives of MuJoCo's tendons by joint, (tendons, joints)."""
    dense = np.zeros((model.ntendon, model.nv))
    here = model if hasattr(model, "ten_J_rownnz") else data
    values, columns = data.ten_J.ravel(), here.ten_J_colind.ravel()
    for row in range(model.ntendon):
        first = here.ten_J_rowadr[row]
        part = slice(first, first + here.ten_J_rownnz[row])
        dense[row, columns[part]] = values[part]
    return dense


def spread(model: Any, arm: SkeletalArm, posture: Floats, suffix: str) -> Floats:
    """How each joint goes with each coordinate, (joints, coordinates), by differences."""
    mapping, found = position_map(model, arm, suffix), []
    for index in range(len(posture)):
        step = 1e-5 * (np.arange(len(posture)) == index)
        ahead = [mapping(joint, posture + step) for joint in range(model.njnt)]
        behind = [mapping(joint, posture - step) for joint in range(model.njnt)]
        found.append((np.array(ahead) - np.array(behind)) / 2e-5)
    return np.array(found).T


def own(text: str = OWN, **options: Any) -> Geometry:
    return mujoco_geometry(mujoco.MjModel.from_xml_string(text), **(PLACES | options))


@pytest.fixture(scope="module")
def human_model() -> Any:
    import myo_sim

    with quiet_mujoco():
        return myo_sim.load_model("myoarm")


@pytest.fixture(scope="module")
def human() -> SkeletalArm:
    return SkeletalArm(human_arm())


def test_human_arm_is_mujocos(human_model: Any, human: SkeletalArm) -> None:
    found = worst(human_model, human, draws(human, 60), "_r")
    assert found["body"] < 1e-12
    assert found["length"] < 1e-9
    assert found["jacobian"] < 1e-7


def test_human_arm_is_a_right_arm_in_front(human: SkeletalArm) -> None:
    assert human.species == "human"
    assert len(human.muscles) == 63
    assert human.moving.sum() == 37
    names = [one.name for one in human.coordinates]
    assert names == ["elv_angle", "shoulder_elv", "shoulder_rot", "elbow_flexion"]
    assert any("ligament" in note for note in human.notes)
    assert any("human right arm" in note for note in human.notes)
    default = np.array([[one.default_rad for one in human.coordinates]])
    forward, left, up = human.hand(default)[0]
    assert forward > 0.3
    assert abs(left) < 0.25
    assert -0.4 < up < 0.1
    side, front = human.elbow(np.deg2rad([[0.0, 90.0, 0.0, 90.0], [90.0, 90.0, 0.0, 90.0]]))
    assert side[1] < -0.25  # raised sideways, a right arm points to the right
    assert front[0] > 0.25


def test_human_muscles_have_fibres(human: SkeletalArm) -> None:
    (biceps,) = (one for one in human.geometry.muscles if one.name == "BIClong")
    assert 0.05 < biceps.optimal_fibre_m < 0.2
    assert biceps.max_force_n > 300


def test_small_elbow_is_mujocos() -> None:
    import myo_sim

    model = mujoco.MjModel.from_xml_path(str(myo_sim.get_xml_path("myoelbow_2dof")))
    arm = SkeletalArm(small_elbow())
    found = worst(model, arm, draws(arm, 60))
    assert len(arm.muscles) == 6
    assert arm.muscles[-1] == "BRA"
    assert found["body"] < 1e-12
    assert found["length"] < 1e-9
    assert found["jacobian"] < 1e-7


def test_own_model_is_mujocos() -> None:
    model = mujoco.MjModel.from_xml_string(OWN)
    arm = SkeletalArm(own(name="bench arm"))
    assert [one.name for one in arm.coordinates] == ["lift", "swing", "twist", "elbow"]
    assert arm.muscles == ("rope_muscle",)
    found = worst(model, arm, draws(arm, 80))
    assert found["body"] < 1e-12
    assert found["length"] < 1e-9
    assert found["jacobian"] < 1e-7


def test_locked_joints_keep_their_values() -> None:
    model = mujoco.MjModel.from_xml_string(OWN)
    arm = SkeletalArm(own(free=["elbow"], locked_rad={"twist": 0.7, "lift": 0.1}))
    assert arm.held_rad == pytest.approx({"lift": 0.1, "swing": 0.3, "twist": 0.7})
    assert worst(model, arm, draws(arm, 20))["length"] < 1e-9


def test_masses_are_the_models() -> None:
    (lower,) = (body for body in own().bodies if body.name == "lower")
    assert lower.mass_kg == pytest.approx(1.0)
    expected = [[0.01, 0.001, 0.002], [0.001, 0.02, -0.001], [0.002, -0.001, 0.015]]
    np.testing.assert_allclose(lower.inertia_kg_m2, expected, atol=1e-12)


def test_muscle_parameters() -> None:
    (muscle,) = own().muscles
    assert muscle.optimal_fibre_m == pytest.approx(0.4 / 0.3)
    assert muscle.tendon_slack_m == pytest.approx(0.2 - 0.75 * 0.4 / 0.3)
    assert muscle.max_force_n == 90


def test_shoulder_rests_where_the_default_posture_has_it() -> None:
    arm = SkeletalArm(own(defaults_rad={"lift": 0.15}))
    model = mujoco.MjModel.from_xml_string(OWN)
    default = np.array([one.default_rad for one in arm.coordinates])
    data = posed(model, arm, default, "")
    np.testing.assert_allclose(arm.skeleton.base_offset, -data.body("upper").xpos, atol=1e-12)


def test_what_is_left_out_is_named() -> None:
    notes = " ".join(own().notes)
    assert "Actuator crank pulls no tendon" in notes
    assert "Muscle hoist is left out: its tendon has a pulley" in notes
    assert "Muscle adder is left out: its tendon has a joint" in notes
    assert "Tendons without actuator are no muscles: passive" in notes
    assert "Constraint idle is not active" in notes
    assert "Constraint ropes of tendons" in notes


def test_ball_joints_are_held() -> None:
    hip = '<joint name="hip" type="ball"/><geom size=".1" contype="0" conaffinity="0"/>'
    text = OWN.replace('<body name="upper"', hip + '<body name="upper"')
    geometry = own(text)
    assert any("Joint hip of kind ball: held" in note for note in geometry.notes)
    straight, held = SkeletalArm(own()), SkeletalArm(geometry)
    angles = draws(straight, 5)
    np.testing.assert_allclose(held.hand(angles), straight.hand(angles), atol=1e-12)


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        (
            '<tendon name="ropes" tendon1="rope" tendon2="passive"/>',
            '<weld name="glue" body1="lower"/>',
            "Constraint 'glue' holds bodies together in other ways",
        ),
        ('sidesite="side"', 'sidesite="tip"', "Side site 'tip' of 'tube' must ride on the same"),
        (
            '<joint name="idle" joint1="lift" joint2="twist" active="false"/>',
            '<joint name="back" joint1="twist" joint2="follower"/>',
            "Joint 'follower' is coupled to itself: remove an equality",
        ),
        (
            'name="lift" type="slide" axis="0 0 1" range="-.1 .2"',
            'name="lift" type="slide" axis="0 0 1"',
            "range of lift must be two numbers",
        ),
        ('<body name="lower"', '<body name="ground"', "Several bodies are called ground"),
    ],
)
def test_refused_models(before: str, after: str, message: str) -> None:
    assert before in OWN
    with pytest.raises(ValueError, match=message):
        own(OWN.replace(before, after))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"hand": "palm"}, "no site or body 'palm'; its bodies are trunk, upper, lower"),
        ({"free": ["wrist"]}, r"free must name joints .*lift, swing, twist, elbow.*got wrist"),
        ({"free": []}, "At least one joint must be free"),
        ({"free": ["elbow"], "locked_rad": {"elbow": 1.0}}, "locked_rad must name joints"),
        ({"ranges_rad": {"follower": (0, 1)}}, "ranges_rad must name joints"),
        ({"ranges_rad": {"elbow": (1.0, 1.0)}}, "range of elbow must be two numbers, low < high"),
        ({"defaults_rad": {"elbow": 3.0}}, "default of elbow must be in"),
        ({"world": np.diag([1.0, 1.0, -1.0])}, "got a reflection"),
        ({"world": np.ones((3, 3))}, "world must be a rotation matrix"),
    ],
)
def test_refused_options(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        own(**options)


def test_refused_files(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"There is no MuJoCo model at .*: give the path of"):
        mujoco_geometry(tmp_path / "none.xml", **PLACES)
    broken = tmp_path / "broken.xml"
    broken.write_text("<mujoco><body></mujoco>")
    with pytest.raises(ValueError, match=r"broken.xml is no MuJoCo model that can be read"):
        mujoco_geometry(broken, **PLACES)
    good = tmp_path / "good.xml"
    good.write_text(OWN)
    assert mujoco_geometry(good, **PLACES).name == "bench"


def test_nothing_is_written_or_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert human_arm.__wrapped__().name == "human"
    assert not list(tmp_path.iterdir())


def test_other_warnings_of_mujoco_become_pythons(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    model = mujoco.MjModel.from_xml_string(OWN)
    data = mujoco.MjData(model)
    data.qvel[:] = np.nan
    with pytest.warns(RuntimeWarning, match=r"MuJoCo: Nan, Inf"), quiet_mujoco():
        mujoco.mj_step(model, data)
    assert not list(tmp_path.iterdir())
    assert mujoco.get_mju_user_warning() is None
