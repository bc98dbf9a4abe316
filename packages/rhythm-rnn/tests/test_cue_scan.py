"""The rhythm over the cue, of networks whose rhythm is known without running them."""

from copy import deepcopy

import numpy as np
import pytest
import torch

from neuro_common.rates import RateNetwork
from rhythm_rnn.cue_scan import cycle_period, run_cues, scan_cues
from rhythm_rnn.taps import find_taps
from rhythm_rnn.task import free_run


def test_a_threshold_linear_rhythm_grows_with_the_cue_and_keeps_its_tempo(
    beating: RateNetwork,
) -> None:
    network = deepcopy(beating)
    with torch.no_grad():
        network.bias[:3] = 0.0
        network.output_weight.zero_()
        network.output_weight[0, 3] = 1.0
    cues = np.array([-0.5, 0.25, 0.5, 1.0, 2.0])
    scan = scan_cues(network, cues)
    assert scan.carried.runs.tolist() == [False, True, True, True, True]
    swing = (scan.carried.highest - scan.carried.lowest)[1:]
    assert swing / cues[1:] == pytest.approx([swing[-1] / 2] * 4, rel=0.01)
    assert scan.carried.period_ms[1:] == pytest.approx([scan.carried.period_ms[-1]] * 4, rel=1e-3)
    assert np.isnan(scan.carried.period_ms[0])
    assert scan.begins is not None
    assert scan.ends is not None
    # it begins at 0, and cannot be seen below a swing of .001
    assert scan.begins.rests <= 0.003 / swing[-1] * 2
    assert 0 < scan.begins.runs <= scan.begins.rests + 0.75 / 64 + 1e-9
    assert scan.ends.runs == 2.0
    assert np.isnan(scan.ends.rests)
    output, _ = run_cues(network, np.array([1.0]), 4000.0)
    taps = find_taps(output[0, 1500:])
    assert scan.silent.period_ms[3] == pytest.approx(np.diff(taps.time_ms).mean(), rel=1e-3)


@pytest.mark.parametrize("loop", [0.5, 3.0])
def test_what_rests_or_runs_away_is_no_rhythm(loop: float) -> None:
    network = RateNetwork(1, 2, 1, seed=0, autapses=True)
    with torch.no_grad():
        network.recurrent_weight.fill_(loop)
        network.input_weight.copy_(torch.tensor([[0.0, 1.0]]))
        network.output_weight.fill_(1.0)
    scan = scan_cues(network, [-1.0, 1.0])
    assert not scan.silent.runs.any()
    assert not scan.carried.runs.any()
    assert scan.begins is None
    assert scan.ends is None
    assert scan.silent.highest[0] == 0.0
    # one unit at rest has h = cue / (1 - loop)
    if loop < 1:
        assert scan.silent.highest[1] == pytest.approx(2.0, rel=1e-5)
    else:
        assert scan.silent.highest[1] == np.inf


def test_runs_are_those_of_the_task(beating: RateNetwork) -> None:
    trials = free_run([0.5, -0.3], onset_s=0.0, duration_s=0.2, dtype=np.float64)
    expected = beating.free_run(torch.from_numpy(trials.inputs)).outputs[..., 0].numpy()
    found, last = run_cues(beating, np.array([0.5, -0.3]), 200.0)
    np.testing.assert_allclose(found, expected, atol=1e-12)
    assert last.shape == (2, 8)


def test_the_period_of_few_slow_cycles_is_timed_by_their_rises() -> None:
    time = np.arange(5000)
    pulses = np.exp(10 * (np.cos(2 * np.pi * time / 1370.5) - 1))
    assert cycle_period(pulses, 1.0) == pytest.approx(1370.5, abs=0.5)
    assert cycle_period(pulses, 0.5) == pytest.approx(685.25, abs=0.25)
    assert np.isnan(cycle_period(pulses[:1800], 1.0))
    assert np.isnan(cycle_period(np.ones(100), 1.0))


def test_bad_input_is_refused(beating: RateNetwork) -> None:
    for cues in ([0.5], [0.5, 0.4], [0.1, float("nan")]):
        with pytest.raises(ValueError, match="cues must be at least 2 finite rising numbers"):
            scan_cues(beating, cues)
    with pytest.raises(ValueError, match=r"record_ms at least 100 steps, got 1500\.0 and 50"):
        scan_cues(beating, [0.1, 0.2], record_ms=50)
