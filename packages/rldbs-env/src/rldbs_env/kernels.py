"""Compiled kernels: a batch of ensembles advanced one ensemble at a time, state kept in cache.

Every kernel works on arrays of one floating type, float64 or float32. A batch of ``E`` ensembles
of up to ``N`` neurons, ``V`` variables each, with ``S`` sensors and ``A`` electrodes has
``state (E, V, N)``, ``sizes (E,)``, ``currents (E, N)``, ``fields (E, 2, S)``,
``parameters (E, P)`` and ``chaos (E, 4)``; ``wiring`` is shared, ``work (rows, N)`` is scratch.
``members`` names the ensembles to advance. An ensemble's result does not depend on its neighbours,
so batch size and threads cannot change it. The functions below are templates: `step` stands for the
model's, see `kernels_of`.

The windows of the last ``L`` samples are ring buffers ``windows (E, 3 S + A, 2 L)`` with the rows
X and Y of each sensor as measured, then the kick of each electrode, then the true X of each sensor.
Each sample is written twice, ``L`` apart, so that ``windows[e, :, head:head + L]`` is always one
contiguous window, oldest first. ``measurement (E, 2)`` is the gain and the noise of the sensors.
"""

import math
from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rldbs_env._jit import jit, specialise
from rldbs_env.arrays import Array, Flags, Indices, Scalar
from rldbs_env.chance import normal

__all__ = ["Kernels", "advance", "drift", "fill_windows", "kernels_of", "trace"]

X, Y = 0, 1

Words = NDArray[np.uint64]


class Kernels(NamedTuple):
    """The kernels of one model, compiled."""

    advance: Callable[..., None]
    drift: Callable[..., None]
    fill_windows: Callable[..., None]
    trace: Callable[..., None]


@cache
def kernels_of(step: Callable[..., None]) -> Kernels:
    """The kernels of the model that has this compiled step."""
    templates = (advance, drift, fill_windows, trace)
    return Kernels(*(specialise(template, step=step) for template in templates))


def step(*arguments: Any) -> None:
    """The model's step stands here; `rldbs_env.rk4.planar_step` says what it takes."""
    raise NotImplementedError


def trace(
    state: Array,
    currents: Array,
    work: Array,
    fields: Array,
    parameters: Array,
    wiring: Any,
    chaos: Words,
    kicks: Array,
    neurons: Indices,
    recorded: Array,
    neuron_x: Array,
) -> None:
    """Advance one ensemble, ``state (V, N)`` in place, by ``len(kicks)`` steps.

    Takes ``fields (2, S)`` at the start and ``kicks (steps, A)``; writes ``recorded (steps, 2, S)``
    and ``neuron_x (steps, len(neurons))`` after each step.
    """
    for k in range(kicks.shape[0]):
        step(state, state.shape[1], currents, work, fields, kicks[k], parameters, wiring, chaos)
        recorded[k] = fields
        for i in range(neurons.shape[0]):
            neuron_x[k, i] = state[X, neurons[i]]


def drift(
    members: Indices,
    work: Array,
    sizes: Indices,
    state: Array,
    currents: Array,
    fields: Array,
    parameters: Array,
    wiring: Any,
    chaos: Words,
    silence: Array,
    n_steps: Indices,
) -> None:
    """Let each member run freely for its own ``n_steps[e]`` steps; ``silence (A,)`` is no kick."""
    for m in range(members.shape[0]):
        e = members[m]
        for _ in range(n_steps[e]):
            step(
                state[e], sizes[e], currents[e], work, fields[e], silence, parameters[e], wiring,
                chaos[e],
            )  # fmt: skip


@jit
def _clamp(value: Scalar, low: Scalar, high: Scalar) -> Scalar:
    """The nearest value within the limits; NaN becomes ``high``."""
    if value < low:
        return low
    if value <= high:
        return value
    return high


@jit
def _push(
    window: Array,
    head: int,
    fields: Array,
    kicks: Array,
    measurement: Array,
    limits: Array,
    chaos: Words,
) -> int:
    """Write one sample over the oldest one; return the new head."""
    length, real = window.shape[1] // 2, window.dtype.type
    n_sensors, n_electrodes = fields.shape[1], kicks.shape[0]
    gain, noise = measurement[0], measurement[1]
    for s in range(n_sensors):
        x, y = fields[X, s], fields[Y, s]
        window[2 * n_sensors + n_electrodes + s, head] = x
        window[2 * n_sensors + n_electrodes + s, head + length] = x
        x, y = x * gain, y * gain
        if noise > 0:
            x += noise * real(normal(chaos))
            y += noise * real(normal(chaos))
        x = _clamp(x, limits[0], limits[1])  # what is recorded may saturate
        y = _clamp(y, limits[2], limits[3])
        window[s, head] = window[s, head + length] = x
        window[n_sensors + s, head] = window[n_sensors + s, head + length] = y
    for a in range(n_electrodes):
        row = 2 * n_sensors + a
        window[row, head] = window[row, head + length] = kicks[a]
    return head + 1 if head + 1 < length else 0


