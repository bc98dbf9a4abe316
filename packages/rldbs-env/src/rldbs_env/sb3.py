"""The vector environment as stable-baselines3 wants it, still without a loop over environments."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rldbs_env.arrays import Array
from rldbs_env.vector import DBSVectorEnv

try:
    from stable_baselines3.common.vec_env import VecEnv
except ModuleNotFoundError as error:
    message = 'rldbs_env.sb3 needs stable-baselines3: pip install "rldbs-env[train]"'
    raise ModuleNotFoundError(message) from error

__all__ = ["DBSVecEnv"]

Members = int | Iterable[int] | None


class DBSVecEnv(VecEnv):
    """Adapter of `rldbs_env.DBSVectorEnv` to stable-baselines3.

    Ended episodes carry ``terminal_observation``, ``TimeLimit.truncated`` and ``episode`` (return
    ``r``, length ``l``, seconds ``t``), so that no monitor is needed. Python touches single
    environments only when their episode ends.

    Args:
        env: The vector environment to adapt.

    Example:
        >>> from stable_baselines3 import PPO
        >>> PPO("MlpPolicy", DBSVecEnv(DBSVectorEnv(num_envs=2, episode_steps=1000))).n_envs
        2
    """

    def __init__(self, env: DBSVectorEnv) -> None:
        self.env = env
        self.metadata = env.metadata
        super().__init__(env.num_envs, env.single_observation_space, env.single_action_space)
        self._actions: NDArray[Any] = np.zeros((env.num_envs, 1), np.float32)
        self._returns = np.zeros(env.num_envs)
        self._lengths = np.zeros(env.num_envs, np.int64)
        self._begun = time.perf_counter()

    def reset(self) -> Array:
        """Start an episode in every environment, with the seeds and options set before.

        Returns:
            Observations, shape (envs, features).

        Raises:
            ValueError: Some environments were told an ensemble and others were not.
        """
        # SB3 keeps one option dict per environment; ours are arrays over environments.
        options = None
        if any(self._options):
            if any(set(option) != {"ensemble"} for option in self._options):
                raise ValueError(
                    "options must name an 'ensemble' for every environment or for none, "
                    f"got {self._options}"
                )
            options = {"ensemble": [option["ensemble"] for option in self._options]}
        observations, info = self.env.reset(seed=self._seeds, options=options)
        self.reset_infos = [{"ensemble": int(seed)} for seed in info["ensemble"]]
        self._reset_seeds()
        self._reset_options()
        self._returns[:] = 0
        self._lengths[:] = 0
        return observations

    def step_async(self, actions: NDArray[Any]) -> None:
        """Keep the actions, shape (envs, 1), for `step_wait`."""
        self._actions = actions

    def step_wait(
        self,
    ) -> tuple[Array, NDArray[np.float32], NDArray[np.bool_], list[dict[str, Any]]]:
        """Advance every environment; ended episodes are described in their info.

        Returns:
            Observations, shape (envs, features), rewards and ends, shape (envs,), and one info
            each.
        """
        observations, rewards, terminated, truncated, info = self.env.step(self._actions)
        self._returns += rewards
        self._lengths += 1
        infos: list[dict[str, Any]] = [{} for _ in range(self.num_envs)]
        dones = terminated | truncated
        if dones.any():
            for i in np.flatnonzero(dones):
                infos[i] = {
                    "terminal_observation": info["final_obs"][i],
                    "TimeLimit.truncated": bool(truncated[i] and not terminated[i]),
                    "diverged": bool(terminated[i]),
                    "episode": {
                        "r": float(self._returns[i]),
                        "l": int(self._lengths[i]),
                        "t": time.perf_counter() - self._begun,
                    },
                }
                self.reset_infos[i] = {"ensemble": int(info["ensemble"][i])}
            self._returns[dones] = 0
            self._lengths[dones] = 0
        return observations, rewards.astype(np.float32), dones, infos

    def close(self) -> None:
        """End the environments."""
        self.env.close()

    def get_images(self) -> Sequence[NDArray[np.uint8] | None]:
        """The picture of the first environment, if rendering was asked for.

        Shape (height, width, 3).
        """
        return self.env.render() or [None]

    def get_attr(self, attr_name: str, indices: Members = None) -> list[Any]:
        """The vector environment's attribute, once per index."""
        return [getattr(self.env, attr_name) for _ in self._get_indices(indices)]

    def set_attr(self, attr_name: str, value: Any, indices: Members = None) -> None:
        """Set an attribute of the whole batch; single environments have none of their own.

        Raises:
            ValueError: It is to be set for some environments only.
        """
        if len(list(self._get_indices(indices))) != self.num_envs:
            raise ValueError("the environments of a batch share their attributes: set all at once")
        setattr(self.env, attr_name, value)

    def env_method(
        self, method_name: str, *method_args: Any, indices: Members = None, **method_kwargs: Any
    ) -> list[Any]:
        """Call a method of the whole batch; its result, once per index."""
        result = getattr(self.env, method_name)(*method_args, **method_kwargs)
        return [result for _ in self._get_indices(indices)]

    def env_is_wrapped(self, wrapper_class: type, indices: Members = None) -> list[bool]:
        """No environment of a batch is wrapped on its own."""
        return [False for _ in self._get_indices(indices)]
