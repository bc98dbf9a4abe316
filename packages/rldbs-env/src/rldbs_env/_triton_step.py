"""One step of a batch of environments as one Triton kernel, the neurons kept in registers.

One program is one environment: it loads the neurons once, goes through all sub-steps and stages of
RK4 with the mean field as a sum over the program, writes samples, reward, ends and observation, and
puts a new beginning in the place of an ended episode. It does what `rldbs_env.torch_step` does.

With ``TRITON_INTERPRET=1`` in the environment Triton runs the kernel on the CPU, slowly.
"""

from __future__ import annotations

import ast
import inspect
import linecache
import textwrap
from collections.abc import Callable
from functools import cache
from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor

from rldbs_env.device_rules import DeviceRules
from rldbs_env.torch_step import Bank, Episodes, Results

__all__ = ["MOST_NEURONS", "TritonStep", "advance", "constants_of", "device_flow", "interpreted"]

MOST_NEURONS = 8192
"""Neurons of an ensemble that fit into the registers of one program."""

_BYTES_PER_WARP = 32 * 16  # of a variable: the widest access of each thread
_MOST_WARPS = 16


class TritonStep:
    """`rldbs_env.torch_step.DeviceStep` in one launch.

    Args:
        rules: What a step is.
        bank: Where episodes begin; its device is that of the step.
        num_warps: Warps per environment, a power of two; None for each thread's access to a
            variable to be of 16 bytes, at most 16.
    """

    def __init__(self, rules: DeviceRules, bank: Bank, num_warps: int | None = None) -> None:
        n_starts, _, n_neurons = bank.state.shape
        self._bank = bank
        numbers = (rules.parameters, rules.limits, rules.pulse, rules.terms, rules.rows)
        self._numbers = [torch.tensor(array, device=bank.state.device) for array in numbers]
        self._sizes = (n_starts, bank.phases, rules.episode_steps)
        self._constants = constants_of(rules, n_neurons)
        if num_warps:
            self._constants["num_warps"] = num_warps

    def __call__(self, now: Episodes, actions: Tensor, results: Results) -> None:
        """As `rldbs_env.torch_step.DeviceStep` says."""
        bank = (self._bank.state, self._bank.fields, self._bank.windows, self._bank.currents)
        with torch.cuda.device_of(now.state):
            advance[(len(now.heads),)](
                *now,
                *bank,
                actions.contiguous(),
                *results,
                *self._numbers,
                *self._sizes,
                **self._constants,
            )


def interpreted() -> bool:
    """Whether Triton runs kernels on the CPU, as ``TRITON_INTERPRET=1`` asks at import."""
    return not isinstance(advance, triton.JITFunction)


def constants_of(rules: DeviceRules, n_neurons: int) -> dict[str, Any]:
    """What `advance` is compiled for; sizes known then make loads of sixteen bytes possible."""
    warps = triton.next_power_of_2(n_neurons) * rules.parameters.itemsize // _BYTES_PER_WARP
    return {
        "flow": device_flow(rules.flow),
        "DIVIDES": rules.divides,
        "ABSOLUTE": rules.absolute,
        "TO_WINDOW_MEAN": rules.to_window_mean,
        "N_VARIABLES": rules.n_variables,
        "N_NEURONS": n_neurons,
        "N_PULSE": len(rules.pulse),
        "N_ROWS": len(rules.rows),
        "LENGTH": rules.length,
        "STRIDE": rules.stride,
        "BLOCK": triton.next_power_of_2(n_neurons),
        "WINDOW_BLOCK": triton.next_power_of_2(rules.length),
        "num_warps": min(max(warps, 1), _MOST_WARPS),
        "enable_fp_fusion": True,
    }


