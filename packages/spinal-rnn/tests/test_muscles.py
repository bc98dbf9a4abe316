"""Order, names and sides of the muscles."""

import numpy as np
import pytest

from spinal_rnn.muscles import MUSCLES, muscle_index, swap_sides


def test_left_comes_first_and_both_sides_are_alike() -> None:
    assert MUSCLES[:3] == ("LIl", "LRF", "LVLat")
    assert [name[1:] for name in MUSCLES[:7]] == [name[1:] for name in MUSCLES[7:]]
    assert {name[0] for name in MUSCLES[:7]} == {"L"}
    assert muscle_index("RRF") == 8


def test_swapping_sides_keeps_the_muscle_and_changes_the_side() -> None:
    swapped = swap_sides(np.arange(14.0))
    assert [MUSCLES[int(i)] for i in swapped] == [*MUSCLES[7:], *MUSCLES[:7]]
    emg = np.arange(2 * 14 * 3).reshape(2, 14, 3)
    np.testing.assert_array_equal(swap_sides(swap_sides(emg, axis=1), axis=1), emg)


def test_what_is_no_muscle_is_refused() -> None:
    with pytest.raises(ValueError, match=r"got 'RRG' \(did you mean 'RRF'\?\)"):
        muscle_index("RRG")
    with pytest.raises(ValueError, match=r"axis -1 must hold 14 muscles, got \(3,\)"):
        swap_sides(np.zeros(3))
