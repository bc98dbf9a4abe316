"""Responses are those of the second and later pulses, and a scale never sees a test trial."""

import numpy as np
import pytest

from spinal_rnn.conditions import Conditions, parse_configuration
from spinal_rnn.responses import ONSET_MS, Scale, late_ms, measure_responses, whole_windows
from spinal_rnn.session import Session
from spinal_rnn.simulation.simulator import simulate_session

CONDITION = Conditions.of(parse_configuration("cath4_an16"), 1.0, 20.0)


def train_of(*sizes: float, muscle: int = 1) -> Session:
    """One trial at 20 Hz in which pulse k gives a swing of sizes[k] 5 ms after the onset."""
    emg = np.zeros((1, 200, 14), dtype=np.float32)
    for pulse, size in enumerate(sizes):
        sample = round(20 + 50 * pulse + ONSET_MS[muscle] + 5)
        emg[0, sample, muscle], emg[0, sample + 2, muscle] = size, -size
    return Session(CONDITION, emg)


def test_the_late_response_leaves_out_the_first_pulse() -> None:
    responses = measure_responses(train_of(4, 2, 1))
    assert responses.late_mv[0, 1] == pytest.approx((2 * 2 + 2 * 1) / 2)
    assert responses.peak_mv[0, 1] == pytest.approx(8)
    assert not responses.late_mv[0, [0, *range(2, 14)]].any()


def test_a_window_that_the_end_cuts_does_not_count() -> None:
    # the fourth pulse comes at 170 ms; its window would end at 230 ms
    assert measure_responses(train_of(4, 2, 1, 9)).late_mv[0, 1] == pytest.approx(3)


def test_onsets_can_be_told() -> None:
    early = ONSET_MS.copy()
    early[1] = 40.0  # the swing of pulse k is then in the window of pulse k - 1
    assert measure_responses(train_of(4, 2, 1), early).late_mv[0, 1] == pytest.approx(2)


def test_measured_responses_are_the_true_ones_but_for_noise() -> None:
    session = simulate_session(1, "easy")
    late_mv = measure_responses(session).late_mv
    true_mv = session.truth["late_mv"].data
    clear = true_mv > 0.2 * true_mv.max(axis=0)
    ratio = late_mv[clear] / true_mv[clear]
    assert np.median(ratio) == pytest.approx(1, abs=0.05)
    assert np.std(np.log(ratio)) < 0.15


def test_a_short_trial_is_refused() -> None:
    slow = Conditions.of(parse_configuration("cath4_an16"), 1.0, [40.0, 5.0])
    session = Session(slow, np.zeros((2, 200, 14), dtype=np.float32))
    with pytest.raises(ValueError, match="trial 1: the late response of LIl needs two whole"):
        measure_responses(session)


@pytest.mark.parametrize("onsets", [np.zeros(3), np.full(14, -1.0)])
def test_onsets_must_be_fourteen_and_not_negative(onsets: np.ndarray) -> None:
    with pytest.raises(ValueError, match="onset_ms must be 14 numbers of at least 0"):
        measure_responses(train_of(1, 1), onsets)


def test_windows_and_durations() -> None:
    assert [whole_windows(180, hz) for hz in (5, 20, 1000 / 180, 60)] == [0, 3, 1, 10]
    assert late_ms(train_of(1, 1)) == pytest.approx(180 - ONSET_MS.mean())


def test_a_scale_is_a_quantile_and_goes_both_ways() -> None:
    values = np.random.default_rng(1).random((200, 14))
    values[:, 3] = 0
    scale = Scale.fit(values)
    assert scale.mv[0] == pytest.approx(np.quantile(values[:, 0], 0.99))
    assert not scale.apply(values)[:, 3].any()
    np.testing.assert_allclose(scale.invert(scale.apply(values)), values)
    with pytest.raises(ValueError, match="at least one trial"):
        Scale.fit(values[:0])
