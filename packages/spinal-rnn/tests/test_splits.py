"""Splits keep apart what they say, whatever the session."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spinal_rnn.conditions import Conditions, configuration, parse_configuration, stack
from spinal_rnn.lead import SPECIFY_565, Lead
from spinal_rnn.simulation.simulator import simulate_session
from spinal_rnn.splits import (
    CONFIGURATION,
    Split,
    by_amplitude,
    by_configuration,
    by_frequency,
    by_trial,
    configuration_folds,
    leave_contact_out,
    mirror_of,
)

MIRROR = SPECIFY_565.mirror
CONDITIONS = simulate_session(0, "easy").conditions


def whole(split: Split, trials: int) -> bool:
    return sorted([*split.train, *split.test]) == list(range(trials))


@given(seed=st.integers(0, 1000), count=st.integers(1, 4))
@settings(max_examples=30)
def test_a_held_out_configuration_leaves_no_trace(seed: int, count: int) -> None:
    both = stack([CONDITIONS, CONDITIONS.mirrored(MIRROR)])
    split = by_configuration(both, MIRROR, count, seed=seed)
    assert split.name == CONFIGURATION
    assert whole(split, len(both))
    known = {one.tobytes() for one in both.configuration[split.train].round(6) + 0.0}
    for image in (both.take(split.test), both.take(split.test).mirrored(MIRROR)):
        assert known.isdisjoint(one.tobytes() for one in image.configuration.round(6) + 0.0)
    assert len(np.unique(both.groups(MIRROR)[split.test])) == count


def test_random_rows_leak_configurations() -> None:
    split = by_trial(CONDITIONS, 0.2, seed=3)
    assert whole(split, 100)
    assert len(split.test) == 20
    groups = CONDITIONS.groups()
    assert np.isin(groups[split.test], groups[split.train]).mean() > 0.9
    assert (by_trial(CONDITIONS, 0.2, seed=4).test != split.test).any()


def test_amplitudes_and_frequencies_and_contacts() -> None:
    split = by_amplitude(CONDITIONS, 0.4)
    levels = CONDITIONS.amplitude_ma
    assert len(np.unique(levels[split.test])) == 2
    assert not np.isin(levels[split.train], levels[split.test]).any()
    split = by_frequency(CONDITIONS, 40)
    assert split.name == "held-out 40 Hz"
    assert set(CONDITIONS.frequency_hz[split.test]) == {40}
    assert 40 not in CONDITIONS.frequency_hz[split.train]
    split = leave_contact_out(CONDITIONS, 4)
    assert CONDITIONS.configuration[split.test, 4].all()
    assert not CONDITIONS.configuration[split.train, 4].any()


def test_folds_hold_out_every_trial_once() -> None:
    folds = list(configuration_folds(CONDITIONS, MIRROR, 5, seed=1))
    assert len(folds) == 5
    assert sorted(np.concatenate([one.test for one in folds])) == list(range(100))
    groups = CONDITIONS.groups(MIRROR)
    assert not any(np.isin(groups[one.train], groups[one.test]).any() for one in folds)
    two = Conditions.of(
        np.stack([parse_configuration("cath4_an16"), parse_configuration("cath0_an16")]), 1.0, 20.0
    )
    assert len(list(configuration_folds(two, MIRROR, 5))) == 2


def test_a_lead_without_symmetry_has_no_mirror() -> None:
    crooked = Lead("crooked", np.array([0.0, 1.0, np.nan]), np.array([0.0, 5.0, np.nan]))
    assert mirror_of(crooked) is None
    np.testing.assert_array_equal(mirror_of(SPECIFY_565), MIRROR)


def test_what_cannot_be_split_is_refused() -> None:
    one = Conditions.of(configuration([4], [16]), [1.0, 2.0], 20.0)
    with pytest.raises(ValueError, match="count must be at least 1 and leave one"):
        by_configuration(one, MIRROR, 1)
    with pytest.raises(ValueError, match="at least two configurations, got one"):
        next(configuration_folds(one, MIRROR, 5))
    with pytest.raises(ValueError, match="held-out 30 Hz: both parts must hold trials, got 2"):
        by_frequency(one, 30)
    with pytest.raises(ValueError, match="contact must be in 0 to 16, got 17"):
        leave_contact_out(one, 17)
    with pytest.raises(ValueError, match=r"part must be in \(0, 1\), got 1"):
        by_trial(one, 1.0)
    with pytest.raises(ValueError, match="trial 2 is in both parts"):
        Split("mine", np.array([1, 2]), np.array([2, 3]))
