"""Intervals against scipy's bootstrap on the same draws; the Pareto front against brute force."""

import itertools

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from neuro_common.stats import bootstrap_crossed, bootstrap_mean, holm, non_dominated


def scipy_interval(values, confidence, n_resamples, seed):
    return scipy.stats.bootstrap(
        (values,),
        np.mean,
        confidence_level=confidence,
        n_resamples=n_resamples,
        method="percentile",
        rng=np.random.default_rng(seed),
    ).confidence_interval


@pytest.mark.parametrize("confidence", [0.5, 0.95, 0.99])
@pytest.mark.parametrize("n_repeats", [2, 20, 4000])  # 4000 needs several batches
def test_the_interval_is_scipys(n_repeats, confidence):
    values = np.random.default_rng(n_repeats).gamma(2.0, size=n_repeats)
    interval = bootstrap_mean(values, confidence=confidence, n_resamples=600, seed=9)
    oracle = scipy_interval(values, confidence, 600, 9)
    assert interval.mean == pytest.approx(values.mean(), rel=1e-14)
    assert interval.low == pytest.approx(oracle.low, rel=1e-12)
    assert interval.high == pytest.approx(oracle.high, rel=1e-12)


def test_ten_thousand_resamples_at_95_percent_are_the_default():
    values = np.random.default_rng(2).normal(size=12)
    oracle = scipy_interval(values, 0.95, 10_000, 4)
    assert bootstrap_mean(values, seed=4)[1:] == pytest.approx((oracle.low, oracle.high), rel=1e-12)


def test_curves_are_resampled_as_a_whole():
    curves = np.random.default_rng(1).normal([0.0, 10.0, -3.0], [1.0, 2.0, 3.0], size=(15, 3))
    interval = bootstrap_mean(curves, n_resamples=500, seed=7)
    for point, curve in enumerate(curves.T):
        alone = bootstrap_mean(curve, n_resamples=500, seed=7)
        assert [part[point] for part in interval] == pytest.approx(list(alone), rel=1e-12)


def test_a_list_gives_plain_floats():
    interval = bootstrap_mean([1.0, 2.0, 4.0], seed=0)
    assert {type(part) for part in interval} == {float}
    assert (interval.low, interval.high) == (1.0, 4.0)
    assert interval.mean == pytest.approx(7 / 3)


@given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=8), st.integers(0, 2**32 - 1))
def test_the_interval_lies_within_the_values_and_repeats(values, seed):
    interval = bootstrap_mean(values, n_resamples=100, seed=seed)
    slack = 1e-9 * (1 + max(map(abs, values)))
    assert min(values) - slack <= interval.low <= interval.high <= max(values) + slack
    assert interval == bootstrap_mean(values, n_resamples=100, seed=seed)


def test_crossed_resamples_are_those_of_a_full_enumeration():
    table = np.random.default_rng(3).gamma(2.0, size=(3, 4))
    every = [
        table[np.ix_(rows, columns)].mean()
        for rows in itertools.product(range(3), repeat=3)
        for columns in itertools.product(range(4), repeat=4)
    ]
    interval = bootstrap_crossed(table, confidence=0.8, n_resamples=200_000, seed=0)
    low, high = np.quantile(every, [0.1, 0.9])
    assert interval.mean == pytest.approx(table.mean(), rel=1e-14)
    assert interval.low == pytest.approx(low, rel=0.01)
    assert interval.high == pytest.approx(high, rel=0.01)


@pytest.mark.parametrize("turn", [False, True])
def test_what_all_rows_share_does_not_average_out(turn):
    shared = np.random.default_rng(5).normal(size=20)
    table = np.tile(shared, (50, 1))
    crossed = bootstrap_crossed(table.T if turn else table, seed=1)
    alone = bootstrap_mean(shared, seed=2)
    assert crossed[1:] == pytest.approx(alone[1:], abs=0.03)


