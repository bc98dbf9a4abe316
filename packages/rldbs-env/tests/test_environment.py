"""The single environment: order of events, spaces, seeding, state, and what it refuses."""

import copy
import pickle
import warnings
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from hypothesis import given, settings
from hypothesis import strategies as st
from stable_baselines3.common.env_checker import check_env as sb3_check_env

from rldbs_env import BonhoefferVanDerPol, DBSEnv, settled_ensembles, simulate

SMALL: dict[str, Any] = {"n_neurons": 40, "transient_steps": 200, "window": 50}


def actions(n: int, seed: int = 0, size: float = 1.0) -> np.ndarray[Any, np.dtype[np.float32]]:
    return (size * np.random.default_rng(seed).uniform(-1, 1, (n, 1))).astype(np.float32)


def test_the_checkers_have_nothing_to_say_of_float32() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_env(DBSEnv(**SMALL, dtype="float32"), skip_render_check=True)
        sb3_check_env(DBSEnv(**SMALL, dtype="float32"))


def test_an_episode_is_the_simulation_of_its_ensemble() -> None:
    """Case A2: 3,500 kicks; fields and rewards to 1e-10, the observation newest last."""
    window, n_steps = 250, 3500
    env = DBSEnv(transient_steps=0, window=window, signals=("y", "x", "action"))
    first, info = env.reset(seed=1)
    kicks = actions(n_steps, 2)

    model = BonhoefferVanDerPol()
    state, currents = model.draw(1000, np.random.default_rng(info["ensemble"]))
    applied = np.concatenate([np.zeros(window), kicks[:, 0].astype(float)])
    truth = simulate(model, state, currents, window + n_steps, applied)

    np.testing.assert_allclose(first[:window], truth.mean_y[:window], atol=1e-10, rtol=0)
    np.testing.assert_allclose(first[window : 2 * window], truth.mean_x[:window], atol=1e-10)
    np.testing.assert_array_equal(first[2 * window :], 0)
    for k in range(n_steps):
        observation, reward, terminated, truncated, info = env.step(kicks[k])
        seen = slice(k + 1, k + 1 + window)
        x, now = truth.mean_x[seen], truth.mean_x[k + window]
        expected = -((now - x.mean()) ** 2) - 2 * abs(float(kicks[k, 0]))
        assert reward == pytest.approx(expected, abs=1e-10)
        assert info["mean_x"] == pytest.approx(now, abs=1e-10)
        assert info["mean_y"] == pytest.approx(truth.mean_y[k + window], abs=1e-10)
        assert (terminated, truncated, info["diverged"]) == (False, False, False)
        if k % 100 == 0 or k == n_steps - 1:
            np.testing.assert_allclose(observation[:window], truth.mean_y[seen], atol=1e-10)
            np.testing.assert_allclose(observation[window : 2 * window], x, atol=1e-10)
            np.testing.assert_array_equal(observation[2 * window :], applied[seen])


def test_a_settled_start_is_the_ensemble_rolled_by_less_than_a_cycle() -> None:
    env = DBSEnv(**SMALL)
    observation, info = env.reset(seed=5)
    (ensemble,) = settled_ensembles(env.settings.model, 40, [info["ensemble"]], transient_steps=200)
    run = simulate(env.settings.model, ensemble.state, ensemble.currents, 162 + 50)
    windows = np.lib.stride_tricks.sliding_window_view(run.mean_y, 50)
    distance = np.abs(windows - observation).max(axis=1)
    assert distance.min() < 1e-9
    starts = {int(np.abs(windows - env.reset(options={"ensemble": info["ensemble"]})[0])
                  .max(axis=1).argmin()) for _ in range(8)}  # fmt: skip
    assert len(starts) > 3


def test_a_pulse_kicks_before_each_of_its_steps_and_is_paid_in_full() -> None:
    pulse = (1.0, -0.5, -0.5, 0.0, 0.0)
    env = DBSEnv(**SMALL, pulse=pulse, signals=("x", "action"))
    env.reset(seed=1)
    state, currents = env.neurons, env.get_state()["currents"][0]
    observation, reward, *_ = env.step(np.array([0.4], np.float32))
    a = float(np.float32(0.4))
    run = simulate(env.settings.model, state, currents, 5, a * np.array(pulse))
    np.testing.assert_allclose(observation[45:50], run.mean_x, atol=1e-12)
    np.testing.assert_allclose(observation[95:100], a * np.array(pulse), atol=1e-15)
    deviation = run.mean_x[-1] - observation[:50].mean()
    assert reward == pytest.approx(-(deviation**2) - 2 * 2 * a, abs=1e-12)


