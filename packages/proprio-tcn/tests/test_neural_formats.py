"""TrialData of MATLAB and our own npz, written here and read back."""

from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from scipy.io import savemat

from neuro_common.files import FormatError
from proprio_tcn.neural.formats.npz import read_npz, write_npz
from proprio_tcn.neural.formats.opening import open_recording
from proprio_tcn.neural.formats.trial_data import read_trial_data
from proprio_tcn.neural.recording import Recording
from proprio_tcn.neural.windows import active_windows, passive_windows


def same(one: Recording, two: Recording) -> None:
    for part in fields(Recording):
        mine, other = getattr(one, part.name), getattr(two, part.name)
        if part.name == "kinematics":
            assert mine.keys() == other.keys()
            for name in mine:
                np.testing.assert_array_equal(mine[name], other[name])
        else:
            np.testing.assert_array_equal(mine, other)


# --- TrialData -----------------------------------------------------------------------------------

NEURONS = 4


def trial_data(trials: int = 6, bins_per_10_ms: int = 1) -> list[dict[str, Any]]:
    """Even trials are bumps; the last one earned no reward; unit 0 of each channel is unsorted."""
    rng = np.random.default_rng(0)
    found = []
    for number in range(trials):
        bins = (60 + number) * bins_per_10_ms
        bump = number % 2 == 0
        found.append(
            {
                "monkey": "Han",
                "date": "2017-11-22",
                "result": "F" if number == trials - 1 else "R",
                "bin_size": 0.01 / bins_per_10_ms,
                "idx_goCueTime": 12.0 * bins_per_10_ms,
                "idx_movement_on": np.nan if bump else 20.0 * bins_per_10_ms,
                "idx_endTime": 50.0 * bins_per_10_ms,
                "idx_bumpTime": 8.0 * bins_per_10_ms if bump else np.nan,
                "bumpDir": 90.0 if bump else np.nan,
                "target_direction": np.pi / 2,
                "LeftS1Area2_spikes": rng.poisson(0.2, (bins, NEURONS)).astype(np.uint8),
                "LeftS1Area2_unit_guide": np.array([[1, 1], [1, 0], [7, 2], [9, 1]], dtype=float),
                "pos": rng.normal(size=(bins, 2)),
                "vel": rng.normal(size=(bins, 2)),
                "force": rng.normal(size=(bins, 6)),
                "opensim": rng.normal(size=(bins, 92)),
            }
        )
    return found


def write_mat(path: Path, records: list[dict[str, Any]]) -> Path:
    names = list(records[0])
    array = np.empty((1, len(records)), dtype=[(name, object) for name in names])
    for number, record in enumerate(records):
        for name in names:
            array[0, number][name] = record[name]
    savemat(path, {"trial_data": array})
    return path


def write_mat_v73(path: Path, records: list[dict[str, Any]]) -> Path:
    """As MATLAB does: a field is an array of references to transposed values."""
    with h5py.File(path, "w", userblock_size=512) as file:
        group = file.create_group("trial_data")
        cells = file.create_group("#refs#")
        for name in records[0]:
            references = np.empty((len(records), 1), dtype=h5py.ref_dtype)
            for number, record in enumerate(records):
                value = record[name]
                key = f"{name}{number}"
                if isinstance(value, str):
                    codes = np.array([[ord(letter)] for letter in value], dtype=np.uint16)
                    cell = cells.create_dataset(key, data=codes)
                    cell.attrs["MATLAB_class"] = np.bytes_("char")
                else:
                    cell = cells.create_dataset(key, data=np.atleast_2d(value).T)
                    cell.attrs["MATLAB_class"] = np.bytes_("double")
                references[number, 0] = cell.ref
            group.create_dataset(name, data=references, dtype=h5py.ref_dtype)
    with path.open("r+b") as file:
        file.write(b"MATLAB 7.3 MAT-file, Platform: GLNXA64")
    return path


