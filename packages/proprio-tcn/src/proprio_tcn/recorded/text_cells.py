"""Lines and cells of text files with numbers, each complaint with its line."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from neuro_common.files import FormatError

__all__ = ["header_number", "numbers", "read_lines", "split_cells"]


def read_lines(path: str | Path) -> list[str]:
    """Lines of a text file without their ends.

    Raises:
        FileNotFoundError: There is no such file.
        FormatError: It is no text.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path} must be a file, got nothing there")
    try:
        return path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise FormatError(f"{path} must be a text file, got something else ({error})") from None


def split_cells(line: str) -> list[str]:
    """Cells between tabs, where blank ones count; in a line without tabs, words."""
    if "\t" in line:
        return [cell.strip() for cell in line.split("\t")]
    return line.split()


def numbers(
    path: str | Path,
    rows: Sequence[tuple[int, list[str]]],
    columns: Sequence[str],
) -> NDArray[np.float64]:
    """Numbers of rows that have a cell for each column; blank cells are NaN.

    Args:
        path: The file, for messages.
        rows: Line number and cells of each row.
        columns: Names of the columns.

    Returns:
        Shape (rows, columns).

    Raises:
        FormatError: A row has too few or too many cells, or one that is no number.
    """
    values = np.full((len(rows), len(columns)), np.nan)
    for index, (line, cells) in enumerate(rows):
        # tabs at the end of a line are the habit of many programs
        while len(cells) > len(columns) and not cells[-1]:
            cells = cells[:-1]
        if len(cells) != len(columns):
            raise FormatError(
                f"{path} line {line}: must have {len(columns)} cells, got {len(cells)}: the file "
                "was cut short, or blank cells need tabs between them"
            )
        try:
            values[index] = [float(cell) if cell else np.nan for cell in cells]
        except ValueError:
            column, cell = next(
                (name, one)
                for name, one in zip(columns, cells, strict=True)
                if one and not _is_number(one)
            )
            raise FormatError(
                f"{path} line {line}, column {column}: must be a number or blank, got {cell[:40]!r}"
            ) from None
    if np.isinf(values).any():
        row, at = np.argwhere(np.isinf(values))[0]
        raise FormatError(
            f"{path} line {rows[row][0]}, column {columns[at]}: must be finite or blank, got "
            f"{values[row, at]}"
        )
    return values


def header_number(path: str | Path, line: int, name: str, text: str, *, least: float) -> float:
    """A number of a header.

    Raises:
        FormatError: It is no finite number, or below ``least``.
    """
    if not _is_number(text) or not least <= float(text) < np.inf:
        raise FormatError(
            f"{path} line {line}: {name} must be a number of at least {least:g}, got {text[:40]!r}"
        )
    return float(text)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
