"""The network that acts: against a plain loop, and what training may and may not change."""

from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np
import pytest
import torch
from torch.nn.functional import softplus

from brainnn.connectome.graph import Connectome
from brainnn.connectome.surrogate import synthetic
from brainnn.connectome.tables import read_tables
from brainnn.networks.lesions import perturb
from brainnn.networks.rnn import ConnectomeRNN
from brainnn.networks.roles import Roles, choose_roles
from brainnn.networks.wiring import Wiring

each_path = pytest.mark.parametrize("path", ["dense", "sparse"])
SIZES = (3, 2)  # channels and actions


def drawn(neurons: int = 12, density: float = 0.3, seed: int = 1) -> Connectome:
    """A random wiring of three types with unknown signs among them."""
    rng = np.random.default_rng(seed)
    counts = rng.integers(1, 50, (neurons, neurons)) * (rng.random((neurons, neurons)) < density)
    np.fill_diagonal(counts, 0)
    types = rng.choice(["A", "B", "C"], neurons)
    return Connectome.of("drawn", counts, types=types, signs=rng.choice([-1, 0, 1], neurons))


def network(connectome: Connectome | None = None, gains: Any = "edge", **options: Any) -> Any:
    connectome = connectome or drawn()
    last = len(connectome)
    roles = Roles(np.arange(4), np.arange(last - 3, last))
    options = {"seed": 3, "dtype": torch.float64, "activation": "tanh"} | options
    return ConnectomeRNN(Wiring.of(connectome, gains=gains), roles, *SIZES, **options)


def observations(batch: int, steps: int, seed: int = 0) -> torch.Tensor:
    draw = torch.Generator().manual_seed(seed)
    return torch.randn(batch, steps, SIZES[0], generator=draw, dtype=torch.float64)


def plain_actions(net: Any, x: Any, substeps: int, dt_ms: float) -> Any:
    """The equation as it stands, one trial and one neuron at a time."""
    wiring, tau = net.wiring, net.tau_ms.detach().numpy()
    gain = net.edge_gains().detach().numpy()
    actions = []
    for trial in x.numpy():
        h = net.first_state.detach().numpy().copy()
        for seen in trial:
            drive = net.bias.detach().numpy().copy()
            drive[net.roles.inputs] += net.input_weight.detach().numpy() @ seen
            for _ in range(substeps):
                change = drive - h
                for edge in range(len(wiring)):
                    weight = net.scale[edge].item() * gain[edge]
                    change[wiring.post[edge]] += weight * np.tanh(h[wiring.pre[edge]])
                h = h + dt_ms / tau * change
            read = net.output_weight.detach().numpy() @ np.tanh(h[net.roles.outputs])
            actions.append(read + net.output_bias.detach().numpy())
    return np.array(actions).reshape(len(x), -1, SIZES[1])


@each_path
def test_it_is_the_equation(path: Any) -> None:
    net = network(
        path=path, substeps=3, dt_ms=2.0, tau_ms=9.1, type_tau_ms={"B": 30.0}, train_tau=True
    )
    draw = torch.Generator().manual_seed(8)
    with torch.no_grad():
        for one in (net.bias, net.first_state, net.output_bias, net.gain):
            one.add_(0.3 * torch.randn(one.shape, generator=draw, dtype=one.dtype))
    assert {*np.round(net.tau_ms.tolist(), 9)} == {9.1, 30.0}
    x = observations(2, 5)
    np.testing.assert_allclose(net(x)[0].detach(), plain_actions(net, x, 3, 2.0), atol=1e-13)


def test_first_weights_are_signed_strengths_of_the_radius() -> None:
    net = network(spectral_radius=0.7)
    weight = net.effective_weight().detach().numpy()
    assert np.abs(np.linalg.eigvals(weight)).max() == pytest.approx(0.7, abs=1e-9)
    wiring = net.wiring
    ratio = weight[wiring.post, wiring.pre] / wiring.strength
    np.testing.assert_allclose(np.abs(ratio), np.abs(ratio[0]), rtol=1e-12)
    known = wiring.sign != 0
    assert (np.sign(ratio[known]) == wiring.sign[known]).all()
    by_neuron = {neuron: {*np.sign(ratio[wiring.pre == neuron])} for neuron in wiring.pre.tolist()}
    assert all(len(signs) == 1 for signs in by_neuron.values())


def test_without_a_radius_strengths_stay_as_they_are() -> None:
    net = network(spectral_radius=None)
    size = net.edge_weights().abs().detach()
    np.testing.assert_allclose(size, net.wiring.strength, rtol=1e-14)