@jit
def _sum_windows(window: Array, first: int, sums: Array) -> None:
    for s in range(sums.shape[0]):
        total = 0.0
        for i in range(window.shape[1] // 2):
            total += float(window[first + s, i])
        sums[s] = total


def fill_windows(
    members: Indices,
    work: Array,
    sizes: Indices,
    state: Array,
    currents: Array,
    fields: Array,
    parameters: Array,
    wiring: Any,
    chaos: Words,
    silence: Array,
    windows: Array,
    heads: Indices,
    sums: Array,
    measurement: Array,
    limits: Array,
) -> None:
    """Let each member run freely for one window length and record it; ``head`` ends at zero."""
    first = windows.shape[1] - sums.shape[1]
    for m in range(members.shape[0]):
        e = members[m]
        head = 0
        for _ in range(windows.shape[2] // 2):
            step(
                state[e], sizes[e], currents[e], work, fields[e], silence, parameters[e], wiring,
                chaos[e],
            )  # fmt: skip
            head = _push(windows[e], head, fields[e], silence, measurement[e], limits, chaos[e])
        heads[e] = head
        _sum_windows(windows[e], first, sums[e])


@jit
def _escaped(fields: Array, limits: Array) -> bool:
    """Whether a field has left its limits or is not a number; it is put back to the limit."""
    escaped = False
    for s in range(fields.shape[1]):
        for row in (X, Y):
            low, high = limits[2 * row], limits[2 * row + 1]
            if not low <= fields[row, s] <= high:
                escaped = True
                fields[row, s] = _clamp(fields[row, s], low, high)
    return escaped


def advance(  # noqa: C901 - one step in the order of its events
    members: Indices,
    work: Array,
    sizes: Indices,
    state: Array,
    currents: Array,
    fields: Array,
    parameters: Array,
    wiring: Any,
    chaos: Words,
    windows: Array,
    heads: Indices,
    sums: Array,
    measurement: Array,
    steps: Indices,
    actions: Array,
    kicks: Array,
    pulse: Array,
    limits: Array,
    reward_terms: Array,
    episode_steps: int,
    rows: Indices,
    stride: int,
    observations: Array,
    rewards: Array,
    charges: Array,
    terminated: Flags,
    truncated: Flags,
) -> None:
    """One environment step of each member: pulse, samples, reward, end of episode, observation.

    ``pulse[j] * actions[e]`` is the kick before sub-step ``j``, kept in ``kicks (E, A)``; every
    sub-step adds a sample to the windows. ``limits`` is (x_low, x_high, y_low, y_high): a field
    that leaves it, or is not a number, terminates the episode and enters the window clamped.
    ``reward_terms`` is (weight, target or NaN for the window mean, penalty, reward of divergence).
    The observation is every ``stride``-th sample of the windows ``rows``, the newest included.
    """
    real = state.dtype.type
    length = windows.shape[2] // 2
    n_sensors, n_electrodes = sums.shape[1], kicks.shape[1]
    first = windows.shape[1] - n_sensors
    seen = np.uint64((length - 1) // stride + 1)
    for m in range(members.shape[0]):
        e = members[m]
        head, window, field, kick, sum_ = heads[e], windows[e], fields[e], kicks[e], sums[e]
        charge = 0.0
        diverged = False
        for j in range(pulse.shape[0]):
            for a in range(n_electrodes):
                kick[a] = real(actions[e, a] * pulse[j])
                charge += float(abs(kick[a]))
            step(
                state[e], sizes[e], currents[e], work, field, kick, parameters[e], wiring, chaos[e]
            )
            diverged = _escaped(field, limits)
            for s in range(n_sensors):
                sum_[s] += field[X, s] - window[first + s, head]
            head = _push(window, head, field, kick, measurement[e], limits, chaos[e])
            if head == 0:  # once a window, so that rounding errors of the running sum cannot grow
                _sum_windows(window, first, sum_)
            if diverged:
                break
        heads[e] = head
        steps[e] += 1

        squares = 0.0
        for s in range(n_sensors):
            target = sum_[s] / length if math.isnan(reward_terms[1]) else reward_terms[1]
            deviation = field[X, s] - target
            squares += deviation * deviation
        rewards[e] = -reward_terms[0] * squares / n_sensors - reward_terms[2] * charge
        if diverged:
            rewards[e] = reward_terms[3]
        charges[e] = charge
        terminated[e] = diverged
        truncated[e] = episode_steps > 0 and steps[e] >= episode_steps
        oldest = head + (length - 1) % stride
        for k in range(rows.shape[0]):
            row = window[rows[k], oldest : head + length]
            shown = observations[e, k * seen : (k + 1) * seen]
            for i in range(seen):
                shown[i] = row[i * np.uint64(stride)]
