"""Steps of phase oscillators against plain numpy, an adaptive solver, and in both precisions."""

import dataclasses
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.integrate import solve_ivp

from rldbs_env import Trajectory, simulate
from rldbs_env.kuramoto import COUPLING_KERNELS, FALLOFFS, RESPONSES, Contact, KuramotoGrid, lead

Floats = NDArray[Any]

SMALL = KuramotoGrid(grid=(3, 2, 3))
EVERYWHERE = Contact(reach=math.inf)


def run(model: KuramotoGrid, n_steps: int, dtype: Any = np.float64) -> Trajectory:
    """From the model's first draw."""
    state, currents = model.draw(model.n_units, np.random.default_rng(0))
    return simulate(model, state.astype(dtype), currents, n_steps)


def apart(phases: Floats, others: Floats) -> float:
    """Largest distance on the circle."""
    difference = np.asarray(phases, float) - others
    return float(np.abs(np.angle(np.exp(1j * difference))).max())


def distances(grid: tuple[int, int, int]) -> Floats:
    """Between all units, by a loop over them."""
    places = [(i, j, k) for i in range(grid[0]) for j in range(grid[1]) for k in range(grid[2])]
    return np.array([[math.dist(a, b) for b in places] for a in places])


def pull(matrix: Floats, theta: Floats) -> Floats:
    """sum_j K_ij sin(theta_j - theta_i), by a loop over units."""
    return np.array([row @ np.sin(theta - theta[i]) for i, row in enumerate(matrix)])


def plain_matrix(model: KuramotoGrid) -> Floats:
    n = model.n_units
    if model.coupling_kernel == "global":
        return np.full((n, n), 1 / n)
    far = distances(model.grid) / model.coupling_range
    weights = {
        "gaussian": np.exp(-(far**2) / 2),
        "exponential": np.exp(-far),
        "lorentzian": 1 / (1 + far**2),
        "linear": np.clip(1 - far, 0, None),
        "cosine": np.cos(far),
    }[model.coupling_kernel]
    return np.array([row / row.sum() for row in weights])


def plain_rk4(
    model: KuramotoGrid, state: Floats, currents: Floats, kicks: Floats
) -> tuple[Floats, Floats]:
    """Mean cosine and sine (steps, 2) and the last phases, by the textbook scheme."""
    matrix, h, means, theta = plain_matrix(model), model.dt, [], state[0].copy()
    reach = np.array([contact.strength(model.points) for contact in model.contacts])

    def rates(at: Floats) -> Floats:
        return np.asarray(currents + model.coupling * pull(matrix, at))

    for given_now in kicks:
        theta = theta + (given_now @ reach) * model.phase_response(theta)
        k1 = rates(theta)
        k2 = rates(theta + h * k1 / 2)
        k3 = rates(theta + h * k2 / 2)
        k4 = rates(theta + h * k3)
        theta = theta + h * (k1 + 2 * k2 + 2 * k3 + k4) / 6
        means.append([np.cos(theta).mean(), np.sin(theta).mean()])
    return np.array(means), theta


# Dynamics


def test_rates_of_two_units_by_hand() -> None:
    model = KuramotoGrid(grid=(1, 2, 1), coupling=0.5)
    rates = model.rates([[0.2, 1.2]], [1.0, 1.1])
    np.testing.assert_allclose(
        rates, [[1 + 0.25 * math.sin(1), 1.1 - 0.25 * math.sin(1)]], rtol=1e-15
    )


def test_rates_of_two_units_coupled_by_distance_by_hand() -> None:
    model = KuramotoGrid(
        grid=(1, 2, 1), coupling=0.5, coupling_kernel="exponential", coupling_range=0.5
    )
    other = math.exp(-2) / (1 + math.exp(-2))
    expected = [1 + 0.5 * other * math.sin(1), 1.1 - 0.5 * other * math.sin(1)]
    np.testing.assert_allclose(model.rates([[0.2, 1.2]], [1.0, 1.1]), [expected], rtol=1e-15)


