"""The device steps do what the compiled CPU environment does, from the same state.

Where Triton's interpreter is switched on (`test_triton_step` does so), the fused kernel runs here
on the CPU; where there is a CUDA device, ``-m gpu`` runs both steps on it.
"""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from rldbs_env import BonhoefferVanDerPol, DBSVectorEnv, HindmarshRose, QuadraticReward
from rldbs_env.device_rules import rules_of
from rldbs_env.flows import hindmarsh_rose_substeps
from rldbs_env.pulses import biphasic
from rldbs_env.reward import AbsoluteReward
from rldbs_env.settings import Settings
from rldbs_env.starts import starts_of
from rldbs_env.torch_env import TorchVectorEnv
from rldbs_env.torch_step import Bank, Episodes, Results, TorchStep, _parts, next_draw

INTERPRETED = os.environ.get("TRITON_INTERPRET") == "1"
SMALL: dict[str, Any] = {
    "n_neurons": 37, "window": 20, "transient_steps": 150, "ensemble": (3, 5), "dtype": "float64",
    "episode_steps": None,
}  # fmt: skip
ATOL = {"float64": 1e-10, "float32": 1e-4}

on_cuda = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
]
everywhere = pytest.mark.parametrize(
    "how",
    [
        pytest.param({"device": "cpu"}, id="torch-cpu"),
        pytest.param(
            {"device": "cpu", "fused": True},
            id="triton-interpreted",
            marks=pytest.mark.skipif(not INTERPRETED, reason="needs TRITON_INTERPRET=1"),
        ),
        pytest.param({"device": "cuda", "fused": False}, id="torch-cuda", marks=on_cuda),
        pytest.param({"device": "cuda", "fused": True}, id="triton-cuda", marks=on_cuda),
    ],
)


def steps(full: int) -> int:
    """Interpreted kernels are a thousand times slower: the same test, not as long."""
    return full // 30 if INTERPRETED else full


class Pair:
    """An environment on a device and one on the CPU that starts where it is."""

    def __init__(self, n: int, how: dict[str, Any], **changes: Any) -> None:
        arguments = SMALL | changes
        self.device = TorchVectorEnv(n, phases=2, **how, **arguments)
        self.cpu = DBSVectorEnv(n, **arguments)
        self.atol = ATOL[self.device.settings.dtype]
        self.device.reset(seed=n)
        self.align()

    def align(self) -> None:
        """Put the CPU environment where the other is."""
        now = {name: tensor.cpu().numpy() for name, tensor in self.device.get_state().items()}
        bank = self.device._bank
        self.cpu.reset(seed=0, options={"ensemble": bank.seeds.cpu().numpy()[now["ensembles"]]})
        state = self.cpu.get_state()
        ring = np.concatenate([now["windows"], now["windows"][:, :1]], axis=1)
        state["state"] = now["state"]
        state["fields"] = now["fields"][:, :, None]
        state["windows"] = np.concatenate([ring, ring], axis=2)
        state["sums"] = ring[:, :1].astype(float).sum(axis=2)
        state["heads"], state["steps"] = now["heads"], now["steps"]
        observation = self.cpu.set_state(state)
        shown = self.device.set_state(self.device.get_state())
        np.testing.assert_array_equal(shown.cpu().numpy(), observation)

    def step(self, actions: NDArray[Any]) -> tuple[Any, Any]:
        given = torch.from_numpy(actions).to(self.device.device)
        return self.device.step(given), self.cpu.step(actions)

    def compare(self, actions: NDArray[Any]) -> None:
        """One step of both; nothing may end in it."""
        one, two = self.step(actions)
        for got, wanted in zip(one[:4], two[:4], strict=True):
            self.close(got, wanted)
        for name in ("mean_x", "mean_y", "charge", "kick"):
            self.close(one[4][name], two[4][name])

    def close(self, got: Any, wanted: NDArray[Any]) -> None:
        np.testing.assert_allclose(got.cpu().numpy(), wanted, rtol=self.atol, atol=self.atol)


def kicks(n: int, n_envs: int, largest: float = 1.0) -> NDArray[np.float32]:
    rng = np.random.default_rng(7)
    return rng.uniform(-largest, largest, (n, n_envs, 1)).astype(np.float32)


@everywhere
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({}, id="published"),
        pytest.param({"model": HindmarshRose(), "max_kick": 0.5, "stride": 4}, id="bursting"),
        pytest.param(
            {"signals": ("action", "x", "y"), "stride": 3, "pulse": biphasic(),
             "reward": AbsoluteReward(3.0)}, id="pulses and all signals",
        ),
        pytest.param(
            {"n_neurons": 1, "window": 1, "signals": ("x",),
             "reward": QuadraticReward(weight=2.0, penalty=0.5, target=-0.4)}, id="one neuron",
        ),
    ],
)  # fmt: skip
def test_follows_the_cpu_environment(
    how: dict[str, Any], dtype: str, changes: dict[str, Any]
) -> None:
    """Observations, rewards, ends and fields at every step, all neurons at the end."""
    pair = Pair(3, how, dtype=dtype, **changes)
    n, largest = (300, pair.cpu.settings.max_kick) if dtype == "float64" else (200, 0.1)
    for action in kicks(steps(n), 3, largest):
        pair.compare(action)
    pair.atol *= 100  # single neurons, not means
    pair.close(pair.device.neurons, pair.cpu.neurons)


