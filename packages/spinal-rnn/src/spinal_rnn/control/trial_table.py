"""Trials to measure and what they answered, as a table that an experimenter can fill in.

One row is one trial: the parts of the current at each contact (cathodes negative), amplitude,
frequency, pulse width, and a column for the late response of each muscle in mV, empty until it is
measured. The same table is the state of a sequential search.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuro_common.files import FormatError, read_csv, write_csv
from spinal_rnn.conditions import configuration_name, stack
from spinal_rnn.control.limits import Limits, Proposal
from spinal_rnn.control.surrogate import Measured, Surrogate
from spinal_rnn.muscles import MUSCLES

__all__ = ["Trials", "read_trials", "write_trials"]

Array = NDArray[np.float64]
_SETTINGS = ("amplitude_ma", "frequency_hz", "pulse_width_us")


@dataclass(frozen=True, eq=False)
class Trials:
    """Series of trials that were measured.

    Attributes:
        proposals: In the order of measurement.
        late_mv: Of each its late responses, (amplitudes, 14).

    Raises:
        ValueError: A series has not one response for each amplitude and muscle.
    """

    proposals: tuple[Proposal, ...] = ()
    late_mv: tuple[Array, ...] = ()

    def __post_init__(self) -> None:
        wanted = [(len(one), len(MUSCLES)) for one in self.proposals]
        found = [one.shape for one in self.late_mv]
        if wanted != found:
            raise ValueError(f"late_mv must have the shapes {wanted}, got {found}")

    def __len__(self) -> int:
        return len(self.proposals)

    def with_more(self, proposals: Sequence[Proposal], late_mv: Sequence[Array]) -> "Trials":
        """These and others.

        Args:
            proposals: As for the class.
            late_mv: As for the class: for each proposal, shape (amplitudes, 14), mV.
        """
        return Trials((*self.proposals, *proposals), (*self.late_mv, *late_mv))

    def first(self, series: int) -> "Trials":
        """The first so many series.

        Args:
            series: How many.
        """
        return Trials(self.proposals[:series], self.late_mv[:series])

    def measured(self, surrogate: Surrogate) -> Measured:
        """All trials in the terms of a surrogate.

        Args:
            surrogate: Whose terms.
        """
        conditions = stack([one.conditions for one in self.proposals])
        series = np.repeat(np.arange(len(self)), [len(one) for one in self.proposals])
        parts = surrogate.parts(np.concatenate(self.late_mv), conditions)
        return Measured(conditions, series, parts)


def write_trials(
    path: str | Path, proposals: Sequence[Proposal], late_mv: Sequence[Array] | None = None
) -> None:
    """Write trials, whole or not at all.

    Args:
        path: CSV file to write; one that is there is replaced.
        proposals: At least one series.
        late_mv: Their responses, shape (amplitudes, 14) each, mV; None leaves the cells empty, to
            be filled in.

    Raises:
        ValueError: There is no series.
    """
    if not proposals:
        raise ValueError("there must be at least one series to write, got none")
    conditions = stack([one.conditions for one in proposals])
    contacts = conditions.configuration.T
    columns: dict[str, Any] = {
        "series": np.repeat(np.arange(len(proposals)), [len(one) for one in proposals]),
        "configuration": [configuration_name(one) for one in conditions.configuration],
        **{f"contact_{number}": part for number, part in enumerate(contacts)},
        **{name: getattr(conditions, name) for name in _SETTINGS},
    }
    values = None if late_mv is None else np.concatenate(late_mv)
    for number, muscle in enumerate(MUSCLES):
        cells = [""] * len(conditions) if values is None else values[:, number]
        columns[f"{muscle}_mv"] = cells
    write_csv(path, columns)


def read_trials(path: str | Path, limits: Limits) -> Trials:
    """Read a table that was filled in.

    Args:
        path: The CSV file.
        limits: What was allowed.

    Raises:
        FileNotFoundError: There is no such file.
        FormatError: A column is missing, a cell is empty or no number, or a trial breaks a limit;
            the message names row and column.
    """
    table = read_csv(path)
    contacts = [f"contact_{number}" for number in range(limits.contacts)]
    muscles = [f"{muscle}_mv" for muscle in MUSCLES]
    wanted = ["series", *contacts, *_SETTINGS, *muscles]
    if missing := [name for name in wanted if name not in table]:
        raise FormatError(
            f"{path} must have the columns of a table that `spinal-rnn next` wrote, lacks "
            f"{', '.join(missing)}"
        )
    numbers = {name: _numbers(path, name, table[name]) for name in wanted}
    for name in muscles:
        if (numbers[name] < 0).any():
            row = int((numbers[name] < 0).argmax())
            raise FormatError(
                f"{path} row {row + 2}, column {name}: a peak-to-peak must be at least 0 mV, got "
                f"{numbers[name][row]:g}"
            )
    late_mv = np.column_stack([numbers[name] for name in muscles])
    proposals, responses = [], []
    for number in np.unique(numbers["series"]):
        (rows,) = np.nonzero(numbers["series"] == number)
        settings = np.column_stack([numbers[name][rows] for name in (*contacts, *_SETTINGS[1:])])
        if np.ptp(settings, axis=0).any():
            raise FormatError(
                f"{path} rows {rows[0] + 2} to {rows[-1] + 2}: the trials of series {number:g} "
                "must differ in amplitude alone"
            )
        vector, (frequency_hz, width_us) = settings[0, :-2], settings[0, -2:]
        amplitudes = numbers["amplitude_ma"][rows]
        try:
            proposals.append(Proposal(vector, amplitudes, frequency_hz, width_us, limits))
        except ValueError as error:
            raise FormatError(f"{path} row {rows[0] + 2} and on: {error}") from error
        responses.append(late_mv[rows])
    return Trials(tuple(proposals), tuple(responses))


def _numbers(path: str | Path, name: str, cells: list[str]) -> Array:
    values = np.empty(len(cells))
    for row, cell in enumerate(cells, start=2):
        try:
            values[row - 2] = float(cell)
        except ValueError:
            values[row - 2] = np.nan
        if not np.isfinite(values[row - 2]):
            raise FormatError(
                f"{path} row {row}, column {name}: there must be a number, got {cell!r}; fill in "
                "every muscle of every trial, or take the trial's row out"
            )
    return values
