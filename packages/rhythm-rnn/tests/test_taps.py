"""Taps: a known rhythm is found to the millisecond, silence and doubt are named."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import butter, find_peaks, sosfiltfilt

from rhythm_rnn import taps
from rhythm_rnn.flows import Array


def beat(
    period_ms: float, *, cv: float = 0.0, noise: float = 0.02, n: int = 50_000, seed: int = 0
) -> tuple[Array, Array]:
    """A wave with crests at known times, and these times."""
    rng = np.random.default_rng(seed)
    gaps = period_ms * (1 + cv * rng.normal(size=int(1.5 * n / period_ms) + 20))
    crests = np.cumsum(np.maximum(gaps, 0.3 * period_ms))
    phase = np.interp(np.arange(n), np.append(0, crests), np.arange(len(crests) + 1))
    return 0.5 + 0.5 * np.cos(2 * np.pi * phase) + noise * rng.normal(size=n), crests[crests < n]


@pytest.mark.parametrize("period", [500, 333, 260, 200, 125, 52])
@pytest.mark.parametrize("cv", [0.0, 0.05, 0.1])
def test_known_crests_are_found(period: float, cv: float) -> None:
    output, crests = beat(period, cv=cv)
    found = taps.find_taps(output)
    assert found.verdict == "valid"
    assert found.reason == ""
    known, measured = taps.intervals(crests), taps.intervals(found.time_ms)
    assert abs(measured.n - known.n) <= 1
    assert measured.mean_ms == pytest.approx(known.mean_ms, rel=2e-3)  # a tap may miss at the ends
    assert measured.cv == pytest.approx(known.cv, abs=0.01)
    assert found.spectral_period_ms == pytest.approx(known.mean_ms, rel=0.02)
    nearest = np.abs(found.time_ms[:, None] - crests).min(axis=1)
    assert np.median(nearest[1:-1]) < 0.02 * period


@settings(max_examples=25)
@given(st.floats(40.0, 900.0), st.floats(0.05, 3.0), st.floats(-5.0, 5.0), st.integers(0, 99))
def test_scale_and_offset_do_not_matter(
    period: float, scale: float, offset: float, seed: int
) -> None:
    output, _ = beat(period, cv=0.03, n=20_000, seed=seed)
    found = taps.find_taps(offset + scale * output)
    assert found.verdict == "valid"
    np.testing.assert_allclose(found.time_ms, taps.find_taps(output).time_ms, atol=1e-5)
    assert (np.diff(found.time_ms) > 0).all()


def test_the_sampling_interval_scales_the_times() -> None:
    output, _ = beat(100, n=10_000)
    fine, coarse = (taps.find_taps(output, dt_ms=dt) for dt in (0.5, 2.0))
    np.testing.assert_allclose(coarse.time_ms, 4 * fine.time_ms)
    assert coarse.spectral_period_ms == pytest.approx(200, rel=1e-3)


def test_a_narrow_pulse_once_a_cycle_counts_once() -> None:
    phase = np.arange(50_000) / 400 - 0.5
    found = taps.find_taps(np.exp((np.cos(2 * np.pi * phase) - 1) / 0.02))
    assert found.verdict == "valid"
    np.testing.assert_allclose(found.time_ms, 200 + 400 * np.arange(125), atol=0.5)


def test_noise_has_no_taps() -> None:
    for seed in range(5):
        rng = np.random.default_rng(seed)
        noise = 0.5 + 0.02 * rng.normal(size=50_000)
        slow = np.cumsum(noise - 0.5)
        for output in (noise, 0.5 + 0.1 * (slow - slow.mean())):
            found = taps.find_taps(output)
            assert found.verdict == "no rhythm"
            assert found.time_ms.shape == (0,)
            assert np.isnan(found.spectral_period_ms)


@pytest.mark.parametrize(
    ("output", "reason"),
    [
        (np.full(5000, 0.9), "the output swings by 0, less than 0.02"),
        (0.5 + 1e-3 * np.sin(np.arange(5000) / 20), "swings by 0.002, less than 0.02"),
        (np.random.default_rng(1).normal(size=5000), "does not recur"),
        (np.linspace(0, 1, 5000), "fewer than 5 cycles"),
    ],
)
def test_silence_says_why(output: Array, reason: str) -> None:
    found = taps.find_taps(output)
    assert found.verdict == "no rhythm"
    assert reason in found.reason


def test_taps_that_the_spectrum_contradicts_are_invalid() -> None:
    # two tempi in one recording: the mean interval is neither, and the spectrum shows one
    slow, fast = (beat(period, n=n)[0] for period, n in ((200, 34_000), (150, 16_000)))
    found = taps.find_taps(np.concatenate([slow, fast]))
    assert found.verdict == "invalid"
    assert "the spectrum says 20" in found.reason
    assert len(found.time_ms) > 200


def test_the_expected_period_fools_the_published_detector_only() -> None:
    output, _ = beat(260)
    assert taps.intervals(taps.find_taps(output).time_ms).mean_ms == pytest.approx(260, abs=2)
    silence = 0.5 + 0.02 * np.random.default_rng(3).normal(size=50_000)
    invented = taps.compat_taps(silence, 0.5).taps
    assert np.diff(invented).mean() == pytest.approx(500, rel=0.1)
    fast, _ = beat(112, n=20_000)
    repeated = taps.compat_taps(0.2 * fast, 0.3).taps
    assert (np.diff(repeated) <= 0).any()


@pytest.mark.parametrize(("period", "half"), [(0.5, 250), (0.333, 166), (0.143, 71), (0.125, 62)])
def test_published_taps_are_the_largest_samples_near_filtered_crests(
    period: float, half: int
) -> None:
    output, _ = beat(1e3 * period, cv=0.04, n=20_000)
    filtered, crests, moved = taps.compat_taps(output, period)
    sections = butter(
        2, [1 / (period + 0.1), 1 / (period - 0.1)], "bandpass", fs=1000, output="sos"
    )
    reference = sosfiltfilt(sections, output, padlen=15)
    assert np.abs(filtered - reference)[500:-500].max() < 1e-5
    expected = find_peaks(reference, height=0)[0]
    assert np.abs(crests[3:-3] - expected[3:-3]).max() <= 1
    for crest, tap in zip(crests, moved, strict=True):
        window = output[max(0, crest - half) : crest + half]
        assert output[tap] == window.max()
        assert max(0, crest - half) <= tap < crest + half


def test_interval_statistics_are_those_of_the_gaps() -> None:
    found = taps.intervals([0.0, 100.0, 210.0, 300.0])
    assert found.mean_ms == 100
    assert found.sd_ms == pytest.approx(10)
    assert found.cv == pytest.approx(0.1)
    assert found.n == 3


def test_asynchrony_is_tap_minus_click() -> None:
    clicks = [100.0, 300.0, 500.0, 700.0, 900.0, np.nan]
    found = taps.asynchronies([80.0, 310.0, 605.0, 930.0], clicks)
    np.testing.assert_array_equal(found, [-20, 10, np.nan, -95, 30])
    assert np.isnan(taps.asynchronies([], clicks[:3])).all()
    # one tap is never given to two clicks
    np.testing.assert_array_equal(taps.asynchronies([201.0], [100.0, 300.0]), [np.nan, -99])


def test_weber_law_is_recovered() -> None:
    means = np.array([500.0, 333.0, 250.0, 200.0, 125.0])
    law = taps.weber(means, np.sqrt((0.04 * means) ** 2 + 3.0**2))
    assert law.fraction == pytest.approx(0.04, rel=1e-6)
    assert law.constant_ms == pytest.approx(3.0, rel=1e-6)
    assert taps.weber(means, np.full(5, 4.0)) == pytest.approx((0.0, 4.0), abs=1e-6)
    assert taps.weber(means, np.zeros(5)) == (0.0, 0.0)


def test_the_weber_law_is_not_ruled_by_the_slowest_tempo() -> None:
    # variances of 50 intervals each, of a law of 4 % and 2 ms
    means = np.geomspace(100, 1000, 12)
    true = np.hypot(0.04 * means, 2.0)
    found = []
    for seed in range(50):
        chi = np.random.default_rng(seed).chisquare(49, size=12) / 49
        found.append(taps.weber(means, true * np.sqrt(chi)))
    fractions, constants = np.transpose(found)
    assert fractions.mean() == pytest.approx(0.04, rel=0.05)
    assert fractions.std() < 0.003
    assert np.median(constants) == pytest.approx(2.0, abs=0.5)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: taps.find_taps(np.zeros((5, 5))), r"output must be \(time,\).*got shape \(5, 5\)"),
        (lambda: taps.find_taps(np.zeros(15)), "at least 16 samples"),
        (lambda: taps.find_taps(np.full(20, np.nan)), "output must be finite, got 20 bad samples"),
        (lambda: taps.compat_taps(np.zeros(900), 0.1), "period_s must be above 0.102"),
        (lambda: taps.compat_taps(np.zeros(900), float("nan")), "period_s must be above 0.102"),
        (lambda: taps.intervals([1.0, 2.0]), "tap_ms must be at least 3 rising times"),
        (lambda: taps.intervals([1.0, 3.0, 2.0]), "tap_ms must be at least 3 rising times"),
        (lambda: taps.asynchronies([1.0], [2.0]), "click_ms must hold at least 2 clicks, got 1"),
        (lambda: taps.weber([1.0], [1.0]), r"must be \(tempi,\) with at least 2"),
        (lambda: taps.weber([1.0, np.nan], [1.0, 1.0]), "must be finite"),
    ],
)
def test_bad_input_is_refused(call: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()
