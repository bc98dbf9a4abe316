"""Populations of phase oscillators: Kuramoto's theory, stimulation, recording and noise."""

import dataclasses
import math
from typing import Any

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.optimize import brentq
from scipy.stats import norm

from rldbs_env import Trajectory, simulate
from rldbs_env.kuramoto import RESPONSES, Contact, KuramotoGrid, lead

SMALL = KuramotoGrid(grid=(3, 2, 3))
EVERYWHERE = Contact(reach=math.inf)


def run(
    model: KuramotoGrid, n_steps: int, kicks: Any = None, seed: int = 0, dtype: Any = np.float64
) -> Trajectory:
    """From the model's draw of this seed."""
    state, frequencies = model.draw(model.n_units, np.random.default_rng(seed))
    return simulate(model, state.astype(dtype), frequencies, n_steps, kicks)


# Synchronisation


def test_lorentzian_frequencies_synchronise_as_kuramoto_found() -> None:
    """Above the critical coupling 2 gamma the order parameter is sqrt(1 - 2 gamma / K)."""
    n, width = 2000, 0.1
    frequencies = 1.07 + width * np.tan(math.pi * ((np.arange(n) + 0.5) / n - 0.5))
    for coupling in (0.3, 0.5):
        model = KuramotoGrid(coupling=coupling, grid=(20, 10, 10))
        start, _ = model.draw(n, np.random.default_rng(0))
        fields = simulate(model, start, frequencies, 5000).fields[2500:]
        order = np.hypot(fields[:, 0], fields[:, 1]).mean()
        assert order == pytest.approx(math.sqrt(1 - 2 * width / coupling), abs=0.01)


def self_consistent(coupling: float, spread: float) -> float:
    """The order parameter r with 1 = K times the integral of cos^2 g(K r sin) over half a turn."""

    def excess(r: float) -> float:
        def part(angle: float) -> float:
            locked = norm.pdf(coupling * r * math.sin(angle), 0, spread)
            return float(math.cos(angle) ** 2 * locked)

        return float(coupling * quad(part, -math.pi / 2, math.pi / 2)[0] - 1)

    return float(brentq(excess, 1e-6, 1))


@pytest.mark.parametrize("relative", [1.3, 1.6, 3.0])
def test_above_the_critical_coupling_the_order_is_the_self_consistent_one(relative: float) -> None:
    n, spread = 2000, 0.24
    critical = 2 / (math.pi * norm.pdf(0, 0, spread))
    model = KuramotoGrid(relative * critical, spread, grid=(20, 10, 10))
    frequencies = norm.ppf((np.arange(n) + 0.5) / n, 1.07, spread)
    start, _ = model.draw(n, np.random.default_rng(0))
    fields = simulate(model, start, frequencies, 5000).fields[2500:]
    order = np.hypot(fields[:, 0], fields[:, 1]).mean()
    assert order == pytest.approx(self_consistent(relative * critical, spread), abs=0.01)


def test_far_below_the_critical_coupling_there_is_no_order() -> None:
    model = KuramotoGrid(0.1 * 1.596 * 0.24, grid=(20, 10, 10))
    fields = run(model, 4000).fields[1000:]
    assert np.hypot(fields[:, 0], fields[:, 1]).mean() < 2 / math.sqrt(2000)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_default_population_is_synchronised_when_the_transient_ends(seed: int) -> None:
    model = KuramotoGrid()
    fields = run(model, model.transient_steps + 10 * model.period_steps, seed=seed).fields
    x, y = fields[model.transient_steps :, :, 0].T
    order = np.hypot(x, y)
    assert 0.7 < order.mean() < 0.85
    assert order.std() < 0.03
    assert 0.5 < x.std() < 0.62
    upward = np.flatnonzero((x[:-1] < 0) & (x[1:] >= 0))
    assert np.diff(upward).mean() == pytest.approx(model.period_steps, abs=4)
    assert np.abs(np.convolve(x, np.ones(model.window) / model.window, "valid")).max() < 0.05


@pytest.mark.parametrize("response", ["type_2", "type_1"])
def test_two_lines_of_feedback_suppress_the_rhythm(response: str) -> None:
    """X drawn down where it is high; advances act on Y, from which Z turns on."""
    model = KuramotoGrid(response=response)
    start, frequencies = model.draw(512, np.random.default_rng(0))
    now = simulate(model, start, frequencies, model.transient_steps + 2000)
    free = now.mean_x[-2000:].std()
    row, gain = {"type_2": (0, -0.2), "type_1": (1, 0.2)}[response]
    x, recent = [], list(now.fields[-model.window :, row, 0])
    for _ in range(3000):
        kick = gain * (recent[-1] - np.mean(recent[-model.window :]))
        now = simulate(model, now.state, frequencies, 1, [kick])
        recent.append(now.fields[0, row, 0])
        x.append(now.fields[0, 0, 0])
    assert free / np.std(x[1500:]) > 15


