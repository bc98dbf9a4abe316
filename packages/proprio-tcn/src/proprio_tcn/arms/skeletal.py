"""An arm of rigid bodies and muscles that wrap around them, computed from a geometry."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from proprio_tcn.arms import kinematics, paths
from proprio_tcn.arms.arm import Coordinate, Pose, as_angles
from proprio_tcn.arms.assembly import assemble
from proprio_tcn.arms.geometry import Geometry

__all__ = ["SkeletalArm"]

Floats = NDArray[np.float64]

_CHUNK = 4096
"""Postures that a thread takes at a time."""


class SkeletalArm:
    """An arm made from a geometry; see :class:`proprio_tcn.arms.arm.Arm`.

    Args:
        geometry: What a reader of OpenSim's or MuJoCo's files gave.
        coordinates: Names of the free coordinates, in order; by default all that the file does
            not lock. The others are held at their values in ``geometry.locked``, or their defaults.
        wrapping: Whether muscles wrap over objects; without, they go straight between points.
        threads: Postures of a batch are shared among so many.
        body_mass_kg: Of the whole animal or man, for torques; None takes the masses of the file,
            or an adult macaque.

    Attributes:
        geometry: As given.
        skeleton: The frames that move, as :mod:`proprio_tcn.arms.kinematics` wants them.
        placements: Of each body: its frame, and its turn and offset there.
        notes: What the file held that is left out or treated otherwise.

    Raises:
        ValueError: If a coordinate is unknown or named twice, or one of the markers "hand", "elbow"
            and "shoulder" is missing.
    """

    def __init__(
        self,
        geometry: Geometry,
        *,
        coordinates: Sequence[str] | None = None,
        wrapping: bool = True,
        threads: int = 1,
        body_mass_kg: float | None = None,
    ) -> None:
        if threads < 1:
            raise ValueError(f"threads must be 1 or more, got {threads}")
        if not isinstance(wrapping, bool):
            raise ValueError(f"wrapping must be true or false, got {wrapping!r}")
        if isinstance(coordinates, str):
            raise ValueError(f"coordinates must be a list, such as [{coordinates}], got a word")
        self.geometry, self.wrapping, self.threads = geometry, wrapping, threads
        self.body_mass_kg = body_mass_kg
        self.name, self.species = geometry.name, geometry.species
        self.notes = geometry.notes
        known = {coordinate.name: coordinate for coordinate in geometry.coordinates}
        if coordinates is None:
            coordinates = [name for name in known if name not in geometry.locked]
        wrong = [name for name in coordinates if name not in known]
        if wrong or len(set(coordinates)) < len(coordinates) or not coordinates:
            raise ValueError(
                f"coordinates must be different ones of {', '.join(known)}, got "
                f"{', '.join(coordinates) or 'none'}"
            )
        self.coordinates: tuple[Coordinate, ...] = tuple(known[name] for name in coordinates)
        self._markers = {marker.name: marker for marker in geometry.markers}
        if len(self._markers) < len(geometry.markers):
            names = [marker.name for marker in geometry.markers]
            twice = sorted({name for name in names if names.count(name) > 1})
            raise ValueError(
                f"several markers of {geometry.name} are called {', '.join(twice)}: name each once"
            )
        roles = [role for role in ("hand", "elbow", "shoulder") if role not in self._markers]
        if roles:
            raise ValueError(f"{geometry.name} needs markers called {', '.join(roles)}")
        held = {name: one.default_rad for name, one in known.items()} | geometry.locked
        self.held_rad = {name: held[name] for name in known if name not in coordinates}
        self.skeleton, self.placements = assemble(geometry, coordinates, self.held_rad)
        self._hand, self._elbow = self.marker_place("hand"), self.marker_place("elbow")
        self.muscles: tuple[str, ...] = tuple(muscle.name for muscle in geometry.muscles)
        self._tables = paths.tabulate(
            geometry, coordinates, self.held_rad, self.skeleton, self.placements, wrapping
        )

    @property
    def moving(self) -> NDArray[np.bool_]:
        """Which muscles a free coordinate can change, (muscles,)."""
        return self._tables.moving.copy()

    def marker_place(self, name: str) -> tuple[int, Floats]:
        """Frame of a marker and its place (3,) there, for the kernels of ``kinematics``.

        Raises:
            ValueError: If there is no such marker.
        """
        if name not in self._markers:
            raise ValueError(
                f"marker must be one of {', '.join(self._markers)}, got {name!r} of {self.name}"
            )
        marker = self._markers[name]
        body = self.placements[marker.body]
        return body.frame, body.point(marker.place_m)

    def marker(
        self, name: str, angles_rad: ArrayLike, *, axes: Literal["world", "file"] = "world"
    ) -> Floats:
        """Where a marker of the file is in m, (n, 3).

        Args:
            name: Of the marker; "hand", "elbow" and "shoulder" are markers too.
            angles_rad: (n, coordinates).
            axes: The world's, with the shoulder at the origin, or those of the file.
        """
        found = self._points([self.marker_place(name)], as_angles(angles_rad, self.coordinates))
        if axes == "file":
            found = (found - self.skeleton.base_offset) @ self.skeleton.base_rotation
        return found[:, 0]

    def hand(self, angles_rad: ArrayLike) -> Floats:
        """Place of the hand in m, (n, 3)."""
        return self._points([self._hand], as_angles(angles_rad, self.coordinates))[:, 0]

    def elbow(self, angles_rad: ArrayLike) -> Floats:
        """Place of the elbow in m, (n, 3)."""
        return self._points([self._elbow], as_angles(angles_rad, self.coordinates))[:, 0]

    def hand_jacobian(self, angles_rad: ArrayLike) -> tuple[Floats, Floats]:
        """The hand (n, 3) and its derivatives in m/rad, (n, 3, coordinates)."""
        angles = as_angles(angles_rad, self.coordinates)
        found = np.empty((len(angles), 1, 3))
        jacobians = np.empty((len(angles), 1, 3, len(self.coordinates)))
        frame, place = self._hand
        kinematics.points_and_jacobians(
            self.skeleton, np.array([frame]), place[None], angles, found, jacobians
        )
        return found[:, 0], jacobians[:, 0]

    def pose(self, angles_rad: ArrayLike) -> Pose:
        """Hand, elbow, muscle lengths and their derivatives."""
        angles = as_angles(angles_rad, self.coordinates)
        hands = self._points([self._hand, self._elbow], angles)
        return Pose(hands[:, 0], hands[:, 1], *self._muscles(angles, jacobian=True))

    def muscle_lengths(self, angles_rad: ArrayLike) -> Floats:
        """Muscle lengths alone in m, (n, muscles)."""
        return self._muscles(as_angles(angles_rad, self.coordinates), jacobian=False)[0]

    def _points(self, wanted: Sequence[tuple[int, Floats]], angles: Floats) -> Floats:
        frames = np.array([frame for frame, _ in wanted])
        found = np.empty((len(angles), len(wanted), 3))
        places = np.array([place for _, place in wanted])
        kinematics.points(self.skeleton, frames, places, angles, found)
        return found

    def _muscles(self, angles: Floats, *, jacobian: bool) -> tuple[Floats, Floats]:
        """Lengths (n, muscles) and, if wanted, jacobians (n, muscles, coordinates)."""
        count, muscles = len(angles), len(self.muscles)
        lengths = np.empty((count, muscles))
        jacobians = np.empty((count if jacobian else 0, muscles, len(self.coordinates)))

        def work(start: int) -> None:
            rows = slice(start, start + _CHUNK)
            paths.measure(self.skeleton, self._tables, angles[rows], lengths[rows], jacobians[rows])

        if self.threads == 1 or count <= _CHUNK:
            paths.measure(self.skeleton, self._tables, angles, lengths, jacobians)
        else:
            with ThreadPoolExecutor(self.threads) as pool:
                list(pool.map(work, range(0, count, _CHUNK)))
        return lengths, jacobians
