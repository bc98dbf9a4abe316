"""Fixed points of rate networks: closed forms, brute force over active sets, scipy, the map."""

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import root

from neuro_common.rates import RateNetwork
from rhythm_rnn.equilibria import (
    BranchEvent,
    NetworkFixedPoint,
    RateFlow,
    fixed_point,
    network_fixed_points,
    rest_near,
    same_state,
)


def flow(
    weight: object,
    cue_weight: object,
    bias: object,
    *,
    tau_ms: object = 10.0,
    dt_ms: float = 1.0,
    activation: str = "relu",
) -> RateFlow:
    """A flow of a few units whose output is the rate of the first."""
    n = len(np.atleast_1d(np.asarray(bias)))
    readout = np.eye(n)[0]
    return RateFlow(
        np.asarray(weight, dtype=float).reshape(n, n),
        np.asarray(cue_weight, dtype=float).reshape(n),
        np.asarray(bias, dtype=float).reshape(n),
        np.broadcast_to(np.asarray(tau_ms, dtype=float), n),
        dt_ms,
        activation,
        readout,
        0.0,
    )


def random_flow(seed: int, n: int, activation: str = "relu") -> RateFlow:
    rng = np.random.default_rng(seed)
    weight = rng.normal(size=(n, n)) * 2 / np.sqrt(n)
    return flow(
        weight,
        rng.normal(size=n),
        rng.normal(size=n),
        tau_ms=rng.uniform(5, 20, n),
        activation=activation,
    )


def test_one_unit_that_excites_itself_rests_on_and_off() -> None:
    one = flow(3.0, 1.0, -0.5)
    below = network_fixed_points(one, 0.1, np.array([[-1.0], [1.0], [5.0]]))
    assert [point.state[0] for point in below] == pytest.approx([-0.4, 0.2])
    off, on = below
    assert (off.kind, on.kind) == ("stable node", "saddle")
    assert off.eigenvalues == pytest.approx([-100.0])  # -1 / tau
    assert on.eigenvalues == pytest.approx([200.0])  # (3 - 1) / tau
    assert on.multipliers == pytest.approx([1.2])
    assert (off.n_active, on.n_active) == (0, 1)
    assert (off.output, on.output) == pytest.approx((0.0, 0.2))
    assert network_fixed_points(one, 0.6, np.array([[-1.0], [1.0]])) == []


def test_a_pair_can_be_stable_in_the_flow_and_not_in_the_map() -> None:
    pair = flow([[1.9, -1.5], [1.5, 0.0]], [1.0, 0.0], [0.0, 0.0])
    (point,) = network_fixed_points(pair, 1.0, np.ones((1, 2)))
    inhibited = np.array([1.0, 1.5]) / (1 - 1.9 + 1.5**2)
    assert point.state == pytest.approx(inhibited)
    turning = np.sqrt(1.5**2 - 0.95**2)
    assert point.eigenvalues[0] == pytest.approx(100 * (-0.05 + 1j * turning))
    size = np.hypot(1 - 0.005, 0.1 * turning)
    assert np.abs(point.multipliers) == pytest.approx([size, size])
    assert (point.kind, point.stable, point.stable_in_map) == ("stable focus", True, False)
    assert (point.n_unstable, point.n_unstable_in_map) == (0, 2)


@settings(max_examples=40)
@given(st.integers(0, 10_000), st.integers(2, 7), st.floats(-2, 2))
def test_newton_finds_what_brute_force_finds(
    brute_force: Any, seed: int, n: int, cue: float
) -> None:
    one = random_flow(seed, n)
    all_points = brute_force(one, cue)
    rng = np.random.default_rng(seed)
    scale = 1 + max((np.abs(state).max() for state in all_points), default=0.0)
    starts = rng.normal(0, scale, (300, n))
    found = network_fixed_points(one, cue, starts)
    assert all(any(same_state(p.state, state) for state in all_points) for p in found)
    # from within its own active set a step of Newton's method lands on it
    near = network_fixed_points(one, cue, np.array([*all_points, *starts]))
    assert len(near) == len(all_points)


@pytest.mark.parametrize("activation", ["relu", "tanh", "softplus"])
def test_eigenvalues_are_those_of_the_whole_jacobian(activation: str) -> None:
    one = random_flow(2, 12, activation)
    starts = np.random.default_rng(1).normal(size=(50, 12))
    points = network_fixed_points(one, 0.4, starts)
    assert points
    for point in points:
        full = 1e3 * np.linalg.eigvals(one.jacobian(point.state))
        np.testing.assert_allclose(
            np.sort_complex(point.eigenvalues), np.sort_complex(full), atol=1e-8
        )
        assert (np.diff(point.eigenvalues.real) <= 1e-12).all()


