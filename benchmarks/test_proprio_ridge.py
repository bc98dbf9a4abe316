"""Speed of the readout: ridge with a penalty for each neuron, closed form against scikit-learn."""

from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import Ridge
from sklearn.metrics import explained_variance_score

from proprio_tcn.neural.ridge import ALPHAS, fit_ridge

BINS, FEATURES, NEURONS, TRIALS, FOLDS = 41_000, 75, 80, 400, 5


@pytest.mark.benchmark(group="Ridge readout (41,000 bins x 75 features x 80 neurons, 15 penalties)")
class TestRidge:
    """A step is a whole protocol: five folds, the choice of the penalties and the last fit."""

    rng = np.random.default_rng(0)
    x = rng.normal(size=(BINS, FEATURES)) * np.geomspace(10, 0.1, FEATURES)
    y = x @ rng.normal(size=(FEATURES, NEURONS)) + rng.normal(size=(BINS, NEURONS)) * 30
    fold = np.sort(np.arange(BINS) % TRIALS) % FOLDS

    def test_scikit_learn(self, benchmark: Any) -> None:
        benchmark.extra_info |= {"label": "scikit-learn loop", "steps": 1, "baseline": True}
        benchmark.pedantic(self.by_scikit, rounds=3, warmup_rounds=0)

    def test_closed_form(self, benchmark: Any) -> None:
        benchmark.extra_info |= {"label": "closed form", "steps": 1}
        fit = benchmark.pedantic(
            lambda: fit_ridge(self.x, self.y, self.fold), rounds=5, warmup_rounds=1
        )
        np.testing.assert_array_equal(fit.alpha, self.by_scikit())

    def by_scikit(self) -> Any:
        z = (self.x - self.x.mean(axis=0)) / self.x.std(axis=0)
        scores = np.empty((FOLDS, len(ALPHAS), NEURONS))
        for number in range(FOLDS):
            train, test = self.fold != number, self.fold == number
            for place, alpha in enumerate(ALPHAS):
                fitted = Ridge(alpha=alpha).fit(z[train], self.y[train])
                scores[number, place] = explained_variance_score(
                    self.y[test], fitted.predict(z[test]), multioutput="raw_values"
                )
        alpha = np.asarray(ALPHAS)[scores.mean(axis=0).argmax(axis=0)]
        Ridge(alpha=alpha).fit(z, self.y)
        return alpha
