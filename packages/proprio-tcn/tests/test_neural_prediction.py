"""Planted neurons are found again: signal, noise, lag, layer, variables."""

from dataclasses import replace
from functools import lru_cache

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.metrics import explained_variance_score

from proprio_tcn.networks.settings import TrunkSettings
from proprio_tcn.networks.trunk import build_trunk
from proprio_tcn.neural.binning import smooth
from proprio_tcn.neural.ceilings import ceiling_table
from proprio_tcn.neural.controls import control_input, shuffled
from proprio_tcn.neural.features import Features, layer_features, spindle_input
from proprio_tcn.neural.kinematics import KINEMATIC_MODELS, kinematic_features, with_derivatives
from proprio_tcn.neural.lags import lag_curve
from proprio_tcn.neural.prediction import Prediction, predict, predict_layer, predict_nested
from proprio_tcn.neural.protocol import Protocol
from proprio_tcn.neural.recording import Recording
from proprio_tcn.neural.reliability import (
    condition_ceiling,
    normalised_ev,
    oracle_ceiling,
    split_half_reliability,
)
from proprio_tcn.neural.splits import split_trials
from proprio_tcn.neural.synthetic import Encoded, Encoding, encode, plant_neurons
from proprio_tcn.neural.targets import Targets, make_targets, prepare
from proprio_tcn.neural.windows import active_windows

Floats = NDArray[np.float64]
LIMB = KINEMATIC_MODELS["limb position + velocity"]


UPPER_CM, LOWER_CM, BEFORE = 16.0, 18.0, 20


@lru_cache(maxsize=1)
def reaches(trials: int = 160) -> Recording:
    """Minimum-jerk reaches of a planar arm with stand-in muscles; every fourth trial is a bump."""
    rng = np.random.default_rng(1)
    passive = np.arange(trials) % 4 == 0
    moving = np.where(passive, 30, rng.integers(40, 80, trials))
    length = BEFORE + moving + 20
    since = np.arange(length.max()) - BEFORE
    s = np.clip(since / np.where(passive, 13, moving)[:, None], 0, 1)
    way = (s**3 * (10 - 15 * s + 6 * s**2)) * np.where(passive, 2, rng.uniform(5, 12, trials))[
        :, None
    ]
    direction = rng.integers(0, 8, trials) * 45.0
    angle = np.radians(direction)
    start = np.stack([rng.uniform(14, 20, trials), rng.uniform(-6, 6, trials)], axis=1)
    towards = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    hand = start[:, None] + way[..., None] * towards[:, None]
    # two links in a plane have a closed form
    distance = np.linalg.norm(hand, axis=2)
    bend = np.arccos((UPPER_CM**2 + distance**2 - LOWER_CM**2) / (2 * UPPER_CM * distance))
    shoulder = np.arctan2(hand[..., 1], hand[..., 0]) + bend
    elbow = UPPER_CM * np.stack([np.cos(shoulder), np.sin(shoulder)], axis=2)
    lower = hand - elbow
    angles = np.degrees(
        np.stack([shoulder, np.arctan2(lower[..., 1], lower[..., 0]) - shoulder], 2)
    )
    along = rng.uniform(0.2, 0.8, 12)[:, None]
    upper, fore = along[:6] * elbow[:, :, None], (elbow[:, :, None] + along[6:] * lower[:, :, None])
    ways = np.concatenate([upper, fore], axis=2) - rng.normal(scale=6, size=(12, 2))
    parts = {"hand": hand, "elbow": elbow, "joint_angle": angles}
    parts["muscle_length"] = 10 * np.linalg.norm(ways, axis=3)
    return with_derivatives(
        Recording(
            np.zeros((trials, len(since), 1), dtype=np.uint16),
            length,
            {name: values.astype(np.float32) for name, values in parts.items()},
            movement_onset=np.where(passive, -1, BEFORE),
            movement_end=np.where(passive, -1, BEFORE + moving),
            bump_onset=np.where(passive, BEFORE, -1),
            target_direction_deg=np.where(passive, np.nan, direction),
            bump_direction_deg=np.where(passive, direction, np.nan),
            neurons=("silent",),
            muscles=tuple(f"muscle {number}" for number in range(12)),
        )
    )


def planted(link: str, seed: int = 0, **options: object) -> tuple[Recording, Encoded]:
    encoding = Encoding(neurons=24, link=link, **options)  # type: ignore[arg-type]
    return plant_neurons(reaches(), reaches().variables(LIMB), encoding, seed=seed)


def oracle(targets: Targets, encoded: Encoded, protocol: Protocol) -> Floats:
    assert targets.recording is not None
    rates = smooth(encoded.rates, targets.recording.length, width_bins=protocol.smoothing_bins)
    rows = targets.windows.gather(rates, protocol.lag_bins)
    return oracle_ceiling(targets.rates[~targets.train], rows[~targets.train])


