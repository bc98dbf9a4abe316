"""Speed of the arms: inverse kinematics, muscle lengths, torques; in CPU time of one thread.

Inverse kinematics is held against SLSQP point by point, as the published data set was made: the
distance from the previous posture under one equation, derivatives by differences, and every search
from the posture in which the trial began. Muscle lengths and torques are held against MuJoCo, and
the macaque's against OpenSim where it is installed.
"""

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mujoco
import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.optimize import minimize

from proprio_tcn.arms.arm import Arm
from proprio_tcn.arms.dynamics import inverse_dynamics
from proprio_tcn.arms.inverse import fit_markers, solve_postures
from proprio_tcn.arms.mujoco_models import quiet_mujoco
from proprio_tcn.arms.opening import open_arm

Floats = NDArray[np.float64]

OSIM = Path(__file__).parents[1] / "../shared/data/arm/snap_scaled.osim"
CIRCLE = np.linspace(0.0, 2 * np.pi, 60)


def measure(
    benchmark: Any, label: str, steps: int, work: Callable[[], Any], baseline: str, rounds: int = 5
) -> None:
    """Time work of so many steps."""
    benchmark.extra_info |= {"label": label, "steps": steps, "baseline": label == baseline}
    benchmark.pedantic(work, rounds=rounds, warmup_rounds=1)


def postures(arm: Arm, count: int, inset: float = 0.0) -> Floats:
    """Drawn evenly from the ranges."""
    low = np.array([one.low_rad for one in arm.coordinates]) + inset
    high = np.array([one.high_rad for one in arm.coordinates]) - inset
    return np.random.default_rng(0).uniform(low, high, (count, len(low)))


def circles(arm: Arm, count: int) -> tuple[Floats, Floats]:
    """Circles of 4 cm across that the arm reaches, (count, 60, 3), and postures to begin with."""
    starts = postures(arm, 3 * count, 0.3)
    turn = np.stack([np.cos(CIRCLE) - 1, np.sin(CIRCLE), np.zeros(60)], axis=1)
    paths = arm.hand(starts)[:, None] + 0.02 * turn
    good = np.flatnonzero(solve_postures(arm, paths, starts).error_m.max(axis=1) < 1e-8)[:count]
    return paths[good], starts[good]


def slsqp(arm: Arm, path: Floats, start: Floats) -> None:
    """As published."""
    prior = start
    limits = [(one.low_rad, one.high_rad) for one in arm.coordinates]
    for target in path:

        def gap(angles: Floats, target: Floats = target) -> float:
            return float(100 * np.linalg.norm(arm.hand(angles[None])[0] - target))

        prior = minimize(
            lambda angles, before=prior: 5 * np.linalg.norm(angles - before),
            start,
            method="SLSQP",
            bounds=limits,
            constraints={"type": "eq", "fun": gap},
        ).x


@pytest.mark.parametrize("label", ["SLSQP per point", "two-link arm", "human arm"])
class TestInverseKinematics:
    """A step is one point of a path."""

    @pytest.mark.benchmark(timer=time.thread_time)
    def test_points(self, benchmark: Any, label: str) -> None:
        benchmark.group = "Inverse kinematics: circles of 60 points, four angles"
        arm = open_arm("human" if label == "human arm" else "two_link")
        paths, starts = circles(arm, 200)
        if label == "SLSQP per point":
            work, count = (lambda: slsqp(arm, paths[0, :6], starts[0])), 6
        else:
            work, count = (lambda: solve_postures(arm, paths, starts)), len(paths) * 60
        measure(benchmark, label, count, work, "SLSQP per point")


@pytest.mark.parametrize("label", ["MuJoCo", "lengths", "lengths and moment arms"])
class TestHumanMuscles:
    """A step is one posture of 63 muscles."""

    @pytest.mark.benchmark(timer=time.thread_time)
    def test_lengths(self, benchmark: Any, label: str) -> None:
        import myo_sim

        benchmark.group = "Muscle lengths: human arm of 63 muscles"
        arm: Any = open_arm("human")
        angles = postures(arm, 4000)
        work: dict[str, Callable[[], Any]] = {
            "lengths": lambda: arm.muscle_lengths(angles),
            "lengths and moment arms": lambda: arm.pose(angles),
        }
        if label == "MuJoCo":
            with quiet_mujoco():
                model = myo_sim.load_model("myoarm")
            data = mujoco.MjData(model)
            free = [model.joint(one.name + "_r").id for one in arm.coordinates]

            def poses() -> None:
                for row in angles[:500]:
                    data.qpos[free] = row
                    mujoco.mj_kinematics(model, data)
                    mujoco.mj_comPos(model, data)
                    mujoco.mj_tendon(model, data)

            measure(benchmark, label, 500, poses, "MuJoCo")
        else:
            measure(benchmark, label, 4000, work[label], "MuJoCo")


