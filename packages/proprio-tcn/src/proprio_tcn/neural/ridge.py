"""Ridge regression of all neurons at once: every penalty and fold from the moments of the data.

The folds' sums of products are formed once. Leaving out a fold is then a subtraction, all penalties
share one eigendecomposition per fold, and the explained variance of the fold that was left out
follows from its moments: no prediction is formed. numpy arrays and torch tensors, on any device, go
through the same lines.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from operator import add
from typing import Any, NamedTuple, Self

import numpy as np

__all__ = ["ALPHAS", "RidgeFit", "fit_ridge"]

ALPHAS: tuple[float, ...] = tuple(np.logspace(-2, 5, 15).tolist())
"""The published penalties."""

_BLOCK = 256  # bins: features and responses of a block take some 300 kB
_CONSTANT = 1e-12  # a variance that is this small a part of the whole is rounding

Array = Any  # numpy array or torch tensor


class Moments(NamedTuple):
    """Sums over bins of features x ``(features,)`` and responses y ``(neurons,)``.

    Both have had the mean of all training bins taken off, so that the products keep their digits.
    """

    bins: int
    x: Array
    y: Array
    xx: Array
    xy: Array
    yy: Array

    @classmethod
    def of(cls, x: Array, y: Array) -> Self:
        """The sums over the rows of ``x (bins, features)`` and ``y (bins, neurons)``."""
        return cls(len(x), x.sum(axis=0), y.sum(axis=0), x.T @ x, x.T @ y, (y * y).sum(axis=0))

    def __add__(self, other: Any) -> "Moments":
        return Moments(*(one + two for one, two in zip(self, other, strict=True)))

    def __sub__(self, other: "Moments") -> "Moments":
        return Moments(*(one - two for one, two in zip(self, other, strict=True)))

    def scaled(self, scale: Array) -> "Moments":
        """The same of features that are divided by ``scale (features,)``."""
        return Moments(
            self.bins,
            self.x / scale,
            self.y,
            self.xx / (scale[:, None] * scale),
            self.xy / scale[:, None],
            self.yy,
        )

    def scatter(self) -> tuple[Array, Array, Array]:
        """Sums of products about the means of these bins: xx, xy, yy."""
        return (
            self.xx - self.x[:, None] * (self.x / self.bins),
            self.xy - self.x[:, None] * (self.y / self.bins),
            self.yy - self.y * (self.y / self.bins),
        )


@dataclass(frozen=True, eq=False)
class RidgeFit:
    """A ridge regression with a penalty of its own for each neuron.

    Attributes:
        coefficients: Of the features as they came, ``(features, neurons)``.
        intercept: Shape ``(neurons,)``.
        alpha: Penalty of each neuron, on standardised features, ``(neurons,)``.
        fold_ev: Mean over the folds of the explained variance, ``(alphas, neurons)``.
        train_ev: Explained variance on the training bins, ``(neurons,)``.
    """

    coefficients: Array
    intercept: Array
    alpha: Array
    fold_ev: Array
    train_ev: Array

    def predict(self, x: Array) -> Array:
        """Responses ``(bins, neurons)`` to features ``(bins, features)``."""
        return x @ self.coefficients + self.intercept


def fit_ridge(x: Array, y: Array, fold: Array, *, alphas: Sequence[float] = ALPHAS) -> RidgeFit:
    """Choose each neuron's penalty by cross-validation, and fit all neurons with theirs.

    Features are standardised with the statistics of all these bins; a constant one gets no
    weight. The penalty with the greatest mean explained variance over the folds is taken, the
    smaller of equal ones.

    Args:
        x: Features ``(bins, features)``: a numpy array, or a torch tensor on any device.
        y: Responses ``(bins, neurons)``, of the same kind.
        fold: Fold of each bin, ``(bins,)`` whole numbers from 0; all bins of a trial are to be in
            one.
        alphas: Penalties to choose from, above 0, ascending.

    Raises:
        ValueError: Shapes do not fit, a number is not finite, there is one fold or an empty one, or
            a penalty is not above 0.
    """
    data = _prepare(x, y, fold, alphas)
    total = data.total()
    scale = _scale(total, data.x_mean)
    folds = [one.scaled(scale) for one in data.folds]
    whole = total.scaled(scale)
    mean_ev = data.xp.stack([_fold_ev(whole - one, one, data.alphas) for one in folds]).mean(axis=0)
    alpha = data.alphas[data.xp.argmax(mean_ev, axis=0)]
    weights = _weights(whole, alpha)
    train_ev = _explained(weights, *whole.scatter(), whole.yy)
    coefficients = weights / scale[:, None]
    # the sums are about the means, but for rounding
    intercept = data.y_mean - data.x_mean @ coefficients
    return RidgeFit(coefficients, intercept, alpha, mean_ev, train_ev)


class _Data(NamedTuple):
    folds: list[Moments]
    x_mean: Array
    y_mean: Array
    alphas: Array
    xp: Any

    def total(self) -> Moments:
        return reduce(add, self.folds)


def _prepare(x: Array, y: Array, fold: Array, alphas: Sequence[float]) -> _Data:
    if isinstance(x, np.ndarray):
        xp: Any = np
        penalties: Array = np.asarray(alphas, dtype=np.float64)
    else:
        import torch

        xp = torch
        penalties = torch.as_tensor(alphas, dtype=x.dtype, device=x.device)
    _check(x, y, fold, penalties)
    with np.errstate(invalid="ignore"):
        means = x.mean(axis=0), y.mean(axis=0)
    for name, values, mean in zip("xy", (x, y), means, strict=True):
        # a mean is finite only if every number is, and is formed anyway
        if not bool(xp.isfinite(mean).all()):
            n_bad = int((~xp.isfinite(values)).sum())
            raise ValueError(f"{name} must be finite, got {n_bad} NaN or infinite numbers")
    last = int(fold.max())
    folds = [_fold_moments(x, y, *means, xp.where(fold == k)[0], k, last) for k in range(last + 1)]
    return _Data(folds, *means, penalties, xp)


def _fold_moments(
    x: Array, y: Array, x_mean: Array, y_mean: Array, rows: Array, number: int, last: int
) -> Moments:
    """Moments of the rows of one fold about the means of all."""
    if len(rows) == 0:
        raise ValueError(f"every fold from 0 to {last} must have bins, {number} has none")
    # blocks stay in a processor's cache; a graphics card wants all at once
    block = _BLOCK if isinstance(x, np.ndarray) else len(rows)
    parts = []
    for start in range(0, len(rows), block):
        some_x, some_y = x[rows[start : start + block]], y[rows[start : start + block]]
        some_x -= x_mean
        some_y -= y_mean
        parts.append(Moments.of(some_x, some_y))
    return reduce(add, parts)


def _check(x: Array, y: Array, fold: Array, alphas: Array) -> None:
    if x.ndim != 2 or y.ndim != 2 or fold.ndim != 1 or not len(x) == len(y) == len(fold):
        shapes = [tuple(one.shape) for one in (x, y, fold)]
        raise ValueError(
            f"x, y and fold must be (bins, features), (bins, neurons) and (bins,), got {shapes}"
        )
    if len(x) == 0 or x.shape[1] == 0 or int(fold.min()) < 0 or int(fold.max()) < 1:
        raise ValueError("fold must deal the bins, at least one, into folds 0, 1, ...: at least 2")
    if len(alphas) == 0 or not bool(((alphas > 0) & (alphas < np.inf)).all()):
        raise ValueError(f"alphas must be finite and above 0, at least one, got {alphas.tolist()}")


def _scale(moments: Moments, mean: Array) -> Array:
    """Standard deviation of each feature, 1 for a constant one."""
    xx = moments.xx.diagonal()
    variance = (xx - moments.x * (moments.x / moments.bins)) / moments.bins
    still = variance <= _CONSTANT * _CONSTANT * (mean * mean + xx / moments.bins)
    return (variance * ~still + 1.0 * still) ** 0.5


def _fold_ev(train: Moments, test: Moments, alphas: Array) -> Array:
    """Explained variance of ``test`` by fits to ``train``, ``(alphas, neurons)``."""
    values, basis = _eigen(train)
    x_test, xy_test, yy_test = test.scatter()
    projected = basis.T @ _products(train)
    weights = projected / (values[:, None] + alphas[:, None, None])
    return _explained(weights, basis.T @ x_test @ basis, basis.T @ xy_test, yy_test, test.yy)


def _weights(train: Moments, alpha: Array) -> Array:
    """Weights ``(features, neurons)`` with a penalty for each neuron."""
    values, basis = _eigen(train)
    return basis @ ((basis.T @ _products(train)) / (values[:, None] + alpha))


def _products(train: Moments) -> Array:
    """Products of features and responses about their means, exactly 0 for a constant response."""
    _, xy, yy = train.scatter()
    return xy * (yy > _CONSTANT * train.yy)


def _eigen(train: Moments) -> tuple[Array, Array]:
    scatter = train.scatter()[0]
    if isinstance(scatter, np.ndarray):
        values, basis = np.linalg.eigh(scatter)
    else:
        import torch

        values, basis = torch.linalg.eigh(scatter)
    return values.clip(min=0), basis


def _explained(weights: Array, xx: Array, xy: Array, yy: Array, size: Array) -> Array:
    """Explained variance from the moments of bins, for weights ``(..., features, neurons)``.

    Args:
        weights: Of the fit.
        xx: Sum of products of features about their means.
        xy: Of features and responses.
        yy: Squares of responses about their means, ``(neurons,)``.
        size: Squares of responses about the mean of all bins: what rounding is measured by.
    """
    explained = (weights * (2 * xy - xx @ weights)).sum(axis=-2)
    constant = yy <= _CONSTANT * size
    # a constant target is explained by a constant prediction only
    still = abs(explained) <= _CONSTANT * size
    return explained / (yy + 1.0 * constant) * ~constant + 1.0 * (constant & still)
