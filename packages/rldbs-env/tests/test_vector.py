"""The vector environment is its single environments, bit by bit, whatever surrounds them."""

import pickle
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from rldbs_env import BonhoefferVanDerPol, DBSEnv, DBSVectorEnv, Delivery, QuadraticReward
from rldbs_env.disturbances import ActionNoise, ElectrodeDrift, PulseLoss

SMALL: dict[str, Any] = {"n_neurons": 40, "transient_steps": 100, "window": 30}


def actions(n: int, n_envs: int, seed: int = 0) -> NDArray[np.float32]:
    return np.random.default_rng(seed).uniform(-1, 1, (n, n_envs, 1)).astype(np.float32)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("ensemble", ["resample", "fixed", (4, 5, 6)])
def test_gymnasiums_own_loop_over_singles_gives_the_same_bits(dtype: str, ensemble: Any) -> None:
    """Autoresets, infos and seeds included."""
    settings = SMALL | {"dtype": dtype, "ensemble": ensemble, "episode_steps": 17}
    loop = SyncVectorEnv([lambda: DBSEnv(**settings)] * 5, autoreset_mode=AutoresetMode.SAME_STEP)
    batch = DBSVectorEnv(5, **settings)
    expected, expected_info = loop.reset(seed=9)
    observed, info = batch.reset(seed=9)
    _same(expected_info, info)
    np.testing.assert_array_equal(expected, observed)
    for action in actions(60, 5):
        one, two = loop.step(action), batch.step(action)
        for wanted, got in zip(one[:4], two[:4], strict=True):
            np.testing.assert_array_equal(wanted, got)
            assert wanted.dtype == got.dtype
        _same(one[4], two[4])


def _same(expected: dict[str, Any], got: dict[str, Any]) -> None:
    assert expected.keys() == got.keys()
    for key, value in expected.items():
        if isinstance(value, dict):
            _same(value, got[key])
            continue
        assert value.dtype == got[key].dtype, key
        for wanted, found in zip(value, got[key], strict=True):
            np.testing.assert_array_equal(wanted, found, err_msg=key)


def test_sixty_four_environments_are_sixty_four_singles() -> None:
    batch = DBSVectorEnv(64, **SMALL)
    batch.reset(seed=100)
    stimuli = actions(40, 64)
    together = np.array([batch.step(action)[0] for action in stimuli])
    for k in (0, 1, 31, 63):
        env = DBSEnv(**SMALL)
        env.reset(seed=100 + k)
        alone = np.array([env.step(action)[0] for action in stimuli[:, k]])
        np.testing.assert_array_equal(together[:, k], alone)


def test_threads_change_no_bit() -> None:
    traces = []
    for threads in (1, 2, 3):
        env = DBSVectorEnv(7, threads=threads, episode_steps=25, **SMALL)
        env.reset(seed=0)
        traces.append(np.array([env.step(action)[0] for action in actions(60, 7)]))
        env.close()
    np.testing.assert_array_equal(traces[0], traces[1])
    np.testing.assert_array_equal(traces[0], traces[2])


def test_make_vec_gives_the_native_environment_and_declares_its_autoreset() -> None:
    env = gymnasium.make_vec(
        "rldbs_env:rldbs/BvdP-v0",
        num_envs=3,
        vectorization_mode="vector_entry_point",
        **SMALL,
    )
    assert isinstance(env.unwrapped, DBSVectorEnv)
    assert env.metadata["autoreset_mode"] == AutoresetMode.SAME_STEP
    assert env.spec is not None
    assert env.spec.max_episode_steps is None
    assert gymnasium.make("rldbs/BvdP-v0", **SMALL).spec.max_episode_steps is None  # type: ignore[union-attr]
    observation, _ = env.reset(seed=0)
    assert env.observation_space.contains(observation)
    assert env.action_space.shape == (3, 1)


