"""The reader of OpenSim files: closed forms on a small arm, and messages."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from neuro_common.files import FormatError
from proprio_tcn.arms.arm import describe
from proprio_tcn.arms.opening import open_arm
from proprio_tcn.arms.osim import read_osim
from proprio_tcn.arms.skeletal import SkeletalArm

LINE = "<LinearFunction><coefficients>1 0</coefficients></LinearFunction>"

# A humerus of 0.3 m on a hinge about z, 0.1 m from the ground's origin, and a forearm of 0.2 m.
OLD = """<?xml version="1.0" encoding="UTF-8"?>
<OpenSimDocument Version="30000"><Model name="Small monkey">
<BodySet><objects>
  <Body name="ground"><WrapObjectSet><objects>{ground_wraps}</objects></WrapObjectSet></Body>
  <Body name="humerus"><mass>2</mass><mass_center>0 -.15 0</mass_center><inertia_xx>.01</inertia_xx>
    <Joint><CustomJoint name="shoulder"><parent_body>ground</parent_body>
      <location_in_parent>0.1 0 0</location_in_parent>
      <CoordinateSet><objects><Coordinate name="swing"><default_value>0.1</default_value>
        <range>-1 2</range><locked>false</locked></Coordinate></objects></CoordinateSet>
      <SpatialTransform>
        <TransformAxis name="rotation1"><coordinates>swing</coordinates><axis>0 0 1</axis>
          <function>{function}</function></TransformAxis>
        <TransformAxis name="translation2"><coordinates/><axis>0 1 0</axis><function>
          <MultiplierFunction><function><Constant><value>0.01</value></Constant></function>
          <scale>2</scale></MultiplierFunction></function></TransformAxis>
      </SpatialTransform></CustomJoint></Joint>
    <WrapObjectSet><objects><WrapCylinder name="PULLEY">
      <xyz_body_rotation>0 0 0.5</xyz_body_rotation>
      <translation>0 -0.3 0</translation><quadrant>{quadrant}</quadrant><radius>0.02</radius>
      <length>0.1</length></WrapCylinder></objects></WrapObjectSet></Body>
  <Body name="ulna"><mass>1</mass>
    <Joint><{joint} name="elbow"><parent_body>{parent}</parent_body>
      <location_in_parent>0 -0.3 0</location_in_parent>
      <CoordinateSet><objects><Coordinate name="bend"><default_value>0.5</default_value>
        <range>0 2.5</range><locked>{locked}</locked></Coordinate></objects></CoordinateSet>
      </{joint}></Joint></Body>
</objects></BodySet>
<ConstraintSet><objects>{constraint}</objects></ConstraintSet>
<ForceSet><objects>
  <Thelen2003Muscle name="flexor"><GeometryPath><PathPointSet><objects>
    <PathPoint name="a"><location>0.03 -0.05 0</location><body>humerus</body></PathPoint>
    <ConditionalPathPoint name="b"><location>0.03 -0.27 0</location><body>humerus</body>
      <coordinate>bend</coordinate><range>1 2.5</range></ConditionalPathPoint>
    <{point} name="c"><location>0.03 -0.1 0</location><body>{body}</body></{point}>
    </objects></PathPointSet><PathWrapSet><objects>
    <PathWrap><wrap_object>{target}</wrap_object><range>{span}</range></PathWrap></objects>
    </PathWrapSet></GeometryPath>
    <max_isometric_force>100</max_isometric_force><optimal_fiber_length>.1</optimal_fiber_length>
    <tendon_slack_length>.05</tendon_slack_length>
    <pennation_angle_at_optimal>.2</pennation_angle_at_optimal></Thelen2003Muscle>
  <CoordinateActuator name="motor"/>
</objects></ForceSet>
<MarkerSet><objects>
  <Marker name="Marker_3"><body>ulna</body><location>0 -0.2 0</location></Marker>
  <Marker name="Marker_6"><body>{elbow}</body><location>0 0 0</location></Marker>
