"""The macaque's arm from its file: what it holds, and places and lengths as OpenSim has them."""

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from proprio_tcn.arms.opening import open_arm
from proprio_tcn.arms.skeletal import SkeletalArm

MACAQUE = Path(__file__).resolve().parents[4] / "shared" / "data" / "arm" / "snap_scaled.osim"

ORACLE = """
import json, sys
import numpy as np
import opensim
opensim.Logger.setLevelString("Off")
task = json.load(open(sys.argv[1]))
model = opensim.Model(task["model"])
state = model.initSystem()
coordinates = [model.getCoordinateSet().get(name) for name in task["names"]]
muscles = [model.getMuscles().get(i) for i in range(model.getMuscles().getSize())]
markers = [model.getMarkerSet().get(i) for i in range(model.getMarkerSet().getSize())]
lengths, places, arms = [], [], []
for row, angles in enumerate(task["angles"]):
    for coordinate, angle in zip(coordinates, angles):
        coordinate.setValue(state, angle, False)
    model.realizePosition(state)
    lengths.append([muscle.getLength(state) for muscle in muscles])
    found = [marker.getLocationInGround(state) for marker in markers]
    places.append([[place.get(i) for i in range(3)] for place in found])
    if row < task["moments"]:
        arms.append([[m.computeMomentArm(state, c) for c in coordinates] for m in muscles])
np.savez(sys.argv[2], lengths=lengths, places=places, arms=arms,
         muscles=[m.getName() for m in muscles], markers=[m.getName() for m in markers])
"""


@pytest.fixture(scope="module")
def macaque() -> SkeletalArm:
    if not MACAQUE.is_file():
        pytest.skip("the macaque's arm is not there: shared/data/arm/snap_scaled.osim")
    arm = open_arm(MACAQUE)
    assert isinstance(arm, SkeletalArm)
    return arm


def test_the_macaque(macaque: SkeletalArm) -> None:
    assert (macaque.species, len(macaque.muscles)) == ("macaque", 39)
    geometry = macaque.geometry
    assert sum(one.max_force_n for one in geometry.muscles) == pytest.approx(3575.8)
    assert sum(len(one.points) for one in geometry.muscles) == 135
    assert sum(len(one.wraps) for one in geometry.muscles) == 40
    assert sum(not one.wraps for one in geometry.muscles) == 9
    assert sum(one.pennation_rad == 0 for one in geometry.muscles) == 13
    still = "abd_poll_longus ext_indicis flex_carpi_ulnaris flex_digit_profundus flex_poll_longus"
    names = [name for name, moves in zip(macaque.muscles, macaque.moving, strict=True) if not moves]
    assert names == [*still.split(), "pronator_quad"]
    assert sum("WrapTorus" in note for note in macaque.notes) == 4


@pytest.fixture(scope="module")
def opensim(macaque: SkeletalArm, tmp_path_factory: pytest.TempPathFactory):
    """Angles, and what OpenSim finds in them."""
    python = os.environ.get(
        "PROPRIO_TCN_OPENSIM_PYTHON", sys.executable if find_spec("opensim") else ""
    )
    if not python:
        pytest.skip("opensim is not installed and PROPRIO_TCN_OPENSIM_PYTHON names no python")
    folder = tmp_path_factory.mktemp("opensim")
    low, high = zip(*((one.low_rad, one.high_rad) for one in macaque.coordinates), strict=True)
    angles = np.random.default_rng(0).uniform(low, high, (400, 4))
    names = [one.name for one in macaque.coordinates]
    task = {"model": str(MACAQUE), "names": names, "angles": angles.tolist(), "moments": 20}
    (folder / "task.json").write_text(json.dumps(task), encoding="utf-8")
    (folder / "oracle.py").write_text(ORACLE, encoding="utf-8")
    command = [python, "oracle.py", "task.json", "found.npz"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    return angles, dict(np.load(folder / "found.npz"))


def test_markers_are_opensims(macaque: SkeletalArm, opensim) -> None:
    angles, found = opensim
    for name, wanted in zip(found["markers"], found["places"].transpose(1, 0, 2), strict=True):
        # OpenSim keeps six digits of what it converts from this layout: 0.4 micrometres
        np.testing.assert_allclose(macaque.marker(name, angles, axes="file"), wanted, atol=1e-6)


def test_lengths_are_opensims(macaque: SkeletalArm, opensim) -> None:
    angles, found = opensim
    assert tuple(found["muscles"]) == macaque.muscles
    lengths = macaque.muscle_lengths(angles)
    straight = open_arm(MACAQUE, wrapping=False).muscle_lengths(angles)
    assert np.isfinite(lengths).all()
    assert lengths.max() < 0.3
    for index, muscle in enumerate(macaque.geometry.muscles):
        wanted = found["lengths"][:, index]
        # OpenSim itself fails where it is far from the straight line, or gives NaN
        sound = abs(wanted - straight[:, index]) < 0.02
        error = lengths[sound, index] - wanted[sound]
        kinds = {one.target.split(" ")[0] for one in muscle.wraps}
        if not muscle.wraps:
            assert abs(error).max() < 1e-6
        elif kinds <= {"ELBOW_EXTENSOR", "ELBOW_ANC"}:
            assert np.sqrt(np.mean(error**2)) < 5e-6
        elif "ELBOW_ULNA" in kinds:  # beyond 109 degrees OpenSim's path leaves the torus' surface
            below = angles[sound, 3] < np.deg2rad(105)
            assert np.sqrt(np.mean(error[below] ** 2)) < 5e-6
        else:
            assert np.sqrt(np.mean(error**2)) < 3e-4
            assert np.median(abs(error)) < 1e-5


def test_moment_arms_are_opensims(macaque: SkeletalArm, opensim) -> None:
    angles, found = opensim
    arms = -macaque.pose(angles[:20]).muscle_jacobian_m
    error = abs(arms - found["arms"]).max(axis=2)
    exact = [
        index
        for index, muscle in enumerate(macaque.geometry.muscles)
        if all(one.target in ("ELBOW_EXTENSOR", "ELBOW_ANC") for one in muscle.wraps)
    ]
    assert error[:, exact].max() < 1e-4
    assert np.median(error) < 1e-6
    assert np.quantile(error, 0.9) < 1e-3
