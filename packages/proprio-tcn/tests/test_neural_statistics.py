"""Comparisons against scipy, closed forms and simulated truth."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import false_discovery_control, norm, pearsonr, wilcoxon

from neuro_common.stats import holm
from proprio_tcn.neural.prediction import LayerScore, TrialSums
from proprio_tcn.neural.relations import Standing, relation_table
from proprio_tcn.neural.statistics import (
    benjamini_hochberg,
    bootstrap_difference,
    compare_models,
    comparison_table,
    mixed_regression,
    partial_correlation,
)

P = arrays(float, st.integers(1, 12), elements=st.floats(0, 1))


@given(P)
def test_correction_equals_scipy(p: np.ndarray) -> None:
    np.testing.assert_allclose(benjamini_hochberg(p), false_discovery_control(p), atol=1e-12)


def test_what_is_no_probability_is_refused() -> None:
    with pytest.raises(ValueError, match=r"probabilities in \[0, 1\], got \[1.2\]"):
        benjamini_hochberg([1.2])


def test_partial_correlation_takes_the_covariate_out() -> None:
    rng = np.random.default_rng(0)
    depth = rng.normal(size=80)
    x, y = 2 * depth + rng.normal(size=80), 3 * depth + rng.normal(size=80)
    found = partial_correlation(x, y, depth)
    xy, xz, yz = pearsonr(x, y)[0], pearsonr(x, depth)[0], pearsonr(y, depth)[0]
    assert found.r == pytest.approx((xy - xz * yz) / np.sqrt((1 - xz**2) * (1 - yz**2)))
    assert abs(found.r) < 0.25 < xy
    plain = partial_correlation(x, y, np.empty((80, 0)))
    assert plain.r == pytest.approx(xy)
    assert plain.p == pytest.approx(pearsonr(x, y)[1], rel=1e-6)
    # a column for each animal but one, as for covariates of any number
    animal = np.repeat(np.eye(4)[:, 1:], 20, axis=0)
    both = partial_correlation(x + 50 * animal[:, 0], y - 50 * animal[:, 0], animal)
    assert both.r > 0.6
    with pytest.raises(ValueError, match=r"at least three more than there are covariates"):
        partial_correlation(x[:3], y[:3], depth[:3])
    with pytest.raises(ValueError, match=r"must vary beyond what the covariates explain"):
        partial_correlation(depth, y, depth)


def test_mixed_regression_equals_the_balanced_closed_form() -> None:
    """In a balanced one-way layout restricted maximum likelihood is analysis of variance."""
    rng = np.random.default_rng(1)
    groups, repeats = 30, 8
    group = np.repeat(np.arange(groups), repeats)
    y = 2 + rng.normal(scale=1.5, size=groups)[group] + rng.normal(size=len(group))
    found = mixed_regression(y, np.empty((len(y), 0)), group)
    means = y.reshape(groups, repeats).mean(axis=1)
    within = y.reshape(groups, repeats).var(axis=1, ddof=1).mean()
    between = repeats * means.var(ddof=1)
    assert found.residual_variance == pytest.approx(within, rel=1e-4)
    assert found.group_variance == pytest.approx((between - within) / repeats, rel=1e-4)
    assert found.coefficients[0] == pytest.approx(y.mean())
    assert found.standard_errors[0] == pytest.approx(np.sqrt(between / len(y)), rel=1e-4)


def test_mixed_regression_sees_through_groups() -> None:
    rng = np.random.default_rng(2)
    group = np.repeat(np.arange(12), 25)
    shift = rng.normal(scale=3, size=12)
    x = rng.normal(size=300) + shift[group]  # groups differ in both
    y = 0.5 * x - 2.0 * shift[group] + 0.2 * rng.normal(size=300)
    naive = np.polyfit(x, y, 1)[0]
    found = mixed_regression(y, x, group)
    assert naive < -0.5
    assert found.coefficients[1] == pytest.approx(0.5, abs=4 * found.standard_errors[1])
    assert found.p[1] < 1e-10
    plain = mixed_regression(0.5 * x + rng.normal(size=300), x, rng.permutation(group))
    assert plain.group_variance < 0.1
    design = np.column_stack([np.ones(300), x])
    assert plain.standard_errors[1] == pytest.approx(
        np.sqrt(plain.residual_variance * np.linalg.inv(design.T @ design)[1, 1]), rel=0.15
    )
    with pytest.raises(ValueError, match=r"rows of at least 2 groups"):
        mixed_regression(y, x, np.zeros(300))


def score(
    model: str, gain: float, seed: int = 0, trials: int = 40, neurons: int = 25
) -> LayerScore:
    """A model whose predictions hold that part of each response."""
    rng = np.random.default_rng(0)
    bins = rng.integers(20, 40, trials)
    signal, noise = (rng.normal(size=(bins.sum(), neurons)) for _ in range(2))
    y = signal + noise
    own = np.random.default_rng([seed, 1])
    residual = y - gain * signal - 0.05 * own.normal(size=y.shape)
    first = np.concatenate([[0], np.cumsum(bins)[:-1]])
    y, residual = y - y.mean(axis=0), residual - residual.mean(axis=0)
    sums = [np.add.reduceat(one, first, axis=0) for one in (y, y**2, residual, residual**2)]
    ev = 1 - residual.var(axis=0) / y.var(axis=0)
    none = np.full(neurons, np.nan)
    return LayerScore(
        model,
        "one",
        1,
        "temporal",
        10,
        none,
        ev,
        ev,
        ev,
        ev,
        none,
        TrialSums(bins.astype(float), *sums),
    )


def test_bootstrap_covers_the_difference() -> None:
    good, poor = score("good", 1.0), score("poor", 0.6, seed=1)
    found = bootstrap_difference(good, poor, seed=0, n_resamples=2000)
    wanted = (good.test_ev - poor.test_ev).mean()
    assert found.difference == pytest.approx(wanted)
    assert found.low < wanted < found.high
    assert found.high - found.low < 0.05
    assert found.p_bootstrap < 0.002
    assert found.p_wilcoxon == pytest.approx(wilcoxon(good.test_ev - poor.test_ev).pvalue)
    back = bootstrap_difference(poor, good, seed=0, n_resamples=2000)
    assert back.low == pytest.approx(-found.high)
    # over trials and neurons at once the interval is about that of independent parts
    rng = np.random.default_rng(0)
    weights = rng.multinomial(40, np.full(40, 1 / 40), size=500).astype(float)
    of_trials = (
        good.trials.explained_variance(weights) - poor.trials.explained_variance(weights)
    ).mean(axis=1)
    of_neurons = (good.test_ev - poor.test_ev).std(ddof=1) / 5
    sd = np.hypot(of_trials.std(), of_neurons)
    # drawing both counts their interaction twice: the pigeonhole bootstrap errs to the safe side
    assert 1 <= (found.high - found.low) / (2 * norm.ppf(0.975)) / sd < 1.5


def test_models_are_compared_in_pairs_or_with_one() -> None:
    scores = [score("a", 1.0), score("b", 0.9, 1), score("c", 0.9, 2)]
    pairs = compare_models(scores, seed=0, n_resamples=500)
    assert [(one.first, one.second) for one in pairs] == [("a", "b"), ("a", "c"), ("b", "c")]
    for one in pairs:
        assert one.p_bootstrap <= one.p_fdr <= one.p_holm <= 1
    p = [one.p_bootstrap for one in pairs]
    assert [one.p_holm for one in pairs] == holm(p).tolist()
    np.testing.assert_allclose([one.p_fdr for one in pairs], false_discovery_control(p))
    table = comparison_table(compare_models(scores, reference="c", seed=0, n_resamples=500))
    assert table["first"] == ["a", "b"]
    assert table["second"] == ["c", "c"]
    same = bootstrap_difference(scores[0], scores[0], seed=0, n_resamples=200)
    assert (same.difference, same.p_wilcoxon, same.p_bootstrap) == (0, 1, 1)


def test_draws_serve_all_pairs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hundreds of networks make thousands of pairs: each is scored in the drawn trials once."""
    scores = [score(name, 1 - 0.05 * place, place) for place, name in enumerate("abcde")]
    alone = bootstrap_difference(scores[1], scores[3], seed=3, n_resamples=300)
    real, drawn = TrialSums.explained_variance, []

    def counted(self: TrialSums, weights: np.ndarray) -> np.ndarray:
        drawn.append(len(weights))
        return real(self, weights)

    monkeypatch.setattr(TrialSums, "explained_variance", counted)
    pairs = compare_models(scores, seed=3, n_resamples=300)
    assert drawn == [300] * 5
    (same,) = (one for one in pairs if (one.first, one.second) == ("b", "d"))
    for name in ("difference", "low", "high", "p_bootstrap", "p_wilcoxon"):
        assert getattr(same, name) == getattr(alone, name)


