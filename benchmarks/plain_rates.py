"""A rate network as it is usually written: one step after the other, everything made anew in each.

The baseline of the benchmarks of :mod:`neuro_common.rates`, and no part of any package: weights are
signed and masked at every step, noise is drawn at every step, and autograd keeps it all.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

__all__ = ["PlainRates"]


class PlainRates(nn.Module):
    """Excitatory and inhibitory rectified units, 80 % and 20 %, without self-connections."""

    alpha = 0.1  # 1 ms over 10 ms
    noise = 0.01

    def __init__(self, units: int, inputs: int, outputs: int) -> None:
        super().__init__()
        self.units = units
        self.w_in = nn.Parameter(torch.empty(units, inputs))
        self.w = nn.Parameter(torch.empty(units, units))
        self.bias = nn.Parameter(torch.zeros(units))
        self.readout = nn.Linear(units, outputs)
        nn.init.xavier_normal_(self.w_in)
        nn.init.xavier_normal_(self.w, gain=0.1)
        self.signs = torch.ones(units)
        self.signs[int(0.8 * units) :] = -1.0
        self.off_diagonal = 1.0 - torch.eye(units)

    def step(self, x: Tensor, h: Tensor) -> Tensor:
        """One millisecond."""
        w = torch.abs(self.w) * self.signs * self.off_diagonal
        x = x + torch.randn_like(x) * torch.sqrt(torch.tensor(2.0 * self.alpha * self.noise**2))
        noise = torch.randn_like(h) * torch.sqrt(torch.tensor(2.0 / self.alpha * self.noise**2))
        drive = torch.relu(x) @ self.w_in.T + torch.relu(h) @ w.T + self.bias + noise
        return (1.0 - self.alpha) * h + self.alpha * drive

    def forward(self, inputs: Tensor) -> Tensor:
        """Outputs of inputs, both (batch, time, channels)."""
        h = inputs.new_zeros(len(inputs), self.units)
        outputs = []
        for x in inputs.unbind(1):
            h = self.step(x, h)
            outputs.append(self.readout(torch.relu(h)))
        return torch.stack(outputs, dim=1)