@pytest.mark.parametrize("activation", ["relu", "tanh", "softplus"])
def test_the_flow_is_that_of_the_network(activation: str) -> None:
    network = RateNetwork(
        9, 2, 1, seed=2, activation=activation, spectral_radius=1.5, dtype=torch.float64
    )
    network.bias.data.uniform_(-1, 1, generator=torch.Generator().manual_seed(0))
    one = RateFlow.of(network)
    state = torch.linspace(-1, 1, 9, dtype=torch.float64).requires_grad_()
    cue = 0.7
    inputs = torch.tensor([[[0.0, cue]]], dtype=torch.float64)
    output, after = network(inputs, state[None])
    h = state.detach().numpy()
    step = h + network.dt_ms * one.velocity(h, cue)
    np.testing.assert_allclose(after[0].detach().numpy(), step, rtol=1e-12)
    assert one.output(step) == pytest.approx(output.item())
    rows = [torch.autograd.grad(a, state, retain_graph=True)[0].numpy() for a in after[0]]
    np.testing.assert_allclose(np.eye(9) + one.jacobian(h), np.array(rows), atol=1e-12)
    ahead, behind = one.velocity(h, cue + 0.5), one.velocity(h, cue - 0.5)
    np.testing.assert_allclose(one.cue_derivative(h), ahead - behind, atol=1e-12)


@pytest.mark.parametrize("activation", ["tanh", "softplus"])
def test_smooth_networks_rest_where_scipy_says(activation: str) -> None:
    one = random_flow(8, 6, activation)
    starts = np.random.default_rng(0).normal(size=(20, 6))
    for point in network_fixed_points(one, -0.3, starts):
        solved = root(lambda h: one.velocity(h, -0.3), point.state + 1e-3, tol=1e-13)
        np.testing.assert_allclose(point.state, solved.x, atol=1e-8)
        assert point.n_active == 6


def test_the_map_leaves_a_fixed_point_as_its_multipliers_say() -> None:
    network = RateNetwork(2, 2, 1, seed=0, autapses=True, dtype=torch.float64)
    with torch.no_grad():
        network.recurrent_weight.copy_(torch.tensor([[1.9, -1.5], [1.5, 0.0]]))
        network.input_weight.copy_(torch.tensor([[0.0, 1.0], [0.0, 0.0]]))
        network.bias.zero_()
    one = RateFlow.of(network)
    (point,) = network_fixed_points(one, 1.0, np.ones((1, 2)))
    away = torch.tensor(point.state + 1e-6)[None]
    inputs = torch.tensor([[0.0, 1.0]], dtype=torch.float64).expand(1, 400, 2)
    run = network.free_run(inputs, away, save_every=1)
    distance = (run.states[0].numpy() - point.state) @ np.array([1, 1j])
    # the pair turns and grows: over many turns, by its modulus
    growth = np.abs(distance[200:]).max() / np.abs(distance[:200]).max()
    assert growth == pytest.approx(np.abs(point.multipliers[0]) ** 200, rel=0.02)


def test_a_singular_matrix_does_not_end_the_batch() -> None:
    one = flow(1.0, 1.0, 0.0)
    rested = rest_near(one, np.full(2, -1.0), np.array([[2.0], [-2.0]]))
    assert np.isnan(rested[0]).all()
    assert rested[1] == pytest.approx([-1.0])


def test_an_event_says_what_changes_as_the_cue_rises() -> None:
    def point(flow_value: complex) -> NetworkFixedPoint:
        values = np.array([flow_value, np.conj(flow_value)])
        return NetworkFixedPoint(0.0, np.zeros(2), values, np.ones(2, dtype=bool), 0.0, 1.0)

    stable, middle, unstable = point(-50 + 60j), point(-1 + 60j), point(1 + 60j)

    def label(before: NetworkFixedPoint, after: NetworkFixedPoint) -> str:
        return BranchEvent("change of stability", before, after).label

    assert label(unstable, middle) == "flow becomes stable"
    assert label(middle, stable) == "map becomes stable"
    assert label(stable, middle) == "map becomes unstable"
    assert label(stable, unstable) == "flow and map become unstable"
    assert label(unstable, unstable) == "change of stability"
    assert BranchEvent("non-smooth fold", stable, unstable).label == "non-smooth fold"


def test_the_active_set_of_a_state_on_a_border_can_be_told() -> None:
    one = flow(3.0, 1.0, 0.0)
    state = np.zeros(1)
    assert fixed_point(one, 0.0, state).eigenvalues == pytest.approx([-100.0])
    on = fixed_point(one, 0.0, state, np.array([True]))
    assert on.eigenvalues == pytest.approx([200.0])


def test_bad_input_is_refused() -> None:
    one = random_flow(0, 3)
    with pytest.raises(ValueError, match="cue must be finite, got nan"):
        network_fixed_points(one, float("nan"), np.zeros((1, 3)))
    with pytest.raises(ValueError, match=r"starts must be \(starts, 3\), got shape \(3,\)"):
        network_fixed_points(one, 0.0, np.zeros(3))
    network = RateNetwork(3, 1, 1, seed=0)
    with pytest.raises(ValueError, match="channel must be one of the network's 1 inputs, got 1"):
        RateFlow.of(network)
