"""How fast the environments are here, and how fast the same equations are in plain numpy."""

import statistics
import time
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from rldbs_env.models import BonhoefferVanDerPol
from rldbs_env.oscillators import Oscillators
from rldbs_env.vector import DBSVectorEnv

__all__ = ["numpy_speed", "numpy_step", "vector_speed"]


def numpy_step(
    model: Oscillators,
    state: NDArray[np.float64],
    currents: NDArray[np.float64],
    kick: float,
) -> NDArray[np.float64]:
    """One kicked RK4 step as one writes it in numpy: the baseline that speed is quoted against.

    State (n_variables, n_neurons), currents (n_neurons,).
    """
    start = state.copy()
    start[0] += kick
    h = model.dt
    k1 = model.rates(start, currents)
    k2 = model.rates(start + h / 2 * k1, currents)
    k3 = model.rates(start + h / 2 * k2, currents)
    k4 = model.rates(start + h * k3, currents)
    return start + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)


def numpy_speed(*, n_neurons: int = 1000, repeats: int = 5) -> float:
    """Steps per second of `numpy_step` on one ensemble, observation and reward left out."""
    model = BonhoefferVanDerPol()
    state, currents = model.draw(n_neurons, np.random.default_rng(0))

    def steps(n: int) -> None:
        nonlocal state
        for _ in range(n):
            state = numpy_step(model, state, currents, 0.0)

    return _per_second(steps, repeats)


def vector_speed(
    *,
    num_envs: int = 64,
    n_neurons: int = 1000,
    dtype: str = "float64",
    threads: int = 1,
    repeats: int = 5,
) -> float:
    """Environment steps per second of the vector environment, observation and reward included."""
    env = DBSVectorEnv(
        num_envs,
        n_neurons=n_neurons,
        dtype=dtype,
        threads=threads,
        episode_steps=None,
        transient_steps=0,
    )
    env.reset(seed=0)
    actions = np.random.default_rng(0).uniform(-0.1, 0.1, (num_envs, 1)).astype(np.float32)

    def steps(n: int) -> None:
        for _ in range(n):
            env.step(actions)

    speed = _per_second(steps, repeats) * num_envs
    env.close()
    return speed


def _per_second(steps: Callable[[int], None], repeats: int, seconds: float = 0.5) -> float:
    """Median calls per second over repeats of about so many seconds, after a warm-up."""
    steps(2)
    begun = time.perf_counter()
    steps(10)
    n = max(10, int(10 * seconds / (time.perf_counter() - begun)))
    rates = []
    for _ in range(repeats):
        begun = time.perf_counter()
        steps(n)
        rates.append(n / (time.perf_counter() - begun))
    return statistics.median(rates)
