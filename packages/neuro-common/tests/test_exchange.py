"""What goes to xarray, NWB and pynapple must come back, with its units and dimensions."""

import json
import sys
from datetime import UTC, datetime

import numpy as np
import pynapple
import pynwb
import pytest
import xarray

from neuro_common.exchange import from_pynapple, from_xarray, read_nwb, to_pynapple, write_nwb
from neuro_common.files import FormatError
from neuro_common.store import Recording, Signal


def assert_same(found, wanted, *, times="ms"):
    assert set(found.signals) == set(wanted.signals)
    for name, signal in wanted.signals.items():
        back = found.signals[name]
        assert (back.dims, back.description) == (signal.dims, signal.description) or name == "time"
        if name == "time" and times == "s":
            np.testing.assert_allclose(back.data, signal.data * 1e-3)
            assert back.units == "s"
        else:
            np.testing.assert_array_equal(back.data, signal.data)
            assert back.data.dtype == signal.data.dtype
            assert back.units == signal.units


def test_xarray_gets_coordinates_units_and_attributes(recording):
    dataset = recording.to_xarray()
    assert dict(dataset.sizes) == {"time": 10, "channel": 2, "neuron": 3}
    assert list(dataset.coords) == ["time"]
    assert set(dataset.data_vars) == {"mean_x", "lfp", "current", "coupling"}
    assert dataset["lfp"].attrs == {"units": "mV", "description": ""}
    assert dataset["time"].attrs["units"] == "ms"
    assert dataset["lfp"].dtype == np.float32
    assert float(dataset["lfp"].sel(time=2.5, channel=1)) == -5.0
    assert dataset.attrs["controller"] == "linear"


SESSION = {
    "description": "three phases",
    "identifier": "run-3",
    "start": datetime(2026, 5, 1, tzinfo=UTC),
}


def test_nwb_reads_back_with_seconds_and_units(tmp_path, recording):
    write_nwb(tmp_path / "data.nwb", recording, **SESSION)
    with pynwb.NWBHDF5IO(tmp_path / "data.nwb", "r") as reader:
        session = reader.read()
        assert (session.session_description, session.identifier) == ("three phases", "run-3")
        assert session.session_start_time == SESSION["start"]
        assert json.loads(session.notes) == recording.attributes
        assert set(session.acquisition) == {"mean_x", "lfp"}
        lfp = session.acquisition["lfp"]
        assert lfp.unit == "mV"
        assert lfp.comments == "dims time, channel"
        assert lfp.data.dtype == np.float32
        np.testing.assert_array_equal(lfp.data[()], recording.signals["lfp"].data)
        np.testing.assert_allclose(lfp.timestamps[()], np.arange(10) * 0.5e-3)
        assert session.acquisition["mean_x"].description == "mean fast variable"
        assert set(session.scratch) == {"current", "coupling"}
        assert session.scratch["current"].description == "bias [nA; dims neuron]"
        np.testing.assert_array_equal(session.scratch["current"].data[()], [0.5, 0.7, 0.6])
    assert pynwb.validate(path=tmp_path / "data.nwb") == []
    assert [path.name for path in tmp_path.iterdir()] == ["data.nwb"]


def test_nwb_refuses_what_it_cannot_hold(tmp_path, recording):
    path = tmp_path / "data.nwb"
    with pytest.raises(ValueError, match="start must carry a time zone, got 2026-05-01T00:00:00"):
        write_nwb(path, recording, **{**SESSION, "start": datetime(2026, 5, 1)})
    recording.signals["time"].units = "1"
    with pytest.raises(ValueError, match=r"times in s, ms or us, got .*'time': '1'"):
        write_nwb(path, recording, **SESSION)
    recording.signals["time"].units = "ms"
    recording.signals["mean_x"].data = recording.signals["mean_x"].data * 1j
    with pytest.raises(ValueError, match='signal "mean_x" is complex'):
        write_nwb(path, recording, **SESSION)
    assert not list(tmp_path.iterdir())


def test_xarray_comes_back(recording):
    found = from_xarray(recording.to_xarray())
    assert_same(found, recording)
    assert found.attributes == recording.attributes


def test_xarray_of_others_is_taken():
    dataset = xarray.Dataset({"rate": (("trial", "time"), np.ones((2, 3)))}, {"time": [0, 1, 2]})
    found = from_xarray(dataset)
    assert found.signals["rate"].units == "1"
    assert found.signals["rate"].dims == ("trial", "time")
    with pytest.raises(ValueError, match="data must be numbers, got dtype"):
        from_xarray(xarray.Dataset({"name": (("trial",), ["a", "b"])}))


def test_nwb_comes_back_with_times_in_seconds(tmp_path, recording):
    write_nwb(tmp_path / "data.nwb", recording, **SESSION)
    found = read_nwb(tmp_path / "data.nwb")
    assert_same(found, recording, times="s")
    assert found.attributes == recording.attributes


