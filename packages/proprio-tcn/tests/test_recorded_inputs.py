"""Files of recorded inputs: what comes back, what older files lack, and what is refused."""

from dataclasses import replace

import h5py
import numpy as np
import pytest

from neuro_common.files import FormatError
from proprio_tcn.recorded.inputs import RecordedInputs, read_inputs


def session(trials):
    """Trials of an arm of three muscles, with numbers of no meaning."""
    rng = np.random.default_rng(0)

    def window(channels):
        return rng.normal(size=(trials, channels, 400, 2)).astype(np.float32)

    return RecordedInputs(
        "small",
        "none",
        ("flexor", "chest", "still"),
        ("shoulder_angle", "elbow_angle"),
        np.array([True, True, False]),
        tuple(f"trial {number}" for number in range(trials)),
        2 * np.arange(trials),
        np.arange(trials) % 2 == 1,
        120 - np.arange(trials),
        *(window(channels) for channels in (3, 2, 3, 3)),
    )


def test_inputs_come_back_from_their_file_as_they_went(tmp_path):
    inputs = session(2)
    inputs.write(tmp_path / "inputs.h5")
    back = read_inputs(tmp_path / "inputs.h5")
    for name, value in vars(inputs).items():
        if isinstance(value, np.ndarray):
            assert np.array_equal(value, getattr(back, name)), name
            assert value.dtype == getattr(back, name).dtype
        else:
            assert value == getattr(back, name)
    assert len(back) == 2
    assert back.spindle.shape == (2, 3, 400, 2)


def test_the_file_has_the_published_names_with_units(tmp_path):
    inputs = session(1)
    inputs.write(tmp_path / "inputs.h5")
    with h5py.File(tmp_path / "inputs.h5") as file:
        shapes = {name: dataset.shape for name, dataset in file.items()}
        assert shapes["muscle_coords"] == (1, 3, 400, 2)
        assert shapes["joint_coords"] == (1, 2, 400, 2)
        assert shapes["endeff_coords"] == shapes["elbow_coords"] == (1, 400, 3, 2)
        assert file["trial_durations"][0] == 120
        assert file["muscle_coords"].attrs["units"] == "mm, mm/s"
        assert file["muscle_coords"].dtype == np.float32
        assert '"arm": "small"' in file.attrs["attributes"]


def test_files_from_before_the_elbow_are_read_without_it_and_newer_ones_refused(tmp_path):
    from neuro_common.store import read_recording, write_recording

    inputs = session(1)
    inputs.write(tmp_path / "inputs.h5")
    stored = read_recording(tmp_path / "inputs.h5")
    assert stored.attributes["version"] == 2
    stored.attributes["version"] = 4
    write_recording(tmp_path / "new.h5", stored)
    with pytest.raises(FormatError, match=r"must be of version 3 or older, got 4: read it with a"):
        read_inputs(tmp_path / "new.h5")
    del stored.attributes["version"], stored.signals["elbow_coords"]
    write_recording(tmp_path / "old.h5", stored)
    back = read_inputs(tmp_path / "old.h5")
    assert back.elbow is None
    assert np.array_equal(back.hand, inputs.hand)
    assert "elbow" not in back.kinematics()
    back.write(tmp_path / "again.h5")
    assert read_inputs(tmp_path / "again.h5").elbow is None
    stored.attributes["version"] = 2
    write_recording(tmp_path / "lost.h5", stored)
    with pytest.raises(FormatError, match=r"is no whole file of recorded inputs: 'elbow_coords'"):
        read_inputs(tmp_path / "lost.h5")


def test_directions_are_kept_where_any_is_known(tmp_path):
    from neuro_common.store import read_recording, write_recording

    inputs = replace(session(3), direction_deg=np.array([90.0, np.nan, -45.0]))
    inputs.write(tmp_path / "inputs.h5")
    back = read_inputs(tmp_path / "inputs.h5")
    assert back.direction_deg == pytest.approx([90.0, np.nan, -45.0], nan_ok=True)
    assert np.array_equal(back.elbow, inputs.elbow)
    stored = read_recording(tmp_path / "inputs.h5")
    del stored.signals["direction"]
    write_recording(tmp_path / "lost.h5", stored)
    with pytest.raises(FormatError, match=r"is no whole file of recorded inputs: 'direction'"):
        read_inputs(tmp_path / "lost.h5")
    with pytest.raises(ValueError, match=r"direction_deg must have the shape \(3,\), got \(2,\)"):
        replace(inputs, direction_deg=np.zeros(2))


def test_files_of_something_else_are_refused(tmp_path):
    from neuro_common.store import Recording, Signal, write_recording

    write_recording(tmp_path / "a.h5", Recording({"v": Signal(np.zeros(3), ("time",), "mV")}))
    with pytest.raises(FormatError, match=r"must hold recorded inputs that start at bin 100"):
        read_inputs(tmp_path / "a.h5")
    (tmp_path / "b.h5").write_bytes(b"\x89HDF\r\n\x1a\n half")
    with pytest.raises(FormatError, match=r"is damaged or no recording"):
        read_inputs(tmp_path / "b.h5")
    inputs = session(1)
    with pytest.raises(ValueError, match=r"muscle must have the shape \(1, 3, 400, 2\), got"):
        replace(inputs, muscle=inputs.muscle[:, :2])
