"""How good a search is: what it recommends after so many measurements, against the truth.

A strategy has one person, one objective and a budget of series, and sees noisy trials alone. What
it recommends after some of them is scored on the response without noise.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from spinal_rnn.conditions import Conditions, configuration
from spinal_rnn.control.gaussian_process import ConfigurationProcess, Values, series_values
from spinal_rnn.control.limits import Limits
from spinal_rnn.control.objectives import Objective
from spinal_rnn.control.search_space import amplitude_series
from spinal_rnn.control.sequential import Measurer, Plan, best_measured, correct, run
from spinal_rnn.control.surrogate import Doubt, Surrogate
from spinal_rnn.lead import SPECIFY_565, Lead
from spinal_rnn.responses import Responses
from spinal_rnn.simulation.subject import Subject

__all__ = ["Setting", "Truth", "by_model", "by_order", "by_process"]

Array = NDArray[np.float64]


class Truth:
    """A simulated person as a surrogate without doubt, to score what was recommended.

    Attributes:
        subject: The person.
        full: Late response of each muscle when all its roots are recruited, at the reference
            frequency, shape (14,).
    """

    def __init__(self, subject: Subject, reference_hz: float) -> None:
        """Find the full response.

        Args:
            subject: The person.
            reference_hz: Where a full response is 1.
        """
        self.subject = subject
        anything = configuration([0], [subject.lead.case], len(subject.lead))
        recruited = replace(subject, pool=np.ones_like)
        self.full = recruited.response(Conditions.of(anything, 1.0, reference_hz)).late[0]

    def responses(self, conditions: Conditions) -> Array:
        """Late responses as parts of the full one, shape (1, trials, 14)."""
        return np.asarray(self.subject.response(conditions).late / self.full)[None]

    def parts(self, late_mv: Array, conditions: Conditions) -> Array:
        """Measured responses as parts of the full one; the floor stays.

        Responses in mV, shape (trials, 14), which is kept.
        """
        return np.asarray(late_mv / (self.full * self.subject.waveform.peak_to_peak_mv))


@dataclass(frozen=True, eq=False)
class Setting:
    """One search: who, what for, and what is known at the start.

    Attributes:
        session: Responses of the mapping session: the start trials of every strategy.
        surrogate: Fitted to them; a strategy without a model takes no more from it than how a
            measured response becomes a part of the full one.
        objective: What to maximise.
        measurer: What measures.
        limits: What is allowed, with one frequency and one pulse width.
        lead: Where the contacts lie.
        budgets: Rising numbers of series after which a recommendation is wanted.
    """

    session: Responses
    surrogate: Surrogate
    objective: Objective
    measurer: Measurer
    limits: Limits
    lead: Lead = SPECIFY_565
    budgets: tuple[int, ...] = (5, 10, 20)

    def start(self) -> Values:
        """What each series of the session came to."""
        parts = self.surrogate.parts(self.session.late_mv, self.session.conditions)
        return series_values(self.session.conditions, parts, self.objective)

    def measure(self, vector: Array, before: int) -> Values:
        """A series over the whole range of amplitudes.

        Args:
            vector: The configuration, shape (contacts,).
            before: How many series came before.
        """
        width_us, frequency_hz = self.limits.pulse_widths_us[0], self.limits.frequencies_hz[0]
        amplitudes = amplitude_series(vector, self.limits, width_us)
        proposal = self.limits.admit(vector, amplitudes, frequency_hz, width_us)
        (late_mv,) = self.measurer([proposal], before)
        parts = self.surrogate.parts(late_mv, proposal.conditions)
        return series_values(proposal.conditions, parts, self.objective)


def by_model(setting: Setting, pool: Array, plan: Plan, doubt: Doubt) -> dict[int, Conditions]:
    """Recommend by the surrogate, corrected after each batch.

    Args:
        setting: The search.
        pool: Configurations to choose from, shape (configurations, contacts).
        plan: How to spend the measurements; ``series`` is the largest budget.
        doubt: How far model and measurements may be off.

    Returns:
        One trial for each budget.
    """
    limits, lead = setting.limits, setting.lead
    spent = replace(plan, series=max(setting.budgets))
    trials = run(
        setting.surrogate,
        setting.objective,
        pool,
        setting.measurer,
        limits,
        plan=spent,
        doubt=doubt,
        lead=lead,
    )
    found = {}
    for budget in setting.budgets:
        known = trials.first(budget)
        corrected = correct(setting.surrogate, known, doubt, lead)
        best = best_measured(corrected, setting.objective, limits, plan, known)
        found[budget] = best.conditions.take([0])
    return found


def by_process(
    setting: Setting, pool: Array, *, kappa: float = 1.0, smoothing_mm: float = 8.0
) -> dict[int, Conditions]:
    """Recommend by a Gaussian process that chooses each series by its upper confidence bound.

    Its hyper-parameters are fitted to the session, and again at each budget.

    Args:
        setting: The search.
        pool: Configurations to choose from, shape (configurations, contacts).
        kappa: Standard deviations of hope.
        smoothing_mm: Width of the Gaussian that smooths currents over the lead.

    Returns:
        One trial for each budget.
    """
    (frequency_hz,) = setting.limits.frequencies_hz
    values = setting.start()
    process = ConfigurationProcess(values, setting.lead, smoothing_mm)
    found, free = {}, np.ones(len(pool), dtype=bool)
    for number in range(max(setting.budgets)):
        mean, deviation = process.posterior(pool, frequency_hz)
        best = int(np.where(free, mean + kappa * deviation, -np.inf).argmax())
        free[best] = False
        values = values.with_more(setting.measure(pool[best], number))
        if number + 1 in setting.budgets:
            process = ConfigurationProcess(values, setting.lead, smoothing_mm)
            mean, _ = process.posterior(values.vectors, values.frequency_hz)
            found[number + 1] = _recommended(values, mean, setting.limits)
        else:
            process.observe(values)
    return found


def by_order(setting: Setting, order: Sequence[Array] | Array) -> dict[int, Conditions]:
    """Measure configurations in a given order and recommend what looked best: random, or a grid.

    Args:
        setting: The search.
        order: At least as many configurations as the largest budget.

    Returns:
        One trial for each budget.
    """
    values, found = setting.start(), {}
    for number in range(max(setting.budgets)):
        values = values.with_more(setting.measure(order[number], number))
        if number + 1 in setting.budgets:
            found[number + 1] = _recommended(values, values.value, setting.limits)
    return found


def _recommended(values: Values, worth: Array, limits: Limits) -> Conditions:
    """The trial of the series of most worth at an allowed frequency and pulse width."""
    allowed = np.isin(values.frequency_hz, limits.frequencies_hz)
    allowed &= np.isin(values.pulse_width_us, limits.pulse_widths_us)
    best = int(np.where(allowed, worth, -np.inf).argmax())
    return Conditions.of(
        values.vectors[best],
        values.amplitude_ma[best],
        values.frequency_hz[best],
        values.pulse_width_us[best],
    )
