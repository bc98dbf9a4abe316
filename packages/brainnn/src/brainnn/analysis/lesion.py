"""Which neurons carry the walk: groups are silenced one after the other, and it is scored again.

To silence many neurons does more than to silence few, whichever they are. So each group is compared
with as many other neurons of the same classes, drawn at random.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from brainnn.connectome.graph import Connectome
from brainnn.networks.lesions import ablate
from brainnn.networks.rnn import ConnectomeRNN
from neuro_common.seeding import generator
from neuro_common.stats import Interval

__all__ = [
    "CHANGES",
    "Lesion",
    "Scores",
    "changes",
    "groups_of",
    "lesion_groups",
    "lesion_table",
    "strongest_groups",
]

Scores = Mapping[str, NDArray[np.float64]]
"""Columns of one number for each episode, as `brainnn.learning.evaluation.score` gives them."""

CHANGES = ("speed", "upright", "stride_hz")
"""What a table tells of each lesion: forward speed and stride frequency as shares of those of the
intact network, and the share of the episodes without a fall."""

_SCORED, _RESAMPLES = ("speed", "stride_hz", "fell"), 2000


@dataclass(frozen=True, eq=False)
class Lesion:
    """A network without some neurons, and how it walked.

    Attributes:
        group: The group, "intact" for none.
        draw: 0 for the group itself; 1, 2, ... for as many other neurons.
        neurons: How many were silenced.
        scores: Of each episode; the seeds are those of the intact network.
    """

    group: str
    draw: int
    neurons: int
    scores: Scores


def groups_of(
    connectome: Connectome, by: Literal["type", "class", "transmitter"] = "type"
) -> dict[str, NDArray[np.intp]]:
    """Neurons by type, class or transmitter; those without a name are in no group.

    Args:
        connectome: Whose neurons.
        by: What makes a group.

    Returns:
        Name to the indices of its neurons (members,), rising.

    Raises:
        ValueError: ``by`` is something else, or no neuron has a name.
    """
    columns = {
        "type": connectome.types,
        "class": connectome.classes,
        "transmitter": connectome.transmitters,
    }
    if by not in columns:
        raise ValueError(f"by must be one of {', '.join(columns)}, got {by!r}")
    labels = columns[by]
    names = sorted({*labels.tolist()} - {""})
    if not names:
        raise ValueError(f"{connectome.name} tells no {by} of any neuron: group by another")
    return {name: np.flatnonzero(labels == name) for name in names}


def lesion_groups(
    core: ConnectomeRNN,
    groups: Mapping[str, NDArray[np.intp]],
    walk: Callable[[ConnectomeRNN], Scores],
    *,
    draws: int = 3,
    seed: int = 0,
    report: Callable[[Lesion], None] = lambda lesion: None,
) -> list[Lesion]:
    """Silence each group in turn, and as many others.

    Args:
        core: The network.
        groups: Neurons by group.
        walk: Scores a network, on the same seeds each time.
        draws: How often others are drawn for each group; fewer where there are not enough.
        seed: Of the draws.
        report: Called with each result.

    Returns:
        The intact network first, then each group followed by its draws.

    Raises:
        ValueError: ``draws`` is negative.
    """
    if draws < 0:
        raise ValueError(f"draws must be at least 0, got {draws}")
    lesions: list[Lesion] = []

    def silence(group: str, draw: int, neurons: NDArray[np.intp]) -> None:
        lesions.append(Lesion(group, draw, len(neurons), walk(ablate(core, neurons))))
        report(lesions[-1])

    silence("intact", 0, np.array([], np.intp))
    for number, (group, neurons) in enumerate(groups.items()):
        silence(group, 0, neurons)
        for draw in range(1, draws + 1):
            others = _others(core.wiring.connectome, neurons, generator(seed, number, draw))
            if others is None:
                break
            silence(group, draw, others)
    return lesions


def changes(
    after: Scores | Sequence[Scores], before: Scores, *, seed: int = 0
) -> dict[str, Interval[float]]:
    """What is left of a walk, with 95 % bootstrap intervals.

    Episodes of one seed are resampled together, before and after the change, and so are the draws
    of a change that was drawn: neither the intact walk nor the draws that happened to be made are
    taken for certain. From few draws such an interval is too narrow.

    Args:
        after: Scores after the change, of each of its draws if there are several.
        before: Scores before it, on the same seeds.
        seed: Of the bootstrap.

    Returns:
        By name in `CHANGES`; an episode too short for a stride frequency is left out of it.
    """
    draws = [after] if isinstance(after, Mapping) else [*after]
    stacked = {name: np.stack([one[name] for one in draws]) for name in _SCORED}
    left = {name: _left(stacked[name], before[name], seed) for name in ("speed", "stride_hz")}
    left["upright"] = _left(1 - stacked["fell"], np.ones_like(before["fell"]), seed)
    return {name: left[name] for name in CHANGES}


def lesion_table(lesions: list[Lesion], *, seed: int = 0) -> dict[str, list[Any]]:
    """One row for each group and one for all of its draws, the most slowing group first.

    Args:
        lesions: As :func:`lesion_groups` gives them.
        seed: Of the bootstrap.

    Returns:
        Columns ``group``, ``random`` (whether others were drawn), ``neurons`` and, for each of
        `CHANGES`, its mean and the limits of its interval.
    """
    intact, *others = lesions
    merged: dict[tuple[str, bool], list[Lesion]] = {}
    for one in others:
        merged.setdefault((one.group, one.draw > 0), []).append(one)
    rows = [
        (
            group,
            random,
            many[0].neurons,
            changes([one.scores for one in many], intact.scores, seed=seed),
        )
        for (group, random), many in merged.items()
    ]
    slowing = {group: found["speed"].mean for group, random, _, found in rows if not random}
    rows.sort(key=lambda row: (slowing[row[0]], row[0], row[1]))
    rows.insert(0, ("intact", False, 0, changes(intact.scores, intact.scores, seed=seed)))
    columns: dict[str, list[Any]] = {
        "group": [row[0] for row in rows],
        "random": [row[1] for row in rows],
        "neurons": [row[2] for row in rows],
    }
    for name in CHANGES:
        for part in ("mean", "low", "high"):
            label = name if part == "mean" else f"{name}_{part}"
            columns[label] = [getattr(row[3][name], part) for row in rows]
    return columns


def strongest_groups(table: Mapping[str, list[Any]], groups: int) -> dict[str, list[Any]]:
    """The part of a table that is on the groups whose loss changes one of `CHANGES` most.

    Args:
        table: As :func:`lesion_table` gives it.
        groups: How many are kept, at most, in the order of the table.

    Returns:
        The rows of these groups and of their draws, after that of the intact network.
    """
    shares = np.array([table[name] for name in CHANGES], dtype=np.float64)
    change = np.nan_to_num(np.abs(shares - 1)).max(axis=0)
    own = np.flatnonzero(~np.array(table["random"], np.bool_))[1:]
    strongest = own[np.argsort(-change[own], kind="stable")[:groups]]
    kept = {table["group"][row] for row in strongest}
    rows = [0, *(row for row, group in enumerate(table["group"]) if row and group in kept)]
    return {name: [column[row] for row in rows] for name, column in table.items()}


def _others(
    connectome: Connectome, neurons: NDArray[np.intp], rng: np.random.Generator
) -> NDArray[np.intp] | None:
    """As many other neurons of the same classes; None where there are not enough."""
    rest = np.setdiff1d(np.arange(len(connectome)), neurons)
    drawn = []
    for label, wanted in zip(
        *np.unique(connectome.classes[neurons], return_counts=True), strict=True
    ):
        pool = rest[connectome.classes[rest] == label]
        if len(pool) < wanted:
            return None
        drawn.append(rng.choice(pool, wanted, replace=False))
    return np.concatenate(drawn)


def _left(after: NDArray[np.float64], before: NDArray[np.float64], seed: int) -> Interval[float]:
    """Mean of (draws, episodes) over that of (episodes,), and its interval."""
    rng, (draws, episodes) = generator(seed), after.shape
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = float(_nanmean(after.reshape(1, -1))[0] / _nanmean(before[None])[0])
        if np.isfinite(after).any(axis=0).sum() < 2:
            return Interval(mean, float("nan"), float("nan"))
        chosen = rng.integers(episodes, size=(_RESAMPLES, episodes))
        drawn = rng.integers(draws, size=(_RESAMPLES, draws))
        many = after[drawn[:, :, None], chosen[:, None]].reshape(_RESAMPLES, -1)
        ratios = _nanmean(many) / _nanmean(before[chosen])
    known = ratios[np.isfinite(ratios)]
    if len(known) == 0:
        return Interval(mean, float("nan"), float("nan"))
    low, high = np.quantile(known, [0.025, 0.975])
    # rounding may leave the mean of resamples that are all alike outside
    return Interval(mean, min(float(low), mean), max(float(high), mean))


def _nanmean(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean of each row over what is finite; NaN where nothing is, without a warning."""
    finite = np.isfinite(values)
    count = finite.sum(axis=1)
    total = np.where(finite, values, 0.0).sum(axis=1)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)
