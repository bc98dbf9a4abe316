"""The trials of a session: when each movement starts and ends, and whether the hand was bumped."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from neuro_common.files import FormatError, write_csv
from proprio_tcn.recorded.csv_tables import cell_numbers, read_columns

__all__ = ["Trial", "read_events", "write_events"]

_COLUMNS = ("trial", "start_s", "end_s", "condition", "bump_s", "direction_deg")

_NUMBERS = ("start_s", "end_s", "bump_s", "direction_deg")


@dataclass(frozen=True)
class Trial:
    """One trial of a session.

    Attributes:
        name: As the table names it.
        start_s: When the movement starts, in the time of the recording.
        end_s: When it ends.
        condition: "active" for a reach, "passive" for a bump of the hand.
        bump_s: Onset of the bump; NaN where there is none.
        direction_deg: Of the reach, or of the bump in a passive trial, in any plane and from any
            axis that the session keeps to; NaN where it is not known.
    """

    name: str
    start_s: float
    end_s: float
    condition: Literal["active", "passive"] = "active"
    bump_s: float = np.nan
    direction_deg: float = np.nan


def read_events(path: str | Path) -> tuple[Trial, ...]:
    """Read the trials of a session: columns trial, start_s, end_s, perhaps others.

    These are condition, bump_s and direction_deg. A trial without a condition is active; a passive
    one needs the onset of its bump. Trials of one direction are repeats of each other.

    Args:
        path: CSV file with a row for each trial.

    Raises:
        FileNotFoundError: There is no such file.
        FormatError: A column or a cell is wrong; the message names row and column.
    """
    columns = read_columns(path, needed=_COLUMNS[:3], known=_COLUMNS)
    count = len(columns["trial"])
    if not count:
        raise FormatError(f"{path} must have a row for each trial, got none")
    wanted = [name for name in _NUMBERS if name in columns]
    values = dict(zip(wanted, cell_numbers(path, columns, wanted).T, strict=True))
    unknown = np.full(count, np.nan)
    conditions = columns.get("condition", [""] * count)
    trials: list[Trial] = []
    for row, cell in enumerate(columns["trial"]):
        name, where = cell.strip(), f"{path} row {row + 2}"
        if not name or any(one.name == name for one in trials):
            fault = f"{name!r} is there twice" if name else "has no name"
            raise FormatError(f"{where}: trial {fault}: give each its own")
        condition = conditions[row].strip().lower() or "active"
        cells = [float(values.get(column, unknown)[row]) for column in _NUMBERS]
        trials.append(_trial(where, name, condition, cells))
    return tuple(trials)


def _trial(where: str, name: str, condition: str, cells: Sequence[float]) -> Trial:
    start, end, bump, direction = cells
    if not start < end:
        raise FormatError(
            f"{where}: trial {name!r} must start before it ends, got start_s={start:g} and "
            f"end_s={end:g}"
        )
    if abs(direction) > 360:
        raise FormatError(
            f"{where}, column direction_deg: must be blank or in [-360, 360], got {direction:g}"
        )
    if condition == "active":
        return Trial(name, start, end, "active", bump, direction)
    if condition != "passive":
        raise FormatError(
            f"{where}, column condition: must be active or passive, got {condition!r}"
        )
    if np.isnan(bump):
        raise FormatError(
            f"{where}, column bump_s: the passive trial {name!r} must tell the onset of its bump"
        )
    return Trial(name, start, end, "passive", bump, direction)


def write_events(path: str | Path, trials: Sequence[Trial]) -> None:
    """Write trials as :func:`read_events` reads them.

    Args:
        path: File to write, whole or not at all.
        trials: In the order wanted.
    """
    write_csv(
        path,
        {
            "trial": [one.name for one in trials],
            "start_s": [one.start_s for one in trials],
            "end_s": [one.end_s for one in trials],
            "condition": [one.condition for one in trials],
            "bump_s": [_cell(one.bump_s) for one in trials],
            "direction_deg": [_cell(one.direction_deg) for one in trials],
        },
    )


def _cell(value: float) -> float | str:
    return "" if np.isnan(value) else value
