"""Clicks from files: every layout that is promised, and a clear word about every other."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from neuro_common.files import FormatError
from rhythm_rnn.clicks import click_asynchronies, cue_of_clicks, read_clicks
from rhythm_rnn.drive import Drive
from rhythm_rnn.taps import Taps

TIMES = [0.25, 0.5, 0.75, 1.01]


@pytest.mark.parametrize(
    "text",
    [
        "0.25\n0.5\n0.75\n1.01\n",
        "click_s\n0.25\n0.5\n\n0.75\n1.01",
        "onset\r\n0.25\r\n0.5\r\n0.75\r\n1.01\r\n",
        "\ufeffsound,click_s\nlow,0.25\nhigh,0.5\nlow,0.75\nlow,1.01\n",
    ],
)
def test_a_table_is_read(text: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    path.write_text(text, encoding="utf-8", newline="")
    np.testing.assert_array_equal(read_clicks(path), TIMES)


@pytest.mark.parametrize("arrays", [{"click_s": TIMES, "other": [1.0]}, {"onsets": TIMES}])
def test_an_archive_is_read(arrays: dict[str, Any], tmp_path: Path) -> None:
    np.savez(tmp_path / "mine.npz", **arrays)
    np.testing.assert_array_equal(read_clicks(tmp_path / "mine.npz"), TIMES)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.wav", "", "clicks must be a CSV or npz file, got .*a.wav"),
        ("a.csv", "0.1,0.2\n0.3,0.4\n", r"one column, or one named click_s, got \['0.1', '0.2'\]"),
        ("a.csv", "click_s\n0.1\nlate\n", "must hold a number in row 3, got 'late'"),
        ("a.csv", "a,click_s\n1,0.1\n0.2\n", "must hold a number in row 3, got '0.2'"),
        ("a.npz", "0.1\n0.2\n", "must be an npz file of numbers, got another"),
    ],
)
def test_other_files_are_refused(name: str, text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(FormatError, match=message):
        read_clicks(tmp_path / name)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"a": TIMES, "b": TIMES}, r"one array, or one named click_s, got \['a', 'b'\]"),
        ({"click_s": [TIMES]}, r"times of shape \(clicks,\), got shape \(1, 4\)"),
        ({"click_s": ["soon", "late"]}, "must be an npz file of numbers"),
        ({"click_s": np.array([{}, {}])}, "must be an npz file of numbers"),
        ({}, "must be an npz file of numbers"),
    ],
)
def test_other_archives_are_refused(arrays: dict[str, Any], message: str, tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", **arrays)
    with pytest.raises(FormatError, match=message):
        read_clicks(tmp_path / "a.npz")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "must hold at least 2 clicks, got 0"),
        ("click_s\n0.3\n", "must hold at least 2 clicks, got 1"),
        ("0.3\n0.2\n", "times in s from 0 on that rise by 0.02 s at least"),
        ("0.3\n0.31\n", "rise by 0.02 s at least"),
        ("-0.3\n0.31\n", "times in s from 0 on"),
        ("0.3\nnan\n", "times in s from 0 on"),
    ],
)
def test_times_that_are_none_are_refused(text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(text)
    with pytest.raises(ValueError, match=message):
        read_clicks(tmp_path / "a.csv")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"got .*none.csv, which is not there"):
        read_clicks(tmp_path / "none.csv")


def test_the_cue_of_clicks_is_that_of_their_median_interval() -> None:
    assert cue_of_clicks([0.1, 0.6, 1.1, 1.4]) == pytest.approx(0.2)


def test_asynchronies_are_counted_from_the_first_click_on() -> None:
    time = np.arange(6000)
    clicks = 0.3 + 0.25 * np.arange(20)
    late = 0.5 + 0.5 * np.cos(2 * np.pi * (time - 300 - 12) / 250)
    diverging = np.full(6000, np.nan)
    taps = (Taps(np.empty(0), np.nan, "invalid"),) * 3
    outputs = np.array([late, np.zeros(6000), diverging], dtype=np.float32)
    run = Drive(np.array([0.4, 0.1, 0.2]), outputs, 1.0, 5.0, taps, clicks)
    found = click_asynchronies(run)
    np.testing.assert_allclose(found[0], 12, atol=0.5)
    assert np.isnan(found[1:]).all()
    with pytest.raises(ValueError, match="must hold at least 2 clicks, got 0"):
        click_asynchronies(Drive(run.cues, outputs, 1.0, 5.0, taps, np.empty(0)))
