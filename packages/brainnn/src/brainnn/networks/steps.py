"""One step of a network for other programs: what ONNX and torch.export files hold.

An exported step takes an ``observation`` and, of a network that remembers, its ``state``, and gives
an ``action`` in [-1, 1] and the ``next_state``. Whoever runs it hands the state back.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from brainnn.networks.core import Core
from brainnn.networks.rnn import ConnectomeRNN
from brainnn.networks.sweep import SweepRNN
from neuro_common.exporting import ACTIVATIONS, Exportable, Program, difference

__all__ = ["ConnectomeStep", "CoreStep", "deviation", "exportable"]

_STEPS = 50


class ConnectomeStep(torch.nn.Module):
    """One observation's sub-steps of a network wired by a connectome, as dense matrices.

    Args:
        core: The network; its weights are copied, its noise is left out.
        squash: Whether it acts by the tanh of its outputs; else they are clipped.
    """

    kernel: Tensor
    input_kernel: Tensor
    bias: Tensor
    decay: Tensor
    readout: Tensor
    output_bias: Tensor

    def __init__(self, core: ConnectomeRNN, *, squash: bool) -> None:
        super().__init__()
        matrices = core.matrices()
        alpha = core.dt_ms / matrices["tau_ms"]
        self.rate, self.substeps, self.squash = ACTIVATIONS[core.activation], core.substeps, squash
        for name, value in (
            ("kernel", alpha[:, None] * matrices["recurrent"]),
            ("input_kernel", alpha[:, None] * matrices["input"]),
            ("bias", alpha * matrices["bias"]),
            ("decay", 1 - alpha),
            ("readout", matrices["output"]),
            ("output_bias", matrices["output_bias"]),
        ):
            self.register_buffer(name, value.detach().cpu().clone())

    def forward(self, observation: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """Act on an observation.

        Args:
            observation: Shape (batch, channels).
            state: Shape (batch, neurons).

        Returns:
            Action, shape (batch, actions), and the next state, shape (batch, neurons).
        """
        linear = torch.nn.functional.linear
        drive = linear(observation, self.input_kernel, self.bias)
        for _ in range(self.substeps):
            state = self.decay * state + linear(self.rate(state), self.kernel) + drive
        action = linear(self.rate(state), self.readout, self.output_bias)
        return _bounded(action, self.squash), state


class CoreStep(torch.nn.Module):
    """One step of any other network, by its own code.

    Args:
        core: The network.
        squash: As for `ConnectomeStep`.
    """

    def __init__(self, core: Core, *, squash: bool) -> None:
        super().__init__()
        self.core, self.squash = core, squash

    def forward(
        self, observation: Tensor, state: Tensor | None = None
    ) -> Tensor | tuple[Tensor, Tensor]:
        """Act on an observation.

        Args:
            observation: Shape (batch, channels).
            state: Shape (batch, state_size); None of a network that remembers nothing.

        Returns:
            Action, shape (batch, actions), and the next state, if there is one.
        """
        actions, following = self.core(observation[:, None], state)
        action = _bounded(actions[:, 0], self.squash)
        return action if state is None else (action, following)


def exportable(core: Core, *, squash: bool, about: Mapping[str, Any]) -> Exportable:
    """A step of a network, as `neuro_common.exporting` writes it.

    Args:
        core: The network, on the CPU and without noise.
        squash: Whether it acts by the tanh of its outputs; else they are clipped.
        about: What else is to be told of it, in plain values.
    """
    step: ConnectomeStep | CoreStep
    if isinstance(core, ConnectomeRNN):
        step = ConnectomeStep(core, squash=squash)
    else:
        step = CoreStep(core, squash=squash)
    first = core.initial_state(2).detach().clone()
    dtype = first.dtype
    inputs = {"observation": torch.zeros(2, core.channels, dtype=dtype)}
    signals = {"observation": f"(batch, {core.channels}), as the environment gives it"}
    outputs = {"action": f"(batch, {core.actions}), in [-1, 1], as the environment takes it"}
    if core.state_size:
        inputs["state"] = first
        signals["state"] = f"(batch, {core.state_size}): what next_state was, first_state at first"
        outputs["next_state"] = f"(batch, {core.state_size}): to be given back as state"
        about = {**about, "first_state": first[0].tolist()}
    return Exportable(
        step.eval(),
        inputs,
        signals | outputs,
        {"model": core.kind, **_told(core), **about},
        lambda program: deviation(program, core, squash=squash),
        "brainnn",
        # rounding grows with the steps
        tolerance=1e-4,
    )


def deviation(program: Program, core: Core, *, squash: bool) -> float:
    """How far an exported step leads away from its network in 50 steps of drawn observations.

    Args:
        program: What was exported.
        core: What it was exported from.
        squash: Whether it acts by the tanh of its outputs.

    Returns:
        The largest difference of actions or last states, over the largest of these.
    """
    first = core.initial_state(3).detach()
    drawn = np.random.default_rng(0).normal(size=(3, _STEPS, core.channels))
    observations = torch.from_numpy(drawn).to(first.dtype)
    with torch.no_grad():
        wanted, last = core(observations)
    actions, state = [], [first.numpy()] if core.state_size else []
    for now in observations.unbind(1):
        action, *state = program(now.contiguous().numpy(), *state)
        actions.append(action)
    ends = [last.numpy()] if core.state_size else []
    wanted = _bounded(wanted, squash).numpy()
    return difference([np.stack(actions, axis=1), *state], [wanted, *ends])


def _bounded(actions: Tensor, squash: bool) -> Tensor:
    return actions.tanh() if squash else actions.clamp(-1, 1)


def _told(core: Core) -> dict[str, Any]:
    """What the numbers of a state belong to, and how long a step is."""
    if not isinstance(core, ConnectomeRNN | SweepRNN):
        return {}
    told: dict[str, Any] = {"neurons": core.connectome.ids.tolist()}
    told |= {"types": core.connectome.types.tolist(), "connectome": core.connectome.name}
    if isinstance(core, ConnectomeRNN):
        told |= {"dt_ms": core.dt_ms, "substeps": core.substeps}
    return told
