"""What controllers do to ensembles of 1000 neurons at coupling 0.03."""

import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from rldbs_env import protocol, scoring
from rldbs_env.controllers import make

SEEDS = (0, 1, 2)
# Enough to settle, then ten cycles or more; the delayed laws settle slowest.
CONTROLLED_STEPS = {
    "linear": 6000,
    "linear_xy": 6000,
    "delayed": 10_000,
    "periodic": 3240,
    "tonic": 3240,
}


Outcome = Callable[..., tuple[protocol.Recording, list[scoring.Score]]]


@pytest.fixture(scope="module")
def outcome() -> Outcome:
    """Recording and scores of a controller by name and arguments, simulated once."""

    @functools.cache
    def tested(name: str, **arguments: Any) -> tuple[protocol.Recording, list[scoring.Score]]:
        test = protocol.Protocol(
            ensembles=SEEDS,
            free_steps=1620,
            controlled_steps=CONTROLLED_STEPS[name],
            recovery_steps=6500 if arguments == {"gain": -0.02} else 250,
        )
        recording = protocol.run(make(name, **arguments), test)
        return recording, scoring.score(recording)

    return tested


# The residual fluctuates slowly, by a third from one begin to the next: hence 3/5 to 5/3.
@pytest.mark.parametrize(
    ("name", "arguments", "std", "charge"),
    [
        ("linear", {"gain": -0.02}, 0.0208, 3.8e-4),
        ("linear", {"gain": -0.03}, 0.0224, 5.4e-4),
        ("linear", {"gain": -0.1, "every": 5}, 0.0248, 3.8e-4),
        ("linear", {"gain": -0.2, "every": 10}, 0.0251, 3.8e-4),
        ("linear_xy", {}, 0.0195, 3.2e-4),
        ("linear_xy", {"gain_x": -0.03, "gain_y": 0.03}, 0.0168, 3.9e-4),
        ("delayed", {"gain": 0.05, "delay": 60}, 0.0263, 3.2e-4),
        ("delayed", {"gain": 0.05, "delay": 50}, 0.0267, 3.2e-4),
    ],
)
def test_feedback_suppresses(
    outcome: Outcome, name: str, arguments: dict[str, Any], std: float, charge: float
) -> None:
    _, scores = outcome(name, **arguments)
    for one in scores:
        assert 0.6 * std < one.std_controlled < std / 0.6
        assert 0.6 * charge < one.charge < charge / 0.6
        assert one.active_fraction > 0.95
        assert one.mean_shift < 0.05
        assert abs(one.net_charge) < 0.03 * one.charge
        assert not one.quenched


def test_very_sparse_feedback_still_suppresses(outcome: Outcome) -> None:
    """The specification has 0.045 and calls this row its scan's own minimum: an upper bound."""
    for one in outcome("linear", gain=-0.4, every=20)[1]:
        assert 0.015 < one.std_controlled < 0.06
        assert one.pulses_per_period == pytest.approx(162 / 20, rel=0.01)


def test_the_linear_law_at_its_published_gain(outcome: Outcome) -> None:
    """Ratios 45, 58, 58; reward -0.0013; settled in 300 to 350 steps; largest kick about 0.03."""
    recording, scores = outcome("linear", gain=-0.02)
    for e, one in enumerate(scores):
        assert 36 < one.s_ratio < 75
        assert one.s_sqrt == pytest.approx(math.sqrt(one.s_ratio))
        assert -0.0018 < one.reward < -0.0007
        assert 250 <= one.settling_step <= 400
        assert 2000 < one.recovery_step < 6000  # 3500-4000 there; it hangs on the last residual
        assert one.floor_ratio < 0.8  # feedback also damps the finite-size noise
        assert 0.02 < np.abs(recording.kicks[:, e]).max() < 0.05
        assert recording.rewards[recording.phases[0], e].mean() == pytest.approx(-1.33, abs=0.2)


def test_the_desynchronised_state(outcome: Outcome) -> None:
    """Specification, case J: the neurons go on, out of phase (seed 0)."""
    recording, scores = outcome("linear", gain=-0.02)
    assert recording.mean_x[recording.scored, 0].mean() == pytest.approx(-0.269, abs=0.003)
    assert recording.mean_y[recording.scored, 0].mean() == pytest.approx(0.538, abs=0.005)
    single = recording.controlled_neurons[:, 0, 0].std(axis=0)
    free = recording.free_neurons[:, 0, 0].std(axis=0)
    assert np.median(single) == pytest.approx(1.333, abs=0.015)
    assert np.median(free) == pytest.approx(1.375, abs=0.03)
    assert scores[0].active_fraction == pytest.approx(0.998, abs=0.002)
    for one in scores:
        assert 0.10 < one.order_controlled < 0.18
        assert 0.75 < one.order_free < 0.86


