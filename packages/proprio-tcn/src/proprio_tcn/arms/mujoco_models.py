"""Arms from MuJoCo models: joints, couplings between them, tendons, and what these slide over.

Ready are the right arm of MyoHub's myo-sim, 63 muscles, of which four coordinates are free here,
and its small elbow of two joints and six muscles. MuJoCo and myo-sim are imported on first use.
"""

import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from proprio_tcn.arms.geometry import GROUND, Coordinate, Geometry, Marker
from proprio_tcn.arms.mujoco_reading import Reading

if TYPE_CHECKING:
    import mujoco  # type: ignore[import-untyped]

__all__ = ["human_arm", "mujoco_geometry", "quiet_mujoco", "small_elbow"]

Floats = NDArray[np.float64]

_EMPTY_PREFIX = "Attaching a spec with an empty prefix"

_HUMAN_RANGES_DEG = {
    "elv_angle": (-30.0, 130.0),
    "shoulder_elv": (5.0, 120.0),
    "shoulder_rot": (-90.0, 90.0),
    "elbow_flexion": (10.0, 130.0),
}
_HUMAN_DEFAULTS_DEG = {
    "elv_angle": 55.0,
    "shoulder_elv": 45.0,
    "shoulder_rot": 20.0,
    "elbow_flexion": 90.0,
}
_HUMAN_NOTE = (
    "This is a human right arm, not a macaque's: y > 0 is across the body. Ranges are narrowed to "
    "where a pen may be; forearm, wrist and fingers are locked straight."
)
_HUMAN_MARKERS = (
    "Clavicle_marker",
    "Shoulder_marker",
    "Bicep_marker",
    "Elbow_Lateral_marker",
    "Elbow_Medial_marker",
    "Ulna_marker",
    "Forearm_marker",
    "Radius_marker",
)


@contextmanager
def quiet_mujoco() -> Iterator[None]:
    """Drop MuJoCo's remark on empty prefixes; its other warnings become Python's.

    Left alone, MuJoCo writes each of them to a file MUJOCO_LOG.TXT in the working directory.
    """
    import mujoco

    messages: list[str] = []
    before = mujoco.get_mju_user_warning()
    mujoco.set_mju_user_warning(messages.append)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=_EMPTY_PREFIX, category=UserWarning)
            yield
    finally:
        mujoco.set_mju_user_warning(before)
    for message in dict.fromkeys(messages):
        if not message.startswith(_EMPTY_PREFIX):
            warnings.warn(f"MuJoCo: {message}", RuntimeWarning, stacklevel=3)


@cache
def human_arm() -> Geometry:
    """The human right arm of myo-sim: 63 muscles, free shoulder (three angles) and elbow.

    Clavicle and scapula follow the elevation of the shoulder as in the model; forearm, wrist and
    fingers are straight and locked. The ranges are the model's, without postures in which nobody
    writes: the arm behind the back or hanging straight down, where elevation loses its plane, above
    120 degrees, or with a straight elbow. The hand is where it grasps.
    """
    import myo_sim  # type: ignore[import-untyped]

    with quiet_mujoco():
        model = myo_sim.load_model("myoarm")
    geometry = mujoco_geometry(
        model,
        name="human",
        species="human",
        hand="S_grasp",
        elbow="ulna",
        shoulder="humerus",
        free=tuple(_HUMAN_RANGES_DEG),
        ranges_rad={name: _pair(pair) for name, pair in _HUMAN_RANGES_DEG.items()},
        defaults_rad={name: _radians(value)[0] for name, value in _HUMAN_DEFAULTS_DEG.items()},
        markers=_HUMAN_MARKERS,
        suffix="_r",
        # myo-sim's body looks along -y, and its left is x
        world=np.array([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]),
    )
    return replace(geometry, notes=(_HUMAN_NOTE, *geometry.notes))


@cache
def small_elbow() -> Geometry:
    """The small right arm of myo-sim: raising the shoulder, flexing the elbow, six muscles."""
    import myo_sim

    with quiet_mujoco():
        model = myo_sim.load_model("myoelbow_2dof")
    return mujoco_geometry(
        model,
        name="elbow",
        species="human",
        hand="wrist",
        elbow="r_ulna_radius_hand",
        shoulder="r_humerus",
        defaults_rad={"r_elbow_flex": _radians(90.0)[0]},
        world=np.array([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]),
    )


