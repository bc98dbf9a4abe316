"""The stopwatch: the baseline that speed is quoted against is the same model, and rates add up."""

from collections.abc import Callable
from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rldbs_env import BonhoefferVanDerPol, simulate, speed


@settings(max_examples=50)
@given(
    coupling=st.floats(-0.5, 0.5),
    spread=st.floats(0, 1),
    dt=st.floats(0.01, 0.5),
    kicks=st.lists(st.floats(-1, 1), min_size=1, max_size=20),
    n_neurons=st.integers(1, 40),
    seed=st.integers(0, 2**32),
)
def test_the_baseline_is_the_simulation(
    coupling: float, spread: float, dt: float, kicks: list[float], n_neurons: int, seed: int
) -> None:
    model = BonhoefferVanDerPol(coupling, spread, dt=dt)
    state, currents = model.draw(n_neurons, np.random.default_rng(seed))
    expected = simulate(model, state, currents, len(kicks), kicks)
    reached = state
    for i, kick in enumerate(kicks):
        reached = speed.numpy_step(model, reached, currents, kick)
        assert reached[0].mean() == pytest.approx(expected.mean_x[i], abs=1e-12)
    np.testing.assert_allclose(reached, expected.state, rtol=1e-11, atol=1e-12)


def test_a_step_by_hand() -> None:
    # one neuron without coupling to others, Euler's limit: dt is so small that order 1 is enough
    model = BonhoefferVanDerPol(coupling=0.5, dt=1e-6)
    after = speed.numpy_step(model, np.array([[1.0], [2.0]]), np.array([0.25]), 0.5)
    x = 1.5
    slope = np.array([[x - x**3 / 3 - 2.0 + 0.25 + 0.5 * x], [0.1 * (x - 1.6 + 0.7)]])
    np.testing.assert_allclose((after - [[1.5], [2.0]]) / 1e-6, slope, rtol=1e-5)


def test_a_step_leaves_its_input_alone() -> None:
    state = np.ones((2, 3))
    after = speed.numpy_step(BonhoefferVanDerPol(), state, np.zeros(3), 1.0)
    np.testing.assert_array_equal(state, np.ones((2, 3)))
    assert not np.array_equal(after, state)


@pytest.fixture
def brief(monkeypatch: pytest.MonkeyPatch) -> None:
    """A hundredth of the usual time per repeat."""
    monkeypatch.setattr(speed, "_per_second", partial(speed._per_second, seconds=0.005))


@pytest.mark.usefixtures("brief")
def test_plain_numpy_has_a_speed() -> None:
    assert speed.numpy_speed(n_neurons=2, repeats=2) > 0


@pytest.mark.usefixtures("brief")
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("threads", [1, 2])
def test_the_vector_environment_has_a_speed(dtype: str, threads: int) -> None:
    assert speed.vector_speed(num_envs=2, n_neurons=2, dtype=dtype, threads=threads, repeats=1) > 0


def test_a_batch_counts_every_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    def seven(steps: Callable[[int], None], repeats: int) -> float:
        steps(3)
        assert repeats == 4
        return 7.0

    monkeypatch.setattr(speed, "_per_second", seven)
    assert speed.vector_speed(num_envs=3, n_neurons=2, repeats=4) == 21.0
    assert speed.numpy_speed(n_neurons=2, repeats=4) == 7.0


def test_the_median_rate_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a clock that goes by the steps made: 2 ms each, in the last repeats 1 and 10."""
    now = 0.0
    calls: list[int] = []

    def steps(n: int) -> None:
        nonlocal now
        calls.append(n)
        now += n * {3: 0.001, 4: 0.010}.get(len(calls) - 1, 0.002)

    monkeypatch.setattr("rldbs_env.speed.time.perf_counter", lambda: now)
    assert speed._per_second(steps, repeats=3) == pytest.approx(500.0)
    # 250 steps of 2 ms fill half a second
    assert calls == [2, 10, 250, 250, 250]


def test_a_repeat_has_ten_steps_at_least(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    calls: list[int] = []

    def steps(n: int) -> None:
        nonlocal now
        calls.append(n)
        now += n

    monkeypatch.setattr("rldbs_env.speed.time.perf_counter", lambda: now)
    assert speed._per_second(steps, repeats=1) == pytest.approx(1.0)
    assert calls == [2, 10, 10]
