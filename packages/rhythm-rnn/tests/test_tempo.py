"""Tempo against cue: each row says what the outputs do, and the sums-up are those of the rows."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from rhythm_rnn.drive import Drive
from rhythm_rnn.flows import Array
from rhythm_rnn.taps import Taps, find_taps
from rhythm_rnn.tempo import Tempo, falls, largest_error, tempo, trusted_range, weber_law


def wave(period_ms: float, *, cv: float = 0.0, n: int = 20_000, seed: int = 0) -> Array:
    """A wave with crests at jittered intervals."""
    rng = np.random.default_rng(seed)
    gaps = period_ms * (1 + cv * rng.normal(size=int(1.5 * n / period_ms) + 20))
    crests = np.cumsum(np.maximum(gaps, 0.3 * period_ms))
    phase = np.interp(np.arange(n), np.append(0, crests), np.arange(len(crests) + 1))
    return np.asarray(0.5 + 0.5 * np.cos(2 * np.pi * phase))


def of_outputs(cues: Any, outputs: Any) -> Drive:
    """A drive that gave these outputs."""
    traces = np.asarray(outputs, dtype=np.float32)
    taps = tuple(find_taps(trace[1000:]) for trace in traces)
    taps = tuple(replace(found, time_ms=found.time_ms + 1000) for found in taps)
    return Drive(np.asarray(cues, float), traces, 1.0, 1.0, taps, np.empty(0))


@pytest.fixture(scope="module")
def table() -> Tempo:
    """Cues out of order: two that are followed, one too slow, one at rest, one below zero."""
    periods = {0.5: 200.0, 0.2: 505.0, 0.1: 700.0}
    outputs = [wave(period, cv=0.03) for period in periods.values()]
    rests = [np.full(20_000, 0.7), np.zeros(20_000)]
    return tempo(of_outputs([*periods, 1.2, -0.3], [*outputs, *rests]))


def test_rows_are_sorted_and_say_what_the_outputs_do(table: Tempo) -> None:
    np.testing.assert_array_equal(table.cue, [-0.3, 0.1, 0.2, 0.5, 1.2])
    np.testing.assert_array_equal(table.trained, [False, False, True, True, False])
    np.testing.assert_allclose(table.expected_ms, [np.nan, 1000, 500, 200, 100 / 1.2])
    assert table.verdict.tolist() == ["no rhythm", "valid", "valid", "valid", "no rhythm"]
    np.testing.assert_allclose(table.iti_ms, [np.nan, 700, 505, 200, np.nan], rtol=0.02)
    np.testing.assert_allclose(table.cv[1:4], 0.03, atol=0.012)
    np.testing.assert_allclose(table.sd_ms, table.cv * table.iti_ms)
    np.testing.assert_allclose(table.error, table.iti_ms / table.expected_ms - 1)
    np.testing.assert_allclose(table.spectral_ms[1:4], table.iti_ms[1:4], rtol=0.02)
    assert table.n_taps.tolist()[0] == 0
    assert table.n_taps[3] == pytest.approx(95, abs=3)
    assert "swings by 0" in table.reason[0]


def test_the_published_detector_is_told_the_period_of_the_cue(table: Tempo) -> None:
    # right where the network keeps the cue, invented where it rests, and refused above cue .98
    assert table.compat_iti_ms[3] == pytest.approx(200, rel=0.02)
    assert table.compat_repeats[3] == 0
    assert np.isnan(table.compat_iti_ms[[0, 4]]).all()
    noise = 0.5 + 0.02 * np.random.default_rng(0).normal(size=20_000)
    invented = tempo(of_outputs([0.25], [noise]))
    assert invented.verdict[0] == "no rhythm"
    assert invented.compat_iti_ms[0] == pytest.approx(400, rel=0.1)
    faster = tempo(of_outputs([1 / 3], [0.2 * wave(112) + 0.2 * (noise - 0.5)]))
    assert faster.iti_ms[0] == pytest.approx(112, rel=0.01)
    assert faster.compat_repeats[0] > 0
    coarse = replace(of_outputs([0.5], [wave(200)]), dt_ms=2.0)
    assert np.isnan(tempo(coarse).compat_iti_ms[0])


def test_the_largest_error_is_over_trained_cues_and_counts_failures_whole(table: Tempo) -> None:
    assert largest_error(table) == pytest.approx(abs(table.error[[2, 3]]).max())
    silent = tempo(of_outputs([0.2, 0.5], [np.zeros(20_000), wave(200)]))
    assert largest_error(silent) == 1.0
    untrained = tempo(of_outputs([-0.1, 0.25], [np.zeros(20_000), wave(410)]))
    assert largest_error(untrained) == pytest.approx(0.025, abs=1e-3)
    told = tempo(of_outputs([0.2, 0.5], [wave(550), wave(200)]), trained_cues=[0.2])
    assert largest_error(told) == pytest.approx(0.1, abs=0.002)
    assert np.isnan(largest_error(tempo(of_outputs([-0.1], [np.zeros(20_000)]))))


def test_the_trusted_range_is_the_longest_row_without_a_failure(table: Tempo) -> None:
    assert trusted_range(table) == (0.2, 0.5)
    assert trusted_range(table, within=0.005) == (0.5, 0.5)
    cues = [0.2, 0.3, 0.4, 0.5, 0.6]
    broken = [wave(100 / cue) for cue in cues]
    broken[1] = np.zeros(20_000)
    assert trusted_range(tempo(of_outputs(cues, broken))) == (0.4, 0.6)
    assert trusted_range(tempo(of_outputs([0.2], [np.zeros(20_000)]))) is None


def test_the_interval_must_fall_with_the_cue() -> None:
    waves = {0.2: 500, 0.3: 333, 0.4: 250}
    assert falls(tempo(of_outputs(list(waves), [wave(p) for p in waves.values()])))
    assert not falls(tempo(of_outputs(list(waves), [wave(p) for p in (333, 500, 250)])))


def test_the_weber_fraction_of_jittered_waves_is_their_cv() -> None:
    cues = [0.2, 0.4, 0.6, 0.8]
    table = tempo(of_outputs(cues, [wave(100 / c, cv=0.05, n=200_000) for c in cues]))
    law = weber_law(table)
    assert law is not None
    assert law.fraction == pytest.approx(0.05, rel=0.1)
    assert law.constant_ms < 3
    assert weber_law(tempo(of_outputs([0.2], [wave(500)]))) is None


def test_an_output_that_is_not_finite_has_a_row() -> None:
    diverging = np.full(20_000, np.inf, dtype=np.float32)
    taps = (Taps(np.empty(0), np.nan, "invalid", "the output is not finite from 0 s on"),)
    run = Drive(np.array([0.2]), diverging[None], 1.0, 1.0, taps, np.empty(0))
    table = tempo(run)
    assert table.verdict[0] == "invalid"
    assert np.isnan(table.compat_iti_ms[0])
    assert largest_error(table) == 1.0
