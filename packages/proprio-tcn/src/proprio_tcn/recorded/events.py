"""The trials of a session: when each movement starts and ends, and whether the hand was bumped."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from neuro_common.files import FormatError, write_csv
from proprio_tcn.recorded.csv_tables import cell_numbers, read_columns

__all__ = ["Trial", "read_events", "write_events"]

_COLUMNS = ("trial", "start_s", "end_s", "condition", "bump_s")


@dataclass(frozen=True)
class Trial:
    """One trial of a session.

    Attributes:
        name: As the table names it.
        start_s: When the movement starts, in the time of the recording.
        end_s: When it ends.
        condition: "active" for a reach, "passive" for a bump of the hand.
        bump_s: Onset of the bump; NaN where there is none.
    """

    name: str
    start_s: float
    end_s: float
    condition: Literal["active", "passive"] = "active"
    bump_s: float = np.nan


def read_events(path: str | Path) -> tuple[Trial, ...]:
    """Read the trials of a session: columns trial, start_s, end_s, perhaps condition and bump_s.

    A trial without a condition is active; a passive one needs the onset of its bump.

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
    wanted = [name for name in ("start_s", "end_s", "bump_s") if name in columns]
    values = dict(zip(wanted, cell_numbers(path, columns, wanted).T, strict=True))
    bump = values.get("bump_s", np.full(count, np.nan))
    conditions = columns.get("condition", [""] * count)
    trials: list[Trial] = []
    for row, cell in enumerate(columns["trial"]):
        name, where = cell.strip(), f"{path} row {row + 2}"
        if not name or any(one.name == name for one in trials):
            fault = f"{name!r} is there twice" if name else "has no name"
            raise FormatError(f"{where}: trial {fault}: give each its own")
        condition = conditions[row].strip().lower() or "active"
        times = (float(values["start_s"][row]), float(values["end_s"][row]), float(bump[row]))
        trials.append(_trial(where, name, condition, times))
    return tuple(trials)


def _trial(where: str, name: str, condition: str, times: tuple[float, float, float]) -> Trial:
    start, end, bump = times
    if not start < end:
        raise FormatError(
            f"{where}: trial {name!r} must start before it ends, got start_s={start:g} and "
            f"end_s={end:g}"
        )
    if condition == "active":
        return Trial(name, start, end, "active", bump)
    if condition != "passive":
        raise FormatError(
            f"{where}, column condition: must be active or passive, got {condition!r}"
        )
    if np.isnan(bump):
        raise FormatError(
            f"{where}, column bump_s: the passive trial {name!r} must tell the onset of its bump"
        )
    return Trial(name, start, end, "passive", bump)


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
            "bump_s": ["" if np.isnan(one.bump_s) else one.bump_s for one in trials],
        },
    )
