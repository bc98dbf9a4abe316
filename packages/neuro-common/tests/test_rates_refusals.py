"""Networks and inputs that are refused before anything runs."""

import math

import pytest
import torch

from neuro_common.rates import RateNetwork

BAD_NETWORKS = [
    ({"units": 0}, "units must be at least 1, got 0"),
    ({"outputs": 0}, "outputs must be at least 1, got 0"),
    ({"activation": "elu"}, r"activation must be one of \['relu', 'tanh', 'softplus'\], got 'elu'"),
    ({"spectral_radius": 0.0}, "spectral_radius must be above 0, got 0.0"),
    ({"spectral_radius": math.nan}, "spectral_radius must be above 0, got nan"),
    ({"tau_ms": 0.5}, "tau_ms must be finite and at least dt_ms=1.0"),
    ({"signs": torch.zeros(5)}, "signs must be 1 or -1 for each of 5 units"),
    ({"mask": torch.ones(5, 5)}, "mask must be boolean"),
    ({"mask": torch.ones(5, 5).bool().tril()}, "mask must leave at least one loop of connections"),
]


@pytest.mark.parametrize(("changes", "message"), BAD_NETWORKS)
def test_bad_networks_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        RateNetwork(**{"units": 5, "inputs": 2, "outputs": 1, "seed": 0} | changes)


GOOD = torch.zeros(2, 5, 2, dtype=torch.float64)
BAD_INPUTS = [
    (torch.zeros(2, 5, 3), None, r"inputs must have shape \(batch, time, 2\).* got \(2, 5, 3\)"),
    (torch.zeros(5, 2), None, r"inputs must have shape .*, got \(5, 2\)"),
    (torch.zeros(2, 0, 2), None, r"at least one step, got \(2, 0, 2\)"),
    (torch.zeros(2, 5, 2), None, "inputs must be torch.float64 on cpu like .* got torch.float32"),
    (GOOD * math.nan, None, "inputs must be finite, got NaN or infinity"),
    (GOOD, torch.zeros(1, 12), r"state must have shape \(2, 12\), got \(1"),
    (GOOD, torch.zeros(2, 12), "state must be torch.float64 on cpu"),
    (GOOD, torch.full((2, 12), math.inf).double(), "state must be finite"),
]


@pytest.mark.parametrize(("inputs", "state", "message"), BAD_INPUTS)
def test_bad_inputs_are_refused_before_anything_runs(inputs, state, message):
    made = RateNetwork(12, 2, 1, seed=3, dtype=torch.float64)
    for run in (made, made.rates, made.blocks, made.free_run):
        with pytest.raises(ValueError, match=message):
            run(inputs, state)


def test_bad_strides_of_time_are_refused():
    made = RateNetwork(12, 2, 1, seed=3, dtype=torch.float64)
    with pytest.raises(ValueError, match="chunk_steps must be at least 1 or None, got 0"):
        made(GOOD, chunk_steps=0)
    with pytest.raises(ValueError, match="save_every must be at least 1 or None, got 0"):
        made.free_run(GOOD, save_every=0)
