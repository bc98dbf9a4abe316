"""Contact with wrap objects: closed forms, and what must hold of every shortest path."""

import math

import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from proprio_tcn.arms.wrapping import (
    INSIDE,
    MANDATORY,
    NONE,
    WRAPPED,
    wrap_cylinder,
    wrap_ellipsoid,
    wrap_mujoco,
    wrap_sphere,
)

RADII = {
    "flat": (1.3, 0.8, 1.0),
    "round": (1.0, 1.0, 1.0),
    "long": (0.5, 0.5, 2.0),
    "thin": (0.4, 1.6, 1.5),
}
KINDS = ["cylinder", "sphere", "mujoco cylinder", "mujoco sphere", *RADII]


def contact(kind, p, q, *, axis=-1, sign=1, half=50.0, side=None):
    """Status, arc and tangent points (NaN where the path is straight)."""
    p, q = np.asarray(p, float), np.asarray(q, float)
    r1, r2 = np.full(3, np.nan), np.full(3, np.nan)
    if kind == "cylinder":
        status, arc = wrap_cylinder(p, q, 1.0, half, axis, sign, r1, r2)
    elif kind == "sphere":
        status, arc = wrap_sphere(p, q, 1.0, axis, sign, r1, r2)
    elif kind.startswith("mujoco"):
        site = np.zeros(3) if side is None else np.asarray(side, float)
        status, arc = wrap_mujoco(
            p, q, 1.0, kind.endswith("sphere"), site, side is not None, r1, r2
        )
    else:
        status, arc = wrap_ellipsoid(p, q, np.array(RADII[kind]), axis, sign, r1, r2)
    return status, arc, r1, r2


def length(kind, p, q, **options):
    status, arc, r1, r2 = contact(kind, p, q, **options)
    if status < WRAPPED:
        return float(np.linalg.norm(np.subtract(p, q)))
    return float(np.linalg.norm(p - r1) + arc + np.linalg.norm(q - r2))


def level(kind, point):
    """Above 1 outside; its gradient is along the normal."""
    if kind.endswith("cylinder"):
        return math.hypot(point[0], point[1]), np.array([point[0], point[1], 0.0])
    radii = np.array(RADII.get(kind, (1.0, 1.0, 1.0)))
    return float(np.linalg.norm(point / radii)), point / radii**2


number = st.one_of(
    st.sampled_from([0.0, 1.0, -1.0, 0.5, -2.0, 1.3, -0.8, 1e-9, 1 + 1e-9, 1e3]),
    st.floats(-4, 4, allow_nan=False),
)
point = st.tuples(number, number, number).map(np.array)
beyond = st.builds(
    lambda a, b, r: (
        r * np.array([math.cos(a) * math.cos(b), math.sin(a) * math.cos(b), math.sin(b)])
    ),
    st.floats(-3.14, 3.14),
    st.floats(-1.2, 1.2),
    st.floats(1.05, 4.0),
)


def crossing_pairs(kind, count, seed=0):
    """Random ends, all of whose segments wrap."""
    rng = np.random.default_rng(seed)
    radii = np.array(RADII.get(kind, (1.0, 1.0, 1.0)))
    pairs = []
    while len(pairs) < count:
        ends = rng.normal(size=(2, 3))
        ends *= rng.uniform(1.1, 4.0, (2, 1)) / np.linalg.norm(ends, axis=1, keepdims=True)
        p, q = ends * radii
        if contact(kind, p, q)[0] >= WRAPPED:
            pairs.append((p, q))
    return pairs


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=50)
@given(p=point, q=point)
@example(p=np.array([2.0, 0.0, 0.0]), q=np.array([-2.0, 0.0, 0.0]))
@example(p=np.array([0.0, 0.0, 2.0]), q=np.array([0.0, 0.0, -2.0]))
@example(p=np.array([1.0, 0.0, 0.0]), q=np.array([-1.0, 0.0, 0.0]))
@example(p=np.array([0.0, 1.0, 0.0]), q=np.array([0.0, -1.0, 0.0]))
@example(p=np.array([1.0, 0.0, 0.0]), q=np.array([1.0, 0.0, 0.0]))
@example(p=np.zeros(3), q=np.zeros(3))
@example(p=np.array([1e200, 0.5, 0.0]), q=np.array([-1e200, 0.3, 1.0]))
@example(p=np.array([1e80, 0.5, 1e80]), q=np.array([-2.0, 0.3, 1.0]))
@example(p=np.array([-3e4, 0.0, 1.0]), q=np.array([1e6, 0.5, 1e6]))
def test_every_pair_of_points_gives_a_finite_path_no_shorter_than_straight(kind, p, q):
    for axis, sign in ((-1, 1), (0, 1), (1, -1), (2, 1)):
        status, arc, r1, r2 = contact(kind, p, q, axis=axis, sign=sign)
        assert status in (NONE, INSIDE, WRAPPED, MANDATORY)
        straight = math.dist(p, q)
        assert 0.0 <= arc < 50.0 + straight
        if status < WRAPPED:
            assert arc == 0.0
            continue
        assert np.isfinite(r1).all()
        assert np.isfinite(r2).all()
        assert level(kind, r1)[0] == pytest.approx(1.0, abs=1e-9)
        assert level(kind, r2)[0] == pytest.approx(1.0, abs=1e-9)
        taut = length(kind, p, q, axis=axis, sign=sign)
        assert taut >= straight * (1 - 1e-12) - 1e-9


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=50)
@given(p=beyond, q=beyond)
def test_a_path_is_the_same_both_ways_and_meets_the_surface_in_tangents(kind, p, q):
    radii = np.array(RADII.get(kind, (1.0, 1.0, 1.0)))
    p, q = p * radii, q * radii
    status, arc, r1, r2 = contact(kind, p, q)
    assume(status >= WRAPPED)
    # a geodesic of an ellipsoid is followed from p, so its error is not that from q
    close = 3e-4 if kind in RADII else 1e-9
    assert length(kind, q, p) == pytest.approx(length(kind, p, q), abs=close)
    for end, tangent in ((p, r1), (q, r2)):
        normal = level(kind, tangent)[1]
        assert abs((tangent - end) @ normal) < 1e-8
    assert arc >= np.linalg.norm(r1 - r2) - 1e-7


