"""Noise, drift and losses: each formula, their sum, and that runs stay reproducible."""

import copy
import math
import pickle
from typing import Any

import numpy as np
import pytest
import scipy.stats
from numpy.typing import NDArray

from rldbs_env import (
    BonhoefferVanDerPol,
    DBSEnv,
    DBSVectorEnv,
    Delivery,
    HindmarshRose,
    KuramotoGrid,
    QuadraticReward,
    simulate,
)
from rldbs_env.chance import keyed_normal, keyed_uniform
from rldbs_env.disturbances import (
    ActionNoise,
    Conditions,
    CouplingDrift,
    CurrentDrift,
    Disturbance,
    ElectrodeDrift,
    Encapsulation,
    ObservationNoise,
    PulseLoss,
    Variety,
    widest,
)
from rldbs_env.pulses import biphasic

Floats = NDArray[np.float64]

SMALL: dict[str, Any] = {"n_neurons": 40, "transient_steps": 100, "window": 30}
EVERYTHING: tuple[Disturbance, ...] = (
    ObservationNoise(0.1),
    ActionNoise(0.05),
    PulseLoss(0.2),
    CouplingDrift(0.5, 300),
    CurrentDrift(0.05, 200),
    ElectrodeDrift(0.3, 250),
    Encapsulation(0.5, 400),
)


def conditions(n: int = 5, step: int = 0) -> Conditions:
    keys = np.random.default_rng(0).integers(0, 2**64, n, dtype=np.uint64)
    return Conditions(keys, np.full(n, step))


def after(disturbance: Disturbance, n: int = 5, step: int = 0) -> Conditions:
    made = conditions(n, step)
    disturbance.apply(made)
    return made


def changed(made: Conditions) -> set[str]:
    names = ("coupling", "shift", "reach", "kick", "gain", "noise")
    still = conditions(len(made.keys))
    return {name for name in names if (getattr(made, name) != getattr(still, name)).any()}


# Formulas


def test_noises_add_in_quadrature() -> None:
    made = conditions()
    ObservationNoise(0.3).apply(made)
    ObservationNoise(0.4).apply(made)
    np.testing.assert_allclose(made.noise, 0.5)
    assert changed(made) == {"noise"}


def test_action_noise_is_a_normal_kick() -> None:
    made = after(ActionNoise(0.02), 50_000, 7)
    assert scipy.stats.kstest(made.kick / 0.02, "norm").pvalue > 1e-3
    np.testing.assert_array_equal(made.kick, 0.02 * keyed_normal(made.keys, made.steps, 1))
    assert changed(made) == {"kick"}


@pytest.mark.parametrize("probability", [0.0, 0.1, 0.7, 1.0])
def test_pulses_are_lost_at_their_rate(probability: float) -> None:
    n = 20_000
    made = after(PulseLoss(probability), n, 3)
    lost = int((made.reach == 0).sum())
    assert set(made.reach) <= {0.0, 1.0}
    assert abs(lost - n * probability) <= 4 * math.sqrt(n * probability * (1 - probability))


def wave(made: Conditions, period: float, stream: int) -> Floats:
    phase = keyed_uniform(made.keys, np.zeros_like(made.steps), stream)
    return np.asarray(np.sin(2 * np.pi * (made.steps / period + phase)))


@pytest.mark.parametrize("step", [0, 17, 1000])
def test_drifts_are_sines_of_random_phase(step: int) -> None:
    made = after(CouplingDrift(0.5, 100), step=step)
    np.testing.assert_allclose(made.coupling, 1 + 0.5 * wave(made, 100, 5), rtol=1e-13)
    assert changed(made) == {"coupling"}
    made = after(CurrentDrift(0.05, 200), step=step)
    np.testing.assert_allclose(made.shift, 0.05 * wave(made, 200, 6), atol=1e-14)
    assert changed(made) == {"shift"}
    made = after(ElectrodeDrift(0.3, 400), step=step)
    np.testing.assert_allclose(made.reach, 1 + 0.3 * wave(made, 400, 7), rtol=1e-13)
    np.testing.assert_array_equal(made.gain, made.reach)
    assert changed(made) == {"reach", "gain"}


