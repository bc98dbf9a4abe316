"""A trained policy as a controller: numpy alone runs it, safetensors alone reads it."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rldbs_env.settings import SIGNALS

__all__ = ["PRETRAINED", "Policy", "PolicyError", "load_policy", "window_samples"]

PRETRAINED = Path(__file__).parent / "pretrained" / "ppo_bvdp"
"""The policy that comes with the package."""

_FORMAT = "neuro-common/checkpoint"
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
        window: Samples of each signal.
        lags: Which samples the network sees, counted back from the newest, each below ``window``.
        kick_scale: Largest absolute kick.
    """

    layers: Sequence[NDArray[np.float32]]
    signals: tuple[str, ...]
    window: int
    lags: tuple[int, ...]
    kick_scale: float

    def __post_init__(self) -> None:
        if not self.signals or not set(self.signals) <= set(SIGNALS):
            raise PolicyError(f"signals must be among {SIGNALS}, got {self.signals}")
        if not self.lags or not all(0 <= lag < self.window for lag in self.lags):
            raise PolicyError(
                f"lags must be in [0, window) = [0, {self.window}), got {list(self.lags)}"
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

    def predict(
        self,
        observation: NDArray[Any],
        state: Any = None,
        episode_start: NDArray[np.bool_] | None = None,
        deterministic: bool = True,
    ) -> tuple[NDArray[np.float32], Any]:
        """Kicks for these observations, and the memory as it came: the policy has none.

        Args:
            observation: Shape (features,) or (envs, features) with ``features = len(signals) *
                window``.
            state: Ignored, as is ``episode_start``.
            episode_start: See ``state``.
            deterministic: The policy acts by its mean; accepted for the common interface.

        Raises:
            ValueError: If the observation does not hold these signals and this window.
        """
        values = np.asarray(observation, dtype=np.float32)
        features = len(self.signals) * self.window
        if values.ndim not in (1, 2) or values.shape[-1] != features:
            raise ValueError(
                f"this policy needs observations of {features} features: make the environment "
                f"with signals={self.signals}, window={self.window}; got shape {values.shape}"
            )
        windows = values.reshape(-1, len(self.signals), self.window)
        hidden = window_samples(windows, self.lags)
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

    Raises:
        FileNotFoundError: There is no policy.
        PolicyError: The files are damaged, foreign or do not fit each other.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load

    directory = Path(directory)
    for name in ("manifest.json", "weights.safetensors"):
        if not (directory / name).is_file():
            raise FileNotFoundError(
                f"{directory} must hold a policy, got a directory without {name}: name one that "
                "rldbs-env train wrote"
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
        )
    except PolicyError:
        raise
    except (KeyError, TypeError, ValueError, SafetensorError) as error:
        raise PolicyError(
            f"{directory} must hold a {_KIND}, got files that cannot be read as one: {error!r}"
        ) from error
