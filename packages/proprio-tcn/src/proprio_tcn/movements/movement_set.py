"""A movement set in memory: compact without its padding, and fast to take batches from."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from proprio_tcn.movements.format import BIN_S, BINS, KEYS
from proprio_tcn.movements.trials import Trials

__all__ = ["MovementSet", "sample_rows"]

Batch = dict[str, NDArray[Any]]

_PADDED = ("hand", "elbow", "joint_angle")
_RATES = {
    f"{source.removesuffix('_angle')}_{rate}": (source, order)
    for source in _PADDED
    for rate, order in (("velocity", 1), ("acceleration", 2))
}


@dataclass(eq=False)
class MovementSet:
    """Movements of one split, as ``generate_movements`` makes and ``open_movements`` reads them.

    Attributes:
        arm: Name of the arm, or path of its model.
        species: Whose arm it is.
        muscles: Names of the muscles that the spindles are of.
        coordinates: Names of the joint angles.
        split: "train", "val" or "test"; "all" where it is no part of a whole.
        trials: The movements themselves.
        origin: What they were made with: the settings as plain values.
        sources: Digests of the files that these name and the package's version, see
            ``proprio_tcn.movements.sources``.
    """

    arm: str
    species: str
    muscles: tuple[str, ...]
    coordinates: tuple[str, ...]
    split: str
    trials: Trials
    origin: dict[str, Any] = field(default_factory=dict)
    sources: dict[str, str] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.trials)

    @property
    def letter(self) -> NDArray[np.int64]:
        """Class of each sample, 0 to 19; -1 for reaches."""
        return self.trials.letter

    @property
    def writer(self) -> NDArray[np.int64]:
        """Who made each sample."""
        return self.trials.writer

    @cached_property
    def keys(self) -> tuple[str, ...]:
        """What ``batch`` can make of this set."""
        without = [
            key
            for key in KEYS
            if (key in ("torque", "target") and self.trials.torque is None)
            or (key.startswith("elbow") and self.trials.elbow is None)
        ]
        return tuple(key for key in KEYS if key not in without)

    @cached_property
    def _offset(self) -> NDArray[np.int64]:
        return self.trials.offset

    def batch(
        self,
        indices: Sequence[int] | NDArray[np.integer[Any]],
        keys: Sequence[str] | None = None,
        *,
        rng: np.random.Generator | None = None,
    ) -> Batch:
        """Some samples in windows of ``BINS`` bins.

        Args:
            indices: Which samples, n of them, in any order and as often as you like.
            keys: What to make of them; None is all that the set has. ``spindle`` is
                (n, muscles, BINS, 2), length in mm and velocity in mm/s; ``hand``, ``elbow``,
                ``joint_angle``, ``torque`` and what is derived from them (n, channels, BINS);
                ``target`` (n, 3, BINS); ``muscle_acceleration`` (n, muscles, BINS); ``letter`` (n,)
                of int64; ``moving`` (n, BINS) of bool; the units are in ``format.KEYS``.
            rng: Draws a fresh place in the window for each movement; None keeps its own.

        Returns:
            Fresh arrays by key, float32 but for the last two.

        Raises:
            KeyError: The set has no such key.
            IndexError: There is no such sample, or these are no positions.
        """
        wanted = self.keys if keys is None else tuple(keys)
        unknown = [key for key in wanted if key not in self.keys]
        if unknown:
            raise KeyError(f"keys must be of {', '.join(self.keys)}, got {', '.join(unknown)}")
        window = _Window(self.trials, self._offset, sample_rows(indices, len(self)), rng)
        return {key: window.make(key) for key in wanted}

    def subset(self, rows: NDArray[np.integer[Any]]) -> Self:
        """Some samples as a set of its own.

        Rows are their positions, shape (samples,).

        Raises:
            IndexError: There is no such sample, or these are no positions.
        """
        return type(self)(
            self.arm,
            self.species,
            self.muscles,
            self.coordinates,
            self.split,
            self.trials.take(sample_rows(rows, len(self))),
            self.origin,
            self.sources,
        )


def sample_rows(
    indices: Sequence[int] | NDArray[np.integer[Any]], samples: int
) -> NDArray[np.int64]:
    """Positions of samples as one array (n,).

    Raises:
        IndexError: One is not in [0, ``samples``), or they are no whole numbers, as of a mask.
    """
    rows = np.asarray(indices).ravel()
    if len(rows) and rows.dtype.kind not in "iu":
        raise IndexError(
            f"indices must be positions of samples, whole numbers, got {rows.dtype}: for a mask "
            "give numpy.flatnonzero(mask)"
        )
    if len(rows) and (rows.min() < 0 or rows.max() >= samples):
        raise IndexError(f"indices must be in [0, {samples}), got {rows.min()} to {rows.max()}")
    return rows.astype(np.int64)


class _Window:
    """Some trials on their way into windows; what was padded once is differentiated from there."""

    def __init__(
        self,
        trials: Trials,
        offset: NDArray[np.int64],
        rows: NDArray[np.int64],
        rng: np.random.Generator | None,
    ) -> None:
        self._trials = trials
        self._rows = rows
        self._first = offset[rows]
        self._length = trials.length[rows]
        self._start = trials.start[rows]
        if rng is not None:
            self._start = rng.integers(0, np.maximum(BINS - self._length, 1))
        self._made: Batch = {}

    def make(self, key: str) -> NDArray[Any]:
        """The array of a key."""
        if key not in self._made:
            self._made[key] = self._compute(key)
        return self._made[key]

    def _compute(self, key: str) -> NDArray[Any]:
        if key in _RATES:
            source, order = _RATES[key]
            rate = f"{source.removesuffix('_angle')}_velocity"
            return self._gradient(self.make(source if order == 1 else rate))
        if key == "muscle_acceleration":
            return self._gradient(np.ascontiguousarray(self.make("spindle")[..., 1]))
        plain: dict[str, Callable[[], NDArray[Any]]] = {
            "spindle": self._spindle,
            "letter": lambda: self._trials.letter[self._rows],
            "moving": self._moving,
            "target": self._target,
        }
        return plain[key]() if key in plain else self._padded(getattr(self._trials, key))

    def _spindle(self) -> NDArray[np.float32]:
        from proprio_tcn.movements.gathering import pad_spindle

        ragged = self._trials.spindle
        out = np.empty((len(self._rows), len(ragged), BINS, 2), dtype=np.float32)
        pad_spindle(ragged, self._first, self._length, self._start, out)
        return out

    def _padded(self, ragged: NDArray[np.float32]) -> NDArray[np.float32]:
        from proprio_tcn.movements.gathering import pad_channels

        out = np.empty((len(self._rows), len(ragged), BINS), dtype=np.float32)
        pad_channels(ragged, self._first, self._length, self._start, out)
        return out

    def _gradient(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        from proprio_tcn.movements.gathering import differentiate

        out = np.empty_like(values)
        differentiate(values, BIN_S, out)
        return out

    def _moving(self) -> NDArray[np.bool_]:
        bins = np.arange(BINS)
        after = bins >= self._start[:, None]
        moving: NDArray[np.bool_] = after & (bins < (self._start + self._length)[:, None])
        return moving

    def _target(self) -> NDArray[np.float32]:
        target = self._trials.target
        if target is None:
            raise KeyError("target")
        return np.repeat(target[self._rows, :, None], BINS, axis=2)
