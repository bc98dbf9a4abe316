"""The reduced model fitted: its batch of periods against exact cycles, fits to known answers."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from neuro_common.rates import RateNetwork
from rhythm_rnn.classes import CLASSES
from rhythm_rnn.cycles import limit_cycle
from rhythm_rnn.fitting import class_mean_model, fit_tempo, model_periods
from rhythm_rnn.reduced import START, ReducedModel

MODEL = ReducedModel()
CUES = np.array([0.2, 0.3, 0.4, 0.6, 0.8])


def test_periods_of_a_batch_are_those_of_the_exact_cycles() -> None:
    slow = replace(MODEL, tau_ms=2 * MODEL.tau_ms)
    found = model_periods([MODEL, slow], [0.3, 0.8, 1.2, 1.8, 0.1], duration_ms=3000)
    exact = [
        cycle.period_ms for cue in (0.3, 0.8, 1.2) if (cycle := limit_cycle(MODEL, cue, START))
    ]
    assert found[0, :3] == pytest.approx(exact, rel=1e-3)
    assert found[1, :3] == pytest.approx(2 * np.array(exact), rel=1e-3)
    assert np.isnan(found[:, 3:]).all()


def test_a_stretched_model_is_found_again() -> None:
    # three times as slow, and a cue that means 0.25 + 0.9 cue
    own = model_periods([MODEL], 0.25 + 0.9 * CUES)[0]
    fit = fit_tempo(MODEL, CUES, 3 * own, cue_range=(0.2, 1.6))
    assert fit.misfit < 0.005
    assert fit.model.tau_ms == pytest.approx(3 * MODEL.tau_ms, rel=0.05)
    assert fit.model.cue_weights == pytest.approx(0.9 * MODEL.cue_weights, rel=0.15)
    np.testing.assert_array_equal(fit.model.weights, MODEL.weights)


def test_its_own_curve_cannot_be_in_proportion_to_one_over_the_cue() -> None:
    fit = fit_tempo(MODEL, CUES, 100 / CUES)
    assert 0.1 < fit.misfit < 0.25
    # too long where the rhythm is fast and too short where it is slow, or the other way round
    assert len(set(np.sign(fit.period_ms - fit.wanted_ms))) == 2


def test_the_means_of_uniform_classes_are_the_network_itself() -> None:
    sizes = {"Tap-E": 4, "Tap-I": 2, "Int-I": 3}
    labels = np.repeat([CLASSES.index(name) for name in sizes], list(sizes.values()))
    between = np.array([[0.5, -0.4, -0.2], [0.6, -0.3, -0.1], [0.7, -0.2, -0.05]])
    network = RateNetwork(
        9, 2, 1, seed=0, autapses=True, tau_ms=torch.tensor([10.0] * 6 + [30.0] * 3),
        dtype=torch.float64,
    )  # fmt: skip
    which = np.repeat(range(3), list(sizes.values()))
    with torch.no_grad():
        network.recurrent_weight.copy_(torch.from_numpy(between[np.ix_(which, which)]))
        network.input_weight[:, 1] = torch.from_numpy(np.array([0.1, 0.2, 0.3])[which])
        network.bias.copy_(torch.from_numpy(np.array([0.0, 0.4, -0.1])[which]))
    states = np.random.default_rng(0).uniform(-1, 1, (200, 3))[:, which]
    model = class_mean_model(network, states, labels)
    np.testing.assert_allclose(model.weights, between * list(sizes.values()))
    assert model.cue_weights == pytest.approx([0.1, 0.2, 0.3])
    assert model.bias == pytest.approx([0.0, 0.4, -0.1])
    assert model.tau_ms == pytest.approx([10, 10, 30])
    # all units of a class alike: the activation is the rectifier's, as sharp as a softplus gets
    at = np.array([[-0.5, -0.5, -0.5], [0.5, 0.5, 0.5], [1.0, 1.0, 1.0]])
    np.testing.assert_allclose(model.rates(at), np.maximum(at, 0), atol=0.01)


def test_what_cannot_be_fitted_is_refused() -> None:
    network = RateNetwork(4, 2, 1, seed=0)
    with pytest.raises(
        ValueError, match="labels must have a unit of each population, got no Int-I"
    ):
        class_mean_model(network, np.zeros((3, 4)), np.array([0, 0, 1, 2]))
    with pytest.raises(ValueError, match=r"cues and wanted_ms must be \(cues,\), at least 4"):
        fit_tempo(MODEL, [0.2, 0.3], [500.0, 300.0])
    with pytest.raises(ValueError, match="with periods above 0"):
        fit_tempo(MODEL, CUES, 0 * CUES)
    with pytest.raises(ValueError, match=r"model must keep a beat at cues within \(-2, -1\)"):
        fit_tempo(MODEL, CUES, 100 / CUES, cue_range=(-2, -1))
