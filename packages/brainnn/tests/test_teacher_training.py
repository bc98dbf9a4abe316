"""What the teacher is paid for, what it starts from, and that it is made the same twice."""

from re import findall

import numpy as np
import pytest
import torch

from brainnn.bodies.planar_biped import PlanarBiped
from brainnn.bodies.recording import record_clip
from brainnn.learning.settings import TeacherPlan
from brainnn.learning.teacher import load_teacher
from brainnn.learning.teacher_training import (
    TeacherEnv,
    hand_written_clip,
    lasting_clip,
    train_teacher,
)

SMALL = TeacherPlan(steps=64, critic_steps=1, copying_updates=3, copied_walks=1, num_envs=1)


@pytest.fixture(scope="module")
def strides() -> np.ndarray:
    bodies = hand_written_clip(seed=0, steps=260).bodies
    assert bodies is not None
    return bodies[200:]


def test_the_hand_written_walker_walks_upright_and_forward() -> None:
    clip = hand_written_clip(seed=0, steps=300)
    assert clip.mean_speed == pytest.approx(0.2404, abs=1e-3)
    assert np.abs(clip.states[:, 0]).mean() < 0.1
    assert np.abs(clip.actions).max() <= 1


def test_a_walker_that_falls_gives_no_clip() -> None:
    with pytest.raises(ValueError, match="but it fell after 177: give another seed"):
        hand_written_clip(seed=1, steps=350)


def test_a_step_pays_for_way_and_charges_for_haste(strides: np.ndarray) -> None:
    plan = TeacherPlan(mid_stride=0.0, effort=0.01, jerk=0.02, tilt=0.05, asymmetry=0.05)
    env, body = TeacherEnv(plan, strides), PlanarBiped(lidar=False)
    env.reset(seed=3)
    body.reset(seed=3)
    action = np.array([0.5, -0.5, 0.25, 2.0])
    seen, reward, *_ = env.step(action)
    expected, *_ = body.step(np.clip(action, -1, 1))
    np.testing.assert_array_equal(seen, expected)
    way = 130 / 30 * 0.02 * min(float(seen[2]) / 0.12, 4.0)
    squares = 0.25 + 0.25 + 0.0625 + 1.0
    apart = abs(float(seen[4] - seen[9])) / 40
    costs = 0.028 * 2.25 + (0.01 + 0.02) * squares + 0.05 * abs(float(seen[0])) + 0.05 * apart
    assert reward == pytest.approx(way - costs, abs=1e-6)


def test_speed_above_the_wanted_one_pays_a_tenth(strides: np.ndarray) -> None:
    rewards = []
    for speed in (1.0, 0.5):
        plan = TeacherPlan(mid_stride=1.0, speed=speed, effort=0, jerk=0, tilt=0, asymmetry=0)
        env = TeacherEnv(plan, strides)
        env.reset(seed=0)
        rewards.append(env.step(np.zeros(4))[1])
    assert rewards[0] - rewards[1] == pytest.approx(130 / 30 * 0.02 * 0.5 * 0.9)


def test_an_episode_starts_in_the_middle_of_a_stride(strides: np.ndarray) -> None:
    env = TeacherEnv(TeacherPlan(mid_stride=1.0), strides)
    starts = np.array([env.reset(seed=seed)[0][2] for seed in range(8)])
    assert (starts > 0.15).all()


def test_a_fall_costs_what_the_plan_says(strides: np.ndarray) -> None:
    env = TeacherEnv(TeacherPlan(mid_stride=0.0, fall=7.0), strides)
    env.reset(seed=0)
    over = False
    while not over:
        _, reward, over, _, _ = env.step(np.ones(4))
    assert reward == -7


def test_the_same_seed_makes_the_same_teacher() -> None:
    rows: list[dict[str, float]] = []
    first = train_teacher(SMALL, seed=2, report=lambda steps, row: rows.append({**row}))
    second = train_teacher(SMALL, seed=2)
    other = train_teacher(SMALL, seed=3)
    probe = torch.linspace(-1, 1, 14)
    assert torch.equal(first(probe), second(probe))
    assert not torch.equal(first(probe), other(probe))
    assert rows[-1]["std"] == pytest.approx(np.exp(-1.4), rel=0.1)


def test_a_teacher_that_does_not_walk_gives_no_reference() -> None:
    with pytest.raises(ValueError, match="500 steps in one of 3 walks, but it did in none: train"):
        lasting_clip(lambda seen: np.ones(4), 500, walks=3, source="all motors forward")
    # who only stands lasts, but makes no stride
    with pytest.raises(ValueError, match="a stride that closes on itself to make an even clip"):
        lasting_clip(lambda seen: np.zeros(4), 30, walks=2, source="no motor")


def test_the_reference_is_the_most_even_stride_again_and_again() -> None:
    # which walk has an even stride is a matter of rounding: some of six always have
    clip = lasting_clip(load_teacher().act, 260, walks=6, source="the teacher")
    terrain, start, stop = map(
        int, findall(r"terrain (\d+), frames (\d+) to (\d+)", clip.source)[0]
    )
    assert clip.steps == 260
    assert terrain in range(6)
    assert 50 <= start <= 150
    period = stop - start
    assert clip.loop is not None
    assert clip.loop.period == pytest.approx(period, abs=0.01)
    for part in (clip.states, clip.actions, clip.bodies):
        assert part is not None
        np.testing.assert_array_equal(part[start:-period], part[start + period :])
    # up to there it is what was walked
    walked = record_clip(load_teacher().act, seed=terrain, steps=260)
    np.testing.assert_array_equal(clip.states[:stop], walked.states[:stop])


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ({"steps": 0}, "steps must be at least 1, got 0"),
        ({"mid_stride": 1.5}, r"mid_stride must be in \[0, 1\], got 1.5"),
    ],
)
def test_a_plan_is_checked(option: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        TeacherPlan(**option)  # type: ignore[arg-type]
