"""The layered update against a loop over layers, with matrices cut out as published."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy.special import expit

from brainnn.connectome.graph import Connectome
from brainnn.connectome.layering import colour_layers
from brainnn.connectome.sources import open_connectome
from brainnn.connectome.surrogate import surrogate
from brainnn.networks.roles import Roles, choose_roles
from brainnn.networks.sweep import SweepRNN

SIZES = (3, 2)


def layered() -> tuple[Connectome, list[list[int]], Roles]:
    """Thirteen neurons in five layers, edges in all directions, within layers too."""
    rng = np.random.default_rng(3)
    counts = rng.integers(1, 3, (13, 13)) * (rng.random((13, 13)) < 0.5)
    np.fill_diagonal(counts, 0)
    counts[10, 8] = 2
    layers = [[4, 0, 9], [2, 7, 12], [1, 3], [11, 5, 6], [10, 8]]
    return Connectome.of("layered", counts), layers, Roles(np.array([0, 3, 7, 9]), np.array([5, 8]))


def network(**options: Any) -> SweepRNN:
    connectome, layers, roles = layered()
    return SweepRNN(connectome, layers, roles, *SIZES, seed=4, dtype=torch.float64, **options)


def logistic(values: Any) -> Any:
    return 1 / (1 + np.exp(-values))


def published(net: SweepRNN, x: Any, h: Any, linear_first: bool, squash: bool) -> Any:
    """One trial, layer by layer, from matrices forward, skip and recurrent of each layer."""
    connectome, layers, roles = layered()
    number = net.state_size
    weights = np.zeros((number, number))
    pre, post, count = connectome.edge_list()
    weights[post, pre] = net.weight.detach().numpy() * count
    bias = net.bias.detach().numpy()
    level = {neuron: index for index, layer in enumerate(layers) for neuron in layer}
    actions = []
    for seen in x:
        u = np.zeros(number)
        u[roles.inputs] = net.input_weight.detach().numpy() @ seen + net.input_bias.detach().numpy()
        new = h.copy()
        for index, layer in enumerate(layers):
            # the last layer gets nothing recurrent
            later = [n for n in range(number) if level[n] >= index and index < len(layers) - 1]
            total = u[layer] + weights[np.ix_(layer, later)] @ h[later]
            if index == 0:
                new[layer] = total if linear_first else logistic(total + bias[layer])
                continue
            forward = layers[index - 1]
            total = total + weights[np.ix_(layer, forward)] @ new[forward] + bias[layer]
            skip = [neuron for below in layers[: index - 1] for neuron in below]
            new[layer] = logistic(total + weights[np.ix_(layer, skip)] @ new[skip])
        h = new
        read = net.output_weight.detach().numpy() @ h[roles.outputs]
        action = read + net.output_bias.detach().numpy()
        actions.append(2 * logistic(action) - 1 if squash else action)
    return np.array(actions), h


@pytest.mark.parametrize("linear_first", [True, False])
@pytest.mark.parametrize("squash", [True, False])
def test_it_is_the_published_sweep(linear_first: bool, squash: bool) -> None:
    net = network(linear_first=linear_first, squash=squash)
    rng = np.random.default_rng(0)
    x, h = rng.normal(size=(2, 6, 3)), rng.normal(size=(2, 13))
    actions, last = net(torch.from_numpy(x), torch.from_numpy(h))
    for trial in range(2):
        expected, state = published(net, x[trial], h[trial], linear_first, squash)
        np.testing.assert_allclose(actions[trial].detach(), expected, rtol=1e-12, atol=1e-13)
        np.testing.assert_allclose(last[trial].detach(), state, rtol=1e-12, atol=1e-13)


def test_a_chain_acts_at_once_upwards_and_a_step_later_downwards() -> None:
    both = np.array([[0, 1, 0], [1, 0, 1], [0, 1, 0]])
    pair = Connectome.of("chain", both)
    net = SweepRNN(pair, [[0], [1], [2]], Roles(np.array([0]), np.array([2])), 1, 1, seed=0)
    x = torch.zeros(1, 3, 1)
    x[0, 0] = 1.0
    jacobian = torch.autograd.functional.jacobian(lambda seen: net(seen)[0].flatten(), x)
    reach = torch.as_tensor(jacobian).reshape(3, 3).abs() > 0
    # the same step by 0 -> 1 -> 2; steps later through 1 -> 0, which is one step late
    assert reach.tolist() == [[True, False, False], [True, True, False], [True, True, True]]


def test_gradients_reach_all_edges_that_lead_to_the_read_out() -> None:
    net = network()
    x = torch.randn(2, 8, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    net(x)[0].square().sum().backward()
    connectome, layers, _ = layered()
    pre, post, _ = connectome.edge_list()
    dropped = np.isin(pre, layers[-1]) & np.isin(post, layers[-1])
    heard = np.zeros(13, dtype=bool)
    heard[[5, 8]] = True
    for _ in range(13):
        heard[pre[heard[post] & ~dropped]] = True
    assert net.weight.grad is not None
    assert (net.weight.grad.numpy() != 0).tolist() == (heard[post] & ~dropped).tolist()
    assert dropped.any()


def test_first_weights_lie_within_what_feeds_a_neuron() -> None:
    net = network()
    connectome, layers, _ = layered()
    pre, post, _ = connectome.edge_list()
    level = {neuron: index for index, layer in enumerate(layers) for neuron in layer}
    sizes = [3, 3, 2, 3, 2]
    for weight, one, other in zip(net.weight.tolist(), pre.tolist(), post.tolist(), strict=True):
        step = level[other] - level[one]
        below = sizes[level[other] - 1]
        feeding = 13 if step <= 0 else below if step == 1 else sum(sizes[: level[other] - 1])
        assert abs(weight) <= feeding**-0.5


def test_the_edges_of_the_surrogate() -> None:
    connectome = surrogate(0)
    net = SweepRNN(connectome, colour_layers(connectome), choose_roles(connectome), *SIZES, seed=0)
    # all but those among motor neurons
    motor = connectome.classes == "motor"
    pre, post, _ = connectome.edge_list()
    realised = (net.effective_weights()[0] != 0).sum() + (net.effective_weights()[1] != 0).sum()
    assert int(realised) == connectome.edges - int((motor[pre] & motor[post]).sum())


@pytest.fixture(scope="module")
def leg(manc: Path) -> Connectome:
    """The standard leg circuit: up to 470 synapses an edge."""
    stem = manc / "manc_standard_leg"
    return open_connectome(f"{stem}_edges.csv", nodes=f"{stem}_nodes.csv")


def by_neuron(net: SweepRNN, weight: Any, x: Any, h: Any) -> Any:
    """One trial, neuron by neuron and edge by edge, in the order of the layers."""
    pre, post, count = net.connectome.edge_list()
    arriving: list[list[tuple[int, float]]] = [[] for _ in range(net.state_size)]
    for one, other, strength in zip(pre, post, weight * count, strict=True):
        arriving[other].append((one, strength))
    level = {int(neuron): index for index, layer in enumerate(net.layers) for neuron in layer}
    told = {name: one.detach().double().numpy() for name, one in net.named_parameters()}
    place = {int(neuron): row for row, neuron in enumerate(net.roles.inputs)}
    actions = []
    for seen in x:
        new = np.full(net.state_size, np.nan)
        for neuron, own in level.items():
            row = place.get(neuron)
            total = 0.0
            if row is not None:
                total = float(told["input_weight"][row] @ seen + told["input_bias"][row])
            for one, strength in arriving[neuron]:
                if level[one] < own:
                    total += strength * new[one]
                elif own < len(net.layers) - 1:
                    total += strength * h[one]
            new[neuron] = expit(total + told["bias"][neuron]) if own else total
        h = new
        actions.append(told["output_weight"] @ h[net.roles.outputs] + told["output_bias"])
    return np.array(actions), h


@pytest.mark.parametrize(
    ("dtype", "actions_within", "state_within"),
    [(torch.float64, 1e-13, 1e-12), (torch.float32, 1e-5, 5e-5)],
)
def test_real_counts_are_swept_as_edge_by_edge(
    leg: Connectome, dtype: torch.dtype, actions_within: float, state_within: float
) -> None:
    layers = colour_layers(leg)
    assert [len(layer) for layer in layers] == [15, 12, 10, 10, 8, 10, 11, 5, 5, 4, 3, 50]
    rng = np.random.default_rng(0)
    drawn = rng.permutation(len(leg))
    roles = Roles(np.sort(drawn[:28]), np.sort(drawn[28:56]))
    net = SweepRNN(leg, layers, roles, 24, 4, seed=3, dtype=dtype)
    strongest = (net.weight * net.count).abs().max()
    assert 50 < float(strongest.detach()) < 470
    assert int((net.count > 0).sum()) == 1617
    x = torch.from_numpy(rng.normal(size=(1, 12, 24))).to(dtype)
    h = torch.from_numpy(rng.normal(size=(1, 143))).to(dtype)
    actions, last = (one[0].detach().numpy() for one in net(x, h))
    weight = net.weight.detach().double().numpy()
    expected, state = by_neuron(net, weight, x[0].double().numpy(), h[0].double().numpy())
    np.testing.assert_allclose(actions, expected, rtol=0, atol=actions_within)
    np.testing.assert_allclose(last, state, rtol=0, atol=state_within)
    assert np.abs(state[layers[0]]).max() > 5  # the first layer is linear, and large
    assert ((state[roles.outputs] > 0.01) & (state[roles.outputs] < 0.99)).any()


def test_gradients_at_real_counts_are_those_of_the_loop(leg: Connectome) -> None:
    net = SweepRNN(
        leg, colour_layers(leg), choose_roles(leg), 6, 4, seed=1, dtype=torch.float64
    )  # fmt: skip
    rng = np.random.default_rng(1)
    x, h, aim = rng.normal(size=(5, 6)), np.zeros(143), rng.normal(size=(5, 4))
    (net(torch.from_numpy(x)[None])[0][0] * torch.from_numpy(aim)).sum().backward()
    assert net.weight.grad is not None
    weight, turn = net.weight.detach().numpy(), rng.normal(size=len(net.weight)) * 1e-7

    def loss(weight: Any) -> float:
        return float((by_neuron(net, weight, x, h)[0] * aim).sum())

    found = (loss(weight + turn) - loss(weight - turn)) / 2
    assert found == pytest.approx(float(net.weight.grad.numpy() @ turn), rel=1e-5)


def test_layers_must_be_a_partition() -> None:
    connectome, layers, roles = layered()
    with pytest.raises(ValueError, match="each of 13 neurons must be in one layer"):
        SweepRNN(connectome, layers[1:], roles, *SIZES, seed=0)
