"""A shipped policy in plain torch; copy it: it needs torch and safetensors only."""

import json
from collections.abc import Callable
from pathlib import Path

from safetensors.torch import load_file
from torch import Tensor, nn


def load(directory: str) -> Callable[[Tensor], Tensor]:
    """From observations (batch, features) to kicks (batch, 1)."""
    told = json.loads(Path(directory, "manifest.json").read_text())["manifest"]
    weights = [*load_file(Path(directory, "weights.safetensors")).values()]  # layer_0, layer_1, ...
    parts = [(nn.Linear(*one.T.shape, bias=False), nn.Tanh()) for one in weights]
    network = nn.Sequential(*(part for pair in parts for part in pair))[:-1]
    network.load_state_dict(dict(zip(network.state_dict(), weights, strict=True)))
    lags = [-1 - lag // told["stride"] for lag in told["lags"]]

    def kicks(observation: Tensor) -> Tensor:
        windows = observation.unflatten(1, (len(told["signals"]), -1))
        seen = windows[:, :, lags] - windows.mean(2, keepdim=True)
        return told["kick_scale"] * network(seen.flatten(1)).clamp(-1, 1)

    return kicks