@pytest.mark.skipif(not OSIM.exists(), reason="the shared macaque model is not here")
@pytest.mark.parametrize("label", ["OpenSim", "lengths", "lengths and moment arms"])
class TestMacaqueMuscles:
    """A step is one posture of 39 muscles; the two markers of hand and elbow are placed too."""

    @pytest.mark.benchmark(timer=time.thread_time)
    def test_lengths(self, benchmark: Any, label: str) -> None:
        benchmark.group = "Muscle lengths: macaque arm of 39 muscles (.osim)"
        arm: Any = open_arm(OSIM)
        angles = postures(arm, 4000)
        if label == "OpenSim":
            work, count = opensim_poses(arm, angles[:200]), 200
        elif label == "lengths":
            work, count = (lambda: arm.muscle_lengths(angles)), 4000
        else:
            work, count = (lambda: arm.pose(angles)), 4000
        measure(benchmark, label, count, work, "OpenSim")


def opensim_poses(arm: Any, angles: Floats) -> Callable[[], None]:
    """OpenSim's muscle lengths and markers, one posture after the other."""
    opensim = pytest.importorskip("opensim")
    model = opensim.Model(os.fspath(OSIM))
    state = model.initSystem()
    free = [model.updCoordinateSet().get(one.name) for one in arm.coordinates]
    muscles = [model.getMuscles().get(index) for index in range(model.getMuscles().getSize())]
    markers = [model.getMarkerSet().get(index) for index in range(2)]

    def work() -> None:
        for row in angles:
            for coordinate, angle in zip(free, row, strict=True):
                coordinate.setValue(state, float(angle), False)
            model.realizePosition(state)
            for muscle in muscles:
                muscle.getLength(state)
            for marker in markers:
                marker.getLocationInGround(state)

    return work


@pytest.mark.parametrize("label", ["MuJoCo", "inverse dynamics"])
class TestTorques:
    """A step is one state of the human arm."""

    @pytest.mark.benchmark(timer=time.thread_time)
    def test_states(self, benchmark: Any, label: str) -> None:
        import myo_sim

        benchmark.group = "Inverse dynamics: human arm, four coordinates"
        arm = open_arm("human")
        angles = postures(arm, 4000)
        if label == "MuJoCo":
            with quiet_mujoco():
                model = myo_sim.load_model("myoarm")
            model.opt.disableflags |= int(mujoco.mjtDisableBit.mjDSBL_CONSTRAINT)
            data = mujoco.MjData(model)
            free = [model.joint(one.name + "_r").id for one in arm.coordinates]

            def states() -> None:
                for row in angles[:500]:
                    data.qpos[free] = data.qvel[free] = data.qacc[free] = row
                    mujoco.mj_inverse(model, data)

            measure(benchmark, label, 500, states, "MuJoCo")
        else:
            measure(
                benchmark,
                label,
                4000,
                lambda: inverse_dynamics(arm, angles, angles, angles),
                "MuJoCo",
            )


class TestMarkers:
    """A step is one bin of eight recorded markers."""

    @pytest.mark.benchmark(timer=time.thread_time)
    def test_bins(self, benchmark: Any) -> None:
        benchmark.group = "Inverse kinematics: eight markers on the human arm"
        arm: Any = open_arm("human")
        names = [one.name for one in arm.geometry.markers if one.name != "shoulder"][:8]
        middle = np.array([one.default_rad for one in arm.coordinates])
        angles = middle + 0.4 * np.sin(0.05 * np.arange(2000))[:, None] * np.ones(4)
        seen = np.stack([arm.marker(name, angles) for name in names], axis=1)
        seen += 0.002 * np.random.default_rng(0).normal(size=seen.shape)
        measure(
            benchmark,
            "least squares",
            2000,
            lambda: fit_markers(arm, names, seen),
            "least squares",
        )