def test_the_oscillation_returns_after_switch_off(outcome: Outcome) -> None:
    """Specification, case F, 250-step std: 0.024, 0.17, 0.64, 0.88 after 0, 1500, 4000, 5000."""
    recording, _ = outcome("linear", gain=-0.02)
    free_again = recording.mean_x[recording.phases[2]]

    def strength(step: int) -> float:  # a geometric mean, as the growth is exponential
        return float(np.exp(np.log(free_again[step : step + 250].std(axis=0)).mean()))

    assert 0.015 < strength(0) < 0.05
    assert 0.07 < strength(1500) < 0.3
    assert 0.35 < strength(4000) < 0.9
    assert 0.6 < strength(5000) < 1.2


def test_the_wrong_sign_enhances(outcome: Outcome) -> None:
    for one in outcome("linear", gain=0.02)[1]:
        assert one.std_controlled == pytest.approx(1.42, abs=0.02)
        assert one.s_ratio == pytest.approx(0.8, abs=0.06)
        assert one.s_db < 0
        assert math.isnan(one.settling_step)


@pytest.mark.parametrize(
    ("arguments", "std", "charge"),
    [
        ({"amplitude": 0.1, "period_steps": 2, "biphasic": False}, (1.37, 1.37, 1.37), 0.05),
        ({"amplitude": 0.1, "period_steps": 5, "biphasic": False}, (1.29, 1.29, 1.29), 0.02),
        # no effect: the free std of each ensemble (1.076 is seed 0 of the specification)
        ({"amplitude": 0.1, "period_steps": 5}, (1.076, 1.12, 1.11), 0.04),
        # the specification's 0.90 belongs to +1, -1: see test_statistics
        ({"amplitude": 1.0, "period_steps": 5}, (1.0, 1.06, 1.04), 0.4),
    ],
)
def test_open_loop_pulses_are_useless_or_worse(
    outcome: Outcome, arguments: dict[str, Any], std: tuple[float, ...], charge: float
) -> None:
    _, scores = outcome("periodic", **arguments)
    assert [one.std_controlled for one in scores] == pytest.approx(list(std), abs=0.03)
    for one in scores:
        assert one.charge == pytest.approx(charge, rel=1e-3)
        assert one.s_ratio < 1.2
        assert one.net_charge == pytest.approx(
            0.0 if arguments.get("biphasic", True) else charge, abs=1e-6
        )


@pytest.mark.parametrize(
    ("amplitude", "mean", "std"),
    [(0.2, 1.01, 0.009), (0.5, 1.52, 1e-12), (1.0, 1.855, 1e-12), (-0.1, -1.11, 0.004),
     (-1.0, -1.957, 1e-12)],
)  # fmt: skip
def test_tonic_kicks_quench_and_are_no_success(
    outcome: Outcome, amplitude: float, mean: float, std: float
) -> None:
    recording, scores = outcome("tonic", amplitude=amplitude)
    for e, one in enumerate(scores):
        assert one.quenched
        assert one.active_fraction < 0.05
        assert one.std_controlled < std
        assert recording.mean_x[recording.scored, e].mean() == pytest.approx(mean, abs=0.01)
        for flattered in (one.s_ratio, one.s_sqrt, one.s_db, one.floor_ratio):
            assert math.isnan(flattered)
        assert one.net_charge == pytest.approx(amplitude, rel=1e-6)
        assert one.mean_shift > 0.7


def test_judged_by_std_and_charge_sparse_feedback_is_no_cheaper(outcome: Outcome) -> None:
    """The same law, every fifth step at five times the gain, delivers the same charge."""
    dense, sparse = outcome("linear", gain=-0.02)[1], outcome("linear", gain=-0.1, every=5)[1]
    for one, other in zip(dense, sparse, strict=True):
        assert other.charge == pytest.approx(one.charge, rel=0.2)
        assert other.pulses_per_period == pytest.approx(one.pulses_per_period / 5, rel=0.01)
        assert other.peak > 2 * one.peak
