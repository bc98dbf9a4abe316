"""Clicks of one's own: read from a file, and heard by a network that taps along."""

import csv
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neuro_common.files import FormatError
from rhythm_rnn.drive import Drive
from rhythm_rnn.taps import asynchronies, find_taps
from rhythm_rnn.task import context_cue

__all__ = ["click_asynchronies", "cue_of_clicks", "read_clicks"]

Array = NDArray[np.float64]

_COLUMN = "click_s"
_SHORTEST_GAP_S = 0.02  # two samples of 10 ms: nearer clicks would sound as one


def read_clicks(path: str | Path) -> Array:
    """Read the times of clicks in s, shape (clicks,).

    A CSV file has them in the column ``click_s`` or in its only column, with or without a header;
    an npz file in the array ``click_s`` or in its only array.

    Raises:
        FileNotFoundError: There is no such file.
        FormatError: It is of another kind, or holds no times.
        ValueError: There are fewer than 2 times, or they do not rise by 20 ms at least.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"clicks must be a CSV or npz file, got {path}, which is not there")
    readers = {".csv": _from_csv, ".npz": _from_npz}
    if path.suffix.lower() not in readers:
        raise FormatError(f"clicks must be a CSV or npz file, got {path}")
    times = readers[path.suffix.lower()](path)
    if len(times) < 2:
        raise ValueError(f"{path} must hold at least 2 clicks, got {len(times)}")
    gaps = np.diff(times)
    if not (np.isfinite(times).all() and times[0] >= 0 and gaps.min() >= _SHORTEST_GAP_S):
        raise ValueError(
            f"{path} must hold times in s from 0 on that rise by {_SHORTEST_GAP_S} s at least, got "
            f"{np.array2string(times, threshold=8)}"
        )
    return times


def cue_of_clicks(click_s: ArrayLike) -> float:
    """The cue of the tempo of clicks: 0.1 s over their median interval.

    Times in s, shape (clicks,).
    """
    return float(context_cue(np.median(np.diff(np.asarray(click_s, dtype=np.float64)))))


def click_asynchronies(run: Drive) -> Array:
    """Tap minus click in ms for every click that was heard, shape (cues, clicks).

    Taps are looked for from half an interval before the first click on, what is discarded elsewhere
    included. NaN where a click has no tap, see `rhythm_rnn.taps.asynchronies`.

    Raises:
        ValueError: The run has fewer than 2 clicks.
    """
    click_ms = 1e3 * run.click_s
    before = (3 * click_ms[0] - click_ms[1]) / 2 if len(click_ms) > 1 else 0.0
    first = max(0, int(before / run.dt_ms))
    rows = []
    for output in run.outputs:
        heard = output[first:]
        taps = find_taps(heard, run.dt_ms).time_ms if np.isfinite(heard).all() else np.empty(0)
        rows.append(asynchronies(taps + first * run.dt_ms, click_ms))
    return np.array(rows)


def _from_csv(path: Path) -> Array:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = [row for row in csv.reader(file) if row]
    except (UnicodeDecodeError, csv.Error) as error:
        raise FormatError(f"{path} must be a CSV text file, got something else ({error})") from None
    header = rows[0] if rows and not _is_number(rows[0][0]) else None
    width = len(rows[0]) if rows else 1
    if width > 1 and (header is None or _COLUMN not in header):
        raise FormatError(f"{path} must have one column, or one named {_COLUMN}, got {rows[0]}")
    place = header.index(_COLUMN) if header is not None and width > 1 else 0
    times = []
    for line, row in enumerate(rows[header is not None :], start=1 + (header is not None)):
        if len(row) != width or not _is_number(row[place]):
            raise FormatError(f"{path} must hold a number in row {line}, got {','.join(row)!r}")
        times.append(float(row[place]))
    return np.array(times)


def _from_npz(path: Path) -> Array:
    try:
        with np.load(path, allow_pickle=False) as arrays:
            names = list(arrays)
            name = _COLUMN if _COLUMN in names else names[0]
            if name != _COLUMN and len(names) > 1:
                wanted = f"one array, or one named {_COLUMN}"
                raise FormatError(f"{path} must have {wanted}, got {names}")
            times = np.asarray(arrays[name], dtype=np.float64)
    except FormatError:
        raise
    except Exception as error:
        raise FormatError(f"{path} must be an npz file of numbers, got another ({error})") from None
    if times.ndim != 1:
        raise FormatError(f"{path} must hold times of shape (clicks,), got shape {times.shape}")
    return times


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
