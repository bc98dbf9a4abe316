"""What a readout finds and leaves: signal, noise, controls, ceilings, filters."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.metrics import explained_variance_score

from proprio_tcn.neural.ceilings import ceiling_table
from proprio_tcn.neural.controls import control_input, shuffled
from proprio_tcn.neural.features import Features, spindle_input
from proprio_tcn.neural.kinematics import kinematic_features
from proprio_tcn.neural.prediction import Prediction, predict, predict_layer
from proprio_tcn.neural.protocol import Protocol
from proprio_tcn.neural.recording import Recording
from proprio_tcn.neural.reliability import (
    condition_ceiling,
    split_half_reliability,
)
from proprio_tcn.neural.splits import split_trials
from proprio_tcn.neural.targets import make_targets, prepare
from proprio_tcn.neural.windows import Windows, active_windows

Floats = NDArray[np.float64]


# --- what a readout must find --------------------------------------------------------------------


def random_features(rows: int, features: int = 30) -> Features:
    values = np.random.default_rng(7).normal(size=(rows, features))
    return Features("random", "random", values.cumsum(axis=0) / 50 + values)


def test_signal_is_found_and_noise_is_not(planar_reaches: Recording) -> None:
    windows = active_windows(planar_reaches)
    split = split_trials(windows.condition, seed=0)
    features = random_features(int(windows.length.sum()))
    rng = np.random.default_rng(0)
    weights = rng.normal(size=(30, 40))
    signal = (features.values - features.values.mean(axis=0)) @ weights
    noise = rng.normal(size=signal.shape)
    clean, _ = predict_layer(make_targets(signal, windows, split), features)
    assert clean.test_ev.min() > 0.999
    none, _ = predict_layer(make_targets(noise, windows, split), features)
    assert abs(none.test_ev.mean()) < 0.02
    targets = make_targets(noise, windows, split)
    held_out = ~targets.train
    assert held_out.sum() > 1000
    for snr in (0.3, 1.0, 3.0):
        # the ratio of variances in the bins that are scored
        scale = np.sqrt(signal[held_out].var(axis=0) / noise[held_out].var(axis=0) / snr)
        found, _ = predict_layer(make_targets(signal + scale * noise, windows, split), features)
        assert found.test_ev.mean() == pytest.approx(snr / (1 + snr), abs=0.03)


def test_scores_are_those_of_the_predictions(planted: Any) -> None:
    recording, _ = planted("identity")
    targets = prepare(recording)
    features = kinematic_features(recording, targets.windows, ["limb position + velocity"])[0]
    score, predicted = predict_layer(targets, features)
    held_out = targets.rates[~targets.train]
    np.testing.assert_allclose(
        score.test_ev, explained_variance_score(held_out, predicted, multioutput="raw_values")
    )
    once = np.ones((1, len(score.trials.bins)))
    np.testing.assert_allclose(score.trials.explained_variance(once)[0], score.test_ev)
    # weights of 2 and 0 are as good as doubled and missing trials
    weights = np.arange(len(score.trials.bins)) % 3
    window = targets.window[~targets.train]
    rows = np.concatenate(
        [
            np.flatnonzero(window == np.unique(window)[t])
            for t in range(len(weights))
            for _ in range(weights[t])
        ]
    )
    np.testing.assert_allclose(
        score.trials.explained_variance(weights[None].astype(float))[0],
        explained_variance_score(held_out[rows], predicted[rows], multioutput="raw_values"),
    )


def test_torch_reads_out_the_same(planted: Any) -> None:
    pytest.importorskip("torch")
    recording, _ = planted("identity")
    targets = prepare(recording)
    features = kinematic_features(recording, targets.windows, ["hand velocity"])
    here = predict(targets, features)
    there = predict(targets, features, device="cpu:0")
    np.testing.assert_allclose(here.layers[0].test_ev, there.layers[0].test_ev, atol=1e-9)


# --- controls and ceilings -----------------------------------------------------------------------


def test_shuffled_time_leaves_what_the_trial_tells(planted: Any) -> None:
    recording, _ = planted("identity", gain=0.3, rate_hz=40.0)
    targets = prepare(recording)
    mixed = shuffled(targets, seed=0)
    window = targets.window
    for one in (0, 17):
        np.testing.assert_allclose(
            np.sort(mixed.rates[window == one], axis=0),
            np.sort(targets.rates[window == one], axis=0),
        )
        assert not np.array_equal(mixed.rates[window == one], targets.rates[window == one])
    features = kinematic_features(recording, targets.windows, ["limb velocity", "direction"])
    before, after = (predict(one, features) for one in (targets, mixed))
    assert after.layers[0].test_ev.mean() < 0.7 * before.layers[0].test_ev.mean()


def test_spoilt_inputs_lack_what_they_should(planar_reaches: Recording) -> None:
    windows = active_windows(planar_reaches)
    spindle = spindle_input(planar_reaches, windows)
    mixed = control_input(spindle, windows, "muscles", seed=0)
    order = [int(np.flatnonzero((spindle[0] == one).all(axis=(1, 2)))[0]) for one in mixed[0]]
    assert sorted(order) == list(range(12)) != order
    np.testing.assert_array_equal(mixed, spindle[:, order])
    jumbled = control_input(spindle, windows, "time", seed=0)
    for one in (0, 9):
        inside = slice(100, 100 + windows.length[one])
        assert not np.array_equal(jumbled[one, :, inside], spindle[one, :, inside])
        same = np.sort(jumbled[one, :, inside], axis=1) == np.sort(spindle[one, :, inside], axis=1)
        assert same.all()
        np.testing.assert_array_equal(jumbled[one, :, :100], spindle[one, :, :100])
        after = inside.stop
        np.testing.assert_array_equal(jumbled[one, :, after:], spindle[one, :, after:])
    still = control_input(spindle, windows, "constant", seed=0)
    assert (still[..., 1] == 0).all()
    wanted = spindle[3, :, 100 : 100 + windows.length[3], 0].mean(axis=1)
    np.testing.assert_allclose(still[3, :, [0, 150, 399], 0], np.tile(wanted, (3, 1)), rtol=1e-5)
    with pytest.raises(
        ValueError, match=r"control must be one of muscles, time, constant, got 'x'"
    ):
        control_input(spindle, windows, "x", seed=0)


def test_reliability_and_ceiling_tell_signal_from_noise(planar_reaches: Recording) -> None:
    """Repeats of one time course: reliability follows Spearman and Brown, the ceiling the SNR."""
    rng = np.random.default_rng(0)
    session = planar_reaches.select(trials=planar_reaches.active)
    windows = active_windows(session)
    same = np.sin(np.arange(session.bins) / 6)[None, :, None] * np.ones(3)
    of_condition = np.cos(np.radians(session.target_direction_deg))[:, None, None]
    signal = same * of_condition
    sd = signal[session.valid].std()
    rates = signal + rng.normal(size=signal.shape) * np.array([1e-6, sd, 30 * sd])
    reliability = split_half_reliability(rates, windows, seed=0)
    assert reliability[0] == pytest.approx(1)
    # about fifteen repeats of each direction average the noise away
    assert reliability[1] > 0.9
    assert abs(reliability[2]) < 0.3
    ceiling = condition_ceiling(rates, windows)
    assert ceiling[0] == pytest.approx(1, abs=1e-6)
    used = windows.gather(signal[..., :1])[:, 0]
    share = used.var() / (used.var() + sd**2)
    assert ceiling[1] == pytest.approx(share, abs=0.06)
    assert abs(ceiling[2]) < 0.05
    lonely = windows.take([0])
    with pytest.raises(ValueError, match="needs a direction with two or more trials, got 1"):
        split_half_reliability(rates, lonely, seed=0)


def test_neurons_are_filtered_by_rate_and_reliability(planted: Any) -> None:
    recording, _ = planted("identity", gain=0.5, rate_hz=40.0)
    spikes = recording.spikes.copy()
    spikes[..., :4] = 0
    rng = np.random.default_rng(0)
    spikes[..., 4:8] = rng.poisson(0.4, spikes[..., 4:8].shape)
    recording = replace(recording, spikes=spikes)
    assert prepare(recording).neurons == recording.neurons[4:]
    spikes[..., 4] = rng.poisson(0.02, spikes[..., 4].shape)
    recording = replace(recording, spikes=spikes)
    assert prepare(recording, Protocol(min_rate_hz=5.0)).neurons == recording.neurons[5:]
    strict = prepare(recording, Protocol(min_rate_hz=5.0, min_reliability=0.7)).neurons
    assert not set(strict) & set(recording.neurons[:8])
    assert len(strict) >= 8
    with pytest.raises(ValueError, match=r"must pass protocol.min_rate_hz=500 .* reach"):
        prepare(recording, Protocol(min_rate_hz=500))
    silent = replace(recording, spikes=np.zeros_like(recording.spikes))
    with pytest.raises(ValueError, match=r"got none of \d+: rates reach 0 Hz, 0 vary"):
        prepare(silent, Protocol(min_reliability=0.7))


def test_ceilings_and_filters_are_of_the_bins_that_are_explained(planted: Any) -> None:
    """Neurons that come later have later repeats and rates."""
    recording, _ = planted("identity", rate_hz=40.0)
    lag = 9
    empty = np.zeros_like(recording.spikes[:, :lag])
    late = np.concatenate([empty, recording.spikes[:, :-lag]], axis=1)
    delayed = replace(recording, spikes=np.where(recording.valid[..., None], late, 0))
    targets = prepare(delayed, Protocol(lag_bins=lag))
    found = ceiling_table(targets, Protocol(lag_bins=lag), seed=0)
    # in the middle of trials nothing else has changed
    wanted = ceiling_table(prepare(recording), Protocol(), seed=0)
    for name in ("rate_hz", "reliability", "condition_ceiling"):
        np.testing.assert_allclose(found[name], wanted[name], atol=0.02)
    # a neuron that fires after the movement passes where it is asked for with its lag
    only = np.zeros_like(recording.spikes[..., :1])
    trial = np.flatnonzero(recording.active)
    for bins in range(3):
        only[trial, recording.movement_end[trial] + bins, 0] = 1 + trial % 2
    after = replace(recording, spikes=only, neurons=("after",))
    protocol = Protocol(lag_bins=lag, min_rate_hz=2.0, min_reliability=-1)
    assert prepare(after, protocol).neurons == ("after",)


def test_ceilings_weigh_conditions_by_their_bins() -> None:
    """Of two steady conditions, a short one far off makes a small part of the variance."""
    trials, rng = 400, np.random.default_rng(0)
    number = np.arange(trials) % 2
    length = np.where(number, 10, 90)
    signal = 3.0 * number[:, None, None]
    rates = signal + rng.normal(size=(trials, 90, 1))
    start = np.zeros(trials, dtype=np.int64)
    windows = Windows(np.arange(trials), start, length, 90.0 * number, "active")
    ceiling = condition_ceiling(rates, windows)
    variance = windows.gather(np.broadcast_to(signal, rates.shape)).var()
    assert variance == pytest.approx(0.81)
    assert ceiling[0] == pytest.approx(variance / (variance + 1), abs=0.02)


@pytest.mark.parametrize("quiet", ["everywhere", "train", "test"])
def test_neurons_that_do_not_vary_raise_no_mean(planted: Any, quiet: str) -> None:
    """Silent in training or held-out trials, explained variance would be 1 in every model."""
    recording, _ = planted("identity", gain=0.3, rate_hz=150.0)
    whole = prepare(recording)
    trial = whole.windows.trial
    of_part = {
        "everywhere": np.arange(len(recording)),
        "train": trial[whole.split.train],
        "test": trial[whole.split.test],
    }
    spikes = recording.spikes.copy()
    spikes[of_part[quiet], :, 2:14] = 0
    targets = prepare(replace(recording, spikes=spikes))
    assert targets.neurons == (*recording.neurons[:2], *recording.neurons[14:])
    assert targets.left_out == (
        "12 neurons that do not vary in training or held-out trials: "
        + ", ".join(recording.neurons[2:14]),
    )
    limb = kinematic_features(recording, targets.windows, ["limb position + velocity"])[0]
    kept, full = (predict(one, [limb]).layers[0].test_ev for one in (targets, whole))
    np.testing.assert_allclose(kept, np.delete(full, np.s_[2:14]), atol=1e-9)
    none = np.zeros_like(spikes)
    with pytest.raises(ValueError, match=r"vary in training and held-out trials, got none of 24"):
        prepare(replace(recording, spikes=none))


def test_unknown_directions_are_no_repeats(planar_reaches: Recording, planted: Any) -> None:
    session = planar_reaches.select(trials=planar_reaches.active)
    windows = active_windows(session)
    known = np.arange(len(windows)) % 2 == 0
    partly = replace(windows, direction_deg=np.where(known, windows.direction_deg, np.nan))
    assert (partly.condition == -1).tolist() == (~known).tolist()
    rates = np.random.default_rng(0).normal(size=(*session.spikes.shape[:2], 3))
    for told in (
        lambda w: split_half_reliability(rates, w, seed=0),
        lambda w: condition_ceiling(rates, w),
    ):
        np.testing.assert_array_equal(told(partly), told(windows.take(known)))
        blind = replace(windows, direction_deg=np.full(len(windows), np.nan))
        with pytest.raises(ValueError, match="of different or unknown ones"):
            told(blind)
    recording, _ = planted("identity", rate_hz=40.0)
    nowhere = np.full(len(recording), np.nan)
    targets = prepare(replace(recording, target_direction_deg=nowhere))
    assert np.isnan(ceiling_table(targets, Protocol(), seed=0)["reliability"]).all()


def test_a_layer_counts_once(planted: Any) -> None:
    recording, _ = planted("identity", rate_hz=40.0)
    targets = prepare(recording)
    limb = kinematic_features(recording, targets.windows, ["limb velocity"])[0]
    with pytest.raises(ValueError, match=r"got limb velocity, .* twice: give each network"):
        predict(targets, [limb, limb])
    once = predict(targets, [limb])
    with pytest.raises(ValueError, match=r"must be there once, got limb velocity"):
        Prediction(once.neurons, once.layers * 2)


def test_trials_that_fit_no_window_are_counted(planted: Any) -> None:
    recording, _ = planted("identity", rate_hz=40.0)
    assert prepare(recording).left_out == ()
    short = prepare(recording, Protocol(placement=400 - 60))
    assert short.windows.length.max() <= 60
    missing = 120 - len(short.windows)
    assert missing > 20
    assert short.left_out == (
        f"{missing} trials: too long for a network's input, over too soon, or not drawn",
    )
    with pytest.raises(ValueError, match=r"between 1 and 10 bins, got none among 120: lower"):
        prepare(recording, Protocol(placement=390))
    with pytest.raises(ValueError, match=r"300 bins with responses at lags of 0 to 200 bins, got"):
        prepare(recording, lags=[200])


def test_windows_are_prepared_for_bumps_and_cuts(planted: Any) -> None:
    recording, _ = planted("identity", gain=0.3, rate_hz=40.0)
    for window in ("passive", "active_as_passive"):
        targets = prepare(recording, Protocol(window=window))
        assert (targets.windows.length == 13).all()
        assert len(targets.windows) == 40
        assert targets.rates.shape == (40 * 13, 24)
        features = kinematic_features(recording, targets.windows, ["limb velocity"])
        assert isinstance(predict(targets, features), Prediction)


def test_what_cannot_be_compared_is_refused(planted: Any) -> None:
    recording, _ = planted("identity")
    targets = prepare(recording)
    with pytest.raises(ValueError, match="features must hold at least one layer of one model"):
        predict(targets, [])
    with pytest.raises(
        ValueError, match=r"features of random, random must be \(rows, features\) wi"
    ):
        predict(targets, [random_features(10)])
    with pytest.raises(
        ValueError, match=r"a kinematic model must be one of direction, .* got 'mood'"
    ):
        kinematic_features(recording, targets.windows, ["mood"])
    with pytest.raises(ValueError, match="the recording must hold force, got"):
        kinematic_features(recording, targets.windows, ["force"])
    blind = targets.windows.take(np.arange(120))
    blind.direction_deg[:3] = np.nan
    with pytest.raises(ValueError, match="needs the direction of every trial, got 3 of 120"):
        kinematic_features(recording, blind, ["direction"])
    with pytest.raises(ValueError, match=r"rates must be \(rows, neurons\) with \d+ rows"):
        make_targets(np.zeros((3, 2)), targets.windows, targets.split)
    with pytest.raises(ValueError, match='padding must be "edge" or "recorded"'):
        Protocol(padding="zero")
    with pytest.raises(ValueError, match=r"placement must be below the 400 bins of .* got 400"):
        Protocol(placement=400)
