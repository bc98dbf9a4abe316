"""What a trial's fourteen EMGs come to: the response to each pulse, and to the late ones.

The first pulse of a train finds the reflex undepressed, so that the largest response of a trial
says little of the frequency. The response of a trial is therefore its late one: the mean
peak-to-peak over the second and later pulses. The largest one stands beside it.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from spinal_rnn.conditions import Conditions
from spinal_rnn.muscles import MUSCLES
from spinal_rnn.session import Session

__all__ = ["ONSET_MS", "Responses", "Scale", "late_ms", "measure_responses", "whole_windows"]

ONSET_MS = np.tile([9.0, 10.0, 10.5, 12.0, 16.0, 17.0, 18.5], 2)
"""From a pulse to the begin of each muscle's reflex: a typical adult's, from hip to ankle."""

_QUANTILE = 0.99


@dataclass(frozen=True, eq=False)
class Responses:
    """Peak-to-peak responses, trial by trial.

    Attributes:
        conditions: The stimulation of each trial.
        late_mv: Mean peak-to-peak over the second and later pulses, shape (trials, 14).
        peak_mv: Largest peak-to-peak of all pulses, shape (trials, 14).
    """

    conditions: Conditions
    late_mv: NDArray[np.float64]
    peak_mv: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.conditions)


@dataclass(frozen=True, eq=False)
class Scale:
    """The large response of each muscle, by which its responses are divided.

    Attributes:
        mv: Shape (14,), above 0; 1 for a silent muscle, whose responses stay exactly 0.
    """

    mv: NDArray[np.float64]

    @classmethod
    def fit(cls, responses_mv: NDArray[np.float64]) -> "Scale":
        """The 99 % quantile of each muscle.

        Args:
            responses_mv: Of the training trials only, shape (trials, 14).

        Raises:
            ValueError: There is no trial.
        """
        if len(responses_mv) == 0:
            raise ValueError("a scale needs at least one trial to fit, got none")
        large = np.quantile(responses_mv, _QUANTILE, axis=0)
        return cls(np.where(large > 0, large, 1.0))

    def apply(self, responses_mv: NDArray[np.float64]) -> NDArray[np.float64]:
        """Responses as parts of the large one, any shape that ends with 14."""
        return responses_mv / self.mv

    def invert(self, parts: NDArray[np.float64]) -> NDArray[np.float64]:
        """Responses in mV again, any shape that ends with 14."""
        return parts * self.mv


def measure_responses(session: Session, onset_ms: NDArray[np.float64] | None = None) -> Responses:
    """The responses of a session's trials.

    Each pulse has a window of one period that begins when the muscle's reflex does; windows that
    the end of the trial cuts are left out. A burst of pulses counts as one.

    Args:
        session: The trials.
        onset_ms: From a pulse to the begin of the reflex, shape (14,); None takes `ONSET_MS`.

    Raises:
        ValueError: An onset is negative or missing, or a trial is too short for two windows.
    """
    onsets = ONSET_MS if onset_ms is None else np.asarray(onset_ms, dtype=np.float64)
    if onsets.shape != (len(MUSCLES),) or not (onsets >= 0).all():
        raise ValueError(f"onset_ms must be {len(MUSCLES)} numbers of at least 0, got {onsets}")
    late, peak = np.empty((2, len(session), len(MUSCLES)))
    frequencies = session.conditions.frequency_hz
    for frequency in np.unique(frequencies):
        trials = np.flatnonzero(frequencies == frequency)
        for muscle, onset in enumerate(onsets):
            begin_ms = session.lead_in_ms + onset
            count = int(whole_windows(session.duration_ms - begin_ms, frequency))
            if count < 2:
                raise ValueError(
                    f"trial {trials[0]}: the late response of {MUSCLES[muscle]} needs two whole "
                    f"periods of {frequency:g} Hz after {begin_ms:g} ms, got a trial of "
                    f"{session.duration_ms:g} ms; record longer trials, or leave this one out"
                )
            edges_ms = begin_ms + np.arange(count + 1) * 1e3 / frequency
            edges = np.ceil(edges_ms * session.fs_hz / 1e3 - 1e-9).astype(int)
            emg = session.emg[trials, :, muscle]
            sizes = np.stack([np.ptp(emg[:, a:b], axis=1) for a, b in pairwise(edges)])
            late[trials, muscle] = sizes[1:].mean(axis=0, dtype=np.float64)
            peak[trials, muscle] = sizes.max(axis=0)
    return Responses(session.conditions, late, peak)


def late_ms(session: Session) -> float:
    """How long the responses of a trial can be seen, from the first one's mean onset to the end.

    Args:
        session: The trials.
    """
    return session.duration_ms - session.lead_in_ms - float(ONSET_MS.mean())


def whole_windows(duration_ms: float, frequency_hz: float) -> int:
    """How many whole periods of a frequency fit in a duration."""
    return int(np.floor(duration_ms * frequency_hz / 1e3 + 1e-9))