@cache
def device_flow(flow: Callable[..., Any]) -> Any:
    """A model's plain flow as a function that kernels can call.

    Triton reads its source and resolves the names in it, those of the annotations too, which mean
    nothing to it; so it is given a copy without them.

    Raises:
        ValueError: If the flow is no function, without closure, that stands in a file.
    """
    try:
        function: Any = ast.parse(textwrap.dedent(inspect.getsource(flow))).body[0]
    except (OSError, SyntaxError):
        function = None
    if not isinstance(function, ast.FunctionDef) or flow.__closure__:
        raise ValueError(
            f"the flow {flow.__name__} must be a function without closure that stands in a file, "
            "to run in a fused kernel: move it there or take fused=False"
        )
    function.decorator_list, function.returns = [], None
    for argument in function.args.args:
        argument.annotation = None
    source = ast.unparse(function) + "\n"
    name = f"<flow {flow.__module__}.{flow.__qualname__}>"
    linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
    scope = flow.__globals__ | {"tl": tl}  # the interpreter looks for it there
    exec(compile(source, name, "exec"), scope)
    return triton.jit(scope[flow.__name__])


@triton.jit
def _rates(flow: tl.constexpr, N_VARIABLES: tl.constexpr, x, y, z, current, constants):
    if N_VARIABLES == 3:
        dx, dy, dz = flow(x, y, z, current, constants)
    else:
        dx, dy = flow(x, y, current, constants)
        dz = z
    return dx, dy, dz


@triton.jit
def _mean(values, N_NEURONS: tl.constexpr):
    inside = tl.arange(0, values.shape[0]) < N_NEURONS
    return tl.sum(tl.where(inside, values, 0.0), 0) / N_NEURONS


@triton.jit
def _rk4(
    flow: tl.constexpr, N_VARIABLES: tl.constexpr, N_NEURONS: tl.constexpr,
    x, y, z, mean, currents, coupling, shift, dt, constants,
):  # fmt: skip
    """One classical RK4 step, the mean field evaluated at each stage; returns the new mean, too."""
    half = dt * 0.5
    dx, dy, dz = _rates(flow, N_VARIABLES, x, y, z, currents + (coupling * mean + shift), constants)
    u, v, w = x + half * dx, y + half * dy, z + half * dz
    sum_x, sum_y, sum_z = dx, dy, dz
    mean = _mean(u, N_NEURONS)
    dx, dy, dz = _rates(flow, N_VARIABLES, u, v, w, currents + (coupling * mean + shift), constants)
    u, v, w = x + half * dx, y + half * dy, z + half * dz
    sum_x, sum_y, sum_z = sum_x + 2.0 * dx, sum_y + 2.0 * dy, sum_z + 2.0 * dz
    mean = _mean(u, N_NEURONS)
    dx, dy, dz = _rates(flow, N_VARIABLES, u, v, w, currents + (coupling * mean + shift), constants)
    u, v, w = x + dt * dx, y + dt * dy, z + dt * dz
    sum_x, sum_y, sum_z = sum_x + 2.0 * dx, sum_y + 2.0 * dy, sum_z + 2.0 * dz
    mean = _mean(u, N_NEURONS)
    dx, dy, dz = _rates(flow, N_VARIABLES, u, v, w, currents + (coupling * mean + shift), constants)
    sixth = dt / 6.0
    x, y, z = x + sixth * (sum_x + dx), y + sixth * (sum_y + dy), z + sixth * (sum_z + dz)
    return x, y, z, _mean(x, N_NEURONS)


@triton.jit
def _parts(x, y, z, dt, N_NEURONS: tl.constexpr):
    """Parts of a step of kicked neurons, as rldbs_env.flows.hindmarsh_rose_substeps finds them."""
    inside = tl.arange(0, x.shape[0]) < N_NEURONS
    infinity = float("inf")
    lowest = tl.min(tl.where(inside, x, infinity), 0).to(tl.float64)
    highest = tl.max(tl.where(inside, x, -infinity), 0).to(tl.float64)
    fall = tl.max(tl.where(inside, z - y, 0.0), 0).to(tl.float64)
    cube_root = tl.exp(tl.log(fall) / 3.0)
    depth = tl.sqrt(fall / (3.0 + tl.sqrt(fall / (3.0 + cube_root))))
    least = tl.minimum(lowest, -depth)
    steepest = tl.maximum(
        3.0 * least * least - 6.0 * least, 3.0 * highest * highest - 6.0 * highest
    )
    rate = dt.to(tl.float64) * steepest
    parts = tl.where(rate > 2.6, tl.minimum(tl.ceil(rate / 1.3), 1000.0), 1.0)
    return parts.to(tl.int32)


