"""A shipped regression in plain torch; copy it: it needs torch and safetensors only."""

import json
from collections.abc import Callable
from pathlib import Path

import torch.nn.functional as F
from safetensors.torch import load_file
from torch import Tensor


def load(directory: str) -> Callable[[Tensor], Tensor]:
    """From spindles (batch, muscles, bins, 2) to quantities in units (batch, channels, outputs)."""
    told = json.loads(Path(directory, "manifest.json").read_text())["manifest"]["network"]["trunk"]
    w = {
        name: one.float() for name, one in load_file(Path(directory, "weights.safetensors")).items()
    }
    strides = told["spatial_strides"][0], told["temporal_strides"][0]

    def quantities(spindle: Tensor) -> Tensor:
        x = (spindle - w["network.trunk.input_mean"]) / w["network.trunk.input_scale"]
        x, first, jump = x.permute(0, 3, 1, 2), 0, 1
        for block in (f"network.trunk.blocks.{n}" for n in range(len(told["spatial_kernels"]))):
            weight, sides = w[f"{block}.weight"], []
            for axis in (3, 2):  # zeros in time, then over muscles
                size, taps, stride = x.shape[axis], weight.shape[axis], strides[axis - 2]
                total = max((-(-size // stride) - 1) * stride + taps - size, 0)
                sides += [total // 2, total - total // 2]
            x = F.conv2d(F.pad(x, sides), weight, stride=strides)
            x = F.group_norm(x, 1, w[f"{block}.norm.scale"], w[f"{block}.norm.shift"], 1e-12).relu()
            first, jump = first + jump * (weight.shape[3] // 2 - sides[0]), jump * strides[1]
        features = x.permute(0, 3, 2, 1).flatten(2)  # of each output, muscles before channels
        out = features @ w["network.head.linear.weight"].T + w["network.head.linear.bias"]
        out = out * w["target_scale"] + w["target_mean"]
        if "target_slopes" in w:  # what is linear in the spindles of an output's own bin
            seen = spindle[:, :, first::jump][:, :, : out.shape[1]].transpose(1, 2).flatten(2)
            out = out + seen @ w["target_slopes"].flatten(1).T
        return out.transpose(1, 2)

    return quantities
