"""Tests as plain values: whatever the catalogue can make comes back equal, the rest by name."""

import json
import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rldbs_env import BonhoefferVanDerPol, Delivery, HindmarshRose, KuramotoGrid, networks
from rldbs_env.catalogue import DIFFICULTIES, ENVIRONMENTS
from rldbs_env.controllers import CONTROLLERS
from rldbs_env.disturbances import Conditions, ObservationNoise, Variety
from rldbs_env.kuramoto import Contact, lead
from rldbs_env.protocol import Protocol
from rldbs_env.pulses import asymmetric, biphasic
from rldbs_env.records import DISTURBANCES, Named, NamedNetwork, protocol_of, record_of
from rldbs_env.reward import AbsoluteReward, QuadraticReward


def through_json(protocol: Protocol) -> Protocol:
    """Written as strict JSON, which has neither tuples nor infinity, and read."""
    return protocol_of(json.loads(json.dumps(record_of(protocol), allow_nan=False)))


@pytest.mark.parametrize("difficulty", DIFFICULTIES)
@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_every_environment_comes_back(name: str, difficulty: str) -> None:
    protocol = Protocol.on(name, difficulty, seed=3)
    assert through_json(protocol) == protocol


@settings(max_examples=30)
@given(
    coupling=st.floats(-1, 1),
    noise=st.floats(0, 1),
    ensembles=st.sets(st.integers(0, 2**63 - 1), min_size=1, max_size=4),
    budget=st.none() | st.floats(1e-300, 1e300),
    std=st.floats(0, 10),
)
def test_any_number_comes_back(
    coupling: float, noise: float, ensembles: set[int], budget: float | None, std: float
) -> None:
    protocol = Protocol(
        HindmarshRose(coupling=coupling, noise=noise, populations=2, cross_coupling=0.5),
        free_steps=7000,
        controlled_steps=14_000,
        ensembles=tuple(ensembles),
        delivery=Delivery(energy_budget=budget, skip=2),
        disturbances=(ObservationNoise(std),),
        levels=(-0.5, 0.0, 0.25),
        max_kick=0.5,
    )
    assert through_json(protocol) == protocol


@pytest.mark.parametrize(
    "changes",
    [
        {"pulse": biphasic(2, 1, 3, 7)},
        {"pulse": asymmetric()},
        {"reward": AbsoluteReward(3.0)},
        {"reward": QuadraticReward(target=-0.4)},
        {"variety": Variety((("coupling", 0.01, 0.1), ("spread", 0.0, 0.1)), (10, 1000))},
        {"disturbances": tuple(one() for one in DISTURBANCES)},
        {"dtype": "float32", "transient_steps": 0, "threads": 2, "prelude_steps": 7},
        {"ensembles": range(3)},
        *({"prelude": law()} for law in CONTROLLERS.values()),
    ],
)
def test_every_part_comes_back(changes: dict[str, Any]) -> None:
    protocol = Protocol(**changes)
    ensembles = tuple(protocol.ensembles)
    assert through_json(protocol) == replace(protocol, ensembles=ensembles)


def test_a_grid_comes_back_with_contacts_of_infinite_reach() -> None:
    model = KuramotoGrid(
        grid=(3, 4, 5), contacts=lead((1.0, 1.0, 1.0), 3), sensors=(Contact(reach=math.inf),)
    )
    assert through_json(Protocol(model, n_neurons=60)).model == model


def test_numbers_of_numpy_are_numbers() -> None:
    protocol = Protocol(levels=np.array([-0.5, 0.0, 0.5]), max_kick=float(np.float64(0.5)))  # type: ignore[arg-type]
    assert through_json(protocol).levels == (-0.5, 0.0, 0.5)
    odd = Protocol(disturbances=(ObservationNoise(np.float64(0.5)),))
    assert through_json(odd) == odd


def test_a_network_comes_back_by_its_digest() -> None:
    network = networks.small_world(30, 4, 0.1, seed=1)
    protocol = Protocol(BonhoefferVanDerPol(network=network), n_neurons=30)
    again = through_json(protocol)
    assert again == protocol
    assert hash(again.model) == hash(protocol.model)
    named: Any = again.model.network  # type: ignore[attr-defined]
    assert isinstance(named, NamedNetwork)
    assert (named.digest, named.n_neurons) == (network.digest, 30)
    assert network.digest in repr(named)
    assert through_json(again) == protocol
    other = networks.small_world(30, 4, 0.1, seed=2)
    assert again.model != BonhoefferVanDerPol(network=other)
    for used in (lambda: named.check(30), lambda: named.largest_input):
        with pytest.raises(
            ValueError, match=rf"connections of network {network.digest[:12]} are not in the file"
        ):
            used()
    with pytest.raises(ValueError, match="put the network itself into its model"):
        again.model.wiring(30, np.float64)


@dataclass(frozen=True)
class Storm:
    """A disturbance that is none of the package's."""

    strength: float = 2.0

    def apply(self, conditions: Conditions) -> None:
        """Blow."""


@dataclass(frozen=True)
class Mine(BonhoefferVanDerPol):
    """A model that is none of the package's."""


def test_what_is_not_the_packages_comes_back_by_name() -> None:
    protocol = Protocol(disturbances=(Storm(), ObservationNoise()), reward=lambda x, m, c: -c)
    again = through_json(protocol)
    assert again.disturbances == (Named("Storm"), ObservationNoise())
    assert again.reward == Named("function")
    assert through_json(again) == again


def test_a_model_of_ones_own_is_named_in_the_refusal() -> None:
    record = record_of(Protocol(Mine()))
    with pytest.raises(ValueError, match=r"the model Mine is none of bvdp, hindmarsh_rose, kur"):
        protocol_of(record)


def test_records_of_before_there_were_other_models_are_read() -> None:
    record = {
        "model": {"coupling": 0.04, "spread": 0.1, "mean_current": 0.6, "dt": 0.2},
        "n_neurons": 30,
        "ensembles": [7, 3],
        "free_steps": 1000,
        "controlled_steps": 2000,
        "recovery_steps": 251,
        "transient_steps": None,
        "seed": 5,
        "threads": 1,
    }
    wanted = Protocol(BonhoefferVanDerPol(coupling=0.04), 30, (7, 3), 1000, 2000, 251, None, seed=5)
    assert protocol_of(record) == wanted


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model": {"kind": "hodgkin"}}, "kind must be one of .* got 'hodgkin'"),
        ({"pulse": {"kind": "Pulse", "weights": [2.0]}}, "weights must hold at least one number"),
        ({"free_steps": 10}, "free_steps must be a whole number of at least 1000, got 10"),
        ({"friends": 1}, "unexpected keyword argument 'friends'"),
        ({"delivery": {"kind": "Delivery", "haste": 1}}, "unexpected keyword argument 'haste'"),
    ],
)
def test_what_describes_no_test_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises((TypeError, ValueError), match=message):
        protocol_of(record_of(Protocol()) | changes)
