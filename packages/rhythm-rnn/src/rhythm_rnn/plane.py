"""The flow of a trained network on the plane of two principal components (published figure 5).

A plane has two dimensions and the network as many as it has units, so a point of the plane does not
say where the state is off it. Three answers, each of them labelled:

* "relaxed", as published: every point of a grid carries a state of its own from the beginning of
  the run on. Before each step its two coordinates are put back on the grid; what is off the plane
  goes on freely. The field is that of a plane that is bent towards the slow states.
* "trajectory": all are where the trajectory is at that time; the field round the trajectory is
  exact, and worse with the distance.
* "mean": all are at the mean of the states that the plane was fitted to.

Only an orthonormal basis's first two vectors are needed: putting coordinates back moves a state
within the plane alone, so that no state is ever transformed to all components and back.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from neuro_common.rates import RateNetwork
from rhythm_rnn.task import free_run

__all__ = [
    "OFF_PLANES",
    "FlowField",
    "Grid",
    "OffPlane",
    "Panel",
    "Plane",
    "flow_fields",
    "flow_panels",
    "principal_plane",
    "published_start",
    "published_states",
]

Array = NDArray[np.float64]
OffPlane = Literal["relaxed", "trajectory", "mean"]

OFF_PLANES: tuple[str, ...] = get_args(OffPlane)
"""Where the states of a grid may be off the plane."""

_SEED = 112023  # of the published initial state
_CUE_ON_MS = 50.0
_MARGIN = 1.4  # width of a grid over that of the trajectory in it


@dataclass(frozen=True)
class Plane:
    """A plane in the space of states.

    Attributes:
        axes: Two orthonormal vectors, shape (2, units).
        origin: The state at coordinates (0, 0), shape (units,).
        explained: Share of the variance that each axis has of what the plane was fitted to,
            shape (2,).
    """

    axes: Array
    origin: Array
    explained: Array

    def project(self, states: ArrayLike) -> Array:
        """Coordinates of states on the plane, shape (..., units) -> (..., 2)."""
        return np.asarray((np.asarray(states, dtype=np.float64) - self.origin) @ self.axes.T)


@dataclass(frozen=True)
class Grid:
    """Where on the plane a field is wanted.

    Attributes:
        x: First coordinates, rising, shape (nx,).
        y: Second coordinates, rising, shape (ny,).
    """

    x: Array
    y: Array

    @classmethod
    def around(cls, centre: ArrayLike, half_width: float, points: int) -> "Grid":
        """A square grid.

        Args:
            centre: Its middle, shape (2,).
            half_width: From the middle to each side, above 0.
            points: On a side, at least 2.

        Raises:
            ValueError: The half width or the number of points is out of its range.
        """
        if not (np.isfinite(half_width) and half_width > 0):
            raise ValueError(f"half_width must be finite and above 0, got {half_width}")
        if points < 2:
            raise ValueError(f"points must be at least 2 on a side, got {points}")
        side = np.linspace(-half_width, half_width, points)
        x, y = np.asarray(centre, dtype=np.float64)
        return cls(x + side, y + side)

    @property
    def points(self) -> Array:
        """All points, row by row, shape (ny nx, 2)."""
        return np.stack(np.meshgrid(self.x, self.y), axis=-1).reshape(-1, 2)


@dataclass(frozen=True)
class FlowField:
    """Where a step takes the states of a grid.

    Attributes:
        grid: The points.
        velocity: Change of the two coordinates per ms, shape (ny, nx, 2).
        speed: Length of the change of the whole state per ms, in all dimensions, shape (ny, nx).
        off_plane: Where the states are off the plane.
    """

    grid: Grid
    velocity: Array
    speed: Array
    off_plane: OffPlane


@dataclass(frozen=True)
class Panel:
    """One picture of the flow: a field, and the trajectory that led there.

    Attributes:
        cue: The cue of the run, which may not have begun yet.
        time_ms: When the step of the field begins.
        cue_on: Whether the cue is on in that step.
        field: The field.
        path: The trajectory's coordinates from the beginning to that time, shape (time, 2).
        in_plane: Share of the variance of the trajectory's states that is in the plane.
    """

    cue: float
    time_ms: float
    cue_on: bool
    field: FlowField
    path: Array
    in_plane: float


def published_start(tap: NDArray[np.bool_]) -> Array:
    """The published initial state, shape (units,): uniform in (-1, 1), tap units all alike.

    Args:
        tap: Which units fire at the tap, shape (units,); they share one number of (0, 1).
    """
    generator = torch.Generator().manual_seed(_SEED)
    start = 2 * torch.rand(len(tap), generator=generator) - 1
    start[torch.from_numpy(np.asarray(tap))] = torch.rand(1, generator=generator)
    return np.asarray(start.double())


def published_states(
    network: RateNetwork,
    start: ArrayLike,
    *,
    cues: ArrayLike | None = None,
    duration_ms: float = 500.0,
) -> Array:
    """States of noise-free runs from one state, to fit a plane to, shape (cues, time, units).

    Args:
        network: The network.
        start: First state, shape (units,).
        cues: Cue of each run, on from 50 ms; None is the published 100 from -1 to 0.2.
        duration_ms: Length of the runs.
    """
    cues = np.linspace(-1.0, 0.2, 100) if cues is None else cues
    inputs = _cue_inputs(network, cues, duration_ms)
    return _states(network, inputs, start)[:, 1:]


def principal_plane(states: ArrayLike, *, compat: bool = False) -> Plane:
    """The plane of the two directions in which states vary most.

    The states are centred and not scaled: lengths in the plane, and speeds, are then those of the
    states, and a unit counts by how far it moves. Each axis points to where its largest entry is
    positive.

    Args:
        states: Shape (..., units), at least 2 states.
        compat: As published: the axes are those of z-scored states, the origin is zero, and states
            are projected as they are. Units that rest count as much as those that carry the rhythm.

    Raises:
        ValueError: There are fewer than 2 states or units, or a number is not finite.
    """
    samples = np.asarray(states, dtype=np.float64)
    samples = samples.reshape(-1, samples.shape[-1])
    if min(samples.shape) < 2 or not np.isfinite(samples).all():
        raise ValueError(
            f"states must be finite, at least 2 states of 2 units, got shape {np.shape(states)}"
        )
    mean = samples.mean(axis=0)
    centred = samples - mean
    if compat:
        spread = centred.std(axis=0)
        centred /= np.where(spread > 0, spread, 1.0)
    variances, vectors = np.linalg.eigh(centred.T @ centred / len(centred))
    axes = vectors.T[:-3:-1]
    largest = np.abs(axes).argmax(axis=1)
    axes = axes * np.sign(axes[np.arange(2), largest])[:, None]
    explained = variances[:-3:-1] / variances.sum()
    return Plane(axes, np.zeros_like(mean) if compat else mean, explained)


def flow_fields(
    network: RateNetwork,
    plane: Plane,
    grid: Grid,
    inputs: ArrayLike,
    steps: Sequence[int],
    *,
    start: ArrayLike,
    off_plane: OffPlane = "relaxed",
) -> list[FlowField]:
    """The field of some steps of a noise-free run, all points of the grid at once.

    Args:
        network: The network; the field is computed in its precision.
        plane: The plane.
        grid: Where on it.
        inputs: What comes in at each step, shape (time, inputs).
        steps: Which steps, counted from 0, rising.
        start: First state of the run, shape (units,).
        off_plane: Where the states are off the plane.

    Returns:
        One field a step.

    Raises:
        ValueError: `off_plane` is none of the three, or the steps do not rise within the run.
    """
    if off_plane not in OFF_PLANES:
        raise ValueError(f"off_plane must be one of {', '.join(OFF_PLANES)}, got {off_plane!r}")
    channels = _tensor(network, inputs)
    if not steps or not (np.diff([-1, *steps, len(channels)]) > 0).all():
        raise ValueError(
            f"steps must rise within the {len(channels)} of the run, got {list(steps)}"
        )
    axes, origin, points = (_tensor(network, a) for a in (plane.axes, plane.origin, grid.points))
    first = _tensor(network, start).expand(len(points), -1)
    shape = (len(grid.y), len(grid.x))
    fields = []
    with torch.no_grad():
        step = _Step(network, channels)
        if off_plane == "relaxed":
            pairs = _relaxing(step, first, points, axes, origin, steps[-1] + 1)
            found = {t: pair for t, pair in enumerate(pairs) if t in steps}
        else:
            run = _states(network, channels[None], start)[0]
            found = {}
            for t in steps:
                base = origin if off_plane == "mean" else _tensor(network, run[t])
                before = _clamped(base.expand_as(first), points, axes, origin)
                found[t] = (before, step(before, t))
        for before, after in (found[t] for t in steps):
            change = (after - before) / network.dt_ms
            velocity = (change @ axes.T).reshape(*shape, 2)
            speed = torch.linalg.vector_norm(change, dim=1).reshape(shape)
            fields.append(FlowField(grid, _array(velocity), _array(speed), off_plane))
    return fields


def flow_panels(
    network: RateNetwork,
    plane: Plane,
    cue: float,
    times_ms: Sequence[float],
    *,
    start: ArrayLike | None = None,
    centre: ArrayLike | None = None,
    half_width: float | None = None,
    points: int = 32,
    off_plane: OffPlane = "relaxed",
) -> list[Panel]:
    """Fields at some times of one noise-free run, with its trajectory.

    Published figure 5a has the last step of 500 ms at several cues, 5b several times at one cue.

    Args:
        network: The network.
        plane: The plane.
        cue: The cue, on from 50 ms: fields of earlier times have none.
        times_ms: When the steps of the fields begin, rising, at least 0.
        start: First state, shape (units,); None is zero.
        centre: Middle of the grid, shape (2,); None is the middle of the trajectory.
        half_width: Of the grid; None takes the trajectory in, with a margin.
        points: Of the grid, on a side.
        off_plane: Where the states are off the plane.

    Raises:
        ValueError: As :func:`flow_fields` and :meth:`Grid.around`, or the cue is not finite.
    """
    steps = [round(time / network.dt_ms) for time in times_ms]
    inputs = _cue_inputs(network, [cue], (max(steps, default=0) + 1) * network.dt_ms)
    start = np.zeros(network.units) if start is None else start
    states = _states(network, inputs, start)[0]
    path = plane.project(states)
    low, high = path.min(axis=0), path.max(axis=0)
    centre = (low + high) / 2 if centre is None else centre
    half_width = _MARGIN * float((high - low).max()) / 2 if half_width is None else half_width
    grid = Grid.around(centre, half_width, points)
    fields = flow_fields(network, plane, grid, inputs[0], steps, start=start, off_plane=off_plane)
    total = states.var(axis=0).sum()
    share = float(path.var(axis=0).sum() / total) if total > 0 else float("nan")
    times = [step * network.dt_ms for step in steps]
    return [
        Panel(cue, time, time >= _CUE_ON_MS, field, path[: step + 1], share)
        for step, time, field in zip(steps, times, fields, strict=True)
    ]


class _Step:
    """One Euler step of a network, without noise, with the weights of all steps made once."""

    def __init__(self, network: RateNetwork, inputs: Tensor) -> None:
        alpha = network.dt_ms / network.tau_ms
        self._network = network
        self._decay = 1 - alpha
        self._recurrent = (alpha.unsqueeze(-1) * network.effective_weight()).T.contiguous()
        self._drive = alpha * torch.nn.functional.linear(inputs, network.input_weight, network.bias)

    def __call__(self, states: Tensor, t: int) -> Tensor:
        pulled = torch.addmm(self._drive[t], self._network.rate_of(states), self._recurrent)
        return pulled.add_(self._decay * states)


def _relaxing(
    step: _Step, states: Tensor, points: Tensor, axes: Tensor, origin: Tensor, n_steps: int
) -> Iterator[tuple[Tensor, Tensor]]:
    """States before and after each step, put back on the grid before it."""
    for t in range(n_steps):
        before = _clamped(states, points, axes, origin)
        states = step(before, t)
        yield before, states


def _clamped(states: Tensor, points: Tensor, axes: Tensor, origin: Tensor) -> Tensor:
    """The states moved within the plane to the points."""
    return torch.addmm(states, points - (states - origin) @ axes.T, axes)


def _cue_inputs(network: RateNetwork, cues: ArrayLike, duration_ms: float) -> Tensor:
    """Inputs of runs at some cues, on from 50 ms, shape (cues, time, 2)."""
    beyond = max(duration_ms, _CUE_ON_MS + network.dt_ms)
    trials = free_run(
        cues, onset_s=_CUE_ON_MS / 1e3, duration_s=beyond / 1e3, dt_ms=network.dt_ms, dtype=float
    )
    return _tensor(network, trials.inputs)[:, : round(duration_ms / network.dt_ms)]


def _states(network: RateNetwork, inputs: Tensor, start: ArrayLike) -> Array:
    """The first state and that after each step, shape (batch, 1 + time, units)."""
    first = _tensor(network, start).expand(len(inputs), -1)
    run = network.free_run(inputs, first, save_every=1)
    return _array(torch.cat((first[:, None], run.states), dim=1))


def _tensor(network: RateNetwork, values: Any) -> Tensor:
    return torch.as_tensor(values).to(network.input_weight)


def _array(values: Tensor) -> Array:
    return np.asarray(values.double().cpu())
