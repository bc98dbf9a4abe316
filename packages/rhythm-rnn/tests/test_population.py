"""Order, phase and lag of units, against plain loops and rates made by hand."""

from typing import Any

import numpy as np
import pytest

from rhythm_rnn.flows import Array
from rhythm_rnn.population import (
    cycle_average,
    lag_order,
    normalised,
    peak_lags,
    peak_phases,
    phase_order,
    silent_units,
    unit_range,
)


def waves(phases: list[float], taps: Array, samples: int) -> Array:
    """Units that peak at given phases of cycles of any length, shape (samples, units)."""
    whole = np.interp(np.arange(samples), taps, np.arange(len(taps)))
    return np.maximum(np.cos(2 * np.pi * (whole[:, None] - np.array(phases))), 0)


def published(rates: Array, taps: Any, excitatory: Array) -> tuple[list[int], list[float]]:
    """Order and lags in plain loops, as the published program has them."""
    lags = []
    for unit in range(rates.shape[1]):
        rate = rates[:, unit] - rates[:, unit].min()
        if rate.max() == 0:
            lags.append(-1.0)
            continue
        found = []
        for i in range(1, len(taps) - 1):
            begin = taps[i] - (taps[i] - taps[i - 1]) // 2
            end = taps[i] + (taps[i + 1] - taps[i]) // 2
            best = begin
            for t in range(begin, end):
                if rate[t] > rate[best]:
                    best = t
            found.append(best - taps[i])
        lags.append(float(np.median(found)))
    order = []
    for kind in (True, False):
        units = [unit for unit in range(len(lags)) if bool(excitatory[unit]) is kind]
        order += sorted((u for u in units if lags[u] >= 0), key=lambda u: lags[u])
        order += sorted((u for u in units if lags[u] < 0), key=lambda u: lags[u])
    return order, lags


@pytest.mark.parametrize("seed", range(5))
def test_lags_and_order_are_the_published_ones(seed: int) -> None:
    rng = np.random.default_rng(seed)
    taps = np.cumsum(rng.integers(40, 60, size=8))
    smooth = np.apply_along_axis(np.convolve, 0, rng.random((500, 23)), np.ones(9), "same")
    rates = np.maximum(smooth - 4, 0)
    rates[:, [3, 20]] = (0.0, 0.7)  # one silent, one that never changes
    excitatory = rng.random(23) < 0.8
    order, lags = published(rates, taps.tolist(), excitatory)
    found = peak_lags(normalised(rates), taps)
    assert found.tolist() == lags
    assert found[[3, 20]].tolist() == [-1, -1]
    assert lag_order(found, excitatory).tolist() == order


def test_lags_by_hand() -> None:
    rates = np.zeros((40, 3))
    rates[[8, 18, 28], 0] = 1  # two before the taps
    rates[[13, 24], 1] = 1  # three and four after
    taps = np.array([0, 10, 20, 30])
    assert peak_lags(rates, taps).tolist() == [-2, 3.5, -1]
    # from the tap on, then from the earliest before it on; silence counts as -1
    assert lag_order([-2, 3.5, -1], [True, True, True]).tolist() == [1, 0, 2]
    assert lag_order([5, -9, 0, -1], [False, False, True, True]).tolist() == [2, 3, 0, 1]


def test_phases_are_those_of_the_waves_whatever_the_cycles() -> None:
    rng = np.random.default_rng(1)
    taps = 5.3 + np.append(0, np.cumsum(rng.uniform(150, 250, size=30)))
    phases = [0.0, 0.1, 0.25, 0.5, 0.8, 0.97]
    rates = waves(phases, taps, int(taps[-1]) + 5)
    found = peak_phases(rates, taps)
    apart = (found.phase - phases + 0.5) % 1 - 0.5
    # half a sample of 200
    assert np.abs(apart).max() < 0.0025
    assert found.concentration.min() > 0.9995
    assert (found.phase < 1).all()


def test_a_unit_that_peaks_anywhere_is_not_concentrated() -> None:
    rng = np.random.default_rng(2)
    taps = np.arange(0, 40_001, 100)
    rates = rng.random((40_001, 20))
    concentration = peak_phases(rates, taps).concentration
    # the mean of 400 random unit vectors is about 1 / sqrt(400)
    assert np.sqrt((concentration**2).mean()) == pytest.approx(0.05, rel=0.3)


