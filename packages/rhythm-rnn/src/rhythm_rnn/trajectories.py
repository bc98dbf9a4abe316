"""The path of the population through its space of rates: principal components, length of a cycle.

The published length of a cycle adds the steps between samples of a noisy path. Noise makes it grow
with the number of samples, not with the size of the orbit; `orbit_length` of
`rhythm_rnn.population.cycle_average` is the length of the orbit itself.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rhythm_rnn.population import cycle_average, normalised, unit_range

if TYPE_CHECKING:
    from rhythm_rnn.activity import Activity

__all__ = [
    "Components",
    "Trajectories",
    "cycle_lengths",
    "orbit_length",
    "principal_components",
    "trajectories",
]

Array = NDArray[np.float64]
Rates = NDArray[np.floating[Any]]

_FITTED_MS = 5.0  # between the samples that the components are fitted to


@dataclass(frozen=True, eq=False)
class Components:
    """Principal components of rates.

    Attributes:
        mean: Shape (units,).
        axes: Orthonormal, by variance; in each the largest loading is positive. Shape
            (components, units).
        explained: Share of the variance along each axis, shape (components,).
    """

    mean: Array
    axes: Array
    explained: Array

    def project(self, rates: ArrayLike) -> Array:
        """Coordinates of rates, shape (..., units) -> (..., components)."""
        return np.asarray((np.asarray(rates) - self.mean) @ self.axes.T)


@dataclass(frozen=True, eq=False)
class Trajectories:
    """Paths of the population at several tempi, in the space of normalised rates.

    Attributes:
        cues: Those with a valid rhythm, shape (tempi,).
        components: Principal components of all of them together.
        orbits: Mean cycle of each on the components, shape (tempi, phases, components).
        paths: Each one's samples on the components, shape (samples, components).
        taps: Taps in whole samples of each path.
        length_mean: Mean length of its cycles as sampled, with noise, shape (tempi,).
        length_sd: Standard deviation of these lengths, of the population, shape (tempi,).
        orbit_length: Length of its mean cycle in the space of all units, shape (tempi,).
    """

    cues: Array
    components: Components
    orbits: Array
    paths: tuple[Array, ...]
    taps: tuple[NDArray[np.int64], ...]
    length_mean: Array
    length_sd: Array
    orbit_length: Array


def trajectories(
    activities: "Sequence[Activity]", *, n: int = 3, phases: int = 100, compat: bool = False
) -> Trajectories:
    """Follow the population at several tempi; tempi without a valid rhythm are left out.

    Args:
        activities: What `rhythm_rnn.activity.record` gave, with rates.
        n: Number of components.
        phases: Number of phases of the mean cycles.
        compat: Scale each tempo by its own range and leave out the last step of a cycle, as
            published; otherwise all tempi are scaled by one range.

    Raises:
        ValueError: No tempo has a valid rhythm, or what `principal_components` refuses.
    """
    valid = [one for one in activities if one.taps.verdict == "valid"]
    if not valid:
        verdicts = ", ".join(f"{one.cue:g}: {one.taps.verdict}" for one in activities)
        raise ValueError(
            f"activities must have a valid rhythm at one cue, got {verdicts or 'none'}"
        )
    together = unit_range([one.rates for one in valid])
    spans = [unit_range([one.rates]) if compat else together for one in valid]
    components = principal_components(
        [
            normalised(one.rates[:: max(1, round(_FITTED_MS / one.sample_ms))], span)
            for one, span in zip(valid, spans, strict=True)
        ],
        n,
    )
    orbits, paths, taps, lengths, closed = [], [], [], [], []
    for one, span in zip(valid, spans, strict=True):
        rates = normalised(one.rates, span)
        average = cycle_average(rates, one.tap_samples, phases)
        taps.append(np.rint(one.tap_samples).astype(np.int64))
        lengths.append(cycle_lengths(rates, taps[-1], compat=compat))
        closed.append(orbit_length(average))
        orbits.append(components.project(average))
        paths.append(components.project(rates))
    return Trajectories(
        np.array([one.cue for one in valid]),
        components,
        np.array(orbits),
        tuple(paths),
        tuple(taps),
        np.array([each.mean() for each in lengths]),
        np.array([each.std() for each in lengths]),
        np.array(closed),
    )


def principal_components(recordings: Sequence[Rates], n: int = 3) -> Components:
    """Principal components of several recordings together, by the eigenvectors of the covariance.

    Args:
        recordings: Each of shape (time, units); every sample counts the same.
        n: Number of components.

    Raises:
        ValueError: `n` is not in [1, units], there are fewer than 2 samples, or nothing varies.
    """
    samples = sum(len(rates) for rates in recordings)
    units = recordings[0].shape[1] if recordings else 0
    if not 1 <= n <= units:
        raise ValueError(f"n must be in [1, {units}], the number of units, got {n}")
    if samples < 2:
        raise ValueError(f"recordings must hold at least 2 samples together, got {samples}")
    mean = np.sum([rates.sum(axis=0, dtype=np.float64) for rates in recordings], axis=0) / samples
    covariance = np.zeros((units, units))
    for rates in recordings:
        centred = rates - mean
        covariance += centred.T @ centred
    variances, vectors = np.linalg.eigh(covariance)
    total = float(np.trace(covariance))
    if not total > 0:
        raise ValueError("recordings must vary, got rates that never change")
    axes = vectors[:, ::-1][:, :n].T
    largest = np.take_along_axis(axes, np.abs(axes).argmax(axis=1)[:, None], axis=1)
    return Components(mean, axes * np.sign(largest), variances[::-1][:n] / total)


def cycle_lengths(path: Rates, taps: ArrayLike, *, compat: bool = False) -> Array:
    """Length of the path from each tap to the next, the sum of the steps between samples.

    Args:
        path: Rates, normalised or not, shape (time, units).
        taps: Taps in whole samples, shape (taps,).
        compat: Leave out each cycle's last step, the one to the next tap, as published.

    Returns:
        Shape (taps - 1,), in the unit of the path.

    Raises:
        TypeError: The taps are not whole samples.
        ValueError: There are fewer than 2 taps, they do not rise or lie outside the path.
    """
    samples = np.asarray(taps)
    if samples.dtype.kind not in "iu":
        raise TypeError(f"taps must be whole samples, integers, got {samples.dtype}")
    if samples.ndim != 1 or len(samples) < 2 or not (np.diff(samples) > 0).all():
        raise ValueError(f"taps must be at least 2 rising samples, got {samples.tolist()}")
    if samples[0] < 0 or samples[-1] >= len(path):
        raise ValueError(
            f"taps must lie in the {len(path)} samples, got {samples[0]} to {samples[-1]}"
        )
    steps = np.linalg.norm(np.diff(path, axis=0), axis=1)
    dropped = 1 if compat else 0
    return np.array([steps[begin : end - dropped].sum() for begin, end in pairwise(samples)])


def orbit_length(average: ArrayLike) -> float:
    """Length of a closed orbit.

    Args:
        average: One cycle, its first phase not repeated at the end, shape (phases, units).
    """
    orbit = np.asarray(average)
    return float(np.linalg.norm(orbit - np.roll(orbit, 1, axis=0), axis=1).sum())
