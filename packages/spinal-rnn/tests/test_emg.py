import importlib.util
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import io, signal

from neuro_common.signals import band_power, spectrum
from spinal_rnn.conditions import Conditions, parse_configuration
from spinal_rnn.emg import (
    Normaliser,
    band_pass,
    check_band,
    envelope,
    hilbert_envelope,
    preprocess,
    resample,
)
from spinal_rnn.session import Session


def sine(frequency, fs=2000.0, seconds=1.0):
    return np.sin(2 * np.pi * frequency * np.arange(round(seconds * fs)) / fs)[:, None]


def middle(values):
    quarter = values.shape[-2] // 4
    return values[..., quarter:-quarter, :]


def bump(at_ms, fs=2000.0, samples=800):
    """A muscle's response: two phases, each of about 5 ms."""
    u = (np.arange(samples) / fs * 1e3 - at_ms) / 2.5
    return (-u * np.exp(0.5 - u**2 / 2))[:, None]


def session(emg, fs=2000.0):
    conditions = Conditions.of(parse_configuration("cath4_an16"), np.ones(len(emg)), 20)
    return Session(conditions, emg.astype(np.float32), fs)


@pytest.mark.parametrize("frequency", [2, 5, 10, 50, 200, 449, 700])
def test_band_pass_has_the_gain_of_butterworth_once_causal_twice_otherwise(frequency):
    # the digital filter is the analogue one at warped frequencies, in closed form
    warp = [np.tan(np.pi * f / 2000.0) for f in (10, 450, frequency)]
    low, high, here = warp
    power = 1 / (1 + ((here**2 - low * high) / (here * (high - low))) ** 8)
    one = sine(frequency, seconds=8)
    for causal, gain in ((True, np.sqrt(power)), (False, power)):
        out = middle(band_pass(one, 2000.0, causal=causal))
        assert np.sqrt(2) * out.std() == pytest.approx(gain, abs=2e-3)


def test_band_pass_published_is_one_causal_pass():
    noise = np.random.default_rng(0).normal(size=(3, 400, 14))
    sections = signal.butter(4, [10, 450], "bandpass", fs=2000, output="sos")
    by_hand = signal.sosfilt(sections, noise, axis=1)
    assert band_pass(noise, 2000.0, causal=True) == pytest.approx(by_hand, abs=1e-12)


def test_zero_phase_keeps_the_latency_and_causal_delays_it():
    one = bump(200.0)
    there = one.argmin()
    assert band_pass(one, 2000.0).argmin() == there
    assert (band_pass(one, 2000.0, causal=True).argmin() - there) / 2 == pytest.approx(1, abs=0.6)
    assert resample(one, 2000.0).argmin() == pytest.approx(there / 2, abs=0.5)
    slow = envelope(one, 2000.0, 100.0)
    assert slow.argmax() / 2 == pytest.approx(200, abs=0.5)


@given(shift=st.integers(0, 60), seed=st.integers(0, 99))
def test_preprocessing_is_shift_equivariant(shift, seed):
    rng = np.random.default_rng(seed)
    emg = np.zeros((1, 4800, 2))  # a 10 Hz edge rings for nearly a second
    emg[:, 2300:2360] = rng.normal(size=(1, 60, 2))
    later = np.roll(emg, 2 * shift, axis=1)  # nothing but zeros goes round
    for causal in (False, True):
        first, second = (
            resample(band_pass(one, 2000.0, causal=causal), 2000.0) for one in (emg, later)
        )
        assert np.abs(first).max() > 0.5
        assert np.abs(np.roll(first, shift, axis=1) - second)[:, 300:-300].max() < 1e-9
    first, second = (envelope(one, 2000.0, 50.0) for one in (emg, later))
    assert np.abs(np.roll(first, 2 * shift, axis=1) - second)[:, 600:-600].max() < 1e-9


def test_a_rate_below_the_band_is_refused_and_1_khz_is_just_enough():
    with pytest.raises(
        ValueError,
        match="fs_hz must be above 900 for a band up to 450 Hz, got 800: record at a higher rate, "
        "or give a band_hz that ends below 400",
    ):
        band_pass(np.zeros((200, 14)), 800.0)
    assert band_pass(np.ones((200, 14)), 1000.0).shape == (200, 14)
    check_band(901.0)
    with pytest.raises(ValueError, match="got 900"):
        check_band(900.0)
    with pytest.raises(ValueError, match="band_hz must rise from above 0, got 450 to 10"):
        check_band(2000.0, (450.0, 10.0))


def test_trials_too_short_to_filter_are_refused():
    with pytest.raises(ValueError, match="more than 27 samples to be filtered, got 27"):
        band_pass(np.zeros((27, 14)), 2000.0)


@pytest.mark.parametrize(("fs", "samples"), [(2000.0, 200), (2048.0, 196), (4000.0, 100)])
def test_resampling_keeps_a_sine(fs, samples):
    time = np.arange(400) / fs
    out = resample(np.sin(2 * np.pi * 80 * time)[:, None], fs)
    assert len(out) == samples
    wanted = np.sin(2 * np.pi * 80 * np.arange(samples) / 1000)
    assert np.abs(out[20:-20, 0] - wanted[20:-20]).max() < 5e-3


def test_polyphase_does_not_ring_at_the_ends_and_fourier_does():
    ramp = np.linspace(0, 1, 400)[:, None]
    wanted = ramp[::2]
    assert np.abs(resample(ramp, 2000.0) - wanted).max() < 0.02
    assert np.abs(resample(ramp, 2000.0, method="fourier") - wanted).max() > 0.2


