"""A shipped walker in plain torch; copy it: it needs torch and safetensors only."""

import json
from collections.abc import Callable
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor


def load(directory: str) -> Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]:
    """From observation (batch, channels) and state (batch, neurons) to action and next state."""
    told = json.loads(Path(directory, "manifest.json").read_text())["manifest"]
    w = load_file(Path(directory, "weights.safetensors"))
    types = told["connectome"]["types"]
    of_type = torch.tensor([sorted({*types}).index(one) for one in types])
    dt_ms, substeps = told["options"]["dt_ms"], told["options"]["substeps"]
    alpha = dt_ms / (dt_ms + w["state.log_tau_excess"].exp())[of_type]
    order = (w["post"] * len(types) + w["pre"]).argsort()  # numbers of edges lie post by post
    pre, post = w["pre"][order], w["post"][order]
    gain = w["state.gain"][w["group"]]
    # only where the sign of the neuron is unknown may a gain turn it
    gain = torch.where(w["signs"][pre] == 0, gain, torch.nn.functional.softplus(gain))
    edges = w["state.scale"] * gain
    recurrent = torch.zeros(len(types), len(types)).index_put((post, pre), edges)
    bounded = torch.tanh if told["facts"]["squash"] else lambda action: action.clamp(-1, 1)

    def step(observation: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        drive = w["state.bias"].expand(len(state), -1).clone()
        drive[:, w["inputs"]] += observation @ w["state.input_weight"].T
        for _ in range(substeps):
            state = state + alpha * (state.relu() @ recurrent.T + drive - state)
        seen = state.relu()[:, w["outputs"]]
        return bounded(seen @ w["state.output_weight"].T + w["state.output_bias"]), state

    return step
