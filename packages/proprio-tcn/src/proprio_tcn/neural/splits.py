"""Which trials a model learns from: the same for every model, and no trial is ever cut."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neuro_common.seeding import generator
from proprio_tcn._words import counted

__all__ = ["FOLD_SEED", "TrialSplit", "nested_splits", "split_trials", "trial_folds"]

FOLD_SEED = 42
"""Of the published folds."""

Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class TrialSplit:
    """Trials to learn from and trials held out.

    Attributes:
        train: Positions of the training trials, ascending.
        test: Positions of the test trials, ascending; none of them is in ``train``.
        fold: Fold of each training trial, ``(train trials,)``, in 0 ... folds - 1.
    """

    train: Ints
    test: Ints
    fold: Ints

    @property
    def folds(self) -> int:
        """Number of folds."""
        return int(self.fold.max()) + 1


def split_trials(
    condition: ArrayLike,
    *,
    test_fraction: float = 0.2,
    folds: int = 5,
    seed: int,
    fold_seed: int = FOLD_SEED,
) -> TrialSplit:
    """Hold out a part of the trials of each condition, and deal the others into folds.

    Args:
        condition: What was done in each trial, ``(trials,)`` of any whole numbers: the trials of
            each are split in the same proportion. All 0 makes a plain random split.
        test_fraction: Part of the trials to hold out, in (0, 1).
        folds: Number of folds, at least 2.
        seed: Of the split.
        fold_seed: Of the folds, which scikit-learn's KFold deals.

    Raises:
        ValueError: An argument is out of its range, or there are too few trials.
    """
    labels = _labels(condition)
    if not 0 < test_fraction < 1:
        raise ValueError(f"test_fraction must be in (0, 1), got {test_fraction}")
    n_test = int(np.ceil(test_fraction * len(labels)))
    return _held_out(_dealt(labels, seed)[:n_test], len(labels), folds, fold_seed)


def nested_splits(
    condition: ArrayLike,
    *,
    folds: int = 5,
    inner_folds: int = 5,
    seed: int,
    fold_seed: int = FOLD_SEED,
) -> list[TrialSplit]:
    """Hold every trial out once: the outer folds of nested cross-validation.

    The first of them is what `split_trials` makes with ``test_fraction=1/folds`` and this seed.

    Args:
        condition: As for `split_trials`: every outer fold gets its share of each.
        folds: Outer folds, at least 2.
        inner_folds: Folds of each split's training trials, at least 2.
        seed: Of the outer folds.
        fold_seed: Of the inner ones.

    Raises:
        ValueError: There are too few trials for so many folds.
    """
    labels = _labels(condition)
    if not 2 <= folds <= len(labels):
        raise ValueError(
            f"outer folds must be at least 2 and at most the {len(labels)} trials, got {folds}"
        )
    return [
        _held_out(own, len(labels), inner_folds, fold_seed)
        for own in np.array_split(_dealt(labels, seed), folds)
    ]


def trial_folds(trials: int, folds: int = 5, *, seed: int = FOLD_SEED) -> Ints:
    """Fold of each trial, as scikit-learn's ``KFold(folds, shuffle=True, random_state=seed)``.

    Args:
        trials: Number of trials, at least ``folds``.
        folds: Number of folds, at least 2.
        seed: Of the dealing.

    Returns:
        Shape ``(trials,)``, in 0 ... folds - 1.

    Raises:
        ValueError: There are fewer than 2 folds, or fewer trials than folds.
    """
    from sklearn.model_selection import KFold

    if not 2 <= folds <= trials:
        raise ValueError(
            f"folds must be at least 2 and at most the {counted(trials, 'trial')} to learn from, "
            f"got {folds}"
        )
    fold = np.empty(trials, dtype=np.int64)
    for number, (_, held_out) in enumerate(
        KFold(folds, shuffle=True, random_state=seed).split(np.empty(trials))
    ):
        fold[held_out] = number
    return fold


def _labels(condition: ArrayLike) -> Ints:
    labels = np.asarray(condition)
    if labels.ndim != 1 or len(labels) < 2:
        raise ValueError(
            "there must be at least 2 trials, to learn from one and be scored on another, got "
            f"conditions of shape {labels.shape}"
        )
    return labels


def _dealt(labels: Ints, seed: int) -> Ints:
    """Trials in an order of which every stretch has its share of each condition."""
    # every trial gets a place in (0, 1) within its condition
    order = generator(seed).permutation(len(labels))
    place = np.empty(len(labels))
    for label in np.unique(labels):
        own = order[labels[order] == label]
        place[own] = (np.arange(len(own)) + 0.5) / len(own)
    return np.asarray(order[np.argsort(place[order], kind="stable")], dtype=np.int64)


def _held_out(test: Ints, trials: int, folds: int, fold_seed: int) -> TrialSplit:
    train = np.setdiff1d(np.arange(trials), test)
    return TrialSplit(train, np.sort(test), trial_folds(len(train), folds, seed=fold_seed))
