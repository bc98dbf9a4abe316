"""Recordings in other people's formats: xarray, Neurodata Without Borders, pynapple."""

import json
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuro_common.extras import require
from neuro_common.files import FormatError, to_json
from neuro_common.store import Recording, Signal, new_hdf5

__all__ = ["from_pynapple", "from_xarray", "read_nwb", "to_pynapple", "write_nwb"]

Floats = NDArray[np.float64]

_SECONDS = {"s": 1.0, "ms": 1e-3, "us": 1e-6}
_DIMS = re.compile(r"dims (?P<dims>.+)")
_SCRATCH = re.compile(r"(?P<description>.*) \[(?P<units>[^;]+); dims (?P<dims>.*)\]", re.DOTALL)


def from_xarray(dataset: Any) -> Recording:
    """Take a recording from an ``xarray.Dataset``, as ``Recording.to_xarray`` gives it.

    Args:
        dataset: Its variables are numbers along named dimensions, with ``units`` among their
            attributes; one without is taken for plain numbers.

    Raises:
        ValueError: A variable holds no numbers, or its name is no identifier.
    """
    signals = {
        str(name): Signal(
            variable.values,
            tuple(str(dim) for dim in variable.dims),
            variable.attrs.get("units", "1"),
            variable.attrs.get("description", ""),
        )
        for name, variable in dataset.variables.items()
    }
    return Recording(signals, dict(dataset.attrs))


def write_nwb(
    path: str | Path, recording: Recording, *, description: str, identifier: str, start: datetime
) -> None:
    """Write a recording as Neurodata Without Borders, for tools that read nothing else (``nwb``).

    Signals over time become time series with timestamps in seconds, the others go to the scratch
    space, units and dimensions in their description; the attributes become the notes, as JSON.

    Args:
        path: File to write, ending in ``.nwb``; one that is there is replaced.
        recording: What to write. Its times are a coordinate in s, ms or us.
        description: What the session was.
        identifier: Name of the session that no other one has.
        start: When the session began, with a time zone.

    Raises:
        ValueError: No signal has times in s, ms or us along its first dimension; a signal is
            complex; ``start`` has no time zone.
    """
    pynwb = require("pynwb", "nwb")
    if start.tzinfo is None:
        raise ValueError(f"start must carry a time zone, got {start.isoformat()}")
    session = pynwb.NWBFile(
        session_description=description,
        identifier=identifier,
        session_start_time=start,
        notes=to_json(recording.attributes),
    )
    times = _times_in_seconds(recording)
    for name, signal in recording.signals.items():
        if np.iscomplexobj(signal.data):
            raise ValueError(f'signal "{name}" is complex, which NWB has not: write its two parts')
        seconds = times.get(signal.dims[0]) if signal.dims else None
        about = f"dims {', '.join(signal.dims)}"
        if name in times:
            continue
        if seconds is None:
            text = f"{signal.description} [{signal.units}; {about}]"
            session.add_scratch(signal.data[()], name=name, description=text)
        else:
            session.add_acquisition(
                pynwb.TimeSeries(
                    name=name,
                    data=signal.data,
                    unit=signal.units,
                    timestamps=seconds,
                    description=signal.description,
                    comments=about,
                )
            )
    if not session.acquisition:
        raise ValueError(_without_times(recording))
    with new_hdf5(path) as file, pynwb.NWBHDF5IO(file=file, mode="w") as writer:
        writer.write(session)


def read_nwb(path: str | Path) -> Recording:
    """Read the time series of a session in Neurodata Without Borders (extra ``nwb``).

    What :func:`write_nwb` wrote comes back, but for its times, which are in s. Of a file of other
    origin the acquired time series are read, in their unit; tables, spikes and what lies in
    processing modules stay where they are: pynwb reads those.

    Args:
        path: File to read.

    Returns:
        The recording. Series with the same times share the dimension ``time``; further times are
        ``time_2`` and so on.

    Raises:
        FileNotFoundError: There is no such file.
        FormatError: It is no NWB file, holds no acquired time series, or has two whose names are
            the same as identifiers.
    """
    pynwb = require("pynwb", "nwb")
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"no session at {path}: give the path of an NWB file")
    try:
        with pynwb.NWBHDF5IO(path, "r") as reader:
            session = reader.read()
            return _of_session(path, session, pynwb.TimeSeries)
    except (OSError, KeyError, TypeError) as error:
        raise FormatError(
            f"{path} is damaged or no NWB file: {error}; restore it from a copy, or write it again"
        ) from error


def to_pynapple(recording: Recording) -> dict[str, Any]:
    """Hand signals over time to pynapple (extra ``pynapple``).

    Args:
        recording: Its times are a coordinate in s, ms or us; what has none is left out.

    Returns:
        A ``Tsd`` (one dimension), ``TsdFrame`` (two) or ``TsdTensor`` for each signal, by name.

    Raises:
        ValueError: No signal has times in s, ms or us along its first dimension.
    """
    pynapple = require("pynapple", "pynapple")
    kinds: dict[int, Callable[..., Any]] = {1: pynapple.Tsd, 2: pynapple.TsdFrame}
    times = _times_in_seconds(recording)
    found = {
        name: kinds.get(signal.data.ndim, pynapple.TsdTensor)(
            t=times[signal.dims[0]], d=signal.data, time_units="s"
        )
        for name, signal in recording.signals.items()
        if name not in times and signal.dims and signal.dims[0] in times
    }
    if not found:
        raise ValueError(_without_times(recording))
    return found


