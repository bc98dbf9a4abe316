"""Taps to clicks: of a network that answers each click with a pulse, everything is known."""

from typing import Any

import numpy as np
import pytest
import torch

from neuro_common.rate_noise import Noise
from neuro_common.rates import RateNetwork
from rhythm_rnn import task
from rhythm_rnn.adaptation import (
    Synchronisation,
    TempoSwitch,
    click_disorder,
    synchronisation,
    tempo_switch,
)
from rhythm_rnn.taps import crests

PERIOD = 0.25


def follower() -> RateNetwork:
    """One leaky unit that is driven by clicks alone: a tap comes a fixed time after a click."""
    network = RateNetwork(1, 2, 1, seed=0, autapses=True, dtype=torch.float64)
    with torch.no_grad():
        network.recurrent_weight.zero_()
        network.input_weight.copy_(torch.tensor([[1.0, 0.0]]))
        network.output_weight.fill_(1.0)
        network.output_bias.zero_()
    return network


def test_a_follower_taps_at_one_distance_from_clicks_and_stops_with_them() -> None:
    found = synchronisation(follower(), PERIOD, n_clicks=6, repeats=2)
    assert found.asynchrony_ms.shape == (2, 12)
    heard = found.asynchrony_ms[:, :6]
    # the pulse rises while the click sounds, 10 ms, and decays with 10 ms
    assert 9 < heard.min() <= heard.max() < 20
    assert np.ptp(heard[:, 1:-1]) < 0.5
    assert np.isnan(found.asynchrony_ms[:, 6:]).all()
    assert found.settled_ms == pytest.approx(heard[0, 3:].mean())
    silent = Synchronisation(PERIOD, 6, np.full((1, 12), np.nan))
    assert np.isnan(silent.settled_ms)


def test_taps_are_counted_on_without_clicks(beating: RateNetwork) -> None:
    # a network that does not hear the clicks keeps its own tempo, and drifts further every beat
    period_s = 0.05
    found = synchronisation(beating, period_s, n_clicks=30, repeats=1)
    trials = task.synchronisation_continuation([period_s], 0.05, duration_s=3)
    outputs = beating.free_run(torch.as_tensor(trials.inputs).double()).outputs[0, :, 0]
    own_ms = np.diff(crests(outputs, 1.0, 50)).mean()
    alone = found.asynchrony_ms[0, 30:]
    tapped = alone[np.isfinite(alone)]  # the run ends before the last taps
    assert len(tapped) > 15
    np.testing.assert_allclose(np.diff(tapped), own_ms - 50, atol=0.1)


@pytest.mark.parametrize("pair", [(0.5, 0.25), (0.25, 0.4)])
def test_a_follower_takes_up_a_tempo_at_once(pair: tuple[float, float]) -> None:
    found = tempo_switch(follower(), pair, n_before=4, n_after=5, repeats=1)
    before, after = 1e3 * np.array(pair)
    np.testing.assert_array_equal(found.interval, np.arange(-3, 5))
    np.testing.assert_allclose(found.interval_ms[0], [before] * 3 + [after] * 5, atol=1)
    assert found.intervals_needed == 0


def test_without_clicks_a_follower_has_no_intervals() -> None:
    found = tempo_switch(follower(), (0.5, 0.25), clicks=False)
    assert found.interval_ms.shape == (10, 15)
    assert np.isnan(found.interval_ms).all()
    assert found.intervals_needed is None


def test_intervals_needed_are_counted_to_the_first_within_five_per_cent() -> None:
    intervals = np.array([[500, 490, 300, 266, 258, 251], [500, 500, 310, 264, 256, 249]])
    found = TempoSwitch((0.5, 0.25), np.arange(-2, 4), intervals)
    assert found.intervals_needed == 2
    assert TempoSwitch((0.5, 0.2), np.arange(-2, 4), intervals).intervals_needed is None


@pytest.mark.parametrize("shift_s", [0.05, -0.05])
def test_a_shifted_click_shifts_its_tap_and_no_other(shift_s: float) -> None:
    found = click_disorder(
        follower(), PERIOD, "shifted", shift_s=shift_s, click=4, n_clicks=8, repeats=1
    )
    np.testing.assert_array_equal(found.beat, np.arange(-4, 4))
    expected = np.where(found.beat == 0, 1e3 * shift_s, 0)
    np.testing.assert_allclose(found.shift_ms[0], expected, atol=1)


def test_a_missing_click_has_no_tap_and_an_extra_one_moves_none() -> None:
    missing = click_disorder(follower(), PERIOD, "missing", click=4, n_clicks=8, repeats=1)
    np.testing.assert_array_equal(np.isnan(missing.shift_ms[0]), missing.beat == 0)
    extra = click_disorder(
        follower(), PERIOD, "extra", shift_s=0.12, click=4, n_clicks=8, repeats=1
    )
    np.testing.assert_allclose(extra.shift_ms, 0, atol=1)


def test_repeats_meet_noise_of_their_own_that_the_ordered_click_meets_too() -> None:
    noise = Noise(1, recurrent=0.01)
    found = synchronisation(follower(), PERIOD, n_clicks=6, repeats=3, noise=noise)
    assert (found.asynchrony_ms[:, :6].std(axis=0) > 0.01).all()
    disorder = click_disorder(
        follower(), PERIOD, "shifted", shift_s=0.05, click=4, n_clicks=8, noise=noise
    )
    assert np.abs(disorder.shift_ms[:, :3]).max() < 1e-2


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda n: synchronisation(n, PERIOD, n_clicks=1), "n_clicks must be at least 2, got 1"),
        (lambda n: synchronisation(n, PERIOD, repeats=0), "repeats must be at least 1, got 0"),
        (lambda n: synchronisation(n, 0.001), "period_s must be at least two samples"),
        (lambda n: tempo_switch(n, (0.5, np.nan)), "period_s must be finite"),
        (lambda n: tempo_switch(n, (0.5, 0.2), n_before=1), "n_before must be at least 2, got 1"),
        (lambda n: tempo_switch(n, (0.5, 0.2), n_after=0), "n_after must be at least 2, got 0"),
        (lambda n: click_disorder(n, PERIOD, "late"), "kind must be shifted, missing or extra"),
        (lambda n: click_disorder(n, PERIOD, "missing", click=16), "click must be one of the 16"),
    ],
)
def test_bad_experiments_are_refused(call: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call(follower())
