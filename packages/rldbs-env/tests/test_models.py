"""The equations as written, and the range that their mean fields never leave."""

import math
from typing import Any

import numpy as np
import pytest

from rldbs_env import BonhoefferVanDerPol, simulate


def test_rates_of_two_neurons_by_hand() -> None:
    model = BonhoefferVanDerPol(coupling=0.5)
    rates = model.rates([[1.0, -2.0], [0.5, 0.25]], [0.6, 0.7])
    mean = -0.5
    expected_x = [1 - 1 / 3 - 0.5 + 0.6 + 0.5 * mean, -2 + 8 / 3 - 0.25 + 0.7 + 0.5 * mean]
    expected_y = [0.1 * (1 - 0.4 + 0.7), 0.1 * (-2 - 0.2 + 0.7)]
    np.testing.assert_allclose(rates, [expected_x, expected_y], rtol=1e-15)


def test_draws_come_in_the_order_x_y_currents() -> None:
    state, currents = BonhoefferVanDerPol(spread=0.2).draw(5, np.random.default_rng(3))
    rng = np.random.default_rng(3)
    np.testing.assert_array_equal(state[0], rng.uniform(-1, 1, 5))
    np.testing.assert_array_equal(state[1], rng.uniform(-1, 1, 5))
    np.testing.assert_array_equal(currents, 0.6 + 0.2 * rng.standard_normal(5))


def test_steps_of_a_cycle_and_a_transient_follow_dt() -> None:
    assert BonhoefferVanDerPol().period_steps == 162
    assert BonhoefferVanDerPol().transient_steps == 25_000
    assert BonhoefferVanDerPol(dt=0.1).period_steps == 324


@pytest.mark.parametrize("max_kick", [0.5, 1.0, 2.0])
@pytest.mark.parametrize("coupling", [0.03, 0.5])
def test_no_admitted_kick_drives_a_mean_field_out_of_the_limits(
    max_kick: float, coupling: float
) -> None:
    model = BonhoefferVanDerPol(coupling=coupling)
    x_low, x_high, y_low, y_high = model.limits(max_kick)
    rng = np.random.default_rng(0)
    step = np.arange(3000)
    forcings = {
        "constant": np.full(3000, max_kick),
        "negative": np.full(3000, -max_kick),
        "square of half a period": max_kick * np.where(step // 81 % 2, 1, -1),
        "alternating": max_kick * np.where(step % 2, 1, -1),
        "random sign": max_kick * rng.choice([-1, 1], 3000),
    }
    for name, kicks in forcings.items():
        run = simulate(model, *model.draw(100, rng), 3000, kicks)
        assert x_low < run.mean_x.min() <= run.mean_x.max() < x_high, name
        assert y_low < run.mean_y.min() <= run.mean_y.max() < y_high, name


def test_limits_are_the_zero_of_the_inward_flow() -> None:
    model = BonhoefferVanDerPol()
    _, x, y_low, y_high = model.limits(1.0)
    # on the right border, at its lowest point, with the strongest current and kick
    strongest = model.mean_current + 6 * model.spread + 1.0 / model.dt
    slowest_y = (-model.offset - x) / model.slope
    flow = x - x**3 / 3 - slowest_y + strongest + model.coupling * x
    assert flow == pytest.approx(0, abs=1e-9)
    assert y_high == pytest.approx((0.7 + x) / 0.8)
    assert y_low == pytest.approx((0.7 - x) / 0.8)


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("spread", -0.1, r"spread must be at least 0 \(a standard deviation\), got -0.1"),
        ("coupling", math.nan, "coupling must be a finite number, got nan"),
        ("coupling", "strong", "coupling must be a finite number, got 'strong'"),
        ("mean_current", math.inf, "mean_current must be a finite number, got inf"),
        ("dt", 0.0, r"dt must be in \(0, 0.5\] for a stable RK4 step, got 0.0"),
        ("dt", 0.6, r"dt must be in \(0, 0.5\]"),
    ],
)
def test_impossible_parameters_are_refused(field: str, value: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        BonhoefferVanDerPol(**{field: value})


def test_an_empty_ensemble_is_refused() -> None:
    with pytest.raises(ValueError, match="n_neurons must be at least 1, got 0"):
        BonhoefferVanDerPol().draw(0, np.random.default_rng(0))
