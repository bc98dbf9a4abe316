"""Joints, spheres, constraints and prescribed coordinates of OpenSim files, as OpenSim has them."""

from pathlib import Path

import numpy as np
import pytest

from neuro_common.files import FormatError
from proprio_tcn.arms.opening import open_arm
from proprio_tcn.arms.osim import read_osim

# An upper arm on a universal joint, and a lower one on a rail.
MODEL = """<OpenSimDocument Version="30000"><Model name="Joints">
<BodySet><objects><Body name="ground"/>
  <Body name="upper"><mass>1</mass><Joint><UniversalJoint name="ball">
    <parent_body>ground</parent_body><location_in_parent>0.1 0.2 0</location_in_parent>
    <orientation_in_parent>0 0 0.3</orientation_in_parent><CoordinateSet><objects>
      <Coordinate name="u"><range>-1 1</range></Coordinate>
      <Coordinate name="v"><range>-1 1</range><default_value>.3</default_value></Coordinate>
    </objects></CoordinateSet></UniversalJoint></Joint>
    <WrapObjectSet><objects><WrapSphere name="BALL"><radius>0.03</radius>
      <translation>0 -0.1 0</translation><quadrant>-y</quadrant></WrapSphere></objects>
    </WrapObjectSet></Body>
  <Body name="lower"><mass>1</mass><Joint><SliderJoint name="rail">
    <parent_body>upper</parent_body><location_in_parent>0 -0.3 0</location_in_parent>
    <orientation_in_parent>0 0.4 0</orientation_in_parent><location>0 0 0.05</location>
    <orientation>0.2 0 0</orientation><CoordinateSet><objects>
      <Coordinate name="w"><range>-.1 .1</range></Coordinate></objects></CoordinateSet>
    </SliderJoint></Joint></Body>
</objects></BodySet><ConstraintSet><objects/></ConstraintSet>
<MarkerSet><objects>
  <Marker name="Marker_3"><body>lower</body><location>0 -0.2 0.1</location></Marker>
  <Marker name="Marker_6"><body>lower</body><location>0 0 0</location></Marker>
</objects></MarkerSet></Model></OpenSimDocument>"""

COUPLER = (
    '<ConstraintSet><objects><CoordinateCouplerConstraint name="rhythm">{0}'
    "<coupled_coordinates_function><LinearFunction><coefficients>0.1 0</coefficients>"
    "</LinearFunction></coupled_coordinates_function>"
    "<independent_coordinate_names>u</independent_coordinate_names>"
    "<dependent_coordinate_name>w</dependent_coordinate_name>"
    "</CoordinateCouplerConstraint></objects></ConstraintSet>"
)
NO_CONSTRAINTS = "<ConstraintSet><objects/></ConstraintSet>"


def write(folder: Path, before: str = "", after: str = "") -> Path:
    assert before in MODEL
    path = folder / "joints.osim"
    path.write_text(MODEL.replace(before, after, 1) if before else MODEL, encoding="utf-8")
    return path


def test_universal_and_sliding_joints_are_opensims(tmp_path: Path) -> None:
    arm = open_arm(write(tmp_path))
    assert [one.name for one in arm.coordinates] == ["u", "v", "w"]
    angles = [[0.3, -0.5, 0.04], [-0.7, 0.6, -0.08]]
    # OpenSim 4.6, in the axes of the file
    hand = [[0.27484959, -0.26054031, -0.05548107], [0.21796434, -0.07493907, 0.40129893]]
    elbow = [[0.22628758, -0.05702065, -0.13435741], [0.08159100, -0.02628664, 0.23090159]]
    np.testing.assert_allclose(arm.marker("Marker_3", angles, axes="file"), hand, atol=1e-8)
    np.testing.assert_allclose(arm.marker("Marker_6", angles, axes="file"), elbow, atol=1e-8)


def test_a_sphere_keeps_its_radius_place_and_side(tmp_path: Path) -> None:
    (ball,) = read_osim(write(tmp_path)).wrap_objects
    assert (ball.name, ball.body, ball.kind) == ("BALL", "upper", "sphere")
    assert (ball.constrained, ball.sign, ball.half_length_m) == (1, -1, np.inf)
    np.testing.assert_array_equal(ball.radii_m, [0.03, 0.03, 0.03])
    np.testing.assert_array_equal(ball.offset, [0.0, -0.1, 0.0])


@pytest.mark.parametrize(
    "switch", ["<isDisabled>true</isDisabled>", "<isEnforced>false</isEnforced>"]
)
def test_constraints_that_are_switched_off_do_not_hold(tmp_path: Path, switch: str) -> None:
    held = open_arm(write(tmp_path, NO_CONSTRAINTS, COUPLER.format("")))
    assert [one.name for one in held.coordinates] == ["u", "v"]
    free = open_arm(write(tmp_path, NO_CONSTRAINTS, COUPLER.format(switch)))
    assert [one.name for one in free.coordinates] == ["u", "v", "w"]
    np.testing.assert_allclose(held.hand([[0.4, 0.2]]), free.hand([[0.4, 0.2, 0.04]]), atol=1e-12)


def test_a_prescribed_coordinate_is_held_and_said_to_be(tmp_path: Path) -> None:
    free = open_arm(write(tmp_path))
    arm = open_arm(
        write(tmp_path, "<default_value>.3", "<prescribed>true</prescribed><default_value>.3")
    )
    assert arm.held_rad == {"v": 0.3}
    assert "Coordinate 'v' is prescribed; it is held at its default." in arm.notes
    np.testing.assert_allclose(arm.hand([[0.4, 0.05]]), free.hand([[0.4, 0.3, 0.05]]), atol=1e-12)


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        (
            '<SliderJoint name="rail">',
            '<SliderJoint name="rail"><reverse>true</reverse>',
            r"SliderJoint 'rail': reversed joints are not supported",
        ),
        ("<range>-.1 .1</range>", "<range>.1 -.1</range>", r"'w': range must ascend, got 0.1 to"),
        ('name="w"', 'name="v"', r"two coordinates are called 'v'"),
        ('<Body name="lower">', '<Body name="upper">', r"body 'upper' hangs on two joints; loops"),
        (
            "<body>lower</body><location>0 -0.2 0.1",
            "<body>ground</body><location>0 -0.2 0.1",
            r"a joint between the ground and the hand must be free, got none: unlock a coord",
        ),
        ("<radius>0.03", "<radius>0", r"WrapSphere 'BALL' on upper: its size must be positive"),
        ("<range>-1 1</range>", "<range>-1 inf</range>", r"'u': range must be finite, got"),
    ],
)
def test_joints_that_cannot_be_are_named(
    tmp_path: Path, before: str, after: str, message: str
) -> None:
    with pytest.raises(FormatError, match=message):
        read_osim(write(tmp_path, before, after))
