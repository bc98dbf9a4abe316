import itertools
from typing import Any

import numpy as np
import pytest

from proprio_tcn.movements.making import cells_of, make_movements, make_renderer, open_writers
from proprio_tcn.movements.rendering import Cell, RenderingError, render
from proprio_tcn.movements.trials import Trials
from proprio_tcn.movements_config import MovementSettings

SETTINGS = MovementSettings(
    arm="linear", writers=4, shares=[0.5, 0.25, 0.25], start_points=50, max_joint_jerk=5.0
)


def _renderer(arm: Any, settings: MovementSettings = SETTINGS) -> Any:
    return make_renderer(arm, settings, solve=arm.solve)


def test_the_hand_writes_the_letter_where_and_as_it_was_drawn(linear_arm: Any):
    renderer = _renderer(linear_arm)
    cells = [Cell(1, letter, 0) for letter in range(20)]
    trials, told = render(renderer, cells)
    assert told["accepted"] == 20
    np.testing.assert_array_equal(trials.letter, np.arange(20))
    np.testing.assert_array_equal(trials.writer, 1)
    offset = trials.offset
    for row, cell in enumerate(cells):
        draw = renderer.draw(cell, int(trials.attempts[row]) - 1)
        hand = trials.hand[:, offset[row] : offset[row + 1]]
        np.testing.assert_allclose(hand, draw.path_cm, atol=1e-4)
        assert (trials.start[row], trials.plane[row]) == (draw.start, draw.plane)
        np.testing.assert_allclose(trials.latents[row], draw.latents, rtol=1e-6)
        free = trials.joint_angle[3, offset[row] : offset[row + 1]]
        np.testing.assert_allclose(free, np.rad2deg(draw.posture_rad[3]), rtol=1e-6)


def test_muscles_follow_the_joints(linear_arm: Any):
    trials, _ = render(_renderer(linear_arm), [Cell(0, 3, 0)])
    angles = np.deg2rad(trials.joint_angle.astype(float))
    moving = linear_arm.moving
    lengths = 1e3 * (linear_arm.rest[moving, None] + linear_arm.rows[moving] @ angles)
    np.testing.assert_allclose(trials.spindle[..., 0], lengths, rtol=1e-6)
    # all is linear: velocities by moment arms are the gradients of the lengths
    padded = np.pad(lengths, [(0, 0), (3, 3)], mode="edge")
    rates = np.gradient(padded, 0.01, axis=1)[:, 3:-3]
    np.testing.assert_allclose(trials.spindle[..., 1], rates, atol=1e-3)


def test_all_muscles_are_seen_on_request(linear_arm: Any):
    settings = MovementSettings(**{**vars(SETTINGS), "muscles": "all"})
    trials, _ = render(_renderer(linear_arm, settings), [Cell(0, 3, 0)])
    assert trials.spindle.shape[0] == 5
    assert np.ptp(trials.spindle[2, :, 0]) == 0.0
    assert not trials.spindle[2, :, 1].any()


def test_a_trial_does_not_hang_on_its_company(linear_arm: Any):
    renderer = _renderer(linear_arm)
    together, _ = render(renderer, [Cell(w, letter, 0) for w in range(3) for letter in range(20)])
    alone, _ = render(renderer, [Cell(2, 7, 0)])
    same = together.take(np.array([47]))
    np.testing.assert_array_equal(alone.joint_angle, same.joint_angle)
    np.testing.assert_array_equal(alone.start, same.start)


def test_more_repeats_and_writers_keep_those_that_were_there(linear_arm: Any):
    base = make_movements(linear_arm, SETTINGS, "train", solve=linear_arm.solve)
    more = MovementSettings(**{**vars(SETTINGS), "writers": 8, "repeats": 2})
    grown = make_movements(linear_arm, more, "train", solve=linear_arm.solve)
    assert (len(base), len(grown)) == (40, 160)
    rows = np.flatnonzero((grown.trials.repeat == 0) & (grown.writer < 2))
    same = grown.trials.take(rows)
    np.testing.assert_array_equal(same.joint_angle, base.trials.joint_angle)
    repeats = grown.trials.latents[grown.writer == 0]
    assert len(np.unique(repeats, axis=0)) > 30  # each repeat has draws of its own


