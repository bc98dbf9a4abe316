"""The verbs that fit models, use them and compare them."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from neuro_common import cli

if TYPE_CHECKING:
    from neuro_common.runs import Run
    from spinal_rnn.conditions import Conditions
    from spinal_rnn.evaluation import Score
    from spinal_rnn.lead import Lead
    from spinal_rnn.model_config import EvaluateConfig, PredictConfig, TrainConfig
    from spinal_rnn.splits import Split

__all__ = ["evaluate", "predict", "train"]


def train(config: "TrainConfig", run: "Run") -> float | None:
    """Fit a model, and save it if it has weights; returns its pooled R2 on the held-out trials."""
    import numpy as np
    import torch

    from neuro_common.runs import read_provenance
    from spinal_rnn.evaluation import scored
    from spinal_rnn.models.ensemble import RootEnsemble
    from spinal_rnn.models.making import make_model
    from spinal_rnn.models.weights import TrainedEnsemble, save_ensemble
    from spinal_rnn.responses import Scale, late_ms, measure_responses
    from spinal_rnn.sources import open_session
    from spinal_rnn.splits import by_configuration, mirror_of
    from spinal_rnn.waveform_cli import train_waveforms
    from spinal_rnn.waveform_config import WAVEFORM_MODELS

    torch.set_num_threads(config.threads)
    if config.model.name in WAVEFORM_MODELS:
        return train_waveforms(config, run)
    session = open_session(config.session, config.session_seed)
    responses = measure_responses(session)
    conditions, lead = responses.conditions, session.lead
    split = None
    trials = np.arange(len(responses))
    if config.held_out:
        split = by_configuration(conditions, mirror_of(lead), config.held_out, seed=config.seed)
        trials = split.train
    scale = Scale.fit(responses.late_mv[trials])
    target = scale.apply(responses.late_mv)
    model = make_model(config.model, lead, late_ms=late_ms(session), seed=config.seed)
    model.fit(conditions.take(trials), target[trials])
    facts = {
        "command": str(read_provenance(run.directory)["command"]),
        "session": config.session,
        "subject": session.subject,
        "trials": len(trials),
        "pulses": int(conditions.pulses[0]),
    }
    metric = None
    if split is not None:
        predicted = model.predict(conditions.take(split.test))
        score = scored(config.model.name, split, conditions, target, predicted, lead)
        run.log(step=0, **score.row())
        # responses that never vary have no R2
        facts |= {"split": score.split, "r2": score.r2 if np.isfinite(score.r2) else None}
        print("\n".join(_told(score, split)))
        metric = score.r2
    if isinstance(model, RootEnsemble):
        save_ensemble(run.directory, TrainedEnsemble(model, scale, facts))
        print(f"weights={run.directory}")
    else:
        print(f"{config.model.name} is a baseline: its score is kept, the fit is not")
    return metric


def predict(config: "PredictConfig", run: "Run") -> float:
    """Write what trained weights say of a table of conditions; returns the number of its rows."""
    from pathlib import Path

    import torch

    from neuro_common.runs import write_csv
    from spinal_rnn.conditions import configuration_name
    from spinal_rnn.formats.condition_tables import read_condition_table
    from spinal_rnn.models.files import load_model, responses_of
    from spinal_rnn.models.weights import check_pulses
    from spinal_rnn.muscles import MUSCLES

    torch.set_num_threads(config.threads)
    trained = responses_of(load_model(config.weights))
    contacts = len(trained.model.form.lead)
    conditions = read_condition_table(Path(config.conditions), contacts).conditions
    check_pulses(trained, conditions)
    predicted = trained.model.predict(conditions)
    columns: dict[str, Sequence[Any]] = {
        "configuration": [configuration_name(one) for one in conditions.configuration],
        "amplitude_ma": conditions.amplitude_ma.tolist(),
        "frequency_hz": conditions.frequency_hz.tolist(),
        "pulse_width_us": conditions.pulse_width_us.tolist(),
    }
    parts = {"": predicted.values, "_low": predicted.low, "_high": predicted.high}
    for muscle, name in enumerate(MUSCLES):
        for suffix, values in parts.items():
            if values is not None:
                columns[f"{name}{suffix}_mv"] = trained.scale.invert(values)[:, muscle].tolist()
    write_csv(run.path("prediction.csv"), columns)
    print(f"{len(conditions)} conditions, late responses in mV: {run.path('prediction.csv')}")
    return float(len(conditions))


def evaluate(config: "EvaluateConfig", run: "Run") -> float:
    """Score models on several splits; returns the best pooled R2 on held-out configurations."""
    from functools import partial

    import torch

    from spinal_rnn.evaluation import evaluate as compare
    from spinal_rnn.evaluation import score_table
    from spinal_rnn.model_config import MODELS, BaselineConfig
    from spinal_rnn.models.making import make_model
    from spinal_rnn.responses import late_ms, measure_responses
    from spinal_rnn.sources import open_session
    from spinal_rnn.splits import CONFIGURATION

    torch.set_num_threads(config.threads)
    session = open_session(config.session, config.session_seed)
    responses = measure_responses(session)
    configs = {
        name: BaselineConfig(name) if MODELS[name] is BaselineConfig else MODELS[name]()
        for name in config.models
    }
    models = {
        name: partial(make_model, one, session.lead, late_ms=late_ms(session), seed=config.seed)
        for name, one in configs.items()
    }
    splits = _splits(config, responses.conditions, session.lead)
    scores: list[Score] = []
    bar: cli.Progress[int] = cli.progress(len(models) * len(splits), "evaluate", metric="R2")
    with bar:
        for score in compare(responses, models, splits, session.lead):
            run.log(step=len(scores), **score.row())
            scores.append(score)
            bar.show(score.r2)
            bar.advance()
    print("\n".join(score_table(scores)))
    print("Only held-out configurations measure generalisation: in a random row split each of them")
    print("has been seen, at neighbouring amplitudes.")
    honest = [one for one in scores if one.split == CONFIGURATION] or scores
    return max(one.r2 for one in honest)


def _told(score: "Score", split: "Split") -> list[str]:
    lines = [
        f"{score.model}: pooled R2 {score.r2:.3f} on the {score.split} split, ceiling from repeats "
        f"{score.ceiling:.3f}, median of muscles {score.median_r2:.3f}, nRMSE {score.nrmse:.3f}; "
        f"{len(split.train)} trials learnt from, {len(split.test)} held out"
    ]
    if score.coverage == score.coverage:  # a baseline has none: NaN
        lines.append(
            f"90 % intervals cover {score.coverage:.0%} with a median width of {score.width:.3f}; "
            f"one width around the mean needs {score.constant_width:.3f}"
        )
    return lines


def _splits(config: "EvaluateConfig", conditions: "Conditions", lead: "Lead") -> list["Split"]:
    from spinal_rnn.splits import by_amplitude, by_configuration, by_trial, mirror_of

    made = {
        "trial": lambda: by_trial(conditions, seed=config.seed),
        "amplitude": lambda: by_amplitude(conditions, seed=config.seed),
        "configuration": lambda: by_configuration(
            conditions, mirror_of(lead), config.held_out, seed=config.seed
        ),
    }
    return [made[name]() for name in config.splits]
