"""Marker files of OpenSim and of motion capture (.trc): places of markers in rows of frames."""

from pathlib import Path

import numpy as np

from neuro_common.files import FormatError, atomic_path
from proprio_tcn.recorded.tables import LENGTH_UNITS_M, MarkerTable, even_times
from proprio_tcn.recorded.text_cells import header_number, numbers, read_lines, split_cells

__all__ = ["read_trc", "write_trc"]

_KEYS = ("DataRate", "CameraRate", "NumFrames", "NumMarkers", "Units", "OrigDataRate",
         "OrigDataStartFrame", "OrigNumFrames")  # fmt: skip
_HEADER_LINES = 5


def read_trc(path: str | Path) -> MarkerTable:
    """Read a .trc file.

    Lines 1-3 are the header, line 4 names the markers, each with blank cells for y and z, line 5
    counts their coordinates. A marker with a blank cell, or NaN, was not seen in that frame.

    Args:
        path: File with cells between tabs; between spaces if no cell is blank.

    Returns:
        The markers in metres, in the axes of the file.

    Raises:
        FileNotFoundError: There is no such file.
        FormatError: The header is not one of .trc, or a line does not fit it; the message names
            the line.
    """
    lines = read_lines(path)
    if not lines or not lines[0].startswith("PathFileType"):
        begins = lines[0][:40] if lines else ""
        raise FormatError(f"{path} line 1: must begin with PathFileType, got {begins!r}")
    if len(lines) <= _HEADER_LINES:
        raise FormatError(
            f"{path} must have {_HEADER_LINES} lines of header and a line for each frame, got "
            f"{len(lines)} lines"
        )
    header = _header(path, lines[1], lines[2])
    names = _names(path, lines[3], int(header_number(path, 3, "NumMarkers",
                                                     header["NumMarkers"], least=1)))  # fmt: skip
    columns = ["Frame#", "Time", *(f"{name} {axis}" for name in names for axis in "xyz")]
    rows = [
        (number, split_cells(line))
        for number, line in enumerate(lines[_HEADER_LINES:], start=_HEADER_LINES + 1)
        if line.strip()
    ]
    frames = header_number(path, 3, "NumFrames", header["NumFrames"], least=1)
    if len(rows) != frames:
        raise FormatError(
            f"{path} must have the {frames:g} frames that line 3 tells, got {len(rows)}: it was "
            "cut short, or NumFrames must be mended"
        )
    values = numbers(path, rows, columns)
    fs_hz = header_number(path, 3, "DataRate", header["DataRate"], least=1)
    time_s = even_times(values[:, 1], path, [line for line, _ in rows], fs_hz)
    place_m = values[:, 2:].reshape(len(rows), len(names), 3) * LENGTH_UNITS_M[header["Units"]]
    place_m[np.isnan(place_m).any(axis=2)] = np.nan
    return MarkerTable(names, time_s, place_m, str(path))


def write_trc(path: str | Path, table: MarkerTable, units: str = "mm") -> None:
    """Write a .trc file that :func:`read_trc` and OpenSim read; what was not seen is blank.

    Args:
        path: File to write, whole or not at all.
        table: The markers.
        units: "mm", "cm" or "m".

    Raises:
        ValueError: The unit is another.
    """
    if units not in LENGTH_UNITS_M:
        raise ValueError(f"units must be one of {', '.join(LENGTH_UNITS_M)}, got {units!r}")
    frames, markers = table.place_m.shape[:2]
    rate = f"{table.fs_hz:.10g}"
    places = (table.place_m / LENGTH_UNITS_M[units]).reshape(frames, 3 * markers)
    head = [
        f"PathFileType\t4\t(X/Y/Z)\t{Path(path).name}",
        "\t".join(_KEYS),
        "\t".join([rate, rate, str(frames), str(markers), units, rate, "1", str(frames)]),
        "Frame#\tTime\t" + "\t\t\t".join(table.names) + "\t\t",
        "\t\t" + "\t".join(f"{axis}{n}" for n in range(1, markers + 1) for axis in "XYZ"),
        "",
    ]
    body = [
        "\t".join([str(frame), f"{time:.12g}", *("" if np.isnan(x) else f"{x:.12g}" for x in row)])
        for frame, (time, row) in enumerate(zip(table.time_s, places, strict=True), start=1)
    ]
    with atomic_path(path) as temporary:
        temporary.write_text("\n".join([*head, *body, ""]), encoding="utf-8")


def _header(path: str | Path, keys: str, cells: str) -> dict[str, str]:
    found = dict(zip(split_cells(keys), split_cells(cells), strict=False))
    for key in ("DataRate", "NumFrames", "NumMarkers", "Units"):
        if not found.get(key):
            raise FormatError(
                f"{path} lines 2 and 3: must tell {key}, got {', '.join(found) or 'nothing'}"
            )
    if found["Units"] not in LENGTH_UNITS_M:
        raise FormatError(
            f"{path} line 3: Units must be one of {', '.join(LENGTH_UNITS_M)}, got "
            f"{found['Units']!r}"
        )
    return found


def _names(path: str | Path, line: str, markers: int) -> tuple[str, ...]:
    cells = [cell for cell in split_cells(line) if cell]
    if len(cells) < 2 or not cells[0].startswith("Frame") or cells[1] != "Time":
        raise FormatError(f"{path} line 4: must begin with Frame# and Time, got {line[:40]!r}")
    names = tuple(cells[2:])
    if len(names) != markers:
        raise FormatError(
            f"{path} line 4: must name the {markers} markers that line 3 tells, got {len(names)}"
        )
    for name in names:
        if names.count(name) > 1:
            raise FormatError(f"{path} line 4: marker {name!r} is named twice: rename one of them")
    return names
