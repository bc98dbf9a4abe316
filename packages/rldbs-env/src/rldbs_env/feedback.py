"""Feedback laws with constant parameters, linear and nonlinear, in the mean fields X and Y.

Gains are in kick per unit of the signal, delays in samples.
"""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from rldbs_env.laws import Law, Memory

__all__ = [
    "DelayedFeedback",
    "LinearFeedback",
    "LinearXYFeedback",
    "NonlinearDelayedFeedback",
    "OnOff",
    "Pid",
    "deviation",
]


def deviation(windows: NDArray[Any]) -> NDArray[Any]:
    """Newest sample minus the mean of its window; drops the last axis.

    From shape (..., window) to (...).
    """
    return np.asarray(windows[..., -1] - windows.mean(axis=-1))


@dataclass(frozen=True, kw_only=True)
class LinearFeedback(Law):
    """``kick = gain * (X - mean of X over the window)``, the law that agents have to beat.

    The window must hold a whole cycle: the default is for the Bonhoeffer-van der Pol model, a burst
    of Hindmarsh-Rose neurons has 1,531 samples. `rldbs_env.presets.preset` knows what suits each.

    Attributes:
        gain: Negative gains damp the rhythm (through x).
        every: Act only on every so many steps.
        sensors: Number of sensors; each steers the electrode of the same number by its own X.

    Raises:
        ValueError: A number is out of its range.
    """

    gain: float = -0.02
    every: int = 1
    sensors: int = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("every", "sensors"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}")

    def _n_sensors(self) -> int:
        return self.sensors

    def _law(self, windows: NDArray[Any], memory: Memory) -> tuple[NDArray[Any], Memory]:
        acting = memory % self.every == 0
        return np.where(acting, self.gain * deviation(windows), 0.0), memory + 1


@dataclass(frozen=True, kw_only=True)
class LinearXYFeedback(Law):
    """``kick = gain_x * (X - mean X) + gain_y * (Y - mean Y)``, means over the window.

    The two gains set size and phase of the feedback at will, so that this law comes close to the
    best that is linear. `rldbs_env.tuning.tune_linear` finds them for a model; the defaults are
    those for the Bonhoeffer-van der Pol model.

    Attributes:
        gain_x: In kick per unit of X.
        gain_y: In kick per unit of Y.
    """

    signals: ClassVar[tuple[str, ...]] = ("x", "y")
    gain_x: float = -0.021
    gain_y: float = 0.021

    def _law(self, windows: NDArray[Any], memory: Memory) -> tuple[NDArray[Any], Memory]:
        x, y = deviation(windows).T
        return self.gain_x * x + self.gain_y * y, memory


@dataclass(frozen=True, kw_only=True)
class DelayedFeedback(Law):
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
class NonlinearDelayedFeedback(Law):
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
class Pid(Law):
    """Proportional, integral and derivative feedback on X about its window mean.

    Attributes:
        proportional: In kick per unit of X.
        integral: In kick per unit of X and step.
        derivative: In kick per unit of X per step.
        leak: Part of the integral that is forgotten per step, in (0, 1].

    Raises:
        ValueError: A number is out of its range.
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
class OnOff(Law):
    """Kicks of one size against X while the rhythm is strong: adaptive stimulation by threshold.

    Attributes:
        amplitude: Size of the kicks.
        on_above: Switched on when the window's std of X exceeds this.
        off_below: Switched off when it falls below this, at most ``on_above``.

    Raises:
        ValueError: The thresholds are not 0 <= ``off_below`` <= ``on_above``.
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
