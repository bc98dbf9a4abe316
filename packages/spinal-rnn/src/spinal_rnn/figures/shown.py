"""What figures show, and the same as columns of the tables beside them."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from spinal_rnn.conditions import Conditions
from spinal_rnn.lead import Lead
from spinal_rnn.muscles import MUSCLES

__all__ = [
    "Curve",
    "Trials",
    "curve_columns",
    "lead_columns",
    "mean_of_repeats",
    "muscle_columns",
    "trial_columns",
]


class Trials(NamedTuple):
    """Responses to some conditions, measured or not.

    Attributes:
        conditions: Of the trials.
        response: As parts of each muscle's large response, shape (trials, 14).
    """

    conditions: Conditions
    response: NDArray[np.float64]

    def take(self, trials: Any) -> "Trials":
        """Some of the trials.

        Args:
            trials: What numpy takes as an index: numbers, a mask or a slice.
        """
        return Trials(self.conditions.take(trials), self.response[trials])


class Curve(NamedTuple):
    """A recruitment curve of every muscle at one frequency, with its interval where it has one.

    Attributes:
        frequency_hz: Of the pulses.
        amplitude_ma: Rising, shape (points,).
        response: As parts of each muscle's large response, shape (points, 14).
        low: Lower limit, shaped as the response.
        high: Upper limit.
        threshold_ma: Where each muscle begins to respond with the limits of its interval, shape
            (3, 14): estimate, low, high; NaN where it does not.
    """

    frequency_hz: float
    amplitude_ma: NDArray[np.float64]
    response: NDArray[np.float64]
    low: NDArray[np.float64] | None = None
    high: NDArray[np.float64] | None = None
    threshold_ma: NDArray[np.float64] | None = None


def mean_of_repeats(trials: Trials) -> Trials:
    """One row for each frequency and amplitude of one configuration, both rising.

    Args:
        trials: Of one configuration.

    Raises:
        ValueError: They are of several.
    """
    conditions = trials.conditions
    if len(np.unique(conditions.groups())) != 1:
        raise ValueError(
            "trials must be of one configuration, got "
            f"{len(np.unique(conditions.groups()))}: take those of one"
        )
    kinds = np.stack([conditions.frequency_hz, conditions.amplitude_ma], axis=1)
    _, first, kind = np.unique(kinds, axis=0, return_index=True, return_inverse=True)
    kind = kind.reshape(-1)
    means = np.stack([trials.response[kind == one].mean(axis=0) for one in range(len(first))])
    return Trials(conditions.take(first), means)


def lead_columns(lead: Lead, vector: NDArray[np.float64]) -> dict[str, NDArray[Any]]:
    """A lead drawing's numbers: contact, its place in mm, its part of the current.

    Args:
        lead: Where the contacts lie.
        vector: The configuration, shape (contacts,).
    """
    return {
        "contact": np.arange(len(lead)),
        "contact_x_mm": lead.x_mm,
        "contact_z_mm": lead.z_mm,
        "contact_part": np.asarray(vector, dtype=np.float64),
    }


def trial_columns(name: str, trials: Trials) -> dict[str, NDArray[Any]]:
    """Frequency, amplitude and the response of each muscle.

    Args:
        name: Begin of each column's name.
        trials: Any.
    """
    columns: dict[str, NDArray[Any]] = {
        f"{name}_frequency_hz": trials.conditions.frequency_hz,
        f"{name}_amplitude_ma": trials.conditions.amplitude_ma,
    }
    return columns | muscle_columns(name, trials.response)


def curve_columns(curves: Sequence[Curve]) -> dict[str, NDArray[Any]]:
    """Curves with their intervals and thresholds; names begin with the frequency.

    Args:
        curves: Of different frequencies.

    Returns:
        Columns by name, shape (points,) each.
    """
    columns: dict[str, NDArray[Any]] = {}
    for one in curves:
        name = f"curve_{one.frequency_hz:g}_hz"
        columns[f"{name}_amplitude_ma"] = one.amplitude_ma
        for word, values in (("", one.response), ("_low", one.low), ("_high", one.high)):
            if values is not None:
                columns |= muscle_columns(name, values, word)
        if one.threshold_ma is not None:
            words = ("threshold_ma", "threshold_low_ma", "threshold_high_ma")
            pairs = zip(words, one.threshold_ma, strict=True)
            columns |= {f"{name}_{word}": values for word, values in pairs}
    return columns


def muscle_columns(
    name: str, values: NDArray[np.float64], word: str = ""
) -> dict[str, NDArray[Any]]:
    """A column for each muscle.

    Args:
        name: Begin of each column's name.
        values: Shape (rows, 14).
        word: End of each column's name.
    """
    return {f"{name}_{m}{word}": column for m, column in zip(MUSCLES, values.T, strict=True)}
