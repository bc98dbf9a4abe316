"""Walker2d: the checkers, the same body as Gymnasium's, and its reward by hand."""

import sys
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from numpy.typing import NDArray
from stable_baselines3.common.env_checker import check_env as check_sb3

import brainnn.bodies  # noqa: F401
from brainnn.bodies.rewards import RewardWeights
from neuro_common.extras import MissingExtra

pytest.importorskip("mujoco")
pytest.importorskip("imageio")

from brainnn.bodies.walker import WalkerImitationEnv


@pytest.fixture(scope="module")
def reference() -> NDArray[np.float64]:
    """A body that hovers and swings its legs, 40 frames a stride."""
    turn = 2 * np.pi * np.arange(301)[:, None] / 40
    rng = np.random.default_rng(0)
    rows = 0.1 * np.cos(turn + rng.uniform(0, 6, 17))
    rows[:, 0] += 1.25
    rows[:, 8] += 0.9
    return rows


def test_both_checkers_pass(reference: NDArray[np.float64]) -> None:
    for options in ({}, {"reference": reference, "phase": True, "reference_start": 0.5}):
        env = gymnasium.make("brainnn/WalkerImitation-v0", **options).unwrapped
        check_env(env, skip_render_check=True)
        check_sb3(env, skip_render_check=True)


def test_the_body_is_that_of_gymnasium() -> None:
    native, env = gymnasium.make("Walker2d-v5").unwrapped, WalkerImitationEnv(wanted=2.0)
    expected, observation = native.reset(seed=3)[0], env.reset(seed=3)[0]
    rng = np.random.default_rng(0)
    for action in rng.uniform(-1, 1, (200, 6)):
        np.testing.assert_array_equal(observation, expected.astype(np.float32))
        expected, reward, over, _, native_info = native.step(action)
        observation, own, terminated, truncated, info = env.step(action)
        assert (info["native"], terminated, truncated) == (reward, over, False)
        short = max(0, 1 - native_info["x_velocity"] / 2)
        assert own == pytest.approx(np.exp(-4 * short**2) - 5 * over)
        if over:
            assert info["end"] == "fall"
            break


def test_imitation_by_hand(reference: NDArray[np.float64]) -> None:
    weights = RewardWeights.of(1.0, 0.0, pose=0.5, velocity=0.5)
    env = WalkerImitationEnv(reference, weights=weights, reference_start=1.0, phase=True, steps=700)
    assert env.loop is not None
    assert env.loop.period == pytest.approx(40)
    assert env.wanted == pytest.approx(0.9, abs=0.01)
    observation, _ = env.reset(seed=1)
    first = int(np.argmin(np.abs(reference - observation[:17]).sum(1)))
    turn = env.loop.phase(first)
    np.testing.assert_allclose(observation[17:], [np.sin(turn), np.cos(turn)], atol=1e-6)
    observation, reward, *_, info = env.step(np.zeros(6))
    row = reference[env.loop.frame(first + 1)]
    pose = np.exp(-np.sum(2 - 2 * np.cos(observation[2:8] - row[2:8])))
    velocity = np.exp(-1.5 * np.sum((observation[11:17] - row[11:17]) ** 2) / 100)
    assert (info["pose"], info["velocity"]) == pytest.approx((pose, velocity), rel=1e-4)
    assert reward == pytest.approx(0.5 * pose + 0.5 * velocity, rel=1e-4)


def test_time_runs_out_without_failing() -> None:
    env = WalkerImitationEnv(steps=3)
    env.reset(seed=0)
    ends = [env.step(np.zeros(6))[2:] for _ in range(3)]
    assert [(terminated, truncated) for terminated, truncated, _ in ends] == [
        (False, False), (False, False), (False, True)
    ]  # fmt: skip
    assert ends[-1][2]["end"] == "time"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"phase": True}, "a reference must be given for imitation, phase and reference_start"),
        ({"weights": RewardWeights.of()}, "a reference must be given for imitation"),
        ({"reference": np.zeros((9, 5))}, r"reference must be finite of shape \(frames, 17\), got"),
        ({"reference": np.zeros((9, 17))}, "steps must be below 9, the length of a reference that"),
        ({"steps": 0}, "steps must be 1 or more, reference_start in 0..1 and wanted above 0"),
        ({"wanted": 0}, "wanted above 0, got steps=1000, reference_start=0.0, wanted=0"),
    ],
)
def test_impossible_options_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        WalkerImitationEnv(**options)


def test_an_impossible_action_is_refused() -> None:
    env = WalkerImitationEnv()
    env.reset(seed=0)
    with pytest.raises(ValueError, match="action must be 6 finite numbers, got"):
        env.step(np.full(6, np.nan))


def test_a_missing_extra_ends_with_the_line_that_installs_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "imageio", None)
    with pytest.raises(MissingExtra, match=r"imageio is not installed: run pip install"):
        WalkerImitationEnv()
