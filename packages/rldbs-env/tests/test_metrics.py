"""Metrics against closed forms, scipy and brute force."""

import math
from typing import Any

import numpy as np
import pytest
import scipy.integrate
import scipy.signal
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from rldbs_env import BonhoefferVanDerPol, metrics

Array = NDArray[Any]


def wave(amplitude: float, n_steps: int = 1000, period: float = 100.0, mean: float = 0.0) -> Array:
    return np.asarray(mean + amplitude * np.sin(2 * np.pi * np.arange(n_steps) / period + 0.4))


# Suppression and working point


def test_suppression_compares_standard_deviations_about_each_ones_own_mean() -> None:
    free, controlled = wave(2.0, mean=-0.3), wave(0.02, n_steps=500, mean=7.0)
    assert metrics.s_ratio(free, controlled) == pytest.approx(100, rel=1e-12)
    assert metrics.s_sqrt(free, controlled) == pytest.approx(10, rel=1e-12)
    assert metrics.s_db(free, controlled) == pytest.approx(40, rel=1e-12)


def test_the_standard_deviation_has_ddof_0() -> None:
    assert metrics.s_ratio([0.0, 2.0], [0.0, 3.0, 0.0]) == pytest.approx(1 / math.sqrt(2))


def test_a_controller_that_makes_it_worse_scores_below_one() -> None:
    assert metrics.s_ratio(wave(1.0), wave(2.0)) == pytest.approx(0.5)
    assert metrics.s_db(wave(1.0), wave(2.0)) == pytest.approx(-6.0206, abs=1e-4)


@pytest.mark.parametrize("level", [0.0, 1.5, 0.1])  # numpy's std of many 0.1 is 1.4e-17
def test_suppression_to_a_constant_is_infinite(level: float) -> None:
    for score in (metrics.s_ratio, metrics.s_sqrt, metrics.s_db):
        assert score(wave(1.0), np.full(50, level)) == math.inf


def test_a_controller_that_starts_a_rhythm_has_no_suppression_at_all() -> None:
    assert metrics.s_ratio(np.zeros(50), wave(1.0)) == 0
    assert metrics.s_sqrt(np.zeros(50), wave(1.0)) == 0
    assert metrics.s_db(np.zeros(50), wave(1.0)) == -math.inf


def test_the_floor_falls_with_the_square_root_of_n() -> None:
    assert metrics.FLOOR_CONSTANTS == {"bvdp": 1.3, "hindmarsh_rose": 0.53}
    assert metrics.finite_size_floor(1) == 1.3
    assert metrics.finite_size_floor(10_000) == pytest.approx(0.013)
    assert metrics.finite_size_floor(100, "hindmarsh_rose") == pytest.approx(0.053)
    assert math.isnan(metrics.finite_size_floor(100, "kuramoto_grid"))
    with pytest.raises(ValueError, match="n_neurons must be at least 1, got 0"):
        metrics.finite_size_floor(0)


def test_the_shift_of_the_mean_has_no_sign() -> None:
    low, high = wave(1.0, mean=-0.258), wave(0.1, mean=-0.142)
    assert metrics.mean_shift(low, high) == pytest.approx(0.116)
    assert metrics.mean_shift(high, low) == pytest.approx(0.116)


# Activity


def neurons(*amplitudes: float) -> Array:
    return np.stack([wave(amplitude, mean=i) for i, amplitude in enumerate(amplitudes)], axis=1)


def test_active_neurons_are_those_whose_std_exceeds_the_threshold() -> None:
    """The std of a sine is its amplitude over the square root of 2: 0.707 for 0.5."""
    x = neurons(2.0, 0.72, 0.69, 0.0)
    assert metrics.active_fraction(x) == 0.5
    assert metrics.active_fraction(x, threshold=0.45) == 0.75
    assert metrics.active_fraction(x, threshold=2.0) == 0.0


