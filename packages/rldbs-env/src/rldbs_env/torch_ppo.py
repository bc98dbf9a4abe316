"""Training by stable-baselines3 on environments of a GPU, without leaving it."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, cast

from gymnasium import spaces
from numpy.typing import NDArray

from rldbs_env.sb3 import DBSVecEnv
from rldbs_env.torch_env import TorchVectorEnv
from rldbs_env.vector import DBSVectorEnv

try:
    import torch
    from stable_baselines3 import PPO
    from stable_baselines3.common.buffers import RolloutBuffer
    from stable_baselines3.common.callbacks import BaseCallback
    from stable_baselines3.common.type_aliases import RolloutBufferSamples
    from stable_baselines3.common.vec_env import VecEnv
    from torch import Tensor
except ModuleNotFoundError as error:
    message = 'rldbs_env.torch_ppo needs stable-baselines3: pip install "rldbs-env[train]"'
    raise ModuleNotFoundError(message) from error

__all__ = ["DevicePPO", "DeviceRollouts", "TorchVecEnv"]


class TorchVecEnv(DBSVecEnv):
    """Adapter of `rldbs_env.torch_env.TorchVectorEnv` to stable-baselines3.

    Every algorithm of stable-baselines3 can use it; each step then brings its results to the host.
    `DevicePPO` goes round that.

    Args:
        env: The environment to adapt.
    """

    def __init__(self, env: TorchVectorEnv) -> None:
        self.device_env = env
        super().__init__(cast("DBSVectorEnv", _OnHost(env)))


class _OnHost:
    """What `DBSVecEnv` asks of a `DBSVectorEnv`, in numpy, with one transfer for a whole step."""

    def __init__(self, env: TorchVectorEnv) -> None:
        self._env = env

    def __getattr__(self, name: str) -> Any:
        return getattr(self._env, name)

    def reset(self, *, seed: Any, options: Any) -> tuple[NDArray[Any], dict[str, Any]]:
        observations, info = self._env.reset(seed=seed[0], options=options)
        return observations.cpu().numpy(), {"ensemble": info["ensemble"].cpu().numpy()}

    def step(self, actions: NDArray[Any]) -> tuple[Any, ...]:
        given = torch.from_numpy(actions).to(self._env.device)
        observations, *numbers, info = self._env.step(given)
        columns = torch.stack([number.to(observations.dtype) for number in numbers], 1)
        together = torch.cat([observations, columns], 1).cpu().numpy()
        terminated, truncated = together[:, -2] > 0, together[:, -1] > 0
        told = {}
        if (terminated | truncated).any():
            told = {name: info[name].cpu().numpy() for name in ("final_obs", "ensemble")}
        return together[:, :-3].copy(), together[:, -3].copy(), terminated, truncated, told


class DeviceRollouts(RolloutBuffer):
    """stable-baselines3's rollout buffer as tensors on the device of the policy.

    Once a rollout is complete, ``rewards``, ``values`` and ``returns`` are copied to numpy, where
    stable-baselines3 looks for them when it logs.
    """

    def reset(self) -> None:
        """Forget the last rollout."""
        shape = (self.buffer_size, self.n_envs)
        self._told = {
            name: torch.zeros(shape, device=self.device)
            for name in ("rewards", "episode_starts", "values", "log_probs")
        }
        self._told["observations"] = torch.zeros(*shape, *self.obs_shape, device=self.device)
        self._told["actions"] = torch.zeros(*shape, self.action_dim, device=self.device)
        self.pos, self.full = 0, False

    def store(self, **step: Tensor) -> None:
        """Keep one step: observations, actions, rewards, episode_starts, values, log_probs."""
        for name, tensor in step.items():
            kept = self._told[name][self.pos]
            kept.copy_(tensor.reshape(kept.shape))
        self.pos += 1
        self.full = self.pos == self.buffer_size

    def close(self, last_values: Tensor, last_dones: Tensor) -> None:
        """Estimate the advantages (Schulman et al. 2016) of a complete rollout.

        Args:
            last_values: Of the state after it, shape (envs,).
            last_dones: Whether an episode ended with it, shape (envs,).
        """
        told = self._told
        advantages = torch.zeros_like(told["rewards"])
        following, values, carried = 1.0 - last_dones.float(), last_values, last_values * 0.0
        for step in reversed(range(self.buffer_size)):
            error = told["rewards"][step] + self.gamma * values * following - told["values"][step]
            carried = error + self.gamma * self.gae_lambda * following * carried
            advantages[step] = carried
            following, values = 1.0 - told["episode_starts"][step], told["values"][step]
        told |= {"advantages": advantages, "returns": advantages + told["values"]}
        for name in ("rewards", "values", "returns"):
            setattr(self, name, told[name].cpu().numpy())

    def get(self, batch_size: int | None = None) -> Generator[RolloutBufferSamples, None, None]:
        """Random batches of a complete rollout."""
        names = ("observations", "actions", "values", "log_probs", "advantages", "returns")
        flat = [self._told[name].transpose(0, 1).flatten(0, 1) for name in names]
        order = torch.randperm(self.buffer_size * self.n_envs, device=self.device)
        size = batch_size or len(order)
        for first in range(0, len(order), size):
            batch = order[first : first + size]
            yield RolloutBufferSamples(*(tensor[batch] for tensor in flat))


class DevicePPO(PPO):
    """stable-baselines3's PPO whose rollouts stay on the device of the environments.

    Args:
        policy: As for PPO.
        env: A `TorchVecEnv`.
        **arguments: As for PPO, without ``use_sde``, ``rollout_buffer_class`` and ``device``, which
            is that of the environments.

    Raises:
        TypeError: If the environment is another.
        ValueError: If ``use_sde`` is asked for.

    Example:
        >>> from rldbs_env.torch_env import TorchVectorEnv
        >>> envs = TorchVectorEnv(8, device="cpu", ensemble=range(8), dtype="float32")
        >>> DevicePPO("MlpPolicy", TorchVecEnv(envs)).n_envs
        8
    """

    rollout_buffer: DeviceRollouts

    def __init__(self, policy: Any, env: TorchVecEnv, **arguments: Any) -> None:
        if not isinstance(env, TorchVecEnv):
            raise TypeError(f"env must be a rldbs_env.torch_ppo.TorchVecEnv, got {env!r}")
        if arguments.get("use_sde"):
            raise ValueError("DevicePPO has no use_sde: take stable_baselines3.PPO")
        own: Any = {"device": env.device_env.device, "rollout_buffer_class": DeviceRollouts}
        super().__init__(policy, env, **own, **arguments)

    def collect_rollouts(
        self, env: VecEnv, callback: BaseCallback, rollout_buffer: RolloutBuffer,
        n_rollout_steps: int,
    ) -> bool:  # fmt: skip
        """Fill the buffer on the device; the mean reward per step is logged.

        The host waits where torch's distributions look at their arguments, which
        ``torch.distributions.Distribution.set_default_validate_args(False)`` leaves out.

        Returns:
            False if the callback asked to stop.
        """
        rollouts, device_env = self.rollout_buffer, cast("TorchVecEnv", env).device_env
        self.policy.set_training_mode(False)
        rollouts.reset()
        callback.on_rollout_start()
        observations = torch.as_tensor(self._last_obs, device=self.device)
        starts = torch.as_tensor(self._last_episode_starts, device=self.device)
        paid = torch.zeros((), device=self.device)
        for _ in range(n_rollout_steps):
            with torch.no_grad():
                actions, values, log_probs = self.policy(observations)
                after, rewards, terminated, truncated, info = device_env.step(self._given(actions))
                # what a cut episode would still have earned
                later = self.policy.predict_values(info["final_obs"]).flatten()
            paid += rewards.mean()
            rewards = rewards.float() + self.gamma * later.where(truncated & ~terminated, 0.0)
            rollouts.store(
                observations=observations, actions=actions, rewards=rewards,
                episode_starts=starts, values=values, log_probs=log_probs,
            )  # fmt: skip
            observations, starts = after, terminated | truncated
            self._last_obs, self._last_episode_starts = observations, starts  # type: ignore[assignment]
            self.num_timesteps += env.num_envs
            if not callback.on_step():
                return False
        with torch.no_grad():
            last_values = self.policy.predict_values(observations).flatten()
        rollouts.close(last_values, starts)
        self.logger.record("rollout/reward_mean", float(paid) / n_rollout_steps)
        callback.update_locals(locals())
        callback.on_rollout_end()
        return True

    def _given(self, actions: Tensor) -> Tensor:
        """Actions as the environment takes them: clipped, or indices of levels."""
        if not isinstance(self.action_space, spaces.Box):
            return actions.reshape(-1)
        return actions.clamp(
            float(self.action_space.low.min()), float(self.action_space.high.max())
        )
