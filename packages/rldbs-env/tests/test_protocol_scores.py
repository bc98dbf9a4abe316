"""Scores of the three-phase test against closed forms, on synthetic recordings."""

import math
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from rldbs_env import scoring
from rldbs_env.protocol import Protocol, Recording
from rldbs_env.scoring import Score

Array = NDArray[Any]


def synthetic(**changes: Any) -> Recording:
    """One ensemble of ten neurons: X a sine of amplitude 2, then 0.02 about 0.5, then 2 again."""
    test = Protocol(
        n_neurons=10, ensembles=(7,), free_steps=1620, controlled_steps=3240, recovery_steps=1620
    )
    t = np.arange(6480)
    amplitude = np.select([t < 1620, t < 1920, t < 5260], [2.0, 2.0, 0.02], 2.0)
    x = amplitude * np.sin(2 * np.pi * (t + 0.5) / 162) + np.where((t >= 1920) & (t < 5260), 0.5, 0)
    kicks = np.zeros((6480, 1))
    kicks[3240:4860:3, 0] = 0.03
    kicks[3241:4860:3, 0] = -0.01
    angle = 2 * np.pi * (np.arange(200)[:, None] / 40 + np.arange(10) / 10)
    spread = np.stack([np.cos(angle), np.sin(angle)], axis=1)[:, None].astype(np.float32)
    together = np.repeat(spread[..., :1], 10, axis=-1)
    values: dict[str, Any] = {
        "protocol": test,
        "sub_step_x": x[:, None, None],
        "mean_y": np.zeros((6480, 1)),
        "delivered": kicks[:, :, None],
        "rewards": np.where((t >= 3240) & (t < 4860), -0.25, -9.0)[:, None],
        "free_neurons": together,
        "controlled_neurons": spread,
        "shown_x": np.zeros((1296, 10), np.float32),
        "diverged": np.zeros(1, bool),
        "sizes": np.array([10]),
    }
    return Recording(**(values | changes))


def test_a_synthetic_success_is_scored_by_closed_forms() -> None:
    (one,) = scoring.score(synthetic())
    assert one.ensemble == 7
    assert one.s_ratio == pytest.approx(100)
    assert one.s_sqrt == pytest.approx(10)
    assert one.s_db == pytest.approx(40)
    assert one.std_free == pytest.approx(math.sqrt(2))
    assert one.std_controlled == pytest.approx(0.01 * math.sqrt(2))
    assert one.floor_ratio == pytest.approx(0.01 * math.sqrt(2) / (1.3 / math.sqrt(10)))
    assert one.active_fraction == 1.0
    assert one.mean_shift == pytest.approx(0.5)
    assert one.order_free == pytest.approx(1, abs=1e-6)
    assert one.order_controlled == pytest.approx(0, abs=1e-6)
    assert one.charge == pytest.approx(0.04 / 3)
    assert one.net_charge == pytest.approx(0.02 / 3)
    assert one.energy == pytest.approx(0.001 / 3)
    assert one.peak == 0.03
    assert one.pulses_per_period == pytest.approx(2 / 3 * 162)
    assert one.reward == -0.25
    assert one.period == pytest.approx(32.4, rel=1e-4)
    # a window with one sample of the strong rhythm has a std of 0.13
    assert one.settling_step == 300
    # the strong rhythm returns 400 steps after switch-off
    windows = np.lib.stride_tricks.sliding_window_view(synthetic().mean_x[4860:, 0], 250)
    assert one.recovery_step == np.argmax(windows.std(axis=1) > math.sqrt(0.5)) > 150
    assert not one.quenched
    assert not one.diverged


@pytest.mark.parametrize("frozen", [2, 10])
def test_a_frozen_population_is_no_success(frozen: int) -> None:
    neurons = synthetic().controlled_neurons.copy()
    neurons[..., :frozen] = 1.0
    (one,) = scoring.score(synthetic(controlled_neurons=neurons))
    assert one.quenched
    assert one.active_fraction == pytest.approx(1 - frozen / 10)
    _no_suppression(one)


def test_one_frozen_neuron_in_ten_is_a_success() -> None:
    neurons = synthetic().controlled_neurons.copy()
    neurons[..., :1] = 1.0
    (one,) = scoring.score(synthetic(controlled_neurons=neurons))
    assert not one.quenched
    assert one.s_ratio == pytest.approx(100)


def test_a_diverged_population_is_no_success() -> None:
    (one,) = scoring.score(synthetic(diverged=np.ones(1, bool)))
    assert one.diverged
    assert not one.quenched
    _no_suppression(one)


def _no_suppression(one: Score) -> None:
    for value in (one.s_ratio, one.s_sqrt, one.s_db, one.floor_ratio):
        assert math.isnan(value)
    assert one.std_controlled == pytest.approx(0.01 * math.sqrt(2))


def test_what_never_settles_nor_recovers_is_not_a_number() -> None:
    t = np.arange(6480)
    x = np.where(t < 4860, 2.0, 0.01) * np.sin(2 * np.pi * t / 162)
    (one,) = scoring.score(synthetic(sub_step_x=x[:, None, None]))
    assert math.isnan(one.settling_step)
    assert math.isnan(one.recovery_step)
    assert one.s_ratio == pytest.approx(1)
