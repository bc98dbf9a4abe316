"""Tables that hold EMG: samples in rows, or the published layout with lists in cells."""

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from neuro_common.files import FormatError
from spinal_rnn.formats.condition_tables import (
    ConditionTable,
    is_number,
    number_column,
    read_table,
    row_labels,
    table_conditions,
)

__all__ = ["is_published", "read_emg_table", "read_published_table"]

_PUBLISHED = {
    "Amplitude": "amplitude_ma",
    "Frequency": "frequency_hz",
    "PulseWidth": "pulse_width_us",
    "Pulses": "pulses",
    "Cathodes": "cathodes",
    "Anodes": "anodes",
}
_UNUSED = re.compile(r"|Unnamed: 0|ElectrodeConf_\d+")

_Numbers = NDArray[np.float64]


def read_emg_table(path: Path, trials: Sequence[str]) -> tuple[_Numbers, tuple[str, ...]]:
    """Read the EMG of named trials: the column trial, and one for each muscle.

    Args:
        path: CSV file with one row for each sample; those of a trial follow one another.
        trials: Their names, in the order wanted.

    Returns:
        The EMG, shape (trials, time, muscles), and the names of the columns.

    Raises:
        FileNotFoundError: There is no such file.
        FormatError: A trial is missing, repeated, not asked for or of another length, or a cell is
            no number.
    """
    columns = read_table(path)
    if "trial" not in columns or not trials:
        raise FormatError(
            f"{path} and the table of conditions must both have the column trial, so that samples "
            "find their trial"
        )
    names = tuple(name for name in columns if name != "trial")
    values = np.stack([number_column(path, columns, name) for name in names], axis=1)
    blocks = _blocks(path, [cell.strip() for cell in columns["trial"]])
    if missing := [trial for trial in trials if trial not in blocks]:
        raise FormatError(f"{path}: trial {missing[0]!r} is missing: add it, or take out its row")
    samples = len(blocks[trials[0]])
    for trial, rows in blocks.items():
        if trial not in trials:
            raise FormatError(
                f"{path} row {rows[0] + 2}: trial {trial!r} has no conditions: add their row, or "
                "leave the trial out"
            )
        if len(rows) != samples:
            raise FormatError(
                f"{path} row {rows[0] + 2}: trial {trial!r} must have {samples} samples like "
                f"{trials[0]!r}, got {len(rows)}"
            )
    return np.stack([values[blocks[trial]] for trial in trials]), names


def is_published(path: Path) -> bool:
    """Whether a CSV file has the columns of the published layout.

    Args:
        path: The file.
    """
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        names = file.readline().replace('"', "").strip().split(",")
    return {"Cathodes", "Anodes", "Amplitude", "Frequency"} <= set(names)


def read_published_table(
    path: Path, contacts: int
) -> tuple[ConditionTable, _Numbers, tuple[str, ...]]:
    """Read the published layout: one row for each trial, whose muscle cells are lists as text.

    The columns are Frequency, Amplitude, PulseWidth, Pulses, Cathodes, Anodes, and one for each
    muscle; an index and ElectrodeConf_1 ... 17, which repeat the contacts, are not read. Cells are
    split at commas and spaces into numbers, and never evaluated.

    Args:
        path: CSV file.
        contacts: How many there are, the case among them.

    Returns:
        The conditions, the EMG, shape (trials, time, muscles), and the names of the muscles.

    Raises:
        FileNotFoundError: There is no such file.
        FormatError: A cell is wrong; the message names row and column.
    """
    columns = {n: cells for n, cells in read_table(path).items() if not _UNUSED.fullmatch(n)}
    labels = row_labels(path, columns)
    stimulated = {_PUBLISHED[name]: cells for name, cells in columns.items() if name in _PUBLISHED}
    conditions = table_conditions(path, stimulated, contacts, labels)
    muscles = tuple(name for name in columns if name not in _PUBLISHED)
    if not muscles:
        raise FormatError(f"{path} must have a column for each muscle, got none")
    emg = [[_list(path, labels[i], m, columns[m][i]) for m in muscles] for i in range(len(labels))]
    samples = len(emg[0][0])
    for label, row in zip(labels, emg, strict=True):
        for muscle, trace in zip(muscles, row, strict=True):
            if len(trace) != samples:
                raise FormatError(
                    f"{path} {label}, column {muscle}: must hold {samples} samples like "
                    f"{muscles[0]} in {labels[0]}, got {len(trace)}"
                )
    return ConditionTable(conditions, labels), np.array(emg).swapaxes(1, 2), muscles


def _blocks(path: Path, cells: Sequence[str]) -> dict[str, range]:
    """Where the samples of each trial lie."""
    starts = [at for at, cell in enumerate(cells) if at == 0 or cell != cells[at - 1]]
    blocks: dict[str, range] = {}
    for start, stop in zip(starts, [*starts[1:], len(cells)], strict=True):
        if before := blocks.get(cells[start]):
            raise FormatError(
                f"{path}: trial {cells[start]!r} is repeated, in row {before[0] + 2} and row "
                f"{start + 2}: give each its own name"
            )
        blocks[cells[start]] = range(start, stop)
    return blocks


def _list(path: Path, label: str, muscle: str, cell: str) -> _Numbers:
    words = cell.strip().removeprefix("[").removesuffix("]").replace(",", " ").split()
    try:
        trace = np.array(words, dtype=np.float64)
    except ValueError:
        bad = next(word for word in words if not is_number(word))
        cut = ": it was cut when it was printed, write all of it" if "..." in bad else ""
        raise FormatError(
            f"{path} {label}, column {muscle}: must be a list of numbers, got {bad[:40]!r}{cut}"
        ) from None
    if not len(trace):
        raise FormatError(f"{path} {label}, column {muscle}: must be a list of numbers, got none")
    return trace
