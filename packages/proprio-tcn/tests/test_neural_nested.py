"""Every trial held out once, against a loop over scikit-learn."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.linear_model import Ridge
from sklearn.metrics import explained_variance_score, r2_score
from sklearn.model_selection import KFold
from sklearn.preprocessing import StandardScaler

from proprio_tcn.networks.settings import TrunkSettings
from proprio_tcn.networks.trunk import build_trunk
from proprio_tcn.neural.data_driven import learn_architectures
from proprio_tcn.neural.features import Features
from proprio_tcn.neural.models import NamedNetwork, network_features
from proprio_tcn.neural.nested import outer_targets, pooled_scores, predict_nested
from proprio_tcn.neural.prediction import predict_layer
from proprio_tcn.neural.protocol import Protocol
from proprio_tcn.neural.scores import bits_per_spike
from proprio_tcn.neural.splits import nested_splits, split_trials
from proprio_tcn.neural.targets import Targets, make_targets, prepare
from proprio_tcn.neural.windows import Windows

ALPHAS = (0.1, 10.0, 1000.0)
TRIALS, FOLDS, INNER = 30, 4, 3
TRUNK = TrunkSettings(spatial_kernels=[4, 6], spatial_kernel_size=3, temporal_kernel_size=5)
SMALL = NamedNetwork("small", build_trunk(TRUNK, 6, 0).eval(), None, "untrained", standardise=True)


def small() -> tuple[Targets, Features]:
    """Trials of 8 to 15 bins; neurons from all signal to all noise."""
    rng = np.random.default_rng(0)
    length = rng.integers(8, 16, TRIALS)
    windows = Windows(
        np.arange(TRIALS),
        np.zeros(TRIALS, dtype=np.int64),
        length,
        90.0 * (np.arange(TRIALS) % 4),
        "active",
    )
    rows = int(length.sum())
    values = rng.normal(size=(rows, 6)) * [1, 3, 0.1, 1, 1, 20] + 5
    noise = rng.normal(size=(rows, 4)) * [0.1, 3, 10, 1]
    weights = rng.normal(size=(6, 4)) * [1, 1, 1, 0]
    rates = (values - 5) @ weights + noise + 100
    split = split_trials(windows.condition, test_fraction=1 / FOLDS, folds=INNER, seed=0)
    return make_targets(rates, windows, split), Features("planted", "planted", values)


def by_scikit(x: NDArray[Any], y: NDArray[Any], targets: Targets) -> tuple[Any, Any]:
    """Predictions of one neuron where it was held out, and the penalty of each outer fold."""
    predicted, chosen = np.full(len(y), np.nan), []
    window = targets.window
    for split in nested_splits(targets.windows.condition, folds=FOLDS, inner_folds=INNER, seed=0):
        train = np.isin(window, split.train)
        scaler = StandardScaler().fit(x[train])
        z = scaler.transform(x)
        inner = []
        for fit, held in KFold(INNER, shuffle=True, random_state=42).split(split.train):
            rows, out = (np.isin(window, split.train[part]) for part in (fit, held))
            inner.append(
                [
                    explained_variance_score(y[out], Ridge(a).fit(z[rows], y[rows]).predict(z[out]))
                    for a in ALPHAS
                ]
            )
        chosen.append(ALPHAS[int(np.mean(inner, axis=0).argmax())])
        predicted[~train] = Ridge(chosen[-1]).fit(z[train], y[train]).predict(z[~train])
    return predicted, chosen


def test_nested_folds_equal_a_loop_over_scikit_learn() -> None:
    targets, features = small()
    folds = outer_targets(targets, Protocol(folds=INNER), FOLDS)
    (score,) = predict_nested(folds, lambda _: [features], alphas=ALPHAS)
    for neuron in range(4):
        y = targets.rates[:, neuron]
        predicted, chosen = by_scikit(features.values, y, targets)
        assert score.alpha[neuron] == np.median(chosen)
        assert score.test_ev[neuron] == pytest.approx(explained_variance_score(y, predicted))
        assert score.test_r2[neuron] == pytest.approx(r2_score(y, predicted))
        # sums of each trial, in the order of the trials
        bins = np.add.reduceat(y - predicted, targets.windows.first_row)
        np.testing.assert_allclose(score.trials.e[:, neuron], bins, atol=1e-8)
    assert score.test_ev[0] > 0.95 > 0.02 > score.test_ev[3]
    assert score.trials.bins.tolist() == targets.windows.length.tolist()
    # no count, no bits
    assert np.isnan(score.test_bits).all()
    assert np.isnan(score.co_bps)


def test_every_trial_is_held_out_once() -> None:
    condition = np.repeat([0, 1, 2], [20, 10, 7])
    splits = nested_splits(condition, folds=5, seed=3)
    held_out = np.concatenate([one.test for one in splits])
    assert sorted(held_out) == list(range(37))
    assert [len(one.test) for one in splits] == [8, 8, 7, 7, 7]
    for one in splits:
        assert sorted([*one.train, *one.test]) == list(range(37))
        share = np.bincount(condition) * len(one.test) / 37
        assert (abs(np.bincount(condition[one.test], minlength=3) - share) <= 1).all()
        assert (len(one.fold), one.folds) == (len(one.train), 5)
    # the first is the single split of that fraction
    single = split_trials(condition, test_fraction=0.2, seed=3)
    np.testing.assert_array_equal(single.test, splits[0].test)
    np.testing.assert_array_equal(single.fold, splits[0].fold)
    for folds in (1, 38):
        with pytest.raises(ValueError, match=rf"at least 2 and at most the 37 trials, got {folds}"):
            nested_splits(condition, folds=folds, seed=0)


def test_components_know_nothing_of_the_fold_held_out(muscle_session: Any) -> None:
    """Movements of one fold's trials changed: components and readout of that fold stay (A16)."""
    recording = muscle_session()
    targets = prepare(recording)
    networks = [SMALL]
    fold = outer_targets(targets, Protocol(), 3)[1]
    lengths = recording.kinematics["muscle_length"].copy()
    lengths[targets.windows.trial[fold.split.test]] *= 1.5
    other = replace(fold, recording=replace(recording, kinematics={"muscle_length": lengths}))
    train = fold.train
    for one, two in zip(
        network_features(networks, fold, Protocol()),
        network_features(networks, other, Protocol()),
        strict=True,
    ):
        np.testing.assert_array_equal(one.values[train], two.values[train])
        assert not np.allclose(one.values[~train], two.values[~train])