def test_gymnasiums_episode_statistics_understand_the_autoreset() -> None:
    env = gymnasium.wrappers.vector.RecordEpisodeStatistics(
        DBSVectorEnv(2, episode_steps=10, **SMALL)
    )
    env.reset(seed=0)
    paid = np.zeros(2)
    for k, action in enumerate(actions(30, 2), start=1):
        _, reward, _, truncated, info = env.step(action)
        paid += reward
        assert truncated.all() == (k % 10 == 0)
        if truncated.all():
            np.testing.assert_array_equal(info["episode"]["l"], [10, 10])
            np.testing.assert_allclose(info["episode"]["r"], paid)
            paid[:] = 0


def test_single_and_vector_truncate_at_the_same_step() -> None:
    single, vector = DBSEnv(**SMALL, episode_steps=13), DBSVectorEnv(2, episode_steps=13, **SMALL)
    single.reset(seed=0)
    vector.reset(seed=0)
    for k, action in enumerate(actions(13, 2), start=1):
        one, many = single.step(action[0])[3], vector.step(action)[3]
        assert one == (k == 13)
        assert many.tolist() == [one, one]


def test_ended_episodes_hand_over_their_last_observation() -> None:
    env = DBSVectorEnv(2, episode_steps=5, **SMALL)
    env.reset(seed=0)
    for action in actions(4, 2):
        before, *_ = env.step(action)
    after, _, _, truncated, info = env.step(actions(1, 2)[0])
    assert truncated.all()
    for k in range(2):
        np.testing.assert_array_equal(info["final_obs"][k][:-1], before[k][1:])
        assert not np.array_equal(info["final_obs"][k], after[k])
    assert info["final_info"]["mean_x"].shape == (2,)


@settings(max_examples=20)
@given(
    rules=st.one_of(
        st.builds(Delivery, skip=st.integers(0, 4), refractory_steps=st.integers(0, 3)),
        st.builds(Delivery, repeat=st.integers(1, 4)),
        st.builds(
            Delivery,
            max_charge_per_period=st.floats(0.5, 3),
            energy_budget=st.floats(0.5, 3),
        ),
    ),
    worn=st.booleans(),
    seed=st.integers(0, 2**31),
)
def test_kick_and_charge_are_what_was_delivered_and_paid(
    rules: Delivery, worn: bool, seed: int
) -> None:
    """The window of kicks and a reward of charge alone are the environment's own account."""
    weights = (1.0, -0.5, -0.5)
    env = DBSVectorEnv(
        2, model=BonhoefferVanDerPol(populations=2), n_neurons=4, window=3, signals=("action",),
        pulse=weights, delivery=rules, transient_steps=0, episode_steps=None,
        disturbances=(ActionNoise(0.1), PulseLoss(0.3), ElectrodeDrift(0.5, 20)) if worn else (),
        reward=QuadraticReward(weight=0.0, penalty=1.0), max_kick=0.5,
    )  # fmt: skip
    env.reset(seed=0)
    draw = np.random.default_rng(seed)
    for _ in range(30):
        asked = draw.uniform(-0.5, 0.5, (2, 2)) * (draw.random((2, 1)) < 0.7)
        observation, rewards, *_, info = env.step(asked)
        assert np.abs(info["kick"]).max() <= 0.5
        seen = observation.reshape(2, 2, 3)
        np.testing.assert_allclose(seen, info["kick"][..., None] * weights, atol=1e-12)
        np.testing.assert_array_equal(info["charge"], -rewards)
        np.testing.assert_allclose(info["charge"], np.abs(seen).sum(axis=(1, 2)), atol=1e-12)
    env.close()


