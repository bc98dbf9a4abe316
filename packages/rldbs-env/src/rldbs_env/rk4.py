"""One classical RK4 step of a coupled ensemble, for neurons of two and of three variables.

These are templates: `flow` and `substeps` stand for the model's own, see `compiled_step`. The mean
of ``x`` is a sum over a population, so each of the four stages is one pass over its neurons, with
the coupling evaluated anew. The first rows of ``work`` hold the stages, the next one a network's
input, the last three the populations' means, their next means and kicks.
"""

import math
from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rldbs_env._jit import jit, specialise
from rldbs_env.arrays import Array, Indices, Scalar
from rldbs_env.chance import add_noise
from rldbs_env.coupling import gather

__all__ = ["Wiring", "compiled_step", "planar_step", "spatial_step"]


class Wiring(NamedTuple):
    """Who drives whom.

    Attributes:
        starts: First neuron of each population, shape (populations,).
        weights: Of population q's mean in population p's drive, shape (populations, populations).
        indptr, indices, strengths: A network's rows, compressed; empty without one.
    """

    starts: Indices
    weights: Array
    indptr: Indices
    indices: Indices
    strengths: Array


def flow(*arguments: Any) -> Any:
    """The model's flow stands here."""
    raise NotImplementedError


def substeps(state: Array, n: int, kicks: Array, dt: Scalar) -> int:
    """The model's division of a step stands here."""
    raise NotImplementedError


@cache
def compiled_step(
    n_variables: int, flow: Callable[..., Any], substeps: Callable[..., int]
) -> Callable[..., None]:
    """The compiled step of a model with this flow; see `planar_step` for its arguments."""
    template = {2: planar_step, 3: spatial_step}[n_variables]
    return specialise(template, flow=flow, substeps=substeps)


@jit
def _drive(p: int, wiring: Wiring, means: Array, coupling: Scalar, shift: Scalar) -> Scalar:
    """What the populations' means give to each neuron of population ``p``."""
    if wiring.indptr.shape[0] > 0:
        return shift
    total: Scalar = means[0] * wiring.weights[p, 0]
    for q in range(1, wiring.starts.shape[0]):
        total += means[q] * wiring.weights[p, q]
    return coupling * total + shift


@jit
def _bounds(p: int, wiring: Wiring, n: int) -> tuple[np.uint64, np.uint64]:
    """First neuron of population ``p`` and one past its last.

    Unsigned, because indices that might be negative cost the loops their vector instructions.
    """
    end = wiring.starts[p + 1] if p + 1 < wiring.starts.shape[0] else n
    return np.uint64(wiring.starts[p]), np.uint64(end)


@jit
def _mean(row: Array, begin: np.uint64, end: np.uint64) -> Scalar:
    real = row.dtype.type
    total = real(0.0)
    for i in range(begin, end):
        total += row[i]
    return total / real(end - begin)


