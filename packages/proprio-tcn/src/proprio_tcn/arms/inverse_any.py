"""Inverse kinematics of arms that the compiled solvers do not know, point by point with scipy."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import Bounds, least_squares, minimize

from proprio_tcn.arms.arm import Arm

__all__ = ["solve_any"]

Floats = NDArray[np.float64]

_SOLVED_M = 1e-8


def solve_any(
    arm: Arm, hand_m: Floats, start_rad: Floats, low: Floats, high: Floats
) -> tuple[Floats, Floats]:
    """Postures (bins, coordinates) of one trial and the distances of the hand in m, (bins,).

    Args:
        arm: Any arm; its ``hand`` and ``hand_jacobian`` are called.
        hand_m: (bins, 3).
        start_rad: Posture before the first bin, (coordinates,).
        low: Of the angles, (coordinates,).
        high: Likewise.
    """
    angles = np.empty((len(hand_m), len(low)))
    errors = np.empty(len(hand_m))
    prior = start_rad
    for index, target in enumerate(hand_m):
        angles[index], errors[index] = _solve_one(arm, target, prior, low, high)
        prior = angles[index]
    return angles, errors


def _solve_one(
    arm: Arm, target: Floats, prior: Floats, low: Floats, high: Floats
) -> tuple[Floats, float]:
    def gap(angles: Floats) -> Floats:
        found: Floats = 100.0 * (arm.hand(angles[None])[0] - target)
        return found

    def slope(angles: Floats) -> Floats:
        found: Floats = 100.0 * arm.hand_jacobian(angles[None])[1][0]
        return found

    near = least_squares(
        gap,
        prior,
        jac=slope,
        bounds=(low - 1e-12, high + 1e-12),
        xtol=1e-15,
        ftol=1e-15,
        gtol=1e-15,
    )
    best = np.clip(near.x, low, high)
    error = float(np.linalg.norm(gap(best))) / 100
    search: Any = minimize  # its types know no bare dictionaries
    found = search(
        lambda angles: float(((angles - prior) ** 2).sum()),
        best,
        jac=lambda angles: 2 * (angles - prior),
        method="SLSQP",
        bounds=Bounds(low, high),
        constraints={"type": "eq", "fun": gap, "jac": slope},
        options={"maxiter": 200, "ftol": 1e-14},
    )
    place = np.clip(found.x, low, high)
    miss = float(np.linalg.norm(gap(place))) / 100
    if np.isfinite(miss) and miss <= max(error, _SOLVED_M):
        return place, miss
    return best, error
