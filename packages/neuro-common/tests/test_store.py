"""Recordings must come back exactly, say what they hold, and never be mistaken when damaged."""

import json
import sys

import h5py
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from neuro_common.files import FormatError
from neuro_common.store import Recording, Signal, read_recording, write_recording

NUMBERS = st.one_of(
    hnp.boolean_dtypes(),
    hnp.integer_dtypes(endianness="?"),
    hnp.unsigned_integer_dtypes(endianness="?"),
    hnp.floating_dtypes(endianness="?", sizes=(16, 32, 64)),
    hnp.complex_number_dtypes(endianness="?", sizes=(64, 128)),
)
ARRAYS = hnp.arrays(NUMBERS, hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4))


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(arrays=st.lists(ARRAYS, min_size=1, max_size=4), units=st.sampled_from(["mV", "µV", "1"]))
def test_every_bit_comes_back_in_order(arrays, units, tmp_path):
    signals = {
        f"z{-i % 7}_{i}": Signal(array, tuple(f"d{i}_{axis}" for axis in range(array.ndim)), units)
        for i, array in enumerate(arrays)
    }
    write_recording(tmp_path / "data.h5", Recording(signals))
    found = read_recording(tmp_path / "data.h5")
    assert list(found.signals) == list(signals)
    for name, signal in signals.items():
        back = found.signals[name]
        assert back.data.dtype == signal.data.dtype
        assert back.data.shape == signal.data.shape
        assert back.data.tobytes() == signal.data.tobytes()
        assert (back.dims, back.units, back.description) == (signal.dims, units, "")


def test_attributes_and_descriptions_come_back(tmp_path, recording):
    recording.attributes["note"] = "x" * 100_000  # more than HDF5 keeps in an object header
    write_recording(tmp_path / "data.h5", recording)
    found = read_recording(tmp_path / "data.h5")
    assert found.attributes == recording.attributes
    assert found.signals["time"].description == "time since switch-on"


def test_the_file_explains_itself_to_other_readers(tmp_path, recording):
    write_recording(tmp_path / "data.h5", recording)
    with h5py.File(tmp_path / "data.h5") as file:
        assert file.attrs["format"] == "neuro-common/recording"
        assert file.attrs["format_version"] == 1
        assert json.loads(file.attrs["attributes"])["seed"] == 3
        assert [dim.label for dim in file["lfp"].dims] == ["time", "channel"]
        assert file["lfp"].attrs["units"] == "mV"
        assert file["lfp"].dtype == np.float32
        assert file["coupling"][()] == 0.03


def test_writing_again_replaces_the_file_and_leaves_nothing_else(tmp_path, recording):
    write_recording(tmp_path / "data.h5", recording)
    write_recording(str(tmp_path / "data.h5"), Recording({"x": Signal([1, 2], ("time",), "V")}))
    assert list(read_recording(str(tmp_path / "data.h5")).signals) == ["x"]
    assert [path.name for path in tmp_path.iterdir()] == ["data.h5"]


def test_a_failed_write_leaves_the_old_file_alone(tmp_path, recording):
    write_recording(tmp_path / "data.h5", recording)
    before = (tmp_path / "data.h5").read_bytes()
    recording.attributes["score"] = float("nan")
    with pytest.raises(ValueError, match="JSON"):
        write_recording(tmp_path / "data.h5", recording)
    recording.attributes["score"] = 0.5
    recording.signals["lfp"] = Signal(np.ones((3, 2)), ("time", "channel"), "mV")
    with pytest.raises(ValueError, match=r'"time" must have one size, got 10 in "mean_x" and 3 in'):
        write_recording(tmp_path / "data.h5", recording)
    assert [path.name for path in tmp_path.iterdir()] == ["data.h5"]
    assert (tmp_path / "data.h5").read_bytes() == before


def test_a_file_cut_anywhere_is_refused(tmp_path, recording):
    write_recording(tmp_path / "data.h5", recording)
    whole = (tmp_path / "data.h5").read_bytes()
    for length in (0, 7, 100, len(whole) // 2, len(whole) - 1):
        (tmp_path / "cut.h5").write_bytes(whole[:length])
        with pytest.raises(FormatError, match=r"cut.h5 is damaged or no recording"):
            read_recording(tmp_path / "cut.h5")


def test_a_flipped_bit_in_the_numbers_is_noticed(tmp_path):
    data = np.random.default_rng(0).normal(size=50)
    write_recording(tmp_path / "data.h5", Recording({"x": Signal(data, ("time",), "V")}))
    content = bytearray((tmp_path / "data.h5").read_bytes())
    content[content.index(data.tobytes()) + 123] ^= 1
    (tmp_path / "data.h5").write_bytes(content)
    with pytest.raises(FormatError, match=r"data\.h5 is damaged"):
        read_recording(tmp_path / "data.h5")


def test_foreign_and_newer_files_are_refused(tmp_path, recording):
    path = tmp_path / "data.h5"
    path.write_text("time,x\n0,1\n", encoding="utf-8")
    with pytest.raises(FormatError, match="is damaged or no recording"):
        read_recording(path)
    with h5py.File(path, "w") as file:
        file["x"] = [1.0, 2.0]
    with pytest.raises(FormatError, match='the format "neuro-common/recording", got None'):
        read_recording(path)
    write_recording(path, recording)
    with h5py.File(path, "a") as file:
        file.attrs["format_version"] = 2
    with pytest.raises(FormatError, match=r"format_version <= 1, got 2.*--upgrade"):
        read_recording(path)


@pytest.mark.parametrize("missing", ["units", "description"])
def test_a_signal_without_its_unit_is_refused(tmp_path, missing, recording):
    write_recording(tmp_path / "data.h5", recording)
    with h5py.File(tmp_path / "data.h5", "a") as file:
        del file["lfp"].attrs[missing]
    with pytest.raises(FormatError, match=missing):
        read_recording(tmp_path / "data.h5")


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no recording at .*nowhere\.h5"):
        read_recording(tmp_path / "nowhere.h5")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Signal(["a", "b"], ("time",), "1"), "data must be numbers, got dtype <U1"),
        (lambda: Signal([1, None], ("time",), "1"), "data must be numbers, got dtype object"),
        (lambda: Signal([1.0], ("time", "unit"), "V"), "each of the 1 axes of data once"),
        (lambda: Signal([[1.0]], ("time", "time"), "V"), "each of the 2 axes of data once"),
        (lambda: Signal([1.0], ("time (ms)",), "V"), r"dims must be named by identifiers.*\(ms\)"),
        (lambda: Signal([1.0], ("time",), ""), "units must be a unit"),
        (lambda: Recording({"a/b": Signal([1.0], ("time",), "V")}), "signals must be named by ide"),
        (
            lambda: Recording(
                {"x": Signal([1.0], ("time",), "V"), "y": Signal([1.0, 2.0], ("time",), "V")}
            ),
            'dimension "time" must have one size, got 1 in "x" and 2 in "y"',
        ),
    ],
)
def test_what_does_not_fit_together_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_a_missing_extra_is_named(tmp_path, monkeypatch, recording):
    path = tmp_path / "data.h5"
    monkeypatch.setitem(sys.modules, "h5py", None)
    for call in (lambda: write_recording(path, recording), lambda: read_recording(path)):
        with pytest.raises(ModuleNotFoundError, match=r'pip install "neuro-common\[io\]"'):
            call()
    assert not list(tmp_path.iterdir())
