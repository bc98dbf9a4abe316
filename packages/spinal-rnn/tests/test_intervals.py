"""Intervals cover what they promise, wide where errors are large."""

import numpy as np
import pytest

from spinal_rnn.models.intervals import calibrate, conformal_quantile
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
