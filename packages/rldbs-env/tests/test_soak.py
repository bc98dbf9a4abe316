"""Long use: a million steps and ten thousand resets leave no memory behind."""

import gc
from collections.abc import Callable

import numpy as np
import psutil

from rldbs_env import DBSEnv, DBSVectorEnv


def growth_mib(use: Callable[[], object], n: int) -> float:
    """Least growth in four rounds, after one to warm up: a leak is in each, a new arena in one."""
    resident = []
    for _ in range(5):
        for _ in range(n // 5):
            use()
        gc.collect()
        resident.append(psutil.Process().memory_info().rss / 2**20)
    return float(np.diff(resident).min())


def test_a_million_steps_do_not_grow_the_process() -> None:
    env = DBSVectorEnv(64, n_neurons=50, transient_steps=0, episode_steps=1000)
    env.reset(seed=0)
    actions = np.random.default_rng(0).uniform(-1, 1, (64, 1)).astype(np.float32)
    assert growth_mib(lambda: env.step(actions), 1_000_000 // 64) < 0.2


def test_a_hundred_thousand_single_steps_do_not_grow_the_process() -> None:
    env = DBSEnv(n_neurons=20, transient_steps=0, episode_steps=None, window=20)
    env.reset(seed=0)
    action = np.zeros(1, np.float32)
    assert growth_mib(lambda: env.step(action), 100_000) < 0.2


def test_ten_thousand_resets_do_not_grow_the_process() -> None:
    env = DBSEnv(n_neurons=200, transient_steps=10, window=20)
    env.reset(seed=0)
    assert growth_mib(env.reset, 10_000) < 0.2


def test_making_environments_does_not_grow_the_process() -> None:
    def use() -> None:
        env = DBSVectorEnv(4, threads=2, n_neurons=200, transient_steps=10, window=20)
        env.reset(seed=0)
        env.step(np.zeros((4, 1)))
        env.close()

    assert growth_mib(use, 500) < 0.2
