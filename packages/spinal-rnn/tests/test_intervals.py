"""Intervals cover what they promise, wide where errors are large, of small and large responses."""

from dataclasses import replace

import numpy as np
import pytest

from spinal_rnn.models.intervals import Calibration, calibrate, conformal_quantile
from spinal_rnn.scores import coverage


def test_the_conformal_quantile_counts_the_new_error() -> None:
    errors = np.arange(1.0, 20.0)  # 19 errors: of 20, the new one among them, 90 % are 18
    assert conformal_quantile(errors, 0.9) == 18
    assert conformal_quantile(errors, 0.99) == 19


def test_intervals_cover_in_the_small_and_in_the_large() -> None:
    rng = np.random.default_rng(1)
    predicted, spread = 0.5 + rng.random((600, 14)), 0.05 * rng.random((600, 14))
    deviation = np.sqrt(1e-4 + 0.02 * predicted**2 + 4 * spread**2)
    target = predicted + deviation * rng.standard_normal(predicted.shape)
    learnt = calibrate(target[:300], predicted[:300], spread[:300], 0.9)
    np.testing.assert_allclose(learnt.parts[1:], [0.02, 4], rtol=0.25)
    low, high = learnt.interval(predicted[300:], spread[300:])
    assert (low >= 0).all()
    assert coverage(target[300:], low, high) == pytest.approx(0.9, abs=0.015)
    small, large = predicted[300:] < 0.7, predicted[300:] > 1.3
    for part in (small, large):
        inside = coverage(target[300:][part], low[part], high[part])
        assert inside == pytest.approx(0.9, abs=0.04)
    wide, narrow = (np.median((high - low)[one]) for one in (large, small))
    assert wide > 1.5 * narrow


@pytest.mark.parametrize("level", [0, 1, 1.2])
def test_a_level_is_a_probability(level: float) -> None:
    values = np.ones((3, 14))
    with pytest.raises(ValueError, match=r"level must be in \(0, 1\)"):
        calibrate(values, values, values, level)


def drawn(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Targets, predictions and spreads; large errors have heavier tails than small ones."""
    predicted = np.where(rng.random((900, 14)) < 0.9, 0.02, 0.6)
    errors = np.where(predicted > 0.2, rng.standard_t(2.0, predicted.shape), 0.0)
    errors = np.where(predicted < 0.2, rng.uniform(-1, 1, predicted.shape), errors)
    return predicted + 0.1 * predicted * errors, predicted, np.zeros_like(predicted)


def test_large_responses_are_covered_though_they_are_few() -> None:
    rng = np.random.default_rng(0)
    learnt = calibrate(*drawn(rng))
    target, predicted, spread = drawn(rng)
    for interval in (learnt, replace(learnt, large_quantile=None)):
        low, high = interval.interval(predicted, spread)
        sizes = [predicted < 0.2, predicted > 0.2]
        small, large = (coverage(target[one], low[one], high[one]) for one in sizes)
        assert small == pytest.approx(0.9, abs=0.02)
        # with one quantile for all only the many small ones would be
        assert large == pytest.approx(0.9, abs=0.03) or interval.large_quantile is None
    assert large < 0.75


def test_the_width_passes_smoothly_from_one_to_the_other() -> None:
    calibration = Calibration(np.array([1e-4, 0.0, 0.0]), 1.0, 0.9, 3.0)
    predicted = np.array([0.05, 0.1, 0.2, 0.3, 0.9])
    _, high = calibration.interval(predicted, np.zeros(5))
    np.testing.assert_allclose(high - predicted, 0.01 * np.array([1, 1, 2, 3, 3]))
    older = replace(calibration, large_quantile=None).interval(predicted, np.zeros(5))
    np.testing.assert_allclose(older[1] - predicted, np.full(5, 0.01))


def test_few_of_a_size_take_the_quantile_of_all() -> None:
    rng = np.random.default_rng(1)
    predicted = np.full((40, 14), 0.5)
    predicted[:3] = 0.01
    errors = rng.standard_normal(predicted.shape)
    learnt = calibrate(predicted + 0.1 * errors, predicted, np.zeros_like(predicted))
    few = Calibration(learnt.parts, learnt.quantile, 0.9)
    relative = np.abs(0.1 * errors) / few.deviation(predicted, np.zeros_like(predicted))
    assert learnt.quantile == pytest.approx(np.quantile(relative, 0.9), rel=0.02)
    assert learnt.large_quantile == pytest.approx(np.quantile(relative[3:], 0.9), rel=0.02)
