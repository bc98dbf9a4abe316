"""Cases with published numbers that span modules: the macaque's arm, the two links, one unit."""

from pathlib import Path

import numpy as np
import pytest

from proprio_tcn.arms.opening import open_arm
from proprio_tcn.movements.format import BINS
from proprio_tcn.movements.kinematics import pad_edges
from proprio_tcn.movements.muscles import render_course
from proprio_tcn.recorded.events import Trial
from proprio_tcn.recorded.reconstruction import reconstruct
from proprio_tcn.recorded.tables import AngleTable

MACAQUE = Path(__file__).parents[4] / "shared" / "data" / "arm" / "snap_scaled.osim"

# muscle length in mm as OpenSim 4.6 gives it in the default posture, and whether it wraps
DEFAULT_LENGTH_MM = {
    "abd_poll_longus": (134.76, True),
    "anconeus": (33.60, True),
    "bicep_lh": (200.05, True),
    "bicep_sh": (184.55, True),
    "brachialis": (106.80, True),
    "brachioradialis": (188.70, False),
    "coracobrachialis": (73.37, True),
    "deltoid_ant": (66.41, True),
    "deltoid_med": (64.97, True),
    "deltoid_pos": (96.01, False),
    "dorsoepitrochlearis": (124.42, True),
    "ext_carpi_rad_longus": (210.88, True),
    "ext_carp_rad_brevis": (180.71, True),
    "ext_carpi_ulnaris": (161.72, True),
    "ext_digitorum": (190.48, True),
    "ext_digiti": (179.32, True),
    "ext_indicis": (102.44, False),
    "flex_carpi_radialis": (162.59, True),
    "flex_carpi_ulnaris": (150.99, True),
    "flex_digit_profundus": (119.58, True),
    "flex_digit_superficialis": (191.38, True),
    "flex_poll_longus": (112.01, True),
    "infraspinatus": (74.01, False),
    "lat_dorsi_sup": (123.36, True),
    "lat_dorsi_cen": (124.12, True),
    "lat_dorsi_inf": (141.26, True),
    "palmaris_longus": (166.53, True),
    "pectoralis_sup": (60.45, True),
    "pectoralis_inf": (65.73, True),
    "pronator_quad": (18.52, False),
    "pronator_teres": (58.63, False),
    "subscapularis": (75.00, False),
    "supinator": (50.66, False),
    "supraspinatus": (79.53, True),
    "teres_major": (96.33, False),
    "teres_minor": (53.96, True),
    "tricep_lat": (152.66, True),
    "tricep_lon": (173.10, True),
    "tricep_sho": (115.24, True),
}
STILL = {
    "abd_poll_longus", "ext_indicis", "flex_carpi_ulnaris", "flex_digit_profundus",
    "flex_poll_longus", "pronator_quad",
}  # fmt: skip


@pytest.fixture(scope="module")
def macaque():
    if not MACAQUE.is_file():
        pytest.skip("the macaque's arm is not there: shared/data/arm/snap_scaled.osim")
    return open_arm(MACAQUE)


def random_postures(arm, count, seed=0):
    low = np.array([one.low_rad for one in arm.coordinates])
    high = np.array([one.high_rad for one in arm.coordinates])
    return np.random.default_rng(seed).uniform(low, high, (count, len(low)))


def test_two_links_have_the_published_hand_and_elbow():
    # A2, from the shoulder's axes to the world's
    world = np.array([[0.0, 0, -1], [-1, 0, 0], [0, 1, 0]])
    arm = open_arm("two_link", lengths="snap")
    angles = np.deg2rad([[36.0, 5, 5, 50], [0, 0, 0, 0]])
    hand = np.array([[-1.18433959, -14.48097048, -27.91141682], [0, -34.7, 0]])
    assert arm.hand(angles) * 100 == pytest.approx(hand @ world.T, abs=1e-7)
    elbow = np.array([0.31357259, -13.04749361, -9.42733169])
    assert arm.elbow(angles)[0] * 100 == pytest.approx(world @ elbow, abs=1e-7)


def test_lengths_in_the_default_posture_are_opensims(macaque):
    # A4, the table of the published arm
    posture = np.array([[one.default_rad for one in macaque.coordinates]])
    length = dict(zip(macaque.muscles, macaque.pose(posture).muscle_length_m[0] * 1e3, strict=True))
    assert tuple(length) == tuple(DEFAULT_LENGTH_MM)
    wanted = {name: mm for name, (mm, _) in DEFAULT_LENGTH_MM.items()}
    # the table has two decimals
    assert length == pytest.approx(wanted, abs=0.011)


def test_no_path_breaks_and_six_muscles_never_change(macaque):
    # A4, A23: OpenSim's own paths give NaN or beyond half a metre in some postures
    length = macaque.pose(random_postures(macaque, 2000)).muscle_length_m
    assert np.isfinite(length).all()
    assert length.max() < 0.3
    still = np.array([name in STILL for name in macaque.muscles])
    assert np.ptp(length[:, still], axis=0).max() < 1e-9
    assert np.ptp(length[:, ~still], axis=0).min() > 1e-3
    assert np.array_equal(macaque.moving, ~still)


def test_muscles_without_wraps_go_straight(macaque):
    # A4: nine muscles need no wrapping
    straight = open_arm(MACAQUE, wrapping=False)
    angles = random_postures(macaque, 200, seed=1)
    free = np.array([not DEFAULT_LENGTH_MM[name][1] for name in macaque.muscles])
    assert free.sum() == 9
    wrapped, direct = (one.pose(angles).muscle_length_m for one in (macaque, straight))
    assert wrapped[:, free] == pytest.approx(direct[:, free], abs=1e-12)
    assert np.abs(wrapped - direct)[:, ~free].max() > 1e-3


def test_thirteen_muscles_are_not_pennate(macaque):
    # A5: lengths are of paths, so that the fibres' angle does not enter them
    pennation = [muscle.pennation_rad for muscle in macaque.geometry.muscles]
    assert sum(angle == 0.0 for angle in pennation) == 13


def test_recorded_and_synthetic_movements_have_the_same_units_and_signs(macaque):
    time = np.arange(200) / 100
    middle = random_postures(macaque, 4, seed=2).mean(axis=0)
    angles = middle + 0.25 * np.sin(3 * time[:, None] + np.arange(4))
    names = tuple(one.name for one in macaque.coordinates)
    trials = (Trial("a", 0.295, 1.495),)  # the centres of its bins are frames
    recorded = reconstruct(macaque, AngleTable(names, time, angles), trials).inputs
    moved = np.rad2deg(angles[30:150]).T.astype(np.float32)
    every = np.ones(len(macaque.muscles), dtype=bool)
    course = render_course(macaque, moved, np.array([120]), every)
    for bins in (recorded.spindle[0, :, :, 0], recorded.hand[0, :, :, 0]):
        assert bins.shape[1] == BINS
    assert recorded.joint[0, :, :, 0] == pytest.approx(pad_edges(moved, 100), abs=1e-3)
    assert recorded.hand[0, :, :, 0] == pytest.approx(pad_edges(course.hand, 100), abs=1e-3)
    length, velocity = course.spindle[..., 0], course.spindle[..., 1]
    assert recorded.spindle[0, :, :, 0] == pytest.approx(pad_edges(length, 100), abs=1e-3)
    # at its ends a synthetic movement sees the padding, a recorded one what went on beside it
    inner = recorded.spindle[0, :, 101:219, 1]
    assert inner == pytest.approx(velocity[:, 1:-1], abs=0.02)