@pytest.mark.parametrize("write", [write_mat, write_mat_v73])
def test_trial_data_comes_back(tmp_path: Path, write: Any) -> None:
    records = trial_data()
    session = open_recording(write(tmp_path / "td.mat", records))
    assert len(session) == 5
    assert session.left_out == ("trial 6: result 'F', not rewarded",)
    assert session.neurons == ("channel 1 unit 1", "channel 7 unit 2", "channel 9 unit 1")
    assert (session.subject, session.area, session.session) == ("Han", "LeftS1Area2", "2017-11-22")
    np.testing.assert_array_equal(session.length, 60 + np.arange(5))
    np.testing.assert_array_equal(
        session.spikes[3, :63], records[3]["LeftS1Area2_spikes"][:, [0, 2, 3]]
    )
    # MATLAB counts from 1
    np.testing.assert_array_equal(session.movement_onset, [-1, 19, -1, 19, -1])
    np.testing.assert_array_equal(session.movement_end, [-1, 49, -1, 49, -1])
    np.testing.assert_array_equal(session.bump_onset, [7, -1, 7, -1, 7])
    assert session.target_direction_deg[1] == pytest.approx(90)
    assert session.kinematics["muscle_length"].shape == (5, 64, 39)
    np.testing.assert_allclose(
        session.kinematics["muscle_length"][2, :62],
        records[2]["opensim"][:, 14:53] * 1000,
        rtol=1e-6,
    )
    np.testing.assert_allclose(
        session.kinematics["joint_velocity"][2, :62], records[2]["opensim"][:, 7:14], rtol=1e-6
    )
    np.testing.assert_allclose(
        session.kinematics["force"][0, :60], records[0]["force"][:, :2], rtol=1e-6
    )
    # no acceleration in the file: it follows from the velocity
    wanted = np.gradient(records[4]["vel"], 0.01, axis=0)
    np.testing.assert_allclose(
        session.kinematics["hand_acceleration"][4, :64], wanted, rtol=1e-4, atol=1e-3
    )
    assert len(active_windows(session)) == 2
    assert len(passive_windows(session)) == 3
    everything = read_trial_data(tmp_path / "td.mat", keep_unsorted=True, muscle_unit_m=False)
    assert everything.spikes.shape[2] == 4
    np.testing.assert_allclose(
        everything.kinematics["muscle_length"][2, :62], records[2]["opensim"][:, 14:53], rtol=1e-6
    )


