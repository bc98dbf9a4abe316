"""What action recognition has to beat: classifiers of muscle velocities, cut to the movement."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from proprio_tcn.training.batches import Movements, batches_of

__all__ = [
    "classify_letters",
    "cut_velocity",
    "read_between",
    "score_letter_baselines",
    "uncut_velocity",
]

_NEIGHBOURS = (1, 3, 5, 9, 15, 25, 41)
_PENALTIES = (0.01, 0.1, 1.0)


def cut_velocity(movements: Movements, points: int = 64) -> NDArray[np.float32]:
    """Muscle velocities of the movement alone, each stretched to as many points.

    Args:
        movements: The movement set.
        points: Times that each movement is read at.

    Returns:
        ``(samples, muscles * points)`` in mm/s.

    Raises:
        ValueError: A movement has no bins that move.
    """
    rows = []
    for batch in batches_of(movements, ("spindle", "moving")):
        for spindle, moving in zip(batch["spindle"], batch["moving"], strict=True):
            bins = np.flatnonzero(moving)
            if not len(bins):
                raise ValueError("every movement must have bins that move, got one without")
            at = np.linspace(bins[0], bins[-1], points)
            rows.append(read_between(spindle[..., 1], at).ravel())
    return np.asarray(rows, np.float32)


def read_between(values: NDArray[np.float32], at: NDArray[np.float64]) -> NDArray[np.float32]:
    """Values along the last axis at places between its steps, by straight lines.

    Args:
        values: Shape (..., steps), at least two.
        at: Places in steps, in [0, steps - 1], shape (points,).

    Returns:
        Shape (..., points).
    """
    low = np.minimum(at.astype(int), values.shape[-1] - 2)
    part = (at - low).astype(np.float32)
    between: NDArray[np.float32] = (1 - part) * values[..., low] + part * values[..., low + 1]
    return between


def uncut_velocity(movements: Movements) -> NDArray[np.float32]:
    """Muscle velocities of all bins as they are, ``(samples, muscles * bins)`` in mm/s."""
    parts = [batch["spindle"][..., 1] for batch in batches_of(movements, ("spindle",))]
    return np.concatenate([part.reshape(len(part), -1) for part in parts]).astype(np.float32)


def classify_letters(
    train: tuple[NDArray[Any], NDArray[Any]],
    validation: tuple[NDArray[Any], NDArray[Any]],
    test: tuple[NDArray[Any], NDArray[Any]],
    *,
    components: int = 100,
    seed: int,
) -> dict[str, float]:
    """Accuracy of nearest neighbours and of logistic regression on principal components.

    The number of neighbours and the penalty are the best on the validation samples; each component
    goes to the classifiers as it is (neighbours), or at unit variance (logistic regression).

    Args:
        train: Features ``(samples, features)`` and letters to learn from, all of them.
        validation: The same to choose on.
        test: The same to score.
        components: Most principal components.
        seed: Of the randomised decomposition.

    Returns:
        "k_nearest" and "logistic" to the share of right answers.
    """
    from sklearn.decomposition import PCA
    from sklearn.linear_model import LogisticRegression
    from sklearn.neighbors import KNeighborsClassifier

    count = min(components, *train[0].shape)
    pca = PCA(count, svd_solver="randomized", random_state=seed).fit(train[0])
    parts = [(pca.transform(features), letters) for features, letters in (train, validation, test)]
    deviation = np.maximum(parts[0][0].std(axis=0), 1e-12)
    scaled = [(features / deviation, letters) for features, letters in parts]
    neighbours = [k for k in _NEIGHBOURS if k <= len(train[1])]
    return {
        "k_nearest": _best([KNeighborsClassifier(k) for k in neighbours], *parts),
        "logistic": _best(
            [LogisticRegression(C=penalty, max_iter=2000, tol=1e-3) for penalty in _PENALTIES],
            *scaled,
        ),
    }


def _best(
    models: list[Any],
    train: tuple[NDArray[Any], NDArray[Any]],
    validation: tuple[NDArray[Any], NDArray[Any]],
    test: tuple[NDArray[Any], NDArray[Any]],
) -> float:
    fitted = [model.fit(*train) for model in models]
    best = max(fitted, key=lambda model: model.score(*validation))
    return float(best.score(*test))


def score_letter_baselines(
    train: Movements, validation: Movements, test: Movements, *, seed: int
) -> dict[str, float]:
    """Accuracy of both classifiers on cut velocities, and on uncut ones, which prove nothing.

    Args:
        train: Movements to learn from, all of them.
        validation: Movements to choose settings on.
        test: Movements to score.
        seed: Of the randomised decomposition.

    Returns:
        "k_nearest", "logistic", "k_nearest_uncut" and "logistic_uncut" to the share of right
        answers.
    """
    sets = (train, validation, test)
    letters = [_letters(one) for one in sets]
    found: dict[str, float] = {}
    for suffix, features in (("", cut_velocity), ("_uncut", uncut_velocity)):
        pairs = [(features(one), known) for one, known in zip(sets, letters, strict=True)]
        scores = classify_letters(pairs[0], pairs[1], pairs[2], seed=seed)
        found |= {f"{name}{suffix}": score for name, score in scores.items()}
    return found


def _letters(movements: Movements) -> NDArray[Any]:
    return np.concatenate([batch["letter"] for batch in batches_of(movements, ("letter",))])