@pytest.mark.parametrize("kind", KINDS)
def test_the_length_grows_with_an_end_as_a_taut_string_does(kind):
    """Tangents stay put to first order: only the straight pieces say how the length changes."""
    h = 1e-5
    for p, q in crossing_pairs(kind, 40):
        _, arc, r1, r2 = contact(kind, p, q)
        if arc < 0.05:
            continue
        for end, tangent, wrap in (
            (p, r1, lambda at, q=q: length(kind, at, q)),
            (q, r2, lambda at, p=p: length(kind, p, at)),
        ):
            slope = [(wrap(end + h * e) - wrap(end - h * e)) / (2 * h) for e in np.eye(3)]
            along = (end - tangent) / np.linalg.norm(end - tangent)
            np.testing.assert_allclose(slope, along, atol=3e-3 if kind in RADII else 1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_the_length_does_not_jump_where_contact_begins(kind):
    """A segment that sinks into the surface: the first contact adds nothing."""
    radii = np.array(RADII.get(kind, (1.0, 1.0, 1.0)))
    for angle in (0.3, 1.1, 2.5):
        normal = np.array([math.cos(angle), math.sin(angle), 0.0])
        touch = radii * normal
        normal = normal / radii
        normal /= np.linalg.norm(normal)
        along = np.cross(normal, [0.1, -0.2, 1.0] if not kind.endswith("cylinder") else [0, 0, 1])
        along /= np.linalg.norm(along)
        added, wrapped = [], []
        for depth in (-1e-6, 1e-9, 1e-6, 1e-4):
            middle = touch - depth * normal
            p, q = middle - 0.7 * along, middle + 0.9 * along
            wrapped.append(contact(kind, p, q)[0] >= WRAPPED)
            added.append(length(kind, p, q) - 1.6)
        assert wrapped == [False, True, True, True]
        assert np.all(np.abs(added[:3]) < 1e-8)
        assert 0 < added[3] < 1e-5


def test_a_cylinder_has_the_helix_of_the_unrolled_triangle():
    # p and q at right angles to their tangents: radius 1, distance sqrt(2), half a turn between
    p, q = [math.sqrt(2), 0.0, 0.0], [-math.sqrt(2), 0.0, 3.0]
    status, arc, r1, r2 = contact("cylinder", p, q)
    flat = 2.0 + math.pi / 2
    assert status == MANDATORY
    assert length("cylinder", p, q) == pytest.approx(math.hypot(flat, 3.0), abs=1e-12)
    assert arc == pytest.approx(math.pi / 2 * math.hypot(flat, 3.0) / flat, abs=1e-12)
    assert r1[2] == pytest.approx(3.0 / flat, abs=1e-12)
    assert r2[2] == pytest.approx(3.0 - 3.0 / flat, abs=1e-12)


def test_a_sphere_has_the_great_circle_even_through_its_centre():
    p, q = np.array([2.0, 0.0, 0.0]), np.array([-2.0, 0.0, 0.0])
    for sphere in ("sphere", "mujoco sphere", "round"):
        close = 3e-5 if sphere in RADII else 1e-12
        assert contact(sphere, p, q)[1] == pytest.approx(math.pi / 3, abs=close)
        assert length(sphere, p, q) == pytest.approx(2 * math.sqrt(3) + math.pi / 3, abs=close)


@settings(max_examples=60)
@given(p=beyond, q=beyond)
def test_an_ellipsoid_of_equal_radii_is_a_sphere(p, q):
    assert length("round", p, q) == pytest.approx(length("sphere", p, q), abs=6e-5)


def test_ends_inside_and_segments_beside_stay_straight():
    for kind in ("cylinder", "sphere", "flat"):
        assert contact(kind, [0.3, 0.1, 0.0], [3.0, 0.0, 0.0])[0] == INSIDE
        assert contact(kind, [3.0, 0.0, 0.0], [0.3, 0.1, 0.0])[0] == INSIDE
        assert contact(kind, [-3.0, 1.5, 0.0], [3.0, 1.5, 0.0])[0] == NONE
        assert contact(kind, [1.5, 0.2, 0.0], [3.0, 0.1, 0.0])[0] == NONE
    assert contact("cylinder", [2.0, 0.0, 0.0], [2.0, 0.0, 5.0])[0] == NONE


def test_a_cylinder_ends_where_both_tangent_points_lie_beyond_it():
    p, q = [-2.0, 0.3, 1.2], [2.0, -0.2, 1.4]
    assert contact("cylinder", p, q, half=1.0)[0] == NONE
    assert contact("cylinder", p, q, half=1.3)[0] == MANDATORY  # one of them is within it


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("sign", [1, -1])
def test_a_constrained_cylinder_is_wrapped_over_its_active_side(axis, sign):
    """Written for axis 0 and its side -1; the others are this turned."""

    def turned(x, y, z=0.0):
        x, y = (x, y) if axis == 0 else (-y, x)
        return np.array([-sign * x, -sign * y, z])

    def says(p, q):
        status, arc, r1, r2 = contact("cylinder", turned(*p), turned(*q), axis=axis, sign=sign)
        middle = (r1 + r2)[axis] * sign
        return status, arc, middle

    # both ends beyond, not even near: round the active side, the long way
    status, arc, _ = says((2.0, 0.5), (2.0, -0.5))
    assert status == WRAPPED
    assert arc > math.pi / 2
    # both ends on the active side: only where the segment crosses
    assert says((-2.0, 2.0), (-2.0, -2.0))[0] == NONE
    assert says((-0.2, 1.5), (-0.2, -1.5))[0] == MANDATORY
    assert says((-0.2, 1.5), (-0.2, -1.5))[2] > 0
    # one end beyond: the segment may pass on the active side, not on the other
    assert says((-1.0, 2.0), (1.0, 2.2))[0] == NONE
    assert says((0.1, 2.0), (-1.2, -1.2))[0] == MANDATORY
    assert says((-0.1, 2.0), (2.5, -0.5))[0] == WRAPPED


def test_a_constrained_path_does_not_depend_on_which_end_is_first():
    rng = np.random.default_rng(1)
    for _ in range(2000):
        p, q = rng.uniform(-3, 3, (2, 3))
        for kind in ("cylinder", "sphere"):
            there = length(kind, p, q, axis=0, sign=-1)
            assert there == pytest.approx(length(kind, q, p, axis=0, sign=-1), abs=1e-9)


def test_a_constrained_sphere_and_ellipsoid_go_over_the_active_side():
    for kind in ("sphere", "flat", "round"):
        p, q = np.array([-2.0, 0.0, 0.4]), np.array([2.0, 0.0, 0.4])
        near, far = length(kind, p, q, axis=2, sign=1), length(kind, p, q, axis=2, sign=-1)
        assert near < far
        for sign in (1, -1):
            status, _, r1, r2 = contact(kind, p, q, axis=2, sign=sign)
            assert status >= WRAPPED
            assert kind != "sphere" or (r1 + r2)[2] * sign > 0
    assert contact("sphere", [-2, 0, 0.4], [2, 0, 0.4], axis=2, sign=1)[0] == MANDATORY
    assert contact("sphere", [-2, 0, 0.4], [2, 0, 0.4])[0] == WRAPPED


def test_a_constrained_ellipsoid_keeps_to_the_border_where_the_other_side_is_shorter():
    """A segment sinks from above the middle to below it: the path stays above, without a jump."""
    heights = np.linspace(0.5, -0.5, 401)
    taut, free = [], []
    for z in heights:
        p, q = np.array([-2.0, 0.3, z]), np.array([2.0, 0.1, z])
        taut.append(length("flat", p, q, axis=2, sign=1))
        free.append(length("flat", p, q))
    taut, free = np.array(taut), np.array(free)
    np.testing.assert_allclose(taut[heights > 0.1], free[heights > 0.1], atol=1e-9)
    assert np.all(taut >= free - 1e-5)
    assert taut[-1] > free[-1] + 0.01
    assert np.abs(np.diff(taut)).max() < 5e-3


def test_mujoco_rule_takes_the_side_of_its_site_and_touches_from_within():
    p, q = np.array([-2.0, 0.2, 0.0]), np.array([2.0, 0.2, 0.0])
    over = length("mujoco cylinder", p, q, side=[0.0, 3.0, 0.0])
    under = length("mujoco cylinder", p, q, side=[0.0, -3.0, 0.0])
    assert over == pytest.approx(length("cylinder", p, q), abs=1e-12)
    assert under > over
    p, q = [-2.0, 2.2, 0.0], [2.0, 1.7, 0.0]
    status, arc, r1, r2 = contact("mujoco cylinder", p, q, side=[0, 0, 0])
    assert status == MANDATORY
    assert arc == 0.0
    np.testing.assert_array_equal(r1, r2)
    assert level("cylinder", r1)[0] == pytest.approx(1.0, abs=1e-12)
