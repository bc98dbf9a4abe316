"""Intervals of thresholds hold what they promise, few trials or many, whatever the noise does."""

import numpy as np
import pytest

from spinal_rnn.recruitment import Curves, _jacobian, _leverage, fit_recruitment

CURVE = Curves(*(np.full(60, x) for x in (1.0, 1.8, 4.0, 0.03)))


@pytest.mark.parametrize("grows", [False, True])
@pytest.mark.parametrize("trials", [5, 10])
def test_thresholds_are_covered(trials: int, grows: bool) -> None:
    amplitudes = np.arange(1, trials + 1) * 5 / trials
    mean = CURVE(amplitudes)
    deviation = np.hypot(0.01, 0.12 * mean) if grows else 0.03
    noisy = mean + deviation * np.random.default_rng(trials).normal(size=mean.shape)
    fit = fit_recruitment(amplitudes, noisy, n_resamples=60)
    truth = CURVE.threshold_ma
    covered = (fit.low["threshold_ma"] <= truth) & (truth <= fit.high["threshold_ma"])
    assert covered.mean() >= 0.82


def test_leverages_are_those_of_the_linearised_curve() -> None:
    x = np.log(np.linspace(0.1, 1, 9))
    theta = np.log([[0.8, 0.5, 3.0, 1.0]])
    theta[0, 3] = 0.05
    (slopes,) = _jacobian(theta, x)
    hat = slopes @ np.linalg.pinv(slopes)
    np.testing.assert_allclose(_leverage(theta, x)[0], np.diag(hat).clip(0, 0.95), rtol=1e-5)
    assert np.trace(hat) == pytest.approx(4)
