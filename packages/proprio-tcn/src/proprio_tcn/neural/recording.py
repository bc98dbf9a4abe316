"""One session: what neurons and the arm did in each trial, in bins of 10 ms."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from proprio_tcn.movements.format import BIN_S

__all__ = ["KINEMATICS", "Recording", "checked_counts"]

KINEMATICS: Mapping[str, str] = {
    "hand": "cm",
    "hand_velocity": "cm/s",
    "hand_acceleration": "cm/s2",
    "elbow": "cm",
    "elbow_velocity": "cm/s",
    "elbow_acceleration": "cm/s2",
    "force": "N",
    "joint_angle": "deg",
    "joint_velocity": "deg/s",
    "joint_acceleration": "deg/s2",
    "muscle_length": "mm",
    "muscle_velocity": "mm/s",
}
"""What a recording may know of the arm, and in which unit; a hand may have two axes or three."""

Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Recording:
    """The trials of one session, padded at their ends to the longest.

    A trial may hold a movement, a bump, or both. Bins count from the trial's start; -1 stands for
    an event that there was not.

    Attributes:
        spikes: Spike counts, ``(trials, bins, neurons)`` whole numbers.
        length: Valid bins of each trial, ``(trials,)``.
        kinematics: Name, as in `KINEMATICS`, to ``(trials, bins, channels)`` in its unit.
        movement_onset: Bin in which the movement begins, ``(trials,)``.
        movement_end: Bin after the last of the movement, ``(trials,)``.
        bump_onset: Bin in which the bump begins, ``(trials,)``.
        target_direction_deg: Direction of the reach, ``(trials,)``; NaN where it is not known.
        bump_direction_deg: Direction of the bump, ``(trials,)``; NaN where it is not known.
        neurons: Their names.
        muscles: Names of the channels of muscle_length and muscle_velocity.
        subject: Whose session it is.
        area: Where the neurons are.
        session: Its name or date.
        left_out: What a reader left out of the file, and why, one line each.

    Raises:
        ValueError: Shapes do not fit, spikes are no counts, a trial has no bin, an event lies
            outside of its trial, or kinematics are unknown or not finite in a valid bin.
    """

    spikes: NDArray[np.unsignedinteger[Any]]
    length: Ints
    kinematics: Mapping[str, NDArray[np.float32]]
    movement_onset: Ints
    movement_end: Ints
    bump_onset: Ints
    target_direction_deg: NDArray[np.float64]
    bump_direction_deg: NDArray[np.float64]
    neurons: tuple[str, ...]
    muscles: tuple[str, ...] = ()
    subject: str = ""
    area: str = ""
    session: str = ""
    left_out: tuple[str, ...] = field(default=())

    def __post_init__(self) -> None:
        object.__setattr__(self, "spikes", checked_counts(self.spikes))
        trials, bins, neurons = self.spikes.shape
        if len(self.neurons) != neurons or len(set(self.neurons)) != neurons:
            raise ValueError(
                f"neurons must be {neurons} different names, one for each column of spikes, got "
                f"{len(self.neurons)} names of which {len(set(self.neurons))} differ"
            )
        for name in _PER_TRIAL:
            if np.shape(getattr(self, name)) != (trials,):
                raise ValueError(
                    f"{name} must be one number for each of the {trials} trials, got shape "
                    f"{np.shape(getattr(self, name))}"
                )
        for name in _BINS:
            found = np.asarray(getattr(self, name))
            if found.dtype.kind not in "iu":
                raise ValueError(
                    f"{name} must be whole numbers of bins, -1 for an event that there was not, "
                    f"got numbers of type {found.dtype}"
                )
            object.__setattr__(self, name, found.astype(np.int64))
        self._check_events(bins)
        for name, values in self.kinematics.items():
            self._check_kinematics(name, values)

    def __len__(self) -> int:
        return len(self.spikes)

    @property
    def bins(self) -> int:
        """Bins of the longest trial."""
        return int(self.spikes.shape[1])

    @property
    def valid(self) -> NDArray[np.bool_]:
        """Bins that lie in their trial, ``(trials, bins)``."""
        return np.asarray(np.arange(self.bins) < self.length[:, None])

    @property
    def active(self) -> NDArray[np.bool_]:
        """Trials that hold a movement, ``(trials,)``."""
        return np.asarray(self.movement_onset >= 0)

    @property
    def passive(self) -> NDArray[np.bool_]:
        """Trials that hold a bump, ``(trials,)``."""
        return np.asarray(self.bump_onset >= 0)

    def select(
        self, *, trials: ArrayLike | None = None, neurons: ArrayLike | None = None
    ) -> "Recording":
        """The same of some trials or neurons: positions, or a mask.

        Each of shape (chosen,), or (trials,) and (neurons,) as masks.

        Raises:
            IndexError: There is no such trial or neuron.
            ValueError: None is left.
        """
        kept: dict[str, Any] = {}
        spikes = self.spikes
        if trials is not None:
            place = np.arange(len(self))[np.asarray(trials)]
            spikes = spikes[place]
            kept = {name: getattr(self, name)[place] for name in _PER_TRIAL}
            kept["kinematics"] = {name: one[place] for name, one in self.kinematics.items()}
        if neurons is not None:
            place = np.arange(len(self.neurons))[np.asarray(neurons)]
            spikes = spikes[:, :, place]
            kept["neurons"] = tuple(self.neurons[index] for index in place)
        return replace(self, spikes=spikes, **kept)

    def variables(self, names: Sequence[str]) -> NDArray[np.float32]:
        """Kinematic variables side by side, ``(trials, bins, channels)``.

        Raises:
            ValueError: The recording lacks one of them.
        """
        if lacking := [name for name in names if name not in self.kinematics]:
            raise ValueError(
                f"the recording must hold {lacking[0]}, got {', '.join(self.kinematics) or 'none'}"
            )
        return np.concatenate([self.kinematics[name] for name in names], axis=2)

    def _check_events(self, bins: int) -> None:
        if short := np.flatnonzero((self.length < 1) | (self.length > bins)).tolist():
            raise ValueError(
                f"every trial must last between one bin of {BIN_S * 1000:g} ms and the {bins} bins "
                f"of spikes, but trials {short[:5]} have {self.length[short[:5]].tolist()}: leave "
                "them out"
            )
        onset, end = self.movement_onset, self.movement_end
        moves = ~self.active | ((onset < end) & (end <= self.length))
        for name, fits in (("movement", moves), ("bump", self.bump_onset < self.length)):
            if not fits.all():
                trial = int(np.flatnonzero(~fits)[0])
                raise ValueError(
                    f"the {name} must lie in its trial, but in trial {trial} of "
                    f"{self.length[trial]} bins it has movement_onset {onset[trial]}, "
                    f"movement_end {end[trial]}, bump_onset {self.bump_onset[trial]}"
                )

    def _check_kinematics(self, name: str, values: NDArray[Any]) -> None:
        if name not in KINEMATICS:
            raise ValueError(f"kinematics must be among {', '.join(KINEMATICS)}, got {name!r}")
        if np.ndim(values) != 3 or values.shape[:2] != self.spikes.shape[:2]:
            raise ValueError(
                f"{name} must be (trials, bins, channels) with the {self.spikes.shape[:2]} trials "
                f"and bins of spikes, got {np.shape(values)}"
            )
        if name.startswith("muscle_") and len(self.muscles) != values.shape[2]:
            raise ValueError(
                f"muscles must name the {values.shape[2]} channels of {name}, got "
                f"{len(self.muscles)} names"
            )
        broken = ~np.isfinite(values).all(axis=2) & self.valid
        if broken.any():
            trials = np.flatnonzero(broken.any(axis=1)).tolist()
            raise ValueError(
                f"{name} must be finite in every valid bin, but {int(broken.sum())} bins of "
                f"{len(trials)} trials, first of trial {trials[0]}, are NaN or infinite: leave "
                "these trials out, or mend the gaps, each channel by itself"
            )


_BINS = ("length", "movement_onset", "movement_end", "bump_onset")
_PER_TRIAL = (
    *_BINS,
    "target_direction_deg",
    "bump_direction_deg",
)


def checked_counts(
    spikes: ArrayLike, *, trial: str | None = None
) -> NDArray[np.unsignedinteger[Any]]:
    """Spike counts as small whole numbers.

    Args:
        spikes: Shape ``(trials, bins, neurons)``.
        trial: What messages call the only trial; None counts trials from 0.

    Raises:
        ValueError: The shape is not ``(trials, bins, neurons)``, something has no extent, or the
            numbers are no counts: negative, broken or not finite.
    """
    values = np.asarray(spikes)
    if values.ndim != 3 or values.size == 0:
        raise ValueError(
            "spikes must be counts of shape (trials, bins, neurons), at least one of each, got "
            f"shape {values.shape}"
        )
    if values.dtype.kind == "u":
        return values
    if values.dtype.kind not in "if":
        raise ValueError(f"spikes must be counts, got numbers of type {values.dtype}")
    with np.errstate(invalid="ignore"):
        wrong = ~((values >= 0) & (values <= 65_535) & (values == np.floor(values)))
    if wrong.any():
        row, time, neuron = (int(axis[0]) for axis in np.nonzero(wrong))
        raise ValueError(
            f"spikes must be counts, whole numbers from 0 to 65535, got {values[row, time, neuron]}"
            f" in {trial or f'trial {row}'}, bin {time}, neuron {neuron}: give counts per bin, not "
            "rates or smoothed counts"
        )
    return values.astype(np.uint16)
