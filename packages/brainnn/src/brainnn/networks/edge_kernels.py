"""Compiled loops over edges: leaky rate units that act, a sequence of them, and its gradient.

Trials lie side by side in memory, and a group of them that fits into registers and nearest cache
goes through the whole sequence before the next: an edge, once read, serves all trials of a group.
Importing this module imports numba.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

import numba
import numpy as np
from numpy.typing import NDArray

from brainnn.networks.lanes import WIDTH, load, ramp, spread, store, total, where_above_zero

__all__ = ["act_by_edges", "act_one", "advance_by_edges", "retreat_by_edges"]

Floats = NDArray[np.floating[Any]]
Indices = NDArray[np.integer[Any]]
Function = TypeVar("Function", bound=Callable[..., object])

# Sums may be reordered into vector lanes and products fused; NaN and infinity keep their meaning.
_FLAGS = {"reassoc", "contract", "nsz"}


def _jit(function: Function) -> Function:
    options: Any = {"nogil": True, "error_model": "numpy", "fastmath": _FLAGS}
    try:
        Path.home()  # a user without one has no cache folder, and numba would make one named "~"
        return cast(Function, numba.njit(function, cache=True, **options))
    except RuntimeError:  # there is no folder for the cache: compile once per process
        return cast(Function, numba.njit(function, **options))


@_jit
def advance_by_edges(
    starts: Indices,
    columns: Indices,
    values: Floats,
    decay: Floats,
    rectified: bool,
    drive: Floats,
    noise: Floats,
    current: Floats,
    rates: Floats,
    states: Floats,
) -> None:
    """Step ``current <- decay * current + drive + matrix @ rates``, the matrix in compressed rows.

    What is not wanted has no steps: shape (0, units, batch).

    Args:
        starts: Where each row begins among the entries, shape (units + 1,).
        columns: Column of each entry, shape (entries,).
        values: The entries, shape (entries,).
        decay: Shape (units,).
        rectified: Whether to write the rates of linear rectification; else the caller does.
        drive: Shape (time, units, batch); each is held for ``steps / time`` steps.
        noise: What is added beside it, shape (steps, units, batch), or not wanted.
        current: State, shape (units, batch), the batch a multiple of
            :data:`brainnn.networks.lanes.WIDTH`; **overwritten** with the last.
        rates: Shape (steps + 1, units, batch); the first are given, **the others written**.
        states: Where to write the state before each step, shape (steps, units, batch), or not
            wanted.
    """
    held_for = (len(rates) - 1) // len(drive)
    for first in range(0, current.shape[1], WIDTH):
        for step in range(len(rates) - 1):
            held, seen, after = drive[step // held_for], rates[step], rates[step + 1]
            for row in range(len(decay)):
                before = load(current, row, first)
                state = spread(decay[row]) * before + load(held, row, first)
                for entry in range(np.uintp(starts[row]), np.uintp(starts[row + 1])):
                    state = state + spread(values[entry]) * load(seen, columns[entry], first)
                if len(noise) > 0:
                    state = state + load(noise[step], row, first)
                if len(states) > 0:
                    store(states[step], row, first, before)
                store(current, row, first, state)
                if rectified:
                    store(after, row, first, ramp(state))


@_jit
def retreat_by_edges(  # noqa: C901
    starts: Indices,
    rows: Indices,
    values: Floats,
    decay: Floats,
    rates: Floats,
    slopes: Floats,
    states: Floats,
    arriving: Floats,
    through: Floats,
    direct: Floats,
    drive_sums: Floats,
    noise_sums: Floats,
    value_sums: Floats,
    decay_sums: Floats,
) -> None:
    """Run :func:`advance_by_edges` back: from gradients of its results to those of what it took.

    What is not wanted has no steps, or no entries.

    Args:
        starts: Where each column begins among the entries, sorted by column, shape (units + 1,).
        rows: Row of each entry in this order, shape (entries,).
        values: The entries in this order, shape (entries,).
        decay: Shape (units,).
        rates: As they were written, shape (steps + 1, units, batch).
        slopes: Slopes of the rates after each step, shape (steps, units, batch); none are those of
            linear rectification.
        states: As they were written, or not wanted.
        arriving: Gradients of the rates after each ``steps / time`` steps, shape
            (time, units, batch), or none.
        through: Zeros, shape (units, batch); **overwritten** with the gradient of the first rates.
        direct: Gradient of the last state, shape (units, batch); **overwritten** with that of the
            first, past its rates.
        drive_sums: Gradient of the drive, shape (time, units, batch), **written**.
        noise_sums: Gradient of the noise, shape (steps, units, batch), **written**, or not wanted.
        value_sums: Gradient of the entries in this order, shape (entries,), **added to**, or not
            wanted.
        decay_sums: Gradient of the decay, shape (units,), **added to**, if states are given.
    """
    held_for = (len(rates) - 1) // len(drive_sums)
    adjoint = np.empty_like(direct)
    for first in range(0, direct.shape[1], WIDTH):
        for step in range(len(rates) - 2, -1, -1):
            time, held = divmod(step, held_for)
            after, seen, driven = rates[step + 1], rates[step], drive_sums[time]
            for row in range(len(decay)):
                here = load(through, row, first)
                if held == held_for - 1 and len(arriving) > 0:
                    here = here + load(arriving[time], row, first)
                if len(slopes) > 0:
                    here = here * load(slopes[step], row, first)
                else:
                    here = where_above_zero(load(after, row, first), here)
                here = here + load(direct, row, first)
                store(adjoint, row, first, here)
                store(direct, row, first, spread(decay[row]) * here)
                if held == held_for - 1:
                    store(driven, row, first, here)
                else:
                    store(driven, row, first, load(driven, row, first) + here)
                if len(noise_sums) > 0:
                    store(noise_sums[step], row, first, here)
                if len(states) > 0:
                    decay_sums[row] += total(here * load(states[step], row, first))
            for column in range(len(decay)):
                saw = load(seen, column, first)
                back = spread(decay.dtype.type(0))
                for entry in range(np.uintp(starts[column]), np.uintp(starts[column + 1])):
                    end = load(adjoint, rows[entry], first)
                    back = back + spread(values[entry]) * end
                    if len(value_sums) > 0:
                        value_sums[entry] += total(saw * end)
                store(through, column, first, back)


@_jit
def act_one(  # noqa: C901
    substeps: int,
    starts: Indices,
    rows: Indices,
    values: Floats,
    decay: Floats,
    bias: Floats,
    inputs: Indices,
    input_weight: Floats,
    outputs: Indices,
    output_weight: Floats,
    output_bias: Floats,
    noise: Floats,
    observations: Floats,
    current: Floats,
    rates: Floats,
    actions: Floats,
) -> None:
    """Act in one trial.

    Args:
        substeps: Sub-steps that an observation is held for.
        starts: Where each column begins among the entries, sorted by column, shape (units + 1,).
        rows: Row of each entry, shape (entries,).
        values: The entries, shape (entries,).
        decay: What a sub-step leaves of a state, shape (units,).
        bias: What it adds, shape (units,).
        inputs: Units that see the observation, shape (inputs,).
        input_weight: Shape (inputs, channels).
        outputs: Units that are read, shape (outputs,).
        output_weight: Shape (actions, outputs).
        output_bias: Shape (actions,).
        noise: What else sub-steps add, shape (time * substeps, units), or (0, units) for none.
        observations: Shape (time, channels).
        current: State, shape (units,); **overwritten** with the last.
        rates: Rates that are read, shape (time, units), **written**.
        actions: Shape (time, actions), **written**.
    """
    zero = current.dtype.type(0)
    seen, drive = np.empty_like(current), np.empty_like(current)
    for time in range(len(observations)):
        for unit in range(len(drive)):
            drive[unit] = bias[unit]
        for place in range(len(inputs)):
            arriving = zero
            for channel in range(observations.shape[1]):
                arriving += input_weight[place, channel] * observations[time, channel]
            drive[inputs[place]] += arriving
        for step in range(time * substeps, (time + 1) * substeps):
            for unit in range(len(current)):
                seen[unit] = max(current[unit], zero)
                current[unit] = decay[unit] * current[unit] + drive[unit]
                if len(noise) > 0:
                    current[unit] += noise[step, unit]
            for unit in range(len(current)):
                if seen[unit] != zero:
                    # unsigned: numba then leaves out the check for negative indices
                    for entry in range(np.uintp(starts[unit]), np.uintp(starts[unit + 1])):
                        current[rows[entry]] += values[entry] * seen[unit]
        for unit in range(len(current)):
            rates[time, unit] = max(current[unit], zero)
        for action in range(len(output_bias)):
            read = output_bias[action]
            for place in range(len(outputs)):
                read += output_weight[action, place] * rates[time, outputs[place]]
            actions[time, action] = read


@_jit
def act_by_edges(
    substeps: int,
    starts: Indices,
    columns: Indices,
    values: Floats,
    decay: Floats,
    bias: Floats,
    inputs: Indices,
    input_weight: Floats,
    outputs: Indices,
    output_weight: Floats,
    output_bias: Floats,
    noise: Floats,
    observations: Floats,
    current: Floats,
    rates: Floats,
    actions: Floats,
) -> None:
    """Act in many trials: as :func:`act_one`, with trials as the last dimension.

    Entries are sorted by row, and the batch is a multiple of
    :data:`brainnn.networks.lanes.WIDTH`.
    """
    units, batch = current.shape
    drive = np.empty((1, units, batch), current.dtype)
    within = np.empty((substeps + 1, units, batch), current.dtype)
    for time in range(len(observations)):
        for first in range(0, batch, WIDTH):
            for unit in range(units):
                store(drive[0], unit, first, spread(bias[unit]))
                store(within[0], unit, first, ramp(load(current, unit, first)))
            for place in range(len(inputs)):
                arriving = load(drive[0], inputs[place], first)
                for channel in range(observations.shape[1]):
                    seen = load(observations[time], channel, first)
                    arriving = arriving + spread(input_weight[place, channel]) * seen
                store(drive[0], inputs[place], first, arriving)
        here = noise[time * substeps : (time + 1) * substeps]
        edges = starts, columns, values
        advance_by_edges(*edges, decay, True, drive, here, current, within, within[:0])
        for first in range(0, batch, WIDTH):
            for unit in range(units):
                store(rates[time], unit, first, load(within[substeps], unit, first))
            for action in range(len(output_bias)):
                read = spread(output_bias[action])
                for place in range(len(outputs)):
                    weight = spread(output_weight[action, place])
                    read = read + weight * load(within[substeps], outputs[place], first)
                store(actions[time], action, first, read)