@each_path
@pytest.mark.parametrize("gains", ["edge", "type_pair"])
def test_training_keeps_the_mask_and_the_signs(path: Any, gains: Any) -> None:
    net = network(path=path, gains=gains)
    before = net.effective_weight().detach()
    optimizer = torch.optim.Adam(net.parameters(), lr=0.3)
    for update in range(30):
        optimizer.zero_grad()
        net(observations(4, 6, update))[0].sum().backward()
        optimizer.step()
    after = net.effective_weight().detach()
    assert bool((after[before == 0] == 0).all())
    known = np.zeros(before.shape, dtype=bool)
    wiring = net.wiring
    known[wiring.post, wiring.pre] = wiring.sign != 0
    assert bool((after.sign() == before.sign())[known].all())
    assert float((after - before)[known].abs().max()) > 0.1
    if gains == "edge":  # those that are free do turn
        assert bool((after.sign() != before.sign())[~known].any())


@each_path
def test_all_edges_between_inputs_and_read_out_get_gradient(path: Any) -> None:
    net = network(drawn(30, 0.06, 4), path=path)
    net(observations(3, 12))[0].square().sum().backward()
    wiring, roles = net.wiring, net.roles
    graph = nx.DiGraph(zip(wiring.pre.tolist(), wiring.post.tolist(), strict=True))
    graph.add_nodes_from(range(30))
    fed = set(roles.inputs).union(*(nx.descendants(graph, one) for one in roles.inputs))
    heard = set(roles.outputs).union(*(nx.ancestors(graph, one) for one in roles.outputs))
    ends = zip(wiring.pre.tolist(), wiring.post.tolist(), strict=True)
    expected = [pre in fed and post in heard for pre, post in ends]
    assert (net.gain.grad != 0).tolist() == expected
    assert 0 < sum(expected) < len(expected)


@each_path
def test_gradients_are_finite_differences(path: Any) -> None:
    net = network(path=path, train_tau=True, train_initial_state=True)
    x = observations(2, 4)

    def loss() -> torch.Tensor:
        actions, last = net(x)
        return (actions**2).sum() + torch.sin(last).sum()

    loss().backward()
    draw = torch.Generator().manual_seed(1)
    for name, one in net.named_parameters():
        way = torch.randn(one.shape, generator=draw, dtype=one.dtype)
        ends = []
        for sign in (1, -1):
            with torch.no_grad():
                one.add_(sign * 1e-5 * way)
                ends.append(float(loss()))
                one.sub_(sign * 1e-5 * way)
        found = (ends[0] - ends[1]) / 2e-5
        assert float((one.grad * way).sum()) == pytest.approx(found, rel=1e-4), name


@each_path
def test_frozen_gains_leave_input_bias_and_read_out(path: Any) -> None:
    net = network(gains="frozen", path=path, train_bias=False)
    net(observations(2, 3))[0].sum().backward()
    trained = {name for name, one in net.named_parameters() if one.grad is not None}
    assert trained == {"input_weight", "output_weight", "output_bias"}
    assert net.trained == 4 * 3 + 2 * 3 + 2


@each_path
def test_steps_are_the_sequence(path: Any) -> None:
    net, x = network(path=path, train_initial_state=True), observations(2, 6)
    with torch.no_grad():
        net.first_state.uniform_(generator=torch.Generator().manual_seed(2))
    whole, last = net(x)
    state = net.initial_state(2)
    with torch.no_grad():
        for step in range(6):
            actions, state = net(x[:, step : step + 1], state)
            torch.testing.assert_close(actions[:, 0], whole[:, step], rtol=0, atol=1e-14)
    torch.testing.assert_close(state, last, rtol=0, atol=1e-14)


@each_path
def test_what_is_kept_for_acting_follows_the_parameters(path: Any) -> None:
    net, other, x = network(path=path), network(path=path, seed=9), observations(1, 2)

    def acted(one: Any) -> torch.Tensor:
        with torch.no_grad():
            return one(x)[0]

    before = acted(net)
    net(x)[0].sum().backward()
    torch.optim.SGD(net.parameters(), lr=0.1).step()
    after = acted(net)
    assert not torch.equal(before, after)
    torch.testing.assert_close(after, net(x)[0].detach(), rtol=0, atol=1e-14)
    acted(other)
    other.load_state_dict(net.state_dict())
    assert torch.equal(acted(other), after)


