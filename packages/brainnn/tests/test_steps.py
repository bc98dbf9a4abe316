"""A step that leaves as ONNX, torch.export or plain torch must lead where the network leads."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import brainnn
from brainnn.cli import main
from brainnn.connectome.layering import colour_layers
from brainnn.connectome.surrogate import surrogate
from brainnn.learning.walkers import load_walker
from brainnn.networks.controls import GRUCore, MLPCore
from brainnn.networks.core import Core
from brainnn.networks.rnn import ConnectomeRNN
from brainnn.networks.roles import choose_roles
from brainnn.networks.steps import ConnectomeStep, deviation, exportable
from brainnn.networks.sweep import SweepRNN
from brainnn.networks.wiring import Wiring
from neuro_common.exporting import load_onnx, read_about, write_onnx, write_program


def connectome_core(**options: Any) -> ConnectomeRNN:
    connectome = surrogate(0)
    return ConnectomeRNN(Wiring.of(connectome), choose_roles(connectome), 3, 2, seed=1, **options)


def others(dtype: torch.dtype) -> dict[str, Core]:
    connectome = surrogate(0)
    parts = connectome, colour_layers(connectome), choose_roles(connectome)
    return {
        "gru": GRUCore(5, 2, units=6, encoded=4, seed=0, dtype=dtype),
        "mlp": MLPCore(5, 2, hidden=(8, 8), seed=0, dtype=dtype),
        "sweep": SweepRNN(*parts, 5, 2, seed=0, dtype=dtype),
    }


@pytest.mark.parametrize("activation", ["relu", "softplus", "tanh"])
@pytest.mark.parametrize("squash", [True, False])
def test_a_step_is_a_step_of_the_network(activation: str, squash: bool) -> None:
    core = connectome_core(
        activation=activation, dtype=torch.float64, train_initial_state=True, tau_ms=12.0
    )
    with torch.no_grad():
        core.first_state.normal_(generator=torch.Generator().manual_seed(2))
    step = ConnectomeStep(core, squash=squash)
    found = deviation(
        lambda *given: tuple(one.numpy() for one in step(*map(torch.from_numpy, given))),
        core,
        squash=squash,
    )
    assert found < 1e-12
    step.kernel[0, 1] += 0.1
    wrong = deviation(
        lambda *given: tuple(one.numpy() for one in step(*map(torch.from_numpy, given))),
        core,
        squash=squash,
    )
    assert wrong > 1e-5


@pytest.mark.parametrize("name", ["gru", "mlp", "sweep"])
def test_networks_without_our_kernels_leave_by_their_own_code(name: str, tmp_path: Path) -> None:
    given = exportable(others(torch.float64)[name], squash=True, about={})
    assert write_program(given, tmp_path / "step.pt2") < 1e-12
    about = read_about(tmp_path / "step.pt2")
    assert about["model"] == name
    remembers = [] if name == "mlp" else ["state"]
    assert [*about["inputs"]] == ["observation", *remembers]
    assert len(about["outputs"]) == 1 + len(remembers)


def test_gated_units_run_in_onnxruntime(tmp_path: Path) -> None:
    core = others(torch.float32)["gru"]
    assert write_onnx(exportable(core, squash=False, about={}), tmp_path / "step.onnx") < 1e-5


def test_the_verb_writes_the_walker_with_its_neurons_in_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["export", "weights=self_taught", "output=step"]) == 0
    walker = load_walker("self_taught")
    core = walker.core
    assert isinstance(core, ConnectomeRNN)
    for path in ("step.onnx", "step.pt2"):
        about = read_about(path)
        assert about["neurons"] == core.connectome.ids.tolist()
        assert (about["dt_ms"], about["substeps"], about["step_ms"]) == (5.0, 4, 20.0)
        assert about["first_state"] == [0.0] * 143
        assert about["phase"].startswith("sine and cosine")
    # as a walk uses it: the controller acts, and hands its state over
    observations = np.random.default_rng(3).normal(size=(30, 5, 16)).astype(np.float32)
    step, controller = load_onnx("step.onnx"), walker.controller()
    state = np.zeros((5, 143), np.float32)
    for number, seen in enumerate(observations):
        action, state = step(seen, state)
        np.testing.assert_allclose(action, controller(seen, number), atol=1e-5)
    assert np.abs(action).max() > 0.1


def test_torch_and_safetensors_alone_run_what_ships(tmp_path: Path) -> None:
    script = Path(__file__).with_name("plain_torch.py")
    home = Path(brainnn.__path__[0]) / "pretrained"
    code = (
        "import runpy, sys, torch; load = runpy.run_path(sys.argv[1])['load']\n"
        "for folder, channels, target in zip(sys.argv[2::3], sys.argv[3::3], sys.argv[4::3]):\n"
        "    step, state = load(folder), torch.zeros(1, 143)\n"
        "    seen, acted = torch.linspace(-1, 1, int(channels))[None], []\n"
        "    for _ in range(40): action, state = step(seen, state); acted.append(action)\n"
        "    torch.save(torch.stack(acted, 1), target)\n"
        "assert not {'neuro_common', 'brainnn', 'numba'} & sys.modules.keys()"
    )
    told = {"pretrained": ("walker", 14), "self_taught": ("self_taught", 16)}
    parts = [
        str(part)
        for name, (folder, channels) in told.items()
        for part in (home / folder, channels, tmp_path / f"{name}.pt")
    ]
    line = [sys.executable, "-W", "error", "-c", code, str(script), *parts]
    subprocess.run(line, check=True)
    for name, (_, channels) in told.items():
        walker = load_walker(name)
        seen = torch.linspace(-1, 1, channels).expand(1, 40, channels)
        with torch.no_grad():
            wanted, _ = walker.core(seen)
        wanted = wanted.tanh() if walker.squash else wanted.clamp(-1, 1)
        found = torch.load(tmp_path / f"{name}.pt")
        torch.testing.assert_close(found, wanted, rtol=1e-5, atol=1e-5)
