"""What the networks that come with the package can do: 50 s in noise, without a click."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch

from neuro_common.rate_noise import Noise
from rhythm_rnn.config import TrainConfig
from rhythm_rnn.taps import find_taps, intervals
from rhythm_rnn.task import TRAINED_PERIODS_S, context_cue, free_run
from rhythm_rnn.training import mean_loss
from rhythm_rnn.weights import SHIPPED, load, load_network

TRAINED = context_cue(TRAINED_PERIODS_S)
OTHERS = np.array([0.25, 0.28, 0.35, 0.45, 0.55, 0.65, 0.75])
CUES = np.sort(np.concatenate([TRAINED, OTHERS]))


@pytest.mark.parametrize("name", SHIPPED)
def test_it_keeps_the_beat(name: str) -> None:
    network = load_network(name)
    inputs = torch.from_numpy(free_run(CUES, duration_s=52.0).inputs)
    run = network.free_run(inputs, noise=Noise(seed=3, recurrent=0.01))
    means = []
    for cue, output in zip(CUES, run.outputs[:, 2000:, 0], strict=True):
        taps = find_taps(output)
        assert taps.verdict == "valid", (cue, taps.reason)
        found = intervals(taps.time_ms)
        assert found.mean_ms * cue == pytest.approx(100.0, rel=0.04), cue
        assert found.mean_ms == pytest.approx(taps.spectral_period_ms, rel=0.02), cue
        assert found.cv < 0.06, cue
        means.append(found.mean_ms)
    assert all(slower > faster for slower, faster in pairwise(means))


@pytest.mark.parametrize("name", SHIPPED)
def test_its_loss_is_what_its_manifest_says(name: str) -> None:
    trained = load(name)
    assert trained.facts["validation"]["loss"] < 0.017
    assert trained.facts["test_loss"] < 0.017
    config = TrainConfig(model=trained.config, seed=trained.facts["seed"])
    if name == "ei_100":
        found = mean_loss(trained.network, config)
        assert found == pytest.approx(trained.facts["test_loss"], rel=0.02)


@pytest.mark.parametrize("name", SHIPPED)
def test_it_ships_with_its_command_and_is_small(name: str) -> None:
    folder = Path(__file__).parents[1] / "src" / "rhythm_rnn" / "pretrained" / name
    assert sum(path.stat().st_size for path in folder.iterdir()) < 5_000_000
    assert load(name).facts["command"].startswith("rhythm-rnn train ")


def test_pretrained_is_the_larger_network() -> None:
    assert load_network().units == 500
