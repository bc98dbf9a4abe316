"""Between a controller and an environment: kicks clipped, rounded to levels, and accounted for."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rldbs_env.arrays import Indices
from rldbs_env.delivery import Deliverer, Delivery
from rldbs_env.oscillators import Model
from rldbs_env.pulses import Pulse

__all__ = ["Electrodes"]


class Electrodes:
    """Turns any controller's kicks into actions, and knows what is delivered of them.

    Args:
        n_envs: Number of environments.
        model: Their model.
        pulse: The shape of every pulse.
        delivery: The environments' rules; they are applied here once more, to know their outcome.
        levels: The only kicks that there are, if the actions are indices of levels.
        max_kick: Kicks are clipped to this absolute value; None to leave them as they are.
    """

    def __init__(
        self,
        n_envs: int,
        model: Model,
        pulse: Pulse,
        delivery: Delivery,
        levels: Sequence[float] | None = None,
        max_kick: float | None = None,
    ) -> None:
        self._shape = (n_envs, model.n_electrodes)
        self._rules = Deliverer(delivery, *self._shape, pulse, model.period_steps)
        self._levels = None if levels is None else np.array(levels, dtype=float)
        self._max_kick = max_kick

    def deliver(self, kicks: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.float64]]:
        """The actions that ask for these kicks, and the kicks that the rules let pass.

        Args:
            kicks: What the controller gave, shape (envs, electrodes), or any of that size.

        Returns:
            Actions and delivered kicks, both of shape (envs, electrodes).

        Raises:
            ValueError: If there is not one kick per environment and electrode.
        """
        if np.size(kicks) != math.prod(self._shape):
            raise ValueError(
                f"a controller must give kicks of shape {self._shape}, one per ensemble and "
                f"electrode, got {np.shape(kicks)}"
            )
        asked = np.reshape(kicks, self._shape)
        if self._max_kick is not None:
            asked = np.clip(asked, -self._max_kick, self._max_kick)
        if self._levels is None:
            return asked, self._rules.deliver(asked)
        nearest = np.abs(self._levels - asked[..., None]).argmin(axis=-1)
        return nearest, self._rules.deliver(self._levels[nearest])

    def reset(self, members: Indices) -> None:
        """Begin a new episode in these environments."""
        self._rules.reset(members)
