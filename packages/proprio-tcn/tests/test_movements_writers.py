import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proprio_tcn.movements.difficulty import gauge, nearest_mean_score
from proprio_tcn.movements.letters import LETTERS, letter_shape
from proprio_tcn.movements.writers import (
    FontWriters,
    cosine_series,
    fill_box,
    pen_trace,
    resample_time,
)


def _arc(path: np.ndarray) -> float:
    return float(np.linalg.norm(np.diff(path, axis=1), axis=0).sum())


def _ellipse() -> np.ndarray:
    """At equal steps of its arc, as the shape of a letter."""
    angle = np.linspace(0, 2 * np.pi, 200001)
    dense = np.stack([0.5 * np.cos(angle), 0.2 * np.sin(angle)])
    arc = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(dense, axis=1), axis=0))])
    wanted = np.linspace(0, arc[-1], 400)
    return np.stack([np.interp(wanted, arc, axis) for axis in dense])


@pytest.mark.parametrize(("jitter", "low", "high"), [(0.03, 0.84, 0.92), (0.06, 0.52, 0.65)])
def test_letters_are_as_hard_to_tell_apart_as_defined(jitter: float, low: float, high: float):
    scores = [gauge(FontWriters(100, jitter, seed), 70, 20, 64) for seed in range(2)]
    assert low <= scores[0] <= high  # the default seed alone
    assert low <= np.mean(scores) <= high


def test_writers_without_jitter_all_write_the_same_letters():
    assert gauge(FontWriters(3, 0.0), training=1, test=1) == 1.0


def test_a_writer_writes_a_letter_in_one_way():
    writers, others = FontWriters(100, 0.03, 4), FontWriters(10, 0.03, 4)
    np.testing.assert_array_equal(writers.trace(3, 5), others.trace(3, 5))
    seen = [writers.trace(3, 5), writers.trace(4, 5), FontWriters(100, 0.03, 5).trace(3, 5)]
    firsts = {float(trace[0, 0]) for trace in seen}
    assert len(firsts) == 3


@given(st.integers(0, 99), st.integers(0, 19), st.floats(0.0, 0.2))
def test_a_trace_fills_its_box_in_a_time_within_bounds(writer: int, letter: int, jitter: float):
    trace = FontWriters(100, jitter, 1, box_cm=5.0).trace(writer, letter)
    np.testing.assert_allclose(trace.min(axis=1), -2.5)
    np.testing.assert_allclose(trace.max(axis=1), 2.5)
    assert 50 <= trace.shape[1] <= 170


def test_a_neat_hand_takes_its_time_by_the_root_of_the_arc():
    for letter in LETTERS:
        shape = letter_shape(letter)
        trace = pen_trace(shape, 0.0, np.random.default_rng(0))
        expected = np.clip(round(48 * np.sqrt(_arc(shape))), 50, 170)
        assert trace.shape[1] == expected


def test_the_pen_starts_and_stops_slowly_and_slows_down_in_curves():
    # an ellipse: speed is inverse to (curvature + 1)^(1/3) away from its ends
    trace = pen_trace(_ellipse(), 0.0, np.random.default_rng(0))
    speed = np.linalg.norm(np.diff(trace, axis=1), axis=0)
    assert speed[0] < 0.1 * speed.max()
    assert speed[-1] < 0.1 * speed.max()
    middle = (trace[:, 1:] + trace[:, :-1]) / 2
    at = np.arctan2(middle[1] / 0.2, middle[0] / 0.5)
    curvature = 0.5 * 0.2 / (0.25 * np.sin(at) ** 2 + 0.04 * np.cos(at) ** 2) ** 1.5
    done = np.cumsum(speed) / speed.sum()
    inner = (done > 0.12) & (done < 0.88)
    product = speed[inner] * np.cbrt(curvature[inner] + 1)
    assert product.std() / product.mean() < 0.02


@given(st.integers(0, 10**6))
def test_a_cosine_series_has_unit_rms_and_the_falling_spectrum(seed: int):
    along = np.linspace(0, 1, 400)
    series = cosine_series(np.random.default_rng(seed), 6, along)
    assert np.sqrt(np.mean(series**2)) == pytest.approx(1.0)
    basis = np.cos(np.pi * np.outer(np.arange(1, 7), along))
    weights = np.linalg.lstsq(basis.T, series, rcond=None)[0]
    np.testing.assert_allclose(weights @ basis, series, atol=1e-9)
    drawn = np.random.default_rng(seed).standard_normal(6) / np.arange(1, 7)
    np.testing.assert_allclose(weights / weights[0], drawn / drawn[0], rtol=1e-6)


