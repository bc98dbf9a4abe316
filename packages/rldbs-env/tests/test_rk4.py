"""The step templates: networks and dynamic noise."""

from typing import Any

import numpy as np
import pytest
import scipy.linalg
import scipy.sparse
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.integrate import solve_ivp

from rldbs_env import BonhoefferVanDerPol, DBSEnv, HindmarshRose, settled_ensembles, simulate
from rldbs_env.networks import Network, all_to_all, from_adjacency, small_world
from rldbs_env.oscillators import Oscillators

Floats = NDArray[np.float64]


def draw(model: Oscillators, n_neurons: int, seed: int = 0) -> tuple[Floats, Floats]:
    return model.draw(n_neurons, np.random.default_rng(seed))


def dense(network: Network) -> Floats:
    parts = (network.strengths, network.indices, network.indptr)
    n = network.n_neurons
    return np.asarray(scipy.sparse.csr_array(parts, shape=(n, n)).toarray())


# Networks


def random_network(n: int) -> Network:
    rng = np.random.default_rng(4)
    matrix = np.where(rng.random((n, n)) < 0.2, rng.normal(1, 1, (n, n)), 0.0)
    np.fill_diagonal(matrix, 0.0)
    return from_adjacency(matrix / 5, normalise=False)


@pytest.mark.parametrize("network", [small_world(40, 6, 0.2, 0), random_network(40)])
def test_bvdp_on_a_network_follows_an_adaptive_solver(network: Network) -> None:
    model = BonhoefferVanDerPol(coupling=0.2, network=network)
    state, currents = draw(model, 40)
    matrix = dense(network)

    def rates(_: float, flat: Floats) -> Floats:
        x, y = flat.reshape(2, -1)
        dx = x - x**3 / 3 - y + currents + 0.2 * (matrix @ x)
        return np.concatenate([dx, 0.1 * (x - 0.8 * y + 0.7)])

    end = solve_ivp(rates, (0, 20), state.ravel(), "DOP853", rtol=1e-11, atol=1e-12).y[:, -1]
    errors = []
    for parts in (1, 2):
        fine = BonhoefferVanDerPol(coupling=0.2, network=network, dt=0.2 / parts)
        run = simulate(fine, state, currents, 100 * parts)
        errors.append(np.abs(run.state.ravel() - end).max())
    assert errors[0] < 1e-3
    assert 12 < errors[0] / errors[1] < 22


def test_hindmarsh_rose_on_a_network_follows_an_adaptive_solver() -> None:
    network = small_world(30, 4, 0.3, 1)
    model = HindmarshRose(network=network, dt=0.025)
    state, currents = draw(model, 30)
    matrix = dense(network)

    def rates(_: float, flat: Floats) -> Floats:
        x, y, z = flat.reshape(3, -1)
        dx = y - x**3 + 3 * x**2 - z + currents + 0.2 * (matrix @ x)
        return np.concatenate([dx, 1 - 5 * x**2 - y, 0.006 * (4 * (x + 1.56) - z)])

    end = solve_ivp(rates, (0, 10), state.ravel(), "DOP853", rtol=1e-11, atol=1e-12).y[:, -1]
    run = simulate(model, state, currents, 400)
    np.testing.assert_allclose(run.state.ravel(), end, atol=1e-4, rtol=0)
    np.testing.assert_allclose(run.fields[-1, :, 0], end.reshape(3, -1)[:2].mean(axis=1), atol=1e-5)


@pytest.mark.parametrize("kind", [BonhoefferVanDerPol, HindmarshRose])
def test_all_to_all_is_the_mean_field(kind: type[BonhoefferVanDerPol | HindmarshRose]) -> None:
    state, currents = draw(kind(), 30)
    kicks = np.random.default_rng(1).uniform(-0.1, 0.1, 200)
    field = simulate(kind(), state, currents, 200, kicks)
    network = simulate(kind(network=all_to_all(30)), state, currents, 200, kicks)
    np.testing.assert_allclose(network.fields, field.fields, atol=1e-12, rtol=0)


@pytest.mark.parametrize("kind", [BonhoefferVanDerPol, HindmarshRose])
@pytest.mark.parametrize("strength", [0.1, 2.0])
def test_kicks_reach_the_first_stage_of_a_network(
    kind: type[BonhoefferVanDerPol | HindmarshRose], strength: float
) -> None:
    """Strong ones divide a step of Hindmarsh-Rose neurons: still alike with the mean field."""
    state, currents = draw(kind(), 20)
    field = simulate(kind(coupling=0.5), state, currents, 3, [strength, -strength, 0])
    network = kind(coupling=0.5, network=all_to_all(20))
    run = simulate(network, state, currents, 3, [strength, -strength, 0])
    np.testing.assert_allclose(run.state, field.state, atol=1e-12, rtol=0)


