"""Compiled kernels: a batch of ensembles advanced one ensemble at a time, state kept in cache.

Every kernel works on arrays of one floating type, float64 or float32. A batch of ``E`` ensembles
of ``N`` neurons has ``state (E, 2, N)``, ``currents (E, N)``, ``mean_field (E, 2)`` and
``parameters (E, P)``; ``work (4, N)`` is scratch. ``members`` names the ensembles to advance. An
ensemble's result does not depend on its neighbours, so batch size and threads cannot change it.

The windows of the last ``L`` samples are ring buffers ``windows (E, 3, 2 L)`` with rows X, Y and
action; each sample is written twice, ``L`` apart, so that ``windows[e, :, head:head + L]`` is
always one contiguous window, oldest first.
"""

import math

from rldbs_env._jit import jit
from rldbs_env.arrays import Array, Flags, Indices, Scalar

__all__ = ["advance", "bvdp_step", "drift", "fill_windows", "trace"]

X, Y, ACTION = 0, 1, 2


@jit
def bvdp_step(
    x: Array,
    y: Array,
    currents: Array,
    work: Array,
    mean_x: Scalar,
    kick: Scalar,
    parameters: Array,
) -> tuple[Scalar, Scalar]:
    """Kick all ``x`` and advance one Bonhoeffer-van der Pol ensemble by one classical RK4 step.

    The mean of ``x`` is a sum over the ensemble, so each of the four stages is one pass. ``work``
    holds the current stage in its first or third pair of rows and the weighted sum of stages in
    the other. Returns the mean fields X and Y after the step.
    """
    real = x.dtype.type
    n = x.shape[0]
    coupling, dt = parameters[0], parameters[1]
    recovery, slope, offset = parameters[2], parameters[3], parameters[4]
    half, third, sixth, two = real(0.5), real(1.0 / 3.0), real(1.0 / 6.0), real(2.0)
    half_dt, sixth_dt = half * dt, sixth * dt
    per_neuron = real(1.0) / real(n)
    u, v, p, q = work[0], work[1], work[2], work[3]

    drive = coupling * (mean_x + kick)
    total = real(0.0)
    for i in range(n):
        a, b = x[i] + kick, y[i]
        u[i] = a + half_dt * (a - a * a * a * third - b + currents[i] + drive)
        v[i] = b + half_dt * recovery * (a - slope * b + offset)
        total += u[i]

    drive = coupling * total * per_neuron
    total = real(0.0)
    for i in range(n):
        a, b = u[i], v[i]
        p[i] = x[i] + kick + half_dt * (a - a * a * a * third - b + currents[i] + drive)
        q[i] = y[i] + half_dt * recovery * (a - slope * b + offset)
        total += p[i]

    drive = coupling * total * per_neuron
    total = real(0.0)
    for i in range(n):
        a, b = p[i], q[i]
        last_x = x[i] + kick + dt * (a - a * a * a * third - b + currents[i] + drive)
        last_y = y[i] + dt * recovery * (a - slope * b + offset)
        p[i] = u[i] + two * a + last_x
        q[i] = v[i] + two * b + last_y
        u[i] = last_x
        v[i] = last_y
        total += last_x

    drive = coupling * total * per_neuron
    total_x, total_y = real(0.0), real(0.0)
    for i in range(n):
        a, b = u[i], v[i]
        x[i] = (p[i] - x[i] - kick) * third + sixth_dt * (
            a - a * a * a * third - b + currents[i] + drive
        )
        y[i] = (q[i] - y[i]) * third + sixth_dt * recovery * (a - slope * b + offset)
        total_x += x[i]
        total_y += y[i]
    return total_x * per_neuron, total_y * per_neuron


@jit
def trace(
    state: Array,
    currents: Array,
    work: Array,
    parameters: Array,
    kicks: Array,
    neurons: Indices,
    mean_field: Array,
    neuron_x: Array,
) -> None:
    """Advance one ensemble, ``state (2, N)`` in place, by ``len(kicks)`` steps.

    Writes ``mean_field (steps, 2)`` and ``neuron_x (steps, len(neurons))`` after each step.
    """
    real = state.dtype.type
    mean_x = real(0.0)
    for i in range(state.shape[1]):
        mean_x += state[X, i]
    mean_x *= real(1.0) / real(state.shape[1])
    for step in range(kicks.shape[0]):
        mean_x, mean_y = bvdp_step(
            state[X], state[Y], currents, work, mean_x, kicks[step], parameters
        )
        mean_field[step, X] = mean_x
        mean_field[step, Y] = mean_y
        for k in range(neurons.shape[0]):
            neuron_x[step, k] = state[X, neurons[k]]


