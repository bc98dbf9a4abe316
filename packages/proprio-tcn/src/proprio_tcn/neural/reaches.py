"""Centre-out reaches and bumps of an arm, as a session without neurons: the embedded data."""

from collections.abc import Sequence
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from neuro_common.seeding import generator
from proprio_tcn.arms.arm import Arm
from proprio_tcn.neural.kinematics import with_derivatives
from proprio_tcn.neural.protocol import Reaching
from proprio_tcn.neural.recording import Recording

__all__ = ["simulate_reaches"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_REACHED_M = 1e-5
_ROUNDS = 8
_BEFORE, _BUMP, _BACK, _AFTER = 30, 13, 25, 30  # bins


class _Trials(NamedTuple):
    """Trials, one after another."""

    passive: NDArray[Any]
    direction_deg: NDArray[Any]
    moving: NDArray[Any]
    angles_rad: NDArray[Any]

    def take(self, chosen: Ints) -> Self:
        return type(self)(*(one[chosen] for one in self))

    @classmethod
    def joined(cls, parts: Sequence["_Trials"], rng: np.random.Generator) -> Self:
        """All of them, reaches and bumps mixed."""
        whole = cls(*(np.concatenate(column) for column in zip(*parts, strict=True)))
        return whole.take(rng.permutation(len(whole.passive)))


def simulate_reaches(arm: Arm, reaching: Reaching | None = None, *, seed: int = 0) -> Recording:
    """Move an arm by minimum-jerk reaches and bumps (Flash and Hogan 1985).

    Every trial begins in a posture of its own, rests for 300 ms, moves, and rests again; what leads
    out of the arm's workspace is drawn anew. The recording knows hand, elbow, joint angles and the
    muscles that move, with velocities, and has one silent neuron: give it others with
    `plant_neurons`.

    Args:
        arm: With or without muscles.
        reaching: What to do; None for a session of 160 reaches and 64 bumps.
        seed: Of everything that is drawn.

    Raises:
        ValueError: Too many of the reaches lead out of the arm's workspace.
    """
    reaching = reaching or Reaching()
    rng = generator(seed)
    missing = {False: reaching.active, True: reaching.passive}
    parts = []
    for _ in range(_ROUNDS):
        found = _draw(arm, reaching, np.repeat([False, True], list(missing.values())), rng)
        parts.append(found)
        missing = {kind: n - int((found.passive == kind).sum()) for kind, n in missing.items()}
        if not any(missing.values()):
            return _recording(arm, _Trials.joined(parts, rng), seed)
    raise ValueError(
        f"reaches and bumps must stay in the arm's workspace, but {sum(missing.values())} of "
        f"{reaching.active + reaching.passive} did not, drawn {_ROUNDS} times: shorten distance_cm "
        "and bump_cm, or lower posture_sd_deg"
    )


def _arm_kinematics(arm: Arm, angles_rad: Floats, length: Ints) -> dict[str, NDArray[np.float32]]:
    """Hand and elbow (cm), joint angles (deg) and lengths of moving muscles (mm) of trials.

    Args:
        arm: Whose angles they are.
        angles_rad: Shape ``(trials, bins, coordinates)``.
        length: Valid bins of each trial; the others come back as 0.
    """
    valid = np.arange(angles_rad.shape[1]) < length[:, None]
    seen = angles_rad[valid]
    found = {"joint_angle": np.degrees(seen)}
    if arm.muscles:
        pose = arm.pose(seen)
        found |= {"hand": 100 * pose.hand_m, "elbow": 100 * pose.elbow_m}
        found["muscle_length"] = 1000 * pose.muscle_length_m[:, arm.moving]
    else:
        found |= {"hand": 100 * arm.hand(seen), "elbow": 100 * arm.elbow(seen)}
    kinematics = {}
    for name, values in found.items():
        whole = np.zeros((*valid.shape, values.shape[1]), dtype=np.float32)
        whole[valid] = values
        kinematics[name] = whole
    return kinematics


def _draw(
    arm: Arm, reaching: Reaching, passive: NDArray[np.bool_], rng: np.random.Generator
) -> _Trials:
    """Trials of these kinds, without those that lead out of the workspace."""
    from proprio_tcn.arms.inverse import solve_postures

    n = len(passive)
    low = np.array([one.low_rad for one in arm.coordinates])
    high = np.array([one.high_rad for one in arm.coordinates])
    middle = np.array([one.default_rad for one in arm.coordinates])
    spread = np.radians(reaching.posture_sd_deg)
    start_rad = np.clip(rng.normal(middle, spread, (n, len(low))), low + 0.01, high - 0.01)
    direction_deg = rng.integers(0, reaching.directions, n) * 360.0 / reaching.directions
    least, most = reaching.movement_bins
    moving = np.where(passive, _BUMP + _BACK, rng.integers(least, most + 1, n))
    nearest, farthest = reaching.distance_cm
    distance_m = np.where(passive, reaching.bump_cm, rng.uniform(nearest, farthest, n)) / 100
    since = np.arange(_BEFORE + most + _AFTER) - _BEFORE
    out = _minimum_jerk(since / np.where(passive, _BUMP, moving)[:, None])
    back = _minimum_jerk((since - _BUMP) / _BACK)
    way = distance_m[:, None] * (out - np.where(passive[:, None], back, 0.0))
    angle = np.radians(direction_deg)
    towards = np.stack([np.cos(angle), np.sin(angle), np.zeros(n)], axis=1)
    hand_m = arm.hand(start_rad)[:, None] + way[..., None] * towards[:, None]
    # a search for what cannot be reached is slow: where the way ends tells most of these
    farthest_m = hand_m[np.arange(n), _BEFORE + np.where(passive, _BUMP, moving)]
    ends = solve_postures(arm, farthest_m[:, None], start_rad).error_m[:, 0]
    likely = np.flatnonzero(ends < _REACHED_M)
    drawn = _Trials(passive, direction_deg, moving, np.zeros((n, len(since), len(low))))
    if len(likely) == 0:
        return drawn.take(likely)
    postures = solve_postures(arm, hand_m[likely], start_rad[likely])
    drawn.angles_rad[likely] = postures.angles_rad
    return drawn.take(likely[(postures.error_m < _REACHED_M).all(axis=1)])


def _minimum_jerk(part: Floats) -> Floats:
    s = np.clip(part, 0, 1)
    return np.asarray(s**3 * (10 - 15 * s + 6 * s**2))


def _recording(arm: Arm, trials: _Trials, seed: int) -> Recording:
    length = _BEFORE + trials.moving + _AFTER
    bins, bumped = int(length.max()), trials.passive
    session = Recording(
        np.zeros((len(length), bins, 1), dtype=np.uint16),
        length,
        _arm_kinematics(arm, trials.angles_rad[:, :bins], length),
        movement_onset=np.where(bumped, -1, _BEFORE),
        movement_end=np.where(bumped, -1, _BEFORE + trials.moving),
        bump_onset=np.where(bumped, _BEFORE, -1),
        target_direction_deg=np.where(bumped, np.nan, trials.direction_deg),
        bump_direction_deg=np.where(bumped, trials.direction_deg, np.nan),
        neurons=("silent",),
        muscles=tuple(m for m, moves in zip(arm.muscles, arm.moving, strict=True) if moves),
        subject=f"synthetic {arm.species}" if arm.species != "none" else "synthetic",
        area="none",
        session=f"reaches, seed {seed}",
    )
    return with_derivatives(session)
