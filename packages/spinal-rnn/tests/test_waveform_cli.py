"""`train` for models of waveforms: what it scores and saves, and what reads it again."""

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from neuro_common.runs import Run, read_csv
from spinal_rnn.model_cli import train
from spinal_rnn.model_config import ModelConfig, TrainConfig
from spinal_rnn.models.files import load_model, responses_of
from spinal_rnn.models.hybrid import HybridModel
from spinal_rnn.models.recurrent import RecurrentModel
from spinal_rnn.models.waveform import WaveformModel
from spinal_rnn.models.weights import TrainedEnsemble
from spinal_rnn.simulation.simulator import simulate_session
from spinal_rnn.waveform_config import (
    TRAINED_MODELS,
    HybridConfig,
    RecurrentConfig,
    ReflexConfig,
)

SMALL = {"members": 2, "folds": 1, "updates": 60}
TINY = {"units": 6, "epochs": 2}


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    with Run.open(
        tmp_path / "run", config={}, distribution="spinal-rnn", verb="train", command="", seed=0
    ) as one:
        yield one


@pytest.mark.parametrize(
    ("model", "kind"),
    [
        (ReflexConfig(**SMALL), WaveformModel),
        (RecurrentConfig(**TINY), RecurrentModel),
        (HybridConfig(**TINY), HybridModel),
    ],
)
def test_a_model_of_waveforms_is_scored_and_saved(
    model: ModelConfig, kind: type, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    metric = train(TrainConfig(model, session="easy", held_out=3), run)
    said = capsys.readouterr().out
    assert re.search(rf"{model.name}: pooled R2 of the EMG {metric:.3f} on the held-out conf", said)
    loaded = load_model(run.directory)
    assert isinstance(loaded, kind)
    emg = loaded.predict(simulate_session(0, "easy").conditions).values
    assert emg.shape == (100, 200, 14)
    assert np.isfinite(emg).all()
    if kind is RecurrentModel:
        with pytest.raises(ValueError, match="must be of a model with roots"):
            responses_of(loaded)
    else:
        late = responses_of(loaded).model.predict(simulate_session(0, "easy").conditions)
        assert late.values.shape == (100, 14)
    if kind is not WaveformModel:
        assert len(read_csv(run.path("metrics.csv"))["loss"]) == 3


def test_all_trials_are_learnt_from_without_a_score(run: Run) -> None:
    assert train(TrainConfig(ReflexConfig(**SMALL), session="easy", held_out=0), run) is None
    assert isinstance(load_model(run.directory / "responses"), TrainedEnsemble)


def test_every_model_has_a_name_of_its_own() -> None:
    for name, config in TRAINED_MODELS.items():
        assert config(name=name).name == name
    assert {"anatomical", "ridge", "reflex", "recurrent", "hybrid"} <= {*TRAINED_MODELS}


def test_what_cannot_be_is_refused(run: Run, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="network must be one of GRU"):
        RecurrentConfig(network="GRUU")
    with pytest.raises(FileNotFoundError, match=r"manifest\.json is missing"):
        load_model(tmp_path)
