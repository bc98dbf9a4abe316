"""Open an arm by its name or from a file."""

import os
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from inspect import signature
from pathlib import Path
from typing import TYPE_CHECKING, Any

from proprio_tcn.arms.arm import Arm

if TYPE_CHECKING:
    import mujoco  # type: ignore[import-untyped]

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


def open_arm(name: "str | os.PathLike[str] | mujoco.MjModel" = "human", /, **options: Any) -> Arm:
    """Open an arm.

    Args:
        name: One of ``ARMS``, the path of an OpenSim (.osim) or MuJoCo (.xml) model, or a compiled
            MuJoCo model.
        **options: ``body_mass_kg`` scales the segments that torques are computed with, see
            :func:`proprio_tcn.arms.segments.default_segments`. For "two_link" also ``lengths``, the
            name of a monkey in ``LINK_LENGTHS_M``, or ``upper_m`` and ``forearm_m``. For the
            others: ``coordinates`` (names of those that are free, in order), ``wrapping`` and
            ``threads`` of :class:`proprio_tcn.arms.skeletal.SkeletalArm`; for files what
            :func:`proprio_tcn.arms.osim.read_osim` or
            :func:`proprio_tcn.arms.mujoco_models.mujoco_geometry` take, such as ``hand``. Commands
            take the same as ``arm_options.NAME=VALUE``.

    Returns:
        The arm. In a model with the coordinates of the published macaque these come in the order
        flexion, adduction, rotation of the shoulder, flexion of the elbow.

    Raises:
        ValueError: If there is no such arm or file, an option is unknown or of the wrong kind, a
            MuJoCo model comes without hand, elbow, shoulder, or an arm that cannot be scaled comes
            with a body mass.
        TypeError: If ``name`` is neither text, a path nor a compiled MuJoCo model.
        FormatError: If an OpenSim file cannot be read.
    """
    source = os.fspath(name) if isinstance(name, str | os.PathLike) else _compiled(name)
    try:
        arm = _two_link(**options) if source == "two_link" else _skeletal(source, options)
        if "body_mass_kg" in options:
            from proprio_tcn.arms.segments import default_segments

            default_segments(arm)  # refuses what cannot be scaled
        return arm
    except TypeError as error:
        if not options:
            raise
        told = ", ".join(f"{key}={value!r}" for key, value in options.items())
        raise ValueError(
            f"the options of arm {source!r} must be of its kinds, got {told}: {error}"
        ) from error


def _skeletal(source: "str | mujoco.MjModel", options: Mapping[str, Any]) -> Arm:
    from proprio_tcn.arms.skeletal import SkeletalArm

    read, of_file = _reader(source)
    of_arm = _keywords(SkeletalArm)
    _refuse_unknown(source, options, (*of_file, *of_arm))
    if not isinstance(source, str) or Path(source).suffix.lower() == ".xml":
        _check_mujoco(source, options)
    geometry = read(**{key: options[key] for key in of_file if key in options})
    chosen = {key: options[key] for key in of_arm if key in options}
    free = [one.name for one in geometry.coordinates if one.name not in geometry.locked]
    if "coordinates" not in chosen and set(free) == set(_MACAQUE_ORDER):
        chosen["coordinates"] = _MACAQUE_ORDER
    return SkeletalArm(geometry, **chosen)


def _compiled(model: object) -> "mujoco.MjModel":
    import mujoco

    if not isinstance(model, mujoco.MjModel):
        raise TypeError(
            "arm must be a name, the path of a model or a compiled mujoco.MjModel, got "
            f"{type(model).__name__}"
        )
    return model


def _reader(source: "str | mujoco.MjModel") -> tuple[Callable[..., Any], tuple[str, ...]]:
    """What gives the geometry of an arm, and the names of its options."""
    if isinstance(source, str) and source in ARMS:
        from proprio_tcn.arms.mujoco_models import human_arm, small_elbow

        return (human_arm if source == "human" else small_elbow), ()
    suffix = Path(source).suffix.lower() if isinstance(source, str) else ".xml"
    if suffix == ".xml":
        from proprio_tcn.arms.mujoco_models import mujoco_geometry

        return partial(mujoco_geometry, source), _keywords(mujoco_geometry)
    if suffix == ".osim":
        from proprio_tcn.arms.osim import read_osim

        return partial(read_osim, source), _keywords(read_osim)
    raise ValueError(
        f"arm must be one of {', '.join(ARMS)} or the path of an .osim or .xml file, got {source!r}"
    )


def _keywords(function: Callable[..., Any]) -> tuple[str, ...]:
    """Names of what a function takes by keyword alone."""
    told = signature(function).parameters.values()
    return tuple(one.name for one in told if one.kind is one.KEYWORD_ONLY)


def _check_mujoco(source: "str | mujoco.MjModel", options: Mapping[str, Any]) -> None:
    if isinstance(source, str) and not Path(source).is_file():
        raise ValueError(
            f"There is no MuJoCo model at {source}: give the path of its .xml file, absolute or "
            f"from {Path.cwd()}"
        )
    shown = repr(source) if isinstance(source, str) else "model"
    missing = [role for role in ("hand", "elbow", "shoulder") if role not in options]
    if missing:
        raise ValueError(
            f"{source} must come with the options hand, elbow and shoulder, names of its sites or "
            f"bodies, got none for {', '.join(missing)}: use arm_options.{missing[0]}=NAME on "
            f'a command line, and in Python open_arm({shown}, {missing[0]}="NAME")'
        )


def _two_link(**options: Any) -> Arm:
    from proprio_tcn.arms.two_link import LINK_LENGTHS_M, TwoLinkArm

    _refuse_unknown("two_link", options, ("lengths", "upper_m", "forearm_m", "body_mass_kg"))
    lengths = options.pop("lengths", "snap")
    if lengths not in LINK_LENGTHS_M:
        raise ValueError(f"lengths must be one of {', '.join(LINK_LENGTHS_M)}, got {lengths!r}")
    upper, forearm = LINK_LENGTHS_M[lengths]
    return TwoLinkArm(**({"upper_m": upper, "forearm_m": forearm} | options))


def _refuse_unknown(name: object, options: Iterable[str], known: tuple[str, ...]) -> None:
    if unknown := [key for key in options if key not in known]:
        raise ValueError(
            f"the arm {name!r} has no option {', '.join(unknown)}; its options are "
            f"{', '.join(known)}"
        )
