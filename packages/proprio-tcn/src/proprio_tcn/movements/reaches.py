"""Planned reaches: the movements whose torques are known, for the hypothesis of motor control."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuro_common.seeding import generator
from proprio_tcn.arms.arm import Arm
from proprio_tcn.movements.augmentation import Latents
from proprio_tcn.movements.kinematics import draw_start
from proprio_tcn.movements.rendering import Cell, Draw
from proprio_tcn.movements.start_points import StartPoints, random_postures
from proprio_tcn.movements_config import MovementSettings

__all__ = ["draw_reach", "minimum_jerk", "reach_torques"]

Floats = NDArray[np.float64]

_STREAM = 3
_SHORTEST_BINS, _LONGEST_BINS = 60, 140
_LEAST_PART = 0.15  # of the farthest place: no shorter reaches


def minimum_jerk(begin: Floats, end: Floats, bins: int) -> Floats:
    """The smoothest way from rest to rest, along a straight line (Flash & Hogan 1985).

    Args:
        begin: Shape (axes,).
        end: Shape (axes,).
        bins: At least 2.

    Returns:
        Shape (axes, bins).
    """
    part = np.linspace(0.0, 1.0, bins)
    way = part**3 * (10.0 - 15.0 * part + 6.0 * part**2)
    path: Floats = begin[:, None] + (end - begin)[:, None] * way
    return path


def draw_reach(
    cell: Cell, attempt: int, settings: MovementSettings, places: StartPoints, arm: Arm
) -> Draw:
    """Draw an attempt at a reach: two places, 60 to 140 bins, posture and start.

    Args:
        cell: Which reach.
        attempt: Counts from 0.
        settings: For the seed.
        places: Where reaches begin and end.
        arm: For the ranges of its coordinates.

    Raises:
        ValueError: No two places are far enough from each other.
    """
    rng = generator(settings.seed, _STREAM, *cell, attempt)
    posture = random_postures(arm, 1, rng)[0]
    points = places.points_cm
    least = _LEAST_PART * np.linalg.norm(points, axis=1).max()
    begin = points[rng.integers(len(points))]
    far = points[np.linalg.norm(points - begin, axis=1) >= least]
    if not len(far):
        raise ValueError(
            f"start_points must be enough for reaches of {least:.3g} cm, got {len(points)} places "
            "and none so far from the first of a reach: raise start_points"
        )
    end = far[rng.integers(len(far))]
    path = minimum_jerk(begin, end, int(rng.integers(_SHORTEST_BINS, _LONGEST_BINS + 1)))
    return Draw(path, posture, draw_start(path.shape[1], rng), -1, Latents())


def reach_torques(arm: Arm, **options: Any) -> Any:
    """Inverse dynamics of an arm, as a renderer wants it: gravity on, segments by default.

    Args:
        arm: Who moves.
        **options: For ``proprio_tcn.arms.dynamics.inverse_dynamics``.
    """

    def load(angles: Floats, rates: Floats, rises: Floats) -> Floats:
        from proprio_tcn.arms.dynamics import inverse_dynamics

        return inverse_dynamics(arm, angles, rates, rises, **options)

    return load
