"""Progress in a log file and on a terminal."""

import itertools
import sys
import types

import pytest

from neuro_common import progress as module
from neuro_common.progress import progress


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time that the module believes in; tests set ``clock[0]``."""
    now = [0.0]
    monkeypatch.setattr(module, "time", types.SimpleNamespace(monotonic=lambda: now[0]))
    return now


def test_lines_come_every_tenth_of_the_work(
    clock: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    shown = progress(range(100), "evaluate", metric="residual")
    items = []
    for item in shown:
        shown.show(1 / (item + 1))
        items.append(item)
        clock[0] += 0.01
    assert items == list(range(100))
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 10
    assert lines[0] == "evaluate: 10/100 in 0 s, residual 0.1"
    assert lines[-1] == "evaluate: 100/100 in 1 s, residual 0.01"


def test_lines_come_every_ten_seconds(
    clock: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    with progress(1000, "train") as shown:
        for _ in range(25):
            clock[0] += 1
            shown.advance(2)
    assert capsys.readouterr().err.splitlines() == [
        "train: 20/1000 in 10 s",
        "train: 40/1000 in 20 s",
        "train: 50/1000 in 25 s",
    ]


def test_more_numbers_are_shown_by_name(
    clock: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    with progress(10, "train", metric="reward") as shown:
        shown.show(-0.5, s_ratio=51.25)
        shown.advance(10)
    assert capsys.readouterr().err == "train: 10/10 in 0 s, reward -0.5, s_ratio 51.25\n"


def test_work_of_unknown_length_has_no_total(
    clock: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    assert list(progress(itertools.islice(itertools.count(), 3), "read")) == [0, 1, 2]
    assert capsys.readouterr().err == "read: 3 in 0 s\n"


def test_number_is_iterated_as_a_range() -> None:
    assert list(progress(3, "count")) == [0, 1, 2]


def test_terminal_gets_a_bar(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    with progress(4, "train", metric="reward") as shown:
        shown.show(0.25)
        shown.advance(4)
    text = capsys.readouterr().err
    assert "train: 100%" in text
    assert "4/4" in text
    assert "reward=0.25" in text
