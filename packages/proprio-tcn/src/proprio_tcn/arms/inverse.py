"""Inverse kinematics: from places of the hand, or of recorded markers, to joint angles.

An arm of four angles has many postures for one place of the hand. As in the published movements
(Marin Vargas, Bisi et al., Cell 2024), each bin takes the posture nearest to that of the bin
before. Recorded markers are fitted by weighted least squares, as OpenSim does.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from proprio_tcn.arms.arm import Arm, check_range
from proprio_tcn.arms.kinematics import Skeleton
from proprio_tcn.arms.skeletal import SkeletalArm
from proprio_tcn.arms.two_link import TwoLinkArm

__all__ = [
    "MarkerFit",
    "Postures",
    "fit_markers",
    "hand_chain",
    "solve_postures",
    "two_link_skeleton",
]

Floats = NDArray[np.float64]

_RESTARTS = 12
"""Postures of a fixed low-discrepancy sequence to search from, where the nearest way fails."""


class Postures(NamedTuple):
    """Joint angles that bring the hand to where it was wanted.

    Attributes:
        angles_rad: (trials, bins, coordinates).
        error_m: Distance of the hand from the wanted place, (trials, bins). Below 1e-8 where it can
            be reached; else the posture is the nearest that was found.
    """

    angles_rad: Floats
    error_m: Floats


class MarkerFit(NamedTuple):
    """Joint angles that fit recorded markers best.

    Attributes:
        angles_rad: (trials, bins, coordinates); NaN in bins without any marker.
        error_m: Distance of each marker from the model's, (trials, bins, markers); NaN where it was
            not seen.
    """

    angles_rad: Floats
    error_m: Floats


def solve_postures(
    arm: Arm, hand_m: ArrayLike, start_rad: ArrayLike, *, threads: int = 1
) -> Postures:
    """Posture in every bin: the nearest to that of the bin before which has the hand in place.

    Minimises ``|angles - previous|^2`` under three equations and the ranges of the coordinates, to
    1e-9 rad. Skeletal and two-link arms are compiled; others are solved with scipy, slowly.

    Args:
        arm: Any arm.
        hand_m: Wanted places of the hand in the world frame, (trials, bins, 3).
        start_rad: Postures before the first bin, (trials, coordinates).
        threads: Trials are shared among so many.

    Raises:
        ValueError: If a shape is wrong, a number is not finite, a start is out of range or threads
            is below 1. A place that cannot be reached is no error: ``error_m`` tells.
    """
    hand = _finite("hand_m", hand_m, (None, None, 3), "(trials, bins, 3)")
    start = check_range(start_rad, arm.coordinates)
    if len(start) != len(hand):
        raise ValueError(
            f"start_rad must have one posture for each of {len(hand)} trials, got {len(start)}"
        )
    low = np.array([one.low_rad for one in arm.coordinates])
    high = np.array([one.high_rad for one in arm.coordinates])
    start = np.clip(start, low, high)
    angles = np.empty((*hand.shape[:2], len(low)))
    errors = np.empty(hand.shape[:2])
    chain = hand_chain(arm)
    if chain is None:
        from proprio_tcn.arms.inverse_any import solve_any

        for trial in range(len(hand)):
            angles[trial], errors[trial] = solve_any(arm, hand[trial], start[trial], low, high)
        return Postures(angles, errors)
    from proprio_tcn.arms.inverse_kernels import Reach, solve_trials

    skeleton, frame, place = chain
    reach = Reach(skeleton, np.array([frame]), place[None], low, high)
    restarts = low + (high - low) * _spread(_RESTARTS, len(low))

    def work(rows: slice) -> None:
        solve_trials(reach, hand[rows], start[rows], restarts, angles[rows], errors[rows])

    _share(work, len(hand), threads)
    return Postures(angles, errors)


def fit_markers(
    arm: SkeletalArm,
    markers: Sequence[str],
    targets_m: ArrayLike,
    *,
    weights: ArrayLike | None = None,
    start_rad: ArrayLike | None = None,
    threads: int = 1,
) -> MarkerFit:
    """Joint angles at which markers of the arm are nearest to where they were recorded.

    Minimises the weighted sum of squared distances within the ranges of the coordinates, bin by bin
    from the posture of the bin before; the first bin of a trial is searched from several postures.
    Markers that are missing in a bin are left out of it.

    Args:
        arm: The arm.
        markers: Names of its markers, in the order of ``targets_m``.
        targets_m: Recorded places in the world frame, (bins, markers, 3) or (trials, bins, markers,
            3), NaN where a marker was not seen.
        weights: Of each marker's squared distance, (markers,); one unless given.
        start_rad: Posture to search from first, (coordinates,); the default one unless given.
        threads: Trials are shared among so many.

    Returns:
        Angles and distances, without the axis of trials if ``targets_m`` has none.

    Raises:
        ValueError: If a marker is unknown or named twice, a shape is wrong, a target is infinite, a
            weight is negative or none is positive, the start is out of range or threads is below 1.
    """
    names = list(markers)
    if not names or len(set(names)) < len(names):
        raise ValueError(f"markers must be different names, got {', '.join(names) or 'none'}")
    wanted = np.asarray(targets_m, dtype=np.float64)
    alone = wanted.ndim == 3
    targets = _finite(
        "targets_m",
        wanted[None] if alone else wanted,
        (None, None, len(names), 3),
        f"([trials,] bins, {len(names)}, 3)",
        gaps=True,
    )
    places = [arm.marker_place(name) for name in names]
    low = np.array([one.low_rad for one in arm.coordinates])
    high = np.array([one.high_rad for one in arm.coordinates])
    first = np.array([one.default_rad for one in arm.coordinates])
    if start_rad is not None:
        first = check_range(np.atleast_2d(np.asarray(start_rad)), arm.coordinates)[0]
    spread = low + (high - low) * _spread(_RESTARTS, len(low))
    angles = np.empty((*targets.shape[:2], len(low)))
    errors = np.empty(targets.shape[:3])
    from proprio_tcn.arms.marker_kernels import fit_trials

    def work(rows: slice) -> None:
        fit_trials(
            arm.skeleton,
            np.array([frame for frame, _ in places]),
            np.array([place for _, place in places]),
            _weights(weights, len(names)),
            low,
            high,
            targets[rows],
            np.vstack([np.clip(first, low, high), spread]),
            angles[rows],
            errors[rows],
        )

    _share(work, len(targets), threads)
    return MarkerFit(angles[0], errors[0]) if alone else MarkerFit(angles, errors)


def _weights(weights: ArrayLike | None, count: int) -> Floats:
    found = np.ones(count) if weights is None else np.ascontiguousarray(weights, dtype=np.float64)
    if found.shape != (count,):
        raise ValueError(f"weights must have shape ({count},), got {found.shape}")
    if not (np.isfinite(found).all() and (found >= 0).all() and found.any()):
        raise ValueError(f"weights must be 0 or more, and one of them more, got {found.tolist()}")
    return found


def hand_chain(arm: Arm) -> tuple[Skeleton, int, Floats] | None:
    """The moving frames of an arm, which of them carries the hand, and where on it (3,).

    None for an arm that the compiled solvers do not know.
    """
    if isinstance(arm, SkeletalArm):
        return arm.skeleton, *arm.marker_place("hand")
    if isinstance(arm, TwoLinkArm):
        return two_link_skeleton(arm), 4, np.array([0.0, -arm.forearm_m, 0.0])
    return None


def two_link_skeleton(arm: TwoLinkArm) -> Skeleton:
    """The frames of a two-link arm: adduction, rotation, flexion, elbow."""
    x, y, z = np.eye(3)
    offsets = np.zeros((4, 3))
    offsets[3] = (0.0, -arm.upper_m, 0.0)
    world = np.array([[0.0, 0.0, -1.0], [-1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
    return Skeleton(
        parent=np.arange(4),
        rotation=np.tile(np.eye(3), (4, 1, 1)),
        offset=offsets,
        axis=np.array([z, y, x, x]),
        slides=np.zeros(4, dtype=np.bool_),
        coordinate=np.array([1, 2, 0, 3]),
        polynomial=np.tile([0.0, 1.0], (4, 1)),
        base_rotation=world,
        base_offset=np.zeros(3),
    )


def _share(work: Callable[[slice], None], count: int, threads: int) -> None:
    """Call ``work`` for all of ``count`` trials, in slices, on so many threads."""
    if threads < 1:
        raise ValueError(f"threads must be 1 or more, got {threads}")
    if threads == 1 or count <= 1:
        work(slice(0, count))
        return
    size = max(1, -(-count // (4 * threads)))
    slices = [slice(first, first + size) for first in range(0, count, size)]
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(work, slices))


def _spread(count: int, dimensions: int) -> Floats:
    """Points of the unit cube that fill it evenly (R sequence), the middle first."""
    root = 2.0
    for _ in range(60):
        root = (1.0 + root) ** (1.0 / (dimensions + 1))
    steps = root ** -np.arange(1.0, dimensions + 1)
    return (0.5 + np.arange(count)[:, None] * steps) % 1.0


def _finite(
    name: str, values: ArrayLike, shape: Sequence[int | None], wanted: str, *, gaps: bool = False
) -> Floats:
    found = np.ascontiguousarray(values, dtype=np.float64)
    fits = found.ndim == len(shape) and all(
        size in (None, real) for size, real in zip(shape, found.shape, strict=True)
    )
    if not fits or 0 in found.shape:
        raise ValueError(f"{name} must have shape {wanted} and not be empty, got {found.shape}")
    wrong = np.isinf(found) if gaps else ~np.isfinite(found)
    if wrong.any():
        place = tuple(int(one) for one in np.argwhere(wrong)[0])
        raise ValueError(f"{name} must be finite, got {found[place]} at {place}")
    return found
