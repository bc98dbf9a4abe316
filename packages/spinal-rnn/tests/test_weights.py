"""Weights come back to the last bit, and nothing else is taken for them."""

from pathlib import Path

import numpy as np
import pytest

from neuro_common.checkpoint import load_checkpoint, save_checkpoint
from neuro_common.files import FormatError
from spinal_rnn.models.anatomical import AnatomicalForm
from spinal_rnn.models.base import NotFitted
from spinal_rnn.models.ensemble import RootEnsemble
from spinal_rnn.models.forms import Form
from spinal_rnn.models.geometric import GeometricForm
from spinal_rnn.models.weights import TrainedEnsemble, load_ensemble, save_ensemble
from spinal_rnn.responses import Scale, measure_responses
from spinal_rnn.simulation.simulator import simulate_session

RESPONSES = measure_responses(simulate_session(0, "easy"))
SCALE = Scale.fit(RESPONSES.late_mv)


def trained(form: Form, folds: int) -> TrainedEnsemble:
    model = RootEnsemble(form, members=2, folds=folds, updates=3)
    model.fit(RESPONSES.conditions, SCALE.apply(RESPONSES.late_mv))
    return TrainedEnsemble(model, SCALE, {"r2": 0.5})


@pytest.mark.parametrize(
    ("form", "folds"),
    [
        (AnatomicalForm(), 2),
        (AnatomicalForm(kernel="free", floor=False, late_ms=100.0), 1),
        (GeometricForm(depression=False), 2),
    ],
)
def test_weights_come_back_to_the_last_bit(form: Form, folds: int, tmp_path: Path) -> None:
    saved = trained(form, folds)
    save_ensemble(tmp_path, saved)
    back = load_ensemble(tmp_path)
    old, new = (one.model.predict(RESPONSES.conditions) for one in (saved, back))
    np.testing.assert_array_equal(old.values, new.values)
    np.testing.assert_array_equal(old.activities, new.activities)
    if folds > 1:
        np.testing.assert_array_equal(old.low, new.low)
        np.testing.assert_array_equal(old.high, new.high)
    assert (new.low is None) == (folds == 1)
    np.testing.assert_array_equal(back.scale.mv, SCALE.mv)
    assert back.facts == {"r2": 0.5}
    assert (back.model.members, back.model.folds, back.model.updates) == (2, folds, 3)
    kept = {name: value for name, value in vars(back.model.form).items() if name != "lead"}
    assert kept == {name: value for name, value in vars(form).items() if name != "lead"}


def test_files_that_call_the_updates_steps_are_read(tmp_path: Path) -> None:
    save_ensemble(tmp_path, trained(AnatomicalForm(), 1))
    tensors, manifest = load_checkpoint(tmp_path)
    settings = {
        ("steps" if key == "updates" else key): v for key, v in manifest["settings"].items()
    }
    assert settings["steps"] == 3
    save_checkpoint(tmp_path, tensors, manifest | {"settings": settings})
    assert load_ensemble(tmp_path).model.updates == 3


def test_what_holds_no_ensemble_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NotFitted, match="fitted before it is saved"):
        save_ensemble(tmp_path, TrainedEnsemble(RootEnsemble(), SCALE, {}))
    with pytest.raises(FileNotFoundError, match="no complete checkpoint"):
        load_ensemble(tmp_path)
    save_checkpoint(tmp_path, {"a": np.ones(1)}, {"kind": "other"})
    with pytest.raises(FormatError, match="must hold an ensemble of spinal-rnn, got 'other'"):
        load_ensemble(tmp_path)
    save_ensemble(tmp_path, trained(AnatomicalForm(), 1))
    tensors, manifest = load_checkpoint(tmp_path)
    save_checkpoint(tmp_path, tensors, manifest | {"form": "spherical"})
    with pytest.raises(FormatError, match="no whole ensemble: 'spherical'; restore it from a copy"):
        load_ensemble(tmp_path)
