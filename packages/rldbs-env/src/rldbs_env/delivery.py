"""What the electrodes deliver of what a controller asks for: rest, limits, skipping, holding.

Time is counted in environment steps. Where there are several electrodes, every rule is one of the
whole environment: a pulse on any electrode makes all rest, charge and energy are sums over the
electrodes, and what is too much is scaled down on all by the same factor. Scaling an action scales
its whole pulse, so that a balanced pulse stays balanced.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rldbs_env.arrays import Indices
from rldbs_env.pulses import Pulse

__all__ = ["Deliverer", "Delivery"]

# Sums of charge or energy round: within this part of a limit they have reached it.
_SLACK = 1e-12
_STATE = ("until_turn", "rest", "held", "charges", "head", "charged", "spent")


@dataclass(frozen=True)
class Delivery:
    """Rules between an action and the electrodes; the default has none.

    Attributes:
        refractory_steps: Steps after a pulse that is not zero during which actions are ignored.
        max_charge_per_period: Largest sum of absolute kicks over the steps of one period of the
            rhythm, this step included; an action that would exceed it is scaled down to what is
            left. None for no limit.
        skip: Actions dropped after each one that counts; the first of an episode counts.
        repeat: Steps for which an action is delivered; those that come meanwhile are ignored.
        energy_budget: Largest sum of squared kicks over an episode; the action that would exceed
            it is scaled down to what is left, and then nothing is delivered. None for no limit.

    Raises:
        ValueError: If a number is out of its range or two rules contradict each other.
    """

    refractory_steps: int = 0
    max_charge_per_period: float | None = None
    skip: int = 0
    repeat: int = 1
    energy_budget: float | None = None

    def __post_init__(self) -> None:
        for name, least in (("refractory_steps", 0), ("skip", 0), ("repeat", 1)):
            value = getattr(self, name)
            if not isinstance(value, int | np.integer) or value < least:
                raise ValueError(
                    f"{name} must be a whole number of at least {least}, got {value!r}"
                )
        for name in ("max_charge_per_period", "energy_budget"):
            value = getattr(self, name)
            if value is not None and not (math.isfinite(value) and value > 0):
                raise ValueError(
                    f"{name} must be finite and above 0, or None for no limit, got {value}"
                )
        if self.repeat > 1 and self.skip:
            raise ValueError(
                f"an action is either held or followed by dropped ones, got repeat={self.repeat} "
                f"and skip={self.skip}: leave one of them out"
            )
        if self.repeat > 1 and self.refractory_steps:
            raise ValueError(
                f"a held action cannot rest, got repeat={self.repeat} and "
                f"refractory_steps={self.refractory_steps}: leave one of them out"
            )

    @property
    def longest_wait(self) -> int:
        """Largest number of steps until the next action counts."""
        return self.refractory_steps + max(self.repeat, self.skip + 1) - 1

    def check(self, pulse: Pulse, period_steps: int, levels: Sequence[float] | None = None) -> None:
        """Refuse what these rules cannot deliver.

        Args:
            pulse: The shape of every pulse.
            period_steps: Period of the rhythm in sub-steps.
            levels: The only actions that there are, if they are discrete.

        Raises:
            ValueError: If the pulse is longer than the period, or the charge limit is below the
                charge of the weakest level.
        """
        if len(pulse.weights) > period_steps:
            raise ValueError(
                f"a pulse must not outlast the rhythm's period of {period_steps} sub-steps, got "
                f"{pulse.name} of {len(pulse.weights)}: take a shorter pulse"
            )
        strengths = [abs(level) for level in (() if levels is None else levels) if level]
        if self.max_charge_per_period is None or not strengths:
            return
        least = min(strengths) * pulse.charge
        if self.max_charge_per_period < least * (1 - _SLACK):
            raise ValueError(
                f"max_charge_per_period must be at least {least:g}, the charge of one {pulse.name} "
                f"of the weakest level {min(strengths):g}, got {self.max_charge_per_period}"
            )


class Deliverer:
    """The rules at work on a batch; each environment's kicks depend on its own actions only.

    Limits hold within rounding: no sum exceeds its limit by more than 1e-11 of it.

    Args:
        delivery: The rules.
        num_envs: Number of environments.
        n_electrodes: Number of electrodes of each.
        pulse: The shape of every pulse.
        period_steps: Period of the rhythm in sub-steps; in environment steps it is rounded up.

    Attributes:
        active: Whether there is any rule; without one, `deliver` returns what it is given.

    Raises:
        ValueError: If the pulse is longer than the period.
    """

    def __init__(
        self, delivery: Delivery, num_envs: int, n_electrodes: int, pulse: Pulse, period_steps: int
    ) -> None:
        delivery.check(pulse, period_steps)
        limit, budget = delivery.max_charge_per_period, delivery.energy_budget
        self.active = delivery != Delivery()
        self._delivery, self._pulse = delivery, pulse
        self._every = max(delivery.repeat, delivery.skip + 1)
        self._limit = math.inf if limit is None else limit
        self._budget = math.inf if budget is None else budget
        period = 0 if limit is None else -(-period_steps // len(pulse.weights))
        rules = (
            delivery.refractory_steps, delivery.skip, delivery.repeat, self._limit, self._budget,
            pulse.charge, pulse.energy,
        )  # fmt: skip
        self._members: Indices = np.arange(num_envs)
        # Everything that the future depends on, the leading axis being envs.
        self._rules = np.tile(np.array(rules, dtype=np.float64), (num_envs, 1))
        self._until_turn: Indices = np.zeros(num_envs, np.int64)
        self._rest: Indices = np.zeros(num_envs, np.int64)
        self._held = np.zeros((num_envs, n_electrodes))
        self._charges = np.zeros((num_envs, period))  # of the last steps, a ring
        self._head: Indices = np.zeros(num_envs, np.int64)
        self._charged = np.zeros(num_envs)  # their sum
        self._spent = np.zeros(num_envs)

    @property
    def countdown(self) -> Indices:
        """Steps until the next action counts, shape (envs,); 0 where the next one does.

        Limits are no part of it: they scale an action that counts, down to nothing.
        """
        turns = -(-np.maximum(self._rest - self._until_turn, 0) // self._every)
        return np.asarray(self._until_turn + turns * self._every)

    def deliver(self, actions: ArrayLike) -> NDArray[np.float64]:
        """What the electrodes deliver in this step, shape (envs, electrodes).

        Args:
            actions: What is asked for, shape (envs, electrodes).

        Raises:
            ValueError: If the shape is another or an action is not finite; nothing is changed then.
        """
        asked = np.array(actions, dtype=np.float64, order="C")
        if asked.shape != self._held.shape:
            raise ValueError(
                f"actions must have shape (envs, electrodes) = {self._held.shape}, "
                f"got {asked.shape}"
            )
        if not np.isfinite(asked).all():
            raise ValueError("actions must be finite, got NaN or infinity")
        if not self.active:
            return asked
        kicks = self._within_limits(self._in_turn(asked))
        self._rest = np.where(
            kicks.any(axis=1), self._delivery.refractory_steps, np.maximum(self._rest - 1, 0)
        )
        return kicks

    def _in_turn(self, asked: NDArray[np.float64]) -> NDArray[np.float64]:
        """The actions whose turn it is, the held ones, or nothing."""
        counting = ((self._until_turn == 0) & (self._rest == 0))[:, None]
        self._until_turn = np.where(self._until_turn == 0, self._every, self._until_turn) - 1
        if self._delivery.repeat == 1:
            return np.where(counting, asked, 0.0)
        self._held = np.where(counting, asked, self._held)
        return self._held

    def _within_limits(self, kicks: NDArray[np.float64]) -> NDArray[np.float64]:
        """Kicks scaled down to the charge and the energy that are left, which they then use."""
        limited = self._charges.size > 0
        if limited:
            self._charged -= self._charges[self._members, self._head]
            charge = self._pulse.charge * np.abs(kicks).sum(axis=1)
            kicks = kicks * _part(charge, self._charged, self._limit)[:, None]
        if self._budget < math.inf:
            energy = self._pulse.energy * (kicks * kicks).sum(axis=1)
            kicks = kicks * np.sqrt(_part(energy, self._spent, self._budget))[:, None]
            self._spent += self._pulse.energy * (kicks * kicks).sum(axis=1)
        if limited:
            self._record(self._pulse.charge * np.abs(kicks).sum(axis=1))
        return kicks + 0.0  # no negative zeros

    def _record(self, charge: NDArray[np.float64]) -> None:
        """Put the charge of this step into the ring, over the step that has left the period."""
        self._charges[self._members, self._head] = charge
        self._charged += charge
        self._head = (self._head + 1) % self._charges.shape[1]
        wrapped = np.flatnonzero(self._head == 0)
        if wrapped.size:  # once a period, so that rounding errors of the running sum cannot grow
            self._charged[wrapped] = self._charges[wrapped].sum(axis=1)

    def reset(self, members: Indices) -> None:
        """Begin a new episode in these environments: nothing held, delivered or spent."""
        for name in _STATE:
            getattr(self, f"_{name}")[members] = 0

    def get_state(self) -> dict[str, NDArray[Any]]:
        """Everything that the future depends on, as copies, the leading axis being envs.

        Each has shape (envs, ...).
        """
        return {name: getattr(self, f"_{name}").copy() for name in ("rules", *_STATE)}

    def set_state(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Continue exactly from what `get_state` returned.

        Raises:
            ValueError: If it comes from other rules or a batch of other shapes; nothing is changed
                then.
        """
        wanted = self.get_state()
        if set(state) != set(wanted):
            raise ValueError(f"state must hold {', '.join(wanted)}, got {', '.join(state)}")
        for name, array in wanted.items():
            value = np.asarray(state[name])
            if value.shape != array.shape or value.dtype != array.dtype:
                raise ValueError(
                    f"state[{name!r}] must be {array.dtype} of shape {array.shape}, "
                    f"got {value.dtype} of shape {value.shape}: same settings are needed"
                )
        if not np.array_equal(state["rules"], self._rules):
            raise ValueError(
                f"state must come from {self._delivery} with the pulse {self._pulse.name}, "
                "got one of other rules"
            )
        for name in _STATE:
            getattr(self, f"_{name}")[...] = state[name]


def _part(
    asked: NDArray[np.float64], used: NDArray[np.float64], limit: float
) -> NDArray[np.float64]:
    """The part of what is asked that is left below the limit: 1 where all of it is."""
    left, slack = limit - used, _SLACK * limit
    part = np.ones_like(asked)
    np.divide(np.where(left > slack, left, 0.0), asked, out=part, where=asked > left + slack)
    return part
