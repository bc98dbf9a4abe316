"""Movement sets as HDF5: the published layout, padded to the window, or only what moves.

All layouts carry the same facts of every sample (label, writer, latents) and the same attributes.
``full`` is the published layout. ``compact`` keeps the joint angles of moving bins, twenty times
less and more; ``rendered`` keeps hand, elbow and muscles of moving bins beside them, so that
opening it takes no rendering.
"""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuro_common.extras import require
from neuro_common.files import FORMAT_VERSION, to_json
from neuro_common.store import new_hdf5
from proprio_tcn.movements.format import (
    BIN_S,
    BINS,
    FORMAT,
    KEYS,
    PUBLISHED_KEYS,
    PUBLISHED_LATENTS,
)
from proprio_tcn.movements.movement_set import MovementSet
from proprio_tcn.movements.trials import LATENTS

__all__ = ["LAYOUTS", "RAGGED", "write_movements"]

LAYOUTS = ("compact", "rendered", "full")

RAGGED = {
    "compact": ("joint_angle", "torque"),
    "rendered": ("joint_angle", "torque", "hand", "elbow", "spindle"),
}
"""What of the moving bins each layout keeps, where the set has it."""

_BATCH = 64


def write_movements(
    path: str | Path, movements: MovementSet, layout: str = "compact", compression: str = "none"
) -> None:
    """Write one split to an HDF5 file, whole or not at all.

    Args:
        path: File to write; one that is there is replaced.
        movements: What to write.
        layout: One of ``LAYOUTS``.
        compression: Of the full layout: "none", "lzf" or "gzip".

    Raises:
        ValueError: There is no such layout or compression.
    """
    if layout not in LAYOUTS:
        raise ValueError(f"layout must be one of {', '.join(LAYOUTS)}, got {layout!r}")
    if compression not in ("none", "lzf", "gzip"):
        raise ValueError(f"compression must be none, lzf or gzip, got {compression!r}")
    with new_hdf5(path) as file:
        _describe(file, movements, layout)
        _write_facts(file, movements)
        if layout == "full":
            _write_full(file, movements, None if compression == "none" else compression)
        else:
            _write_ragged(file, movements, RAGGED[layout])


def _describe(file: Any, movements: MovementSet, layout: str) -> None:
    file.attrs["format"] = FORMAT
    file.attrs["format_version"] = FORMAT_VERSION
    file.attrs["layout"] = layout
    file.attrs["split"] = movements.split
    file.attrs["arm"] = movements.arm
    file.attrs["species"] = movements.species
    file.attrs["rate_hz"] = 1.0 / BIN_S
    file.attrs["bins"] = BINS
    file.attrs["samples"] = len(movements)
    file.attrs["settings"] = to_json(movements.origin, indent=None)
    file.attrs["sources"] = to_json(movements.sources, indent=None)
    text = require("h5py", "io").string_dtype()
    for name in ("muscles", "coordinates"):
        file.attrs.create(name, np.array(getattr(movements, name), dtype=object), dtype=text)


def _write_facts(file: Any, movements: MovementSet) -> None:
    trials = movements.trials
    # the published labels count from 1; a reach has none, which is 0
    _put(file, "label", trials.letter + 1, "1", ("sample",))
    for name in ("writer", "repeat", "plane", "attempts"):
        _put(file, name, getattr(trials, name), "1", ("sample",))
    _put(file, "start_idx", trials.start, "bins", ("sample",))
    _put(file, "end_idx", trials.start + trials.length, "bins", ("sample",))
    for name, published, column in zip(LATENTS, PUBLISHED_LATENTS, trials.latents.T, strict=True):
        units = "deg" if name.endswith("_deg") else "1"
        _put(file, published, column, units, ("sample",))
    if trials.target is not None:
        _put(file, "target_coords_one", trials.target, "cm", ("sample", "axis"))


def _write_ragged(file: Any, movements: MovementSet, names: tuple[str, ...]) -> None:
    for name in names:
        array = getattr(movements.trials, name)
        if array is not None:
            dims = ("channel", "bin", "length and velocity")[: array.ndim]
            _put(file, name, array, KEYS[name], dims)


def _write_full(file: Any, movements: MovementSet, compression: str | None) -> None:
    names = {name: key for name, key in PUBLISHED_KEYS.items() if key in movements.keys}
    total = np.zeros((len(movements.muscles), BINS, 2))
    for first in range(0, len(movements), _BATCH):
        rows = np.arange(first, min(first + _BATCH, len(movements)))
        batch = movements.batch(rows, tuple(names.values()))
        for name, key in names.items():
            if name not in file:
                _make_full(file, name, batch[key], len(movements), compression, KEYS[key])
            file[name][rows[0] : rows[-1] + 1] = batch[key]
        total += batch["spindle"].sum(axis=0, dtype=np.float64)
    if movements.split == "train":
        mean = total / max(len(movements), 1)
        _put(file, "train_data_mean", mean, KEYS["spindle"], _FULL_DIMS[1:])


_FULL_DIMS = ("sample", "channel", "bin", "length and velocity")


def _make_full(
    file: Any, name: str, batch: NDArray[Any], samples: int, compression: str | None, units: str
) -> None:
    shape = batch.shape[1:]
    filled = min(shape) > 0  # an arm without muscles has nothing to put into chunks
    made = file.create_dataset(
        name,
        shape=(samples, *shape),
        dtype=np.float32,
        chunks=(1, *shape) if compression and filled else None,
        compression=compression if filled else None,
    )
    _label(made, units, _FULL_DIMS[: made.ndim])


def _put(file: Any, name: str, array: NDArray[Any], units: str, dims: tuple[str, ...]) -> None:
    _label(file.create_dataset(name, data=array), units, dims)


def _label(dataset: Any, units: str, dims: tuple[str, ...]) -> None:
    dataset.attrs["units"] = units
    for axis, dim in enumerate(dims):
        dataset.dims[axis].label = dim
