"""One recorded session at a glance: what is drawn, and its numbers."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from neuro_common.files import read_csv
from neuro_common.plots import new_figure
from proprio_tcn.figures.session import (
    chosen_trials,
    draw_session,
    path_plot,
    residual_plot,
    trial_columns,
)
from proprio_tcn.recorded.inputs import RecordedInputs
from proprio_tcn.recorded.reconstruction import Residuals

PASSIVE = np.array([False, True, False, False, True, False])
DURATION = np.array([50, 13, 60, 290, 13, 70])


def session() -> RecordedInputs:
    """Values tell trial, channel and bin: 1000 trial + channel + bin / 1000; muscles grow apart."""
    trial, channel, bins = np.ogrid[:6, :4, :400]
    values = np.broadcast_to(1000.0 * trial + channel + bins / 1000, (6, 4, 400))
    window = np.stack([values, 0 * values], axis=-1).astype(np.float32)
    muscle = window.copy()
    muscle[..., 0] = np.array([1.0, 3.0, 0.0, -2.0])[:, None] * (bins / 100)
    return RecordedInputs(
        "fake",
        "macaque",
        ("slow", "fast", "still", "back"),
        ("one", "two"),
        np.array([True, True, False, True]),
        tuple("abcdef"),
        np.arange(6),
        PASSIVE,
        DURATION,
        muscle,
        window[:, :2],
        window[:, :3],
    )


INPUTS = session()
RESIDUALS = Residuals(
    ("wrist", "elbow"),
    np.array([[1.0, 5], [2, np.nan], [3, 5], [4, 6], [9, 7], [1, 5]]),
    np.ones((6, 2)),
    np.zeros((6, 2), dtype=int),
)


@pytest.mark.parametrize(
    ("passive", "count", "rows"),
    [
        (PASSIVE, 4, [0, 5, 1, 4]),
        (PASSIVE, 3, [0, 5, 1]),
        (PASSIVE, 9, [0, 2, 3, 5, 1, 4]),
        (np.zeros(9, dtype=bool), 3, [0, 4, 8]),
        (np.ones(2, dtype=bool), 4, [0, 1]),
        (np.array([False, True, True, True]), 4, [0, 1, 2, 3]),
    ],
)
def test_trials_are_spread_over_both_kinds(passive: Any, count: int, rows: list[int]) -> None:
    assert chosen_trials(passive, count).tolist() == rows


def test_residuals_have_a_point_for_each_trial_and_their_median() -> None:
    _, axes = new_figure()
    wrist, middle, elbow, bar = residual_plot(axes[0, 0], RESIDUALS)
    assert np.asarray(wrist.get_xdata()).tolist() == [1, 2, 3, 4, 9, 1]
    assert np.asarray(middle.get_xdata()).tolist() == [2.5, 2.5]
    assert np.asarray(elbow.get_xdata()).tolist() == [5, 5, 6, 7, 5]
    assert np.asarray(bar.get_xdata()).tolist() == [5, 5]
    assert [one.get_text() for one in axes[0, 0].get_yticklabels()] == ["wrist", "elbow"]
    gone = Residuals(("wrist",), np.full((6, 1), np.nan), *[np.zeros((6, 1), dtype=int)] * 2)
    assert len(np.asarray(residual_plot(axes[0, 0], gone)[1].get_xdata())) == 0


def test_paths_are_of_the_movements_alone() -> None:
    _, axes = new_figure()
    active, passive = path_plot(axes[0, 0], INPUTS, (0, 2))
    x, z = (np.asarray(one) for one in passive.get_data())
    wanted = np.concatenate([1000.1 + np.arange(13) / 1000, 4000.1 + np.arange(13) / 1000])
    assert x[np.isfinite(x)] == pytest.approx(wanted, abs=2e-3)
    assert z[np.isfinite(z)] == pytest.approx(wanted + 2, abs=2e-3)
    # a gap between one trial and the next
    assert np.flatnonzero(np.isnan(x)).tolist() == [13, 27]
    assert len(np.asarray(active.get_xdata())) == 50 + 60 + 290 + 70 + 4


def test_courses_count_from_the_start() -> None:
    columns = trial_columns(INPUTS, 2, [1, 3])
    assert list(columns) == ["time_s", "one_deg", "two_deg", "fast_change_mm", "back_change_mm"]
    assert columns["time_s"][[0, 20, -1]] == pytest.approx([-0.195, 0.005, 0.795])
    assert columns["two_deg"][20] == pytest.approx(2001.1)
    assert columns["fast_change_mm"][[0, 20, 30]] == pytest.approx([-0.6, 0, 0.3], abs=1e-5)
    # the window ends before what is drawn beside a long movement does
    assert trial_columns(INPUTS, 3, [])["time_s"][-1] == pytest.approx(2.995)


def test_numbers_lie_beside_the_figure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    figures = []

    def saved(figure: Any, path: Path, **_: Any) -> None:
        figures.append(figure)
        path.write_bytes(b"")

    monkeypatch.setattr("matplotlib.figure.Figure.savefig", saved)
    draw_session(INPUTS, RESIDUALS, tmp_path / "session", trials=2, muscles=2)
    table = read_csv(tmp_path / "session.csv")
    drawn = [one for one in table["trial"] if one]
    assert drawn == ["a"] * (50 + 40) + ["b"] * (13 + 40)
    assert {"fast_change_mm", "back_change_mm"} < set(table)
    assert "slow_change_mm" not in table
    assert [float(one) for one in table["residual_rms_mm"][:3]] == [1, 5, 2]
    assert table["residual_marker"][:2] == ["wrist", "elbow"]
    assert len([one for one in table["hand_trial"] if one]) == DURATION.sum()
    axes = figures[0].axes
    titles = [one.get_title(loc="left") or one.get_title() for one in axes]
    assert titles[:5] == [
        "MARKERS",
        "HAND FROM ABOVE",
        "HAND FROM RIGHT",
        "a, active",
        "b, passive",
    ]
    # the start is marked in each of the courses
    for ax in axes[3:7]:
        assert [0.0, 0.0] in [np.asarray(one.get_xdata()).tolist() for one in ax.lines]
    draw_session(INPUTS, None, tmp_path / "angles")
    assert not any(name.startswith("residual") for name in read_csv(tmp_path / "angles.csv"))
    assert "MARKERS" not in [one.get_title(loc="left") for one in figures[-1].axes]
