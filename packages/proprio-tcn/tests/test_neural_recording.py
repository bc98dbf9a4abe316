"""Recordings, their windows, binning and splits."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter1d, uniform_filter1d
from sklearn.model_selection import KFold

from proprio_tcn.neural.binning import bin_spikes, fill_gaps, sample_signal, smooth
from proprio_tcn.neural.kinematics import with_derivatives
from proprio_tcn.neural.recording import Recording
from proprio_tcn.neural.splits import split_trials, trial_folds
from proprio_tcn.neural.windows import (
    active_as_passive_windows,
    active_windows,
    choose_windows,
    passive_windows,
)

EVENTS = ("movement_onset", "movement_end", "bump_onset")


def recording(trials: int = 24, neurons: int = 3, seed: int = 0) -> Recording:
    """Every third trial is a bump alone, every sixth a bump and a movement."""
    rng = np.random.default_rng(seed)
    length = rng.integers(60, 90, trials)
    bins = int(length.max())
    number = np.arange(trials)
    passive, moves = number % 3 == 0, (number % 3 != 0) | (number % 6 == 0)
    onset = np.where(moves, rng.integers(25, 30, trials), -1)
    return Recording(
        rng.poisson(0.3, (trials, bins, neurons)),
        length,
        {"hand": rng.normal(size=(trials, bins, 2)).astype(np.float32)},
        movement_onset=onset,
        movement_end=np.where(moves, onset + rng.integers(14, 30, trials), -1),
        bump_onset=np.where(passive, 5, -1),
        target_direction_deg=np.where(moves, 45.0 * (number % 8), np.nan),
        bump_direction_deg=np.where(passive, 90.0 * (number % 4), np.nan),
        neurons=tuple(f"unit {one}" for one in range(neurons)),
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda r: {"spikes": r.spikes * 0.5},
            "spikes must be counts, whole numbers .* got 0.5 in",
        ),
        (lambda r: {"spikes": r.spikes - 1.0}, r"spikes must be counts, .* got -1\.0 in trial"),
        (lambda r: {"spikes": r.spikes + np.nan}, r"spikes must be counts, .* got nan in trial 0"),
        (lambda r: {"spikes": r.spikes.astype(str)}, r"must be counts, got numbers of type <U"),
        (lambda r: {"spikes": r.spikes[0]}, r"of shape \(trials, bins, neurons\)"),
        (lambda r: {"length": r.length * 0}, r"between one bin of 10 ms and the .* leave them out"),
        (
            lambda r: {"length": r.length[1:]},
            r"length must be one number for each of the 24 trials",
        ),
        (
            lambda r: {"movement_end": r.length + 1},
            r"the movement must lie in its trial, but in tr",
        ),
        (lambda r: {"bump_onset": r.length}, r"the bump must lie in its trial, but in trial 0"),
        (
            lambda r: {"movement_onset": np.where(r.active, r.movement_onset, np.nan)},
            r"movement_onset must be whole numbers of bins, -1 for an .* got numbers of type float",
        ),
        (lambda r: {"neurons": ("a", "a", "b")}, r"3 different names, .* got 3 names of which 2"),
        (
            lambda r: {"kinematics": {"paw": r.kinematics["hand"]}},
            "must be among hand, .* got 'paw'",
        ),
        (lambda r: {"kinematics": {"hand": r.kinematics["hand"][1:]}}, r"hand must be \(trials, b"),
        (
            lambda r: {"kinematics": {"muscle_length": r.kinematics["hand"]}},
            "must name the 2 chann",
        ),
    ],
)
def test_bad_recordings_are_refused(
    change: Callable[[Recording], dict[str, Any]], message: str
) -> None:
    good = recording()
    with pytest.raises(ValueError, match=message):
        replace(good, **change(good))


def test_nan_is_refused_where_it_counts() -> None:
    good = recording()
    hand = good.kinematics["hand"].copy()
    hand[3, good.length[3] :] = np.nan  # beyond the trial's end
    replace(good, kinematics={"hand": hand})
    hand[3, 10, 1] = np.nan
    with pytest.raises(
        ValueError, match=r"hand must be finite in every valid bin, but 1 bins of 1 t"
    ):
        replace(good, kinematics={"hand": hand})


def test_windows_cover_movements_and_bumps() -> None:
    session = recording()
    active, passive = active_windows(session), passive_windows(session)
    assert len(active) == 16 + 4
    assert len(passive) == 8
    assert (passive.length == 13).all()
    np.testing.assert_array_equal(passive.start, 5)
    window, place = active.rows()
    np.testing.assert_array_equal(
        active.gather(session.spikes, 2)[window == 3],
        session.spikes[active.trial[3], active.start[3] + 2 : active.stop[3] + 2],
    )
    assert place.max() + 1 == active.length.max()
    np.testing.assert_array_equal(active.first_row, np.flatnonzero(place == 0))
    # equal directions have equal conditions
    same = active.condition[:, None] == active.condition
    np.testing.assert_array_equal(same, active.direction_deg[:, None] == active.direction_deg)


@given(st.integers(0, 1000))
def test_cut_movements_stay_inside(seed: int) -> None:
    session = recording(48, seed=seed % 7)
    cut = active_as_passive_windows(session, seed=seed)
    again = choose_windows(session, "active_as_passive", seed=seed)
    np.testing.assert_array_equal(cut.start, again.start)
    assert len(cut) == len(passive_windows(session))
    assert len(set(cut.trial.tolist())) == len(cut)
    assert (cut.length == 13).all()
    assert (cut.start >= session.movement_onset[cut.trial]).all()
    assert (cut.stop <= session.movement_end[cut.trial]).all()


def test_cuts_differ_between_seeds() -> None:
    session = recording(48)
    starts = {tuple(active_as_passive_windows(session, seed=s).start.tolist()) for s in range(5)}
    assert len(starts) == 5


def test_missing_trials_are_named() -> None:
    session = recording()
    only_active = session.select(trials=~session.passive)
    with pytest.raises(
        ValueError, match=r"must have passive trials.*0 of 16 trials hold a bump.*wi"
    ):
        passive_windows(only_active)
    with pytest.raises(ValueError, match=r"must have passive trials"):
        active_as_passive_windows(only_active, seed=0)
    with pytest.raises(
        ValueError, match=r"must have trials with a movement, got none: use protocol.window=pass"
    ):
        active_windows(session.select(trials=~session.active))
    with pytest.raises(ValueError, match=r"must have 8 movements of at least 13 bins, .* got 4"):
        active_as_passive_windows(session.select(trials=session.passive), seed=0)
    with pytest.raises(ValueError, match=r"one of active, passive, active_as_passive, got 'idle'"):
        choose_windows(session, "idle")


def test_spikes_fall_into_their_bins() -> None:
    rng = np.random.default_rng(0)
    start = np.array([0.5, 2.0, 2.4])
    length = np.array([100, 40, 150])
    times = [rng.uniform(0, 5, n) for n in (400, 0, 900)]
    times[1] = np.array([0.5, 0.79, 2.0, 2.39, 2.4, 3.9, 0.4999])  # edges belong to what begins
    counts = bin_spikes(times, start, length)
    assert counts.shape == (3, 150, 3)
    for trial in range(3):
        edges = start[trial] + np.arange(length[trial] + 1) * 0.01
        for neuron in (0, 2):
            wanted = np.histogram(times[neuron], edges)[0]
            np.testing.assert_array_equal(counts[trial, : length[trial], neuron], wanted)
        assert counts[trial, length[trial] :].sum() == 0
    found = [tuple(place) for place in np.argwhere(counts[..., 1])]
    assert found == [(0, 0), (0, 29), (1, 0), (1, 39), (2, 0)]


def test_bad_trials_are_refused() -> None:
    with pytest.raises(ValueError, match=r"every trial at least a bin long, got .* shortest 0"):
        bin_spikes([[0.1]], [0.0, 1.0], [10, 0])
    with pytest.raises(
        ValueError, match=r"trials must follow one another, but trial 1 starts at 0.05"
    ):
        bin_spikes([[0.1]], [0.0, 0.05], [10, 5])
    with pytest.raises(ValueError, match=r"times_s must be finite"):
        bin_spikes([[np.nan]], [0.0], [10])


def test_signals_are_read_at_the_centres_of_bins() -> None:
    time = np.arange(0, 3, 0.001)
    values = np.stack([2 * time, np.sin(time)], axis=1)
    values[500:520, 1] = np.nan
    sampled = sample_signal(values, time, [0.2, 0.4], 100)
    wanted = np.array([0.2, 0.4])[:, None] + (np.arange(100) + 0.5) * 0.01
    np.testing.assert_allclose(sampled[..., 0], 2 * wanted, rtol=1e-6)
    gap = np.isnan(sampled[..., 1])
    np.testing.assert_array_equal(np.argwhere(gap), [[0, 30], [0, 31], [1, 10], [1, 11]])
    with pytest.raises(ValueError, match=r"ascending times"):
        sample_signal(values, time[::-1], [0.2], 10)


def test_gaps_never_cross_channels() -> None:
    rng = np.random.default_rng(0)
    data = rng.normal(size=(2, 12, 3)).astype(np.float32)
    broken = data.copy()
    broken[0, 3:5, 0] = broken[0, 0, 1] = broken[1, 9:, 2] = np.nan
    broken[1, :, 0] = np.nan
    valid = np.arange(12) < np.array([[12], [10]])
    mended = fill_gaps(broken, valid)
    step = (data[0, 5, 0] - data[0, 2, 0]) / 3
    np.testing.assert_allclose(
        mended[0, 3:5, 0], data[0, 2, 0] + step * np.array([1, 2]), rtol=1e-5
    )
    assert mended[0, 0, 1] == data[0, 1, 1]
    assert mended[1, 9, 2] == data[1, 8, 2]
    assert np.isnan(mended[1, 10:, 2]).all()  # not valid
    assert np.isnan(mended[1, :, 0]).all()  # nothing to go by
    same = np.isfinite(broken)
    np.testing.assert_array_equal(mended[same], broken[same])


def test_a_single_bin_takes_no_derivatives_away() -> None:
    session = recording()
    one = np.arange(24) == 1
    events = {name: np.where(one, -1, getattr(session, name)) for name in EVENTS}
    short = replace(session, length=np.where(one, 1, session.length), **events)
    found = with_derivatives(short).kinematics["hand_velocity"]
    np.testing.assert_array_equal(found[1], 0)
    wanted = with_derivatives(session).kinematics["hand_velocity"]
    np.testing.assert_array_equal(np.delete(found, 1, axis=0), np.delete(wanted, 1, axis=0))


def test_smoothing_equals_scipy() -> None:
    rng = np.random.default_rng(0)
    counts = rng.poisson(1.0, (3, 50, 2))
    length = np.array([50, 50, 30])
    plain = smooth(counts, length, compat=True)
    wanted = uniform_filter1d(counts.astype(float), 5, axis=1, mode="constant")
    np.testing.assert_allclose(plain[:2], wanted[:2], atol=1e-12)
    np.testing.assert_allclose(smooth(counts, length)[:2, 2:-2], wanted[:2, 2:-2], atol=1e-12)
    assert smooth(counts, length)[0, 0, 0] == pytest.approx(counts[0, :3, 0].mean())
    # the third trial ends at bin 30 and knows nothing of what comes after
    assert smooth(counts, length)[2, 29, 0] == pytest.approx(counts[2, 27:30, 0].mean())
    assert smooth(counts, length)[2, 30:].sum() == 0
    bell = smooth(counts, length, kernel="gaussian", width_bins=2, compat=True)
    np.testing.assert_allclose(
        bell[:2],
        gaussian_filter1d(counts[:2].astype(float), 2, axis=1, mode="constant"),
        atol=1e-12,
    )
    flat = smooth(np.ones((2, 20, 1)), [20, 11], kernel="gaussian", width_bins=3)
    np.testing.assert_allclose(flat[1, :11], 1)
    for wrong in ({"width_bins": 4}, {"kernel": "box"}, {"kernel": "gaussian", "width_bins": 0}):
        with pytest.raises(ValueError, match=r"must be"):
            smooth(counts, length, **wrong)  # type: ignore[arg-type]


@given(st.integers(12, 200), st.integers(1, 8), st.integers(0, 100))
def test_no_trial_is_in_train_and_test(trials: int, conditions: int, seed: int) -> None:
    condition = np.random.default_rng(seed).integers(0, conditions, trials)
    split = split_trials(condition, seed=seed)
    both = np.concatenate([split.train, split.test])
    np.testing.assert_array_equal(np.sort(both), np.arange(trials))
    assert len(split.test) == int(np.ceil(0.2 * trials))
    assert len(split.fold) == len(split.train)
    assert set(split.fold.tolist()) == set(range(5))
    sizes = np.bincount(split.fold)
    assert sizes.max() - sizes.min() <= 1
    # each condition gives its share, to a trial
    for number in np.unique(condition):
        share = 0.2 * np.count_nonzero(condition == number)
        assert abs(np.count_nonzero(condition[split.test] == number) - share) <= 1.5
    again = split_trials(condition, seed=seed)
    np.testing.assert_array_equal(again.test, split.test)


def test_folds_are_those_of_scikit_learn() -> None:
    fold = trial_folds(23, 5)
    for number, (_, held_out) in enumerate(
        KFold(5, shuffle=True, random_state=42).split(range(23))
    ):
        np.testing.assert_array_equal(np.flatnonzero(fold == number), held_out)
    with pytest.raises(ValueError, match=r"at most the 3 trials to learn from, got 5"):
        trial_folds(3, 5)
    with pytest.raises(ValueError, match=r"test_fraction must be in \(0, 1\), got 1"):
        split_trials([0, 1], test_fraction=1, seed=0)
