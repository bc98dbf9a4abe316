"""A shipped network in plain torch; copy it: it needs torch and safetensors only."""

import json
from collections.abc import Callable
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor


def load(directory: str) -> Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]:
    """From inputs (batch, 2) and state (batch, units) to output (batch, 1) and next state."""
    model = json.loads(Path(directory, "manifest.json").read_text())["manifest"]["model"]
    w = load_file(Path(directory, "weights.safetensors"))
    excitatory = torch.arange(model["units"]) < int(model["excitatory_fraction"] * model["units"])
    recurrent = torch.where(excitatory, 1.0, -1.0) * w["recurrent_weight"].abs()
    recurrent.fill_diagonal_(0.0)
    alpha = model["dt_ms"] / model["tau_ms"]

    def step(inputs: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        drive = inputs @ w["input_weight"].T + state.relu() @ recurrent.T + w["bias"]
        state = (1 - alpha) * state + alpha * drive
        return state.relu() @ w["output_weight"].T + w["output_bias"], state

    return step
