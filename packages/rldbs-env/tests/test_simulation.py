"""The compiled step against plain numpy and an adaptive solver of high order."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.integrate import solve_ivp

from rldbs_env import BonhoefferVanDerPol, simulate

Floats = NDArray[np.float64]


def plain_rk4(
    model: BonhoefferVanDerPol, state: Floats, currents: Floats, kicks: Floats
) -> tuple[Floats, Floats]:
    """Mean fields (steps, 2) and the last state, by the textbook scheme written out afresh."""

    def rates(s: Floats) -> Floats:
        x, y = s
        dx = x - x * x * x / 3 - y + currents + model.coupling * np.mean(x)
        return np.array([dx, 0.1 * (x - 0.8 * y + 0.7)])

    h, means = model.dt, []
    state = state.copy()
    for kick in kicks:
        state[0] += kick
        k1 = rates(state)
        k2 = rates(state + h * k1 / 2)
        k3 = rates(state + h * k2 / 2)
        k4 = rates(state + h * k3)
        state = state + h * (k1 + 2 * k2 + 2 * k3 + k4) / 6
        means.append(state.mean(axis=1))
    return np.array(means), state


def draw(model: BonhoefferVanDerPol, n: int, seed: int = 0) -> tuple[Floats, Floats]:
    return model.draw(n, np.random.default_rng(seed))


@pytest.mark.parametrize("n_neurons", [1, 2, 10, 1000])
def test_a_thousand_free_steps_agree_with_plain_numpy(n_neurons: int) -> None:
    model = BonhoefferVanDerPol()
    state, currents = draw(model, n_neurons)
    means, last = plain_rk4(model, state, currents, np.zeros(1000))
    run = simulate(model, state, currents, 1000)
    np.testing.assert_allclose(run.mean_x, means[:, 0], atol=1e-12, rtol=0)
    np.testing.assert_allclose(run.mean_y, means[:, 1], atol=1e-12, rtol=0)
    np.testing.assert_allclose(run.state, last, atol=1e-11, rtol=0)


def test_a_recorded_pulse_sequence_agrees_with_plain_numpy() -> None:
    model = BonhoefferVanDerPol()
    state, currents = draw(model, 1000)
    kicks = np.random.default_rng(1).uniform(-1, 1, 3500)
    kicks[1000:2000] *= 0.01
    means, _ = plain_rk4(model, state, currents, kicks)
    run = simulate(model, state, currents, 3500, kicks)
    np.testing.assert_allclose(run.mean_x, means[:, 0], atol=1e-10, rtol=0)
    np.testing.assert_allclose(run.mean_y, means[:, 1], atol=1e-10, rtol=0)


@settings(max_examples=40)
@given(
    n_neurons=st.integers(1, 70),
    seed=st.integers(0, 2**32 - 1),
    coupling=st.floats(-0.5, 1.0),
    spread=st.floats(0, 0.5),
    dt=st.floats(0.01, 0.3),
    strength=st.floats(0, 1),
)
def test_any_ensemble_agrees_with_plain_numpy(
    n_neurons: int, seed: int, coupling: float, spread: float, dt: float, strength: float
) -> None:
    model = BonhoefferVanDerPol(coupling, spread, dt=dt)
    state, currents = draw(model, n_neurons, seed)
    kicks = strength * np.random.default_rng(seed).uniform(-1, 1, 40)
    means, last = plain_rk4(model, state, currents, kicks)
    run = simulate(model, state, currents, 40, kicks)
    np.testing.assert_allclose(run.mean_x, means[:, 0], atol=1e-11, rtol=0)
    np.testing.assert_allclose(run.mean_y, means[:, 1], atol=1e-11, rtol=0)
    np.testing.assert_allclose(run.state, last, atol=1e-10, rtol=0)


def adaptive(model: BonhoefferVanDerPol, state: Floats, currents: Floats, times: Floats) -> Floats:
    """Mean x at these times by DOP853 with tight tolerances."""

    def rates(_: float, flat: Floats) -> Floats:
        x, y = flat.reshape(2, -1)
        dx = x - x**3 / 3 - y + currents + model.coupling * x.mean()
        return np.concatenate([dx, 0.1 * (x - 0.8 * y + 0.7)])

    solution = solve_ivp(
        rates, (0, times[-1]), state.ravel(), "DOP853", t_eval=times, rtol=1e-11, atol=1e-12
    )
    return np.asarray(solution.y[: state.shape[1]].mean(axis=0))


def test_the_trace_is_within_1e_4_of_an_adaptive_solver() -> None:
    model = BonhoefferVanDerPol()
    state, currents = draw(model, 300)
    times = np.arange(1, 251) * 0.2
    run = simulate(model, state, currents, 250)
    assert np.abs(run.mean_x - adaptive(model, state, currents, times)).max() < 1e-4


def test_halving_the_step_divides_the_error_by_sixteen() -> None:
    state, currents = draw(BonhoefferVanDerPol(), 1000)
    truth = adaptive(BonhoefferVanDerPol(), state, currents, np.arange(1, 251) * 0.2)
    errors = []
    for every, dt in ((1, 0.2), (2, 0.1), (4, 0.05)):
        run = simulate(BonhoefferVanDerPol(dt=dt), state, currents, 250 * every)
        errors.append(np.abs(run.mean_x[every - 1 :: every] - truth).max())
    assert 12 < errors[0] / errors[1] < 20
    assert 12 < errors[1] / errors[2] < 20


def test_a_kick_moves_every_neuron_just_before_the_step() -> None:
    model = BonhoefferVanDerPol()
    state, currents = draw(model, 50)
    shifted = state + np.array([[0.3], [0.0]])
    kicked = simulate(model, state, currents, 1, [0.3])
    moved = simulate(model, shifted, currents, 1)
    np.testing.assert_allclose(kicked.state, moved.state, atol=1e-14, rtol=0)


def test_zero_kicks_are_no_kicks_bit_by_bit() -> None:
    model = BonhoefferVanDerPol()
    state, currents = draw(model, 333)
    free = simulate(model, state, currents, 500)
    zero = simulate(model, state, currents, 500, np.zeros(500))
    np.testing.assert_array_equal(free.mean_x, zero.mean_x)
    np.testing.assert_array_equal(free.state, zero.state)


def test_two_halves_are_one_run() -> None:
    model = BonhoefferVanDerPol()
    state, currents = draw(model, 100)
    whole = simulate(model, state, currents, 400)
    half = simulate(model, state, currents, 200)
    rest = simulate(model, half.state, currents, 200)
    np.testing.assert_allclose(rest.mean_x, whole.mean_x[200:], atol=1e-12, rtol=0)


def test_float32_stays_close_and_float32() -> None:
    model = BonhoefferVanDerPol()
    state, currents = draw(model, 1000)
    exact = simulate(model, state, currents, 250)
    short = simulate(model, state.astype(np.float32), currents, 250)
    assert short.mean_x.dtype == short.state.dtype == np.float32
    assert np.abs(short.mean_x - exact.mean_x).max() < 1e-5


def test_recorded_neurons_are_rows_of_the_state() -> None:
    model = BonhoefferVanDerPol()
    state, currents = draw(model, 20)
    run = simulate(model, state, currents, 30, neurons=[3, 19, 0])
    assert run.neuron_x.shape == (30, 3)
    np.testing.assert_array_equal(run.neuron_x[-1], run.state[0, [3, 19, 0]])
    every = simulate(model, state, currents, 30, neurons=np.arange(20))
    np.testing.assert_allclose(every.neuron_x.mean(axis=1), every.mean_x, atol=1e-14)


def test_the_callers_arrays_are_left_alone() -> None:
    model = BonhoefferVanDerPol()
    state, currents = draw(model, 10)
    before = state.copy()
    simulate(model, state, currents, 10, np.ones(10))
    np.testing.assert_array_equal(state, before)


def test_no_steps_return_the_state_as_it_was() -> None:
    model = BonhoefferVanDerPol()
    state, currents = draw(model, 10)
    run = simulate(model, state, currents, 0)
    assert run.mean_x.shape == (0,)
    np.testing.assert_array_equal(run.state, state)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"state": np.zeros((3, 4))}, r"state must have shape \(2, n_neurons\).* got \(3, 4\)"),
        ({"state": np.zeros((2, 0))}, "at least one neuron"),
        ({"currents": np.zeros(3)}, r"currents must have one value per neuron, shape \(4,\)"),
        ({"n_steps": -1}, "n_steps must be at least 0, got -1"),
        (
            {"kicks": np.zeros(4)},
            r"kicks must have shape \(n_steps,\) = \(5,\) or .* = \(5, 1\), got \(4,\)",
        ),
        ({"kicks": [0, 0, np.nan, 0, 0]}, "kicks must be finite, got NaN or infinity"),
        ({"state": np.full((2, 4), np.inf)}, "state must be finite"),
        ({"currents": np.full(4, np.nan)}, "currents must be finite"),
        ({"neurons": [4]}, r"neurons must be in \[0, 4\), got \[4\]"),
        ({"neurons": [-1]}, r"neurons must be in \[0, 4\)"),
    ],
)
def test_bad_input_is_refused_with_what_was_wanted(change: dict[str, Any], message: str) -> None:
    arguments = {"state": np.zeros((2, 4)), "currents": np.zeros(4), "n_steps": 5} | change
    with pytest.raises(ValueError, match=message):
        simulate(BonhoefferVanDerPol(), **arguments)
