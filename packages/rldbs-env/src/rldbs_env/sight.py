"""What every trained policy sees of an observation, and how its kicks are shaped."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rldbs_env.pulses import Pulse, delta

__all__ = ["KIND", "PolicyError", "Sight", "as_kicks", "window_samples"]

KIND = "rldbs-env policy"
"""What the manifest of a policy says that it is."""

_WINDOWS = ("x", "y", "action")


class PolicyError(ValueError):
    """A directory holds no policy that can be used."""


@dataclass(frozen=True, kw_only=True)
class Sight:
    """What a policy sees, and what its kicks are: the same for every kind of network.

    Attributes:
        signals: Signals of the observation, in order.
        window: Samples of each signal, one per sub-step.
        lags: Which samples the network sees, counted back from the newest: each below ``window``
            and a multiple of ``stride``.
        kick_scale: Largest absolute kick.
        stride: The network's window mean is that of every ``stride``-th sample.
        pulse: Shape of every pulse; the policy is asked once for each.
        environment: Id of the environment that it was trained on.

    Raises:
        PolicyError: Signals, lags or stride cannot be, or the scale is not above 0.
    """

    signals: tuple[str, ...]
    window: int
    lags: tuple[int, ...]
    kick_scale: float
    stride: int = 1
    pulse: Pulse = field(default_factory=delta)
    environment: str = "rldbs/BvdP-v0"

    def __post_init__(self) -> None:
        if not self.signals or not set(self.signals) <= set(_WINDOWS):
            raise PolicyError(f"signals must be among {_WINDOWS}, got {self.signals}")
        if not self.lags or not all(0 <= lag < self.window for lag in self.lags):
            raise PolicyError(
                f"lags must be in [0, window) = [0, {self.window}), got {list(self.lags)}"
            )
        if self.stride < 1 or any(lag % self.stride for lag in self.lags):
            raise PolicyError(
                f"lags must be multiples of a stride of at least 1, got {list(self.lags)} and "
                f"stride={self.stride}"
            )
        if not self.kick_scale > 0:
            raise PolicyError(f"kick_scale must be above 0, got {self.kick_scale}")

    @property
    def max_kick(self) -> float:
        """Largest absolute kick: what the environment must admit."""
        return self.kick_scale

    @property
    def settings(self) -> dict[str, Any]:
        """What its environment needs beside its name, for `rldbs_env.catalogue.settings_of`.

        The environment takes the kicks themselves, also where the policy chooses among levels.
        """
        return {
            "signals": self.signals,
            "window": self.window,
            "stride": self.stride,
            "max_kick": self.kick_scale,
            "pulse": self.pulse,
            "levels": None,
        }

    @property
    def n_inputs(self) -> int:
        """Inputs of the network."""
        return len(self.signals) * len(self.lags)

    def samples(self, observation: NDArray[Any]) -> NDArray[Any]:
        """What the network sees of these observations, shape (envs, n_inputs).

        Args:
            observation: Shape (features,) or (envs, features): of each signal the whole window, or
                every ``stride``-th sample of it.

        Raises:
            ValueError: If the observation does not hold these signals and this window.
        """
        values = np.asarray(observation, dtype=np.float32)
        seen = slice((self.window - 1) % self.stride, None, self.stride)
        n_seen = len(range(self.window)[seen])
        whole, some = (len(self.signals) * samples for samples in (self.window, n_seen))
        if values.ndim not in (1, 2) or values.shape[-1] not in (whole, some):
            stride = "" if self.stride == 1 else f", stride={self.stride}"
            raise ValueError(
                f"this policy needs observations of {some} features: make the environment with "
                f"signals={self.signals}, window={self.window}{stride}; got shape {values.shape}"
            )
        windows = values.reshape(-1, len(self.signals), values.shape[-1] // len(self.signals))
        if windows.shape[2] == self.window:
            windows = windows[:, :, seen]
        return window_samples(windows, [lag // self.stride for lag in self.lags])

    def manifest(self) -> dict[str, Any]:
        """What must be known beside the weights, as plain values."""
        return {
            "kind": KIND,
            "signals": list(self.signals),
            "window": self.window,
            "lags": list(self.lags),
            "kick_scale": self.kick_scale,
            "stride": self.stride,
            "pulse": list(self.pulse.weights),
            "environment": self.environment,
        }


def window_samples(windows: NDArray[Any], lags: Sequence[int]) -> NDArray[Any]:
    """Chosen samples of each window minus that window's mean.

    Args:
        windows: Shape (envs, signals, window), oldest sample first.
        lags: Samples counted back from the newest.

    Returns:
        Shape (envs, signals * lags).
    """
    newest = windows.shape[2] - 1
    seen = windows[:, :, [newest - lag for lag in lags]]
    return np.asarray((seen - windows.mean(axis=2, keepdims=True)).reshape(len(windows), -1))


def as_kicks(kicks: NDArray[Any], observation: NDArray[Any]) -> NDArray[np.float32]:
    """One kick per observation: shape (1,) for a single one, else (envs, 1)."""
    return np.asarray(kicks, np.float32).reshape((*np.shape(observation)[:-1], 1))
