from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proprio_tcn.movements.format import BIN_S, BINS
from proprio_tcn.movements.movement_set import MovementSet
from proprio_tcn.movements.trials import Trials


def _set(lengths: list[int], starts: list[int], seed: int = 0, reaches: bool = False) -> Any:
    rng = np.random.default_rng(seed)
    n, total = len(lengths), sum(lengths)

    def draw(*shape: int) -> np.ndarray:
        return rng.standard_normal(shape).astype(np.float32)

    trials = Trials(
        length=np.array(lengths),
        start=np.array(starts),
        letter=rng.integers(0, 20, n),
        writer=np.arange(n),
        repeat=np.zeros(n, dtype=np.int64),
        plane=rng.integers(0, 2, n),
        attempts=np.ones(n, dtype=np.int64),
        latents=draw(n, 6),
        joint_angle=draw(4, total),
        hand=draw(3, total),
        elbow=draw(3, total),
        spindle=draw(5, total, 2),
        torque=draw(4, total) if reaches else None,
        target=draw(n, 3) if reaches else None,
    )
    return MovementSet("linear", "none", tuple("abcde"), tuple("wxyz"), "train", trials)


@given(st.integers(0, 10**6), st.lists(st.integers(2, 300), min_size=1, max_size=5))
def test_batches_are_what_numpy_pads_and_differentiates(seed: int, lengths: list[int]):
    rng = np.random.default_rng(seed)
    starts = [int(rng.integers(0, BINS - length)) for length in lengths]
    starts[0] = 0  # at the edge of the window differences are one-sided
    movements = _set(lengths, starts, seed)
    rows = rng.integers(0, len(lengths), 4)
    batch = movements.batch(rows)
    at = movements.trials.offset
    for place, row in enumerate(rows):
        start, bins = starts[row], slice(at[row], at[row + 1])
        widths = [(0, 0), (start, BINS - start - lengths[row])]
        for key in ("hand", "elbow", "joint_angle"):
            ragged = getattr(movements.trials, key)[:, bins]
            padded = np.pad(ragged.astype(float), widths, mode="edge")
            stem = key.removesuffix("_angle")
            rate = np.gradient(padded, BIN_S, axis=1)
            np.testing.assert_array_equal(batch[key][place], padded.astype(np.float32))
            np.testing.assert_allclose(batch[f"{stem}_velocity"][place], rate, atol=1e-3)
            rise = np.gradient(rate, BIN_S, axis=1)
            np.testing.assert_allclose(batch[f"{stem}_acceleration"][place], rise, atol=0.2)
        length, speed = np.moveaxis(movements.trials.spindle[:, bins].astype(float), 2, 0)
        np.testing.assert_allclose(batch["spindle"][place, ..., 0], np.pad(length, widths, "edge"))
        speed[:, 0] *= 2 if start == 0 else 1
        padded = np.pad(speed, widths)
        np.testing.assert_allclose(batch["spindle"][place, ..., 1], padded, rtol=1e-6)
        rise = np.gradient(padded, BIN_S, axis=1)
        np.testing.assert_allclose(batch["muscle_acceleration"][place], rise, atol=1e-3)
        assert batch["moving"][place].sum() == lengths[row]
        assert batch["moving"][place, start]
        assert batch["letter"][place] == movements.letter[row]


def test_shapes_and_types_are_those_of_the_documentation():
    movements = _set([50, 60, 70], [0, 10, 329], reaches=True)
    batch = movements.batch([2, 0])
    shapes = {key: (array.shape, array.dtype.name) for key, array in batch.items()}
    assert shapes["spindle"] == ((2, 5, 400, 2), "float32")
    assert shapes["hand_acceleration"] == ((2, 3, 400), "float32")
    assert shapes["torque"] == ((2, 4, 400), "float32")
    assert shapes["target"] == ((2, 3, 400), "float32")
    assert shapes["letter"] == ((2,), "int64")
    assert shapes["moving"] == ((2, 400), "bool")
    assert np.ptp(batch["target"], axis=2).max() == 0.0
    assert list(movements.batch([0], ("hand", "letter"))) == ["hand", "letter"]
    assert movements.batch([])["spindle"].shape == (0, 5, 400, 2)


def test_movements_can_be_placed_afresh():
    movements = _set([50] * 40, [0] * 40)
    rows = np.zeros(500, dtype=np.int64)
    moving = movements.batch(rows, ("moving",), rng=np.random.default_rng(0))["moving"]
    starts = moving.argmax(axis=1)
    assert (moving.sum(axis=1) == 50).all()
    assert starts.max() < 350
    assert abs(starts.mean() - 174.5) < 20
    again = movements.batch(rows, ("moving",), rng=np.random.default_rng(0))["moving"]
    np.testing.assert_array_equal(moving, again)


def test_a_movement_as_long_as_the_window_stays_where_it_is():
    movements = _set([BINS, 50], [0, 3])
    placed = movements.batch([0, 1], ("moving",), rng=np.random.default_rng(0))["moving"]
    assert placed.sum(axis=1).tolist() == [BINS, 50]


def test_a_subset_is_a_set():
    movements = _set([50, 60, 70], [0, 10, 329])
    part = movements.subset(np.array([2, 1]))
    assert len(part) == 2
    np.testing.assert_array_equal(part.batch([0])["hand"], movements.batch([2])["hand"])


def test_what_is_not_there_is_refused():
    movements = _set([50, 60], [0, 0])
    with pytest.raises(KeyError, match=r"keys must be of spindle, .*, got torque, taste"):
        movements.batch([0], ("torque", "taste"))
    with pytest.raises(IndexError, match=r"indices must be in \[0, 2\), got 0 to 2"):
        movements.batch([0, 2])
    with pytest.raises(IndexError, match=r"indices must be in \[0, 2\), got -1 to 0"):
        movements.batch([-1, 0])
    message = r"whole numbers, got bool: for a mask give numpy.flatnonzero\(mask\)"
    with pytest.raises(IndexError, match=message):
        movements.batch(movements.letter >= 0)
    with pytest.raises(IndexError, match=message):
        movements.subset(movements.letter >= 0)
    with pytest.raises(IndexError, match="whole numbers, got float64"):
        movements.batch([0.5])
