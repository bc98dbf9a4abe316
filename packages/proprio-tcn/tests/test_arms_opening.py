"""Arms by name and by file."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from neuro_common.files import FormatError
from proprio_tcn.arms.opening import open_arm
from proprio_tcn.arms.skeletal import SkeletalArm
from proprio_tcn.arms.two_link import TwoLinkArm

MACAQUE = Path(__file__).resolve().parents[4] / "shared" / "data" / "arm" / "snap_scaled.osim"

TENDON = """
<mujoco><worldbody>
  <site name="shoulder" pos="0 0 1"/><site name="start" pos="0 .01 .9"/>
  <body pos="0 0 1"><joint name="swing" axis="0 1 0" range="-90 90"/><geom size=".01" mass="1"/>
    <site name="end" pos="0 .01 -.1"/><site name="hand" pos="0 0 -.3"/><site name="elbow"/>
  </body></worldbody>
  <tendon><spatial name="flexor"><site site="start"/><site site="end"/></spatial></tendon>
  <actuator><muscle name="flexor" tendon="flexor" range=".75 1.05"/></actuator>
</mujoco>
"""


def test_two_link_by_name() -> None:
    arm = open_arm("two_link", lengths="chips")
    assert isinstance(arm, TwoLinkArm)
    assert (arm.upper_m, arm.forearm_m) == (0.172, 0.221)
    short = open_arm("two_link", forearm_m=0.1)
    np.testing.assert_allclose(short.hand(np.zeros((1, 4))), [[0, 0, -0.261]], atol=1e-12)
    with pytest.raises(ValueError, match=r"lengths must be one of snap, butter, .* got 'lando'"):
        open_arm("two_link", lengths="lando")
    with pytest.raises(
        ValueError,
        match="'two_link' has no option wrapping; its options are lengths, upper_m, forearm",
    ):
        open_arm("two_link", wrapping=False)
    with pytest.raises(ValueError, match="must be of its kinds, got upper_m='long': "):
        open_arm("two_link", upper_m="long")


def test_human_arms_by_name() -> None:
    arm = open_arm("human")
    assert arm.species == "human"
    names = ["elv_angle", "shoulder_elv", "shoulder_rot", "elbow_flexion"]
    assert [one.name for one in arm.coordinates] == names
    assert (len(arm.muscles), int(arm.moving.sum())) == (63, 37)
    elbow = open_arm("elbow", coordinates=["r_elbow_flex"])
    assert len(elbow.coordinates) == 1
    with pytest.raises(ValueError, match="the arm 'human' has no option hand; its options are co"):
        open_arm("human", hand="S_grasp")


def test_mujoco_model_from_file_and_compiled(tmp_path: Path) -> None:
    path = tmp_path / "arm.xml"
    path.write_text(TENDON, encoding="utf-8")
    arm = open_arm(path, hand="hand", elbow="elbow", shoulder="shoulder")
    angle = np.array([[0.0], [0.5]])
    # the end hangs beside the start at rest, and then a tenth of a metre swung by the angle
    expected = np.hypot(0.1 * np.sin(angle), 0.1 * (1 - np.cos(angle)))[:, 0]
    import mujoco  # type: ignore[import-untyped]

    compiled = mujoco.MjModel.from_xml_path(str(path))
    other = open_arm(compiled, hand="hand", elbow="elbow", shoulder="shoulder", threads=2)
    pose = other.pose(angle)
    np.testing.assert_array_equal(pose.muscle_length_m, arm.pose(angle).muscle_length_m)
    with pytest.raises(ValueError, match=r'in Python open_arm\(model, elbow="NAME"\)'):
        open_arm(compiled, hand="hand")
    np.testing.assert_allclose(pose.muscle_length_m[:, 0], expected, atol=1e-12)
    np.testing.assert_allclose(pose.hand_m[0], [0, 0, -0.3], atol=1e-12)


@pytest.mark.skipif(not MACAQUE.is_file(), reason="shared/data/arm/snap_scaled.osim is not there")
def test_macaque_in_the_published_order() -> None:
    arm = open_arm(MACAQUE)
    assert isinstance(arm, SkeletalArm)
    names = ["shoulder_flexion", "shoulder_adduction", "shoulder_rotation", "elbow_flexion"]
    assert [one.name for one in arm.coordinates] == names
    other = open_arm(str(MACAQUE), coordinates=[*names[::-1], "radial_pronation"])
    angles = np.array([[0.2, -0.3, 0.4, 1.0]])
    turned = np.column_stack([angles[:, ::-1], [0.0]])
    np.testing.assert_allclose(other.hand(turned), arm.hand(angles), atol=1e-12)


def test_what_there_is_not() -> None:
    with pytest.raises(ValueError, match=r"human, elbow, two_link or the path .* got 'octopus'"):
        open_arm("octopus")
    for options in ({}, {"hand": "h", "elbow": "e", "shoulder": "s"}):
        with pytest.raises(ValueError, match=r"There is no MuJoCo model at gone\.xml: give the pa"):
            open_arm("gone.xml", **options)
    with pytest.raises(TypeError, match=r"a compiled mujoco\.MjModel, got int"):
        open_arm(3)
    with pytest.raises(FormatError, match=r"gone\.osim cannot be read: No such file; give the pat"):
        open_arm("gone.osim")


def test_a_mujoco_file_needs_its_landmarks(tmp_path: Path) -> None:
    path = tmp_path / "arm.xml"
    path.write_text(TENDON, encoding="utf-8")
    with pytest.raises(
        ValueError, match=r"hand, elbow and shoulder.*got none for hand, elbow, shoulder"
    ):
        open_arm(path)
    with pytest.raises(
        ValueError, match=r"got none for shoulder: use arm_options.shoulder=NAME .* open_arm\('"
    ):
        open_arm(path, hand="hand", elbow="elbow")


def test_unknown_options_name_those_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "arm.osim"
    path.write_text("<OpenSimDocument/>", encoding="utf-8")
    with pytest.raises(
        ValueError, match="no option body; its options are hand, elbow, shoulder, species, coord"
    ):
        open_arm(path, body=3)


def test_importing_is_light() -> None:
    code = (
        "import sys, proprio_tcn.arms.opening, proprio_tcn.arms.two_link as two\n"
        "two.TwoLinkArm().hand([[0, 0, 0, 0]])\n"
        "print({'numba', 'torch', 'mujoco', 'matplotlib', 'hydra'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
