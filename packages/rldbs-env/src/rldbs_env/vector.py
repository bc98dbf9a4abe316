"""Many ensembles at once as a Gymnasium vector environment, without a Python loop over them."""

from collections.abc import Mapping, Sequence
from typing import Any

import gymnasium
import numpy as np
from gymnasium.utils import seeding
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from numpy.typing import ArrayLike, NDArray

from rldbs_env.arrays import Array, Flags, Indices
from rldbs_env.batch import Batch
from rldbs_env.interface import action_space, checked_actions, observation_space
from rldbs_env.rendering import Recorder
from rldbs_env.settings import Settings

__all__ = ["DBSVectorEnv"]


class DBSVectorEnv(VectorEnv[Array, Array, NDArray[Any]]):
    """A batch of `rldbs_env.DBSEnv`, each bit for bit what the single environment does.

    An environment whose episode ends is reset within the same step (Gymnasium's same-step
    autoreset): the step returns the new episode's first observation, and ``info["final_obs"]``
    and ``info["final_info"]`` hold the ended one's last.

    Args:
        num_envs: Number of environments, at least 1.
        threads: Threads that share them; the results do not depend on it.
        render_mode: None or "rgb_array", which draws the first environment.
        **settings: As for `rldbs_env.DBSEnv`.

    Raises:
        ValueError: There is no environment, or a setting is out of its range.
    """

    metadata: dict[str, Any] = {  # noqa: RUF012 - Gymnasium's own declaration
        "render_modes": ["rgb_array"],
        "render_fps": 30,
        "autoreset_mode": AutoresetMode.SAME_STEP,
    }

    def __init__(
        self,
        num_envs: int = 1,
        *,
        threads: int = 1,
        render_mode: str | None = None,
        **settings: Any,
    ) -> None:
        if num_envs < 1:
            raise ValueError(f"num_envs must be at least 1, got {num_envs}")
        self.settings = Settings.of(settings)
        self._batch = Batch(num_envs, self.settings, threads)
        self.num_envs = num_envs
        self.single_action_space = action_space(self.settings)
        self.single_observation_space = observation_space(self.settings)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.render_mode = render_mode
        self._recorder = Recorder.for_mode(render_mode, self.settings)
        self._playing = False

    def reset(
        self,
        *,
        seed: int | Sequence[int | None] | None = None,
        options: dict[str, Any] | None = None,
    ) -> tuple[Array, dict[str, Any]]:
        """Start an episode in every environment.

        Args:
            seed: Environment ``i`` is seeded with ``seed + i``, or ``seed[i]`` of a sequence, as
                Gymnasium's own vector environments do. Batches of neighbouring seeds therefore
                share environments: for independent ones take seeds ``num_envs`` apart.
            options: ``{"ensemble": seeds}`` names the ensembles, one for all or one each.

        Raises:
            ValueError: If there is not one seed per environment, or an option is unknown.
        """
        if seed is not None:
            seeds = (
                [int(seed) + i for i in range(self.num_envs)]
                if isinstance(seed, int | np.integer)
                else seed
            )
            if len(seeds) != self.num_envs:
                raise ValueError(f"seed must hold {self.num_envs} seeds, got {len(seeds)}")
            for i, one in enumerate(seeds):
                if one is not None:
                    self._batch.seed(i, seeding.np_random(one)[0])
        self._batch.reset(np.arange(self.num_envs), options)
        self._playing = True
        if self._recorder:
            self._recorder.start(self._batch)
        every = np.ones(self.num_envs, np.bool_)
        info = self._info(every) | {
            "ensemble": self._batch.ensemble_seeds.copy(),
            "_ensemble": every,
        }
        return self._batch.observations.copy(), info

    def step(
        self, actions: ArrayLike
    ) -> tuple[Array, NDArray[np.float64], Flags, Flags, dict[str, Any]]:
        """Kick every ensemble, advance it, and start anew those whose episode ended.

        Args:
            actions: One kick per environment, shape (num_envs, 1) or (num_envs,).

        Raises:
            ValueError: If the shape is wrong or an action leaves the action space.
            gymnasium.error.ResetNeeded: Before the first reset.
        """
        batch = self._batch
        if not self._playing:
            raise gymnasium.error.ResetNeeded("no episode has begun: call reset first")
        batch.step(checked_actions(self.settings, self.num_envs, actions))
        if self._recorder:
            self._recorder.add(batch)
        rewards = batch.rewards.copy()
        terminated, truncated = batch.terminated.copy(), batch.truncated.copy()
        ended = terminated | truncated
        every = np.ones(self.num_envs, np.bool_)
        info = self._info(every)
        if ended.any():
            info |= self._restart(ended)
        return batch.observations.copy(), rewards, terminated, truncated, info

    def _restart(self, ended: Flags) -> dict[str, Any]:
        """Reset the ended environments; return what must be said of their last step."""
        batch = self._batch
        members: Indices = np.flatnonzero(ended)
        final_obs = np.full(self.num_envs, None, dtype=object)
        for member in members:
            final_obs[member] = batch.observations[member].copy()
        final_info = self._info(ended)
        batch.reset(members)
        if self._recorder and ended[0]:
            self._recorder.start(batch)
        return self._info(np.ones(self.num_envs, np.bool_)) | {
            "final_obs": final_obs,
            "_final_obs": ended.copy(),
            "final_info": final_info,
            "_final_info": ended.copy(),
            "ensemble": np.where(ended, batch.ensemble_seeds, 0),
            "_ensemble": ended.copy(),
        }

    def _info(self, mask: Flags) -> dict[str, Any]:
        batch = self._batch
        mean_x, mean_y = np.where(mask, batch.mean_field.T.astype(np.float64), 0.0)
        return {
            "mean_x": mean_x,
            "_mean_x": mask,
            "mean_y": mean_y,
            "_mean_y": mask,
            "charge": np.where(mask, batch.charges, 0.0),
            "_charge": mask,
            "kick": np.where(mask[:, None], batch.delivered, 0.0),
            "_kick": mask,
            "diverged": mask & batch.terminated,
            "_diverged": mask,
        }

    @property
    def neurons(self) -> Array:
        """A copy of all neurons' state, shape (num_envs, n_variables, n_neurons)."""
        return self._batch.state.copy()

    @property
    def sub_step_x(self) -> Array:
        """X at every sub-step of the last step, shape (num_envs, sub-steps), averaged over sensors.

        The pulse must not be longer than the window, which is what is kept of the past.
        """
        return self._batch.sub_step_x

    def get_state(self) -> dict[str, Any]:
        """Everything that the future depends on, to continue bit by bit with `set_state`."""
        return self._batch.get_state()

    def set_state(self, state: Mapping[str, Any]) -> Array:
        """Continue from what `get_state` of an environment with the same settings returned.

        Returns:
            The observation of that moment.

        Raises:
            ValueError: If the model or a shape is another, or the state holds no running episode.
        """
        self._batch.set_state(state)
        self._playing = True
        if self._recorder:
            self._recorder.start(self._batch)
        return self._batch.observations.copy()

    def render(self) -> tuple[NDArray[np.uint8], ...] | None:
        """The first environment's last samples as a picture, or None without render mode.

        Shape (height, width, 3).
        """
        return (self._recorder.frame(),) if self._recorder else None

    def close_extras(self, **kwargs: Any) -> None:
        """End the threads."""
        self._batch.close()
