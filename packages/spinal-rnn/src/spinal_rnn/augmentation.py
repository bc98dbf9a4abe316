"""More trials than were measured: the other side of the body, and later stimulation.

Augment the training part after the split, never before it, or copies of one trial lie on both
sides of it.
"""

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spinal_rnn.conditions import stack
from spinal_rnn.muscles import swap_sides
from spinal_rnn.session import Session

__all__ = ["add_mirrored", "delayed", "draw_delays", "mirrored"]


def mirrored(session: Session) -> Session:
    """The session of the mirror image of the person: contacts and muscles change sides.

    Args:
        session: Of a symmetric lead. What a simulation knows beside is left out.

    Raises:
        ValueError: The lead is not symmetric.
    """
    return replace(
        session,
        conditions=session.conditions.mirrored(session.lead.mirror),
        emg=swap_sides(session.emg),
        truth={},
    )


def add_mirrored(session: Session) -> Session:
    """The trials, and after them their mirror images.

    It says that the person is symmetric, which few are: compare with the model without it.

    Args:
        session: The training part; so is the result.

    Raises:
        ValueError: The lead is not symmetric.
    """
    image = mirrored(session)
    return replace(
        image,
        conditions=stack([session.conditions, image.conditions]),
        emg=np.concatenate([session.emg, image.emg]),
    )


def draw_delays(
    trials: int,
    rng: np.random.Generator,
    copies: int = 5,
    shortest_ms: int = 1,
    longest_ms: int = 49,
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Which trials to take, and by how much to delay each: every trial as it is, then its copies.

    Args:
        trials: How many there are.
        rng: Draws the delays, whole ms with equal chances.
        copies: Of each trial.
        shortest_ms: Of a copy.
        longest_ms: Of a copy.

    Returns:
        Numbers of trials and delays in ms, both of shape (trials * (copies + 1),).

    Raises:
        ValueError: The delays are not 0 <= shortest <= longest, or there are fewer than 0 copies.
    """
    if copies < 0 or not 0 <= shortest_ms <= longest_ms:
        raise ValueError(
            "copies must be at least 0 and delays rise from at least 0, got "
            f"{copies} and {shortest_ms} to {longest_ms} ms"
        )
    delays = rng.integers(shortest_ms, longest_ms, size=(trials, copies + 1), endpoint=True)
    delays[:, 0] = 0
    return np.repeat(np.arange(trials), copies + 1), delays.reshape(-1).astype(np.float64)


def delayed(
    values: NDArray[Any],
    delay_ms: NDArray[np.float64],
    fs_hz: float,
    blank_ms: float = 0.0,
) -> NDArray[Any]:
    """Trials that begin later: zeros come in at the beginning, the end is lost.

    Delay the encoded stimulation and the EMG by the same times. A session has one lead-in for all
    its trials, so this works on arrays.

    Args:
        values: Shape (trials, time, ...).
        delay_ms: Of each trial, at least 0, rounded to samples, shape (trials,).
        fs_hz: Samples per second.
        blank_ms: Set so much after the delay to 0 too; the published augmentation does it to the
            EMG of the lead-in, and delays the first copy of each trial by one sample.

    Raises:
        ValueError: There is not one delay for each trial, or one is below 0 or not finite.
    """
    if delay_ms.shape != values.shape[:1] or not (delay_ms >= 0).all():
        raise ValueError(
            f"delay_ms must be {len(values)} numbers of at least 0, got {delay_ms.tolist()}"
        )
    samples = np.rint(delay_ms * fs_hz / 1e3).astype(np.int64)
    blank = round(blank_ms * fs_hz / 1e3)
    later = np.zeros_like(values)
    for trial, shift in enumerate(samples):
        later[trial, shift + blank :] = values[trial, blank : max(0, values.shape[1] - shift)]
    return later
