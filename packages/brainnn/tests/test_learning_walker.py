"""A connectome in the body of the biped: one update of each kind reaches all that it should."""

from pathlib import Path

import numpy as np
import pytest
import torch
from gymnasium.wrappers import TimeLimit

from brainnn.bodies.biped import BipedImitationEnv
from brainnn.bodies.planar_biped import PlanarBiped
from brainnn.bodies.rewards import RewardWeights
from brainnn.connectome.surrogate import surrogate
from brainnn.learning.dagger import learn_from
from brainnn.learning.reinforce import Stage, reinforce
from brainnn.learning.rollouts import NetworkController, roll_out
from brainnn.learning.settings import PPO, Dagger
from brainnn.learning.teacher import Teacher
from brainnn.networks.rnn import ConnectomeRNN
from brainnn.networks.roles import choose_roles
from brainnn.networks.wiring import Wiring


@pytest.fixture
def core() -> ConnectomeRNN:
    circuit = surrogate()
    return ConnectomeRNN(
        Wiring.of(circuit), choose_roles(circuit), 16, 4, seed=0, activation="tanh"
    )


def imitation(stage: Stage) -> BipedImitationEnv:
    return BipedImitationEnv(
        phase=True,
        weights=RewardWeights.of(stage.imitation, 1 - stage.imitation),
        steps=stage.episode_steps,
    )


def matters(core: ConnectomeRNN) -> np.ndarray:
    """Edges on a way from an input neuron to one that is read out."""
    matrix = core.wiring.matrix(np.ones(len(core.wiring))).toarray() != 0
    fed, read = np.zeros((2, len(matrix)), bool)
    fed[core.roles.inputs], read[core.roles.outputs] = True, True
    for _ in range(len(matrix)):
        fed, read = fed | matrix @ fed, read | matrix.T @ read
    return fed[core.wiring.pre] & read[core.wiring.post]


def test_one_update_by_reward_reaches_every_edge_that_matters(
    core: ConnectomeRNN, tmp_path: Path
) -> None:
    torch.set_num_threads(1)
    before = core.effective_weight().detach()
    settings = PPO(
        num_envs=4,
        rollout_steps=64,
        segment_steps=32,
        batch_steps=256,
        epochs=1,
        learning_rate=1e-2,
    )
    curve = reinforce(core, imitation, [Stage(256, episode_steps=40)], settings, tmp_path, seed=0)
    weight = core.effective_weight().detach()
    gradient, on_a_way = core.gain.grad, matters(core)
    assert gradient is not None
    assert on_a_way.mean() > 0.5
    assert (gradient.numpy()[core.wiring.group] != 0)[on_a_way].all()
    assert torch.equal(before == 0, weight == 0)
    known = core.wiring.sign != 0
    pre, post = core.wiring.pre[known], core.wiring.post[known]
    assert (np.sign(weight.numpy()[post, pre]) == core.wiring.sign[known]).all()
    assert (weight != before).sum() > 0.9 * on_a_way.sum()
    assert 0 < curve["reward"][0] < 1


def test_a_teacher_is_followed(core: ConnectomeRNN) -> None:
    """With untrained weights the teacher does not walk, but it can be imitated."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    teacher = Teacher(14, (16,))
    settings = Dagger(
        rounds=4, teacher_rounds=2, num_envs=4, segment_steps=32, updates=12, batch=16
    )

    def walker() -> BipedImitationEnv:
        return BipedImitationEnv(phase=True, steps=100)

    curve = learn_from(teacher.act, core, walker, settings, seed=0)
    assert curve["loss"][-1] < 0.3 * curve["loss"][0]


def test_ten_episodes_without_a_nan(core: ConnectomeRNN) -> None:
    circuit = core.wiring.connectome
    blind = ConnectomeRNN(Wiring.of(circuit), core.roles, 14, 4, seed=1)
    found = roll_out(
        NetworkController(blind),
        lambda: TimeLimit(PlanarBiped(lidar=False), 500),
        seeds=range(10),
        steps=500,
    )
    for run, length in enumerate(found.lengths):
        assert np.isfinite(found.actions[run, :length]).all()
        assert np.abs(found.actions[run, :length]).max() <= 1
