"""Speed of a scan of the cue: all cues together, against a plain loop over steps for each cue."""

from typing import Any

import numpy as np
import pytest

from rhythm_rnn.cue_scan import run_cues
from rhythm_rnn.equilibria import RateFlow
from rhythm_rnn.weights import load_network

CUES, BY_LOOP, DURATION_MS = 40, 2, 3000.0


@pytest.mark.benchmark(group="Scan of the cue (trained network of 500 units, 3 s at each cue)")
class TestScan:
    """A step is a step of one network at one cue."""

    network = load_network("ei_500")
    flow = RateFlow.of(network)
    steps = round(DURATION_MS / network.dt_ms)
    cues = np.linspace(0.2, 0.95, CUES)

    def plain(self) -> None:
        for cue in self.cues[:BY_LOOP]:
            state = np.zeros(len(self.flow.bias))
            for _ in range(self.steps):
                state = state + self.flow.dt_ms * self.flow.velocity(state, cue)

    def test_plain(self, benchmark: Any) -> None:
        told = {"label": "numpy, cue by cue", "steps": BY_LOOP * self.steps, "baseline": True}
        benchmark.extra_info |= told
        benchmark.pedantic(self.plain, rounds=5, warmup_rounds=1)

    def test_together(self, benchmark: Any) -> None:
        told = {"label": "run_cues, all cues together", "steps": CUES * self.steps}
        benchmark.extra_info |= told
        benchmark.pedantic(
            lambda: run_cues(self.network, self.cues, DURATION_MS), rounds=5, warmup_rounds=1
        )
