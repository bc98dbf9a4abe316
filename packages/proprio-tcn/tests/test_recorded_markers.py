"""Recorded markers to joint angles: the arm's own markers go in, its angles come out."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from neuro_common.files import FormatError
from proprio_tcn.arms.opening import open_arm
from proprio_tcn.recorded.events import Trial
from proprio_tcn.recorded.fitting import arm_markers, fit_frames, usable_markers
from proprio_tcn.recorded.reconstruction import reconstruct
from proprio_tcn.recorded.settings import RecordedSettings
from proprio_tcn.recorded.storage import angles_of, read_storage
from proprio_tcn.recorded.tables import AngleTable, MarkerTable
from proprio_tcn.recorded.trc import read_trc, write_trc

MACAQUE = Path(__file__).parents[4] / "shared" / "data" / "arm" / "snap_scaled.osim"
SEEN = ("Bicep_marker", "Elbow_Lateral_marker", "Ulna_marker", "Forearm_marker", "Radius_marker")
TRIAL = (Trial("a", 0.495, 1.495),)  # the centres of its bins are frames at 100 Hz


@pytest.fixture(scope="module")
def human():
    return open_arm("human")


@pytest.fixture(scope="module")
def macaque():
    if not MACAQUE.is_file():
        pytest.skip("the macaque's arm is not there: shared/data/arm/snap_scaled.osim")
    return open_arm(MACAQUE)


def smooth_angles(arm, time_s, share=0.3, seed=0):
    """A slow wave in every coordinate, around the middle of its range."""
    rng = np.random.default_rng(seed)
    low = np.array([one.low_rad for one in arm.coordinates])
    high = np.array([one.high_rad for one in arm.coordinates])
    freq_hz, phase = rng.uniform(0.4, 0.9, len(low)), rng.uniform(0, 2 * np.pi, len(low))
    wave = np.sin(2 * np.pi * freq_hz * time_s[:, None] + phase)
    return (low + high) / 2 + share * (high - low) * wave


def recording(arm, names, *, rate_hz=100.0, seconds=2.0, axes="file", noise_m=0.0, share=0.3):
    time = np.arange(round(rate_hz * seconds)) / rate_hz
    angles = smooth_angles(arm, time, share)
    place = np.stack([arm.marker(name, angles, axes=axes) for name in names], axis=1)
    place = place + noise_m * np.random.default_rng(1).standard_normal(place.shape)
    return MarkerTable(tuple(names), time, place, "m.trc"), angles


@pytest.mark.parametrize("axes", ["file", "world"])
def test_angles_come_back_from_markers_without_noise(human, axes):
    table, angles = recording(human, SEEN, axes=axes)
    settings = RecordedSettings(axes=axes)
    fit = fit_frames(human, usable_markers(human, table, settings), settings)
    assert np.rad2deg(np.abs(fit.angle_rad - angles)).max() < 1e-3
    assert fit.residual_m.max() < 1e-6


def test_markers_and_their_angles_give_the_same_inputs(human):
    table, angles = recording(human, SEEN, rate_hz=120.0)
    found = reconstruct(human, table, TRIAL)
    names = tuple(one.name for one in human.coordinates)
    wanted = reconstruct(human, AngleTable(names, table.time_s, angles), TRIAL).inputs
    assert found.inputs.joint == pytest.approx(wanted.joint, abs=2e-3)
    assert found.inputs.muscle[..., 0] == pytest.approx(wanted.muscle[..., 0], abs=2e-3)
    # a velocity is the difference of two fits 17 ms apart
    assert found.inputs.muscle[..., 1] == pytest.approx(wanted.muscle[..., 1], abs=0.1)
    assert found.residuals.markers == SEEN
    assert found.residuals.rms_mm.max() < 1e-3
    assert found.residuals.filled.sum() == 0


def test_residuals_tell_the_noise(human):
    table, _ = recording(human, SEEN, noise_m=1e-3)
    residuals = reconstruct(human, table, TRIAL).residuals
    # 15 coordinates less 4 angles are free to miss: sqrt(3 * 11 / 15) mm on average
    pooled = np.sqrt((residuals.rms_mm**2).mean())
    assert pooled == pytest.approx(np.sqrt(3 * 11 / 15), rel=0.1)
    assert (residuals.max_mm > residuals.rms_mm).all()


def test_weights_pull_the_fit_and_zero_leaves_a_marker_out(human):
    table, angles = recording(human, SEEN)
    shifted = table.place_m.copy()
    shifted[:, 0] += 0.01
    wrong = MarkerTable(SEEN, table.time_s, shifted, "m.trc")
    equal = reconstruct(human, wrong, TRIAL)
    light = reconstruct(human, wrong, TRIAL, RecordedSettings(marker_weights={SEEN[0]: 0.01}))
    without = reconstruct(human, wrong, TRIAL, RecordedSettings(marker_weights={SEEN[0]: 0.0}))
    wanted = np.rad2deg(angles[50:150]).T
    errors = [
        np.abs(one.inputs.joint[0, :, 100:200, 0] - wanted).max() for one in (equal, light, without)
    ]
    assert errors[0] > 10 * errors[1] > 10 * errors[2]
    assert errors[2] < 1e-3
    assert without.residuals.markers == SEEN[1:]


def test_short_gaps_are_filled_and_counted(human):
    table, _ = recording(human, SEEN)
    holes = table.place_m.copy()
    holes[80:84, 2] = np.nan
    whole = reconstruct(human, table, TRIAL)
    found = reconstruct(human, MarkerTable(SEEN, table.time_s, holes, "m.trc"), TRIAL)
    assert found.residuals.filled.tolist() == [[0, 0, 4, 0, 0]]
    assert np.abs(found.inputs.joint - whole.inputs.joint)[..., 0].max() < 0.5


def test_long_gaps_are_refused_by_name_or_masked(human):
    table, _ = recording(human, SEEN)
    holes = table.place_m.copy()
    holes[80:110, 2] = np.nan
    gone = MarkerTable(SEEN, table.time_s, holes, "m.trc")
    with pytest.raises(
        FormatError,
        match=r"m.trc: marker 'Ulna_marker' has no value for 0.3 s, in bins 130-159 of trial 'a': "
        r"leave the trial out, raise max_gap_s=0.1, or mask it with long_gaps=mask",
    ):
        reconstruct(human, gone, TRIAL)
    masked = reconstruct(human, gone, TRIAL, RecordedSettings(long_gaps="mask"))
    whole = reconstruct(human, table, TRIAL)
    # the four other markers tell the same
    assert masked.inputs.joint == pytest.approx(whole.inputs.joint, abs=5e-3)
    holes[80:110] = np.nan
    with pytest.raises(
        FormatError,
        match=r"m.trc: the markers seen in bins 130-159 of trial 'a' must tell .*, got none, while",
    ):
        reconstruct(human, gone, TRIAL, RecordedSettings(long_gaps="mask"))
    holes[80:110, :2] = table.place_m[80:110, :2]
    with pytest.raises(
        FormatError,
        match=r"m.trc: the markers seen in bins 130-159 of trial 'a' must tell all angles, got "
        r"Bicep_marker, Elbow_Lateral_marker, while elbow_flexion can turn: leave the trial out",
    ):
        reconstruct(human, gone, TRIAL, RecordedSettings(long_gaps="mask"))


def test_a_swapped_marker_and_wrong_units_are_refused(human):
    table, _ = recording(human, SEEN)
    swapped = table.place_m.copy()
    swapped[90, [0, 4]] = swapped[90, [4, 0]]
    with pytest.raises(
        FormatError,
        match=r"marker '\w+' is [\d.e+]+ mm from where the arm can bring it, in bin 140 of trial "
        r"'a': is it swapped or misplaced, is the arm scaled",
    ):
        reconstruct(human, MarkerTable(SEEN, table.time_s, swapped, "m.trc"), TRIAL)
    metres_as_mm = MarkerTable(SEEN, table.time_s, table.place_m * 1e-3, "m.trc")
    with pytest.raises(FormatError, match=r"are units and axes=file right\?"):
        reconstruct(human, metres_as_mm, TRIAL)
    with pytest.raises(FormatError, match=r"are units and axes=world right\?"):
        reconstruct(human, table, TRIAL, RecordedSettings(axes="world"))


def test_unknown_markers_are_refused_with_those_of_the_arm(human):
    table, _ = recording(human, SEEN)
    renamed = MarkerTable(("Bicep_markr", *SEEN[1:]), table.time_s, table.place_m, "m.trc")
    with pytest.raises(
        FormatError,
        match=r"arm '.*' has no marker 'Bicep_markr' \(did you mean 'Bicep_marker'\?\); it has "
        r"hand, elbow, shoulder, .*; leave it out with marker_weights=\{Bicep_markr: 0\}, or ren",
    ):
        reconstruct(human, renamed, TRIAL)
    left = reconstruct(human, renamed, TRIAL, RecordedSettings(marker_weights={"Bicep_markr": 0.0}))
    assert left.residuals.markers == SEEN[1:]
    with pytest.raises(FormatError, match=r"m.trc has no marker 'Wrist'; it has Bicep_marker"):
        reconstruct(human, table, TRIAL, RecordedSettings(marker_weights={"Wrist": 2.0}))
    with pytest.raises(FormatError, match=r"must have a marker of a weight above 0, got none"):
        reconstruct(human, table, TRIAL, RecordedSettings(marker_weights=dict.fromkeys(SEEN, 0.0)))
    with pytest.raises(
        ValueError, match=r"such as an .osim file, got 'two_link': give joint angles"
    ):
        arm_markers(open_arm("two_link"))


def test_a_joint_at_its_limit_stays_within(human):
    time = np.arange(240) / 120
    low = np.array([one.low_rad for one in human.coordinates])
    high = np.array([one.high_rad for one in human.coordinates])
    angles = np.clip(smooth_angles(human, time, share=0.6), low, high)
    place = np.stack([human.marker(name, angles, axes="file") for name in SEEN], axis=1)
    inputs = reconstruct(human, MarkerTable(SEEN, time, place), TRIAL).inputs
    found = np.deg2rad(inputs.joint[0, :, :, 0].astype(float)).T
    assert (found > low - 1e-6).all()
    assert (found < high + 1e-6).all()
    assert np.isclose(found, high, atol=1e-6).any()


def test_markers_that_leave_a_joint_untold_are_refused(human):
    table, _ = recording(human, SEEN[:2])
    with pytest.raises(
        FormatError, match=r"must tell 4 joint angles of arm '.*', but elbow_flexion can turn while"
    ):
        reconstruct(human, table, TRIAL)


def test_the_macaque_keeps_its_signs(macaque):
    own = [name for name in arm_markers(macaque) if name.startswith("Marker_")]
    table, angles = recording(macaque, own, rate_hz=100.0)
    inputs = reconstruct(macaque, table, TRIAL).inputs
    assert inputs.coordinates[1] == "shoulder_adduction"
    assert inputs.joint[0, :, 100:200, 0] == pytest.approx(np.rad2deg(angles[50:150]).T, abs=1e-3)
    length = macaque.pose(angles[50:150]).muscle_length_m.T * 1e3
    assert inputs.muscle[0, :, 100:200, 0] == pytest.approx(length, abs=1e-3)
    gradient = np.gradient(length, 0.01, axis=1)[:, 1:-1]
    # J qdot beside differences of the lengths; OpenSim's rule jumps where a muscle lands on a bone
    apart = np.abs(inputs.muscle[0, :, 101:199, 1] - gradient)
    assert np.median(apart[macaque.moving]) < 0.01
    assert (apart < 1.0).mean() > 0.99


OPENSIM = """
import sys
import opensim
model_path, markers, out, *first = sys.argv[1:]
opensim.Logger.setLevelString("Off")
model = opensim.Model(model_path)
for one in first:
    name, angle = one.split("=")
    model.updCoordinateSet().get(name).setDefaultValue(float(angle))
