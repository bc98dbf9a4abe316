"""A model meets a session that is not like the one it learnt from, or has nothing to learn from."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from spinal_rnn.cli import main
from spinal_rnn.models.recurrent import RecurrentModel
from spinal_rnn.models.recurrent_options import RecurrentOptions
from spinal_rnn.scores import estimate_noise
from spinal_rnn.simulation.simulator import Recorder, simulate_session


def test_waveforms_of_another_sampling_rate_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    session = simulate_session(3, "easy")
    options = RecurrentOptions(units=4, epochs=1)
    model = RecurrentModel(options).fit(session.conditions, session.emg.astype(float))
    assert model.samples == 200
    model.save("weights")
    simulate_session(3, "easy", recorder=Recorder(2000.0)).write("fast.h5")
    replace(session, lead_in_ms=10.0).write("early.h5")
    learnt = "got those of trials of 200 samples at 1000 Hz, the first pulse at 20 ms"
    for name, wanted in (("fast", "400 samples at 2000 Hz"), ("early", "first pulse at 10 ms")):
        words = ("figures", "recruitment", f"session={name}.h5", "weights=weights")
        assert main([*words, f"hydra.run.dir={name}"]) == 1
        told = capsys.readouterr().err
        assert wanted in told
        assert learnt in told


def test_a_figure_of_given_weights_says_when_it_is_no_test(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    small = ("model.members=1", "model.folds=1", "model.updates=2", "held_out=0")
    assert main(["train", "session=easy", *small, "hydra.run.dir=weights"]) == 0
    assert main(["figures", "bars", "session=easy", "weights=weights", "hydra.run.dir=bars"]) == 0
    assert "they are a test only if it was trained without this configuration" in (
        capsys.readouterr().out
    )


def test_a_silent_session_has_no_score_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    session = simulate_session(3, "easy")
    assert np.isnan(
        estimate_noise(session.conditions, np.zeros((100, 14))).ceiling(np.zeros((10, 14)))
    )
    replace(session, emg=np.zeros_like(session.emg)).write("silent.h5")
    small = ("model.members=2", "model.folds=2", "model.updates=2", "held_out=2")
    assert main(["train", "session=silent.h5", *small]) == 0
    assert "pooled R2 nan on the held-out configuration split" in capsys.readouterr().out
