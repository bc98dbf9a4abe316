"""Predictive intervals whose width is learnt from errors on trials that were held out.

The expected error grows with the response, as the noise does, and with the disagreement of the
members. How much, is fitted to the errors of trials that a member did not learn from; a quantile of
the errors in units of the expected one then sets the coverage (split conformal prediction with a
normalised score: Lei et al. 2018, J Am Stat Assoc 113:1094). Most responses are small, and one
quantile for all would cover these alone: large predictions have a quantile of their own.
"""

from dataclasses import dataclass
from math import ceil

import numpy as np
from numpy.typing import NDArray

from spinal_rnn.scores import variance_parts

__all__ = ["Calibration", "calibrate", "conformal_quantile"]

_LEAST = 1e-6
_LARGE = 0.2  # part of a muscle's large response from which a prediction sets the large quantile
_BETWEEN = (0.1, 0.3)  # where one quantile passes into the other
_FEWEST = 50  # errors that a quantile of its own needs


@dataclass(frozen=True, eq=False)
class Calibration:
    """How far from a prediction the truth may lie.

    Attributes:
        parts: Parts of the variance: constant, of the squared prediction, and of the members'
            variance, shape (3,).
        quantile: Half-width of the interval in units of the expected error, for predictions under a
            tenth of a muscle's large response.
        level: Coverage that was asked for.
        large_quantile: The same above three tenths; in between one passes into the other. None, as
            in older files, is ``quantile`` for all.
    """

    parts: NDArray[np.float64]
    quantile: float
    level: float
    large_quantile: float | None = None

    def deviation(
        self, predicted: NDArray[np.float64], spread: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Expected size of the error, any shape.

        Args:
            predicted: Predictions.
            spread: Standard deviation of the members' predictions.
        """
        return np.asarray(np.sqrt(np.maximum(_terms(predicted, spread) @ self.parts, _LEAST)))

    def interval(
        self, predicted: NDArray[np.float64], spread: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Limits about predictions; a response is never below 0.

        Args:
            predicted: Predictions, of any shape, which limits keep.
            spread: Standard deviation of the members' predictions, of the same shape.
        """
        large = self.quantile if self.large_quantile is None else self.large_quantile
        quantile = np.interp(predicted, _BETWEEN, (self.quantile, large))
        half = quantile * self.deviation(predicted, spread)
        return np.maximum(predicted - half, 0.0), predicted + half


def calibrate(
    target: NDArray[np.float64],
    predicted: NDArray[np.float64],
    spread: NDArray[np.float64],
    level: float = 0.9,
) -> Calibration:
    """Learn the width of intervals.

    Args:
        target: Responses, shape (trials, 14).
        predicted: Predictions by members that did not learn from the trial.
        spread: Standard deviation of the members' predictions.
        level: Coverage to reach, in (0, 1).

    Raises:
        ValueError: The level is out of its range.
    """
    if not 0 < level < 1:
        raise ValueError(f"level must be in (0, 1), got {level}")
    terms = _terms(predicted, spread).reshape(-1, 3)
    squares = ((target - predicted) ** 2).reshape(-1)
    parts = variance_parts(terms, squares, np.ones(len(squares)))
    relative = np.sqrt(squares / np.maximum(terms @ parts, _LEAST))
    large = predicted.reshape(-1) >= _LARGE
    small_quantile, large_quantile = (
        conformal_quantile(relative[part] if part.sum() >= _FEWEST else relative, level)
        for part in (~large, large)
    )
    return Calibration(parts, small_quantile, level, large_quantile)


def conformal_quantile(errors: NDArray[np.float64], level: float) -> float:
    """The error that a new one exceeds with probability ``1 - level`` at most, if exchangeable.

    Args:
        errors: Sizes of errors, shape (values,).
        level: In (0, 1).
    """
    rank = min(ceil((len(errors) + 1) * level), len(errors))
    return float(np.partition(errors, rank - 1)[rank - 1])


def _terms(predicted: NDArray[np.float64], spread: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.stack([np.ones_like(predicted), predicted**2, spread**2], axis=-1)