</objects></MarkerSet></Model></OpenSimDocument>"""

PLAIN = {
    "ground_wraps": "",
    "function": LINE,
    "quadrant": "all",
    "joint": "PinJoint",
    "parent": "humerus",
    "locked": "false",
    "constraint": "",
    "point": "PathPoint",
    "body": "ulna",
    "target": "PULLEY",
    "span": "-1 -1",
    "elbow": "ulna",
}

NEW = """<OpenSimDocument Version="40500"><Model name="Small">
<Ground name="ground"/>
<BodySet><objects><Body name="humerus"><mass>2</mass><mass_center>0 -.15 0</mass_center>
  <inertia>.01 0 0 0 0 0</inertia></Body><Body name="ulna"/></objects></BodySet>
<JointSet><objects>
  <CustomJoint name="elbow"><socket_parent_frame>humerus_offset</socket_parent_frame>
    <socket_child_frame>/bodyset/ulna</socket_child_frame>
    <coordinates><Coordinate name="bend"><default_value>.5</default_value><range>0 2.5</range>
    </Coordinate></coordinates>
    <frames><PhysicalOffsetFrame name="humerus_offset">
      <socket_parent>/bodyset/humerus</socket_parent><translation>0 -0.3 0</translation>
      <orientation>0 0 0</orientation></PhysicalOffsetFrame></frames>
    <SpatialTransform><TransformAxis name="rotation1"><coordinates>bend</coordinates>
      <axis>0 0 2</axis><LinearFunction name="function"><coefficients>1 0</coefficients>
      </LinearFunction></TransformAxis></SpatialTransform></CustomJoint>
  <CustomJoint name="shoulder"><socket_parent_frame>ground_offset</socket_parent_frame>
    <socket_child_frame>humerus_offset</socket_child_frame>
    <coordinates><Coordinate name="swing"><default_value>.1</default_value><range>-1 2</range>
    </Coordinate></coordinates>
    <frames><PhysicalOffsetFrame name="ground_offset"><socket_parent>/ground</socket_parent>
      <translation>0.1 0.02 0</translation><orientation>0 0 0</orientation></PhysicalOffsetFrame>
      <PhysicalOffsetFrame name="humerus_offset"><socket_parent>/bodyset/humerus</socket_parent>
      <translation>0 0 0</translation><orientation>0 0 0</orientation></PhysicalOffsetFrame>
    </frames>
    <SpatialTransform><TransformAxis name="rotation3"><coordinates>swing</coordinates>
      <axis>0 0 1</axis><PolynomialFunction name="function"><coefficients>1 0</coefficients>
      </PolynomialFunction></TransformAxis></SpatialTransform></CustomJoint>
</objects></JointSet>
<ForceSet><objects><Millard2012EquilibriumMuscle name="flexor"><GeometryPath name="path">
  <PathPointSet>
  <objects><PathPoint name="a"><socket_parent_frame>/bodyset/humerus</socket_parent_frame>
    <location>0.03 -0.05 0</location></PathPoint>
  <PathPoint name="c"><socket_parent_frame>/bodyset/ulna</socket_parent_frame>
    <location>0.03 -0.1 0</location></PathPoint></objects></PathPointSet></GeometryPath>
  <optimal_fiber_length>.1</optimal_fiber_length></Millard2012EquilibriumMuscle></objects></ForceSet>
<MarkerSet><objects>
  <Marker name="Marker_3"><socket_parent_frame>/bodyset/ulna</socket_parent_frame>
    <location>0 -0.2 0</location></Marker>
  <Marker name="Marker_6"><socket_parent_frame>/bodyset/ulna</socket_parent_frame>
    <location>0 0 0</location></Marker></objects></MarkerSet></Model></OpenSimDocument>"""

RAISED = np.array([0, 0.02])  # by the constant translation of 2 x 0.01 m

ANGLES = np.array([[0.0, 0.0], [0.3, 0.9], [-0.5, 1.4], [1.2, 2.2]])


def write(folder: Path, **changes: str) -> Path:
    path = folder / "arm.osim"
    path.write_text(OLD.format(**PLAIN | changes), encoding="utf-8")
    return path


def place(turns, links):
    """The end of a planar chain in OpenSim's axes, hanging down at zero."""
    angle = np.cumsum(turns, axis=-1)
    return np.stack([(links * np.sin(angle)).sum(-1), -(links * np.cos(angle)).sum(-1)], axis=-1)