def test_fourier_resampling_is_the_published_one():
    noise = np.random.default_rng(1).normal(size=(2, 400, 14))
    by_hand = np.fft.irfft(np.fft.rfft(noise, axis=1)[:, :101], 200, axis=1) / 2
    # the bin at the new Nyquist frequency holds both of its sides
    spectrum_100 = np.fft.rfft(noise, axis=1)[:, 100].real
    alternating = np.where(np.arange(200) % 2, -1, 1)[None, :, None]
    by_hand += alternating * spectrum_100[:, None] / 400
    assert resample(noise, 2000.0, method="fourier") == pytest.approx(by_hand, abs=1e-12)


def test_resampling_refuses_what_it_cannot_do():
    with pytest.raises(ValueError, match="must be above 0, got 0 and 1000"):
        resample(np.zeros((9, 1)), 0)
    with pytest.raises(ValueError, match=r"simple part of fs_hz, got 1000 of 2034\.51: round fs"):
        resample(np.zeros((9, 1)), 2034.51)
    with pytest.raises(ValueError, match="polyphase or fourier, got 'linear'"):
        resample(np.zeros((9, 1)), 2000, method="linear")


def test_envelope_of_a_sine_is_its_mean_magnitude_and_hilbert_its_amplitude():
    one = 3 * sine(150)
    assert middle(envelope(one, 2000.0, 20.0)) == pytest.approx(3 * 2 / np.pi, rel=5e-3)
    assert middle(hilbert_envelope(one)) == pytest.approx(3, rel=1e-9)


def test_hilbert_along_time_against_the_fourier_definition():
    noise = np.random.default_rng(2).normal(size=(3, 200, 14))
    turned = np.fft.fft(noise, axis=1)
    turned[:, 1:100] *= 2
    turned[:, 101:] = 0
    by_hand = np.abs(np.fft.ifft(turned, axis=1))
    assert hilbert_envelope(noise) == pytest.approx(by_hand, abs=1e-12)


def test_normaliser_sees_training_trials_only_and_keeps_silence():
    train = np.zeros((4, 50, 3))
    train[1, 7, 0], train[2, 3, 2] = -2.0, 0.5
    test = np.full((1, 50, 3), 4.0)
    scale = Normaliser.fit(train)
    assert scale.scale.tolist() == [2.0, 0.0, 0.5]
    assert scale.percent(train)[1, 7].tolist() == [-100.0, 0.0, 0.0]
    assert scale.percent(test)[0, 0].tolist() == [200.0, 0.0, 800.0]
    assert scale.restore(scale.percent(train)) == pytest.approx(train, abs=1e-15)
    together = Normaliser.fit(train, per_muscle=False)
    assert together.percent(train)[2, 3].tolist() == [0.0, 0.0, 25.0]
    silent = Normaliser.fit(np.zeros((2, 5, 3)), per_muscle=False)
    assert not silent.percent(test).any()


def test_normaliser_refuses_what_is_no_training_set():
    with pytest.raises(ValueError, match="finite and not empty"):
        Normaliser.fit(np.zeros((0, 50, 14)))
    with pytest.raises(ValueError, match="finite and not empty"):
        Normaliser.fit(np.full((1, 50, 14), np.nan))


def test_preprocess_a_session():
    rng = np.random.default_rng(3)
    emg = rng.normal(size=(5, 400, 14)) + 7  # an offset, which the band leaves out
    emg[:, :, 4] = 0
    raw = session(emg)
    out = preprocess(raw)
    assert out.fs_hz == 1000
    assert out.emg.shape == (5, 200, 14)
    assert out.duration_ms == raw.duration_ms
    assert np.flatnonzero(out.silent).tolist() == [4]
    assert np.abs(out.emg.mean(axis=1)).max() < 0.5
    assert preprocess(out).fs_hz == 1000
    with pytest.raises(ValueError, match="fs_hz must be above 900"):
        preprocess(replace(raw, fs_hz=500.0))


def recording():
    """64 channels over a vastus lateralis in uV at 2048 Hz, and the force in %MVC."""
    found = importlib.util.find_spec("openhdemg")
    if found is None or found.origin is None:
        pytest.skip("openhdemg, whose data this reads, is not installed")
    folder = Path(found.origin).parent / "library" / "decomposed_test_files"
    data = io.loadmat(folder / "otb_testfile.mat")["Data"][0, 0]
    return data[:, :64], data[:, 74]


def test_a_real_recording_through_the_preprocessing():
    raw, force = recording()
    fs = 2048.0
    emg = resample(band_pass(raw, fs), fs)
    assert emg.shape == (32_500, 64)

    raw_psd, psd = (spectrum(x.T, 1 / rate, 1.0) for x, rate in ((raw, fs), (emg, 1000.0)))
    drift, kept_drift = (np.median(band_power(one, 0, 5)) for one in (raw_psd, psd))
    assert 20 < drift / kept_drift < 60  # electrodes that move: 0.16 % of the power before
    kept = band_power(psd, 20, 400) / band_power(raw_psd, 20, 400)
    assert kept == pytest.approx(1, abs=0.03)
    # the mean envelope follows the force from rest to 27 % of the strongest contraction and back
    effort = envelope(emg, 1000.0, 0.5).mean(axis=1)
    force_1_khz = np.interp(np.arange(len(effort)) / 1000, np.arange(len(force)) / fs, force)
    assert np.corrcoef(effort, force_1_khz)[0, 1] == pytest.approx(0.962, abs=0.005)
