"""How a body walks: duty factors, support, stride frequency, symmetry, likeness to a reference.

All functions take observations of the planar biped, shape (frames, 14 or more), 50 frames a second:
column 2 is forward speed, 4, 6, 9 and 11 the joint angles, 8 and 13 the contacts of the two feet.
"""

from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "Gait",
    "JointCorrelation",
    "describe_gait",
    "joint_correlation",
    "leg_phase",
    "peak_frequency",
    "symmetry_index",
    "touch_downs",
]

_DT_S: Final = 0.02
_SPEED, _FEET, _HIPS, _ANGLES = 2, (8, 13), (4, 9), (4, 6, 9, 11)
_Numbers = NDArray[np.floating[Any]]


@dataclass(frozen=True)
class Gait:
    """A walk in numbers; what a walk without strides has not is NaN.

    Attributes:
        speed: Mean forward speed in units of the observation.
        duty: Share of the time that each foot is on the ground, leg 1 and leg 2.
        double_support: Share of the time that both are.
        flight: Share of the time that neither is.
        stride_hz: Strides a second, from the touch-downs of both feet.
        spectral_hz: Frequency of the peak in the spectrum of the two hips.
        leg_phase: Touch-downs of leg 2 within the stride of leg 1, in strides: 0.5 alternates, 0
            hops.
        phase_locking: Length of the mean vector behind ``leg_phase``: 1 is the same each stride.
        duty_symmetry: :func:`symmetry_index` of the duty factors.
        hip_symmetry: :func:`symmetry_index` of the standard deviations of the hips.
        hull_angle: Mean angle of the hull, rad.
    """

    speed: float
    duty: tuple[float, float]
    double_support: float
    flight: float
    stride_hz: float
    spectral_hz: float
    leg_phase: float
    phase_locking: float
    duty_symmetry: float
    hip_symmetry: float
    hull_angle: float


class JointCorrelation(NamedTuple):
    """Likeness of joint angles to those of a reference.

    Attributes:
        joints: Pearson's correlation of hip 1, knee 1, hip 2, knee 2, mean over windows.
        lags: Lag of each window, frames: the walk is so much later than the reference.
    """

    joints: tuple[float, ...]
    lags: tuple[int, ...]


def describe_gait(observations: _Numbers, *, settle: int = 100) -> Gait:
    """Sum up a walk.

    Args:
        observations: Shape (frames, 14 or more).
        settle: Frames at the start that are left out.

    Raises:
        ValueError: The shape is another, or less than ten frames are left.
    """
    walk = _walk(observations)[settle:]
    if len(walk) < 10:
        raise ValueError(
            f"a walk must have 10 frames at least after the {settle} that are left out, "
            f"got {len(walk)}"
        )
    feet = walk[:, _FEET] > 0.5
    first, second = (touch_downs(foot) for foot in feet.T)
    strides = np.concatenate([np.diff(first), np.diff(second)])
    phase, locking = leg_phase(first, second)
    hips = walk[:, _HIPS]
    duty_1, duty_2 = feet.mean(0).tolist()
    hip_1, hip_2 = hips.std(0).tolist()
    return Gait(
        speed=float(walk[:, _SPEED].mean()),
        duty=(duty_1, duty_2),
        double_support=float(feet.all(1).mean()),
        flight=float(1 - feet.any(1).mean()),
        stride_hz=1 / (float(strides.mean()) * _DT_S) if len(strides) else np.nan,
        spectral_hz=peak_frequency(hips, _DT_S),
        leg_phase=phase,
        phase_locking=locking,
        duty_symmetry=symmetry_index(duty_1, duty_2),
        hip_symmetry=symmetry_index(hip_1, hip_2),
        hull_angle=float(walk[:, 0].mean()),
    )


def touch_downs(contact: NDArray[np.bool_], *, shortest: int = 3) -> NDArray[np.intp]:
    """Frames in which a foot comes to the ground.

    Args:
        contact: Whether it is on the ground, shape (frames,).
        shortest: Frames that it must have been off the ground; less is a bounce.

    Returns:
        Frames, ascending.
    """
    contact = np.asarray(contact, dtype=bool)
    edges = np.diff(contact.astype(np.int8), prepend=contact[:1].astype(np.int8))
    downs, lifts = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)
    if not contact[:1].all():
        # aloft from before the record
        lifts = np.append(0, lifts)
    return downs[downs - lifts[: len(downs)] >= shortest]


