"""Classical controllers behind the interface that trained agents have: ``predict(obs)``.

A controller names the ``signals`` and the ``window`` that it wants to see; make the environment
with these. ``predict`` takes observations of shape (features,) or (envs, features) and returns
kicks of shape (1,) or (envs, 1) with the controller's memory, as stable-baselines3's models do:
pass that memory back, and ``episode_start`` where episodes began, so that the controller itself
holds no state and serves any number of environments.

Gains are in kick per unit of the signal, delays and periods in samples (RK4 steps).
"""

import difflib
import math
from dataclasses import dataclass, fields
from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from rldbs_env.policy import PRETRAINED, load_policy

__all__ = [
    "CONTROLLERS",
    "Controller",
    "DelayedFeedback",
    "LinearFeedback",
    "NoControl",
    "NonlinearDelayedFeedback",
    "OnOff",
    "Periodic",
    "Pid",
    "RandomKicks",
    "Tonic",
    "make",
]

Memory = Any


class Controller(Protocol):
    """Anything that turns observations into kicks; agents too, given ``signals`` and ``window``."""

    @property
    def signals(self) -> tuple[str, ...]:
        """Signals of the observation, in order."""

    @property
    def window(self) -> int:
        """Samples of each signal."""

    def predict(
        self,
        observation: NDArray[Any],
        state: Memory = None,
        episode_start: NDArray[np.bool_] | None = None,
        deterministic: bool = True,
    ) -> tuple[NDArray[np.float32], Memory]:
        """Kicks for these observations, and the memory for the next call."""


