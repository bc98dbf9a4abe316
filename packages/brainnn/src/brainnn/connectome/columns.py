"""Columns of tables, as CSV, TSV, Feather or Parquet, found by the names that they may have."""

import csv
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from neuro_common.extras import require
from neuro_common.files import FormatError
from neuro_common.verbs import suggestion

__all__ = ["SUFFIXES", "read_columns"]

SUFFIXES = (".csv", ".tsv", ".feather", ".parquet")
"""What tables may be called."""

_Finder = Callable[[Sequence[str]], dict[str, str]]


def read_columns(
    path: str | Path,
    wanted: Mapping[str, Sequence[str]],
    chosen: Mapping[str, str] | None = None,
    optional: Sequence[str] = (),
) -> dict[str, list[Any]]:
    """Read some columns of a table, whatever its format.

    Args:
        path: A table that ends in one of `SUFFIXES`.
        wanted: What the columns are for, and the names that they may have; the first found counts.
        chosen: Names that the caller insists on.
        optional: Uses whose column may be missing.

    Returns:
        Cells by what they are for, all of one length; text from CSV, values from Arrow.

    Raises:
        FileNotFoundError: There is no such file.
        FormatError: It is damaged, or lacks a column.
        MissingExtra: It wants the extra ``arrow``.
    """
    path, suffix = Path(path), Path(path).suffix.lower()
    if not path.is_file():
        raise FileNotFoundError(f"{path} must be a table, got nothing there")
    if suffix not in SUFFIXES:
        raise FormatError(f"{path} must end in one of {', '.join(SUFFIXES)}, got {suffix!r}")

    def find(header: Sequence[str]) -> dict[str, str]:
        return _found(path, header, wanted, chosen or {}, optional)

    if suffix in (".csv", ".tsv"):
        return _read_text(path, find)
    return _read_arrow(path, find)


def _found(
    path: Path,
    header: Sequence[str],
    wanted: Mapping[str, Sequence[str]],
    chosen: Mapping[str, str],
    optional: Sequence[str],
) -> dict[str, str]:
    """Name of the column for each use that the table serves."""
    found = {}
    for use, names in wanted.items():
        options = (chosen[use],) if use in chosen else names
        there = [name for name in options if name in header]
        if there:
            found[use] = there[0]
        elif use in chosen or use not in optional:
            near = next((hint for name in options if (hint := suggestion(name, header))), "")
            raise FormatError(
                f"{path} must have a column {' or '.join(options)}, got "
                f"{', '.join(header) or 'none'}{near}"
            )
    return found


def _read_text(path: Path, find: _Finder) -> dict[str, list[Any]]:
    shared: dict[str, str] = {}  # a cell's text once, however often: tables have 10^7 rows
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.reader(file, delimiter="\t" if path.suffix.lower() == ".tsv" else ",")
            header = [cell.strip() for cell in next(rows, [])]
            found = find(header)
            places = {use: header.index(name) for use, name in found.items()}
            cells: dict[str, list[Any]] = {use: [] for use in places}
            for row in rows:
                if len(row) != len(header):
                    raise FormatError(
                        f"{path} must have {len(header)} cells in every row, got {len(row)} in "
                        f"line {rows.line_num}: it was cut short or edited"
                    )
                for use, place in places.items():
                    cell = row[place].strip()
                    cells[use].append(shared.setdefault(cell, cell))
    except (UnicodeDecodeError, csv.Error) as error:
        raise FormatError(f"{path} must be a table as text, got something else ({error})") from None
    return cells


def _read_arrow(path: Path, find: _Finder) -> dict[str, list[Any]]:
    arrow = require("pyarrow", "arrow", "brainnn")
    parquet = path.suffix.lower() == ".parquet"
    module = require("pyarrow.parquet" if parquet else "pyarrow.feather", "arrow", "brainnn")
    try:
        header = (module.read_schema(path) if parquet else module.read_table(path).schema).names
        found = find(header)
        table = module.read_table(path, columns=[*found.values()])
    except (arrow.ArrowException, OSError) as error:
        raise FormatError(f"{path} must be a whole {path.suffix} table, got {error}") from None
    return {use: table.column(name).to_pylist() for use, name in found.items()}