# Stimulation


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("kernel", ["global", "gaussian"])
@pytest.mark.parametrize("response", RESPONSES)
def test_a_kick_shifts_each_phase_by_reach_times_response(
    response: str, kernel: str, dtype: Any
) -> None:
    model = dataclasses.replace(
        SMALL, response=response, response_width=0.8, coupling_kernel=kernel,
        contacts=(Contact((0, 0, 0), 1.0), Contact((2, 1, 2), 2.0, "gaussian")),
    )  # fmt: skip
    state, frequencies = model.draw(18, np.random.default_rng(0))
    theta = state[0].astype(dtype).astype(float)
    near = np.array([1 / (1 + math.dist((0, 0, 0), p) ** 2) for p in model.points])
    far = np.array([math.exp(-(math.dist((2, 1, 2), p) ** 2) / 8) for p in model.points])
    curve = {
        "type_1": 1 - np.cos(theta),
        "type_2": -np.sin(theta),
        "direct": np.ones(18),
        "bell": np.exp((np.cos(theta - math.pi) - 1) / 0.8**2),
    }[response]
    np.testing.assert_allclose(model.phase_response(theta), curve, atol=1e-15)
    by_hand = np.array([theta + (0.7 * near - 0.4 * far) * curve], dtype)
    moved = simulate(model, by_hand, frequencies, 1)
    kicked = simulate(model, state.astype(dtype), frequencies, 1, [[0.7, -0.4]])
    error = 1e-14 if dtype is np.float64 else 2e-6
    assert np.abs(np.exp(1j * kicked.state) - np.exp(1j * moved.state)).max() < error
    np.testing.assert_allclose(kicked.fields, moved.fields, atol=error, rtol=0)


def test_a_bell_without_end_is_direct() -> None:
    flat = dataclasses.replace(SMALL, response="bell", response_width=1e200)
    direct = dataclasses.replace(SMALL, response="direct")
    one, other = (run(model, 3, np.ones(3)).fields for model in (flat, direct))
    np.testing.assert_array_equal(one, other)
    assert (flat.phase_response([0.0, 1.0, 3.0]) == 1).all()


def test_kicks_of_one_segment_move_its_side_more() -> None:
    model = KuramotoGrid(response="direct", contacts=lead(), coupling=0.0)
    still, kicked = run(model, 1), run(model, 1, [[0.5, 0, 0, 0]])
    shift = np.angle(np.exp(1j * (kicked.state - still.state)))[0].reshape(8, 8, 8)
    assert shift[4:].mean() > 2.5 * shift[:4].mean() > 0
    np.testing.assert_allclose(shift[:, :4].mean(), shift[:, 4:].mean(), rtol=1e-9)


# Recording


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_sensors_hear_weighted_means_of_cosine_and_sine(dtype: Any) -> None:
    sensors = (EVERYWHERE, Contact((0, 0, 0), 1.5, "exponential"), *lead((2, 1, 1), 2, reach=3))
    model = dataclasses.replace(SMALL, sensors=sensors)
    wiring = model.wiring(18, dtype)
    assert wiring.recording.shape == (model.n_sensors, 18) == (4, 18)
    np.testing.assert_allclose(wiring.recording.sum(axis=1), 1, rtol=1e-6)
    raw = [math.exp(-math.dist((0, 0, 0), p) / 1.5) for p in model.points]
    np.testing.assert_allclose(wiring.recording[1], raw / np.sum(raw), rtol=1e-6)
    now = run(model, 5, dtype=dtype)
    fields, theta = now.fields[-1], now.state[0].astype(float)
    weights = [sensor.strength(model.points) for sensor in sensors]
    x = [np.average(np.cos(theta), weights=w) for w in weights]
    y = [np.average(np.sin(theta), weights=w) for w in weights]
    np.testing.assert_allclose(fields, [x, y], atol=2e-7 if dtype is np.float32 else 1e-14)
    seen = model.observe(now.state, wiring)
    np.testing.assert_allclose(seen, fields, atol=3e-7)
    assert seen.dtype == dtype
    assert seen.flags.c_contiguous


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_no_field_leaves_the_limits_even_in_full_synchrony(dtype: Any) -> None:
    model = KuramotoGrid(frequency_spread=0.0, grid=(16, 16, 16), sensors=(EVERYWHERE, Contact()))
    fields = simulate(model, np.zeros((1, 4096), dtype), np.full(4096, 1.07), 150).fields
    x_low, x_high, y_low, y_high = model.limits(1.0)
    assert x_low <= fields[:, 0].min() < -0.99 < 0.99 < fields[:, 0].max() <= x_high
    assert y_low <= fields[:, 1].min() < -0.99 < 0.99 < fields[:, 1].max() <= y_high
    assert (x_low, x_high) == (y_low, y_high) == (-1.0001, 1.0001)


# Noise


def test_noise_spreads_phases_by_the_root_of_time() -> None:
    model = KuramotoGrid(
        coupling=0.0, frequency_spread=0.0, noise=0.2, grid=(20, 20, 10), contacts=(EVERYWHERE,)
    )
    state = simulate(model, np.zeros((1, 4000)), np.full(4000, 1.07), 100).state
    spread = np.angle(np.exp(1j * (state[0] - 1.07 * 5)))
    assert spread.std() == pytest.approx(0.2 * math.sqrt(5), rel=0.05)
    assert abs(spread.mean()) < 0.03


def test_noise_follows_from_its_seed() -> None:
    noisy = dataclasses.replace(SMALL, noise=0.3)
    start, frequencies = noisy.draw(18, np.random.default_rng(0))
    one, same, other = (simulate(noisy, start, frequencies, 20, seed=s).state for s in (1, 1, 2))
    np.testing.assert_array_equal(one, same)
    assert not np.array_equal(one, other)
