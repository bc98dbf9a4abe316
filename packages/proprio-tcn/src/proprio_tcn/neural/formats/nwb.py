"""NWB files of the area-2 bump layout: DANDI 000127, the Neural Latents Benchmark's area2_bump."""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuro_common.extras import require
from neuro_common.files import FormatError, RunError
from proprio_tcn._words import counted
from proprio_tcn.movements.format import BIN_S
from proprio_tcn.neural.binning import bin_spikes, sample_signal
from proprio_tcn.neural.formats.assembling import FAULTS, Session, Trial, assemble, standard_units
from proprio_tcn.neural.recording import Recording

__all__ = ["read_nwb"]

_SERIES = {
    "hand_pos": "hand",
    "hand_vel": "hand_velocity",
    "hand_acc": "hand_acceleration",
    "force": "force",
    "joint_ang": "joint_angle",
    "joint_vel": "joint_velocity",
    "muscle_len": "muscle_length",
    "muscle_vel": "muscle_velocity",
}
_EXACT_BINS = 1e-6


def read_nwb(
    path: str | os.PathLike[str], *, units: Mapping[str, str] | None = None, faults: str = "refuse"
) -> Recording:
    """Read the trials of a session: spikes binned to 10 ms, behaviour at the centres of the bins.

    The trials table needs start_time and stop_time; result, move_onset_time, ctr_hold_bump,
    bump_time, bump_dir, target_dir and cond_dir are used where they are there. A trial with
    ctr_hold_bump is a bump, whose onset is bump_time, or move_onset_time if the file has no other;
    any other trial with move_onset_time is a movement until its stop_time. Without events a trial
    is kept but lies in no window. Rewarded trials are kept (result "R").

    Args:
        path: The file.
        units: Unit of a series of ``processing/behavior`` that the file does not tell, or tells
            wrongly, such as ``{"muscle_len": "m"}``.
        faults: As for `proprio_tcn.neural.formats.assembling.assemble`.

    Raises:
        MissingExtra: pynwb is not installed.
        FileNotFoundError: There is no such file.
        FormatError: The file is no NWB, lacks trials or units, or a trial cannot be used.
        ValueError: ``faults`` is unknown.
    """
    pynwb = require("pynwb", "nwb", "proprio-tcn")
    source = str(path)
    if not Path(path).is_file():
        raise FileNotFoundError(f"{path} must be a file, got nothing there")
    if faults not in FAULTS:
        raise ValueError(f"faults must be one of {', '.join(FAULTS)}, got {faults!r}")
    try:
        with pynwb.NWBHDF5IO(source, "r") as reader:
            # columns are read when they are asked for
            return _recording(source, reader.read(), dict(units or {}), faults)
    except RunError:
        raise
    # of broken bytes pynwb, hdmf and h5py let through whatever they stumble over
    except Exception as error:
        raise FormatError(f"{path} must be a whole NWB file, got {error}") from error


def _recording(source: str, content: Any, told: dict[str, str], faults: str) -> Recording:
    for part, found in (("trials", content.trials), ("units", content.units)):
        if found is None:
            raise FormatError(f"{source} must have a table of {part}, got an NWB file without")
    table = {name: np.asarray(content.trials[name][:]) for name in content.trials.colnames}
    if lacking := [name for name in ("start_time", "stop_time") if name not in table]:
        raise FormatError(f"{source} must have trials with {lacking[0]}, got {', '.join(table)}")
    rewarded = np.array([str(one) == "R" for one in table["result"]]) if "result" in table else None
    order = np.argsort(table["start_time"], kind="stable")
    order = order if rewarded is None else order[rewarded[order]]
    start, stop = table["start_time"][order], table["stop_time"][order]
    length = np.floor((stop - start) / BIN_S + _EXACT_BINS).astype(np.int64)
    lasting = length >= 1
    spikes = _spikes(source, content, start[lasting], length[lasting])
    behaviour, muscles = _behaviour(
        source, content, told, start, int(max(1, length.max(initial=1)))
    )
    rows = np.cumsum(lasting) - 1
    trials = []
    for place, row in enumerate(order):
        bins = int(length[place])
        counts = spikes[rows[place], :bins] if bins > 0 else spikes[0, :0]
        own = {name: values[place, :bins] for name, values in behaviour.items()}
        trials.append(_trial(f"trial {row}", table, int(row), counts, own))
    unrewarded = len(table["start_time"]) - len(order)
    left_out = [f"{counted(unrewarded, 'trial')}: not rewarded"] if unrewarded else []
    subject = content.subject.subject_id if content.subject is not None else ""
    session = Session(
        source,
        tuple(str(one) for one in content.units.id[:]),
        muscles,
        subject=str(subject or ""),
        area=_area(content),
        name=str(content.identifier),
        left_out=left_out,
    )
    return assemble(session, trials, faults=faults)


