"""Classes of units and the weights between them, by hand and against plain loops."""

from dataclasses import replace

import numpy as np
import pytest

from neuro_common.rates import RateNetwork
from rhythm_rnn.activity import excitatory_units, record
from rhythm_rnn.classes import (
    CLASSES,
    block_weights,
    class_rates,
    classes_of,
    classify,
    composition,
    published_classes,
)
from rhythm_rnn.taps import Taps


def names(labels: np.ndarray) -> list[str]:
    return [CLASSES[label] for label in labels]


def test_classes_by_hand() -> None:
    phase = [0.0, 0.19, 0.21, 0.5, 0.79, 0.81, 0.999, 0.05]
    excitatory = [True, False, True, False, False, True, False, True]
    silent = [False] * 7 + [True]
    expected = ["Tap-E", "Tap-I", "Int-E", "Int-I", "Int-I", "Tap-E", "Tap-I", "silent"]
    assert names(classify(phase, silent, excitatory)) == expected
    narrow = names(classify(phase, silent, excitatory, tap_within=0.1))
    assert narrow == ["Tap-E", "Int-I", "Int-E", "Int-I", "Int-I", "Int-E", "Tap-I", "silent"]


@pytest.mark.parametrize("tap_within", [0.2, 0.35])
def test_published_classes_are_those_of_a_plain_loop(tap_within: float) -> None:
    rng = np.random.default_rng(0)
    rates, excitatory = rng.random((200, 60)), rng.random(60) < 0.8
    taps = np.array([11, 54, 101, 150])
    rates[:, 7] = 0
    expected = []
    for unit in range(60):
        window = list(rates[54:101, unit])
        best = window.index(max(window))
        phase = min(best, 47 - best) / 47
        tap = 0 < phase < tap_within
        expected.append(("Tap-" if tap else "Int-") + ("E" if excitatory[unit] else "I"))
    found = names(published_classes(rates, taps, excitatory, tap_within=tap_within))
    assert found == expected
    assert found[7].startswith("Int")


def test_a_unit_at_the_tap_is_in_between_only_as_published() -> None:
    rates = np.zeros((40, 2))
    rates[[10, 20, 30], 0] = 1
    excitatory = [True, True]
    assert names(published_classes(rates, [0, 10, 20, 30], excitatory)) == ["Int-E", "Int-E"]
    assert names(classify([0.0, 0.0], [False, True], excitatory)) == ["Tap-E", "silent"]


def test_the_classes_of_a_network_in_which_units_fire_in_turn(beating: RateNetwork) -> None:
    (activity,) = record(beating, [1.0], duration_s=3.0, discard_s=1.0)
    excitatory = excitatory_units(beating)
    # unit 0 makes the tap; the unit that is inhibited last before it, 5, ends at the tap
    ours = names(classes_of(activity, excitatory))
    assert ours == ["Tap-E", "Int-E", "Int-E", "Int-I", "Int-I", "Tap-I", "silent", "silent"]
    published = names(classes_of(activity, excitatory, compat=True))
    assert published == [*ours[:6], "Int-E", "Int-I"]


def test_blocks_are_means_and_sums_of_plain_loops() -> None:
    rng = np.random.default_rng(1)
    weight = rng.standard_normal((30, 30))
    np.fill_diagonal(weight, 0)
    labels = rng.choice([0, 1, 3, 4], size=30)
    mean, summed = block_weights(weight, labels)
    for post in range(5):
        for pre in range(5):
            found = [
                [weight[i, j] for j in range(30) if labels[j] == pre and j != i]
                for i in range(30)
                if labels[i] == post
            ]
            flat = [value for row in found for value in row]
            if not flat:
                assert np.isnan(mean[post, pre])
                continue
            assert mean[post, pre] == pytest.approx(sum(flat) / len(flat))
            assert summed[post, pre] == pytest.approx(sum(map(sum, found)) / len(found))
    # no unit is of the third class
    assert np.isnan(summed[2]).all()
    assert np.isnan(summed[:, 2]).all()


def test_a_composition_is_that_of_the_first_run_and_of_all_with_a_rhythm(
    beating: RateNetwork,
) -> None:
    runs = record(beating, [1.0, -1.0, 0.5], duration_s=2.0, discard_s=1.0)
    weight, excitatory = beating.effective_weight().detach().numpy(), excitatory_units(beating)
    found = composition(runs, weight, excitatory, tap_within=0.3)
    assert found.cue == 1.0
    assert found.cues.tolist() == [0.5, 1.0]
    assert found.labels_by_cue[1].tolist() == found.labels.tolist()
    assert found.labels.tolist() == classes_of(runs[0], excitatory, tap_within=0.3).tolist()
    assert np.diff(found.phase[:3]) == pytest.approx([1 / 3, 1 / 3], abs=2e-3)
    # the unit that is held down is quiet while the one that holds it fires
    tap_e = found.rates[:, CLASSES.index("Tap-E")]
    assert tap_e.argmax() in (0, 1, 2, 98, 99)
    assert found.blocks.summed[CLASSES.index("Tap-E"), CLASSES.index("Int-I")] == -1


def test_rates_of_classes_are_means_over_their_units() -> None:
    average = np.arange(12.0).reshape(3, 4)
    rates = class_rates(average, np.array([0, 0, 3, 4]))
    assert rates[:, [0, 3, 4]].tolist() == [[0.5, 2, 3], [4.5, 6, 7], [8.5, 10, 11]]
    assert np.isnan(rates[:, [1, 2]]).all()


def test_bad_input_is_refused(beating: RateNetwork) -> None:
    with pytest.raises(ValueError, match=r"tap_within must be in \(0, 0.5\], got 0.6"):
        classify([0.1], [False], [True], tap_within=0.6)
    with pytest.raises(ValueError, match=r"taps must be at least 3 samples, got \[1, 5\]"):
        published_classes(np.ones((9, 2)), [1, 5], [True, True])
    (silence,) = record(beating, [-1.0], duration_s=1.0)
    with pytest.raises(ValueError, match="a network without a rhythm has no cycle"):
        classes_of(silence, excitatory_units(beating))
    unsure = replace(silence, taps=Taps(np.arange(3.0), 12.0, "invalid", "taps every 1 ms, but 12"))
    wanted = "cue must be one at which the network keeps a beat, got -1: taps every 1 ms, but 12"
    with pytest.raises(ValueError, match=wanted):
        composition([unsure], np.ones((8, 8)), excitatory_units(beating))
