"""Edges, signs, strengths and gains against small wirings worked out by hand."""

import numpy as np
import pytest

from brainnn.connectome.graph import Connectome
from brainnn.networks.wiring import Wiring

# a -> b (4), a -> c (1), b -> a (9), c -> b (2); c is of unknown sign, a and b are of one type
COUNTS = np.array([[0, 4, 1], [9, 0, 0], [0, 2, 0]])


def three() -> Connectome:
    return Connectome.of("three", COUNTS, "abc", types=["X", "X", "Y"], signs=[1, -1, 0])


def test_edges_are_sorted_by_post_and_carry_sign_and_strength() -> None:
    wiring = Wiring.of(three(), "log1p")
    assert wiring.pre.tolist() == [1, 0, 2, 0]
    assert wiring.post.tolist() == [0, 1, 1, 2]
    assert wiring.sign.tolist() == [-1, 1, 0, 1]
    np.testing.assert_allclose(wiring.strength, np.log([10, 5, 3, 2]), rtol=1e-15)
    assert (len(wiring), wiring.neurons, wiring.gains) == (4, 3, 4)


def test_strengths_that_are_given_stay_with_their_edges() -> None:
    wiring = Wiring.of(three(), [0.1, 0.2, 0.3, 0.4])  # a->b, a->c, b->a, c->b
    assert wiring.strength.tolist() == [0.3, 0.1, 0.4, 0.2]
    expected = [[0, 0.3, 0], [0.1, 0, 0.4], [0.2, 0, 0]]
    np.testing.assert_array_equal(wiring.matrix(wiring.strength).toarray(), expected)


def test_a_pair_of_types_shares_a_gain_but_not_across_unknown_signs() -> None:
    wiring = Wiring.of(three(), gains="type_pair")  # b->a X X, a->b X X, c->b Y X, a->c X Y
    assert wiring.gains == 3
    assert wiring.group[0] == wiring.group[1]
    assert len({*wiring.group.tolist()}) == 3
    mixed = Connectome.of("mixed", COUNTS, types=["X"] * 3, signs=[1, -1, 0])
    assert Wiring.of(mixed, gains="type_pair").gains == 2


def test_frozen_edges_have_no_gain() -> None:
    wiring = Wiring.of(three(), gains="frozen")
    assert wiring.gains == 0
    assert (wiring.group == -1).all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"gains": "neuron"}, r"gains must be one of \['edge', 'type_pair', 'frozen'\], got 'neur"),
        ({"strength": "cubed"}, "strength must be one of .*log1p.*got 'cubed'"),
        ({"strength": [1.0, 2.0]}, r"finite and above 0 for each of 4 edges, got shape \(2,\)"),
        ({"strength": [1.0, 2.0, 0.0, 1.0]}, "above 0 for each of 4 edges, .* from 0.0"),
    ],
)
def test_refusals(options: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Wiring.of(three(), **options)  # type: ignore[arg-type]


def test_a_wiring_without_edges_is_refused() -> None:
    with pytest.raises(ValueError, match="alone must have at least one edge to be wired"):
        Wiring.of(Connectome.of("alone", [[0]]))
