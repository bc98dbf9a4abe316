"""Contact with wrap objects against MuJoCo, an independent geodesic, and OpenSim."""

import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.optimize import root
from scipy.spatial import ConvexHull

from proprio_tcn.arms.wrapping import (
    WRAPPED,
    wrap_cylinder,
    wrap_ellipsoid,
    wrap_mujoco,
    wrap_sphere,
)

SHOULDER = (0.0161485, 0.00993756, 0.012422)  # m, ellipsoids of a monkey's arm
THORAX = (0.045, 0.055, 0.025)
FOREARM = (0.00628741, 0.00628741, 0.0523951)


def path_length(wrap, p, q, *arguments):
    p, q = np.asarray(p, float), np.asarray(q, float)
    r1, r2 = np.zeros(3), np.zeros(3)
    status, arc = wrap(p, q, *arguments, r1, r2)
    if status < WRAPPED:
        return float(np.linalg.norm(p - q))
    return float(np.linalg.norm(p - r1) + arc + np.linalg.norm(q - r2))


def ellipsoid_cases(radii, count, seed):
    rng = np.random.default_rng(seed)
    cases = []
    while len(cases) < count:
        ends = rng.normal(size=(2, 3))
        ends *= rng.uniform(1.05, 4.0, (2, 1)) / np.linalg.norm(ends, axis=1, keepdims=True)
        p, q = ends * radii
        r1, r2 = np.zeros(3), np.zeros(3)
        status, arc = wrap_ellipsoid(p, q, np.array(radii), -1, 1, r1, r2)
        if status >= WRAPPED and arc > 0.02 * max(radii):
            cases.append((p, q, r1, arc))
    return cases


def shot_geodesic(p, q, radii, r1, arc):
    """Length by DOP853 in metres over the middle radius, and scipy's root of three conditions."""
    scale = np.median(radii)
    p, q, radii, r1, arc = p / scale, q / scale, np.array(radii) / scale, r1 / scale, arc / scale
    gradient = 1 / radii**2
    y = r1 / radii
    one = np.cross(y, np.eye(3)[np.argmin(np.abs(y))])
    two = np.cross(y, one)

    def bend(_, state):
        x, v = state[:3], state[3:]
        g = gradient * x
        return np.concatenate([v, -(v @ (gradient * v)) / (g @ g) * g])

    def ends(z):
        x = y + z[0] * one + z[1] * two
        x = x / np.linalg.norm(x) * radii
        normal = gradient * x
        v = x - p - (x - p) @ normal / (normal @ normal) * normal
        begin = np.concatenate([x, v / np.linalg.norm(v)])
        last = solve_ivp(bend, (0, z[2]), begin, method="DOP853", rtol=1e-10, atol=1e-12).y[:, -1]
        return x, last[:3], last[3:]

    def conditions(z):
        x, last, v = ends(z)
        normal = gradient * last
        return [(gradient * x) @ (p - x), normal @ (q - last), np.cross(normal, v) @ (q - last)]

    found = root(conditions, [0, 0, arc], tol=1e-11)
    x, last, _ = ends(found.x)
    if not np.abs(found.fun).max() < 1e-7:
        return np.nan
    return scale * (np.linalg.norm(x - p) + found.x[2] + np.linalg.norm(q - last))


@pytest.mark.parametrize("radii", [SHOULDER, THORAX, FOREARM])
def test_an_ellipsoid_has_the_geodesic_of_an_independent_shooting(radii):
    errors = []
    for p, q, r1, arc in ellipsoid_cases(radii, 30, seed=4):
        ours = path_length(wrap_ellipsoid, p, q, np.array(radii), -1, 1)
        errors.append(ours - shot_geodesic(p, q, radii, r1, arc))
    errors = np.array(errors)
    known = np.isfinite(errors)
    assert known.mean() > 0.8
    assert np.abs(errors[known]).max() < 1e-5  # m; .1 mm is asked for


@pytest.mark.parametrize("radii", [SHOULDER, THORAX, FOREARM])
def test_no_plane_section_of_an_ellipsoid_is_shorter(radii):
    """The best string in 180 planes through p and q, as the hull of the section's points."""
    radii = np.array(radii)
    angles = np.linspace(0, 2 * np.pi, 400, endpoint=False)
    gains = []
    for p, q, _, _ in ellipsoid_cases(radii, 12, seed=5):
        start, target = p / radii, q / radii
        along = (target - start) / np.linalg.norm(target - start)
        foot = start - (start @ along) * along
        one = np.cross(along, np.eye(3)[np.argmin(np.abs(along))])
        one /= np.linalg.norm(one)
        two = np.cross(along, one)
        best = np.inf
        for turn in np.linspace(0, np.pi, 180, endpoint=False):
            across = np.cos(turn) * one + np.sin(turn) * two
            center = foot - (foot @ across) * across
            radius = np.sqrt(1 - center @ center)
            circle = center + radius * (
                np.cos(angles)[:, None] * along + np.sin(angles)[:, None] * across
            )
            points = np.vstack([start, target, circle])
            flat = np.stack([(points - foot) @ along, (points - foot) @ across], axis=1)
            order = list(ConvexHull(flat).vertices)
            at = order.index(0)
            order = order[at:] + order[:at]
            middle = order.index(1)
            for chain in (order[: middle + 1], [*order[middle:], 0]):
                steps = np.diff(points[chain] * radii, axis=0)
                best = min(best, np.linalg.norm(steps, axis=1).sum())
        ours = path_length(wrap_ellipsoid, p, q, radii, -1, 1)
        gains.append(best - ours)
    assert min(gains) > -5e-5 * radii.max()  # their arcs are chains of 400 chords a turn
    assert max(gains) < 0.2 * radii.max()


