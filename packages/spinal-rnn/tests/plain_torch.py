"""A trained GRU or LSTM in plain torch; copy it: it needs torch and safetensors only."""

import json
from collections.abc import Callable
from pathlib import Path

from safetensors.torch import load_file
from torch import Tensor, nn


def load(directory: str) -> Callable[[Tensor], Tensor]:
    """From currents in mA (batch, time, contacts) to EMG in mV (batch, time, 14)."""
    told = json.loads(Path(directory, "manifest.json").read_text())["manifest"]
    w = load_file(Path(directory, "weights.safetensors"))
    name, units = told["options"]["network"], told["options"]["units"]
    kind = nn.GRU if name == "GRU" else nn.LSTM
    layers = 2 if name == "LSTM2" else 1
    network = nn.ModuleDict(
        {
            "recurrent": kind(told["channels"], units, layers, batch_first=True),
            "output": nn.Linear(units, 14),
        }
    )
    own = {key.removeprefix("network."): one for key, one in w.items() if key != "scale_mv"}
    network.load_state_dict(own)
    output_mv = told["gain"] * w["scale_mv"].float() / 100
    return lambda currents: network["output"](network["recurrent"](currents)[0]) * output_mv
