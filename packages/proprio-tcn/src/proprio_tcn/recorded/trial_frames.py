"""Joint angles at the frames of a trial, and what is refused on the way to them."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import signal

from neuro_common.files import FormatError
from proprio_tcn.arms.arm import Arm
from proprio_tcn.movements.format import BIN_S
from proprio_tcn.recorded.events import Trial
from proprio_tcn.recorded.fitting import fit_frames, untold_joint
from proprio_tcn.recorded.gaps import Filled
from proprio_tcn.recorded.settings import RecordedSettings
from proprio_tcn.recorded.tables import AngleTable, MarkerTable
from proprio_tcn.recorded.windows import START_BIN, Window

__all__ = ["TrialFrames", "trial_frames"]

_Array = NDArray[np.float64]


class TrialFrames(NamedTuple):
    """Joint angles of a trial's frames, and of some beside them for derivatives.

    Attributes:
        time_s: Of the frames (frames,).
        angle_rad: Shape (frames, coordinates).
        residual_m: Of the frames within the trial, (inner, markers), NaN where a marker was not
            seen; None for recorded angles.
        filled: Where these were interpolated, (inner, markers or coordinates).
    """

    time_s: _Array
    angle_rad: _Array
    residual_m: _Array | None
    filled: NDArray[np.bool_]


def trial_frames(
    arm: Arm,
    table: MarkerTable | AngleTable,
    filled: Filled,
    trial: Trial,
    window: Window,
    settings: RecordedSettings,
) -> TrialFrames:
    """Joint angles at the frames that hold a trial, and some beside it for the derivatives.

    Args:
        arm: Whose angles.
        table: What was recorded.
        filled: Its values with the short gaps filled.
        trial: The trial, for messages.
        window: Its bins.
        settings: What is done about faults.

    Raises:
        FormatError: The trial is not within the recording, or has a long gap or a large residual.
    """
    first, stop = _frames_of(table, trial, window)
    _refuse_gaps(table, filled, trial, window, (first, stop), settings)
    ahead, behind = _margins(filled, first, stop, table.fs_hz, settings)
    wide = slice(first - ahead, stop + behind)
    time_s, values = table.time_s[wide], filled.values[wide]
    inside = slice(ahead, ahead + stop - first)
    residual = None
    if isinstance(table, MarkerTable):
        fit = fit_frames(arm, MarkerTable(table.names, time_s, values, table.source), settings)
        residual = fit.residual_m[inside]
        _refuse_untold(arm, table, residual, trial, window, time_s[inside])
        _refuse_residuals(table, residual, trial, window, time_s[inside], settings)
        values = fit.angle_rad
    if settings.lowpass_hz is not None:
        order = signal.butter(4, settings.lowpass_hz, fs=table.fs_hz, output="sos")
        values = signal.sosfiltfilt(order, values, axis=0, padlen=min(15, len(values) - 1))
    return TrialFrames(time_s, values, residual, filled.filled[first:stop])


def _frames_of(table: MarkerTable | AngleTable, trial: Trial, window: Window) -> tuple[int, int]:
    """First frame and the one after the last that the bins of a trial need."""
    rate, begin = table.fs_hz, float(table.time_s[0])
    times = window.times_s
    first = int(np.floor(round((times[0] - begin) * rate, 6)))
    stop = int(np.ceil(round((times[-1] - begin) * rate, 6))) + 1
    if first < 0 or stop > len(table.time_s):
        raise FormatError(
            f"trial {trial.name!r} must lie within {table.source}, from {begin:g} s to "
            f"{table.time_s[-1]:g} s, got {times[0]:g} s to {times[-1]:g} s: leave it out, or mend "
            "its times"
        )
    # two frames at least, or there is no derivative
    return (first, stop) if stop - first > 1 else (max(first - 1, 0), max(stop, 2))


def _margins(
    filled: Filled, first: int, stop: int, fs_hz: float, settings: RecordedSettings
) -> tuple[int, int]:
    """Frames before and after a trial that derivatives, splines and filters may use."""
    most = 3 if settings.lowpass_hz is None else round(fs_hz / settings.lowpass_hz) + 3
    before = _lost(filled.values[max(first - most, 0) : first])[::-1]
    after = _lost(filled.values[stop : stop + most])
    ahead, behind = (int(one.argmax()) if one.any() else len(one) for one in (before, after))
    return ahead, behind


def _lost(values: _Array) -> NDArray[np.bool_]:
    """Frames in which anything is missing."""
    return np.asarray(np.isnan(values).any(axis=tuple(range(1, values.ndim))))


def _bins(table_s: _Array, window: Window) -> str:
    """Bins of the window that some times fall into, for messages."""
    bins = START_BIN + np.floor((table_s[[0, -1]] - window.start_s) / BIN_S + 1e-6).astype(int)
    low, high = np.clip(bins, START_BIN, START_BIN + window.bins - 1)
    return f"bin {low}" if low == high else f"bins {low}-{high}"


def _refuse_gaps(
    table: MarkerTable | AngleTable,
    filled: Filled,
    trial: Trial,
    window: Window,
    frames: tuple[int, int],
    settings: RecordedSettings,
) -> None:
    first, stop = frames
    markers = isinstance(table, MarkerTable)
    for gap in filled.left:
        if gap.stop <= first or gap.first >= stop or (markers and settings.long_gaps == "mask"):
            continue
        inside = table.time_s[max(gap.first, first) : min(gap.stop, stop)]
        length_s = (gap.stop - gap.first) / table.fs_hz
        remedy = "mask it with long_gaps=mask" if markers else "fill it yourself"
        raise FormatError(
            f"{table.source}: {'marker' if markers else 'coordinate'} {table.names[gap.channel]!r} "
            f"has no value for {length_s:.3g} s, in {_bins(inside, window)} of trial "
            f"{trial.name!r}: leave the trial out, raise max_gap_s={settings.max_gap_s:g}, or "
            f"{remedy}"
        )


def _refuse_untold(
    arm: Arm, table: MarkerTable, residual_m: _Array, trial: Trial, window: Window, time_s: _Array
) -> None:
    """Refuse frames in which too few markers are left to tell all angles."""
    seen = ~np.isnan(residual_m)
    for pattern in np.unique(seen[~seen.all(axis=1)], axis=0):
        names = [name for name, one in zip(table.names, pattern, strict=True) if one]
        joint = untold_joint(arm, names) if names else "every joint"
        if joint:
            when = _bins(time_s[(seen == pattern).all(axis=1)], window)
            raise FormatError(
                f"{table.source}: the markers seen in {when} of trial {trial.name!r} must tell all "
                f"angles, got {', '.join(names) or 'none'}, while {joint} can turn: leave the "
                "trial out"
            )


def _refuse_residuals(
    table: MarkerTable,
    residual_m: _Array,
    trial: Trial,
    window: Window,
    time_s: _Array,
    settings: RecordedSettings,
) -> None:
    worst = np.unravel_index(np.nanargmax(residual_m), residual_m.shape)
    if residual_m[worst] * 1e3 > settings.max_residual_mm:
        raise FormatError(
            f"{table.source}: marker {table.names[worst[1]]!r} is {residual_m[worst] * 1e3:.3g} mm "
            f"from where the arm can bring it, in {_bins(time_s[worst[0]][None], window)} of trial "
            f"{trial.name!r}: is it swapped or misplaced, is the arm scaled to the animal, are "
            f"units and axes={settings.axes} right? (max_residual_mm={settings.max_residual_mm:g})"
        )
