"""Drives in files: outputs, taps and rates in HDF5, with their units and dimensions."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuro_common.files import FORMAT_VERSION, FormatError, check_format
from neuro_common.store import Recording, Signal, read_recording, write_recording
from rhythm_rnn.drive import Components, Drive
from rhythm_rnn.taps import Taps

__all__ = ["read_drive", "to_recording", "write_drive"]

_CONTENT = "rhythm-rnn/drive"


def write_drive(path: str | Path, run: Drive) -> None:
    """Write a drive to an HDF5 file, whole or not at all."""
    write_recording(path, to_recording(run))


def to_recording(run: Drive) -> Recording:
    """A drive as signals with units and dimensions, time first.

    Taps of all cues follow one another in ``tap_time``; ``tap_cue`` has the number of the cue of
    each. ``.to_xarray()`` and `neuro_common.exchange` take it from there.
    """
    taps = [found.time_ms for found in run.taps]
    periods = np.array([found.spectral_period_ms for found in run.taps])
    signals = {
        "time": Signal(run.time_s, ("time",), "s"),
        "cue": Signal(run.cues, ("cue",), "1", "amplitude of the cue"),
        "output": Signal(run.outputs.T, ("time", "cue"), "1", "crests are taps"),
        "tap_time": Signal(np.concatenate(taps), ("tap",), "ms"),
        "tap_cue": Signal(np.repeat(np.arange(len(taps)), [*map(len, taps)]), ("tap",), "1"),
        "spectral_period": Signal(periods, ("cue",), "ms"),
        "click_time": Signal(run.click_s, ("click",), "s"),
    }
    if run.rates is not None and run.save_every is not None:
        saved = run.time_s[:: run.save_every]
        signals["saved_time"] = Signal(saved, ("saved_time",), "s")
        rates = run.rates.transpose(1, 0, 2)
        signals["rate"] = Signal(rates, ("saved_time", "cue", "unit"), "1")
    if run.components is not None:
        parts = run.components
        scores = parts.scores.transpose(1, 0, 2)
        signals |= {
            "score": Signal(scores, ("time", "cue", "component"), "1", "rates on principal axes"),
            "axis": Signal(parts.axes, ("component", "unit"), "1"),
            "mean_rate": Signal(parts.mean, ("unit",), "1"),
            "explained_variance": Signal(parts.explained_variance, ("component",), "1"),
        }
    attributes = {
        "content": _CONTENT,
        "content_version": FORMAT_VERSION,
        "dt_ms": run.dt_ms,
        "discard_s": run.discard_s,
        "save_every": run.save_every,
        "verdict": [found.verdict for found in run.taps],
        "reason": [found.reason for found in run.taps],
    }
    return Recording(signals, attributes)


def read_drive(path: str | Path) -> Drive:
    """Read what `write_drive` wrote.

    Raises:
        FileNotFoundError: There is no such file.
        FormatError: The file is damaged, holds something else, or is of a newer version.
    """
    recording = read_recording(path)
    facts = recording.attributes
    check_format(path, facts.get("content"), facts.get("content_version"), _CONTENT)
    try:
        data = {name: signal.data for name, signal in recording.signals.items()}
        return Drive(
            data["cue"],
            _contiguous(data["output"].T),
            facts["dt_ms"],
            facts["discard_s"],
            _taps(data, facts),
            data["click_time"],
            _contiguous(data["rate"].transpose(1, 0, 2)) if "rate" in data else None,
            facts["save_every"],
            _components(data) if "score" in data else None,
        )
    except KeyError as error:
        raise FormatError(f"{path} is no whole drive, it lacks {error}: run it again") from None


def _taps(data: dict[str, NDArray[Any]], facts: dict[str, Any]) -> tuple[Taps, ...]:
    each = zip(data["spectral_period"], facts["verdict"], facts["reason"], strict=True)
    return tuple(
        Taps(data["tap_time"][data["tap_cue"] == number], float(period), verdict, reason)
        for number, (period, verdict, reason) in enumerate(each)
    )


def _components(data: dict[str, NDArray[Any]]) -> Components:
    scores = _contiguous(data["score"].transpose(1, 0, 2))
    return Components(scores, data["axis"], data["mean_rate"], data["explained_variance"])


def _contiguous(values: NDArray[Any]) -> NDArray[Any]:
    return np.ascontiguousarray(values)
