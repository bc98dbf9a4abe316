"""A connectome as a leaky rate network that acts: its wiring fixed, its gains trained.

    tau dh/dt = -h + W phi(h) + W_in x + b,    W = sign x softplus(gain) x strength on edges only

stepped by Euler, K sub-steps an action with the input held; the action reads the rates of the last.
Only input neurons see x, only read-out neurons are seen by the action, and no neuron is both.
"""

import math
from collections.abc import Mapping
from typing import Any, ClassVar, Literal, NamedTuple, get_args

import numpy as np
import torch
from torch import Tensor

from brainnn.connectome.graph import Connectome
from brainnn.connectome.strengths import spectral_radius as radius_of
from brainnn.networks.acting import EdgeActor
from brainnn.networks.core import Core
from brainnn.networks.roles import Roles, check_path
from brainnn.networks.sparse import EdgePattern, sparse_sequence, step_products
from brainnn.networks.wiring import Wiring
from neuro_common.rate_sequence import ACTIVATIONS, leaky_sequence
from neuro_common.rate_structure import checked_time_constants

__all__ = ["ConnectomeRNN", "NetworkPath"]

NetworkPath = Literal["auto", "dense", "sparse"]
"""How a network is run: by whole matrices, by edges (CPU), or by what is faster."""

# Where edges beat matrices on the CPU, acting and learning, from 30 neurons to 1101.
_SPARSE_DENSITY = 0.3
_UNIT_GAIN = math.log(math.e - 1)  # softplus of it is 1


