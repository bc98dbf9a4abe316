"""How good predictions are: parts of variance explained, errors, and the most that noise allows."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import nnls

from spinal_rnn.conditions import Conditions
from spinal_rnn.formats.session_checks import condition_numbers

__all__ = [
    "RepeatNoise",
    "coverage",
    "estimate_noise",
    "muscle_r2",
    "nrmse",
    "pooled_r2",
    "variance_parts",
]


def pooled_r2(target: NDArray[np.float64], predicted: NDArray[np.float64]) -> float:
    """Part of the variance that is explained, over all muscles at once.

    The variance of each muscle is about its own mean: that muscles differ earns nothing.

    Args:
        target: Shape (trials, ..., 14).
        predicted: The same shape.

    Returns:
        At most 1; NaN if nothing varies.
    """
    error, spread = _squares(target, predicted)
    return float(1 - error.sum() / spread.sum()) if spread.sum() > 0 else float("nan")


def muscle_r2(target: NDArray[np.float64], predicted: NDArray[np.float64]) -> NDArray[np.float64]:
    """Part of each muscle's variance that is explained, shape (14,); NaN for a constant one.

    Args:
        target: Shape (trials, ..., 14).
        predicted: The same shape.
    """
    error, spread = _squares(target, predicted)
    part = np.full(len(error), np.nan)
    np.divide(error, spread, out=part, where=spread > 0)
    return 1 - part


def nrmse(target: NDArray[np.float64], predicted: NDArray[np.float64]) -> float:
    """Root of the mean squared error, in units of the target (1 is a muscle's large response).

    Args:
        target: Any shape.
        predicted: The same shape.
    """
    return float(np.sqrt(np.mean((target - predicted) ** 2)))


def coverage(
    target: NDArray[np.float64], low: NDArray[np.float64], high: NDArray[np.float64]
) -> float:
    """Part of the targets that lie in their intervals.

    Args:
        target: Any shape.
        low: The same shape.
        high: The same shape.
    """
    return float(((target >= low) & (target <= high)).mean())


@dataclass(frozen=True, eq=False)
class RepeatNoise:
    """How much a response varies when one condition is repeated.

    The variance is a constant part and one that grows with the response (Rocke and Durbin 1995):
    ``constant + proportional * mean**2``.

    Attributes:
        constant: Shape (14,).
        proportional: Shape (14,).
    """

    constant: NDArray[np.float64]
    proportional: NDArray[np.float64]

    def variance(self, target: NDArray[np.float64]) -> NDArray[np.float64]:
        """Expected variance of trials about their condition's mean, shape (trials, 14).

        Args:
            target: Measured responses, shape (trials, 14).
        """
        # a measured square is larger than the mean's square by the variance
        return (self.constant + self.proportional * target**2) / (1 + self.proportional)

    def ceiling(self, target: NDArray[np.float64]) -> float:
        """The pooled R2 of a predictor that knows every condition's mean; NaN if nothing varies.

        Args:
            target: Measured responses, shape (trials, 14).
        """
        _, spread = _squares(target, target)
        if not spread.sum() > 0:
            return float("nan")
        return float(1 - self.variance(target).sum() / spread.sum())


def estimate_noise(conditions: Conditions, target: NDArray[np.float64]) -> RepeatNoise:
    """Estimate the noise from the conditions that were measured more than once.

    Args:
        conditions: Of the session.
        target: Responses, shape (trials, 14).

    Raises:
        ValueError: Fewer than two conditions were repeated.
    """
    group = condition_numbers(conditions)
    count = np.bincount(group)
    if (count > 1).sum() < 2:
        raise ValueError(
            "the noise is estimated from at least two conditions with repeated trials, got "
            f"{(count > 1).sum()}; repeat some, about one in ten"
        )
    mean = np.stack([np.bincount(group, one) for one in target.T], axis=1) / count[:, None]
    squares = (target - mean[group]) ** 2
    freedom = (count - 1)[:, None]
    repeated = count > 1
    total = np.stack([np.bincount(group, one) for one in squares.T], axis=1)[repeated]
    variance = total / freedom[repeated]
    parts = [
        variance_parts(np.column_stack([np.ones(len(one)), one**2]), two, freedom[repeated, 0])
        for one, two in zip(mean[repeated].T, variance.T, strict=True)
    ]
    constant, proportional = np.array(parts).T
    return RepeatNoise(constant, proportional)


def variance_parts(
    terms: NDArray[np.float64], squares: NDArray[np.float64], freedom: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Split a variance into parts of at least 0, one for each term, shape (terms,).

    Squares scatter in proportion to their own mean, so that large ones weigh less: least squares,
    weighted anew by each fit for the next.

    Args:
        terms: What the variance may be proportional to, shape (values, terms).
        squares: Squared deviations or variances, shape (values,).
        freedom: Degrees of freedom behind each, shape (values,).
    """
    size = np.maximum(np.mean(terms, axis=0), 1e-12)
    parts: NDArray[np.float64] = squares.mean() / size / len(size)
    least = 1e-6 * squares.mean() + 1e-12
    for _ in range(20):
        weight = np.sqrt(freedom) / np.maximum(terms @ parts, least)
        parts = nnls(terms * weight[:, None], squares * weight)[0]
    return parts


def _squares(
    target: NDArray[np.float64], predicted: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Sums of squared errors and of squared deviations from the mean, each of shape (14,)."""
    if target.shape != predicted.shape:
        raise ValueError(
            f"target and prediction must have one shape, got {target.shape} and {predicted.shape}"
        )
    rows = tuple(range(target.ndim - 1))
    error = ((target - predicted) ** 2).sum(axis=rows)
    return error, ((target - target.mean(axis=rows)) ** 2).sum(axis=rows)
