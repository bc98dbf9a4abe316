"""Trajectories and limit cycles against an independent integrator, known periods and identities."""

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from scipy.integrate import quad, solve_ivp

from rhythm_rnn.cycles import Cycle, limit_cycle, trajectory
from rhythm_rnn.reduced import START, ReducedModel, fixed_points

MODEL = ReducedModel()
FOLD, HOPF = 0.18994011546562692, 1.5812023355484304

# cue -> period in ms, by DOP853 in another implementation, from the spacing of the maxima of z
PERIODS = {
    0.195: 294.480, 0.197: 260.103, 0.2: 228.615, 0.21: 179.715, 0.25: 127.259, 0.3: 107.468,
    0.4: 91.2915, 0.5: 83.5669, 0.6: 78.9086, 0.7: 75.8174, 0.8: 73.6761, 0.9: 72.1705,
    1.0: 71.1094, 1.1: 70.3439, 1.2: 69.6967, 1.3: 68.8077, 1.4: 66.5833, 1.5: 60.1080,
    1.55: 55.2866, 1.57: 53.359,
}  # fmt: skip
HIGHEST_Z = {0.2: 0.071915, 0.3: 0.064490, 0.5: 0.056337, 0.8: 0.047318, 1.0: 0.041340,
             1.2: 0.034090, 1.5: 0.011359}  # fmt: skip


def cycle_at(cue: float, **options: Any) -> Cycle:
    found = limit_cycle(MODEL, cue, START, **options)
    assert found is not None
    return found


@pytest.fixture(scope="module")
def cycles() -> dict[float, Cycle]:
    return {cue: cycle_at(cue) for cue in PERIODS}


def test_periods_are_the_known_ones(cycles: dict[float, Cycle]) -> None:
    found = {cue: cycle.period_ms for cue, cycle in cycles.items()}
    assert found == pytest.approx(PERIODS, abs=1e-3)


def test_the_highest_z_is_the_known_one(cycles: dict[float, Cycle]) -> None:
    for cue, highest in HIGHEST_Z.items():
        assert cycles[cue].start[2] == pytest.approx(highest, abs=1e-6)
        assert cycles[cue].orbit[:, 2].max() == pytest.approx(highest, abs=1e-6)


def test_periods_close_to_the_onset() -> None:
    assert cycle_at(FOLD + 1e-3).period_ms == pytest.approx(555.87, abs=0.05)
    assert cycle_at(FOLD + 1e-4).period_ms == pytest.approx(1513.2, abs=1.0)


def test_an_orbit_is_closed_and_solves_the_equations(cycles: dict[float, Cycle]) -> None:
    for cue in (0.2, 0.5, 1.5):
        cycle = cycles[cue]
        assert cycle.time_ms[[0, -1]].tolist() == [0, cycle.period_ms]
        assert cycle.orbit[-1] == pytest.approx(cycle.start, abs=1e-9)
        assert abs(MODEL.velocity(cycle.start, cue)[2]) < 1e-12
        stiff = solve_ivp(
            lambda _, s, cue=cue: MODEL.velocity(s, cue), (0, cycle.period_ms), cycle.start,
            method="Radau", jac=lambda _, s: MODEL.jacobian(s), rtol=1e-9, atol=1e-12,
            t_eval=cycle.time_ms,
        )  # fmt: skip
        np.testing.assert_allclose(stiff.y.T, cycle.orbit, atol=2e-7)


def test_one_multiplier_is_one_and_all_others_smaller(cycles: dict[float, Cycle]) -> None:
    for cycle in cycles.values():
        assert abs(cycle.multipliers[0] - 1) < 1e-5
        assert cycle.largest_multiplier == np.abs(cycle.multipliers[1]) < 0.9
        assert cycle.stable


@pytest.mark.parametrize("cue", [0.6, 1.3, 1.5])
def test_multipliers_obey_liouville(cue: float, cycles: dict[float, Cycle]) -> None:
    cycle = cycles[cue]
    flow = solve_ivp(
        lambda _, s: MODEL.velocity(s, cue), (0, cycle.period_ms), cycle.start, "DOP853",
        rtol=1e-10, atol=1e-12, dense_output=True,
    ).sol  # fmt: skip
    contraction, _ = quad(
        lambda t: np.trace(MODEL.jacobian(flow(t))), 0, cycle.period_ms, limit=200
    )
    assert np.prod(cycle.multipliers).real == pytest.approx(np.exp(contraction), rel=1e-4)


def test_the_largest_multiplier_is_the_decay_seen_in_a_trajectory(
    cycles: dict[float, Cycle],
) -> None:
    cycle = cycles[1.55]
    moments = cycle.period_ms * np.arange(7)
    states = trajectory(MODEL, cycle.start * [1, 1, 1.01], moments, 1.55)
    apart = np.linalg.norm(np.diff(states, axis=0), axis=1)
    ratios = [after / before for before, after in pairwise(apart[2:])]
    assert ratios[-1] == pytest.approx(abs(cycle.multipliers[1]), rel=0.01)