# Kind, size (radius and half length, or radii), constrained axis and sign, p, q, length: mm, by
# OpenSim 4.6: two bodies of six free coordinates, a PathSpring between their origins, one object at
# the origin of the ground, method "hybrid".
OPENSIM = [
    ("cylinder", (12.5, 30), -1, 1, (-20, 4, 3), (22, -3, -6), 50.230850),
    ("cylinder", (12.5, 30), -1, 1, (-20, 6, 0), (22, 5, 0), 44.433559),
    ("cylinder", (12.5, 30), 0, -1, (15, 14, 2), (12, -18, 4), 67.452600),
    ("cylinder", (12.5, 30), 0, -1, (-15, 14, 2), (22, -12, 4), 55.887953),
    ("cylinder", (12.5, 30), 1, 1, (-20, -4, 1), (21, -2, -2), 53.023814),
    ("cylinder", (12.5, 5), -1, 1, (-20, 4, 12), (22, -3, 16), 42.766810),
    ("cylinder", (12.5, 30), -1, 1, (-20, 13, 0), (22, 14, 0), 42.011903),
    ("cylinder", (12.5, 30), -1, 1, (-10, 4, 0), (22, 1, 0), 32.140317),
    ("sphere", (12.5,), -1, 1, (-20, 4, 3), (22, -3, -6), 49.369176),
    ("sphere", (12.5,), -1, 1, (-20, 8, 3), (22, 6, -1), 43.660843),
    ("ellipsoid", (16.1485, 9.93756, 12.422), -1, 1, (-20, 9, 3), (22, 5, -1), 42.805021),
    ("ellipsoid", (16.1485, 9.93756, 12.422), -1, 1, (4, 15, 12), (-3, -2, -19), 36.634656),
    ("ellipsoid", (45, 55, 25), -1, 1, (-60, 30, 12), (50, 35, 5), 112.859321),
]


def ours_mm(kind, size, axis, sign, p, q):
    p, q = np.array(p) / 1e3, np.array(q) / 1e3
    if kind == "cylinder":
        radius, half = size[0] / 1e3, size[1] / 1e3
        return 1e3 * path_length(wrap_cylinder, p, q, radius, half, axis, sign)
    if kind == "sphere":
        return 1e3 * path_length(wrap_sphere, p, q, size[0] / 1e3, axis, sign)
    return 1e3 * path_length(wrap_ellipsoid, p, q, np.array(size) / 1e3, axis, sign)


@pytest.mark.parametrize(("kind", "size", "axis", "sign", "p", "q", "wanted"), OPENSIM)
def test_lengths_are_those_of_opensim(kind, size, axis, sign, p, q, wanted):
    # OpenSim's helix lies in a plane and its ellipsoid's arc is a chain of 1 mm chords
    assert ours_mm(kind, size, axis, sign, p, q) == pytest.approx(wanted, abs=0.01)


def opensim_lengths(kind, size, p, q):
    opensim = pytest.importorskip("opensim", reason="OpenSim is not installed")
    opensim.Logger.setLevelString("Off")
    model = opensim.Model()
    ground = model.getGround()
    bodies = []
    for name in "pq":
        body = opensim.Body(name, 1, opensim.Vec3(0), opensim.Inertia(1, 1, 1))
        model.addBody(body)
        model.addJoint(opensim.FreeJoint("joint_" + name, ground, body))
        bodies.append(body)
    if kind == "cylinder":
        wrap = opensim.WrapCylinder()
        wrap.set_radius(size[0])
        wrap.set_length(2 * size[1])
    elif kind == "sphere":
        wrap = opensim.WrapSphere()
        wrap.set_radius(size[0])
    else:
        wrap = opensim.WrapEllipsoid()
        wrap.set_dimensions(opensim.Vec3(*size))
    wrap.setName("wrap")
    wrap.set_quadrant("all")
    ground.addWrapObject(wrap)
    spring = opensim.PathSpring("spring", 1.0, 1.0, 1.0)
    path = spring.updGeometryPath()
    path.appendNewPathPoint("a", bodies[0], opensim.Vec3(0))
    path.appendNewPathPoint("b", bodies[1], opensim.Vec3(0))
    path.addPathWrap(wrap)
    model.addForce(spring)
    state = model.initSystem()
    coordinates = model.getCoordinateSet()
    lengths = []
    for ends in zip(p, q, strict=True):
        for body, end in enumerate(ends):
            for axis in range(3):
                coordinates.get(6 * body + 3 + axis).setValue(state, float(end[axis]), False)
        model.realizePosition(state)
        lengths.append(spring.getLength(state))
    return np.array(lengths)


