"""Gait phase and tuning to it, against cases worked out by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from brainnn.analysis.phase import phase_tuning, stride_phase, upward_crossings


def test_upward_crossings_of_a_sine_are_where_it_rises() -> None:
    time = np.arange(100)
    angle = 3 + np.sin(2 * np.pi * (time - 5.5) / 20)
    assert upward_crossings(angle).tolist() == [6, 26, 46, 66, 86]


def test_a_wobble_at_the_mean_is_no_crossing() -> None:
    time = np.arange(100)
    angle = np.sin(2 * np.pi * (time - 5.5) / 20) + 0.4 * (-1.0) ** time
    assert upward_crossings(angle, hysteresis=0.5).tolist() == [6, 26, 46, 66, 86]
    assert 36 in upward_crossings(angle, hysteresis=0)


def test_the_phase_runs_from_0_within_whole_strides() -> None:
    phase = stride_phase([2, 6, 8], 10)
    expected = [np.nan, np.nan, 0, 0.25, 0.5, 0.75, 0, 0.5, np.nan, np.nan]
    np.testing.assert_array_equal(phase, expected)
    assert np.isnan(stride_phase([], 3)).all()


@given(
    preferred=st.floats(0, 0.999),
    depth=st.floats(0.01, 10),
    mean=st.floats(-5, 5),
    seed=st.integers(0, 99),
)
def test_the_first_harmonic_is_found_at_uneven_phases(
    preferred: float, depth: float, mean: float, seed: int
) -> None:
    phase = np.random.default_rng(seed).random((1, 400))
    wave = mean + depth * np.cos(2 * np.pi * (phase - preferred))
    tuning = phase_tuning(wave[..., None], phase, bins=5)
    gap = (tuning.preferred[0] - preferred + 0.5) % 1 - 0.5
    assert abs(gap) < 1e-9
    assert tuning.depth[0] == pytest.approx(depth)


def test_bins_hold_the_mean_of_their_steps() -> None:
    phase = np.array([[0.0, 0.2, 0.5, 0.9, np.nan]])
    activity = np.array([[[1.0], [3.0], [10.0], [20.0], [99.0]]])
    tuning = phase_tuning(activity, phase, bins=2)
    assert tuning.phase.tolist() == [0.25, 0.75]
    assert tuning.mean[:, 0].tolist() == [2.0, 15.0]
    # between the bins (2 - 8.5)^2, within them 1 and 25
    assert tuning.explained[0] == pytest.approx(42.25 / (42.25 + 13))
    assert np.isnan(tuning.low).all()


def test_the_interval_is_over_runs() -> None:
    phase = np.tile(np.arange(10) / 10, (6, 1))
    activity = np.arange(6.0)[:, None, None] * np.ones((6, 10, 2))
    tuning = phase_tuning(activity, phase, bins=5)
    np.testing.assert_allclose(tuning.mean, 2.5)
    # of six runs 0 to 5, the standard error is .70
    assert (tuning.low < 1.6).all()
    assert (tuning.high > 3.4).all()
    np.testing.assert_allclose(tuning.explained, 0, atol=1e-12)


def test_constant_activity_has_no_tuning() -> None:
    tuning = phase_tuning(np.full((1, 8, 1), 0.7), np.arange(8)[None] / 8, bins=4)
    assert np.isnan(tuning.explained[0])
    assert tuning.depth[0] == pytest.approx(0, abs=1e-12)


def test_wrong_input_is_refused() -> None:
    with pytest.raises(ValueError, match=r"angle must be \(time,\) of finite numbers"):
        upward_crossings([0.0, np.nan])
    with pytest.raises(ValueError, match=r"got shapes \(1, 5, 2\) and \(1, 4\)"):
        phase_tuning(np.zeros((1, 5, 2)), np.zeros((1, 4)))
    with pytest.raises(ValueError, match=r"each of 4 bins must hold a step.*got 3 empty"):
        phase_tuning(np.zeros((1, 5, 2)), np.zeros((1, 5)), bins=4)
