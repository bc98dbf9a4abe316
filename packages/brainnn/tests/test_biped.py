"""The imitation environment against the walker it stands on, and its options one by one."""

import warnings
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from stable_baselines3.common.env_checker import check_env as check_sb3

import brainnn.bodies
from brainnn.bodies.biped import BipedImitationEnv
from brainnn.bodies.clip import Clip
from brainnn.bodies.loops import Loop
from brainnn.bodies.planar_biped import DT_S, PlanarBiped
from brainnn.bodies.recording import record_clip
from brainnn.bodies.rewards import RewardWeights

ANGLES, SPEEDS = [4, 6, 9, 11], [5, 7, 10, 12]


@pytest.fixture(scope="module")
def clip() -> Clip:
    """What Gymnasium's hand-written walker does; its strides are too unlike for a loop."""
    # after Box2D: its start-up warnings crash the interpreter where warnings are errors
    from gymnasium.envs.box2d.bipedal_walker import BipedalWalkerHeuristics

    walker = BipedalWalkerHeuristics()
    return record_clip(lambda seen: walker.step_heuristic(seen).copy(), seed=0, steps=300)


def looped(clip: Clip, start: int, stop: int, strides: int) -> Clip:
    """The clip, taken to repeat itself."""
    again = Clip(clip.states, clip.actions, clip.bodies, "looped by hand")
    again.__dict__["loop"] = Loop(start, stop, strides, 0.0)
    return again


def run(env: BipedImitationEnv, actions: Any) -> list[tuple[Any, float, bool, bool, Any]]:
    """Steps until the end of the actions or of the episode."""
    steps: list[tuple[Any, float, bool, bool, Any]] = []
    for action in actions:
        steps.append(env.step(action))
        if steps[-1][2] or steps[-1][3]:
            break
    return steps


@pytest.mark.parametrize("options", [{}, {"observation": "full", "phase": True}])
def test_both_checkers_pass(options: dict[str, Any]) -> None:
    assert "14 numbers" in str(BipedImitationEnv.__doc__)
    env = gymnasium.make("brainnn/BipedImitation-v0", render_mode="rgb_array", **options).unwrapped
    assert isinstance(env, BipedImitationEnv)
    assert brainnn.bodies.__all__ == []
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_env(env, skip_render_check=True)
        check_sb3(env, skip_render_check=True)
    assert env.render().shape == (400, 600, 3)
    env.close()


def test_the_walker_is_that_of_gymnasium(clip: Clip) -> None:
    native, env = PlanarBiped(), BipedImitationEnv(clip, observation="full", steps=300)
    rng = np.random.default_rng(0)
    for seed in (4, None, 5, None):
        expected, observation = native.reset(seed=seed)[0], env.reset(seed=seed)[0]
        np.testing.assert_array_equal(observation, expected)
        for action in rng.normal(0, 1, (60, 4)).astype(np.float32):
            expected, reward, over, *_ = native.step(action)
            observation, _, terminated, _, info = env.step(action)
            np.testing.assert_array_equal(observation, expected)
            assert (info["native"], terminated) == (reward, over)
            if over:
                break


def test_the_replayed_clip_earns_the_ceiling(clip: Clip) -> None:
    env = BipedImitationEnv(clip, steps=300)
    env.reset(seed=0)
    steps = run(env, clip.actions)
    assert len(steps) == 300
    for number, (observation, *_, info) in enumerate(steps):
        np.testing.assert_array_equal(observation, clip.states[number + 1, :14])
        assert (info["pose"], info["velocity"]) == (1, 1)
    shortfall = np.maximum(0, clip.mean_speed - clip.states[1:, 2])
    expected = 300 * 0.7 + 0.3 * np.exp(-4 * shortfall**2).sum()
    assert sum(step[1] for step in steps) == pytest.approx(expected, rel=1e-6)
    assert steps[-1][2:4] == (False, True)
    assert steps[-1][4]["end"] == "time"


def test_published_compares_a_frame_late(clip: Clip) -> None:
    env = BipedImitationEnv(clip, steps=300, compat=True)
    env.reset(seed=0)
    total = sum(step[1] for step in run(env, clip.actions))
    states, late = clip.states[1:].astype(float), clip.states[:-1].astype(float)
    turned = [np.square(f(states[:, ANGLES]) - f(late[:, ANGLES])) for f in (np.cos, np.sin)]
    pose = np.exp(-(turned[0] + turned[1]).sum(1))
    velocity = np.exp(-1.5 * np.square(states[:, SPEEDS] - late[:, SPEEDS]).sum(1))
    goal = np.exp(-4 * np.maximum(0, clip.mean_speed - states[:, 2]) ** 2)
    expected = (0.7 * (0.56 * pose + 0.24 * velocity) + 0.3 * goal).sum()
    assert total == pytest.approx(expected, rel=1e-5)
    assert total < 0.86 * 300 - 10


def test_a_fall_costs_and_ends(clip: Clip) -> None:
    weights = RewardWeights.of(0.9, 0.1, fall=7)
    env = BipedImitationEnv(clip, steps=300, weights=weights)
    env.reset(seed=0)
    *_, last = run(env, np.ones((300, 4)))
    info = last[4]
    assert (last[2], last[3], info["end"], info["fell"], info["native"]) == (
        True, False, "fall", True, -100
    )  # fmt: skip
    earned = 0.63 * info["pose"] + 0.27 * info["velocity"] + 0.1 * info["goal"]
    assert last[1] == pytest.approx(earned - 7)


