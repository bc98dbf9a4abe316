"""Periods, spectra and filters against sinusoids whose answers are known in closed form."""

import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuro_common.signals import Spectrum, band_power, lowpass, oscillation_period, spectrum


def sine(period, dt, n_samples, phase=0.0):
    return np.sin(2 * np.pi * np.arange(n_samples) * dt / period + phase)


def from_cycles(lengths, dt):
    """Sine cycles of given lengths, one after the other, each from one upward crossing on."""
    edges = np.concatenate([[0.0], np.cumsum(lengths)])
    time = np.arange(0.0, edges[-1], dt)
    return np.sin(2 * np.pi * np.interp(time, edges, np.arange(len(edges))))


@given(
    period=st.floats(10.0, 60.0),
    phase=st.floats(0.0, 6.2),
    offset=st.floats(-50.0, 50.0),
    scale=st.floats(1e-3, 1e3),
    dt=st.floats(0.01, 10.0),
)
def test_the_period_of_a_sine(period, phase, offset, scale, dt):
    signal = scale * (sine(period, 1.0, 3000, phase) + offset)
    found = oscillation_period(signal, dt)
    assert found.mean == pytest.approx(period * dt, rel=1e-3)
    assert found.jitter < 0.01
    assert 3000 / period - 2.1 < found.n_cycles < 3000 / period


def test_jitter_is_the_coefficient_of_variation_of_the_cycles():
    lengths = np.random.default_rng(5).normal(30.0, 3.0, size=200)
    found = oscillation_period(from_cycles(lengths, 0.01), 0.01)
    inner = lengths[1:-1]  # the first and the last crossing are at the ends of the record
    assert found.n_cycles == len(inner)
    assert found.mean == pytest.approx(inner.mean(), rel=1e-3)
    assert found.jitter == pytest.approx(inner.std() / inner.mean(), rel=1e-2)


def test_noise_around_the_mean_makes_no_cycles():
    noise = 0.1 * np.random.default_rng(0).normal(size=20_000)
    noisy = sine(32.4, 0.2, 20_000) + noise
    found = oscillation_period(noisy, 0.2)
    assert found.mean == pytest.approx(32.4, rel=2e-3)
    assert found.n_cycles == 122  # 4000 / 32.4 = 123.5 cycles hold 123 or 124 upward crossings
    assert oscillation_period(noisy, 0.2, hysteresis=0.0).n_cycles > 150


def test_crossings_are_upward_ones():
    sawtooth = np.array([0.0, 1.0, 2.0, 3.0] * 6)  # rises through 1.5 halfway between samples
    found = oscillation_period(np.append(sawtooth, [9.0, 9.0]) - 0.0, 1.0)
    assert found.mean == pytest.approx(4.0)


@pytest.mark.parametrize("dtype", [np.float32, np.int16])
def test_other_number_types_give_the_same_period(dtype):
    signal = (1000 * sine(40.0, 1.0, 2000, 0.3)).astype(dtype)
    assert oscillation_period(signal, 1.0).mean == pytest.approx(40.0, rel=1e-3)


@pytest.mark.parametrize("level", [0.0, 1.86, -1e6])
def test_silence_has_no_period(level):
    wobble = level * (1 + 1e-16 * sine(30.0, 1.0, 1000))
    with pytest.raises(ValueError, match="signal must oscillate, got a silent one"):
        oscillation_period(wobble, 1.0)
    with pytest.raises(ValueError, match="signal must oscillate, got a silent one"):
        oscillation_period(wobble.astype(np.float32), 1.0)


def test_too_few_cycles_are_refused():
    with pytest.raises(ValueError, match="at least 3 cycles, got 2 in 90 samples: record longer"):
        oscillation_period(sine(30.0, 1.0, 90, -0.5), 1.0)
    assert oscillation_period(sine(30.0, 1.0, 120, -0.5), 1.0).n_cycles == 3
    with pytest.raises(ValueError, match="at least 3 cycles, got 0"):
        oscillation_period(np.linspace(0.0, 1.0, 50), 1.0)


def test_one_segment_is_the_windowed_periodogram():
    samples = np.random.default_rng(3).normal(size=64)
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(64) / 64)
    power = np.abs(np.fft.rfft(window * (samples - samples.mean()))) ** 2
    power *= 0.5 / (window**2).sum()
    power[1:-1] *= 2
    found = spectrum(samples, 0.5, 32.0)
    np.testing.assert_allclose(found.frequency, np.arange(33) / 32.0)
    np.testing.assert_allclose(found.density, power, rtol=1e-10, atol=1e-14)