def mujoco_geometry(
    source: "mujoco.MjModel | str | Path",
    *,
    hand: str,
    elbow: str,
    shoulder: str,
    name: str = "",
    species: str = "none",
    free: Sequence[str] | None = None,
    locked_rad: Mapping[str, float] | None = None,
    ranges_rad: Mapping[str, tuple[float, float]] | None = None,
    defaults_rad: Mapping[str, float] | None = None,
    markers: Sequence[str] = (),
    suffix: str = "",
    world: ArrayLike | None = None,
) -> Geometry:
    """Read an arm from a MuJoCo model.

    Muscles are the actuators that pull a spatial tendon of sites, spheres and cylinders. What else
    is in the model and has no counterpart here is named in the notes. The shoulder is the origin of
    the world and rests on the ground, where the model has it in the default posture.

    Args:
        source: A compiled model, or the path of an .xml file.
        hand: Name of the site or body that is the hand.
        elbow: Likewise.
        shoulder: Likewise.
        name: Of the arm; the model's own unless given.
        species: "human", "macaque" or "none".
        free: Joints that move, all unless given. Joints coupled to others follow them.
        locked_rad: Values of joints that are not free; the model's reference unless given.
        ranges_rad: In place of the model's.
        defaults_rad: In place of the model's reference posture, which is clipped into the range.
        markers: Names of more sites or bodies to be known as markers.
        suffix: What all names are stripped of ("_r").
        world: (3, 3), from the model's axes to x forward, y left, z up; the same unless given.

    Raises:
        ValueError: If the file cannot be read, a name is not in the model or no joint is free, a
            constraint holds bodies together in other ways than by joints, or a side site rides on
            another body than what it belongs to.
    """
    reading = Reading(_load(source), suffix)
    coordinates = _coordinates(reading, ranges_rad or {}, defaults_rad or {})
    references = {name: one[2] for name, one in reading.coordinates().items()}
    locked = _locked(coordinates, references, free, locked_rad or {})
    values = {one.name: one.default_rad for one in coordinates} | locked
    bodies = reading.bodies()
    muscles, objects = reading.muscles()
    origin = reading.world_place(shoulder, values)
    points = (
        Marker("hand", *reading.place(hand)),
        Marker("elbow", *reading.place(elbow)),
        Marker("shoulder", GROUND, origin),
        *(Marker(one, *reading.place(one)) for one in markers),
    )
    return Geometry(
        name=name or reading.title,
        species=species,
        bodies=bodies,
        coordinates=coordinates,
        locked=locked,
        muscles=muscles,
        wrap_objects=objects,
        markers=points,
        world=_rotation(world),
        notes=tuple(reading.notes),
    )


def _load(source: "mujoco.MjModel | str | Path") -> "mujoco.MjModel":
    import mujoco

    if isinstance(source, mujoco.MjModel):
        return source
    path = Path(source)
    if not path.is_file():
        raise ValueError(f"There is no MuJoCo model at {path}: give the path of an .xml file")
    try:
        with quiet_mujoco():
            return mujoco.MjModel.from_xml_path(str(path))
    except ValueError as error:
        raise ValueError(f"{path} is no MuJoCo model that can be read: {error}") from error


def _radians(*degrees: float) -> tuple[float, ...]:
    return tuple(float(np.deg2rad(one)) for one in degrees)


def _pair(degrees: tuple[float, float]) -> tuple[float, float]:
    low, high = _radians(*degrees)
    return low, high


def _coordinates(
    reading: Reading,
    ranges_rad: Mapping[str, tuple[float, float]],
    defaults_rad: Mapping[str, float],
) -> tuple[Coordinate, ...]:
    coordinates = []
    for name, (low, high, default) in reading.coordinates().items():
        low, high = ranges_rad.get(name, (low, high))
        if not (np.isfinite([low, high]).all() and low < high):
            raise ValueError(
                f"The range of {name} must be two numbers, low < high, got ({low}, {high}): "
                "give it one in ranges_rad"
            )
        default = defaults_rad.get(name, float(np.clip(default, low, high)))
        if not low <= default <= high:
            raise ValueError(f"The default of {name} must be in [{low}, {high}], got {default}")
        coordinates.append(Coordinate(name, low, high, default))
    names = [one.name for one in coordinates]
    _check_names("ranges_rad", ranges_rad, names)
    _check_names("defaults_rad", defaults_rad, names)
    return tuple(coordinates)


def _locked(
    coordinates: Sequence[Coordinate],
    references: Mapping[str, float],
    free: Sequence[str] | None,
    locked_rad: Mapping[str, float],
) -> dict[str, float]:
    names = [one.name for one in coordinates]
    moving = names if free is None else list(free)
    _check_names("free", moving, names)
    _check_names("locked_rad", locked_rad, [one for one in names if one not in moving])
    if not moving:
        raise ValueError("At least one joint must be free")
    return {
        name: float(locked_rad.get(name, references[name])) for name in names if name not in moving
    }


def _check_names(what: str, given: Iterable[str], known: Sequence[str]) -> None:
    wrong = [name for name in given if name not in known]
    if wrong:
        raise ValueError(
            f"{what} must name joints of one degree of freedom that may be given here "
            f"({', '.join(known)}), got {', '.join(wrong)}"
        )


def _rotation(world: ArrayLike | None) -> Floats:
    turn = np.eye(3) if world is None else np.asarray(world, dtype=np.float64)
    if turn.shape != (3, 3) or not np.allclose(turn @ turn.T, np.eye(3), atol=1e-9):
        raise ValueError("world must be a rotation matrix (3, 3)")
    if np.linalg.det(turn) < 0:
        raise ValueError("world must be a rotation, got a reflection (determinant -1)")
    return turn
