"""Muscles of an OpenSim file, and what they wrap around."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from neuro_common.files import FormatError
from proprio_tcn.arms import osim_xml as xml
from proprio_tcn.arms.geometry import Muscle, PathPoint, Wrap, WrapObject
from proprio_tcn.arms.osim_xml import Element
from proprio_tcn.arms.tori import Torus

__all__ = ["read_muscles", "read_wrap_objects"]

Floats = NDArray[np.float64]

_AXES = {"x": 0, "y": 1, "z": 2}

_STILL = (0.0, 0.0, 0.0)


def read_wrap_objects(owner: str, body: Element, notes: list[str]) -> list[WrapObject | Torus]:
    """Wrap objects of a body; those left out are noted.

    Raises:
        FormatError: If one has a size or quadrant that is impossible.
    """
    found: list[WrapObject | Torus] = []
    for element in body.findall("WrapObjectSet/objects/*"):
        where = f"{xml.label(element)} on {owner}"
        if not xml.truth(element, "active", True):
            notes.append(f"{where} is left out: it is switched off in the file.")
        elif element.tag == "WrapTorus":
            found.append(_torus(owner, element, where))
        elif element.tag in ("WrapCylinder", "WrapSphere", "WrapEllipsoid"):
            found.append(_wrap_object(owner, element, where))
        else:
            notes.append(f"{where} is left out: this shape is not supported.")
    return found


def _pose(element: Element) -> tuple[Floats, Floats]:
    rotation = xml.body_rotation(xml.vector(element, "xyz_body_rotation", 3, _STILL))
    return rotation, xml.vector(element, "translation", 3, _STILL)


def _torus(owner: str, element: Element, where: str) -> Torus:
    tube, ring = xml.number(element, "inner_radius"), xml.number(element, "outer_radius")
    if not 0 < tube < ring:
        raise FormatError(f"{where}: its radii must be positive, the outer the larger one")
    return Torus(str(element.get("name")), owner, *_pose(element), tube, ring)


def _wrap_object(owner: str, element: Element, where: str) -> WrapObject:
    kind: Literal["cylinder", "sphere", "ellipsoid"]
    half = np.inf
    if element.tag == "WrapEllipsoid":
        kind, radii = "ellipsoid", xml.vector(element, "dimensions", 3)
    elif element.tag == "WrapSphere":
        kind, radii = "sphere", np.full(3, xml.number(element, "radius"))
    else:
        kind, radii = "cylinder", np.full(3, xml.number(element, "radius"))
        half = xml.number(element, "length") / 2
    if (radii <= 0).any() or half <= 0:
        raise FormatError(f"{where}: its size must be positive")
    side = xml.text(element, "quadrant", "all").lower()
    axis, sign = side.lstrip("+-"), -1 if side.startswith("-") else 1
    if side not in ("all", "unassigned") and axis not in _AXES:
        raise FormatError(f"{where}: quadrant must be all, x, -x, y, -y, z or -z, got {side!r}")
    constrained = _AXES.get(axis, -1)
    name = str(element.get("name"))
    return WrapObject(name, owner, kind, *_pose(element), radii, half, constrained, sign)


@dataclass(frozen=True)
class _Known:
    bodies: Collection[str]
    coordinates: Collection[str]
    objects: Mapping[str, WrapObject | Torus]


def read_muscles(
    model: Element,
    bodies: Collection[str],
    coordinates: Collection[str],
    objects: Mapping[str, WrapObject | Torus],
    notes: list[str],
) -> list[Muscle]:
    """Muscles in the file's order; forces that are none, and those that move otherwise, are noted.

    Raises:
        FormatError: If a path names what is not there or has fewer than two points.
    """
    known = _Known(bodies, coordinates, objects)
    muscles = []
    for element in model.findall("ForceSet/objects/*"):
        where = xml.label(element)
        path = next(element.iter("GeometryPath"), None)
        if path is None or element.find("optimal_fiber_length") is None:
            notes.append(f"{where} is left out: it is no muscle with a path of points.")
            continue
        odd = [
            point.tag
            for point in path.findall("PathPointSet/objects/*")
            if point.tag not in ("PathPoint", "ConditionalPathPoint")
        ]
        if odd:
            notes.append(f"{where} is left out: points of kind {odd[0]} are not supported.")
            continue
        muscles.append(_muscle(element, path, where, known, notes))
    return muscles


def _muscle(element: Element, path: Element, where: str, known: _Known, notes: list[str]) -> Muscle:
    points = tuple(
        _path_point(point, f"{where}, {xml.label(point)}", known)
        for point in path.findall("PathPointSet/objects/*")
    )
    if len(points) < 2:
        raise FormatError(f"{where}: a path needs two points or more, got {len(points)}")
    wraps = []
    for one in path.findall("PathWrapSet/objects/PathWrap"):
        target = xml.text(one, "wrap_object")
        if target not in known.objects:
            notes.append(f"{where}: its wrap over {target!r} is left out: there is no such object.")
            continue
        first, last = (int(value) for value in xml.vector(one, "range", 2, (-1.0, -1.0)))
        first, last = max(first, 1), len(points) if last < 1 else last
        if not first < last <= len(points):
            raise FormatError(
                f"{where}: the range of its wrap over {target!r} must be two of its "
                f"{len(points)} points, got {first} to {last}"
            )
        wraps.append(Wrap(target, first - 1, last - 1))
    pennation = "pennation_angle_at_optimal"
    if element.find(pennation) is None:
        pennation = "pennation_angle"
    return Muscle(
        str(element.get("name")),
        points,
        tuple(wraps),
        xml.number(element, "optimal_fiber_length", np.nan),
        xml.number(element, "tendon_slack_length", np.nan),
        xml.number(element, pennation, np.nan),
        xml.number(element, "max_isometric_force", np.nan),
    )


def _path_point(element: Element, where: str, known: _Known) -> PathPoint:
    body = xml.tail(element, "socket_parent_frame", "body")
    if body not in known.bodies:
        raise FormatError(f"{where}: its body {body!r} is missing")
    place = xml.vector(element, "location", 3)
    if element.tag == "PathPoint":
        return PathPoint(body, place)
    coordinate = xml.tail(element, "socket_coordinate", "coordinate")
    if coordinate not in known.coordinates:
        raise FormatError(f"{where}: its coordinate {coordinate!r} is missing")
    low, high = (float(value) for value in xml.vector(element, "range", 2))
    return PathPoint(body, place, coordinate, low, high)
