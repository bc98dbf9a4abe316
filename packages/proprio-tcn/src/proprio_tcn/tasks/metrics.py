"""How good predictions are: in units and as a share of variance, over all bins and in movement."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from proprio_tcn.tasks.sixteen import LETTERS, Task
from proprio_tcn.tasks.targets import target_slices

__all__ = [
    "WHERE",
    "LetterTally",
    "RegressionTally",
    "TargetScore",
    "beside_outputs",
    "euclidean_error",
    "score_table",
]

WHERE = ("all", "movement")
"""Which bins a score is of: all of them, or those of the movement only."""

_AT_OUTPUTS = " at outputs"
_BINS = {
    "all": "all, at every bin",
    "movement": "in movement, at every bin",
    f"all{_AT_OUTPUTS}": "all, at outputs",
    f"movement{_AT_OUTPUTS}": "in movement, at outputs",
}


@dataclass(frozen=True)
class TargetScore:
    """Score of one target.

    Attributes:
        target: Its name.
        unit: Of the error.
        where: One of `WHERE`; with " at outputs" after it only the times of a network's outputs
            count, which are fewer than bins, see :func:`beside_outputs`.
        rmse: Root of the mean squared error over samples, channels and bins, in units.
        r2: One minus squared errors over squared deviations from each channel's mean.
    """

    target: str
    unit: str
    where: str
    rmse: float
    r2: float


class _Sums:
    """Sums over bins of one kind, each ``(channels,)``."""

    def __init__(self, channels: int) -> None:
        self.count = 0
        self.centre = np.full(channels, np.nan)
        self.total, self.squares, self.errors = np.zeros((3, channels))

    def add(self, predicted: NDArray[np.float64], wanted: NDArray[np.float64]) -> None:
        """Take up rows ``(n, channels)``."""
        if not len(wanted):
            return
        if not self.count:
            self.centre = wanted.mean(axis=0)
        off = wanted - self.centre
        self.count += len(off)
        self.total += off.sum(axis=0)
        self.squares += np.square(off).sum(axis=0)
        self.errors += np.square(predicted - wanted).sum(axis=0)

    def score(self, channels: slice) -> tuple[float, float]:
        """RMSE and R2 over some channels; R2 of what never changes is 1 if met, else 0."""
        if not self.count:
            return float("nan"), float("nan")
        errors = self.errors[channels].sum()
        around = (self.squares - self.total**2 / self.count)[channels].sum()
        rmse = np.sqrt(errors / (self.count * len(self.errors[channels])))
        # rounding leaves a trace of variance in a constant
        if around <= 1e-12 * max(1.0, self.squares[channels].sum()):
            return float(rmse), float(errors == 0)
        return float(rmse), float(1 - errors / around)


class RegressionTally:
    """Adds up errors batch by batch, so that nothing has to be kept.

    Args:
        task: A regression.
        muscles: Number of muscles that the network sees.
    """

    def __init__(self, task: Task, muscles: int) -> None:
        self._task = task
        self._slices = target_slices(task, muscles)
        channels = task.outputs(muscles)
        self._sums = {where: _Sums(channels) for where in WHERE}
        self._norms = 0.0

    def add(self, predicted: ArrayLike, wanted: ArrayLike, moving: ArrayLike) -> None:
        """Take up a batch.

        Args:
            predicted: ``(n, channels, bins)`` in units.
            wanted: The same of the targets.
            moving: Which bins are of the movement, ``(n, bins)``.

        Raises:
            ValueError: The shapes do not fit, or a number is not finite.
        """
        given = [np.asarray(one, np.float64) for one in (predicted, wanted)]
        mask = np.asarray(moving, bool)
        first, second = (one.shape for one in given)
        channels = len(self._sums["all"].total)
        if first != second or len(first) != 3 or first[1] != channels or mask.shape != first[::2]:
            raise ValueError(
                f"predicted and wanted must be (n, {channels}, bins) and moving (n, bins), "
                f"got {first}, {second} and {mask.shape}"
            )
        if not all(np.isfinite(one).all() for one in given):
            raise ValueError("predictions and targets must be finite, got NaN or infinity")
        guess, truth = (np.moveaxis(one, 1, 2) for one in given)
        self._sums["all"].add(guess.reshape(-1, channels), truth.reshape(-1, channels))
        self._sums["movement"].add(guess[mask], truth[mask])
        self._norms += float(np.sqrt(np.square(guess - truth).sum(axis=2)).sum())

    @property
    def euclidean_error(self) -> float:
        """The published metric E, see :func:`euclidean_error`; NaN where nothing was added."""
        count = self._sums["all"].count
        return self._norms / count if count else float("nan")

    def scores(self) -> list[TargetScore]:
        """Every target's score over all bins, and over those of the movement."""
        found = []
        for target in self._task.targets:
            for where in WHERE:
                rmse, r2 = self._sums[where].score(self._slices[target.name])
                found.append(TargetScore(target.name, target.unit, where, rmse, r2))
        return found

    def r2(self, where: str = "movement") -> float:
        """Mean R2 of the targets."""
        return float(np.mean([one.r2 for one in self.scores() if one.where == where]))