def planar_step(  # noqa: C901 - four stages, written out to be fused
    state: Array,
    n: int,
    currents: Array,
    work: Array,
    fields: Array,
    kicks: Array,
    parameters: Array,
    wiring: Wiring,
    chaos: NDArray[np.uint64],
) -> None:
    """Kick and advance one ensemble of neurons with two variables.

    Args:
        state: Shape (2, neurons), advanced in place.
        n: How many of the neurons there are.
        currents: Shape (neurons,).
        work: Scratch, shape (8, neurons).
        fields: Means of x and y of each population, shape (2, populations), before the kick on
            entry, after the step on return.
        kicks: Added to every x of a population before the step, shape (populations,).
        parameters: Coupling, dt, shift of all currents, noise, then six constants of the flow.
        wiring: Who drives whom.
        chaos: State of the ensemble's noise, shape (4,).
    """
    real = state.dtype.type
    x, y = state[0], state[1]
    coupling, shift = parameters[0], parameters[2]
    third, sixth, two = real(1.0 / 3.0), real(1.0 / 6.0), real(2.0)
    constants = (
        parameters[4], parameters[5], parameters[6], parameters[7], parameters[8], parameters[9]
    )  # fmt: skip
    n_populations = wiring.starts.shape[0]
    networked = wiring.indptr.shape[0] > 0
    u, v, p, q = work[0], work[1], work[2], work[3]
    inputs = work[4] if networked else currents
    means, fresh, now = work[5], work[6], work[7]

    parts = substeps(state, n, kicks, parameters[1])
    dt = parameters[1] / real(parts)
    half_dt, sixth_dt = real(0.5) * dt, sixth * dt
    for k in range(n_populations):
        now[k] = kicks[k]
        means[k] = fields[0, k] + kicks[k]
        if networked:  # the input of its first stage is that of the kicked neurons
            begin, end = _bounds(k, wiring, n)
            for i in range(begin, end):
                x[i] += kicks[k]
            now[k] = real(0.0)

    for _ in range(parts):
        if networked:
            gather(x, currents, coupling, wiring.indptr, wiring.indices, wiring.strengths, inputs)
        for k in range(n_populations):
            begin, end = _bounds(k, wiring, n)
            total = real(0.0)
            kick, drive = now[k], _drive(k, wiring, means, coupling, shift)
            for i in range(begin, end):
                a, b = x[i] + kick, y[i]
                da, db = flow(a, b, inputs[i] + drive, constants)
                u[i] = a + half_dt * da
                v[i] = b + half_dt * db
                total += u[i]
            fresh[k] = total / real(end - begin)
        means, fresh = fresh, means

        if networked:
            gather(u, currents, coupling, wiring.indptr, wiring.indices, wiring.strengths, inputs)
        for k in range(n_populations):
            begin, end = _bounds(k, wiring, n)
            total = real(0.0)
            kick, drive = now[k], _drive(k, wiring, means, coupling, shift)
            for i in range(begin, end):
                da, db = flow(u[i], v[i], inputs[i] + drive, constants)
                p[i] = x[i] + kick + half_dt * da
                q[i] = y[i] + half_dt * db
                total += p[i]
            fresh[k] = total / real(end - begin)
        means, fresh = fresh, means

        if networked:
            gather(p, currents, coupling, wiring.indptr, wiring.indices, wiring.strengths, inputs)
        for k in range(n_populations):
            begin, end = _bounds(k, wiring, n)
            total = real(0.0)
            kick, drive = now[k], _drive(k, wiring, means, coupling, shift)
            for i in range(begin, end):
                a, b = p[i], q[i]
                da, db = flow(a, b, inputs[i] + drive, constants)
                last_x = x[i] + kick + dt * da
                last_y = y[i] + dt * db
                p[i] = u[i] + two * a + last_x
                q[i] = v[i] + two * b + last_y
                u[i] = last_x
                v[i] = last_y
                total += last_x
            fresh[k] = total / real(end - begin)
        means, fresh = fresh, means

        if networked:
            gather(u, currents, coupling, wiring.indptr, wiring.indices, wiring.strengths, inputs)
        for k in range(n_populations):
            begin, end = _bounds(k, wiring, n)
            total = real(0.0)
            kick, drive = now[k], _drive(k, wiring, means, coupling, shift)
            for i in range(begin, end):
                da, db = flow(u[i], v[i], inputs[i] + drive, constants)
                x[i] = (p[i] - x[i] - kick) * third + sixth_dt * da
                y[i] = (q[i] - y[i]) * third + sixth_dt * db
                total += x[i]
            now[k] = real(0.0)
            fresh[k] = total / real(end - begin)
        means, fresh = fresh, means

    noise = float(parameters[3])
    if noise > 0:
        add_noise(x, n, noise * math.sqrt(parameters[1]), chaos)
    for k in range(n_populations):
        begin, end = _bounds(k, wiring, n)
        fields[0, k] = _mean(x, begin, end) if noise > 0 else means[k]
        fields[1, k] = _mean(y, begin, end)


