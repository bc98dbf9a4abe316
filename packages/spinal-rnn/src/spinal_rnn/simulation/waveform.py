"""The shape of a muscle's response, at float times."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

__all__ = ["Waveform"]

Array = NDArray[np.float64]

_CENTRE = 2.2  # the centre of the waveform comes so many widths after its onset


@dataclass(frozen=True, eq=False)
class Waveform:
    """Shape of each muscle's response to one pulse.

    Attributes:
        onset_ms: From the pulse to the response, shape (14,).
        width_ms: tau_w, shape (14,).
        mix: m, part of the symmetric shape, in (-1, 1), shape (14,).
        gain_mv: Of a full response; its sign is the polarity, shape (14,).
    """

    onset_ms: Array
    width_ms: Array
    mix: Array
    gain_mv: Array

    def at(self, time_ms: Array) -> Array:
        """A full response at times from its pulse, in mV.

        (1 - abs(m)) (-u e^(1/2 - u^2/2)) + m (1 - u^2) e^(-u^2/2), with u from its centre in
        widths.

        Args:
            time_ms: Shape (...,).

        Returns:
            Shape (..., 14).
        """
        centre = self.onset_ms + _CENTRE * self.width_ms
        u = (np.asarray(time_ms)[..., None] - centre) / self.width_ms
        bell = np.exp(-u * u / 2)
        odd = (np.abs(self.mix) - 1) * np.exp(0.5) * u
        return np.asarray(self.gain_mv * bell * (odd + self.mix * (1 - u * u)))

    @cached_property
    def extremes_mv(self) -> Array:
        """Lowest and highest value of a full response, shape (2, 14)."""
        first, last = self.onset_ms.min(), (self.onset_ms + 2 * _CENTRE * self.width_ms).max()
        values = self.at(np.arange(first, last, 0.01))
        return np.stack([values.min(axis=0), values.max(axis=0)])

    @property
    def peak_mv(self) -> Array:
        """Largest absolute value of a full response, shape (14,)."""
        return np.asarray(np.abs(self.extremes_mv).max(axis=0))

    @property
    def peak_to_peak_mv(self) -> Array:
        """From the lowest to the highest value of a full response, shape (14,)."""
        return np.asarray(np.ptp(self.extremes_mv, axis=0))

    def train(self, pulse_ms: Array, sizes: Array, time_ms: Array) -> Array:
        """Sum of the responses to the pulses of a train.

        Args:
            pulse_ms: Times of the pulses, shape (pulses,).
            sizes: Size of each response, 1 for a full one, shape (trials, pulses, 14).
            time_ms: When to sample, from the first pulse, shape (time,).

        Returns:
            In mV, shape (trials, time, 14).
        """
        responses = self.at(time_ms - pulse_ms[:, None])
        # one product of matrices for each muscle
        summed = np.moveaxis(sizes, 2, 0) @ np.moveaxis(responses, 2, 0)
        return np.moveaxis(summed, 0, 2)
