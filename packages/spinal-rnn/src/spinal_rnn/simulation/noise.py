"""What a recording holds beside the response: variability, noise, hum, drift and the artefact."""

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

__all__ = ["Noise", "band_noise", "lognormal", "stimulus_artefact", "threshold_drift"]

Array = NDArray[np.float64]

_BAND_HZ = (10.0, 450.0)
_BAND_ORDER = 4
_HUM_HZ = 50.0
_MOTION_HZ = 2.0
_ARTEFACT_MS = 1.0
_DRIFT_TRIALS = 800.0
_LEAD_TO_MUSCLE_MM = np.tile([200.0, 400.0, 500.0, 500.0, 700.0, 750.0, 850.0], 2)


@dataclass(frozen=True)
class Noise:
    """How much of it there is. Parts of a muscle's maximum are of its largest noise-free response.

    Attributes:
        trial_cv: Coefficient of variation of a muscle's responses from trial to trial.
        pulse_cv: The same from pulse to pulse.
        background: Standard deviation of the EMG between 10 and 450 Hz, as a part of the maximum.
        hum: Amplitude at 50 Hz, as a part of the maximum.
        motion: Amplitude of slow drift below 2 Hz, as a part of the maximum.
        artefact_per_ma: Height of the stimulation artefact at the nearest muscle, as a part of the
            maximum for each mA.
        threshold_drift: By how much thresholds swing to both sides in a session.

    Raises:
        ValueError: A number is negative or not finite, or the thresholds swing by 1 or more.
    """

    trial_cv: float = 0.12
    pulse_cv: float = 0.05
    background: float = 0.015
    hum: float = 0.005
    motion: float = 0.01
    artefact_per_ma: float = 0.005
    threshold_drift: float = 0.10

    def __post_init__(self) -> None:
        for one in fields(self):
            value = getattr(self, one.name)
            if not (np.isfinite(value) and value >= 0):
                raise ValueError(f"{one.name} must be at least 0, got {value}")
        if self.threshold_drift >= 1:
            raise ValueError(f"threshold_drift must be below 1, got {self.threshold_drift}")

    def at_rest(
        self, trials: int, time_ms: Array, peak_mv: Array, rng: np.random.Generator
    ) -> Array:
        """EMG at rest, hum and motion of each trial, in mV, shape (trials, time, 14).

        Args:
            trials: How many.
            time_ms: Of the samples, evenly spaced, shape (time,).
            peak_mv: The maximum of each muscle, shape (14,).
            rng: Draws them.
        """
        shape = (trials, len(peak_mv), 1)
        seconds = time_ms / 1e3
        background = band_noise((*shape[:2], len(time_ms)), 1 / (seconds[1] - seconds[0]), rng)
        hum_turns = _HUM_HZ * seconds + rng.uniform(size=shape)
        motion_turns = rng.uniform(0.1, _MOTION_HZ, shape) * seconds + rng.uniform(size=shape)
        background *= self.background
        background += self.hum * np.sin(2 * np.pi * hum_turns)
        background += self.motion * np.sin(2 * np.pi * motion_turns)
        return np.moveaxis(background, 1, 2) * peak_mv

    def artefact(
        self, pulse_ms: Array, time_ms: Array, amplitude_ma: Array, peak_mv: Array
    ) -> Array:
        """Artefact of each pulse, smaller at muscles that lie further from the lead, in mV.

        Args:
            pulse_ms: Times of the pulses, shape (pulses,).
            time_ms: Of the samples, shape (time,).
            amplitude_ma: Shape (trials,).
            peak_mv: The maximum of each muscle; left muscles are on the negative side, shape (14,).

        Returns:
            Shape (trials, time, 14).
        """
        nearness = _LEAD_TO_MUSCLE_MM.min() / _LEAD_TO_MUSCLE_MM
        side = np.repeat([-1.0, 1.0], len(peak_mv) // 2)
        shape = stimulus_artefact(pulse_ms, time_ms)
        heights = self.artefact_per_ma * amplitude_ma[:, None] * (side * nearness * peak_mv)
        return np.asarray(shape[:, None] * heights[:, None, :])


def band_noise(shape: tuple[int, ...], fs_hz: float, rng: np.random.Generator) -> Array:
    """Gaussian noise between 10 and 450 Hz with a standard deviation of 1, time last.

    It is drawn in the frequency domain, under the gain of a Butterworth band-pass of order 4.

    Args:
        shape: Of the result; time is the last axis.
        fs_hz: Samples per second.
        rng: Draws it.
    """
    samples = shape[-1]
    hz = np.fft.rfftfreq(samples, 1 / fs_hz)
    low, high = _BAND_HZ
    with np.errstate(divide="ignore"):
        gain = 1 / np.sqrt(1 + (low / hz) ** (2 * _BAND_ORDER))
    gain /= np.sqrt(1 + (hz / high) ** (2 * _BAND_ORDER))
    white = np.fft.rfft(rng.standard_normal(shape), axis=-1)
    doubled = np.full(len(hz), 2.0)
    doubled[0] = 1
    if samples % 2 == 0:
        doubled[-1] = 1
    power = (doubled * gain**2).sum() / samples
    return np.asarray(np.fft.irfft(white * gain, samples, axis=-1) / np.sqrt(power))


def lognormal(shape: tuple[int, ...], cv: float, rng: np.random.Generator) -> Array:
    """Log-normal factors with a mean of 1.

    Args:
        shape: Of the result.
        cv: Coefficient of variation.
        rng: Draws them.
    """
    variance = np.log1p(cv**2)
    return np.asarray(np.exp(np.sqrt(variance) * rng.standard_normal(shape) - variance / 2))


def stimulus_artefact(pulse_ms: Array, time_ms: Array) -> Array:
    """Boxes of 1 ms at the pulses, each sample the mean over its interval, shape (time,).

    Args:
        pulse_ms: When they begin, shape (pulses,).
        time_ms: Of the samples, evenly spaced, shape (time,).
    """
    step = time_ms[1] - time_ms[0]
    begins = np.maximum(time_ms - step / 2, pulse_ms[:, None])
    ends = np.minimum(time_ms + step / 2, pulse_ms[:, None] + _ARTEFACT_MS)
    return np.asarray(np.maximum(ends - begins, 0).sum(axis=0) / step)


def threshold_drift(trials: int, swing: float, rng: np.random.Generator) -> Array:
    """Slow swing of all thresholds in the course of a session, around 1, shape (trials,).

    Args:
        trials: How many, in the order of measurement.
        swing: By how much they rise and fall.
        rng: Draws where in the swing the session begins.
    """
    turns = np.arange(trials) / _DRIFT_TRIALS + rng.uniform()
    return np.asarray(1 + swing * np.sin(2 * np.pi * turns))
