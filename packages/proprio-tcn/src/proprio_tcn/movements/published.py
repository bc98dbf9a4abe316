"""Published files, which do not say who moves nor when: what is known of them, and what is seen.

The published data sets, and others in their layout, hold arrays and a label and nothing beside
them. Movements were planned with the angles of two links, in windows of 400 bins of 10 ms.
"""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuro_common.files import FormatError
from proprio_tcn.arms.two_link import TwoLinkArm
from proprio_tcn.movements.format import BIN_S, BINS, PUBLISHED_KEYS
from proprio_tcn.movements.trials import LATENTS

__all__ = [
    "PUBLISHED_COORDINATES",
    "PUBLISHED_MUSCLES",
    "check_published",
    "is_published",
    "published_facts",
    "published_names",
    "read_rows",
]

PUBLISHED_COORDINATES = tuple(one.name for one in TwoLinkArm.coordinates)
"""Names of the joint angles, of two links and of the macaque model alike."""

PUBLISHED_MUSCLES = (
    "abd_poll_longus",
    "anconeus",
    "bicep_lh",
    "bicep_sh",
    "brachialis",
    "brachioradialis",
    "coracobrachialis",
    "deltoid_ant",
    "deltoid_med",
    "deltoid_pos",
    "dorsoepitrochlearis",
    "ext_carpi_rad_longus",
    "ext_carp_rad_brevis",
    "ext_carpi_ulnaris",
    "ext_digitorum",
    "ext_digiti",
    "ext_indicis",
    "flex_carpi_radialis",
    "flex_carpi_ulnaris",
    "flex_digit_profundus",
    "flex_digit_superficialis",
    "flex_poll_longus",
    "infraspinatus",
    "lat_dorsi_sup",
    "lat_dorsi_cen",
    "lat_dorsi_inf",
    "palmaris_longus",
    "pectoralis_sup",
    "pectoralis_inf",
    "pronator_quad",
    "pronator_teres",
    "subscapularis",
    "supinator",
    "supraspinatus",
    "teres_major",
    "teres_minor",
    "tricep_lat",
    "tricep_lon",
    "tricep_sho",
)
"""Muscles of the macaque model of Marin Vargas, Bisi et al., Cell 2024, in its order."""

_TORQUES = (2, 0, 1, 3)
"""Published torques are about x (adduction), y (rotation), z (flexion) and of the elbow."""

_SIGNS = np.array([1, -1, 1, 1], dtype=np.float32)[:, None]
"""Published angles of letters are those of two links, whose adduction is minus the model's."""

_NEEDED = ("spindle_info", "endeffector_coords", "joint_coords")
_MEAN_MM = (1.0, 2000.0)
_BATCH = 256
_LOOKED_AT = 16


def is_published(file: Any) -> bool:
    """Whether an open file is of the published layout and not one that this package wrote."""
    known = any(name in file for name in PUBLISHED_KEYS)
    return "format" not in file.attrs and known and ("label" in file or "torque_coords" in file)


def check_published(path: Path, file: Any, split: str) -> None:
    """Refuse a file whose arrays are not those of the published layout.

    Raises:
        FormatError: Data sets are missing, of other shapes or units, or of another split.
    """
    stem = path.stem.removeprefix("dataset_").partition("_")[0]
    told = "train" if "train_data_mean" in file else stem
    if told in ("train", "val", "test") and told != split:
        raise FormatError(
            f"{path} must hold the split {split}, got {told}: give its folder, or ask for "
            f"split={told}"
        )
    needed = (*_NEEDED, "target_coords") if "torque_coords" in file else _NEEDED
    missing = [name for name in needed if name not in file]
    if missing:
        raise FormatError(
            f"{path} must have the data sets of the published layout, got none named "
            f"{', '.join(missing)}: it was not written to its end, or is of another layout"
        )
    _check_shapes(path, file)
    _check_spindles(path, file)


def _check_shapes(path: Path, file: Any) -> None:
    samples = len(file["spindle_info"])
    muscles, joints = (_channels(file[name]) for name in ("spindle_info", "joint_coords"))
    wanted: dict[str, tuple[int, ...]] = {
        name: (samples, 3, BINS) for name in PUBLISHED_KEYS if name in file
    }
    for name in wanted:
        if name.startswith(("joint", "torque")):
            wanted[name] = (samples, joints, BINS)
        elif name == "muscle_acc":
            wanted[name] = (samples, muscles, BINS)
    wanted["spindle_info"] = (samples, muscles, BINS, 2)
    if "label" in file:
        wanted["label"] = (samples,)
    for name, shape in wanted.items():
        found, kind = (getattr(file[name], one, None) for one in ("shape", "dtype"))
        if found != shape or kind is None or kind.kind not in "iuf" or not all(shape):
            raise FormatError(
                f"{path} must hold {name} as numbers of shape {shape}, a window of {BINS} bins of "
                f"10 ms for each sample, got {kind} of {found}: it was not written to its end, or "
                "is of another layout"
            )


def _channels(dataset: Any) -> int:
    shape: tuple[int, ...] = getattr(dataset, "shape", ())  # a group has none
    return int(shape[1]) if len(shape) > 1 else 0


