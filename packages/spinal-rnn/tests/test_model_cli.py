"""Training, predicting and comparing, as a user types them."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from neuro_common.runs import read_csv, read_metric
from spinal_rnn.cli import main
from spinal_rnn.model_config import (
    MODELS,
    AnatomicalConfig,
    BaselineConfig,
    EvaluateConfig,
    ModelConfig,
    TrainConfig,
)
from spinal_rnn.models.baselines import BASELINES, Baseline
from spinal_rnn.models.ensemble import RootEnsemble
from spinal_rnn.models.geometric import GeometricForm
from spinal_rnn.models.making import make_model
from spinal_rnn.models.weights import load_ensemble
from spinal_rnn.simulation.simulator import simulate_session

SMALL = ["model.members=2", "model.folds=2", "model.updates=20"]


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def run_of(verb: str) -> Path:
    (run,) = Path("results/spinal-rnn", verb).iterdir()
    return run


def test_train_scores_saves_and_predicts(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "session=easy", "held_out=3", *SMALL]) == 0
    said = capsys.readouterr().out
    assert re.search(r"anatomical: pooled R2 -?\d\.\d{3} on the held-out configuration", said)
    assert "90 % intervals cover" in said
    run = run_of("train")
    row = read_csv(run / "metrics.csv")
    assert row["split"] == ["held-out configuration"]
    assert float(row["r2"][0]) == pytest.approx(read_metric(run))
    trained = load_ensemble(run)
    assert trained.facts["split"] == "held-out configuration"
    assert trained.facts["session"] == "easy"

    table = Path("conditions.csv")
    table.write_text(
        "configuration,amplitude_ma,frequency_hz\ncath4_an3_5,2.5,40\ncath0_an16,0,20\n"
    )
    assert main(["predict", f"weights={run}", f"conditions={table}"]) == 0
    columns = read_csv(run_of("predict") / "prediction.csv")
    assert columns["configuration"] == ["cath4_an3_5", "cath0_an16"]
    low, value, high = (float(columns[f"LTA{part}_mv"][0]) for part in ("_low", "", "_high"))
    assert 0 <= low < value < high
    assert len(columns) == 4 + 3 * 14


def test_a_baseline_is_scored_and_not_saved(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "session=easy", "model=ridge", "held_out=3"]) == 0
    assert "ridge is a baseline: its score is kept" in capsys.readouterr().out
    assert not (run_of("train") / "weights.safetensors").exists()


def test_all_trials_can_be_learnt_from(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "session=easy", "model=geometric", "held_out=0", *SMALL]) == 0
    assert "pooled R2" not in capsys.readouterr().out
    trained = load_ensemble(run_of("train"))
    assert isinstance(trained.model.form, GeometricForm)
    assert trained.facts["trials"] == 100


def test_evaluate_puts_the_splits_side_by_side(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["session=easy", "models=[mean,ridge]", "held_out=3", "splits=[trial,configuration]"]
    assert main(["evaluate", *words]) == 0
    said = capsys.readouterr().out
    assert re.search(r"random row +held-out configuration", said)
    assert "Only held-out configurations measure generalisation" in said
    rows = read_csv(run_of("evaluate") / "metrics.csv")
    assert rows["model"] == ["mean", "ridge", "mean", "ridge"]
    honest = [
        float(r2) for r2, split in zip(rows["r2"], rows["split"], strict=True) if "h" in split
    ]
    assert read_metric(run_of("evaluate")) == pytest.approx(max(honest))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["predict"], "weights must be given: add weights=VALUE, as in `spinal-rnn predict w"),
        (["predict", "weights=nowhere"], "conditions must be given"),
        (["train", "session=hard"], "session must be a preset"),
        (["train", "session=easy", "held_out=12"], "leave one to learn from, got 12 of"),
        (["train", "model.folds=0"], "model.folds must be at least 1"),
        (["train", "model=lasso"], "lasso"),
    ],
)
def test_wrong_lines_end_with_a_message(
    words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) in (1, 2)
    assert said in capsys.readouterr().err


def test_configs_refuse_what_cannot_be() -> None:
    with pytest.raises(ValueError, match="held_out must be at least 0"):
        TrainConfig(held_out=-1)
    with pytest.raises(ValueError, match=r"model\.updates must be at least 1"):
        AnatomicalConfig(updates=0)
    with pytest.raises(ValueError, match=r"models must be some of anatomical.*got \['lasso'\]"):
        EvaluateConfig(models=["lasso"])
    with pytest.raises(ValueError, match="splits must be some of configuration"):
        EvaluateConfig(splits=[])


def test_every_model_of_the_configs_can_be_made() -> None:
    assert {name for name, one in MODELS.items() if one is BaselineConfig} == set(BASELINES)
    for name, config in MODELS.items():
        made = make_model(BaselineConfig(name) if config is BaselineConfig else config())
        assert isinstance(made, Baseline if config is BaselineConfig else RootEnsemble)
    with pytest.raises(ValueError, match="a baseline must be one of"):
        make_model(ModelConfig("lasso"))


def test_a_silent_session_has_no_score_and_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    session = simulate_session(3, "easy")
    replace(session, emg=np.zeros_like(session.emg)).write("silent.h5")
    assert main(["train", "session=silent.h5", "held_out=2", *SMALL]) == 0
    assert "pooled R2 nan on the held-out configuration split" in capsys.readouterr().out
