"""Scores of responses against hand-computed cases, in numpy and torch."""

import numpy as np
import pytest
import torch

from spinal_rnn.control.objectives import Match, Selectivity, lower_bound, parse_target
from spinal_rnn.muscles import muscle_index

RESPONSE = np.zeros(14)
RESPONSE[8], RESPONSE[9] = 0.8, 0.13


def test_selectivity_above_the_floor_is_the_index() -> None:
    assert Selectivity((8,))(RESPONSE) == pytest.approx(0.8 - 0.01)
    assert Selectivity((8,), "share")(RESPONSE) == pytest.approx(0.8 / 0.93, abs=1e-5)
    assert Selectivity((8, 9), floor=0.4)(RESPONSE) == pytest.approx(0.465)


def test_each_unit_below_the_floor_costs_the_penalty() -> None:
    wanted = Selectivity((8,), floor=0.9, penalty=3.0)
    assert wanted.shortfall(RESPONSE) == pytest.approx(0.1)
    assert wanted(RESPONSE) == pytest.approx(0.79 - 0.3)


def test_silence_is_shared_by_all() -> None:
    assert Selectivity((8,), "share", floor=0.0)(np.zeros(14)) == pytest.approx(1 / 14)
    assert Selectivity((8,), "share", floor=0.5)(np.zeros(14)) < 0


def test_match_is_minus_the_distance() -> None:
    wanted = RESPONSE.copy()
    wanted[[0, 1]] = 0.3, 0.4
    assert Match(wanted)(RESPONSE) == pytest.approx(-0.5)
    assert Match(RESPONSE)(RESPONSE) == pytest.approx(0, abs=2e-6)


def test_lower_bound_is_mean_minus_deviations() -> None:
    scores = np.array([[1.0, 2.0], [3.0, 2.0]])
    np.testing.assert_allclose(lower_bound(scores, 0.5), [1.5, 2.0], atol=1e-5)


@pytest.mark.parametrize(
    "objective",
    [Selectivity((8,)), Selectivity((8,), "share"), Selectivity((1, 8)), Match(RESPONSE)],
)
def test_torch_and_numpy_agree_and_gradients_pass(objective: Selectivity | Match) -> None:
    response = np.random.default_rng(0).uniform(0.1, 0.9, (6, 14))
    tensor = torch.tensor(response, requires_grad=True)
    np.testing.assert_allclose(objective(tensor).detach(), objective(response), atol=1e-12)
    assert torch.autograd.gradcheck(objective, tensor)


def test_targets_as_a_user_types_them() -> None:
    assert parse_target("RRF") == Selectivity((8,))
    assert parse_target("LTA + RTA", floor=0.3) == Selectivity((4, 11), floor=0.3)
    wanted = parse_target("RRF=0.8, RTA=0.3")
    assert isinstance(wanted, Match)
    assert wanted.wanted[muscle_index("RTA")] == 0.3
    assert wanted.wanted.sum() == pytest.approx(1.1)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("RRV", "muscle must be one of"),
        ("RRF=much", "target must read like RRF=0.8,RTA=0.3, got 'RRF=much'"),
        ("RRF=2", "14 fractions in"),
    ],
)
def test_bad_targets_are_refused(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse_target(text)


def test_objectives_that_cannot_be_are_refused() -> None:
    with pytest.raises(ValueError, match="targets must be in 0 to 13"):
        Selectivity((14,))
    with pytest.raises(ValueError, match="kind must be one of difference, share"):
        Selectivity((1,), "legacy")
    with pytest.raises(ValueError, match="share has one target"):
        Selectivity((1, 2), "share")
