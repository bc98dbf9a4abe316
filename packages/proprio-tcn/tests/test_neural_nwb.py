"""NWB files, written here in the layout of area2_bump and read back."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from neuro_common.files import FormatError
from proprio_tcn.neural.formats.nwb import read_nwb
from proprio_tcn.neural.formats.opening import open_recording
from proprio_tcn.neural.windows import passive_windows

TRIALS = np.array([0.5, 2.0, 3.5, 5.0, 6.5])
RATE = 1000.0


def write_nwb(path: Path, **change: Any) -> dict[str, NDArray[Any]]:
    """The layout of area2_bump: behaviour at 1 kHz, 1.2 s trials; 0 and 3 are bumps, 4 failed."""
    pynwb = pytest.importorskip("pynwb", reason="needs pynwb")
    rng = np.random.default_rng(1)
    time = np.arange(0, 8, 1 / RATE)
    muscles = [f"muscle_{number}" for number in range(5)]
    data: dict[str, NDArray[Any]] = {
        "hand_pos": np.stack([np.sin(time), np.cos(2 * time)], axis=1),
        "hand_vel": np.stack([np.cos(time), -2 * np.sin(2 * time)], axis=1),
        "force": rng.normal(size=(len(time), 6)),
        "joint_ang": np.radians(30 + 10 * np.sin(time))[:, None] * np.ones(7),
        "muscle_len": 0.1 + 0.01 * np.sin(time)[:, None] * np.arange(1, 6),
    }
    data |= change.pop("data", {})
    scaled = change.pop("scaled", {})
    unit = {"hand_pos": "cm", "hand_vel": "cm/s", "force": "N", "joint_ang": "rad",
            "muscle_len": "meters"} | change.pop("unit", {})  # fmt: skip
    spikes = [np.sort(rng.uniform(0, 8, n)) for n in (200, 50, 400)]
    file = pynwb.NWBFile(
        session_description="centre-out reaches with bumps",
        identifier="Han_20171122",
        session_start_time=datetime(2017, 11, 22, tzinfo=UTC),
        subject=pynwb.file.Subject(subject_id="Han", species="Macaca mulatta", sex="U", age="P6Y"),
    )
    module = file.create_processing_module("behavior", "processed behaviour")
    for name, values in data.items():
        module.add(
            pynwb.TimeSeries(
                name=name,
                data=values,
                unit=unit[name],
                rate=RATE,
                **scaled.get(name, {}),
                starting_time=0.0,
                comments=", ".join(muscles) if name == "muscle_len" else "columns=[x,y]",
            )
        )
    for name in ("move_onset_time", "bump_time", "bump_dir", "target_dir", "cond_dir"):
        file.add_trial_column(name, name)
    for name in ("ctr_hold_bump", "result"):
        file.add_trial_column(name, name)
    duration = change.pop("duration", 1.2)
    for number, start in enumerate(TRIALS):
        bump = number in (0, 3)
        file.add_trial(
            start_time=start,
            stop_time=start + duration,
            move_onset_time=np.nan if number == 0 else start + 0.3,
            bump_time=start + 0.255 if number == 0 else np.nan,
            bump_dir=90.0 if bump else np.nan,
            target_dir=np.nan if number == 2 else 45.0,
            cond_dir=135.0,
            ctr_hold_bump=bump,
            result="F" if number == 4 else "R",
        )
    for times in spikes:
        file.add_unit(spike_times=times)
    with pynwb.NWBHDF5IO(str(path), "w") as writer:
        writer.write(file)
    return data | {"time": time, "spikes": np.array(spikes, dtype=object)}


def test_nwb_comes_back(tmp_path: Path) -> None:
    data = write_nwb(tmp_path / "han.nwb")
    session = open_recording(tmp_path / "han.nwb")
    assert session.spikes.shape == (4, 120, 3)
    assert (session.subject, session.session) == ("Han", "Han_20171122")
    assert session.left_out == ("1 trial: not rewarded",)
    for trial in range(4):
        edges = TRIALS[trial] + np.arange(121) * 0.01
        for neuron, times in enumerate(data["spikes"]):
            wanted = np.histogram(times, edges)[0]
            np.testing.assert_array_equal(session.spikes[trial, :, neuron], wanted)
    np.testing.assert_array_equal(session.bump_onset, [25, -1, -1, 30])
    np.testing.assert_array_equal(session.movement_onset, [-1, 30, 30, -1])
    np.testing.assert_array_equal(session.movement_end, [-1, 120, 120, -1])
    np.testing.assert_array_equal(session.target_direction_deg, [45, 45, 135, 45])
    np.testing.assert_array_equal(session.bump_direction_deg, [90, np.nan, np.nan, 90])
    centre = TRIALS[:4, None] + (np.arange(120) + 0.5) * 0.01
    np.testing.assert_allclose(session.kinematics["hand"][..., 0], np.sin(centre), atol=1e-5)
    np.testing.assert_allclose(
        session.kinematics["joint_angle"][..., 6], 30 + 10 * np.sin(centre), atol=1e-4
    )
    lengths = 100 + 10 * np.sin(centre)[..., None] * np.arange(1, 6)
    np.testing.assert_allclose(session.kinematics["muscle_length"], lengths, atol=1e-3)
    assert session.muscles == tuple(f"muscle_{number}" for number in range(5))
    speeds = 10 * np.cos(centre)[..., None] * np.arange(1, 6)
    inner = slice(1, -1)
    np.testing.assert_allclose(
        session.kinematics["muscle_velocity"][:, inner], speeds[:, inner], atol=0.02
    )
    assert len(passive_windows(session)) == 2


def test_nwb_gaps_stay_in_their_channel(tmp_path: Path) -> None:
    time = np.arange(0, 8, 1 / RATE)
    hand = np.stack([np.sin(time), np.cos(2 * time)], axis=1)
    hand[2600:2700, 1] = np.nan
    write_nwb(tmp_path / "gap.nwb", data={"hand_pos": hand})
    with pytest.raises(FormatError, match=r"trial 1: hand must be finite, got 10 NaN in channel 1"):
        read_nwb(tmp_path / "gap.nwb")
    assert len(read_nwb(tmp_path / "gap.nwb", faults="drop")) == 3
    filled = read_nwb(tmp_path / "gap.nwb", faults="fill")
    centre = TRIALS[1] + (np.arange(120) + 0.5) * 0.01
    np.testing.assert_allclose(filled.kinematics["hand"][1, :, 0], np.sin(centre), atol=1e-5)
    np.testing.assert_allclose(filled.kinematics["hand"][1, :, 1], np.cos(2 * centre), atol=0.02)


def test_nwb_series_have_a_conversion_and_an_offset(tmp_path: Path) -> None:
    """By the format's own rule: what is stored, times the conversion, plus the offset."""
    time = np.arange(0, 8, 1 / RATE)
    stored = np.stack([np.sin(time), np.cos(2 * time)], axis=1)
    write_nwb(tmp_path / "a.nwb", scaled={"hand_pos": {"conversion": 0.5, "offset": 3.0}})
    found = read_nwb(tmp_path / "a.nwb").kinematics["hand"]
    first = np.searchsorted(time, TRIALS[1] + 0.005)
    np.testing.assert_allclose(found[1, 0], 0.5 * stored[first] + 3.0, atol=1e-5)


def test_bad_nwb_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "bad.nwb"
    write_nwb(path, unit={"hand_pos": "furlong"})
    with pytest.raises(
        FormatError, match=r"hand: must have a unit of length, got 'furlong'; known ar"
    ):
        read_nwb(path)
    assert read_nwb(path, units={"hand_pos": "m"}).kinematics["hand"].max() > 90
    with pytest.raises(
        FormatError, match=r"options.units must name series .*muscle_len\), got 'paw'"
    ):
        read_nwb(path, units={"paw": "m"})
    write_nwb(path, duration=0.005)
    with pytest.raises(
        FormatError, match=r"trial 0: it must last at least one bin of 10 ms, got none"
    ):
        read_nwb(path)
    write_nwb(path, duration=2.0)
    with pytest.raises(
        FormatError, match=r"trials must follow one another, but trial 1 starts at 2"
    ):
        read_nwb(path)
    path.write_bytes(path.read_bytes()[:3000])
    with pytest.raises(FormatError, match=r"must be a whole NWB file"):
        read_nwb(path)
    with pytest.raises(FileNotFoundError, match=r"got nothing there"):
        read_nwb(tmp_path / "none.nwb")
