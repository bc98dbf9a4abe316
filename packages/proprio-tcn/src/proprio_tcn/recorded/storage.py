"""Tables of OpenSim (.mot and .sto): a header, names of columns, and numbers over time."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from neuro_common.files import FormatError, atomic_path
from proprio_tcn.recorded.tables import AngleTable, even_times
from proprio_tcn.recorded.text_cells import header_number, numbers, read_lines, split_cells

__all__ = ["Storage", "angles_of", "read_storage", "write_storage"]

Header = dict[str, tuple[int, str]]


@dataclass(frozen=True, eq=False)
class Storage:
    """A table of OpenSim.

    Attributes:
        names: Of the columns, without the time.
        time_s: Shape (rows,), evenly spaced.
        values: Shape (rows, columns), NaN where there is none.
        in_degrees: What the header says of angles; those of SIMM, and others before version 1 of
            OpenSim's tables, are in degrees, as OpenSim reads them.
        title: First line of the file.
        source: The file, for messages.
    """

    names: tuple[str, ...]
    time_s: NDArray[np.float64]
    values: NDArray[np.float64]
    in_degrees: bool
    title: str = "table"
    source: str = "table"


def read_storage(path: str | Path) -> Storage:
    """Read a .mot or .sto file.

    Args:
        path: File whose header ends with ``endheader``, of columns of one number each.

    Raises:
        FileNotFoundError: There is no such file.
        FormatError: There is no such header, or a line does not fit it; the message names the
            line.
    """
    lines = read_lines(path)
    ends = [at for at, line in enumerate(lines) if line.strip().lower() == "endheader"]
    if not ends:
        raise FormatError(f"{path} must have a header that ends with the line endheader, got none")
    header = _header(lines[: ends[0]])
    line, kind = header.get("datatype", (0, "double"))
    if kind.lower() != "double":
        raise FormatError(
            f"{path} line {line}: DataType must be double, one number in a cell, got {kind}"
        )
    named = next((at for at in range(ends[0] + 1, len(lines)) if lines[at].strip()), None)
    columns = [] if named is None else [cell for cell in split_cells(lines[named]) if cell]
    if named is None or len(columns) < 2 or columns[0].lower() != "time":
        raise FormatError(
            f"{path} line {ends[0] + 2}: must name the columns, time first, got "
            f"{' '.join(columns)[:40]!r}"
        )
    for name in columns:
        if columns.count(name) > 1:
            raise FormatError(f"{path} line {named + 1}: column {name!r} is named twice")
    rows = [
        (number, split_cells(line))
        for number, line in enumerate(lines[named + 1 :], start=named + 2)
        if line.strip()
    ]
    _check_counts(path, header, len(rows), len(columns))
    values = numbers(path, rows, columns)
    time_s = even_times(values[:, 0], path, [line for line, _ in rows])
    title = lines[0].strip() or "table"
    degrees = _in_degrees(path, header)
    return Storage(tuple(columns[1:]), time_s, values[:, 1:], degrees, title, str(path))


def write_storage(path: str | Path, table: Storage) -> None:
    """Write a .mot or .sto file that :func:`read_storage` and OpenSim read; gaps are ``nan``.

    Args:
        path: File to write, whole or not at all.
        table: What to write.
    """
    rows, columns = table.values.shape
    head = [
        table.title,
        "version=1",
        f"nRows={rows}",
        f"nColumns={columns + 1}",
        f"inDegrees={'yes' if table.in_degrees else 'no'}",
        "endheader",
        "\t".join(["time", *table.names]),
    ]
    body = [
        "\t".join([f"{time:.12g}", *(f"{value:.12g}" for value in row)])
        for time, row in zip(table.time_s, table.values, strict=True)
    ]
    with atomic_path(path) as temporary:
        temporary.write_text("\n".join([*head, *body, ""]), encoding="utf-8")


def angles_of(table: Storage) -> AngleTable:
    """Joint angles of a table, as OpenSim's inverse kinematics writes them.

    A column may be named as a coordinate or as the path of its state
    (``/jointset/elbow/elbow_flexion/value``); speeds are left out.
    """
    kept = [
        (at, name) for at, name in enumerate(table.names) if not name.endswith(("/speed", "_u"))
    ]
    names = tuple(
        name.split("/")[-2] if name.endswith("/value") and name.count("/") > 1 else name
        for _, name in kept
    )
    values = table.values[:, [at for at, _ in kept]]
    return AngleTable(
        names, table.time_s, np.deg2rad(values) if table.in_degrees else values, table.source
    )


def _header(lines: list[str]) -> Header:
    """Lines and values of a header by lower-case name, in the form of OpenSim or of SIMM."""
    facts = {}
    for number, line in enumerate(lines, start=1):
        key, equals, value = line.partition("=")
        if not equals:
            key, _, value = line.strip().partition(" ")
        facts[key.strip().lower()] = number, value.strip()
    return facts


def _in_degrees(path: str | Path, header: Header) -> bool:
    line, told = header.get("indegrees", (0, "no"))
    if told.lower() not in ("yes", "y", "no", "n"):
        raise FormatError(f"{path} line {line}: inDegrees must be yes or no, got {told!r}")
    at, version = header.get("version", (0, "0"))
    old = header_number(path, at, "version", version, least=0) < 1
    if old and "indegrees" in header and told.lower() in ("no", "n"):
        raise FormatError(
            f"{path} line {line}: inDegrees=no must come with version=1, got version={version}: "
            "OpenSim reads older tables in degrees"
        )
    return old or told.lower() in ("yes", "y")


def _check_counts(path: str | Path, header: Header, rows: int, columns: int) -> None:
    told = {("nrows", "datarows"): rows, ("ncolumns", "datacolumns"): columns}
    for keys, found in told.items():
        for key in keys:
            if key not in header:
                continue
            wanted = header_number(path, header[key][0], key, header[key][1], least=0)
            if wanted != found:
                what = "rows" if "row" in key else "columns"
                raise FormatError(
                    f"{path} must have the {wanted:g} {what} that its header tells, got {found}: "
                    "it was cut short or edited"
                )