def test_the_spectrum_peaks_at_the_rhythm_along_the_last_axis():
    both = np.stack([sine(50.0, 1.0, 4000), sine(20.0, 1.0, 4000)])
    found = spectrum(both, 1.0, 1000.0)
    assert found.density.shape == (2, 501)
    assert found.frequency[found.density.argmax(axis=-1)] == pytest.approx([0.02, 0.05])


@given(amplitude=st.floats(0.1, 10.0), dt=st.floats(0.01, 10.0))
def test_a_sine_has_half_its_squared_amplitude_in_its_band_and_none_beside_it(amplitude, dt):
    found = spectrum(amplitude * sine(25.0, 1.0, 5000), dt, 1000 * dt)
    inside = band_power(found, 0.035 / dt, 0.045 / dt)
    assert inside == pytest.approx(amplitude**2 / 2, rel=1e-3)
    assert band_power(found, 0.1 / dt, 0.4 / dt) < 1e-6 * amplitude**2


def test_white_noise_spreads_its_variance_evenly():
    noise = np.random.default_rng(8).normal(scale=3.0, size=(4, 100_000))
    found = spectrum(noise, 1.0, 200.0)
    assert band_power(found, 0.0, 0.5) == pytest.approx(9.0, rel=0.03)
    assert band_power(found, 0.1, 0.3) == pytest.approx(9.0 * 41 / 100, rel=0.05)


def test_band_edges_are_included():
    flat = Spectrum(np.arange(5) / 10, np.ones(5))
    assert band_power(flat, 0.1, 0.3) == pytest.approx(0.3)


@pytest.mark.parametrize("frequency", [0.01, 0.05, 0.08])
def test_lowpass_has_butterworths_gain_twice_and_no_lag(frequency):
    signal = sine(1 / frequency, 1.0, 4000)
    gain = 1 / (1 + (np.tan(np.pi * frequency) / np.tan(np.pi * 0.05)) ** 8)
    filtered = lowpass(np.stack([signal, -signal]), 1.0, 0.05)
    inner = slice(1000, 3000)
    np.testing.assert_allclose(filtered[0, inner], gain * signal[inner], atol=1e-6)
    np.testing.assert_allclose(filtered[1], -filtered[0], atol=1e-12)


def test_lowpass_measures_its_cutoff_in_the_unit_of_dt():
    signal = sine(20.0, 1.0, 500)
    np.testing.assert_allclose(lowpass(signal, 0.001, 30.0), lowpass(signal, 1.0, 0.03))


NOISE = np.random.default_rng(0).normal(size=100)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: oscillation_period(np.ones((3, 5)), 1.0), r"signal must be \(time,\), got shape"),
        (lambda: oscillation_period(NOISE, 1.0, hysteresis=-1), "hysteresis must be at least 0"),
        (lambda: oscillation_period([], 1.0), r"not empty, got shape \(0,\)"),
        (lambda: spectrum(3.0, 1.0, 2.0), r"signal must be \(..., time\).*got shape \(\)"),
        (lambda: spectrum([1.0, np.nan, np.inf], 1.0, 2.0), "finite, got 2 NaN or infinite of 3"),
        (lambda: lowpass(NOISE, 0.0, 0.1), "dt must be positive and finite, got 0.0"),
        (lambda: lowpass(NOISE, np.nan, 0.1), "dt must be positive and finite, got nan"),
        (lambda: spectrum(NOISE, 0.5, 51), r"segment must be in \[1, 50\].*got 51"),
        (lambda: spectrum(NOISE, 0.5, 0.5), r"segment must be in \[1, 50\].*got 0.5"),
        (lambda: lowpass(NOISE, 1.0, 0.5), r"cutoff must be in \(0, 0.5\), got 0.5 \(Nyquist of"),
        (lambda: lowpass(NOISE, 1.0, 0.0), r"cutoff must be in \(0, 0.5\), got 0"),
        (lambda: lowpass(NOISE[:15], 1.0, 0.1), "longer than 15 samples to be filtered, got 15"),
    ],
)
def test_bad_signals_and_settings_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize(
    ("low", "high", "message"),
    [
        (0.2, 0.1, r"low and high must be in \[0, 0.5\].*got 0.2 and 0.1"),
        (-0.1, 0.1, r"low and high must be in \[0, 0.5\]"),
        (0.1, 0.6, r"low and high must be in \[0, 0.5\]"),
        (0.11, 0.14, "must hold a frequency bin, got bins every 0.05: take a longer segment"),
    ],
)
def test_bands_off_the_spectrum_are_refused(low, high, message):
    with pytest.raises(ValueError, match=message):
        band_power(spectrum(NOISE, 1.0, 20.0), low, high)


def test_without_scipy_the_message_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "scipy", None)
    with pytest.raises(ModuleNotFoundError, match=r'pip install "neuro-common\[signals\]"'):
        spectrum(NOISE, 1.0, 20.0)
