"""The process over configurations: BoTorch's fit, and its posterior in closed form."""

import numpy as np
import pytest
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import ConstantKernel, Matern

from spinal_rnn.conditions import Conditions, configuration, stack
from spinal_rnn.control.gaussian_process import ConfigurationProcess, Values, series_values
from spinal_rnn.control.limits import Limits
from spinal_rnn.control.objectives import Selectivity
from spinal_rnn.control.search_space import fields, multipolar
from spinal_rnn.lead import SPECIFY_565

pytest.importorskip("botorch")
LIMITS = Limits()
SETS = multipolar(SPECIFY_565, LIMITS, 60, np.random.default_rng(0))


def values(count: int) -> Values:
    """A smooth function of the configuration with a little noise."""
    vectors = SETS[:count]
    depth = -vectors[:, :-1] @ np.exp(-((SPECIFY_565.z_mm[:-1] - 20) ** 2) / 100)
    ones = np.ones(count)
    noise = np.random.default_rng(1).normal(0, 0.01, count)
    return Values(vectors, 20 * ones, 300 * ones, 2 * ones, depth + noise)


def test_posterior_is_scikit_learns_with_the_fitted_numbers() -> None:
    seen = values(30)
    process = ConfigurationProcess(seen, smoothing_mm=8.0)
    numbers = process.hyperparameters
    smooth = fields(SPECIFY_565, 8.0)
    centre, unit = seen.value.mean(), seen.value.std()
    kernel = ConstantKernel(numbers.variance, "fixed") * Matern(numbers.length, "fixed", nu=2.5)
    oracle = GaussianProcessRegressor(kernel, alpha=numbers.noise, optimizer=None)
    oracle.fit(smooth(seen.vectors), (seen.value - centre) / unit - numbers.mean)
    mean, deviation = oracle.predict(smooth(SETS), return_std=True)
    ours = process.posterior(SETS, 20.0)
    np.testing.assert_allclose(ours[0], (mean + numbers.mean) * unit + centre, atol=1e-7)
    np.testing.assert_allclose(ours[1], deviation * unit, atol=1e-6)


def test_it_learns_a_smooth_function() -> None:
    everything = values(len(SETS))
    process = ConfigurationProcess(values(40))
    mean, _ = process.posterior(SETS[40:], 20.0)
    assert np.corrcoef(mean, everything.value[40:])[0, 1] > 0.8
    before = process.posterior(SETS[45:46], 20.0)[1]
    process.observe(values(50))
    assert process.posterior(SETS[45:46], 20.0)[1] < before


def test_a_series_is_worth_its_smoothed_best() -> None:
    vector = configuration([4], [16])
    conditions = stack([Conditions.of(vector, [3.0, 1.0, 2.0], 20.0)])
    responses = np.zeros((3, 14))
    responses[:, 0] = 0.9, 0.3, 0.6
    (one,) = [series_values(conditions, responses, Selectivity((0,), floor=0.0))]
    assert one.amplitude_ma.tolist() == [3.0]
    assert one.value == pytest.approx(0.75)


def test_one_series_is_too_few() -> None:
    with pytest.raises(ValueError, match="at least two series to fit, got 1"):
        ConfigurationProcess(values(1))
