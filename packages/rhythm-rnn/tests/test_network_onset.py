"""A rhythm that begins at a non-smooth fold: the law of its periods, in closed form."""

import numpy as np
import pytest

from neuro_common.rates import RateNetwork
from rhythm_rnn.border import follow_borders
from rhythm_rnn.cue_scan import Edge
from rhythm_rnn.equilibria import BranchEvent, RateFlow, network_fixed_points
from rhythm_rnn.network_onset import NetworkOnset, homoclinic_onset, non_smooth_onset
from rhythm_rnn.normal_forms import PeriodLaw

# between these cues, and from this state, the rhythm of `relaxing` begins
BEGINS = Edge(0.01, -0.01, np.array([0.2, -0.9]))


def fold_of(network: RateNetwork) -> BranchEvent:
    flow = RateFlow.of(network)
    off = network_fixed_points(flow, -0.5, np.array([[-0.5, -1.0]]))[0]
    (event, *_) = follow_borders(flow, off, (-1.0, 1.0)).events()
    return event


@pytest.mark.parametrize("dt_ms", [0.5, 0.25])
def test_the_period_grows_by_the_rates_of_node_and_saddle(
    dt_ms: float, relaxing: RateNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relaxing, "dt_ms", dt_ms)
    fold = fold_of(relaxing)
    assert (fold.kind, fold.before.cue) == ("non-smooth fold", 0.0)
    onset = non_smooth_onset(relaxing, fold, BEGINS, 120.0)
    assert onset is not None
    # off, the unit comes to its border at 1 / tau, on, it leaves at (3 - 1) / tau
    step = dt_ms / 10
    assert onset.passage_ms == pytest.approx(dt_ms / np.log1p(2 * step) - dt_ms / np.log1p(-step))
    assert onset.slope_ms == pytest.approx(onset.passage_ms, rel=0.01)
    assert onset.slope_ms == pytest.approx(15.0, rel=0.02)  # tau / 2 + tau, in the flow
    assert onset.law.log_misfit_ms < 0.5 < 5 < onset.law.misfit_ms
    assert onset.kind == "non-smooth SNIC"
    assert onset.cue == 0.0
    assert onset.distance[[0, -1]] == pytest.approx([1e-6, 1e-4])


def test_what_comes_in_along_a_node_is_not_called_homoclinic(relaxing: RateNetwork) -> None:
    saddle = fold_of(relaxing).after
    onset = homoclinic_onset(relaxing, saddle, BEGINS, 200.0)
    assert onset is not None
    assert onset.passage_ms == pytest.approx(0.5 / np.log1p(0.1))  # of the saddle alone
    # where it begins is not told, but found: the fold, to less than the nearest distance
    assert onset.cue == pytest.approx(0.0, abs=1e-5)
    assert onset.slope_ms > 2 * onset.passage_ms
    assert (onset.expected, onset.kind) == ("saddle homoclinic", "unclear")


def test_what_is_no_fold_of_node_and_saddle_gives_no_onset(relaxing: RateNetwork) -> None:
    fold = fold_of(relaxing)
    pair = BranchEvent("non-smooth fold", fold.after, fold.after, fold.unit)
    assert non_smooth_onset(relaxing, pair, BEGINS, 100.0) is None


def test_the_name_depends_on_the_law_and_its_slope() -> None:
    distance, log, root = np.array([1e-6, 1e-5, 1e-4]), (1.0, 50.0), (50.0, 1.0)

    def kind(expected: str, slope: float, misfits: tuple[float, float]) -> str:
        law = PeriodLaw(1.0, 0.0, misfits[1], misfits[0])
        return NetworkOnset(0.0, expected, distance, distance, slope, 100.0, law).kind

    assert kind("non-smooth SNIC", 104.0, log) == "non-smooth SNIC"
    assert kind("non-smooth SNIC", 90.0, log) == "unclear"
    assert kind("non-smooth SNIC", 30.0, root) == "SNIC-like"
    assert kind("saddle homoclinic", 96.0, log) == "saddle homoclinic"
    assert kind("saddle homoclinic", 30.0, root) == "unclear"