@settings(max_examples=40)
@given(
    grid=st.tuples(*[st.integers(1, 4)] * 3),
    kernel=st.sampled_from(COUPLING_KERNELS),
    response=st.sampled_from(RESPONSES),
    seed=st.integers(0, 2**32 - 1),
    coupling=st.floats(-0.5, 1.5),
    spread=st.floats(0, 0.5),
    dt=st.floats(0.01, 0.3),
    strength=st.floats(0, 1),
)
def test_any_population_agrees_with_plain_numpy(
    grid: tuple[int, int, int],
    kernel: str,
    response: str,
    seed: int,
    coupling: float,
    spread: float,
    dt: float,
    strength: float,
) -> None:
    model = KuramotoGrid(
        coupling, spread, dt=dt, grid=grid, coupling_kernel=kernel, coupling_range=4.0,
        response=response, contacts=lead((1, 1, 1), 3, reach=2.0),
    )  # fmt: skip
    start, currents = model.draw(model.n_units, np.random.default_rng(seed))
    kicks = strength * np.random.default_rng(seed).uniform(-1, 1, (20, 3))
    trace = simulate(model, start, currents, 20, kicks)
    means, last = plain_rk4(model, start, currents, kicks)
    np.testing.assert_allclose(trace.fields[:, :, 0], means, atol=1e-11, rtol=0)
    assert apart(trace.state[0], last) < 1e-10
    np.testing.assert_allclose(
        model.rates(start, currents)[0],
        currents + coupling * pull(plain_matrix(model), start[0]),
        atol=1e-13,
    )


def adaptive(model: KuramotoGrid, theta: Floats, currents: Floats, end: float) -> Floats:
    """Phases after this time by DOP853 with tight tolerances."""
    matrix = plain_matrix(model)

    def rates(_: float, at: Floats) -> Floats:
        sine, cosine = np.sin(at), np.cos(at)
        drive = cosine * (matrix @ sine) - sine * (matrix @ cosine)
        return np.asarray(currents + model.coupling * drive)

    solution = solve_ivp(rates, (0, end), theta, "DOP853", rtol=1e-12, atol=1e-12)
    return np.asarray(solution.y[:, -1])


@pytest.mark.parametrize("kernel", ["global", "gaussian"])
def test_twenty_time_units_are_within_1e_6_of_an_adaptive_solver(kernel: str) -> None:
    model = KuramotoGrid(coupling_kernel=kernel, grid=(6, 6, 5))
    start, currents = model.draw(180, np.random.default_rng(0))
    truth = adaptive(model, start[0], currents, 20.0)
    trace = simulate(model, start, currents, 400)
    assert apart(trace.state[0], truth) < 1e-6
    mean = np.exp(1j * truth).mean()
    assert np.abs(trace.fields[-1, :, 0] - [mean.real, mean.imag]).max() < 1e-7


@pytest.mark.parametrize("kernel", ["global", "exponential"])
def test_halving_the_step_divides_the_error_by_sixteen(kernel: str) -> None:
    coarse = KuramotoGrid(coupling=1.5, coupling_kernel=kernel, grid=(4, 4, 4), dt=0.4)
    start, currents = coarse.draw(64, np.random.default_rng(1))
    truth = adaptive(coarse, start[0], currents, 8.0)
    errors = []
    for parts in (1, 2, 4):
        model = dataclasses.replace(coarse, dt=0.4 / parts)
        errors.append(apart(simulate(model, start, currents, 20 * parts).state[0], truth))
    assert 12 < errors[0] / errors[1] < 20
    assert 12 < errors[1] / errors[2] < 20


@pytest.mark.parametrize("kernel", [*FALLOFFS, "cosine"])
def test_a_kernel_of_infinite_range_is_the_global_coupling(kernel: str) -> None:
    wide = dataclasses.replace(SMALL, coupling_kernel=kernel, coupling_range=math.inf)
    np.testing.assert_allclose(wide.coupling_matrix(), SMALL.coupling_matrix(), rtol=1e-15)
    assert wide.wiring(18, np.float64).kernel.shape == (18, 18)
    assert SMALL.wiring(18, np.float64).kernel.shape == (0, 0)
    np.testing.assert_allclose(run(SMALL, 200).fields, run(wide, 200).fields, atol=1e-13, rtol=0)


