"""Phase oscillators against plain numpy, an adaptive solver, Kuramoto's theory and geometry."""

import dataclasses
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.integrate import quad, solve_ivp
from scipy.optimize import brentq
from scipy.stats import norm

from rldbs_env.kuramoto import COUPLING_KERNELS, FALLOFFS, RESPONSES, Contact, KuramotoGrid, lead

Floats = NDArray[Any]

SMALL = KuramotoGrid(grid=(3, 2, 3))
EVERYWHERE = Contact(reach=math.inf)


@dataclasses.dataclass
class Population:
    """One population and what its step needs, advanced from Python."""

    model: KuramotoGrid
    state: Floats
    currents: Floats
    dtype: Any = np.float64
    spare: int = 0

    def __post_init__(self) -> None:
        n, model = self.model.n_units, self.model
        filling = ((0, 0), (0, self.spare))
        self.state = np.pad(np.atleast_2d(self.state), filling, constant_values=7.0)
        self.state = np.ascontiguousarray(self.state, dtype=self.dtype)
        self.currents = np.append(self.currents, np.full(self.spare, 7.0)).astype(self.dtype)
        self.work = np.full((model.n_work, n + self.spare), np.nan, self.dtype)
        self.fields = np.full((2, model.n_sensors), np.nan, self.dtype)
        self.parameters = model.parameters(self.dtype)
        self.wiring = model.wiring(n, self.dtype)
        self.chaos = np.arange(1, 5, dtype=np.uint64)

    def run(self, kicks: Floats) -> Floats:
        """Fields after each step, (steps, 2, S), under kicks (steps, A)."""
        step, n = self.model.step(), self.model.n_units
        fields = []
        for given_now in np.asarray(kicks, self.dtype):
            step(
                self.state, n, self.currents, self.work, self.fields, given_now,
                self.parameters, self.wiring, self.chaos,
            )  # fmt: skip
            fields.append(self.fields.copy())
        return np.array(fields)

    def drift(self, n_steps: int) -> Floats:
        """Fields after each free step, (steps, 2, S)."""
        return self.run(np.zeros((n_steps, self.model.n_electrodes)))


def drawn(model: KuramotoGrid, seed: int = 0, dtype: Any = np.float64) -> Population:
    return Population(model, *model.draw(model.n_units, np.random.default_rng(seed)), dtype=dtype)


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


@settings(max_examples=40, deadline=None)
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
    population = drawn(model, seed)
    start, currents = population.state.copy(), population.currents
    kicks = strength * np.random.default_rng(seed).uniform(-1, 1, (20, 3))
    fields = population.run(kicks)
    means, last = plain_rk4(model, start, currents, kicks)
    np.testing.assert_allclose(fields[:, :, 0], means, atol=1e-11, rtol=0)
    assert apart(population.state[0], last) < 1e-10
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
    population = drawn(model)
    truth = adaptive(model, population.state[0].copy(), population.currents, 20.0)
    fields = population.drift(400)
    assert apart(population.state[0], truth) < 1e-6
    mean = np.exp(1j * truth).mean()
    assert np.abs(fields[-1, :, 0] - [mean.real, mean.imag]).max() < 1e-7


@pytest.mark.parametrize("kernel", ["global", "exponential"])
def test_halving_the_step_divides_the_error_by_sixteen(kernel: str) -> None:
    coarse = KuramotoGrid(coupling=1.5, coupling_kernel=kernel, grid=(4, 4, 4), dt=0.4)
    start, currents = coarse.draw(64, np.random.default_rng(1))
    truth = adaptive(coarse, start[0], currents, 8.0)
    errors = []
    for parts in (1, 2, 4):
        model = dataclasses.replace(coarse, dt=0.4 / parts)
        population = Population(model, start, currents)
        population.drift(20 * parts)
        errors.append(apart(population.state[0], truth))
    assert 12 < errors[0] / errors[1] < 20
    assert 12 < errors[1] / errors[2] < 20


@pytest.mark.parametrize("kernel", [*FALLOFFS, "cosine"])
def test_a_kernel_of_infinite_range_is_the_global_coupling(kernel: str) -> None:
    wide = dataclasses.replace(SMALL, coupling_kernel=kernel, coupling_range=math.inf)
    np.testing.assert_allclose(wide.coupling_matrix(), SMALL.coupling_matrix(), rtol=1e-15)
    one, other = drawn(SMALL), drawn(wide)
    assert other.wiring.kernel.shape == (18, 18)
    assert one.wiring.kernel.shape == (0, 0)
    np.testing.assert_allclose(one.drift(200), other.drift(200), atol=1e-13, rtol=0)


@pytest.mark.parametrize("kernel", ["global", "gaussian"])
def test_turning_all_phases_turns_the_result(kernel: str) -> None:
    model = dataclasses.replace(SMALL, coupling_kernel=kernel)
    one, other = drawn(model), drawn(model)
    other.state += 2.5
    one.drift(100)
    other.drift(100)
    assert apart(other.state, one.state + 2.5) < 1e-13