class ConnectomeRNN(Core):
    """Leaky rate neurons wired as a connectome.

    Gains start at 1, so that the first weights are the strengths, scaled together to
    ``spectral_radius``. An edge whose sign is unknown starts with one that is drawn for its
    presynaptic neuron; its gain is free to turn it round, unless it is frozen.

    Args:
        wiring: Edges, signs, strengths and who shares a gain.
        roles: Input and read-out neurons.
        channels: Numbers in an observation.
        actions: Numbers in an action.
        seed: Of the first input and output weights, and of unknown signs.
        substeps: Euler steps an action, the input held.
        dt_ms: One of these steps.
        tau_ms: Time constant of all cell types, at least ``dt_ms``.
        type_tau_ms: Cell types with one of their own.
        train_tau: Whether time constants are trained, one for each cell type; they then stay above
            ``dt_ms``.
        train_bias: Whether the bias of each neuron is trained; it starts at 0.
        train_initial_state: Whether the state that an episode begins with is; it starts at 0.
        activation: Name in :data:`neuro_common.rate_sequence.ACTIVATIONS`.
        spectral_radius: Of the first recurrent weights; None leaves the strengths as they are.
        path: How it is run; the numbers are the same.
        dtype: Of all numbers; None is torch's default.

    Raises:
        ValueError: An argument is out of its range, no path leads from input to read-out, or a
            wiring without loops is to be scaled to a spectral radius.
    """

    kind: ClassVar[str] = "connectome"

    scale: Tensor
    free: Tensor
    gain: Tensor
    group: Tensor
    pre: Tensor
    post: Tensor
    inputs: Tensor
    outputs: Tensor
    active: Tensor
    cell_type: Tensor
    log_tau_excess: Tensor
    input_weight: Tensor
    output_weight: Tensor
    bias: Tensor
    output_bias: Tensor
    first_state: Tensor

    def __init__(
        self,
        wiring: Wiring,
        roles: Roles,
        channels: int,
        actions: int,
        *,
        seed: int,
        substeps: int = 4,
        dt_ms: float = 5.0,
        tau_ms: float = 10.0,
        type_tau_ms: Mapping[str, float] | None = None,
        train_tau: bool = False,
        train_bias: bool = True,
        train_initial_state: bool = False,
        activation: str = "relu",
        spectral_radius: float | None = 1.0,
        path: NetworkPath = "auto",
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__(channels, actions, wiring.neurons)
        check_path(wiring.connectome, roles)
        if substeps < 1:
            raise ValueError(f"substeps must be at least 1, got {substeps}")
        if path not in get_args(NetworkPath):
            raise ValueError(f"path must be one of {[*get_args(NetworkPath)]}, got {path!r}")
        if activation not in ACTIVATIONS:
            raise ValueError(f"activation must be one of {[*ACTIVATIONS]}, got {activation!r}")
        self.wiring = wiring
        self.roles = roles
        self.substeps = substeps
        self.dt_ms = dt_ms
        self.activation = activation
        self.noise_std = 0.0
        self.noise_source: torch.Generator | None = None
        self.path = path
        self.pattern = EdgePattern.of(wiring.neurons, wiring.pre, wiring.post)
        self._kept: tuple[list[tuple[int, int]], _Kernels | EdgeActor] | None = None
        dtype = dtype or torch.get_default_dtype()

        def hold(name: str, values: Tensor, trained: bool = False, told: bool = False) -> None:
            """Keep it as parameter or buffer; what wiring and roles tell is in no state dict."""
            values = values.to(dtype) if values.is_floating_point() else values
            if trained:
                self.register_parameter(name, torch.nn.Parameter(values))
            else:
                self.register_buffer(name, values, persistent=not told)

        for name, places in (
            ("pre", wiring.pre),
            ("post", wiring.post),
            ("group", wiring.group),
            ("inputs", roles.inputs),
            ("outputs", roles.outputs),
        ):
            hold(name, torch.from_numpy(places), told=True)
        draw = torch.Generator().manual_seed(seed)
        scale, free = _first_weights(wiring, spectral_radius, draw)
        hold("scale", scale)
        hold("free", free, told=True)
        unit = torch.tensor(_UNIT_GAIN, dtype=torch.float64)
        hold("gain", torch.where(free, 1.0, unit), trained=len(free) > 0)
        hold("active", torch.ones(wiring.neurons, dtype=torch.bool))
        tau, of_neuron = _time_constants(wiring, dt_ms, tau_ms, type_tau_ms or {}, train_tau)
        hold("cell_type", of_neuron, told=True)
        # log of what a time constant has above the step
        hold("log_tau_excess", (tau - dt_ms).log(), trained=train_tau)
        for name, rows, columns in (
            ("input_weight", len(roles.inputs), channels),
            ("output_weight", actions, len(roles.outputs)),
        ):
            normal = torch.randn(rows, columns, generator=draw, dtype=torch.float64)
            hold(name, normal / math.sqrt(columns), trained=True)
        hold("bias", torch.zeros(wiring.neurons), trained=train_bias)
        hold("output_bias", torch.zeros(actions), trained=True)
        hold("first_state", torch.zeros(wiring.neurons), trained=train_initial_state)

    def options(self) -> dict[str, Any]:
        """Keywords that make another of its kind, in plain values; for files."""
        return {
            "substeps": self.substeps,
            "dt_ms": self.dt_ms,
            "train_tau": self.log_tau_excess.requires_grad,
            "train_bias": self.bias.requires_grad,
            "train_initial_state": self.first_state.requires_grad,
            "activation": self.activation,
            "path": self.path,
        }

    @property
    def connectome(self) -> Connectome:
        """Whose neurons it has."""
        return self.wiring.connectome

    @property
    def by_edges(self) -> bool:
        """Whether it runs by edges, as it can on the CPU alone."""
        few = len(self.wiring) < _SPARSE_DENSITY * self.state_size**2
        wanted = few if self.path == "auto" else self.path == "sparse"
        return wanted and self.scale.device.type == "cpu"

    @property
    def tau_ms(self) -> Tensor:
        """Time constant of each neuron, shape (neurons,)."""
        return (self.dt_ms + self.log_tau_excess.exp())[self.cell_type]

    def edge_gains(self) -> Tensor:
        """What each edge's first weight is multiplied with, shape (edges,)."""
        size = torch.where(self.free, self.gain, torch.nn.functional.softplus(self.gain))
        # group -1, frozen, takes the last
        return torch.cat((size, size.new_ones(1)))[self.group]

    def edge_weights(self) -> Tensor:
        """Weight of each edge as it acts, shape (edges,), in the order of the wiring."""
        return self.scale * self.edge_gains() * (self.active[self.pre] & self.active[self.post])

    def effective_weight(self) -> Tensor:
        """Recurrent weights as they act, shape (neurons, neurons), row = post, column = pre."""
        return self._matrix(self.edge_weights())

    def initial_state(self, batch: int) -> Tensor:
        """State at the start of an episode, shape (batch, neurons)."""
        return self.first_state.expand(batch, -1)

    def forward(self, observations: Tensor, state: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Act on a sequence, differentiable through all its steps.

        Args:
            observations: Shape (batch, time, channels).
            state: Shape (batch, neurons); None is :meth:`initial_state`.

        Returns:
            Actions, shape (batch, time, actions), and the last state, shape (batch, neurons).

        Raises:
            ValueError: A wrong shape.
        """
        actions, _, last = self.run(observations, state)
        return actions, last

    def run(
        self, observations: Tensor, state: Tensor | None = None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Act on a sequence, and tell the rates.

        Args:
            observations: Shape (batch, time, channels).
            state: Shape (batch, neurons); None is :meth:`initial_state`.

        Returns:
            Actions, shape (batch, time, actions); rates that they read, shape
            (batch, time, neurons); the last state, shape (batch, neurons).

        Raises:
            ValueError: A wrong shape.
        """
        state = self.checked(observations, state)
        kernels = self._kernels()
        shape = (observations.shape[1] * self.substeps, *state.shape)
        noise = self._noise(kernels.decay, shape) if self.noise_std else None
        if isinstance(kernels, EdgeActor):
            return kernels.run(observations, noise, state)
        drive = torch.nn.functional.pad(observations, (0, 1), value=1.0).transpose(0, 1)
        run = self._run_sparse if self.by_edges else self._run_dense
        outputs, rates, last = run(kernels, drive, noise, state)
        return outputs.transpose(0, 1) + self.output_bias, rates.transpose(0, 1), last

    def _run_dense(
        self, kernels: "_Kernels", inputs: Tensor, noise: Tensor | None, state: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        outputs, rates, last = leaky_sequence(
            inputs.repeat_interleave(self.substeps, dim=0),
            noise,
            kernels.of_inputs,
            kernels.recurrent,
            kernels.decay,
            kernels.readout,
            state,
            self.activation,
        )
        read = slice(self.substeps - 1, None, self.substeps)
        return outputs[read], rates[read], last

    def _run_sparse(
        self, kernels: "_Kernels", inputs: Tensor, noise: Tensor | None, state: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        rates, last = sparse_sequence(
            step_products(kernels.of_inputs, inputs.mT),
            None if noise is None else noise.mT,
            kernels.recurrent,
            self.pattern,
            kernels.decay[0],
            state.mT,
            self.substeps,
            self.activation,
        )
        return step_products(kernels.readout, rates).mT, rates.mT, last.mT

    def _kernels(self) -> "_Kernels | EdgeActor":
        """What a step multiplies with; kept while nothing is trained, since it outlasts a step."""
        if torch.is_grad_enabled():
            return self._built()
        parts = (*self._parameters.values(), *self._buffers.values())
        made_of = [(one.data_ptr(), one._version) for one in parts if one is not None]
        made_of.append((self.by_edges, 0))
        if self._kept is None or self._kept[0] != made_of:
            kernels = self._built()
            if self.by_edges and self.activation == "relu":
                ends = self.inputs, self.outputs, self.output_bias
                self._kept = made_of, EdgeActor.of(*kernels, *ends, self.pattern, self.substeps)
            else:
                self._kept = made_of, kernels
        return self._kept[1]

    def _built(self) -> "_Kernels":
        alpha = self.dt_ms / self.tau_ms
        values = alpha[self.post] * self.edge_weights()
        return _Kernels(
            alpha.unsqueeze(1) * self._of_inputs(),
            values if self.by_edges else self._matrix(values),
            (1 - alpha).unsqueeze(0),
            self._readout(),
        )

    def matrices(self) -> dict[str, Tensor]:
        """All that the equation needs, row = post, column = pre.

        Returns:
            ``recurrent`` (neurons, neurons), ``input`` (neurons, channels), ``output`` (actions,
            neurons), ``bias``, ``tau_ms`` and ``first_state`` (neurons,), ``output_bias``
            (actions,).
        """
        of_inputs = self._of_inputs()
        return {
            "recurrent": self.effective_weight(),
            "input": of_inputs[:, :-1],
            "output": self._readout(),
            "bias": of_inputs[:, -1],
            "tau_ms": self.tau_ms,
            "first_state": self.first_state,
            "output_bias": self.output_bias,
        }

    def _of_inputs(self) -> Tensor:
        """Weights of the observation and, last, of the constant that brings the bias."""
        weight = self.input_weight.new_zeros(self.state_size, self.channels)
        weight = weight.index_copy(0, self.inputs, self.input_weight)
        return torch.cat((weight, self.bias.unsqueeze(1)), dim=1) * self.active.unsqueeze(1)

    def _readout(self) -> Tensor:
        weight = self.output_weight.new_zeros(self.actions, self.state_size)
        return weight.index_copy(1, self.outputs, self.output_weight * self.active[self.outputs])

    def _matrix(self, values: Tensor) -> Tensor:
        matrix = values.new_zeros(self.state_size, self.state_size)
        return matrix.index_put((self.post, self.pre), values)

    def _noise(self, decay: Tensor, shape: tuple[int, ...]) -> Tensor:
        normal = torch.randn(
            shape, generator=self.noise_source, dtype=decay.dtype, device=decay.device
        )
        return normal * (2 * (1 - decay)).sqrt() * self.noise_std


class _Kernels(NamedTuple):
    """Weights of one Euler step, as :func:`neuro_common.rate_sequence.leaky_sequence` has them.

    On the sparse path the recurrent ones are those of the edges alone.
    """

    of_inputs: Tensor
    recurrent: Tensor
    decay: Tensor
    readout: Tensor


def _first_weights(
    wiring: Wiring, spectral_radius: float | None, draw: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Signed first weight of each edge, (edges,), and which gains may turn their sign, (gains,)."""
    drawn = torch.randint(0, 2, (wiring.neurons,), generator=draw)[torch.from_numpy(wiring.pre)]
    sign = torch.from_numpy(wiring.sign.astype(np.int64))
    sign = torch.where(sign == 0, 2 * drawn - 1, sign)
    scale = sign * torch.from_numpy(wiring.strength)
    free = torch.zeros(wiring.gains, dtype=torch.bool)
    free[torch.from_numpy(wiring.group[(wiring.sign == 0) & (wiring.group >= 0)])] = True
    if spectral_radius is None:
        return scale, free
    if not 0 < spectral_radius < math.inf:
        raise ValueError(f"spectral_radius must be above 0 and finite, got {spectral_radius}")
    found = radius_of(wiring.matrix(scale.numpy()))
    if not found > 0:
        raise ValueError(
            f"{wiring.connectome.name} has no loop of edges, so no spectral radius can be set: "
            "give spectral_radius=None"
        )
    return scale * (spectral_radius / found), free


def _time_constants(
    wiring: Wiring,
    dt_ms: float,
    tau_ms: float,
    type_tau_ms: Mapping[str, float],
    trained: bool,
) -> tuple[Tensor, Tensor]:
    """Time constants of the cell types, (types,), and the cell type of each neuron, (neurons,)."""
    types, of_neuron = np.unique(wiring.connectome.types, return_inverse=True)
    if unknown := sorted({*type_tau_ms} - {*types.tolist()}):
        raise ValueError(f"type_tau_ms must name cell types of the wiring, got {unknown[0]!r}")
    taus = [type_tau_ms.get(name, tau_ms) for name in types.tolist()]
    # one by one, so that a refusal tells which
    tau = torch.stack([checked_time_constants(one, 1, dt_ms, trained) for one in taus])
    return tau, torch.from_numpy(of_neuron)
