"""One step of a trained network for other programs: what ONNX and torch.export files hold.

An exported step takes ``inputs`` (batch, 2) and ``state`` (batch, units) and gives ``output``
(batch, 1) and ``next_state`` (batch, units); the batch may be of any size. It has the effective
weights and no noise. Whoever runs it calls it once a step and hands the state back.
"""

import numpy as np
import torch
from torch import Tensor

from neuro_common.exporting import ACTIVATIONS, Exportable, Program, difference
from neuro_common.rates import RateNetwork

__all__ = ["Step", "deviation", "exportable"]

_STEPS = 200


class Step(torch.nn.Module):
    """One step of a rate network, without its noise.

    Args:
        network: The network; its weights are copied.
    """

    def __init__(self, network: RateNetwork) -> None:
        super().__init__()
        dynamics = network.dynamics()
        self.rate = ACTIVATIONS[network.activation]
        self.input_kernel: Tensor
        self.bias: Tensor
        self.kernel: Tensor
        self.decay: Tensor
        self.readout: Tensor
        self.output_bias: Tensor
        for name, value in (
            ("input_kernel", dynamics.input_kernel[:, :-1]),
            ("bias", dynamics.input_kernel[:, -1]),
            ("kernel", dynamics.kernel),
            ("decay", dynamics.decay),
            ("readout", dynamics.readout),
            ("output_bias", dynamics.output_bias[0]),
        ):
            self.register_buffer(name, value.detach().clone())

    def forward(self, inputs: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """Take a step.

        Args:
            inputs: Shape (batch, channels).
            state: Before the step, shape (batch, units).

        Returns:
            Output, shape (batch, outputs), and the state after the step, shape (batch, units).
        """
        linear = torch.nn.functional.linear
        drive = linear(inputs, self.input_kernel, self.bias)
        state = self.decay * state + linear(self.rate(state), self.kernel) + drive
        return linear(self.rate(state), self.readout, self.output_bias), state


def exportable(network: RateNetwork) -> Exportable:
    """A step of a network, as `neuro_common.exporting` writes it.

    Args:
        network: A trained network; clicks and cue go in, taps come out.
    """
    step = Step(network).cpu()
    units, channels = step.input_kernel.shape
    return Exportable(
        step,
        {"inputs": step.kernel.new_zeros(2, channels), "state": step.kernel.new_zeros(2, units)},
        {
            "inputs": "(batch, 2): click, 1 while it lasts, and context cue, without unit",
            "state": "(batch, units): what next_state was, zeros at the start",
            "output": "(batch, 1): a wave with a crest at each tap, without unit",
            "next_state": "(batch, units): to be given back as state",
        },
        {"model": "leaky rate network", "units": units, "dt_ms": network.dt_ms},
        lambda program: deviation(program, network),
        "rhythm-rnn",
        # rounding grows with the steps
        tolerance=1e-4,
    )


def deviation(program: Program, network: RateNetwork, steps: int = _STEPS) -> float:
    """How far an exported step leads away from its network.

    Args:
        program: What was exported.
        network: What it was exported from.
        steps: How long both run, on three trials of random inputs in [0, 1).

    Returns:
        The largest difference of outputs or last states, over the largest of these.
    """
    channels = network.input_weight.shape[1]
    dtype = network.input_weight.detach().cpu().numpy().dtype
    inputs = np.random.default_rng(0).random((3, steps, channels)).astype(dtype)
    run = network.free_run(torch.from_numpy(inputs).to(network.input_weight.device))
    state, outputs = np.zeros((3, network.units), dtype), []
    for now in inputs.swapaxes(0, 1):
        output, state = program(np.ascontiguousarray(now), state)
        outputs.append(output)
    wanted = (run.outputs.cpu().numpy(), run.last.cpu().numpy())
    return difference((np.stack(outputs, axis=1), state), wanted)
