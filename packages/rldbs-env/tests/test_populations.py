"""Several populations, each with its own sensor and electrode, against separate ensembles."""

import pickle
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.integrate import solve_ivp

from rldbs_env import (
    BonhoefferVanDerPol,
    DBSEnv,
    DBSVectorEnv,
    HindmarshRose,
    QuadraticReward,
    simulate,
)
from rldbs_env.pulses import biphasic, delta
from rldbs_env.speed import numpy_step

Floats = NDArray[np.float64]

TWO = BonhoefferVanDerPol(populations=2, cross_coupling=0.3)
SMALL: dict[str, Any] = {"n_neurons": 40, "transient_steps": 100, "window": 30}


def draw(model: Any, n_neurons: int, seed: int = 0) -> tuple[Floats, Floats]:
    state, currents = model.draw(n_neurons, np.random.default_rng(seed))
    return state, currents


@pytest.mark.parametrize("kind", [BonhoefferVanDerPol, HindmarshRose])
@pytest.mark.parametrize("populations", [2, 3])
@pytest.mark.parametrize("n_neurons", [24, 31])
def test_uncoupled_populations_are_separate_ensembles(
    kind: type[Any], populations: int, n_neurons: int
) -> None:
    model = kind(populations=populations)
    state, currents = draw(model, n_neurons)
    kicks = np.random.default_rng(1).uniform(-0.1, 0.1, (300, populations))
    run = simulate(model, state, currents, 300, kicks)
    assert run.fields.shape == (300, 2, populations)
    size = n_neurons // populations
    ends = [*range(size, populations * size, size), n_neurons]  # the last one takes the rest
    for p, end in enumerate(ends):
        part = slice(p * size, end)
        alone = simulate(kind(), state[:, part], currents[part], 300, kicks[:, p])
        np.testing.assert_allclose(run.fields[:, :, p], alone.fields[:, :, 0], atol=1e-11, rtol=0)
        np.testing.assert_allclose(run.state[:, part], alone.state, atol=1e-10, rtol=0)


@pytest.mark.parametrize("kind", [BonhoefferVanDerPol, HindmarshRose])
def test_coupled_populations_follow_an_adaptive_solver(kind: type[Any]) -> None:
    model = kind(coupling=0.2, populations=3, cross_coupling=-0.4, dt=0.025)
    state, currents = draw(model, 31)
    parts = [slice(0, 10), slice(10, 20), slice(20, 31)]

    def rates(_: float, flat: Floats) -> Floats:
        whole = flat.reshape(len(model.variables), -1)
        x, y = whole[:2]
        means = [x[part].mean() for part in parts]
        given = np.empty(31)
        for p, part in enumerate(parts):
            others = sum(mean for q, mean in enumerate(means) if q != p)
            given[part] = currents[part] + 0.2 * (means[p] - 0.4 * others)
        if kind is BonhoefferVanDerPol:
            return np.concatenate([x - x**3 / 3 - y + given, 0.1 * (x - 0.8 * y + 0.7)])
        z = whole[2]
        dx = y - x**3 + 3 * x**2 - z + given
        return np.concatenate([dx, 1 - 5 * x**2 - y, 0.006 * (4 * (x + 1.56) - z)])

    end = solve_ivp(rates, (0, 10), state.ravel(), "DOP853", rtol=1e-11, atol=1e-12).y[:, -1]
    run = simulate(model, state, currents, 400)
    np.testing.assert_allclose(run.state.ravel(), end, atol=3e-4, rtol=0)
    x, y = end.reshape(len(model.variables), -1)[:2]
    expected = [[row[part].mean() for part in parts] for row in (x, y)]
    np.testing.assert_allclose(run.fields[-1], expected, atol=6e-5, rtol=0)


