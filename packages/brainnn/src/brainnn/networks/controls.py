"""What a connectome is held against: networks without one, with as many trained numbers."""

import math
from collections.abc import Iterator
from typing import Any, ClassVar, Literal, get_args

import numpy as np
import torch
from torch import Tensor

from brainnn.connectome.graph import Connectome
from brainnn.connectome.strengths import spectral_radius
from brainnn.networks.core import Core
from brainnn.networks.rnn import ConnectomeRNN
from brainnn.networks.roles import Roles
from brainnn.networks.wiring import Wiring

__all__ = ["Control", "GRUCore", "MLPCore", "dense_rnn", "matched_control"]

Control = Literal["dense", "gru", "mlp"]
"""Controls by name: all neurons connected with free signs; gated units; no memory."""

_TOLERANCE = 0.02


class GRUCore(Core):
    """Gated recurrent units behind a linear encoder.

    Args:
        channels: Numbers in an observation.
        actions: Numbers in an action.
        units: Gated units.
        encoded: Outputs of the encoder.
        seed: Of the first weights.
        dtype: Of all numbers; None is torch's default.

    Raises:
        ValueError: A size is below 1.
    """

    kind: ClassVar[str] = "gru"

    def __init__(
        self,
        channels: int,
        actions: int,
        *,
        units: int,
        encoded: int,
        seed: int,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__(channels, actions, units)
        _check_sizes(units=units, encoded=encoded)
        self.encoded = encoded
        self.encoder = torch.nn.Linear(channels, encoded, dtype=dtype)
        self.gru = torch.nn.GRU(encoded, units, batch_first=True, dtype=dtype)
        self.readout = torch.nn.Linear(units, actions, dtype=dtype)
        _draw_weights(self, seed)

    def options(self) -> dict[str, Any]:
        """Keywords that make another of its kind, in plain values; for files."""
        return {"units": self.state_size, "encoded": self.encoded}

    def forward(self, observations: Tensor, state: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Act on a sequence.

        Args:
            observations: Shape (batch, time, channels).
            state: Shape (batch, units); None is zero.

        Returns:
            Actions, shape (batch, time, actions), and the last state, shape (batch, units).

        Raises:
            ValueError: A wrong shape.
        """
        state = self.checked(observations, state).unsqueeze(0)
        units, last = self.gru(self.encoder(observations), state.contiguous())
        return self.readout(units), last[0]


class MLPCore(Core):
    """Two hidden layers of tanh and no memory: what each observation alone can tell.

    Args:
        channels: Numbers in an observation.
        actions: Numbers in an action.
        hidden: Units of the two layers.
        seed: Of the first weights.
        dtype: Of all numbers; None is torch's default.

    Raises:
        ValueError: A size is below 1.
    """

    kind: ClassVar[str] = "mlp"

    def __init__(
        self,
        channels: int,
        actions: int,
        *,
        hidden: tuple[int, int],
        seed: int,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__(channels, actions, 0)
        first, second = hidden
        _check_sizes(first=first, second=second)
        self.hidden = (first, second)
        self.layers = torch.nn.Sequential(
            torch.nn.Linear(channels, first, dtype=dtype),
            torch.nn.Tanh(),
            torch.nn.Linear(first, second, dtype=dtype),
            torch.nn.Tanh(),
            torch.nn.Linear(second, actions, dtype=dtype),
        )
        _draw_weights(self, seed)

    def options(self) -> dict[str, Any]:
        """Keywords that make another of its kind, in plain values; for files."""
        return {"hidden": list(self.hidden)}

    def forward(self, observations: Tensor, state: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Act on each observation.

        Args:
            observations: Shape (batch, time, channels).
            state: Shape (batch, 0).

        Returns:
            Actions, shape (batch, time, actions), and the state, shape (batch, 0).

        Raises:
            ValueError: A wrong shape.
        """
        state = self.checked(observations, state)
        return self.layers(observations), state


def dense_rnn(
    channels: int,
    actions: int,
    *,
    inputs: int,
    outputs: int,
    hidden: int,
    seed: int,
    **options: Any,
) -> ConnectomeRNN:
    """The same dynamics on a wiring that says nothing: every neuron to every other, signs free.

    Args:
        channels: Numbers in an observation.
        actions: Numbers in an action.
        inputs: Input neurons.
        outputs: Read-out neurons.
        hidden: All other neurons.
        seed: As for the network; it also draws the first strengths.
        **options: Further arguments of :class:`brainnn.networks.rnn.ConnectomeRNN`.

    Raises:
        ValueError: As for the network, or a size is out of its range.
    """
    _check_sizes(inputs=inputs, outputs=outputs)
    neurons = inputs + outputs + hidden
    classes = ["input"] * inputs + ["hidden"] * hidden + ["read-out"] * outputs
    everyone = 1 - np.eye(neurons, dtype=np.int64)
    connectome = Connectome.of("dense", everyone, classes=classes, source="no connectome")
    rng = np.random.default_rng(seed)
    # normal in size, and each edge with a sign of its own: that is what its gain begins with
    size = np.abs(rng.normal(size=connectome.edges)) + np.finfo(np.float32).tiny
    roles = Roles(np.arange(inputs), np.arange(neurons - outputs, neurons))
    core = ConnectomeRNN(
        Wiring.of(connectome, size), roles, channels, actions, seed=seed, **options
    )
    with torch.no_grad():
        before = spectral_radius(core.effective_weight().numpy())
        core.gain.mul_(torch.from_numpy(rng.choice([-1.0, 1.0], len(core.gain))).to(core.gain))
        core.scale.mul_(before / spectral_radius(core.effective_weight().numpy()))
    return core


def matched_control(kind: Control, core: Core, *, seed: int) -> Core:
    """Make a control with as many trained numbers as a network, within 2 %.

    Where sizes leave a choice, a dense network has the same share of input neurons, an encoder of
    gated units as many outputs as there are channels, and two hidden layers are alike.

    Args:
        kind: Which control.
        core: What it is held against; a dense network also takes its dynamics.
        seed: Of its first weights.

    Raises:
        ValueError: The control is unknown, or no size is near enough.
    """
    if kind not in get_args(Control):
        raise ValueError(f"control must be one of {[*get_args(Control)]}, got {kind!r}")
    channels, actions, wanted = core.channels, core.actions, core.trained
    dtype = next(core.parameters()).dtype
    if kind == "mlp":
        hidden = _nearest(wanted, _mlp_sizes(wanted, channels, actions))
        return MLPCore(channels, actions, hidden=hidden, seed=seed, dtype=dtype)
    if kind == "gru":
        units, encoded = _nearest(wanted, _gru_sizes(wanted, channels, actions))
        return GRUCore(channels, actions, units=units, encoded=encoded, seed=seed, dtype=dtype)
    share, options = 0.5, {}
    if isinstance(core, ConnectomeRNN):
        share = len(core.inputs) / core.state_size
        options = {name: core.options()[name] for name in ("substeps", "dt_ms", "activation")}
        options["tau_ms"] = float(core.tau_ms.detach().mean())
    neurons, inputs = _nearest(wanted, _dense_sizes(wanted, channels, actions, share))
    outputs = max(1, neurons // 4)
    return dense_rnn(
        channels,
        actions,
        inputs=inputs,
        outputs=outputs,
        hidden=neurons - inputs - outputs,
        seed=seed,
        dtype=dtype,
        **options,
    )


_Sizes = Iterator[tuple[int, float, tuple[int, int]]]
"""Trained numbers, how far from what is preferred, and the two sizes."""


def _mlp_sizes(wanted: int, channels: int, actions: int) -> _Sizes:
    for first in range(1, math.isqrt(2 * wanted) + 1):
        own = first * (channels + 1) + actions
        second = max(1, round((wanted - own) / (first + 1 + actions)))
        yield own + second * (first + 1 + actions), abs(first - second), (first, second)


def _gru_sizes(wanted: int, channels: int, actions: int) -> _Sizes:
    for units in range(1, math.isqrt(wanted // 3) + 2):
        own = units * (3 * units + 6 + actions) + actions
        each = channels + 1 + 3 * units
        encoded = max(1, round((wanted - own) / each))
        yield own + encoded * each, abs(encoded - channels), (units, encoded)


def _dense_sizes(wanted: int, channels: int, actions: int, share: float) -> _Sizes:
    for neurons in range(3, math.isqrt(wanted) + 2):
        outputs = max(1, neurons // 4)
        own = neurons**2 + actions * (outputs + 1)
        inputs = min(max(1, round((wanted - own) / channels)), neurons - outputs)
        yield own + inputs * channels, abs(inputs / neurons - share), (neurons, inputs)


def _nearest(wanted: int, sizes: _Sizes) -> tuple[int, int]:
    tried = list(sizes)
    near = [one for one in tried if abs(one[0] - wanted) <= _TOLERANCE * wanted]
    if not near:
        found = min((one[0] for one in tried), key=lambda count: abs(count - wanted), default=0)
        raise ValueError(
            f"no sizes of the control give {wanted} trained numbers within {_TOLERANCE:.0%}, the "
            f"nearest is {found}: give a larger network"
        )
    return min(near, key=lambda one: one[1])[2]


def _draw_weights(core: Core, seed: int) -> None:
    """Weights as torch's layers begin, but from a seed of their own: within 1 / sqrt(columns)."""
    draw = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in core.parameters():
            bound = 1 / math.sqrt(parameter.shape[-1])
            drawn = 2 * torch.rand(parameter.shape, generator=draw, dtype=torch.float64) - 1
            # biases begin at 0
            parameter.copy_(bound * drawn if parameter.ndim > 1 else 0 * drawn)


def _check_sizes(**sizes: int) -> None:
    for name, size in sizes.items():
        if size < 1:
            raise ValueError(f"{name} must be at least 1, got {size}")
