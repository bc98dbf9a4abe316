"""Which trials a model learns from: one split for every model, and folds that keep trials whole."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neuro_common.seeding import generator

__all__ = ["FOLD_SEED", "TrialSplit", "split_trials", "trial_folds"]

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
    labels = np.asarray(condition)
    if labels.ndim != 1 or len(labels) < 2:
        raise ValueError(f"condition must be (trials,) with at least 2 trials, got {labels.shape}")
    if not 0 < test_fraction < 1:
        raise ValueError(f"test_fraction must be in (0, 1), got {test_fraction}")
    n_test = int(np.ceil(test_fraction * len(labels)))
    # every trial gets a place in (0, 1) within its condition; those with the first places are held
    # out, so that each condition gives its share
    order = generator(seed).permutation(len(labels))
    place = np.empty(len(labels))
    for label in np.unique(labels):
        own = order[labels[order] == label]
        place[own] = (np.arange(len(own)) + 0.5) / len(own)
    test = np.sort(order[np.argsort(place[order], kind="stable")][:n_test])
    train = np.setdiff1d(np.arange(len(labels)), test)
    return TrialSplit(train, test.astype(np.int64), trial_folds(len(train), folds, seed=fold_seed))


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
            f"folds must be at least 2 and at most the {trials} trials to learn from, got {folds}"
        )
    fold = np.empty(trials, dtype=np.int64)
    for number, (_, held_out) in enumerate(
        KFold(folds, shuffle=True, random_state=seed).split(np.empty(trials))
    ):
        fold[held_out] = number
    return fold