@settings(max_examples=15)
@given(
    style=st.sampled_from(["random", "bang-bang", "plus", "minus", "slow square"]),
    max_kick=st.floats(0.05, 2.0),
    dtype=st.sampled_from(["float64", "float32"]),
    seed=st.integers(0, 1000),
)
def test_every_observation_is_inside_its_space(
    style: str, max_kick: float, dtype: str, seed: int
) -> None:
    signals = ("x", "y", "action")
    env = DBSEnv(**SMALL, max_kick=max_kick, dtype=dtype, signals=signals)
    rng = np.random.default_rng(seed)
    bound = env.action_space.high[0]
    observation, _ = env.reset(seed=seed)
    assert env.observation_space.contains(observation)
    for k in range(400):
        sign = {
            "random": rng.uniform(-1, 1), "bang-bang": rng.choice([-1.0, 1.0]), "plus": 1.0,
            "minus": -1.0, "slow square": 1.0 if k // 80 % 2 else -1.0,
        }[style]  # fmt: skip
        observation, reward, terminated, *_ = env.step(np.float32([sign * bound]))
        assert env.observation_space.contains(observation)
        assert np.isfinite(reward)
        assert not terminated


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_dtype_is_that_of_state_and_observation(dtype: str) -> None:
    env = DBSEnv(**SMALL, dtype=dtype)
    observation, _ = env.reset(seed=0)
    assert observation.dtype == env.observation_space.dtype == env.neurons.dtype == dtype


def test_resample_draws_new_neurons_and_fixed_keeps_them() -> None:
    resample, fixed = DBSEnv(**SMALL), DBSEnv(**SMALL, ensemble="fixed")
    assert resample.reset(seed=1)[1]["ensemble"] != resample.reset()[1]["ensemble"]
    first = fixed.reset(seed=1)[1]["ensemble"]
    assert {fixed.reset()[1]["ensemble"] for _ in range(3)} == {first}
    assert fixed.reset(seed=2)[1]["ensemble"] != first
    assert fixed.reset(seed=1)[1]["ensemble"] == first


def test_a_pool_of_ensembles_is_drawn_from_and_options_name_one() -> None:
    env = DBSEnv(**SMALL, ensemble=(11, 12, 13))
    env.reset(seed=0)
    assert {env.reset()[1]["ensemble"] for _ in range(30)} == {11, 12, 13}
    assert env.reset(options={"ensemble": 99})[1]["ensemble"] == 99


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"seed": 3}, r"reset takes the option 'ensemble', got \['seed'\]"),
        ({"ensemble": -1}, "option 'ensemble' must be a whole number of at least 0"),
        ({"ensemble": 1.5}, "option 'ensemble' must be a whole number of at least 0.* got 1.5"),
    ],
)
def test_unknown_options_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        DBSEnv(**SMALL).reset(options=options)


def test_an_episode_is_truncated_at_its_last_step_and_none_never_is() -> None:
    env, endless = DBSEnv(**SMALL, episode_steps=7), DBSEnv(**SMALL, episode_steps=None)
    env.reset(seed=0)
    endless.reset(seed=0)
    for k in range(1, 30):
        truncated = env.step(actions(1)[0])[3]
        assert truncated == (k >= 7)
        assert not endless.step(actions(1)[0])[3]


def test_saved_state_continues_bit_by_bit_through_the_next_reset() -> None:
    env = DBSEnv(**SMALL, signals=("x", "y", "action"), episode_steps=60)
    env.reset(seed=1)
    for action in actions(33):
        env.step(action)
    saved = copy.deepcopy(env.get_state())
    other = DBSEnv(**SMALL, signals=("x", "y", "action"), episode_steps=60)
    other.set_state(saved)
    for action in actions(80, 5):
        one, two = env.step(action), other.step(action)
        np.testing.assert_array_equal(one[0], two[0])
        assert one[1:] == two[1:]
        if one[3]:
            np.testing.assert_array_equal(env.reset()[0], other.reset()[0])


def test_state_of_other_settings_is_refused() -> None:
    env, larger = DBSEnv(**SMALL), DBSEnv(**(SMALL | {"n_neurons": 41}))
    env.reset(seed=0)
    with pytest.raises(ValueError, match=r"state\['state'\] must be float64 of shape \(1, 2, 41\)"):
        larger.set_state(env.get_state())
    with pytest.raises(ValueError, match=r"state must hold state, sizes, currents, .* and rngs"):
        env.set_state({"state": env.neurons})


def test_a_pickled_environment_goes_on_as_the_original() -> None:
    env = DBSEnv(**SMALL)
    env.reset(seed=2)
    env.step(actions(1)[0])
    twin = pickle.loads(pickle.dumps(env))
    for action in actions(20):
        one, two = env.step(action), twin.step(action)
        np.testing.assert_array_equal(one[0], two[0])
    np.testing.assert_array_equal(env.reset()[0], twin.reset()[0])


