"""A network from its files acts as the one that was saved, in another process too."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from brainnn.connectome.layering import colour_layers
from brainnn.connectome.surrogate import surrogate
from brainnn.networks.controls import GRUCore, MLPCore
from brainnn.networks.core import Core
from brainnn.networks.files import load_network, save_network
from brainnn.networks.lesions import ablate
from brainnn.networks.rnn import ConnectomeRNN
from brainnn.networks.roles import choose_roles
from brainnn.networks.sweep import SweepRNN
from brainnn.networks.wiring import Wiring
from neuro_common.files import FormatError

SIZES = (5, 2)

ELSEWHERE = """
import sys
import numpy as np, torch
from brainnn.networks.files import load_network

core, facts = load_network(sys.argv[1])
assert facts == {"phase_input": True, "scale": [0.5, 2.0]}, facts
x, actions, state = torch.from_numpy(np.load(sys.argv[2])), [], None
with torch.no_grad():
    for step in range(x.shape[1]):
        action, state = core(x[:, step : step + 1], state)
        actions.append(action)
np.save(sys.argv[3], torch.cat(actions, 1).numpy())
assert "numba" not in sys.modules  # a small network does without
"""


def walker() -> ConnectomeRNN:
    """Trained a little, all options otherwise than they would be."""
    connectome = surrogate(1)
    roles = choose_roles(connectome, 0.2, "motor", rng=np.random.default_rng(2))
    options: Any = {"substeps": 3, "dt_ms": 4.0, "tau_ms": 11.0, "activation": "softplus"}
    options |= {"train_tau": True, "train_initial_state": True, "path": "dense"}
    wiring = Wiring.of(connectome, "count", "type_pair")
    core = ConnectomeRNN(wiring, roles, *SIZES, seed=6, **options)
    with torch.no_grad():
        for one in core.parameters():
            one.add_(0.05 * torch.randn(one.shape, generator=torch.Generator().manual_seed(1)))
    return ablate(core, [3, 100])


def cores() -> list[Core]:
    connectome = surrogate(1)
    roles = choose_roles(connectome)
    layers = colour_layers(connectome)
    frozen = Wiring.of(connectome, gains="frozen")
    return [
        walker(),
        ConnectomeRNN(frozen, roles, *SIZES, seed=1, train_bias=False, dtype=torch.float64),
        SweepRNN(connectome, layers, roles, *SIZES, seed=2, squash=True, linear_first=False),
        GRUCore(*SIZES, units=6, encoded=4, seed=3),
        MLPCore(*SIZES, hidden=(4, 3), seed=4),
    ]


def test_another_process_gives_the_same_actions(tmp_path: Path) -> None:
    core = walker()
    save_network(tmp_path / "net", core, {"phase_input": True, "scale": [0.5, 2.0]})
    x = torch.randn(1, 100, SIZES[0], generator=torch.Generator().manual_seed(0))
    np.save(tmp_path / "x.npy", x.numpy())
    files = [str(tmp_path / name) for name in ("net", "x.npy", "y.npy")]
    done = subprocess.run(
        [sys.executable, "-c", ELSEWHERE, *files], check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    actions, state = [], None
    with torch.no_grad():
        for step in range(100):
            action, state = core(x[:, step : step + 1], state)
            actions.append(action)
    assert np.array_equal(np.load(tmp_path / "y.npy"), torch.cat(actions, 1).numpy())


@pytest.mark.parametrize("number", range(5))
def test_every_kind_comes_back(number: int, tmp_path: Path) -> None:
    core = cores()[number]
    save_network(tmp_path, core)
    found, facts = load_network(tmp_path)
    assert type(found) is type(core)
    assert facts == {}
    assert found.options() == core.options()
    assert found.trained == core.trained
    dtype = next(core.parameters()).dtype
    x = torch.randn(2, 9, SIZES[0], generator=torch.Generator().manual_seed(0)).to(dtype)
    assert torch.equal(found(x)[0], core(x)[0])


def test_wiring_roles_and_names_come_back(tmp_path: Path) -> None:
    core = walker()
    save_network(tmp_path, core)
    found, _ = load_network(tmp_path)
    assert isinstance(found, ConnectomeRNN)
    assert found.roles.inputs.tolist() == core.roles.inputs.tolist()
    assert found.roles.outputs.tolist() == core.roles.outputs.tolist()
    for name in ("ids", "types", "classes", "transmitters", "signs"):
        assert np.array_equal(getattr(found.connectome, name), getattr(core.connectome, name))
    assert found.connectome.rois == core.connectome.rois
    assert (found.connectome.synapse_count != core.connectome.synapse_count).nnz == 0
    assert np.array_equal(found.wiring.strength, core.wiring.strength)
    assert found.wiring.group.tolist() == core.wiring.group.tolist()


def _edit(folder: Path, **changes: Any) -> None:
    path = folder / "manifest.json"
    head = json.loads(path.read_text())
    head["manifest"] |= changes
    path.write_text(json.dumps(head))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"kind": "other/model"}, "must hold a network of brainnn, got 'other/model'"),
        (
            {"core": "lstm"},
            "core must be a kind of network, got 'lstm'; restore",
        ),
        ({"options": {"hidden": [4, 9]}}, "is no whole network"),
        ({"options": {"depth": 1}}, "is no whole network"),
    ],
)
def test_files_of_something_else(changes: dict[str, Any], message: str, tmp_path: Path) -> None:
    save_network(tmp_path, MLPCore(*SIZES, hidden=(4, 3), seed=4))
    _edit(tmp_path, **changes)
    with pytest.raises(FormatError, match=message):
        load_network(tmp_path)
