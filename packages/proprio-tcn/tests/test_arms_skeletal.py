"""Arms of rigid bodies: kinematics against matrices of scipy, options, and messages."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from proprio_tcn._jit import jit, leaf
from proprio_tcn.arms.arm import Arm, check_range, describe, muscle_velocities
from proprio_tcn.arms.geometry import (
    GROUND,
    Body,
    Coordinate,
    Geometry,
    Marker,
    Motion,
    Muscle,
    PathPoint,
)
from proprio_tcn.arms.skeletal import SkeletalArm

NAMES = ("a", "b", "c")


def random_geometry(seed: int, locked: dict[str, float] | None = None) -> Geometry:
    """Four bodies in a tree, with turns, slides and polynomials of three coordinates."""
    rng = np.random.default_rng(seed)
    bodies = []
    for index, parent in enumerate((GROUND, "body0", "body1", "body1")):
        motions = [
            Motion(
                "fixed", rotation=Rotation.random(rng=rng).as_matrix(), offset=rng.normal(size=3)
            )
        ]
        for _ in range(2):
            axis = rng.normal(size=3)
            motions.append(
                Motion(
                    "translation" if rng.random() < 0.3 else "rotation",
                    axis / np.linalg.norm(axis),
                    str(rng.choice([*NAMES, ""])),
                    tuple(rng.normal(size=rng.integers(2, 5))),
                )
            )
        bodies.append(Body(f"body{index}", parent, tuple(motions)))
    markers = (
        Marker("hand", "body3", rng.normal(size=3)),
        Marker("elbow", "body1", rng.normal(size=3)),
        Marker("shoulder", "body0", rng.normal(size=3)),
    )
    points = tuple(PathPoint(f"body{index}", rng.normal(size=3)) for index in (0, 2, 1, 3))
    return Geometry(
        "random",
        "none",
        tuple(bodies),
        tuple(Coordinate(name, -1.0, 1.0, 0.1 * index) for index, name in enumerate(NAMES)),
        locked or {},
        (Muscle("puller", points), Muscle("idle", (points[0], points[0]))),
        (),
        markers,
        Rotation.random(rng=rng).as_matrix(),
    )


def body_in_file(geometry: Geometry, name: str, values: dict[str, float]) -> np.ndarray:
    """Matrix (4, 4) of a body, straight from its motions."""
    if name == GROUND:
        return np.eye(4)
    (body,) = (body for body in geometry.bodies if body.name == name)
    matrix = body_in_file(geometry, body.parent, values)
    for motion in body.motions:
        step = np.eye(4)
        power = np.polynomial.polynomial.polyval(
            values.get(motion.coordinate, 0.0), motion.polynomial
        )
        if motion.kind == "fixed":
            step[:3, :3], step[:3, 3] = motion.rotation, motion.offset
        elif motion.kind == "rotation":
            step[:3, :3] = Rotation.from_rotvec(power * motion.axis).as_matrix()
        else:
            step[:3, 3] = power * motion.axis
        matrix = matrix @ step
    return matrix


def in_world(
    geometry: Geometry, body: str, place: np.ndarray, values: dict[str, float]
) -> np.ndarray:
    default = {one.name: one.default_rad for one in geometry.coordinates} | geometry.locked
    (shoulder,) = (one for one in geometry.markers if one.name == "shoulder")
    origin = body_in_file(geometry, shoulder.body, default) @ [*shoulder.place_m, 1]
    return geometry.world @ (body_in_file(geometry, body, values) @ [*place, 1] - origin)[:3]


@settings(max_examples=40)
@given(st.integers(0, 2**31), st.tuples(*[st.floats(-1, 1)] * 3))
def test_kinematics_and_straight_muscles(seed: int, angles: tuple[float, ...]) -> None:
    geometry = random_geometry(seed)
    values = dict(zip(NAMES, angles, strict=True))
    pose = SkeletalArm(geometry).pose([angles])
    for name, found in (("hand", pose.hand_m), ("elbow", pose.elbow_m)):
        (marker,) = (one for one in geometry.markers if one.name == name)
        expected = in_world(geometry, marker.body, marker.place_m, values)
        np.testing.assert_allclose(found[0], expected, atol=1e-11)
    points = geometry.muscles[0].points
    places = np.array([in_world(geometry, one.body, one.place_m, values) for one in points])
    length = np.linalg.norm(np.diff(places, axis=0), axis=1).sum()
    np.testing.assert_allclose(pose.muscle_length_m[0], [length, 0], atol=1e-11)


@settings(max_examples=40)
@given(st.integers(0, 2**31))
def test_jacobians_are_slopes(seed: int) -> None:
    arm = SkeletalArm(random_geometry(seed))
    angles = np.random.default_rng(seed).uniform(-1, 1, (5, 3))
    steps = 1e-5 * np.eye(3)

    def slopes(function):
        return np.stack(
            [(function(angles + one) - function(angles - one)) / 2e-5 for one in steps], -1
        )

    scale = 1 + abs(slopes(arm.hand)).max()
    np.testing.assert_allclose(arm.hand_jacobian(angles)[1], slopes(arm.hand), atol=1e-6 * scale)
    found = arm.pose(angles).muscle_jacobian_m
    np.testing.assert_allclose(found, slopes(arm.muscle_lengths), atol=1e-6 * scale)
    lengths, velocities = muscle_velocities(arm, angles, np.ones_like(angles))
    np.testing.assert_allclose(velocities, found.sum(axis=2), atol=1e-9)
    np.testing.assert_array_equal(lengths, arm.muscle_lengths(angles))


def test_coordinates_are_chosen_and_held() -> None:
    whole = SkeletalArm(random_geometry(3))
    locked = SkeletalArm(random_geometry(3, {"b": 0.7}))
    assert [one.name for one in locked.coordinates] == ["a", "c"]
    assert locked.held_rad == {"b": 0.7}
    # the origin is where the shoulder rests: with b locked, elsewhere
    shift = locked.skeleton.base_offset - whole.skeleton.base_offset
    expected = whole.hand([[0.2, 0.7, -0.3]]) + shift
    np.testing.assert_allclose(locked.hand([[0.2, -0.3]]), expected, atol=1e-12)
    turned = SkeletalArm(random_geometry(3), coordinates=["c", "a", "b"])
    same = turned.hand([[-0.3, 0.2, 0.7]])
    np.testing.assert_allclose(same, whole.hand([[0.2, 0.7, -0.3]]), atol=1e-12)
    alone = SkeletalArm(random_geometry(3), coordinates=["c"])
    assert alone.held_rad == {"a": 0.0, "b": 0.1}
    np.testing.assert_allclose(alone.hand([[0.4]]), whole.hand([[0.0, 0.1, 0.4]]), atol=1e-12)


def test_threads_give_the_same_numbers() -> None:
    angles = np.random.default_rng(0).uniform(-1, 1, (9000, 3))
    one, two = (SkeletalArm(random_geometry(5), threads=count).pose(angles) for count in (1, 2))
    for first, second in zip(one, two, strict=True):
        np.testing.assert_array_equal(first, second)


def test_facts() -> None:
    arm = SkeletalArm(random_geometry(7))
    assert isinstance(arm, Arm)
    facts = describe(arm)
    assert (facts["name"], facts["moving_muscles"]) == ("random", ["puller"])
    arm.moving[:] = False
    assert arm.moving.tolist() == [True, False]
    np.testing.assert_allclose(arm.marker("shoulder", [[0.0, 0.1, 0.2]]), [[0, 0, 0]], atol=1e-12)
    there = arm.marker("hand", [[0.3, 0.1, 0.2]], axes="file")[0]
    values = dict(zip(NAMES, (0.3, 0.1, 0.2), strict=True))
    hand = arm.geometry.markers[0]
    expected = body_in_file(arm.geometry, hand.body, values) @ [*hand.place_m, 1]
    np.testing.assert_allclose(there, expected[:3], atol=1e-11)


def test_empty_batches() -> None:
    pose = SkeletalArm(random_geometry(1)).pose(np.zeros((0, 3)))
    assert pose.hand_m.shape == (0, 3)
    assert pose.muscle_jacobian_m.shape == (0, 2, 3)


def test_kernels_do_without_a_cache_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    def homeless() -> Path:
        raise RuntimeError("Could not determine home directory.")

    def double(value: float) -> float:
        return 2 * value

    def triple(value: float) -> float:
        return 3 * value

    monkeypatch.setattr(Path, "home", homeless)
    assert jit(double)(1.5) == 3
    assert leaf(triple)(1.5) == 4.5


def test_what_is_wrong_is_named() -> None:
    geometry = random_geometry(2)
    with pytest.raises(ValueError, match="different ones of a, b, c, got a, d"):
        SkeletalArm(geometry, coordinates=["a", "d"])
    with pytest.raises(ValueError, match="different ones of a, b, c, got a, a"):
        SkeletalArm(geometry, coordinates=["a", "a"])
    with pytest.raises(ValueError, match="got none"):
        SkeletalArm(geometry, coordinates=[])
    with pytest.raises(ValueError, match=r"coordinates must be a list, such as \[a\], got a word"):
        SkeletalArm(geometry, coordinates="a")
    with pytest.raises(ValueError, match="wrapping must be true or false, got 'no'"):
        SkeletalArm(geometry, wrapping="no")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="several markers of random are called hand: name each on"):
        SkeletalArm(replace(geometry, markers=(*geometry.markers, geometry.markers[0])))
    with pytest.raises(ValueError, match="threads must be 1 or more, got 0"):
        SkeletalArm(geometry, threads=0)
    with pytest.raises(ValueError, match="random needs markers called elbow, shoulder"):
        SkeletalArm(replace(geometry, markers=geometry.markers[:1]))
    arm = SkeletalArm(geometry)
    with pytest.raises(ValueError, match="marker must be one of hand, elbow, shoulder, got 'nose'"):
        arm.marker("nose", [[0, 0, 0]])
    with pytest.raises(ValueError, match=r"columns a, b, c, got \(1, 2\)"):
        arm.pose([[0, 0]])
    with pytest.raises(ValueError, match="got inf for b in row 0"):
        arm.muscle_lengths([[0, np.inf, 0]])
    with pytest.raises(
        ValueError, match=r"c must be in \[-57.2958, 57.2958\] deg, got 114.592 deg"
    ):
        check_range([[0, 0, 2.0]], arm.coordinates)
