"""Whose predictions a figure draws: weights must be of such a session, and a test is called so."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from spinal_rnn.cli import main
from spinal_rnn.mapping import map_configuration
from spinal_rnn.models.anatomical import AnatomicalForm
from spinal_rnn.models.ensemble import RootEnsemble
from spinal_rnn.models.recurrent import RecurrentModel
from spinal_rnn.models.recurrent_options import RecurrentOptions
from spinal_rnn.models.weights import TrainedEnsemble, save_ensemble
from spinal_rnn.predictor import predictor
from spinal_rnn.responses import Scale
from spinal_rnn.simulation.simulator import Recorder, simulate_session


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_waveforms_of_another_sampling_rate_are_refused() -> None:
    session = simulate_session(3, "easy")
    options = RecurrentOptions(units=4, epochs=1)
    model = RecurrentModel(options).fit(session.conditions, session.emg.astype(float))
    assert model.samples == 200
    model.save("weights")
    learnt = "got those of trials of 200 samples at 1000 Hz, the first pulse at 20 ms"
    fast = simulate_session(3, "easy", recorder=Recorder(2000.0))
    early = replace(session, lead_in_ms=10.0)
    for other, wanted in ((fast, "400 samples at 2000 Hz"), (early, "first pulse at 10 ms")):
        with pytest.raises(ValueError, match=f"{wanted}.*{learnt}"):
            predictor(map_configuration(other), "weights")


def test_weights_of_contacts_at_other_places_are_refused() -> None:
    session = simulate_session(3, "easy")
    lead = replace(session.lead, name="stretched", z_mm=1.2 * session.lead.z_mm)
    ensemble = RootEnsemble(AnatomicalForm(lead), members=1, folds=1, updates=1)
    ensemble.fit(session.conditions, np.zeros((len(session), 14)))
    save_ensemble("weights", TrainedEnsemble(ensemble, Scale(np.ones(14)), {}))
    with pytest.raises(ValueError, match="lie as on Specify 5-6-5, got those of stretched at"):
        predictor(map_configuration(session), "weights")


def test_a_figure_of_given_weights_says_when_it_is_no_test(
    capsys: pytest.CaptureFixture[str], no_drawing: None
) -> None:
    small = ("model.members=1", "model.folds=1", "model.updates=2", "held_out=0")
    assert main(["train", "session=easy", *small, "hydra.run.dir=weights"]) == 0
    assert main(["figures", "bars", "session=easy", "weights=weights", "hydra.run.dir=bars"]) == 0
    assert "they are a test only if it was trained without this configuration" in (
        capsys.readouterr().out
    )