model.initSystem()
tool = opensim.InverseKinematicsTool()
tool.setModel(model)
tool.setMarkerDataFileName(markers)
tool.setOutputMotionFileName(out)
tool.set_accuracy(1e-9)
tool.set_report_errors(False)
data = opensim.MarkerData(markers)
names = data.getMarkerNames()
for index in range(names.getSize()):
    task = opensim.IKMarkerTask()
    task.setName(names.get(index))
    task.setApply(True)
    task.setWeight(1.0)
    tool.upd_IKTaskSet().cloneAndAppend(task)
if not tool.run():
    sys.exit("inverse kinematics failed")
"""


@pytest.mark.parametrize("noise_m", [0.0, 1e-3])
@pytest.mark.skipif(importlib.util.find_spec("opensim") is None, reason="opensim is not installed")
def test_opensim_finds_the_same_angles(macaque, tmp_path, noise_m):
    own = [n for n in arm_markers(macaque) if n not in ("hand", "elbow", "shoulder")]
    table, truth = recording(macaque, own, noise_m=noise_m, seconds=0.25)
    write_trc(tmp_path / "m.trc", table)
    names = [one.name for one in macaque.coordinates]
    # it knows no ranges and may turn a joint twice around, so it starts near by
    first = [f"{name}={angle}" for name, angle in zip(names, truth[0] + 0.05, strict=True)]
    # opensim writes a log where it stands, and its import warns
    subprocess.run(
        [sys.executable, "-c", OPENSIM, str(MACAQUE), "m.trc", "ik.mot", *first],
        cwd=tmp_path,
        env={**os.environ, "PYTHONWARNINGS": "ignore"},
        check=True,
        capture_output=True,
    )
    theirs = angles_of(read_storage(tmp_path / "ik.mot")).select(names).angle_rad
    settings = RecordedSettings()
    read = usable_markers(macaque, read_trc(tmp_path / "m.trc"), settings)
    ours = fit_frames(macaque, read, settings)
    assert np.rad2deg(np.abs(ours.angle_rad - theirs)).max() < 1e-3
    missed = np.stack([macaque.marker(name, theirs) for name in own], axis=1) - read.place_m
    rms_theirs = np.sqrt((missed**2).sum(axis=2).mean())
    assert np.sqrt((ours.residual_m**2).mean()) == pytest.approx(rms_theirs, rel=1e-4, abs=1e-6)
    if not noise_m:
        assert np.rad2deg(np.abs(ours.angle_rad - truth)).max() < 1e-3
