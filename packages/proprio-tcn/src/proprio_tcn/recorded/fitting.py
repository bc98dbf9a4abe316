"""Recorded markers to joint angles, frame by frame, and how far the fit misses each marker."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from neuro_common.files import FormatError
from proprio_tcn.arms.arm import Arm
from proprio_tcn.arms.skeletal import SkeletalArm
from proprio_tcn.recorded.settings import RecordedSettings
from proprio_tcn.recorded.tables import MarkerTable, unknown_name

__all__ = ["Fit", "arm_markers", "fit_frames", "untold_joint", "usable_markers"]

_Array = NDArray[np.float64]

_STEP_RAD = 1e-4
_LEAST_M = 1e-3
"""Markers that move less than so far while a joint turns by 1 rad do not tell its angle."""


class Fit(NamedTuple):
    """What fits the markers best.

    Attributes:
        angle_rad: Shape (frames, coordinates).
        residual_m: Distance of each marker from the arm's, (frames, markers); NaN where it was
            not seen.
    """

    angle_rad: _Array
    residual_m: _Array


def arm_markers(arm: Arm) -> tuple[str, ...]:
    """Names of the markers that an arm has.

    Raises:
        ValueError: It is an arm without markers.
    """
    return tuple(marker.name for marker in _of_bodies(arm).geometry.markers)


def _of_bodies(arm: Arm) -> SkeletalArm:
    if not isinstance(arm, SkeletalArm):
        raise ValueError(
            f"arm must be one of bodies with markers, such as an .osim file, got {arm.name!r}: "
            "give joint angles instead"
        )
    return arm


def usable_markers(arm: Arm, table: MarkerTable, settings: RecordedSettings) -> MarkerTable:
    """The markers of a table that are to be fitted, in the world's axes.

    Raises:
        FormatError: A marker is none of the arm's, and its weight is not 0; or those that are left
            do not tell all joint angles.
    """
    known = arm_markers(arm)
    wanted = [name for name in table.names if settings.marker_weights.get(name, 1.0) > 0]
    for name in settings.marker_weights:
        if name not in table.names:
            raise FormatError(unknown_name(table.source, "marker", name, table.names))
    for name in wanted:
        if name not in known:
            raise FormatError(
                unknown_name(f"arm {arm.name!r}", "marker", name, known)
                + f"; leave it out with marker_weights={{{name}: 0}}, or rename it"
            )
    if not wanted:
        raise FormatError(f"{table.source} must have a marker of a weight above 0, got none")
    if joint := untold_joint(arm, wanted):
        raise FormatError(
            f"the markers {', '.join(wanted)} must tell {len(arm.coordinates)} joint angles of arm "
            f"{arm.name!r}, but {joint} can turn while they stay: add a marker beyond that joint"
        )
    table = table.select(wanted)
    if settings.axes == "world":
        return table
    base = _of_bodies(arm).skeleton
    place_m = table.place_m @ base.base_rotation.T + base.base_offset
    return MarkerTable(table.names, table.time_s, place_m, table.source)


def untold_joint(arm: Arm, names: Sequence[str]) -> str | None:
    """Name of a joint coordinate that can turn while some markers stay where they are, if any.

    Args:
        arm: Whose joints, in the middle of their ranges.
        names: Of the markers.
    """
    bodies = _of_bodies(arm)
    middle = np.array([0.5 * (one.low_rad + one.high_rad) for one in arm.coordinates])
    steps = _STEP_RAD * np.eye(len(middle))
    ahead, behind = (
        np.array([bodies.marker(name, middle + side * steps) for name in names]) for side in (1, -1)
    )
    jacobian = (ahead - behind).transpose(0, 2, 1).reshape(-1, len(middle)) / (2 * _STEP_RAD)
    _, sizes, directions = np.linalg.svd(jacobian)
    untold = directions[int((sizes > _LEAST_M).sum()) :]
    if not len(untold):
        return None
    return arm.coordinates[int(np.abs(untold).max(axis=0).argmax())].name


def fit_frames(arm: Arm, table: MarkerTable, settings: RecordedSettings) -> Fit:
    """Fit the joint angles of an arm to markers by weighted least squares.

    Args:
        arm: Whose angles.
        table: Markers of the arm in the world's axes, see `usable_markers`; NaN where one was not
            seen.
        settings: The weights.

    Raises:
        ValueError: The arm has no bodies with markers.
    """
    from proprio_tcn.arms.inverse import fit_markers

    weights = np.array([settings.marker_weights.get(name, 1.0) for name in table.names])
    found = fit_markers(_of_bodies(arm), table.names, table.place_m, weights=weights)
    return Fit(found.angles_rad, found.error_m)
