"""Movement sets from files: into memory, rendered if need be, or read batch by batch."""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from neuro_common.extras import require
from neuro_common.files import FormatError
from proprio_tcn.arms.arm import Arm
from proprio_tcn.movements.format import BINS, PUBLISHED_KEYS
from proprio_tcn.movements.headers import file_of, layout_of, opened, read_facts, read_names
from proprio_tcn.movements.movement_set import MovementSet, sample_rows
from proprio_tcn.movements.muscles import chosen_muscles, render_course
from proprio_tcn.movements.published import read_rows
from proprio_tcn.movements.sources import check_arm_file
from proprio_tcn.movements.trials import Trials

__all__ = ["StoredMovements", "open_movements"]

_BATCH = 64


def open_movements(
    path: str | Path, split: str = "train", *, arm: Arm | None = None
) -> MovementSet:
    """Read one split of a movement set into memory, without its padding.

    Args:
        path: Folder that ``generate_movements`` wrote, or of published files
            (``dataset_train_NAME.hdf5``, see ``proprio_tcn.movements.published``), or the file of
            one split.
        split: "train", "val" or "test"; a file must be of this split.
        arm: Who moves, to render a compact file; None opens the arm that the file names, which
            must not have changed since.

    Raises:
        FileNotFoundError: There is no such file, or not the model that a compact one names.
        FormatError: It is half written, of another layout, or of another split.
        RunError: A compact file was made with another state of its model, or another version.
        ValueError: There is no such split, or the arm is not the file's.
    """
    where = file_of(path, split)
    with opened(where, split) as file:
        facts, named = read_facts(where, file), read_names(file, split)
        arrays = (_read_full if layout_of(file) == "full" else _read_ragged)(file, facts)
    if "spindle" not in arrays:
        if arm is None:
            from proprio_tcn.arms.opening import open_arm

            check_arm_file(where, named["arm"], named["sources"])
            arm = open_arm(named["arm"], **named["origin"].get("arm_options", {}))
        arrays |= _render(arm, named, arrays, facts["length"])
    return MovementSet(trials=Trials(**{"elbow": None, **facts, **arrays}), **named)


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
        where = file_of(path, split)
        with opened(where, split) as file:
            if layout_of(file) != "full":
                raise FormatError(
                    f"{where} must be of the full layout to be read batch by batch, got "
                    f"{layout_of(file)}: use open_movements, which keeps it in memory"
                )
            self._facts, self._named = read_facts(where, file), read_names(file, split)
        self.muscles: tuple[str, ...] = self._named["muscles"]
        self.coordinates: tuple[str, ...] = self._named["coordinates"]
        self.arm, self.split = str(self._named["arm"]), split
        self.letter: NDArray[np.int64] = self._facts["letter"]
        self.writer: NDArray[np.int64] = self._facts["writer"]
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
            IndexError: There is no such sample, or these are no positions.
        """
        rows = sample_rows(indices, len(self))
        wanted = self.keys if keys is None else tuple(keys)
        unknown = [key for key in wanted if key not in self.keys]
        if unknown:
            raise KeyError(f"keys must be of {', '.join(self.keys)}, got {', '.join(unknown)}")
        if rng is not None and len(rows):
            unique, back = np.unique(rows, return_inverse=True)
            return self._taken(unique).batch(back, wanted, rng=rng)
        return {key: self._read(key, rows) for key in wanted}

    def _taken(self, rows: NDArray[np.int64]) -> MovementSet:
        """Some samples without their padding; the rows rise."""
        facts = {name: one if one is None else one[rows] for name, one in self._facts.items()}
        arrays = {"elbow": None, **facts, **_cut(self._file, facts, [rows])}
        return MovementSet(trials=Trials(**arrays), **self._named)

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
        return np.asarray(read_rows(self._file, name, unique)[back], dtype=np.float32)


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
    _check_finite(file, arrays)
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
        read = (sample for part in parts for sample in read_rows(file, name, part))
        for sample, start, length in zip(read, facts["start"], facts["length"], strict=True):
            list_.append(sample[:, start : start + length].copy())
            if name == "spindle_info" and start == 0:
                list_[-1][:, 0, 1] /= 2.0  # at the edge of the window it was one-sided
    arrays = {name: np.concatenate(list_, axis=1) for name, list_ in pieces.items()}
    _check_finite(file, arrays)
    return {PUBLISHED_KEYS[name]: np.ascontiguousarray(one) for name, one in arrays.items()}


def _check_finite(file: Any, arrays: dict[str, NDArray[Any]]) -> None:
    for name, array in arrays.items():
        if not np.isfinite([array.min(initial=0.0), array.max(initial=0.0)]).all():
            raise FormatError(f"{file.filename} must hold finite {name}, got NaN or infinity")


def _render(
    arm: Arm, named: dict[str, Any], arrays: dict[str, Any], length: NDArray[np.int64]
) -> dict[str, Any]:
    here = tuple(one.name for one in arm.coordinates)
    if here != named["coordinates"]:
        raise ValueError(
            f"arm must have the coordinates {', '.join(named['coordinates'])} of the file, got "
            f"{', '.join(here)}: open the arm that the file was made with, {named['arm']}"
        )
    for choice in ("moving", "all"):
        seen = chosen_muscles(arm, choice)
        if tuple(np.array(arm.muscles, dtype=object)[seen]) == named["muscles"]:
            return render_course(arm, arrays["joint_angle"], length, seen)._asdict()
    raise ValueError(
        f"arm must have the {len(named['muscles'])} muscles of the file, got {len(arm.muscles)} of "
        f"{arm.name}: open the arm that the file was made with, {named['arm']}"
    )
