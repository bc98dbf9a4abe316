"""Comma-separated tables of recorded movements: markers and joint angles."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from neuro_common.files import FormatError, read_csv
from proprio_tcn.recorded.tables import LENGTH_UNITS_M, AngleTable, MarkerTable, even_times
from proprio_tcn.recorded.text_cells import numbers

__all__ = ["cell_numbers", "read_angle_csv", "read_columns", "read_marker_csv"]

_AXIS = re.compile(r"(.+)[_. ]([xyz])", re.IGNORECASE)


def read_marker_csv(path: str | Path, units: str) -> MarkerTable:
    """Read markers: the column time_s, and NAME_x, NAME_y, NAME_z for each marker.

    Args:
        path: CSV file with a row for each frame; blank cells or NaN where a marker was not seen.
        units: Of the places: "m", "cm" or "mm".

    Raises:
        FileNotFoundError: There is no such file.
        FormatError: A column or a cell is wrong; the message names it.
        ValueError: The unit is another.
    """
    if units not in LENGTH_UNITS_M:
        raise ValueError(f"units must be one of {', '.join(LENGTH_UNITS_M)}, got {units!r}")
    columns = read_columns(path)
    found: dict[str, dict[str, str]] = {}
    for column in columns:
        if column == "time_s":
            continue
        if not (match := _AXIS.fullmatch(column)):
            raise FormatError(
                f"{path}: column {column!r} must be time_s or a marker's name with _x, _y or _z"
            )
        if found.setdefault(match[1], {}).setdefault(match[2].lower(), column) != column:
            raise FormatError(
                f"{path} must have one column for {match[2].lower()} of marker {match[1]!r}, got "
                f"{found[match[1]][match[2].lower()]!r} and {column!r}: leave one out"
            )
    for name, axes in found.items():
        if len(axes) < 3:
            missing = next(axis for axis in "xyz" if axis not in axes)
            raise FormatError(f"{path}: marker {name!r} lacks the column {name}_{missing}")
    if not found:
        raise FormatError(f"{path} must have columns of at least one marker, got time_s only")
    wanted = [axes[axis] for axes in found.values() for axis in "xyz"]
    time_s, values = _over_time(path, columns, wanted)
    place_m = values.reshape(len(time_s), len(found), 3) * LENGTH_UNITS_M[units]
    place_m[np.isnan(place_m).any(axis=2)] = np.nan
    return MarkerTable(tuple(found), time_s, place_m, str(path))


def read_angle_csv(path: str | Path) -> AngleTable:
    """Read joint angles: the column time_s, and NAME_deg or NAME_rad for each coordinate.

    Args:
        path: CSV file with a row for each frame; blank cells or NaN where there is none.

    Raises:
        FileNotFoundError: There is no such file.
        FormatError: A column or a cell is wrong; the message names it.
    """
    columns = read_columns(path)
    wanted = [name for name in columns if name != "time_s"]
    for name in wanted:
        if not name.endswith(("_deg", "_rad")):
            raise FormatError(f"{path}: column {name!r} must be time_s, or end in _deg or _rad")
    if not wanted:
        raise FormatError(f"{path} must have columns of at least one angle, got time_s only")
    time_s, values = _over_time(path, columns, wanted)
    degrees = np.array([name.endswith("_deg") for name in wanted])
    names = tuple(name[:-4] for name in wanted)
    return AngleTable(names, time_s, np.where(degrees, np.deg2rad(values), values), str(path))


def read_columns(
    path: str | Path, needed: Sequence[str] = ("time_s",), known: Sequence[str] = ()
) -> dict[str, list[str]]:
    """Cells of a table by column, as spreadsheets write them, with a byte-order mark or without.

    Args:
        path: CSV file with one row of names.
        needed: Columns that must be there.
        known: If any, the only ones that may be there.

    Raises:
        FileNotFoundError: There is no such file.
        FormatError: It is no such table, or a column is missing or unknown.
    """
    cells = read_csv(path)
    columns = {name.removeprefix("\ufeff").strip(): column for name, column in cells.items()}
    if len(columns) < len(cells):
        raise FormatError(
            f"{path} must have columns of different names beside their blanks, got "
            f"{', '.join(map(repr, cells))}"
        )
    for name in needed:
        if name not in columns:
            raise FormatError(f"{path} must have the column {name}, got {', '.join(columns)}")
    for name in columns:
        if known and name not in known:
            raise FormatError(
                f"{path}: column {name!r} is unknown; the columns are {', '.join(known)}"
            )
    return columns


def _over_time(
    path: str | Path, columns: Mapping[str, Sequence[str]], wanted: Sequence[str]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Times, and the numbers of some columns."""
    values = cell_numbers(path, columns, ["time_s", *wanted])
    lines = list(range(2, len(values) + 2))
    return even_times(values[:, 0], path, lines), values[:, 1:]


def cell_numbers(
    path: str | Path, columns: Mapping[str, Sequence[str]], names: Sequence[str]
) -> NDArray[np.float64]:
    """Numbers of some columns, shape (rows, columns); NaN where a cell is blank.

    Raises:
        FormatError: A cell is no number; the message names its row and column.
    """
    count = len(columns[names[0]])
    rows = [(row + 2, [columns[name][row].strip() for name in names]) for row in range(count)]
    return numbers(path, rows, names)