def test_a_planar_arm_is_where_trigonometry_puts_it(tmp_path: Path) -> None:
    arm = open_arm(write(tmp_path))
    assert (arm.name, arm.species, arm.muscles) == ("Small monkey", "macaque", ("flexor",))
    assert [(one.name, one.high_rad) for one in arm.coordinates] == [("swing", 2), ("bend", 2.5)]
    hand = arm.hand(ANGLES)
    flat = place(ANGLES, np.array([0.3, 0.2]))
    # the world's origin is the joint as it sits in the ground
    np.testing.assert_allclose(hand[:, [0, 2]], flat + RAISED, atol=1e-12)
    np.testing.assert_allclose(hand[:, 1], 0, atol=1e-12)
    in_file = arm.marker("Marker_3", ANGLES, axes="file")
    np.testing.assert_allclose(in_file[:, :2], flat + RAISED + np.array([0.1, 0]), atol=1e-12)
    elbow = place(ANGLES[:, :1], np.array([0.3])) + RAISED
    np.testing.assert_allclose(arm.elbow(ANGLES)[:, [0, 2]], elbow, atol=1e-12)


def test_bodies_and_muscle_constants_are_kept(tmp_path: Path) -> None:
    geometry = read_osim(write(tmp_path))
    humerus, muscle = geometry.bodies[0], geometry.muscles[0]
    assert humerus.mass_kg == 2
    np.testing.assert_array_equal(humerus.center_m, [0, -0.15, 0])
    np.testing.assert_array_equal(humerus.inertia_kg_m2, np.diag([0.01, 0, 0]))
    constants = (muscle.max_force_n, muscle.optimal_fibre_m, muscle.tendon_slack_m)
    assert (*constants, muscle.pennation_rad) == (100, 0.1, 0.05, 0.2)
    (cylinder,) = geometry.wrap_objects
    assert (cylinder.kind, cylinder.half_length_m, cylinder.constrained) == ("cylinder", 0.05, -1)
    turned = [[np.cos(0.5), -np.sin(0.5)], [np.sin(0.5), np.cos(0.5)]]
    np.testing.assert_allclose(cylinder.rotation[:2, :2], turned)
    assert any("CoordinateActuator 'motor' is left out" in note for note in geometry.notes)


def test_conditional_points_count_in_their_range(tmp_path: Path) -> None:
    arm = open_arm(write(tmp_path), wrapping=False)
    start, via = np.array([0.03, -0.05]), np.array([0.03, -0.27])
    for bend, passed in ((0.9, False), (1.1, True)):
        turn = np.array([[np.cos(bend), -np.sin(bend)], [np.sin(bend), np.cos(bend)]])
        end = turn @ [0.03, -0.1] + [0, -0.3]
        stops = [start, via, end] if passed else [start, end]
        expected = sum(np.linalg.norm(b - a) for a, b in pairwise(stops))
        found = arm.pose(np.array([[0.4, bend]])).muscle_length_m
        np.testing.assert_allclose(found, expected, atol=1e-12)


def test_locked_coordinates_stay_at_their_default(tmp_path: Path) -> None:
    path = write(tmp_path, locked="true")
    arm = open_arm(path)
    assert [one.name for one in arm.coordinates] == ["swing"]
    assert arm.held_rad == {"bend": 0.5}
    assert not arm.moving.any()
    both = np.array([[0.3, 0.5]])
    np.testing.assert_allclose(arm.hand([[0.3]]), open_arm(write(tmp_path)).hand(both), atol=1e-12)
    freed = open_arm(write(tmp_path, locked="true"), coordinates=["bend", "swing"])
    np.testing.assert_allclose(arm.hand([[0.3]]), freed.hand([[0.5, 0.3]]), atol=1e-12)


