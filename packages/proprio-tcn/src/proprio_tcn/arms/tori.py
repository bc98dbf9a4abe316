"""Tori that muscles pass through, as cylinders.

OpenSim puts, in every posture, a cylinder as thick as the tube where the muscle comes nearest to
the ring, and lets the muscle run on the side of the hole. Its own search fails in some postures (a
macaque's triceps then measures 0.7 m). Here the cylinder stays where the muscle comes nearest in
the default posture; at a hinge such as the elbow it would hardly move.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from proprio_tcn.arms.assembly import assemble, body_poses
from proprio_tcn.arms.geometry import Geometry, Muscle, Wrap, WrapObject

__all__ = ["Torus", "tori_as_cylinders"]

Floats = NDArray[np.float64]

_SAMPLES = 513
"""Of a segment, in search of the point nearest to a ring."""


@dataclass(frozen=True, eq=False)
class Torus:
    """A ring about the z axis of its own frame.

    Attributes:
        rotation: (3, 3), columns are its axes in its body's frame.
        offset: Its centre (3,) in its body's frame.
        tube_m: Radius of the tube.
        ring_m: Radius of the ring, to the middle of the tube.
    """

    name: str
    body: str
    rotation: Floats
    offset: Floats
    tube_m: float
    ring_m: float


def tori_as_cylinders(geometry: Geometry, tori: Mapping[str, Torus]) -> Geometry:
    """Replace wraps over tori by wraps over cylinders, one for each muscle.

    Args:
        geometry: Whose wraps may name tori that are not among its objects.
        tori: By name.

    Returns:
        The geometry, with a note for each torus.
    """
    defaults = {one.name: one.default_rad for one in geometry.coordinates} | geometry.locked
    poses = body_poses(*assemble(geometry, [], defaults))
    objects, muscles = list(geometry.wrap_objects), []
    for muscle in geometry.muscles:
        wraps = []
        for wrap in muscle.wraps:
            if wrap.target in tori:
                passed = _passed(muscle, wrap, defaults)
                made, wrap = _cylinder(tori[wrap.target], passed, muscle, poses)
                objects.append(made)
            wraps.append(wrap)
        muscles.append(replace(muscle, wraps=tuple(wraps)))
    used = {wrap.target for muscle in geometry.muscles for wrap in muscle.wraps}
    notes = [_note(torus, torus.name in used) for torus in tori.values()]
    return replace(
        geometry,
        muscles=tuple(muscles),
        wrap_objects=tuple(objects),
        notes=(*geometry.notes, *notes),
    )


def _note(torus: Torus, used: bool) -> str:
    where = f"WrapTorus {torus.name!r} on {torus.body}"
    if not used:
        return f"{where} is left out: no muscle wraps over it."
    return (
        f"{where} is replaced: each muscle passes a cylinder as thick as its tube, fixed where the "
        "muscle comes nearest to the ring in the default posture."
    )


def _passed(muscle: Muscle, wrap: Wrap, defaults: Mapping[str, float]) -> list[int]:
    """Points in a wrap's range that the muscle passes in the default posture, or all of them."""
    within = list(range(wrap.first, wrap.last + 1))
    points = muscle.points
    passed = [
        index
        for index in within
        if points[index].low_rad
        <= defaults.get(points[index].coordinate, points[index].low_rad)
        <= points[index].high_rad
    ]
    return passed if len(passed) > 1 else within


def _cylinder(
    torus: Torus,
    passed: Sequence[int],
    muscle: Muscle,
    poses: Mapping[str, tuple[Floats, Floats]],
) -> tuple[WrapObject, Wrap]:
    turn, origin = poses[torus.body]
    places = []
    for index in passed:
        point = muscle.points[index]
        away, base = poses[point.body]
        place = turn.T @ (away @ point.place_m + base - origin)
        places.append(torus.rotation.T @ (place - torus.offset))
    share = np.linspace(0.0, 1.0, _SAMPLES)[:, None]
    lines = np.array([(1 - share) * a + share * b for a, b in pairwise(places)])
    away = np.hypot(np.hypot(lines[..., 0], lines[..., 1]) - torus.ring_m, lines[..., 2])
    segment, sample = np.unravel_index(np.argmin(away), away.shape)
    x, y, _ = lines[segment, sample]
    outward = np.array([x, y, 0.0]) / np.hypot(x, y)
    # x towards the hole, on whose side the muscle stays; z along the tube
    axes = np.stack([-outward, [0.0, 0.0, -1.0], np.cross(-outward, [0.0, 0.0, -1.0])], axis=1)
    name = f"{torus.name} of {muscle.name}"
    made = WrapObject(
        name,
        torus.body,
        "cylinder",
        torus.rotation @ axes,
        torus.offset + torus.rotation @ (torus.ring_m * outward),
        np.full(3, torus.tube_m),
        constrained=0,
        sign=1,
    )
    return made, Wrap(name, passed[int(segment)], passed[int(segment) + 1])
