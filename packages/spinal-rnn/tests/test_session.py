"""Sessions keep their trials together, go to a file and come back, and refuse what does not fit."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from neuro_common.files import FormatError
from neuro_common.store import Recording, Signal, write_recording
from spinal_rnn.conditions import Conditions, parse_configuration
from spinal_rnn.session import Session, read_session


@pytest.fixture
def session() -> Session:
    rng = np.random.default_rng(1)
    names = ("cath4_an3_5", "cath0_an16", "cath11_an8_9")
    vectors = np.stack([parse_configuration(name) for name in names])
    return Session(
        Conditions.of(vectors, [1, 2, 3], 40, [200, 300, 400]),
        rng.normal(size=(3, 100, 14)).astype(np.float32),
        fs_hz=500,
        subject="S1",
        truth={
            "late": Signal(rng.random((3, 14)), ("trial", "muscle"), "1"),
            "latency": Signal(rng.random(14), ("muscle",), "ms"),
        },
    )


def test_a_session_comes_back_as_it_went(session: Session, tmp_path: Path) -> None:
    session.write(tmp_path / "s.h5")
    back = read_session(tmp_path / "s.h5")
    for name, column in vars(session.conditions).items():
        np.testing.assert_array_equal(getattr(back.conditions, name), column)
    np.testing.assert_array_equal(back.emg, session.emg)
    assert back.emg.dtype == np.float32
    np.testing.assert_array_equal(back.lead.z_mm, session.lead.z_mm)
    assert (back.fs_hz, back.lead_in_ms, back.subject) == (500, 20, "S1")
    np.testing.assert_array_equal(back.truth["late"].data, session.truth["late"].data)
    assert back.truth["latency"].units == "ms"


def test_time_counts_from_the_first_sample(session: Session) -> None:
    assert session.duration_ms == 200
    assert session.time_ms[[0, 1, -1]].tolist() == [0, 2, 198]


def test_taking_trials_takes_their_truth(session: Session) -> None:
    taken = session.take([2, 0])
    assert taken.conditions.amplitude_ma.tolist() == [3, 1]
    np.testing.assert_array_equal(taken.emg, session.emg[[2, 0]])
    np.testing.assert_array_equal(taken.truth["late"].data, session.truth["late"].data[[2, 0]])
    assert taken.truth["latency"] is session.truth["latency"]


def test_a_muscle_of_zeros_is_silent(session: Session) -> None:
    emg = session.emg.copy()
    emg[..., 4] = 0
    assert np.flatnonzero(replace(session, emg=emg).silent).tolist() == [4]


def test_xarray_knows_the_muscles(session: Session) -> None:
    pytest.importorskip("xarray")
    data = session.to_xarray()
    np.testing.assert_array_equal(data["emg"].sel(muscle="RRF"), session.emg[..., 8])
    assert data["emg"].attrs["units"] == "mV"


def test_what_is_not_finite_names_trial_muscle_and_remedy(session: Session) -> None:
    emg = session.emg.copy()
    emg[1, 7, 4] = np.nan
    with pytest.raises(ValueError, match=r"trial 1, LTA, sample 7: .*got nan; leave the trial out"):
        replace(session, emg=emg)


def test_shapes_that_do_not_fit_are_refused(session: Session) -> None:
    with pytest.raises(ValueError, match=r"emg must have shape \(3 trials, time, 14 muscles\)"):
        replace(session, emg=session.emg[:, :, :13])
    with pytest.raises(ValueError, match="at least one trial"):
        session.take(slice(0))
    with pytest.raises(ValueError, match=r"lead_in_ms must be in \[0, 200\), got 200"):
        replace(session, lead_in_ms=200.0)
    with pytest.raises(ValueError, match="fs_hz must be above 0"):
        replace(session, fs_hz=0.0)
    few = Conditions.of(np.array([[-1.0, 0, 1]] * 3), 1, 20)
    with pytest.raises(ValueError, match=r"of the 17 contacts of Specify 5-6-5, .* got 3"):
        replace(session, conditions=few)


def test_another_recording_is_no_session(session: Session, tmp_path: Path) -> None:
    path = tmp_path / "other.h5"
    write_recording(path, Recording({"x": Signal(np.zeros(3), ("time",), "1")}))
    with pytest.raises(FormatError, match="must hold a session of spinal-rnn, got a recording"):
        read_session(path)
    recording = session.recording()
    del recording.signals["emg"]
    write_recording(path, recording)
    with pytest.raises(FormatError, match="is no whole session: 'emg'"):
        read_session(path)
    recording = session.recording()
    recording.attributes["muscles"] = ["A"]
    write_recording(path, recording)
    with pytest.raises(FormatError, match="must have the muscles"):
        read_session(path)
