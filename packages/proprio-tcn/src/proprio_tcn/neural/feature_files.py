"""Features of networks on disk, bound to the windows and the split that they were made for."""

import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from neuro_common.files import FORMAT_VERSION, FormatError, atomic_path, check_format
from proprio_tcn.neural.features import Features
from proprio_tcn.neural.targets import Targets

__all__ = ["read_features", "write_features"]

_FORMAT = "proprio-tcn/features"


def write_features(path: str | Path, targets: Targets, features: Sequence[Features]) -> None:
    """Write features with the windows and the split that they were made for, as npz."""
    arrays: dict[str, Any] = {"format": _FORMAT, "format_version": FORMAT_VERSION}
    arrays |= _place(targets)
    for number, one in enumerate(features):
        arrays[f"facts.{number}"] = np.array([one.model, one.layer, str(one.depth), one.kind])
        arrays[f"values.{number}"] = one.values
    with atomic_path(path) as temporary:
        np.savez(temporary, **arrays)


def read_features(path: str | Path, targets: Targets) -> list[Features]:
    """Read what `write_features` wrote for the same windows and split.

    Raises:
        FileNotFoundError: There is no such file.
        FormatError: The file is cut short, foreign or newer.
        ValueError: It is of other windows or another split.
    """
    try:
        with Path(path).open("rb") as file, np.load(file, allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files}
    except (ValueError, EOFError, KeyError, zipfile.BadZipFile, zlib.error) as error:
        raise FormatError(f"{path} must be a whole npz file of plain arrays, got {error}") from None
    check_format(path, str(arrays.get("format")), int(arrays.get("format_version", 0)), _FORMAT)
    for name, wanted in _place(targets).items():
        if name not in arrays or not np.array_equal(arrays[name], wanted):
            raise ValueError(
                f"{path} must be of the same windows and split, but its {name} differs: make it "
                "anew with the recording, the protocol and the seed of this prediction"
            )
    found = []
    for number in range(sum(name.startswith("facts.") for name in arrays)):
        model, layer, depth, kind = (str(one) for one in arrays[f"facts.{number}"])
        found.append(Features(model, layer, arrays[f"values.{number}"], int(depth), kind))
    return found


def _place(targets: Targets) -> dict[str, Any]:
    windows = targets.windows
    return {
        "trial": windows.trial,
        "start": windows.start,
        "stop": windows.stop,
        "train": targets.split.train,
    }