def test_bits_are_pooled_by_spikes(muscle_session: Any) -> None:
    targets = prepare(muscle_session())
    assert targets.recording is not None
    assert targets.counts is not None
    lengths = targets.windows.gather(targets.recording.kinematics["muscle_length"])
    features = Features("muscle length", "muscle length", lengths)
    folds = outer_targets(targets, Protocol(), 3)
    (pooled,) = predict_nested(folds, lambda _: [features])
    gain, spikes, alone = np.zeros(8), np.zeros(8), []
    for fold in folds:
        score, predicted = predict_layer(fold, features)
        held_out = targets.counts[~fold.train].astype(float)
        least = 0.05 * targets.rates[fold.train].mean(axis=0)
        bits = bits_per_spike(held_out, np.maximum(predicted, least))
        np.testing.assert_allclose(score.test_bits, bits)
        together = bits_per_spike(held_out, np.maximum(predicted, least), pooled=True)
        assert score.co_bps == pytest.approx(float(together))
        gain += bits * held_out.sum(axis=0)
        spikes += held_out.sum(axis=0)
        alone.append(score.co_bps)
    np.testing.assert_allclose(pooled.test_bits, gain / spikes)
    assert pooled.co_bps == pytest.approx(gain.sum() / spikes.sum())
    assert min(alone) < pooled.co_bps < max(alone)
    assert pooled.co_bps > 0.01


def test_networks_learn_the_spikes_of_every_fold(muscle_session: Any) -> None:
    recording = muscle_session()
    networks = [SMALL]
    folds = outer_targets(prepare(recording), Protocol(), 2)
    learnt = [learn_architectures(networks, one, Protocol(), epochs=1, seed=0)[0] for one in folds]
    pooled = pooled_scores(folds, learnt)
    assert len(pooled.trials.bins) == 48
    parts = [one.trials.bins.sum() for one in learnt]
    assert pooled.trials.bins.sum() == sum(parts)
    mean_square = [one.trials.ee.sum(axis=0) for one in learnt]
    np.testing.assert_allclose(pooled.trials.ee.sum(axis=0), np.sum(mean_square, axis=0))
