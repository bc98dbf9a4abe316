"""The UCI character trajectories, as the file has them and as npz: one person's 2858 letters.

Read without pickle. Every trace of a letter counts as a writer of its own, so that a split by
writer keeps traces apart: no trace trains and tests.
"""

import zipfile
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
    positions, labels = readers[path.suffix.lower()](path)
    letters = range(1, len(LETTERS) + 1)
    missing = sorted(set(letters) - {int(label) for label in labels})
    if missing or len(labels) != len(positions):
        raise FormatError(
            f"{path} must hold traces of all labels 1 to 20, one label each, got {len(positions)} "
            f"traces, {len(labels)} labels, and none of {missing}"
        )
    try:
        boxed = [fill_box(trace, box_cm) for trace in positions]
    except ValueError as error:
        raise FormatError(f"{path}: {error}") from None
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
            columns of NaN are dropped.

    Returns:
        Shape (2, bins).
    """
    moving = velocities[:2, np.all(np.isfinite(velocities[:2]), axis=0)]
    moving = moving[:, np.any(moving != 0.0, axis=0)]
    return np.cumsum(moving, axis=1)


def _read_mat(path: Path) -> tuple[list[Floats], NDArray[np.int64]]:
    from scipy.io import loadmat
    from scipy.io.matlab import MatReadError

    try:
        found: dict[str, Any] = loadmat(path)
        cells = found["mixout"].ravel()
        labels = found["consts"]["charlabels"][0, 0].ravel().astype(np.int64)
        traces = [prepare_trace(_matrix(path, cell)) for cell in cells]
    except (MatReadError, KeyError, ValueError, IndexError, TypeError, OSError, EOFError) as error:
        raise FormatError(
            f"{path} must hold mixout and consts.charlabels of the UCI character trajectories, "
            f"whole and as MATLAB wrote them, got {error!r}"
        ) from None
    return traces, labels


def _read_npz(path: Path) -> tuple[list[Floats], NDArray[np.int64]]:
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as found:
            labels = found["labels"].ravel().astype(np.int64)
            if "velocities" in found:
                return [prepare_trace(_matrix(path, one)) for one in found["velocities"]], labels
            traces = [_matrix(path, one)[:2] for one in found["trajectories"]]
    except (KeyError, ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise FormatError(
            f"{path} must hold labels, and velocities or trajectories, as plain arrays, "
            f"got {error!r}"
        ) from None
    return [one[:, np.all(np.isfinite(one), axis=0)] for one in traces], labels


def _matrix(path: Path, array: Any) -> Floats:
    matrix = np.asarray(array, dtype=np.float64)
    if matrix.ndim != 2 or matrix.shape[0] not in (2, 3) or matrix.shape[1] < 2:
        raise ValueError(f"a trace must have shape (2 or 3, time), got {matrix.shape}")
    return matrix