# --- neurons of a known model --------------------------------------------------------------------


def test_encoding_does_what_it_says() -> None:
    recording, encoded = planted("softplus", rate_hz=15.0, lag_bins=4)
    valid = recording.valid
    np.testing.assert_allclose(encoded.rates[valid].mean(axis=0), 0.15, rtol=1e-9)
    np.testing.assert_allclose(np.linalg.norm(encoded.weights, axis=0), 1)
    counts = encoded.responses[valid]
    ratio = counts.var(axis=0) / (
        encoded.rates[valid].mean(axis=0) + encoded.rates[valid].var(axis=0)
    )
    assert 0.9 < ratio.mean() < 1.1
    early, _ = planted("softplus", rate_hz=15.0, lag_bins=0), None
    np.testing.assert_allclose(encoded.rates[:, 14:60], early[1].rates[:, 10:56], rtol=0.03)
    again = planted("softplus", rate_hz=15.0, lag_bins=4)[1]
    np.testing.assert_array_equal(again.responses, encoded.responses)


def test_noise_is_correlated_as_asked() -> None:
    rng = np.random.default_rng(0)
    state, length = rng.normal(size=(40, 100, 3)), np.full(40, 100)
    for noise, low, high in (("gaussian", 0.28, 0.32), ("poisson", 0.2, 0.3)):
        encoding = Encoding(neurons=10, noise=noise, noise_correlation=0.3, rate_hz=200)
        encoded = encode(state, length, encoding, seed=0)
        left = (encoded.responses - encoded.rates).reshape(-1, 10)
        if noise == "poisson":
            left = left / np.sqrt(encoded.rates.reshape(-1, 10))
        r = np.corrcoef(left.T)
        assert low < r[np.triu_indices(10, 1)].mean() < high
        if noise == "poisson":
            np.testing.assert_allclose(left.var(axis=0), 1, atol=0.1)
    gains = encode(state, length, Encoding(trial_gain_sd=0.3), seed=0).rates
    plain = encode(state, length, Encoding(), seed=0).rates
    ratio = gains / plain
    np.testing.assert_allclose(ratio, ratio[:, :1, :1] * np.ones_like(ratio))
    assert np.log(ratio[:, 0, 0]).std() == pytest.approx(0.3, abs=0.07)


def test_bad_encodings_are_refused() -> None:
    state = np.ones((3, 10, 2))
    with pytest.raises(ValueError, match="state must vary for neurons to encode it"):
        encode(state, [10, 10, 10], Encoding(), seed=0)
    with pytest.raises(ValueError, match="state must be finite in valid bins, got 60 NaN"):
        encode(state * np.nan, [10, 10, 10], Encoding(), seed=0)
    with pytest.raises(ValueError, match="link must be one of identity, softplus, got 'exp'"):
        Encoding(link="exp")
    with pytest.raises(ValueError, match=r"noise_correlation must be in \[0, 1\), got 1"):
        Encoding(noise_correlation=1)
    with pytest.raises(ValueError, match="a recording holds counts: noise must be poisson"):
        planted("identity", noise="gaussian")


# --- what a readout must find --------------------------------------------------------------------


def random_features(rows: int, features: int = 30) -> Features:
    values = np.random.default_rng(7).normal(size=(rows, features))
    return Features("random", "random", values.cumsum(axis=0) / 50 + values)


def test_signal_is_found_and_noise_is_not() -> None:
    windows = active_windows(reaches())
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


def test_scores_are_those_of_the_predictions() -> None:
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


def test_torch_reads_out_the_same() -> None:
    pytest.importorskip("torch")
    recording, _ = planted("identity")
    targets = prepare(recording)
    features = kinematic_features(recording, targets.windows, ["hand velocity"])
    here = predict(targets, features)
    there = predict(targets, features, device="cpu:0")
    np.testing.assert_allclose(here.layers[0].test_ev, there.layers[0].test_ev, atol=1e-9)


# --- (a) neurons of the limb ---------------------------------------------------------------------


def test_limb_neurons_are_explained_best_by_the_limb() -> None:
    """Planted case (a): the linear limb model is within .03 of the oracle, and the best."""
    recording, encoded = planted("identity", gain=0.3, rate_hz=150.0)
    protocol = Protocol()
    targets = prepare(recording, protocol)
    found = predict(targets, kinematic_features(recording, targets.windows))
    assert {"direction", "|hand velocity|", "joint angle", "muscle length"} <= set(found.models)
    mean = {one.model: one.test_ev.mean() for one in found.layers}
    ceiling = oracle(targets, encoded, protocol).mean()
    limb = mean["limb position + velocity"]
    assert limb > ceiling - 0.03
    assert max(mean.values()) < ceiling + 0.02
    others = {name: ev for name, ev in mean.items() if name != "limb position + velocity"}
    assert limb > max(others.values())
    assert ceiling > 0.3
    best = max(found.layers, key=lambda one: one.fold_ev.mean())
    assert best.model == "limb position + velocity"