def test_the_mean_phase_is_circular() -> None:
    rates = np.zeros((41, 1))
    rates[[9, 11, 29, 31], 0] = 1  # just before and just after a tap
    found = peak_phases(rates, [0, 10, 20, 30, 40])
    assert found.phase[0] in (pytest.approx(0, abs=1e-9), pytest.approx(1, abs=1e-9))
    assert found.concentration[0] == pytest.approx(np.cos(2 * np.pi * 0.1))


def test_the_average_of_stretched_cycles_is_the_cycle() -> None:
    taps = np.array([3.5, 103.5, 303.5, 383.5])
    whole = np.interp(np.arange(400), taps, np.arange(4))
    average = cycle_average(np.cos(2 * np.pi * (whole[:, None] - [0.0, 0.3])), taps, phases=40)
    phase = np.arange(40) / 40
    expected = np.cos(2 * np.pi * (phase[:, None] - [0.0, 0.3]))
    # the sample before a tap and that after it are joined by a line
    np.testing.assert_allclose(average, expected, atol=0.01)


def test_the_average_of_one_cycle_is_interpolated_by_numpy() -> None:
    rates = np.random.default_rng(3).random((30, 4))
    average = cycle_average(rates, [2.3, 27.9], phases=17)
    moments = 2.3 + 25.6 * np.arange(17) / 17
    expected = np.column_stack([np.interp(moments, np.arange(30), r) for r in rates.T])
    np.testing.assert_allclose(average, expected, rtol=1e-12)


def test_silence_is_a_small_swing_in_the_mean_cycle() -> None:
    phase = 2 * np.pi * np.arange(50) / 50
    average = np.outer(np.cos(phase), [1, 0.5, 0.012, 0.008, 0]) + 3
    assert silent_units(average).tolist() == [False, False, False, True, True]
    assert silent_units(average, smallest=0.6).tolist() == [False, True, True, True, True]
    assert silent_units(np.ones((50, 2))).tolist() == [True, True]


def test_our_order_has_silent_units_last_in_their_type() -> None:
    phase = [0.9, 0.1, 0.5, 0.0, 0.2, 0.7]
    silent = [False, False, False, True, False, False]
    excitatory = [True, True, False, True, False, True]
    assert phase_order(phase, silent, excitatory).tolist() == [1, 5, 0, 3, 4, 2]
    # the published order has it among the others: -1 is before -0.5
    assert lag_order([-0.5, 4, -1], [True, True, True]).tolist() == [1, 2, 0]


def test_a_common_range_keeps_what_tempi_differ_in() -> None:
    small, large = np.array([[0.0, 2], [1, 2]]), np.array([[0.0, 2], [4, 2]])
    assert normalised(small).tolist() == [[0, 0], [1, 0]]
    span = unit_range([small, large])
    assert span.high.tolist() == [4, 2]
    assert normalised(small, span).tolist() == [[0, 0], [0.25, 0]]
    assert normalised(large.astype(np.float32), span).dtype == np.float64


@pytest.mark.parametrize(
    ("taps", "message"),
    [
        ([], r"taps must be at least 2 rising samples, got \[\]: a network without a rhythm"),
        ([5.0, 5.0], "taps must be at least 2 rising samples"),
        ([-1.0, 5.0], "taps must lie in the 10 samples, got -1 to 5"),
        ([2.0, 9.5], "taps must lie in the 10 samples, got 2 to 9.5"),
        ([[2.0, 4.0]], "taps must be at least 2 rising samples"),
    ],
)
def test_taps_that_make_no_cycle_are_refused(taps: Any, message: str) -> None:
    rates = np.ones((10, 3))
    for function in (cycle_average, peak_phases):
        with pytest.raises(ValueError, match=message):
            function(rates, taps)


def test_other_bad_input_is_refused() -> None:
    rates = np.ones((10, 3))
    with pytest.raises(TypeError, match="taps must be whole samples, integers, got float64"):
        peak_lags(rates, [1.0, 2.0, 3.0])
    with pytest.raises(ValueError, match="taps must be at least 3 rising samples"):
        peak_lags(rates, [1, 2])
    with pytest.raises(ValueError, match=r"rates must be \(time, units\) and not empty, got"):
        peak_phases(np.ones((10, 0)), [1, 2])
    with pytest.raises(ValueError, match=r"taps must be at least a sample apart, got 0\.2"):
        peak_phases(rates, [1.1, 1.3, 4.0])
