"""Speed of networks wired as a connectome: in CPU time of this process.

Alone they are held against masked layers, in recurrent PPO against sb3-contrib's LSTM policy.

The neuropil's size: 1101 neurons, 37,026 edges, 24 channels, four sub-steps an action; an actor of
four actions and a critic of one value. The masked layer is a torch linear layer whose weight is
multiplied by its mask at every call, as torch's pruning does. PPO learns with the surrogate of the
leg circuit, 143 neurons, and with an LSTM for actor and critic each: of 28 units, which are as many
trained numbers, and of 256, which is its default.
"""

import time
from collections.abc import Callable
from typing import Any

import gymnasium
import numpy as np
import pytest
import torch
from sb3_contrib import RecurrentPPO
from stable_baselines3.common.vec_env import DummyVecEnv
from torch import Tensor, nn

import brainnn.bodies  # noqa: F401 - registers the environment
from brainnn.connectome.surrogate import surrogate, synthetic
from brainnn.learning.recurrent import CorePolicy, CorePPO
from brainnn.learning.stateless import StatelessCore
from brainnn.networks.rnn import ConnectomeRNN
from brainnn.networks.roles import choose_roles
from brainnn.networks.wiring import Wiring

CHANNELS, ACTIONS = 24, 4


class MaskedRNN(nn.Module):
    """The same network as it is usually written: dense layers, each with its mask."""

    def __init__(self, core: ConnectomeRNN) -> None:
        super().__init__()
        parts = {name: nn.Parameter(one.detach()) for name, one in core.matrices().items()}
        self.parts = nn.ParameterDict(parts)
        self.masks = {name: (parts[name] != 0).float() for name in ("recurrent", "input", "output")}
        self.alpha = core.dt_ms / core.tau_ms.detach()
        self.substeps = core.substeps

    def layer(self, name: str, values: Tensor) -> Tensor:
        """A linear layer, its weight masked anew."""
        return nn.functional.linear(values, self.parts[name] * self.masks[name])

    def forward(self, observations: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """As :meth:`ConnectomeRNN.forward`."""
        actions = []
        for seen in observations.unbind(1):
            drive = self.layer("input", seen) + self.parts["bias"]
            for _ in range(self.substeps):
                arriving = self.layer("recurrent", torch.relu(state))
                state = state + self.alpha * (drive + arriving - state)
            actions.append(self.layer("output", torch.relu(state)) + self.parts["output_bias"])
        return torch.stack(actions, dim=1), state


def networks(path: Any) -> list[ConnectomeRNN]:
    """Actor and critic."""
    connectome = synthetic(1101, 37026, seed=0)
    roles = choose_roles(connectome, 220, 220, rng=np.random.default_rng(0))
    wiring = Wiring.of(connectome)
    return [
        ConnectomeRNN(wiring, roles, CHANNELS, actions, seed=seed, path=path)
        for seed, actions in enumerate((ACTIONS, 1))
    ]


CORES = {
    "masked layers": [MaskedRNN(core) for core in networks("dense")],
    "dense": networks("dense"),
    "by edges": networks("sparse"),
}


def measure(
    benchmark: Any, label: str, steps: int, work: Callable[[], Any], baseline: str = "masked layers"
) -> None:
    """Time work of so many steps."""
    benchmark.extra_info |= {"label": label, "steps": steps, "baseline": label == baseline}
    benchmark.pedantic(work, rounds=5, warmup_rounds=1)


def inputs(batch: int, steps: int) -> tuple[Tensor, Tensor]:
    draw = torch.Generator().manual_seed(0)
    state = torch.rand(batch, 1101, generator=draw)
    return torch.randn(batch, steps, CHANNELS, generator=draw), state


@pytest.mark.parametrize("label", CORES)
@pytest.mark.parametrize("batch", [1, 32])
class TestActing:
    """One observation after the other, without gradients; a step is one of all trials."""

    @pytest.mark.benchmark(timer=time.process_time)
    def test_step(self, benchmark: Any, label: str, batch: int) -> None:
        trials = "1 trial" if batch == 1 else f"{batch} trials"
        benchmark.group = f"Connectome network: acting, actor and critic (1101 neurons, {trials})"
        x, state = inputs(batch, 1)

        def work() -> None:
            with torch.no_grad():
                for core in CORES[label]:
                    last = state
                    for _ in range(20):
                        _, last = core(x, last)

        measure(benchmark, label, 20, work)


@pytest.mark.parametrize("label", CORES)
class TestLearning:
    """Forward, loss and backward through time; a step is one of one trial."""

    @pytest.mark.benchmark(timer=time.process_time)
    def test_sequence(self, benchmark: Any, label: str) -> None:
        benchmark.group = (
            "Connectome network: learning, actor and critic (1101 neurons, 16 trials of 20 steps)"
        )
        x, state = inputs(16, 20)

        def work() -> None:
            for core in CORES[label]:
                core(x, state)[0].square().sum().backward()

        measure(benchmark, label, 16 * 20, work)


def ppo(kind: str) -> RecurrentPPO:
    """The same task and settings, whoever acts."""
    envs = DummyVecEnv([lambda: gymnasium.make("brainnn/BipedImitation-v0")] * 16)
    settings: dict[str, Any] = {"n_steps": 64, "batch_size": 512, "n_epochs": 6, "seed": 0}
    settings["device"] = "cpu"
    if kind in LSTMS:
        options: dict[str, Any] = {"lstm_hidden_size": LSTMS[kind]}
        return RecurrentPPO("MlpLstmPolicy", envs, policy_kwargs=options, **settings)
    connectome = surrogate(0)
    wiring, roles = Wiring.of(connectome), choose_roles(connectome)
    (channels,), (actions,) = envs.observation_space.shape, envs.action_space.shape
    core = ConnectomeRNN(wiring, roles, channels, actions, seed=0)
    options = {"core": core, "critic": StatelessCore(channels, 1, (128, 128)), "squash_mean": True}
    return CorePPO(CorePolicy, envs, policy_kwargs=options, **settings)


LSTMS = {"LSTM, as many trained numbers": 28, "LSTM, default size": 256}


@pytest.mark.parametrize("label", [*LSTMS, "connectome network"])
class TestReinforcement:
    """A rollout, with its environments, and the epochs that learn from it; a step is a frame."""

    @pytest.mark.benchmark(timer=time.process_time)
    def test_frames(self, benchmark: Any, label: str) -> None:
        benchmark.group = "Connectome network: recurrent PPO (143 neurons, 16 bipeds of 64 frames)"
        model = ppo(label)
        _, callback = model._setup_learn(10**9)

        def work() -> None:
            model.collect_rollouts(model.env, callback, model.rollout_buffer, model.n_steps)
            model.train()

        measure(benchmark, label, 16 * 64, work, "LSTM, as many trained numbers")
        model.env.close()
