"""A recorded walk by the phase of its strides, and beside its reference."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from brainnn.analysis.gait import touch_downs
from brainnn.analysis.phase import PhaseTuning, phase_tuning, stride_phase
from brainnn.analysis.recording import Walk
from brainnn.bodies.clip import Clip
from brainnn.bodies.planar_biped import JOINT_ANGLES

__all__ = ["best_frame", "strides_of", "walk_tuning"]

_FEET = (8, 13)
_LEAST_STRIDES = 3
_LEAST_BINS, _MOST_BINS = 4, 20


def strides_of(walk: Walk, *, settle: int = 100) -> dict[int, NDArray[np.intp]]:
    """Touch-downs of leg 1, the beginnings of its strides, in each episode that has enough.

    Args:
        walk: The episodes.
        settle: Steps at the start of each that are left out.

    Returns:
        By episode; those with less than three whole strides are left out.
    """
    runs = walk.rollouts
    found = {}
    for run, length in enumerate(runs.lengths.tolist()):
        downs = touch_downs(runs.observations[run, :length, _FEET[0]] > 0.5)
        if (downs >= settle).sum() > _LEAST_STRIDES:
            found[run] = downs[downs >= settle]
    return found


def walk_tuning(
    walk: Walk, neurons: ArrayLike, *, settle: int = 100, seed: int = 0
) -> tuple[PhaseTuning, PhaseTuning]:
    """Activity of neurons and contacts of the feet by the phase of the stride of leg 1.

    Bins are about as fine as the frames of a stride, up to 20.

    Args:
        walk: With rates; episodes that :func:`strides_of` leaves out do not count.
        neurons: Which of its neurons.
        settle: Steps at the start of each episode that are left out.
        seed: Of the intervals.

    Returns:
        The tuning of the neurons, and that of the two feet.

    Raises:
        ValueError: The walk has no rates, or no episode has enough strides.
    """
    if walk.rates is None:
        raise ValueError("the walk must have rates to show activity: record a connectome network")
    strides = strides_of(walk, settle=settle)
    if not strides:
        raise ValueError(
            f"an episode must have {_LEAST_STRIDES} whole strides after {settle} steps to show "
            "activity by phase, got none: it does not walk, or the episodes are too short"
        )
    chosen = [*strides]
    seen = walk.rollouts.observations[chosen, :-1]
    phase = np.stack([stride_phase(downs, seen.shape[1]) for downs in strides.values()])
    frames = float(np.median(np.concatenate([np.diff(downs) for downs in strides.values()])))
    bins = int(np.clip(0.9 * frames, _LEAST_BINS, _MOST_BINS))
    rates = walk.rates[chosen][..., np.asarray(neurons)]
    feet = (seen[..., _FEET] > 0.5).astype(np.float64)
    return (
        phase_tuning(rates, phase, bins=bins, seed=seed),
        phase_tuning(feet, phase, bins=bins, seed=seed),
    )


def best_frame(observations: NDArray[np.floating[Any]], clip: Clip, settle: int = 50) -> int:
    """Where in a reference a stretch of a walk fits best.

    Args:
        observations: The stretch, shape (frames, 14 or more).
        clip: The reference.
        settle: Frames at the start of the reference that are left out, if it is long enough.

    Returns:
        First frame, that with the least squared difference of the joint angles.

    Raises:
        ValueError: The stretch is longer than the reference.
    """
    frames, have = len(observations), len(clip.states)
    if frames > have:
        raise ValueError(f"a stretch must be {have} frames at most, as the clip, got {frames}")
    angles = clip.states[:, JOINT_ANGLES].astype(np.float64)
    own = observations[:, JOINT_ANGLES].astype(np.float64)
    first = min(settle, have - frames)
    misses = [
        np.square(angles[start : start + frames] - own).sum()
        for start in range(first, have - frames + 1)
    ]
    return first + int(np.argmin(misses))