@pytest.mark.parametrize(("frozen", "quenched"), [(0, False), (1, False), (2, True), (10, True)])
def test_below_nine_tenths_active_is_quenched(frozen: int, quenched: bool) -> None:
    assert metrics.is_quenched(neurons(*[1.3] * (10 - frozen), *[0.1] * frozen)) is quenched


# Order parameter


def circling(phases: Array, n_steps: int = 240, clockwise: bool = False) -> tuple[Array, Array]:
    """Neurons on a unit circle around (3, -2), two whole turns: the time mean is the centre."""
    turn = 4 * np.pi * np.arange(n_steps)[:, None] / n_steps
    angle = phases - turn if clockwise else phases + turn
    return 3 + np.cos(angle), -2 + np.sin(angle)


@pytest.mark.parametrize("clockwise", [False, True])
@pytest.mark.parametrize("n", [2, 7, 200])
@pytest.mark.parametrize("width", [0.0, 0.5, 2.0, 4.5])
def test_phases_on_an_arc_have_the_order_of_a_dirichlet_kernel(
    width: float, n: int, clockwise: bool
) -> None:
    step = width / n
    expected = abs(np.sin(n * step / 2) / (n * np.sin(step / 2))) if step else 1.0
    order = metrics.order_parameter(*circling(0.9 + step * np.arange(n), clockwise=clockwise))
    np.testing.assert_allclose(order, np.full(240, expected), atol=1e-12)


@pytest.mark.parametrize("n", [2, 3, 50])
def test_evenly_spread_phases_have_no_order(n: int) -> None:
    """Then the mean field rests at the centre, whatever the time."""
    order = metrics.order_parameter(*circling(2 * np.pi * np.arange(n) / n))
    np.testing.assert_allclose(order, 0.0, atol=1e-12)


def test_random_phases_have_the_order_of_a_rayleigh_walk() -> None:
    n = 400
    draws = np.random.default_rng(0).uniform(0, 2 * np.pi, (500, n))
    orders = [metrics.order_parameter(*circling(one, n_steps=4))[0] for one in draws]
    assert np.mean(orders) == pytest.approx(math.sqrt(math.pi / n) / 2, rel=0.06)
    assert np.mean(np.square(orders)) == pytest.approx(1 / n, rel=0.15)


IDENTITY = metrics.PhaseMap(
    np.array([3.0, -2.0]), np.array([-np.pi, np.pi]), np.array([-np.pi, np.pi])
)


def test_order_is_a_function_of_time() -> None:
    """Two neurons that part: R = |cos(half their distance)|."""
    half = np.linspace(0, np.pi, 50)
    angle = np.array([0.3, 0.3])[None] + half[:, None] * [-1, 1]
    order = metrics.order_parameter(3 + 2 * np.cos(angle), -2 + 2 * np.sin(angle), IDENTITY)
    np.testing.assert_allclose(order, np.abs(np.cos(half)), atol=1e-12)


def test_a_phase_map_is_applied_before_averaging() -> None:
    """A map that doubles the angle makes opposite neurons one."""
    double = metrics.PhaseMap(
        IDENTITY.centre, np.array([-np.pi, np.pi]), np.array([-2 * np.pi, 2 * np.pi])
    )
    opposite = circling(np.array([0.2, 0.2 + np.pi]))
    np.testing.assert_allclose(metrics.order_parameter(*opposite), 0.0, atol=1e-12)
    np.testing.assert_allclose(metrics.order_parameter(*opposite, double), 1.0, atol=1e-12)


# Phase map


