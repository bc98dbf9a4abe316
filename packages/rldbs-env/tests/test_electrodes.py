"""Between controller and environment: kicks clipped, rounded, and known as they are delivered."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rldbs_env import BonhoefferVanDerPol, DBSVectorEnv, Delivery
from rldbs_env.electrodes import Electrodes
from rldbs_env.pulses import Pulse, delta

ONE = BonhoefferVanDerPol()
TWO = BonhoefferVanDerPol(populations=2)


def test_kicks_pass_as_they_are_where_nothing_is_in_their_way() -> None:
    asked = np.array([[0.25], [-0.5], [0.0]], np.float32)
    actions, delivered = Electrodes(3, ONE, delta(), Delivery()).deliver(asked)
    np.testing.assert_array_equal(actions, asked)
    np.testing.assert_array_equal(delivered, asked)
    flat, _ = Electrodes(3, ONE, delta(), Delivery()).deliver(asked[:, 0])
    np.testing.assert_array_equal(flat, asked)


def test_kicks_are_clipped() -> None:
    asked = np.array([[0.25, -0.9], [2.0, 0.0]])
    actions, delivered = Electrodes(2, TWO, delta(), Delivery(), max_kick=0.5).deliver(asked)
    np.testing.assert_array_equal(actions, [[0.25, -0.5], [0.5, 0.0]])
    np.testing.assert_array_equal(delivered, actions)


def test_kicks_are_rounded_to_the_nearest_level_and_its_index_is_asked_for() -> None:
    levels = (-0.5, 0.0, 0.1, 0.5)
    asked = np.array([[-9.0], [-0.26], [-0.24], [0.04], [0.06], [0.29], [0.31]])
    actions, delivered = Electrodes(7, ONE, delta(), Delivery(), levels).deliver(asked)
    np.testing.assert_array_equal(actions[:, 0], [0, 0, 1, 1, 2, 2, 3])
    np.testing.assert_array_equal(delivered[:, 0], [-0.5, -0.5, 0, 0, 0.1, 0.1, 0.5])


@settings(deadline=None, max_examples=20)
@given(
    rules=st.one_of(
        st.builds(Delivery, skip=st.integers(0, 4), refractory_steps=st.integers(0, 3)),
        st.builds(Delivery, repeat=st.integers(1, 4)),
        st.builds(
            Delivery,
            max_charge_per_period=st.floats(0.5, 3),
            energy_budget=st.floats(0.5, 3),
        ),
    ),
    seed=st.integers(0, 2**31),
)
def test_what_is_delivered_is_what_the_environment_records(rules: Delivery, seed: int) -> None:
    """The window of kicks is the environment's own account."""
    pulse, n_steps = Pulse((1.0, -0.5, -0.5)), 30
    env = DBSVectorEnv(
        2, model=TWO, n_neurons=4, window=3, signals=("action",), pulse=pulse, delivery=rules,
        transient_steps=0, episode_steps=None,
    )  # fmt: skip
    env.reset(seed=0)
    electrodes = Electrodes(2, TWO, pulse, rules)
    draw = np.random.default_rng(seed)
    for _ in range(n_steps):
        asked = draw.uniform(-0.5, 0.5, (2, 2)) * (draw.random((2, 1)) < 0.7)
        actions, delivered = electrodes.deliver(asked)
        seen = env.step(actions)[0].reshape(2, 2, 3)
        np.testing.assert_allclose(seen, delivered[..., None] * [1.0, -0.5, -0.5], atol=1e-12)
    env.close()


def test_members_that_begin_anew_have_their_rules_anew() -> None:
    electrodes = Electrodes(2, ONE, delta(), Delivery(energy_budget=0.25))
    kicks = np.full((2, 1), 0.5)
    electrodes.deliver(kicks)
    electrodes.reset(np.array([1]))
    np.testing.assert_allclose(electrodes.deliver(kicks)[1], [[0.0], [0.5]])


@pytest.mark.parametrize("shape", [(2,), (2, 3), (3, 1)])
def test_another_number_of_kicks_is_refused(shape: Any) -> None:
    wanted = r"a controller must give kicks of shape \(2, 2\), one per ensemble and electrode, got"
    with pytest.raises(ValueError, match=wanted):
        Electrodes(2, TWO, delta(), Delivery()).deliver(np.zeros(shape))