def test_environments_of_different_size_do_not_disturb_each_other() -> None:
    sizes = (1, 30, 200)
    models = [BonhoefferVanDerPol(coupling=c) for c in (0.03, 0.1, 0.5)]

    def make(k: int) -> DBSEnv:
        env = DBSEnv(n_neurons=sizes[k], model=models[k], transient_steps=50, window=20)
        env.reset(seed=k)
        return env

    alone = [[env.step(a)[0] for a in actions(60)] for env in map(make, range(3))]
    envs = [make(k) for k in range(3)]
    mixed = list(zip(*[[env.step(a)[0] for env in envs] for a in actions(60)], strict=True))
    np.testing.assert_array_equal(np.array(alone), np.array(mixed))


def test_returned_observations_are_never_overwritten() -> None:
    env = DBSEnv(**SMALL)
    first, _ = env.reset(seed=0)
    kept = first.copy()
    second = env.step(actions(1)[0])[0]
    env.step(actions(1)[0])
    np.testing.assert_array_equal(first, kept)
    np.testing.assert_array_equal(second[:-1], first[1:])


@pytest.mark.parametrize(
    ("action", "message"),
    [
        ([np.nan], r"actions must be finite and in \[-1.0, 1.0\] \(max_kick\), got nan"),
        ([np.inf], "got inf for environment 0"),
        ([1.001], r"in \[-1.0, 1.0\] \(max_kick\), got 1.001 for environment 0"),
        (
            [0.1, 0.1],
            r"actions must have shape \(1, 1\), one kick per environment and electrode, got \(2,\)",
        ),
        ([[0.1], [0.1]], r"got \(2, 1\)"),
        (0.1, r"got \(\)"),
    ],
)
def test_bad_actions_are_refused_and_change_nothing(action: Any, message: str) -> None:
    env = DBSEnv(**SMALL)
    env.reset(seed=0)
    before = env.neurons
    with pytest.raises(ValueError, match=message):
        env.step(action)
    np.testing.assert_array_equal(env.neurons, before)


def test_a_bound_that_float32_rounds_up_is_still_admitted() -> None:
    env = DBSEnv(**SMALL, max_kick=0.1)
    env.reset(seed=0)
    env.step(env.action_space.high)


def test_stepping_before_reset_is_refused() -> None:
    with pytest.raises(gymnasium.error.ResetNeeded, match="call reset first"):
        DBSEnv(**SMALL).step(actions(1)[0])


def test_divergence_ends_the_episode_with_a_finite_observation() -> None:
    env = DBSEnv(**SMALL, signals=("x", "y"), divergence_reward=-77.0)
    env.reset(seed=0)
    state = env.get_state()
    state["state"][0, 0, 3] = np.nan
    env.set_state(state)
    observation, reward, terminated, truncated, info = env.step(actions(1)[0])
    assert terminated
    assert info["diverged"]
    assert not truncated
    assert reward == -77.0
    assert env.observation_space.contains(observation)
    with pytest.raises(gymnasium.error.ResetNeeded):
        env.step(actions(1)[0])
    env.reset()
    assert not env.step(actions(1)[0])[2]


def test_a_mean_field_beyond_its_limits_is_a_divergence() -> None:
    env = DBSEnv(**SMALL, signals=("y",))
    env.reset(seed=0)
    state = env.get_state()
    state["state"][0, 1] -= 20.0
    env.set_state(state)
    observation, _, terminated, *_ = env.step(actions(1)[0])
    assert terminated
    assert observation[-1] == env.observation_space.low[-1]


def test_the_running_mean_does_not_drift() -> None:
    env = DBSEnv(n_neurons=10, transient_steps=0, window=97, signals=("x",), episode_steps=None)
    env.reset(seed=0)
    for action in actions(5000):
        observation, reward, *_, info = env.step(action)
    exact = -((info["mean_x"] - observation.mean()) ** 2) - 2 * abs(float(action[0]))
    assert reward == pytest.approx(exact, abs=1e-13)


def test_a_model_whose_free_run_leaves_the_limits_is_refused() -> None:
    env = DBSEnv(**SMALL, model=BonhoefferVanDerPol(coupling=10.0))
    with pytest.raises(ValueError, match="an ensemble diverged in its transient"):
        env.reset(seed=0)
    env = DBSEnv(**(SMALL | {"transient_steps": 0}), model=BonhoefferVanDerPol(coupling=10.0))
    with pytest.raises(ValueError, match="a free ensemble must stay within"):
        env.reset(seed=0)


def test_state_of_another_model_or_of_no_episode_is_refused_whole() -> None:
    env, other = DBSEnv(**SMALL), DBSEnv(**SMALL, model=BonhoefferVanDerPol(coupling=0.5))
    fresh = env.get_state()
    observation, _ = env.reset(seed=0)
    other.reset(seed=0)
    with pytest.raises(ValueError, match="state must come from BonhoefferVanDerPol"):
        env.set_state(other.get_state())
    with pytest.raises(ValueError, match="state must be that of a running episode"):
        env.set_state(fresh)
    with pytest.raises(ValueError, match=r"state\['rngs'\] must hold states of generators"):
        env.set_state(env.get_state() | {"rngs": [{}]})
    np.testing.assert_array_equal(env.set_state(env.get_state()), observation)