def beside_outputs(
    outputs: Sequence[TargetScore], every_bin: Sequence[TargetScore]
) -> list[TargetScore]:
    """Scores at the times of outputs, each followed by that at every bin.

    Args:
        outputs: Scores of one predictor at the times of a network's outputs only.
        every_bin: Scores of the same targets at every bin.
    """
    pairs = zip(outputs, every_bin, strict=True)
    return [
        one
        for sparse, dense in pairs
        for one in (replace(sparse, where=f"{sparse.where}{_AT_OUTPUTS}"), dense)
    ]


def euclidean_error(errors: ArrayLike) -> float:
    """The published metric E: mean Euclidean norm over all channels, whatever their units.

    Args:
        errors: ``(n, channels, bins)``; (3, 4, 0) cm of one hand is an E of 5.
    """
    return float(np.sqrt(np.square(np.asarray(errors, np.float64)).sum(axis=1)).mean())


class LetterTally:
    """Counts which letter was taken for which.

    Attributes:
        confusion: ``(letters, letters)`` counts; rows are what was written.
    """

    def __init__(self, letters: int = LETTERS) -> None:
        self.confusion = np.zeros((letters, letters), np.int64)

    def add(self, scores: ArrayLike, letter: ArrayLike) -> None:
        """Take up a batch.

        Args:
            scores: ``(n, letters)``; the largest is the answer.
            letter: ``(n,)`` what was written, from 0.

        Raises:
            ValueError: The shapes do not fit, or there is no such letter.
        """
        found, wanted = np.asarray(scores), np.asarray(letter)
        letters = len(self.confusion)
        if found.shape != (len(wanted), letters):
            raise ValueError(f"scores must be ({len(wanted)}, {letters}), got {found.shape}")
        if ((wanted < 0) | (wanted >= letters)).any():
            raise ValueError(
                f"letters must be in [0, {letters}), got {sorted(set(wanted.tolist()))}"
            )
        np.add.at(self.confusion, (wanted, found.argmax(axis=1)), 1)

    @property
    def accuracy(self) -> float:
        """Share of right answers; NaN where nothing was added."""
        total = int(self.confusion.sum())
        return float(np.trace(self.confusion) / total) if total else float("nan")


def score_table(columns: Mapping[str, Sequence[TargetScore]]) -> list[str]:
    """Scores of several predictors as lines of a table, one target and kind of bins a line.

    Args:
        columns: Name of the predictor to its scores, all of one task.
    """
    names = list(columns)
    lines = [f"{'':48s}" + "".join(f"{name:>24s}" for name in names)]
    for row in zip(*columns.values(), strict=True):
        first = row[0]
        cells = [_cell(one) for one in row]
        lines.append(
            f"{first.target + ', ' + _BINS[first.where]:48s}" + "".join(f"{c:>24s}" for c in cells)
        )
    return lines


def _cell(score: Any) -> str:
    return f"{score.rmse:.3g} {score.unit}, R2 {score.r2:.3f}"
