"""A surrogate as a Gymnasium environment: an agent tries stimulations and sees fourteen muscles."""

from collections import deque
from typing import Any

import gymnasium
import numpy as np
from numpy.typing import NDArray

from spinal_rnn.conditions import Conditions, configuration
from spinal_rnn.control.limits import Limits
from spinal_rnn.control.objectives import Objective
from spinal_rnn.control.surrogate import Surrogate
from spinal_rnn.muscles import MUSCLES

__all__ = ["StimulationEnv"]

Array = NDArray[np.float32]

_KEPT = 10_000
_MOST = 10.0  # no model says that a response is so many full ones


class StimulationEnv(gymnasium.Env[Array, Array]):
    """Each step is one trial; the reward is the objective of its response.

    An episode has one person: one member of the surrogate, drawn at its reset, so that an agent
    that is good on all members is good in spite of the doubt. Whatever it asks for is projected
    into the limits.

    The action, in [-1, 1], is one number for each contact, of which the negative ones are the
    cathodes' parts and the positive ones the anodes', then the amplitude, from one step to its
    ceiling, and the frequency, along the allowed ones. The observation is the response of the
    muscles, the current of each contact as a part of the largest total, and the part of the episode
    that is left.

    Attributes:
        history: The last 10 000 trials, over all episodes: for each what `step` tells in its last
            place, the ``reward``, and the ``member`` that answered.
    """

    metadata = {"render_modes": []}  # noqa: RUF012 - Gymnasium's own form

    def __init__(
        self, surrogate: Surrogate, objective: Objective, limits: Limits, *, trials: int = 20
    ) -> None:
        """Say what answers and what is wanted.

        Args:
            surrogate: What answers.
            objective: The reward.
            limits: What is allowed.
            trials: Of an episode.

        Raises:
            ValueError: There is no trial.
        """
        if trials < 1:
            raise ValueError(f"trials must be at least 1, got {trials}")
        self._surrogate, self._objective, self._limits = surrogate, objective, limits
        self._trials, self._done, self._member = trials, 0, 0
        self.history: deque[dict[str, Any]] = deque(maxlen=_KEPT)
        first, other = np.flatnonzero(limits.allowed)[[0, -1]]
        rest = configuration([first], [other], limits.contacts)
        self._members = len(
            surrogate.responses(Conditions.of(rest, limits.step_ma, limits.frequencies_hz[0]))
        )
        size = len(MUSCLES) + limits.contacts + 1
        low = np.concatenate([np.zeros(len(MUSCLES)), -np.ones(limits.contacts), [0]])
        high = np.concatenate([np.full(len(MUSCLES), _MOST), np.ones(size - len(MUSCLES))])
        self.observation_space = gymnasium.spaces.Box(
            low.astype(np.float32), high.astype(np.float32), dtype=np.float32
        )
        self.action_space = gymnasium.spaces.Box(
            -1.0, 1.0, (limits.contacts + 2,), dtype=np.float32
        )

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Array, dict[str, Any]]:
        """Draw a person; nothing is stimulated.

        Args:
            seed: Of the draw.
            options: None are known.

        Returns:
            The observation, shape (14 + contacts + 1,), and the ``member`` that will answer.
        """
        super().reset(seed=seed, options=options)
        self._done = 0
        self._member = int(self.np_random.integers(self._members))
        silent = np.zeros(len(MUSCLES) + self._limits.contacts)
        return self._observed(silent), {"member": self._member}

    def step(self, action: Array) -> tuple[Array, float, bool, bool, dict[str, Any]]:
        """Stimulate once.

        Args:
            action: Shape (contacts + 2,), in [-1, 1].

        Returns:
            The observation, shape (14 + contacts + 1,), the reward, False, whether the episode is
            over, and what was given: ``configuration``, ``vector`` (contacts,) of parts,
            ``currents_ma`` (contacts,) and ``frequency_hz``.
        """
        *contacts, level, pace = np.clip(np.asarray(action, dtype=np.float64), -1, 1)
        limits, places = self._limits, len(self._limits.frequencies_hz)
        vector = limits.project(np.array(contacts))
        width_us = limits.pulse_widths_us[0]
        amplitude = (level + 1) / 2 * float(limits.ceiling_ma(vector, width_us))
        frequency = sorted(limits.frequencies_hz)[min(int((pace + 1) / 2 * places), places - 1)]
        proposal = limits.admit(vector, [amplitude], frequency, width_us)
        response = self._surrogate.responses(proposal.conditions)[self._member]
        self._done += 1
        currents_ma = proposal.conditions.currents_ma[0]
        seen = self._observed(np.concatenate([response[0], currents_ma / limits.total_ma]))
        reward = float(self._objective(response)[0])
        facts = {
            "configuration": proposal.name,
            "vector": proposal.conditions.configuration[0],
            "currents_ma": currents_ma,
            "frequency_hz": frequency,
        }
        self.history.append({**facts, "reward": reward, "member": self._member})
        return seen, reward, False, self._done >= self._trials, facts

    def _observed(self, seen: NDArray[np.float64]) -> Array:
        whole = np.append(seen, 1 - self._done / self._trials).astype(np.float32)
        return np.minimum(whole, np.float32(_MOST))
