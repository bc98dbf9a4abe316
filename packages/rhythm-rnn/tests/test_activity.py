"""A network left alone: what is kept of its run, and its taps."""

import numpy as np
import pytest
import torch

from neuro_common.rate_noise import Noise
from neuro_common.rate_structure import dale_signs
from neuro_common.rates import RateNetwork
from rhythm_rnn.activity import excitatory_units, record
from rhythm_rnn.task import free_run


def test_what_is_kept_is_the_run_after_its_transient(beating: RateNetwork) -> None:
    first, second = record(beating, [1.0, 2.0], duration_s=1.0, discard_s=0.5)
    inputs = torch.from_numpy(free_run([1.0, 2.0], duration_s=1.5).inputs).double()
    run = beating.free_run(inputs, save_every=1)
    for activity, output, states in zip((first, second), run.outputs, run.states, strict=True):
        assert np.array_equal(activity.output, output[500:, 0].numpy())
        assert np.array_equal(activity.rates, states[500:].clamp_min(0).numpy())
    assert (first.cue, second.cue) == (1.0, 2.0)
    assert first.taps.verdict == "valid"
    # the tap is a crest of the output, which is the rate of unit 0
    at = first.tap_samples.round().astype(int)
    assert (np.abs(first.rates[at, 0] - first.output.max()) < 2e-3).all()


def test_fewer_samples_are_those_of_every_step_and_in_step_with_the_taps(
    beating: RateNetwork,
) -> None:
    (every,) = record(beating, [1.0], duration_s=1.0, discard_s=0.5)
    (seventh,) = record(beating, [1.0], duration_s=1.0, discard_s=0.5, every=7)
    # the first multiple of 7 after step 500 is 504
    assert np.array_equal(seventh.rates, every.rates[4::7])
    assert np.array_equal(seventh.output, every.output[4:])
    assert seventh.sample_ms == 7
    shift = every.tap_samples[:, None] - (4 + 7 * seventh.tap_samples)
    assert np.abs(shift).min(axis=1)[1:-1].max() < 0.05
    assert seventh.tap_samples[-1] <= len(seventh.rates) - 1
    (none,) = record(beating, [1.0], duration_s=1.0, discard_s=0.5, every=None)
    assert none.rates.shape == (0, 8)
    assert np.array_equal(none.output, every.output)


def test_noise_is_that_of_its_seed(beating: RateNetwork) -> None:
    runs = [
        record(beating, [1.0], duration_s=0.2, discard_s=0, noise=Noise(seed, recurrent=0.01))[0]
        for seed in (1, 1, 2)
    ]
    assert np.array_equal(runs[0].rates, runs[1].rates)
    assert not np.array_equal(runs[0].rates, runs[2].rates)


def test_activity_that_grows_beyond_all_numbers_has_no_rhythm() -> None:
    network = RateNetwork(4, 2, 1, seed=0, signs=dale_signs(4, 1.0), spectral_radius=9.0)
    network.bias.data.fill_(1.0)
    (activity,) = record(network, [0.5], duration_s=2.0, discard_s=0)
    assert activity.taps.verdict == "no rhythm"
    assert activity.taps.reason == "the output grows beyond all numbers"
    assert len(activity.tap_samples) == 0


def test_excitatory_units_are_those_of_the_signs(beating: RateNetwork) -> None:
    assert excitatory_units(beating).tolist() == [True] * 3 + [False] * 3 + [True, False]
    free = RateNetwork(4, 2, 1, seed=0)
    with pytest.raises(ValueError, match="network must keep Dale's law to have two types of units"):
        excitatory_units(free)


def test_a_transient_that_is_no_time_is_refused(beating: RateNetwork) -> None:
    with pytest.raises(ValueError, match="discard_s must be finite and at least 0, got -1"):
        record(beating, [1.0], discard_s=-1)
