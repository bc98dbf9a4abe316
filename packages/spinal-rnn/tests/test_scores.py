"""Scores agree with scikit-learn, and the ceiling with a predictor that knows every mean."""

import numpy as np
import pytest
from sklearn.metrics import r2_score

from spinal_rnn.conditions import Conditions, parse_configuration
from spinal_rnn.scores import (
    coverage,
    estimate_noise,
    muscle_r2,
    nrmse,
    pooled_r2,
    variance_parts,
)

RNG = np.random.default_rng(5)
TARGET = RNG.random((50, 14)) * np.arange(1, 15)
PREDICTED = TARGET + RNG.normal(0, 0.3, TARGET.shape)


def test_r2_is_that_of_scikit_learn() -> None:
    pooled = r2_score(TARGET, PREDICTED, multioutput="variance_weighted")
    assert pooled_r2(TARGET, PREDICTED) == pytest.approx(pooled)
    each = r2_score(TARGET, PREDICTED, multioutput="raw_values")
    np.testing.assert_allclose(muscle_r2(TARGET, PREDICTED), each)
    long = TARGET.reshape(10, 5, 14), PREDICTED.reshape(10, 5, 14)
    assert pooled_r2(*long) == pytest.approx(pooled)


def test_a_constant_muscle_has_no_r2() -> None:
    flat = TARGET.copy()
    flat[:, 2] = 1
    r2 = muscle_r2(flat, flat)
    assert np.isnan(r2[2])
    assert np.nansum(r2) == 13
    assert np.isnan(pooled_r2(flat[:, [2]], flat[:, [2]]))
    with pytest.raises(ValueError, match=r"must have one shape, got \("):
        pooled_r2(TARGET, PREDICTED[:3])


def test_errors_and_coverage_by_hand() -> None:
    assert nrmse(np.array([0.0, 0.0]), np.array([3.0, 4.0])) == pytest.approx(12.5**0.5)
    target, low, high = np.array([1.0, 2.0, 3.0, 4.0]), np.full(4, 1.5), np.full(4, 3.5)
    assert coverage(target, low, high) == 0.5


def test_the_ceiling_is_what_the_true_mean_scores() -> None:
    rng = np.random.default_rng(2)
    amplitudes = np.repeat(np.linspace(0.1, 5, 200), 5)
    conditions = Conditions.of(parse_configuration("cath4_an16"), amplitudes, 20.0)
    mean = np.repeat(rng.random((200, 14)), 5, axis=0)
    noisy = mean * (1 + 0.3 * rng.standard_normal(mean.shape)) + 0.05 * rng.standard_normal(
        mean.shape
    )
    noise = estimate_noise(conditions, noisy)
    assert noise.proportional.mean() == pytest.approx(0.09, rel=0.2)
    assert noise.constant.mean() == pytest.approx(0.0025, rel=0.4)
    assert noise.ceiling(noisy) == pytest.approx(pooled_r2(noisy, mean), abs=0.01)
    assert np.isnan(noise.ceiling(np.zeros((10, 14))))
    with pytest.raises(ValueError, match="at least two conditions with repeated trials, got 0"):
        estimate_noise(conditions.take(slice(None, None, 5)), noisy[::5])


def test_parts_of_a_variance_are_found_and_never_negative() -> None:
    rng = np.random.default_rng(3)
    size = rng.random(4000)
    squares = (0.01 + 0.2 * size**2) * rng.standard_normal(4000) ** 2
    terms = np.column_stack([np.ones(4000), size**2, rng.random(4000)])
    parts = variance_parts(terms, squares, np.ones(4000))
    np.testing.assert_allclose(parts, [0.01, 0.2, 0], atol=0.02)
    assert (parts >= 0).all()
