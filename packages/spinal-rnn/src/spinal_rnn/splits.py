"""Which trials a model learns from and which it is judged by; every split has a name.

A random split of the rows leaves each configuration in both parts, at neighbouring amplitudes, and
so measures interpolation. To say what a model knows of configurations that were never tried, all
trials of a configuration are held out: every amplitude and frequency, and its mirror image.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from neuro_common.seeding import generator
from spinal_rnn.conditions import Conditions
from spinal_rnn.lead import Lead

__all__ = [
    "CONFIGURATION",
    "Split",
    "by_amplitude",
    "by_configuration",
    "by_frequency",
    "by_trial",
    "configuration_folds",
    "leave_contact_out",
    "mirror_of",
]

CONFIGURATION = "held-out configuration"
"""The name of the split that measures generalisation."""


@dataclass(frozen=True, eq=False)
class Split:
    """Two parts of a session's trials.

    Attributes:
        name: What is held out, as scores are labelled.
        train: Numbers of the trials to learn from, ascending.
        test: Numbers of the trials that judge, ascending.

    Raises:
        ValueError: A part is empty, or a trial is in both.
    """

    name: str
    train: NDArray[np.int64]
    test: NDArray[np.int64]

    def __post_init__(self) -> None:
        if not len(self.train) or not len(self.test):
            raise ValueError(
                f"{self.name}: both parts must hold trials, got {len(self.train)} to learn from "
                f"and {len(self.test)} to judge by; a session needs several to be split so"
            )
        if len(both := np.intersect1d(self.train, self.test)):
            raise ValueError(f"{self.name}: trial {both[0]} is in both parts")


def mirror_of(lead: Lead) -> NDArray[np.int64] | None:
    """The mirror image of each contact, or None for a lead that is not symmetric.

    Args:
        lead: Where the contacts lie.
    """
    try:
        return lead.mirror
    except ValueError:
        return None


def by_trial(conditions: Conditions, part: float = 0.2, *, seed: int = 0) -> Split:
    """Hold out rows at random: an easy test, for comparison with the honest ones.

    Args:
        conditions: Of the session.
        part: How much to hold out, in (0, 1).
        seed: Of the choice.

    Raises:
        ValueError: The part is not in (0, 1).
    """
    if not 0 < part < 1:
        raise ValueError(f"part must be in (0, 1), got {part}")
    order = generator(seed).permutation(len(conditions))
    return _split("random row", np.isin(np.arange(len(order)), order[: round(part * len(order))]))


def by_configuration(
    conditions: Conditions,
    mirror: NDArray[np.int64] | None = None,
    count: int = 10,
    *,
    seed: int = 0,
) -> Split:
    """Hold out configurations, each with all its trials and its mirror image.

    Args:
        conditions: Of the session.
        mirror: `spinal_rnn.lead.Lead.mirror`; None for a lead that has none.
        count: How many to hold out.
        seed: Of the choice.

    Raises:
        ValueError: The session has no more configurations than that.
    """
    groups = conditions.groups(mirror)
    total = int(groups.max()) + 1
    if not 0 < count < total:
        raise ValueError(
            f"count must be at least 1 and leave one to learn from, got {count} of {total} "
            "configurations"
        )
    return _split(CONFIGURATION, np.isin(groups, generator(seed).permutation(total)[:count]))


def by_amplitude(conditions: Conditions, part: float = 0.2, *, seed: int = 0) -> Split:
    """Hold out amplitudes: some of the levels, in all configurations.

    Args:
        conditions: Of the session.
        part: How many of the levels, in (0, 1); at least one.
        seed: Of the choice.
    """
    levels = np.unique(conditions.amplitude_ma)
    held_out = generator(seed).permutation(levels)[: max(1, round(part * len(levels)))]
    return _split("held-out amplitude", np.isin(conditions.amplitude_ma, held_out))


def by_frequency(conditions: Conditions, frequency_hz: float) -> Split:
    """Hold out one frequency.

    Args:
        conditions: Of the session.
        frequency_hz: One that was used.
    """
    return _split(
        f"held-out {frequency_hz:g} Hz", np.isclose(conditions.frequency_hz, frequency_hz)
    )


def leave_contact_out(conditions: Conditions, contact: int) -> Split:
    """Hold out every configuration in which a contact carries current.

    Args:
        conditions: Of the session.
        contact: Its number.

    Raises:
        ValueError: There is no such contact, or all configurations use it, or none does.
    """
    contacts = conditions.configuration.shape[1]
    if not 0 <= contact < contacts:
        raise ValueError(f"contact must be in 0 to {contacts - 1}, got {contact}")
    return _split(f"held-out contact {contact}", conditions.configuration[:, contact] != 0)


def configuration_folds(
    conditions: Conditions, mirror: NDArray[np.int64] | None, folds: int, *, seed: int = 0
) -> Iterator[Split]:
    """Hold out every configuration once.

    Args:
        conditions: Of the session.
        mirror: The mirror image of each contact, shape (contacts,), as for
            :func:`by_configuration`.
        folds: How many parts; fewer if there are fewer configurations.
        seed: Of the order.

    Raises:
        ValueError: There is one configuration only.
    """
    groups = conditions.groups(mirror)
    order = generator(seed).permutation(int(groups.max()) + 1)
    if len(order) < 2:
        raise ValueError("folds need at least two configurations, got one")
    for part in np.array_split(order, min(folds, len(order))):
        yield _split(CONFIGURATION, np.isin(groups, part))


def _split(name: str, held_out: NDArray[np.bool_]) -> Split:
    return Split(name, np.flatnonzero(~held_out), np.flatnonzero(held_out))
