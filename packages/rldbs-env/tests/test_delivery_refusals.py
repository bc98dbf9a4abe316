"""Rules, actions and states that a delivery refuses."""

import math
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from rldbs_env.delivery import Deliverer, Delivery
from rldbs_env.pulses import biphasic, delta

Floats = NDArray[np.float64]


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        ({"refractory_steps": -1}, "refractory_steps must be a whole number of at least 0, got -1"),
        ({"refractory_steps": 1.5}, "refractory_steps must be a whole number .*, got 1.5"),
        ({"skip": -1}, "skip must be a whole number of at least 0, got -1"),
        ({"repeat": 0}, "repeat must be a whole number of at least 1, got 0"),
        ({"max_charge_per_period": 0.0}, "max_charge_per_period must be finite and above 0, or No"),
        ({"max_charge_per_period": -1.0}, "max_charge_per_period must be finite .*, got -1.0"),
        ({"max_charge_per_period": math.nan}, "max_charge_per_period must be finite .*, got nan"),
        ({"max_charge_per_period": math.inf}, "max_charge_per_period must be .*limit, got inf"),
        ({"energy_budget": 0.0}, "energy_budget must be finite and above 0, or None .*, got 0.0"),
        ({"energy_budget": math.inf}, "energy_budget must be finite .*, got inf"),
        ({"repeat": 2, "skip": 1}, "held or followed by dropped ones, got repeat=2 and skip=1: le"),
        (
            {"repeat": 2, "refractory_steps": 3},
            "a held action cannot rest, got repeat=2 and refractory_steps=3: leave one of them out",
        ),
    ],
)
def test_impossible_rules_are_refused(rules: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Delivery(**rules)


def test_a_pulse_longer_than_the_rhythm_is_refused() -> None:
    wanted = "must not outlast the rhythm's period of 4 sub-steps, got biphasic of 5: take a sho"
    with pytest.raises(ValueError, match=wanted):
        Delivery().check(biphasic(), 4)
    with pytest.raises(ValueError, match=wanted):
        Deliverer(Delivery(), 1, 1, biphasic(), 4)
    Delivery().check(biphasic(), 5)


def test_a_charge_limit_below_the_weakest_level_is_refused() -> None:
    levels = np.linspace(-1, 1, 11)
    wanted = (
        r"max_charge_per_period must be at least 0.4, the charge of one biphasic of the weakest "
        r"level 0.2, got 0.39"
    )
    with pytest.raises(ValueError, match=wanted):
        Delivery(max_charge_per_period=0.39).check(biphasic(), 162, levels.tolist())
    for limit in (0.4, None):
        Delivery(max_charge_per_period=limit).check(biphasic(), 162, tuple(levels))
    Delivery(max_charge_per_period=1e-6).check(biphasic(), 162)
    Delivery(max_charge_per_period=1e-6).check(biphasic(), 162, (0.0,))


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (
            np.zeros((3, 2)),
            r"actions must have shape \(envs, electrodes\) = \(2, 3\), got \(3, 2\)",
        ),
        (np.zeros(2), r"\(2, 3\), got \(2,\)"),
        (np.full((2, 3), np.nan), "actions must be finite, got NaN or infinity"),
        (np.full((2, 3), np.inf), "actions must be finite"),
    ],
)
def test_impossible_actions_are_refused_and_change_nothing(asked: Floats, message: str) -> None:
    deliverer = Deliverer(Delivery(skip=3, max_charge_per_period=1.0), 2, 3, delta(), 5)
    before = deliverer.get_state()
    with pytest.raises(ValueError, match=message):
        deliverer.deliver(asked)
    for name, array in deliverer.get_state().items():
        np.testing.assert_array_equal(array, before[name])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"spare": np.zeros(2)}, "state must hold rules, until_turn, rest, .*, got .*spare"),
        (
            {"rest": np.zeros(3, np.int64)},
            r"state\['rest'\] must be int64 of shape \(2,\), got int",
        ),
        ({"held": np.zeros((2, 1), np.float32)}, r"state\['held'\] must be float64 .*got float32"),
        (
            {"charges": np.zeros((2, 9))},
            r"of shape \(2, 5\), .* \(2, 9\): same settings are needed",
        ),
        (
            {"rules": np.zeros((2, 7))},
            r"state must come from Delivery\(.*with the pulse delta, got",
        ),
    ],
)
def test_foreign_states_are_refused_and_change_nothing(
    change: dict[str, Any], message: str
) -> None:
    deliverer = Deliverer(Delivery(max_charge_per_period=1.0), 2, 1, delta(), 5)
    for _ in range(3):
        deliverer.deliver(np.full((2, 1), 0.25))
    before = deliverer.get_state()
    with pytest.raises(ValueError, match=message):
        deliverer.set_state(
            Deliverer(Delivery(max_charge_per_period=1.0), 2, 1, delta(), 5).get_state() | change
        )
    for name, array in deliverer.get_state().items():
        np.testing.assert_array_equal(array, before[name])