@pytest.mark.parametrize(
    ("kind", "size", "rmse_mm"),
    [
        ("cylinder", (0.0125, 0.03), 0.05),
        ("sphere", (0.0125,), 1e-6),
        ("ellipsoid", SHOULDER, 0.3),
    ],
)
def test_random_segments_agree_with_opensim(kind, size, rmse_mm):
    rng = np.random.default_rng(2)
    scale = size if kind == "ellipsoid" else size[0]
    ends = rng.normal(size=(2, 600, 3))
    ends *= rng.uniform(1.02, 4.0, (2, 600, 1)) / np.linalg.norm(ends, axis=2, keepdims=True)
    p, q = ends * scale
    theirs = 1e3 * opensim_lengths(kind, size, p, q)
    ours = [
        ours_mm(kind, np.array(size) * 1e3, -1, 1, a * 1e3, b * 1e3)
        for a, b in zip(p, q, strict=True)
    ]
    assert np.sqrt(np.mean((ours - theirs) ** 2)) < rmse_mm


TENDON = """
<mujoco>
  <worldbody>
    <geom name="wrap" type="{kind}" size="{size}" pos="0.1 -0.2 0.3" euler="20 -35 50"
      contype="0" conaffinity="0"/>
    {side}
    <body name="a" mocap="true"><site name="a"/></body>
    <body name="b" mocap="true"><site name="b"/></body>
  </worldbody>
  <tendon><spatial><site site="a"/><geom geom="wrap" {sidesite}/><site site="b"/></spatial></tendon>
</mujoco>
"""


def tendon(kind, local):
    """A tendon past one object, with a side site or without."""
    mujoco = pytest.importorskip("mujoco")
    size = "0.3" if kind == "sphere" else "0.3 2"
    model = mujoco.MjModel.from_xml_string(
        TENDON.format(kind=kind, size=size, side="", sidesite="")
    )
    data = mujoco.MjData(model)
    mujoco.mj_forward(model, data)
    center, turn = data.geom_xpos[0].copy(), data.geom_xmat[0].reshape(3, 3).copy()
    if local is not None:
        place = " ".join(str(x) for x in center + turn @ local)
        side = f'<site name="side" pos="{place}"/>'
        model = mujoco.MjModel.from_xml_string(
            TENDON.format(kind=kind, size=size, side=side, sidesite='sidesite="side"')
        )
        data = mujoco.MjData(model)

    def measured(p, q):
        data.mocap_pos[:] = center + turn @ p, center + turn @ q
        mujoco.mj_forward(model, data)
        return data.ten_length[0]

    return measured


SIDES = {
    "none": None,
    "outside": (0.4, 0.9, 0.3),
    "inside": (0.02, 0.01, -0.01),
    "along": (0, 0, 1),
}


@pytest.mark.parametrize("kind", ["sphere", "cylinder"])
@pytest.mark.parametrize("name", SIDES)
def test_lengths_are_those_of_mujoco(kind, name):
    local = None if SIDES[name] is None else np.array(SIDES[name], float)
    measured = tendon(kind, local)
    side = np.zeros(3) if local is None else local
    rng = np.random.default_rng(3)
    wrapped = 0
    for case in range(600):
        p, q = rng.uniform(-1, 1, (2, 3))
        if case % 3 == 0:  # a segment that almost touches the wall, or just does
            out = rng.normal(size=3) * (1, 1, kind == "sphere")
            out /= np.linalg.norm(out)
            along = np.cross(out, rng.normal(size=3))
            middle = (0.3 + rng.choice([1, -1]) * 10 ** rng.uniform(-9, -3)) * out
            p, q = middle + rng.uniform(0.2, 1) * along, middle - rng.uniform(0.2, 1) * along
        ours = path_length(wrap_mujoco, p, q, 0.3, kind == "sphere", side, local is not None)
        theirs = measured(p, q)
        if case % 3:
            assert ours == pytest.approx(theirs, abs=1e-9)
        else:  # its angle comes from a cosine, and by rounding it may go the other way round
            assert ours == pytest.approx(theirs, abs=1e-8) or theirs > ours + 0.1
        wrapped += abs(ours - np.linalg.norm(p - q)) > 1e-9
    assert wrapped > 50