def test_the_end_of_the_course_is_no_failure(clip: Clip) -> None:
    env = BipedImitationEnv(clip, steps=300)
    env.reset(seed=0)
    for part in (env.body.hull, *env.body.legs):
        part.position = (part.position[0] + 190 * 14 / 30, part.position[1] + 2)
    _, _, terminated, truncated, info = env.step(np.zeros(4))
    assert (terminated, truncated, info["end"]) == (False, True, "course")


def test_a_start_in_the_reference_goes_on_like_it(clip: Clip) -> None:
    env = BipedImitationEnv(clip, steps=100, phase=True)
    observation, _ = env.reset(seed=6, options={"frame": 60})
    np.testing.assert_allclose(observation[:14], clip.states[60, :14], atol=1e-5)
    turn = 2 * np.pi * 60 / 300
    np.testing.assert_allclose(observation[-2:], [np.sin(turn), np.cos(turn)], atol=1e-6)
    steps = run(env, clip.actions[60:])
    # an episode has its steps wherever it starts
    assert len(steps) == 100
    assert np.mean([step[4]["pose"] for step in steps[:30]]) > 0.99


def test_starts_in_the_reference_are_drawn(clip: Clip) -> None:
    env = BipedImitationEnv(clip, steps=300, reference_start=0.5, phase=True)
    env.reset(seed=0)
    turns = [np.arctan2(*env.reset()[0][-2:]) % (2 * np.pi) for _ in range(40)]
    standing = sum(turn == 0 for turn in turns)
    assert 12 <= standing <= 28
    assert len(set(turns)) > 10
    np.testing.assert_array_equal(env.reset(seed=7)[0], env.reset(seed=7)[0])


def test_an_episode_outlasts_a_clip_with_a_loop(clip: Clip) -> None:
    env = BipedImitationEnv(looped(clip, 100, 160, 2), steps=400, phase=True)
    observation, _ = env.reset(seed=0)
    # 0 at frame 100, three strides of 30 frames and a third before
    assert np.arctan2(*observation[-2:]) == pytest.approx(-2 * np.pi / 3)
    steps = run(env, np.zeros((400, 4)))
    for clock, frame in ((1, 1), (159, 159), (160, 100), (221, 101)):
        if clock <= len(steps):
            observation, info = steps[clock - 1][0], steps[clock - 1][4]
            apart = observation[ANGLES] - clip.states[frame, ANGLES]
            assert info["pose"] == pytest.approx(np.exp(-np.sum(2 - 2 * np.cos(apart))), rel=1e-4)


def test_it_can_end_where_the_pose_strays(clip: Clip) -> None:
    env = BipedImitationEnv(clip, steps=200, max_pose_error=0.8)
    env.reset(seed=0, options={"frame": 60})
    steps = run(env, np.zeros((200, 4)))
    errors = [
        np.sqrt(np.mean((step[0][ANGLES] - clip.states[61 + number, ANGLES]) ** 2))
        for number, step in enumerate(steps)
    ]
    assert errors[-1] > 0.8 >= max(errors[:-1])
    assert steps[-1][4]["end"] == "pose"
    assert steps[-1][2]
    assert not steps[-1][4]["fell"]


def test_it_can_end_where_the_walk_falls_behind(clip: Clip) -> None:
    env = BipedImitationEnv(clip, steps=300, max_lag=0.5)
    env.reset(seed=0)
    assert len(run(env, clip.actions)) == 300
    standing, _ = env.reset(seed=0)
    observation, info, steps = standing, {}, 0
    while "end" not in info:
        hold = 4 * (standing - observation)[ANGLES] - 0.5 * observation[SPEEDS]
        observation, _, terminated, _, info = env.step(np.clip(hold, -1, 1))
        steps += 1
    assert (terminated, info["end"]) == (True, "behind")
    way = clip.states[1 : steps + 1, 2].sum(dtype=float) * DT_S / 0.12
    assert way - env.body.distance > 0.5
    assert way - env.body.distance < 0.6


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"observation": "lidar"}, 'observation must be "proprioception" or "full", got \'lidar\''),
        ({"steps": 0}, "steps must be 1 or more, got 0"),
        ({"steps": 301}, "steps must be 300 at most, the length of a clip that is not looped"),
        ({"reference_start": 1.5}, r"reference_start must be a share in 0..1, got 1.5"),
        ({"max_pose_error": 0}, "max_pose_error must be above 0 or None, got 0"),
        ({"max_lag": -1}, "max_lag must be above 0 or None, got -1"),
    ],
)
def test_impossible_options_are_refused(clip: Clip, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        BipedImitationEnv(clip, **{"steps": 100, **options})


def test_impossible_resets_and_actions_are_refused(clip: Clip) -> None:
    env = BipedImitationEnv(clip, steps=100)
    with pytest.raises(ValueError, match=r'options of reset are "frame", got \[\'pose\'\]'):
        env.reset(options={"pose": 1})
    with pytest.raises(ValueError, match=r"frame must be in 0..299, got 300"):
        env.reset(options={"frame": 300})
    env.reset(seed=0)
    with pytest.raises(ValueError, match="action must be 4 finite numbers, got"):
        env.step(np.zeros(3))
    with pytest.raises(ValueError, match="action must be 4 finite numbers, got"):
        env.step(np.array([0, 0, 0, np.nan]))
    bare = Clip.of(clip.states, clip.actions)
    with pytest.raises(ValueError, match="must hold physical states to start in a frame"):
        BipedImitationEnv(bare, steps=100, reference_start=0.1)
    with pytest.raises(ValueError, match="must hold physical states to start in a frame"):
        BipedImitationEnv(bare, steps=100).reset(options={"frame": 3})
