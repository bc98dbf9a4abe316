"""One ensemble as a Gymnasium environment."""

from collections.abc import Mapping
from typing import Any

import gymnasium
import numpy as np
from numpy.typing import NDArray

from rldbs_env.arrays import Array
from rldbs_env.batch import Batch
from rldbs_env.interface import action_space, checked_actions, observation_space
from rldbs_env.rendering import Recorder
from rldbs_env.settings import Settings

__all__ = ["DBSEnv"]


class DBSEnv(gymnasium.Env[NDArray[Any], NDArray[Any]]):
    """Silence a synchronised population of neurons by kicks that all of them receive.

    ## Description
    A large, globally coupled ensemble of self-oscillating neurons has synchronised: its mean
    field oscillates, as the local field potential does in Parkinson's disease. The controller
    sees mean fields only and may add the same kick to every neuron before each step. The aim is
    a mean field at rest with vanishing stimulation and the neurons still active, out of phase:
    neither frozen nor entrained.

    ## Action space
    `Box(-max_kick, max_kick, (electrodes,), float32)`: what is added to x of every neuron of an
    electrode's population, in units of x. With `levels`, `Discrete` (one electrode) or
    `MultiDiscrete`: the index of the kick. A `pulse` spreads the kick over several sub-steps, and
    `delivery` decides what of it arrives.

    ## Observation space
    `Box` in the environment's dtype: the last `window` samples of each signal, every `stride`-th of
    them, oldest first, signal by signal and sensor by sensor; "countdown" adds one number at the
    end. For the Bonhoeffer-van der Pol model at `max_kick=1`:

    | signal   | quantity                            | min   | max  | unit          |
    |----------|-------------------------------------|-------|------|---------------|
    | "x"      | mean field X, fast variable         | -3.58 | 3.58 | dimensionless |
    | "y"      | mean field Y, slow variable         | -3.60 | 5.35 | dimensionless |
    | "action" | kick of the sub-step                | -1.00 | 1.00 | units of x    |

    The exact limits are a trapping region computed from the model (`model.limits`). One sample
    is taken per RK4 step of `model.dt` time units. The default is Y alone, as published.

    ## Rewards
    `-(X - mean of X over the window)^2 - 2 |kick|` by default; see `rldbs_env.QuadraticReward`. The
    square is averaged over sensors, the charge summed over electrodes and sub-steps. It is that of
    the true field, whatever noise the observation has.
    The step at which the ensemble diverges pays `divergence_reward`, -1000.

    ## Starting state
    An ensemble of `ensemble_seed`, its transient over, at a random phase of its rhythm, followed
    by one window of free steps that fills the observation. `reset(options={"ensemble": 7})`
    names the ensemble; `info["ensemble"]` says which one it is.

    ## Episode end
    Truncated after `episode_steps` environment steps. Terminated if the mean field is not finite
    or leaves the observation's limits; `info["diverged"]` is then true, and the observation holds
    the limit instead.

    ## Info
    | key        | what                                                                           |
    |------------|--------------------------------------------------------------------------------|
    | "mean_x"   | X averaged over the sensors, as it is, not as it is recorded                   |
    | "mean_y"   | the same of Y                                                                  |
    | "kick"     | action of each electrode as it was delivered, shape (electrodes,): after rules |
    |            | of delivery, disturbances and clipping; the pulse multiplies it                |
    | "charge"   | what the reward is charged: sum of absolute kicks, electrodes and sub-steps    |
    | "diverged" | whether the ensemble has left the limits of the observation                    |
    | "ensemble" | the ensemble's seed; after a reset only                                        |

    After a reset nothing has been delivered: charge and kick are 0.

    ## Arguments
    Those of `rldbs_env.Settings`, as keywords, and `render_mode`: None or "rgb_array" (trace,
    raster of single neurons, phase portrait; needs `pip install "rldbs-env[plot]"`).

    ## Version history
    * v0: first version. What each name replaces among the published environments stands in
      `rldbs_env.catalogue.ENVIRONMENTS`.
    """

    metadata: dict[str, Any] = {"render_modes": ["rgb_array"], "render_fps": 30}  # noqa: RUF012 - Gymnasium's own declaration

    def __init__(self, *, render_mode: str | None = None, **settings: Any) -> None:
        self.settings = Settings.of(settings)
        self._batch = Batch(1, self.settings)
        self.action_space = action_space(self.settings)
        self.observation_space = observation_space(self.settings)
        self.render_mode = render_mode
        self._recorder = Recorder.for_mode(render_mode, self.settings)
        self._playing = False

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Array, dict[str, Any]]:
        """Start an episode on a settled ensemble; ``options={"ensemble": 7}`` names it.

        Returns:
            The observation, shape (features,), and facts on the ensemble.
        """
        super().reset(seed=seed)
        if seed is not None or self._batch.rngs[0] is not self.np_random:
            self._batch.seed(0, self.np_random)
        self._batch.reset(np.zeros(1, np.int64), options)
        self._playing = True
        if self._recorder:
            self._recorder.start(self._batch)
        return self._batch.observations[0].copy(), self._info() | {
            "ensemble": int(self._batch.ensemble_seeds[0])
        }

    def step(self, action: NDArray[Any]) -> tuple[Array, float, bool, bool, dict[str, Any]]:
        """Kick the ensemble, advance it and look at it.

        Args:
            action: The kick, shape (1,), finite and within ``max_kick``.

        Raises:
            ValueError: If the action has another shape or leaves the action space.
            gymnasium.error.ResetNeeded: Before the first reset, and after a divergence.
        """
        batch = self._batch
        if not self._playing:
            raise gymnasium.error.ResetNeeded("the episode is over or not begun: call reset first")
        batch.step(
            checked_actions(
                self.settings,
                1,
                np.reshape(action, (1, -1)) if self.settings.levels is not None else action,
            )
        )
        diverged = bool(batch.terminated[0])
        self._playing = not diverged
        if self._recorder:
            self._recorder.add(batch)
        return (
            batch.observations[0].copy(),
            float(batch.rewards[0]),
            diverged,
            bool(batch.truncated[0]),
            self._info(),
        )

    def _info(self) -> dict[str, Any]:
        batch = self._batch
        return {
            "mean_x": float(batch.mean_field[0, 0]),
            "mean_y": float(batch.mean_field[0, 1]),
            "charge": float(batch.charges[0]),
            "kick": batch.delivered[0].copy(),
            "diverged": bool(batch.terminated[0]),
        }

    @property
    def neurons(self) -> Array:
        """A copy of the neurons' state, shape (n_variables, n_neurons)."""
        return np.array(self._batch.state[0])

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
        self._np_random = self._batch.rngs[0]
        self._playing = True
        if self._recorder:
            self._recorder.start(self._batch)
        return np.array(self._batch.observations[0])

    def render(self) -> NDArray[np.uint8] | None:
        """The last samples as a picture, shape (height, width, 3), or None without render mode."""
        return self._recorder.frame() if self._recorder else None

    def close(self) -> None:
        """End the environment."""
        self._batch.close()
