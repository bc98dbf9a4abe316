"""Configurations, their names and groups, and what is refused."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spinal_rnn.conditions import (
    Conditions,
    configuration,
    configuration_name,
    parse_configuration,
    stack,
)
from spinal_rnn.lead import SPECIFY_565

sets = st.lists(st.integers(0, 16), min_size=2, max_size=8, unique=True)


@given(sets, st.data())
def test_a_name_leads_back_to_its_configuration(contacts: list[int], data: st.DataObject) -> None:
    cut = data.draw(st.integers(1, len(contacts) - 1))
    vector = configuration(contacts[:cut], contacts[cut:])
    assert abs(vector.sum()) < 1e-9
    assert vector[contacts[:cut]] == pytest.approx(-1 / cut)
    np.testing.assert_array_equal(parse_configuration(configuration_name(vector)), vector)


def test_currents_of_the_hand_case() -> None:
    conditions = Conditions.of(parse_configuration("cath4_an3_5"), 3, 40)
    expected = np.zeros(17)
    expected[[3, 4, 5]] = 1.5, -3, 1.5
    np.testing.assert_array_equal(conditions.currents_ma, [expected])
    assert conditions.pulse_width_us.tolist() == [300]


def test_unequal_parts_are_told_in_percent() -> None:
    vector = configuration([2], [3, 4], anode_parts=[0.3, 0.7])
    assert configuration_name(vector) == "cath2_an3(30%)_4(70%)"


def test_groups_are_of_vectors_and_with_a_mirror_of_their_images_too() -> None:
    names = ["cath4_an3_5", "cath10_an9_11", "cath0_an16", "cath4_an3_5", "cath4_an3"]
    vectors = np.stack([parse_configuration(name) for name in names])
    conditions = Conditions.of(vectors, [1, 2, 3, 4, 5], [20, 40, 20, 80, 20])
    alone = conditions.groups()
    assert alone[0] == alone[3]
    assert len({*alone.tolist()}) == 4
    both = conditions.groups(SPECIFY_565.mirror)
    assert both[0] == both[1] == both[3]
    assert len({*both.tolist()}) == 3
    images = conditions.mirrored(SPECIFY_565.mirror)
    assert [configuration_name(v) for v in images.configuration[:2]] == names[1::-1]
    assert stack([conditions, images]).groups(SPECIFY_565.mirror).tolist() == [*both, *both]


def test_taking_and_stacking_keep_the_rows_together() -> None:
    vectors = np.stack([parse_configuration(name) for name in ("cath0_an16", "cath1_an16")])
    conditions = Conditions.of(vectors, [1, 2], 20, [200, 500])
    turned = stack([conditions.take([1]), conditions.take(np.array([True, False]))])
    assert turned.amplitude_ma.tolist() == [2, 1]
    assert turned.pulse_width_us.tolist() == [500, 200]
    assert configuration_name(turned.configuration[0]) == "cath1_an16"


@pytest.mark.parametrize(
    ("cathodes", "anodes", "more", "message"),
    [
        ([], [1], {}, "there must be a cathode and an anode"),
        ([17], [1], {}, r"contacts must be in 0 to 16, got \[17\]"),
        ([1, 2], [2], {}, r"cathode or anode, not both, got \[2\] as both"),
        ([1, 1], [2], {}, "each contact may be named once"),
        ([1], [2, 3], {"anode_parts": [0.5, 0.6]}, "2 numbers above 0 with the sum 1"),
        ([1], [2, 3], {"anode_parts": [1.0]}, "2 numbers above 0 with the sum 1"),
    ],
)
def test_a_configuration_that_cannot_be_is_refused(
    cathodes: list[int], anodes: list[int], more: dict[str, list[float]], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        configuration(cathodes, anodes, **more)


def test_a_name_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="must read like cath11_an8_9, got 'cath1'"):
        parse_configuration("cath1")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"amplitude_ma": [1.0, -1.0]}, "trial 1: amplitude_ma must be at least 0, got -1.0$"),
        ({"amplitude_ma": [1.0, np.nan]}, "trial 1: amplitude_ma must be at least 0, got"),
        ({"frequency_hz": [0.0, 20.0]}, r"trial 0: frequency_hz must be in \(0, 1e4\]"),
        ({"pulse_width_us": [300.0, np.inf]}, "trial 1: pulse_width_us must be in"),
        ({"pulses": [0, 1]}, "trial 0: pulses must be at least 1"),
    ],
)
def test_a_number_out_of_range_names_its_trial(
    change: dict[str, list[float]], message: str
) -> None:
    numbers = {"amplitude_ma": 1.0, "frequency_hz": 20.0, "pulse_width_us": 300.0, "pulses": 1}
    with pytest.raises(ValueError, match=message):
        Conditions.of(parse_configuration("cath0_an16"), **{**numbers, **change})


def test_currents_that_do_not_fit_name_their_trial() -> None:
    good = parse_configuration("cath0_an16")
    for wrong, message in (
        (good + np.eye(17)[3], "trial 1: currents must sum to zero"),
        (good * 2, "trial 1: the cathodes' parts must sum to -1"),
        (good * np.nan, "trial 1: currents must be finite"),
    ):
        with pytest.raises(ValueError, match=message):
            Conditions.of(np.stack([good, wrong]), 1, 20)
    with pytest.raises(ValueError, match=r"configuration must have shape \(trials, contacts\)"):
        Conditions.of(np.zeros((1, 2)), 1, 20)
    one = np.ones(1)
    with pytest.raises(ValueError, match=r"pulses must have shape \(1,\), got \(2,\)"):
        Conditions(good[None], one, one, one, np.ones(2, dtype=np.int64))