@everywhere
@settings(max_examples=2 if INTERPRETED else 10)
@given(
    coupling=st.floats(-0.5, 0.5),
    dt=st.floats(0.01, 0.5),
    spread=st.floats(0.0, 1.0),
    kick=st.floats(-0.4, 0.4),
)
def test_follows_it_at_any_coupling_step_spread_and_kick(
    how: dict[str, Any], coupling: float, dt: float, spread: float, kick: float
) -> None:
    model = BonhoefferVanDerPol(coupling=coupling, dt=dt, spread=spread)
    pair = Pair(2, how, model=model, transient_steps=20, max_kick=0.4)
    for _ in range(steps(100)):
        pair.compare(np.full((2, 1), kick, np.float32))
    pair.atol *= 100  # single neurons, not means
    pair.close(pair.device.neurons, pair.cpu.neurons)


@everywhere
@settings(max_examples=2 if INTERPRETED else 10)
@given(coupling=st.floats(-0.5, 0.5), spread=st.floats(0.0, 0.2), kick=st.floats(-2.0, 2.0))
def test_divides_stiff_steps_as_the_cpu_does(
    how: dict[str, Any], coupling: float, spread: float, kick: float
) -> None:
    """Kicks far beyond what a whole step of 0.1 stands."""
    model = HindmarshRose(coupling=coupling, spread=spread)
    pair = Pair(2, how, model=model, transient_steps=20, max_kick=2.0)
    pair.atol = 1e-7  # y reaches -70, and bursts part neighbours
    signs = np.sign(kicks(steps(60), 2))
    for sign in signs:
        pair.compare((kick * sign).astype(np.float32))


@settings(max_examples=50)
@given(
    x=st.lists(st.floats(-8, 8), min_size=1, max_size=6),
    y=st.floats(-60, 5),
    z=st.floats(-5, 12),
    dt=st.floats(0.01, 0.1),
)
def test_parts_are_those_of_the_compiled_rule(
    x: list[float], y: float, z: float, dt: float
) -> None:
    state = np.array([x, [y] * len(x), [z] * len(x)])
    expected = hindmarsh_rose_substeps(state, len(x), np.zeros(1), dt)
    values = tuple(torch.from_numpy(row)[None] for row in state)
    assert _parts(values, dt).item() == expected