def isolated_cycle(model: BonhoefferVanDerPol, times: Array) -> Array:
    """State (2, times) on the cycle of one uncoupled neuron, by DOP853 and from the equations."""

    def rates(_t: float, s: Array) -> list[float]:
        x, y = s
        return [x - x**3 / 3 - y + model.mean_current, 0.1 * (x - 0.8 * y + 0.7)]

    options: dict[str, Any] = {"method": "DOP853", "rtol": 1e-10, "atol": 1e-10}
    settled = scipy.integrate.solve_ivp(rates, (0, 500), [0.3, -0.2], **options).y[:, -1]
    run = scipy.integrate.solve_ivp(rates, (0, times[-1]), settled, t_eval=times, **options)
    return np.asarray(run.y)


@pytest.mark.parametrize(
    ("model", "period"),
    [  # periods at these currents: specification, section 2.1
        (BonhoefferVanDerPol(), 32.14),
        (BonhoefferVanDerPol(coupling=0.3, spread=0.4), 32.14),  # of the isolated neuron
        (BonhoefferVanDerPol(mean_current=0.35), 39.41),
        (BonhoefferVanDerPol(mean_current=0.9, dt=0.1), 30.88),
    ],
)
def test_phases_of_the_isolated_cycle_grow_evenly_in_time(
    model: BonhoefferVanDerPol, period: float
) -> None:
    times = np.linspace(0, 3 * period, 700)
    phase = np.unwrap(metrics.phase_map(model)(*isolated_cycle(model, times)))
    slope, start = np.polyfit(times, phase, 1)
    assert 2 * np.pi / abs(slope) == pytest.approx(period, abs=0.02)
    np.testing.assert_allclose(phase, start + slope * times, atol=0.02)


def test_the_plain_angle_does_not_grow_evenly() -> None:
    """The reason for the map: without it the last test's error is hundreds of times larger."""
    x, y = isolated_cycle(BonhoefferVanDerPol(), times := np.linspace(0, 96.42, 700))
    angle = np.unwrap(np.arctan2(y - y.mean(), x - x.mean()))
    residual = angle - np.polyval(np.polyfit(times, angle, 1), times)
    assert np.abs(residual).max() > 0.3


def test_a_phase_map_is_one_turn_and_keeps_shapes() -> None:
    mapped = metrics.phase_map(BonhoefferVanDerPol())
    assert np.ptp(mapped.angles) == pytest.approx(2 * np.pi, abs=1e-9)
    assert np.ptp(mapped.phases) == pytest.approx(2 * np.pi, abs=1e-9)
    assert (np.diff(mapped.angles) > 0).all()
    x, y = np.random.default_rng(1).uniform(-2, 2, (2, 5, 7))
    phases = mapped(x, y)
    assert phases.shape == (5, 7)
    centre_x, centre_y = mapped.centre  # twice as far out has the same phase
    again = mapped(centre_x + 2 * (x - centre_x), centre_y + 2 * (y - centre_y))
    np.testing.assert_allclose(again, phases, atol=1e-9)


@pytest.mark.parametrize("current", [0.2, 1.6])
def test_a_silent_neuron_has_no_phase_map(current: float) -> None:
    with pytest.raises(ValueError, match=f"mean_current={current} does not oscillate"):
        metrics.phase_map(BonhoefferVanDerPol(mean_current=current))


# Stimulation


def test_the_price_of_eight_kicks() -> None:
    price = metrics.stimulation([0.5, -0.25, 0, 0, -1, 0, 0, 0], period_steps=160)
    assert price.charge == pytest.approx(1.75 / 8)
    assert price.net_charge == pytest.approx(-0.75 / 8)
    assert price.energy == pytest.approx((0.25 + 0.0625 + 1) / 8)
    assert price.peak == 1.0
    assert price.pulses_per_period == pytest.approx(60)