def test_smaller_bins_are_summed(tmp_path: Path) -> None:
    records = trial_data(4, bins_per_10_ms=10)
    session = read_trial_data(write_mat(tmp_path / "td.mat", records))
    np.testing.assert_array_equal(session.length, [60, 61, 62])
    fine = records[1]["LeftS1Area2_spikes"][:, [0, 2, 3]]
    np.testing.assert_array_equal(session.spikes[1, :61], fine.reshape(61, 10, 3).sum(axis=1))
    np.testing.assert_array_equal(session.movement_onset, [-1, 19, -1])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"LeftS1Area2_spikes": np.full((60, 4), 0.5)}, r"spikes must be counts, .* got 0.5"),
        ({"LeftS1Area2_spikes": np.empty((0, 4)), "pos": np.empty((0, 2)), "vel": np.empty((0, 2)),
          "force": np.empty((0, 6)), "opensim": np.empty((0, 92))},
         "trial 1: it must last at least one bin of 10 ms, got none; give options.faults=drop"),
        ({"pos": np.full((60, 2), np.nan)}, r"trial 1: hand must be finite, got 60 NaN in ch"),
        ({"pos": np.zeros((59, 2))}, r"trial 1: hand must have the 60 bins of LeftS1A"),
        ({"opensim": np.zeros((60, 14))}, r"opensim must have 92 columns .* got 14"),
        ({"bin_size": 0.003}, r"bin_size must divide 0.01 s, got 0.003: bin the trials anew"),
        ({"LeftS1Area2_unit_guide": np.ones((3, 2))}, r"unit guide .* each of its 4 columns, got"),
    ],
)  # fmt: skip
def test_bad_trial_data_is_refused(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    records = trial_data()
    for record in records if "LeftS1Area2_unit_guide" in change else records[:1]:
        record |= change
    with pytest.raises(FormatError, match=message):
        read_trial_data(write_mat(tmp_path / "td.mat", records))


def test_a_trial_is_named_as_in_the_file(tmp_path: Path) -> None:
    records = trial_data()
    records[2]["LeftS1Area2_spikes"] = np.full((len(records[2]["pos"]), 4), 0.5)
    with pytest.raises(FormatError, match=r"got 0.5 in trial 3, bin 0, neuron 0: give counts"):
        read_trial_data(write_mat(tmp_path / "td.mat", records))


@pytest.mark.parametrize("write", [write_mat, write_mat_v73])
def test_rewards_may_be_codes_of_letters(tmp_path: Path, write: Any) -> None:
    """MATLAB's numbers are doubles: 82 comes as 82.0."""
    records = trial_data()
    for record in records:
        record["result"] = float(ord(record["result"]))
    session = read_trial_data(write(tmp_path / "td.mat", records))
    assert len(session) == 5
    assert session.left_out == ("trial 6: result '70', not rewarded",)


def test_unsorted_channels_are_kept_on_request(tmp_path: Path) -> None:
    records = trial_data()
    for record in records:
        record["LeftS1Area2_unit_guide"] = np.array([[1, 0], [3, 0], [7, 0], [9, 0]])
    path = write_mat(tmp_path / "td.mat", records)
    with pytest.raises(FormatError, match=r"got none: options.keep_unsorted=true takes the others"):
        read_trial_data(path)
    assert len(read_trial_data(path, keep_unsorted=True).neurons) == 4


def test_faulty_trials_are_dropped_or_mended_on_request(tmp_path: Path) -> None:
    records = trial_data()
    records[1]["pos"][5:9, 1] = np.nan
    records[2]["pos"][:, 0] = np.nan
    path = write_mat(tmp_path / "td.mat", records)
    dropped = read_trial_data(path, faults="drop")
    assert len(dropped) == 3
    assert dropped.left_out[1] == "trial 2: hand must be finite, got 4 NaN in channel 1"
    filled = read_trial_data(path, faults="fill")
    assert len(filled) == 4
    line = np.linspace(records[1]["pos"][4, 1], records[1]["pos"][9, 1], 6)
    np.testing.assert_allclose(filled.kinematics["hand"][1, 4:10, 1], line, rtol=1e-5)
    np.testing.assert_allclose(
        filled.kinematics["hand"][1, :61, 0], records[1]["pos"][:, 0], rtol=1e-6
    )
    with pytest.raises(ValueError, match=r"faults must be one of refuse, drop, fill, got 'ignore'"):
        read_trial_data(path, faults="ignore")


def test_files_that_are_no_trial_data_are_refused(tmp_path: Path) -> None:
    savemat(tmp_path / "a.mat", {"x": np.zeros(3)})
    with pytest.raises(FormatError, match=r"must hold one structure array of trials, .* got none"):
        read_trial_data(tmp_path / "a.mat")
    (tmp_path / "b.mat").write_bytes(b"MATLAB 7.3 MAT-file" + bytes(200))
    with pytest.raises(FormatError, match=r"must be a whole MATLAB file"):
        read_trial_data(tmp_path / "b.mat")
    whole = write_mat(tmp_path / "c.mat", trial_data())
    whole.write_bytes(whole.read_bytes()[:5000])
    with pytest.raises(FormatError, match=r"must be a whole MATLAB file"):
        read_trial_data(whole)
    records = trial_data()
    for record in records:
        record["cuneate_spikes"] = record["LeftS1Area2_spikes"]
    path = write_mat(tmp_path / "d.mat", records)
    with pytest.raises(
        FormatError, match=r"one field \*_spikes, or options.spikes name it, got Left"
    ):
        read_trial_data(path)
    assert read_trial_data(path, spikes="cuneate_spikes").area == "cuneate"
    with pytest.raises(FileNotFoundError, match=r"got nothing there"):
        read_trial_data(tmp_path / "e.mat")
    with pytest.raises(
        ValueError, match=r"must end in .nwb, .mat or .npz, or in .h5 .*, got 'x.csv'"
    ):
        open_recording("x.csv")


# --- npz -----------------------------------------------------------------------------------------


def test_npz_comes_back(tmp_path: Path) -> None:
    session = read_trial_data(write_mat(tmp_path / "td.mat", trial_data()))
    write_npz(session, tmp_path / "a.npz")
    again = open_recording(tmp_path / "a.npz")
    same(session, again)
    assert again.spikes.dtype == np.uint16
    bare = replace(session, kinematics={}, muscles=(), left_out=())
    write_npz(bare, tmp_path / "b.npz")
    same(bare, read_npz(tmp_path / "b.npz"))


def test_bad_npz_is_refused(tmp_path: Path) -> None:
    session = read_trial_data(write_mat(tmp_path / "td.mat", trial_data()))
    path = tmp_path / "a.npz"
    write_npz(session, path)
    whole = path.read_bytes()
    with np.load(path) as stored:
        arrays = dict(stored)
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(FormatError, match=r"must be a whole npz file of plain arrays"):
        read_npz(path)
    np.savez(path, **{**arrays, "neurons": np.array(["a", None, "b"])})
    with pytest.raises(FormatError, match=r"must be a whole npz file of plain arrays, got Object"):
        read_npz(path)
    np.savez(path, **{**arrays, "format_version": 99})
    with pytest.raises(FormatError, match=r"must have format_version <= 1, got 99"):
        read_npz(path)
    np.savez(path, **{name: one for name, one in arrays.items() if name != "spikes"})
    with pytest.raises(FormatError, match=r"lacks spikes"):
        read_npz(path)
    np.savez(path, **{**arrays, "spikes": arrays["spikes"] - 0.5})
    with pytest.raises(FormatError, match=r"spikes must be counts"):
        read_npz(path)