@settings(max_examples=20)
@given(
    n_neurons=st.integers(4, 30),
    populations=st.integers(1, 4),
    cross_coupling=st.floats(-1, 1),
    seed=st.integers(0, 2**32 - 1),
)
def test_one_kick_for_all_agrees_with_plain_numpy(
    n_neurons: int, populations: int, cross_coupling: float, seed: int
) -> None:
    model = BonhoefferVanDerPol(0.2, populations=populations, cross_coupling=cross_coupling)
    state, currents = draw(model, n_neurons, seed)
    kicks = np.random.default_rng(seed).uniform(-1, 1, 20)
    run = simulate(model, state, currents, 20, kicks)
    for kick in kicks:
        state = numpy_step(model, state, currents, kick)
    np.testing.assert_allclose(run.state, state, atol=1e-11, rtol=0)


def test_a_kick_reaches_its_own_population_only() -> None:
    model = BonhoefferVanDerPol(populations=2)
    state, currents = draw(model, 20)
    calm = simulate(model, state, currents, 1)
    kicked = simulate(model, state, currents, 1, [[0.5, 0.0]])
    assert (kicked.state[0, :10] != calm.state[0, :10]).all()
    np.testing.assert_array_equal(kicked.state[:, 10:], calm.state[:, 10:])
    assert kicked.fields[0, 0, 1] == calm.fields[0, 0, 1]
    later = simulate(TWO, state, currents, 2, [[0.5, 0.0], [0.0, 0.0]])
    assert later.fields[1, 0, 1] != simulate(TWO, state, currents, 2).fields[1, 0, 1]


def test_divided_steps_serve_every_population() -> None:
    """Where one population makes the step stiff, all take it in parts: that changes digits only."""
    model = HindmarshRose(populations=2)
    state, currents = draw(model, 20)
    kicks = np.zeros((20, 2))
    kicks[3:6, 0] = 2.0
    run = simulate(model, state, currents, 20, kicks)
    for p, part in enumerate((slice(0, 10), slice(10, 20))):
        alone = simulate(HindmarshRose(), state[:, part], currents[part], 20, kicks[:, p])
        np.testing.assert_allclose(run.fields[:, :, p], alone.fields[:, :, 0], atol=5e-3)


def test_windows_hold_every_sensor_and_every_electrode() -> None:
    """Rows are X of each sensor, Y of each, kick of each electrode, oldest sample first."""
    env = DBSVectorEnv(2, model=TWO, **SMALL, signals=("x", "y", "action"))
    assert env.single_action_space.shape == (2,)
    assert env.single_observation_space.shape == (6 * 30,)
    env.reset(seed=0)
    states = env.neurons
    currents = env.get_state()["currents"]
    kicks = np.random.default_rng(0).uniform(-1, 1, (30, 2, 2)).astype(np.float32)
    for k in range(30):
        observation, rewards, _, _, info = env.step(kicks[k])
        assert env.observation_space.contains(observation)
    for e in range(2):
        run = simulate(TWO, states[e], currents[e], 30, kicks[:, e])
        x1, x2, y1, y2, a1, a2 = observation[e].reshape(6, 30)
        np.testing.assert_allclose([x1, x2], run.fields[:, 0].T, atol=1e-12)
        np.testing.assert_allclose([y1, y2], run.fields[:, 1].T, atol=1e-12)
        np.testing.assert_array_equal([a1, a2], kicks[:, e].T)
        squares = [(x[-1] - x.mean()) ** 2 for x in (x1, x2)]
        charge = np.abs(kicks[-1, e].astype(float)).sum()
        assert rewards[e] == pytest.approx(-np.mean(squares) - 2 * charge, abs=1e-12)
        assert info["mean_x"][e] == pytest.approx((x1[-1] + x2[-1]) / 2, abs=1e-12)
        assert info["mean_y"][e] == pytest.approx((y1[-1] + y2[-1]) / 2, abs=1e-12)


