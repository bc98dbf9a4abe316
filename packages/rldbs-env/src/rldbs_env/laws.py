"""The interface and bookkeeping that all classical control laws share, and the open-loop laws.

A law is a frozen dataclass of its parameters. What it remembers, one row per environment, comes
with each `Law.predict` and goes back to the caller.
"""

import math
from dataclasses import dataclass, fields
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

__all__ = ["Law", "Memory", "NoControl", "Periodic", "RandomKicks", "Tonic"]

Memory = Any


@dataclass(frozen=True, kw_only=True)
class Law:
    """Shared part of all laws: checks, windows apart, clipping, memory per environment.

    Attributes:
        window: Samples of each signal that the controller looks at.
        max_kick: Kicks are clipped to this absolute value.

    Raises:
        ValueError: A number is not finite, not whole where it must be, or out of its range.
    """

    signals: ClassVar[tuple[str, ...]] = ("x",)
    window: int = 250
    max_kick: float = 1.0

    def __post_init__(self) -> None:
        for entry in fields(self):
            value = getattr(self, entry.name)
            if not isinstance(value, int | float | np.number):
                raise ValueError(f"{entry.name} must be a number, got {value!r}")
            if entry.type is int and not isinstance(value, int | np.integer):
                raise ValueError(f"{entry.name} must be a whole number, got {value!r}")
            if entry.name != "max_kick" and not math.isfinite(value):
                raise ValueError(f"{entry.name} must be finite, got {value}")
        if self.window < 1:
            raise ValueError(f"window must be at least 1, got {self.window}")
        if not (math.isfinite(self.max_kick) and self.max_kick > 0):
            raise ValueError(f"max_kick must be finite and above 0, got {self.max_kick}")

    def predict(
        self,
        observation: NDArray[Any],
        state: Memory = None,
        episode_start: NDArray[np.bool_] | None = None,
        deterministic: bool = True,
    ) -> tuple[NDArray[np.float32], Memory]:
        """Kicks for these observations, and the memory for the next call.

        Args:
            observation: Shape (features,) or (envs, features) with ``features = len(signals) *
                window``, times the number of sensors.
            state: What the last call returned; None at the start.
            episode_start: True where a new episode began, shape (envs,).
            deterministic: There is nothing to sample; accepted for the common interface.

        Returns:
            Kicks, shape (electrodes,) or (envs, electrodes), and the memory; there is one
            electrode per sensor, and one of each unless the law says otherwise.

        Raises:
            ValueError: If the observation does not hold these signals and this window, or the
                memory is that of another number of environments.
        """
        values = np.asarray(observation)
        rows = len(self.signals) * self._n_sensors()
        features = rows * self.window
        if values.ndim not in (1, 2) or values.shape[-1] != features:
            raise ValueError(
                f"{type(self).__name__} needs observations of {features} features: make the "
                f"environment with signals={self.signals}, window={self.window}; got shape "
                f"{values.shape}"
            )
        windows = np.atleast_2d(values).reshape(-1, rows, self.window)
        memory = self._begin(len(windows))
        if state is not None:
            if len(state) != len(windows):
                raise ValueError(
                    f"state must be the memory of {len(windows)} environments, got {len(state)}"
                )
            memory = state
            if episode_start is not None and np.any(episode_start):
                fresh = np.asarray(episode_start, dtype=bool).reshape(-1, 1)
                memory = np.where(fresh, self._begin(len(windows)), state)
        kicks, memory = self._law(windows, memory)
        kicks = np.clip(kicks, -self.max_kick, self.max_kick).astype(np.float32)
        return kicks.reshape((*values.shape[:-1], self._n_sensors())), memory

    def _n_sensors(self) -> int:
        """Sensors, and as many electrodes."""
        return 1

    def _begin(self, num_envs: int) -> NDArray[np.float64]:
        """Memory at the start of an episode, shape (envs, entries)."""
        return np.zeros((num_envs, 1))

    def _law(self, windows: NDArray[Any], memory: Memory) -> tuple[NDArray[Any], Memory]:
        """Kicks of shape (envs,) from windows of shape (envs, signals, window).

        With several sensors, (envs, sensors) from (envs, signals * sensors, window).
        """
        raise NotImplementedError


@dataclass(frozen=True, kw_only=True)
class NoControl(Law):
    """Leaves the ensemble alone."""

    def _law(self, windows: NDArray[Any], memory: Memory) -> tuple[NDArray[Any], Memory]:
        return np.zeros(len(windows)), memory


@dataclass(frozen=True, kw_only=True)
class Tonic(Law):
    """The same kick before every step: strong enough, it freezes the neurons.

    Attributes:
        amplitude: The kick.
    """

    amplitude: float = 0.2

    def _law(self, windows: NDArray[Any], memory: Memory) -> tuple[NDArray[Any], Memory]:
        return np.full(len(windows), self.amplitude), memory


@dataclass(frozen=True, kw_only=True)
class RandomKicks(Law):
    """Uniform random kicks, the same sequence for the same seed.

    Attributes:
        amplitude: Largest absolute kick.
        seed: Names the sequence; environments draw from streams of their own.

    Raises:
        ValueError: The seed is negative.
    """

    amplitude: float = 0.1
    seed: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.seed < 0:
            raise ValueError(f"seed must be at least 0, got {self.seed}")

    def _law(self, windows: NDArray[Any], memory: Memory) -> tuple[NDArray[Any], Memory]:
        draws = np.empty(len(windows))
        for step in np.unique(memory):
            at_step = np.random.default_rng((self.seed, int(step))).uniform(-1, 1, len(windows))
            draws = np.where(memory[:, 0] == step, at_step, draws)
        return self.amplitude * draws, memory + 1


@dataclass(frozen=True, kw_only=True)
class Periodic(Law):
    """Open-loop pulse train, as conventional deep brain stimulation.

    Attributes:
        amplitude: Kick of a pulse.
        period_steps: Steps from pulse to pulse.
        biphasic: Follow each pulse by two kicks of half the size and opposite sign, so that its
            net charge is zero; needs a period of at least 3 steps.

    Raises:
        ValueError: The period is shorter than the pulse.
    """

    amplitude: float = 0.1
    period_steps: int = 5
    biphasic: bool = True

    def __post_init__(self) -> None:
        super().__post_init__()
        least = 3 if self.biphasic else 1
        if self.period_steps < least:
            raise ValueError(
                f"period_steps must be at least {least} for this pulse, got {self.period_steps}"
            )

    def _law(self, windows: NDArray[Any], memory: Memory) -> tuple[NDArray[Any], Memory]:
        shape = np.zeros(self.period_steps)
        shape[0] = 1.0
        if self.biphasic:
            shape[1:3] = -0.5
        phase = memory[:, 0].astype(int) % self.period_steps
        return self.amplitude * shape[phase], memory + 1
