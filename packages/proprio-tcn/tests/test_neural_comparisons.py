"""How often two models that are equally good are told apart: neurons share their trials."""

import numpy as np
import pytest
from scipy.stats import t, wilcoxon

from proprio_tcn.neural.prediction import LayerScore, TrialSums
from proprio_tcn.neural.scores import explained_variance
from proprio_tcn.neural.statistics import bootstrap_difference, compare_models

TRIALS, BINS, NEURONS = 24, 20, 12


def scored(model: str, y: np.ndarray, predicted: np.ndarray) -> LayerScore:
    """A score of responses ``(trials, bins, neurons)`` to predictions of them."""
    none = np.full(y.shape[2], np.nan)
    centred, residual = y - y.mean(axis=(0, 1)), y - predicted
    sums = (one.sum(axis=1) for one in (centred, centred**2, residual, residual**2))
    rows = -1, y.shape[2]
    test_ev = explained_variance(y.reshape(rows), predicted.reshape(rows))
    row = (model, "one", 1, "temporal", 1, none, none, none, test_ev, none, none)
    return LayerScore(*row, TrialSums(np.full(len(y), float(y.shape[1])), *sums))


def equals(seed: int, trials: int = TRIALS) -> tuple[LayerScore, LayerScore]:
    """Every neuron follows two signals alike, each model knows one; trials differ in their size."""
    rng = np.random.default_rng(seed)
    phase = np.linspace(0, 2 * np.pi, BINS) + rng.uniform(0, 6, (2, trials, 1))
    signals = rng.lognormal(0, 0.6, (2, trials, 1)) * np.sin(phase)
    loads = 1 + 0.1 * rng.normal(size=(2, 1, 1, NEURONS))
    one, two = signals[..., None] * loads
    y = one + two + 2 * rng.normal(size=one.shape)
    return scored("one", y, one), scored("two", y, two)


def test_equal_models_are_seldom_told_apart() -> None:
    runs = 60
    found = [
        bootstrap_difference(*equals(seed), n_resamples=200, seed=seed) for seed in range(runs)
    ]
    # the sizes of trials decide for all neurons at once: signed ranks over these are no evidence
    assert np.mean([one.p_wilcoxon < 0.05 for one in found]) > 0.5
    assert np.mean([one.p_bootstrap < 0.05 for one in found]) <= 0.15
    assert np.mean([one.low <= 0 <= one.high for one in found]) >= 0.85


# of few trials, far enough apart for the tails of Student's t to matter
@pytest.mark.parametrize(("seed", "count"), [(3, TRIALS), (30, 6)])
def test_what_is_corrected_is_of_the_interval(seed: int, count: int) -> None:
    one, two = equals(seed, count)
    (pair,) = compare_models([one, two], seed=3, n_resamples=4000)
    # a bootstrap of its own, draw by draw from the bins' sums
    rng, difference = np.random.default_rng(0), []
    for _ in range(4000):
        trials = rng.integers(0, count, count)
        neurons = rng.integers(0, NEURONS, NEURONS)
        ev = []
        for score in (one, two):
            sums = {
                name: getattr(score.trials, name)[trials][:, neurons]
                for name in ("y", "yy", "e", "ee")
            }
            n = count * BINS
            left = sums["ee"].sum(axis=0) - sums["e"].sum(axis=0) ** 2 / n
            ev.append(1 - left / (sums["yy"].sum(axis=0) - sums["y"].sum(axis=0) ** 2 / n))
        difference.append(np.mean(ev[0] - ev[1]))
    sd = np.std(difference, ddof=1)
    assert pair.p_holm == pair.p_bootstrap
    far = abs(pair.difference) / sd
    assert pair.p_bootstrap == pytest.approx(2 * t.sf(far, count - 1), rel=0.15)
    assert [pair.low, pair.high] == pytest.approx(
        np.quantile(difference, [0.025, 0.975]).tolist(), abs=0.2 * sd
    )
    assert pair.p_wilcoxon == wilcoxon(one.test_ev - two.test_ev).pvalue


def test_one_trial_says_nothing() -> None:
    y = np.random.default_rng(0).normal(size=(1, BINS, NEURONS))
    with pytest.raises(ValueError, match="at least 2 trials held out to be compared, got 1"):
        bootstrap_difference(scored("one", y, 0.5 * y), scored("two", y, 0.4 * y), seed=0)
