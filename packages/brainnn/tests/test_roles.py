"""Who takes input and who is read out: names, shares, numbers, and the paths between."""

from typing import Any

import networkx as nx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from brainnn.connectome.graph import Connectome
from brainnn.networks.roles import Roles, choose_roles, downstream


def chain(neurons: int = 10) -> Connectome:
    """Each neuron to the next; the last two are motor neurons, the first is a sensory one."""
    classes = ["sensory", *["interneuron"] * (neurons - 3), "motor", "motor"]
    types = [f"T{index}" for index in range(neurons)]
    return Connectome.of("chain", np.eye(neurons, k=1), types=types, classes=classes)


def rng() -> np.random.Generator:
    return np.random.default_rng(5)


def test_classes_and_types_by_name() -> None:
    roles = choose_roles(chain())
    assert roles.inputs.tolist() == [1, 2, 3, 4, 5, 6, 7]
    assert roles.outputs.tolist() == [8, 9]
    assert choose_roles(chain(), "IN", "MN").inputs.tolist() == roles.inputs.tolist()
    assert choose_roles(chain(), "sensory", "T4").outputs.tolist() == [4]


@pytest.mark.parametrize(("share", "number"), [(0.2, 2), (0.29, 2), (3, 3), (3.0, 3), (1, 1)])
def test_a_share_or_a_number_is_drawn_among_those_that_are_left(share: Any, number: int) -> None:
    roles = choose_roles(chain(), share, "motor", rng=rng())
    assert len(roles.inputs) == number
    assert not {8, 9} & {*roles.inputs.tolist()}


def test_draws_are_disjoint_and_follow_the_generator() -> None:
    drawn = [choose_roles(chain(), 0.5, 5, rng=rng()) for _ in range(2)]
    assert sorted([*drawn[0].inputs, *drawn[0].outputs]) == [*range(10)]
    assert drawn[0].inputs.tolist() == drawn[1].inputs.tolist()


def test_indices() -> None:
    roles = choose_roles(chain(), [2, 1], np.array([7]))
    assert (roles.inputs.tolist(), roles.outputs.tolist()) == ([1, 2], [7])


@given(st.integers(0, 2**32 - 1), st.integers(2, 12))
def test_downstream_is_what_networkx_reaches(seed: int, neurons: int) -> None:
    draw = np.random.default_rng(seed)
    counts = (draw.random((neurons, neurons)) < 1.3 / neurons) & ~np.eye(neurons, dtype=bool)
    graph = nx.from_numpy_array(counts, create_using=nx.DiGraph)
    found = downstream(Connectome.of("drawn", counts.astype(int)), np.array([0]))
    assert {*np.flatnonzero(found).tolist()} == {0} | nx.descendants(graph, 0)


@pytest.mark.parametrize(
    ("inputs", "outputs", "message"),
    [
        (
            "motr",
            "motor",
            r"must be a class \(interneuron, motor, sensory\).*'motr'; near: mo",
        ),
        ("sensory", "XYZW", "outputs must be a class .* or cell type of chain, got 'XYZW'$"),
        ("sensory", "sensory", "no neuron may take input and be read out, got 1 that do"),
        (
            "motor",
            "sensory",
            "must lead from the 2 input neurons of chain to the 1 read-out",
        ),
        (0.05, "motor", r"inputs must be a share in \(0, 1\] with at least one of 10 .* got 0.05"),
        (2.5, "motor", "or a whole number of them, got 2.5"),
        (-1, "motor", "inputs must be a share .* got -1"),
        (9, "motor", "inputs must leave neurons to the other set, got 9 for 9 of 8 that are free"),
        (1.0, "motor", "inputs must leave neurons to the other set"),
        ([0, 12], "motor", "roles must be among 10 neurons, got neuron 12"),
        ([], "motor", "inputs must be different neurons, at least one"),
    ],
)
def test_refusals(inputs: Any, outputs: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        choose_roles(chain(), inputs, outputs, rng=rng())


def test_a_draw_needs_a_generator() -> None:
    with pytest.raises(ValueError, match=r"inputs=0.2 draws neurons: give a generator as rng"):
        choose_roles(chain(), 0.2)


@pytest.mark.parametrize("twice", [[1, 1], [-1], [[1]]])
def test_roles_name_each_neuron_once(twice: Any) -> None:
    with pytest.raises(ValueError, match="outputs must be different neurons"):
        Roles(np.array([0]), np.array(twice))
