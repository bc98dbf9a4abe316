"""Differences, their intervals and what would have been seen: against scipy, tables, simulation."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from brainnn.analysis.comparisons import compare_runs, verdict
from brainnn.analysis.effects import (
    hierarchical_bootstrap,
    pooled_spread,
    smallest_effect,
    welch,
)


@pytest.mark.parametrize(("real", "control"), [(10, 10), (3, 8), (2, 2)])
def test_welch_is_that_of_scipy(real: int, control: int) -> None:
    rng = np.random.default_rng(real)
    one, other = rng.normal(0.3, 1, real), rng.normal(0, 3, control)
    found = welch(one, other)
    expected = stats.ttest_ind(one, other, equal_var=False)
    interval = expected.confidence_interval(0.95)
    wanted = (one.mean() - other.mean(), interval.low, interval.high, expected.pvalue)
    np.testing.assert_allclose(found, wanted, rtol=1e-10)


def test_runs_without_spread_are_alike_or_not() -> None:
    assert welch([0.7, 0.7], [0.7, 0.7, 0.7]) == (0.0, 0.0, 0.0, 1.0)
    assert welch([1, 1], [0.25, 0.25]) == (0.75, 0.75, 0.75, 0.0)


def test_the_bootstrap_of_single_episodes_is_that_of_runs() -> None:
    rng = np.random.default_rng(1)
    one, other = rng.normal(1, 1, (40, 1)), rng.normal(0, 2, (40, 1))
    found = hierarchical_bootstrap(one, other, n_resamples=20_000, seed=0)
    assert found.mean == pytest.approx(one.mean() - other.mean())
    # its standard error has the spread with n below, not n - 1
    error = np.sqrt(one.var() / 40 + other.var() / 40)
    reach = 1.96 * error
    assert found.low == pytest.approx(found.mean - reach, abs=0.04 * reach)
    assert found.high == pytest.approx(found.mean + reach, abs=0.04 * reach)


def test_a_run_counts_once_however_long_it_is() -> None:
    found = hierarchical_bootstrap([[0.0], [1.0] * 99], [[0.0], [0.0]], seed=0)
    assert found.mean == 0.5
    # runs (0, 0), (0, 1), (1, 1) are drawn with 1/4, 1/2, 1/4
    assert (found.low, found.high) == (0.0, 1.0)


def test_episodes_are_drawn_within_their_run() -> None:
    rng = np.random.default_rng(2)
    # runs that are alike: only the episodes spread
    episodes = rng.normal(0, 1, 50)
    found = hierarchical_bootstrap([episodes] * 4, [[0.0]] * 2, n_resamples=10_000, seed=0)
    reach = 1.96 * episodes.std() / np.sqrt(4 * 50)
    assert found.high - found.mean == pytest.approx(reach, rel=0.05)


def test_the_bootstrap_covers_the_truth() -> None:
    rng = np.random.default_rng(3)
    covered = 0
    for seed in range(200):
        groups = [rng.normal(0, 0.05, (10, 1)) + rng.normal(0, 0.1, (10, 10)) for _ in range(2)]
        found = hierarchical_bootstrap(groups[0] + 0.2, groups[1], n_resamples=300, seed=seed)
        covered += found.low <= 0.2 <= found.high
    assert 0.9 <= covered / 200 <= 0.99


@pytest.mark.parametrize(("runs", "pooled"), [(5, 2.0244), (10, 1.3249), (64, 0.4991)])
def test_the_smallest_effect_is_near_that_of_power_tables(runs: int, pooled: float) -> None:
    """Of the t test with one spread, at power .8 and alpha .05; Welch pays for not knowing that."""
    effect = smallest_effect(1.0, runs, runs)
    assert pooled < effect < pooled * (1 + 0.3 / runs)
    assert smallest_effect(0.03, runs, runs) == pytest.approx(0.03 * effect)


@pytest.mark.parametrize(("real", "control", "alpha"), [(5, 5, 0.01), (10, 4, 0.05), (2, 9, 0.05)])
def test_the_smallest_effect_is_seen_as_often_as_it_says(
    real: int, control: int, alpha: float
) -> None:
    effect = smallest_effect(2.0, real, control, alpha=alpha)
    rng = np.random.default_rng(4)
    one, other = rng.normal(effect, 2, (20_000, real)), rng.normal(0, 2, (20_000, control))
    p = stats.ttest_ind(one, other, axis=1, equal_var=False).pvalue
    assert (p < alpha).mean() == pytest.approx(0.8, abs=0.01)


def test_few_runs_can_be_told() -> None:
    assert smallest_effect(1.0, 2, 2, alpha=0.05 / 30) > smallest_effect(1.0, 2, 2) > 5
    assert smallest_effect(0.0, 5, 5) == 0.0


@given(st.integers(0, 2**32 - 1), st.integers(2, 12), st.integers(2, 12))
@settings(max_examples=20)
def test_the_pooled_spread_is_that_of_the_residuals(seed: int, real: int, control: int) -> None:
    rng = np.random.default_rng(seed)
    one, other = rng.normal(5, 1, real), rng.normal(0, 2, control)
    residuals = np.concatenate([one - one.mean(), other - other.mean()])
    spread = np.sqrt(np.square(residuals).sum() / (real + control - 2))
    assert pooled_spread(one, other) == pytest.approx(spread)


def runs_of(means: list[float]) -> list[list[float]]:
    """For each run two episodes around its mean."""
    return [[mean - 0.1, mean + 0.1] for mean in means]


def test_a_family_is_corrected_and_told_in_a_sentence() -> None:
    real = runs_of([0.50, 0.52, 0.48, 0.51, 0.49])
    controls = {
        "rewired": runs_of([0.40, 0.42, 0.38, 0.41, 0.39]),
        "signs": runs_of([0.51, 0.53, 0.46, 0.51, 0.50]),
        "mlp": runs_of([0.61, 0.62, 0.60]),
        "random": runs_of([0.2]),
    }
    rewired, signs, mlp, random = compare_runs(real, controls, n_resamples=500)
    means = [0.50, 0.52, 0.48, 0.51, 0.49]
    alone = welch(means, [0.40, 0.42, 0.38, 0.41, 0.39])
    assert rewired.difference == pytest.approx(alone)
    # the second smallest of three
    assert sorted([rewired, mlp], key=lambda one: one.difference.p)[1].adjusted == pytest.approx(
        2 * max(rewired.difference.p, mlp.difference.p)
    )
    spread = pooled_spread(means, [0.51, 0.53, 0.46, 0.51, 0.50])
    assert signs.detectable == pytest.approx(smallest_effect(spread, 5, 5, alpha=0.05 / 3))
    assert rewired.bootstrap.mean == pytest.approx(0.1)
    assert rewired.bootstrap.low < 0.1 < rewired.bootstrap.high
    assert (rewired.differs, signs.differs, mlp.differs, random.differs) == (
        True,
        False,
        True,
        False,
    )
    assert np.isnan(random.detectable)
    assert random.difference.mean == pytest.approx(0.3)
    said = verdict("Speed", [rewired, signs, mlp, random], {"mlp": "MLP"})
    assert said == (
        "Speed: the real wiring was 0.100 above rewired (95 % interval 0.077 to 0.123, p < 0.001) "
        "and 0.110 below MLP (95 % interval 0.088 to 0.132, p < 0.001); no difference from signs "
        f"was found; one of at least {signs.detectable:.3f} would have been seen in 80 % of such "
        "studies; there were too few runs to tell it from random."
    )


def test_nothing_is_claimed_of_runs_that_are_all_alike() -> None:
    alike = [[1.0, 1.0]] * 4
    (one,) = compare_runs(alike, {"rewired": alike}, n_resamples=100)
    assert one.adjusted == 1.0
    assert verdict("Upright", [one]) == "Upright: every run was at 1.000, as with rewired."


def test_what_cannot_be_compared_is_refused() -> None:
    with pytest.raises(ValueError, match="real must be at least 2 finite numbers"):
        welch([1.0], [1.0, 2.0])
    with pytest.raises(ValueError, match="control must be at least 2 finite numbers"):
        pooled_spread([1.0, 2.0], [np.nan, 1.0])
    with pytest.raises(ValueError, match="control must have at least 2 runs, got 1"):
        hierarchical_bootstrap([[1.0], [2.0]], [[1.0]], seed=0)
    with pytest.raises(ValueError, match="every run of real must be at least one finite number"):
        hierarchical_bootstrap([[1.0], []], [[1.0], [1.0]], seed=0)
    with pytest.raises(ValueError, match="n_resamples must be at least 100"):
        hierarchical_bootstrap([[1.0], [2.0]], [[1.0], [2.0]], n_resamples=9, seed=0)
    with pytest.raises(ValueError, match="spread must be at least 0"):
        smallest_effect(-1.0, 5, 5)
    with pytest.raises(ValueError, match="at least 2 runs of each, got 5 and 1"):
        smallest_effect(1.0, 5, 1)
    with pytest.raises(ValueError, match=r"alpha=0\.9 and power=0\.8"):
        smallest_effect(1.0, 5, 5, alpha=0.9)
    with pytest.raises(ValueError, match="the real wiring must have at least one run"):
        compare_runs([], {"rewired": [[1.0]]})
    with pytest.raises(ValueError, match="every run of rewired must be at least one finite"):
        compare_runs([[1.0]], {"rewired": [[]]})
    with pytest.raises(ValueError, match="comparisons must be at least one"):
        verdict("Speed", [])
