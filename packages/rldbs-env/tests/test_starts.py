"""The bank of beginnings holds what the CPU environment begins with."""

from typing import Any

import numpy as np
import pytest

from rldbs_env import DBSVectorEnv
from rldbs_env.settings import Settings
from rldbs_env.starts import starts_of

SMALL: dict[str, Any] = {
    "n_neurons": 30, "window": 12, "transient_steps": 60, "ensemble": (7, 4), "signals": ("x", "y"),
}  # fmt: skip


def test_beginnings_are_resets_of_the_cpu_environment() -> None:
    starts = starts_of(Settings(**SMALL), phases=3)
    env = DBSVectorEnv(6, **SMALL)
    env._batch.rngs = [np.random.default_rng((s, k)) for s in (7, 4) for k in range(3)]
    shown, _ = env.reset(options={"ensemble": [7, 7, 7, 4, 4, 4]})
    state = env.get_state()
    np.testing.assert_array_equal(starts.state, state["state"])
    np.testing.assert_array_equal(starts.windows[:, :2].reshape(6, -1), shown)
    np.testing.assert_array_equal(starts.windows[:, 2], 0)
    np.testing.assert_array_equal(starts.fields, state["fields"][:, :, 0])
    np.testing.assert_array_equal(starts.currents, state["currents"][[0, 3]])
    assert starts.seeds.tolist() == [7, 4]


def test_phases_differ_and_come_again() -> None:
    one, two = (starts_of(Settings(**SMALL), phases=4) for _ in range(2))
    np.testing.assert_array_equal(one.state, two.state)
    assert len(np.unique(one.fields[:, 0])) == 8


def test_threads_change_nothing() -> None:
    one, two = (starts_of(Settings(**SMALL), 2, threads) for threads in (1, 2))
    np.testing.assert_array_equal(one.windows, two.windows)


def test_a_bank_needs_a_phase() -> None:
    with pytest.raises(ValueError, match="phases must be at least 1, got 0"):
        starts_of(Settings(**SMALL), 0)
