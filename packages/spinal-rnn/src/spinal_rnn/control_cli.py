"""The verbs that look for a stimulation: `optimise` and `next`."""

import re
from dataclasses import MISSING, dataclass, fields
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from neuro_common.runs import Run
    from spinal_rnn.control.candidates import Candidates
    from spinal_rnn.control.limits import Limits
    from spinal_rnn.control.model import EnsembleSurrogate
    from spinal_rnn.control.objectives import Match, Selectivity
    from spinal_rnn.control.surrogate import Surrogate
    from spinal_rnn.control.trial_table import Trials
    from spinal_rnn.control_config import ControlConfig, NextConfig, OptimiseConfig
    from spinal_rnn.responses import Responses
    from spinal_rnn.session import Session

__all__ = ["next_trials", "optimise"]

_POOL = 100  # configurations that a loop chooses from


def optimise(config: "OptimiseConfig", run: "Run") -> float:
    """Search for a stimulation; returns the lower bound of the score that it ends with."""
    from neuro_common.report import Report
    from neuro_common.runs import write_csv
    from spinal_rnn.control.sequential import Plan, best_measured

    task = _prepare(config)
    found, ranked = _searched(task, config)
    plan = Plan(series=max(config.series, 1), trials=config.trials, caution=config.kappa)
    verified = None
    if config.series:
        task = task.verified(config, plan, ranked.first(_POOL).vectors, run.path("trials.csv"))
        verified = _verified(task, config)
    if len(task.trials):
        ranked = best_measured(task.believed, task.objective, task.limits, plan, task.trials)
    table = _table(ranked.first(config.rows), task)
    write_csv(run.path("top.csv"), table)
    best = ranked.first(1)
    summary = _summary(task, best)
    print("\n".join([*_lines(table), "", *summary]))
    report = Report(run.directory, f"spinal-rnn: a stimulation for {config.target}")
    report.text("For research on models and recordings. This is no medical device.")
    report.text(" ".join(summary))
    report.figures(_drawn(task, best, found, verified, run))
    report.table(table, "The best candidates. Low and high hold 90 % of the belief in a score.")
    report.write()
    return float(best.bound[0])


def next_trials(config: "NextConfig", run: "Run") -> float:
    """Write a table of trials to measure; returns how many there are."""
    from spinal_rnn.control.sequential import Plan, propose
    from spinal_rnn.control.trial_table import write_trials

    task = _prepare(config)
    _, ranked = _searched(task, config)
    plan = Plan(batch=config.series, singles=min(2, config.series), trials=config.trials)
    pool = ranked.first(_POOL).vectors
    proposals = propose(
        task.believed,
        task.objective,
        pool,
        task.limits,
        plan,
        task.trials,
        config.series,
        task.session.lead,
    )
    path = run.path("next_trials.csv")
    write_trials(path, proposals)
    for one in proposals:
        print(f"{one.name}: {one.amplitudes_ma[0]:.1f} to {one.amplitudes_ma[-1]:.1f} mA")
    print(
        f"\nMeasure these {sum(map(len, proposals))} trials, fill in the late responses in mV in "
        f"{path}, and go on with\n{_going_on(config, str(path))}"
    )
    return float(sum(map(len, proposals)))


def _going_on(config: "NextConfig", path: str) -> str:
    """The command that goes on with a filled table, within the limits of this one."""
    import shlex

    from spinal_rnn.control_config import NextConfig as Settings

    words: dict[str, Any] = {"session": config.session, "target": config.target}
    for one in fields(Settings):
        value = getattr(config, one.name)
        default = one.default if one.default_factory is MISSING else one.default_factory()
        if value != default:
            words[one.name] = value
    words["measured"] = [*config.measured, path]
    told = (shlex.quote(f"{name}={_typed(value)}") for name, value in words.items())
    return " ".join(["spinal-rnn next", *told])


def _typed(value: Any) -> str:
    """A value as Hydra reads it; text with its signs is quoted."""
    if isinstance(value, list):
        return f"[{','.join(map(_typed, value))}]"
    if isinstance(value, str) and not re.fullmatch(r"[\w./+-]+", value):
        return f'"{value}"'
    return str(value)


