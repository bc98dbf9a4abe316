"""The UCI character trajectories, as the file has them and as npz: one person's 2858 letters.

Read without pickle. Every trace of a letter counts as a writer of its own, so that a split by
writer keeps traces apart: no trace trains and tests.
"""

import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neuro_common.files import FormatError
from proprio_tcn.movements.letters import LETTERS
from proprio_tcn.movements.writers import fill_box

__all__ = ["UciWriters", "prepare_trace", "read_uci"]

Floats = NDArray[np.float64]
# traces, their labels, and what makes positions of a trace
Read = tuple[list[Floats], NDArray[np.float64], Callable[[Floats], Floats]]
# scipy and numpy let through whatever zip, zlib and their own readers stumble over
_TORN = (OSError, ValueError, LookupError, EOFError, TypeError, RuntimeError, zipfile.BadZipFile,
         zlib.error)  # fmt: skip


@dataclass(frozen=True, eq=False)
class UciWriters:
    """Traces of the twenty letters as so many writers.

    Attributes:
        traces: For each letter, its traces in the order of the file; cm, each (2, bins).
    """

    traces: tuple[tuple[Floats, ...], ...]

    @property
    def count(self) -> int:
        """How many writers there are: as many as the rarest letter has traces."""
        return min(len(one) for one in self.traces)

    def trace(self, writer: int, letter: int) -> Floats:
        """A trace of a letter (0 to 19): pen positions per bin in cm, shape (2, bins).

        Raises:
            ValueError: There is no such writer or letter.
        """
        if not 0 <= writer < self.count:
            raise ValueError(f"writer must be in [0, {self.count}), got {writer}")
        if not 0 <= letter < len(LETTERS):
            raise ValueError(f"letter must be in [0, {len(LETTERS)}), got {letter}")
        return self.traces[letter][writer]


def read_uci(path: str | Path, box_cm: float = 5.0) -> UciWriters:
    """Read the character trajectories.

    The ``.mat`` is the file of the repository: ``mixout``, one (3, time) array of velocities and
    pen force for each trace, and ``consts.charlabels``, 1 to 20. An ``.npz`` holds ``labels``
    (traces,), 1 to 20, and either ``velocities`` (traces, 2 or 3, longest) or ``trajectories``
    (traces, 2, longest), positions; both padded with NaN.

    Args:
        path: File ending in .mat or .npz.
        box_cm: Side of the square that each trace is stretched to, axis by axis.

    Raises:
        FileNotFoundError: There is no such file.
        FormatError: It is another file, is damaged, or lacks a letter.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"no character trajectories at {path}: give a .mat or .npz file")
    readers = {".mat": _read_mat, ".npz": _read_npz}
    if path.suffix.lower() not in readers:
        raise FormatError(f"{path} must end in .mat or .npz to be read as character trajectories")
    traces, labels, prepare = readers[path.suffix.lower()](path)
    letters = range(1, len(LETTERS) + 1)
    missing = sorted(set(letters) - set(labels.tolist()))
    if missing or len(labels) != len(traces):
        raise FormatError(
            f"{path} must hold traces of all labels 1 to 20, one label each, got {len(traces)} "
            f"traces, {len(labels)} labels, and none of {missing}"
        )
    wrong = np.flatnonzero(~np.isin(labels, letters))
    if len(wrong):
        raise FormatError(
            f"{path} must hold labels 1 to 20, got {labels[wrong[0]]:g} for trace {wrong[0]}: "
            "leave that trace out"
        )
    boxed = []
    for row, trace in enumerate(traces):
        try:
            boxed.append(fill_box(prepare(trace), box_cm))
        except ValueError as error:
            raise FormatError(f"{path}, trace {row}: {error}: leave that trace out") from None
    return UciWriters(
        tuple(
            tuple(trace for trace, label in zip(boxed, labels, strict=True) if label == letter)
            for letter in letters
        )
    )


def prepare_trace(velocities: Floats) -> Floats:
    """Sum up velocities to positions, without the bins in which the pen rests.

    Args:
        velocities: Along x and y, shape (2 or more, time); later rows, such as the force, and
            columns of NaN at the end are dropped.

    Returns:
        Shape (2, bins).

    Raises:
        ValueError: There is NaN before the end, or infinity, or the pen hardly moves.
    """
    known = _unpadded(velocities)
    return np.cumsum(_long_enough(known[:, np.any(known != 0.0, axis=0)]), axis=1)


def _unpadded(trace: Floats) -> Floats:
    """The rows x and y without the NaN that pads a trace at its end."""
    known = np.asarray(np.isfinite(trace[:2]).all(axis=0))
    bins = int(known.sum())
    if not known[:bins].all() or np.isinf(trace[:2]).any():
        raise ValueError("a trace must be finite up to its end, got a gap")
    return _long_enough(trace[:2, :bins])


def _long_enough(trace: Floats) -> Floats:
    if trace.shape[1] < 2:
        raise ValueError(
            f"a trace must have 2 bins and more in which the pen moves, got {trace.shape[1]}"
        )
    return trace


def _read_mat(path: Path) -> Read:
    from scipy.io import loadmat
    from scipy.io.matlab import MatReadError

    try:
        found: dict[str, Any] = loadmat(path)
        cells = found["mixout"].ravel()
        labels = found["consts"]["charlabels"][0, 0].ravel().astype(np.float64)
        traces = [_matrix(cell) for cell in cells]
    except (MatReadError, *_TORN) as error:
        raise FormatError(
            f"{path} must hold mixout and consts.charlabels of the UCI character trajectories, "
            f"whole and as MATLAB wrote them, got {error!r}: download it again"
        ) from None
    return traces, labels, prepare_trace


def _read_npz(path: Path) -> Read:
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as found:
            labels = found["labels"].ravel().astype(np.float64)
            name = "velocities" if "velocities" in found else "trajectories"
            traces = [_matrix(one) for one in found[name]]
    except _TORN as error:
        raise FormatError(
            f"{path} must hold labels, and velocities or trajectories, as plain arrays, "
            f"got {error!r}"
        ) from None
    return traces, labels, prepare_trace if name == "velocities" else _unpadded


def _matrix(array: Any) -> Floats:
    matrix = np.asarray(array, dtype=np.float64)
    if matrix.ndim != 2 or matrix.shape[0] not in (2, 3) or matrix.shape[1] < 2:
        raise ValueError(f"a trace must have shape (2 or 3, time), got {matrix.shape}")
    return matrix
