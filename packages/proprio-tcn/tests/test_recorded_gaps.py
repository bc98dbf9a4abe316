"""Gaps are filled over time within a channel, and never from its neighbours."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from proprio_tcn.recorded.gaps import Gap, fill_gaps, find_gaps


def test_a_gap_is_a_straight_line_over_time():
    values = np.array([[0.0, 5.0], [np.nan, 6.0], [np.nan, np.nan], [3.0, 8.0]])
    filled = fill_gaps(values, 2)
    assert filled.values == pytest.approx(np.array([[0, 5], [1, 6], [2, 7], [3, 8]]))
    assert filled.filled.tolist() == [[False] * 2, [True, False], [True, True], [False] * 2]
    assert filled.left == ()


def test_long_gaps_and_those_at_the_ends_stay_and_are_named():
    values = np.array([[np.nan, 1.0], [1.0, np.nan], [2.0, np.nan], [np.nan, 4.0]])
    filled = fill_gaps(values, 1)
    assert filled.left == (Gap(0, 0, 1), Gap(0, 3, 4), Gap(1, 1, 3))
    assert np.array_equal(filled.values, values, equal_nan=True)
    assert not filled.filled.any()


def test_a_marker_is_missing_where_one_of_its_coordinates_is():
    values = np.arange(24.0).reshape(4, 2, 3)
    values[1, 0, 2] = np.nan
    filled = fill_gaps(values, 3)
    assert filled.values == pytest.approx(np.arange(24.0).reshape(4, 2, 3))
    assert filled.filled.sum() == 1


@given(
    values=arrays(np.float64, (12, 3), elements=st.floats(-10, 10)),
    missing=arrays(np.bool_, (12, 3)),
    longest=st.integers(0, 12),
)
def test_a_channel_is_filled_as_numpy_would_and_does_not_see_the_others(values, missing, longest):
    holes = np.where(missing, np.nan, values)
    filled = fill_gaps(holes, longest)
    assert np.array_equal(filled.values[~missing], values[~missing])
    for channel in range(3):
        alone = fill_gaps(holes[:, [channel]], longest).values[:, 0]
        assert np.array_equal(alone, filled.values[:, channel], equal_nan=True)
        seen = np.flatnonzero(~missing[:, channel])
        put_in = filled.filled[:, channel]
        if put_in.any():
            line = np.interp(np.arange(12), seen, values[seen, channel])
            assert filled.values[put_in, channel] == pytest.approx(line[put_in])
    lengths = [gap.stop - gap.first for gap in find_gaps(missing)]
    assert sum(lengths) == missing.sum()
    assert np.isnan(filled.values).sum() + filled.filled.sum() == missing.sum()
    assert all(
        gap.stop - gap.first > longest or gap.first == 0 or gap.stop == 12 for gap in filled.left
    )


def test_what_cannot_be_is_refused():
    with pytest.raises(ValueError, match=r"longest must be at least 0 and .*, got -1 and \(2, 2\)"):
        fill_gaps(np.zeros((2, 2)), -1)
    with pytest.raises(ValueError, match=r"got 1 and \(2,\)"):
        fill_gaps(np.zeros(2), 1)