# --- (b) neurons of a layer ----------------------------------------------------------------------

NETWORKS = {
    "A": TrunkSettings(spatial_kernels=[6, 12], spatial_kernel_size=3, temporal_kernel_size=5),
    "B": TrunkSettings(
        family="temporal_spatial", spatial_kernels=[8, 8], temporal_kernels=[8, 8],
        spatial_kernel_size=3, temporal_kernel_size=7,
    ),
}  # fmt: skip


def network_features(targets: Targets, protocol: Protocol) -> list[Features]:
    assert targets.recording is not None
    spindle = spindle_input(targets.recording, targets.windows)
    return [
        layer
        for number, (name, settings) in enumerate(NETWORKS.items())
        for layer in layer_features(
            name,
            build_trunk(settings, 12, number).eval(),
            spindle,
            targets.windows,
            targets.split.train,
            components=protocol.components,
        )
    ]


LAG = 4
LAGS = tuple(range(-2, 11))


@lru_cache(maxsize=1)
def neurons_of_a_layer() -> tuple[Targets, list[Features], Features]:
    """Neurons that follow layer 2 of network A by 4 bins."""
    protocol = Protocol(lag_bins=LAG)
    # any neurons that fire: only the windows and the split are wanted
    empty = prepare(planted("identity", rate_hz=150.0)[0], protocol, lags=LAGS)
    layers = network_features(empty, protocol)
    source = next(one for one in layers if (one.model, one.depth) == ("A", 2))
    state = np.zeros((*reaches().spikes.shape[:2], source.values.shape[1]))
    windows = empty.windows
    window, place = windows.rows()
    # what the layer says in a window, held before and after
    state[windows.trial[window], windows.start[window] + place] = source.values
    for trial, start, stop in zip(windows.trial, windows.start, windows.stop, strict=True):
        state[trial, :start], state[trial, stop:] = state[trial, start], state[trial, stop - 1]
    encoding = Encoding(neurons=30, link="identity", gain=0.4, rate_hz=150.0, lag_bins=LAG)
    recording, _ = plant_neurons(reaches(), state, encoding, seed=3)
    return prepare(recording, protocol, lags=LAGS), layers, source


def test_neurons_of_a_layer_are_explained_best_by_it() -> None:
    """Planted case (b), the layer: A's second wins over all others, untrained or kinematic."""
    targets, layers, _ = neurons_of_a_layer()
    assert targets.recording is not None
    baselines = kinematic_features(targets.recording, targets.windows)
    found = predict(targets, [*layers, *baselines])
    ranked = sorted(found.layers, key=lambda one: -one.test_ev.mean())
    assert (ranked[0].model, ranked[0].depth) == ("A", 2)
    assert found.best_layer("A").depth == 2
    assert ranked[0].test_ev.mean() > ranked[1].test_ev.mean() + 0.01


def test_the_lag_of_neurons_is_found() -> None:
    """Planted case (b), the lag, and A18: to one bin."""
    targets, _, source = neurons_of_a_layer()
    curve = lag_curve(targets, source, LAGS, Protocol(lag_bins=LAG))
    assert abs(curve.best_of_mean - LAG) <= 1
    assert np.mean(np.abs(curve.best - LAG) <= 1) > 0.9
    # at its own lag the curve is what a readout at that lag gives
    score, _ = predict_layer(targets, source)
    np.testing.assert_allclose(curve.test_ev[LAGS.index(LAG)], score.test_ev, atol=1e-9)
    table = curve.table(targets.neurons)
    assert len(table["test_ev"]) == len(LAGS) * 30


def test_the_lag_of_limb_neurons_is_found() -> None:
    recording, _ = planted("softplus", lag_bins=5, gain=1.5, rate_hz=60.0)
    protocol = Protocol()
    targets = prepare(recording, protocol, lags=LAGS)
    features = kinematic_features(recording, targets.windows, ["limb position + velocity"])[0]
    curve = lag_curve(targets, features, LAGS, protocol)
    assert abs(curve.best_of_mean - 5) <= 1
    short = prepare(recording.select(trials=recording.passive), Protocol(window="passive"))
    with pytest.raises(
        ValueError, match=r"leave room in their trials for lags from -50 to 90 bins"
    ):
        lag_curve(short, features, range(-50, 91), protocol)


# --- (c) neurons with a soft threshold: the table only -------------------------------------------