def test_another_mean_frequency_is_another_frame_of_reference() -> None:
    one, other = drawn(SMALL), drawn(dataclasses.replace(SMALL, mean_frequency=0.5))
    one.drift(100)
    other.drift(100)
    assert apart(other.state, one.state - 0.57 * 100 * SMALL.dt) < 1e-12


def test_a_shift_adds_to_every_frequency() -> None:
    one, other = drawn(SMALL), drawn(SMALL)
    other.parameters[2] = 0.25
    one.currents += 0.25
    np.testing.assert_allclose(one.drift(50), other.drift(50), atol=1e-14, rtol=0)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("kernel", ["global", "gaussian"])
def test_units_beyond_the_first_n_are_neither_read_nor_written(kernel: str, dtype: Any) -> None:
    model = dataclasses.replace(SMALL, coupling_kernel=kernel, noise=0.1)
    start, currents = model.draw(18, np.random.default_rng(0))
    alone = Population(model, start, currents, dtype)
    within = Population(model, start, currents, dtype, spare=5)
    kicks = np.full((30, 1), 0.2)
    np.testing.assert_allclose(alone.run(kicks), within.run(kicks), atol=1e-5, rtol=0)
    assert (within.state[0, 18:] == 7).all()


# Precision


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_phases_stay_wrapped(dtype: Any) -> None:
    population = drawn(dataclasses.replace(SMALL, response="direct"), dtype=dtype)
    kicks = np.random.default_rng(0).uniform(-6, 6, (300, 1))
    for given_now in kicks:
        population.run(given_now[None])
        assert np.abs(population.state).max() <= math.pi + 1e-6


@pytest.mark.parametrize(("dtype", "error"), [(np.float64, 1e-9), (np.float32, 5e-3)])
def test_a_lone_unit_keeps_time_for_thirty_cycles(dtype: Any, error: float) -> None:
    model = KuramotoGrid(grid=(1, 1, 1), contacts=(EVERYWHERE,))
    population = Population(model, np.zeros((1, 1)), np.array([1.07]), dtype)
    population.drift(3500)
    assert apart(population.state, np.array(1.07 * 3500 * 0.05)) < error


def test_float32_follows_float64() -> None:
    model = KuramotoGrid()
    fields = [drawn(model, dtype=dtype).drift(1000) for dtype in (np.float64, np.float32)]
    assert np.abs(fields[0] - fields[1]).max() < 1e-3
    assert np.abs(fields[0] - fields[1])[:100].max() < 1e-5


# Synchronisation


def test_lorentzian_frequencies_synchronise_as_kuramoto_found() -> None:
    """Above the critical coupling 2 gamma the order parameter is sqrt(1 - 2 gamma / K)."""
    n, width = 2000, 0.1
    frequencies = 1.07 + width * np.tan(math.pi * ((np.arange(n) + 0.5) / n - 0.5))
    for coupling in (0.3, 0.5):
        model = KuramotoGrid(coupling=coupling, grid=(20, 10, 10))
        start, _ = model.draw(n, np.random.default_rng(0))
        fields = Population(model, start, frequencies).drift(5000)[2500:]
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
    fields = Population(model, start, frequencies).drift(5000)[2500:]
    order = np.hypot(fields[:, 0], fields[:, 1]).mean()
    assert order == pytest.approx(self_consistent(relative * critical, spread), abs=0.01)


def test_far_below_the_critical_coupling_there_is_no_order() -> None:
    model = KuramotoGrid(0.1 * 1.596 * 0.24, grid=(20, 10, 10))
    fields = drawn(model).drift(4000)[1000:]
    assert np.hypot(fields[:, 0], fields[:, 1]).mean() < 2 / math.sqrt(2000)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_default_population_is_synchronised_when_the_transient_ends(seed: int) -> None:
    model = KuramotoGrid()
    population = drawn(model, seed)
    population.drift(model.transient_steps)
    x, y = population.drift(10 * model.period_steps)[:, :, 0].T
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
    population = drawn(model)
    free = population.drift(model.transient_steps + 2000)[-2000:, 0, 0].std()
    row, gain = {"type_2": (0, -0.2), "type_1": (1, 0.2)}[response]
    x, recent = [], list(population.drift(model.window)[:, row, 0])
    for _ in range(3000):
        kick = gain * (recent[-1] - np.mean(recent[-model.window :]))
        fields = population.run(np.array([[kick]]))
        recent.append(fields[0, row, 0])
        x.append(fields[0, 0, 0])
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
    kicked = drawn(model, dtype=dtype)
    theta = kicked.state[0].astype(float)
    near = np.array([1 / (1 + math.dist((0, 0, 0), p) ** 2) for p in model.points])
    far = np.array([math.exp(-(math.dist((2, 1, 2), p) ** 2) / 8) for p in model.points])
    curve = {
        "type_1": 1 - np.cos(theta),
        "type_2": -np.sin(theta),
        "direct": np.ones(18),
        "bell": np.exp((np.cos(theta - math.pi) - 1) / 0.8**2),
    }[response]
    np.testing.assert_allclose(model.phase_response(theta), curve, atol=1e-15)
    moved = Population(model, theta + (0.7 * near - 0.4 * far) * curve, kicked.currents, dtype)
    fields = kicked.run(np.array([[0.7, -0.4]]))
    expected = moved.run(np.zeros((1, 2)))
    error = 1e-14 if dtype is np.float64 else 2e-6
    assert apart(kicked.state, moved.state) < error
    np.testing.assert_allclose(fields, expected, atol=error, rtol=0)


