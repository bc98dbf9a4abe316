"""Periods and spectra against closed forms and scipy."""

import math
from typing import Any

import numpy as np
import pytest
import scipy.integrate
import scipy.signal
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from rldbs_env import metrics

Array = NDArray[Any]


def wave(amplitude: float, n_steps: int = 1000, period: float = 100.0, mean: float = 0.0) -> Array:
    return np.asarray(mean + amplitude * np.sin(2 * np.pi * np.arange(n_steps) / period + 0.4))


# Period


@given(
    period=st.floats(3.0, 400.0),
    cycles=st.floats(4.1, 20.0),
    phase=st.floats(0, 6.3),
    mean=st.floats(-5, 5),
    amplitude=st.floats(0.01, 100),
    dt=st.floats(0.001, 10),
)
def test_the_period_of_a_sine(
    period: float, cycles: float, phase: float, mean: float, amplitude: float, dt: float
) -> None:
    t = np.arange(int(period * cycles))
    x = mean + amplitude * np.sin(2 * np.pi * t / period + phase)
    # chords of a sine with few samples a cycle, and its mean over broken cycles, cost some of it
    assert metrics.period(x, dt) == pytest.approx(period * dt, rel=0.04)


@pytest.mark.parametrize("width", [0.02, 0.5, 0.95])
def test_the_period_of_a_sawtooth(width: float) -> None:
    x = scipy.signal.sawtooth(2 * np.pi * np.arange(5000) / 162.3, width)
    assert metrics.period(x, 0.2) == pytest.approx(32.46, abs=0.02)


def test_noise_makes_no_cycles() -> None:
    x = wave(1.0, 20_000, 162.0) + 0.05 * np.random.default_rng(0).standard_normal(20_000)
    centred = x - x.mean()
    assert ((centred[1:] >= 0) & (centred[:-1] < 0)).sum() > 150  # of 123 cycles
    assert metrics.period(x, 1.0) == pytest.approx(162.0, abs=0.3)


def test_a_crossing_after_a_jump_counts_once() -> None:
    """From below the mean straight above it, then a dip to just below: still one cycle."""
    cycle = np.r_[-np.ones(10), 1.0, -0.1, np.ones(8)]
    assert metrics.period(np.tile(cycle, 20), 0.5) == pytest.approx(10.0)


@pytest.mark.parametrize(("cycles", "crossings"), [(0.4, 0), (1.2, 1), (2.2, 2)])
def test_a_period_needs_two_cycles(cycles: float, crossings: int) -> None:
    x = np.cos(2 * np.pi * np.arange(int(100 * cycles)) / 100)
    wanted = f"at least two full cycles to have a period, got {crossings} upward crossings"
    with pytest.raises(ValueError, match=wanted):
        metrics.period(x, 1.0)
    assert metrics.period(np.cos(2 * np.pi * np.arange(320) / 100), 1.0) == pytest.approx(
        100, rel=0.1
    )


def test_a_constant_has_no_period() -> None:
    with pytest.raises(
        ValueError, match="x must oscillate to have a period, got a constant signal"
    ):
        metrics.period(np.full(500, 0.5), 1.0)


# Spectrum


@pytest.mark.parametrize("n_steps", [8, 100, 1001, 5000])
@pytest.mark.parametrize("segment", [8, 255, 256, 4096])
@pytest.mark.parametrize("dt", [0.2, 3.0])
def test_the_spectrum_is_scipys(n_steps: int, segment: int, dt: float) -> None:
    x = 2 + np.random.default_rng(segment).standard_normal(n_steps).cumsum()
    size = min(segment, n_steps)
    frequencies, density = scipy.signal.welch(
        x, 1 / dt, window="hann", nperseg=size, noverlap=size // 2, detrend="constant"
    )
    estimate = metrics.spectrum(x, dt, segment)
    np.testing.assert_allclose(estimate.frequencies, frequencies, rtol=1e-12)
    np.testing.assert_allclose(estimate.density, density, rtol=1e-9, atol=1e-12 * density.max())


def test_segments_of_4096_are_the_default() -> None:
    assert len(metrics.spectrum(wave(1.0, 10_000), 0.2).frequencies) == 2049


def test_a_sine_has_its_power_at_its_frequency() -> None:
    """Sixteen cycles in a segment; a Hann window spreads them over three bins."""
    x = wave(3.0, 4096, period=64.0, mean=-20.0)
    estimate = metrics.spectrum(x, 0.5, segment=1024)
    assert estimate.peak == pytest.approx(1 / 32)
    nearby = 1.01 / 512
    inside = metrics.band_power(estimate, 1 / 32 - nearby, 1 / 32 + nearby)
    assert inside == pytest.approx(4.5, rel=1e-9)
    assert metrics.band_power(estimate, 0, 1) == pytest.approx(x.var(), rel=1e-9)
    assert metrics.band_power(estimate, 1 / 32 + nearby, 1.0) == pytest.approx(0, abs=1e-9)


def test_a_band_includes_its_ends() -> None:
    estimate = metrics.Spectrum(np.linspace(0, 2, 5), np.array([1.0, 2.0, 4.0, 8.0, 16.0]))
    assert metrics.band_power(estimate, 0.5, 1.5) == 0.5 * (2 + 4 + 8)
    assert metrics.band_power(estimate, 0.0, 2.0) == 0.5 * 31
    assert estimate.peak == 2.0


def test_the_peak_is_not_the_mean() -> None:
    assert metrics.Spectrum(np.arange(3.0), np.array([9.0, 1.0, 2.0])).peak == 2.0


def test_time_units_can_be_read_as_milliseconds() -> None:
    """32.4 time units as 50 ms make the rhythm 20 Hz, in the beta band."""
    estimate = metrics.spectrum(wave(1.0, 16_200, 162.0), 0.2 * 50e-3 / 32.4)
    assert estimate.peak == pytest.approx(20, abs=0.5)
    assert metrics.band_power(estimate, 12, 35) == pytest.approx(0.5, rel=0.01)


@pytest.mark.parametrize("dt", [0, -0.2, math.nan])
def test_a_spectrum_needs_a_sampling_interval(dt: float) -> None:
    with pytest.raises(ValueError, match=f"dt must be above 0, got {dt}"):
        metrics.spectrum(np.zeros(100), dt)


@pytest.mark.parametrize(("n_steps", "segment"), [(100, 7), (7, 100)])
def test_a_spectrum_needs_samples(n_steps: int, segment: int) -> None:
    with pytest.raises(ValueError, match=f"at least 8 samples, got {segment}, {n_steps}"):
        metrics.spectrum(np.zeros(n_steps), 1.0, segment)


@pytest.mark.parametrize(("low", "high"), [(-0.1, 1.0), (1.0, 1.0), (2.0, 1.0), (0.0, math.nan)])
def test_a_band_has_a_lower_and_an_upper_end(low: float, high: float) -> None:
    estimate = metrics.Spectrum(np.arange(5.0), np.ones(5))
    with pytest.raises(
        ValueError, match=rf"low < high <= 4 \(the last bin\), got low={low}, high={high}"
    ):
        metrics.band_power(estimate, low, high)
