"""Movement sets from files: into memory, rendered if need be, or read batch by batch."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from neuro_common.extras import require
from neuro_common.files import FormatError, RunError, check_format
from proprio_tcn.arms.arm import Arm
from proprio_tcn.movements.format import BINS, FORMAT, PUBLISHED_KEYS, split_path
from proprio_tcn.movements.movement_set import MovementSet
from proprio_tcn.movements.muscles import chosen_muscles, render_course
from proprio_tcn.movements.sources import check_arm_file
from proprio_tcn.movements.storage import LAYOUTS
from proprio_tcn.movements.trials import LATENTS, Trials

__all__ = ["StoredMovements", "open_movements"]

_BATCH = 64
_LATENTS = ("size", "rot", "shear_x", "shear_y", "speed", "noise")


def open_movements(
    path: str | Path, split: str = "train", *, arm: Arm | None = None
) -> MovementSet:
    """Read one split of a movement set into memory, without its padding.

    Args:
        path: Folder that ``generate_movements`` wrote, or the file of one split.
        split: "train", "val" or "test"; a file must be of this split.
        arm: Who moves, to render a compact file; None opens the arm that the file names, which
            must not have changed since.

    Raises:
        FileNotFoundError: There is no such file, or not the model that a compact one names.
        FormatError: It is half written, of another layout, or of another split.
        RunError: A compact file was made with another state of its model, or another version.
        ValueError: There is no such split, or the arm is not the file's.
    """
    with _opened(_file_of(path, split), split) as file:
        facts = _facts(file)
        read = _read_full if file.attrs["layout"] == "full" else _read_ragged
        arrays = read(file, facts)
        named = {name: str(file.attrs[name]) for name in ("arm", "species", "split")}
        muscles = tuple(str(name) for name in file.attrs["muscles"])
        coordinates = tuple(str(name) for name in file.attrs["coordinates"])
        origin = json.loads(file.attrs["settings"])
        sources = json.loads(file.attrs.get("sources", "{}"))
    if "spindle" not in arrays:
        if arm is None:
            from proprio_tcn.arms.opening import open_arm

            check_arm_file(_file_of(path, split), named["arm"], sources)
            arm = open_arm(named["arm"], **origin.get("arm_options", {}))
        arrays |= _render(arm, named["arm"], muscles, coordinates, arrays, facts["length"])
    trials = Trials(**{**facts, **arrays})
    return MovementSet(
        muscles=muscles,
        coordinates=coordinates,
        trials=trials,
        origin=origin,
        sources=sources,
        **named,
    )


class StoredMovements:
    """One split of the full layout, read from its file batch by batch: for sets beyond memory.

    Attributes:
        muscles: Names of the muscles.
        coordinates: Names of the joint angles.
        arm: Name of the arm, or path of its model.
        split: "train", "val" or "test".
    """

    def __init__(self, path: str | Path, split: str = "train") -> None:
        """Open the file; it stays open until ``close``.

        Raises:
            FileNotFoundError: There is no such file.
            FormatError: It is half written, of another split, or not of the full layout.
        """
        where = _file_of(path, split)
        with _opened(where, split) as file:
            if file.attrs["layout"] != "full":
                raise FormatError(
                    f"{where} must be of the full layout to be read batch by batch, got "
                    f"{file.attrs['layout']}: use open_movements, which keeps it in memory"
                )
            self.muscles = tuple(str(name) for name in file.attrs["muscles"])
            self.coordinates = tuple(str(name) for name in file.attrs["coordinates"])
            self.arm = str(file.attrs["arm"])
            self.split = str(file.attrs["split"])
            facts = _facts(file)
            self._species = str(file.attrs["species"])
        self.letter: NDArray[np.int64] = facts["letter"]
        self.writer: NDArray[np.int64] = facts["writer"]
        self._facts = facts
        self._file = require("h5py", "io").File(where, "r")

    def __len__(self) -> int:
        return len(self.letter)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()

    @cached_property
    def keys(self) -> tuple[str, ...]:
        """What ``batch`` can read."""
        stored = [key for name, key in PUBLISHED_KEYS.items() if name in self._file]
        return (*stored, "letter", "moving")

    def batch(
        self,
        indices: Sequence[int] | NDArray[np.integer[Any]],
        keys: Sequence[str] | None = None,
        *,
        rng: np.random.Generator | None = None,
    ) -> dict[str, NDArray[Any]]:
        """Some samples, as ``MovementSet.batch`` gives them.

        Args:
            indices: Which samples; neighbours are read fastest.
            keys: What of them; None is all.
            rng: Draws a fresh place in the window for each movement; None keeps its own.

        Raises:
            KeyError: The file has no such key.
        """
        rows = np.asarray(indices, dtype=np.int64).ravel()
        wanted = self.keys if keys is None else tuple(keys)
        unknown = [key for key in wanted if key not in self.keys]
        if unknown:
            raise KeyError(f"keys must be of {', '.join(self.keys)}, got {', '.join(unknown)}")
        if rng is not None:
            unique, back = np.unique(rows, return_inverse=True)
            return self._taken(unique).batch(back, wanted, rng=rng)
        return {key: self._read(key, rows) for key in wanted}

    def _taken(self, rows: NDArray[np.int64]) -> MovementSet:
        """Some samples without their padding; the rows rise."""
        facts = {name: one if one is None else one[rows] for name, one in self._facts.items()}
        names = (self.arm, self._species, self.muscles, self.coordinates, self.split)
        return MovementSet(*names, Trials(**{**facts, **_cut(self._file, facts, [rows])}))

    def _read(self, key: str, rows: NDArray[np.int64]) -> NDArray[Any]:
        if key == "letter":
            return self.letter[rows]
        if key == "moving":
            start, length = self._facts["start"], self._facts["length"]
            since = np.arange(BINS) - start[rows, None]
            return np.asarray((since >= 0) & (since < length[rows, None]))
        name = next(name for name, ours in PUBLISHED_KEYS.items() if ours == key)
        # HDF5 wants rising indices, each once
        unique, back = np.unique(rows, return_inverse=True)
        found: NDArray[Any] = self._file[name][unique]
        return found[back]


def _file_of(path: str | Path, split: str) -> Path:
    where = split_path(path, split)
    return where if Path(path).is_dir() or not Path(path).exists() else Path(path)


@contextmanager
def _opened(path: Path, split: str) -> Iterator[Any]:
    h5py = require("h5py", "io")
    if not path.is_file():
        raise FileNotFoundError(f"no movement set at {path}: make one with proprio-tcn generate")
    try:
        with h5py.File(path, "r") as file:
            _check_kind(path, file)
            _check(path, file, split)
            yield file
    except (BlockingIOError, PermissionError) as error:
        raise RunError(
            f"{path} cannot be read now, another process may write it: {error}"
        ) from error
    except (OSError, KeyError, TypeError) as error:
        raise FormatError(
            f"{path} must be a whole movement set, got one that is damaged or half written "
            f"({error}): delete it and generate it again"
        ) from error


def _check_kind(path: Path, file: Any) -> None:
    kind, version = file.attrs.get("format"), file.attrs.get("format_version")
    found = [name for name in PUBLISHED_KEYS if name in file]
    if kind is None and found and "label" in file:
        raise FormatError(
            f"{path} is of the published layout (it has label, {', '.join(found)}), but it does "
            "not say which arm, muscles, writers and split it is of, so it cannot be opened as a "
            "movement set: make one with proprio-tcn generate layout=full arm=PATH.osim, or read "
            'its arrays with h5py, of which file["spindle_info"] is (sample, muscle, bin, length '
            "and velocity), as the networks take it"
        )
    # attributes of HDF5 are numbers of numpy
    whole = int(version) if isinstance(version, np.integer) else version
    check_format(path, kind, whole, FORMAT)


def _check(path: Path, file: Any, split: str) -> None:
    layout = str(file.attrs["layout"])
    if layout not in LAYOUTS:
        raise FormatError(
            f"{path} must have a layout of {', '.join(LAYOUTS)}, got {layout!r}: generate it again "
            "with this version"
        )
    if str(file.attrs["split"]) != split:
        raise FormatError(
            f"{path} must hold the split {split}, got {file.attrs['split']}: give its folder, or "
            f"ask for split={file.attrs['split']}"
        )
    needed = ("spindle_info", "joint_coords") if layout == "full" else ("joint_angle",)
    missing = [name for name in ("label", "start_idx", "end_idx", *needed) if name not in file]
    if missing:
        raise FormatError(
            f"{path} must have the data sets of a {layout} movement set, got none named "
            f"{', '.join(missing)}: generate it again"
        )


def _facts(file: Any) -> dict[str, Any]:
    start = file["start_idx"][()].astype(np.int64)
    facts = {name: file[name][()].astype(np.int64) for name in ("writer", "repeat", "plane")}
    latents = np.stack([file[name][()] for name in _LATENTS], axis=1).astype(np.float32)
    return facts | {
        "attempts": file["attempts"][()].astype(np.int64),
        "letter": file["label"][()].astype(np.int64) - 1,
        "start": start,
        "length": file["end_idx"][()].astype(np.int64) - start,
        "latents": latents.reshape(-1, len(LATENTS)),
        "target": file["target_coords_one"][()] if "target_coords_one" in file else None,
    }


def _read_ragged(file: Any, facts: dict[str, Any]) -> dict[str, Any]:
    names = [name for name in ("joint_angle", "torque", "hand", "elbow", "spindle") if name in file]
    arrays = {name: file[name][()] for name in names}
    bins = int(facts["length"].sum())
    for name, array in arrays.items():
        if array.shape[1] != bins:
            raise FormatError(
                f"{file.filename} must have {bins} bins of {name}, got {array.shape[1]}: "
                "generate it again"
            )
    return arrays


def _read_full(file: Any, facts: dict[str, Any]) -> dict[str, Any]:
    count = len(facts["start"])
    return _cut(file, facts, [slice(one, one + _BATCH) for one in range(0, count, _BATCH)])


def _cut(
    file: Any, facts: dict[str, Any], parts: Sequence[slice | NDArray[np.int64]]
) -> dict[str, Any]:
    """Cut movements out of their padding, one part of the file's samples after the other."""
    names = ["spindle_info", "endeffector_coords", "elbow_coords", "joint_coords", "torque_coords"]
    pieces: dict[str, list[NDArray[Any]]] = {name: [] for name in names if name in file}
    for name, list_ in pieces.items():
        read = (sample for part in parts for sample in file[name][part])
        for sample, start, length in zip(read, facts["start"], facts["length"], strict=True):
            list_.append(sample[:, start : start + length].copy())
            if name == "spindle_info" and start == 0:
                list_[-1][:, 0, 1] /= 2.0  # at the edge of the window it was one-sided
    return {
        PUBLISHED_KEYS[name]: np.ascontiguousarray(np.concatenate(list_, axis=1))
        for name, list_ in pieces.items()
    }


def _render(
    arm: Arm,
    name: str,
    muscles: tuple[str, ...],
    coordinates: tuple[str, ...],
    arrays: dict[str, Any],
    length: NDArray[np.int64],
) -> dict[str, Any]:
    here = tuple(one.name for one in arm.coordinates)
    if here != coordinates:
        raise ValueError(
            f"arm must have the coordinates {', '.join(coordinates)} of the file, got "
            f"{', '.join(here)}: open the arm that the file was made with, {name}"
        )
    for choice in ("moving", "all"):
        seen = chosen_muscles(arm, choice)
        if tuple(np.array(arm.muscles, dtype=object)[seen]) == muscles:
            return render_course(arm, arrays["joint_angle"], length, seen)._asdict()
    raise ValueError(
        f"arm must have the {len(muscles)} muscles of the file, got {len(arm.muscles)} of "
        f"{arm.name}: open the arm that the file was made with, {name}"
    )