def test_nwb_of_others_is_read(tmp_path):
    session = pynwb.NWBFile("reaches", "monkey-1", SESSION["start"])
    counts = np.arange(6, dtype="i2").reshape(3, 2)
    for name, rate, conversion in (("hand pos", 100.0, 0.01), ("2nd", 50.0, 1.0)):
        session.add_acquisition(
            pynwb.TimeSeries(name=name, data=counts, unit="cm", conversion=conversion, rate=rate)
        )
    with pynwb.NWBHDF5IO(tmp_path / "data.nwb", "w") as writer:
        writer.write(session)
    found = read_nwb(tmp_path / "data.nwb")
    assert set(found.signals) == {"_2nd", "hand_pos", "time", "time_2"}
    hand = found.signals["hand_pos"]
    np.testing.assert_allclose(hand.data, counts * 0.01)
    assert (hand.dims[1], hand.units, hand.description) == ("hand_pos_1", "cm", "")
    np.testing.assert_allclose(found.signals[hand.dims[0]].data, [0.0, 0.01, 0.02])
    assert found.attributes == {"description": "reaches", "identifier": "monkey-1"}


def test_nwb_without_series_or_of_no_kind_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no session at .*data.nwb"):
        read_nwb(tmp_path / "data.nwb")
    with pynwb.NWBHDF5IO(tmp_path / "data.nwb", "w") as writer:
        writer.write(pynwb.NWBFile("nothing", "empty", SESSION["start"]))
    with pytest.raises(FormatError, match="must hold an acquired time series, got none"):
        read_nwb(tmp_path / "data.nwb")
    (tmp_path / "text.nwb").write_text("no HDF5")
    with pytest.raises(FormatError, match=r"text.nwb is damaged or no NWB file"):
        read_nwb(tmp_path / "text.nwb")


def test_nwb_with_names_that_become_one_is_refused(tmp_path):
    session = pynwb.NWBFile("reaches", "monkey-1", SESSION["start"])
    for name in ("hand pos", "hand_pos"):
        session.add_acquisition(pynwb.TimeSeries(name=name, data=[1.0], unit="cm", rate=1.0))
    with pynwb.NWBHDF5IO(tmp_path / "data.nwb", "w") as writer:
        writer.write(session)
    with pytest.raises(FormatError, match="names that differ in letters and digits, got hand pos"):
        read_nwb(tmp_path / "data.nwb")


def test_pynapple_gets_seconds_and_gives_them_back(recording):
    series = to_pynapple(recording)
    assert {name: type(one) for name, one in series.items()} == {
        "mean_x": pynapple.Tsd,
        "lfp": pynapple.TsdFrame,
    }
    np.testing.assert_allclose(series["lfp"].t, np.arange(10) * 0.5e-3)
    found = from_pynapple(series, {"lfp": "mV"})
    for name in ("mean_x", "lfp"):
        np.testing.assert_array_equal(found.signals[name].data, recording.signals[name].data)
    assert found.signals["lfp"].units == "mV"
    assert found.signals["lfp"].dims == ("time", "lfp_1")
    np.testing.assert_allclose(found.signals["time"].data, np.arange(10) * 0.5e-3)


def test_pynapple_series_of_other_times_have_their_own():
    slow = pynapple.TsdTensor(t=np.arange(2.0), d=np.zeros((2, 3, 4)))
    fast = pynapple.Tsd(t=np.arange(4) / 2, d=np.arange(4))
    found = from_pynapple({"slow": slow, "fast": fast})
    assert found.signals["slow"].dims == ("time", "slow_1", "slow_2")
    assert found.signals["fast"].dims == ("time_2",)
    np.testing.assert_array_equal(found.signals["time_2"].data, [0.0, 0.5, 1.0, 1.5])
    assert type(to_pynapple(found)["slow"]) is pynapple.TsdTensor


def test_pynapple_refuses_what_it_cannot_hold():
    with pytest.raises(ValueError, match=r"times in s, ms or us, got \{'x': '1'\}"):
        to_pynapple(Recording({"x": Signal(np.zeros(3), ("time",), "1")}))
    with pytest.raises(ValueError, match=r"spikes must have values, .*; got Ts"):
        from_pynapple({"spikes": pynapple.Ts(t=np.arange(3.0))})
    with pytest.raises(ValueError, match="units must be of x, got y"):
        from_pynapple({"x": pynapple.Tsd(t=np.arange(2.0), d=np.zeros(2))}, {"y": "mV"})


@pytest.mark.parametrize(
    ("module", "extra", "call"),
    [
        ("xarray", "xarray", lambda _, recording: recording.to_xarray()),
        ("pynwb", "nwb", lambda path, recording: write_nwb(path, recording, **SESSION)),
        ("pynwb", "nwb", lambda path, _: read_nwb(path)),
        ("pynapple", "pynapple", lambda _, recording: to_pynapple(recording)),
    ],
)
def test_a_missing_extra_is_named(tmp_path, monkeypatch, recording, module, extra, call):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ModuleNotFoundError, match=rf'pip install "neuro-common\[{extra}\]"'):
        call(tmp_path / "data.nwb", recording)
    assert not list(tmp_path.iterdir())
