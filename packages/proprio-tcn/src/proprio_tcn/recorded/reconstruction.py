"""From recorded markers or joint angles to muscle, joint and hand kinematics of each trial."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from neuro_common.files import FormatError
from proprio_tcn.arms.arm import Arm
from proprio_tcn.movements.format import BIN_S
from proprio_tcn.recorded.events import Trial
from proprio_tcn.recorded.fitting import usable_markers
from proprio_tcn.recorded.gaps import fill_gaps
from proprio_tcn.recorded.inputs import RecordedInputs
from proprio_tcn.recorded.settings import RecordedSettings
from proprio_tcn.recorded.tables import AngleTable, MarkerTable
from proprio_tcn.recorded.trial_frames import TrialFrames, trial_frames
from proprio_tcn.recorded.windows import (
    MOST_BINS,
    START_BIN,
    Window,
    bins_of,
    pad,
    resample,
    window_of,
)

__all__ = ["MIN_RATE_HZ", "Reconstruction", "Residuals", "reconstruct"]

MIN_RATE_HZ = 50.0
"""Slower recordings do not tell the velocities of reaches at 100 Hz."""

_Array = NDArray[np.float64]
_TOLERANCE_RAD = 1e-6
_STEP_S = 1e-4


@dataclass(frozen=True, eq=False)
class Residuals:
    """How far the fitted arm misses the markers.

    Attributes:
        markers: Their names.
        rms_mm: Over the frames of each trial, (trials, markers); NaN where one was never seen.
        max_mm: The largest of each trial, likewise.
        filled: Frames of each trial in which a marker was interpolated, (trials, markers).
    """

    markers: tuple[str, ...]
    rms_mm: _Array
    max_mm: _Array
    filled: NDArray[np.int64]


class Reconstruction(NamedTuple):
    """Inputs, and how well the markers fit; residuals are None for joint angles."""

    inputs: RecordedInputs
    residuals: Residuals | None
    dropped: tuple[str, ...]


def reconstruct(
    arm: Arm,
    recorded: MarkerTable | AngleTable,
    trials: Sequence[Trial],
    settings: RecordedSettings | None = None,
    watch: Callable[[Sequence[int]], Iterable[int]] = iter,
) -> Reconstruction:
    """Reconstruct the kinematics of each trial.

    Gaps are filled over time, markers are fitted at the file's rate, angles are differentiated
    there and resampled to bins of 10 ms, and the arm gives the lengths of its muscles and, by its
    moment arms, their velocities.

    Args:
        arm: Any arm; markers need one of bodies.
        recorded: Markers of the arm, or angles of all its coordinates.
        trials: Where the movements lie.
        settings: What is done about faults.
        watch: Wraps the rows of the trials while they are worked on, to show how far they are.

    Raises:
        FormatError: The recording has a fault that may not be mended: a rate that does not fit,
            unknown markers, a long gap, a marker out of reach, angles out of range, or a trial that
            is not within it; the message names trial, marker and bins.
        ValueError: A trial is too short or too long, there is none, or the arm has no muscles.
    """
    settings = settings or RecordedSettings()
    if not trials:
        raise ValueError("trials must be at least one, got none")
    if not arm.muscles:
        raise ValueError(
            f"arm {arm.name!r} has no muscles, so there is nothing to feel: give another"
        )
    table = _prepared(arm, recorded, settings)
    longest = round(settings.max_gap_s * table.fs_hz)
    values = table.place_m if isinstance(table, MarkerTable) else table.angle_rad
    filled = fill_gaps(values, longest)
    kept, dropped = _windows(trials, settings)
    names, parts, frames = [], [], []
    for row in watch(list(kept)):
        trial, window = trials[row], kept[row]
        found = trial_frames(arm, table, filled, trial, window, settings)
        names.append(trial.name)
        frames.append(found)
        parts.append(_kinematics(arm, found, trial, window, settings))
    if not names:
        raise ValueError(f"trials must fit the window of {MOST_BINS} bins, got none that does")
    muscle, joint, hand, elbow = (np.stack(one) for one in zip(*parts, strict=True))
    directions = np.array([trials[row].direction_deg for row in kept], dtype=np.float64)
    inputs = RecordedInputs(
        arm.name,
        arm.species,
        tuple(arm.muscles),
        tuple(one.name for one in arm.coordinates),
        np.asarray(arm.moving),
        tuple(names),
        np.array(list(kept), dtype=np.int64),
        np.array([trials[row].condition == "passive" for row in kept]),
        np.array([window.bins for window in kept.values()], dtype=np.int64),
        muscle,
        joint,
        hand,
        elbow,
        None if np.isnan(directions).all() else directions,
    )
    residuals = _residuals(table.names, frames) if isinstance(table, MarkerTable) else None
    return Reconstruction(inputs, residuals, dropped)


def _prepared(
    arm: Arm, recorded: MarkerTable | AngleTable, settings: RecordedSettings
) -> MarkerTable | AngleTable:
    rate = recorded.fs_hz
    if rate < MIN_RATE_HZ * (1 - 1e-6):
        raise FormatError(
            f"{recorded.source} must have at least {MIN_RATE_HZ:g} frames per s, got {rate:.6g}: "
            "slower ones do not tell the velocities of reaches"
        )
    if settings.lowpass_hz is not None and not settings.lowpass_hz < rate / 2:
        raise FormatError(
            f"lowpass_hz must be below {rate / 2:g}, half the rate of {recorded.source}, got "
            f"{settings.lowpass_hz:g}"
        )
    if isinstance(recorded, MarkerTable):
        return usable_markers(arm, recorded, settings)
    return recorded.select([one.name for one in arm.coordinates])


def _windows(
    trials: Sequence[Trial], settings: RecordedSettings
) -> tuple[dict[int, Window], tuple[str, ...]]:
    """Windows by row of the table, and the names of the trials that were dropped."""
    kept, dropped = {}, []
    for row, trial in enumerate(trials):
        bins = bins_of(trial, settings.passive_bins)
        if bins > MOST_BINS and settings.too_long == "drop":
            dropped.append(trial.name)
            continue
        kept[row] = window_of(trial, settings.passive_bins)
    return kept, tuple(dropped)


def _kinematics(
    arm: Arm, frames: TrialFrames, trial: Trial, window: Window, settings: RecordedSettings
) -> tuple[NDArray[np.float32], ...]:
    """Muscle, joint, hand and elbow of a trial in its window, (channels, 400, 2) each."""
    step = float(frames.time_s[1] - frames.time_s[0])
    rates = np.gradient(frames.angle_rad, step, axis=0)
    angles = resample(frames.time_s, frames.angle_rad, window.times_s)
    speeds = resample(frames.time_s, rates, window.times_s)
    if frames.residual_m is not None:
        # the fit keeps to the ranges; splines and filters may swing beyond them at a limit
        low = [one.low_rad for one in arm.coordinates]
        angles = np.clip(angles, low, [one.high_rad for one in arm.coordinates])
    elif settings.out_of_range == "refuse":
        _refuse_out_of_range(arm, angles, trial)
    pose = arm.pose(angles)
    hand, hand_jacobian = arm.hand_jacobian(angles)
    # no arm gives the elbow's jacobian: the central difference along the movement
    ahead, behind = (arm.elbow(angles + side * _STEP_S * speeds) for side in (1, -1))
    muscle = _whole(
        arm,
        np.stack(
            [pose.muscle_length_m, np.einsum("bmc,bc->bm", pose.muscle_jacobian_m, speeds)], axis=-1
        ),
        trial,
        settings,
    )
    return (
        _placed(muscle * 1e3),
        _placed(np.rad2deg(np.stack([angles, speeds], axis=-1))),
        _placed(np.stack([hand, np.einsum("bxc,bc->bx", hand_jacobian, speeds)], axis=-1) * 1e2),
        _placed(np.stack([pose.elbow_m, (ahead - behind) / (2 * _STEP_S)], axis=-1) * 1e2),
    )


def _refuse_out_of_range(arm: Arm, angles: _Array, trial: Trial) -> None:
    for one, values in zip(arm.coordinates, angles.T, strict=True):
        far = (values < one.low_rad - _TOLERANCE_RAD) | (values > one.high_rad + _TOLERANCE_RAD)
        outside = np.flatnonzero(far)
        if len(outside):
            low, high, got = np.rad2deg([one.low_rad, one.high_rad, values[outside[0]]])
            raise FormatError(
                f"trial {trial.name!r}: {one.name} must be in [{low:.6g}, {high:.6g}] deg, got "
                f"{got:.6g} deg in bin {START_BIN + outside[0]} ({len(outside)} of {len(values)} "
                "bins are outside): leave the trial out, or give out_of_range=keep, where the "
                "arm's muscles are to be trusted"
            )


def _whole(arm: Arm, muscle: _Array, trial: Trial, settings: RecordedSettings) -> _Array:
    """Lengths and velocities (bins, muscles, 2) with short gaps filled, each muscle by itself."""
    filled = fill_gaps(muscle, round(settings.max_gap_s / BIN_S))
    for gap in filled.left:
        raise FormatError(
            f"muscle {arm.muscles[gap.channel]!r} of arm {arm.name!r} has no length in bins "
            f"{START_BIN + gap.first}-{START_BIN + gap.stop - 1} of trial {trial.name!r}: leave "
            "the trial out, or mend the muscle's path"
        )
    return filled.values


def _placed(moving: _Array) -> NDArray[np.float32]:
    """Values and velocities (bins, channels, 2) in a window, (channels, 400, 2)."""
    held = pad(moving[..., 0], zero=False), pad(moving[..., 1], zero=True)
    return np.stack(held, axis=-1).transpose(1, 0, 2).astype(np.float32)


def _residuals(markers: tuple[str, ...], frames: Sequence[TrialFrames]) -> Residuals:
    rms, most = np.full((2, len(frames), len(markers)), np.nan)
    filled = np.zeros((len(frames), len(markers)), dtype=np.int64)
    for row, one in enumerate(frames):
        if one.residual_m is None:
            raise ValueError("residual_m must be there for markers, got None")
        filled[row] = one.filled.sum(axis=0)
        for column in np.flatnonzero(~np.isnan(one.residual_m).all(axis=0)):
            seen = one.residual_m[~np.isnan(one.residual_m[:, column]), column] * 1e3
            rms[row, column], most[row, column] = np.sqrt((seen**2).mean()), seen.max()
    return Residuals(markers, rms, most, filled)
