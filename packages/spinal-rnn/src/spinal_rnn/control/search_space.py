"""Configurations that a search may choose from, and the amplitudes that a series has."""

from collections.abc import Callable
from itertools import permutations

import numpy as np
from numpy.typing import NDArray

from spinal_rnn.conditions import configuration
from spinal_rnn.control.limits import Limits
from spinal_rnn.lead import Lead

__all__ = ["amplitude_series", "bipolar", "fields", "multipolar", "single"]


def single(limits: Limits) -> NDArray[np.float64]:
    """Each allowed contact as the cathode against the case, shape (configurations, contacts).

    Raises:
        ValueError: The case is forbidden.
    """
    *contacts, case = range(limits.contacts)
    if case in limits.forbidden:
        raise ValueError("single contacts need the case as anode, and it is forbidden")
    return np.stack(
        [configuration([one], [case], limits.contacts) for one in contacts if limits.allowed[one]]
    )


def bipolar(limits: Limits) -> NDArray[np.float64]:
    """Each allowed contact of the lead against each other, shape (configurations, contacts)."""
    contacts = np.flatnonzero(limits.allowed[:-1]).tolist()
    pairs = permutations(contacts, 2)
    vectors = [configuration([one], [other], limits.contacts) for one, other in pairs]
    return np.stack(vectors) if vectors else np.empty((0, limits.contacts))


def multipolar(
    lead: Lead,
    limits: Limits,
    count: int,
    rng: np.random.Generator,
    reach_mm: float = 21.0,
) -> NDArray[np.float64]:
    """Random sets of one to three cathodes and one to four anodes with random parts.

    A first cathode is drawn, then neighbours of it. In a third of them the case is an anode too:
    from tripoles that keep all current on the lead to single contacts that are gently shaped.

    Args:
        lead: Where the contacts lie.
        limits: Which of them are allowed.
        count: How many to draw.
        rng: What draws them.
        reach_mm: Farthest neighbour.

    Returns:
        Whole percents, no two alike, shape (at most count, contacts).
    """
    places = np.stack([lead.x_mm, lead.z_mm], axis=1)[:-1]
    near = np.linalg.norm(places[:, None] - places[None], axis=2) <= reach_mm
    allowed = np.flatnonzero(limits.allowed[:-1])
    drawn = [limits.project(_draw(near, allowed, limits, rng)) for _ in range(count)]
    return np.unique(np.stack(drawn).round(6), axis=0)


def amplitude_series(
    vector: NDArray[np.float64], limits: Limits, pulse_width_us: float, count: int = 10
) -> NDArray[np.float64]:
    """Amplitudes of a series that reaches from low to the ceiling in whole steps.

    Args:
        vector: The configuration, shape (contacts,).
        limits: What is allowed.
        pulse_width_us: As the ceiling depends on it.
        count: Most trials of the series.

    Returns:
        Rising, evenly spread, shape (at most count,).
    """
    ceiling = float(limits.ceiling_ma(vector, pulse_width_us))
    steps = np.rint(np.linspace(ceiling / count, ceiling, count) / limits.step_ma)
    return np.unique(steps[steps >= 1]) * limits.step_ma


def fields(lead: Lead, width_mm: float) -> Callable[[NDArray[np.float64]], NDArray[np.float64]]:
    """Currents smoothed over the lead: near contacts become alike, far ones do not.

    Args:
        lead: Where the contacts lie.
        width_mm: Standard deviation of the Gaussian.

    Returns:
        A function from currents (..., contacts) to features (..., contacts - 1).
    """
    places = np.stack([lead.x_mm, lead.z_mm], axis=1)[:-1]
    squared = ((places[:, None] - places[None]) ** 2).sum(axis=2)
    kernel = np.exp(-squared / (2 * width_mm**2))
    return lambda currents: np.asarray(currents[..., :-1] @ kernel)


def _draw(
    near: NDArray[np.bool_], allowed: NDArray[np.int64], limits: Limits, rng: np.random.Generator
) -> NDArray[np.float64]:
    first = int(rng.choice(allowed))
    neighbours = rng.permutation([one for one in allowed if near[first, one] and one != first])
    n_more = min(int(rng.choice(3, p=(0.6, 0.3, 0.1))), max(len(neighbours) - 1, 0))
    cathodes = [first, *neighbours[:n_more]]
    anodes = [*neighbours[n_more : n_more + int(rng.integers(1, 5))]]
    if limits.allowed[-1] and (not anodes or rng.random() < 1 / 3):
        anodes = [*anodes, limits.contacts - 1]
    vector = np.zeros(limits.contacts)
    for sign, contacts in ((-1, cathodes), (1, anodes)):
        vector[contacts] = sign * rng.dirichlet(np.full(len(contacts), 2.0)) if contacts else 0.0
    return vector
