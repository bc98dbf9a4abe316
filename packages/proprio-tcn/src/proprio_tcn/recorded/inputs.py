"""Muscle, joint and hand kinematics of recorded trials, as networks take them, in one file."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from neuro_common.files import FormatError
from neuro_common.store import Recording, Signal, read_recording, write_recording
from proprio_tcn.movements.format import BIN_S, BINS
from proprio_tcn.recorded.windows import START_BIN

__all__ = ["RecordedInputs", "read_inputs"]

_KIND = "proprio-tcn/recorded-inputs"
_VERSION = 3
"""Of the parts of the file: 1 has no elbow, and before 3 there is no direction."""
_FACTS = ("arm", "species", "muscles", "coordinates", "trial")

_Array = NDArray[np.float32]


@dataclass(eq=False)
class RecordedInputs:
    """Recorded movements in windows of 400 bins of 10 ms, each starting at bin 100.

    Units and signs are those of the synthetic movement sets, for active and passive trials alike.
    What is before a movement and after it repeats its first and last posture, at rest.

    Attributes:
        arm: Name of the arm.
        species: Whose it is.
        muscles: Their names.
        coordinates: Names of the joint coordinates.
        moving: Which muscles a joint can change, (muscles,).
        trial: Names of the trials, (n,).
        trial_row: Row of each in the table of events, from 0, (n,).
        passive: Which are bumps of the hand, (n,).
        duration: Bins of each movement, (n,).
        muscle: Length mm and velocity mm/s, (n, muscles, 400, 2).
        joint: Angle deg and velocity deg/s, (n, coordinates, 400, 2).
        hand: Place cm and velocity cm/s in the world, (n, 3, 400, 2).
        elbow: The same of the elbow; None in files that were written without it.
        direction_deg: Of the reach, or of the bump, (n,), NaN where it is not known; None where
            that of no trial is.

    Raises:
        ValueError: Shapes do not fit one another.
    """

    arm: str
    species: str
    muscles: tuple[str, ...]
    coordinates: tuple[str, ...]
    moving: NDArray[np.bool_]
    trial: tuple[str, ...]
    trial_row: NDArray[np.int64]
    passive: NDArray[np.bool_]
    duration: NDArray[np.int64]
    muscle: _Array
    joint: _Array
    hand: _Array
    elbow: _Array | None = None
    direction_deg: NDArray[np.float64] | None = None

    def __post_init__(self) -> None:
        count = len(self.trial)
        wanted = {
            "moving": (len(self.muscles),),
            "trial_row": (count,),
            "passive": (count,),
            "duration": (count,),
            "muscle": (count, len(self.muscles), BINS, 2),
            "joint": (count, len(self.coordinates), BINS, 2),
            "hand": (count, 3, BINS, 2),
        }
        if self.elbow is not None:
            wanted["elbow"] = (count, 3, BINS, 2)
        if self.direction_deg is not None:
            wanted["direction_deg"] = (count,)
        for name, shape in wanted.items():
            if getattr(self, name).shape != shape:
                raise ValueError(
                    f"{name} must have the shape {shape}, got {getattr(self, name).shape}"
                )

    def __len__(self) -> int:
        return len(self.trial)

    @property
    def spindle(self) -> _Array:
        """Input of the networks: length mm and velocity mm/s, (n, muscles, 400, 2)."""
        return self.muscle

    @property
    def movement(self) -> NDArray[np.bool_]:
        """Bins of the movements, (n, 400)."""
        bins = np.arange(BINS) - START_BIN
        return np.asarray((bins >= 0) & (bins < self.duration[:, None]))

    def kinematics(self) -> dict[str, _Array]:
        """Each variable by the name it has in `proprio_tcn.neural.recording`, (n, 400, channels).

        With the spikes of the same bins this is what a recording of neurons is made of.
        """
        parts = {"muscle": ("muscle_length", "muscle_velocity"),
                 "joint": ("joint_angle", "joint_velocity"),
                 "hand": ("hand", "hand_velocity")}  # fmt: skip
        if self.elbow is not None:
            parts["elbow"] = ("elbow", "elbow_velocity")
        return {
            name: getattr(self, part)[..., at].transpose(0, 2, 1)
            for part, names in parts.items()
            for at, name in enumerate(names)
        }

    def write(self, path: str | Path) -> None:
        """Write an HDF5 file with the published names of its parts, units and arm beside them."""
        trials, time, part = "trial_ids", "bin", "value_and_velocity"
        signals = {
            "trial_ids": Signal(self.trial_row, (trials,), "1", "row of the table of events"),
            "trial_durations": Signal(self.duration, (trials,), "bins", "of the movement"),
            "passive": Signal(self.passive, (trials,), "1", "a bump of the hand, no reach"),
            "moving": Signal(self.moving, ("muscle",), "1", "muscles that a joint can change"),
            "muscle_coords": Signal(
                self.muscle, (trials, "muscle", time, part), "mm, mm/s", "length and velocity"
            ),
            "joint_coords": Signal(
                self.joint, (trials, "coordinate", time, part), "deg, deg/s", "angle and velocity"
            ),
            "endeff_coords": _place("hand", self.hand),
        }
        if self.elbow is not None:
            signals["elbow_coords"] = _place("elbow", self.elbow)
        version = 1 if self.elbow is None else 2
        if self.direction_deg is not None:
            version = 3
            signals["direction"] = Signal(
                self.direction_deg, (trials,), "deg", "of the reach, or of the bump"
            )
        facts = {
            "kind": _KIND,
            "version": version,
            "rate_hz": 1.0 / BIN_S,
            "start_bin": START_BIN,
            **{name: getattr(self, name) for name in _FACTS},
        }
        write_recording(path, Recording(signals, facts))


def _place(name: str, values: _Array) -> Signal:
    return Signal(
        values.transpose(0, 2, 1, 3),
        ("trial_ids", "bin", "axis", "value_and_velocity"),
        "cm, cm/s",
        f"{name}: x forward, y left, z up, from the shoulder",
    )


def read_inputs(path: str | Path) -> RecordedInputs:
    """Read what :meth:`RecordedInputs.write` wrote; older files lack elbow or directions.

    Raises:
        FileNotFoundError: There is no such file.
        FormatError: The file is damaged, newer than this reader, or holds something else.
    """
    recording = read_recording(path)
    facts = recording.attributes
    if facts.get("kind") != _KIND or facts.get("start_bin") != START_BIN:
        raise FormatError(
            f"{path} must hold recorded inputs that start at bin {START_BIN}, got "
            f"{facts.get('kind', 'another recording')}: make them with proprio-tcn inputs"
        )
    version = facts.get("version", 1)
    if version not in range(1, _VERSION + 1):
        raise FormatError(
            f"{path} must be of version {_VERSION} or older, got {version}: read it with a newer "
            "proprio-tcn"
        )
    try:
        data = {name: signal.data for name, signal in recording.signals.items()}
        return RecordedInputs(
            str(facts["arm"]),
            str(facts["species"]),
            tuple(facts["muscles"]),
            tuple(facts["coordinates"]),
            data["moving"],
            tuple(facts["trial"]),
            data["trial_ids"],
            data["passive"],
            data["trial_durations"],
            data["muscle_coords"],
            data["joint_coords"],
            _channels_first(data["endeff_coords"]),
            _channels_first(data["elbow_coords"])
            if version == 2 or "elbow_coords" in data
            else None,
            data["direction"] if version > 2 else None,
        )
    except (KeyError, TypeError, ValueError) as error:
        raise FormatError(
            f"{path} is no whole file of recorded inputs: {error}; "
            "restore it from a copy, or make it again"
        ) from None


def _channels_first(place: _Array) -> _Array:
    return np.ascontiguousarray(place.transpose(0, 2, 1, 3))