def test_what_cannot_be_compared_is_refused() -> None:
    with pytest.raises(
        ValueError, match=r"on the same neurons and trials: prepare the targets once"
    ):
        bootstrap_difference(score("a", 1), score("b", 1, trials=39), seed=0)
    with pytest.raises(ValueError, match=r"n_resamples must be at least 100, got 10"):
        bootstrap_difference(score("a", 1), score("b", 1), seed=0, n_resamples=10)
    with pytest.raises(ValueError, match=r"at least two models must be compared, .* got a"):
        compare_models([score("a", 1)], seed=0)
    with pytest.raises(ValueError, match=r"the reference 'z' among them, got a, b"):
        compare_models([score("a", 1), score("b", 1)], reference="z", seed=0)


def test_performance_is_related_with_depth_taken_out() -> None:
    rng = np.random.default_rng(0)
    rows = []
    for number in range(20):
        depth = int(rng.integers(1, 6))
        performance = 0.1 * depth + 0.02 * rng.normal()
        for place, own in (("one", 0.0), ("two", 0.3)):
            ev = 0.05 * depth + own + 0.5 * (performance - 0.1 * depth) + 0.002 * rng.normal()
            rows.append(Standing(place, f"net {number}", "torque", depth, performance, ev))
    table = relation_table(rows)
    assert table["task"] == ["torque"]
    assert (table["networks"], table["sessions"]) == ([20], [2])
    assert table["r"][0] > 0.9
    assert table["slope"][0] == pytest.approx(0.5, abs=0.1)
    assert relation_table(rows[:6])["task"] == []  # three networks tell nothing