@triton.jit
def _clamp(value, low, high):
    """The nearest value within the limits; NaN becomes the upper one."""
    return tl.where(value < low, low, tl.where(value <= high, value, high))


@triton.jit
def _observe(
    observations, e, window, head, rows,
    N_ROWS: tl.constexpr, LENGTH: tl.constexpr, STRIDE: tl.constexpr, WINDOW_BLOCK: tl.constexpr,
):  # fmt: skip
    """Write the samples that the agent sees of a ring, oldest first, row after row."""
    SEEN: tl.constexpr = (LENGTH - 1) // STRIDE + 1
    i = tl.arange(0, WINDOW_BLOCK)
    slots = (head + (LENGTH - 1) % STRIDE + i * STRIDE) % LENGTH
    for k in tl.static_range(N_ROWS):
        samples = tl.load(window + tl.load(rows + k) * LENGTH + slots, mask=i < SEEN)
        tl.store(observations + (e * N_ROWS + k) * SEEN + i, samples, mask=i < SEEN)


@triton.jit
def advance(  # noqa: C901 - one step in the order of its events
    state, fields, windows, heads, steps, ensembles, chaos,
    start_state, start_fields, start_windows, bank_currents,
    actions, observations, rewards, terminated, truncated, final_observations, told,
    parameters, limits, pulse, terms, rows,
    n_starts, phases, episode_steps,
    flow: tl.constexpr, DIVIDES: tl.constexpr, ABSOLUTE: tl.constexpr,
    TO_WINDOW_MEAN: tl.constexpr, N_VARIABLES: tl.constexpr, N_NEURONS: tl.constexpr,
    N_PULSE: tl.constexpr, N_ROWS: tl.constexpr, LENGTH: tl.constexpr, STRIDE: tl.constexpr,
    BLOCK: tl.constexpr, WINDOW_BLOCK: tl.constexpr,
):  # fmt: skip
    """The kernel: one program for each environment; see `rldbs_env.torch_step` for the tensors."""
    e = tl.program_id(0).to(tl.int64)
    real = state.dtype.element_ty
    i, w = tl.arange(0, BLOCK), tl.arange(0, WINDOW_BLOCK)
    inside, in_window = i < N_NEURONS, w < LENGTH
    neurons = state + e * (N_VARIABLES * N_NEURONS) + i
    window = windows + e * (3 * LENGTH)
    x = tl.load(neurons, mask=inside, other=0.0)
    y = tl.load(neurons + N_NEURONS, mask=inside, other=0.0)
    z = y
    if N_VARIABLES == 3:
        z = tl.load(neurons + 2 * N_NEURONS, mask=inside, other=0.0)
    currents = tl.load(bank_currents + tl.load(ensembles + e) * N_NEURONS + i, mask=inside, other=0)
    coupling, dt, shift = tl.load(parameters), tl.load(parameters + 1), tl.load(parameters + 2)
    constants = (
        tl.load(parameters + 4), tl.load(parameters + 5), tl.load(parameters + 6),
        tl.load(parameters + 7), tl.load(parameters + 8), tl.load(parameters + 9),
    )  # fmt: skip
    x_low, x_high = tl.load(limits), tl.load(limits + 1)
    y_low, y_high = tl.load(limits + 2), tl.load(limits + 3)
    mean_x, mean_y = tl.load(fields + 2 * e), tl.load(fields + 2 * e + 1)
    # what is written in the end is read here, before the first sum makes the threads meet
    head = tl.load(heads + e).to(tl.int32)
    step = tl.load(steps + e) + 1
    draw = tl.load(chaos + e) * 48271 % 2147483647
    bound = tl.load(terms + 4)
    action = tl.load(actions + e).to(tl.float64)
    action = tl.where(action < -bound, -bound, tl.where(action > bound, bound, action))

    charge = bound * 0.0
    diverged = e < 0
    for j in range(N_PULSE):
        kick = (action * tl.load(pulse + j)).to(real)
        going = diverged == 0
        charge += tl.where(going, tl.abs(kick).to(tl.float64), 0.0)
        x += kick
        mean = mean_x + kick
        if DIVIDES:
            parts = _parts(x, y, z, dt, N_NEURONS)
            part = dt / parts
            for _ in range(parts):
                x, y, z, mean = _rk4(
                    flow, N_VARIABLES, N_NEURONS, x, y, z, mean, currents, coupling, shift, part,
                    constants,
                )  # fmt: skip
        else:
            x, y, z, mean = _rk4(
                flow, N_VARIABLES, N_NEURONS, x, y, z, mean, currents, coupling, shift, dt,
                constants,
            )  # fmt: skip
        next_y = _mean(y, N_NEURONS)
        kept = (mean >= x_low) & (mean <= x_high) & (next_y >= y_low) & (next_y <= y_high)
        mean_x = tl.where(going, _clamp(mean, x_low, x_high), mean_x)
        mean_y = tl.where(going, _clamp(next_y, y_low, y_high), mean_y)
        tl.store(window + head, mean_x, mask=going)
        tl.store(window + LENGTH + head, mean_y, mask=going)
        tl.store(window + 2 * LENGTH + head, kick, mask=going)
        head = tl.where(going, (head + 1) % LENGTH, head)
        diverged = diverged | (kept == 0)
    tl.debug_barrier()  # what one thread has written of the window, all read

    target = tl.load(terms + 1)
    if TO_WINDOW_MEAN:
        target = tl.sum(tl.load(window + w, mask=in_window, other=0.0).to(tl.float64), 0) / LENGTH
    deviation = mean_x.to(tl.float64) - target
    cost = deviation * deviation
    if ABSOLUTE:
        cost = tl.abs(deviation)
    reward = -tl.load(terms) * cost - tl.load(terms + 2) * charge
    reward = tl.where(diverged, tl.load(terms + 3), reward)
    full = (episode_steps > 0) & (step >= episode_steps)
    tl.store(rewards + e, reward.to(real))
    tl.store(terminated + e, diverged)
    tl.store(truncated + e, full)
    tl.store(told + 4 * e, mean_x)
    tl.store(told + 4 * e + 1, mean_y)
    tl.store(told + 4 * e + 2, charge.to(real))
    tl.store(told + 4 * e + 3, action.to(real))

    if diverged | full:
        _observe(
            final_observations, e, window, head, rows, N_ROWS, LENGTH, STRIDE, WINDOW_BLOCK
        )  # fmt: skip
        tl.debug_barrier()  # the old window is seen before it is overwritten
        start = draw % n_starts
        begun = start_state + start * (N_VARIABLES * N_NEURONS) + i
        for k in tl.static_range(N_VARIABLES):
            values = tl.load(begun + k * N_NEURONS, mask=inside)
            tl.store(neurons + k * N_NEURONS, values, mask=inside)
        start_window = start_windows + start * (3 * LENGTH)
        for k in tl.static_range(3):
            samples = tl.load(start_window + k * LENGTH + w, mask=in_window)
            tl.store(window + k * LENGTH + w, samples, mask=in_window)
        tl.store(fields + 2 * e, tl.load(start_fields + 2 * start))
        tl.store(fields + 2 * e + 1, tl.load(start_fields + 2 * start + 1))
        tl.store(chaos + e, draw)
        tl.store(ensembles + e, start // phases)
        tl.store(heads + e, 0)
        tl.store(steps + e, 0)
        _observe(
            observations, e, start_window, 0, rows, N_ROWS, LENGTH, STRIDE, WINDOW_BLOCK
        )  # fmt: skip
    else:
        tl.store(neurons, x, mask=inside)
        tl.store(neurons + N_NEURONS, y, mask=inside)
        if N_VARIABLES == 3:
            tl.store(neurons + 2 * N_NEURONS, z, mask=inside)
        tl.store(fields + 2 * e, mean_x)
        tl.store(fields + 2 * e + 1, mean_y)
        tl.store(heads + e, head)
        tl.store(steps + e, step)
        _observe(observations, e, window, head, rows, N_ROWS, LENGTH, STRIDE, WINDOW_BLOCK)