def test_displacement_slant_and_rotation_are_as_wide_as_jitter_says():
    # along a line, displacement across it is all that bends it; slant and rotation keep it straight
    shape = np.stack([np.linspace(-0.5, 0.5, 400), np.zeros(400)])
    jitter, turns, widths = 0.02, [], []
    for seed in range(400):
        path = pen_trace(shape, jitter, np.random.default_rng(seed))
        turns.append(np.rad2deg(np.arctan2(*(path[::-1, -1] - path[::-1, 0]))))
        widths.append(np.sqrt(np.mean(path[1] ** 2)))
    assert np.std(turns) == pytest.approx(200 * jitter, rel=0.3)
    assert 0.5 * jitter < np.median(widths) < 4 * jitter


def test_every_factor_of_a_hand_is_that_of_its_definition():
    shape, along, jitter = _ellipse(), np.linspace(0, 1, 400), 0.06
    for seed in range(8):
        rng = np.random.default_rng(seed)
        displaced = np.stack([cosine_series(rng, 6, along) for _ in "xy"]) * jitter / np.sqrt(2)
        slant, turn = np.deg2rad(200 * jitter) * rng.standard_normal(2)
        tempo, pace = cosine_series(rng, 3, along), rng.standard_normal()
        cos, sin = np.cos(turn), np.sin(turn)
        lean = np.array([[cos, -sin], [sin, cos]]) @ [[1, np.tan(slant)], [0, 1]]
        path = lean @ (shape + displaced)
        trace = pen_trace(shape, jitter, np.random.default_rng(seed))
        np.testing.assert_allclose(trace[:, [0, -1]], path[:, [0, -1]], atol=1e-12)
        bins = 48 * np.sqrt(_arc(path)) * np.exp(3 * jitter * pace)
        assert trace.shape[1] == np.clip(round(bins), 50, 170)
        # away from its ends, speed is inverse to (curvature + 1)^(1/3) exp(5 J tempo)
        first = np.gradient(path, axis=1)
        second = np.gradient(first, axis=1)
        across = first[0] * second[1] - first[1] * second[0]
        bend = np.abs(across) / np.linalg.norm(first, axis=0) ** 3
        per_arc = np.cbrt(bend + 1) * np.exp(5 * jitter * tempo)
        gone = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(path, axis=1), axis=0))])
        speed = np.linalg.norm(np.diff(trace, axis=1), axis=0)
        at = np.interp((np.cumsum(speed) - speed / 2) / speed.sum(), gone / gone[-1], along)
        inner = (at > 0.12) & (at < 0.88)
        product = speed[inner] * np.interp(at[inner], along, per_arc)
        assert product.std() / product.mean() < 0.03


def test_resampling_reads_linearly_at_equal_times():
    path = np.array([[0.0, 2.0, 4.0], [1.0, 1.0, 5.0]])
    np.testing.assert_allclose(resample_time(path, 5), [[0, 1, 2, 3, 4], [1, 1, 1, 3, 5]])
    late = resample_time(path, 3, np.array([0.0, 3.0, 4.0]))
    np.testing.assert_allclose(late, [[0, 4 / 3, 4], [1, 1, 5]])


def test_the_nearest_mean_wins():
    train = np.array([[0.0], [2.0], [10.0], [12.0]])
    test = np.array([[5.9], [6.1], [6.1]])
    score = nearest_mean_score(train, np.array([0, 0, 1, 1]), test, np.array([0, 1, 0]))
    assert score == pytest.approx(2 / 3)


def test_settings_out_of_range_are_refused():
    with pytest.raises(ValueError, match=r"jitter must be in \[0, 0\.5\], got 3"):
        FontWriters(10, 3.0)
    with pytest.raises(ValueError, match=r"jitter must be in \[0, 0\.5\], got nan"):
        FontWriters(10, float("nan"))
    with pytest.raises(ValueError, match="writers must be at least 1, got 0"):
        FontWriters(0, 0.03)
    with pytest.raises(ValueError, match="box_cm must be above 0, got 0"):
        FontWriters(10, 0.03, box_cm=0.0)
    with pytest.raises(ValueError, match=r"writer must be in \[0, 10\), got 10"):
        FontWriters(10, 0.03).trace(10, 0)
    with pytest.raises(ValueError, match=r"letter must be in \[0, 20\), got 20"):
        FontWriters(10, 0.03).trace(0, 20)
    with pytest.raises(ValueError, match="together at most 10 writers, got 7 and 4"):
        gauge(FontWriters(10, 0.03), 7, 4)
    with pytest.raises(ValueError, match="must extend along both axes"):
        fill_box(np.array([[0.0, 1.0], [0.0, 0.0]]), 5.0)
