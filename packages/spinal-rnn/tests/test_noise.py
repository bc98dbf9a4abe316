"""What a recording adds, measured in what was drawn."""

import numpy as np
import pytest
from scipy.signal import periodogram

from spinal_rnn.simulation.noise import (
    Noise,
    band_noise,
    lognormal,
    stimulus_artefact,
    threshold_drift,
)


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.mark.parametrize("fs_hz", [1000.0, 2000.0])
def test_the_background_lies_between_10_and_450_hz(fs_hz: float) -> None:
    noise = band_noise((200, 1000), fs_hz, rng())
    assert noise.std() == pytest.approx(1, abs=0.01)
    hz, power = periodogram(noise, fs_hz)
    mean = power.mean(axis=0)
    inside = mean[(hz > 20) & (hz < 400)]
    assert mean[hz < 5].max() < 0.01 * inside.mean()
    assert inside.std() < 0.15 * inside.mean()
    if fs_hz == 2000:
        assert mean[hz > 800].max() < 0.02 * inside.mean()


def test_factors_have_a_mean_of_one_and_the_variation_asked_for() -> None:
    factors = lognormal((200_000,), 0.12, rng())
    assert factors.mean() == pytest.approx(1, abs=0.002)
    assert factors.std() == pytest.approx(0.12, abs=0.002)
    assert (lognormal((5,), 0.0, rng()) == 1).all()


def test_the_artefact_keeps_its_charge_wherever_it_falls_between_samples() -> None:
    time = np.arange(-20, 30, 1.0)
    for pulse in (0.0, 0.3, 0.5, 7.9):
        box = stimulus_artefact(np.array([pulse]), time)
        assert box.sum() == pytest.approx(1)
        assert (box * time).sum() == pytest.approx(pulse + 0.5)
    fine = np.arange(-5, 5, 0.1)
    box = stimulus_artefact(np.array([0.0]), fine)
    np.testing.assert_allclose(box[(fine > 0.06) & (fine < 0.94)], 1)


def test_artefacts_grow_with_the_current_and_shrink_with_the_distance() -> None:
    peak = np.full(14, 2.0)
    time = np.arange(-5, 20, 0.1)
    emg = Noise().artefact(np.array([0.0]), time, np.array([1.0, 4.0]), peak)
    height = np.abs(emg).max(axis=1)
    assert height[0, 0] == pytest.approx(0.005 * 2)
    np.testing.assert_allclose(height[1], 4 * height[0])
    assert height[0, 6] == pytest.approx(height[0, 0] * 200 / 850)
    assert emg[0].min(axis=0)[0] < 0 < emg[0].max(axis=0)[7]


def test_rest_holds_the_parts_asked_for() -> None:
    time, peak = np.arange(1000.0), np.full(14, 2.0)
    hum = Noise(background=0, hum=0.01, motion=0).at_rest(20, time, peak, rng())
    hz, power = periodogram(hum, 1000.0, axis=1, scaling="spectrum")
    assert hz[power.mean(axis=(0, 2)).argmax()] == 50
    assert hum.std() == pytest.approx(0.02 / np.sqrt(2), rel=1e-6)
    motion = Noise(background=0, hum=0, motion=0.01).at_rest(20, time, peak, rng())
    assert 0.015 < np.abs(motion).max() <= 0.02
    assert np.abs(np.diff(motion, axis=1)).max() < 0.02 * 2 * np.pi * 2 / 1000


def test_thresholds_drift_slowly() -> None:
    drift = threshold_drift(900, 0.1, rng())
    assert np.abs(drift - 1).max() == pytest.approx(0.1, abs=1e-4)
    assert np.abs(np.diff(drift)).max() < 0.001


def test_negative_levels_are_refused() -> None:
    with pytest.raises(ValueError, match=r"hum must be at least 0, got -0\.1"):
        Noise(hum=-0.1)
    with pytest.raises(ValueError, match="threshold_drift must be below 1, got 1"):
        Noise(threshold_drift=1.0)
