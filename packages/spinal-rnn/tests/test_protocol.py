"""The plan of a mapping session."""

import numpy as np
import pytest

from spinal_rnn.lead import SPECIFY_565, Lead
from spinal_rnn.simulation.protocol import Protocol


def test_the_default_session() -> None:
    trials = Protocol().draw(np.random.default_rng(0))
    assert len(trials) == 900  # 100 series of 10, a quarter missing, 75 conditions twice more
    vectors = np.unique(trials.configuration, axis=0)
    against_case = vectors[:, 16] == 1
    assert len(vectors) == 50
    assert against_case.sum() == 16
    assert ((vectors < 0).sum(axis=1) == 1).all()
    anodes = (vectors[~against_case] > 0).sum(axis=1)
    assert set(anodes) == {1, 2, 3}
    assert set(trials.frequency_hz) == {20, 40, 60, 80}
    np.testing.assert_allclose(np.unique(trials.amplitude_ma), np.arange(1, 11) / 2)


def test_each_configuration_has_two_frequencies_and_a_tenth_of_conditions_three_trials() -> None:
    trials = Protocol().draw(np.random.default_rng(1))
    pairs = np.unique(np.column_stack([trials.groups(), trials.frequency_hz]), axis=0)
    assert set(np.bincount(pairs[:, 0].astype(int))) == {2}
    rows = np.column_stack([trials.groups(), trials.frequency_hz, trials.amplitude_ma])
    _, counts = np.unique(rows, axis=0, return_counts=True)
    assert len(counts) == 750
    assert sorted(counts)[-75:] == [3] * 75
    assert sorted(counts)[:675] == [1] * 675


def test_anodes_lie_near_the_cathode() -> None:
    trials = Protocol(monopolar=0, multipolar=60).draw(np.random.default_rng(2))
    places = np.column_stack([SPECIFY_565.x_mm, SPECIFY_565.z_mm])
    cathode = trials.configuration.argmin(axis=1)
    for vector, at in zip(trials.configuration, cathode, strict=True):
        distance = np.linalg.norm(places[vector > 0] - places[at], axis=1)
        assert (distance <= 13).all()


def test_the_same_generator_draws_the_same_session() -> None:
    one, same, other = (Protocol().draw(np.random.default_rng(seed)) for seed in (3, 3, 4))
    np.testing.assert_array_equal(one.configuration, same.configuration)
    assert not np.array_equal(one.configuration, other.configuration)


def test_a_short_lead_is_tested_with_what_it_has() -> None:
    four = Lead("four in a row", np.array([0, 0, 0, 0, np.nan]), np.array([0, 9, 18, 27, np.nan]))
    trials = Protocol().draw(np.random.default_rng(0), four)
    vectors = np.unique(trials.configuration, axis=0)
    assert (vectors[:, 4] == 1).sum() == 4
    # an end has 1 neighbour, a middle 2: 1 + 3 + 3 + 1 sets of anodes, of which half
    assert len(vectors) == 4 + 4


def test_what_cannot_be_drawn_is_refused() -> None:
    with pytest.raises(ValueError, match="frequencies_each must be in 1 to the 4"):
        Protocol(frequencies_each=5)
    with pytest.raises(ValueError, match=r"missing must be in \[0, 1\)"):
        Protocol(missing=1.0)
