"""Search for the settings of a training: trials by Optuna, judged on validation ensembles."""

import json
import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from shutil import rmtree
from typing import Any

import numpy as np
import optuna
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import FrozenTrial, TrialState

from rldbs_env import controllers
from rldbs_env.config import TrainConfig, TuneConfig
from rldbs_env.pulses import Pulse
from rldbs_env.settings import suggest
from rldbs_env.training import CurvePoint, model_of, train, validate

__all__ = ["Parameter", "objective", "overrides", "parameters", "search", "training_config"]

_STUDY, _TRAINING = "rldbs-env tune", "training"
_OF_NO_TRIAL = ("seed", "threads")  # processes of one study may differ in them
_RANGE = {"low", "high", "log"}
_RANDOM_TRIALS = 5
_UNPRUNED_TRIALS, _UNPRUNED_PART = 4, 0.25
_FINISHED = (TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL)


@dataclass(frozen=True)
class Parameter:
    """A setting that is searched: a range, or choices.

    Attributes:
        name: Field of `rldbs_env.config.TrainConfig`, ``algo.`` before one of its algorithm.
        low: Least value of a range.
        high: Greatest value.
        log: Whether the range is searched by its logarithm.
        whole: Whether values are whole numbers.
        choices: What there is to choose from; empty for a range.
    """

    name: str
    low: float = math.nan
    high: float = math.nan
    log: bool = False
    whole: bool = False
    choices: tuple[Any, ...] = ()

    def draw(self, trial: optuna.Trial) -> Any:
        """The value that a trial is to use; a range's with three digits, as it is printed."""
        if self.choices:
            # lists are no values that Optuna knows
            labels = [json.dumps(choice) for choice in self.choices]
            return json.loads(str(trial.suggest_categorical(self.name, labels)))
        if self.whole:
            return trial.suggest_int(self.name, int(self.low), int(self.high), log=self.log)
        return float(f"{trial.suggest_float(self.name, self.low, self.high, log=self.log):.3g}")

    def value(self, trial: FrozenTrial) -> Any:
        """The value that a trial of the past has used; None if it came to none."""
        if self.name not in trial.params:
            return None
        drawn = trial.params[self.name]
        if self.choices:
            return json.loads(drawn)
        return drawn if self.whole else float(f"{drawn:.3g}")


def parameters(space: Mapping[str, Any], config: TrainConfig) -> tuple[Parameter, ...]:
    """What a search space names, in its order.

    Args:
        space: By field ``{low, high}``, with ``log: true`` if wanted, or a list of choices; those
            of the algorithm are below ``algo``.
        config: The training whose fields they are.

    Raises:
        ValueError: A field does not exist, or a range is none.
    """
    found = [_parameter(name, entry, config) for name, entry in _flat(space)]
    if not found:
        raise ValueError(
            "space must name at least one setting, got none: space.algo.gamma=[0.98,0.99]"
        )
    return tuple(found)


