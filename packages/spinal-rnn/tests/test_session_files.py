"""Sessions from variables in npz and mat files; what is damaged or no session at all."""

import pickle
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import io

from neuro_common.files import FormatError
from spinal_rnn.conditions import configuration_name
from spinal_rnn.formats.session_checks import Rules
from spinal_rnn.formats.session_files import read_source
from spinal_rnn.muscles import MUSCLES


@pytest.fixture
def variables(session):
    numbers = {
        name: getattr(session.conditions, name)
        for name in ("amplitude_ma", "frequency_hz", "pulse_width_us", "pulses", "configuration")
    }
    return {"emg": session.emg, "fs_hz": 2000, "lead_in_ms": 20.0, **numbers}


@pytest.mark.parametrize("names", [False, True])
@pytest.mark.parametrize("suffix", [".npz", ".mat"])
def test_variables(tmp_path, suffix, names, variables, assert_same):
    if names:
        told = [configuration_name(vector) for vector in variables["configuration"]]
        variables["configuration"] = np.array(told, dtype=object if suffix == ".mat" else None)
    path = tmp_path / f"session{suffix}"
    io.savemat(path, variables) if suffix == ".mat" else np.savez(path, **variables)
    assert_same(read_source(path))


@pytest.mark.parametrize("suffix", [".npz", ".mat"])
def test_muscles_and_subject_that_the_file_tells(tmp_path, suffix, session, variables):
    names = [*reversed(MUSCLES[7:]), "-"]
    held = {**variables, "subject": "P07"}
    held["muscles"] = np.array(names, dtype=object if suffix == ".mat" else None)
    held["emg"] = np.concatenate([session.emg[..., :6:-1], np.ones((4, 400, 1))], axis=2)
    path = tmp_path / f"session{suffix}"
    io.savemat(path, held) if suffix == ".mat" else np.savez(path, **held)
    read = read_source(path)
    assert read.subject == "P07"
    assert np.array_equal(read.emg[..., 7:], session.emg[..., 7:])
    assert read.silent.tolist() == [True] * 7 + [False] * 7


def test_rules_go_before_what_the_file_tells(tmp_path, session, variables):
    np.savez(tmp_path / "s.npz", **variables)
    read = read_source(tmp_path / "s.npz", rules=Rules(lead_in_ms=5, unit="uV", subject="me"))
    assert (read.fs_hz, read.lead_in_ms, read.subject) == (2000, 5, "me")
    assert read.emg == pytest.approx(session.emg / 1000, rel=1e-6)


def test_unknown_rules():
    for name in ("nan", "repeated_trials", "unit"):
        with pytest.raises(ValueError, match=f"{name} must be one of .*, got 'ignore'"):
            Rules(**{name: "ignore"})


class Trap:
    def __reduce__(self):
        return (Path.touch, (Path("sprung"),))


@pytest.mark.parametrize("name", ["table.pkl", "table.mat", "table"])
def test_a_pickle_is_refused_unread(tmp_path, monkeypatch, name, variables):
    monkeypatch.chdir(tmp_path)
    Path(name).write_bytes(pickle.dumps(Trap()))
    with pytest.raises(FormatError, match=r"is a pickle, .* pandas\.read_pickle\(FILE\)\.to_csv"):
        read_source(name)
    np.savez("objects.npz", **{**variables, "emg": np.array([Trap()], dtype=object)})
    with pytest.raises(FormatError, match=r"must be a whole \.npz file of plain arrays"):
        read_source("objects.npz")
    assert not Path("sprung").exists()


@pytest.mark.parametrize(
    ("change_held", "message"),
    [
        (lambda held: held.pop("emg"), "lacks emg, got fs_hz"),
        (lambda held: held.pop("amplitude_ma"), "must have amplitude_ma, got frequency_hz"),
        (lambda held: held.update(frequency=20.0), r"variable 'frequency' is unknown \(did you "
         r"mean 'frequency_hz'\?\)"),
        (lambda held: held.update(amplitude_ma=np.ones(3)), "amplitude_ma: must have a number for "
         "each of the 4 trials of configuration, got 3"),
        (lambda held: held.update(amplitude_ma=np.ones((2, 2))), "must be a row of numbers, got "
         r"float64 of shape \(2, 2\)"),
        (lambda held: held.update(configuration=np.ones((4, 16))), r"must have the shape \(trials, "
         r"17 contacts, the case last\), got \(4, 16\)"),
        (lambda held: held.update(configuration=np.array(["cath4_an5"] * 3 + ["cath4_an4"])),
         r"trial 3, configuration: a contact is cathode or anode, not both"),
        (lambda held: held.update(muscles=np.arange(14)), "muscles: must be text"),
        (lambda held: held.update(fs_hz=[1.0, 2.0]), "fs_hz: must be one number, got 2"),
        (lambda held: held.update(emg=held["emg"][:3]), "of each of the 4 trials, got that of 3: a "
         "trial is missing"),
    ],
)  # fmt: skip
def test_damaged_variables(tmp_path, change_held, message, variables):
    change_held(variables)
    np.savez(tmp_path / "s.npz", **variables)
    with pytest.raises(FormatError, match=message):
        read_source(tmp_path / "s.npz")


def test_matlab_of_version_7_3_says_how_to_save(tmp_path):
    header = b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(512)
    (tmp_path / "new.mat").write_bytes(header + b"\x89HDF\r\n\x1a\n")
    with pytest.raises(
        FormatError, match=r"of version 7\.3: write it with save\(FILE, \.\.\., '-v7'"
    ):
        read_source(tmp_path / "new.mat")


def test_matlab_structures_are_refused(tmp_path, variables):
    io.savemat(tmp_path / "s.mat", {**variables, "amplitude_ma": {"left": [1.0], "right": [2.0]}})
    with pytest.raises(FormatError, match="amplitude_ma: must be a row of numbers"):
        read_source(tmp_path / "s.mat")


@pytest.mark.parametrize("suffix", [".npz", ".mat", ".npy"])
def test_files_that_break_off_are_refused(tmp_path, suffix, session, variables):
    path = tmp_path / f"whole{suffix}"
    if suffix == ".mat":
        io.savemat(path, variables, do_compression=True)
    elif suffix == ".npz":
        np.savez_compressed(path, **variables)
    else:
        np.save(path, session.emg)
    whole = path.read_bytes()
    for part in (0, 1, 60, 127, 128, 130, 140, 200, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:part])
        with pytest.raises(FormatError):
            read_source(path)


@given(st.binary(max_size=300), st.sampled_from([".npz", ".mat", ".npy", ".csv", ".txt"]))
def test_anything_else_is_refused(tmp_path_factory, content, suffix):
    path = tmp_path_factory.getbasetemp() / f"random{suffix}"
    path.write_bytes(content)
    with pytest.raises(FormatError):
        read_source(path)
