"""Clips: recorded, written, read, refused, and looped."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from brainnn.bodies.clip import Clip, reference_clip
from brainnn.bodies.loops import Loop, find_loop
from brainnn.bodies.planar_biped import PlanarBiped
from brainnn.bodies.recording import record_clip
from neuro_common.files import FormatError


def made_states(frames: int, period: float, *, late: float = 0.0) -> NDArray[np.float64]:
    """A walk whose every smooth number is a harmonic of the stride."""
    rng = np.random.default_rng(0)
    turn = 2 * np.pi * (np.arange(frames)[:, None] - late) / period
    harmonics = rng.integers(1, 4, 24)
    harmonics[4] = 1
    return np.cos(harmonics * turn + rng.uniform(0, 6, 24))


@pytest.fixture(scope="module")
def walked() -> Clip:
    """What Gymnasium's hand-written walker does."""
    # after Box2D: its start-up warnings crash the interpreter where warnings are errors
    from gymnasium.envs.box2d.bipedal_walker import BipedalWalkerHeuristics

    walker = BipedalWalkerHeuristics()
    return record_clip(lambda seen: walker.step_heuristic(seen).copy(), seed=0, steps=120)


def test_a_recording_is_what_happened(walked: Clip) -> None:
    body = PlanarBiped()
    observation, _ = body.reset(seed=0)
    assert walked.steps == 120
    for step, action in enumerate(walked.actions):
        np.testing.assert_array_equal(walked.states[step], observation)
        assert walked.bodies is not None
        np.testing.assert_array_equal(walked.bodies[step], body.body_states())
        observation = body.step(action)[0]
    np.testing.assert_array_equal(walked.states[-1], observation)
    assert walked.mean_speed == pytest.approx(0.0952, abs=1e-4)


def test_a_walk_that_fell_is_no_clip() -> None:
    with pytest.raises(ValueError, match="must last 500 steps to become a clip, but it fell after"):
        record_clip(lambda seen: np.ones(4), seed=0)


def test_what_is_written_is_read(walked: Clip, tmp_path: Path) -> None:
    walked.save(tmp_path / "clip.npz")
    read = Clip.load(tmp_path / "clip.npz")
    for name in ("states", "actions", "bodies"):
        np.testing.assert_array_equal(getattr(read, name), getattr(walked, name))
    bare = Clip.of(walked.states, walked.actions, source="somewhere")
    bare.save(tmp_path / "bare.npz")
    again = Clip.load(tmp_path / "bare.npz")
    assert (again.bodies, again.source) == (None, "somewhere")


def test_the_published_layout_is_read(walked: Clip, tmp_path: Path) -> None:
    states, actions = tmp_path / "states.npy", tmp_path / "actions.npy"
    np.save(states, walked.states)
    np.save(actions, 12 * walked.actions)
    clip = Clip.from_published(states, actions)
    assert (clip.steps, clip.bodies, clip.source) == (120, None, "states.npy, actions.npy")
    np.testing.assert_array_equal(clip.actions, 12 * walked.actions)
    np.save(actions, walked.actions[:-1])
    with pytest.raises(FormatError, match=r"got: states must have shape \(120, 24\), got \(121"):
        Clip.from_published(states, actions)
    actions.write_bytes(b"nothing")
    with pytest.raises(FormatError, match="must be observations"):
        Clip.from_published(states, actions)


def test_a_foreign_or_broken_file_is_refused(walked: Clip, tmp_path: Path) -> None:
    path = tmp_path / "clip.npz"
    walked.save(path)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(FormatError, match="must be a whole clip"):
        Clip.load(path)
    path.write_bytes(whole[:4000] + bytes(100) + whole[4100:])
    with pytest.raises(FormatError, match="must be a whole clip, got a damaged one"):
        Clip.load(path)
    np.savez(path, states=walked.states)
    with pytest.raises(FormatError, match='must have the format "brainnn/clip", got None'):
        Clip.load(path)
    np.savez(path, format="brainnn/clip", format_version=1, states=walked.states, source="")
    with pytest.raises(FormatError, match="got one with 'actions'"):
        Clip.load(path)
    np.save(tmp_path / "clip.npy", walked.states)
    with pytest.raises(FormatError, match="must be a whole clip"):
        Clip.load(tmp_path / "clip.npy")
    with pytest.raises(FileNotFoundError):
        Clip.load(tmp_path / "none.npz")


def test_parts_that_do_not_fit_are_refused() -> None:
    states, actions = np.zeros((11, 24)), np.zeros((10, 4))
    with pytest.raises(ValueError, match=r"actions must have shape \('steps', 4\), got \(10, 6\)"):
        Clip.of(states, np.zeros((10, 6)))
    with pytest.raises(ValueError, match=r"bodies must have shape \(11, 5, 6\), got \(10, 5, 6\)"):
        Clip.of(states, actions, np.zeros((10, 5, 6)))
    with pytest.raises(ValueError, match="states must be finite"):
        Clip.of(np.full((11, 24), np.nan), actions)
    with pytest.raises(ValueError, match="must have a step at least"):
        Clip.of(states[:1], actions[:0])


def test_the_clip_that_ships_is_whole() -> None:
    clip = reference_clip()
    assert clip.bodies is not None
    assert clip.source


@settings(max_examples=8)
@given(st.floats(12, 45), st.floats(0, 20))
@example(12.5, 0.0)  # half a frame more than whole ones
def test_a_stride_is_found_to_a_share_of_a_frame(period: float, late: float) -> None:
    loop = find_loop(made_states(400, period, late=late))
    assert loop is not None
    assert loop.period == pytest.approx(period, abs=0.5 / loop.strides)
    assert loop.stop - loop.start >= 175
    assert loop.seam < 0.02


def test_a_loop_goes_round_in_whole_strides() -> None:
    states = made_states(301, 18.5)
    loop = find_loop(states)
    assert loop is not None
    frames = [loop.frame(step) for step in range(2000)]
    assert frames[: loop.stop] == [*range(loop.stop)]
    assert frames[loop.stop] == loop.start
    assert max(frames) == loop.stop - 1
    endless = made_states(2000, 18.5)[:, 4]
    # whole strides of 18.5 frames fit into whole frames
    np.testing.assert_allclose(states[frames, 4], endless, atol=1e-6)
    phases = np.array([loop.phase(step) for step in range(2000)])
    np.testing.assert_allclose(np.diff(np.unwrap(phases)), 2 * np.pi / 18.5)
    assert loop.phase(loop.start) == 0


def test_a_loop_by_hand() -> None:
    loop = Loop(start=10, stop=40, strides=3, seam=0)
    assert loop.period == 10
    assert [loop.frame(step) for step in (0, 39, 40, 69, 70)] == [0, 39, 10, 39, 10]
    assert [loop.phase(step) / np.pi for step in (10, 15, 5)] == pytest.approx([0, 1, 1])


def test_what_does_not_repeat_has_no_loop() -> None:
    rng = np.random.default_rng(0)
    assert find_loop(rng.normal(size=(400, 24)).cumsum(0)) is None
    assert find_loop(np.zeros((400, 24))) is None
    assert find_loop(made_states(60, 15)) is None
