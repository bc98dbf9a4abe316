"""Noise must have its stated size at every step length, and belong to steps, not to calls."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from neuro_common.rate_noise import Noise, standard_normal
from neuro_common.rates import RateNetwork

LIKE = torch.empty(0, dtype=torch.float64)


@settings(max_examples=50)
@given(
    first=st.integers(0, 70),
    steps=st.integers(1, 70),
    batch=st.integers(1, 3),
    units=st.integers(1, 9),
    double=st.booleans(),
)
def test_a_step_has_the_same_numbers_in_every_span(first, steps, batch, units, double):
    like = LIKE if double else LIKE.float()
    whole = standard_normal(5, 0, 0, (first + steps, batch, units), like)
    span = standard_normal(5, 0, first, (steps, batch, units), like)
    assert span.dtype == like.dtype
    assert torch.equal(span, whole[first:])


def test_numbers_are_standard_normal_and_streams_and_seeds_are_independent():
    streams = [
        standard_normal(*key, 0, (200, 10, 50), LIKE).flatten() for key in ((3, 0), (3, 1), (4, 0))
    ]
    for numbers in streams:
        assert stats.kstest(numbers.numpy(), "norm").pvalue > 1e-3
    correlation = torch.corrcoef(torch.stack(streams)) - torch.eye(3)
    assert correlation.abs().max() < 4 / math.sqrt(1e5)


def test_steps_are_independent_of_each_other():
    numbers = standard_normal(3, 0, 0, (200, 10, 50), LIKE).flatten(1)
    correlation = torch.corrcoef(numbers) - torch.eye(200)
    assert correlation.abs().max() < 6 / math.sqrt(500)


def free_units(dt_ms, **options):
    """100 units without connections."""
    network = RateNetwork(100, 1, 1, seed=0, dt_ms=dt_ms, dtype=torch.float64, **options)
    with torch.no_grad():
        network.recurrent_weight.zero_()
    return network


@pytest.mark.parametrize("dt_ms", [0.1, 0.25, 0.5, 1.0])
def test_a_free_unit_has_the_stated_spread_at_every_step(dt_ms):
    network = free_units(dt_ms)
    # 100 trials of 100 units, five time constants apart, after ten: 5e4 samples
    every = round(50 / dt_ms)
    silent = torch.zeros(100, 7 * every, 1, dtype=torch.float64)
    noise = Noise(7, recurrent=0.01)
    states = network.free_run(silent, noise=noise, save_every=every).states[:, 2:]
    expected = 0.01 / math.sqrt(1 - dt_ms / 20)
    assert states.numel() == 5e4
    assert states.std().item() == pytest.approx(expected, rel=0.01)
    assert states.std().item() == pytest.approx(0.01026, rel=0.06)
    assert states.mean().abs() < 2e-4


def test_each_unit_has_the_spread_whatever_its_time_constant():
    tau = torch.tensor([2.0] * 50 + [40.0] * 50)
    silent = torch.zeros(200, 200, 1, dtype=torch.float64)
    last = free_units(1.0, tau_ms=tau).free_run(silent, noise=Noise(7, recurrent=0.01)).last
    for units, tau_ms in ((slice(0, 50), 2.0), (slice(50, 100), 40.0)):
        expected = 0.01 / math.sqrt(1 - 1 / (2 * tau_ms))
        assert last[:, units].std().item() == pytest.approx(expected, rel=0.02)


@pytest.mark.parametrize("dt_ms", [0.25, 1.0])
def test_a_filtered_input_has_the_stated_spread_at_every_step(dt_ms):
    network = free_units(dt_ms)
    with torch.no_grad():
        network.input_weight.fill_(1.0)
    silent = torch.zeros(1500, round(60 / dt_ms), 1, dtype=torch.float64)
    last = network.free_run(silent, noise=Noise(7, inputs=0.02)).last
    assert torch.allclose(last, last[:, :1])
    assert last[:, 0].std().item() == pytest.approx(0.02 / math.sqrt(1 - dt_ms / 20), rel=0.06)


def test_compat_input_noise_is_the_published_one():
    alpha, zero = torch.tensor(0.1, dtype=torch.float64), torch.zeros(400, 50, 2).double()
    noisy = Noise(2, inputs=0.01, compat=True).add_to_inputs(zero, alpha, 0)
    # a silent channel gets a positive mean: sqrt(2 * .1) * .01 / sqrt(2 pi)
    assert noisy.mean().item() == pytest.approx(0.00178, rel=0.02)
    assert noisy.min() == 0
    loud = Noise(2, inputs=0.01, compat=True).add_to_inputs(zero + 1, alpha, 0)
    assert loud.std().item() == pytest.approx(0.0044721, rel=0.01)
    consistent = Noise(2, inputs=0.01).add_to_inputs(zero, alpha, 0)
    assert consistent.std().item() == pytest.approx(0.044721, rel=0.01)


def test_no_strength_is_no_noise():
    inputs = torch.zeros(3, 2, 1)
    assert Noise(1).add_to_inputs(inputs, torch.tensor(0.1), 0) is inputs
    assert Noise(1).of_units((3, 2, 4), torch.tensor(0.1), 0) is None


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"recurrent": -0.1}, ValueError, "recurrent must be finite and at least 0, got -0.1"),
        ({"inputs": math.nan}, ValueError, "inputs must be finite and at least 0, got nan"),
        ({"inputs": math.inf}, ValueError, "inputs must be finite"),
        ({"seed": -1}, ValueError, r"seed must be in \[0, 2\*\*128\), got -1"),
        ({"seed": 1.5}, TypeError, "seed must be an integer, got 1.5"),
    ],
)
def test_bad_noise_is_refused(changes, error, message):
    with pytest.raises(error, match=message):
        Noise(**{"seed": 1} | changes)
