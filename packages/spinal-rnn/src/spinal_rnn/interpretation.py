"""What goes on inside a network: components, orbits and their periods, eigenvalues.

Periodic stimulation makes the states of any network periodic, an untrained one's too. A period that
equals the stimulation's is therefore no finding about training; compare with the same network
before it was trained.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = [
    "Components",
    "Orbit",
    "eigenvalues",
    "loop_closure",
    "measure_orbit",
    "outgoing_weight",
    "period_ms",
    "principal_components",
    "transition_matrix",
]

_NEAR_BEST = 0.2  # the first peak that is as high as the highest but for this is the period


class Components(NamedTuple):
    """Principal components of states.

    Attributes:
        scores: The states in their space, shape (time, components).
        axes: Unit vectors, shape (components, units).
        explained: Part of the variance along each, shape (components,).
    """

    scores: NDArray[np.float64]
    axes: NDArray[np.float64]
    explained: NDArray[np.float64]


@dataclass(frozen=True)
class Orbit:
    """The loop that periodic stimulation drives a state through.

    Attributes:
        period_ms: Of the first component, NaN if it has none.
        correlation: Of the first component with itself a period later, at most 1.
        closure: How far the loop fails to close, see `loop_closure`.
        radius: Root of the mean squared distance of the states from their mean.
    """

    period_ms: float
    correlation: float
    closure: float
    radius: float


def principal_components(states: ArrayLike, count: int = 2) -> Components:
    """The directions in which states vary most.

    The sign of an axis makes its largest number positive.

    Args:
        states: Shape (time, units).
        count: How many, at most the number of units.

    Raises:
        ValueError: There are too few units or times.
    """
    values = np.asarray(states, dtype=np.float64)
    if values.ndim != 2 or not 1 <= count <= min(values.shape):
        raise ValueError(f"count must be from 1 to the least of states' shape, got {count} for "
                         f"{values.shape}")  # fmt: skip
    centred = values - values.mean(axis=0)
    _, sizes, axes = np.linalg.svd(centred, full_matrices=False)
    largest = axes[np.arange(len(axes)), np.abs(axes).argmax(axis=1)]
    axes = (axes * np.where(largest < 0, -1.0, 1.0)[:, None])[:count]
    total = float((sizes**2).sum())
    explained = sizes[:count] ** 2 / total if total > 0 else np.zeros(count)
    return Components(centred @ axes.T, axes, explained)


def period_ms(signal: ArrayLike, dt_ms: float) -> tuple[float, float]:
    """The period of a signal from its autocorrelation.

    Every lag is correlated over the times that it leaves, up to half of the signal. The period is
    the first peak that is about as high as the highest, between samples by a parabola.

    Args:
        signal: Shape (time,).
        dt_ms: Interval between samples.

    Returns:
        The period and the correlation there; NaN both if no peak shows.
    """
    values = np.asarray(signal, dtype=np.float64)
    curve = np.array([_correlation(values, lag) for lag in range(len(values) // 2 + 1)])
    below = np.flatnonzero(curve < 0)
    peaks = 1 + np.flatnonzero((curve[1:-1] >= curve[:-2]) & (curve[1:-1] > curve[2:]))
    peaks = peaks[(peaks > below[0]) & (curve[peaks] > 0)] if len(below) else peaks[:0]
    if not len(peaks):
        return float("nan"), float("nan")
    best = int(peaks[curve[peaks] >= curve[peaks].max() - _NEAR_BEST][0])
    before, here, after = curve[best - 1 : best + 2]
    bend = before - 2 * here + after
    shift = (before - after) / (2 * bend) if bend < 0 else 0.0
    return float((best + shift) * dt_ms), float(here - shift * (before - after) / 4)


def loop_closure(states: ArrayLike, period_ms: float, dt_ms: float) -> float:
    """How far states are from where they were a period ago, as a part of the loop's radius.

    It is 0 for a loop that closes and about the root of 2 for states that forget.

    Args:
        states: Shape (time, units), longer than a period.
        period_ms: Need not be whole samples: states between them are interpolated.
        dt_ms: Interval between samples.

    Returns:
        Root mean square of ``h(t + T) - h(t)`` over that of ``h - mean h``; NaN for states at rest.

    Raises:
        ValueError: The states are shorter than a period.
    """
    values = np.asarray(states, dtype=np.float64)
    whole, part = divmod(period_ms / dt_ms, 1)
    first = int(whole)
    if not 0 < first < len(values) - 1:
        raise ValueError(
            f"states must be longer than a period of {period_ms:g} ms, got {len(values)} samples "
            f"of {dt_ms:g} ms"
        )
    later = (1 - part) * values[first:-1] + part * values[first + 1 :]
    change = later - values[: len(later)]
    spread = float(np.sqrt(((values - values.mean(axis=0)) ** 2).sum(axis=1).mean()))
    return float(np.sqrt((change**2).sum(axis=1).mean())) / spread if spread > 0 else float("nan")


def measure_orbit(states: ArrayLike, dt_ms: float) -> Orbit:
    """Period, closure and radius of the loop of settled states.

    Args:
        states: After the transient, shape (time, units), at least two periods long.
        dt_ms: Interval between samples.
    """
    values = np.asarray(states, dtype=np.float64)
    period, correlation = period_ms(principal_components(values, 1).scores[:, 0], dt_ms)
    closure = loop_closure(values, period, dt_ms) if np.isfinite(period) else float("nan")
    radius = float(np.sqrt(((values - values.mean(axis=0)) ** 2).sum(axis=1).mean()))
    return Orbit(period, correlation, closure, radius)


def transition_matrix(
    weight: ArrayLike, alpha: ArrayLike, synapse_alpha: ArrayLike | None = None
) -> NDArray[np.float64]:
    """What one step of a leaky network does to a small deviation from 0, without inputs.

    Where the activation has the slope 1, it is (1 - alpha) I + alpha J. With a synapse s, the state
    is (s, v) and s feeds v within the step.

    Args:
        weight: Recurrent weights J, shape (units, units), row = post, column = pre.
        alpha: Of the leak, shape () or (units,).
        synapse_alpha: That of the synapses; None is no synapse.

    Returns:
        Shape (units, units), or twice that on a side with a synapse.
    """
    recurrent = np.asarray(weight, dtype=np.float64)
    one = np.eye(len(recurrent))
    leak = np.broadcast_to(np.asarray(alpha, dtype=np.float64), len(recurrent))[:, None]
    if synapse_alpha is None:
        return (1 - leak) * one + leak * recurrent
    slow = np.broadcast_to(np.asarray(synapse_alpha, dtype=np.float64), len(recurrent))[:, None]
    of_synapse = np.hstack([(1 - slow) * one, slow * recurrent])
    of_state = np.hstack([0 * one, (1 - leak) * one]) + leak * of_synapse
    return np.vstack([of_synapse, of_state])


def eigenvalues(matrix: ArrayLike) -> NDArray[np.complex128]:
    """Eigenvalues, the largest first; those outside of the unit circle grow from step to step.

    Args:
        matrix: Shape (n, n).
    """
    found = np.linalg.eigvals(np.asarray(matrix, dtype=np.float64))
    order = np.lexsort((-found.imag, -found.real, -np.abs(found).round(12)))
    return np.asarray(found[order], dtype=np.complex128)


def outgoing_weight(weight: ArrayLike) -> NDArray[np.float64]:
    """Mean recurrent weight from each unit to all others, shape (units,).

    Args:
        weight: Shape (units, units), row = post, column = pre.
    """
    recurrent = np.asarray(weight, dtype=np.float64)
    others = max(1, len(recurrent) - 1)
    return np.asarray((recurrent.sum(axis=0) - np.diag(recurrent)) / others)


def _correlation(values: NDArray[np.float64], lag: int) -> float:
    first, second = values[: len(values) - lag], values[lag:]
    first, second = first - first.mean(), second - second.mean()
    size = float(np.sqrt((first**2).sum() * (second**2).sum()))
    return float(first @ second) / size if size > 0 else 0.0
