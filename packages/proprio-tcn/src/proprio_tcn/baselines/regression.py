"""What a regression has to beat: the mean and ridge on single bins; an autoencoder, PCA.

The regressions need one pass over the movements: means, ridge and the choice of its penalty all
follow from sums of products. They are fitted twice, to all bins and to those of the movement, and
each fit is scored where it was made: a network gets no advantage from padding.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from proprio_tcn.tasks.metrics import WHERE, RegressionTally, TargetScore, beside_outputs
from proprio_tcn.tasks.sixteen import Task
from proprio_tcn.tasks.targets import target_values
from proprio_tcn.training.batches import Movements, batches_of

if TYPE_CHECKING:
    from proprio_tcn.training.reading import Reading

__all__ = [
    "FEATURES",
    "BinRegression",
    "bin_features",
    "fit_bin_regression",
    "score_bin_regressions",
    "score_pca",
]

FEATURES = ("mean", "linear", "quadratic")
"""What a bin is told by: nothing, lengths and velocities, or lengths with squares and products."""

_ALPHAS = np.logspace(-8, 1, 10)  # of standardised features, per bin
_SCALED_ON = 256  # samples that show what a feature's size is


def bin_features(spindle: NDArray[Any], kind: str, *more: NDArray[Any]) -> NDArray[np.float64]:
    """Features of every bin.

    Args:
        spindle: ``(n, muscles, bins, 2)``.
        kind: One of `FEATURES`.
        more: What else is told, ``(n, channels, bins)``.

    Returns:
        ``(n, bins, features)``.

    Raises:
        ValueError: There is no such kind.
    """
    if kind not in FEATURES:
        raise ValueError(f"features must be of {', '.join(FEATURES)}, got {kind!r}")
    length, velocity = np.moveaxis(spindle.astype(np.float64), (3, 1), (0, 3))
    told = [np.moveaxis(one.astype(np.float64), 1, 2) for one in more]
    if kind == "mean":
        return np.empty((*length.shape[:2], 0))
    if kind == "linear":
        return np.concatenate([length, velocity, *told], axis=2)
    base = np.concatenate([length, *told], axis=2)
    first, second = np.triu_indices(base.shape[2])
    return np.concatenate([base, base[..., first] * base[..., second]], axis=2)


@dataclass(eq=False)
class _Products:
    """Sums of products of features and targets around fixed centres."""

    count: int = 0
    xx: Any = 0.0
    xy: Any = 0.0
    yy: Any = 0.0

    def add(self, x: NDArray[np.float64], y: NDArray[np.float64]) -> None:
        self.count += len(x)
        self.xx = self.xx + x.T @ x
        self.xy = self.xy + x.T @ y
        self.yy = self.yy + np.square(y).sum(axis=0)

    def errors(self, weights: NDArray[np.float64]) -> NDArray[np.float64]:
        """Squared errors of a linear prediction, ``(targets,)``, without making it."""
        both = np.einsum("fc,fc->c", weights, self.xx @ weights - 2 * self.xy)
        return np.asarray(self.yy + both)


@dataclass(frozen=True, eq=False)
class BinRegression:
    """A linear prediction of each bin from its own features.

    Attributes:
        features: One of `FEATURES`.
        centre: Subtracted from the base features, ``(base,)``.
        scale: They are divided by it, ``(base,)``.
        weights: ``(1 + features, channels)``, the offset first, for each of `WHERE`.
        alpha: The penalty that validation chose, for each of `WHERE`.
        condition: Key of what is told beside the spindles.
    """

    features: str
    centre: NDArray[np.float64]
    scale: NDArray[np.float64]
    weights: dict[str, NDArray[np.float64]] = field(default_factory=dict)
    alpha: dict[str, float] = field(default_factory=dict)
    condition: str | None = None

    def rows(self, batch: Mapping[str, NDArray[Any]], every: int = 1) -> NDArray[np.float64]:
        """Standardised features with a leading one, ``(n, bins, 1 + features)``."""
        told = [] if self.condition is None else [batch[self.condition][..., ::every]]
        spindle = batch["spindle"][:, :, ::every]
        base = bin_features(spindle, "linear", *told)
        standard = (base - self.centre) / self.scale
        muscles = spindle.shape[1]
        shaped = np.moveaxis(standard[..., : 2 * muscles], 2, 1)
        both = np.stack([shaped[:, :muscles], shaped[:, muscles:]], axis=3)
        rest = [np.moveaxis(standard[..., 2 * muscles :], 2, 1)] if told else []
        found = bin_features(both, self.features, *rest)
        return np.concatenate([np.ones((*found.shape[:2], 1)), found], axis=2)

    def predict(self, batch: Mapping[str, NDArray[Any]], where: str) -> NDArray[np.float64]:
        """Targets in units, ``(n, channels, bins)``, by the fit to one kind of bins."""
        return np.moveaxis(self.rows(batch) @ self.weights[where], 2, 1)


def fit_bin_regression(
    task: Task, train: Movements, validation: Movements, features: str, *, every: int = 1
) -> BinRegression:
    """Ridge in closed form; the penalty is the best on the validation movements.

    Args:
        task: A regression.
        train: Movements to learn from.
        validation: Movements to choose the penalty on.
        features: One of `FEATURES`.
        every: Use every so many bins, to save time.

    Raises:
        ValueError: The task is no regression, the features are unknown, or nothing moves.
    """
    keys = task.keys
    centre, scale = _input_scale(train, task)
    model = BinRegression(features, centre, scale, condition=task.condition)
    sums = [_add_up(model, task, movements, keys, every) for movements in (train, validation)]
    for where in WHERE:
        fitted, held_out = (one[where] for one in sums)
        model.weights[where], model.alpha[where] = _ridge(fitted, held_out)
    return model


def _input_scale(train: Movements, task: Task) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    keys = tuple(key for key in ("spindle", task.condition) if key)
    indices = np.linspace(0, len(train) - 1, min(len(train), _SCALED_ON)).astype(np.int64)
    batch = train.batch(np.unique(indices), keys)
    told = [] if task.condition is None else [batch[task.condition]]
    base = bin_features(batch["spindle"], "linear", *told)
    flat = base.reshape(-1, base.shape[2])
    centre, deviation = flat.mean(axis=0), flat.std(axis=0)
    return centre, np.where(deviation > 1e-6 * np.maximum(1, np.abs(centre)), deviation, 1.0)


def _add_up(
    model: BinRegression, task: Task, movements: Movements, keys: tuple[str, ...], every: int
) -> dict[str, _Products]:
    sums = {where: _Products() for where in WHERE}
    for batch in batches_of(movements, keys):
        x = model.rows(batch, every)
        y = np.moveaxis(target_values(task, batch)[..., ::every].astype(np.float64), 1, 2)
        mask = batch["moving"][:, ::every].astype(bool)
        sums["all"].add(x.reshape(-1, x.shape[2]), y.reshape(-1, y.shape[2]))
        sums["movement"].add(x[mask], y[mask])
    return sums


def _ridge(fitted: _Products, held_out: _Products) -> tuple[NDArray[np.float64], float]:
    """The offset, which is the first feature, goes free: the rest is centred."""
    n = fitted.count
    if not (n and held_out.count):
        raise ValueError(
            "movements to learn from and to choose a penalty on must have bins that move, got "
            f"{n} and {held_out.count}"
        )
    mean_x, mean_y = fitted.xx[0, 1:] / n, fitted.xy[0] / n
    covariance = fitted.xx[1:, 1:] / n - np.outer(mean_x, mean_x)
    shared = fitted.xy[1:] / n - np.outer(mean_x, mean_y)
    values, vectors = np.linalg.eigh(covariance)
    turned = vectors.T @ shared
    best, least = (np.vstack([mean_y, np.zeros_like(shared)]), 0.0), np.inf
    spread = np.maximum(held_out.yy / held_out.count, 1e-12)
    for alpha in _ALPHAS:
        slopes = vectors @ (turned / (np.maximum(values, 0) + alpha)[:, None])
        weights = np.vstack([mean_y - mean_x @ slopes, slopes])
        error = float((held_out.errors(weights) / held_out.count / spread).mean())
        if error < least:
            best, least = (weights, float(alpha)), error
        if not len(values):
            break
    return best


def score_bin_regressions(
    task: Task,
    train: Movements,
    validation: Movements,
    test: Movements,
    *,
    quadratic_every: int = 4,
    reading: "Reading | None" = None,
) -> dict[str, list[TargetScore]]:
    """Scores of the mean, the linear and the quadratic ridge on test movements.

    Args:
        task: A regression.
        train: Movements to learn from.
        validation: Movements to choose penalties on.
        test: Movements to score on.
        quadratic_every: The quadratic one learns from every so many bins.
        reading: Of a network that they are compared with: score them at the times of its outputs,
            too.

    Returns:
        One of `FEATURES` to scores as :meth:`proprio_tcn.tasks.metrics.RegressionTally.scores`, or
        as :func:`proprio_tcn.tasks.metrics.beside_outputs` with a reading.
    """
    found = {}
    for features in FEATURES:
        every = quadratic_every if features == "quadratic" else 1
        model = fit_bin_regression(task, train, validation, features, every=every)
        tallies, sparse = (
            {where: RegressionTally(task, len(test.muscles)) for where in WHERE} for _ in range(2)
        )
        for batch in batches_of(test, task.keys):
            wanted = target_values(task, batch)
            for where in WHERE:
                predicted = model.predict(batch, where)
                tallies[where].add(predicted, wanted, batch["moving"])
                if reading is not None:
                    both = reading.sample(predicted), reading.sample(wanted)
                    sparse[where].add(*both, reading.moving(batch))
        found[features] = _where_fitted(tallies)
        if reading is not None:
            found[features] = beside_outputs(_where_fitted(sparse), found[features])
    return found


def _where_fitted(tallies: Mapping[str, RegressionTally]) -> list[TargetScore]:
    """Of each kind of bins the scores of the fit to them."""
    scores = {where: tally.scores() for where, tally in tallies.items()}
    # the lists are in the same order
    return [scores[one.where][place] for place, one in enumerate(scores[WHERE[0]])]


def score_pca(
    task: Task,
    train: Movements,
    test: Movements,
    *,
    components: int,
    window_bins: int,
) -> list[TargetScore]:
    """Scores of spindles rebuilt from principal components of windows: the linear autoencoder.

    Args:
        task: The autoencoder.
        train: Movements to learn from.
        test: Movements to rebuild.
        components: Numbers kept of each window.
        window_bins: Bins of a window, which divide those of a movement.

    Raises:
        ValueError: The window does not divide the movement, or holds fewer numbers.
    """
    muscles = len(train.muscles)
    centre, scale = _input_scale(train, task)
    size = window_bins * 2 * muscles
    if not 1 <= components <= size:
        raise ValueError(
            f"components must be in [1, {size}] for windows of {window_bins} bins, got {components}"
        )
    mean, products, count = np.zeros(size), np.zeros((size, size)), 0
    for batch in batches_of(train, ("spindle",)):
        windows = _windows(batch["spindle"], centre, scale, window_bins)
        mean += windows.sum(axis=0)
        products += windows.T @ windows
        count += len(windows)
    mean /= count
    _, vectors = np.linalg.eigh(products / count - np.outer(mean, mean))
    kept = vectors[:, -components:]
    tally = RegressionTally(task, muscles)
    for batch in batches_of(test, task.keys):
        spindle = batch["spindle"]
        windows = _windows(spindle, centre, scale, window_bins)
        rebuilt = (windows - mean) @ kept @ kept.T + mean
        shaped = rebuilt.reshape(len(spindle), -1, 2 * muscles) * scale + centre
        tally.add(np.moveaxis(shaped, 2, 1), target_values(task, batch), batch["moving"])
    return tally.scores()


def _windows(
    spindle: NDArray[Any],
    centre: NDArray[np.float64],
    scale: NDArray[np.float64],
    window_bins: int,
) -> NDArray[np.float64]:
    standard = (bin_features(spindle, "linear") - centre) / scale
    if standard.shape[1] % window_bins:
        raise ValueError(
            f"window_bins must divide the {standard.shape[1]} bins of a movement, got {window_bins}"
        )
    return standard.reshape(-1, window_bins * standard.shape[2])
