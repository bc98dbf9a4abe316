import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proprio_tcn.movements.format import BIN_S, BINS, split_writers
from proprio_tcn.movements.kinematics import (
    acceleration,
    draw_start,
    jerk,
    pad_edges,
    smooth_median,
    velocity,
)
from proprio_tcn.movements.muscles import joint_velocity


def test_jerk_is_the_norm_of_the_third_gradient():
    time = np.arange(12.0)
    cubic = time**3
    third = np.gradient(np.gradient(np.gradient(cubic)))
    np.testing.assert_allclose(third[3:-3], 6.0)  # what it is away from the ends
    assert jerk(np.stack([cubic, 2 * cubic])) == pytest.approx(np.sqrt(5 * np.sum(third**2)))
    assert jerk(np.stack([time, np.ones(12)])) == pytest.approx(0.0, abs=1e-12)


def test_padding_holds_the_ends_and_velocity_there_is_zero():
    movement = np.array([[1.0, 2.0, 4.0], [3.0, 3.0, 0.0]])
    padded = pad_edges(movement, 2, 8)
    np.testing.assert_array_equal(padded[0], [1, 1, 1, 2, 4, 4, 4, 4])
    rate = velocity(padded)
    np.testing.assert_allclose(rate[0], np.array([0, 0, 0.5, 1.5, 1, 0, 0, 0]) / BIN_S)
    rise = acceleration(padded)
    expected = np.array([0, 0.25, 0.75, 0.25, -0.75, -0.5, 0, 0]) / BIN_S**2
    np.testing.assert_allclose(rise[0], expected, atol=1e-9)


@given(st.lists(st.integers(2, 30), min_size=1, max_size=6), st.integers(0, 1000))
def test_velocity_of_ragged_trials_is_that_of_padded_ones(lengths: list[int], seed: int):
    rng = np.random.default_rng(seed)
    trials = [rng.standard_normal((3, length)) for length in lengths]
    rates = joint_velocity(np.concatenate(trials, axis=1), np.array(lengths))
    padded = [velocity(pad_edges(one, 5, 50))[:, 5 : 5 + one.shape[1]] for one in trials]
    np.testing.assert_allclose(rates, np.concatenate(padded, axis=1), atol=1e-9)
    rises = joint_velocity(rates, np.array(lengths), resting=True)
    padded = [acceleration(pad_edges(one, 5, 50))[:, 5 : 5 + one.shape[1]] for one in trials]
    np.testing.assert_allclose(rises, np.concatenate(padded, axis=1), atol=1e-6)


def test_movements_begin_anywhere_in_the_window():
    rng = np.random.default_rng(0)
    starts = np.array([draw_start(100, rng) for _ in range(4000)])
    assert starts.min() < 5
    assert 295 < starts.max() < BINS - 100
    assert abs(starts.mean() - 149.5) < 5
    with pytest.raises(
        ValueError, match=r"a movement must have 1 to 399 bins, got 400: .* lower sizes or raise sp"
    ):
        draw_start(400, rng)
    with pytest.raises(ValueError, match=r"start must be in \[0, 300\] for 100 of 400 bins"):
        pad_edges(np.zeros((1, 100)), 301)


def test_a_median_of_five_bins_takes_out_a_spike():
    movement = np.zeros((2, 20))
    movement[1] = np.arange(20)
    movement[0, 10] = 5.0
    smooth = smooth_median(movement)
    assert not smooth[0].any()
    np.testing.assert_array_equal(smooth[1, 2:-2], np.arange(2, 18))


def test_a_writer_is_in_one_split():
    split = split_writers(100, (0.7, 0.1, 0.2))
    assert [len(one) for one in split.values()] == [70, 10, 20]
    assert sorted(writer for one in split.values() for writer in one) == list(range(100))


def test_ninety_are_split_as_published():
    from proprio_tcn.movements.format import PUBLISHED_SHARES

    assert [len(one) for one in split_writers(90, PUBLISHED_SHARES).values()] == [64, 8, 18]


def test_splits_that_leave_nobody_are_refused():
    with pytest.raises(ValueError, match="2 writers must leave one to every split, got 0 for tr"):
        split_writers(2, (0.7, 0.1, 0.2))
    with pytest.raises(ValueError, match="shares must be three of a whole"):
        split_writers(100, (0.7, 0.2, 0.2))
    for shares in ((np.nan, 0.1, 0.2), (0.7, np.nan, 0.2)):
        with pytest.raises(ValueError, match="shares must be three of a whole"):
            split_writers(100, shares)
    assert len(split_writers(5, (1.0, 0.0, 0.0))["test"]) == 0
