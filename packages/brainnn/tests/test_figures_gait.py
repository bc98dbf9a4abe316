"""Figures of gaits and films: the numbers that they show."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from brainnn.figures.gait import draw_gait, draw_portraits, draw_stances, overlay, stance_bars
from brainnn.figures.video import draw_stride, posture_plot, write_film
from neuro_common.plots import new_figure
from neuro_common.runs import read_csv

pytestmark = pytest.mark.usefixtures("no_drawing")


@pytest.fixture
def walk() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    states = rng.normal(size=(21, 14)).astype(np.float32)
    states[:, [8, 13]] = rng.integers(0, 2, (21, 2))
    return states, rng.normal(0, 2, (20, 4)).astype(np.float32)


def column(table: dict[str, list[str]], name: str) -> np.ndarray:
    return np.array([float(cell) for cell in table[name] if cell])


def test_joints_are_in_radians_and_torques_as_the_body_takes_them(
    walk: tuple[np.ndarray, np.ndarray], tmp_path: Path
) -> None:
    states, actions = walk
    path = draw_gait(states, actions, (states[::-1], actions[::-1]), tmp_path / "gait")
    table = read_csv(path.with_suffix(".csv"))
    np.testing.assert_allclose(column(table, "time_s")[:3], [0, 0.02, 0.04])
    np.testing.assert_allclose(column(table, "hip_1_rad"), states[:-1, 4])
    np.testing.assert_allclose(column(table, "knee_2_rad"), states[:-1, 11] - 1)
    np.testing.assert_allclose(column(table, "hip_2_rad_s"), 4 * states[:-1, 10])
    np.testing.assert_allclose(column(table, "knee_1_rad_s"), 6 * states[:-1, 7], rtol=1e-6)
    np.testing.assert_allclose(column(table, "knee_2_torque"), actions[:, 3].clip(-1, 1))
    np.testing.assert_allclose(column(table, "forward_speed"), states[:-1, 2] / 0.12, rtol=1e-6)
    np.testing.assert_array_equal(column(table, "leg_2_contact"), states[:-1, 13])
    reversed_hip = states[::-1][:-1, 4]
    np.testing.assert_allclose(column(table, "reference_hip_1_rad"), reversed_hip)


def test_portraits_without_a_reference_show_the_network_alone(
    walk: tuple[np.ndarray, np.ndarray], tmp_path: Path
) -> None:
    states, _ = walk
    table = read_csv(draw_portraits(states, None, tmp_path / "p").with_suffix(".csv"))
    assert not [name for name in table if name.startswith("reference")]
    np.testing.assert_allclose(column(table, "network_knee_1_rad"), states[:, 6] - 1)


def test_overlay_draws_the_reference_below() -> None:
    _, axes = new_figure()
    time = np.arange(3.0)
    reference, network = overlay(axes[0, 0], time, time, time + 1)
    assert reference.get_label() == "reference"
    assert network.get_ydata()[0] == 0
    assert len(overlay(axes[0, 0], time, time, None)) == 1


def test_a_bar_lasts_as_long_as_its_contact(tmp_path: Path) -> None:
    _, axes = new_figure()
    contact = np.array([True, True, False, False, True])
    (bars,) = stance_bars(axes[0, 0], 0.02 * np.arange(5), {"leg 1": contact})
    spans = [path.get_extents().intervalx for path in bars.get_paths()]
    np.testing.assert_allclose(spans, [(0.0, 0.04), (0.08, 0.10)])
    states = np.zeros((5, 14))
    states[:, 13] = contact
    table = read_csv(draw_stances({"a walk": states}, tmp_path / "s").with_suffix(".csv"))
    assert column(table, "a_walk_leg_2_contact").tolist() == [1, 1, 0, 0, 1]
    assert column(table, "a_walk_leg_1_contact").sum() == 0


def test_a_posture_has_its_parts_where_they_are(tmp_path: Path) -> None:
    _, axes = new_figure()
    bodies = np.zeros((5, 6))
    bodies[:, 1] = 1.0
    bodies[1, 2] = np.pi / 2  # thigh 1 lies
    parts = posture_plot(axes[0, 0], bodies, x=3.0)
    assert len(parts) == 5
    hull, thigh = parts[2].get_xy()[:5], parts[3].get_xy()[:4]
    assert hull[:, 0].min() == pytest.approx(3 - 1)
    assert np.ptp(thigh[:, 0]) == pytest.approx(34 / 30)
    assert np.ptp(thigh[:, 1]) == pytest.approx(8 / 30)
    stride = np.tile(bodies, (30, 1, 1))
    table = read_csv(draw_stride(stride, tmp_path / "s", pictures=4).with_suffix(".csv"))
    np.testing.assert_allclose(column(table, "time_s"), 0.02 * np.array([0, 10, 19, 29]))


def test_a_gif_has_every_frame_and_its_pace(tmp_path: Path) -> None:
    frames = [np.full((40, 60, 3), shade, np.uint8) for shade in (0, 100, 200)]
    path = write_film(frames, tmp_path / "a.gif", fps=25)
    with Image.open(path) as film:
        assert film.n_frames == 3
        assert film.info["duration"] == 40
        assert film.size == (360, 240)


def test_an_mp4_is_what_ffmpeg_makes_of_the_frames(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "ffmpeg"
    # writes how many bytes came in
    program.write_text('#!/bin/sh\nfor last; do :; done\nwc -c > "$last"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    frames = [np.zeros((41, 61, 3), np.uint8)] * 2
    path = write_film(frames, tmp_path / "a.mp4", fps=50)
    assert int(path.read_text()) == 2 * 40 * 60 * 3
    program.write_text("#!/bin/sh\necho no such codec >&2\nexit 1\n")
    with pytest.raises(ValueError, match=r"could not write .*: no such codec"):
        write_film(frames, tmp_path / "b.mp4", fps=50)
    assert not (tmp_path / "b.mp4").exists()


def test_an_mp4_wants_ffmpeg(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ValueError, match=r"wants ffmpeg on the PATH, got none"):
        write_film([np.zeros((2, 2, 3), np.uint8)], tmp_path / "a.mp4", fps=50)


def test_what_is_no_film_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="at least one frame"):
        write_film([], tmp_path / "a.gif", fps=25)
    with pytest.raises(ValueError, match=r"end in \.gif or \.mp4"):
        write_film([np.zeros((2, 2, 3), np.uint8)], tmp_path / "a.avi", fps=25)
