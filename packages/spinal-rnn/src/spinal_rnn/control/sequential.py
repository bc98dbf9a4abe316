"""The loop of a session: propose, measure, correct, and stop with the best that was measured."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from spinal_rnn.conditions import stack
from spinal_rnn.control.candidates import Candidates, evaluate
from spinal_rnn.control.limits import Limits, Proposal
from spinal_rnn.control.objectives import Objective
from spinal_rnn.control.search_space import fields, single
from spinal_rnn.control.surrogate import Doubt, Surrogate, condition
from spinal_rnn.control.trial_table import Trials, read_trials, write_trials
from spinal_rnn.lead import SPECIFY_565, Lead
from spinal_rnn.responses import measure_responses
from spinal_rnn.simulation.simulator import Subject, measure

__all__ = ["Measurer", "Plan", "SimulatedPerson", "best_measured", "correct", "propose", "run"]

Array = NDArray[np.float64]
Measurer = Callable[[Sequence[Proposal], int], Sequence[Array]]
"""From proposals, and how many series came before them, to late responses in mV, each of shape
(amplitudes, 14)."""


@dataclass(frozen=True)
class Plan:
    """How to spend the measurements.

    Attributes:
        series: Configurations to measure, each a series of amplitudes.
        batch: How many of them between two corrections.
        trials: Most amplitudes of a series.
        span: How far a series reaches around the amplitude that looks best, as a part of it.
        singles: Single contacts that come first: what to fall back on is measured too.
        hope: Standard deviations of doubt that make a configuration worth measuring; those of a
            batch have hopes from 0 to this.
        caution: Standard deviations of doubt that count against the one to recommend.
        apart: Least distance of two configurations of a batch, in currents smoothed over the lead.
        grid: Amplitudes that are tried of each configuration, evenly up to its ceiling.

    Raises:
        ValueError: A number is out of its range.
    """

    series: int = 20
    batch: int = 5
    trials: int = 10
    span: float = 0.4
    singles: int = 2
    hope: float = 1.5
    caution: float = 0.5
    apart: float = 0.3
    grid: int = 12

    def __post_init__(self) -> None:
        for name in ("series", "batch", "trials", "grid"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}")
        if not 0 <= self.singles <= self.batch:
            raise ValueError(f"singles must be in 0 to batch={self.batch}, got {self.singles}")
        if not 0 < self.span < 1:
            raise ValueError(f"span must be in (0, 1), got {self.span}")


@dataclass(frozen=True, eq=False)
class SimulatedPerson:
    """Measures proposals on a simulated person.

    Attributes:
        subject: Who.
        seed: Of the noise. A series has the noise of its place in the order, so that a search that
            goes on later meets the same.
    """

    subject: Subject
    seed: int = 0

    def __call__(self, proposals: Sequence[Proposal], before: int) -> list[Array]:
        """Late responses in mV.

        Args:
            proposals: What to measure.
            before: How many series came before.

        Returns:
            For each proposal, shape (amplitudes, 14), mV.
        """
        together = stack([one.conditions for one in proposals])
        noise = int(np.random.SeedSequence((self.seed, before)).generate_state(1)[0])
        late_mv = measure_responses(measure(self.subject, together, noise)).late_mv
        ends = np.cumsum([len(one) for one in proposals])
        return np.split(late_mv, ends[:-1])


def correct(surrogate: Surrogate, trials: Trials, doubt: Doubt, lead: Lead) -> Surrogate:
    """The surrogate as the measurements leave it, see `condition`.

    Args:
        surrogate: What was believed before all of them.
        trials: Measured so far.
        doubt: How far both may be off.
        lead: Where the contacts lie.
    """
    if not len(trials):
        return surrogate
    return condition(surrogate, trials.measured(surrogate), doubt, lead)


def propose(
    surrogate: Surrogate,
    objective: Objective,
    pool: Array,
    limits: Limits,
    plan: Plan,
    trials: Trials,
    count: int,
    lead: Lead = SPECIFY_565,
    *,
    smoothing_mm: float = Doubt.smoothing_mm,
) -> list[Proposal]:
    """What to measure next.

    Args:
        surrogate: Corrected by the trials.
        objective: What to maximise.
        pool: Configurations to choose from, shape (configurations, contacts).
        limits: What is allowed.
        plan: How to choose.
        trials: Measured so far; no configuration of them is proposed again.
        count: How many to propose; fewer come where the pool has no more.
        lead: Where the contacts lie.
        smoothing_mm: Width of the Gaussian that smooths currents, as in `Doubt`.
    """
    smooth = fields(lead, smoothing_mm)
    chosen: list[Proposal] = []
    if not len(trials) and plan.singles and limits.allowed[-1]:
        alone = evaluate(surrogate, objective, single(limits), limits)
        chosen = [
            alone.proposal(place, limits, plan.trials, plan.span)
            for place in range(min(plan.singles, count, len(alone)))
        ]
    ranked = evaluate(surrogate, objective, pool, limits, amplitudes=plan.grid)
    places = smooth(ranked.vectors)
    free = np.ones(len(ranked), dtype=bool)
    for one in (*trials.proposals, *chosen):
        free &= np.linalg.norm(places - smooth(one.configuration), axis=1) > 1e-6
    for hope in np.linspace(0, plan.hope, count)[: count - len(chosen)]:
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

    Their amplitudes are free to lie between the measured ones.

    Args:
        surrogate: Corrected by the trials.
        objective: What was asked for.
        limits: What is allowed.
        plan: How cautious to be.
        trials: At least one series.

    Raises:
        ValueError: Nothing was measured.
    """
    if not len(trials):
        raise ValueError("there must be a measured series to recommend one, got none")
    vectors = np.stack([one.configuration for one in trials.proposals])
    different = np.unique(vectors.round(6), axis=0)
    return evaluate(surrogate, objective, different, limits, kappa=plan.caution, amplitudes=50)


def run(
    surrogate: Surrogate,
    objective: Objective,
    pool: Array,
    measurer: Measurer,
    limits: Limits,
    *,
    plan: Plan | None = None,
    doubt: Doubt | None = None,
    lead: Lead = SPECIFY_565,
    state: Path | None = None,
) -> Trials:
    """Measure until the plan is done or the pool is empty.

    Args:
        surrogate: Fitted to the session.
        objective: What to maximise.
        pool: Configurations to choose from, shape (configurations, contacts).
        measurer: What measures.
        limits: What is allowed.
        plan: How to spend the measurements; None is the default.
        doubt: How far model and measurements may be off; None is the default.
        lead: Where the contacts lie.
        state: A table that has all trials so far, written after each batch. Where it is there
            already, the search goes on from it.

    Returns:
        All trials.
    """
    plan, doubt = plan or Plan(), doubt or Doubt()
    trials = Trials() if state is None or not state.exists() else read_trials(state, limits)
    while (left := plan.series - len(trials)) > 0:
        corrected = correct(surrogate, trials, doubt, lead)
        proposals = propose(
            corrected, objective, pool, limits, plan, trials, min(plan.batch, left), lead,
            smoothing_mm=doubt.smoothing_mm,
        )  # fmt: skip
        if not proposals:
            break
        trials = trials.with_more(proposals, measurer(proposals, len(trials)))
        if state is not None:
            write_trials(state, trials.proposals, trials.late_mv)
    return trials