def test_softplus_neurons_fill_the_table() -> None:
    recording, encoded = planted("softplus", gain=2.0)
    protocol = Protocol()
    targets = prepare(recording, protocol)
    found = predict(
        targets,
        [*network_features(targets, protocol), *kinematic_features(recording, targets.windows)],
    )
    ceiling = oracle(targets, encoded, protocol).mean()
    for one in found.layers:
        assert one.test_ev.mean() < ceiling + 0.02
    rows = found.neuron_table()
    assert len(set(map(len, rows.values()))) == 1
    assert len(rows["neuron"]) == 24 * len(found.layers)
    table = found.layer_table()
    assert sum(table["best"]) == len(found.models)
    place = [table["model"][n] == "A" and table["best"][n] for n in range(len(table["model"]))]
    best = table["test_ev"][place.index(True)]
    assert best == pytest.approx(found.best_layer("A").test_ev.mean())
    a, b = (one.test_ev for one in found.of("A"))
    per_neuron = found.best_layer_per_neuron("A")
    assert ((per_neuron == a) | (per_neuron == b)).all()


def test_every_trial_is_held_out_once_by_nested_folds() -> None:
    recording, encoded = planted("identity", gain=0.3, rate_hz=150.0)
    targets = prepare(recording)
    limb = kinematic_features(recording, targets.windows, ["limb position + velocity"])[0]
    nested = predict_nested(targets, limb)
    assert nested.ev.shape == (5, 24)
    once = predict(targets, [limb]).layers[0].test_ev
    assert nested.ev.mean() == pytest.approx(once.mean(), abs=0.05)
    ceiling = oracle_ceiling(
        targets.rates, targets.windows.gather(smooth(encoded.rates, recording.length))
    )
    assert ceiling.mean() - 0.04 < nested.ev.mean() < ceiling.mean() + 0.02


# --- controls and ceilings -----------------------------------------------------------------------


def test_shuffled_time_leaves_what_the_trial_tells() -> None:
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


def test_spoilt_inputs_lack_what_they_should() -> None:
    windows = active_windows(reaches())
    spindle = spindle_input(reaches(), windows)
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


def test_explained_variance_is_normalised_where_there_is_something() -> None:
    found = normalised_ev([[0.2, 0.1, 0.1]], [0.4, 0.01, np.nan])
    np.testing.assert_allclose(found, [[0.5, np.nan, np.nan]])
    with pytest.raises(ValueError, match="least must be above 0, got 0"):
        normalised_ev(0.1, 0.2, least=0)


def test_reliability_and_ceiling_tell_signal_from_noise() -> None:
    """Repeats of one time course: reliability follows Spearman and Brown, the ceiling the SNR."""
    rng = np.random.default_rng(0)
    session = reaches().select(trials=reaches().active)
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


def test_neurons_are_filtered_by_rate_and_reliability() -> None:
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
    with pytest.raises(ValueError, match=r"at least one neuron must pass min_rate_hz=500 .* reach"):
        prepare(recording, Protocol(min_rate_hz=500))


@pytest.mark.parametrize("quiet", ["everywhere", "train", "test"])
def test_neurons_that_do_not_vary_raise_no_mean(quiet: str) -> None:
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


def test_unknown_directions_are_no_repeats() -> None:
    session = reaches().select(trials=reaches().active)
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


def test_a_layer_counts_once() -> None:
    recording, _ = planted("identity", rate_hz=40.0)
    targets = prepare(recording)
    limb = kinematic_features(recording, targets.windows, ["limb velocity"])[0]
    with pytest.raises(ValueError, match=r"got limb velocity, .* twice: give each network"):
        predict(targets, [limb, limb])
    once = predict(targets, [limb])
    with pytest.raises(ValueError, match=r"must be there once, got limb velocity"):
        Prediction(once.neurons, once.layers * 2)


def test_trials_that_fit_no_window_are_counted() -> None:
    recording, _ = planted("identity", rate_hz=40.0)
    assert prepare(recording).left_out == ()
    short = prepare(recording, Protocol(placement=400 - 60))
    assert short.windows.length.max() <= 60
    missing = 120 - len(short.windows)
    assert missing > 20
    assert short.left_out == (
        f"{missing} trials: too long for a network's input, over too soon, or not drawn",
    )
    with pytest.raises(ValueError, match=r"between 1 and 10 bins with responses at lags of 0 to 0"):
        prepare(recording, Protocol(placement=390))


def test_windows_are_prepared_for_bumps_and_cuts() -> None:
    recording, _ = planted("identity", gain=0.3, rate_hz=40.0)
    for window in ("passive", "active_as_passive"):
        targets = prepare(recording, Protocol(window=window))
        assert (targets.windows.length == 13).all()
        assert len(targets.windows) == 40
        assert targets.rates.shape == (40 * 13, 24)
        features = kinematic_features(recording, targets.windows, ["limb velocity"])
        assert isinstance(predict(targets, features), Prediction)


def test_what_cannot_be_compared_is_refused() -> None:
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
