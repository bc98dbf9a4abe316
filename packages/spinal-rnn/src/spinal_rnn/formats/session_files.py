"""Mapping sessions from the files that laboratories have: CSV, npy, npz, MATLAB."""

import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import io

from neuro_common.files import FormatError
from neuro_common.verbs import suggestion
from spinal_rnn.conditions import parse_configuration
from spinal_rnn.formats.condition_tables import CONDITION_NAMES, conditions_of, read_condition_table
from spinal_rnn.formats.emg_tables import is_published, read_emg_table, read_published_table
from spinal_rnn.formats.session_checks import Rules, Trials, to_session
from spinal_rnn.session import Session

__all__ = ["read_source"]

_FACTS = ("fs_hz", "lead_in_ms", "muscles", "subject")
_VARIABLES = ("emg", "configuration", *CONDITION_NAMES, *_FACTS)
_PICKLES = (".pkl", ".pickle", ".p", ".joblib")


def read_source(
    source: str | Path, emg: str | Path | None = None, rules: Rules | None = None
) -> Session:
    """Read a session from one or two files, and check it.

    Args:
        source: A CSV table of conditions, see
            `spinal_rnn.formats.condition_tables.read_condition_table`, whose EMG is in ``emg``; or
            a CSV table of the published layout; or an npz or MATLAB file with the variables emg,
            amplitude_ma, frequency_hz, configuration (vectors or names), and perhaps
            pulse_width_us, pulses, fs_hz, lead_in_ms, muscles and subject.
        emg: The EMG of a table of conditions: npy, or the variable emg of an npz or MATLAB file,
            shape (trials, time, muscles), the trials in the order of the rows; or CSV with the
            column trial, as in the table, and one for each muscle.
        rules: What the recording is taken for, and what is done about its faults.

    Raises:
        FileNotFoundError: There is no such file.
        FormatError: The files do not make a session; the message says where, and what to do.
    """
    rules, source = rules or Rules(), Path(source)
    if emg is not None:
        trials = _table_and_emg(source, Path(emg), len(rules.lead))
    elif source.suffix.lower() == ".csv":
        trials = _published(source, len(rules.lead))
    else:
        trials = _variables_trials(source, len(rules.lead))
    return to_session(trials, rules)


def _table_and_emg(source: Path, emg: Path, contacts: int) -> Trials:
    if source.suffix.lower() != ".csv":
        raise FormatError(f"{source} must be a CSV table of conditions when emg is given")
    table = read_condition_table(source, contacts)
    if emg.suffix.lower() == ".csv":
        values, muscles = read_emg_table(emg, table.trials)
        facts: dict[str, Any] = {"muscles": muscles}
    else:
        variables = _read_variables(emg)
        if "emg" not in variables:
            raise FormatError(f"{emg} must hold emg, got {', '.join(variables)}")
        if twice := [name for name in CONDITION_NAMES if name in variables]:
            raise FormatError(f"{emg} must not tell {twice[0]}, which {source} tells")
        values, facts = variables["emg"], _facts(emg, variables)
    return Trials(f"{source} with {emg}", table.labels, table.conditions, values, facts)


def _published(source: Path, contacts: int) -> Trials:
    if not is_published(source):
        raise FormatError(
            f"{source} must come with its EMG, or be a table of the published layout with the "
            "columns Frequency, Amplitude, Cathodes, Anodes: give emg=FILE"
        )
    table, emg, muscles = read_published_table(source, contacts)
    return Trials(str(source), table.labels, table.conditions, emg, {"muscles": muscles})


def _variables_trials(source: Path, contacts: int) -> Trials:
    variables = _read_variables(source)
    if missing := [name for name in ("emg", "configuration") if name not in variables]:
        raise FormatError(f"{source} lacks {missing[0]}, got {', '.join(variables)}")
    numbers = {n: _vector(source, n, variables[n]) for n in CONDITION_NAMES if n in variables}
    currents = _configuration(source, variables["configuration"], contacts)
    labels = [f"trial {number}" for number in range(len(currents))]
    for name, one in numbers.items():
        if len(one) != len(labels):
            raise FormatError(
                f"{source}, {name}: must have a number for each of the {len(labels)} trials of "
                f"configuration, got {len(one)}"
            )
    conditions = conditions_of(source, labels, currents, numbers)
    return Trials(str(source), labels, conditions, variables["emg"], _facts(source, variables))


