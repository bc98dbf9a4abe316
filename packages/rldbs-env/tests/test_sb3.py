"""The stable-baselines3 adapter against its own DummyVecEnv, and real training on it."""

import warnings
from typing import Any

import numpy as np
import pytest
from stable_baselines3 import PPO
from stable_baselines3.common.vec_env import DummyVecEnv, VecMonitor, VecNormalize

from rldbs_env import DBSEnv, DBSVectorEnv
from rldbs_env.sb3 import DBSVecEnv

SMALL: dict[str, Any] = {
    "n_neurons": 30, "transient_steps": 100, "window": 25, "episode_steps": 15,
}  # fmt: skip


def test_the_adapter_is_the_dummy_vec_env_of_singles() -> None:
    dummy = DummyVecEnv([lambda: DBSEnv(**SMALL)] * 4)
    ours = DBSVecEnv(DBSVectorEnv(4, **SMALL))
    dummy.seed(11)
    ours.seed(11)
    np.testing.assert_array_equal(dummy.reset(), ours.reset())
    rng = np.random.default_rng(0)
    total, length = np.zeros(4), 0
    for _ in range(40):
        action = rng.uniform(-1, 1, (4, 1)).astype(np.float32)
        wanted, got = dummy.step(action), ours.step(action)
        for one, two in zip(wanted[:3], got[:3], strict=True):
            np.testing.assert_array_equal(one, two)
            assert one.dtype == two.dtype
        total, length = total + got[1], length + 1
        if got[2].any():
            assert got[2].all()
            for k in range(4):
                one, two = wanted[3][k], got[3][k]
                np.testing.assert_array_equal(
                    one["terminal_observation"], two["terminal_observation"]
                )
                assert one["TimeLimit.truncated"] is two["TimeLimit.truncated"] is True
                assert two["episode"]["l"] == length
                assert two["episode"]["r"] == pytest.approx(total[k], rel=1e-5)
            total, length = np.zeros(4), 0
        else:
            assert got[3] == [{}, {}, {}, {}]
    assert ours.reset_infos[0]["ensemble"] == dummy.reset_infos[0]["ensemble"]


def test_a_divergence_is_terminal_and_no_time_limit() -> None:
    env = DBSVecEnv(DBSVectorEnv(2, **SMALL))
    env.reset()
    state = env.env.get_state()
    state["state"][0] = np.nan
    env.env.set_state(state)
    _, _, dones, infos = env.step(np.zeros((2, 1), np.float32))
    assert dones.tolist() == [True, False]
    assert infos[0]["diverged"]
    assert not infos[0]["TimeLimit.truncated"]
    assert infos[1] == {}


def test_options_choose_the_ensembles() -> None:
    env = DBSVecEnv(DBSVectorEnv(2, **SMALL))
    env.set_options({"ensemble": 5})
    env.reset()
    assert env.reset_infos == [{"ensemble": 5}, {"ensemble": 5}]
    env.set_options([{"ensemble": 5}, {"ensemble": 6}])
    env.reset()
    assert env.reset_infos == [{"ensemble": 5}, {"ensemble": 6}]


def test_options_for_some_only_are_refused() -> None:
    env = DBSVecEnv(DBSVectorEnv(2, **SMALL))
    for options in ([{"ensemble": 5}, {}], {"ensmble": 5}):
        env.set_options(options)
        with pytest.raises(ValueError, match="name an 'ensemble' for every environment or for"):
            env.reset()


def test_attributes_belong_to_the_batch() -> None:
    env = DBSVecEnv(DBSVectorEnv(3, **SMALL))
    assert env.get_attr("num_envs") == [3, 3, 3]
    assert env.get_attr("num_envs", [0]) == [3]
    assert len(env.env_method("get_state", indices=0)) == 1
    assert env.env_is_wrapped(VecMonitor) == [False] * 3
    env.set_attr("note", "all")
    assert env.get_attr("note") == ["all"] * 3
    with pytest.raises(ValueError, match="share their attributes: set all at once"):
        env.set_attr("note", "one", indices=1)


def test_ppo_trains_on_it_through_the_usual_wrappers() -> None:
    env = VecNormalize(DBSVecEnv(DBSVectorEnv(4, dtype="float32", **SMALL)))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = PPO("MlpPolicy", env, n_steps=32, batch_size=64, n_epochs=2, seed=0, device="cpu")
        before = [p.detach().clone() for p in model.policy.parameters()]
        model.learn(512)
    assert model.num_timesteps == 512
    assert len(model.ep_info_buffer or ()) > 0
    changed = [not np.array_equal(a, b.detach()) for a, b in
               zip(before, model.policy.parameters(), strict=True)]  # fmt: skip
    assert all(changed)


def test_training_is_reproducible() -> None:
    def weights() -> list[Any]:
        env = DBSVecEnv(DBSVectorEnv(2, **SMALL))
        model = PPO("MlpPolicy", env, n_steps=16, batch_size=16, n_epochs=1, seed=7, device="cpu")
        model.learn(64)
        return [p.detach().numpy().copy() for p in model.policy.parameters()]

    for one, two in zip(weights(), weights(), strict=True):
        np.testing.assert_array_equal(one, two)