@dataclass(frozen=True, eq=False)
class _Task:
    """What both verbs begin with."""

    session: "Session"
    responses: "Responses"
    surrogate: "EnsembleSurrogate"
    believed: "Surrogate"
    objective: "Selectivity | Match"
    limits: "Limits"
    trials: "Trials"
    truth: Any = None

    def verified(
        self, config: "OptimiseConfig", plan: Any, pool: "NDArray[np.float64]", state: Any
    ) -> "_Task":
        """The same after measurements on the simulated person."""
        from dataclasses import replace

        from spinal_rnn.control.regret import Truth
        from spinal_rnn.control.sequential import SimulatedPerson, correct, run
        from spinal_rnn.control.surrogate import Doubt
        from spinal_rnn.simulation.simulator import PRESETS, draw_subject

        if config.session not in PRESETS:
            raise ValueError(
                f"only a simulated person can be measured here, got session={config.session}; set "
                "series=0, and let `spinal-rnn next` write the trials to measure"
            )
        person = draw_subject(config.session_seed, config.session)
        trials = run(
            self.surrogate,
            self.objective,
            pool,
            SimulatedPerson(person, config.seed),
            self.limits,
            plan=plan,
            lead=self.session.lead,
            state=state,
        )
        believed = correct(self.surrogate, trials, Doubt(), self.session.lead)
        truth = Truth(person, min(self.limits.frequencies_hz))
        return replace(self, trials=trials, believed=believed, truth=truth)


def _prepare(config: "ControlConfig") -> _Task:
    import torch

    from spinal_rnn.control.limits import Limits
    from spinal_rnn.control.model import EnsembleSurrogate
    from spinal_rnn.control.objectives import parse_target
    from spinal_rnn.control.sequential import correct
    from spinal_rnn.control.surrogate import Doubt
    from spinal_rnn.control.trial_table import Trials, read_trials
    from spinal_rnn.models.anatomical import AnatomicalForm
    from spinal_rnn.models.ensemble import RootEnsemble
    from spinal_rnn.responses import late_ms, measure_responses
    from spinal_rnn.sources import open_session

    torch.set_num_threads(config.threads)
    objective = parse_target(config.target, config.selectivity, config.floor)
    session = open_session(config.session, config.session_seed)
    _refuse_silent(objective, session)
    limits = Limits(
        config.contact_ma,
        config.total_ma,
        config.charge_uc,
        tuple(config.forbidden),
        tuple(config.frequencies_hz),
        tuple(config.pulse_widths_us),
        contacts=len(session.lead),
    )
    trials = Trials()
    for path in config.measured:
        more = read_trials(path, limits)
        trials = trials.with_more(more.proposals, more.late_mv)
    ensemble = RootEnsemble(
        AnatomicalForm(lead=session.lead, late_ms=late_ms(session)),
        members=config.members,
        folds=min(5, config.members),
        updates=config.updates,
        seed=config.seed,
    )
    responses = measure_responses(session)
    surrogate = EnsembleSurrogate.fit(responses, min(limits.frequencies_hz), ensemble)
    believed = correct(surrogate, trials, Doubt(), session.lead)
    return _Task(session, responses, surrogate, believed, objective, limits, trials)


def _refuse_silent(objective: "Selectivity | Match", session: "Session") -> None:
    """Refuse a target of which the session has no EMG: nothing is known of it."""
    import numpy as np

    from spinal_rnn.control.objectives import Selectivity
    from spinal_rnn.muscles import MUSCLES

    if isinstance(objective, Selectivity):
        wanted = np.isin(np.arange(len(MUSCLES)), objective.targets)
    else:
        wanted = objective.wanted > 0
    if unknown := [MUSCLES[one] for one in np.flatnonzero(wanted & session.silent)]:
        raise ValueError(
            f"target must be a muscle that the session recorded, got {', '.join(unknown)}, whose "
            "EMG is 0 in all trials"
        )


def _searched(task: _Task, config: "ControlConfig") -> "tuple[dict[str, Candidates], Candidates]":
    """What each search found on the model, and the best by all that is known."""
    from spinal_rnn.control.candidates import evaluate, join
    from spinal_rnn.control.searches import search

    found = search(
        task.surrogate,
        task.objective,
        task.limits,
        methods=config.methods,
        lead=task.session.lead,
        count=config.count,
        kappa=config.kappa,
        seed=config.seed,
    )
    pool = join(list(found.values())).first(2 * _POOL).vectors
    return found, evaluate(task.believed, task.objective, pool, task.limits, kappa=config.kappa)


