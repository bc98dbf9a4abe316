"""From what the electrodes recorded to what models learn: band, rate, envelope, scale.

Arrays are (..., time, muscles). Nothing here moves a response in time unless it is told to filter
causally: the latency of a muscle is a finding, so trials are not realigned.
"""

from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray
from scipy import signal

from neuro_common.signals import lowpass
from spinal_rnn.session import Session

__all__ = [
    "BAND_HZ",
    "MODEL_FS_HZ",
    "Normaliser",
    "band_pass",
    "check_band",
    "envelope",
    "hilbert_envelope",
    "preprocess",
    "resample",
]

BAND_HZ = (10.0, 450.0)
"""Where surface EMG has its power; below it the electrodes move, above it there is noise."""

MODEL_FS_HZ = 1000.0
"""Samples per second that models see."""

_ORDER = 4
_RATIO_TOLERANCE = 1e-9


def check_band(fs_hz: float, band_hz: tuple[float, float] = BAND_HZ) -> None:
    """Refuse a sampling rate that cannot hold a band.

    Args:
        fs_hz: Samples per second.
        band_hz: Lower and upper edge.

    Raises:
        ValueError: The band is empty, or its upper edge is not below half the sampling rate.
    """
    low, high = band_hz
    if not 0 < low < high:
        raise ValueError(f"band_hz must rise from above 0, got {low:g} to {high:g}")
    if not high < fs_hz / 2:
        raise ValueError(
            f"fs_hz must be above {2 * high:g} for a band up to {high:g} Hz, got {fs_hz:g}: record "
            f"at a higher rate, or give a band_hz that ends below {fs_hz / 2:g}"
        )


def band_pass(
    emg: NDArray[np.floating[Any]],
    fs_hz: float,
    band_hz: tuple[float, float] = BAND_HZ,
    *,
    causal: bool = False,
) -> NDArray[np.float64]:
    """Keep a band of frequencies, with a Butterworth filter of order 4 in second-order sections.

    Args:
        emg: Shape (..., time, muscles).
        fs_hz: Samples per second.
        band_hz: Lower and upper edge.
        causal: Filter once, forwards, as published: responses come about 1 ms later and in another
            shape. Otherwise the filter runs both ways and moves nothing.

    Raises:
        ValueError: The rate is too low for the band, or the trials are too short to filter.
    """
    check_band(fs_hz, band_hz)
    sections = signal.butter(_ORDER, band_hz, btype="bandpass", fs=fs_hz, output="sos")
    if causal:
        return np.asarray(signal.sosfilt(sections, emg, axis=-2), dtype=np.float64)
    padding = 6 * _ORDER + 3
    if emg.shape[-2] <= padding:
        raise ValueError(
            f"emg must have more than {padding} samples to be filtered, got {emg.shape[-2]}"
        )
    both = signal.sosfiltfilt(sections, emg, axis=-2, padlen=padding)
    return np.asarray(both, dtype=np.float64)


def resample(
    emg: NDArray[np.floating[Any]],
    fs_hz: float,
    to_hz: float = MODEL_FS_HZ,
    method: Literal["polyphase", "fourier"] = "polyphase",
) -> NDArray[np.float64]:
    """Change the sampling rate.

    Args:
        emg: Shape (..., time, muscles).
        fs_hz: Samples per second.
        to_hz: What they shall be.
        method: "polyphase" filters with a window that ends within the trial; "fourier", as
            published, takes the trial for one turn of a circle and rings at both ends.

    Raises:
        ValueError: A rate is not above 0, their ratio is no fraction of whole numbers up to 1000,
            or the method is unknown.
    """
    if not (0 < fs_hz < np.inf and 0 < to_hz < np.inf):
        raise ValueError(f"fs_hz and to_hz must be above 0, got {fs_hz:g} and {to_hz:g}")
    if method == "fourier":
        samples = round(emg.shape[-2] * to_hz / fs_hz)
        return np.asarray(signal.resample(emg, samples, axis=-2), dtype=np.float64)
    if method != "polyphase":
        raise ValueError(f"method must be polyphase or fourier, got {method!r}")
    ratio = Fraction(to_hz / fs_hz).limit_denominator(1000)
    if ratio.numerator > 1000 or abs(float(ratio) * fs_hz / to_hz - 1) > _RATIO_TOLERANCE:
        raise ValueError(
            f"to_hz must be a simple part of fs_hz, got {to_hz:g} of {fs_hz:g}: round fs_hz to "
            "what the amplifier states"
        )
    changed = signal.resample_poly(
        np.asarray(emg, dtype=np.float64),
        ratio.numerator,
        ratio.denominator,
        axis=-2,
        padtype="edge",
    )
    return np.asarray(changed, dtype=np.float64)


