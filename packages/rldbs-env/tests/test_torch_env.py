"""The environment on a device as one uses it: spaces, seeds, resumption, messages."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import gymnasium
import pytest
import torch
from gymnasium.vector import AutoresetMode

from rldbs_env import DBSVectorEnv
from rldbs_env.torch_env import TorchVectorEnv

SMALL: dict[str, Any] = {
    "n_neurons": 20, "window": 10, "transient_steps": 50, "ensemble": (3, 8, 5), "dtype": "float32",
    "episode_steps": 6,
}  # fmt: skip


def environment(n: int = 4, **changes: Any) -> TorchVectorEnv:
    return TorchVectorEnv(n, **{"device": "cpu", "phases": 2} | SMALL | changes)


def actions(n: int = 4) -> torch.Tensor:
    return torch.linspace(-0.3, 0.3, n)[:, None]


def test_spaces_and_metadata_are_those_of_the_cpu_environment() -> None:
    env, cpu = environment(), DBSVectorEnv(4, **SMALL)
    assert env.single_observation_space == cpu.single_observation_space
    assert env.action_space == cpu.action_space
    assert env.metadata["autoreset_mode"] == AutoresetMode.SAME_STEP
    assert not env.fused
    observation, info = env.reset(seed=0)
    assert env.observation_space.contains(observation.numpy())
    assert set(info["ensemble"].tolist()) <= {3, 8, 5}
    observation, reward, terminated, truncated, info = env.step(actions())
    assert env.observation_space.contains(observation.numpy())
    assert observation.dtype == reward.dtype == torch.float32
    assert terminated.dtype == truncated.dtype == torch.bool
    assert info["mean_y"].tolist() == observation[:, -1].tolist()
    assert env.neurons.shape == (4, 2, 20)


def test_a_seed_gives_the_same_episodes_and_another_others() -> None:
    runs = []
    for seed in (1, 1, 2):
        env = environment(16)
        env.reset(seed=seed)
        runs.append(torch.stack([env.step(actions(16))[0] for _ in range(20)]))
    assert torch.equal(runs[0], runs[1])
    assert not torch.equal(runs[0], runs[2])


def test_a_reset_without_seed_goes_on_with_the_draws() -> None:
    one, two = environment(16), environment(16)
    first, _ = one.reset(seed=1)
    second, _ = one.reset()
    assert not torch.equal(first, second)
    two.reset(seed=1)
    assert torch.equal(two.reset()[0], second)


def test_results_outlive_the_next_step() -> None:
    env = environment()
    env.reset(seed=0)
    results = env.step(actions())
    kept = [tensor.clone() for tensor in (*results[:4], results[4]["mean_x"])]
    env.step(actions())
    for before, now in zip(kept, (*results[:4], results[4]["mean_x"]), strict=True):
        assert torch.equal(before, now)


def test_a_saved_state_continues_bit_by_bit() -> None:
    env, other = environment(), environment()
    env.reset(seed=3)
    for _ in range(8):
        expected = env.step(actions())[0]
    state = env.get_state()
    assert torch.equal(other.set_state(state), expected)
    for _ in range(20):
        for one, two in zip(env.step(actions())[:4], other.step(actions())[:4], strict=True):
            assert torch.equal(one, two)


def test_gradients_do_not_reach_into_the_environment() -> None:
    env = environment()
    env.reset(seed=0)
    observation, reward, *_ = env.step(actions().requires_grad_())
    assert not observation.requires_grad
    assert not reward.requires_grad


def test_options_name_ensembles_of_the_pool() -> None:
    env = environment()
    assert env.reset(options={"ensemble": 8})[1]["ensemble"].tolist() == [8] * 4
    one_each = env.reset(options={"ensemble": [5, 3, 8, 5]})[1]
    assert one_each["ensemble"].tolist() == [5, 3, 8, 5]
    for wrong in (4, [3, 8], [3, 8, 5, 9], 3.0):
        with pytest.raises(ValueError, match="must be a seed of the pool, or one per environment"):
            env.reset(options={"ensemble": wrong})
    with pytest.raises(ValueError, match=r"reset takes the option 'ensemble', got \['pool'\]"):
        env.reset(options={"pool": 3})


def test_a_flow_of_ones_own_runs_on_tensors() -> None:
    from dataclasses import dataclass

    from rldbs_env import BonhoefferVanDerPol

    def plain(x: Any, y: Any, current: Any, constants: Any) -> Any:
        return x * constants[4] + current, -constants[0] * y

    @dataclass(frozen=True)
    class Drifting(BonhoefferVanDerPol):
        def flow(self) -> Any:
            from rldbs_env._jit import jit

            return jit(plain)

    model = Drifting(coupling=0.0, spread=0.0, mean_current=0.01)
    env = environment(2, model=model, episode_steps=None, transient_steps=0, dtype="float64")
    env.reset(seed=0)
    before = env.neurons
    env.step(torch.zeros(2, 1))
    torch.testing.assert_close(env.neurons[:, 0], before[:, 0] + 0.002)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"n": 0}, "num_envs must be at least 1, got 0"),
        ({"phases": 0}, "phases must be at least 1, got 0"),
        ({"n_neuron": 3}, r"unknown argument 'n_neuron' \(did you mean 'n_neurons'\?\)"),
        ({"ensemble": "fixed"}, "on a device there is no ensemble='fixed'"),
    ],
)
def test_wrong_arguments_are_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises((ValueError, TypeError), match=message):
        environment(**changes)


@pytest.mark.parametrize(
    ("device", "cards"),
    [("cuda", 0), ("cuda:1", 1), ("gpu", 1), ("meta", 1), (torch.device("cuda", 9), 2)],
)
def test_a_device_that_is_not_there_is_refused(
    device: Any, cards: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: cards)
    told = 'device must be "cpu", or "cuda" where torch finds a graphics card'
    with pytest.raises(ValueError, match=f"{told}, got '{device}'; torch .* finds {cards}$"):
        environment(device=device)


def test_a_fused_step_that_cannot_be_had_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    triton = pytest.importorskip("triton", minversion="3.6")
    with pytest.raises(ValueError, match=r"fused=True needs a CUDA device, got cpu: take fused=F"):
        environment(fused=True)
    with pytest.raises(ValueError, match="fused=True needs at most 8192 neurons, got 8193"):
        environment(fused=True, n_neurons=8193, transient_steps=0)
    monkeypatch.setattr(triton, "__version__", "3.2.0")
    with pytest.raises(ValueError, match=r"fused=True needs Triton 3.6 or later, got 3.2.0"):
        environment(fused=True)
    monkeypatch.setattr("rldbs_env.torch_env.find_spec", lambda name: None)
    with pytest.raises(ValueError, match=r"fused=True needs Triton \(pip install triton\)"):
        environment(fused=True)


def test_wrong_use_is_refused() -> None:
    env = environment()
    with pytest.raises(gymnasium.error.ResetNeeded, match="call reset first"):
        env.step(actions())
    with pytest.raises(ValueError, match=r"seed must be one whole number .* got \[1, 2, 3, 4\]"):
        env.reset(seed=[1, 2, 3, 4])
    env.reset(seed=0)
    with pytest.raises(ValueError, match=r"of shape \(4, 1\) on cpu, got \(3, 1\) on cpu"):
        env.step(actions(3))
    state = env.get_state()
    with pytest.raises(ValueError, match=r"state\['heads'\] must be torch.int64 of shape \(4,\)"):
        env.set_state(state | {"heads": torch.zeros(3)})
    for name, beyond in (("heads", 10), ("ensembles", 3), ("ensembles", -1), ("chaos", 0)):
        with pytest.raises(ValueError, match=rf"state\['{name}'\] must be in \[\d, \d+\), as that"):
            env.set_state(state | {name: torch.full((4,), beyond)})
    del state["chaos"]
    with pytest.raises(ValueError, match=r"state must hold state, fields, .* got"):
        env.set_state(state)


@pytest.mark.parametrize(
    ("module", "blocked", "extra"),
    [("torch_env", "torch", "gpu"), ("torch_ppo", "stable_baselines3", "train")],
)
def test_a_missing_library_is_named_with_its_extra(module: str, blocked: str, extra: str) -> None:
    code = (
        f"import sys; sys.modules[{blocked!r}] = None\n"
        f"try:\n    import rldbs_env.{module}\n"
        "except ModuleNotFoundError as error:\n    print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True
    )
    assert f'pip install "rldbs-env[{extra}]"' in done.stdout
