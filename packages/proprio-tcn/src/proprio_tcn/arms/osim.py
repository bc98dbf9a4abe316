"""Read an arm from an OpenSim model file, without OpenSim.

Files of the layout of 2010 (version 30000: joints inside their bodies) and of OpenSim 4 (joints in
a set of their own) are understood: bodies; custom, weld, pin, slider and universal joints whose
functions are constants, lines and polynomials; coordinates and couplings of one to another; path
points and conditional points; cylinders, spheres, ellipsoids and tori that muscles wrap over;
markers; muscles' constants. What decides where the arm is and is not supported is refused by name;
what else is left out is in the notes.
"""

import os
from dataclasses import replace

import numpy as np

from neuro_common.files import FormatError
from proprio_tcn.arms import osim_xml as xml
from proprio_tcn.arms.geometry import GROUND, Body, Geometry, Marker, WrapObject
from proprio_tcn.arms.osim_joints import Structure, read_structure
from proprio_tcn.arms.osim_muscles import read_muscles, read_wrap_objects
from proprio_tcn.arms.osim_xml import Element
from proprio_tcn.arms.tori import Torus, tori_as_cylinders

__all__ = ["read_osim"]

# OpenSim has x forward, y up and z to the right.
_WORLD = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]])


def read_osim(
    path: str | os.PathLike[str],
    *,
    hand: str = "Marker_3",
    elbow: str = "Marker_6",
    shoulder: str | None = None,
    species: str | None = None,
) -> Geometry:
    """Read an OpenSim model.

    A muscle's length is that of its path from origin to insertion. The published data sets of the
    macaque hold tendon plus fibre length instead, which is longer for pennate muscles (by up to
    23 mm in its triceps), for the fibre is not projected onto the tendon there.

    Args:
        path: The .osim file.
        hand: Name of the marker that is the hand.
        elbow: Name of the marker that is the elbow.
        shoulder: Name of the marker at the world's origin; by default the centre of the first
            joint between the ground and the hand that can move.
        species: Whose arm it is; by default "macaque" if the model's name says monkey, else
            "unknown".

    Returns:
        The arm; ``notes`` says what of the file was left out or replaced, and why.

    Raises:
        FormatError: If the file is no OpenSim model, is broken, or holds something unsupported
            that decides where the arm is; the message names the element.
    """
    root = xml.parse(path)
    try:
        return _read(root, {"hand": hand, "elbow": elbow}, shoulder, species)
    except FormatError as error:
        raise FormatError(f"{os.fspath(path)}: {error}") from None


def _read(
    root: Element, roles: dict[str, str], shoulder: str | None, species: str | None
) -> Geometry:
    model = root.find("Model") if root.tag == "OpenSimDocument" else None
    if model is None:
        raise FormatError(f"it must be an OpenSimDocument with a Model, got {xml.label(root)}")
    structure = read_structure(model)
    notes = structure.notes
    names = {GROUND, *(body.name for body in structure.bodies)}
    shapes = {shape.name: shape for shape in _shapes(model, notes)}
    coordinates = [one.name for one in structure.coordinates]
    muscles = read_muscles(model, names, coordinates, shapes, notes)
    _refuse_twice("muscles", [muscle.name for muscle in muscles])
    markers = _markers(model, names, notes)
    if shoulder is not None:
        roles = roles | {"shoulder": shoulder}
    chosen = [_named(markers, role, name) for role, name in roles.items()]
    if shoulder is None:
        chosen.append(_first_joint(structure, chosen[0].body))
    _refuse_two_meanings(chosen, markers)
    name = model.get("name", "arm")
    monkey = any(word in name.lower() for word in ("monkey", "macaque"))
    geometry = Geometry(
        name=name,
        species=species or ("macaque" if monkey else "unknown"),
        bodies=tuple(structure.bodies),
        coordinates=tuple(structure.coordinates),
        locked=structure.locked,
        muscles=tuple(muscles),
        wrap_objects=tuple(one for one in shapes.values() if isinstance(one, WrapObject)),
        markers=(*chosen, *markers.values()),
        world=_WORLD,
        notes=tuple(notes),
    )
    tori = {name: one for name, one in shapes.items() if isinstance(one, Torus)}
    return tori_as_cylinders(geometry, tori) if tori else geometry


def _shapes(model: Element, notes: list[str]) -> list[WrapObject | Torus]:
    ground = model.find("Ground")
    bodies = [(str(body.get("name")), body) for body in model.findall("BodySet/objects/*")]
    owners = [*([(GROUND, ground)] if ground is not None else []), *bodies]
    shapes = [shape for owner, body in owners for shape in read_wrap_objects(owner, body, notes)]
    _refuse_twice("wrap objects", [shape.name for shape in shapes])
    return shapes


def _refuse_twice(what: str, names: list[str]) -> None:
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise FormatError(f"several {what} are called {', '.join(twice)}: rename them")


def _markers(model: Element, bodies: set[str], notes: list[str]) -> dict[str, Marker]:
    markers = {}
    elements = model.findall("MarkerSet/objects/*")
    _refuse_twice("markers", [str(element.get("name")) for element in elements])
    for element in elements:
        name, body = str(element.get("name")), xml.tail(element, "socket_parent_frame", "body")
        if body not in bodies:
            notes.append(f"{xml.label(element)} is left out: there is no body {body!r}.")
            continue
        markers[name] = Marker(name, body, xml.vector(element, "location", 3))
    return markers


def _named(markers: dict[str, Marker], role: str, name: str) -> Marker:
    if name not in markers:
        raise FormatError(
            f"there is no marker {name!r} to be the {role}: give {role}= one of "
            f"{', '.join(markers) or '(the file has no markers)'}"
        )
    return replace(markers[name], name=role)


def _refuse_two_meanings(chosen: list[Marker], markers: dict[str, Marker]) -> None:
    """Take the file's own markers called hand, elbow or shoulder out, if they are these."""
    for one in chosen:
        other = markers.pop(one.name, one)
        if other.body != one.body or (other.place_m != one.place_m).any():
            raise FormatError(
                f"{one.name!r} must be the marker that the file calls so, got another: give "
                f"{one.name}={one.name}, or rename the marker in the file"
            )


def _first_joint(structure: Structure, hand: str) -> Marker:
    """Centre of the first joint that can move on the way from the ground to the hand."""
    bodies = {body.name: body for body in structure.bodies}
    chain: list[Body] = []
    while hand != GROUND:
        chain.append(bodies[hand])
        hand = bodies[hand].parent
    for body in reversed(chain):
        if any(motion.coordinate not in ("", *structure.locked) for motion in body.motions):
            return Marker("shoulder", body.parent, body.motions[0].offset)
    raise FormatError(
        "a joint between the ground and the hand must be free, got none: unlock a coordinate"
    )
