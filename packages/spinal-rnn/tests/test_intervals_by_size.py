"""Intervals cover large responses as often as small ones, of which there are many more."""

from dataclasses import replace

import numpy as np
import pytest

from spinal_rnn.models.intervals import Calibration, calibrate
from spinal_rnn.scores import coverage


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