@jit
def drift(
    members: Indices,
    work: Array,
    state: Array,
    currents: Array,
    mean_field: Array,
    parameters: Array,
    n_steps: Indices,
) -> None:
    """Let each member run freely for its own ``n_steps[e]`` steps."""
    silence = state.dtype.type(0.0)
    for m in range(members.shape[0]):
        e = members[m]
        mean_x, mean_y = mean_field[e, X], mean_field[e, Y]
        for _ in range(n_steps[e]):
            mean_x, mean_y = bvdp_step(
                state[e, X], state[e, Y], currents[e], work, mean_x, silence, parameters[e]
            )
        mean_field[e, X] = mean_x
        mean_field[e, Y] = mean_y


@jit
def _push(window: Array, head: int, x: Scalar, y: Scalar, action: Scalar) -> int:
    """Write one sample over the oldest one; return the new head."""
    length = window.shape[1] // 2
    window[X, head] = window[X, head + length] = x
    window[Y, head] = window[Y, head + length] = y
    window[ACTION, head] = window[ACTION, head + length] = action
    return head + 1 if head + 1 < length else 0


@jit
def _sum_of_window(window: Array) -> float:
    total = 0.0
    for i in range(window.shape[1] // 2):
        total += float(window[X, i])
    return total


@jit
def fill_windows(
    members: Indices,
    work: Array,
    state: Array,
    currents: Array,
    mean_field: Array,
    parameters: Array,
    windows: Array,
    heads: Indices,
    sums: Array,
) -> None:
    """Let each member run freely for one window length and record it; ``head`` ends at zero."""
    silence = state.dtype.type(0.0)
    for m in range(members.shape[0]):
        e = members[m]
        mean_x, mean_y = mean_field[e, X], mean_field[e, Y]
        head = 0
        for _ in range(windows.shape[2] // 2):
            mean_x, mean_y = bvdp_step(
                state[e, X], state[e, Y], currents[e], work, mean_x, silence, parameters[e]
            )
            head = _push(windows[e], head, mean_x, mean_y, silence)
        mean_field[e, X] = mean_x
        mean_field[e, Y] = mean_y
        heads[e] = head
        sums[e] = _sum_of_window(windows[e])


@jit
def _clamp(value: Scalar, low: Scalar, high: Scalar) -> Scalar:
    """The nearest value within the limits; NaN becomes ``high``."""
    if value < low:
        return low
    if value <= high:
        return value
    return high


@jit
def advance(
    members: Indices,
    work: Array,
    state: Array,
    currents: Array,
    mean_field: Array,
    parameters: Array,
    windows: Array,
    heads: Indices,
    sums: Array,
    steps: Indices,
    actions: Array,
    pulse: Array,
    limits: Array,
    reward_terms: Array,
    episode_steps: int,
    signals: Indices,
    observations: Array,
    rewards: Array,
    charges: Array,
    terminated: Flags,
    truncated: Flags,
) -> None:
    """One environment step of each member: pulse, samples, reward, end of episode, observation.

    ``pulse[j] * actions[e]`` is the kick before sub-step ``j``; every sub-step adds a sample to
    the windows. ``limits`` is (x_low, x_high, y_low, y_high): a mean field that leaves it, or is
    not a number, terminates the episode and enters the window clamped. ``reward_terms`` is
    (weight, target or NaN for the window mean, penalty, reward of divergence).
    """
    real = state.dtype.type
    length = windows.shape[2] // 2
    for m in range(members.shape[0]):
        e = members[m]
        x, y, head = mean_field[e, X], mean_field[e, Y], heads[e]
        charge = 0.0
        diverged = False
        for j in range(pulse.shape[0]):
            kick = real(actions[e] * pulse[j])
            x, y = bvdp_step(state[e, X], state[e, Y], currents[e], work, x, kick, parameters[e])
            charge += float(abs(kick))
            diverged = not (limits[0] <= x <= limits[1] and limits[2] <= y <= limits[3])
            if diverged:
                x = _clamp(x, limits[0], limits[1])
                y = _clamp(y, limits[2], limits[3])
            sums[e] += x - windows[e, X, head]
            head = _push(windows[e], head, x, y, kick)
            if head == 0:  # once a window, so that rounding errors of the running sum cannot grow
                sums[e] = _sum_of_window(windows[e])
            if diverged:
                break
        mean_field[e, X] = x
        mean_field[e, Y] = y
        heads[e] = head
        steps[e] += 1

        target = sums[e] / length if math.isnan(reward_terms[1]) else reward_terms[1]
        deviation = x - target
        rewards[e] = -reward_terms[0] * deviation * deviation - reward_terms[2] * charge
        if diverged:
            rewards[e] = reward_terms[3]
        charges[e] = charge
        terminated[e] = diverged
        truncated[e] = episode_steps > 0 and steps[e] >= episode_steps
        for k in range(signals.shape[0]):
            for i in range(length):
                observations[e, k * length + i] = windows[e, signals[k], head + i]