def test_a_network_in_float32_stays_close() -> None:
    model = BonhoefferVanDerPol(network=small_world(50, 6, 0.2, 0))
    state, currents = draw(model, 50)
    single = simulate(model, state.astype(np.float32), currents, 200)
    assert single.state.dtype == np.float32
    np.testing.assert_allclose(
        single.mean_x, simulate(model, state, currents, 200).mean_x, atol=1e-4
    )


def test_a_network_of_another_size_is_refused_when_the_environment_is_made() -> None:
    model = BonhoefferVanDerPol(network=small_world(50, 6, 0.2, 0))
    with pytest.raises(ValueError, match="the network connects 50 neurons, but the ensemble has n"):
        DBSEnv(model=model, n_neurons=51)
    with pytest.raises(ValueError, match="the network connects 50 neurons"):
        settled_ensembles(model, 49, [0], transient_steps=1)


def test_an_environment_on_a_network_is_its_simulation() -> None:
    model = BonhoefferVanDerPol(coupling=0.1, network=small_world(60, 6, 0.2, 0))
    env = DBSEnv(model=model, n_neurons=60, transient_steps=300, window=20, signals=("x",))
    env.reset(seed=0)
    state, currents = env.neurons, env.get_state()["currents"][0]
    kicks = np.random.default_rng(0).uniform(-1, 1, 20).astype(np.float32)
    for kick in kicks:
        observation, _, terminated, *_ = env.step(np.array([kick]))
        assert not terminated
    run = simulate(model, state, currents, 20, kicks)
    np.testing.assert_allclose(observation, run.mean_x, atol=1e-12, rtol=0)


# Dynamic noise


@pytest.mark.parametrize("model", [BonhoefferVanDerPol(noise=0.3), HindmarshRose(noise=0.3)])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_a_step_of_noise_adds_normal_numbers_to_x_alone(model: Any, dtype: type) -> None:
    state, currents = draw(model, 20_001)
    calm = type(model)()
    before, noisy = (
        simulate(one, state.astype(dtype), currents, 1, seed=3) for one in (calm, model)
    )
    added = (noisy.state[0] - before.state[0]) / (0.3 * np.sqrt(model.dt))
    assert scipy.stats.kstest(added, "norm").pvalue > 1e-3
    assert added.std() == pytest.approx(1, abs=0.02)
    assert np.corrcoef(added[:-1], added[1:])[0, 1] == pytest.approx(0, abs=0.03)
    np.testing.assert_array_equal(noisy.state[1:], before.state[1:])
    tolerance = 1e-12 if dtype is np.float64 else 1e-5
    np.testing.assert_allclose(
        noisy.fields[0, :, 0], noisy.state[:2].mean(axis=1, dtype=float), atol=tolerance
    )


def test_noise_follows_from_the_seed() -> None:
    model = BonhoefferVanDerPol(noise=0.1)
    state, currents = draw(model, 30)
    one, same, other = (simulate(model, state, currents, 50, seed=s).state for s in (1, 1, 2))
    np.testing.assert_array_equal(one, same)
    assert not np.array_equal(one, other)


def test_each_half_of_a_noisy_step_of_divided_neurons_gets_the_noise_once() -> None:
    model = HindmarshRose(noise=0.3)
    state, currents = np.array([[6.0] * 5000, [0.0] * 5000, [3.0] * 5000]), np.full(5000, 3.0)
    x = simulate(model, state, currents, 1, seed=0).state[0]
    assert x.std() == pytest.approx(0.3 * np.sqrt(0.1), rel=0.04)


# Limits


@settings(max_examples=60)
@given(
    seed=st.integers(0, 2**32 - 1),
    n_neurons=st.sampled_from([1, 2, 10]),
    dt=st.floats(0.05, 0.5),
    coupling=st.sampled_from([-0.5, 0.03, 0.5]),
    spread=st.sampled_from([0.1, 0.3]),
    dtype=st.sampled_from([np.float64, np.float32]),
)
def test_the_largest_kicks_keep_even_single_neurons_within_the_limits(
    seed: int, n_neurons: int, dt: float, coupling: float, spread: float, dtype: type
) -> None:
    """Held for random times, which pushes farther than any fixed rhythm does."""
    model = BonhoefferVanDerPol(coupling, spread, dt=dt)
    max_kick = model.largest_kick
    x_low, x_high, y_low, y_high = model.limits(max_kick)
    rng = np.random.default_rng(seed)
    holds = np.exp(rng.uniform(0, 7, 1000)).astype(int) + 1
    kicks = np.repeat(rng.choice([-max_kick, 0.0, max_kick], 1000), holds)[:3000]
    state, currents = draw(model, n_neurons, seed)
    run = simulate(model, state.astype(dtype), currents, 3000, kicks)
    assert x_low < run.mean_x.min() <= run.mean_x.max() < x_high
    assert y_low < run.mean_y.min() <= run.mean_y.max() < y_high


def test_a_network_of_several_populations_is_refused() -> None:
    with pytest.raises(
        ValueError, match="a network couples one population: choose populations=1 o"
    ):
        HindmarshRose(populations=2, network=all_to_all(4))