def _flat(space: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    rows: list[tuple[str, Any]] = []
    for key, entry in space.items():
        nested = isinstance(entry, Mapping) and not _RANGE & set(entry)
        rows += _flat(entry, f"{prefix}{key}.") if nested else [(f"{prefix}{key}", entry)]
    return rows


def _parameter(name: str, entry: Any, config: TrainConfig) -> Parameter:
    current = _known(config)
    if name not in current:
        raise ValueError(
            f"space must name settings of the training, got {name!r}{suggest(name, [*current])}; "
            f"there are {', '.join(current)}"
        )
    if isinstance(entry, Sequence) and not isinstance(entry, str):
        if not entry:
            raise ValueError(f"space.{name} must hold at least one choice, got none")
        return Parameter(name, choices=tuple(entry))
    if not isinstance(entry, Mapping) or not {"low", "high"} <= set(entry) <= {
        "low",
        "high",
        "log",
    }:
        raise ValueError(
            f"space.{name} must be a range {{low: 1, high: 10, log: true}} or a list of choices, "
            f"got {entry}"
        )
    low, high, log = float(entry["low"]), float(entry["high"]), bool(entry.get("log", False))
    if not low < high or (log and low <= 0):
        least = "0 < low < high" if log else "low < high"
        raise ValueError(f"space.{name} must be a range with {least}, got {low:g} to {high:g}")
    return Parameter(name, low, high, log, isinstance(current[name], int))


def _known(config: TrainConfig) -> dict[str, Any]:
    """Every setting that may be searched, with its present value."""
    known = {f.name: getattr(config, f.name) for f in fields(TrainConfig) if f.name != "algo"}
    algo = config.algo
    known |= {f"algo.{f.name}": getattr(algo, f.name) for f in fields(algo) if f.name != "name"}
    return known


def training_config(config: TuneConfig, values: Mapping[str, Any]) -> TrainConfig:
    """The training of one trial.

    Raises:
        ValueError: The values do not go together.
    """
    plain = {f.name: getattr(config, f.name) for f in fields(TrainConfig)}
    algo = {k.removeprefix("algo."): v for k, v in values.items() if k.startswith("algo.")}
    others = {k: v for k, v in values.items() if not k.startswith("algo.")}
    return TrainConfig(**plain | others | {"algo": replace(config.algo, **algo)})


def objective(point: CurvePoint, law_charge: float) -> float:
    """What a search makes large: suppression, divided by the charge where that exceeds the law's.

    It is the median S_ratio of the mean action on the validation ensembles, over ``max(1, charge /
    law_charge)``: to be quiet at the law's price counts in full, at twice the price half. The
    test ensembles, from 1000 on, have no part in it.

    Args:
        point: Of the learning curve; a trial is judged by its last.
        law_charge: Charge per step of the law that the training is scored beside.
    """
    return point.s_ratio / max(1.0, point.charge / law_charge)


def search(
    config: TuneConfig,
    directory: Path,
    *,
    report: Callable[[FrozenTrial], None] = lambda trial: None,
) -> tuple[FrozenTrial, ...]:
    """Train with varied settings until the study holds ``config.trials`` trials.

    The journal makes it resumable, and several processes can write to one. A trial that was cut
    short in ``directory`` is begun again with the same settings; those that do worse than the
    median of the others at the same step are given up.

    Args:
        config: The training, the space, and how many trials.
        directory: Where trials keep their checkpoints while they train, and the journal is if
            ``config.study`` names no other place.
        report: Called with every trial that ended.

    Returns:
        All trials that ended, in their order.

    Raises:
        ValueError: The space does not fit the training, the study is one of another training, the
            law gives no charge, or no trial came to its end.
    """
    space = parameters(config.space, config)
    home = Path(config.study) if config.study else directory
    home.mkdir(parents=True, exist_ok=True)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(
        storage=JournalStorage(JournalFileBackend(str(home / "study.log"))),
        study_name=_STUDY,
        direction="maximize",
        load_if_exists=True,
        pruner=optuna.pruners.MedianPruner(
            n_startup_trials=_UNPRUNED_TRIALS, n_warmup_steps=int(_UNPRUNED_PART * config.steps)
        ),
    )
    _check_training(study, config, {one.name for one in space}, home)
    _take_up(study, directory)
    law_charge = _law_charge(config)
    while len(_ended(study)) < config.trials:
        # keyed by the number of trials, so that a resumed search draws nothing twice
        seed = np.random.SeedSequence((config.seed, len(study.trials))).generate_state(1)
        study.sampler = optuna.samplers.TPESampler(
            n_startup_trials=_RANDOM_TRIALS, seed=int(seed[0]), constant_liar=True
        )
        trial = study.ask()
        trial.set_user_attr("directory", str(directory))
        _run_trial(
            study, trial, space, config, law_charge, directory / "trials" / str(trial.number)
        )
        report(study.trials[trial.number])
    ended = _ended(study)
    if not any(trial.state == TrialState.COMPLETE for trial in ended):
        reasons = [str(trial.user_attrs.get("error", "pruned")) for trial in ended]
        raise ValueError(f"at least one trial must come to its end, got none: {reasons[-1]}")
    return ended


def _check_training(
    study: optuna.Study, config: TuneConfig, varied: Collection[str], home: Path
) -> None:
    """Refuse a study whose trials were trained or judged otherwise: they are not comparable."""
    told = _known(config) | {"algo.name": config.algo.name, "space": sorted(varied)}
    # as they come back from the journal
    fixed = json.loads(json.dumps({k: v for k, v in told.items() if k not in _OF_NO_TRIAL}))
    before = study.user_attrs.get(_TRAINING)
    if before is None:
        study.set_user_attr(_TRAINING, fixed)
        return
    other = [
        f"{name}={fixed.get(name)} (there {before.get(name)})"
        for name in sorted({*fixed, *before} - {*varied})
        if fixed.get(name) != before.get(name)
    ]
    if other:
        raise ValueError(
            f"the study in {home} must be of the same training, got {', '.join(other)}: give it "
            "the settings that it has, or another study=DIRECTORY"
        )


def _ended(study: optuna.Study) -> tuple[FrozenTrial, ...]:
    """The trials that count: one that failed without an error was cut short."""
    trials = study.get_trials(deepcopy=False, states=_FINISHED)
    failed = TrialState.FAIL
    return tuple(one for one in trials if one.state != failed or "error" in one.user_attrs)


def _take_up(study: optuna.Study, directory: Path) -> None:
    """Ask for the trials again that a process in this directory left behind."""
    for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
        if trial.user_attrs.get("directory") == str(directory):
            study.tell(trial.number, state=TrialState.FAIL)
            study.enqueue_trial(trial.params)


def _run_trial(
    study: optuna.Study,
    trial: optuna.Trial,
    space: Sequence[Parameter],
    config: TuneConfig,
    law_charge: float,
    directory: Path,
) -> None:
    last: CurvePoint | None = None

    def report(step: int, point: CurvePoint) -> None:
        nonlocal last
        last = point
        trial.report(objective(point, law_charge), step)
        trial.set_user_attr("s_ratio", point.s_ratio)
        trial.set_user_attr("charge", point.charge)
        if step < config.steps and trial.should_prune():
            raise optuna.TrialPruned

    try:
        told = training_config(config, {one.name: one.draw(trial) for one in space})
        train(told, directory, report=report)
    except optuna.TrialPruned:
        study.tell(trial, state=TrialState.PRUNED)
    except ValueError as error:
        trial.set_user_attr("error", str(error))
        study.tell(trial, state=TrialState.FAIL)
    else:
        assert last is not None, "a training reports its end"
        study.tell(trial, objective(last, law_charge))
    rmtree(directory.parent, ignore_errors=True)  # holds no other: trials come one by one


def _law_charge(config: TuneConfig) -> float:
    """Charge per step of the law on the validation ensembles."""
    law = controllers.make(config.law, **config.law_arguments)
    pulse = Pulse(tuple(config.pulse)) if config.pulse else None
    _, charge = validate(law, model_of(config), config.n_neurons, pulse=pulse)
    if charge == 0:
        raise ValueError(f"law must give charge to compare with, got none from {config.law}")
    return charge


def overrides(trial: FrozenTrial, space: Sequence[Parameter]) -> list[str]:
    """The words that make a training of what a trial had."""
    values = {one.name: one.value(trial) for one in space}
    return [f"{name}={json.dumps(value).replace(' ', '')}" for name, value in values.items()]
