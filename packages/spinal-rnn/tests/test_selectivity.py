"""Selectivity indices against hand-computed cases."""

import numpy as np
import pytest
import torch

from spinal_rnn.selectivity import KINDS, difference, group, legacy, selectivity, share

HAND = np.array([0.6, 0.2, 0.2, 0.0])


def test_hand_case() -> None:
    assert share(HAND, 0) == pytest.approx(0.6)
    assert difference(HAND, 0) == pytest.approx(0.6 - 0.4 / 3)
    assert legacy(HAND, 0) == pytest.approx(0.428571, abs=1e-6)
    assert legacy(100 * HAND, 0) == pytest.approx(60 / 41)


def test_equal_responses_are_not_selective() -> None:
    equal = np.full((2, 14), 0.3)
    np.testing.assert_allclose(share(equal, 3), 1 / 14)
    np.testing.assert_allclose(difference(equal, 3), 0, atol=1e-15)


def test_silence_is_nan_or_zero_without_a_warning() -> None:
    silent = np.zeros(14)
    assert np.isnan(share(silent, 0))
    assert difference(silent, 0) == 0
    assert legacy(silent, 0) == 0
    assert group(silent, [0, 1]) == 0


def test_share_and_the_best_muscle_do_not_depend_on_the_unit() -> None:
    response = np.random.default_rng(0).uniform(size=(20, 14))
    np.testing.assert_allclose(share(response, 5), share(100 * response, 5))
    for kind in ("share", "difference"):
        best = selectivity(response, kind).argmax(axis=1)
        np.testing.assert_array_equal(best, selectivity(100 * response, kind).argmax(axis=1))
    assert (legacy(response, 5) != legacy(100 * response, 5)).all()


def test_left_and_right_differ_where_the_response_does() -> None:
    response = np.arange(14) / 14
    for kind in KINDS:
        index = selectivity(response, kind)
        assert (index[7:] > index[:7]).all()


def test_group_of_one_is_the_difference() -> None:
    response = np.random.default_rng(1).uniform(size=(5, 14))
    np.testing.assert_allclose(group(response, [4]), difference(response, 4))


def test_group_weighs_what_to_avoid() -> None:
    assert group(HAND, [0, 1]) == pytest.approx(0.4 - 0.1)
    assert group(HAND, [0], {1: 2.0, 2: 0.0}) == pytest.approx(0.6 - 0.4 / 3)


def test_floor_hides_what_is_near_the_threshold() -> None:
    index = selectivity(HAND, "share", floor=0.2)
    np.testing.assert_allclose(index, [0.6, 0.2, 0.2, np.nan])


def test_gradients_pass() -> None:
    response = torch.tensor(HAND, requires_grad=True)
    difference(response, 0).backward()
    assert response.grad is not None
    np.testing.assert_allclose(response.grad, [1, -1 / 3, -1 / 3, -1 / 3])
    torch.autograd.gradcheck(lambda r: share(r, 1), torch.tensor(HAND, requires_grad=True))


@pytest.mark.parametrize(
    ("targets", "weights", "message"),
    [
        ([], None, "there must be a target"),
        ([0, 1, 2, 3], None, "there must be a target"),
        ([0], {0: 1.0}, r"no targets, got some for \[0\]"),
        ([0], {1: -1.0}, "at least 0 and not all 0"),
    ],
)
def test_groups_that_cannot_be_are_refused(
    targets: list[int], weights: dict[int, float] | None, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        group(HAND, targets, weights)


def test_unknown_kind_is_refused() -> None:
    with pytest.raises(ValueError, match="kind must be one of difference, share, legacy"):
        selectivity(HAND, "best")