def _table(ranked: "Candidates", task: _Task) -> dict[str, list[Any]]:
    import numpy as np

    response = task.believed.responses(ranked.conditions)
    scores = task.objective(response)
    low, high = np.quantile(scores, [0.05, 0.95], axis=0)
    columns: dict[str, Any] = {
        "configuration": ranked.names,
        "amplitude (mA)": ranked.amplitude_ma.round(3).tolist(),
        "frequency (Hz)": ranked.frequency_hz.tolist(),
        "pulse width (us)": ranked.pulse_width_us.tolist(),
        "score": scores.mean(axis=0).tolist(),
        "low": low.tolist(),
        "high": high.tolist(),
    }
    if targets := _targets(task):
        mean = response.mean(axis=0)[:, targets].mean(axis=1)
        columns["target's response"] = mean.tolist()
    return columns


def _lines(table: dict[str, list[Any]]) -> list[str]:
    head = f"{'score':>6} {'low':>6} {'high':>6} {'mA':>5} {'Hz':>4} {'us':>4}  configuration"
    names = ("score", "low", "high", "amplitude (mA)", "frequency (Hz)", "pulse width (us)")
    rows = zip(*(table[name] for name in names), table["configuration"], strict=True)
    return [head] + [
        f"{score:6.3f} {low:6.3f} {high:6.3f} {ma:5.1f} {hz:4.0f} {us:4.0f}  {name}"
        for score, low, high, ma, hz, us, name in rows
    ]


def _summary(task: _Task, best: "Candidates") -> list[str]:
    value, trial = _best_of_session(task)
    lines = [
        f"Recommended: {best.names[0]} at {best.amplitude_ma[0]:.1f} mA, "
        f"{best.frequency_hz[0]:g} Hz, {best.pulse_width_us[0]:g} us, with a score of "
        f"{best.mean[0]:.3f}.",
        f"The best series of the session measured {value:.3f}: {trial}.",
    ]
    if task.truth is not None:
        score = float(task.objective(task.truth.responses(best.conditions))[0, 0])
        lines.append(
            f"Verified with {len(task.trials)} series; the true score of the recommended one is "
            f"{score:.3f}."
        )
    return lines


def _best_of_session(task: _Task) -> tuple[float, str]:
    from spinal_rnn.conditions import Conditions, configuration_name
    from spinal_rnn.control.gaussian_process import series_values

    parts = task.surrogate.parts(task.responses.late_mv, task.responses.conditions)
    values = series_values(task.responses.conditions, parts, task.objective)
    best = int(values.value.argmax())
    name = configuration_name(values.vectors[best])
    where = f"{name} at {values.amplitude_ma[best]:g} mA, {values.frequency_hz[best]:g} Hz"
    trial = Conditions.of(
        values.vectors[best],
        values.amplitude_ma[best],
        [values.frequency_hz[best]],
        values.pulse_width_us[best],
    )
    if broken := task.limits.broken_by(trial):
        rule = broken.removeprefix("trial 0: ").partition(", got ")[0]
        where += f", which is not within the limits ({rule})"
    return float(values.value[best]), where


def _verified(task: _Task, config: "OptimiseConfig") -> Any:
    """Mean, deviation and truth of each measured series at its best amplitude."""
    import numpy as np

    from spinal_rnn.control.candidates import evaluate

    rows = []
    for one in task.trials.proposals:
        vector = one.configuration[None]
        best = evaluate(task.believed, task.objective, vector, task.limits, kappa=config.kappa)
        truth = task.objective(task.truth.responses(best.conditions))[0, 0]
        rows.append((best.mean[0], best.deviation[0], truth))
    return tuple(np.array(rows).T)


def _targets(task: _Task) -> list[int]:
    from spinal_rnn.control.objectives import Selectivity

    return list(task.objective.targets) if isinstance(task.objective, Selectivity) else []


def _drawn(
    task: _Task, best: "Candidates", found: "dict[str, Candidates]", verified: Any, run: "Run"
) -> Any:
    from spinal_rnn.figures.search import draw_search

    return draw_search(
        run.path("figures"),
        task.session.lead,
        best.vectors[0],
        task.believed.responses(best.conditions)[:, 0],
        _targets(task),
        {method: one.course for method, one in found.items()},
        _best_of_session(task)[0],
        verified,
    )
