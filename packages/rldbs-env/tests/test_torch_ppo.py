"""Training on the device is stable-baselines3's training, number by number."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from gymnasium import spaces
from stable_baselines3 import PPO
from stable_baselines3.common.buffers import RolloutBuffer
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.vec_env import DummyVecEnv, VecMonitor

from rldbs_env import DBSEnv
from rldbs_env.torch_env import TorchVectorEnv
from rldbs_env.torch_ppo import DevicePPO, DeviceRollouts, TorchVecEnv

SMALL: dict[str, Any] = {
    "n_neurons": 20, "window": 15, "transient_steps": 50, "ensemble": range(3),
    "episode_steps": 7, "dtype": "float32",
}  # fmt: skip
ONE_BATCH: dict[str, Any] = {
    "n_steps": 16, "batch_size": 64, "n_epochs": 1, "gamma": 0.9, "seed": 5,
}  # fmt: skip


def environments(device: str = "cpu", **changes: Any) -> TorchVecEnv:
    return TorchVecEnv(TorchVectorEnv(4, device=device, phases=2, **SMALL | changes))


@pytest.mark.parametrize("changes", [{}, {"levels": (-0.5, 0.0, 0.5)}])
def test_one_update_is_that_of_stable_baselines(changes: dict[str, Any]) -> None:
    """Cut episodes, advantages and weights; one batch, so that its order is nothing."""
    theirs = PPO("MlpPolicy", environments(**changes), device="cpu", **ONE_BATCH)
    ours = DevicePPO("MlpPolicy", environments(**changes), **ONE_BATCH)
    for model in (theirs, ours):
        model.set_random_seed(5)
        model.learn(64)
    for name in ("rewards", "values", "returns"):
        wanted, got = (getattr(model.rollout_buffer, name) for model in (theirs, ours))
        np.testing.assert_allclose(
            np.sort(got.reshape(-1)), np.sort(wanted.reshape(-1)), rtol=1e-5, atol=1e-6
        )
    before = PPO("MlpPolicy", environments(**changes), device="cpu", **ONE_BATCH).policy
    for name, weight in theirs.policy.state_dict().items():
        torch.testing.assert_close(ours.policy.state_dict()[name], weight, rtol=1e-4, atol=1e-6)
    moved = zip(before.parameters(), ours.policy.parameters(), strict=True)
    assert any(not torch.equal(one, two) for one, two in moved)


def test_advantages_are_those_of_stable_baselines() -> None:
    box = spaces.Box(-1, 1, (3,), np.float32)
    theirs = RolloutBuffer(11, box, box, "cpu", gae_lambda=0.8, gamma=0.9, n_envs=5)
    ours = DeviceRollouts(11, box, box, "cpu", gae_lambda=0.8, gamma=0.9, n_envs=5)
    rng = np.random.default_rng(0)
    for _ in range(11):
        see, act = rng.normal(size=(2, 5, 3)).astype(np.float32)
        rewards, values, log_probs = rng.normal(size=(3, 5)).astype(np.float32)
        starts = (rng.uniform(size=5) < 0.3).astype(np.float32)
        theirs.add(see, act, rewards, starts, torch.tensor(values), torch.tensor(log_probs))
        numbers = {
            "observations": see, "actions": act, "rewards": rewards, "episode_starts": starts,
            "values": values, "log_probs": log_probs,
        }  # fmt: skip
        ours.store(**{name: torch.tensor(array) for name, array in numbers.items()})
    last, dones = torch.tensor(values), rng.uniform(size=5) < 0.5
    theirs.compute_returns_and_advantage(last, dones)
    ours.close(last, torch.tensor(dones))
    np.testing.assert_allclose(ours.returns, theirs.returns, rtol=1e-5, atol=1e-6)
    (whole,) = ours.get()
    (wanted,) = theirs.get()
    for got, expected in zip(whole, wanted, strict=True):
        order, other = got.reshape(55, -1).sum(1).sort(), expected.reshape(55, -1).sum(1).sort()
        torch.testing.assert_close(order.values, other.values)
    sizes = [len(batch.returns) for batch in ours.get(20)]
    assert sizes == [20, 20, 15]


def test_the_adapter_tells_what_the_one_on_the_cpu_tells() -> None:
    env = environments()
    observations = env.reset()
    assert observations.dtype == np.float32
    assert env.observation_space.contains(observations[0])
    for k in range(1, 15):
        observations, rewards, dones, infos = env.step(np.zeros((4, 1), np.float32))
        assert observations.shape == (4, 15)
        assert rewards.dtype == np.float32
        assert dones.tolist() == [k % 7 == 0] * 4
        if dones.any():
            assert infos[0]["TimeLimit.truncated"]
            assert infos[0]["episode"]["l"] == 7
            assert infos[0]["terminal_observation"].shape == (15,)
            assert env.reset_infos[0]["ensemble"] in range(3)
    env.close()


def test_any_algorithm_can_use_the_adapter() -> None:
    model = PPO("MlpPolicy", VecMonitor(environments()), n_steps=8, batch_size=32, device="cpu")
    model.learn(64)
    assert model.ep_info_buffer


class _Stop(BaseCallback):
    def _on_step(self) -> bool:
        return self.num_timesteps < 12


def test_a_callback_can_stop_it() -> None:
    model = DevicePPO("MlpPolicy", environments(), **ONE_BATCH)
    model.learn(64, _Stop())
    assert model.num_timesteps == 12


def test_another_environment_is_refused() -> None:
    with pytest.raises(TypeError, match=r"env must be a rldbs_env.torch_ppo.TorchVecEnv, got"):
        DevicePPO("MlpPolicy", DummyVecEnv([DBSEnv]))  # type: ignore[arg-type]


def test_state_dependent_exploration_is_refused() -> None:
    with pytest.raises(ValueError, match="DevicePPO has no use_sde"):
        DevicePPO("MlpPolicy", environments(), use_sde=True)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_training_stays_on_the_gpu() -> None:
    env = environments("cuda")
    with pytest.warns(UserWarning, match="on the GPU"):  # small networks, as they say
        model = DevicePPO("MlpPolicy", env, n_steps=8, batch_size=16, n_epochs=2)
    model.learn(64)
    assert model.policy.device.type == "cuda"
    assert np.isfinite(model.rollout_buffer.returns).all()
