"""Corrections of a surrogate by measurements, against scikit-learn's Gaussian process."""

from dataclasses import dataclass

import numpy as np
import pytest
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import Matern

from spinal_rnn.conditions import Conditions, configuration
from spinal_rnn.control.search_space import fields
from spinal_rnn.control.surrogate import Doubt, Measured, condition, matern
from spinal_rnn.lead import SPECIFY_565

VECTORS = np.stack([configuration([one], [16]) for one in (4, 5, 6, 12)])
TRIALS = Conditions.of(VECTORS, 2.0, 20.0)


@dataclass(frozen=True)
class Flat:
    """Members that say the same of everything."""

    levels: tuple[float, ...] = (0.5,)

    def responses(self, conditions: Conditions) -> np.ndarray:
        return np.ones((len(self.levels), len(conditions), 14)) * np.reshape(
            self.levels, (-1, 1, 1)
        )

    def parts(self, late_mv: np.ndarray, conditions: Conditions) -> np.ndarray:
        return late_mv


def measured(values: np.ndarray) -> Measured:
    return Measured(TRIALS, np.arange(4), values)


def test_correction_is_the_posterior_of_a_gaussian_process() -> None:
    doubt = Doubt(model=0.1, model_relative=0.0, trial_cv=0.0, background=0.03, drift=0.0)
    values = np.random.default_rng(0).uniform(0.3, 0.7, (4, 14))
    asked = Conditions.of(configuration([4, 5], [6]), 2.0, 20.0)
    corrected = condition(Flat(), measured(values), doubt, members=200).responses(asked)
    smooth = fields(SPECIFY_565, doubt.smoothing_mm)
    kernel = Matern(doubt.length, "fixed", nu=2.5)
    for muscle in (0, 7):
        oracle = GaussianProcessRegressor(0.01 * kernel, alpha=0.0009, optimizer=None)
        oracle.fit(smooth(VECTORS), values[:, muscle] - 0.5)
        mean, deviation = oracle.predict(smooth(asked.configuration), return_std=True)
        assert corrected[:, 0, muscle].mean() == pytest.approx(0.5 + mean[0], abs=2e-3)
        assert corrected[:, 0, muscle].std() == pytest.approx(deviation[0], rel=2e-2)


def test_members_that_disagree_are_drawn_to_what_was_measured() -> None:
    doubt = Doubt(model=1e-4, model_relative=0.0, trial_cv=0.0, background=0.01, drift=0.0)
    prior = Flat((0.2, 0.4, 0.6, 0.8))
    far = Conditions.of(configuration([9], [16]), 5.0, 20.0)
    corrected = condition(prior, measured(np.full((4, 14), 0.7)), doubt).responses(far)
    # one level of all is in doubt, with a variance of .05; four trials of variance 1e-4 tell it
    assert corrected.mean() == pytest.approx(0.7, abs=1e-3)
    assert corrected.std() == pytest.approx(0.005, rel=0.05)


def test_noise_that_grows_with_the_response_is_trusted_less() -> None:
    quiet, loud = Doubt(trial_cv=0.01), Doubt(trial_cv=1.0)
    values = measured(np.full((4, 14), 0.7))
    shift = [condition(Flat(), values, one).responses(TRIALS).mean() - 0.5 for one in (quiet, loud)]
    assert shift[0] > 3 * shift[1] > 0


def test_matern_is_scikit_learns() -> None:
    distance = np.linspace(0, 4, 9)
    oracle = Matern(1.0, nu=2.5)(distance[:, None], [[0.0]])[:, 0]
    np.testing.assert_allclose(matern(distance), oracle, atol=1e-12)


def test_bad_measurements_are_refused() -> None:
    with pytest.raises(ValueError, match="must be of 4 trials"):
        Measured(TRIALS, np.arange(3), np.zeros((4, 14)))
    with pytest.raises(ValueError, match="must be finite"):
        measured(np.full((4, 14), np.nan))
