"""Parts of a connectome: by type, neuropil, class, pattern, distance, strength."""

import re
from collections.abc import Sequence
from typing import Literal

import numpy as np
from scipy import sparse

from brainnn.connectome.graph import Connectome
from brainnn.connectome.names import class_name, known, roi_name, type_spellings

__all__ = ["above_threshold", "matching", "with_class", "with_roi", "with_types", "within_hops"]


def with_types(
    connectome: Connectome, types: Sequence[str], *, absent: Literal["refuse", "drop"] = "refuse"
) -> Connectome:
    """The neurons of some cell types, in the connectome's order.

    Args:
        connectome: Where to choose.
        types: Cell types; `IN20A_22A001` finds `IN20A.22A001` too, and the reverse.
        absent: What to do with a type that no neuron has.

    Raises:
        ValueError: A type is absent and not to be dropped, or no neuron is left.
    """
    if absent not in ("refuse", "drop"):
        raise ValueError(f"absent must be 'refuse' or 'drop', got {absent!r}")
    there = [*dict.fromkeys(connectome.types.tolist())]
    wanted: list[str] = []
    for name in types:
        spelled = [spelling for spelling in type_spellings(name) if spelling in there]
        if not spelled and absent == "refuse":
            known(name, there, "type", connectome.name)
        wanted += spelled
    return connectome.take(np.isin(connectome.types, wanted))


def with_roi(connectome: Connectome, roi: str) -> Connectome:
    """The neurons that send to a neuropil.

    Args:
        connectome: Where to choose.
        roi: Such as `LegNpT1_L`; `LegNp(T1)(L)` is the same.

    Raises:
        ValueError: No neuron sends there; the message suggests a neuropil.
    """
    there = sorted(set().union(*connectome.rois))
    name = known(roi_name(roi), there, "neuropil", connectome.name)
    return connectome.take(np.array([name in rois for rois in connectome.rois]))


def with_class(connectome: Connectome, *classes: str) -> Connectome:
    """The neurons of some classes.

    Args:
        connectome: Where to choose.
        *classes: Such as "interneuron"; the short names of `brainnn.connectome.names.class_name`,
            such as "IN", are the same.

    Raises:
        ValueError: No neuron is of one of the classes; the message suggests one.
    """
    there = [*dict.fromkeys(connectome.classes.tolist())]
    names = [known(class_name(one), there, "class", connectome.name) for one in classes]
    return connectome.take(np.isin(connectome.classes, names))


def matching(connectome: Connectome, pattern: str) -> Connectome:
    """The neurons in whose cell type a regular expression is found, such as `IN|MN` or `^IN19A`.

    Raises:
        ValueError: The expression is none, or no type holds it.
    """
    try:
        expression = re.compile(pattern)
    except re.error as error:
        raise ValueError(
            f"pattern must be a regular expression, got {pattern!r}: {error}"
        ) from None
    found = np.array([bool(expression.search(name)) for name in connectome.types.tolist()])
    if not found.any():
        raise ValueError(
            f"no type of {connectome.name} matches {pattern!r}: its types are such as "
            f"{', '.join(sorted({*connectome.types.tolist()} - {''})[:5]) or '(unknown)'}"
        )
    return connectome.take(found)


def within_hops(
    connectome: Connectome,
    ids: Sequence[object],
    hops: int,
    *,
    direction: Literal["downstream", "upstream", "both"] = "both",
) -> Connectome:
    """Some neurons and those that a path of at most so many connections leads to.

    Args:
        connectome: Where to choose.
        ids: Where paths begin.
        hops: Connections, 0 or more.
        direction: Along the connections, against them, or either at each step.

    Raises:
        ValueError: An id or the direction is unknown, or ``hops`` is negative.
    """
    if hops < 0:
        raise ValueError(f"hops must be 0 or more, got {hops}")
    to_post = (connectome.synapse_count > 0).astype(np.int8).T
    steps = {"downstream": to_post, "upstream": to_post.T, "both": to_post + to_post.T}
    if direction not in steps:
        raise ValueError(f"direction must be one of {', '.join(steps)}, got {direction!r}")
    reached = np.zeros(len(connectome), dtype=bool)
    reached[connectome.index_of(ids)] = True
    for _ in range(min(hops, len(connectome))):
        reached |= steps[direction] @ reached.astype(np.int64) > 0
    return connectome.take(reached)


def above_threshold(connectome: Connectome, synapses: int) -> Connectome:
    """The same neurons with those connections alone that have at least so many synapses.

    Raises:
        ValueError: The threshold is below 1, or no connection is left.
    """
    if synapses < 1:
        raise ValueError(f"synapses must be 1 or more, got {synapses}")
    counts = connectome.synapse_count.tocoo()
    strong = counts.data >= synapses
    if not strong.any():
        raise ValueError(
            f"no connection of {connectome.name} has {synapses} synapses, the most is "
            f"{counts.data.max(initial=0)}"
        )
    kept = sparse.coo_array((counts.data[strong], (counts.row[strong], counts.col[strong])),
                            shape=counts.shape)  # fmt: skip
    return connectome.with_counts(kept, name=connectome.name)
