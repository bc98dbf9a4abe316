"""From currents to muscles: each step against a closed form or a hand case."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import lognorm

from spinal_rnn.conditions import parse_configuration
from spinal_rnn.lead import SPECIFY_565
from spinal_rnn.simulation.anatomy import (
    ROOT_WEIGHTS,
    ROOTS,
    both_sides,
    exponential_kernel,
    field_kernel,
    hill_pool,
    kumaraswamy_pool,
    muscle_response,
    recruited_fraction,
    root_drive,
    root_nodes,
    root_places,
    transfer,
    width_factor,
)

amount = st.floats(0, 1)


def test_the_kernel_of_a_point_source_is_the_second_derivative_of_its_potential() -> None:
    x = np.linspace(-8, 8, 9)[:, None]
    z = np.linspace(-20, 20, 41)
    height, step = 5.0, 1e-3

    def potential(z_mm: np.ndarray) -> np.ndarray:
        return 1 / np.sqrt(height**2 + x**2 + z_mm**2)

    curvature = (potential(z + step) - 2 * potential(z) + potential(z - step)) / step**2
    kernel = field_kernel(x, z, height_mm=height, power=2.5, side_lobe=2.0, lateral=1.0)
    np.testing.assert_allclose(kernel, -curvature * height**3, atol=1e-6)


def test_the_default_kernel_by_hand() -> None:
    # rho^2 = 49 + (1.5 * 2)^2 = 58; 49 * (58 - 0.3 * 25) / (58 + 25)^2
    assert field_kernel(np.array(2.0), np.array(-5.0)) == pytest.approx(
        49 * 50.5 / 83**2, abs=1e-12
    )
    assert field_kernel(np.array(0.0), np.array(0.0)) == pytest.approx(1, abs=1e-12)
    assert field_kernel(np.array(0.0), np.array(20.0)) < 0
    assert field_kernel(np.array(np.nan), np.array(np.nan)) == 0


def test_the_exponential_kernel_falls_everywhere_and_never_changes_sign() -> None:
    distance = np.linspace(0, 30, 50)
    kernel = exponential_kernel(distance, 0 * distance, height_mm=4, length_mm=4, lateral=1.3)
    assert kernel[0] == pytest.approx(1, abs=1e-12)
    assert (np.diff(kernel) < 0).all()
    assert kernel[-1] > 0
    places = np.array([0.0, np.nan]), np.array([3.0, np.nan])
    value, nowhere = exponential_kernel(*places, height_mm=4, length_mm=4, lateral=1)
    assert value == pytest.approx(np.exp((4 - 5) / 4))
    assert nowhere == 0


def test_roots_descend_outwards() -> None:
    x, z = root_nodes(*root_places())
    assert ROOTS[3] == "L:L4"
    assert ROOTS[13] == "R:S2"
    np.testing.assert_allclose(x[:, 3], [-3.0, -3.8, -4.2])
    np.testing.assert_allclose(x[:, 13], [1.9, 2.7, 3.1])
    np.testing.assert_allclose(z[:, 13], [42.5, 49.5, 56.5])


def test_transfer_is_kernel_times_weight_of_the_node_and_nothing_at_the_case() -> None:
    table = transfer(SPECIFY_565, *root_places())
    assert table.shape == (17, 3, 14)
    # contact 4 at (-3.5, 33), root L4 of the left side, second node at (-3.8, 30)
    by_hand = 0.45 * field_kernel(np.array(0.3), np.array(3.0))
    assert table[4, 1, 3] == pytest.approx(by_hand, abs=1e-12)
    assert (table[16] == 0).all()


def test_drive_takes_the_best_node_and_an_anode_holds_roots_down() -> None:
    table = transfer(SPECIFY_565, *root_places())
    cathode, anode = parse_configuration("cath4_an16"), parse_configuration("cath16_an4")
    drive = root_drive(np.stack([cathode, 3 * cathode, anode]), table)
    np.testing.assert_allclose(drive[0], table[4].max(axis=0), atol=1e-15)
    np.testing.assert_allclose(drive[1], 3 * drive[0])
    assert drive[2, 4] < 0


@given(st.integers(0, 2**32 - 1), st.floats(0.1, 10))
def test_drive_is_homogeneous_and_subadditive_in_currents(seed: int, scale: float) -> None:
    table = transfer(SPECIFY_565, *root_places())
    one, other = np.random.default_rng(seed).normal(size=(2, 1, 17))
    np.testing.assert_allclose(
        root_drive(scale * one, table), scale * root_drive(one, table), atol=1e-9
    )
    together = root_drive(one + other, table)
    assert (together <= root_drive(one, table) + root_drive(other, table) + 1e-12).all()


def test_recruitment_is_a_lognormal_distribution_of_thresholds() -> None:
    drive = np.array([-1.0, 0.0, 0.5, 1.0, 1.3, 4.0])
    wanted = lognorm(s=0.3, scale=1.2).cdf(drive)
    np.testing.assert_allclose(recruited_fraction(drive, 1.2, 0.3), wanted, atol=1e-12)


def test_longer_pulses_are_stronger() -> None:
    # (1 + 300 / 300) / (1 + 300 / width)
    factors = width_factor(np.array([150.0, 300.0, 600.0]))
    np.testing.assert_allclose(factors, [2 / 3, 1, 4 / 3])
    assert width_factor(np.array(600.0), 100.0) == pytest.approx((4 / 3) / (7 / 6))


def test_pools_by_hand() -> None:
    u = np.array([0.0, 0.35, 1.0])
    half = (1 + 0.35**2.5) / 2
    np.testing.assert_allclose(hill_pool(u), [0, half, 1], atol=1e-12)
    np.testing.assert_allclose(
        kumaraswamy_pool(np.array([0, 0.5, 1.0]), rise=2, fullness=3), [0, 1 - 0.75**3, 1]
    )


@given(amount, amount)
def test_pools_rise_from_none_to_all(a: float, b: float) -> None:
    low, high = sorted([a, b])
    pair = np.array([low, high])
    for output in (hill_pool(pair), kumaraswamy_pool(pair, rise=1.8, fullness=3.0)):
        assert 0 <= output[0] <= output[1] <= 1 + 1e-12


def test_rows_of_the_weights_sum_to_one_on_one_and_on_both_sides() -> None:
    np.testing.assert_allclose(ROOT_WEIGHTS.sum(axis=1), 1)
    weights = both_sides(ROOT_WEIGHTS, ROOT_WEIGHTS[::-1], spill=0.02)
    np.testing.assert_allclose(weights.sum(axis=1), 1)
    assert weights[0, 0] == pytest.approx(0.98 * 0.35)
    assert weights[0, 7] == pytest.approx(0.02 * 0.35)
    assert weights[7, 11] == pytest.approx(0.98 * 0.15)


def test_a_muscle_follows_its_roots() -> None:
    weights = both_sides(ROOT_WEIGHTS, ROOT_WEIGHTS)
    only_l1 = np.eye(14)[:1]
    response = muscle_response(only_l1, weights)
    assert response[0, 0] == pytest.approx(hill_pool(np.array(0.98 * 0.35)), abs=1e-12)
    assert response[0, 7] == pytest.approx(hill_pool(np.array(0.02 * 0.35)), abs=1e-12)
    assert response[0, 6] == 0
    np.testing.assert_allclose(muscle_response(np.ones((1, 14)), weights), 1)
