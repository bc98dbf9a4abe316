"""The search for settings: its space, its trials, going on where it was stopped, its report."""

import json
import math
import re
from pathlib import Path
from typing import Any

import pytest
from omegaconf import OmegaConf
from optuna.trial import FrozenTrial, TrialState

from neuro_common.cli import UsageError, compose
from neuro_common.files import read_csv, read_json
from rldbs_env import search as search_module
from rldbs_env.cli import VERBS
from rldbs_env.config import TrainConfig, TuneConfig
from rldbs_env.hyperparameters import ALGORITHMS, PPOConfig, SACConfig
from rldbs_env.search import Parameter, objective, overrides, parameters, search, training_config
from rldbs_env.search_report import best_of, table_of, training_line, write_search_report
from rldbs_env.training import CurvePoint

SPACE: dict[str, Any] = {
    "penalty": {"low": 5, "high": 50, "log": True},
    "algo": {"n_steps": {"low": 8, "high": 64}, "gamma": [0.9, 0.99], "hidden": [[8], [16, 16]]},
}


def config(**changes: Any) -> TuneConfig:
    told: dict[str, Any] = {"space": SPACE, "trials": 6, "steps": 1000, "seed": 3}
    return TuneConfig(**told | changes)


class Trainings:
    """Stands for `train`: a curve that depends on the settings alone, and what was asked for."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.told: list[TrainConfig] = []
        self.stop_at: int | None = None
        monkeypatch.setattr(search_module, "train", self)
        monkeypatch.setattr(search_module, "validate", lambda *_, **__: (50.0, 0.001))

    def __call__(self, told: TrainConfig, directory: Path, *, report: Any) -> None:
        self.told.append(told)
        directory.mkdir(parents=True)
        for step in (250, 500, 750, 1000):
            if self.stop_at == len(self.told) and step == 750:
                raise KeyboardInterrupt
            s_ratio = step / 1000 * (50 - abs(told.penalty - 20))
            report(step, CurvePoint(-0.1, s_ratio, 0.002, 0.01))


def test_a_space_is_read_in_its_order() -> None:
    found = parameters(SPACE, TrainConfig())
    assert [one.name for one in found] == ["penalty", "algo.n_steps", "algo.gamma", "algo.hidden"]
    penalty, n_steps, gamma, hidden = found
    assert (penalty.low, penalty.high, penalty.log, penalty.whole) == (5, 50, True, False)
    assert (n_steps.log, n_steps.whole) == (False, True)
    assert (gamma.choices, hidden.choices) == ((0.9, 0.99), ([8], [16, 16]))


@pytest.mark.parametrize(
    ("space", "message"),
    [
        ({}, "space must name at least one setting, got none"),
        ({"penalti": [1]}, "space must name settings of the training, got 'penalti' (did you mean"),
        ({"algo": {"clip": [1]}}, "space must name settings of the training, got 'algo.clip'"),
        ({"algo": {"name": ["sac"]}}, "space must name settings of the training, got 'algo.name'"),
        ({"trials": [1]}, "space must name settings of the training, got 'trials'"),
        ({"penalty": []}, "space.penalty must hold at least one choice, got none"),
        ({"penalty": 3}, "space.penalty must be a range {low: 1, high: 10, log: true} or a list"),
        ({"penalty": {"low": 3}}, "space.penalty must be a range {low: 1"),
        ({"penalty": {"low": 3, "high": 9, "step": 1}}, "space.penalty must be a range {low: 1"),
        ({"penalty": {"low": 3, "high": 3}}, "space.penalty must be a range with low < high, got"),
        (
            {"penalty": {"low": 0, "high": 3, "log": True}},
            "space.penalty must be a range with 0 < low < high, got 0 to 3",
        ),
    ],
)
def test_a_space_that_is_none_is_refused(space: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
        parameters(space, TrainConfig())


def test_a_search_has_at_least_one_trial() -> None:
    with pytest.raises(ValueError, match="trials must be at least 1, got 0"):
        config(trials=0)


@pytest.mark.parametrize("name", ALGORITHMS)
def test_every_algorithm_has_a_space_of_its_own(name: str) -> None:
    told: Any = OmegaConf.to_object(compose("rldbs-env", VERBS, "tune", [f"algo={name}"]))
    found = {one.name for one in parameters(told.space, told)}
    assert {"penalty", "algo.learning_rate", "algo.gamma"} <= found
    assert told.algo.name == name


def test_a_space_is_changed_on_the_line() -> None:
    words = ["algo=sac", "space.penalty.low=9", "~space.kick_scale", "space.algo.n_steps=[2,4]"]
    told: Any = OmegaConf.to_object(compose("rldbs-env", VERBS, "tune", words))
    found = {one.name: one for one in parameters(told.space, told)}
    assert found["penalty"].low == 9
    assert found["algo.n_steps"].choices == (2, 4)
    assert "kick_scale" not in found
    with pytest.raises(
        UsageError, match=r"'algo\.clip_range' is no option; the options below algo"
    ):
        compose("rldbs-env", VERBS, "tune", ["algo=sac", "algo.clip_range=0.1"])


def test_a_trial_trains_with_its_values() -> None:
    told = training_config(config(algo=SACConfig()), {"penalty": 7.0, "algo.tau": 0.5})
    assert type(told) is TrainConfig
    assert (told.penalty, told.algo, told.steps) == (7.0, SACConfig(tau=0.5), 1000)
    with pytest.raises(ValueError, match=r"algo.gamma must be in \(0, 1\), got 2"):
        training_config(config(), {"algo.gamma": 2})


def test_charge_above_the_laws_is_paid_for() -> None:
    point = CurvePoint(reward=-0.1, s_ratio=60.0, charge=0.002, kick_std=0.01)
    assert objective(point, law_charge=0.004) == 60
    assert objective(point, law_charge=0.002) == 60
    assert objective(point, law_charge=0.0005) == 15


def test_a_search_finds_what_is_better(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trainings = Trainings(monkeypatch)
    told: list[FrozenTrial] = []
    trials = search(config(trials=25), tmp_path, report=told.append)
    assert [trial.number for trial in trials] == [one.number for one in told] == list(range(25))
    assert {trial.state for trial in trials} == {TrialState.COMPLETE, TrialState.PRUNED}
    best = best_of(trials)
    assert best.value == pytest.approx(50 / 2, abs=2)  # at penalty 20, twice the law's charge
    space = parameters(SPACE, config())
    table = table_of(trials, space)
    penalties = [one.penalty for one in trainings.told]
    assert table["penalty"] == penalties
    assert table["algo.hidden"] == [one.algo.hidden for one in trainings.told]
    assert all(float(f"{penalty:.3g}") == penalty for penalty in penalties)
    assert abs(penalties[best.number] - 20) < 4
    assert not (tmp_path / "trials").exists()


def test_a_search_is_repeatable_and_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainings = Trainings(monkeypatch)
    search(config(), tmp_path / "whole")
    whole = [one.penalty for one in trainings.told]
    trainings.told.clear()
    search(config(trials=2), tmp_path / "again")
    trainings.stop_at = 4  # the second of the four that are left
    with pytest.raises(KeyboardInterrupt):
        search(config(), tmp_path / "again")
    trainings.stop_at = None
    trials = search(config(), tmp_path / "again")
    penalties = [one.penalty for one in trainings.told]
    assert penalties[:4] == whole[:4]
    assert penalties[4] == penalties[3]  # the one that was cut short
    assert len(penalties) == 7
    assert len(trials) == 6
    assert [trial.number for trial in trials] == [0, 1, 2, 4, 5, 6]
    assert search(config(), tmp_path / "again") == trials
    assert len(trainings.told) == 7


def test_several_share_a_study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trainings = Trainings(monkeypatch)
    shared = str(tmp_path / "study")
    search(config(trials=2, study=shared), tmp_path / "one")
    trials = search(config(trials=5, study=shared), tmp_path / "two")
    assert len(trials) == len(trainings.told) == 5
    assert not (tmp_path / "two" / "study.log").exists()


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"steps": 2000}, r"steps=2000 \(there 1000\)"),
        ({"model": {"coupling": 0.1}}, r"model=\{'coupling': 0.1\} \(there \{\}\)"),
        ({"environment": "rldbs/BvdPChargeBalanced-v0"}, "environment=rldbs/BvdPChargeBalanced-v0"),
        ({"space": {"kick_scale": [0.1, 0.2]}}, r"space=\['kick_scale'\] \(there \['penalty'\]\)"),
    ],
)
def test_trials_of_another_training_are_not_added(
    changes: dict[str, Any], named: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Trainings(monkeypatch)
    told = {"space": {"penalty": [10.0, 20.0]}, "study": str(tmp_path)}
    search(config(trials=1, **told), tmp_path / "one")
    with pytest.raises(ValueError, match=f"must be of the same training, got {named}"):
        search(config(trials=2, **told | changes), tmp_path / "two")
    trials = search(config(trials=2, **told, seed=5, threads=2), tmp_path / "two")
    assert len(trials) == 2  # by another seed they may be


def test_trials_that_cannot_be_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Trainings(monkeypatch)
    space = {"algo": {"gamma": [0.9, 2.0]}}
    trials = search(config(space=space, trials=8), tmp_path)
    failed = [trial for trial in trials if trial.state == TrialState.FAIL]
    assert 0 < len(failed) < 8
    assert failed[0].user_attrs["error"] == "algo.gamma must be in (0, 1), got 2.0"
    with pytest.raises(ValueError, match=r"at least one trial .* got none: algo.gamma must be in"):
        search(config(space={"algo": {"gamma": [2.0]}}, trials=2), tmp_path / "none")


def test_a_law_without_charge_is_no_measure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Trainings(monkeypatch)
    monkeypatch.setattr(search_module, "validate", lambda *_, **__: (1.0, 0.0))
    with pytest.raises(ValueError, match="law must give charge to compare with, got none from no"):
        search(config(law="none"), tmp_path)


def test_the_best_settings_make_a_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Trainings(monkeypatch)
    trials = search(config(), tmp_path)
    space = parameters(SPACE, config())
    words = overrides(best_of(trials), space)
    assert [word.partition("=")[0] for word in words] == [one.name for one in space]
    assert not any(" " in word for word in words)
    command = (
        "rldbs-env tune algo=ppo penalty=3 trials=6 space.penalty.low=5 '~space.kick_scale' "
        "study=here hydra.run.dir=there resume=true steps=1000"
    )
    line = training_line(command, best_of(trials), space)
    assert line.startswith("rldbs-env train algo=ppo steps=1000 penalty=")
    assert line.count("penalty=") == 1
    hidden = json.dumps(table_of(trials, space)["algo.hidden"][best_of(trials).number])
    assert hidden.replace(" ", "") in line


def test_a_search_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Trainings(monkeypatch)
    trials = search(config(), tmp_path)
    space = (*parameters(SPACE, config()), Parameter("algo.gae_lambda", 0.5, 0.9))
    line = write_search_report(trials, space, "rldbs-env tune trials=6", tmp_path)
    columns = read_csv(tmp_path / "trials.csv")
    assert [float(cell) for cell in columns["objective"]] == pytest.approx(
        table_of(trials, space)["objective"]
    )
    best = read_json(tmp_path / "best.json", "rldbs-env/best")
    assert (best["trial"], best["command"]) == (best_of(trials).number, line)
    drawn = read_csv(tmp_path / "figures" / "search.csv")
    assert drawn["penalty"] == columns["penalty"]
    assert (tmp_path / "report.html").is_file()
    assert table_of(trials, space)["algo.gae_lambda"] == [None] * 6


def test_a_trial_without_a_validation_has_no_score() -> None:
    trial = FrozenTrial(0, TrialState.FAIL, None, None, None, {}, {}, {"error": "no"}, {}, {}, 0)
    row = table_of([trial], parameters({"penalty": [1]}, TrainConfig()))
    assert math.isnan(row["objective"][0])
    assert (row["state"], row["step"], row["penalty"]) == (["fail"], [0], [None])


@pytest.mark.usefixtures("short_validation")
def test_a_real_training_is_searched(tmp_path: Path) -> None:
    algo = PPOConfig(num_envs=4, n_steps=32, batch_size=64, n_epochs=1, hidden=[8])
    told = config(
        algo=algo, steps=256, n_neurons=10, window=40, lags=[0, 10], pool=1, episode_steps=50,
        checkpoint_steps=128, trials=2, space={"kick_scale": {"low": 0.05, "high": 0.1}},
    )  # fmt: skip
    trials = search(told, tmp_path)
    assert [sorted(trial.intermediate_values) for trial in trials] == [[128, 256]] * 2
    assert trials[0].value != trials[1].value