@everywhere
def test_ended_episodes_begin_anew_from_the_bank(how: dict[str, Any]) -> None:
    """Staggered ends: the last observation is the CPU's, the first one that of the drawn start."""
    pair = Pair(3, how, episode_steps=9, signals=("x", "action"))
    env = pair.device
    state = env.get_state()
    state["steps"] += torch.arange(3, device=env.device)
    env.set_state(state)
    pair.align()
    bank, ends = env._bank, np.zeros(3, int)
    for action in kicks(steps(400), 3):
        before = env.get_state()
        one, two = pair.step(action)
        observation, reward, terminated, truncated, info = one
        ended = truncated.cpu().numpy()
        assert not terminated.any()
        np.testing.assert_array_equal(ended, two[3])
        pair.close(reward, two[1])
        np.testing.assert_array_equal(info["_final_obs"].cpu().numpy(), ended)
        now = env.get_state()
        for e in np.flatnonzero(ended):
            pair.close(info["final_obs"][e], two[4]["final_obs"][e])
            for name in ("mean_x", "mean_y", "charge", "kick"):
                pair.close(info["final_info"][name][e], two[4]["final_info"][name][e])
            draw = next_draw(before["chaos"][e])
            start = int(draw) % len(bank.state)
            assert now["chaos"][e] == draw
            assert now["ensembles"][e] == start // 2
            assert now["steps"][e] == now["heads"][e] == 0
            assert info["ensemble"][e] == bank.seeds[start // 2]
            assert torch.equal(now["state"][e], bank.state[start])
            assert torch.equal(now["windows"][e], bank.windows[start])
            shown = torch.cat([bank.windows[start, 0], bank.windows[start, 2]])
            assert torch.equal(observation[e], shown)
        for e in np.flatnonzero(~ended):
            assert now["chaos"][e] == before["chaos"][e]
            pair.close(observation[e], two[0][e])
        ends += ended
        if ended.any():
            pair.align()
    assert ends.min() >= steps(400) // 9


@everywhere
@pytest.mark.parametrize("pulse", [(1.0,), (0.5, 0.0, 0.5)])
@pytest.mark.parametrize("poison", [np.inf, np.nan, -1e6])
def test_a_diverged_episode_ends_and_its_neighbours_go_on(
    how: dict[str, Any], pulse: tuple[float, ...], poison: float
) -> None:
    pair = Pair(3, how, pulse=pulse, signals=("x", "y"))
    state = pair.device.get_state()
    state["state"][1, 1, 4] = poison
    pair.device.set_state(state)
    pair.align()
    with np.errstate(all="ignore"):  # the interpreter computes with numpy
        one, two = pair.step(kicks(1, 3)[0])
    assert one[2].tolist() == two[2].tolist() == [False, True, False]
    pair.close(one[1], two[1])
    assert one[1][1] == -1000
    pair.close(one[4]["final_obs"][1], two[4]["final_obs"][1])
    assert one[4]["final_info"]["diverged"].tolist() == [False, True, False]
    for e in (0, 2):
        pair.close(one[0][e], two[0][e])
    assert torch.isfinite(pair.device.neurons).all()
    assert torch.isfinite(one[0]).all()


@everywhere
def test_kicks_are_clipped_and_nan_diverges(how: dict[str, Any]) -> None:
    one, two = (TorchVectorEnv(3, phases=1, max_kick=0.25, **how, **SMALL) for _ in range(2))
    one.reset(seed=0)
    two.reset(seed=0)
    beyond = torch.tensor([9.0, -np.inf, np.nan], device=one.device)
    largest = torch.tensor([0.25, -0.25, 0.0], device=one.device)
    got, wanted = one.step(beyond), two.step(largest)
    assert got[2].tolist() == [False, False, True]
    assert torch.equal(got[0][:2], wanted[0][:2])
    assert torch.equal(got[1][:2], wanted[1][:2])


@everywhere
def test_levels_are_kicks_by_index(how: dict[str, Any]) -> None:
    pair = Pair(3, how, levels=(-0.5, 0.0, 0.1))
    for action in np.random.default_rng(0).integers(0, 3, (steps(40), 3, 1)):
        pair.compare(action)
    env = pair.device
    state = env.get_state()
    beyond = env.step(torch.tensor([-7, 1, 99], device=env.device))[0]
    env.set_state(state)
    assert torch.equal(beyond, env.step(torch.tensor([0, 1, 2], device=env.device))[0])


def test_the_plain_step_never_waits_for_the_device() -> None:
    """Tensors without data: an operation that has to look at a value cannot be done on them."""
    whole = Settings(**SMALL | {"episode_steps": 5, "signals": ("x", "action"), "stride": 2})
    rules = rules_of(whole)
    bank = Bank.on(torch.device("meta"), starts_of(whole, 2))
    now = Episodes(
        bank.state[:3], bank.fields[:3], bank.windows[:3], *(bank.seeds.new_zeros(3),) * 4
    )
    n_features = 2 * rules.seen
    results = Results(
        bank.state.new_zeros(3, n_features), bank.state.new_zeros(3),
        bank.seeds.new_zeros(3, dtype=torch.bool), bank.seeds.new_zeros(3, dtype=torch.bool),
        bank.state.new_zeros(3, n_features), bank.state.new_zeros(3, 4),
    )  # fmt: skip
    TorchStep(rules, bank)(now, bank.state.new_zeros(3), results)
    with pytest.raises(RuntimeError, match="meta tensors"):
        results.rewards.sum().item()


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("fused", [False, True])
def test_a_step_on_a_gpu_never_waits_for_it(fused: bool) -> None:
    env = TorchVectorEnv(5, fused=fused, phases=2, **SMALL | {"episode_steps": 4})
    env.reset(seed=0)
    action = torch.zeros(5, device="cuda")
    env.step(action)
    torch.cuda.set_sync_debug_mode("error")
    try:
        for _ in range(10):
            env.step(action)
    finally:
        torch.cuda.set_sync_debug_mode("default")


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_captured_step_is_a_step() -> None:
    """CUDA graphs replay what Python would launch."""
    envs = [TorchVectorEnv(5, phases=2, **SMALL | {"episode_steps": 6}) for _ in range(2)]
    action = torch.zeros(5, device="cuda")
    for env in envs:
        env.reset(seed=3)
        env.step(action)
    graph = torch.cuda.CUDAGraph()
    begun = envs[0].get_state()
    with torch.cuda.graph(graph):
        captured = envs[0].step(action)
    envs[0].set_state(begun)
    for kick in kicks(20, 5)[:, :, 0]:
        action.copy_(torch.from_numpy(kick))
        graph.replay()
        expected = envs[1].step(action.clone())
        for got, wanted in zip(captured[:4], expected[:4], strict=True):
            assert torch.equal(got, wanted)
