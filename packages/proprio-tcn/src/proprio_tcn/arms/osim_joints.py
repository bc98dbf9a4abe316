"""Bodies, joints and coordinates of an OpenSim file, in its layout of 2010 or of version 4."""

from dataclasses import dataclass, field

import numpy as np
from numpy.polynomial import Polynomial
from numpy.typing import NDArray

from neuro_common.files import FormatError
from proprio_tcn.arms import osim_xml as xml
from proprio_tcn.arms.geometry import GROUND, Body, Coordinate, Motion
from proprio_tcn.arms.osim_xml import Element

__all__ = ["Structure", "read_structure"]

Floats = NDArray[np.float64]

_STILL = (0.0, 0.0, 0.0)

_SIMPLE: dict[str, list[tuple[str, int]]] = {
    "WeldJoint": [],
    "PinJoint": [("rotation", 2)],
    "SliderJoint": [("translation", 0)],
    "UniversalJoint": [("rotation", 0), ("rotation", 1)],
}
"""Motions and axes of the joints that carry no functions."""


@dataclass
class Structure:
    """What moves what.

    Attributes:
        bodies: Parents before children.
        coordinates: All that follow no other, in the file's order.
        locked: Those that do not move, and their values in rad.
        notes: What is left out, and why.
    """

    bodies: list[Body] = field(default_factory=list)
    coordinates: list[Coordinate] = field(default_factory=list)
    locked: dict[str, float] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    couplers: dict[str, tuple[str, tuple[float, ...]]] = field(default_factory=dict)


@dataclass
class _Joint:
    element: Element
    parent: str
    child: str
    before: tuple[Floats, Floats]
    after: tuple[Floats, Floats]
    coordinates: list[Element]


def read_structure(model: Element) -> Structure:
    """Read bodies, joints, coordinates and the couplings between these.

    Raises:
        FormatError: If a joint, a function or the tree of the bodies is not supported.
    """
    structure = Structure()
    elements = [one for one in model.findall("BodySet/objects/*") if one.get("name") != GROUND]
    if not elements:
        raise FormatError("the model has no bodies")
    joints = _joints(model, elements)
    for joint in joints.values():
        for element in joint.coordinates:
            _read_coordinate(element, structure)
    for element in model.findall("ConstraintSet/objects/*"):
        _read_constraint(element, structure)
    done, waiting = {GROUND}, {str(element.get("name")): element for element in elements}
    while waiting:
        ready = [name for name in waiting if name in joints and joints[name].parent in done]
        if not ready:
            names = ", ".join(waiting)
            raise FormatError(f"no joint leads from the ground to the bodies {names}")
        for name in ready:
            structure.bodies.append(_body(waiting.pop(name), joints[name], structure))
            done.add(name)
    return structure


def _joints(model: Element, bodies: list[Element]) -> dict[str, _Joint]:
    """Joints by the body that they move."""
    inside = [_old_joint(body, one) for body in bodies for one in body.findall("Joint/*")]
    found: dict[str, _Joint] = {}
    for joint in [*inside, *map(_new_joint, model.findall("JointSet/objects/*"))]:
        where = xml.label(joint.element)
        if joint.child in found:
            raise FormatError(
                f"{where}: body {joint.child!r} hangs on two joints; loops are not supported"
            )
        if xml.truth(joint.element, "reverse", False):
            raise FormatError(f"{where}: reversed joints are not supported")
        found[joint.child] = joint
    return found


def _old_joint(body: Element, element: Element) -> _Joint:
    before, after = (
        (
            xml.body_rotation(xml.vector(element, f"orientation{where}", 3, _STILL)),
            xml.vector(element, f"location{where}", 3, _STILL),
        )
        for where in ("_in_parent", "")
    )
    parent, child = xml.text(element, "parent_body"), str(body.get("name"))
    coordinates = element.findall("CoordinateSet/objects/Coordinate")
    return _Joint(element, parent, child, before, after, coordinates)


def _new_joint(element: Element) -> _Joint:
    frames: dict[str, tuple[str, Floats, Floats]] = {}
    for frame in element.findall("frames/PhysicalOffsetFrame"):
        frames[str(frame.get("name"))] = (
            xml.tail(frame, "socket_parent"),
            xml.body_rotation(xml.vector(frame, "orientation", 3, _STILL)),
            xml.vector(frame, "translation", 3, _STILL),
        )
    ends = []
    for tag in ("socket_parent_frame", "socket_child_frame"):
        name = xml.tail(element, tag)
        if not name:
            raise FormatError(f"{xml.label(element)}: {tag} is missing")
        ends.append(frames.get(name, (name, np.eye(3), np.zeros(3))))
    (parent, *before), (child, *after) = ends
    coordinates = element.findall("coordinates/Coordinate")
    return _Joint(element, parent, child, (before[0], before[1]), (after[0], after[1]), coordinates)


def _read_coordinate(element: Element, structure: Structure) -> None:
    name = str(element.get("name"))
    low, high = (float(value) for value in xml.vector(element, "range", 2, (-np.pi, np.pi)))
    if low > high:
        raise FormatError(f"{xml.label(element)}: range must ascend, got {low} to {high}")
    if any(one.name == name for one in structure.coordinates):
        raise FormatError(f"two coordinates are called {name!r}")
    default = xml.number(element, "default_value", 0.0)
    structure.coordinates.append(Coordinate(name, low, high, default))
    if xml.truth(element, "locked", False):
        structure.locked[name] = default
    elif xml.truth(element, "prescribed", False):
        structure.locked[name] = default
        structure.notes.append(f"Coordinate {name!r} is prescribed; it is held at its default.")


