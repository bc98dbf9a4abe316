"""Neurons of a known model are found again: limb, layer, lag, and a table."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from proprio_tcn.networks.settings import TrunkSettings
from proprio_tcn.networks.trunk import build_trunk
from proprio_tcn.neural.binning import smooth
from proprio_tcn.neural.ceilings import ceiling_table
from proprio_tcn.neural.features import Features, layer_features, spindle_input
from proprio_tcn.neural.kinematics import kinematic_features
from proprio_tcn.neural.lags import lag_curve
from proprio_tcn.neural.nested import outer_targets, predict_nested
from proprio_tcn.neural.prediction import predict, predict_layer
from proprio_tcn.neural.protocol import Protocol
from proprio_tcn.neural.recording import Recording
from proprio_tcn.neural.reliability import oracle_ceiling
from proprio_tcn.neural.synthetic import Encoded, Encoding, encode, plant_neurons
from proprio_tcn.neural.targets import Targets, prepare

Floats = NDArray[np.float64]


def oracle(targets: Targets, encoded: Encoded, protocol: Protocol) -> Floats:
    assert targets.recording is not None
    rates = smooth(encoded.rates, targets.recording.length, width_bins=protocol.smoothing_bins)
    rows = targets.windows.gather(rates, protocol.lag_bins)
    return oracle_ceiling(targets.rates[~targets.train], rows[~targets.train])


# --- neurons of a known model --------------------------------------------------------------------


def test_encoding_does_what_it_says(planted: Any) -> None:
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
        encoding = Encoding(n_neurons=10, noise=noise, noise_correlation=0.3, rate_hz=200)
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


def test_bad_encodings_are_refused(planted: Any) -> None:
    state = np.ones((3, 10, 2))
    with pytest.raises(ValueError, match="state must vary for neurons to encode it"):
        encode(state, [10, 10, 10], Encoding(), seed=0)
    with pytest.raises(ValueError, match="state must be finite in valid bins, got 60 NaN"):
        encode(state * np.nan, [10, 10, 10], Encoding(), seed=0)
    with pytest.raises(ValueError, match="link must be one of identity, softplus, got 'exp'"):
        Encoding(link="exp")
    with pytest.raises(ValueError, match=r"noise_correlation must be in \[0, 1\), got 1"):
        Encoding(noise_correlation=1)
    with pytest.raises(ValueError, match=r"trial_gain_sd must be at least 0, and .* got -1.0 and"):
        Encoding(trial_gain_sd=-1.0)
    with pytest.raises(ValueError, match=r"and bias finite, got 0.0 and nan"):
        Encoding(bias=float("nan"))
    with pytest.raises(ValueError, match="a recording holds counts: noise must be poisson"):
        planted("identity", noise="gaussian")


# --- (a) neurons of the limb ---------------------------------------------------------------------


def test_limb_neurons_are_explained_best_by_the_limb(planted: Any) -> None:
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


def test_limb_neurons_reach_the_ceiling_in_every_trial(planted: Any) -> None:
    """The same with each trial held out once: the ceiling is then that of all trials."""
    recording, encoded = planted("identity", gain=0.3, rate_hz=150.0)
    protocol = Protocol()
    targets = prepare(recording, protocol)
    limb = kinematic_features(recording, targets.windows, ["limb position + velocity"])
    (score,) = predict_nested(outer_targets(targets, protocol, 4), lambda _: limb)
    table = ceiling_table(targets, protocol, encoded.rates, every_trial=True, seed=0)
    ceiling = np.array(table["oracle_ev"])
    rates = smooth(encoded.rates, recording.length, width_bins=protocol.smoothing_bins)
    of_all = oracle_ceiling(targets.rates, targets.windows.gather(rates))
    np.testing.assert_allclose(ceiling, of_all, rtol=1e-9)
    assert ceiling.mean() - 0.03 < score.test_ev.mean() < ceiling.mean() + 0.02
    assert abs(score.test_ev - ceiling).max() < 0.05


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


@pytest.fixture(scope="module")
def neurons_of_a_layer(
    planar_reaches: Recording, planted: Any
) -> tuple[Targets, list[Features], Features]:
    """Neurons that follow layer 2 of network A by 4 bins."""
    protocol = Protocol(lag_bins=LAG)
    # any neurons that fire: only the windows and the split are wanted
    empty = prepare(planted("identity", rate_hz=150.0)[0], protocol, lags=LAGS)
    layers = network_features(empty, protocol)
    source = next(one for one in layers if (one.model, one.depth) == ("A", 2))
    state = np.zeros((*planar_reaches.spikes.shape[:2], source.values.shape[1]))
    windows = empty.windows
    window, place = windows.rows()
    # what the layer says in a window, held before and after
    state[windows.trial[window], windows.start[window] + place] = source.values
    for trial, start, stop in zip(windows.trial, windows.start, windows.stop, strict=True):
        state[trial, :start], state[trial, stop:] = state[trial, start], state[trial, stop - 1]
    encoding = Encoding(n_neurons=30, link="identity", gain=0.4, rate_hz=150.0, lag_bins=LAG)
    recording, _ = plant_neurons(planar_reaches, state, encoding, seed=3)
    return prepare(recording, protocol, lags=LAGS), layers, source


def test_neurons_of_a_layer_are_explained_best_by_it(neurons_of_a_layer: Any) -> None:
    """Planted case (b), the layer: A's second wins over all others, untrained or kinematic."""
    targets, layers, _ = neurons_of_a_layer
    assert targets.recording is not None
    baselines = kinematic_features(targets.recording, targets.windows)
    found = predict(targets, [*layers, *baselines])
    ranked = sorted(found.layers, key=lambda one: -one.test_ev.mean())
    assert (ranked[0].model, ranked[0].depth) == ("A", 2)
    assert found.best_layer("A").depth == 2
    assert ranked[0].test_ev.mean() > ranked[1].test_ev.mean() + 0.01


def test_the_lag_of_neurons_is_found(neurons_of_a_layer: Any) -> None:
    """Planted case (b), the lag, and A18: to one bin."""
    targets, _, source = neurons_of_a_layer
    curve = lag_curve(targets, source, LAGS, Protocol(lag_bins=LAG))
    assert abs(curve.best_of_mean - LAG) <= 1
    assert np.mean(np.abs(curve.best - LAG) <= 1) > 0.9
    # at its own lag the curve is what a readout at that lag gives
    score, _ = predict_layer(targets, source)
    np.testing.assert_allclose(curve.test_ev[LAGS.index(LAG)], score.test_ev, atol=1e-9)
    table = curve.table(targets.neurons)
    assert len(table["test_ev"]) == len(LAGS) * 30


def test_the_lag_of_limb_neurons_is_found(planted: Any) -> None:
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


def test_softplus_neurons_fill_the_table(planted: Any) -> None:
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
    # both networks are untrained
    assert {"A", "B", "limb position + velocity", "direction"} <= set(rows["model"])
    table = found.layer_table()
    assert sum(table["best"]) == len(found.models)
    place = [table["model"][n] == "A" and table["best"][n] for n in range(len(table["model"]))]
    best = table["test_ev"][place.index(True)]
    assert best == pytest.approx(found.best_layer("A").test_ev.mean())
    a, b = (one.test_ev for one in found.of("A"))
    per_neuron = found.best_layer_per_neuron("A")
    assert ((per_neuron == a) | (per_neuron == b)).all()