def test_a_coupled_coordinate_follows(tmp_path: Path) -> None:
    coupler = (
        '<CoordinateCouplerConstraint name="rhythm"><coupled_coordinates_function>'
        "<PolynomialFunction><coefficients>0.5 0 0.2</coefficients></PolynomialFunction>"
        "</coupled_coordinates_function>"
        "<independent_coordinate_names>swing</independent_coordinate_names>"
        "<dependent_coordinate_name>bend</dependent_coordinate_name></CoordinateCouplerConstraint>"
    )
    path = write(tmp_path, constraint=coupler).read_text(encoding="utf-8")
    path = path.replace("<coordinate>bend</coordinate>", "<coordinate>swing</coordinate>")
    (tmp_path / "arm.osim").write_text(path, encoding="utf-8")
    arm = open_arm(tmp_path / "arm.osim")
    assert [one.name for one in arm.coordinates] == ["swing"]
    swing = np.array([[0.4], [1.3]])
    turns = np.column_stack([swing, 0.5 * swing**2 + 0.2])
    flat = place(turns, np.array([0.3, 0.2])) + RAISED
    np.testing.assert_allclose(arm.hand(swing)[:, [0, 2]], flat, atol=1e-12)
    _, jacobian = arm.hand_jacobian(swing)
    slope = (arm.hand(swing + 1e-6) - arm.hand(swing - 1e-6)) / 2e-6
    np.testing.assert_allclose(jacobian[:, :, 0], slope, atol=1e-9)


def test_both_layouts_are_the_same_arm(tmp_path: Path) -> None:
    path = tmp_path / "new.osim"
    path.write_text(NEW, encoding="utf-8")
    new = open_arm(path, species="none", coordinates=["swing", "bend"])
    old = open_arm(write(tmp_path), wrapping=False)
    assert (new.species, [body.name for body in new.geometry.bodies]) == (
        "none",
        ["humerus", "ulna"],
    )
    low = ANGLES[ANGLES[:, 1] < 1]
    np.testing.assert_allclose(new.hand(low), old.hand(low) - [0, 0, 0.02], atol=1e-12)
    np.testing.assert_allclose(new.muscle_lengths(low), old.muscle_lengths(low), atol=1e-12)


def test_a_torus_becomes_a_cylinder_at_its_ring(tmp_path: Path) -> None:
    torus = (
        '<WrapTorus name="RING"><translation>0.18 -0.2 0</translation>'
        "<xyz_body_rotation>1.5707963267948966 0 0</xyz_body_rotation>"
        "<inner_radius>0.01</inner_radius><outer_radius>0.03</outer_radius></WrapTorus>"
    )
    wraps = torus + torus.replace("RING", "IDLE")
    geometry = read_osim(write(tmp_path, ground_wraps=wraps, target="RING"))
    made = geometry.wrap_objects[-1]
    assert (made.name, made.kind, made.constrained) == ("RING of flexor", "cylinder", 0)
    np.testing.assert_allclose(made.radii_m, 0.01)
    # on the ring, where the muscle passes it: on the side of the shoulder, tangent to the ring
    assert np.linalg.norm(made.offset - [0.18, -0.2, 0]) == pytest.approx(0.03)
    assert made.offset[0] < 0.16
    np.testing.assert_allclose(abs(made.rotation[:, 2]), [0, 0, 1], atol=1e-9)
    notes = " ".join(geometry.notes)
    assert "WrapTorus 'RING' on ground is replaced" in notes
    assert "WrapTorus 'IDLE' on ground is left out: no muscle wraps over it" in notes


