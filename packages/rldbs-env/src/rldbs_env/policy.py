"""A trained policy as a controller: numpy alone runs it, safetensors alone reads it."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rldbs_env.pulses import Pulse
from rldbs_env.recurrent import RecurrentPolicy
from rldbs_env.sight import KIND, PolicyError, Sight, as_kicks

__all__ = [
    "PRETRAINED",
    "SHIPPED",
    "Policy",
    "load_policy",
]

SHIPPED = {
    name: Path(__file__).parent / "pretrained" / f"ppo_{name}"
    for name in ("bvdp", "charge_balanced", "hindmarsh_rose")
}
"""The policies that come with the package, by the name that commands use."""

PRETRAINED = SHIPPED["bvdp"]
"""The one that is meant where none is named."""

_FORMAT, _FORMAT_VERSION = "neuro-common/checkpoint", 1


@dataclass(frozen=True, kw_only=True)
class Policy(Sight):
    """Layers of tanh: ``kick = kick_scale * squash(W_n tanh(... tanh(W_0 z)))``.

    z holds the chosen samples of each window minus that window's mean. Without biases the network
    is odd, and silent where the field is constant: vanishing stimulation is built in, not learned.
    A policy with levels has biases, and gives the level whose output is largest.

    Attributes:
        layers: Weights, each of shape (outputs, inputs); the last has one output, or one per level.
        squash: What keeps the last layer's output in [-1, 1]: "clip" or "tanh".
        levels: The only kicks that it gives; empty for any.
        biases: One per layer, shape (outputs,), where there are levels; else none.

    Raises:
        PolicyError: Weights, biases or levels are not finite or do not fit one another.
    """

    layers: Sequence[NDArray[np.float32]]
    squash: str = "clip"
    levels: tuple[float, ...] = ()
    biases: Sequence[NDArray[np.float32]] = ()

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.squash not in _SQUASHES:
            raise PolicyError(f"squash must be one of {', '.join(_SQUASHES)}, got {self.squash!r}")
        inputs = self.n_inputs
        for number, layer in enumerate(self.layers):
            if layer.ndim != 2 or layer.shape[1] != inputs or not np.isfinite(layer).all():
                raise PolicyError(
                    f"layer {number} must hold finite weights for {inputs} inputs "
                    f"({len(self.signals)} signals, {len(self.lags)} lags), got shape {layer.shape}"
                )
            inputs = layer.shape[0]
        outputs = len(self.levels) or 1
        if not self.layers or inputs != outputs:
            wanted = f"{outputs} outputs, one per level" if self.levels else "one output"
            raise PolicyError(f"the last layer must have {wanted}, got {inputs}")
        shapes = [(len(layer),) for layer in self.layers] if self.levels else []
        found = [bias.shape for bias in self.biases]
        if found != shapes or not all(np.isfinite(bias).all() for bias in self.biases):
            raise PolicyError(f"biases must be finite and have the shapes {shapes}, got {found}")
        if self.levels and not all(abs(level) <= self.kick_scale for level in self.levels):
            raise PolicyError(
                f"levels must be in [-{self.kick_scale}, {self.kick_scale}] (kick_scale), "
                f"got {list(self.levels)}"
            )

    def predict(
        self,
        observation: NDArray[Any],
        state: Any = None,
        episode_start: NDArray[np.bool_] | None = None,
        deterministic: bool = True,
    ) -> tuple[NDArray[np.float32], Any]:
        """Kicks for these observations, and the memory as it came: the policy has none.

        Args:
            observation: As for `samples`.
            state: Ignored, as is ``episode_start``.
            episode_start: See ``state``.
            deterministic: The policy acts by its mean; accepted for the common interface.

        Returns:
            Kicks, shape (1,) or (envs, 1), and ``state``.

        Raises:
            ValueError: If the observation does not hold these signals and this window.
        """
        hidden = self.samples(observation)
        if self.levels:
            kicks = np.array(self.levels)[self._scores(hidden).argmax(axis=1)]
        else:
            for layer in self.layers[:-1]:
                hidden = np.tanh(hidden @ layer.T)
            kicks = self.kick_scale * _SQUASHES[self.squash](hidden @ self.layers[-1].T)
        return as_kicks(kicks, observation), state

    def _scores(self, hidden: NDArray[Any]) -> NDArray[Any]:
        """What each level is worth, shape (envs, levels)."""
        *inner, last = zip(self.layers, self.biases, strict=True)
        for layer, bias in inner:
            hidden = np.tanh(hidden @ layer.T + bias)
        return np.asarray(hidden @ last[0].T + last[1])

    def tensors(self) -> dict[str, NDArray[np.float32]]:
        """The weights by the names that `load_policy` knows.

        Layers have shape (outputs, inputs), biases (outputs,).
        """
        named = {f"layer_{number}": layer for number, layer in enumerate(self.layers)}
        return named | {f"bias_{number}": bias for number, bias in enumerate(self.biases)}

    def manifest(self) -> dict[str, Any]:
        """What must be known beside the weights, as plain values."""
        own = {"network": "tanh", "squash": self.squash, "levels": list(self.levels)}
        return super().manifest() | own


def _clip(values: NDArray[Any]) -> NDArray[Any]:
    return np.asarray(np.clip(values, -1, 1))


_SQUASHES: dict[str, Callable[[NDArray[Any]], NDArray[Any]]] = {"clip": _clip, "tanh": np.tanh}


def load_policy(directory: str | Path) -> Policy | RecurrentPolicy:
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
        kind = facts["kind"] if head["format"] == _FORMAT else head["format"]
        if kind != KIND:
            raise PolicyError(f"{directory} must hold a {KIND}, got {kind!r}")
        if head["format_version"] > _FORMAT_VERSION:
            raise PolicyError(
                f"{directory / 'manifest.json'} must have format_version <= {_FORMAT_VERSION}, got "
                f"{head['format_version']}: a newer release wrote it, so update with pip install "
                "--upgrade rldbs-env"
            )
        found = hashlib.sha256(weights).hexdigest()
        if found != head["sha256"]:
            raise PolicyError(
                f"{directory / 'weights.safetensors'} must have the SHA-256 of its manifest.json, "
                f"{head['sha256']}, got {found}: it is truncated, damaged or another policy's"
            )
        tensors = load(weights)
        sight: dict[str, Any] = {
            "signals": tuple(facts["signals"]),
            "window": int(facts["window"]),
            "lags": tuple(int(lag) for lag in facts["lags"]),
            "kick_scale": float(facts["kick_scale"]),
            # what follows came with policies for other environments than the first
            "stride": int(facts.get("stride", 1)),
            "pulse": Pulse(tuple(facts.get("pulse", (1.0,)))),
            "environment": str(facts.get("environment", "rldbs/BvdP-v0")),
        }
        # and this with other algorithms
        if facts.get("network") == "lstm":
            return RecurrentPolicy(
                **sight | {name: tensors[name] for name in RecurrentPolicy.WEIGHTS}
            )
        levels = tuple(float(level) for level in facts.get("levels", ()))
        n_layers = len(tensors) // 2 if levels else len(tensors)
        return Policy(
            **sight,
            layers=[tensors[f"layer_{number}"] for number in range(n_layers)],
            squash=str(facts.get("squash", "clip")),
            levels=levels,
            biases=[tensors[f"bias_{number}"] for number in range(n_layers)] if levels else [],
        )
    except PolicyError:
        raise
    except (KeyError, TypeError, ValueError, SafetensorError) as error:
        raise PolicyError(
            f"{directory} must hold a {KIND}, got files that cannot be read as one: {error!r}"
        ) from error
