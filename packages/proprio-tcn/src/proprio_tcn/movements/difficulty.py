"""How hard the letters are to tell apart, before any network sees them."""

import numpy as np
from numpy.typing import NDArray

from proprio_tcn.movements.letters import LETTERS
from proprio_tcn.movements.writers import Writers, fill_box, resample_time

__all__ = ["gauge", "nearest_mean_score"]


def gauge(writers: Writers, training: int = 70, test: int = 20, points: int = 64) -> float:
    """Score of the nearest class mean on clean pen traces of writers that it has not seen.

    Args:
        writers: At least ``training + test`` of them.
        training: The first writers give the class means.
        test: The last writers are told apart.
        points: Each trace is read at so many equal steps of its time, in the unit box.

    Returns:
        Share of letters named correctly, 0 to 1; chance is 0.05.

    Raises:
        ValueError: There are too few writers.
    """
    if training < 1 or test < 1 or training + test > writers.count:
        raise ValueError(
            f"training and test must be at least 1 and together at most {writers.count} writers, "
            f"got {training} and {test}"
        )
    chosen = [*range(training), *range(writers.count - test, writers.count)]
    letters = range(len(LETTERS))
    traces = np.array(
        [
            fill_box(resample_time(writers.trace(writer, letter), points), 1.0).ravel()
            for writer in chosen
            for letter in letters
        ]
    )
    labels = np.tile(letters, len(chosen))
    known = training * len(LETTERS)
    return nearest_mean_score(traces[:known], labels[:known], traces[known:], labels[known:])


def nearest_mean_score(
    train: NDArray[np.floating],
    train_labels: NDArray[np.integer],
    test: NDArray[np.floating],
    test_labels: NDArray[np.integer],
) -> float:
    """Share of test rows whose nearest class mean of the training rows is of their own class.

    Args:
        train: Shape (rows, features).
        train_labels: Shape (rows,).
        test: Shape (others, features).
        test_labels: Shape (others,).
    """
    classes = np.unique(train_labels)
    means = np.stack([train[train_labels == one].mean(axis=0) for one in classes])
    distances = np.square(test).sum(axis=1)[:, None] - 2.0 * test @ means.T
    distances += np.square(means).sum(axis=1)
    return float(np.mean(classes[distances.argmin(axis=1)] == test_labels))