def _spikes(
    source: str, content: Any, start: NDArray[Any], length: NDArray[np.int64]
) -> NDArray[np.uint16]:
    neurons = len(content.units.id)
    if "spike_times" not in content.units.colnames or neurons == 0:
        raise FormatError(f"{source} must have units with spike_times, got none")
    if len(start) == 0:
        return np.zeros((1, 1, neurons), dtype=np.uint16)
    times = [np.asarray(content.units["spike_times"][number]) for number in range(neurons)]
    try:
        return bin_spikes(times, start, length)
    except ValueError as error:
        raise FormatError(f"{source}: {error}") from None


def _behaviour(
    source: str, content: Any, told: dict[str, str], start: NDArray[Any], bins: int
) -> tuple[dict[str, NDArray[np.float32]], tuple[str, ...]]:
    """Known series in our units, ``(trials, bins, channels)``, and names of the muscles."""
    module = content.processing.get("behavior") if "behavior" in content.processing else None
    interfaces = {} if module is None else dict(module.data_interfaces)
    if unknown := [name for name in told if name not in _SERIES or name not in interfaces]:
        raise FormatError(
            f"{source}: options.units must name series that are read and in the file "
            f"({', '.join(name for name in _SERIES if name in interfaces) or 'none'}), got "
            f"{unknown[0]!r}"
        )
    found: dict[str, NDArray[np.float32]] = {}
    muscles: tuple[str, ...] = ()
    for theirs, ours in _SERIES.items():
        if theirs not in interfaces:
            continue
        series = interfaces[theirs]
        values = np.asarray(series.data[:], dtype=np.float64)
        values = values.reshape(len(values), -1)
        unit = told.get(theirs, str(series.unit))
        # the format's own rule; files before version 2.6 have no offset
        values = values * (series.conversion or 1.0) + (getattr(series, "offset", None) or 0.0)
        values = standard_units(source, ours, values, unit)
        try:
            found[ours] = sample_signal(values, _times(series, len(values)), start, bins)
        except ValueError as error:
            raise FormatError(f"{source}, {theirs}: {error}") from None
        if ours.startswith("muscle_"):
            muscles = muscles or _channel_names(series, values.shape[1])
    return found, muscles


def _times(series: Any, samples: int) -> NDArray[np.float64]:
    if series.timestamps is not None:
        return np.asarray(series.timestamps[:], dtype=np.float64)
    return np.asarray((series.starting_time or 0.0) + np.arange(samples) / series.rate)


def _channel_names(series: Any, channels: int) -> tuple[str, ...]:
    """Names from the comments or the description, where these list them: "columns=[a,b]"."""
    for text in (series.comments, series.description):
        listed = str(text).rpartition("[")[2].partition("]")[0]
        names = [re.sub("_(len|vel|muscVel)$", "", one.strip(" '\"")) for one in listed.split(",")]
        if len(names) == channels and len(set(names)) == channels and all(names):
            return tuple(names)
    return tuple(f"muscle {number + 1}" for number in range(channels))


def _area(content: Any) -> str:
    electrodes = content.electrodes
    if electrodes is None or "location" not in electrodes.colnames:
        return ""
    places = sorted({str(one) for one in electrodes["location"][:]})
    return ", ".join(places)


def _trial(
    name: str,
    table: Mapping[str, NDArray[Any]],
    row: int,
    counts: NDArray[Any],
    kinematics: dict[str, NDArray[Any]],
) -> Trial:
    def number(column: str) -> float:
        return float(table[column][row]) if column in table else float("nan")

    def event(column: str) -> int:
        seconds = number(column) - float(table["start_time"][row])
        place = -1 if np.isnan(seconds) else int(np.floor(seconds / BIN_S + _EXACT_BINS))
        return place if 0 <= place < len(counts) else -1

    onset = event("move_onset_time")
    trial = Trial(name, counts, kinematics, target_direction_deg=number("target_dir"))
    if np.isnan(trial.target_direction_deg):
        trial.target_direction_deg = number("cond_dir")
    if "ctr_hold_bump" in table and bool(table["ctr_hold_bump"][row]):
        bump = event("bump_time")
        trial.bump_onset = bump if bump >= 0 else onset
        trial.bump_direction_deg = number("bump_dir")
    elif onset >= 0:
        trial.movement_onset, trial.movement_end = onset, len(counts)
    return trial
