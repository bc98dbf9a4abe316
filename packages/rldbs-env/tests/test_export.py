"""Policies leave as ONNX, torch.export and plain torch, and give the kicks that they gave here."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from neuro_common.exporting import load_onnx, read_about, write_onnx, write_program
from rldbs_env import training
from rldbs_env.config import TrainConfig
from rldbs_env.export import PolicyModule, RecurrentModule, exportable
from rldbs_env.hyperparameters import PPOConfig
from rldbs_env.policy import SHIPPED, Policy, load_policy
from rldbs_env.recurrent import RecurrentPolicy

SIGHT: dict[str, Any] = {
    "signals": ("x", "y"), "window": 6, "lags": (0, 2, 4), "kick_scale": 0.5, "stride": 2,
}  # fmt: skip


def numbers(*shape: int) -> Any:
    return np.random.default_rng(shape).normal(size=shape).astype(np.float32)


def observations(policy: Any, batch: int = 7) -> Any:
    features = len(policy.signals) * -(-policy.window // policy.stride)
    return np.random.default_rng(1).normal(size=(batch, features)).astype(np.float32)


@pytest.mark.parametrize("name", SHIPPED)
def test_a_module_gives_the_kicks_of_a_shipped_policy(name: str) -> None:
    policy = load_policy(name)
    assert isinstance(policy, Policy)
    seen = observations(policy)
    kicks = PolicyModule(policy)(torch.from_numpy(seen)).detach().numpy()
    np.testing.assert_allclose(kicks, policy.predict(seen)[0], atol=1e-6)
    assert 0 < np.abs(kicks).min() < np.abs(kicks).max() <= policy.kick_scale


@pytest.mark.parametrize("squash", ["clip", "tanh"])
def test_the_last_layer_is_squashed_as_told(squash: str) -> None:
    policy = Policy(layers=[numbers(4, 6), numbers(1, 4)], squash=squash, **SIGHT)
    seen = 2 * observations(policy)
    kicks = PolicyModule(policy)(torch.from_numpy(seen)).detach().numpy()
    np.testing.assert_allclose(kicks, policy.predict(seen)[0], atol=1e-6)


def test_levels_are_chosen_alike(tmp_path: Path) -> None:
    layers, biases = [numbers(4, 6), numbers(3, 4)], [numbers(4), 0 * numbers(3)]
    policy = Policy(layers=layers, biases=biases, levels=(-0.5, 0.0, 0.25), **SIGHT)
    assert write_onnx(exportable(policy), tmp_path / "policy.onnx") == 0
    seen = observations(policy, 40)
    (kicks,) = load_onnx(tmp_path / "policy.onnx")(seen)
    np.testing.assert_array_equal(kicks, policy.predict(seen)[0])
    assert {*kicks.ravel().tolist()} == {-0.5, 0.0, 0.25}


def test_a_memory_is_handed_over_from_step_to_step(tmp_path: Path) -> None:
    policy = RecurrentPolicy(
        inputs=numbers(12, 6), recurrent=numbers(12, 3), readout=numbers(1, 3), **SIGHT
    )
    assert write_program(exportable(policy), tmp_path / "policy.pt2") < 1e-5
    assert [*read_about(tmp_path / "policy.pt2")["outputs"]] == ["kick", "next_hidden", "next_cell"]
    module, state = RecurrentModule(policy), None
    memory = [torch.zeros(7, 3)] * 2
    for _ in range(3):
        seen = observations(policy)
        kicks, *memory = module(torch.from_numpy(seen), *memory)
        wanted, state = policy.predict(seen, state)
        np.testing.assert_allclose(kicks.numpy(), wanted, atol=1e-6)


def test_an_agent_of_stable_baselines3_acts_alike_in_onnxruntime(tmp_path: Path) -> None:
    algo = PPOConfig(num_envs=4, n_steps=32, batch_size=64, n_epochs=2, hidden=[8])
    told = TrainConfig(algo, steps=128, n_neurons=20, window=40, lags=[0, 10, 39], pool=3, seed=1)
    model = training._model(told, tmp_path)
    env: Any = model.env
    seen = np.array(env.env._batch.observations)
    wanted, _ = model.predict(env.features(seen), deterministic=True)
    assert write_onnx(exportable(training.policy_of(model, told)), tmp_path / "a.onnx") < 1e-5
    (kicks,) = load_onnx(tmp_path / "a.onnx")(seen)
    np.testing.assert_allclose(kicks, np.clip(wanted, -1, 1) * told.kick_scale, atol=1e-6)


def test_the_verb_writes_both_and_tells_what_the_policy_sees(
    tmp_path: Path, rldbs_env: Any
) -> None:
    done = rldbs_env.inside(tmp_path, "export", "output=charge", "weights=charge_balanced")
    assert done.code == 0, done.err
    policy = load_policy("charge_balanced")
    for path in ("charge.onnx", "charge.pt2"):
        about = read_about(tmp_path / path)
        assert about["signals"] == list(policy.signals)
        assert about["lags"] == list(policy.lags)
        assert about["pulse"] == list(policy.pulse.weights)
        assert (about["dt"], about["distribution"]) == (0.2, "rldbs-env")
    module = torch.export.load(tmp_path / "charge.pt2").module()
    seen = observations(policy)
    kicks = module(torch.from_numpy(seen)).detach().numpy()
    np.testing.assert_allclose(kicks, policy.predict(seen)[0], atol=1e-6)


def test_weights_that_are_not_there_end_with_the_names_of_those_that_are(
    tmp_path: Path, rldbs_env: Any
) -> None:
    done = rldbs_env.inside(tmp_path, "export", "weights=bvpd")
    assert done.code == 1
    assert "one of bvdp, charge_balanced, hindmarsh_rose" in done.err


@pytest.mark.parametrize("missing", ["torch", "onnx"])
def test_without_the_extra_the_verb_ends_with_the_pip_line(
    missing: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rldbs_env: Any
) -> None:
    monkeypatch.setitem(sys.modules, missing, None)
    done = rldbs_env.inside(tmp_path, "export")
    assert done.code == 1
    assert f'{missing} is not installed: run pip install "rldbs-env[export]"' in done.err


def test_torch_and_safetensors_alone_run_what_ships(tmp_path: Path) -> None:
    script = Path(__file__).with_name("plain_torch.py")
    for name in SHIPPED:
        torch.save(torch.from_numpy(observations(load_policy(name))), tmp_path / f"{name}.pt")
    code = (
        "import runpy, sys, torch; load = runpy.run_path(sys.argv[1])['load']\n"
        "for folder, seen in zip(sys.argv[2::2], sys.argv[3::2]):\n"
        "    torch.save(load(folder)(torch.load(seen)).detach(), seen)\n"
        "assert not {'neuro_common', 'rldbs_env', 'gymnasium'} & sys.modules.keys()"
    )
    pairs = [part for name in SHIPPED for part in (SHIPPED[name], tmp_path / f"{name}.pt")]
    line = [sys.executable, "-W", "error", "-c", code, script, *pairs]
    subprocess.run(line, check=True, timeout=300)
    for name in SHIPPED:
        policy = load_policy(name)
        wanted, _ = policy.predict(observations(policy))
        np.testing.assert_allclose(torch.load(tmp_path / f"{name}.pt"), wanted, atol=1e-6)
