"""One step of a trained network for other programs: as ONNX, or as a program of torch.export.

An exported step takes ``inputs`` (batch, 2) and ``state`` (batch, units) and gives ``output``
(batch, 1) and ``next_state`` (batch, units); the batch may be of any size. It has the effective
weights and no noise. Whoever runs it calls it once a step and hands the state back.
"""

import logging
import os
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from neuro_common.extras import require
from neuro_common.files import atomic_path
from neuro_common.rates import RateNetwork

__all__ = [
    "ExportedStep",
    "Step",
    "deviation",
    "export_onnx",
    "export_program",
    "load_onnx",
]

Array = NDArray[np.floating[Any]]
ExportedStep = Callable[[Array, Array], tuple[Array, Array]]
"""From inputs (batch, 2) and state (batch, units) to output (batch, 1) and the next state."""

_TOLERANCE = 1e-4
_BATCH = torch.export.Dim("batch")
_ANY_BATCH = ({0: _BATCH}, {0: _BATCH})


def _softplus(state: Tensor) -> Tensor:
    # onnxruntime has no softplus in double precision
    return torch.relu(state) + torch.log1p(torch.exp(-state.abs()))


_RATES: dict[str, Callable[[Tensor], Tensor]] = {
    "relu": torch.relu,
    "tanh": torch.tanh,
    "softplus": _softplus,
}


class Step(torch.nn.Module):
    """One step of a rate network, without its noise.

    Args:
        network: The network; its weights are copied.
    """

    def __init__(self, network: RateNetwork) -> None:
        super().__init__()
        dynamics = network.dynamics()
        self.rate = _RATES[network.activation]
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


def export_onnx(network: RateNetwork, path: str | os.PathLike[str]) -> float:
    """Write a step of a network as an ONNX file, if onnxruntime then runs it as the network runs.

    Args:
        network: A trained network.
        path: File to write; an older one is replaced.

    Returns:
        The `deviation` of what was written.

    Raises:
        MissingExtra: onnx, onnxscript or onnxruntime is not installed.
        ArithmeticError: The exported step does not follow the network; nothing is written.
    """
    for module in ("onnx", "onnxscript", "onnxruntime"):
        require(module, "export", "rhythm-rnn")
    with _without_notes():
        exported = torch.onnx.export(
            _program(network),
            input_names=["inputs", "state"],
            output_names=["output", "next_state"],
            dynamic_shapes=_ANY_BATCH,
            verbose=False,
        )
    if exported is None:
        raise TypeError("torch.onnx.export must return a program, got none")
    with atomic_path(path) as temporary:
        exported.save(temporary, external_data=False)
        return _checked(load_onnx(temporary), network)


def export_program(network: RateNetwork, path: str | os.PathLike[str]) -> float:
    """Write a step of a network with torch.export, if it runs as the network when read back.

    ``torch.export.load(path).module()`` is the step. Read no foreign file with it: one may hold
    pickled objects, which run code when they are read. Ours has two example tensors in that form.

    Args:
        network: A trained network.
        path: File to write, with the suffix ``.pt2``; an older one is replaced.

    Returns:
        The `deviation` of what was written.

    Raises:
        ArithmeticError: The exported step does not follow the network; nothing is written.
    """
    with atomic_path(path) as temporary:
        torch.export.save(_program(network), temporary)
        return _checked(_load_program(temporary), network)


def load_onnx(path: str | os.PathLike[str]) -> ExportedStep:
    """Read a step from an ONNX file, to be run by onnxruntime on one thread.

    Args:
        path: File of `export_onnx`.

    Raises:
        MissingExtra: onnxruntime is not installed.
    """
    onnxruntime = require("onnxruntime", "export", "rhythm-rnn")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        os.fspath(path), options, providers=["CPUExecutionProvider"]
    )

    def step(inputs: Array, state: Array) -> tuple[Array, Array]:
        output, following = session.run(None, {"inputs": inputs, "state": state})
        return output, following

    return step


def deviation(step: ExportedStep, network: RateNetwork, steps: int = 200) -> float:
    """How far an exported step leads away from its network.

    Args:
        step: What was exported.
        network: What it was exported from.
        steps: How long both run, on three trials of random inputs in [0, 1).

    Returns:
        The largest difference of outputs and last states, over the largest of their magnitudes.
    """
    channels = network.input_weight.shape[1]
    dtype = network.input_weight.detach().cpu().numpy().dtype
    inputs = np.random.default_rng(0).random((3, steps, channels)).astype(dtype)
    run = network.free_run(torch.from_numpy(inputs).to(network.input_weight.device))
    state, outputs = np.zeros((3, network.units), dtype), []
    for now in inputs.swapaxes(0, 1):
        output, state = step(np.ascontiguousarray(now), state)
        outputs.append(output)
    found = np.concatenate([np.stack(outputs, axis=1).ravel(), state.ravel()])
    wanted = torch.cat([run.outputs.flatten(), run.last.flatten()]).cpu().numpy()
    return float(np.abs(found - wanted).max() / np.abs(wanted).max())


# private: a foreign file could make torch unpickle what it holds
def _load_program(path: Path) -> ExportedStep:
    module = torch.export.load(path).module()

    def step(inputs: Array, state: Array) -> tuple[Array, Array]:
        output, following = module(torch.from_numpy(inputs), torch.from_numpy(state))
        return output.detach().numpy(), following.detach().numpy()

    return step


def _program(network: RateNetwork) -> torch.export.ExportedProgram:
    step = Step(network).cpu()
    units, channels = step.input_kernel.shape
    # a batch of one would be taken for a fixed size
    examples = (step.kernel.new_zeros(2, channels), step.kernel.new_zeros(2, units))
    return torch.export.export(step, examples, dynamic_shapes=_ANY_BATCH)


def _checked(step: ExportedStep, network: RateNetwork) -> float:
    found = deviation(step, network)
    if not found <= _TOLERANCE:
        raise ArithmeticError(
            f"the exported step must follow the network to {_TOLERANCE} over 200 steps, got "
            f"{found:.2g}: versions of torch, onnx and onnxruntime may not fit together"
        )
    return found


@contextmanager
def _without_notes() -> Iterator[None]:
    """Keep back what torch's exporter tells of itself; an error is still an error."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", r".*LeafSpec", FutureWarning)
            # inputs and state have their batch in common
            warnings.filterwarnings("ignore", r".*axis name: batch will not be used", UserWarning)
            yield
    finally:
        logging.disable(before)