def test_the_cycle_shrinks_to_the_hopf_point() -> None:
    close, closer = cycle_at(HOPF - 1e-3), cycle_at(HOPF - 1e-4)
    assert closer.period_ms == pytest.approx(52.3069, abs=0.02)
    ratio = np.ptp(close.orbit[:, 2]) / np.ptp(closer.orbit[:, 2])
    assert ratio == pytest.approx(np.sqrt(10), rel=0.01)
    assert 0.9 < closer.multipliers[1].real < 1


@pytest.mark.parametrize("cue", [0.1, 0.18, FOLD - 1e-3, 1.6, 1.8])
def test_there_is_no_rhythm_outside(cue: float) -> None:
    assert limit_cycle(MODEL, cue, START) is None
    end = trajectory(MODEL, START, [0.0, 6000.0], cue)[-1]
    assert np.abs(MODEL.velocity(end, cue)).max() < 1e-6
    rest = next(point for point in fixed_points(MODEL, cue) if point.stable)
    assert np.abs(end - rest.state).max() < 1e-3


def test_known_ends_of_the_published_time_courses() -> None:
    time = np.arange(500.0)
    resting = trajectory(MODEL, START, [0.0, 500.0], -1.0)[-1]
    assert resting == pytest.approx([-0.0499648, -0.0569599, -0.1690238], abs=1e-6)
    focus = trajectory(MODEL, START, time, 1.8)[-1]
    assert focus == pytest.approx([-0.0033278, 0.0083177, 0.0030965], abs=1e-6)
    spikes = trajectory(MODEL, START, time, 0.5)
    assert 0.09 < spikes[100:, 0].max() < 0.11
    assert np.abs(spikes[100:, 0] - spikes[100:, 1]).mean() < 0.01


def test_published_steps_of_a_millisecond_are_near() -> None:
    # Runge-Kutta 4 with 1 ms, the integrator of the published figure
    for cue in (-1.0, 0.5, 1.8):
        state, course = np.array(START), [np.array(START)]
        for _ in range(500):
            k1 = MODEL.velocity(state, cue)
            k2 = MODEL.velocity(state + k1 / 2, cue)
            k3 = MODEL.velocity(state + k2 / 2, cue)
            k4 = MODEL.velocity(state + k3, cue)
            state = state + (k1 + 2 * k2 + 2 * k3 + k4) / 6
            course.append(state)
        exact = trajectory(MODEL, START, np.arange(501.0), cue)
        assert np.abs(exact - course).max() < 5e-5


class Driven:
    """A circle of radius 1 at omega per ms, and z, which follows two waves with a lag of 5 ms."""

    omega = 0.06

    def velocity(self, state: Any, cue: Any) -> Any:
        x, y, z = state
        growth = 0.05 * (1 - x**2 - y**2)
        wave = x + 2 * (x**2 - y**2)
        return np.array([growth * x - self.omega * y, growth * y + self.omega * x, (wave - z) / 5])

    def jacobian(self, state: Any, cue: Any) -> Any:
        x, y, _ = state
        growth = 0.05 * (1 - x**2 - y**2)
        return np.array(
            [
                [growth - 0.1 * x * x, -self.omega - 0.1 * x * y, 0],
                [self.omega - 0.1 * x * y, growth - 0.1 * y * y, 0],
                [(1 + 4 * x) / 5, -4 * y / 5, -1 / 5],
            ]
        )

    def cue_derivative(self, state: Any, cue: Any) -> Any:
        return np.zeros(3)


def test_a_cycle_with_two_maxima_is_counted_once() -> None:
    cycle = limit_cycle(Driven(), 0.0, (0.4, 0.0, 0.0))
    assert cycle is not None
    period = 2 * np.pi / Driven.omega
    assert cycle.period_ms == pytest.approx(period, rel=1e-9)
    assert np.hypot(*cycle.orbit[:, :2].T) == pytest.approx(np.ones(400), abs=1e-9)
    # the circle attracts at 2 * 0.05 per ms, z at 1 / 5 per ms
    expected = [1, np.exp(-0.1 * period), np.exp(-period / 5)]
    assert cycle.multipliers == pytest.approx(expected, abs=1e-7)


@pytest.mark.parametrize("distance", [1e-4, 1e-3, 5e-3])
def test_just_beyond_the_hopf_point_there_is_none(distance: float) -> None:
    assert limit_cycle(MODEL, HOPF + distance, cycle_at(HOPF - 1e-3).start) is None


def test_a_looser_tolerance_is_still_close(cycles: dict[float, Cycle]) -> None:
    rough = limit_cycle(MODEL, 0.5, cycles[0.6].start, rtol=1e-7, samples=50)
    assert rough is not None
    assert rough.period_ms == pytest.approx(cycles[0.5].period_ms, abs=1e-3)
    assert rough.orbit.shape == (50, 3)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: trajectory(MODEL, START, [0.0, 0.0], 0.5), "time_ms must be at least 2 rising"),
        (lambda: trajectory(MODEL, START, [0.0], 0.5), "time_ms must be at least 2 rising"),
        (
            lambda: trajectory(MODEL, [np.nan, 0, 0], [0.0, 1.0], 0.5),
            "state and cue must be finite",
        ),
        (lambda: limit_cycle(MODEL, np.inf, START), "near and cue must be finite"),
        (lambda: limit_cycle(MODEL, 0.5, START, longest_ms=50.0), "rest or repeat within 50 ms"),
    ],
)
def test_bad_questions_are_refused(call: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()