def spatial_step(  # noqa: C901
    state: Array,
    n: int,
    currents: Array,
    work: Array,
    fields: Array,
    kicks: Array,
    parameters: Array,
    wiring: Wiring,
    chaos: NDArray[np.uint64],
) -> None:
    """Kick and advance one ensemble of neurons with three variables, in 10 rows of ``work``.

    Otherwise as `planar_step`.
    """
    real = state.dtype.type
    x, y, z = state[0], state[1], state[2]
    coupling, shift = parameters[0], parameters[2]
    third, sixth, two = real(1.0 / 3.0), real(1.0 / 6.0), real(2.0)
    constants = (
        parameters[4], parameters[5], parameters[6], parameters[7], parameters[8], parameters[9]
    )  # fmt: skip
    n_populations = wiring.starts.shape[0]
    networked = wiring.indptr.shape[0] > 0
    u, v, w, p, q, r = work[0], work[1], work[2], work[3], work[4], work[5]
    inputs = work[6] if networked else currents
    means, fresh, now = work[7], work[8], work[9]

    parts = substeps(state, n, kicks, parameters[1])
    dt = parameters[1] / real(parts)
    half_dt, sixth_dt = real(0.5) * dt, sixth * dt
    for k in range(n_populations):
        now[k] = kicks[k]
        means[k] = fields[0, k] + kicks[k]
        if networked:  # the input of its first stage is that of the kicked neurons
            begin, end = _bounds(k, wiring, n)
            for i in range(begin, end):
                x[i] += kicks[k]
            now[k] = real(0.0)

    for _ in range(parts):
        if networked:
            gather(x, currents, coupling, wiring.indptr, wiring.indices, wiring.strengths, inputs)
        for k in range(n_populations):
            begin, end = _bounds(k, wiring, n)
            total = real(0.0)
            kick, drive = now[k], _drive(k, wiring, means, coupling, shift)
            for i in range(begin, end):
                a, b, c = x[i] + kick, y[i], z[i]
                da, db, dc = flow(a, b, c, inputs[i] + drive, constants)
                u[i] = a + half_dt * da
                v[i] = b + half_dt * db
                w[i] = c + half_dt * dc
                total += u[i]
            fresh[k] = total / real(end - begin)
        means, fresh = fresh, means

        if networked:
            gather(u, currents, coupling, wiring.indptr, wiring.indices, wiring.strengths, inputs)
        for k in range(n_populations):
            begin, end = _bounds(k, wiring, n)
            total = real(0.0)
            kick, drive = now[k], _drive(k, wiring, means, coupling, shift)
            for i in range(begin, end):
                da, db, dc = flow(u[i], v[i], w[i], inputs[i] + drive, constants)
                p[i] = x[i] + kick + half_dt * da
                q[i] = y[i] + half_dt * db
                r[i] = z[i] + half_dt * dc
                total += p[i]
            fresh[k] = total / real(end - begin)
        means, fresh = fresh, means

        if networked:
            gather(p, currents, coupling, wiring.indptr, wiring.indices, wiring.strengths, inputs)
        for k in range(n_populations):
            begin, end = _bounds(k, wiring, n)
            total = real(0.0)
            kick, drive = now[k], _drive(k, wiring, means, coupling, shift)
            for i in range(begin, end):
                a, b, c = p[i], q[i], r[i]
                da, db, dc = flow(a, b, c, inputs[i] + drive, constants)
                last_x = x[i] + kick + dt * da
                last_y = y[i] + dt * db
                last_z = z[i] + dt * dc
                p[i] = u[i] + two * a + last_x
                q[i] = v[i] + two * b + last_y
                r[i] = w[i] + two * c + last_z
                u[i] = last_x
                v[i] = last_y
                w[i] = last_z
                total += last_x
            fresh[k] = total / real(end - begin)
        means, fresh = fresh, means

        if networked:
            gather(u, currents, coupling, wiring.indptr, wiring.indices, wiring.strengths, inputs)
        for k in range(n_populations):
            begin, end = _bounds(k, wiring, n)
            total = real(0.0)
            kick, drive = now[k], _drive(k, wiring, means, coupling, shift)
            for i in range(begin, end):
                da, db, dc = flow(u[i], v[i], w[i], inputs[i] + drive, constants)
                x[i] = (p[i] - x[i] - kick) * third + sixth_dt * da
                y[i] = (q[i] - y[i]) * third + sixth_dt * db
                z[i] = (r[i] - z[i]) * third + sixth_dt * dc
                total += x[i]
            now[k] = real(0.0)
            fresh[k] = total / real(end - begin)
        means, fresh = fresh, means

    noise = float(parameters[3])
    if noise > 0:
        add_noise(x, n, noise * math.sqrt(parameters[1]), chaos)
    for k in range(n_populations):
        begin, end = _bounds(k, wiring, n)
        fields[0, k] = _mean(x, begin, end) if noise > 0 else means[k]
        fields[1, k] = _mean(y, begin, end)