def test_sessions_add_no_networks() -> None:
    """p is of networks, however many sessions saw them: that of their means (B21)."""
    rng = np.random.default_rng(3)
    depth, performance = rng.integers(1, 6, 9), rng.normal(size=9)
    own = 0.4 * performance + rng.normal(size=9)  # what a network has in every session
    noise = 0.1 * rng.normal(size=(6, 9))
    rows = [
        Standing(f"session {s}", f"net {n}", "torque", int(depth[n]), performance[n], ev)
        for s in range(6)
        for n, ev in enumerate(own + noise[s] + s)
    ]
    table = relation_table(rows)
    means = partial_correlation(performance, (own + noise).mean(axis=0), depth)
    assert table["p"][0] == pytest.approx(means.p, rel=1e-3)
    # as if each session had networks of its own
    pooled = partial_correlation(performance.repeat(6), (own + noise).T.ravel(), depth.repeat(6))
    assert table["p"][0] > 1000 * pooled.p
    alone = relation_table(rows[:9])
    one = partial_correlation(performance, own + noise[0], depth)
    assert (alone["r"][0], alone["p"][0]) == (one.r, one.p)


def test_first_weights_add_no_architectures() -> None:
    """Twelve architectures with two seeds each tell what twelve do."""
    rng = np.random.default_rng(5)
    rows, means = [], []
    for number in range(12):
        depth, performance, ev = int(rng.integers(1, 6)), *rng.normal(size=2)
        shift = 0.1 * rng.normal(size=2)
        for seed, by in enumerate((shift, -shift)):
            own = ("s", f"net {number} {seed}", "torque", depth, performance + by[0], ev + by[1])
            rows.append(Standing(*own, architecture=f"net {number}"))
        means.append(Standing("s", f"net {number}", "torque", depth, performance, ev))
    found, wanted = relation_table(rows), relation_table(means)
    assert (found["networks"], found["architectures"]) == ([24], [12])
    for name in ("r", "p"):
        assert found[name] == pytest.approx(wanted[name])
    apart = relation_table([replace(one, architecture="") for one in rows])
    assert apart["p"][0] < 0.7 * wanted["p"][0]
    # two seeds each of four architectures tell nothing
    assert relation_table(rows[:8])["task"] == []
