"""Scores against scikit-learn, scipy and hand-computed cases."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import poisson
from sklearn.metrics import explained_variance_score, r2_score

from proprio_tcn.neural.reliability import spearman_brown
from proprio_tcn.neural.scores import (
    bits_per_spike,
    explained_variance,
    r2,
)

Y = np.array([1.0, 2, 3, 4])


def test_the_cases_of_the_specification() -> None:
    assert explained_variance(Y, Y + 1) == pytest.approx(1.0, abs=1e-15)
    assert r2(Y, Y + 1) == pytest.approx(0.2)
    assert explained_variance(Y, [1, 2, 2, 4]) == pytest.approx(0.85)
    constant = np.full(4, 0.3)
    assert explained_variance(constant, constant) == 1
    assert explained_variance(constant, Y) == 0
    assert explained_variance(constant, constant + 0.1) == 1
    assert r2(constant, constant + 0.1) == 0
    np.testing.assert_allclose(spearman_brown([0.5, 0.8]), [2 / 3, 8 / 9])


NUMBERS = st.floats(-100, 100).map(lambda number: round(number, 3))


@given(arrays(float, (7, 3), elements=NUMBERS), arrays(float, (7, 3), elements=NUMBERS))
def test_equal_scikit_learn(target: np.ndarray, predicted: np.ndarray) -> None:
    varies = np.ptp(target, axis=0) > 0
    for ours, theirs in ((explained_variance, explained_variance_score), (r2, r2_score)):
        wanted = theirs(target, predicted, multioutput="raw_values")
        np.testing.assert_allclose(
            ours(target, predicted)[varies], wanted[varies], rtol=1e-9, atol=1e-9
        )


def test_bits_per_spike_is_a_ratio_of_likelihoods() -> None:
    rng = np.random.default_rng(1)
    rates = rng.gamma(2, 0.2, size=(500, 4))
    counts = rng.poisson(rates)
    mean = counts.mean(axis=0)
    gain = poisson.logpmf(counts, rates).sum(axis=0) - poisson.logpmf(counts, mean).sum(axis=0)
    np.testing.assert_allclose(
        bits_per_spike(counts, rates), gain / counts.sum(axis=0) / np.log(2), atol=1e-12
    )
    pooled = gain.sum() / counts.sum() / np.log(2)
    assert bits_per_spike(counts, rates, pooled=True) == pytest.approx(pooled)
    assert pooled > 0.1
    assert bits_per_spike(counts, np.broadcast_to(mean, counts.shape)) == pytest.approx(0)
    assert np.isnan(bits_per_spike(np.zeros(5), np.ones(5)))


@pytest.mark.parametrize(
    ("target", "predicted", "message"),
    [
        (Y, Y[:3], r"of one shape with at least one bin, got \(4,\) and \(3,\)"),
        (Y, Y * np.nan, "predicted must be finite, got 4 NaN"),
        ([], [], "at least one bin"),
    ],
)
def test_bad_input_is_refused(target: object, predicted: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        explained_variance(target, predicted)  # type: ignore[arg-type]


def test_negative_rates_are_refused() -> None:
    with pytest.raises(
        ValueError, match=r"at least 0, got a least count of 1 and a least rate of -1"
    ):
        bits_per_spike(Y, Y - 2)
