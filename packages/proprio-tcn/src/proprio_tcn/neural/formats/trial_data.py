"""TrialData: the MATLAB structure array of trials that Miller-lab sessions are shared as."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuro_common.extras import require
from neuro_common.files import FormatError
from proprio_tcn.movements.format import BIN_S
from proprio_tcn.neural.formats.assembling import Session, Trial, assemble
from proprio_tcn.neural.recording import Recording

__all__ = ["read_trial_data"]

_SPIKES, _GUIDE = "_spikes", "_unit_guide"
_HANDLE = {"pos": "hand", "vel": "hand_velocity", "acc": "hand_acceleration", "force": "force"}
# columns of `opensim`, and what turns them into our units; muscles are in m
_OPENSIM = {
    "joint_angle": (slice(0, 7), 1.0),
    "joint_velocity": (slice(7, 14), 1.0),
    "muscle_length": (slice(14, 53), 1000.0),
    "muscle_velocity": (slice(53, 92), 1000.0),
}
_OPENSIM_COLUMNS = 92
_REWARDED = ("R", "82")  # MATLAB may hold the letter as its code

Record = Mapping[str, Any]


def read_trial_data(
    path: str | os.PathLike[str],
    *,
    variable: str | None = None,
    spikes: str | None = None,
    muscle_unit_m: bool = True,
    keep_unsorted: bool = False,
    faults: str = "refuse",
) -> Recording:
    """Read a structure array of trials from a MATLAB file, of version 7.3 or older.

    Rewarded trials are kept. Indices of events count from 1, as in MATLAB. A bump of the time
    ``idx_bumpTime`` makes a trial passive, ``idx_movement_on`` with ``idx_endTime`` active; it may
    be both. Smaller bins are summed up to 10 ms.

    Args:
        path: The file.
        variable: Name of the structure array; None takes the only one.
        spikes: Name of the field of counts, such as "cuneate_spikes"; None takes the only one that
            ends in "_spikes".
        muscle_unit_m: Muscle lengths are in m; otherwise in mm.
        keep_unsorted: Keep channels whose unit guide has the number 0.
        faults: As for `proprio_tcn.neural.formats.assembling.assemble`.

    Raises:
        FileNotFoundError: There is no such file.
        FormatError: The file is no such structure, or a trial in it cannot be used.
    """
    source = str(path)
    records = _records(Path(path), variable)
    field = _spike_field(source, records[0], spikes)
    # an empty trial does not tell how many columns it has
    full = max(records, key=lambda one: np.size(one[field]))
    kept, names = _units(source, full, field, keep_unsorted)
    left_out: list[str] = []
    trials = []
    for number, record in enumerate(records):
        name = f"trial {number + 1}"
        result = _text(record.get("result", "R"))
        if result not in _REWARDED:
            left_out.append(f"{name}: result {result!r}, not rewarded")
            continue
        trials.append(_trial(source, name, record, field, kept, muscle_unit_m))
    if not any("muscle_length" in one.kinematics for one in trials):
        muscles: tuple[str, ...] = ()
    else:
        muscles = _muscles(full)
    session = Session(
        source,
        names,
        muscles,
        subject=str(records[0].get("monkey", "")),
        area=field.removesuffix(_SPIKES),
        name=str(records[0].get("date", "")),
        left_out=left_out,
    )
    return assemble(session, trials, faults=faults)


def _records(path: Path, variable: str | None) -> list[Record]:
    if not path.is_file():
        raise FileNotFoundError(f"{path} must be a file, got nothing there")
    with path.open("rb") as file:
        start = file.read(128)
    modern = start.startswith((b"MATLAB 7.3", b"\x89HDF"))
    h5py = require("h5py", "io") if modern else None
    try:
        variables = _read_mat(path) if h5py is None else _read_hdf5(h5py, path)
    # of broken bytes scipy and h5py let through whatever they stumble over
    except Exception as error:
        raise FormatError(f"{path} must be a whole MATLAB file, got {error}") from None
    found = {name: one for name, one in variables.items() if one and isinstance(one[0], dict)}
    if variable is None and len(found) == 1:
        (variable,) = found
    if variable not in found:
        raise FormatError(
            f"{path} must hold one structure array of trials, or options.variable name it, got "
            f"{', '.join(found) or 'none'}"
        )
    return found[variable]


def _read_mat(path: Path) -> dict[str, list[Any]]:
    from scipy.io import loadmat

    read = loadmat(path, simplify_cells=True)
    return {
        name: one if isinstance(one, list) else [one]
        for name, one in ((n, _listed(v)) for n, v in read.items() if not n.startswith("__"))
    }


def _listed(value: Any) -> Any:
    # an array of structures comes as an array of objects
    if isinstance(value, np.ndarray) and value.dtype == object:
        return value.ravel().tolist()
    return value


def _read_hdf5(h5py: Any, path: Path) -> dict[str, list[Any]]:
    with h5py.File(path, "r") as file:
        return {
            name: _structures(h5py, file, one)
            for name, one in file.items()
            if isinstance(one, h5py.Group) and not name.startswith("#")
        }


def _structures(h5py: Any, file: Any, group: Any) -> list[dict[str, Any]]:
    """Trials of a structure array, whose fields hold a reference for each trial."""
    columns: dict[str, list[Any]] = {}
    for name, one in group.items():
        if not isinstance(one, h5py.Dataset):
            continue
        if h5py.check_ref_dtype(one.dtype) is None:
            columns[name] = [_value(one)]
        else:
            cells = (file[reference] for reference in one[()].ravel())
            columns[name] = [_value(c) if isinstance(c, h5py.Dataset) else None for c in cells]
    trials = max(map(len, columns.values()), default=0)
    whole = {name: cells for name, cells in columns.items() if len(cells) == trials}
    return [{name: cells[number] for name, cells in whole.items()} for number in range(trials)]


def _value(dataset: Any) -> Any:
    """A MATLAB value, its axes turned back; text as text, single numbers as numbers."""
    values = dataset[()]
    if dataset.attrs.get("MATLAB_empty", 0):
        return np.empty(0)
    if dataset.attrs.get("MATLAB_class", b"") == b"char":
        return "".join(chr(int(one)) for one in np.asarray(values).ravel())
    values = np.asarray(values).T
    return values.item() if values.size == 1 else values.squeeze()


def _spike_field(source: str, record: Record, wanted: str | None) -> str:
    found = [name for name in record if name.endswith(_SPIKES)]
    if wanted is None and len(found) == 1:
        return found[0]
    if wanted not in found or wanted is None:
        raise FormatError(
            f"{source} must have one field *{_SPIKES}, or options.spikes name it, got "
            f"{', '.join(found) or ', '.join(record)}"
        )
    return wanted


def _units(
    source: str, record: Record, field: str, keep_unsorted: bool
) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """Which columns to keep, and their names."""
    counts = _columns(record[field])
    guide = record.get(field.removesuffix(_SPIKES) + _GUIDE)
    if guide is None:
        return np.arange(counts.shape[1]), tuple(f"unit {n + 1}" for n in range(counts.shape[1]))
    table = np.atleast_2d(np.asarray(guide))
    if table.shape != (counts.shape[1], 2):
        raise FormatError(
            f"{source}: the unit guide of {field} must have a row of channel and unit for each of "
            f"its {counts.shape[1]} columns, got {table.shape}"
        )
    kept = np.flatnonzero((table[:, 1] != 0) | keep_unsorted)
    if len(kept) == 0:
        raise FormatError(
            f"{source}: {field} must have sorted units, got none: options.keep_unsorted=true takes "
            "the others"
        )
    return kept, tuple(f"channel {int(c)} unit {int(u)}" for c, u in table[kept])


def _muscles(record: Record) -> tuple[str, ...]:
    names = record.get("opensim_names")
    columns = _OPENSIM["muscle_length"][0]
    if names is None or len(names) < columns.stop:
        return tuple(f"muscle {number + 1}" for number in range(columns.stop - columns.start))
    return tuple(str(one).removesuffix("_len") for one in names[columns])


@np.errstate(over="ignore", invalid="ignore")  # what is not finite is told by `assemble`
def _trial(
    source: str,
    name: str,
    record: Record,
    field: str,
    kept: NDArray[np.int64],
    muscle_unit_m: bool,
) -> Trial:
    counts = _columns(record[field])
    if len(counts) == 0:
        return Trial(name, counts, {})
    step = _bins_of_10_ms(source, record)
    bins = len(counts) // step
    whole = counts[: bins * step, kept]
    summed = whole.reshape(bins, step, len(kept)).sum(axis=1)
    kinematics: dict[str, NDArray[Any]] = {}
    for theirs, ours in _HANDLE.items():
        if theirs in record:
            # the handle of the robot moves in a plane; further columns are moments or copies
            kinematics[ours] = _columns(record[theirs])[:, :2]
    if "opensim" in record:
        opensim = _columns(record["opensim"])
        if opensim.shape[1] < _OPENSIM_COLUMNS:
            raise FormatError(
                f"{source}, {name}: opensim must have {_OPENSIM_COLUMNS} columns (7 joint angles, "
                f"7 velocities, 39 muscle lengths, 39 velocities), got {opensim.shape[1]}"
            )
        for ours, (columns, factor) in _OPENSIM.items():
            in_m = ours.startswith("muscle_") and muscle_unit_m
            kinematics[ours] = opensim[:, columns] * (factor if in_m else 1.0)
    for ours, values in kinematics.items():
        if len(values) != len(counts):
            raise FormatError(
                f"{source}, {name}: {ours} must have the {len(counts)} bins of {field}, got "
                f"{len(values)}"
            )
        kinematics[ours] = values[: bins * step].reshape(bins, step, -1).mean(axis=1)
    onset, end = _event(record, "idx_movement_on", step), _event(record, "idx_endTime", step)
    if end < 0:
        end = bins
    moves = 0 <= onset < min(end, bins)
    bump = _event(record, "idx_bumpTime", step)
    direction = _number(record, "target_direction")
    return Trial(
        name,
        summed,
        kinematics,
        movement_onset=onset if moves else -1,
        movement_end=min(end, bins) if moves else -1,
        bump_onset=bump if bump < bins else -1,
        target_direction_deg=float(np.degrees(direction)),
        bump_direction_deg=_number(record, "bumpDir") if bump >= 0 else float("nan"),
    )


def _columns(values: Any) -> NDArray[Any]:
    """``(bins, columns)``; a single column comes as a list, a trial without bins as nothing."""
    array = np.asarray(values)
    return array.reshape(len(array), -1) if array.ndim > 1 else array.reshape(array.size, 1)


def _bins_of_10_ms(source: str, record: Record) -> int:
    size = _number(record, "bin_size")
    if np.isnan(size):
        return 1
    step = round(BIN_S / size) if size > 0 else 0
    if step < 1 or abs(step * size - BIN_S) > 1e-9:
        raise FormatError(
            f"{source}: bin_size must divide {BIN_S} s, got {size}: bin the trials anew"
        )
    return step


def _number(record: Record, name: str) -> float:
    value = np.asarray(record.get(name, np.nan)).ravel()
    return float(value[0]) if value.size == 1 and value.dtype.kind in "iufb" else float("nan")


def _text(value: Any) -> str:
    """A letter, or its code as a whole number; MATLAB's numbers are doubles."""
    return f"{value:g}" if isinstance(value, int | float | np.number) else str(value)


def _event(record: Record, name: str, step: int) -> int:
    """Bin of an event, counted from 0; -1 if there was none."""
    index = _number(record, name)
    return int(index - 1) // step if index >= 1 else -1