@pytest.mark.parametrize(
    ("changes", "note"),
    [
        ({"point": "MovingPathPoint"}, "'flexor' is left out: points of kind MovingPathPoint"),
        ({"target": "GONE"}, "its wrap over 'GONE' is left out: there is no such object"),
        ({"constraint": '<WeldConstraint name="w"/>'}, "WeldConstraint 'w' is left out: it is not"),
        ({"ground_wraps": '<WrapPlane name="p"/>'}, "WrapPlane 'p' on ground is left out: this"),
    ],
)
def test_what_is_left_out_is_noted(tmp_path: Path, changes: dict[str, str], note: str) -> None:
    geometry = read_osim(write(tmp_path, **changes))
    assert any(note in one for one in geometry.notes)
    assert note in " ".join(describe(SkeletalArm(geometry))["notes"])  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"function": "<SimmSpline/>"}, r"'shoulder', axis rotation1: the function SimmSpline is"),
        ({"joint": "BallJoint"}, r"BallJoint 'elbow': joints of this kind are not supported; Cust"),
        ({"joint": "UniversalJoint"}, r"'elbow': it needs 2 coordinates, got 1"),
        ({"parent": "scapula"}, r"no joint leads from the ground to the bodies ulna"),
        ({"body": "radius"}, r"'flexor', PathPoint 'c': its body 'radius' is missing"),
        ({"quadrant": "w"}, r"'PULLEY' on humerus: quadrant must be all, x, .* got 'w'"),
        ({"span": "2 9"}, r"over 'PULLEY' must be two of its 3 points, got 2 to 9"),
        ({"elbow": "moon"}, r"there is no marker 'Marker_6' to be the elbow: give elbow= one of"),
        ({"locked": "perhaps"}, r"'bend': locked must be true or false, got 'perhaps'"),
        ({"function": "<Constant><value>x</value></Constant>"}, r"value must be numbers, got 'x'"),
        ({"function": "<Constant><value>nan</value></Constant>"}, r"value must be finite"),
        ({"function": LINE + LINE}, r"axis rotation1: one function is needed, got 2"),
    ],
)
def test_what_is_broken_is_named(tmp_path: Path, changes: dict[str, str], message: str) -> None:
    with pytest.raises(FormatError, match=message) as caught:
        read_osim(write(tmp_path, **changes))
    assert str(caught.value).startswith(str(tmp_path / "arm.osim"))


def with_marker(folder: Path, name: str, body: str, place: str) -> Path:
    path = write(folder)
    marker = f'<Marker name="{name}"><body>{body}</body><location>{place}</location></Marker>'
    text = path.read_text(encoding="utf-8").replace(
        "</objects></MarkerSet>", marker + "</objects></MarkerSet>"
    )
    path.write_text(text, encoding="utf-8")
    return path


def test_markers_of_the_file_may_have_the_names_of_their_roles(tmp_path: Path) -> None:
    path = with_marker(tmp_path, "shoulder", "ground", "0.1 0.05 0")
    arm = open_arm(path, shoulder="shoulder")
    # the world's origin moved with it, in the axes of the world
    np.testing.assert_allclose(
        arm.hand(ANGLES), open_arm(write(tmp_path)).hand(ANGLES) - np.array([0, 0, 0.05])
    )
    assert [
        one.name for one in read_osim(with_marker(tmp_path, "hand", "ulna", "0 -0.2 0")).markers
    ] == [
        "hand",
        "elbow",
        "shoulder",
        "Marker_3",
        "Marker_6",
    ]  # the same place, so that it is the hand


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            "hand",
            r"'hand' must be the marker that the file calls so, got another: give hand=hand, or",
        ),
        (
            "shoulder",
            r"'shoulder' must be the marker that the file calls so, got another: give sho",
        ),
        ("Marker_3", r"several markers are called Marker_3: rename them"),
    ],
)
def test_markers_of_two_meanings_are_refused(tmp_path: Path, name: str, message: str) -> None:
    with pytest.raises(FormatError, match=message):
        read_osim(with_marker(tmp_path, name, "humerus", "0 -0.1 0"))


def test_impossible_bodies_and_muscles_are_refused(tmp_path: Path) -> None:
    path = write(tmp_path)
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("<mass>2</mass>", "<mass>-2</mass>"), encoding="utf-8")
    with pytest.raises(FormatError, match=r"Body 'humerus': mass must be at least 0, got -2"):
        read_osim(path)
    first, last = text.index("  <Thelen2003Muscle"), text.index("  <CoordinateActuator")
    path.write_text(text[:first] + 2 * text[first:last] + text[last:], encoding="utf-8")
    with pytest.raises(FormatError, match=r"several muscles are called flexor: rename them"):
        read_osim(path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("<OpenSimDocument><Model", "no complete XML file"),
        ("<mujoco/>", "must be an OpenSimDocument with a Model, got mujoco"),
        ("<OpenSimDocument><Model/></OpenSimDocument>", "the model has no bodies"),
        ('<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>', "document type"),
    ],
)
def test_foreign_and_dangerous_files_are_refused(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "bad.osim"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(FormatError, match=message):
        read_osim(path)