def test_a_drift_comes_back_after_its_period_and_its_phases_differ() -> None:
    for drift, name in ((CouplingDrift(0.5, 64), "coupling"), (CurrentDrift(0.1, 64), "shift")):
        course = np.array([getattr(after(drift, 200, step), name) for step in range(129)])
        np.testing.assert_allclose(course[:65], course[64:], atol=1e-12)
        depth = 0.5 if name == "coupling" else 0.1
        np.testing.assert_allclose(np.ptp(course, axis=0), 2 * depth, rtol=0.01)
        highest = course[:64].argmax(axis=0)
        assert scipy.stats.kstest(highest / 64, "uniform").pvalue > 1e-3


def test_encapsulation_fades_to_its_rest() -> None:
    for step, left in ((0, 1.0), (5000, 0.6 + 0.4 / math.e), (10**6, 0.6)):
        made = after(Encapsulation(0.6, 5000), step=step)
        np.testing.assert_allclose(made.reach, left, rtol=1e-12)
        np.testing.assert_allclose(made.gain, left, rtol=1e-12)
    assert changed(made) == {"reach", "gain"}


def test_disturbances_multiply_whatever_their_order() -> None:
    one, other = conditions(step=50), conditions(step=50)
    for disturbance in EVERYTHING:
        disturbance.apply(one)
    for disturbance in reversed(EVERYTHING):
        disturbance.apply(other)
    for name in ("coupling", "shift", "reach", "kick", "gain", "noise"):
        np.testing.assert_allclose(getattr(one, name), getattr(other, name), rtol=1e-13)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ObservationNoise(-0.1), "std must be finite and at least 0, got -0.1"),
        (lambda: ActionNoise(math.nan), "std must be finite and at least 0, got nan"),
        (lambda: PulseLoss(1.2), r"probability must be in \[0, 1\], got 1.2"),
        (lambda: PulseLoss(-0.2), "probability must be finite and at least 0, got -0.2"),
        (lambda: CouplingDrift(-1), "depth must be finite and at least 0, got -1"),
        (lambda: CouplingDrift(0.5, 0), "period_steps must be finite and above 0, got 0"),
        (lambda: CurrentDrift(0.5, math.inf), "period_steps must be finite and above 0, got inf"),
        (lambda: ElectrodeDrift(math.inf), "depth must be finite and at least 0, got inf"),
        (lambda: Encapsulation(1.1), r"rest must be in \[0, 1\], got 1.1"),
        (lambda: Encapsulation(0.5, -3), "time_constant_steps must be finite and above 0, got -3"),
    ],
)
def test_impossible_disturbances_are_refused(make: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


# In the environment


def conditions_of(env: DBSVectorEnv, disturbances: tuple[Disturbance, ...]) -> Conditions:
    """Those of the next step of a batch."""
    state = env.get_state()
    made = Conditions(state["keys"], state["steps"] * len(env.settings.shape.weights))
    for disturbance in disturbances:
        disturbance.apply(made)
    return made


@pytest.mark.parametrize("pulse", [(1.0,), biphasic()])
def test_the_true_fields_are_the_simulation_under_the_disturbed_kicks(pulse: Any) -> None:
    """Coupling, current and kicks as the formulas say; the reward is that of the true field."""
    env = DBSVectorEnv(
        2,
        **SMALL,
        pulse=pulse,
        signals=("x", "y", "action"),
        disturbances=EVERYTHING,
        reward=QuadraticReward(target=-0.3, penalty=1.5),
    )
    env.reset(seed=0)
    currents, weights = env.get_state()["currents"], np.array(env.settings.shape.weights)
    rng = np.random.default_rng(1)
    for _ in range(60):
        states, now = env.neurons, conditions_of(env, EVERYTHING)
        actions = rng.uniform(-1, 1, 2).astype(np.float32)
        observation, rewards, _, _, info = env.step(actions)
        kicks = np.clip((actions + now.kick) * now.reach, -1, 1)
        for e in range(2):
            model = BonhoefferVanDerPol(coupling=0.03 * now.coupling[e])
            delivered = kicks[e] * weights
            run = simulate(model, states[e], currents[e] + now.shift[e], len(weights), delivered)
            np.testing.assert_allclose(env.neurons[e], run.state, atol=1e-12)
            assert info["mean_x"][e] == pytest.approx(run.mean_x[-1], abs=1e-12)
            expected = -((run.mean_x[-1] + 0.3) ** 2) - 1.5 * np.abs(delivered).sum()
            assert rewards[e] == pytest.approx(expected, abs=1e-12)
            seen = observation[e].reshape(3, 30)[:, -len(weights) :]
            np.testing.assert_allclose(seen[2], delivered, atol=1e-15)
            noise = seen[0] - now.gain[e] * run.mean_x
            assert 0 < np.abs(noise).max() < 0.6


def test_recorded_noise_is_white_and_leaves_the_experiment_alone() -> None:
    arguments: dict[str, Any] = {
        "n_neurons": 10, "transient_steps": 0, "window": 5000, "signals": ("x", "y"),
    }  # fmt: skip
    calm = DBSVectorEnv(1, **arguments)
    noisy = DBSVectorEnv(1, **arguments, disturbances=(ObservationNoise(0.2),))
    true = calm.reset(seed=0, options={"ensemble": 3})[0]
    added = (noisy.reset(seed=0, options={"ensemble": 3})[0] - true)[0]
    assert scipy.stats.kstest(added / 0.2, "norm").pvalue > 1e-3
    x, y = added.reshape(2, -1)
    for one, other in ((x[:-1], x[1:]), (y[:-1], y[1:]), (x, y)):
        assert np.corrcoef(one, other)[0, 1] == pytest.approx(0, abs=0.05)
    assert calm.step([0.1])[1] == noisy.step([0.1])[1]
    np.testing.assert_array_equal(calm.neurons, noisy.neurons)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_what_is_recorded_saturates_at_the_limits(dtype: str) -> None:
    env = DBSEnv(
        **SMALL,
        signals=("x", "y"),
        dtype=dtype,
        disturbances=(ObservationNoise(20.0), ElectrodeDrift(5.0, 30)),
    )
    observation, _ = env.reset(seed=0)
    x_low, x_high, y_low, y_high = env.settings.limits
    for _ in range(30):
        assert env.observation_space.contains(observation)
        observation, _, terminated, *_ = env.step(np.ones(1))
        assert not terminated
    x, y = observation.reshape(2, -1)
    expected = np.array([x_low, x_high, y_low, y_high], dtype)
    np.testing.assert_array_equal([x.min(), x.max(), y.min(), y.max()], expected)


def test_all_observations_are_inside_their_space_under_everything() -> None:
    for model, max_kick in ((BonhoefferVanDerPol(noise=0.1), 2.0), (HindmarshRose(noise=0.1), 0.5)):
        env = DBSVectorEnv(
            20,
            **SMALL,
            model=model,
            max_kick=max_kick,
            signals=("x", "y", "action"),
            disturbances=(*EVERYTHING, CouplingDrift(3.0, 77), CurrentDrift(1.0, 500)),
        )
        observation, _ = env.reset(seed=0)
        rng = np.random.default_rng(0)
        for k in range(600):
            kicks = max_kick * (rng.choice([-1.0, 1.0], 20) if k < 300 else np.sign(np.sin(k / 50)))
            assert env.observation_space.contains(observation)
            observation, _, terminated, *_ = env.step(np.broadcast_to(kicks, (20,)))
            assert not terminated.any()


def test_lost_pulses_are_neither_delivered_nor_paid() -> None:
    charge = QuadraticReward(weight=0.0, penalty=2.0)
    env = DBSVectorEnv(
        200, **SMALL, signals=("action",), disturbances=(PulseLoss(0.3),), reward=charge
    )
    env.reset(seed=0)
    for _ in range(30):
        observation, rewards, *_ = env.step(np.full(200, 0.5))
    assert set(np.unique(observation)) == {0.0, 0.5}
    rate = (observation == 0).mean()
    assert rate == pytest.approx(0.3, abs=4 * math.sqrt(0.21 / 6000))
    np.testing.assert_array_equal(rewards, -2 * observation[:, -1])


def test_limits_hold_for_the_widest_drift() -> None:
    model = BonhoefferVanDerPol(mean_current=-0.6)
    far = widest(model, (CouplingDrift(0.5), CurrentDrift(0.2), ObservationNoise(9.0)))
    assert isinstance(far, BonhoefferVanDerPol)
    assert far.coupling == pytest.approx(0.045)
    assert far.mean_current == pytest.approx(0.8)
    narrow, wide = DBSEnv(**SMALL), DBSEnv(**SMALL, disturbances=(CurrentDrift(1.0),))
    assert wide.settings.limits[1] > narrow.settings.limits[1]
    assert wide.settings.limits[3] > narrow.settings.limits[3]
    grid = KuramotoGrid()
    assert widest(grid, (CouplingDrift(0.5),)) is grid


# Dynamic noise, disturbances, delivery and variety at once


def full(**changes: Any) -> dict[str, Any]:
    return {
        **SMALL,
        "model": BonhoefferVanDerPol(noise=0.05),
        "signals": ("x", "y", "action", "countdown"),
        "disturbances": EVERYTHING,
        "delivery": Delivery(refractory_steps=2, max_charge_per_period=20.0, energy_budget=50.0),
        "variety": Variety((("coupling", 0.02, 0.2), ("noise", 0.0, 0.1)), (10, 40)),
        "pulse": biphasic(),
        "stride": 3,
        "episode_steps": 25,
    } | changes


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("threads", [1, 2])
def test_a_batch_is_its_environments_bit_by_bit(dtype: str, threads: int) -> None:
    """Through resets, whose steps differ between members."""
    batch = DBSVectorEnv(4, **full(dtype=dtype), threads=threads)
    singles = [DBSEnv(**full(dtype=dtype)) for _ in range(4)]
    first = batch.reset(seed=3)[0]
    for e, single in enumerate(singles):
        np.testing.assert_array_equal(single.reset(seed=3 + e)[0], first[e])
    assert len(set(batch.get_state()["sizes"])) > 1
    rng = np.random.default_rng(0)
    for k in range(60):
        if k == 10:  # out of step with the others
            saved = batch.get_state()
            saved["steps"][2] += 7
            batch.set_state(saved)
            alone = singles[2].get_state()
            alone["steps"][0] += 7
            singles[2].set_state(alone)
        actions = rng.uniform(-1, 1, (4, 1)).astype(np.float32)
        observations, rewards, terminated, truncated, _ = batch.step(actions)
        for e, single in enumerate(singles):
            observation, reward, *ended, _ = single.step(actions[e])
            if any(ended):
                observation, _ = single.reset()
            np.testing.assert_array_equal(observation, observations[e])
            assert reward == rewards[e]
            assert ended == [terminated[e], truncated[e]]


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_saved_states_and_pickles_continue_bit_by_bit(dtype: str) -> None:
    env, other = (DBSVectorEnv(3, **full(dtype=dtype)) for _ in range(2))
    env.reset(seed=1)
    other.reset(seed=99)
    rng = np.random.default_rng(0)
    actions = rng.uniform(-1, 1, (60, 3)).astype(np.float32)
    for now in actions[:13]:
        env.step(now)
    twin = pickle.loads(pickle.dumps(env))
    other.set_state(copy.deepcopy(env.get_state()))
    for now in actions:
        results = [one.step(now) for one in (env, twin, other)]
        for result in results[1:]:
            for one, same in zip(results[0][:4], result[:4], strict=True):
                np.testing.assert_array_equal(one, same)


def test_the_seed_decides_everything() -> None:
    def rollout(seed: int) -> list[Any]:
        env = DBSVectorEnv(2, **full())
        trace = [env.reset(seed=seed)[0]]
        return trace + [env.step([0.1, -0.2])[0] for _ in range(40)]

    one, same, other = rollout(0), rollout(0), rollout(50)
    assert all(np.array_equal(a, b) for a, b in zip(one, same, strict=True))
    assert not any(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


def test_neighbours_have_noise_of_their_own() -> None:
    env = DBSVectorEnv(2, **SMALL, ensemble=(3,), disturbances=(ObservationNoise(0.5),))
    first, second = env.reset(seed=[0, 1])[0]
    assert abs(np.corrcoef(first - second, first)[0, 1]) > 0.3
    noisy = DBSVectorEnv(2, **SMALL, model=BonhoefferVanDerPol(noise=0.1), ensemble=(3,))
    noisy.reset(seed=[0, 1])
    assert not np.array_equal(*noisy.neurons)
