"""The table that an experimenter fills in."""

from pathlib import Path

import numpy as np
import pytest

from neuro_common.files import FormatError, read_csv, write_csv
from spinal_rnn.conditions import configuration
from spinal_rnn.control.limits import Limits, Proposal
from spinal_rnn.control.trial_table import Trials, read_trials, write_trials

LIMITS = Limits()
ASKED = (
    LIMITS.admit(configuration([4], [5, 6]), [1.0, 2.0, 3.0], 20),
    LIMITS.admit(configuration([12], [16]), [0.5, 1.5], 40),
)
ANSWERS = tuple(np.random.default_rng(0).uniform(0, 2, (len(one), 14)) for one in ASKED)


def changed(path: Path, column: str, row: int, cell: str) -> None:
    table = read_csv(path)
    table[column][row] = cell
    write_csv(path, table)


def test_what_was_written_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "trials.csv"
    write_trials(path, ASKED, ANSWERS)
    trials = read_trials(path, LIMITS)
    assert [one.name for one in trials.proposals] == [one.name for one in ASKED]
    for mine, theirs in zip(trials.late_mv, ANSWERS, strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_cells_to_fill_in_are_named(tmp_path: Path) -> None:
    path = tmp_path / "next.csv"
    write_trials(path, ASKED)
    with pytest.raises(FormatError, match="row 2, column LIl_mv: there must be a number, got ''"):
        read_trials(path, LIMITS)


@pytest.mark.parametrize(
    ("column", "row", "cell", "message"),
    [
        ("RTA_mv", 3, "none", "row 5, column RTA_mv: there must be a number, got 'none'"),
        ("RTA_mv", 3, "-1", "row 5, column RTA_mv: a peak-to-peak must be at least 0 mV, got -1"),
        ("frequency_hz", 1, "40", "rows 2 to 4: the trials of series 0 must differ in amplitude"),
        ("amplitude_ma", 4, "50", "row 5 and on: trial 1: the amplitude must be at most 5.0 mA"),
        ("contact_4", 0, "-0.5", "rows 2 to 4"),
    ],
)
def test_bad_cells_are_refused_with_their_place(
    tmp_path: Path, column: str, row: int, cell: str, message: str
) -> None:
    path = tmp_path / "trials.csv"
    write_trials(path, ASKED, ANSWERS)
    changed(path, column, row, cell)
    with pytest.raises(FormatError, match=message):
        read_trials(path, LIMITS)


def test_a_foreign_table_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "trials.csv"
    write_csv(path, {"series": [0], "amplitude_ma": [1.0]})
    with pytest.raises(FormatError, match="lacks contact_0"):
        read_trials(path, LIMITS)


def test_series_and_responses_go_together() -> None:
    with pytest.raises(ValueError, match=r"late_mv must have the shapes \[\(3, 14\)\]"):
        Trials((ASKED[0],), (np.zeros((2, 14)),))
    with pytest.raises(ValueError, match="at least one series to write"):
        write_trials("nowhere.csv", [])


def test_trials_grow_and_are_cut() -> None:
    trials = Trials().with_more(ASKED, ANSWERS)
    assert len(trials) == 2
    assert len(trials.first(1)) == 1
    assert isinstance(trials.first(1).proposals[0], Proposal)
