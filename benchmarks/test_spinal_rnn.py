"""Speed of the simulated person and of the root models: together, against one by one."""

from typing import Any

import pytest

from spinal_rnn.models.ensemble import RootEnsemble
from spinal_rnn.responses import Scale, measure_responses
from spinal_rnn.simulation.presets import draw_subject
from spinal_rnn.simulation.simulator import measure, simulate_session

MEMBERS, STEPS = 10, 30


@pytest.mark.benchmark(group="Simulated mapping session (900 trials of 200 ms, 14 muscles)")
class TestSession:
    """A step is a trial."""

    subject = draw_subject(0)
    conditions = simulate_session(0).conditions

    def test_trial_by_trial(self, benchmark: Any) -> None:
        trials = 60
        benchmark.extra_info |= {"label": "trial by trial", "steps": trials, "baseline": True}

        def work() -> None:
            for trial in range(trials):
                measure(self.subject, self.conditions.take([trial]), trial)

        benchmark.pedantic(work, rounds=5, warmup_rounds=1)

    def test_all_at_once(self, benchmark: Any) -> None:
        benchmark.extra_info |= {"label": "all at once", "steps": len(self.conditions)}
        benchmark.pedantic(
            lambda: measure(self.subject, self.conditions, 0), rounds=5, warmup_rounds=1
        )


@pytest.mark.benchmark(group="Root models: ten members learn from 900 trials")
class TestEnsemble:
    """A step is an update of one member, on all trials."""

    session = simulate_session(0)
    late_mv = measure_responses(session).late_mv
    target = Scale.fit(late_mv).apply(late_mv)

    def fit(self, members: int) -> None:
        ensemble = RootEnsemble(members=members, folds=1, updates=STEPS)
        ensemble.fit(self.session.conditions, self.target)

    def test_one_after_the_other(self, benchmark: Any) -> None:
        label = "one after the other"
        benchmark.extra_info |= {"label": label, "steps": STEPS, "baseline": True}
        benchmark.pedantic(lambda: self.fit(1), rounds=5, warmup_rounds=1)

    def test_together(self, benchmark: Any) -> None:
        benchmark.extra_info |= {"label": "together", "steps": MEMBERS * STEPS}
        benchmark.pedantic(lambda: self.fit(MEMBERS), rounds=5, warmup_rounds=1)
