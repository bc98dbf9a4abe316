"""Equations of the neurons: what one neuron's variables do, given all current that it receives.

A flow takes a neuron's variables, its current (coupling included) and six constants of the model,
which come in the arithmetic's own type: a bare number here would turn float32 into float64.
"""

import math

import numpy as np

from rldbs_env._jit import jit
from rldbs_env.arrays import Array, Scalar

__all__ = ["bvdp_flow", "hindmarsh_rose_flow", "hindmarsh_rose_substeps", "one_step"]

Constants = tuple[Scalar, Scalar, Scalar, Scalar, Scalar, Scalar]

_STABLE = 2.6  # RK4 is stable up to 2.785 on the negative axis
_ACCURATE = 1.3


@jit
def bvdp_flow(x: Scalar, y: Scalar, current: Scalar, constants: Constants) -> tuple[Scalar, Scalar]:
    """Bonhoeffer-van der Pol; constants are recovery, slope, offset and a third."""
    recovery, slope, offset, third, _, _ = constants
    return x - x * x * x * third - y + current, recovery * (x - slope * y + offset)


@jit
def hindmarsh_rose_flow(
    x: Scalar, y: Scalar, z: Scalar, current: Scalar, constants: Constants
) -> tuple[Scalar, Scalar, Scalar]:
    """Hindmarsh-Rose; constants are those of the equations from left to right."""
    square, one, five, slow, pull, rest = constants
    return (
        y - x * x * x + square * x * x - z + current,
        one - five * x * x - y,
        slow * (pull * (x - rest) - z),
    )


@jit
def one_step(state: Array, n: int, kicks: Array, dt: Scalar) -> int:
    """No division of the step, whatever the neurons do."""
    return 1


@jit
def hindmarsh_rose_substeps(state: Array, n: int, kicks: Array, dt: Scalar) -> int:
    """How many parts of a step keep RK4 stable on the way of the kicked neurons.

    The fast variable contracts at ``3 x^2 - 6 x``. It begins where a kick has put it, and where y
    is far below z it falls towards ``x = -r`` with ``r^3 + 3 r^2 = z - y``. As long as it stays
    within -2.1 < x < 4.1, as free neurons and those under moderate kicks do, a step of 0.1 needs no
    division.
    """
    real = state.dtype.type
    x, y, z = state[0], state[1], state[2]
    down, up = kicks[0], kicks[0]
    for k in range(kicks.shape[0]):
        down = min(down, kicks[k])
        up = max(up, kicks[k])
    widest = math.sqrt(1.0 + _STABLE / (3.0 * float(dt)))  # of x about 1
    low, high = real(1.0 - widest) - down, real(1.0 + widest) - up
    deepest = 0.95 * (widest - 1.0)
    pull = real(deepest * deepest * (deepest + 3.0))
    unusual = 0
    for i in range(np.uint64(n)):  # a count keeps the loop's vector instructions, extremes do not
        unusual += (x[i] < low) | (x[i] > high) | (z[i] - y[i] > pull)
    if unusual == 0:
        return 1

    lowest, highest = x[0], x[0]
    for i in range(n):
        lowest = min(lowest, x[i])
        highest = max(highest, x[i])
        pull = max(pull, z[i] - y[i])
    fall = max(0.0, float(pull))
    depth = math.sqrt(fall / (3.0 + math.sqrt(fall / (3.0 + fall ** (1.0 / 3.0)))))
    least, most = min(float(lowest + down), -depth), float(highest + up)
    rate = float(dt) * max(3.0 * least * least - 6.0 * least, 3.0 * most * most - 6.0 * most)
    if not rate > _STABLE:
        return 1
    return min(math.ceil(rate / _ACCURATE), 1000)
