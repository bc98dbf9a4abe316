"""Pulse shapes by hand, their charges, and what the cast to float32 leaves of the balance."""

import math
from collections.abc import Callable
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rldbs_env.pulses import Pulse, asymmetric, biphasic, delta, rectangular

LENGTHS = st.integers(1, 200)
GAPS = st.integers(0, 50)


def exact_net(pulse: Pulse) -> Fraction:
    return sum((Fraction(weight) for weight in pulse.weights), Fraction(0))


# Shapes


def test_a_delta_pulse_is_the_action_itself() -> None:
    assert delta() == Pulse((1.0,), "delta")
    assert (delta().charge, delta().net_charge, delta().energy) == (1.0, 1.0, 1.0)
    assert not delta().balanced


@given(st.integers(1, 2000))
def test_a_rectangular_current_has_the_charge_of_a_delta_kick(width: int) -> None:
    pulse = rectangular(width)
    assert pulse.weights == (1 / width,) * width
    assert pulse.charge == pulse.net_charge == pytest.approx(1.0, rel=1e-15)
    assert pulse.energy == pytest.approx(1 / width, rel=1e-14)
    assert not pulse.balanced


@pytest.mark.parametrize(
    ("lengths", "weights"),
    [
        ((), (1, -1 / 2, -1 / 2, 0, 0)),
        ((1, 0, 1, 2), (1, -1)),
        ((1, 2, 4, 8), (1, 0, 0, -1 / 4, -1 / 4, -1 / 4, -1 / 4, 0)),
        ((2, 1, 4, 7), (1, 1, 0, -1 / 2, -1 / 2, -1 / 2, -1 / 2)),
        ((2, 0, 2, 5), (1, 1, -1, -1, 0)),
        ((4, 1, 1, 6), (1 / 4, 1 / 4, 1 / 4, 1 / 4, 0, -1)),
    ],
)
def test_biphasic_pulses_by_hand(
    lengths: tuple[int, int, int, int], weights: tuple[float, ...]
) -> None:
    """The first row is the published stimulus; in the last the second phase is the stronger."""
    assert biphasic(*lengths).weights == weights
    assert biphasic(*lengths).net_charge == 0.0


@given(LENGTHS, GAPS, LENGTHS, st.integers(0, 50))
def test_biphasic_pulses_have_two_flat_phases_and_no_net_charge(
    first: int, gap: int, second: int, rest: int
) -> None:
    pulse = biphasic(first, gap, second, first + gap + second + rest)
    weights = np.array(pulse.weights)
    peak = max(1.0, first / second)
    np.testing.assert_allclose(weights[:first], 1 / peak, rtol=1e-11)
    assert not weights[first : first + gap].any()
    begin = first + gap
    np.testing.assert_allclose(weights[begin : begin + second], -first / second / peak, rtol=1e-11)
    assert not weights[begin + second :].any()
    assert len(weights) == first + gap + second + rest
    assert np.abs(weights).max() == 1.0
    assert abs(exact_net(pulse)) <= 2**-52
    assert pulse.balanced
    assert pulse.charge == pytest.approx(2 * first / peak, rel=1e-12)


def test_passive_recharge_by_hand() -> None:
    """With tau = 1 / ln 2 the recharge halves with every sub-step: 4 : 2 : 1 of 7."""
    pulse = asymmetric(first=1, gap=1, tau=1 / math.log(2), period=5)
    assert pulse.weights == pytest.approx((1, 0, -4 / 7, -2 / 7, -1 / 7), abs=1e-15)
    stronger = asymmetric(first=3, gap=0, tau=1 / math.log(2), period=6)  # 3 * 4 / 7 > 1
    assert stronger.weights == pytest.approx((*[7 / 12] * 3, -1, -1 / 2, -1 / 4), abs=1e-15)


@given(LENGTHS, GAPS, st.floats(1e-3, 1e3), LENGTHS)
def test_passive_recharge_decays_exponentially_and_leaves_no_net_charge(
    first: int, gap: int, tau: float, room: int
) -> None:
    pulse = asymmetric(first, gap, tau, first + gap + room)
    weights = np.array(pulse.weights)
    recharge = -weights[first + gap :]
    decay = np.exp(-np.arange(room) / tau)
    np.testing.assert_allclose(recharge, recharge[0] * decay, rtol=1e-10, atol=1e-300)
    assert np.ptp(weights[:first]) < 1e-12
    assert not weights[first : first + gap].any()
    assert np.abs(weights).max() == pytest.approx(1.0, abs=1e-12)
    assert abs(exact_net(pulse)) <= 2**-52
    assert pulse.balanced