@dataclass(frozen=True, kw_only=True)
class _Law:
    """Shared part: checks, windows apart, clipping, memory per environment.

    Attributes:
        window: Samples of each signal that the controller looks at.
        max_kick: Kicks are clipped to this absolute value.
    """

    signals: ClassVar[tuple[str, ...]] = ("x",)
    window: int = 250
    max_kick: float = 1.0

    def __post_init__(self) -> None:
        if self.window < 1:
            raise ValueError(f"window must be at least 1, got {self.window}")
        if not (math.isfinite(self.max_kick) and self.max_kick > 0):
            raise ValueError(f"max_kick must be finite and above 0, got {self.max_kick}")
        for entry in fields(self):
            value = getattr(self, entry.name)
            if entry.type is int and not isinstance(value, int | np.integer):
                raise ValueError(f"{entry.name} must be a whole number, got {value!r}")
            if not math.isfinite(value):
                raise ValueError(f"{entry.name} must be finite, got {value}")

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
                window``.
            state: What the last call returned; None at the start.
            episode_start: True where a new episode began, shape (envs,).
            deterministic: There is nothing to sample; accepted for the common interface.

        Raises:
            ValueError: If the observation does not hold these signals and this window, or the
                memory is that of another number of environments.
        """
        values = np.asarray(observation)
        features = len(self.signals) * self.window
        if values.ndim not in (1, 2) or values.shape[-1] != features:
            raise ValueError(
                f"{type(self).__name__} needs observations of {features} features: make the "
                f"environment with signals={self.signals}, window={self.window}; got shape "
                f"{values.shape}"
            )
        windows = np.atleast_2d(values).reshape(-1, len(self.signals), self.window)
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
        return kicks.reshape((*values.shape[:-1], 1)), memory

    def _begin(self, n_envs: int) -> NDArray[np.float64]:
        """Memory at the start of an episode, shape (envs, entries)."""
        return np.zeros((n_envs, 1))

    def _law(self, windows: NDArray[Any], memory: Memory) -> tuple[NDArray[Any], Memory]:
        """Kicks of shape (envs,) from windows of shape (envs, signals, window)."""
        raise NotImplementedError


@dataclass(frozen=True, kw_only=True)
class NoControl(_Law):
    """Leaves the ensemble alone."""

    def _law(self, windows: NDArray[Any], memory: Memory) -> tuple[NDArray[Any], Memory]:
        return np.zeros(len(windows)), memory


@dataclass(frozen=True, kw_only=True)
class Tonic(_Law):
    """The same kick before every step: strong enough, it freezes the neurons.

    Attributes:
        amplitude: The kick.
    """

    amplitude: float = 0.2

    def _law(self, windows: NDArray[Any], memory: Memory) -> tuple[NDArray[Any], Memory]:
        return np.full(len(windows), self.amplitude), memory


@dataclass(frozen=True, kw_only=True)
class RandomKicks(_Law):
    """Uniform random kicks, the same sequence for the same seed.

    Attributes:
        amplitude: Largest absolute kick.
        seed: Names the sequence; environments draw from streams of their own.
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
class Periodic(_Law):
    """Open-loop pulse train, as conventional deep brain stimulation.

    Attributes:
        amplitude: Kick of a pulse.
        period_steps: Steps from pulse to pulse.
        biphasic: Follow each pulse by two kicks of half the size and opposite sign, so that its
            net charge is zero; needs a period of at least 3 steps.
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


@dataclass(frozen=True, kw_only=True)
class LinearFeedback(_Law):
    """``kick = gain * (X - mean of X over the window)``, the law that agents have to beat.

    Attributes:
        gain: Negative gains damp the rhythm (through x).
        every: Act only on every so many steps.
    """

    gain: float = -0.02
    every: int = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.every < 1:
            raise ValueError(f"every must be at least 1, got {self.every}")

    def _law(self, windows: NDArray[Any], memory: Memory) -> tuple[NDArray[Any], Memory]:
        x = windows[:, 0]
        acting = memory[:, 0] % self.every == 0
        return np.where(acting, self.gain * (x[:, -1] - x.mean(axis=1)), 0.0), memory + 1


@dataclass(frozen=True, kw_only=True)
class DelayedFeedback(_Law):
    """``kick = gain * (Y delayed - mean of Y over the window)`` (Rosenblum and Pikovsky 2004).

    Attributes:
        gain: In kick per unit of Y.
        delay: Samples between the value used and the newest, below ``window``.
    """

    signals: ClassVar[tuple[str, ...]] = ("y",)
    gain: float = 0.05
    delay: int = 60

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_delay(self.delay, self.window)

    def _law(self, windows: NDArray[Any], memory: Memory) -> tuple[NDArray[Any], Memory]:
        y = windows[:, 0]
        return self.gain * (y[:, -1 - self.delay] - y.mean(axis=1)), memory


@dataclass(frozen=True, kw_only=True)
class NonlinearDelayedFeedback(_Law):
    """``kick = gain * Re(Z^2 conj(Z delayed))`` (Popovych, Hauptmann and Tass 2005).

    Z is the collective oscillation as a complex number: X and Y about their window means, Y
    scaled to the size of X. Of third order in the oscillation, the stimulation dies out faster
    than the oscillation does, and so suppresses strong rhythms but leaves weak ones alone.

    Attributes:
        gain: In kick per unit of X cubed.
        delay: Samples between the delayed value and the newest, below ``window``.
        y_scale: Size of X relative to Y.
    """

    signals: ClassVar[tuple[str, ...]] = ("x", "y")
    gain: float = 0.05
    delay: int = 60
    y_scale: float = 2.1

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_delay(self.delay, self.window)

    def _law(self, windows: NDArray[Any], memory: Memory) -> tuple[NDArray[Any], Memory]:
        deviation = windows - windows.mean(axis=2, keepdims=True)
        z = deviation[:, 0] + 1j * self.y_scale * deviation[:, 1]
        now, delayed = z[:, -1], z[:, -1 - self.delay]
        return self.gain * (now**2 * np.conj(delayed)).real, memory


@dataclass(frozen=True, kw_only=True)
class Pid(_Law):
    """Proportional, integral and derivative feedback on X about its window mean.

    Attributes:
        proportional: In kick per unit of X.
        integral: In kick per unit of X and step.
        derivative: In kick per unit of X per step.
        leak: Part of the integral that is forgotten per step, in (0, 1].
    """

    proportional: float = -0.02
    integral: float = -0.0001
    derivative: float = -0.02
    leak: float = 0.01

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 < self.leak <= 1:
            raise ValueError(f"leak must be in (0, 1], got {self.leak}")
        if self.window < 2:
            raise ValueError(f"window must be at least 2 for a derivative, got {self.window}")

    def _law(self, windows: NDArray[Any], memory: Memory) -> tuple[NDArray[Any], Memory]:
        x = windows[:, 0]
        error = x[:, -1] - x.mean(axis=1)
        total = (1 - self.leak) * memory[:, 0] + error
        kick = (
            self.proportional * error
            + self.integral * total
            + self.derivative * (x[:, -1] - x[:, -2])
        )
        return kick, total[:, None]


@dataclass(frozen=True, kw_only=True)
class OnOff(_Law):
    """Kicks of one size against X while the rhythm is strong: adaptive stimulation by threshold.

    Attributes:
        amplitude: Size of the kicks.
        on_above: Switched on when the window's std of X exceeds this.
        off_below: Switched off when it falls below this, at most ``on_above``.
    """

    amplitude: float = 0.02
    on_above: float = 0.2
    off_below: float = 0.1

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.off_below <= self.on_above:
            raise ValueError(
                "thresholds need 0 <= off_below <= on_above, got "
                f"off_below={self.off_below}, on_above={self.on_above}"
            )

    def _law(self, windows: NDArray[Any], memory: Memory) -> tuple[NDArray[Any], Memory]:
        x = windows[:, 0]
        strength = x.std(axis=1)
        on = np.where(memory[:, 0] > 0, strength > self.off_below, strength > self.on_above)
        kick = -self.amplitude * np.sign(x[:, -1] - x.mean(axis=1))
        return np.where(on, kick, 0.0), on[:, None].astype(float)


def _check_delay(delay: int, window: int) -> None:
    if not 0 <= delay < window:
        raise ValueError(f"delay must be in [0, window) = [0, {window}), got {delay}")


CONTROLLERS: dict[str, type[_Law]] = {
    "none": NoControl,
    "random": RandomKicks,
    "tonic": Tonic,
    "periodic": Periodic,
    "linear": LinearFeedback,
    "delayed": DelayedFeedback,
    "nonlinear_delayed": NonlinearDelayedFeedback,
    "pid": Pid,
    "on_off": OnOff,
}
"""Every classical controller by the name that commands use."""


def make(name: str, **arguments: Any) -> Controller:
    """The controller of this name with these arguments.

    ``policy`` is the shipped agent, ``policy:DIRECTORY`` one that ``rldbs-env train`` wrote.

    Raises:
        ValueError: No such controller or argument; the message lists the valid ones.
        FileNotFoundError: The directory holds no policy.
    """
    if name == "policy" or name.startswith("policy:"):
        if arguments:
            raise ValueError(f"{name} takes no arguments, got {', '.join(arguments)}")
        return load_policy(name.removeprefix("policy").removeprefix(":") or PRETRAINED)
    if name not in CONTROLLERS:
        names = [*CONTROLLERS, "policy"]
        close = difflib.get_close_matches(name, names, n=1)
        hint = f" (did you mean {close[0]!r}?)" if close else ""
        raise ValueError(
            f"controller must be one of {', '.join(names)}, policy:DIRECTORY, got {name!r}{hint}"
        )
    valid = [entry.name for entry in fields(CONTROLLERS[name])]
    for argument in arguments:
        if argument not in valid:
            raise ValueError(f"{name} takes the arguments {', '.join(valid)}, got {argument!r}")
    return CONTROLLERS[name](**arguments)