def from_pynapple(series: Mapping[str, Any], units: Mapping[str, str] | None = None) -> Recording:
    """Take a recording from time series of pynapple.

    Args:
        series: ``Tsd``, ``TsdFrame`` or ``TsdTensor`` by name.
        units: Unit of each; those left out are plain numbers.

    Returns:
        The recording, times in s. Series with the same times share the dimension ``time``;
        further times are ``time_2`` and so on.

    Raises:
        ValueError: One of them has times but no values, such as spikes, or units name a series
            that is not there.
    """
    units = dict(units or {})
    if unknown := sorted(units.keys() - series.keys()):
        raise ValueError(f"units must be of {', '.join(series)}, got {', '.join(unknown)}")
    clocks = _Clocks()
    signals = {}
    for name, one in series.items():
        if not hasattr(one, "values"):
            raise ValueError(
                f"{name} must have values, a Tsd, TsdFrame or TsdTensor; got {type(one).__name__}"
            )
        data = np.asarray(one.values)
        dims = (clocks.name(np.asarray(one.t)), *_other_dims(name, data.ndim - 1))
        signals[name] = Signal(data, dims, units.get(name, "1"))
    return Recording(signals | clocks.signals())


class _Clocks:
    """The different times of series, each a coordinate."""

    def __init__(self) -> None:
        self._times: list[Floats] = []

    def name(self, times: Floats) -> str:
        """The dimension of these times."""
        same = (i for i, known in enumerate(self._times) if np.array_equal(known, times))
        index = next(same, len(self._times))
        if index == len(self._times):
            self._times.append(times)
        return f"time_{index + 1}" if index else "time"

    def signals(self) -> dict[str, Signal]:
        """The coordinates."""
        named = {self.name(times): times for times in self._times}
        return {name: Signal(times, (name,), "s") for name, times in named.items()}


def _of_session(path: Path, session: Any, kind: type) -> Recording:
    clocks = _Clocks()
    acquired = {name: one for name, one in session.acquisition.items() if isinstance(one, kind)}
    if not acquired:
        raise FormatError(f"{path} must hold an acquired time series, got none: read it with pynwb")
    names = [_identifier(name) for name in acquired]
    if len(set(names)) < len(names):
        raise FormatError(
            f"{path} must have series with names that differ in letters and digits, got "
            f"{', '.join(acquired)}: read it with pynwb"
        )
    signals = dict(zip(names, (_signal(one, clocks) for one in acquired.values()), strict=True))
    for name, entry in (session.scratch or {}).items():
        if told := _SCRATCH.fullmatch(getattr(entry, "description", "")):
            dims = tuple(told["dims"].split(", ")) if told["dims"] else ()
            data = np.asarray(entry.data[()])
            signals[_identifier(name)] = Signal(data, dims, told["units"], told["description"])
    return Recording(signals | clocks.signals(), _attributes(session))


def _signal(series: Any, clocks: _Clocks) -> Signal:
    data = np.asarray(series.data[()])
    if series.conversion != 1.0 or series.offset != 0.0:
        data = data * series.conversion + series.offset
    told = _DIMS.fullmatch(series.comments or "")
    others = told["dims"].split(", ")[1:] if told else _other_dims(series.name, data.ndim - 1)
    # what pynwb writes where nothing was said
    description = "" if series.description == "no description" else series.description
    clock = clocks.name(_times_of(series, len(data)))
    return Signal(data, (clock, *others), series.unit, description)


def _attributes(session: Any) -> dict[str, Any]:
    """Those of :func:`write_nwb`; of another file what it was and its name."""
    try:
        found = json.loads(session.notes or "")
    except json.JSONDecodeError:
        found = None
    if isinstance(found, dict):
        return found
    return {"description": session.session_description, "identifier": session.identifier}


def _times_of(series: Any, samples: int) -> Floats:
    if series.timestamps is not None:
        return np.asarray(series.timestamps[()], dtype=np.float64)
    times: Floats = (series.starting_time or 0.0) + np.arange(samples) / series.rate
    return times


def _other_dims(name: str, count: int) -> list[str]:
    return [f"{_identifier(name)}_{axis + 1}" for axis in range(count)]


def _identifier(name: str) -> str:
    """The name with what an identifier cannot have replaced: "hand pos" is hand_pos."""
    return re.sub(r"\W|^(?=\d)", "_", name)


def _times_in_seconds(recording: Recording) -> dict[str, Floats]:
    return {
        name: signal.data * _SECONDS[signal.units]
        for name, signal in recording.signals.items()
        if recording.is_coordinate(name) and signal.units in _SECONDS
    }


def _without_times(recording: Recording) -> str:
    units = {name: signal.units for name, signal in recording.signals.items()}
    return f"recording must hold a signal over time and its times in s, ms or us, got {units}"