def _read_constraint(element: Element, structure: Structure) -> None:
    """Take over a coupling of one coordinate to another; note other constraints."""
    if xml.truth(element, "isDisabled", False) or not xml.truth(element, "isEnforced", True):
        return
    drivers = xml.text(element, "independent_coordinate_names").split()
    functions = _functions(element, "coupled_coordinates_function")
    if element.tag != "CoordinateCouplerConstraint" or len(drivers) != 1 or len(functions) != 1:
        structure.notes.append(f"{xml.label(element)} is left out: it is not supported.")
        return
    follower = xml.text(element, "dependent_coordinate_name")
    powers = xml.polynomial(functions[0], xml.label(element))
    structure.couplers[follower] = (drivers[0], powers)
    structure.coordinates = [one for one in structure.coordinates if one.name != follower]
    structure.locked.pop(follower, None)


def _functions(element: Element, tag: str) -> list[Element]:
    """Functions in a child of this tag (2010), or with this name (version 4)."""
    holder = element.find(tag)
    named = [child for child in element if child.get("name") == tag]
    return list(holder if holder is not None else ()) + named


def _body(element: Element, joint: _Joint, structure: Structure) -> Body:
    if element.find("inertia") is not None:
        xx, yy, zz, xy, xz, yz = xml.vector(element, "inertia", 6)
    else:
        names = ("xx", "yy", "zz", "xy", "xz", "yz")
        xx, yy, zz, xy, xz, yz = (xml.number(element, f"inertia_{two}", 0.0) for two in names)
    mass = xml.number(element, "mass", 0.0)
    if mass < 0:
        raise FormatError(f"{xml.label(element)}: mass must be at least 0, got {mass:g}")
    return Body(
        str(element.get("name")),
        joint.parent,
        _motions(joint, structure),
        mass,
        xml.vector(element, "mass_center", 3, _STILL),
        np.array([[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]]),
    )


def _motions(joint: _Joint, structure: Structure) -> tuple[Motion, ...]:
    kind, where = joint.element.tag, xml.label(joint.element)
    if kind == "CustomJoint":
        middle = _transform(joint.element, where, structure)
    elif kind in _SIMPLE:
        names = [str(element.get("name")) for element in joint.coordinates]
        if len(names) != len(_SIMPLE[kind]):
            raise FormatError(
                f"{where}: it needs {len(_SIMPLE[kind])} coordinates, got {len(names)}"
            )
        middle = [
            _motion(motion, np.eye(3)[axis], name, (0.0, 1.0), where, structure)
            for (motion, axis), name in zip(_SIMPLE[kind], names, strict=True)
        ]
    else:
        raise FormatError(
            f"{where}: joints of this kind are not supported; CustomJoint, {', '.join(_SIMPLE)} are"
        )
    rotation, offset = joint.after
    return (
        Motion("fixed", rotation=joint.before[0], offset=joint.before[1]),
        *middle,
        Motion("fixed", rotation=rotation.T, offset=-rotation.T @ offset),
    )


def _transform(joint: Element, where: str, structure: Structure) -> list[Motion]:
    """Translations, along axes of the parent, come before the rotations."""
    found = {str(axis.get("name")): axis for axis in joint.findall("SpatialTransform/*")}
    motions = []
    for name in [f"{kind}{i}" for kind in ("translation", "rotation") for i in (1, 2, 3)]:
        if name in found:
            motion = _transform_axis(found[name], name[:-1], f"{where}, axis {name}", structure)
            if motion.coordinate or motion.polynomial[0] != 0:
                motions.append(motion)
    return motions


def _transform_axis(element: Element, kind: str, where: str, structure: Structure) -> Motion:
    names = xml.text(element, "coordinates").split()
    if len(names) > 1:
        raise FormatError(f"{where}: it depends on {len(names)} coordinates; one is supported")
    functions = _functions(element, "function")
    if len(functions) != 1:
        raise FormatError(f"{where}: one function is needed, got {len(functions)}")
    powers = xml.polynomial(functions[0], where)
    axis = xml.vector(element, "axis", 3)
    if not np.any(axis):
        raise FormatError(f"{where}: its axis is zero")
    return _motion(kind, axis, names[0] if names else "", powers, where, structure)


def _motion(
    kind: str,
    axis: Floats,
    coordinate: str,
    powers: tuple[float, ...],
    where: str,
    structure: Structure,
) -> Motion:
    if coordinate in structure.couplers:
        coordinate, inner = structure.couplers[coordinate]
        powers = tuple(float(value) for value in Polynomial(powers)(Polynomial(inner)).coef)
    if coordinate and all(one.name != coordinate for one in structure.coordinates):
        raise FormatError(f"{where}: its coordinate {coordinate!r} is missing")
    if len(powers) == 1:
        coordinate = ""
    unit = axis / np.linalg.norm(axis)
    if kind == "rotation":
        return Motion("rotation", unit, coordinate, powers)
    return Motion("translation", unit, coordinate, powers)
