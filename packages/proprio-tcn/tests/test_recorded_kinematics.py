"""Recorded angles to windows of muscle, joint and hand: a small arm whose lengths are known."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neuro_common.files import FormatError
from proprio_tcn.arms.geometry import (
    Body,
    Coordinate,
    Geometry,
    Marker,
    Motion,
    Muscle,
    PathPoint,
)
from proprio_tcn.arms.opening import open_arm
from proprio_tcn.arms.skeletal import SkeletalArm
from proprio_tcn.recorded.events import Trial
from proprio_tcn.recorded.reconstruction import reconstruct
from proprio_tcn.recorded.settings import RecordedSettings
from proprio_tcn.recorded.tables import AngleTable
from proprio_tcn.recorded.windows import START_BIN, Window, pad, resample, window_of

UPPER_M, FOREARM_M = 0.3, 0.25


def small_arm():
    """Two hinges about z; a muscle over the elbow, one over the shoulder, one over neither."""
    along = np.array([UPPER_M, 0.0, 0.0])
    bodies = (
        Body("upper", "ground", (Motion("rotation", coordinate="shoulder_angle"),)),
        Body(
            "fore",
            "upper",
            (Motion("fixed", offset=along), Motion("rotation", coordinate="elbow_angle")),
        ),
    )
    coordinates = (
        Coordinate("shoulder_angle", -1.5, 1.5, 0.1),
        Coordinate("elbow_angle", 0.0, 2.5, 0.5),
    )

    def muscle(name, *points):
        return Muscle(name, tuple(PathPoint(body, np.array(place)) for body, place in points))

    muscles = (
        muscle("flexor", ("upper", (0.1, 0.0, 0.0)), ("fore", (0.05, 0.0, 0.0))),
        muscle("chest", ("ground", (0.0, 0.08, 0.0)), ("upper", (0.1, 0.02, 0.0))),
        muscle("still", ("upper", (0.0, 0.0, 0.0)), ("upper", (0.2, 0.0, 0.0))),
    )
    places = {
        "hand": ("fore", (FOREARM_M, 0, 0)),
        "elbow": ("upper", (UPPER_M, 0, 0)),
        "shoulder": ("ground", (0, 0, 0)),
        "wrist": ("fore", (0.2, 0.02, 0.01)),
        "arm": ("upper", (0.15, 0.03, -0.02)),
    }
    markers = tuple(Marker(n, b, np.array(p, dtype=float)) for n, (b, p) in places.items())
    # the file has y up, as OpenSim's
    world = np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]])
    return SkeletalArm(
        Geometry("small", "none", bodies, coordinates, {}, muscles, (), markers, world)
    )


ARM = small_arm()


def angle_table(rate_hz=100.0, seconds=3.0, begin_s=0.5):
    time = begin_s + np.arange(round(seconds * rate_hz) + 1) / rate_hz
    return AngleTable(("other", "elbow_angle", "shoulder_angle"), time, angles_at(time), "a.csv")


def angles_at(time):
    """A column that no arm has, then elbow and shoulder."""
    return np.stack([time, 1.2 + 0.6 * np.sin(3 * time), 0.5 * np.cos(2 * time)], axis=1)


def flexor_mm(elbow):
    return 1e3 * np.sqrt(0.2**2 + 0.05**2 + 2 * 0.2 * 0.05 * np.cos(elbow))


def test_muscles_joints_and_hand_are_those_of_the_angles():
    trials = (Trial("reach", 1.0, 2.2), Trial("bump", 2.0, 2.6, "passive", 2.1))
    inputs, residuals, dropped = reconstruct(ARM, angle_table(), trials)
    assert residuals is None
    assert dropped == ()
    assert inputs.duration.tolist() == [120, 13]
    assert inputs.passive.tolist() == [False, True]
    assert (inputs.coordinates, inputs.muscles) == (
        ("shoulder_angle", "elbow_angle"),
        ("flexor", "chest", "still"),
    )
    assert inputs.moving.tolist() == [True, True, False]
    time = 1.005 + 0.01 * np.arange(120)  # centres of the bins
    inside = slice(100, 220)
    _, elbow, shoulder = angles_at(time).T
    elbow_rate = 1.8 * np.cos(3 * time)
    reach = inputs.muscle[0]
    assert reach[0, inside, 0] == pytest.approx(flexor_mm(elbow), abs=1e-4)
    slope = -(0.2 * 0.05) * np.sin(elbow) / (flexor_mm(elbow) * 1e-3)
    assert reach[0, inside, 1] == pytest.approx(1e3 * slope * elbow_rate, abs=0.02)
    assert np.ptp(reach[2, :, 0]) == 0
    assert np.abs(reach[2, :, 1]).max() < 1e-9
    assert inputs.joint[0, 1, inside, 0] == pytest.approx(np.rad2deg(elbow), abs=1e-4)
    assert inputs.joint[0, 1, inside, 1] == pytest.approx(np.rad2deg(elbow_rate), abs=0.03)
    x = UPPER_M * np.cos(shoulder) + FOREARM_M * np.cos(shoulder + elbow)
    z = UPPER_M * np.sin(shoulder) + FOREARM_M * np.sin(shoulder + elbow)
    assert inputs.hand[0, 0, inside, 0] == pytest.approx(100 * x, abs=1e-4)
    assert inputs.hand[0, 2, inside, 0] == pytest.approx(100 * z, abs=1e-4)
    assert inputs.hand[0, 0, inside, 1] == pytest.approx(np.gradient(100 * x, 0.01), abs=0.6)
    assert inputs.elbow[0, 0, inside, 0] == pytest.approx(
        100 * UPPER_M * np.cos(shoulder), abs=1e-4
    )
    shoulder_rate = -np.sin(2 * time)
    speed = 100 * UPPER_M * np.cos(shoulder) * shoulder_rate
    assert inputs.elbow[0, 2, inside, 1] == pytest.approx(speed, abs=0.02)
    # a bump has the same units as a reach: no factor of a thousand between them
    later = angles_at(2.105 + 0.01 * np.arange(13))[:, 1]
    assert inputs.muscle[1, 0, 100:113, 0] == pytest.approx(flexor_mm(later), abs=1e-4)
    assert inputs.muscle[1, 0, 113:, 0] == pytest.approx(flexor_mm(later[-1]), abs=1e-4)


def test_variables_have_the_names_that_recordings_of_neurons_know():
    from proprio_tcn.neural.recording import KINEMATICS

    inputs = reconstruct(ARM, angle_table(), (Trial("a", 1.0, 1.5),)).inputs
    named = inputs.kinematics()
    assert set(named) <= set(KINEMATICS)
    assert [KINEMATICS[name] for name in named] == [
        *("mm", "mm/s", "deg", "deg/s"),
        *("cm", "cm/s", "cm", "cm/s"),
    ]
    assert named["muscle_velocity"].shape == (1, 400, 3)
    assert np.array_equal(named["hand_velocity"][0, :, 2], inputs.hand[0, 2, :, 1])


def test_padding_holds_the_posture_at_rest():
    inputs = reconstruct(ARM, angle_table(), (Trial("a", 1.0, 1.5),)).inputs
    for part in (inputs.muscle, inputs.joint, inputs.hand, inputs.elbow):
        assert (part[0, :, :100, 0] == part[0, :, 100:101, 0]).all()
        assert (part[0, :, 150:, 0] == part[0, :, 149:150, 0]).all()
        assert (part[0, :, :100, 1] == 0).all()
        assert (part[0, :, 150:, 1] == 0).all()
    assert inputs.movement[0].sum() == 50
    assert inputs.movement[0, [99, 100, 149, 150]].tolist() == [False, True, True, False]


@pytest.mark.parametrize("rate_hz", [50.0, 60.0, 120.0, 240.0, 1000.0])
def test_other_rates_and_starts_between_frames_give_the_same_bins(rate_hz):
    trial = (Trial("a", 1.0037, 1.8037),)
    table = angle_table(rate_hz)
    inputs = reconstruct(ARM, table, trial).inputs
    centres = 1.0087 + 0.01 * np.arange(80)
    elbow = angles_at(centres)[:, 1]
    assert inputs.muscle[0, 0, 100:180, 0] == pytest.approx(flexor_mm(elbow), abs=2e-3)
    speed = np.rad2deg(1.8 * np.cos(3 * centres))
    # the central difference at 50 Hz is off by h^2 w^2 / 6 of the speed
    assert inputs.joint[0, 1, 100:180, 1] == pytest.approx(speed, abs=0.1)


def test_a_low_pass_takes_out_fast_noise_and_leaves_the_reach():
    table = angle_table(200.0)
    noise = 0.02 * np.sin(2 * np.pi * 60 * table.time_s)[:, None]
    noisy = AngleTable(table.names, table.time_s, table.angle_rad + noise, "a.csv")
    trial = (Trial("a", 1.0, 2.0),)
    clean = reconstruct(ARM, table, trial).inputs.joint
    rough = reconstruct(ARM, noisy, trial).inputs.joint
    smooth = reconstruct(ARM, noisy, trial, RecordedSettings(lowpass_hz=15)).inputs.joint
    assert np.abs(rough - clean)[..., 1].max() > 100
    assert np.abs(smooth - clean)[..., 1].max() < 3
    assert np.abs(smooth - clean)[..., 0].max() < 0.2


def test_short_gaps_are_filled_in_time_and_long_ones_name_coordinate_trial_and_bins():
    table = angle_table()
    holes = table.angle_rad.copy()
    holes[100:105, 1] = np.nan  # 1.50-1.54 s
    trial = (Trial("a", 0.995, 1.995),)
    mended = reconstruct(ARM, AngleTable(table.names, table.time_s, holes, "a.csv"), trial).inputs
    whole = reconstruct(ARM, table, trial).inputs
    assert np.abs(mended.joint - whole.joint)[0, 1, :, 0].max() < 0.2
    assert np.abs(mended.joint - whole.joint)[0, 0].max() == 0  # the other joint knows nothing
    holes[100:120, 1] = np.nan
    broken = AngleTable(table.names, table.time_s, holes, "a.csv")
    with pytest.raises(
        FormatError,
        match=r"a.csv: coordinate 'elbow_angle' has no value for 0.2 s, in bins 150-169 of trial "
        r"'a': leave the trial out, raise max_gap_s=0.1, or fill it yourself",
    ):
        reconstruct(ARM, broken, trial)
    # a trial beside the gap is not touched by it
    beside = reconstruct(ARM, broken, (Trial("b", 0.595, 1.495),)).inputs
    assert np.isfinite(beside.muscle).all()


class Leaky:
    """The small arm, with a muscle that has no length in some postures."""

    def __init__(self, low, high):
        self.low, self.high = low, high

    def __getattr__(self, name):
        return getattr(ARM, name)

    def pose(self, angles):
        pose = ARM.pose(angles)
        length, jacobian = pose.muscle_length_m.copy(), pose.muscle_jacobian_m.copy()
        gone = (angles[:, 1] > self.low) & (angles[:, 1] < self.high)
        length[gone, 1], jacobian[gone, 1] = np.nan, np.nan
        return pose._replace(muscle_length_m=length, muscle_jacobian_m=jacobian)


def test_a_muscle_without_a_length_is_filled_from_itself_or_refused_by_name():
    trial = (Trial("a", 0.995, 1.495),)  # the centres of its bins are frames
    elbow = angles_at(1.0 + 0.01 * np.arange(50))[:, 1]
    whole = reconstruct(ARM, angle_table(), trial).inputs
    mended = reconstruct(Leaky(elbow[24], elbow[19]), angle_table(), trial).inputs
    assert np.array_equal(mended.muscle[0, [0, 2]], whole.muscle[0, [0, 2]])
    assert mended.muscle[0, 1] == pytest.approx(whole.muscle[0, 1], abs=0.5)
    line = np.linspace(*whole.muscle[0, 1, [119, 124], 0], 6)
    assert mended.muscle[0, 1, 119:125, 0] == pytest.approx(line, abs=1e-4)
    with pytest.raises(
        FormatError, match=r"muscle 'chest' of arm 'small' has no length in bins 110-124 of trial"
    ):
        reconstruct(Leaky(elbow[25], elbow[9]), angle_table(), trial)


def test_directions_are_those_of_the_trials_that_are_kept():
    trials = (
        Trial("a", 1.0, 1.2, direction_deg=90.0),
        Trial("long", 0.6, 3.7, direction_deg=1.0),
        Trial("b", 1.5, 1.7),
        Trial("c", 2.0, 2.6, "passive", 2.1, -45.0),
    )
    settings = RecordedSettings(too_long="drop")
    inputs = reconstruct(ARM, angle_table(seconds=4.0), trials, settings).inputs
    assert inputs.direction_deg == pytest.approx([90.0, np.nan, -45.0], nan_ok=True)
    assert reconstruct(ARM, angle_table(), trials[2:3]).inputs.direction_deg is None


@pytest.mark.parametrize(
    ("trial", "error", "message"),
    [
        (Trial("a", 0.2, 1.0), FormatError, r"trial 'a' must lie within a.csv, from 0.5 s to 3.5"),
        (Trial("a", 3.0, 4.0), FormatError, r"to 3.5 s, got 3.005 s to .* mend its times"),
        (Trial("a", 1.0, 1.004), ValueError, r"must last from 0.01 s to 3 s, got 0.004 s: leave"),
        (Trial("a", 0.0, 3.02), ValueError, r"trial 'a' must last .* leave it out, .* too_long=d"),
    ],
)  # fmt: skip
def test_trials_that_do_not_fit_are_refused(trial, error, message):
    with pytest.raises(error, match=message):
        reconstruct(ARM, angle_table(), (trial,))


def test_long_trials_are_dropped_when_asked():
    trials = (Trial("long", 0.5, 3.51), Trial("good", 1.0, 1.5))
    inputs, _, dropped = reconstruct(
        ARM, angle_table(seconds=4), trials, RecordedSettings(too_long="drop")
    )
    assert dropped == ("long",)
    assert (inputs.trial, inputs.trial_row.tolist()) == (("good",), [1])
    with pytest.raises(ValueError, match=r"trials must fit the window of 300 bins, got none that"):
        reconstruct(ARM, angle_table(), trials[:1], RecordedSettings(too_long="drop"))


def test_what_no_arm_can_feel_is_refused():
    trial = (Trial("a", 1.0, 2.0),)
    with pytest.raises(ValueError, match=r"trials must be at least one, got none"):
        reconstruct(ARM, angle_table(), ())
    with pytest.raises(ValueError, match=r"arm 'two_link' has no muscles, so there is nothing to"):
        reconstruct(open_arm("two_link"), angle_table(), trial)
    with pytest.raises(FormatError, match=r"must have at least 50 frames per s, got 40"):
        reconstruct(ARM, angle_table(40.0), trial)
    with pytest.raises(FormatError, match=r"lowpass_hz must be below 50, half the rate of a.csv"):
        reconstruct(ARM, angle_table(), trial, RecordedSettings(lowpass_hz=50))
    table = angle_table()
    wrong = AngleTable(("other", "elbow_angel", "shoulder_angle"), table.time_s, table.angle_rad)
    with pytest.raises(FormatError, match=r"no coordinate 'elbow_angle' \(did you mean 'elbow_ang"):
        reconstruct(ARM, wrong, trial)
    far = AngleTable(table.names, table.time_s, table.angle_rad - 1.0, "a.csv")
    with pytest.raises(
        FormatError,
        match=r"trial 'a': elbow_angle must be in \[0, 143.239\] deg, got -\d.* in bin 1",
    ):
        reconstruct(ARM, far, trial)
    kept = reconstruct(ARM, far, trial, RecordedSettings(out_of_range="keep")).inputs
    assert kept.joint[0, 1, 100:200, 0].min() < 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"axes": "camera"}, r"axes must be file or world, got 'camera'"),
        ({"long_gaps": "fill"}, r"long_gaps must be refuse or mask, got 'fill'"),
        ({"out_of_range": "clip"}, r"out_of_range must be refuse or keep, got 'clip'"),
        ({"too_long": "cut"}, r"too_long must be refuse or drop, got 'cut'"),
        ({"marker_weights": {"hand": -1}}, r"marker_weights must be at least 0, got -1 for hand"),
        ({"max_gap_s": -1}, r"max_gap_s must be at least 0, got -1"),
        ({"max_residual_mm": 0}, r"max_residual_mm must be above 0, got 0"),
        ({"lowpass_hz": 0}, r"lowpass_hz must be above 0, got 0"),
        ({"passive_bins": 301}, r"passive_bins must be in \[1, 300\], got 301"),
    ],
)
def test_settings_are_checked(options, message):
    with pytest.raises(ValueError, match=message):
        RecordedSettings(**options)


def test_a_window_counts_whole_bins():
    assert window_of(Trial("a", 0.1, 1.3)) == Window(0.1, 120)
    assert window_of(Trial("a", 0.1, 1.299)).bins == 119
    assert window_of(Trial("a", 0.0, 3.0)).bins == 300
    assert window_of(Trial("b", 0.0, 9.0, "passive", 0.75)) == Window(0.75, 13)
    assert Window(2.0, 3).times_s == pytest.approx([2.005, 2.015, 2.025])


def test_bins_are_those_that_signals_of_neural_recordings_are_taken_at():
    from proprio_tcn.neural.binning import sample_signal

    table = angle_table(1000.0)
    for start_s in (1.0, 1.0037):
        inputs = reconstruct(ARM, table, (Trial("a", start_s, start_s + 0.4),)).inputs
        beside = sample_signal(table.angle_rad, table.time_s, [start_s], 40)[0, :, 1]
        # at 1.8 rad/s half a bin would be half a degree
        assert inputs.joint[0, 1, 100:140, 0] == pytest.approx(np.rad2deg(beside), abs=1e-3)


@settings(max_examples=30)
@given(rate=st.floats(60, 400), shift=st.floats(0, 0.009))
def test_resampling_a_cubic_is_exact(rate, shift):
    time = np.arange(60) / rate
    values = np.stack([time**3, 1 - time], axis=1)
    at = shift + 0.01 * np.arange(int(time[-1] / 0.01) - 1)
    assert resample(time, values, at)[:, 0] == pytest.approx(at**3, abs=1e-9)
    assert resample(time, values, at)[:, 1] == pytest.approx(1 - at, abs=1e-9)


def test_padding_places_the_movement():
    placed = pad(np.array([[1.0], [2.0]]), zero=False)
    assert placed[[0, 99, 100, 101, 102, 399], 0].tolist() == [1, 1, 1, 2, 2, 2]
    assert pad(np.ones((3, 1)), zero=True).sum() == 3
    assert START_BIN == 100
