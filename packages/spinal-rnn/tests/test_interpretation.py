"""Components, orbits and eigenvalues against circles, spirals and matrices that are known."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.decomposition import PCA

from neuro_common.leaky import LeakyNetwork
from neuro_common.leaky_cell import UnitState
from spinal_rnn.interpretation import (
    eigenvalues,
    loop_closure,
    measure_orbit,
    outgoing_weight,
    period_ms,
    principal_components,
    transition_matrix,
)


def circle(period: float, samples: int = 180, units: int = 5, dt_ms: float = 1.0) -> np.ndarray:
    phase = 2 * np.pi * np.arange(samples) * dt_ms / period
    axes = np.linalg.qr(np.random.default_rng(0).normal(size=(units, 2)))[0].T
    return np.column_stack([np.cos(phase), np.sin(phase)]) @ axes + 3.0


def test_components_are_those_of_scikit_learn() -> None:
    states = np.random.default_rng(1).normal(size=(50, 6)) @ np.diag([5, 3, 2, 1, 1, 0.5])
    ours, oracle = principal_components(states, 3), PCA(3).fit(states)
    np.testing.assert_allclose(ours.explained, oracle.explained_variance_ratio_, rtol=1e-12)
    np.testing.assert_allclose(
        np.abs(ours.axes), np.abs(oracle.components_), rtol=1e-10, atol=1e-12
    )
    np.testing.assert_allclose(np.abs(ours.scores), np.abs(oracle.transform(states)), atol=1e-10)
    assert (ours.axes[np.arange(3), np.abs(ours.axes).argmax(axis=1)] > 0).all()


def test_components_of_states_at_rest_explain_nothing() -> None:
    found = principal_components(np.ones((10, 3)), 2)
    assert found.explained.tolist() == [0, 0]
    assert (found.scores == 0).all()


@pytest.mark.parametrize("count", [0, 4])
def test_a_wrong_number_of_components_is_refused(count: int) -> None:
    with pytest.raises(ValueError, match=rf"count must be from 1 .* got {count} for \(10, 3\)"):
        principal_components(np.ones((10, 3)), count)


@settings(max_examples=40)
@given(period=st.floats(5.0, 60.0), phase=st.floats(0, 6.28))
def test_the_period_of_a_sine_is_found_between_samples(period: float, phase: float) -> None:
    signal = np.sin(2 * np.pi * np.arange(180) / period + phase)
    found, correlation = period_ms(signal, 1.0)
    assert found == pytest.approx(period, rel=0.02)
    # a parabola misses a little of a peak between samples
    assert correlation == pytest.approx(1, abs=0.05)


@pytest.mark.parametrize("hz", [20, 40, 60, 80])
def test_the_period_of_pulses_is_that_of_their_train(hz: int) -> None:
    time = np.arange(180.0)
    starts = np.arange(0, 180, 1e3 / hz)
    pulses = np.exp(-((time[:, None] - starts) ** 2) / 8).sum(axis=1)
    assert period_ms(pulses, 1.0)[0] == pytest.approx(1e3 / hz, abs=0.2)


def test_a_ramp_and_a_constant_have_no_period() -> None:
    for signal in (np.zeros(50), np.arange(50.0)):
        assert np.isnan(period_ms(signal, 1.0)).all()


def test_a_circle_closes_and_has_its_radius() -> None:
    orbit = measure_orbit(circle(25.0, 175), 1.0)
    assert orbit.period_ms == pytest.approx(25, abs=0.02)
    assert orbit.closure == pytest.approx(0, abs=5e-3)
    assert orbit.radius == pytest.approx(1)
    assert orbit.correlation == pytest.approx(1, abs=1e-3)


def test_half_a_sample_of_the_period_is_interpolated() -> None:
    assert loop_closure(circle(12.5, 175), 12.5, 1.0) < 0.05
    # twice the sampling of the same loop
    assert loop_closure(circle(12.5, 350, dt_ms=0.5), 12.5, 0.5) == pytest.approx(0, abs=1e-12)


def test_a_drift_opens_the_loop_by_what_it_drifts() -> None:
    drift = np.outer(np.arange(100.0), [0, 0, 1])
    turning = np.column_stack([circle(25.0, 100, 2), np.zeros(100)])
    spread = np.sqrt(1 + np.arange(100.0).var())
    assert loop_closure(turning + drift, 25.0, 1.0) == pytest.approx(25 / spread, rel=1e-6)


def test_states_that_forget_are_the_root_of_two_away() -> None:
    states = np.random.default_rng(0).normal(size=(4000, 8))
    assert loop_closure(states, 20.0, 1.0) == pytest.approx(np.sqrt(2), rel=0.02)


def test_a_period_longer_than_the_states_is_refused() -> None:
    with pytest.raises(ValueError, match="longer than a period of 50 ms, got 40 samples of 1 ms"):
        loop_closure(np.ones((40, 2)), 50.0, 1.0)


def test_states_at_rest_have_no_closure() -> None:
    assert np.isnan(loop_closure(np.ones((40, 2)), 5.0, 1.0))


def test_the_eigenvalues_of_a_leaky_rotation_are_known() -> None:
    # a rotation by a quarter turn leaks to (1 - a) +- a i
    rotation = [[0.0, -1.0], [1.0, 0.0]]
    found = eigenvalues(transition_matrix(rotation, 0.25))
    np.testing.assert_allclose(found, [0.75 + 0.25j, 0.75 - 0.25j], atol=1e-12)
    # each unit by itself: 1 - a + a w, the largest first
    alone = eigenvalues(transition_matrix(np.diag([0.5, -1.0]), [0.5, 0.1]))
    np.testing.assert_allclose(alone, [0.8, 0.75], atol=1e-12)


@pytest.mark.parametrize("synapse", [False, True])
def test_the_transition_is_the_derivative_of_a_step(synapse: bool) -> None:
    units = 4
    network = LeakyNetwork(
        units, 2, 1, seed=0, tau_ms=torch.tensor([2.0, 3.0, 5.0, 8.0]), autapses=True,
        synapse_tau_ms=4.0 if synapse else None, dtype=torch.float64,
        activation_on="drive",
    )  # fmt: skip
    cell = network.cell()
    still = torch.zeros(1, units, dtype=torch.float64)

    def step(state: torch.Tensor) -> torch.Tensor:
        slow, fast = (state[:, :units], state[:, units:]) if synapse else (state, state)
        after = cell.step(UnitState(fast, fast, slow), still, None)
        return torch.cat([after.synapse, after.state], 1) if synapse else after.state

    start = torch.zeros(1, units * (2 if synapse else 1), dtype=torch.float64)
    oracle = torch.autograd.functional.jacobian(step, start)[0, :, 0]
    slow = network.synapse_leak().detach() if synapse else None
    ours = transition_matrix(network.effective_weight().detach(), network.leak().detach(), slow)
    np.testing.assert_allclose(ours, oracle.numpy(), atol=1e-14)


def test_what_a_unit_sends_out_leaves_itself_out() -> None:
    weight = [[9.0, 1.0, -2.0], [2.0, 9.0, -4.0], [4.0, 3.0, 9.0]]
    np.testing.assert_allclose(outgoing_weight(weight), [3.0, 2.0, -3.0])
