"""Trials on the integer grid: clicks, cue and target where the task says, and bad input refused."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rhythm_rnn import task

PERIODS = task.TRAINED_PERIODS_S


def edges(channel: Any) -> tuple[list[int], list[int]]:
    """First samples and widths of what sounds in one trial."""
    change = np.diff(np.concatenate([[0], channel, [0]]))
    starts, ends = np.flatnonzero(change > 0), np.flatnonzero(change < 0)
    return starts.tolist(), (ends - starts).tolist()


def test_a_trial_of_two_hertz_sample_by_sample() -> None:
    trials = task.synchronisation_continuation([0.5], [0.05], dtype=np.float64)
    assert trials.inputs.shape == (1, 2000, 2)
    assert trials.target.shape == (1, 2000, 1)
    clicks, cue = trials.inputs[0].T
    assert edges(clicks) == ([50, 550], [10, 10])
    assert set(cue[:50]) == {0.0}
    assert set(cue[50:]) == {0.2}
    wave = trials.target[0, :, 0]
    assert wave[[49, 50, 300, 550]] == pytest.approx([0, 1, 0, 1], abs=1e-9)
    assert wave[175] == pytest.approx(0.5, abs=1e-9)
    assert trials.click_s.tolist() == [[0.05, 0.55]]
    assert trials.time_s[-1] == pytest.approx(1.999)


def test_published_clicks_are_sometimes_a_sample_longer() -> None:
    for period, onset, starts, widths in (
        (0.5, 0.05, [50, 550], [11, 10]),
        (0.2, 0.0, [0, 200, 400, 601, 800], [10, 11, 10, 10, 10]),
    ):
        trials = task.synchronisation_continuation([period], [onset], compat=True)
        assert edges(trials.inputs[0, :, task.CLICK]) == (starts, widths)


def test_slow_tempi_have_few_clicks_and_fast_ones_many() -> None:
    trials = task.synchronisation_continuation(PERIODS, 0.0)
    counts = [len(edges(clicks)[0]) for clicks in trials.inputs[..., task.CLICK]]
    assert counts == [2, 4, 4, 5, 7, 7, 8]
    assert np.isfinite(trials.click_s).sum(axis=1).tolist() == counts


@pytest.mark.parametrize(("duration", "ours", "published"), [(3.0, 1.5, 1.0), (1.5, 0.75, 0.0)])
def test_clicks_fill_half_of_any_duration(duration: float, ours: float, published: float) -> None:
    for compat, half in ((False, ours), (True, published)):
        trials = task.synchronisation_continuation([0.125], 0.0, duration_s=duration, compat=compat)
        starts, _ = edges(trials.inputs[0, :, task.CLICK])
        assert starts == list(range(0, int(1e3 * half), 125))


def test_the_target_has_the_mean_and_variance_of_the_task() -> None:
    onsets = np.repeat(np.linspace(0, 0.1, 101)[:-1] + 0.0005, len(PERIODS))
    trials = task.synchronisation_continuation(np.tile(PERIODS, 100), onsets, dtype=np.float64)
    assert trials.target.mean() == pytest.approx(0.4826, abs=1e-3)
    assert trials.target.var() == pytest.approx(0.12747, abs=1e-3)


@given(
    st.floats(0.06, 0.7), st.floats(0.0, 0.1), st.sampled_from([1.0, 2.0, 0.5, 10.0]), st.booleans()
)
def test_every_click_has_its_width_and_lies_on_a_crest(
    period: float, onset: float, dt_ms: float, aligned: bool
) -> None:
    onset = round(onset, 2) if aligned else onset
    trials = task.synchronisation_continuation([period], [onset], dt_ms=dt_ms, dtype=np.float64)
    starts, widths = edges(trials.inputs[0, :, task.CLICK])
    due = trials.click_s[0]
    assert set(widths) == {round(10 / dt_ms)}
    late = np.array(starts) * dt_ms - 1e3 * due
    assert (late > -1e-6 * dt_ms).all()
    assert (late < dt_ms).all()
    # from the crest, the wave falls by at most what one sample of phase costs
    fall = 1 - np.cos(2 * np.pi * dt_ms / 1e3 / period)
    assert (trials.target[0, starts, 0] >= 1 - fall / 2 - 1e-9).all()


def test_a_free_run_takes_any_cue() -> None:
    trials = task.free_run([-0.5, 0.0, 0.2], duration_s=1.0, dtype=np.float64)
    assert not trials.inputs[..., task.CLICK].any()
    assert trials.click_s.shape == (3, 0)
    assert trials.inputs[:, 49, task.CUE].tolist() == [0, 0, 0]
    assert trials.inputs[:, 50, task.CUE].tolist() == [-0.5, 0.0, 0.2]
    wave = trials.target[:, :, 0]
    assert wave[1, 50:].tolist() == [1.0] * 950
    assert wave[2, [300, 550]] == pytest.approx([0, 1], abs=1e-9)
    # 5 Hz, and a cosine is even
    assert wave[0, [150, 250]] == pytest.approx([0, 1], abs=1e-9)
    assert task.free_run([0.3]).inputs.shape == (1, 52000, 2)


def test_cue_and_beat_are_inverse() -> None:
    cues = task.context_cue(PERIODS)
    expected = [0.2, 0.3003003, 0.4, 0.5, 0.6024096, 0.6993007, 0.8]
    assert cues == pytest.approx(expected, abs=1e-7)
    assert task.beat_hz(cues) == pytest.approx(1 / np.array(PERIODS))
    assert task.context_cue(-0.25) == -0.4


def test_the_tempo_switches_at_a_beat() -> None:
    trials = task.tempo_switch([[0.5, 0.2]], 0.1, switch_beat=2, clicks=5, dtype=np.float64)
    starts, widths = edges(trials.inputs[0, :, task.CLICK])
    assert starts == [100, 600, 1100, 1300, 1500]
    assert set(widths) == {10}
    cue = trials.inputs[0, :, task.CUE]
    assert cue[[99, 100, 1099, 1100, 3999]].tolist() == [0, 0.2, 0.2, 0.5, 0.5]
    wave = trials.target[0, :, 0]
    assert wave[starts] == pytest.approx(np.ones(5), abs=1e-9)
    assert wave[[850, 1200, 3000]] == pytest.approx([0, 0, 0], abs=1e-9)
    steps = np.abs(np.diff(wave[100:]))
    assert steps.max() < np.pi / 200 + 1e-9  # nowhere does it jump


def test_a_switch_of_nothing_is_the_plain_task() -> None:
    switched = task.tempo_switch([[0.25, 0.25]], 0.03, switch_beat=3, clicks=4, duration_s=2.0)
    plain = task.synchronisation_continuation([0.25], 0.03)
    np.testing.assert_array_equal(switched.inputs, plain.inputs)
    np.testing.assert_allclose(switched.target, plain.target, atol=1e-6)


def test_an_interval_is_reproduced_once() -> None:
    trials = task.interval_reproduction([0.4], 0.1, cue=0.3, dtype=np.float64)
    assert edges(trials.inputs[0, :, task.CLICK]) == ([100, 500], [10, 10])
    assert trials.inputs[0, [99, 100, -1], task.CUE].tolist() == [0, 0.3, 0.3]
    wave = trials.target[0, :, 0]
    assert wave.argmax() == 900
    assert wave[[800, 900, 1000]] == pytest.approx([0.5, 1, 0.5], abs=1e-9)
    assert not wave[:700].any()
    assert np.abs(wave[1101:]).max() == 0
    assert wave.sum() == pytest.approx(200, rel=1e-3)  # half an interval


def test_one_click_can_be_moved_left_out_or_added() -> None:
    plain = task.synchronisation_continuation([0.25, 0.2], 0.0)
    for kind, shift, expected in (
        ("shifted", -0.03, [0, 250, 470, 750]),
        ("missing", 0.0, [0, 250, 750]),
        ("extra", 0.1, [0, 250, 500, 600, 750]),
    ):
        trials = task.perturbed(plain, kind, 2, shift_s=shift)  # type: ignore[arg-type]
        starts, widths = edges(trials.inputs[0, :, task.CLICK])
        assert starts == expected
        assert set(widths) == {10}
        due = trials.click_s[0]
        assert due[np.isfinite(due)] == pytest.approx(np.array(expected) / 1e3)
        np.testing.assert_array_equal(trials.target, plain.target)
        np.testing.assert_array_equal(trials.inputs[..., task.CUE], plain.inputs[..., task.CUE])
    assert edges(plain.inputs[0, :, task.CLICK])[0] == [0, 250, 500, 750]  # the first is untouched


def test_trials_are_drawn_from_the_generator_alone() -> None:
    first, again = (task.draw_trials(np.random.default_rng(7), 64) for _ in range(2))
    np.testing.assert_array_equal(first.inputs, again.inputs)
    assert first.inputs.dtype == np.float32
    cues = first.inputs[:, -1, task.CUE]
    assert {round(float(cue), 4) for cue in cues} == set(task.context_cue(PERIODS).round(4))
    onsets = first.click_s[:, 0]
    assert 0 <= onsets.min() < 0.01
    assert 0.09 < onsets.max() < 0.1
    single = task.synchronisation_continuation([0.1 / float(cues[5])], first.click_s[5, :1])
    np.testing.assert_allclose(single.inputs[0], first.inputs[5], atol=1e-7)
    np.testing.assert_allclose(single.target[0], first.target[5], atol=1e-5)


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        (([0.0019], 0.0), {}, r"at least two samples \(0.002 s\), got 0.0019"),
        (([-0.5], 0.0), {}, "at least two samples"),
        (([float("nan")], 0.0), {}, r"period_s must be finite, got \[nan\]"),
        (([], 0.0), {}, "period_s must be finite"),
        (([0.5], 2.0), {}, r"onset_s must be within the trial, \[0, 2\), got \[2.0\]"),
        (([0.5], -0.1), {}, "onset_s must be within the trial"),
        (([0.5], 0.0), {"dt_ms": 3.0}, "dt_ms must divide the click of 10 ms, got 3"),
        (([0.5], 0.0), {"dt_ms": 0.0}, "dt_ms must be positive and finite, got 0"),
        (([0.5], 0.0), {"dt_ms": 40.0}, "dt_ms must divide the click"),
        (([0.5], 0.0), {"duration_s": 0.0}, "duration_s must be finite and at least one sample"),
        (([0.5], 0.0), {"duration_s": float("inf")}, "duration_s must be finite"),
    ],
)
def test_bad_input_is_refused(arguments: Any, options: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        task.synchronisation_continuation(*arguments, **options)


def test_bad_input_of_the_other_tasks_is_refused() -> None:
    plain = task.synchronisation_continuation([0.5], 0.0)
    with pytest.raises(ValueError, match=r"cue must be finite, got \[inf\]"):
        task.free_run([float("inf")])
    with pytest.raises(ValueError, match="cue must be finite"):
        task.interval_reproduction([0.5], 0.0, cue=float("nan"))
    with pytest.raises(ValueError, match="period_s must be finite and not zero"):
        task.context_cue(0.0)
    with pytest.raises(ValueError, match=r"period_s must be \(batch, 2\), got shape \(2,\)"):
        task.tempo_switch([0.5, 0.2], 0.0)
    with pytest.raises(ValueError, match="switch_beat and clicks must be at least 0, got -1 and 8"):
        task.tempo_switch([[0.5, 0.2]], 0.0, switch_beat=-1)
    with pytest.raises(ValueError, match="batch must be at least 1, got 0"):
        task.draw_trials(np.random.default_rng(1), 0)
    with pytest.raises(ValueError, match="kind must be shifted, missing or extra, got 'late'"):
        task.perturbed(plain, "late", 0)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="click must be one of the 2 that every trial has, got 2"):
        task.perturbed(plain, "missing", 2)
    with pytest.raises(ValueError, match="shift_s must be finite, got nan"):
        task.perturbed(plain, "shifted", 0, shift_s=float("nan"))
