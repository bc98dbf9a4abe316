"""Movements as training takes them: batches of arrays by key, from wherever they come."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray

__all__ = ["ArrayMovements", "Movements", "batches_of", "other_trials", "shift_movements"]

_BATCH = 64
_HELD = ("hand", "elbow", "joint_angle", "target")  # places stay, whatever moves comes to rest


class Movements(Protocol):
    """What is needed of a movement set: `proprio_tcn.movements.MovementSet` is one."""

    @property
    def muscles(self) -> tuple[str, ...]:
        """Names of the muscles that its spindles are of."""
        ...

    @property
    def writer(self) -> NDArray[np.int64]:
        """Who made each sample."""
        ...

    @property
    def letter(self) -> NDArray[np.int64]:
        """Class of each sample; -1 for reaches."""
        ...

    def __len__(self) -> int: ...

    def batch(
        self,
        indices: NDArray[np.int64],
        keys: tuple[str, ...],
        *,
        rng: np.random.Generator | None = None,
    ) -> Mapping[str, NDArray[Any]]:
        """Arrays of some samples by key; a generator draws each another start in its window."""
        ...


def batches_of(
    movements: Movements, keys: tuple[str, ...], size: int = _BATCH
) -> Iterator[Mapping[str, NDArray[Any]]]:
    """All samples of a movement set in their order, batch by batch.

    Args:
        movements: The movement set.
        keys: What to make.
        size: Samples in a batch.

    Returns:
        For each batch, arrays (samples, ...) by key.
    """
    for first in range(0, len(movements), size):
        yield movements.batch(np.arange(first, min(first + size, len(movements))), keys)


@dataclass(frozen=True, eq=False)
class ArrayMovements:
    """Movements that are rendered already.

    Attributes:
        muscles: Names of the muscles.
        arrays: Key to an array whose first axis is the sample.

    Raises:
        ValueError: The arrays hold other numbers of samples.
    """

    muscles: tuple[str, ...]
    arrays: Mapping[str, NDArray[Any]]

    def __post_init__(self) -> None:
        lengths = {key: len(array) for key, array in self.arrays.items()}
        if len(set(lengths.values())) != 1:
            raise ValueError(f"arrays must hold the same number of samples, got {lengths}")

    @classmethod
    def of(cls, movements: Movements, keys: tuple[str, ...]) -> Self:
        """Render a movement set once, and keep it in memory.

        Args:
            movements: The movement set.
            keys: What is kept.
        """
        arrays: dict[str, NDArray[Any]] = {}
        first = 0
        for batch in batches_of(movements, keys):
            for key in keys:
                if key not in arrays:
                    shape = (len(movements), *batch[key].shape[1:])
                    arrays[key] = np.empty(shape, batch[key].dtype)
                arrays[key][first : first + len(batch[key])] = batch[key]
            first += len(batch[keys[0]])
        return cls(tuple(movements.muscles), arrays)

    def __len__(self) -> int:
        return len(next(iter(self.arrays.values())))

    @property
    def writer(self) -> NDArray[np.int64]:
        """Who made each sample, from the array of that name."""
        return self.arrays["writer"]

    @property
    def letter(self) -> NDArray[np.int64]:
        """Class of each sample, from the array of that name."""
        return self.arrays["letter"]

    def batch(
        self,
        indices: NDArray[np.int64],
        keys: tuple[str, ...],
        *,
        rng: np.random.Generator | None = None,
    ) -> Mapping[str, NDArray[Any]]:
        """Copies of some samples.

        Args:
            indices: Which ones.
            keys: What of them, ``moving`` included if they are to be shifted.
            rng: Draws each another start, see :func:`shift_movements`; None leaves them in place.

        Raises:
            KeyError: A key was not kept.
        """
        missing = [key for key in keys if key not in self.arrays]
        if missing:
            raise KeyError(f"keys must be of {', '.join(self.arrays)}, got {', '.join(missing)}")
        found = {key: self.arrays[key][indices] for key in keys}
        return found if rng is None else shift_movements(found, rng)


def other_trials(
    movements: Movements, indices: NDArray[np.int64], rng: np.random.Generator
) -> NDArray[np.int64]:
    """For each sample another one of the same writer and letter.

    Args:
        movements: The movement set.
        indices: The samples.
        rng: Draws one of the others.

    Raises:
        ValueError: A sample is no letter, or the only trial of its writer and letter.
    """
    pairs = np.stack([movements.writer, movements.letter])
    _, kind, count = np.unique(pairs, axis=1, return_inverse=True, return_counts=True)
    if (movements.letter < 0).any() or count.min() < 2:
        raise ValueError(
            'view "trial" needs letters that every writer wrote twice at least, got '
            f"{'reaches' if (movements.letter < 0).any() else 'letters with one trial'}: give "
            "repeats=2 where movements are drawn, or training.views=[time]"
        )
    kind = kind.ravel()
    order = np.argsort(kind, kind="stable")
    first = np.cumsum(count) - count
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order)) - first[kind[order]]
    many = count[kind[indices]]
    place = (rank[indices] + rng.integers(1, many)) % many
    return order[first[kind[indices]] + place]


def shift_movements(
    batch: Mapping[str, NDArray[Any]], rng: np.random.Generator
) -> dict[str, NDArray[Any]]:
    """Every movement at another start, drawn evenly from those at which it fits.

    Args:
        batch: Arrays with ``moving (n, bins)`` among them; in bins that come in at an end, places
            and lengths stay as they were there, and all else is zero.
        rng: Draws the starts.
    """
    moving = batch["moving"].astype(bool)
    bins = moving.shape[1]
    first = moving.argmax(axis=1)
    last = bins - 1 - moving[:, ::-1].argmax(axis=1)
    shift = np.where(
        moving.any(axis=1), rng.integers(0, bins - (last - first), size=len(moving)) - first, 0
    )
    wanted = np.arange(bins) - shift[:, None]
    source = np.clip(wanted, 0, bins - 1)
    known = source == wanted
    found = {}
    for key, values in batch.items():
        if values.ndim < 2:
            found[key] = values
            continue
        axis = 1 if values.ndim == 2 else 2
        shape = [len(source), *([1] * (values.ndim - 1))]
        shape[axis] = bins
        taken = np.take_along_axis(values, source.reshape(shape), axis=axis)
        if key == "spindle":
            taken[..., 1] *= known[:, None]
        elif key not in _HELD:
            taken *= known.reshape(shape)
        found[key] = taken
    return found