def test_the_price_of_two_electrodes_and_a_pulse_of_three_sub_steps() -> None:
    kicks = np.array([[0.5, -0.25], [0.0, 0.0], [0.0, 1.0], [0.0, 0.0]])
    price = metrics.stimulation(kicks, 32, (1.0, -0.5, -0.5))
    assert price.charge == pytest.approx(2 * 1.75 / 4)
    assert price.net_charge == 0
    assert price.energy == pytest.approx(1.5 * (0.25 + 0.0625 + 1) / 4)
    assert price.peak == 1.0
    assert price.pulses_per_period == pytest.approx(16)
    one_way = metrics.stimulation(kicks, 32, (0.5, 0.25))
    assert one_way.net_charge == pytest.approx(0.75 * 1.25 / 4)
    assert one_way.peak == 0.5


def test_silence_costs_nothing() -> None:
    assert metrics.stimulation(np.zeros(10), 162) == metrics.Stimulation(0, 0, 0, 0, 0)


@given(hnp.arrays(float, st.integers(1, 30), elements=st.floats(-2, 2)), st.floats(0.1, 10))
def test_prices_scale_and_bound_each_other(kicks: Array, factor: float) -> None:
    price, scaled = metrics.stimulation(kicks, 100), metrics.stimulation(-factor * kicks, 100)
    assert scaled.charge == pytest.approx(factor * price.charge)
    assert scaled.net_charge == pytest.approx(-factor * price.net_charge, abs=1e-12)
    assert scaled.energy == pytest.approx(factor**2 * price.energy)
    assert scaled.peak == pytest.approx(factor * price.peak)
    assert abs(price.net_charge) <= price.charge + 1e-12
    assert price.charge <= price.peak + 1e-12
    assert price.charge**2 <= price.energy + 1e-12


@pytest.mark.parametrize("steps", [0, -1, math.nan])
def test_a_price_needs_a_period(steps: float) -> None:
    with pytest.raises(ValueError, match=f"period_steps must be above 0, got {steps}"):
        metrics.stimulation([1.0], steps)


# Settling and recovery


@given(hnp.arrays(float, st.integers(1, 40), elements=st.floats(-5, 5)), st.data())
def test_windowed_std_is_a_loop_over_windows(x: Array, data: st.DataObject) -> None:
    window = data.draw(st.integers(1, len(x)))
    expected = [np.std(x[i : i + window]) for i in range(len(x) - window + 1)]
    np.testing.assert_allclose(metrics.windowed_std(x, window), expected, atol=1e-12)
    assert len(metrics.windowed_std(np.zeros(1000))) == 751  # 250 by default


@pytest.mark.parametrize("window", [0, 251])
def test_a_window_fits_into_the_recording(window: int) -> None:
    wanted = rf"window must be in \[1, 250\] \(samples of x\), got {window}"
    for function in (metrics.windowed_std, metrics.settling_step):
        with pytest.raises(ValueError, match=wanted):
            function(np.zeros(250), window=window)
    with pytest.raises(ValueError, match=wanted):
        metrics.recovery_step(np.zeros(250), 1.0, window=window)


def test_settling_is_the_first_step_of_a_calm_window() -> None:
    """One sample of +-1 left in ten makes the std 0.3, so that the window begins at the calm."""
    x = np.r_[np.tile([1.0, -1.0], 10), np.zeros(20), np.tile([1.0, -1.0], 10)]
    assert metrics.settling_step(x, window=10) == 20
    assert metrics.settling_step(x, threshold=0.31, window=10) == 19
    assert metrics.settling_step(np.zeros(250)) == 0
    assert metrics.settling_step(x, window=21) is None
    assert metrics.settling_step(0.2 * np.tile([1.0, -1.0], 500)) is None


def test_settling_means_250_samples_below_a_tenth() -> None:
    """Among zeros, one 2 makes the std 0.126; a 1 with a -1 make it 0.089, with one more 0.109."""
    strong = 2 * np.tile([1.0, -1.0], 350)
    assert metrics.settling_step(np.r_[strong, np.zeros(249), strong]) is None
    assert metrics.settling_step(np.r_[strong, np.zeros(250), strong]) == 700
    assert metrics.settling_step(np.r_[strong / 2, np.zeros(248), strong]) == 698