def leg_phase(first: NDArray[np.intp], second: NDArray[np.intp]) -> tuple[float, float]:
    """When in the stride of one leg the other touches down.

    Args:
        first: Touch-downs of the leg whose strides count, rising frames (strides + 1,).
        second: Touch-downs of the other leg (touch-downs,).

    Returns:
        Circular mean in strides, [0, 1), and the length of the mean vector; NaN where no touch-down
        falls in a stride.
    """
    if len(first) < 2:
        return np.nan, np.nan
    inside = second[(second >= first[0]) & (second < first[-1])]
    if len(inside) == 0:
        return np.nan, np.nan
    stride = np.searchsorted(first, inside, side="right") - 1
    shares = (inside - first[stride]) / (first[stride + 1] - first[stride])
    mean = np.exp(2j * np.pi * shares).mean()
    return float(np.angle(mean) / (2 * np.pi) % 1.0), float(np.abs(mean))


def peak_frequency(signals: _Numbers, dt_s: float, *, lowest_hz: float = 0.5) -> float:
    """Frequency of the highest peak of a summed spectrum (Hann window, parabola through the peak).

    Args:
        signals: Shape (frames, signals).
        dt_s: Time between frames.
        lowest_hz: Slower than this is drift.

    Returns:
        Hz; NaN where nothing moves, or drift alone.
    """
    frames = len(signals)
    window = np.hanning(frames + 1)[:-1, None]
    power = np.square(np.abs(np.fft.rfft((signals - signals.mean(0)) * window, axis=0))).sum(1)
    first = max(1, int(np.ceil(lowest_hz * frames * dt_s)))
    if power[first:-1].size == 0 or power[first:-1].max() < 1e-12 * frames:
        return np.nan
    peak = first + int(power[first:-1].argmax())
    left, middle, right = np.log(power[peak - 1 : peak + 2] + 1e-300)
    if left > middle:
        return np.nan  # the flank of a drift
    bend = left - 2 * middle + right
    shift = 0.5 * (left - right) / bend if bend < 0 else 0.0
    return float((peak + shift) / (frames * dt_s))


def symmetry_index(one: float, other: float) -> float:
    """Difference of two legs as a share of their mean (Robinson et al. 1987), 0 is symmetric.

    Returns:
        In -2..2 for numbers that are not negative; NaN where both are 0.
    """
    mean = (one + other) / 2
    return (one - other) / mean if mean else np.nan


def joint_correlation(
    observations: _Numbers,
    reference: _Numbers,
    *,
    max_lag: int = 25,
    window: int | None = None,
    settle: int = 100,
) -> JointCorrelation:
    """Correlation of each joint angle with the reference, at the lag that suits all joints best.

    Two walks of slightly different stride frequency drift apart; ``window`` compares stretch by
    stretch, each at its own lag.

    Args:
        observations: Shape (frames, 14 or more).
        reference: Shape (frames of its own, 14 or more).
        max_lag: Lags from minus this to this are tried, frames.
        window: Length of a stretch, frames; None is all that both have.
        settle: Frames at the start of both that are left out.

    Raises:
        ValueError: A shape is another, or the walks are too short for the lags or the window.
    """
    walk, model = (_walk(each)[settle:, _ANGLES] for each in (observations, reference))
    # frames that have a partner in the reference at every lag
    first, last = max_lag, min(len(walk), len(model) - max_lag)
    length = last - first if window is None else window
    if max_lag < 0 or length < 2 or length > last - first:
        raise ValueError(
            f"two walks must share a window of 2 frames at least at lags up to {max_lag} after the "
            f"{settle} frames left out, got {len(observations)} and {len(reference)} frames and "
            f"window {window}"
        )
    found, lags = [], []
    for start in range(first, last - length + 1, length):
        stretch = walk[start : start + length]
        tried = {
            lag: _correlation(stretch, model[start - lag : start - lag + length])
            for lag in range(-max_lag, max_lag + 1)
        }
        best = max(tried, key=lambda lag: float(tried[lag].mean()))
        found.append(tried[best])
        lags.append(best)
    return JointCorrelation(tuple(np.mean(found, axis=0).tolist()), tuple(lags))


def _correlation(one: _Numbers, other: _Numbers) -> _Numbers:
    """Pearson's correlation of each column; 0 where a column does not move."""
    one, other = one - one.mean(0), other - other.mean(0)
    size = np.sqrt(np.square(one).sum(0) * np.square(other).sum(0))
    correlation: _Numbers = (one * other).sum(0) / np.where(size > 0, size, np.inf)
    return correlation


def _walk(observations: _Numbers) -> _Numbers:
    walk = np.asarray(observations, dtype=np.float64)
    if walk.ndim != 2 or walk.shape[1] < 14:
        raise ValueError(f"observations must have shape (frames, 14 or more), got {walk.shape}")
    return walk
