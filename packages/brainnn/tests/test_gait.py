"""Gaits made by hand, of which every number is known."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from brainnn.analysis.gait import (
    describe_gait,
    joint_correlation,
    leg_phase,
    peak_frequency,
    symmetry_index,
    touch_downs,
)


def made_walk(
    frames: int = 500, period: int = 20, duty: tuple[int, int] = (12, 8), apart: int = 10
) -> NDArray[np.float64]:
    """Leg 2 steps ``apart`` frames after leg 1; feet are down for ``duty`` frames a stride."""
    walk = np.zeros((frames, 14))
    time = np.arange(frames)
    walk[:, 0], walk[:, 2] = 0.1, 0.5
    turn = 2 * np.pi * time / period
    for leg, (foot, column, size) in enumerate(((8, 4, 1.0), (13, 9, 0.5))):
        late = 2 * np.pi * apart / period * leg
        walk[:, column] = size * np.cos(turn - late)
        walk[:, column + 2] = np.sin(turn - late)
        walk[:, foot] = (time - apart * leg) % period < duty[leg]
    return walk


def test_every_number_of_a_made_walk() -> None:
    gait = describe_gait(made_walk())
    assert gait.speed == pytest.approx(0.5)
    assert gait.hull_angle == pytest.approx(0.1)
    assert gait.duty == pytest.approx((0.6, 0.4))
    # feet are down in frames 0-11 and 10-17 of each 20
    assert gait.double_support == pytest.approx(0.1)
    assert gait.flight == pytest.approx(0.1)
    assert gait.stride_hz == pytest.approx(2.5)
    assert gait.spectral_hz == pytest.approx(2.5, abs=0.01)
    assert gait.leg_phase == pytest.approx(0.5)
    assert gait.phase_locking == pytest.approx(1)
    assert gait.duty_symmetry == pytest.approx(0.4)
    assert gait.hip_symmetry == pytest.approx(2 / 3)


def test_standing_has_no_stride() -> None:
    still = np.zeros((300, 24), np.float32)
    still[:, [8, 13]] = 1
    gait = describe_gait(still)
    assert (gait.double_support, gait.flight, gait.speed) == (1, 0, 0)
    assert np.isnan([gait.stride_hz, gait.spectral_hz, gait.leg_phase, gait.hip_symmetry]).all()


def test_a_bounce_is_no_step() -> None:
    contact = np.array([0, 0, 0, 1, 1, 0, 1, 1, 0, 0, 0, 1, 1], bool)
    assert touch_downs(contact).tolist() == [3, 11]
    assert touch_downs(contact, shortest=1).tolist() == [3, 6, 11]
    # aloft for too few frames of the record to tell
    assert touch_downs(contact[1:]).tolist() == [10]
    assert touch_downs(~contact, shortest=2).tolist() == [5, 8]
    assert touch_downs(np.ones(5, bool)).tolist() == []


def test_legs_that_hop_have_phase_zero() -> None:
    downs = np.arange(0, 200, 20)
    assert leg_phase(downs, downs) == pytest.approx((0, 1))
    assert leg_phase(downs, downs + 5) == pytest.approx((0.25, 1))
    # half of the touch-downs a quarter early, half a quarter late
    both = np.sort(np.concatenate([downs + 5, downs + 15]))
    assert leg_phase(downs, both)[1] == pytest.approx(0, abs=1e-12)
    assert np.isnan(leg_phase(downs, downs[:0])).all()
    assert np.isnan(leg_phase(downs[:1], downs)).all()


@given(st.floats(0.8, 8), st.floats(0, 6))
def test_a_frequency_between_bins_is_found(hz: float, late: float) -> None:
    time = np.arange(400) * 0.02
    found = peak_frequency(np.sin(2 * np.pi * hz * time + late)[:, None] + 3, 0.02)
    assert found == pytest.approx(hz, abs=0.005)


def test_a_drift_has_no_frequency() -> None:
    time = 0.02 * np.arange(400)
    assert np.isnan(peak_frequency(np.exp(-time / 2)[:, None], 0.02))


def test_symmetry_index_by_hand() -> None:
    assert symmetry_index(0.6, 0.4) == pytest.approx(0.4)
    assert symmetry_index(1, 0) == 2
    assert np.isnan(symmetry_index(0, 0))


@given(st.integers(-9, 9))
def test_a_delay_is_found_and_costs_nothing(lag: int) -> None:
    long = made_walk(600, 20)
    late, early = long[20 - lag : 520 - lag], long[20:520]
    found = joint_correlation(late, early, max_lag=9)
    assert found.lags == (lag,)
    assert found.joints == pytest.approx((1, 1, 1, 1))


def test_one_joint_against_the_others_lowers_only_itself() -> None:
    walk, model = made_walk(), made_walk()
    walk[:, 6] *= -1
    walk[:, 11] = 0.3
    assert joint_correlation(walk, model).joints == pytest.approx((1, -1, 1, 0))


def test_windows_follow_a_walk_that_drifts() -> None:
    slow, fast = made_walk(1000, 20), made_walk(1000, 21)
    whole = joint_correlation(slow, fast, max_lag=21)
    pieces = joint_correlation(slow, fast, max_lag=21, window=40)
    assert np.mean(whole.joints) < 0.2
    assert min(pieces.joints) > 0.95
    assert len(pieces.lags) == (1000 - 100 - 2 * 21) // 40


def test_what_cannot_be_described_is_refused() -> None:
    with pytest.raises(ValueError, match=r"shape \(frames, 14 or more\), got \(500, 4\)"):
        describe_gait(np.zeros((500, 4)))
    with pytest.raises(ValueError, match="10 frames at least after the 100 that are left out"):
        describe_gait(np.zeros((105, 14)))
    with pytest.raises(ValueError, match="lags up to 25 after the 100 frames left out"):
        joint_correlation(made_walk(126), made_walk(500))
    with pytest.raises(ValueError, match="and window 400"):
        joint_correlation(made_walk(), made_walk(), window=400)