def _read_variables(path: Path) -> dict[str, NDArray[Any]]:
    """The arrays of a file by name, none of them with objects but MATLAB's cells of text."""
    if not path.is_file():
        raise FileNotFoundError(f"{path} must be a file, got nothing there")
    with path.open("rb") as file:
        start = file.read(128)
    if path.suffix.lower() in _PICKLES or start.startswith(b"\x80"):
        raise FormatError(
            f"{path} is a pickle, which can run any program when it is read: where you trust it, "
            "write a table with pandas.read_pickle(FILE).to_csv('table.csv'), or arrays with "
            "numpy.savez, and give that"
        )
    readers = {".npy": _read_npy, ".npz": _read_npz, ".mat": _read_mat}
    if not (reader := readers.get(path.suffix.lower())):
        raise FormatError(f"{path} must end in .csv, .npy, .npz or .mat, got {path.suffix!r}")
    if start.startswith((b"MATLAB 7.3", b"\x89HDF")):
        raise FormatError(
            f"{path} is a MATLAB file of version 7.3: write it with save(FILE, ..., '-v7')"
        )
    try:
        variables = reader(path)
    # what numpy, zipfile and scipy raise on files that are cut short or are something else
    except (ValueError, TypeError, KeyError, IndexError, EOFError, OSError, NotImplementedError,
            OverflowError, MemoryError, zipfile.BadZipFile, zlib.error, io.matlab.MatReadError,
            ) as error:  # fmt: skip
        raise FormatError(
            f"{path} must be a whole {path.suffix} file of plain arrays, got {error}"
        ) from None
    for name in variables:
        if name not in _VARIABLES:
            raise FormatError(
                f"{path}: variable {name!r} is unknown{suggestion(name, _VARIABLES)}: rename it or "
                f"leave it out; they are {', '.join(_VARIABLES)}"
            )
    return variables


def _read_npy(path: Path) -> dict[str, NDArray[Any]]:
    return {"emg": np.load(path, allow_pickle=False)}


def _read_npz(path: Path) -> dict[str, NDArray[Any]]:
    # numpy leaves a broken file open that it opened itself
    with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
        return {name: arrays[name] for name in arrays.files}


def _read_mat(path: Path) -> dict[str, NDArray[Any]]:
    read = io.loadmat(path, chars_as_strings=True, struct_as_record=True)
    return {name: np.asarray(value) for name, value in read.items() if not name.startswith("__")}


def _facts(path: Path, variables: Mapping[str, NDArray[Any]]) -> dict[str, Any]:
    facts: dict[str, Any] = {}
    for name in ("fs_hz", "lead_in_ms"):
        if name in variables:
            facts[name] = _vector(path, name, variables[name])
            if len(facts[name]) != 1:
                raise FormatError(f"{path}, {name}: must be one number, got {len(facts[name])}")
            facts[name] = float(facts[name][0])
    if "muscles" in variables:
        facts["muscles"] = _texts(path, "muscles", variables["muscles"])
    if "subject" in variables:
        facts["subject"] = "".join(_texts(path, "subject", variables["subject"]))
    return facts


def _vector(path: Path, name: str, values: NDArray[Any]) -> NDArray[np.float64]:
    """One number for each trial; MATLAB has rows or columns instead."""
    if values.dtype.kind not in "iuf" or values.size != max(values.shape, default=1):
        raise FormatError(
            f"{path}, {name}: must be a row of numbers, got {values.dtype} of shape {values.shape}"
        )
    return values.reshape(-1).astype(np.float64)


def _texts(path: Path, name: str, values: NDArray[Any]) -> list[str]:
    """Text from a text array, or a MATLAB cell of text."""
    cells = [np.asarray(one).reshape(-1) for one in values.reshape(-1)]
    if any(len(cell) != 1 or cell.dtype.kind != "U" for cell in cells):
        raise FormatError(f"{path}, {name}: must be text, or a cell of text, got {values.dtype}")
    return [str(cell[0]).strip() for cell in cells]


def _configuration(path: Path, values: NDArray[Any], contacts: int) -> NDArray[np.float64]:
    """Vectors of the contacts, from such vectors or from names."""
    if values.dtype.kind in "iuf":
        if values.ndim != 2 or values.shape[1] != contacts:
            raise FormatError(
                f"{path}, configuration: must have the shape (trials, {contacts} contacts, the "
                f"case last), got {values.shape}"
            )
        return values.astype(np.float64)
    vectors = []
    for trial, name in enumerate(_texts(path, "configuration", values)):
        try:
            vectors.append(parse_configuration(name, contacts))
        except ValueError as error:
            raise FormatError(f"{path} trial {trial}, configuration: {error}") from None
    return np.stack(vectors)
