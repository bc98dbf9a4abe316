"""A trained policy as a controller: numpy alone runs it, safetensors alone reads it."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rldbs_env.pulses import Pulse, delta

__all__ = ["PRETRAINED", "SHIPPED", "Policy", "PolicyError", "load_policy", "window_samples"]

SHIPPED = {
    name: Path(__file__).parent / "pretrained" / f"ppo_{name}"
    for name in ("bvdp", "charge_balanced", "hindmarsh_rose")
}
"""The policies that come with the package, by the name that commands use."""

PRETRAINED = SHIPPED["bvdp"]
"""The one that is meant where none is named."""

_FORMAT = "neuro-common/checkpoint"
_WINDOWS = ("x", "y", "action")
_KIND = "rldbs-env policy"


class PolicyError(ValueError):
    """A directory holds no policy that can be used."""


@dataclass(frozen=True)
class Policy:
    """An odd network: ``kick = kick_scale * clip(W_n tanh(... tanh(W_0 z)), -1, 1)``.

    z holds the chosen samples of each window minus that window's mean. Without biases the network
    is silent where the field is constant: vanishing stimulation is built in, not learned.

    Attributes:
        layers: Weights, each of shape (outputs, inputs); the last has one output.
        signals: Signals of the observation, in order.
        window: Samples of each signal, one per sub-step.
        lags: Which samples the network sees, counted back from the newest: each below ``window``
            and a multiple of ``stride``.
        kick_scale: Largest absolute kick.
        stride: The network's window mean is that of every ``stride``-th sample.
        pulse: Shape of every pulse; the policy is asked once for each.
        environment: Id of the environment that it was trained on.
    """

    layers: Sequence[NDArray[np.float32]]
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
        inputs = len(self.signals) * len(self.lags)
        for number, layer in enumerate(self.layers):
            if layer.ndim != 2 or layer.shape[1] != inputs or not np.isfinite(layer).all():
                raise PolicyError(
                    f"layer {number} must hold finite weights for {inputs} inputs "
                    f"({len(self.signals)} signals, {len(self.lags)} lags), got shape {layer.shape}"
                )
            inputs = layer.shape[0]
        if not self.layers or inputs != 1:
            raise PolicyError(f"the last layer must have one output, got {inputs}")

    @property
    def max_kick(self) -> float:
        """Largest absolute kick: what the environment must admit."""
        return self.kick_scale

    @property
    def settings(self) -> dict[str, Any]:
        """What its environment needs beside its name, for `rldbs_env.catalogue.settings_of`."""
        return {
            "signals": self.signals,
            "window": self.window,
            "stride": self.stride,
            "max_kick": self.kick_scale,
            "pulse": self.pulse,
        }

    def predict(
        self,
        observation: NDArray[Any],
        state: Any = None,
        episode_start: NDArray[np.bool_] | None = None,
        deterministic: bool = True,
    ) -> tuple[NDArray[np.float32], Any]:
        """Kicks for these observations, and the memory as it came: the policy has none.

        Args:
            observation: Shape (features,) or (envs, features): of each signal the whole window, or
                every ``stride``-th sample of it.
            state: Ignored, as is ``episode_start``.
            episode_start: See ``state``.
            deterministic: The policy acts by its mean; accepted for the common interface.

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
        hidden = window_samples(windows, [lag // self.stride for lag in self.lags])
        for layer in self.layers[:-1]:
            hidden = np.tanh(hidden @ layer.T)
        kicks = self.kick_scale * np.clip(hidden @ self.layers[-1].T, -1, 1)
        return kicks.astype(np.float32).reshape((*values.shape[:-1], 1)), state

    def tensors(self) -> dict[str, NDArray[np.float32]]:
        """The weights by the names that `load_policy` knows."""
        return {f"layer_{number}": layer for number, layer in enumerate(self.layers)}

    def manifest(self) -> dict[str, Any]:
        """What must be known beside the weights, as plain values."""
        return {
            "kind": _KIND,
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


def load_policy(directory: str | Path) -> Policy:
    """Read ``weights.safetensors`` and ``manifest.json`` of a training run or of a package.

    Args:
        directory: Where they are, or a name in `SHIPPED`; write ``./NAME`` for a directory
            that is called like one.

    Raises:
        FileNotFoundError: There is no policy.
        PolicyError: The files are damaged, foreign or do not fit each other.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load

    if isinstance(directory, str):
        directory = SHIPPED.get(directory, Path(directory))
    for name in ("manifest.json", "weights.safetensors"):
        if not (directory / name).is_file():
            raise FileNotFoundError(
                f"{directory} must hold a policy, got a directory without {name}: name one that "
                f"rldbs-env train wrote, or one of {', '.join(SHIPPED)}"
            )
    weights = (directory / "weights.safetensors").read_bytes()
    try:
        head = json.loads((directory / "manifest.json").read_text(encoding="utf-8"))
        facts: Mapping[str, Any] = head["manifest"]
        if head["format"] != _FORMAT or facts["kind"] != _KIND:
            raise PolicyError(
                f"{directory} must hold a {_KIND}, got {facts.get('kind') or head['format']!r}"
            )
        if hashlib.sha256(weights).hexdigest() != head["sha256"]:
            raise PolicyError(
                f"{directory / 'weights.safetensors'} must have the SHA-256 of its manifest, got "
                "another: it is truncated, damaged or another policy's"
            )
        tensors = load(weights)
        return Policy(
            layers=[tensors[f"layer_{number}"] for number in range(len(tensors))],
            signals=tuple(facts["signals"]),
            window=int(facts["window"]),
            lags=tuple(int(lag) for lag in facts["lags"]),
            kick_scale=float(facts["kick_scale"]),
            # what follows came with policies for other environments than the first
            stride=int(facts.get("stride", 1)),
            pulse=Pulse(tuple(facts.get("pulse", (1.0,)))),
            environment=str(facts.get("environment", "rldbs/BvdP-v0")),
        )
    except PolicyError:
        raise
    except (KeyError, TypeError, ValueError, SafetensorError) as error:
        raise PolicyError(
            f"{directory} must hold a {_KIND}, got files that cannot be read as one: {error!r}"
        ) from error
