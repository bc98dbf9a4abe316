"""The shape of a response, sampled at float times."""

import numpy as np
import pytest

from spinal_rnn.simulation.waveform import Waveform


def waveform(mix: float = 0.0, gain_mv: float = 1.0) -> Waveform:
    return Waveform(
        np.linspace(9, 18.5, 14), np.full(14, 2.8), np.full(14, mix), np.full(14, gain_mv)
    )


def test_the_odd_shape_swings_from_plus_to_minus_one_width_from_its_centre() -> None:
    centre = 9 + 2.2 * 2.8
    values = waveform().at(centre + np.array([-2.8, 0, 2.8]))[:, 0]
    np.testing.assert_allclose(values, [1, 0, -1], atol=1e-12)
    np.testing.assert_allclose(waveform().peak_to_peak_mv, 2, atol=1e-4)
    np.testing.assert_allclose(waveform(gain_mv=-0.5).peak_mv, 0.5, atol=1e-4)


def test_the_mixture_by_hand() -> None:
    centre = 9 + 2.2 * 2.8
    u = 0.5
    odd, even = -u * np.exp(0.5 - u * u / 2), (1 - u * u) * np.exp(-u * u / 2)
    value = waveform(0.4, -2.0).at(np.array([centre + u * 2.8]))[0, 0]
    assert value == pytest.approx(-2 * (0.6 * odd + 0.4 * even), abs=1e-12)


def test_a_train_is_a_sum_of_shifted_responses_at_float_times() -> None:
    wave, time = waveform(0.2), np.arange(0, 200.0)
    pulses, rng = np.array([0.0, 16.667, 33.333]), np.random.default_rng(0)
    sizes = rng.uniform(size=(2, 3, 14))
    wanted = sum(sizes[:, [k]] * wave.at(time - pulse) for k, pulse in enumerate(pulses))
    np.testing.assert_allclose(wave.train(pulses, sizes, time), wanted, atol=1e-12)


def test_a_pulse_a_third_of_a_sample_later_gives_the_response_a_third_later() -> None:
    wave, one = waveform(), np.ones((1, 1, 14))
    time = np.arange(0, 60, 1.0)
    moved = wave.train(np.array([1 / 3]), one, time)
    np.testing.assert_allclose(moved, wave.train(np.array([0.0]), one, time - 1 / 3), atol=1e-12)
    assert np.abs(moved - wave.train(np.array([0.0]), one, time)).max() > 0.1