def _check_spindles(path: Path, file: Any) -> None:
    """Lengths are of muscles in mm, and velocities their slope per second."""
    count = len(file["spindle_info"])
    rows = np.unique(np.linspace(0, count - 1, min(count, _LOOKED_AT)).astype(int))
    length, velocity = np.moveaxis(file["spindle_info"][rows].astype(np.float64), -1, 0)
    if not (np.isfinite(length).all() and np.isfinite(velocity).all()):
        raise FormatError(f"{path} must hold finite spindle_info, got NaN or infinity")
    low, high = _MEAN_MM
    if not low <= length.mean() <= high:
        raise FormatError(
            f"{path} must hold muscle lengths in mm, got a mean of {length.mean():.3g}: those of "
            f"spindle_info[..., 0] are usually between {low:g} and {high:g}"
        )
    slope = np.gradient(length, BIN_S, axis=-1)
    scale = float((slope * velocity).sum() / max((slope**2).sum(), np.finfo(float).tiny))
    if not 0.9 <= scale <= 1.1 and slope.any():
        raise FormatError(
            f"{path} must hold muscle velocities in mm/s, the slope of the lengths from one bin of "
            f"10 ms to the next, got {scale:.3g} times that in spindle_info[..., 1]"
        )


def published_names(file: Any, split: str) -> dict[str, Any]:
    """What a movement set is told beside its trials; attributes of the file may say more.

    Args:
        file: Open, and checked.
        split: Of the set.

    Returns:
        Arm, species, split, muscles, coordinates, origin. The muscles and coordinates of another
        arm than the published one are numbered, unless attributes ``muscles`` and ``coordinates``
        name them.
    """
    muscles = _named(file, "muscles", _channels(file["spindle_info"]), PUBLISHED_MUSCLES)
    joints = _channels(file["joint_coords"])
    macaque = muscles == PUBLISHED_MUSCLES
    arm = _text(file.attrs.get("arm", "published"))
    return {
        "arm": arm,
        "species": _text(file.attrs.get("species", "macaque" if macaque else "unknown")),
        "split": split,
        "muscles": muscles,
        "coordinates": _named(file, "coordinates", joints, PUBLISHED_COORDINATES),
        "origin": {"arm": arm, "movements": "reaches" if "torque_coords" in file else "letters"},
    }


def _named(file: Any, what: str, count: int, usual: tuple[str, ...]) -> tuple[str, ...]:
    told = tuple(_text(name) for name in file.attrs.get(what, ()))
    if told and len(told) != count:
        raise FormatError(
            f"{file.filename} must name its {count} {what} in the attribute {what}, got {len(told)}"
        )
    if told:
        return told
    kind = what.removesuffix("s")
    return usual if count == len(usual) else tuple(f"{kind} {n + 1}" for n in range(count))


def _text(attribute: Any) -> str:
    """Some programs write bytes of a fixed length."""
    return attribute.decode() if isinstance(attribute, bytes) else str(attribute)


def published_facts(path: Path, file: Any) -> dict[str, Any]:
    """When each sample moves, and what is known of it.

    A movement lasts from the first to the last bin in which a joint angle changes: before and
    after, the published files hold its ends. Nobody says who wrote it: writer, plane and number of
    attempts are -1, its size, rotation and shear NaN.

    Raises:
        FormatError: A sample never moves, as in a file that was not written to its end, or a label
            is no letter.
    """
    samples = len(file["joint_coords"])
    start, length = np.empty((2, samples), dtype=np.int64)
    for first in range(0, samples, _BATCH):
        part = slice(first, first + _BATCH)
        joints = file["joint_coords"][part]
        if not np.isfinite(joints).all():
            raise FormatError(f"{path} must hold finite joint_coords, got NaN or infinity")
        changes = (joints[..., 1:] != joints[..., :-1]).any(axis=1)
        still = np.flatnonzero(~changes.any(axis=1))
        if len(still):
            raise FormatError(
                f"{path} must hold movements, but the joints of sample {first + still[0]} never "
                "move: it was not written to its end, or the sample is to be left out"
            )
        start[part] = changes.argmax(axis=1)
        length[part] = BINS - changes[:, ::-1].argmax(axis=1) - start[part]
    unknown = np.full(samples, -1, dtype=np.int64)
    reaches = "torque_coords" in file
    return {
        "letter": unknown if reaches else _letters(path, file),
        "writer": unknown,
        "repeat": np.zeros(samples, dtype=np.int64),
        "plane": unknown,
        "attempts": unknown,
        "start": start,
        "length": length,
        "latents": np.full((samples, len(LATENTS)), np.nan, dtype=np.float32),
        "target": file["target_coords"][:, :, 0].astype(np.float32) if reaches else None,
    }


def _letters(path: Path, file: Any) -> NDArray[np.int64]:
    label = file["label"][()]
    wrong = label[(label < 1) | (label > 20) | (label != np.floor(label))]
    if len(wrong):
        raise FormatError(
            f"{path} must hold labels of the letters 1 to 20, got {wrong[0]}: it was not written "
            "to its end, or is of another layout"
        )
    return np.asarray(label, dtype=np.int64) - 1


def read_rows(file: Any, name: str, rows: slice | NDArray[np.int64]) -> NDArray[Any]:
    """Some samples of a data set of the full layout; joints in order and signs of the model.

    Published torques are put in the order of the joint angles, and adduction of published letters
    is turned round, so that it is what the muscles were computed with; files that name their
    coordinates are taken at their word.
    """
    found: NDArray[Any] = file[name][rows]
    shapes = _channels(file["spindle_info"]), _channels(file["joint_coords"])
    if "coordinates" in file.attrs or shapes != (len(PUBLISHED_MUSCLES), len(_TORQUES)):
        return found
    if name == "torque_coords":
        return found[:, _TORQUES]
    turned = name.startswith("joint_") and "torque_coords" not in file
    return found * _SIGNS if turned else found
