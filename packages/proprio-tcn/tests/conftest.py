"""What several test modules share: an arm and movements whose every answer is known."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import HealthCheck, settings

from proprio_tcn.training.batches import ArrayMovements

settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")


class Coordinate(NamedTuple):
    name: str
    low_rad: float
    high_rad: float
    default_rad: float


class Pose(NamedTuple):
    hand_m: Any
    elbow_m: Any
    muscle_length_m: Any
    muscle_jacobian_m: Any


class Postures(NamedTuple):
    angles_rad: Any
    error_m: Any


class LinearArm:
    """Three angles carry the hand along x, y and z, a fourth moves but muscles; all is linear."""

    name = "linear"
    species = "none"
    coordinates = tuple(Coordinate(name, -1.0, 1.0, 0.0) for name in ("x", "y", "z", "free"))
    muscles = ("left", "right", "still", "near", "far")

    def __init__(self, reach_m: float = 0.3) -> None:
        self.reach_m = reach_m
        rng = np.random.default_rng(7)
        self.rows = 0.02 * rng.standard_normal((5, 4))
        self.rows[2] = 0.0
        self.rest = rng.uniform(0.1, 0.2, 5)
        self.moving = np.array([True, True, False, True, True])

    def hand(self, angles_rad: Any) -> Any:
        return self.reach_m * np.asarray(angles_rad)[:, :3]

    def elbow(self, angles_rad: Any) -> Any:
        return self.hand(angles_rad) / 2

    def hand_jacobian(self, angles_rad: Any) -> Any:
        jacobian = np.zeros((len(angles_rad), 3, 4))
        jacobian[:, range(3), range(3)] = self.reach_m
        return self.hand(angles_rad), jacobian

    def pose(self, angles_rad: Any) -> Pose:
        angles = np.asarray(angles_rad)
        jacobian = np.broadcast_to(self.rows, (len(angles), 5, 4))
        lengths = self.rest + angles @ self.rows.T
        return Pose(self.hand(angles), self.elbow(angles), lengths, jacobian)

    def solve(self, arm: Any, hand_m: Any, start_rad: Any, *, threads: int = 1) -> Postures:
        """The nearest posture: the fourth angle stays where it was."""
        angles = np.repeat(np.asarray(start_rad)[:, None], hand_m.shape[1], axis=1)
        angles[..., :3] = np.clip(hand_m / self.reach_m, -1.0, 1.0)
        return Postures(angles, np.linalg.norm(self.reach_m * angles[..., :3] - hand_m, axis=-1))


@pytest.fixture
def linear_arm() -> LinearArm:
    """Reaches a cube of 60 cm around its shoulder; ``.solve`` is its inverse kinematics."""
    return LinearArm()


def wave_movements(seed: int, n: int = 64, bins: int = 64, muscles: int = 6) -> ArrayMovements:
    """Letters are frequencies; everything else is linear in what the muscles do."""
    rng = np.random.default_rng(seed)
    mixing = np.random.default_rng(0).normal(size=(muscles, 4))
    letter = rng.integers(0, 4, n)
    moving = np.zeros((n, bins), bool)
    state = np.zeros((n, 4, bins))
    for i in range(n):
        start = rng.integers(0, bins - 40)
        moving[i, start : start + 40] = True
        phase = np.clip((np.arange(bins) - start) / 40, 0, 1)
        waves = np.sin(np.pi * (1 + letter[i]) * phase + np.arange(4)[:, None])
        state[i] = waves + rng.normal(size=(4, 1))
    length = np.einsum("ms,nsb->nmb", mixing, state) * 10 + 200
    part = {"joint_angle": 20 * state, "hand": 9 * state[:, :3], "elbow": 4 * state[:, 1:]}
    part |= {"torque": state**2, "target": np.repeat(state[:, :3, -1:], bins, axis=2)}
    for name, key in (("joint", "joint_angle"), ("hand", "hand"), ("elbow", "elbow")):
        part[f"{name}_velocity"] = np.gradient(part[key], 0.01, axis=2)
        part[f"{name}_acceleration"] = np.gradient(part[f"{name}_velocity"], 0.01, axis=2)
    arrays = {key: values.astype(np.float32) for key, values in part.items()}
    velocity = np.gradient(length, 0.01, axis=2)
    arrays["spindle"] = np.stack([length, velocity], axis=3).astype(np.float32)
    arrays |= {"letter": letter, "moving": moving, "writer": np.zeros(n, np.int64)}
    return ArrayMovements(tuple(f"muscle {i}" for i in range(muscles)), arrays)


@pytest.fixture(scope="session")
def waves() -> Callable[..., ArrayMovements]:
    """Makes movements of six muscles in windows of 64 bins, by seed and number."""
    return wave_movements


@pytest.fixture(scope="session")
def sets() -> tuple[ArrayMovements, ArrayMovements]:
    """Such movements to learn from, and half as many to validate on."""
    return wave_movements(1), wave_movements(2, 32)


@pytest.fixture
def muscle_session() -> Any:
    """Makes a session of 48 smooth random movements of six muscles, which eight neurons follow."""
    from proprio_tcn.neural.recording import Recording
    from proprio_tcn.neural.synthetic import Encoding, plant_neurons

    def make(trials: int = 48) -> Recording:
        rng = np.random.default_rng(0)
        slow = rng.normal(size=(trials, 110, 6)).cumsum(axis=1).cumsum(axis=1) / 20 + 100
        empty = Recording(
            np.zeros((trials, 110, 1), dtype=np.uint16),
            np.full(trials, 110),
            {"muscle_length": slow.astype(np.float32)},
            movement_onset=np.full(trials, 10),
            movement_end=rng.integers(70, 100, trials),
            bump_onset=np.full(trials, -1),
            target_direction_deg=90.0 * (np.arange(trials) % 4),
            bump_direction_deg=np.full(trials, np.nan),
            neurons=("none",),
            muscles=tuple(f"m{number}" for number in range(6)),
            subject="Nobody",
        )
        state = empty.variables(["muscle_length"])
        encoding = Encoding(n_neurons=8, link="identity", gain=0.4, rate_hz=80)
        return plant_neurons(empty, state, encoding, seed=0)[0]

    return make


@pytest.fixture
def save_trained() -> Any:
    """Saves a small network of those six muscles as if it had learnt where the hand is."""
    import torch

    from proprio_tcn.networks.settings import TrunkSettings
    from proprio_tcn.tasks.sixteen import get_task
    from proprio_tcn.tasks.targets import TargetScale
    from proprio_tcn.training.settings import TrainSettings
    from proprio_tcn.training.trained import Trained, save_network

    def save(directory: Path, seed: int, performance: float, inputs: Any = None) -> Path:
        trunk = TrunkSettings(spatial_kernels=[4, 6], spatial_kernel_size=3, temporal_kernel_size=5)
        trained = Trained.untrained(
            get_task("hand_position"),
            trunk,
            tuple(f"m{number}" for number in range(6)),
            scale=TargetScale(np.zeros(3, dtype=np.float32), np.ones(3, dtype=np.float32)),
            settings=TrainSettings(),
            seed=seed,
            inputs=inputs,
        )
        with torch.no_grad():
            for one in trained.network.parameters():
                one.mul_(1.1)
        trained.metrics.update(test_hand_movement_r2=performance, test_hand_all_r2=0.0)
        save_network(directory, trained)
        return directory

    return save


@pytest.fixture(scope="session")
def planar_reaches() -> Any:
    """Minimum-jerk reaches of a planar arm with stand-in muscles; every fourth trial is a bump."""
    from proprio_tcn.neural.kinematics import with_derivatives
    from proprio_tcn.neural.recording import Recording

    trials, upper_cm, lower_cm, before = 160, 16.0, 18.0, 20
    rng = np.random.default_rng(1)
    passive = np.arange(trials) % 4 == 0
    moving = np.where(passive, 30, rng.integers(40, 80, trials))
    length = before + moving + 20
    since = np.arange(length.max()) - before
    s = np.clip(since / np.where(passive, 13, moving)[:, None], 0, 1)
    way = (s**3 * (10 - 15 * s + 6 * s**2)) * np.where(passive, 2, rng.uniform(5, 12, trials))[
        :, None
    ]
    direction = rng.integers(0, 8, trials) * 45.0
    angle = np.radians(direction)
    start = np.stack([rng.uniform(14, 20, trials), rng.uniform(-6, 6, trials)], axis=1)
    towards = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    hand = start[:, None] + way[..., None] * towards[:, None]
    # two links in a plane have a closed form
    distance = np.linalg.norm(hand, axis=2)
    bend = np.arccos((upper_cm**2 + distance**2 - lower_cm**2) / (2 * upper_cm * distance))
    shoulder = np.arctan2(hand[..., 1], hand[..., 0]) + bend
    elbow = upper_cm * np.stack([np.cos(shoulder), np.sin(shoulder)], axis=2)
    lower = hand - elbow
    angles = np.degrees(
        np.stack([shoulder, np.arctan2(lower[..., 1], lower[..., 0]) - shoulder], 2)
    )
    along = rng.uniform(0.2, 0.8, 12)[:, None]
    upper, fore = along[:6] * elbow[:, :, None], (elbow[:, :, None] + along[6:] * lower[:, :, None])
    ways = np.concatenate([upper, fore], axis=2) - rng.normal(scale=6, size=(12, 2))
    parts = {"hand": hand, "elbow": elbow, "joint_angle": angles}
    parts["muscle_length"] = 10 * np.linalg.norm(ways, axis=3)
    return with_derivatives(
        Recording(
            np.zeros((trials, len(since), 1), dtype=np.uint16),
            length,
            {name: values.astype(np.float32) for name, values in parts.items()},
            movement_onset=np.where(passive, -1, before),
            movement_end=np.where(passive, -1, before + moving),
            bump_onset=np.where(passive, before, -1),
            target_direction_deg=np.where(passive, np.nan, direction),
            bump_direction_deg=np.where(passive, direction, np.nan),
            neurons=("silent",),
            muscles=tuple(f"muscle {number}" for number in range(12)),
        )
    )


@pytest.fixture(scope="session")
def planted(planar_reaches: Any) -> Any:
    """Gives these reaches 24 neurons of the limb, by link and settings of the encoding."""
    from proprio_tcn.neural.kinematics import KINEMATIC_MODELS
    from proprio_tcn.neural.synthetic import Encoding, plant_neurons

    state = planar_reaches.variables(KINEMATIC_MODELS["limb position + velocity"])

    def plant(link: str, seed: int = 0, **options: Any) -> Any:
        encoding = Encoding(n_neurons=24, link=link, **options)
        return plant_neurons(planar_reaches, state, encoding, seed=seed)

    return plant
