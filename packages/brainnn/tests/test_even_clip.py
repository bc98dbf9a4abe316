"""The most even stride of a walk: found, played again and again, refused where there is none."""

import numpy as np
import pytest
from numpy.typing import NDArray

from brainnn.bodies.clip import Clip
from brainnn.bodies.loops import find_stride
from brainnn.bodies.mirror import MIRROR_OBSERVATION, mirror_observations
from brainnn.bodies.recording import even_clip

PERIOD = 20
SMOOTH = [0, 1, 2, 3, 4, 5, 6, 7, 9, 10, 11, 12]


def gait(frames: int, *, lame: float = 0.0) -> NDArray[np.float64]:
    """Legs half a stride apart, the hull twice a stride; a lame leg 2 does less."""
    turn = 2 * np.pi * np.arange(frames)[:, None] / PERIOD
    states = np.zeros((frames, 24))
    states[:, :4] = np.cos(2 * turn + [0.3, 1.0, 2.0, 3.0])
    states[:, 4:8] = np.cos(turn * [1, 1, 2, 2] + [0.0, 1.0, 2.0, 3.0])
    states[:, 9:13] = (1 - lame) * np.cos((turn + np.pi) * [1, 1, 2, 2] + [0.0, 1.0, 2.0, 3.0])
    return states


def clean_at(
    *starts: int, lame: float = 0.0, seed: int = 0, frames: int = 260
) -> NDArray[np.float64]:
    """Noisy all the way but for strides from the given frames, the first of which may be lame."""
    rng = np.random.default_rng(seed)
    states = gait(frames) + rng.normal(0, 0.3, (frames, 24))
    for number, start in enumerate(starts):
        stride = slice(start, start + PERIOD + 1)
        states[stride] = gait(frames, lame=lame if number == 0 else 0.0)[stride]
    return states


def test_the_one_clean_stride_is_found() -> None:
    states = clean_at(93)
    found = find_stride(states, mirror_observations(states))
    assert found is not None
    loop, limp = found
    assert loop[:3] == (93, 113, 1)
    assert loop.period == PERIOD
    assert loop.seam == pytest.approx(0, abs=1e-12)
    assert limp == pytest.approx(0, abs=1e-12)


def test_limp_is_the_distance_from_the_mirror_half_a_stride_on() -> None:
    states = clean_at(93, lame=0.4)
    found = find_stride(states, mirror_observations(states))
    assert found is not None
    loop, limp = found
    spread = states[50:, SMOOTH].std(0)
    sums = []
    for turn in range(PERIOD):
        here = states[loop.start + turn, SMOOTH]
        there = states[loop.start + (turn + PERIOD // 2) % PERIOD][[*MIRROR_OBSERVATION]][SMOOTH]
        sums.append(np.square((here - there) / spread).mean() / 2)
    assert loop.start == 93
    assert limp == pytest.approx(loop.seam + np.mean(sums), rel=1e-9)
    assert limp > 0.02


def test_an_even_stride_is_taken_before_a_lame_one() -> None:
    states = clean_at(60, 118, lame=0.5)
    found = find_stride(states, mirror_observations(states))
    assert found is not None
    assert found[0].start == 118
    # later ones are not looked at
    found = find_stride(states, mirror_observations(states), latest=80)
    assert found is not None
    assert found[0].start == 60


def test_what_does_not_repeat_has_no_stride() -> None:
    rng = np.random.default_rng(0)
    for states in (
        rng.normal(size=(260, 24)).cumsum(0),
        np.zeros((260, 24)),
        gait(60),
        # a stride is there, but its ends never meet
        gait(260) + np.random.default_rng(1).normal(0, 0.7, (260, 24)),
    ):
        assert find_stride(states, mirror_observations(states)) is None


def walk(states: NDArray[np.float64], name: str) -> Clip:
    rng = np.random.default_rng(9)
    frames = len(states)
    return Clip.of(
        states, rng.uniform(-1, 1, (frames - 1, 4)), rng.normal(size=(frames, 5, 6)), source=name
    )


def test_an_even_clip_closes_exactly() -> None:
    uneven, even = walk(clean_at(70, lame=0.5), "uneven"), walk(clean_at(93, seed=1), "even")
    clip = even_clip([uneven, even, walk(np.zeros((260, 24)), "standing")])
    assert clip.source == "even, frames 93 to 113 again and again"
    assert clip.steps == even.steps
    assert clip.loop is not None
    assert clip.loop.period == PERIOD
    for made, recorded in ((clip.states, even.states), (clip.bodies, even.bodies)):
        assert made is not None
        assert recorded is not None
        np.testing.assert_array_equal(made[:113], recorded[:113])
        np.testing.assert_array_equal(made[93:-PERIOD], made[93 + PERIOD :])
    np.testing.assert_array_equal(clip.actions[:113], even.actions[:113])
    np.testing.assert_array_equal(clip.actions[93:-PERIOD], clip.actions[93 + PERIOD :])
    bare = even_clip([Clip.of(even.states, even.actions)])
    assert bare.bodies is None


def test_walks_without_a_stride_make_no_even_clip() -> None:
    standing = walk(np.zeros((260, 24)), "standing")
    with pytest.raises(ValueError, match="but none of 2 has: record longer ones"):
        even_clip([standing, standing])
    with pytest.raises(ValueError, match="none of 0 has"):
        even_clip([])
