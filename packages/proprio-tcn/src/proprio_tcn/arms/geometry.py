"""What an arm is made of: bodies moved by coordinates, muscle paths, and what they wrap around.

Readers of OpenSim and MuJoCo files give this; :mod:`proprio_tcn.arms.skeletal` computes with it.
Lengths are metres, angles radians, masses kilograms.
"""

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "GROUND",
    "Body",
    "Coordinate",
    "Geometry",
    "Marker",
    "Motion",
    "Muscle",
    "PathPoint",
    "Wrap",
    "WrapObject",
]

Vector = NDArray[np.float64]

GROUND = "ground"
"""Name of the body that does not move; it has no parent."""


@dataclass(frozen=True)
class Coordinate:
    """One degree of freedom and its range; outside of it a model is not to be trusted."""

    name: str
    low_rad: float
    high_rad: float
    default_rad: float = 0.0


@dataclass(frozen=True, eq=False)
class Motion:
    """One elementary motion, from the frame before it to the frame after it.

    Attributes:
        kind: A fixed frame, or a rotation about or a translation along an axis.
        axis: Unit vector (3,) in the frame before it.
        coordinate: What drives it; "" if its value is constant.
        polynomial: Its value (rad or m) from the coordinate, ascending powers.
        rotation: Of the fixed frame, (3, 3); columns are the new axes in the frame before it.
        offset: Of the fixed frame, (3,).
    """

    kind: Literal["fixed", "rotation", "translation"]
    axis: Vector = field(default_factory=lambda: np.array([0.0, 0.0, 1.0]))
    coordinate: str = ""
    polynomial: tuple[float, ...] = (0.0, 1.0)
    rotation: Vector = field(default_factory=lambda: np.eye(3))
    offset: Vector = field(default_factory=lambda: np.zeros(3))


@dataclass(frozen=True, eq=False)
class Body:
    """A rigid body; its frame is its parent's after all its motions, in order.

    Attributes:
        mass_kg: Its mass.
        center_m: Its centre of mass (3,), in its own frame.
        inertia_kg_m2: (3, 3) about the centre of mass, in its own frame.
    """

    name: str
    parent: str
    motions: tuple[Motion, ...]
    mass_kg: float = 0.0
    center_m: Vector = field(default_factory=lambda: np.zeros(3))
    inertia_kg_m2: Vector = field(default_factory=lambda: np.zeros((3, 3)))


@dataclass(frozen=True, eq=False)
class PathPoint:
    """A point that a muscle passes, always or while a coordinate is within a range."""

    body: str
    place_m: Vector
    coordinate: str = ""
    low_rad: float = -np.inf
    high_rad: float = np.inf


@dataclass(frozen=True, eq=False)
class WrapObject:
    """A surface that muscles slide over.

    Attributes:
        rotation: (3, 3), columns are its axes in its body's frame; a cylinder's axis is its z.
        offset: Its centre (3,) in its body's frame.
        radii_m: (3,) of an ellipsoid; a sphere's and a cylinder's radius thrice.
        half_length_m: Of a cylinder; infinite where the length does not matter.
        constrained: Axis (0, 1, 2) of which only one side may be wrapped over; -1 for all.
        sign: Which side of it, 1 or -1.
    """

    name: str
    body: str
    kind: Literal["cylinder", "sphere", "ellipsoid"]
    rotation: Vector
    offset: Vector
    radii_m: Vector
    half_length_m: float = np.inf
    constrained: int = -1
    sign: int = 1


@dataclass(frozen=True, eq=False)
class Wrap:
    """A muscle may wrap around an object between some of its points.

    Attributes:
        target: Name of the object.
        first: First path point between which the wrap may lie, from 0.
        last: Last such point.
        rule: How contact is decided: OpenSim's, by quadrants over a whole path, or MuJoCo's, by a
            side site over one segment.
        side: Side site of MuJoCo's rule (3,) in the object's frame; None without one.
    """

    target: str
    first: int
    last: int
    rule: Literal["opensim", "mujoco"] = "opensim"
    side: Vector | None = None


@dataclass(frozen=True, eq=False)
class Muscle:
    """A muscle's path and what else is known of it (NaN where it is not)."""

    name: str
    points: tuple[PathPoint, ...]
    wraps: tuple[Wrap, ...] = ()
    optimal_fibre_m: float = np.nan
    tendon_slack_m: float = np.nan
    pennation_rad: float = np.nan
    max_force_n: float = np.nan


@dataclass(frozen=True, eq=False)
class Marker:
    """A point on a body with a name."""

    name: str
    body: str
    place_m: Vector


@dataclass(frozen=True, eq=False)
class Geometry:
    """A whole arm as a file describes it.

    Attributes:
        bodies: Parents before children; the ground is not among them.
        coordinates: All of the file, in its order.
        locked: Coordinates that do not move, and their values in rad.
        markers: "hand", "elbow" and "shoulder" are among them.
        world: (3, 3), from the file's axes to x forward, y left, z up.
        notes: What of the file was left out or is treated otherwise, and why.
    """

    name: str
    species: str
    bodies: tuple[Body, ...]
    coordinates: tuple[Coordinate, ...]
    locked: dict[str, float]
    muscles: tuple[Muscle, ...]
    wrap_objects: tuple[WrapObject, ...]
    markers: tuple[Marker, ...]
    world: Vector
    notes: tuple[str, ...] = ()
