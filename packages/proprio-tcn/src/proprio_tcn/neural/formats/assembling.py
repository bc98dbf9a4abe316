"""From what a file holds of single trials to a recording; what does not fit is told or refused."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuro_common.files import FormatError
from proprio_tcn.neural.binning import fill_gaps
from proprio_tcn.neural.kinematics import with_derivatives
from proprio_tcn.neural.recording import Recording, checked_counts

__all__ = ["FAULTS", "Session", "Trial", "assemble", "standard_units"]

FAULTS = ("refuse", "drop", "fill")

_ARM_MM = (0.3, 3000.0)  # of the median muscle length of any arm
_HUGE = 1e30  # of no arm in any unit; its derivatives still fit into float32

_FACTORS: Mapping[str, tuple[str, float]] = {
    "m": ("length", 1.0),
    "meters": ("length", 1.0),
    "cm": ("length", 1e-2),
    "mm": ("length", 1e-3),
    "m/s": ("velocity", 1.0),
    "cm/s": ("velocity", 1e-2),
    "mm/s": ("velocity", 1e-3),
    "m/s^2": ("acceleration", 1.0),
    "cm/s^2": ("acceleration", 1e-2),
    "mm/s^2": ("acceleration", 1e-3),
    "rad": ("angle", 180 / np.pi),
    "radians": ("angle", 180 / np.pi),
    "deg": ("angle", 1.0),
    "degrees": ("angle", 1.0),
    "rad/s": ("angle/s", 180 / np.pi),
    "radians/s": ("angle/s", 180 / np.pi),
    "deg/s": ("angle/s", 1.0),
    "degrees/s": ("angle/s", 1.0),
    "N": ("force", 1.0),
}
_WANTED = {
    "hand": ("length", 1e2),
    "hand_velocity": ("velocity", 1e2),
    "hand_acceleration": ("acceleration", 1e2),
    "force": ("force", 1.0),
    "joint_angle": ("angle", 1.0),
    "joint_velocity": ("angle/s", 1.0),
    "muscle_length": ("length", 1e3),
    "muscle_velocity": ("velocity", 1e3),
}


@dataclass
class Trial:
    """One trial as a file has it.

    Attributes:
        name: For messages.
        spikes: Counts ``(bins, neurons)``.
        kinematics: Name to ``(bins, channels)``, in the units of `Recording`.
        movement_onset: Bin, or -1.
        movement_end: Bin after the last, or -1.
        bump_onset: Bin, or -1.
        target_direction_deg: NaN if not known.
        bump_direction_deg: NaN if not known.
    """

    name: str
    spikes: NDArray[Any]
    kinematics: dict[str, NDArray[Any]]
    movement_onset: int = -1
    movement_end: int = -1
    bump_onset: int = -1
    target_direction_deg: float = float("nan")
    bump_direction_deg: float = float("nan")


@dataclass
class Session:
    """What a file holds beside its trials.

    Attributes:
        source: The file, for messages.
        neurons: Names.
        muscles: Names.
        subject: Whose session it is.
        area: Where the neurons are.
        name: Of the session.
        left_out: What was left out already, and why.
    """

    source: str
    neurons: tuple[str, ...]
    muscles: tuple[str, ...] = ()
    subject: str = ""
    area: str = ""
    name: str = ""
    left_out: list[str] = field(default_factory=list)


def standard_units(source: str, name: str, values: NDArray[Any], unit: str) -> NDArray[np.float64]:
    """Kinematics in the unit that a recording holds them in.

    Values (bins, channels), which is kept.

    Raises:
        FormatError: The unit is not known, or is of another quantity.
    """
    plain = unit.strip().replace("**", "^").replace("s2", "s^2").replace("s^^2", "s^2")
    quantity, factor = _FACTORS.get(plain, _FACTORS.get(plain.lower(), ("", 0.0)))
    wanted, to_ours = _WANTED[name]
    if quantity != wanted:
        raise FormatError(
            f"{source}, {name}: must have a unit of {wanted}, got {unit!r}; known are "
            f"{', '.join(one for one, (kind, _) in _FACTORS.items() if kind == wanted)}"
        )
    return np.asarray(values, dtype=np.float64) * (factor * to_ours)


def assemble(session: Session, trials: Sequence[Trial], *, faults: str = "refuse") -> Recording:
    """Check trials and pad them to one length.

    Args:
        session: What all trials share.
        trials: In order.
        faults: What is done about a trial that lasts no bin or has NaN in its kinematics: "refuse"
            the file, "drop" the trial, or "fill" gaps by straight lines, each channel by itself,
            and drop what cannot be filled.

    Returns:
        The recording, with velocities and accelerations where they follow from what there is; what
        was dropped is in ``left_out``.

    Raises:
        FormatError: No trial is left, a fault is refused, muscles have lengths of no arm, or the
            file makes no recording.
        ValueError: ``faults`` is unknown.
    """
    if faults not in FAULTS:
        raise ValueError(f"faults must be one of {', '.join(FAULTS)}, got {faults!r}")
    left_out = list(session.left_out)
    good = []
    for one in trials:
        fault = _fault(one, faults)
        if fault and faults == "refuse":
            raise FormatError(
                f"{session.source}, {one.name}: {fault}; give options.faults=drop to leave such "
                "trials out, or options.faults=fill to bridge gaps within a channel"
            )
        if fault:
            left_out.append(f"{one.name}: {fault}")
        else:
            good.append(one)
    if not good:
        told = f", the first because: {left_out[0]}" if left_out else ""
        raise FormatError(f"{session.source} must hold a trial, got none that can be used{told}")
    length = np.array([len(one.spikes) for one in good])
    names = [n for n in good[0].kinematics if all(n in one.kinematics for one in good)]
    kinematics = {name: _padded([one.kinematics[name] for one in good]) for name in names}
    if faults == "fill":
        valid = np.arange(int(length.max())) < length[:, None]
        kinematics = {name: fill_gaps(values, valid) for name, values in kinematics.items()}
    if "muscle_length" in kinematics:
        _check_unit(session.source, [one.kinematics["muscle_length"] for one in good])
    events = ("movement_onset", "movement_end", "bump_onset")
    directions = ("target_direction_deg", "bump_direction_deg")
    try:
        recording = Recording(
            _padded([_counts(one) for one in good], np.uint16),
            length,
            kinematics,
            neurons=session.neurons,
            muscles=session.muscles,
            subject=session.subject,
            area=session.area,
            session=session.name,
            left_out=tuple(left_out),
            **{name: np.array([getattr(one, name) for one in good]) for name in events},
            **{name: np.array([getattr(one, name) for one in good], float) for name in directions},
        )
    except ValueError as error:
        raise FormatError(f"{session.source}: {error}") from None
    return with_derivatives(recording)


def _fault(trial: Trial, faults: str) -> str:
    if len(trial.spikes) == 0:
        return "it must last at least one bin of 10 ms, got none"
    for name, values in trial.kinematics.items():
        finite = np.isfinite(values) & (np.abs(values) < _HUGE)
        # a gap can be bridged in a channel that has a number somewhere
        mendable = finite.any(axis=0) if faults == "fill" else finite.all(axis=0)
        if not mendable.all():
            channel = int(np.flatnonzero(~mendable)[0])
            bad = values[~finite[:, channel], channel]
            what = "NaN" if np.isnan(bad).all() else "NaN, infinite or huge numbers"
            return f"{name} must be finite, got {len(bad)} {what} in channel {channel}"
    return ""


def _check_unit(source: str, lengths_mm: Sequence[NDArray[Any]]) -> None:
    low, high = _ARM_MM
    middle = float(np.nanmedian(np.abs(np.concatenate(lengths_mm))))
    if not low <= middle <= high:
        raise FormatError(
            f"{source}: muscle lengths must be those of an arm, {low:g} to {high:g} mm, but their "
            f"median is {middle:.3g} mm: tell the unit of the file, options.muscle_unit_m=false or "
            "true (TrialData), options.units={muscle_len: mm} (NWB)"
        )


def _counts(trial: Trial) -> NDArray[Any]:
    counts: NDArray[Any] = checked_counts(trial.spikes[None], trial=trial.name)[0]
    return counts


@np.errstate(over="ignore")  # a huge number becomes infinite, as a gap to fill
def _padded(parts: Sequence[NDArray[Any]], kind: Any = np.float32) -> NDArray[Any]:
    whole = np.zeros((len(parts), max(map(len, parts)), parts[0].shape[1]), dtype=kind)
    for place, part in enumerate(parts):
        whole[place, : len(part)] = part
    return whole
