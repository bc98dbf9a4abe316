"""A connectome as a user asks for it: a source, and what of it."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, cast

from brainnn.connectome.circuits import listed_neurons, read_serial_sets, read_type_list
from brainnn.connectome.graph import Connectome
from brainnn.connectome.selection import (
    above_threshold,
    matching,
    with_class,
    with_roi,
    with_types,
    within_hops,
)
from brainnn.connectome.sources import open_connectome

__all__ = ["choose_connectome"]


def choose_connectome(
    source: str | Path,
    *,
    options: Mapping[str, Any] | None = None,
    threshold: int = 1,
    hops: int | None = None,
    hops_from: Sequence[str] = (),
    direction: str = "both",
    type_list: str | Path | None = None,
    serial_sets: str | Path | None = None,
    types: Sequence[str] = (),
    classes: Sequence[str] = (),
    roi: str | None = None,
    pattern: str | None = None,
    absent: str = "refuse",
) -> Connectome:
    """Open a connectome and take a part, step by step in the order of the arguments.

    Args:
        source: As for `brainnn.connectome.sources.open_connectome`.
        options: What the source is told, such as ``{"nodes": "nodes.csv"}``.
        threshold: Fewest synapses of a connection.
        hops: Longest path, in connections, from or to the neurons of ``hops_from``; None takes all.
        hops_from: Ids of neurons.
        direction: Of these paths: "downstream", "upstream" or "both".
        type_list: File of lines NAME(count), as `brainnn.connectome.circuits.read_type_list`.
        serial_sets: Table of the serial sets that the list names.
        types: Cell types; none takes all.
        classes: Classes; none takes all.
        roi: Neuropil that neurons send to; None takes all.
        pattern: Regular expression that a type must hold; None takes all.
        absent: What to do with names of the list, or types, that the source lacks: "refuse" or
            "drop".

    Raises:
        ValueError: Names are unknown, or nothing is left; as the functions of
            `brainnn.connectome.selection`.
        FormatError: A file is damaged or foreign.
        FileNotFoundError: A file is not there.
    """
    missing = cast(Literal["refuse", "drop"], absent)
    graph = open_connectome(source, **(options or {}))
    if threshold != 1:
        graph = above_threshold(graph, threshold)
    if (hops is None) == bool(hops_from):
        raise ValueError(
            f"give hops and hops_from together, got hops={hops} from {len(hops_from)} neurons"
        )
    if hops is not None:
        towards = cast(Literal["downstream", "upstream", "both"], direction)
        graph = within_hops(graph, hops_from, hops, direction=towards)
    if type_list is not None:
        sets = None if serial_sets is None else read_serial_sets(serial_sets)
        graph = listed_neurons(graph, read_type_list(type_list), sets, absent=missing)
    if types:
        graph = with_types(graph, types, absent=missing)
    if classes:
        graph = with_class(graph, *classes)
    if roi is not None:
        graph = with_roi(graph, roi)
    return graph if pattern is None else matching(graph, pattern)
