"""Files of movement sets: found, checked, and what they say of all their samples."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from neuro_common.extras import require
from neuro_common.files import FormatError, RunError, check_format
from proprio_tcn.movements.format import FORMAT, PUBLISHED_LATENTS, split_path
from proprio_tcn.movements.published import (
    check_published,
    is_published,
    published_facts,
    published_names,
)
from proprio_tcn.movements.storage import LAYOUTS
from proprio_tcn.movements.trials import LATENTS

__all__ = ["file_of", "layout_of", "opened", "read_facts", "read_names"]


def file_of(path: str | Path, split: str) -> Path:
    """The file of one split, ``dataset_train.hdf5`` or ``dataset_train_NAME.hdf5`` in a folder.

    Raises:
        FormatError: A folder has several sets.
        ValueError: There is no such split.
    """
    where = split_path(path, split)
    if not Path(path).is_dir():
        return Path(path) if Path(path).exists() else where
    named = sorted(Path(path).glob(f"dataset_{split}_*.hdf5"))
    if where.is_file() or not named:
        return where
    if len(named) > 1:
        raise FormatError(
            f"{path} must hold one movement set, got {', '.join(one.name for one in named)}: put "
            "each set into a folder of its own"
        )
    return named[0]


@contextmanager
def opened(path: Path, split: str) -> Iterator[Any]:
    """A file of this split that is known to be a movement set.

    Raises:
        FileNotFoundError: There is no such file.
        FormatError: It is half written, of another layout, or of another split.
        RunError: It cannot be read now.
    """
    h5py = require("h5py", "io")
    if not path.is_file():
        raise FileNotFoundError(f"no movement set at {path}: make one with proprio-tcn generate")
    try:
        with h5py.File(path, "r") as file:
            _check(path, file, split)
            yield file
    except (BlockingIOError, PermissionError) as error:
        raise RunError(
            f"{path} cannot be read now, another process may write it: {error}"
        ) from error
    # what h5py lets through of broken bytes, and names and settings that are no more what they were
    except (OSError, RuntimeError, LookupError, TypeError, ValueError) as error:
        raise FormatError(
            f"{path} must be a whole movement set, got one that is damaged or half written "
            f"({error}): delete it and generate it again"
        ) from error


def _check(path: Path, file: Any, split: str) -> None:
    if is_published(file):
        check_published(path, file, split)
        return
    # attributes of HDF5 are numbers of numpy
    version = file.attrs.get("format_version")
    whole = int(version) if isinstance(version, np.integer) else version
    check_format(path, file.attrs.get("format"), whole, FORMAT)
    layout = layout_of(file)
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


def layout_of(file: Any) -> str:
    """One of ``LAYOUTS``."""
    return "full" if is_published(file) else str(file.attrs["layout"])


def read_names(file: Any, split: str) -> dict[str, Any]:
    """What a movement set is told beside its trials."""
    if is_published(file):
        return published_names(file, split)
    attrs = file.attrs
    return {
        **{name: str(attrs[name]) for name in ("arm", "species", "split")},
        **{name: tuple(str(one) for one in attrs[name]) for name in ("muscles", "coordinates")},
        "origin": json.loads(attrs["settings"]),
        "sources": json.loads(attrs.get("sources", "{}")),
    }


def read_facts(path: Path, file: Any) -> dict[str, Any]:
    """What trials are told beside their bins."""
    if is_published(file):
        return published_facts(path, file)
    start = file["start_idx"][()].astype(np.int64)
    names = ("writer", "repeat", "plane", "attempts")
    latents = np.stack([file[name][()] for name in PUBLISHED_LATENTS], axis=1).astype(np.float32)
    return {name: file[name][()].astype(np.int64) for name in names} | {
        "letter": file["label"][()].astype(np.int64) - 1,
        "start": start,
        "length": file["end_idx"][()].astype(np.int64) - start,
        "latents": latents.reshape(-1, len(LATENTS)),
        "target": file["target_coords_one"][()] if "target_coords_one" in file else None,
    }
