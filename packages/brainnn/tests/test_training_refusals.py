"""What a training refuses before it begins: weights of another network, a test that cannot be."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from brainnn.bodies.clip import Clip, reference_clip
from brainnn.connectome.graph import Connectome
from brainnn.learning import training
from brainnn.learning.evaluation import score
from brainnn.learning.rollouts import Rollouts
from brainnn.learning.training import train_walker
from brainnn.networks.making import make_network
from brainnn.train_config import BipedTaskConfig, MatchedConfig, PPOConfig, TrainConfig, WiredConfig


def graph(name: str = "small") -> Connectome:
    rng = np.random.default_rng(0)
    counts = (rng.random((24, 24)) < 0.2) * (1 - np.eye(24, dtype=int)) * 7
    classes = ["interneuron"] * 20 + ["motor"] * 4
    return Connectome.of(name, counts, classes=classes, signs=rng.choice([-1, 1], 24))


@pytest.mark.parametrize(
    ("network", "found"),
    [
        (WiredConfig(name="connectome"), "small"),
        (WiredConfig(name="rewired"), "small, rewired"),
        (MatchedConfig(name="mlp"), "mlp"),
    ],
)
def test_weights_of_another_network_are_refused(network: Any, found: str) -> None:
    core = make_network(network, graph(), 14, 4, seed=0)
    training._check_kind(network.name, graph(), core)
    for asked, connectome, wanted in (
        ("weights", graph(), "small, weights"),
        ("gru", graph(), "gru"),
        ("connectome", graph("worm"), "worm"),
    ):
        told = f"weights must be of the network that is asked for, {wanted} .* got those of {found}"
        with pytest.raises(ValueError, match=told):
            training._check_kind(asked, connectome, core)


def test_a_test_longer_than_the_clip_is_refused_before_the_training(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(training, "_reinforce", lambda *_: pytest.fail("it was trained"))
    config = TrainConfig(
        task=BipedTaskConfig(compat=True), learning=PPOConfig(episode_steps=20), test_steps=501
    )
    with pytest.raises(ValueError, match="steps must be 500 at most, the length of a clip that is"):
        train_walker(config, graph(), tmp_path)


def test_a_short_reference_leaves_correlations_unknown() -> None:
    clip = reference_clip()
    walk = Rollouts(
        seeds=np.zeros(1, np.int64),
        observations=clip.states[None, :401, :14],
        actions=clip.actions[None, :400],
        rewards=np.zeros((1, 400)),
        infos={},
        lengths=np.array([400]),
        terminated=np.array([False]),
    )
    short = Clip.of(clip.states[:121], clip.actions[:120])
    assert np.isnan(score(walk, short)["hip_1"][0])
    assert score(walk, clip)["hip_1"][0] == pytest.approx(1.0)
