"""Activity against the phase of the stride: when in a step each neuron is active, and how much."""

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neuro_common.stats import bootstrap_mean

__all__ = ["PhaseTuning", "phase_tuning", "stride_phase", "upward_crossings"]

_Numbers = NDArray[np.float64]


def upward_crossings(angle: ArrayLike, *, hysteresis: float = 0.25) -> NDArray[np.intp]:
    """Steps at which an angle rises through its mean: the beginning of a stride without contacts.

    Args:
        angle: Shape (time,).
        hysteresis: How far below the mean it must have been since the last one, in standard
            deviations.

    Raises:
        ValueError: ``angle`` has another shape or is not finite.
    """
    values = np.asarray(angle, dtype=np.float64)
    if values.ndim != 1 or not np.isfinite(values).all() or values.size == 0:
        raise ValueError(f"angle must be (time,) of finite numbers, got shape {values.shape}")
    above = values - values.mean()
    low = above < -hysteresis * values.std()
    crossings, armed = [], False
    for step in range(1, len(above)):
        armed = armed or bool(low[step - 1])
        if armed and above[step] >= 0:
            crossings.append(step)
            armed = False
    return np.array(crossings, dtype=np.intp)


def stride_phase(begins: ArrayLike, steps: int) -> _Numbers:
    """Phase of each step as a share of its stride, in [0, 1).

    Args:
        begins: Steps at which strides begin, increasing: those of
            :func:`brainnn.analysis.gait.touch_downs`, or of :func:`upward_crossings` of a hip.
        steps: How many steps there are.

    Returns:
        Shape (steps,); NaN before the first stride and from the beginning of the last, which has
        no end, on.
    """
    starts = np.asarray(begins, dtype=np.intp)
    phase = np.full(steps, np.nan)
    for start, stop in pairwise(starts.tolist()):
        phase[start:stop] = np.arange(stop - start) / (stop - start)
    return phase


@dataclass(frozen=True, eq=False)
class PhaseTuning:
    """How the activity of neurons follows the stride.

    Attributes:
        phase: Middle of each bin as a share of the stride, shape (bins,).
        mean: Mean activity, over runs, shape (bins, neurons).
        low: Lower limit of its 95 % interval over runs, NaN for a single run.
        high: Upper limit.
        preferred: Phase at which the first harmonic of the activity peaks, shape (neurons,).
        depth: Amplitude of that harmonic, in the unit of the activity, shape (neurons,).
        explained: Share of the variance of the activity that the phase explains, by bins; NaN for
            constant activity, shape (neurons,).
    """

    phase: _Numbers
    mean: _Numbers
    low: _Numbers
    high: _Numbers
    preferred: _Numbers
    depth: _Numbers
    explained: _Numbers


def phase_tuning(
    activity: NDArray[np.floating[Any]], phase: ArrayLike, *, bins: int = 12, seed: int = 0
) -> PhaseTuning:
    """Average activity by phase.

    The preferred phase of a neuron with two bursts a stride says little: look at its curve.

    Args:
        activity: Shape (runs, time, neurons).
        phase: As :func:`stride_phase` gives it, NaN where there is none, shape (runs, time).
        bins: Bins of the stride.
        seed: Of the bootstrap.

    Raises:
        ValueError: The shapes do not fit, or a run leaves a bin empty; take longer runs or fewer
            bins.
    """
    phases = np.asarray(phase, dtype=np.float64)
    if activity.ndim != 3 or activity.shape[:2] != phases.shape:
        raise ValueError(
            "activity must be (runs, time, neurons) with a phase for each run and time, got shapes "
            f"{activity.shape} and {phases.shape}"
        )
    curves = np.stack([_curve(*pair, bins) for pair in zip(activity, phases, strict=True)])
    mean = curves.mean(axis=0)
    low = high = np.full_like(mean, np.nan)
    if len(curves) > 1:
        interval = bootstrap_mean(curves.reshape(len(curves), -1), n_resamples=1000, seed=seed)
        low, high = interval.low.reshape(mean.shape), interval.high.reshape(mean.shape)
    known = np.isfinite(phases)
    seen, at = activity[known].astype(np.float64), phases[known]
    preferred, depth = _first_harmonic(seen, at)
    explained = _explained(seen, at, bins)
    middles = (np.arange(bins) + 0.5) / bins
    return PhaseTuning(middles, mean, low, high, preferred, depth, explained)


def _curve(activity: NDArray[np.floating[Any]], phase: _Numbers, bins: int) -> _Numbers:
    """Mean activity of one run in each bin, shape (bins, neurons)."""
    known = np.isfinite(phase)
    counts, sums = _by_bin(activity[known].astype(np.float64), phase[known], bins)
    if (counts == 0).any():
        raise ValueError(
            f"each of {bins} bins must hold a step of every run, got {(counts == 0).sum()} empty "
            f"in a run with {known.sum()} steps of whole strides: take longer runs or fewer bins"
        )
    return sums / counts[:, None]


def _by_bin(activity: _Numbers, phase: _Numbers, bins: int) -> tuple[_Numbers, _Numbers]:
    """Steps in each bin, (bins,), and the sum of their activity, (bins, neurons)."""
    place = np.minimum((phase * bins).astype(np.intp), bins - 1)
    sums = np.zeros((bins, activity.shape[1]))
    np.add.at(sums, place, activity)
    return np.bincount(place, minlength=bins).astype(np.float64), sums


def _first_harmonic(activity: _Numbers, phase: _Numbers) -> tuple[_Numbers, _Numbers]:
    """Phase and amplitude of the best sine wave; least squares, so phases need not be even."""
    angle = 2 * np.pi * phase
    waves = np.column_stack([np.ones_like(angle), np.cos(angle), np.sin(angle)])
    _, cosine, sine = np.linalg.lstsq(waves, activity, rcond=None)[0]
    return np.arctan2(sine, cosine) / (2 * np.pi) % 1.0, np.hypot(cosine, sine)


def _explained(activity: _Numbers, phase: _Numbers, bins: int) -> _Numbers:
    """Variance between bins as a share of all."""
    counts, sums = _by_bin(activity, phase, bins)
    filled = counts > 0
    deviation = sums[filled] / counts[filled, None] - activity.mean(axis=0)
    between = counts[filled] @ deviation**2 / len(activity)
    total = activity.var(axis=0)
    constant = total <= np.finfo(np.float64).eps * np.square(activity).mean(axis=0)
    return np.where(constant, np.nan, between / np.where(constant, 1.0, total))