def test_the_single_environment_takes_a_kick_for_each_electrode() -> None:
    env = DBSEnv(model=TWO, **SMALL, pulse=biphasic())
    vector = DBSVectorEnv(1, model=TWO, **SMALL, pulse=biphasic())
    np.testing.assert_array_equal(env.reset(seed=1)[0], vector.reset(seed=1)[0][0])
    env.action_space.seed(0)
    for _ in range(20):
        action = env.action_space.sample()
        one, two = env.step(action), vector.step(action[None])
        np.testing.assert_array_equal(one[0], two[0][0])
        assert one[1] == two[1][0]
    for bad in (np.zeros(1), np.zeros(3), np.array(0.1)):
        with pytest.raises(ValueError, match=r"actions must have shape \(1, 2\), one kick per env"):
            env.step(bad)
    with pytest.raises(ValueError, match="got nan for environment 0"):
        env.step(np.array([0.1, np.nan]))


def test_a_reward_of_ones_own_is_paid_per_sensor_and_averaged() -> None:
    formula = QuadraticReward(weight=3.0, penalty=0.7)

    class Same(QuadraticReward):
        """Not known to the kernel: asked after the step."""

    for pulse in (delta(), biphasic()):
        envs = [
            DBSVectorEnv(2, model=TWO, **SMALL, reward=reward, pulse=pulse)
            for reward in (formula, Same(weight=3.0, penalty=0.7))
        ]
        for env in envs:
            env.reset(seed=0)
        for _ in range(10):
            here, there = (env.step([[0.1, -0.2], [0.0, 0.4]])[1] for env in envs)
            np.testing.assert_allclose(here, there, atol=1e-12)


def test_levels_are_chosen_for_each_electrode() -> None:
    levels = (-0.5, 0.0, 0.25)
    env = DBSEnv(model=TWO, **SMALL, levels=levels, signals=("action",))
    assert list(env.action_space.nvec) == [3, 3]  # type: ignore[attr-defined]
    env.reset(seed=0)
    observation = env.step(np.array([0, 2]))[0].reshape(2, -1)
    np.testing.assert_array_equal(observation[:, -1], [-0.5, 0.25])


@pytest.mark.parametrize("threads", [1, 2])
def test_a_batch_is_its_environments_bit_by_bit(threads: int) -> None:
    model = HindmarshRose(populations=3, cross_coupling=0.5, noise=0.05)
    arguments: dict[str, Any] = {"model": model, **SMALL, "max_kick": 0.5, "episode_steps": 15}
    batch = DBSVectorEnv(3, **arguments, threads=threads)
    batch.reset(seed=5)
    batch = pickle.loads(pickle.dumps(batch))
    singles = [DBSVectorEnv(1, **arguments) for _ in range(3)]
    for e, single in enumerate(singles):
        single.reset(seed=5 + e)
    kicks = np.random.default_rng(0).uniform(-0.5, 0.5, (40, 3, 3))
    for now in kicks:
        together = batch.step(now)
        for e, single in enumerate(singles):
            alone = single.step(now[e : e + 1])
            for one, other in zip(together[:4], alone[:4], strict=True):
                np.testing.assert_array_equal(one[e], other[0])


def test_fewer_neurons_than_populations_are_refused() -> None:
    env = DBSEnv(model=BonhoefferVanDerPol(populations=5), n_neurons=4, transient_steps=1)
    with pytest.raises(ValueError, match=r"n_neurons must be at least 5, got 4 \(one per populati"):
        env.reset(seed=0)


def test_cross_coupling_synchronises_two_populations() -> None:
    """Two rhythms of nearly one frequency, alone at any phase, lock when they are coupled."""

    def apart(cross_coupling: float) -> float:
        model = BonhoefferVanDerPol(0.1, populations=2, cross_coupling=cross_coupling)
        state, currents = draw(model, 400, 1)
        state[:, 200:] += np.array([[2.0], [1.0]])
        x = simulate(model, state, currents, 12_000).fields[6000:, 0]
        return float((x[:, 0] - x[:, 1]).std() / x.std(axis=0).mean())

    assert apart(0.5) < 0.15
    assert apart(0.0) > 0.3
