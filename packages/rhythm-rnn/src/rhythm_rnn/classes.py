"""Classes of units by sign and phase, and the weights between them.

A unit that peaks within a fifth of the cycle round a tap is a tap unit, another one is in between
taps: Tap-E, Tap-I, Int-E and Int-I. Units that take no part are silent, a class of its own; the
published program counts them as in between.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rhythm_rnn.activity import Activity
from rhythm_rnn.population import cycle_average, peak_phases, silent_units

__all__ = [
    "CLASSES",
    "BlockWeights",
    "Composition",
    "block_weights",
    "class_rates",
    "classes_of",
    "classify",
    "composition",
    "published_classes",
]

Array = NDArray[np.float64]
Labels = NDArray[np.int64]

CLASSES = ("Tap-E", "Tap-I", "Int-E", "Int-I", "silent")
"""Names of the classes; a label is an index into them."""

_SILENT = CLASSES.index("silent")


class BlockWeights(NamedTuple):
    """Weights between classes, both `(classes, classes)`, row = post, column = pre.

    `mean` is that of one connection. `summed` is the input that a unit of the post class gets, on
    average, from the whole pre class when each of its units has rate 1. Both are NaN where there is
    no connection.
    """

    mean: Array
    summed: Array


@dataclass(frozen=True, eq=False)
class Composition:
    """What a population is made of, at one cue and in short at others.

    Attributes:
        cue: The cue.
        labels: Class of each unit at the cue, shape (units,).
        phase: When each unit peaks at the cue, in [0, 1), shape (units,).
        rates: Mean rate of each class over the cycle, shape (phases, classes).
        blocks: Weights between the classes.
        tap_within: Distance to the tap below which a unit is a tap unit.
        cues: All cues with a valid rhythm, in rising order, shape (cues,).
        labels_by_cue: Class of each unit at each of them, shape (cues, units).
    """

    cue: float
    labels: Labels
    phase: Array
    rates: Array
    blocks: BlockWeights
    tap_within: float
    cues: Array
    labels_by_cue: Labels


def composition(
    activities: Sequence[Activity],
    weight: ArrayLike,
    excitatory: ArrayLike,
    *,
    tap_within: float = 0.2,
    compat: bool = False,
) -> Composition:
    """Classes of units at the first of several cues, and how many there are at all of them.

    Args:
        activities: Runs with rates, better without noise; the first decides what weights, phases
            and rates are for.
        weight: Effective weights, shape (units, units), row = post, column = pre.
        excitatory: Whether a unit excites, shape (units,).
        tap_within: As for `classify`.
        compat: As published, see `published_classes`.

    Raises:
        ValueError: The first run has no valid rhythm, or `tap_within` is out of its range.
    """
    first, *others = activities
    if first.taps.verdict != "valid":
        raise ValueError(
            f"cue must be one at which the network keeps a beat, got {first.cue:g}: "
            f"{first.taps.reason}"
        )
    labels = classes_of(first, excitatory, tap_within=tap_within, compat=compat)
    beating = [first, *(one for one in others if one.taps.verdict == "valid")]
    beating.sort(key=lambda one: one.cue)
    return Composition(
        first.cue,
        labels,
        peak_phases(first.rates, first.tap_samples).phase,
        class_rates(cycle_average(first.rates, first.tap_samples), labels),
        block_weights(weight, labels),
        tap_within,
        np.array([one.cue for one in beating]),
        np.array(
            [classes_of(one, excitatory, tap_within=tap_within, compat=compat) for one in beating]
        ),
    )


def classify(
    phase: ArrayLike, silent: ArrayLike, excitatory: ArrayLike, *, tap_within: float = 0.2
) -> Labels:
    """Class of each unit.

    Args:
        phase: When it peaks, in [0, 1), shape (units,).
        silent: Whether it takes no part, shape (units,).
        excitatory: Whether it excites, shape (units,).
        tap_within: Distance to the nearest tap below which a unit is a tap unit, as a share of the
            cycle, in (0, 0.5].

    Returns:
        Indices into `CLASSES`, shape (units,).

    Raises:
        ValueError: `tap_within` is out of its range.
    """
    if not 0 < tap_within <= 0.5:
        raise ValueError(f"tap_within must be in (0, 0.5], got {tap_within}")
    phases = np.asarray(phase, dtype=np.float64)
    between = np.minimum(phases, 1 - phases) >= tap_within
    labels = np.where(between, 2, 0) + ~np.asarray(excitatory)
    return np.asarray(np.where(silent, _SILENT, labels))


def published_classes(
    rates: NDArray[np.floating[Any]],
    taps: ArrayLike,
    excitatory: ArrayLike,
    *,
    tap_within: float = 0.2,
) -> Labels:
    """Class of each unit as published: from one cycle, silent units counted as in between.

    So is a unit that peaks exactly at the tap, at phase 0.

    Args:
        rates: Shape (time, units).
        taps: Taps in whole samples, at least 3; the cycle from the second to the third counts.
        excitatory: Whether it excites, shape (units,).
        tap_within: As for `classify`; published is a fifth.

    Returns:
        Indices into `CLASSES`, shape (units,).

    Raises:
        ValueError: There are fewer than 3 taps.
    """
    samples = np.asarray(taps)
    if samples.ndim != 1 or len(samples) < 3:
        raise ValueError(f"taps must be at least 3 samples, got {samples.tolist()}")
    begin, end = samples[1:3]
    peak = rates[begin:end].argmax(axis=0)
    phase = np.minimum(peak, end - begin - peak) / (end - begin)
    at_tap = (phase > 0) & (phase < tap_within)
    return np.asarray(np.where(at_tap, 0, 2) + ~np.asarray(excitatory))


def classes_of(
    activity: Activity,
    excitatory: ArrayLike,
    *,
    tap_within: float = 0.2,
    compat: bool = False,
) -> Labels:
    """Class of each unit in a run, from the phases of its peaks in all cycles.

    Args:
        activity: A run with rates, better without noise.
        excitatory: Whether a unit excites, shape (units,).
        tap_within: As for `classify`.
        compat: As published, see `published_classes`.

    Raises:
        ValueError: There is no rhythm, or `tap_within` is out of its range.
    """
    taps = activity.tap_samples
    if compat:
        whole = np.rint(taps).astype(int)
        return published_classes(activity.rates, whole, excitatory, tap_within=tap_within)
    silent = silent_units(cycle_average(activity.rates, taps))
    phase = peak_phases(activity.rates, taps).phase
    return classify(phase, silent, excitatory, tap_within=tap_within)


def class_rates(average: ArrayLike, labels: Labels) -> Array:
    """Mean rate of each class over the cycle.

    Args:
        average: What `rhythm_rnn.population.cycle_average` gave, shape (phases, units).
        labels: Shape (units,).

    Returns:
        Shape (phases, classes), NaN for a class without units.
    """
    member = _members(labels)
    with np.errstate(invalid="ignore"):
        return np.asarray(np.asarray(average) @ member.T / member.sum(axis=1))


def block_weights(weight: ArrayLike, labels: Labels) -> BlockWeights:
    """Mean and summed weights between classes; no unit is counted as connected to itself.

    Args:
        weight: Effective weights, shape (units, units), row = post, column = pre.
        labels: Shape (units,).
    """
    member = _members(labels)
    size = member.sum(axis=1)
    total = member @ np.asarray(weight, dtype=np.float64) @ member.T
    connections = np.outer(size, size) - np.diag(size)
    with np.errstate(invalid="ignore"):
        mean = total / connections
        return BlockWeights(mean, mean * connections / size[:, None])


def _members(labels: Labels) -> Array:
    """1 where a unit is of a class, shape (classes, units)."""
    return np.equal.outer(np.arange(len(CLASSES)), labels).astype(np.float64)