def test_time_constants_stay_above_the_step() -> None:
    net = network(train_tau=True, dt_ms=5.0, tau_ms=6.0)
    optimizer = torch.optim.SGD(net.parameters(), lr=50.0)
    for _ in range(3):
        optimizer.zero_grad()
        net.tau_ms.sum().backward()
        optimizer.step()
    assert 5.0 <= float(net.tau_ms.detach().min()) < 5.01
    assert net.log_tau_excess.shape == (3,)


def test_a_seed_is_a_network() -> None:
    same, again, other = (network(seed=seed).state_dict() for seed in (3, 3, 4))
    assert all(torch.equal(same[name], again[name]) for name in same)
    assert not torch.equal(same["input_weight"], other["input_weight"])


def test_no_path_leads_past_the_neurons() -> None:
    net, x = network(), observations(1, 5)
    cut = perturb(net, seed=0, recurrent_scale=0.0)
    actions, _ = cut(x)
    still, _ = cut(torch.zeros_like(x))
    assert torch.equal(actions, still)
    assert not torch.equal(net(x)[0], net(torch.zeros_like(x))[0])


@pytest.mark.parametrize("size", ["standard_leg", "synthetic"])
def test_ten_seeds_run_without_nan(size: str, request: pytest.FixtureRequest) -> None:
    if size == "synthetic":
        connectome = synthetic(1101, 37026, seed=0)
    else:
        folder: Path = request.getfixturevalue("manc")
        stem = folder / "manc_standard_leg"
        connectome = read_tables(f"{stem}_edges.csv", f"{stem}_nodes.csv")
    for seed in range(10):
        rng = np.random.default_rng(seed)
        roles = choose_roles(connectome, 0.2, 0.2, rng=rng)
        net = ConnectomeRNN(Wiring.of(connectome), roles, 24, 4, seed=seed)
        x = torch.from_numpy(rng.normal(size=(1, 500, 24))).float()
        with torch.no_grad():
            actions, last = net(x, torch.randn(1, len(connectome)))
        assert bool(actions.isfinite().all())
        assert float(last.abs().max()) < 100
        assert float(actions.std()) > 0.01


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"substeps": 0}, "substeps must be at least 1, got 0"),
        ({"activation": "step"}, r"activation must be one of \['relu', .*got 'step'"),
        ({"path": "fast"}, r"path must be one of \['auto', 'dense', 'sparse'\], got 'fast'"),
        ({"tau_ms": 3.0}, "tau_ms must be finite and at least dt_ms=5.0"),
        ({"type_tau_ms": {"Z": 9.0}}, "type_tau_ms must name cell types of the wiring, got 'Z'"),
        ({"spectral_radius": 0.0}, "spectral_radius must be above 0 and finite, got 0.0"),
    ],
)
def test_refusals(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        network(**options)


def test_wirings_and_sizes_that_cannot_be() -> None:
    chain = Connectome.of("chain", np.eye(8, k=1))
    with pytest.raises(ValueError, match=r"chain has no loop of edges.*spectral_radius=None"):
        network(chain)
    assert network(chain, spectral_radius=None).trained > 0
    back = Connectome.of("back", np.eye(8, k=-1))
    with pytest.raises(ValueError, match="a path must lead from the 4 input neurons of back"):
        network(back)
    with pytest.raises(ValueError, match="channels must be at least 1, got 0"):
        ConnectomeRNN(Wiring.of(drawn()), Roles(np.array([0]), np.array([9])), 0, 1, seed=0)


def test_shapes_are_told() -> None:
    net = network()
    with pytest.raises(ValueError, match=r"observations must be \(batch, time, 3\).*got \(2, 3\)"):
        net(torch.zeros(2, 3))
    with pytest.raises(ValueError, match=r"state must have shape \(2, 12\), got \(1, 12\)"):
        net(observations(2, 1), net.initial_state(1))


def test_edges_are_used_where_they_pay() -> None:
    assert network(drawn(30, 0.2)).by_edges
    assert not network(drawn(30, 0.5)).by_edges
    assert not network(drawn(30, 0.2), path="dense").by_edges
    assert network(drawn(30, 0.5), path="sparse").by_edges


def test_gain_of_a_known_sign_is_a_softplus() -> None:
    net = network()
    known = torch.from_numpy(net.wiring.sign != 0)
    torch.testing.assert_close(net.edge_gains()[known], softplus(net.gain)[known])
    assert bool((net.gain[~known] == 1).all())