@pytest.mark.parametrize("shape", [(4,), (1, 4), (4, 1), (2, 2, 2)])
def test_crossed_values_need_two_of_each(shape):
    with pytest.raises(ValueError, match=r"values must be \(rows, columns\) with at least 2 of"):
        bootstrap_crossed(np.zeros(shape), seed=0)


def test_crossed_values_must_be_finite():
    with pytest.raises(ValueError, match="values must be finite, got 1 NaN or infinite of 4"):
        bootstrap_crossed([[1.0, np.nan], [0.0, 2.0]], seed=0)


@pytest.mark.parametrize(
    ("values", "options", "message"),
    [
        ([1.0], {}, r"at least 2 repeats, got shape \(1,\)"),
        (3.0, {}, r"values must be \(repeats,\) or \(repeats, points\).*got shape \(\)"),
        (np.ones((2, 2, 2)), {}, r"got shape \(2, 2, 2\)"),
        (np.ones((3, 0)), {}, r"got shape \(3, 0\)"),
        ([1.0, np.nan, np.inf], {}, "values must be finite, got 2 NaN or infinite of 3"),
        ([1.0, 2.0], {"confidence": 1.0}, r"confidence must be in \(0, 1\), got 1.0"),
        ([1.0, 2.0], {"confidence": 0.0}, r"confidence must be in \(0, 1\), got 0.0"),
        ([1.0, 2.0], {"n_resamples": 99}, "n_resamples must be at least 100, got 99"),
    ],
)
def test_bad_input_to_the_bootstrap_is_refused(values, options, message):
    with pytest.raises(ValueError, match=message):
        bootstrap_mean(values, seed=0, **options)


def test_a_point_is_dominated_only_by_one_that_is_better_somewhere():
    cost = [1, 2, 2, 3, 1, 0]
    other = [3, 1, 2, 1, 3, 9]
    assert non_dominated(cost, other).tolist() == [True, True, False, False, True, True]


@given(st.lists(st.tuples(*[st.integers(0, 4)] * 3), min_size=1, max_size=12))
def test_the_front_is_what_brute_force_finds(points):
    def beats(one, two):
        return one != two and all(a <= b for a, b in zip(one, two, strict=True))

    oracle = [not any(beats(rival, point) for rival in points) for point in points]
    assert non_dominated(*zip(*points, strict=True)).tolist() == oracle


@pytest.mark.parametrize(
    ("costs", "message"),
    [
        ((), r"one length, got shapes \[\]"),
        (([1, 2], [1, 2, 3]), r"one length, got shapes \[\(2,\), \(3,\)\]"),
        ((np.ones((2, 2)), np.ones((2, 2))), r"one length, got shapes \[\(2, 2\), \(2, 2\)\]"),
        (([1.0, np.nan], [1.0, 2.0]), "costs must not be NaN"),
    ],
)
def test_bad_costs_are_refused(costs, message):
    with pytest.raises(ValueError, match=message):
        non_dominated(*costs)


def test_holm_by_hand() -> None:
    np.testing.assert_allclose(holm([0.01, 0.04, 0.03, 0.005]), [0.03, 0.06, 0.06, 0.02])
    assert holm([0.6, 0.9]).tolist() == [1.0, 1.0]
    assert holm([]).size == 0
    with pytest.raises(ValueError, match=r"numbers in \[0, 1\], got \[0\.5 1\.5\]"):
        holm([0.5, 1.5])


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8), st.floats(0.001, 0.2))
def test_holm_rejects_as_the_stepwise_rule_does(p: list[float], alpha: float) -> None:
    adjusted = holm(p)
    rejected = np.zeros(len(p), bool)
    for step, place in enumerate(np.argsort(p, kind="stable")):
        if p[place] * (len(p) - step) > alpha:
            break
        rejected[place] = True
    np.testing.assert_array_equal(adjusted <= alpha, rejected)
    assert (adjusted >= p).all()
