"""Long use: a million steps and ten thousand resets leave no memory behind."""

import gc

import numpy as np
import psutil

from rldbs_env import DBSEnv, DBSVectorEnv


def resident_mib() -> float:
    gc.collect()
    return float(psutil.Process().memory_info().rss) / 2**20


def test_a_million_steps_do_not_grow_the_process() -> None:
    env = DBSVectorEnv(64, n_neurons=50, transient_steps=0, episode_steps=1000)
    env.reset(seed=0)
    actions = np.random.default_rng(0).uniform(-1, 1, (64, 1)).astype(np.float32)
    for _ in range(1600):
        env.step(actions)
    before = resident_mib()
    for _ in range(1_000_000 // 64 + 1):
        env.step(actions)
    assert resident_mib() - before < 1.0


def test_a_hundred_thousand_single_steps_do_not_grow_the_process() -> None:
    env = DBSEnv(n_neurons=20, transient_steps=0, episode_steps=None, window=20)
    env.reset(seed=0)
    action = np.zeros(1, np.float32)
    for _ in range(5000):
        env.step(action)
    before = resident_mib()
    for _ in range(100_000):
        env.step(action)
    assert resident_mib() - before < 1.0


def test_ten_thousand_resets_do_not_grow_the_process() -> None:
    env = DBSEnv(n_neurons=200, transient_steps=10, window=20)
    env.reset(seed=0)
    for _ in range(500):
        env.reset()
    before = resident_mib()
    for _ in range(10_000):
        env.reset()
    assert resident_mib() - before < 1.0


def test_making_environments_does_not_grow_the_process() -> None:
    def use() -> None:
        env = DBSVectorEnv(4, threads=2, n_neurons=200, transient_steps=10, window=20)
        env.reset(seed=0)
        env.step(np.zeros((4, 1)))
        env.close()

    for _ in range(50):
        use()
    before = resident_mib()
    for _ in range(500):
        use()
    assert resident_mib() - before < 1.0
