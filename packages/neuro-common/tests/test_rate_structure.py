"""Dale's law must hold by presynaptic unit, and no weight may be stuck at zero."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from neuro_common.rate_structure import (
    checked_mask,
    checked_signs,
    checked_time_constants,
    dale_signs,
    signed_weight,
    spectral_radius,
)


@pytest.mark.parametrize(
    ("units", "fraction", "excitatory"),
    [(500, 0.8, 400), (64, 0.8, 51), (100, 0.29, 29), (10, 0.7, 7), (5, 1.0, 5), (3, 0.5, 1)],
)
def test_the_first_units_excite_rounded_down(units, fraction, excitatory):
    signs = dale_signs(units, fraction)
    assert signs.tolist() == [1.0] * excitatory + [-1.0] * (units - excitatory)


@pytest.mark.parametrize("fraction", [0.0, -0.1, 1.1, math.nan])
def test_a_fraction_out_of_range_is_refused(fraction):
    with pytest.raises(ValueError, match=r"excitatory_fraction must be in \(0, 1\], got"):
        dale_signs(10, fraction)


def test_a_population_without_excitation_is_refused():
    with pytest.raises(ValueError, match=r"at least one of 4 units to excite, got 0\.2"):
        dale_signs(4, 0.2)


@given(seed=st.integers(0, 2**32), units=st.integers(1, 12), zeros=st.floats(0, 1))
def test_columns_have_the_sign_of_their_unit_whatever_the_numbers(seed, units, zeros):
    generator = torch.Generator().manual_seed(seed)
    numbers = torch.randn(units, units, generator=generator, dtype=torch.float64)
    numbers[torch.rand(units, units, generator=generator) < zeros] = 0.0
    signs = dale_signs(units, 0.8) if units > 1 else torch.ones(1)
    weight = signed_weight(numbers, signs)
    assert (weight[:, signs > 0] >= 0).all()
    assert (weight[:, signs < 0] <= 0).all()
    assert torch.equal(weight.abs(), numbers.abs())


def test_the_slope_of_a_weight_is_never_zero():
    numbers = torch.tensor([[-2.0, 0.0], [0.0, 3.0]], requires_grad=True)
    signed_weight(numbers, torch.tensor([1.0, -1.0])).sum().backward()
    assert numbers.grad.tolist() == [[-1.0, -1.0], [1.0, -1.0]]


def test_without_signs_weights_are_free():
    numbers = torch.tensor([[-2.0, 1.0], [0.0, 3.0]])
    assert signed_weight(numbers, None) is numbers


def test_the_spectral_radius_sees_complex_pairs():
    turn = torch.tensor([[0.0, -3.0], [3.0, 0.0]])
    assert spectral_radius(turn) == pytest.approx(3.0)


def test_a_mask_loses_its_diagonal_unless_autapses_are_wanted():
    assert torch.equal(checked_mask(None, 3, autapses=False), ~torch.eye(3, dtype=torch.bool))
    assert checked_mask(None, 3, autapses=True).all()
    given_mask = torch.tensor([[True, False], [True, True]])
    assert checked_mask(given_mask, 2, False).tolist() == [[False, False], [True, False]]
    assert given_mask[0, 0], "the mask that was given is left alone"


@pytest.mark.parametrize("mask", [torch.ones(3, 3), torch.ones(3, 2, dtype=torch.bool)])
def test_a_mask_of_another_kind_is_refused(mask):
    with pytest.raises(ValueError, match=r"mask must be boolean of shape \(3, 3\), got torch"):
        checked_mask(mask, 3, autapses=False)


@pytest.mark.parametrize("signs", [torch.ones(3), torch.tensor([1.0, 0.0]), torch.ones(2) * 0.5])
def test_signs_of_another_kind_are_refused(signs):
    with pytest.raises(ValueError, match="signs must be 1 or -1 for each of 2 units, got"):
        checked_signs(signs, 2)


@pytest.mark.parametrize(
    ("tau_ms", "dt_ms", "trained", "message"),
    [
        (0.5, 1.0, False, "finite and at least dt_ms=1.0 > 0, got 0.5"),
        (math.nan, 1.0, False, "tau_ms must be finite"),
        (math.inf, 1.0, False, "tau_ms must be finite"),
        (10.0, 0.0, False, "at least dt_ms=0.0 > 0"),
        (10.0, math.nan, False, "at least dt_ms=nan > 0"),
        (torch.tensor([5.0, 0.1]), 1.0, False, "at least dt_ms=1.0"),
        (torch.ones(3), 1.0, False, r"tau_ms must be one number or 2, got shape \(3,\)"),
        (1.0, 1.0, True, "tau_ms must be above dt_ms=1.0 to be trained"),
    ],
)
def test_bad_time_constants_are_refused(tau_ms, dt_ms, trained, message):
    with pytest.raises(ValueError, match=message):
        checked_time_constants(tau_ms, 2, dt_ms, trained)
