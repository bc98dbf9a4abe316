"""Open an arm by its name or from a file."""

import os
from pathlib import Path
from typing import Any

from proprio_tcn.arms.arm import Arm

__all__ = ["ARMS", "open_arm"]

ARMS = {
    "human": "myo-sim's right arm of a man: 63 muscles, four free coordinates",
    "elbow": "myo-sim's small elbow: two coordinates, six muscles",
    "two_link": "two links and four angles, no muscles; lengths of a macaque by default",
}
"""Arms that need no file."""

_MACAQUE_ORDER = (
    "shoulder_flexion",
    "shoulder_adduction",
    "shoulder_rotation",
    "elbow_flexion",
)


def open_arm(name: str | os.PathLike[str] = "human", **options: Any) -> Arm:
    """Open an arm.

    Args:
        name: One of ``ARMS``, or the path of an OpenSim (.osim) or MuJoCo (.xml) model.
        **options: For "two_link": ``lengths``, the name of a monkey in ``LINK_LENGTHS_M``, or
            ``upper_m`` and ``forearm_m``. For the others: ``coordinates`` (names of those that are
            free, in order), ``wrapping`` and ``threads`` of
            :class:`proprio_tcn.arms.skeletal.SkeletalArm`; for files also what
            :func:`proprio_tcn.arms.osim.read_osim` or
            :func:`proprio_tcn.arms.mujoco_models.mujoco_geometry` take, such as ``hand``.

    Returns:
        The arm. In an OpenSim model with the coordinates of the published macaque these come in
        the order flexion, adduction, rotation of the shoulder, flexion of the elbow.

    Raises:
        ValueError: If there is no such arm or file.
        FormatError: If an OpenSim file cannot be read.
        TypeError: If an option is unknown, or a MuJoCo file comes without hand, elbow, shoulder.
    """
    text = os.fspath(name)
    if text == "two_link":
        return _two_link(**options)
    from proprio_tcn.arms.skeletal import SkeletalArm

    chosen = {
        key: options.pop(key) for key in ("coordinates", "wrapping", "threads") if key in options
    }
    if text in ARMS:
        from proprio_tcn.arms.mujoco_models import human_arm, small_elbow

        _refuse(text, options)
        return SkeletalArm(human_arm() if text == "human" else small_elbow(), **chosen)
    suffix = Path(text).suffix.lower()
    if suffix == ".xml":
        from proprio_tcn.arms.mujoco_models import mujoco_geometry

        _check_mujoco(Path(text), options)
        return SkeletalArm(mujoco_geometry(Path(text), **options), **chosen)
    if suffix != ".osim":
        raise ValueError(
            f"arm must be one of {', '.join(ARMS)} or the path of an .osim or .xml file, "
            f"got {text!r}"
        )
    from proprio_tcn.arms.osim import read_osim

    geometry = read_osim(text, **options)
    free = [one.name for one in geometry.coordinates if one.name not in geometry.locked]
    if "coordinates" not in chosen and set(free) == set(_MACAQUE_ORDER):
        chosen["coordinates"] = _MACAQUE_ORDER
    return SkeletalArm(geometry, **chosen)


def _check_mujoco(path: Path, options: dict[str, Any]) -> None:
    if not path.is_file():
        raise ValueError(
            f"There is no MuJoCo model at {path}: give the path of its .xml file, absolute or from "
            f"{Path.cwd()}"
        )
    missing = [role for role in ("hand", "elbow", "shoulder") if role not in options]
    if missing:
        raise TypeError(
            f"{path} must come with the options hand, elbow and shoulder, names of its sites or "
            f"bodies, but {', '.join(missing)} is not given: use open_arm({str(path)!r}, "
            'hand="...", elbow="...", shoulder="...")'
        )


def _two_link(lengths: str = "snap", **options: float) -> Arm:
    from proprio_tcn.arms.two_link import LINK_LENGTHS_M, TwoLinkArm

    if lengths not in LINK_LENGTHS_M:
        raise ValueError(f"lengths must be one of {', '.join(LINK_LENGTHS_M)}, got {lengths!r}")
    upper, forearm = LINK_LENGTHS_M[lengths]
    given = {"upper_m": upper, "forearm_m": forearm} | options
    _refuse("two_link", {key: given[key] for key in given if key not in ("upper_m", "forearm_m")})
    return TwoLinkArm(given["upper_m"], given["forearm_m"])


def _refuse(name: str, options: dict[str, Any]) -> None:
    if options:
        raise TypeError(f"the arm {name!r} has no option {', '.join(options)}")
