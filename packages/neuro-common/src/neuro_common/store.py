"""Recordings in HDF5 that carry their units and dimensions, and come back exactly as they went."""

import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuro_common.extras import require
from neuro_common.files import (
    FORMAT_VERSION,
    FormatError,
    RunError,
    atomic_path,
    check_format,
    to_json,
)

__all__ = ["Recording", "Signal", "new_hdf5", "read_recording", "write_recording"]

_FORMAT = "neuro-common/recording"


@dataclass(eq=False)
class Signal:
    """One array with the names of its dimensions and its unit.

    Attributes:
        data: Real, complex, integer or boolean numbers of any shape.
        dims: One name per axis of ``data``, time first: ``("time", "channel")``.
        units: Unit of the numbers, such as ``"mV"``, or ``"1"`` for plain numbers.
        description: What was measured, in words.

    Raises:
        ValueError: The data are no numbers, or dims or units do not describe them.
    """

    data: NDArray[Any]
    dims: tuple[str, ...]
    units: str
    description: str = ""

    def __post_init__(self) -> None:
        """Refuse what could not be written and read back."""
        self.data = np.asarray(self.data)
        self.dims = tuple(self.dims)
        if self.data.dtype.kind not in "biufc":
            raise ValueError(f"data must be numbers, got dtype {self.data.dtype}")
        if len(self.dims) != self.data.ndim or len(set(self.dims)) != len(self.dims):
            raise ValueError(
                f"dims must name each of the {self.data.ndim} axes of data once, got {self.dims}"
            )
        _check_names("dims", self.dims)
        if not self.units:
            raise ValueError('units must be a unit such as "mV", or "1" for plain numbers, got ""')


@dataclass(eq=False)
class Recording:
    """Signals taken together.

    A signal named like its only dimension is the coordinate of that dimension: the sample times are
    ``signals["time"] = Signal(time_ms, ("time",), "ms")``.

    Attributes:
        signals: The signals by name.
        attributes: Facts about the whole recording in plain values; tuples come back as lists.

    Raises:
        ValueError: A name is no identifier, or a dimension has two sizes.
    """

    signals: dict[str, Signal]
    attributes: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse what could not be written and read back."""
        _check_names("signals", tuple(self.signals))
        sizes: dict[str, tuple[int, str]] = {}
        for name, signal in self.signals.items():
            for dim, size in zip(signal.dims, signal.data.shape, strict=True):
                first_size, first_name = sizes.setdefault(dim, (size, name))
                if size != first_size:
                    raise ValueError(
                        f'dimension "{dim}" must have one size, got {first_size} in "{first_name}" '
                        f'and {size} in "{name}": name one of them otherwise'
                    )

    def is_coordinate(self, name: str) -> bool:
        """Tell whether a signal gives the positions along a dimension, such as the sample times."""
        return self.signals[name].dims == (name,)

    def to_xarray(self) -> Any:
        """Hand the recording to xarray (extra ``xarray``).

        Returns:
            An ``xarray.Dataset`` with the coordinates as coordinates, and units and descriptions as
            attributes of its variables.
        """
        xarray = require("xarray", "xarray")
        variables = {
            name: (s.dims, s.data, {"units": s.units, "description": s.description})
            for name, s in self.signals.items()
        }
        return xarray.Dataset(variables, attrs=self.attributes)


class _Patient(io.FileIO):
    """Takes all that HDF5 hands it and keeps the first error: HDF5 crashes where a write fails."""

    error: OSError | None = None

    def write(self, data: Any) -> int:
        rest = memoryview(data)
        try:
            while rest and self.error is None:
                rest = rest[super().write(rest) :]
        except OSError as error:
            self.error = error
        return len(data)

    def truncate(self, size: int | None = None) -> int:
        try:
            return super().truncate(size)
        except OSError as error:
            self.error = self.error or error
            return size or 0


@contextmanager
def new_hdf5(path: str | Path, **options: Any) -> Iterator[Any]:
    """A new HDF5 file, whole or not at all (extra ``io``).

    Args:
        path: File to write; one that is there is replaced.
        options: For ``h5py.File``, such as ``track_order``.

    Yields:
        The ``h5py.File``, to be filled.

    Raises:
        DiskFull: There is no room, which without this would end the process without a word.
    """
    h5py = require("h5py", "io")
    with atomic_path(path) as temporary, _Patient(temporary, "x+") as patient:
        try:
            with h5py.File(patient, "w", **options) as file:
                yield file
        except BaseException:
            if patient.error is None:
                raise
        if patient.error is not None:
            raise patient.error


def write_recording(path: str | Path, recording: Recording) -> None:
    """Write a recording to an HDF5 file, whole or not at all (extra ``io``).

    Args:
        path: File to write; one that is there is replaced.
        recording: What to write.

    Raises:
        ValueError: The recording was changed since it was made and no longer fits together, or an
            attribute is NaN or infinite.
        TypeError: An attribute is no plain value.
        DiskFull: There is no room; a recording that was there is as it was.
    """
    recording = replace(recording)  # checks again: the dicts inside may have changed
    with new_hdf5(path, track_order=True) as file:
        file.attrs["format"] = _FORMAT
        file.attrs["format_version"] = FORMAT_VERSION
        file.attrs["attributes"] = to_json(recording.attributes)
        for name, signal in recording.signals.items():
            # A checksum needs chunks, and chunks need at least one number.
            checksum = signal.data.ndim > 0 and signal.data.size > 0
            dataset = file.create_dataset(name, data=signal.data, fletcher32=checksum)
            dataset.attrs["units"] = signal.units
            dataset.attrs["description"] = signal.description
            for axis, dim in enumerate(signal.dims):
                dataset.dims[axis].label = dim


def read_recording(path: str | Path) -> Recording:
    """Read a recording that :func:`write_recording` wrote (extra ``io``).

    Args:
        path: File to read.

    Returns:
        The recording, its arrays with the dtypes and shapes they had.

    Raises:
        FileNotFoundError: There is no such file.
        FormatError: The file is damaged or truncated, comes from another program, or from a newer
            neuro-common.
        RunError: The file cannot be read now; another process may be writing it.
    """
    h5py = require("h5py", "io")
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"no recording at {path}: give the path of an HDF5 file")
    try:
        with h5py.File(path, "r") as file:
            version = file.attrs.get("format_version", 0)
            check_format(path, file.attrs.get("format"), int(version), _FORMAT)
            signals = {
                name: Signal(
                    np.asarray(dataset[()], dtype=dataset.dtype),
                    tuple(dim.label for dim in dataset.dims),
                    dataset.attrs["units"],
                    dataset.attrs["description"],
                )
                for name, dataset in file.items()
            }
            return Recording(signals, json.loads(file.attrs["attributes"]))
    except (BlockingIOError, PermissionError) as error:
        raise RunError(
            f"{path} cannot be read now, another process may write it: {error}"
        ) from error
    except (OSError, RuntimeError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise FormatError(
            f"{path} is damaged or no recording: {error}; restore it from a copy, or write it again"
        ) from error


def _check_names(what: str, names: tuple[str, ...]) -> None:
    for name in names:
        if not name.isidentifier():
            raise ValueError(f"{what} must be named by identifiers such as mean_x, got {name!r}")