def test_the_last_kick_of_an_episode_is_told_with_it() -> None:
    env = DBSVectorEnv(2, episode_steps=3, **SMALL)
    _, info = env.reset(seed=0)
    assert info["kick"].tolist() == [[0.0], [0.0]]
    for _ in range(3):
        *_, info = env.step([0.25, -0.5])
    assert (info["charge"].tolist(), info["kick"].tolist()) == ([0.0, 0.0], [[0.0], [0.0]])
    last = info["final_info"]
    assert (last["charge"].tolist(), last["kick"].tolist()) == ([0.25, 0.5], [[0.25], [-0.5]])
    one = DBSEnv(**SMALL)
    one.reset(seed=0)
    *_, info = one.step(np.array([0.25]))
    one.reset()
    assert (info["charge"], info["kick"].tolist()) == (0.25, [0.25])  # is not taken back


def test_one_diverged_environment_starts_anew_and_the_others_go_on() -> None:
    env, undisturbed = DBSVectorEnv(3, **SMALL), DBSVectorEnv(3, **SMALL)
    env.reset(seed=0)
    undisturbed.reset(seed=0)
    state = env.get_state()
    state["state"][1, 0, 0] = np.inf
    env.set_state(state)
    action = actions(1, 3)[0]
    observation, reward, terminated, truncated, info = env.step(action)
    expected = undisturbed.step(action)
    assert terminated.tolist() == [False, True, False]
    assert not truncated.any()
    assert info["final_info"]["diverged"].tolist() == [False, True, False]
    assert reward[1] == -1000.0
    assert env.observation_space.contains(observation)
    for k in (0, 2):
        np.testing.assert_array_equal(observation[k], expected[0][k])
        assert reward[k] == expected[1][k]


def test_seeds_may_be_given_one_by_one() -> None:
    listed, counted = DBSVectorEnv(3, **SMALL), DBSVectorEnv(3, **SMALL)
    np.testing.assert_array_equal(listed.reset(seed=[5, 6, 7])[0], counted.reset(seed=5)[0])
    with pytest.raises(ValueError, match="seed must hold 3 seeds, got 2"):
        listed.reset(seed=[1, 2])


def test_options_name_the_ensembles() -> None:
    env = DBSVectorEnv(3, **SMALL)
    assert env.reset(options={"ensemble": [7, 8, 9]})[1]["ensemble"].tolist() == [7, 8, 9]
    assert env.reset(options={"ensemble": 4})[1]["ensemble"].tolist() == [4, 4, 4]
    with pytest.raises(ValueError, match=r"option 'ensemble' must be .* one per environment"):
        env.reset(options={"ensemble": [1, 2]})


def test_saved_state_and_pickle_continue_bit_by_bit() -> None:
    env = DBSVectorEnv(4, threads=2, episode_steps=20, **SMALL)
    env.reset(seed=3)
    for action in actions(11, 4):
        env.step(action)
    restored = DBSVectorEnv(4, episode_steps=20, **SMALL)
    restored.set_state(env.get_state())
    pickled = pickle.loads(pickle.dumps(env))
    for action in actions(50, 4, seed=1):
        wanted = env.step(action)
        for other in (restored, pickled):
            got = other.step(action)
            np.testing.assert_array_equal(wanted[0], got[0])
            np.testing.assert_array_equal(wanted[1], got[1])
    env.close()


def test_a_bad_action_is_refused_by_the_number_of_its_environment() -> None:
    env = DBSVectorEnv(2, **SMALL)
    env.reset(seed=0)
    with pytest.raises(ValueError, match=r"got 2.0 for environment 1"):
        env.step([[0.0], [2.0]])


def test_impossible_batches_are_refused() -> None:
    with pytest.raises(ValueError, match="num_envs must be at least 1, got 0"):
        DBSVectorEnv(0, **SMALL)
    with pytest.raises(ValueError, match="threads must be at least 1, got 0"):
        DBSVectorEnv(1, threads=0, **SMALL)
    with pytest.raises(gymnasium.error.ResetNeeded, match="call reset first"):
        DBSVectorEnv(1, **SMALL).step(np.zeros((1, 1)))
