"""Tables of what was stimulated, one row for each trial, checked cell by cell."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from neuro_common.files import FormatError, read_csv
from neuro_common.verbs import suggestion
from spinal_rnn.conditions import PULSE_WIDTH_US, Conditions, configuration, parse_configuration

__all__ = [
    "CONDITION_NAMES",
    "Columns",
    "ConditionTable",
    "conditions_of",
    "is_number",
    "number_column",
    "read_condition_table",
    "read_table",
    "row_labels",
    "table_conditions",
]

CONDITION_NAMES = ("amplitude_ma", "frequency_hz", "pulse_width_us", "pulses")
"""Columns that hold one number for each trial; the last two may be left out."""

_DEFAULTS = {"pulse_width_us": PULSE_WIDTH_US, "pulses": 1.0}
_CONTACTS = re.compile(r"[\[(]?\s*(\d+(?:[\s,;_]+\d+)*)?[\s,]*[\])]?")
_SUM_TOLERANCE = 1e-3
_MOST_PULSES = 1000

Columns = Mapping[str, Sequence[str]]
"""Cells of a table by column, as `neuro_common.files.read_csv` gives them."""

_Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class ConditionTable:
    """The conditions of a table, and where each stands in it.

    Attributes:
        conditions: In the order of the rows.
        labels: What messages call each trial, such as "row 5".
        trials: The names that the table gives to its trials; empty if it gives none.
    """

    conditions: Conditions
    labels: tuple[str, ...]
    trials: tuple[str, ...] = ()


def read_condition_table(path: Path, contacts: int) -> ConditionTable:
    """Read what was stimulated, one row for each trial.

    The columns are amplitude_ma, frequency_hz, perhaps pulse_width_us, pulses and trial, and the
    contacts in one of three forms: cathodes and anodes ("4" and "3 5"), configuration
    ("cath4_an3_5"), or contact_0, contact_1, ... with the parts of the current or the mA of each.

    Args:
        path: CSV file with one row of names.
        contacts: How many there are, the case among them.

    Raises:
        FileNotFoundError: There is no such file.
        FormatError: A column or a cell is wrong; the message names row and column.
    """
    columns = read_table(path)
    places = [f"contact_{number}" for number in range(contacts)]
    known = ["trial", *CONDITION_NAMES, "cathodes", "anodes", "configuration", *places]
    for name in columns:
        if name not in known:
            raise FormatError(
                f"{path}: column {name!r} is unknown{suggestion(name, known)}: rename it or leave "
                f"it out; the columns are {', '.join(known[:8])} or {places[0]} ... {places[-1]}"
            )
    labels = row_labels(path, columns)
    conditions = table_conditions(path, columns, contacts, labels)
    trials = tuple(cell.strip() for cell in columns.get("trial", ()))
    for index, trial in enumerate(trials):
        if trials.index(trial) < index:
            raise FormatError(
                f"{path}: trial {trial!r} is repeated, in {labels[trials.index(trial)]} and "
                f"{labels[index]}: give each row its own name"
            )
    return ConditionTable(conditions, labels, trials)


def conditions_of(
    source: str | Path, labels: Sequence[str], currents: _Numbers, columns: Mapping[str, _Numbers]
) -> Conditions:
    """Conditions from the currents of the contacts and one number for each trial.

    Args:
        source: Where they come from, for messages.
        labels: What messages call each trial.
        currents: Parts of the current, whose cathodes sum to -1, or mA, whose cathodes sum to the
            amplitude; to a part in a thousand, as a table may round. Shape (trials, contacts).
        columns: Those of `CONDITION_NAMES`.

    Raises:
        FormatError: A number is missing or wrong; the message names the trial.
    """
    filled = {name: columns.get(name) for name in CONDITION_NAMES}
    missing = [name for name, one in filled.items() if one is None and name not in _DEFAULTS]
    if missing:
        raise FormatError(f"{source} must have {' and '.join(missing)}, got {', '.join(columns)}")
    numbers = {
        name: np.full(len(labels), _DEFAULTS[name]) if one is None else one
        for name, one in filled.items()
    }
    for label, pulses in zip(labels, numbers["pulses"], strict=True):
        if not (1 <= pulses <= _MOST_PULSES and pulses % 1 == 0):
            raise FormatError(
                f"{source} {label}, column pulses: must be a whole number from 1 to "
                f"{_MOST_PULSES}, got {pulses:g}"
            )
    parts = _parts(source, labels, currents, numbers["amplitude_ma"])
    try:
        return Conditions.of(parts, **numbers)
    except ValueError as error:
        relabelled = re.sub(r"^trial (\d+)", lambda found: labels[int(found[1])], str(error))
        raise FormatError(f"{source} {relabelled}") from None


def read_table(path: Path) -> dict[str, list[str]]:
    """Cells by column, as spreadsheets write them, with a byte-order mark or without.

    Args:
        path: CSV file with one row of names.

    Raises:
        FileNotFoundError: There is no such file.
        FormatError: It is no table with commas between the cells.
    """
    cells = read_csv(path)
    columns = {name.removeprefix("\ufeff").strip(): column for name, column in cells.items()}
    if len(columns) < len(cells):
        raise FormatError(f"{path} must have distinct column names, got {', '.join(cells)}")
    if len(columns) == 1 and ";" in next(iter(columns)):
        raise FormatError(f"{path} must have commas between its cells, got semicolons")
    return columns


def row_labels(path: Path, columns: Columns) -> tuple[str, ...]:
    """What messages call the rows, as a spreadsheet counts them: the names are row 1.

    Args:
        path: The file.
        columns: Its cells by column.

    Raises:
        FormatError: There is no row.
    """
    rows = len(next(iter(columns.values())))
    if not rows:
        raise FormatError(f"{path} must have a row for each trial, got none")
    return tuple(f"row {number}" for number in range(2, rows + 2))


def table_conditions(
    path: Path, columns: Columns, contacts: int, labels: Sequence[str]
) -> Conditions:
    """Conditions from the cells of a table.

    Args:
        path: The file.
        columns: Cells by column, the columns as in `read_condition_table`.
        contacts: How many there are, the case among them.
        labels: What messages call the rows.

    Raises:
        FormatError: A column or a cell is wrong; the message names row and column.
    """
    numbers = {n: number_column(path, columns, n) for n in CONDITION_NAMES if n in columns}
    return conditions_of(path, labels, _currents(path, columns, contacts, labels), numbers)


def _currents(path: Path, columns: Columns, contacts: int, labels: Sequence[str]) -> _Numbers:
    places = [f"contact_{number}" for number in range(contacts)]
    forms = {"cathodes": ["cathodes", "anodes"], "configuration": ["configuration"]}
    forms["contacts"] = places
    given = [form for form, names in forms.items() if any(name in columns for name in names)]
    if len(given) != 1:
        raise FormatError(
            f"{path} must tell the contacts in one form, as cathodes and anodes, as configuration, "
            f"or as {places[0]} ... {places[-1]}, got {' and '.join(given) or 'none'}"
        )
    if missing := [name for name in forms[given[0]] if name not in columns]:
        raise FormatError(f"{path} lacks the column {missing[0]}")
    if given == ["contacts"]:
        return np.stack([number_column(path, columns, name) for name in places], axis=1)
    rows = []
    for index, label in enumerate(labels):
        cells = [columns[name][index].strip() for name in forms[given[0]]]
        try:
            rows.append(_vector(cells, contacts))
        except ValueError as error:
            names = ", ".join(forms[given[0]])
            raise FormatError(f"{path} {label}, column {names}: {error}") from None
    return np.stack(rows)


def _vector(cells: Sequence[str], contacts: int) -> _Numbers:
    if len(cells) == 1:
        return parse_configuration(cells[0], contacts)
    cathodes, anodes = (_contact_list(cell) for cell in cells)
    return configuration(cathodes, anodes, contacts)


def _contact_list(cell: str) -> list[int]:
    if not (match := _CONTACTS.fullmatch(cell)):
        raise ValueError(f"must list contacts like 3 5 or [3, 5], got {cell[:40]!r}")
    return [int(one) for one in re.findall(r"\d+", match[1] or "")]


def _parts(
    source: str | Path, labels: Sequence[str], currents: _Numbers, amplitude_ma: _Numbers
) -> _Numbers:
    cathodic, anodic = -currents.clip(max=0).sum(axis=1), currents.clip(0).sum(axis=1)
    for label, low, high, size in zip(labels, cathodic, anodic, amplitude_ma, strict=True):
        if not (0 < low < np.inf and 0 < high < np.inf):
            raise FormatError(
                f"{source} {label}, contacts: there must be a cathode and an anode, got currents "
                f"of -{low:g} and {high:g}"
            )
        if abs(high - low) > _SUM_TOLERANCE * low:
            raise FormatError(
                f"{source} {label}, contacts: currents must sum to zero, got {high - low:g}: "
                "if the case returns the current, give it the rest"
            )
        if min(abs(low - 1), abs(low - size) / max(size, 1e-9)) > _SUM_TOLERANCE:
            raise FormatError(
                f"{source} {label}, contacts: cathodes must sum to -1 (parts) or to "
                f"-{size:g} (mA, as amplitude_ma), got -{low:g}"
            )
    sums = np.where(currents < 0, cathodic[:, None], anodic[:, None])
    return np.asarray(currents / sums)


def number_column(path: Path, columns: Columns, name: str) -> _Numbers:
    """The numbers of a column, shape (rows,).

    Args:
        path: The file.
        columns: Its cells by column.
        name: Of the column.

    Raises:
        FormatError: A cell is no number; the message names row and column.
    """
    cells = columns[name]
    try:
        return np.array(cells, dtype=np.float64)
    except ValueError:
        row = next(row for row, cell in enumerate(cells, start=2) if not is_number(cell))
        raise FormatError(
            f"{path} row {row}, column {name}: must be a number, got {cells[row - 2][:40]!r}"
        ) from None


def is_number(cell: str) -> bool:
    """Whether a cell holds a number; NaN is one.

    Args:
        cell: The text.
    """
    try:
        float(cell)
    except ValueError:
        return False
    return True
