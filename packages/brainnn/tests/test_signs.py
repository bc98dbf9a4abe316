"""Signs by transmitter."""

import numpy as np
import pytest

from brainnn.connectome.graph import Connectome
from brainnn.connectome.signs import with_signs


@pytest.fixture
def five() -> Connectome:
    return Connectome.of(
        "five",
        np.ones((5, 5), dtype=int) - np.eye(5, dtype=int),
        transmitters=["acetylcholine", "GABA", "glutamate", "dopamine", ""],
    )


def test_acetylcholine_excites_and_gaba_inhibits(five: Connectome) -> None:
    assert with_signs(five).signs.tolist() == [1, -1, -1, 0, 0]
    assert with_signs(five, glutamate=1).signs.tolist() == [1, -1, 1, 0, 0]
    assert with_signs(five, others={"dopamine": -1, "ACh": -1}).signs.tolist() == [
        -1,
        -1,
        -1,
        -1,
        0,
    ]


def test_connections_of_unclear_neurons_can_be_dropped(five: Connectome) -> None:
    assert with_signs(five).edges == 20
    dropped = with_signs(five, unclear="drop")
    np.testing.assert_array_equal(dropped.synapse_count.sum(axis=1), [4, 4, 4, 0, 0])
    assert (len(dropped), dropped.signs.tolist()) == (5, [1, -1, -1, 0, 0])


def test_no_other_sign_and_no_other_option(five: Connectome) -> None:
    with pytest.raises(ValueError, match=r"the sign of glutamate must be 1, -1 or 0 .*, got 2"):
        with_signs(five, glutamate=2)
    with pytest.raises(ValueError, match=r"unclear must be 'free' or 'drop', got 'keep'"):
        with_signs(five, unclear="keep")  # type: ignore[arg-type]
