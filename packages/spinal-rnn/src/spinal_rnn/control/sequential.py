"""The loop of a session: propose, measure, correct, and stop with the best that was measured."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spinal_rnn.conditions import stack
from spinal_rnn.control.candidates import Candidates, evaluate
from spinal_rnn.control.limits import Limits, Proposal
from spinal_rnn.control.objectives import Objective
from spinal_rnn.control.search_space import fields
from spinal_rnn.control.surrogate import Doubt, Measured, Surrogate, condition
from spinal_rnn.lead import SPECIFY_565, Lead

__all__ = ["Measurer", "Plan", "Trials", "best_measured", "propose", "run"]

Array = NDArray[np.float64]
Measurer = Callable[[Sequence[Proposal]], Sequence[Array]]
"""From proposals to late responses as parts of the full one, each of shape (amplitudes, 14)."""


@dataclass(frozen=True)
class Plan:
    """How to go about it.

    Attributes:
        series: Configurations to measure, each a series of amplitudes.
        batch: Of them between two corrections.
        trials: Most amplitudes of a series.
        span: How far a series reaches around the amplitude that looks best, as a part of it.
        hope: Standard deviations of doubt that make a configuration worth a measurement; those of a
            batch have hopes from 0 to this.
        caution: Standard deviations of doubt that count against the one to recommend.
        apart: Least distance of two configurations of one batch in currents smoothed over the lead.
    """

    series: int = 20
    batch: int = 5
    trials: int = 10
    span: float = 0.4
    hope: float = 1.5
    caution: float = 0.5
    apart: float = 0.3
    grid: int = 12


def correct(surrogate: Surrogate, trials: Trials, doubt: Doubt, lead: Lead) -> Surrogate:
    """The surrogate as the measurements leave it."""
    return condition(surrogate, trials.measured, doubt, lead) if len(trials) else surrogate


def propose(
    surrogate: Surrogate,
    objective: Objective,
    pool: Array,
    limits: Limits,
    plan: Plan,
    trials: Trials,
    count: int,
    lead: Lead = SPECIFY_565,
) -> list[Proposal]:
    """What to measure next.

    Args:
        surrogate: Corrected by the trials.
        objective: What to maximise.
        pool: Configurations to choose from.
        limits: What is allowed.
        plan: How to choose.
        trials: Measured so far; none of them is proposed again.
        count: How many to propose.
        lead: Where the contacts lie.
    """
    smooth = fields(lead, Doubt().smoothing_mm)
    ranked = evaluate(surrogate, objective, pool, limits, amplitudes=plan.grid)
    places = smooth(ranked.vectors)
    free = np.ones(len(ranked), dtype=bool)
    for one in trials.proposals:
        free &= np.linalg.norm(places - smooth(one.configuration), axis=1) > 1e-6
    chosen: list[Proposal] = []
    for hope in np.linspace(0, plan.hope, count) if count > 1 else [plan.hope / 2]:
        if not free.any():
            break
        worth = np.where(free, ranked.mean + hope * ranked.deviation, -np.inf)
        best = int(worth.argmax())
        chosen.append(ranked.proposal(best, limits, plan.trials, plan.span))
        free &= np.linalg.norm(places - places[best], axis=1) > plan.apart
    return chosen


def best_measured(
    surrogate: Surrogate, objective: Objective, limits: Limits, plan: Plan, trials: Trials
) -> Candidates:
    """The measured configurations, the one to recommend first.

    Args:
        surrogate: Corrected by the trials.
        objective: What was asked for.
        limits: What is allowed.
        plan: How cautious to be.
        trials: At least one series.
    """
    vectors = np.stack([one.configuration for one in trials.proposals])
    unique = np.unique(vectors.round(6), axis=0)
    return evaluate(surrogate, objective, unique, limits, kappa=plan.caution, amplitudes=50)


def run(
    surrogate: Surrogate,
    objective: Objective,
    pool: Array,
    measurer: Measurer,
    limits: Limits,
    plan: Plan,
    doubt: Doubt,
    lead: Lead = SPECIFY_565,
    trials: Trials = Trials(),  # noqa: B008 - frozen
) -> Trials:
    """Measure until the plan is done."""
    while len(trials) < plan.series:
        corrected = correct(surrogate, trials, doubt, lead)
        count = min(plan.batch, plan.series - len(trials))
        proposals = propose(corrected, objective, pool, limits, plan, trials, count, lead)
        trials = trials.with_more(proposals, measurer(proposals))
    return trials