def test_a_bell_without_end_is_direct() -> None:
    flat = dataclasses.replace(SMALL, response="bell", response_width=1e200)
    one, other = drawn(flat), drawn(dataclasses.replace(SMALL, response="direct"))
    np.testing.assert_array_equal(one.run(np.ones((3, 1))), other.run(np.ones((3, 1))))
    assert (flat.phase_response([0.0, 1.0, 3.0]) == 1).all()


def test_kicks_of_one_segment_move_its_side_more() -> None:
    model = KuramotoGrid(response="direct", contacts=lead(), coupling=0.0)
    still, kicked = drawn(model), drawn(model)
    still.drift(1)
    kicked.run(np.array([[0.5, 0, 0, 0]]))
    shift = np.angle(np.exp(1j * (kicked.state - still.state)))[0].reshape(8, 8, 8)
    assert shift[4:].mean() > 2.5 * shift[:4].mean() > 0
    np.testing.assert_allclose(shift[:, :4].mean(), shift[:, 4:].mean(), rtol=1e-9)


# Recording


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_sensors_hear_weighted_means_of_cosine_and_sine(dtype: Any) -> None:
    sensors = (EVERYWHERE, Contact((0, 0, 0), 1.5, "exponential"), *lead((2, 1, 1), 2, reach=3))
    model = dataclasses.replace(SMALL, sensors=sensors)
    population = drawn(model, dtype=dtype)
    assert population.wiring.recording.shape == (model.n_sensors, 18) == (4, 18)
    np.testing.assert_allclose(population.wiring.recording.sum(axis=1), 1, rtol=1e-6)
    raw = np.exp(-distances(model.grid)[0] / 1.5)
    np.testing.assert_allclose(population.wiring.recording[1], raw / raw.sum(), rtol=1e-6)
    fields = population.drift(5)[-1]
    theta = population.state[0].astype(float)
    weights = [sensor.strength(model.points) for sensor in sensors]
    x = [np.average(np.cos(theta), weights=w) for w in weights]
    y = [np.average(np.sin(theta), weights=w) for w in weights]
    np.testing.assert_allclose(fields, [x, y], atol=2e-7 if dtype is np.float32 else 1e-14)
    seen = model.observe(population.state, population.wiring)
    np.testing.assert_allclose(seen, fields, atol=3e-7)
    assert seen.dtype == dtype
    assert seen.flags.c_contiguous


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_no_field_leaves_the_limits_even_in_full_synchrony(dtype: Any) -> None:
    model = KuramotoGrid(frequency_spread=0.0, grid=(16, 16, 16), sensors=(EVERYWHERE, Contact()))
    population = Population(model, np.zeros((1, 4096)), np.full(4096, 1.07), dtype)
    fields = population.drift(150)
    x_low, x_high, y_low, y_high = model.limits(1.0)
    assert x_low <= fields[:, 0].min() < -0.99 < 0.99 < fields[:, 0].max() <= x_high
    assert y_low <= fields[:, 1].min() < -0.99 < 0.99 < fields[:, 1].max() <= y_high
    assert (x_low, x_high) == (y_low, y_high) == (-1.0001, 1.0001)


# Noise


def test_noise_spreads_phases_by_the_root_of_time() -> None:
    model = KuramotoGrid(
        coupling=0.0, frequency_spread=0.0, noise=0.2, grid=(20, 20, 10), contacts=(EVERYWHERE,)
    )
    population = Population(model, np.zeros((1, 4000)), np.full(4000, 1.07))
    population.drift(100)
    spread = np.angle(np.exp(1j * (population.state[0] - 1.07 * 5)))
    assert spread.std() == pytest.approx(0.2 * math.sqrt(5), rel=0.05)
    assert abs(spread.mean()) < 0.03


def test_the_same_chaos_is_the_same_noise_and_none_leaves_it_alone() -> None:
    noisy = dataclasses.replace(SMALL, noise=0.3)
    one, other, quiet = drawn(noisy), drawn(noisy), drawn(SMALL)
    np.testing.assert_array_equal(one.drift(20), other.drift(20))
    np.testing.assert_array_equal(one.chaos, other.chaos)
    assert not np.array_equal(one.drift(1), quiet.drift(21)[-1:])
    np.testing.assert_array_equal(quiet.chaos, [1, 2, 3, 4])