def _jerks(trials: Trials, courses: np.ndarray) -> np.ndarray:
    at = trials.offset
    found = []
    for first, last in itertools.pairwise(at):
        third = courses[:, first:last].astype(float)
        for _ in range(3):
            third = np.gradient(third, axis=1)
        found.append(np.linalg.norm(third))
    return np.array(found)


def test_jerky_draws_are_told_and_drawn_again(linear_arm: Any):
    loose = MovementSettings(**{**vars(SETTINGS), "max_joint_jerk": 1e9, "max_muscle_jerk": 1e9})
    cells = [Cell(w, letter, 0) for w in range(4) for letter in (2, 4, 10)]  # c, e, o
    free, told = render(_renderer(linear_arm, loose), cells)
    assert set(told) <= {"accepted", "out of reach"}
    joints, muscles = _jerks(free, free.joint_angle), _jerks(free, free.spindle[..., 0])
    limits = {
        "max_joint_jerk": float(np.quantile(joints, 0.7)),
        "max_muscle_jerk": float(np.median(muscles)),
    }
    strict = MovementSettings(**{**vars(SETTINGS), **limits})
    kept, told = render(_renderer(linear_arm, strict), cells)
    assert told["joint jerk"] > 0
    assert told["muscle jerk"] > 0
    assert told.total() == kept.attempts.sum()
    assert _jerks(kept, kept.joint_angle).max() <= limits["max_joint_jerk"] + 1e-3
    assert _jerks(kept, kept.spindle[..., 0]).max() <= limits["max_muscle_jerk"] + 1e-6


def test_what_is_never_accepted_is_an_error_that_says_why(linear_arm: Any):
    never = MovementSettings(**{**vars(SETTINGS), "max_joint_jerk": 1e-9, "max_attempts": 3})
    with pytest.raises(
        RenderingError, match=r"in 3 attempts, got 2 of 2 .* \(joint jerk 5, out of.*raise max_att"
    ):
        render(_renderer(linear_arm, never), [Cell(0, 0, 0), Cell(0, 1, 0)])


def test_cells_of_the_splits_share_no_writer():
    settings = MovementSettings(writers=10, repeats=3)
    cells = {split: cells_of(settings, split) for split in ("train", "val", "test")}
    assert [len(one) for one in cells.values()] == [7 * 60, 60, 2 * 60]
    writers = [{cell.writer for cell in one} for one in cells.values()]
    assert not writers[0] & writers[1]
    assert not (writers[0] | writers[1]) & writers[2]


def test_a_file_of_pen_traces_writes_too(linear_arm: Any, tmp_path: Any):
    rng = np.random.default_rng(0)
    paths = np.cumsum(np.cumsum(rng.standard_normal((80, 2, 80)), axis=2), axis=2)
    np.savez(tmp_path / "pen.npz", trajectories=paths, labels=np.tile(np.arange(1, 21), 4))
    settings = MovementSettings(**{**vars(SETTINGS), "pen": str(tmp_path / "pen.npz")})
    movements = make_movements(linear_arm, settings, "test", solve=linear_arm.solve)
    assert len(movements) == 20
    many = MovementSettings(pen=str(tmp_path / "pen.npz"), writers=5)
    with pytest.raises(ValueError, match=r"writers must be at most 4, .* got 5"):
        open_writers(many)


def test_trials_are_joined_and_taken_apart(linear_arm: Any):
    renderer = _renderer(linear_arm)
    parts = [render(renderer, [Cell(0, letter, 0)])[0] for letter in (2, 5, 9)]
    whole = Trials.join(parts)
    again = whole.take(np.array([2, 0]))
    np.testing.assert_array_equal(
        again.spindle, np.concatenate([parts[2].spindle, parts[0].spindle], axis=1)
    )
    np.testing.assert_array_equal(again.letter, [9, 2])
    with pytest.raises(ValueError, match="at least one part"):
        Trials.join([])