@pytest.mark.parametrize("kernel", ["global", "gaussian"])
def test_turning_all_phases_turns_the_result(kernel: str) -> None:
    model = dataclasses.replace(SMALL, coupling_kernel=kernel)
    start, currents = model.draw(18, np.random.default_rng(0))
    one, other = (simulate(model, start + by, currents, 100).state for by in (0.0, 2.5))
    assert apart(other, one + 2.5) < 1e-13


def test_another_mean_frequency_is_another_frame_of_reference() -> None:
    slower = dataclasses.replace(SMALL, mean_frequency=0.5)
    one, other = run(SMALL, 100).state, run(slower, 100).state
    assert apart(other, one - 0.57 * 100 * SMALL.dt) < 1e-12


def step_once(model: KuramotoGrid, state: Floats, frequencies: Floats, shift: float = 0.0) -> Any:
    """One step of the first 18 units, in place: fields, and the state of the random numbers."""
    dtype, chaos = state.dtype, np.arange(1, 5, dtype=np.uint64)
    work = np.full((model.n_work, state.shape[1]), np.nan, dtype)
    fields, parameters = np.full((2, 1), np.nan, dtype), model.parameters(dtype)
    parameters[2] = shift
    kick, wiring = np.full(1, 0.2, dtype), model.wiring(18, dtype)
    model.step()(state, 18, frequencies, work, fields, kick, parameters, wiring, chaos)
    return fields, chaos


def test_a_shift_adds_to_every_frequency() -> None:
    state, frequencies = SMALL.draw(18, np.random.default_rng(0))
    shifted, _ = step_once(SMALL, state.copy(), frequencies, shift=0.25)
    expected, _ = step_once(SMALL, state.copy(), frequencies + 0.25)
    np.testing.assert_allclose(shifted, expected, atol=1e-14, rtol=0)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("kernel", ["global", "gaussian"])
def test_units_beyond_the_first_n_are_neither_read_nor_written(kernel: str, dtype: Any) -> None:
    model = dataclasses.replace(SMALL, coupling_kernel=kernel, noise=0.1)
    state, frequencies = (part.astype(dtype) for part in model.draw(18, np.random.default_rng(0)))
    within = np.pad(state, ((0, 0), (0, 5)), constant_values=7)
    for _ in range(30):
        expected, _ = step_once(model, state, frequencies)
        fields, _ = step_once(model, within, np.pad(frequencies, (0, 5), constant_values=7))
        np.testing.assert_allclose(fields, expected, atol=1e-5, rtol=0)
    assert (within[0, 18:] == 7).all()


@pytest.mark.parametrize("noise", [0.0, 0.3])
def test_random_numbers_are_drawn_for_noise_alone(noise: float) -> None:
    model = dataclasses.replace(SMALL, noise=noise)
    _, chaos = step_once(model, *model.draw(18, np.random.default_rng(0)))
    assert (chaos.tolist() == [1, 2, 3, 4]) == (noise == 0)


# Precision


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_phases_stay_wrapped(dtype: Any) -> None:
    model = dataclasses.replace(SMALL, response="direct")
    start, currents = model.draw(18, np.random.default_rng(0))
    kicks = np.random.default_rng(0).uniform(-6, 6, 300)
    trace = simulate(model, start.astype(dtype), currents, 300, kicks, neurons=np.arange(18))
    assert 3 < np.abs(trace.neuron_x).max() <= math.pi + 1e-6


@pytest.mark.parametrize(("dtype", "error"), [(np.float64, 1e-9), (np.float32, 5e-3)])
def test_a_lone_unit_keeps_time_for_thirty_cycles(dtype: Any, error: float) -> None:
    model = KuramotoGrid(grid=(1, 1, 1), contacts=(EVERYWHERE,))
    state = simulate(model, np.zeros((1, 1), dtype), [1.07], 3500).state
    assert apart(state, np.array(1.07 * 3500 * 0.05)) < error


def test_float32_follows_float64() -> None:
    model = KuramotoGrid()
    double, single = (run(model, 1000, dtype=dtype).fields for dtype in (np.float64, np.float32))
    assert np.abs(double - single).max() < 1e-3
    assert np.abs(double - single)[:100].max() < 1e-5