@pytest.mark.parametrize("tau", [5e-324, 1e-300, 1e300])
def test_the_slowest_and_the_fastest_recharge_are_flat_and_at_once(tau: float) -> None:
    flat = (1, -1 / 4, -1 / 4, -1 / 4, -1 / 4)
    assert asymmetric(1, 0, tau, 5).weights == (flat if tau > 1 else (1, -1, 0, 0, 0))


@pytest.mark.parametrize("lengths", [(1, 0, 100_000, 100_001), (99_999, 3, 100_000, 200_002)])
def test_long_pulses_are_balanced_as_well(lengths: tuple[int, int, int, int]) -> None:
    assert abs(exact_net(biphasic(*lengths))) <= 2**-52


# What the simulation delivers


SHAPES = st.one_of(
    st.builds(
        lambda first, gap, second: biphasic(first, gap, second, first + gap + second),
        LENGTHS,
        GAPS,
        LENGTHS,
    ),
    st.builds(
        lambda first, tau, room: asymmetric(first, 0, tau, first + room),
        LENGTHS,
        st.floats(0.1, 100),
        LENGTHS,
    ),
)


@given(SHAPES, st.floats(1e-6, 2.0), st.sampled_from([-1, 1]))
def test_balance_after_the_cast_of_the_kernel(pulse: Pulse, size: float, sign: int) -> None:
    """Each kick is the product in float64, cast to the type of the simulation."""
    kicks = sign * size * np.array(pulse.weights)
    charge = size * pulse.charge
    assert abs(math.fsum(kicks)) <= 1e-15 * charge
    cast = kicks.astype(np.float32)
    # The smallest of all float32 steps counts where weights have all but decayed.
    assert abs(math.fsum(cast)) <= 2**-24 * charge + len(kicks) * 2.0**-150


@given(st.floats(2**-100, 2.0))
def test_the_published_shape_is_balanced_to_the_bit_in_float32(size: float) -> None:
    assert math.fsum((size * np.array(biphasic().weights)).astype(np.float32)) == 0.0


# Identity and refusals


def test_pulses_are_values() -> None:
    pulse = Pulse([np.float32(0.5), 0], "half")  # type: ignore[arg-type]
    assert pulse == Pulse((0.5, 0.0), "half")
    assert hash(pulse) == hash(Pulse((0.5, 0.0), "half"))
    assert all(type(weight) is float for weight in pulse.weights)


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ((), r"weights must hold at least one number, each in \[-1, 1\], got \(\)"),
        ((1.0, 1.5), r"each in \[-1, 1\], got \(1.0, 1.5\)"),
        ((1.0, math.nan), r"each in \[-1, 1\], got \(1.0, nan\)"),
        ((-math.inf,), r"each in \[-1, 1\], got \(-inf,\)"),
        ((0.0, -0.0), r"weights must hold one that is not 0, got \(0.0, -0.0\)"),
    ],
)
def test_impossible_weights_are_refused(weights: tuple[float, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Pulse(weights)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: rectangular(0), r"width must be a whole number of at least 1 \(sub-st.*, got 0"),
        (lambda: rectangular(1.5), "width must be a whole number of at least 1 .*, got 1.5"),  # type: ignore[arg-type]
        (lambda: biphasic(first=0), "first must be a whole number of at least 1 .*, got 0"),
        (lambda: biphasic(gap=-1), "gap must be a whole number of at least 0 .*, got -1"),
        (lambda: biphasic(second=0), "second must be a whole number of at least 1 .*, got 0"),
        (lambda: biphasic(period=0), "period must be a whole number of at least 1 .*, got 0"),
        (
            lambda: biphasic(1, 2, 3, 5),
            r"fit into its period, first \+ gap \+ second <= period, got 1 \+ 2 \+ 3 > 5: take a",
        ),
        (lambda: asymmetric(first=0), "first must be a whole number of at least 1 .*, got 0"),
        (lambda: asymmetric(gap=-2), "gap must be a whole number of at least 0 .*, got -2"),
        (lambda: asymmetric(tau=0.0), r"tau must be finite and above 0 \(sub-steps\), got 0.0"),
        (lambda: asymmetric(tau=-1.0), "tau must be finite and above 0 .*, got -1.0"),
        (lambda: asymmetric(tau=math.nan), "tau must be finite and above 0 .*, got nan"),
        (lambda: asymmetric(tau=math.inf), "tau must be finite and above 0 .*, got inf"),
        (
            lambda: asymmetric(2, 1, 1.0, 3),
            r"a recharge needs room, first \+ gap < period, got 2 \+ 1 >= 3: take a longer period",
        ),
    ],
)
def test_impossible_shapes_are_refused(make: Callable[[], Pulse], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()