def envelope(emg: NDArray[np.floating[Any]], fs_hz: float, cutoff_hz: float) -> NDArray[np.float64]:
    """The rectified EMG without its fast components, in the unit of ``emg``.

    A Butterworth filter of order 4 runs forwards and backwards, so peaks stay in their places.

    Args:
        emg: Shape (..., time, muscles), free of its mean.
        fs_hz: Samples per second.
        cutoff_hz: Where half of the amplitude is left.

    Raises:
        ValueError: The cut-off is not below half the sampling rate, or ``emg`` is not finite.
    """
    rectified = np.abs(np.asarray(emg, dtype=np.float64)).swapaxes(-1, -2)
    slow = lowpass(rectified, 1 / fs_hz, cutoff_hz)
    return np.asarray(slow.swapaxes(-1, -2), dtype=np.float64)


def hilbert_envelope(emg: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """The magnitude of the analytic signal, in the unit of ``emg``.

    Args:
        emg: Shape (..., time, muscles), free of its mean.
    """
    return np.asarray(np.abs(signal.hilbert(emg, axis=-2)), dtype=np.float64)


@dataclass(frozen=True, eq=False)
class Normaliser:
    """What 100 percent of each muscle is. Fit it on training trials, apply it to all.

    Attributes:
        scale: The largest absolute value that was seen, in the unit of the EMG, shape (muscles,);
            0 for a muscle that was silent.
    """

    scale: NDArray[np.float64]

    @classmethod
    def fit(cls, emg: NDArray[np.floating[Any]], *, per_muscle: bool = True) -> Self:
        """Find the largest absolute values.

        Args:
            emg: Of the training trials, shape (..., time, muscles).
            per_muscle: One scale for each muscle; otherwise the largest is that of all, which keeps
                the proportions between muscles.

        Raises:
            ValueError: There is no sample, or one is not finite.
        """
        if emg.size == 0 or not np.isfinite(emg).all():
            raise ValueError(f"emg must be finite and not empty, got shape {emg.shape}")
        scale = np.abs(emg).reshape(-1, emg.shape[-1]).max(axis=0).astype(np.float64)
        return cls(scale if per_muscle else np.full_like(scale, scale.max()))

    def percent(self, emg: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
        """The EMG in percent; a muscle that was silent when the scale was fitted is exactly 0.

        Args:
            emg: Shape (..., muscles).
        """
        factor = np.divide(100, self.scale, out=np.zeros_like(self.scale), where=self.scale > 0)
        return np.asarray(emg * factor)

    def restore(self, percent: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
        """Percent back in the unit of the EMG.

        Args:
            percent: Shape (..., muscles).
        """
        return np.asarray(percent * self.scale / 100)


def preprocess(
    session: Session,
    *,
    band_hz: tuple[float, float] = BAND_HZ,
    to_hz: float = MODEL_FS_HZ,
    causal: bool = False,
) -> Session:
    """Band-pass a raw session and bring it to the rate that models see; silent muscles stay 0.

    Args:
        session: As recorded.
        band_hz: What to keep.
        to_hz: The new sampling rate; it may be too low for the band's upper edge, whose power is
            then filtered out.
        causal: As in `band_pass`.

    Raises:
        ValueError: The session's sampling rate is too low for the band.
    """
    kept = band_pass(session.emg, session.fs_hz, band_hz, causal=causal)
    if to_hz != session.fs_hz:
        kept = resample(kept, session.fs_hz, to_hz)
    return replace(session, emg=kept.astype(np.float32), fs_hz=float(to_hz))
