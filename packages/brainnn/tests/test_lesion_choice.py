"""Which lesions a figure shows."""

import numpy as np
import pytest

from brainnn.analysis.lesion import strongest_groups
from brainnn.walk_config import LesionFigureConfig

TABLE = {
    "group": ["intact", "slow", "slow", "none", "fall", "fall", "fast", "fast"],
    "random": [False, False, True, False, False, True, False, True],
    "neurons": [0, 3, 3, 2, 1, 1, 4, 4],
    "speed": [1.0, 0.6, 0.1, 1.0, 0.9, 1.0, 1.1, 1.0],
    "upright": [1.0, 1.0, 1.0, 1.0, 0.2, 1.0, 1.0, 1.0],
    "stride_hz": [1.0, 0.9, 0.9, 1.02, np.nan, 1.0, 1.6, 1.0],
}


@pytest.mark.parametrize(
    ("groups", "kept"),
    [
        (1, ["intact", "fall", "fall"]),
        (2, ["intact", "fall", "fall", "fast", "fast"]),
        (3, ["intact", "slow", "slow", "fall", "fall", "fast", "fast"]),
        (9, TABLE["group"]),
    ],
)
def test_the_groups_that_change_any_number_most_are_kept(groups: int, kept: list[str]) -> None:
    """By 0.8 of the upright ones, 0.6 of the frequency, 0.4 of the speed; draws do not count."""
    shown = strongest_groups(TABLE, groups)
    assert shown["group"] == kept
    assert [*shown] == [*TABLE]
    rows = [row for row, group in enumerate(TABLE["group"]) if group in kept]
    assert shown["neurons"] == [TABLE["neurons"][row] for row in rows]
    assert shown["random"] == [TABLE["random"][row] for row in rows]


def test_a_figure_has_a_row_at_least() -> None:
    with pytest.raises(ValueError, match="rows must be at least 1, got 0"):
        LesionFigureConfig(rows=0)