def test_recovery_is_the_first_step_of_a_window_above_half_the_free_std() -> None:
    """Nine zeros and one 2 have a std of 0.6."""
    x = np.r_[np.zeros(30), 2 * np.tile([1.0, -1.0], 10)]
    assert metrics.recovery_step(x, free_std=1.19, window=10) == 21
    assert metrics.recovery_step(x, free_std=1.21, window=10) == 22
    assert metrics.recovery_step(x, free_std=4.1, window=10) is None


def test_recovery_looks_at_250_samples() -> None:
    x = np.r_[np.zeros(1000), np.tile([1.0, -1.0], 200)]
    # 63 of 250 samples: variance 63 / 250 - (1 / 250)^2 is the first above 1/4
    assert metrics.recovery_step(x, free_std=1.0) == 1000 - 250 + 63


# Bad input

GOOD = np.ones(300)
SERIES = [
    ("free", lambda bad: metrics.s_ratio(bad, GOOD)),
    ("controlled", lambda bad: metrics.s_ratio(GOOD, bad)),
    ("free", lambda bad: metrics.mean_shift(bad, GOOD)),
    ("controlled", lambda bad: metrics.mean_shift(GOOD, bad)),
    ("x", metrics.windowed_std),
    ("x", metrics.settling_step),
    ("x", lambda bad: metrics.recovery_step(bad, 1.0)),
    ("x", lambda bad: metrics.period(bad, 1.0)),
    ("x", lambda bad: metrics.spectrum(bad, 1.0)),
]
MATRICES = [
    ("neuron_x", metrics.active_fraction),
    ("neuron_x", metrics.is_quenched),
    ("x", lambda bad: metrics.order_parameter(bad, np.ones((300, 2)))),
    ("y", lambda bad: metrics.order_parameter(np.ones((300, 2)), bad)),
]


@pytest.mark.parametrize(("name", "function"), SERIES)
def test_series_have_one_axis_and_finite_values(name: str, function: Any) -> None:
    for bad in (np.ones((300, 1)), np.ones(0), 1.0):
        wanted = rf"{name} must have shape \(time,\) and be non-empty, got \("
        with pytest.raises(ValueError, match=wanted):
            function(bad)
    for value in (math.nan, math.inf):
        with pytest.raises(ValueError, match=f"{name} must be finite, got NaN or infinity"):
            function(np.r_[GOOD, value])


def test_kicks_have_one_or_two_axes_and_finite_values() -> None:
    for bad in (np.ones((3, 1, 1)), np.ones(0), 1.0):
        with pytest.raises(ValueError, match=r"kicks must have shape \(time,\) and be non-empty"):
            metrics.stimulation(bad, 162)
    for worse in (np.array([1.0, math.nan]), np.array([[1.0, math.inf]])):
        with pytest.raises(ValueError, match="kicks must be finite, got NaN or infinity"):
            metrics.stimulation(worse, 162)
    with pytest.raises(ValueError, match=r"weights must have shape \(time,\) and be non-empty"):
        metrics.stimulation([1.0], 162, ())


@pytest.mark.parametrize(("name", "function"), MATRICES)
def test_matrices_have_two_axes_and_finite_values(name: str, function: Any) -> None:
    for bad in (np.ones(300), np.ones((0, 3)), np.ones((300, 2, 1))):
        wanted = rf"{name} must have shape \(time, neurons\) and be non-empty, got \("
        with pytest.raises(ValueError, match=wanted):
            function(bad)
    with pytest.raises(ValueError, match=f"{name} must be finite, got NaN or infinity"):
        function(np.full((300, 2), math.nan))


def test_x_and_y_belong_together() -> None:
    wanted = r"x and y must have one shape, got \(9, 2\) and \(9, 3\)"
    with pytest.raises(ValueError, match=wanted):
        metrics.order_parameter(np.ones((9, 2)), np.ones((9, 3)))
