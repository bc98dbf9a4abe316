"""What every model of a session is: it fits, predicts and scores."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from spinal_rnn.conditions import Conditions
from spinal_rnn.scores import pooled_r2

__all__ = ["Model", "NotFitted", "Prediction", "check_target"]


class NotFitted(ValueError):
    """The model has learnt nothing yet."""


@dataclass(frozen=True, eq=False)
class Prediction:
    """What a model says of some conditions.

    Attributes:
        values: In units of the target it was fitted to, shape (trials, 14) for a response model and
            (trials, time, 14) for a waveform model.
        activities: What goes on inside: recruited parts of the roots, (trials, roots), or hidden
            units, (trials, time, units); None for a model without an inside.
        low: Lower limit of the predictive interval, shaped as the values; None without one.
        high: Upper limit.
    """

    values: NDArray[np.float64]
    activities: NDArray[np.float64] | None = None
    low: NDArray[np.float64] | None = None
    high: NDArray[np.float64] | None = None


class Model(ABC):
    """Learns what a session's trials answered, and foretells other trials."""

    @abstractmethod
    def fit(self, conditions: Conditions, target: NDArray[np.float64]) -> Self:
        """Learn.

        Args:
            conditions: Of the training trials.
            target: What they answered, shape (trials, 14) or (trials, time, 14).

        Returns:
            The model itself.

        Raises:
            ValueError: The two do not fit, or a number is not finite.
        """

    @abstractmethod
    def predict(self, conditions: Conditions) -> Prediction:
        """Foretell.

        Args:
            conditions: Of any trials.

        Raises:
            NotFitted: The model has learnt nothing yet.
        """

    def score(self, conditions: Conditions, target: NDArray[np.float64]) -> float:
        """The pooled R2 of the predictions, see `spinal_rnn.scores.pooled_r2`.

        Args:
            conditions: Of trials that were not learnt from.
            target: What they answered, shape (trials, 14), or (trials, time, 14) for waveforms.
        """
        return pooled_r2(target, self.predict(conditions).values)


def check_target(conditions: Conditions, target: NDArray[np.float64], ndim: int = 2) -> None:
    """Refuse what no model can learn from.

    Args:
        conditions: Of the training trials.
        target: What they answered, shape (trials, 14) or (trials, time, 14).
        ndim: 2 for responses, 3 for waveforms.

    Raises:
        ValueError: There is no trial, the numbers of trials differ, or a number is not finite.
    """
    if target.ndim != ndim or len(target) != len(conditions) or not len(target):
        wanted = "(trials, 14)" if ndim == 2 else "(trials, time, 14)"
        raise ValueError(
            f"target must have shape {wanted} with one row for each of {len(conditions)} trials, "
            f"at least one, got {target.shape}"
        )
    bad = ~np.isfinite(target).reshape(len(target), -1).all(axis=1)
    if bad.any():
        raise ValueError(f"trial {int(bad.argmax())}: the target must be finite, got NaN or inf")
