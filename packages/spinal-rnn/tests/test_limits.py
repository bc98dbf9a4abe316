"""Limits: no proposal that breaks one can be made, whatever a search asks for."""

import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from spinal_rnn.conditions import configuration
from spinal_rnn.control.limits import Limits, Proposal

LIMITS = Limits()
numbers = st.floats(-1e6, 1e6)
some_limits = st.builds(
    Limits,
    contact_ma=st.floats(0.2, 10),
    total_ma=st.floats(0.2, 10),
    charge_uc=st.floats(0.2, 3),
    forbidden=st.lists(st.integers(0, 16), max_size=15, unique=True).map(tuple),
    frequencies_hz=st.lists(st.floats(1, 200), min_size=1, max_size=4).map(tuple),
    pulse_widths_us=st.lists(st.floats(50, 900), min_size=1, max_size=3).map(tuple),
    step_ma=st.sampled_from([0.05, 0.1, 0.2]),
)


@given(
    some_limits,
    arrays(float, 17, elements=numbers),
    arrays(float, 4, elements=numbers),
    st.floats(-1e4, 1e4),
    st.floats(-1e4, 1e4),
)
@settings(max_examples=150)
def test_whatever_is_asked_for_what_comes_is_within_the_limits(
    limits: Limits, vector: np.ndarray, amplitudes: np.ndarray, hz: float, us: float
) -> None:
    proposal = limits.admit(vector, amplitudes, hz, us)
    currents = proposal.conditions.currents_ma
    np.testing.assert_allclose(currents.sum(axis=1), 0, atol=1e-9)
    assert np.abs(currents[:, :-1]).max() <= limits.contact_ma + 1e-5
    charge = np.abs(currents[:, :-1]).max() * proposal.pulse_width_us * 1e-3
    assert charge <= limits.charge_uc + 1e-5
    assert proposal.amplitudes_ma.max() <= limits.total_ma + 1e-5
    assert (proposal.configuration[list(limits.forbidden)] == 0).all()
    assert proposal.frequency_hz in limits.frequencies_hz
    assert proposal.pulse_width_us in limits.pulse_widths_us
    steps = proposal.amplitudes_ma / limits.step_ma
    np.testing.assert_allclose(steps, steps.round(), atol=1e-6)
    assert 1 <= len(proposal) <= 4
    percents = proposal.configuration * 100
    np.testing.assert_allclose(percents, percents.round(), atol=1e-6)


def test_what_is_allowed_stays_as_it_is() -> None:
    vector = configuration([11], [8, 9], cathode_parts=None, anode_parts=[0.25, 0.75])
    proposal = LIMITS.admit(vector, [0.1, 2.5], 40)
    np.testing.assert_allclose(proposal.configuration, vector, atol=1e-12)
    np.testing.assert_allclose(proposal.amplitudes_ma, [0.1, 2.5])
    assert (proposal.frequency_hz, proposal.pulse_width_us) == (40, 300)
    assert proposal.name == "cath11_an8(25%)_9(75%) 40 Hz 300 us"


def test_ceiling_is_the_tightest_limit() -> None:
    limits = Limits(contact_ma=3, total_ma=5, charge_uc=1.2, step_ma=0.1)
    alone, shared = configuration([4], [16]), configuration([4, 5], [16])
    assert limits.ceiling_ma(alone, 300) == pytest.approx(3)
    assert limits.ceiling_ma(alone, 500) == pytest.approx(2.4)
    assert limits.ceiling_ma(shared, 500) == pytest.approx(4.8)
    assert limits.ceiling_ma(shared, 300) == pytest.approx(5)


def test_a_side_without_current_goes_to_the_case_or_a_free_contact() -> None:
    vector = np.zeros(17)
    vector[3] = -2
    assert LIMITS.project(vector)[16] == 1
    closed = replace(LIMITS, forbidden=(16,))
    assert closed.project(vector)[0] == 1
    two = replace(LIMITS, forbidden=tuple(range(15)))
    np.testing.assert_array_equal(two.project(-np.ones(17))[15:], [1, -1])


def test_a_proposal_cannot_be_changed_afterwards() -> None:
    amplitudes = np.array([1.0])
    proposal = Proposal(configuration([4], [5]), amplitudes, 20.0, 300.0, LIMITS)
    amplitudes[0] = 50
    assert proposal.amplitudes_ma[0] == 1
    with pytest.raises(ValueError, match="read-only"):
        proposal.amplitudes_ma[0] = 50


@pytest.mark.parametrize(
    ("limits", "change", "message"),
    [
        ({"forbidden": (4,)}, {}, "contacts (4,) are forbidden, got cath4_an5"),
        ({}, {"frequency_hz": 33.0}, "frequency must be one of"),
        ({}, {"pulse_width_us": 333.0}, "pulse width must be one of"),
        ({"total_ma": 1.0}, {}, "trial 1: the amplitude must be at most 1.0 mA"),
        ({}, {"amplitudes_ma": np.array([0.25])}, "whole number of 0.1 mA"),
        ({}, {"amplitudes_ma": np.array([0.0])}, "whole number of 0.1 mA, at least one"),
        ({"contact_ma": 1.0}, {}, "a contact may have at most 1.0 mA"),
        ({"charge_uc": 0.5}, {}, "a contact may pass at most 0.5 uC"),
        ({"contacts": 9}, {}, "there must be 9 contacts, got 17"),
    ],
)
def test_a_proposal_beyond_a_limit_is_refused(
    limits: dict[str, Any], change: dict[str, Any], message: str
) -> None:
    values: dict[str, Any] = {
        "configuration": configuration([4], [5]),
        "amplitudes_ma": np.array([1.0, 2.0]),
        "frequency_hz": 20.0,
        "pulse_width_us": 300.0,
        "limits": Limits(**limits),
    }
    with pytest.raises(ValueError, match=re.escape(message)):
        Proposal(**(values | change))


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        ({"contact_ma": 0}, "contact_ma must be above 0 and finite, got 0"),
        ({"frequencies_hz": ()}, "frequencies_hz must be some numbers above 0"),
        ({"forbidden": (17,)}, "forbidden contacts must be in 0 to 16, unknown=[17]"),
        ({"forbidden": tuple(range(16))}, "two contacts must be allowed"),
    ],
)
def test_limits_that_leave_nothing_are_refused(limits: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        Limits(**limits)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((np.full(17, np.nan), [1.0], 20.0), "vector must be 17 finite numbers"),
        ((np.ones(5), [1.0], 20.0), "vector must be 17 finite numbers"),
        ((np.ones(17), [], 20.0), "amplitudes_ma must be some finite numbers"),
        ((np.ones(17), [1.0], np.nan), "frequency and pulse width must be finite"),
    ],
)
def test_no_number_is_no_wish(arguments: tuple[Any, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        LIMITS.admit(*arguments)


def test_limits_below_one_step_leave_no_proposal() -> None:
    with pytest.raises(ValueError, match=r"not even 0.1 mA is\s+within the limits"):
        Limits(charge_uc=0.01).admit(configuration([4], [5]), [1.0], 20.0)
