"""Recordings as npz: plain arrays by the names of the recording's attributes."""

import os
from collections.abc import Callable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuro_common.files import FORMAT_VERSION, FormatError, atomic_path, check_format
from proprio_tcn.neural.recording import Recording

__all__ = ["check_arrays", "read_arrays", "read_npz", "write_npz"]

_FORMAT = "proprio-tcn/recording"
_NEEDED = tuple(
    one.name for one in fields(Recording) if one.name not in ("kinematics", "left_out", "muscles")
)
_TEXTS = ("subject", "area", "session")


def write_npz(recording: Recording, path: str | os.PathLike[str]) -> None:
    """Write a recording, atomically; kinematics are called ``kinematics.hand`` and so on."""
    arrays: dict[str, Any] = {"format": _FORMAT, "format_version": FORMAT_VERSION}
    for one in fields(Recording):
        if one.name != "kinematics":
            arrays[one.name] = np.asarray(getattr(recording, one.name))
    # an empty tuple would become numbers
    for name in ("muscles", "left_out"):
        arrays[name] = np.asarray(getattr(recording, name), dtype=np.str_)
    arrays |= {f"kinematics.{name}": values for name, values in recording.kinematics.items()}
    with atomic_path(path) as temporary:
        np.savez_compressed(temporary, **arrays)


def read_arrays(
    path: str | os.PathLike[str], wanted: Callable[[str], bool] = bool
) -> dict[str, NDArray[Any]]:
    """Arrays of an npz file by name.

    Each has the shape that it was saved with.

    Args:
        path: Of the file.
        wanted: Which names to read; all of them unless told. The others take no memory.

    Raises:
        FileNotFoundError: There is no such file.
        FormatError: The file is cut short, is no npz, or holds Python objects.
    """
    if Path(path).is_dir():
        raise FormatError(f"{path} must be an npz file, got a folder")
    # numpy leaves a broken file open that it opened itself
    with Path(path).open("rb") as file:
        try:
            with np.load(file, allow_pickle=False) as stored:
                return {name: stored[name] for name in stored.files if wanted(name)}
        # of broken bytes numpy lets through whatever zip, zlib and its own parser stumble over
        except Exception as error:
            raise FormatError(
                f"{path} must be a whole npz file of plain arrays, got {error}: restore it from a "
                "copy"
            ) from None


def check_arrays(
    path: str | os.PathLike[str], arrays: Mapping[str, NDArray[Any]], format_name: str
) -> None:
    """Refuse arrays of another format, or of a version newer than this code.

    Args:
        path: The file, for the message.
        arrays: Of `read_arrays`, each of any shape; "format" and "format_version" are looked at.
        format_name: Format that was wanted.

    Raises:
        FormatError: Name or version do not fit.
    """
    version = arrays.get("format_version")
    whole = version is not None and version.dtype.kind in "iu" and version.size == 1
    name = str(arrays["format"]) if "format" in arrays else None
    check_format(path, name, version.item() if version is not None and whole else None, format_name)


def read_npz(path: str | os.PathLike[str]) -> Recording:
    """Read what `write_npz` wrote, or what others wrote by the same names.

    Raises:
        FileNotFoundError: There is no such file.
        FormatError: The file is cut short, of another format or newer, holds Python objects, or
            makes no recording.
    """
    arrays = read_arrays(path)
    check_arrays(path, arrays, _FORMAT)
    if lacking := [name for name in _NEEDED if name not in arrays]:
        raise FormatError(f"{path} lacks {lacking[0]}, got {', '.join(arrays)}")
    found: dict[str, Any] = {name: arrays[name] for name in _NEEDED}
    found |= {name: str(found[name]) for name in _TEXTS}
    for name in ("neurons", "muscles", "left_out"):
        found[name] = tuple(str(one) for one in arrays.get(name, ()))
    head = "kinematics."
    found["kinematics"] = {
        name.removeprefix(head): one for name, one in arrays.items() if name.startswith(head)
    }
    try:
        return Recording(**found)
    except ValueError as error:
        raise FormatError(f"{path}: {error}") from None
