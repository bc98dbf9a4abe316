"""The growing table of a run: whole rows even after a kill, no step twice after a resume."""

import csv
import io
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, TextIO

from neuro_common.files import DiskFull, FormatError, atomic_path, room_for

__all__ = ["MetricsLog"]


class MetricsLog:
    """Appends rows to a CSV file whose first column is ``step``."""

    def __init__(self, path: Path) -> None:
        """Prepare to append to ``path``; the file is touched by the first row only."""
        self._path = path
        self._file: TextIO | None = None
        self._columns: list[str] = []

    def append(self, step: int, values: Mapping[str, Any]) -> None:
        """Write one row and hand it to the operating system.

        The first row fixes the columns. The first row after a resume replaces those of the same
        and later steps, which the part of the work that is done again would otherwise repeat.

        Args:
            step: Step that the row belongs to.
            values: Column name to number or text.

        Raises:
            ValueError: The columns are not those of the first row.
            FormatError: The file of an earlier session is not such a table.
            DiskFull: There is no room for the row.
        """
        columns = ["step", *values]
        if self._file is None:
            self._columns = self._drop_from(step) or columns
        if columns != self._columns:
            raise ValueError(
                f"a row of {self._path.name} must have the columns {self._columns} of "
                f"the first row, got {columns}"
            )
        try:
            with room_for(self._path):
                if self._file is None:
                    self._file = open(self._path, "a", encoding="utf-8", newline="")  # noqa: SIM115
                    if self._file.tell() == 0:
                        self._file.write(_line(columns))
                self._file.write(_line([step, *values.values()]))
                self._file.flush()
        except DiskFull:
            # the next row, in this session or another, drops what was cut short
            with suppress(OSError):
                self.close()
            raise

    def close(self) -> None:
        """Close the file; the next row opens it again."""
        if self._file is not None:
            file, self._file = self._file, None
            file.close()

    def _drop_from(self, step: int) -> list[str]:
        """Keep the whole rows before ``step``; return the columns, none if there is no table."""
        try:
            text = self._path.read_bytes()
        except FileNotFoundError:
            return []
        # a kill can cut the last line, and even the number at its end, without a trace but this
        whole = text[: text.rfind(b"\n") + 1]
        try:
            rows = list(csv.reader(io.StringIO(whole.decode("utf-8"), newline="")))
            kept = rows[:1] + [row for row in rows[1:] if int(row[0]) < step]
        except (ValueError, IndexError, csv.Error):
            raise FormatError(
                f"{self._path} must be a table with whole steps in its first column, got something "
                "else: restore it from a copy, or delete it"
            ) from None
        if not kept:
            os.truncate(self._path, 0)
            return []
        with atomic_path(self._path) as temporary:
            temporary.write_text("".join(map(_line, kept)), encoding="utf-8", newline="")
        return kept[0]


def _line(cells: list[Any]) -> str:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerow(cells)
    return text.getvalue()
