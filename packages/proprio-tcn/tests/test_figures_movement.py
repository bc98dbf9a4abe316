"""One letter from the pen to the spindles: what is drawn, and its numbers."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from neuro_common.files import read_csv
from neuro_common.plots import new_figure
from proprio_tcn.figures.movement import (
    arm_plot,
    course_plot,
    draw_movement,
    most_moved,
    movement_columns,
    pen_plot,
)
from proprio_tcn.figures.trial import LetterTrial, write_letter
from proprio_tcn.figures_config import MovementFigureConfig
from proprio_tcn.movements.writers import FontWriters
from proprio_tcn.movements_config import MovementSettings

SETTINGS = MovementSettings(
    arm="two_link", augment=False, start_points=20, max_joint_jerk=8.0, writers=4
)


@pytest.fixture(scope="module")
def trial() -> LetterTrial:
    return write_letter(SETTINGS, "c", "vertical", 2)


def test_the_hand_writes_what_the_pen_wrote(trial: LetterTrial) -> None:
    pen = FontWriters(4, 0.03).trace(2, 2)
    np.testing.assert_array_equal(trial.pen_cm, pen)
    hand = trial.hand_cm[:, trial.moving]
    assert hand.shape[1] == pen.shape[1]
    np.testing.assert_allclose(np.ptp(hand, axis=1)[2], np.ptp(pen, axis=1)[1], atol=0.02)
    assert trial.title == "'c' in the vertical plane by writer 2, two_link arm"


def test_horizontal_letters_stay_at_one_height() -> None:
    flat = write_letter(SETTINGS, "o", "horizontal")
    assert np.ptp(flat.hand_cm[2]) < 0.02
    assert np.ptp(flat.hand_cm[0]) > 4.9


def test_muscles_are_ranked_by_their_change() -> None:
    lengths = np.array([[0.0, 1, 0], [5, 5, 5], [-3, 4, 0], [0, 2, 1]])
    assert most_moved(lengths, 3).tolist() == [2, 3, 0]


def test_the_arm_is_drawn_from_the_shoulder_to_the_hand(trial: LetterTrial) -> None:
    figure, _ = new_figure()
    ax: Any = figure.add_subplot(projection="3d")
    path, *postures, _shoulder = arm_plot(ax, trial.hand_cm, trial.elbow_cm, trial.moving, 3)
    drawn: Any = path
    np.testing.assert_allclose(np.array(drawn.get_data_3d()), trial.hand_cm[:, trial.moving])
    last: Any = postures[-1]
    end = np.flatnonzero(trial.moving)[-1]
    wanted = np.stack([np.zeros(3), trial.elbow_cm[:, end], trial.hand_cm[:, end]], axis=1)
    np.testing.assert_allclose(np.array(last.get_data_3d()), wanted)
    assert len(postures) == 3
    with pytest.raises(ValueError, match="moving must be true in at least one bin, got none"):
        arm_plot(ax, trial.hand_cm, trial.elbow_cm, np.zeros(400, dtype=bool))


def test_moving_bins_are_shaded(trial: LetterTrial) -> None:
    _, axes = new_figure()
    courses = {"one": trial.hand_cm[0], "two": trial.hand_cm[1]}
    lines = course_plot(axes[0, 0], trial.time_s, courses, trial.moving, label="place (cm)")
    np.testing.assert_array_equal(np.asarray(lines[1].get_ydata()), trial.hand_cm[1])
    (shade,) = axes[0, 0].patches
    first, last = np.flatnonzero(trial.moving)[[0, -1]]
    assert shade.get_x() == pytest.approx(0.01 * first)
    assert shade.get_width() == pytest.approx(0.01 * (last - first))


def test_a_dot_stands_at_every_tenth_bin() -> None:
    _, axes = new_figure()
    pen = np.stack([np.linspace(0, 1, 41), np.linspace(0, 2, 41)])
    _, dots, begin = pen_plot(axes[0, 0], pen)
    np.testing.assert_allclose(np.asarray(dots.get_xdata()), [0, 0.25, 0.5, 0.75, 1])
    assert (begin.get_xdata(), begin.get_ydata()) == (0, 0)


def test_numbers_lie_beside_the_figure(
    trial: LetterTrial, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "matplotlib.figure.Figure.savefig", lambda _, path, **__: path.write_bytes(b"")
    )
    # the two-link arm has no muscles: two are made up
    lengths = 100 + np.stack([trial.joint_angle_deg[0], 2 * trial.joint_angle_deg[1]])
    full = trial._replace(
        muscles=("m1", "m2"), muscle_length_mm=lengths, muscle_velocity_mm_s=0 * lengths
    )
    draw_movement(full, tmp_path / "movement", muscles=1, postures=2)
    table = read_csv(tmp_path / "movement.csv")
    assert list(table) == list(movement_columns(full))
    np.testing.assert_allclose([float(one) for one in table["m2_length_mm"]], lengths[1])
    moving = np.array([int(one) for one in table["moving"]])
    np.testing.assert_array_equal(moving, trial.moving)
    assert len([one for one in table["pen_x_cm"] if one]) == trial.moving.sum()
    # an arm without muscles has joints to show
    draw_movement(trial, tmp_path / "joints")
    assert f"{trial.coordinates[3]}_deg" in read_csv(tmp_path / "joints.csv")


@pytest.mark.parametrize(
    ("letter", "writer", "message"),
    [
        ("f", 0, "letter must be one of a, b, c, .*, got 'f'"),
        ("ab", 0, "got 'ab'"),
        ("a", 4, r"writer must be in \[0, 4\), got 4"),
    ],
)
def test_what_cannot_be_written_is_said(letter: str, writer: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        write_letter(SETTINGS, letter, "vertical", writer)


def test_reaches_are_not_written() -> None:
    with pytest.raises(ValueError, match="movements must be letters to be written, got reaches"):
        write_letter(MovementSettings(movements="reaches"), "a", "vertical")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"plane": "sagittal"}, "plane must be horizontal or vertical, got 'sagittal'"),
        ({"muscles": 8}, r"muscles must be in \[1, 7\], one for each colour, got 8"),
        ({"postures": 1}, "postures must be at least 2, got 1"),
    ],
)
def test_wrong_options_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        MovementFigureConfig(**options)
