"""What a first session of one's own may be like: units, names of muscles, too few trials."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.io import savemat

from neuro_common.files import FormatError
from proprio_tcn.neural.formats.nwb import read_nwb
from proprio_tcn.neural.formats.opening import open_recording
from proprio_tcn.neural.formats.trial_data import read_trial_data
from proprio_tcn.neural.models import of_muscles, open_networks
from proprio_tcn.neural.splits import split_trials


def trial_data(path: Path, lengths: float) -> Path:
    """Three reaches, in which every muscle is about that long."""
    rng = np.random.default_rng(0)
    trials = np.empty((1, 3), dtype=[("area2_spikes", object), ("opensim", object)])
    for number in range(3):
        opensim = rng.normal(size=(30, 92))
        opensim[:, 14:53] = lengths * rng.uniform(0.5, 1.5, (30, 39))
        trials[0, number]["opensim"] = opensim
        trials[0, number]["area2_spikes"] = rng.poisson(1.0, (30, 2)).astype(np.uint8)
    savemat(path, {"trial_data": trials})
    return path


def test_muscles_of_no_arm_tell_a_wrong_unit(tmp_path: Path) -> None:
    metres, millimetres = (trial_data(tmp_path / f"{n}.mat", n) for n in (0.1, 100.0))
    read = [read_trial_data(metres), read_trial_data(millimetres, muscle_unit_m=False)]
    for session in read:
        assert 80 < np.median(session.kinematics["muscle_length"]) < 120
    told = r"those of an arm, 0.3 to 3000 mm, but their median is {} mm: .*muscle_unit_m=false or"
    with pytest.raises(FormatError, match=told.format(r"(9\.\d+e\+04|1(\.\d+)?e\+05)")):
        read_trial_data(millimetres)
    with pytest.raises(FormatError, match=told.format(r"0\.\d+")):
        read_trial_data(metres, muscle_unit_m=False)


@pytest.mark.parametrize(
    "listed", ["columns=[deltoid_ant_len,brachialis_len]", "deltoid_ant, brachialis"]
)
def test_muscles_are_named_as_files_list_them(tmp_path: Path, listed: str) -> None:
    """Sessions of area2_bump say "columns=[A,B]" in the comments of a series."""
    pynwb = pytest.importorskip("pynwb", reason="needs pynwb")
    file = pynwb.NWBFile(
        session_description="reaches",
        identifier="han",
        session_start_time=datetime(2017, 11, 22, tzinfo=UTC),
    )
    module = file.create_processing_module("behavior", "processed behaviour")
    lengths = 0.1 + 0.01 * np.random.default_rng(0).normal(size=(2000, 2))
    for name, unit, comments in (
        ("muscle_len", "m", listed),
        ("muscle_vel", "m/s", listed.replace("_len", "_muscVel")),
    ):
        series = {"data": lengths, "unit": unit, "rate": 1000.0, "comments": comments}
        module.add(pynwb.TimeSeries(name=name, **series))
    for start in (0.1, 1.0):
        file.add_trial(start_time=start, stop_time=start + 0.5)
    file.add_unit(spike_times=[0.2, 0.3, 1.2])
    path = tmp_path / "han.nwb"
    with pynwb.NWBHDF5IO(str(path), "w") as writer:
        writer.write(file)
    assert read_nwb(path).muscles == ("deltoid_ant", "brachialis")


def test_networks_of_another_arm_are_refused_with_a_way_on(muscle_session: Any) -> None:
    with pytest.raises(
        ValueError, match=r"lacks 1 of them, such as DELT1; it has 6: m0, m1, m2, m3"
    ):
        of_muscles(muscle_session(4), ("m0", "DELT1"))
    with pytest.raises(ValueError, match=r"train networks on the arm of this recording .*draws=2"):
        of_muscles(muscle_session(4), ("m0", "DELT1"))


def test_all_networks_of_a_sweep_are_given_by_its_folder(
    muscle_session: Any, save_trained: Any, tmp_path: Path
) -> None:
    jobs = [save_trained(tmp_path / "a sweep" / name, seed, 0.5) for seed, name in enumerate("ab")]
    session = muscle_session(4)
    found = open_networks([tmp_path / "a sweep"], session, untrained=False)
    assert [one.name for one in found] == [
        one.name for one in open_networks(jobs, session, untrained=False)
    ]
    assert len(found) == 2
    with pytest.raises(FileNotFoundError, match="nowhere holds no complete checkpoint"):
        open_networks([tmp_path / "nowhere"], session)


def test_a_session_without_muscles_has_linear_models_only(muscle_session: Any) -> None:
    bare = replace(muscle_session(4), kinematics={}, muscles=())
    assert open_networks([], bare) == []
    with pytest.raises(ValueError, match="of which the recording has none: give draws=0 and no"):
        open_networks([], bare, draws=2)


def test_options_of_a_reader_are_told(tmp_path: Path) -> None:
    told = r"options of a \.mat file must be among variable, spikes, .* got spike"
    with pytest.raises(ValueError, match=told):
        open_recording(tmp_path / "td.mat", spike="area2_spikes")
    with pytest.raises(ValueError, match=r"options of a \.npz file must be among none, got faults"):
        open_recording(tmp_path / "td.npz", faults="drop")


def test_too_few_trials_are_told() -> None:
    with pytest.raises(ValueError, match="must be at least 2 trials, to learn from one and be"):
        split_trials(np.zeros(1), seed=0)
    with pytest.raises(ValueError, match="at most the 1 trial to learn from, got 5"):
        split_trials(np.zeros(2), seed=0)
