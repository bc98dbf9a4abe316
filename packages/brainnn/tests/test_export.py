"""What other programs read of a trained network."""

from pathlib import Path

import networkx as nx
import numpy as np
import pytest
import torch

from brainnn.connectome.surrogate import surrogate
from brainnn.networks.export import save_matrices, save_weighted_graphml
from brainnn.networks.rnn import ConnectomeRNN
from brainnn.networks.roles import choose_roles
from brainnn.networks.wiring import Wiring


def network() -> ConnectomeRNN:
    connectome = surrogate(0)
    core = ConnectomeRNN(Wiring.of(connectome), choose_roles(connectome), 3, 2, seed=1)
    with torch.no_grad():
        core.gain[:10] += 1.0
        core.bias.normal_(generator=torch.Generator().manual_seed(2))
    return core


def test_the_matrices_are_the_network(tmp_path: Path) -> None:
    core = network()
    save_matrices(tmp_path / "net.npz", core)
    with np.load(tmp_path / "net.npz", allow_pickle=False) as arrays:
        net = {name: arrays[name] for name in arrays.files}
    assert net["activation"] == "relu"
    assert net["ids"].tolist() == core.connectome.ids.tolist()
    x = np.random.default_rng(0).normal(size=(6, 3)).astype(np.float32)
    h, step = net["first_state"], net["dt_ms"] / net["tau_ms"]
    for seen in x:
        for _ in range(net["substeps"]):
            drive = net["recurrent"] @ np.maximum(h, 0) + net["input"] @ seen + net["bias"]
            h = h + step * (drive - h)
    expected = net["output"] @ np.maximum(h, 0) + net["output_bias"]
    found = core(torch.from_numpy(x)[None])[0][0, -1].detach()
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_graphml_holds_weights_and_gains(tmp_path: Path) -> None:
    core = network()
    save_weighted_graphml(tmp_path / "net.graphml", core)
    graph = nx.read_graphml(tmp_path / "net.graphml")
    weights = core.edge_weights().detach().numpy()
    gains = np.log1p(np.exp(core.gain.detach().numpy()))
    assert graph.number_of_edges() == len(weights)
    ids = core.connectome.ids
    for edge in (0, 9, 500):
        found = graph.edges[ids[core.wiring.pre[edge]], ids[core.wiring.post[edge]]]
        assert found["weight"] == pytest.approx(weights[edge])
        assert found["gain"] == pytest.approx(gains[edge])
    assert found["gain"] == pytest.approx(1.0)


def test_the_suffix_is_npz(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"path must end in .npz, got"):
        save_matrices(tmp_path / "net.mat", network())
