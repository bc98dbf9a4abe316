"""Edge and node tables: CSV, TSV, Feather or Parquet, joined by id and never by row order."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from scipy import sparse

from brainnn.connectome.columns import read_columns
from brainnn.connectome.graph import Connectome
from brainnn.connectome.names import class_name, natural_order, roi_names, transmitter_name
from neuro_common.files import FormatError
from neuro_common.verbs import suggestion

__all__ = ["neuron_facts", "read_tables", "synapse_counts"]

_EDGE_COLUMNS = {
    "pre": ("body_id_pre", "bodyId_pre", "pre", "source"),
    "post": ("body_id_post", "bodyId_post", "post", "target"),
    "count": ("weight", "synapse_count", "count", "synapses"),
}
_NODE_COLUMNS = {
    "id": ("body_id", "bodyId", "bodyid", "id"),
    "type": ("type",),
    "class": ("class",),
    "transmitter": ("neurotransmitter", "transmitter", "predictedNt"),
    "roi": ("outputRois", "roi", "target"),
}


def read_tables(
    edges: str | Path,
    nodes: str | Path | None = None,
    *,
    columns: Mapping[str, str] | None = None,
    strangers: Literal["refuse", "drop"] = "refuse",
    repeats: Literal["refuse", "sum"] = "refuse",
    name: str | None = None,
) -> Connectome:
    """Read a connectome from a table of its connections and perhaps one of its neurons.

    The columns of the MANC release (bodyId_pre, bodyId_post, weight; bodyId, type, class,
    outputRois, predictedNt) are found, and those with underscores (body_id_pre); classes,
    transmitters and neuropils get the names of `brainnn.connectome.names`. Signs stay unknown, see
    `brainnn.connectome.signs`.

    Args:
        edges: Table with a row for each connection: pre, post, synapse count.
        nodes: Table with a row for each neuron, whose order is that of the neurons; None takes the
            ids that occur in ``edges``, sorted.
        columns: Which column to take for what: names of columns by "pre", "post", "count", "id",
            "type", "class", "transmitter" and "roi"; those left out are found by their usual names.
        strangers: What to do with a connection from or to an id that ``nodes`` lacks.
        repeats: What to do with a second row of one pre and post: "sum" is for tables that list
            the neuropils of a connection apart.
        name: What to call it; None takes the name of the file.

    Raises:
        FileNotFoundError: There is no such file.
        FormatError: A table is damaged, lacks a column, repeats an id or a connection, or holds
            something else than counts.
        ValueError: ``columns`` or an option names something unknown.
        MissingExtra: A Feather or Parquet table wants the extra ``arrow``.
    """
    edges, chosen = Path(edges), dict(columns or {})
    _check_options(chosen, strangers, repeats)
    table = read_columns(edges, _EDGE_COLUMNS, chosen)
    if nodes is None:
        ends = {*map(_id, table["pre"]), *map(_id, table["post"])}
        ids, facts = neuron_facts(edges, {"id": sorted(ends, key=natural_order)})
    else:
        neurons = read_columns(nodes, _NODE_COLUMNS, chosen, optional=[*_FACTS])
        ids, facts = neuron_facts(nodes, neurons)
    counts = synapse_counts(edges, table, ids, strangers=strangers, repeats=repeats)
    source = edges.name if nodes is None else f"{edges.name} with {Path(nodes).name}"
    return Connectome.of(name or edges.stem, counts, ids, source=source, **facts)


def _check_options(columns: Mapping[str, str], strangers: str, repeats: str) -> None:
    uses = [*_EDGE_COLUMNS, *_NODE_COLUMNS]
    for use in columns:
        if use not in uses:
            raise ValueError(
                f"columns must be by {', '.join(uses)}, got {use!r}{suggestion(use, uses)}"
            )
    if strangers not in ("refuse", "drop"):
        raise ValueError(f"strangers must be 'refuse' or 'drop', got {strangers!r}")
    if repeats not in ("refuse", "sum"):
        raise ValueError(f"repeats must be 'refuse' or 'sum', got {repeats!r}")


def neuron_facts(
    where: str | Path, table: Mapping[str, Sequence[Any]]
) -> tuple[list[str], dict[str, Any]]:
    """Ids of a table of neurons in its order, and what else it says of them.

    Args:
        where: The table's file, or another origin, for messages.
        table: Cells by "id" and perhaps "type", "class", "transmitter" and "roi".

    Returns:
        Ids, and keywords of `brainnn.connectome.graph.Connectome.of`.

    Raises:
        FormatError: There is no neuron, or an id is missing or comes twice.
    """
    ids = [_id(cell) for cell in table["id"]]
    seen: set[str] = set()
    for one in ids:
        if one == "" or one in seen:
            raise FormatError(
                f"{where} must give every neuron an id of its own, got "
                f"{f'{one} twice' if one else 'an empty one'}"
            )
        seen.add(one)
    if not ids:
        raise FormatError(f"{where} must name at least one neuron, got none")
    return ids, {
        field: [read(cell) for cell in table[use]]
        for use, (field, read) in _FACTS.items()
        if use in table
    }


def synapse_counts(
    where: str | Path,
    table: Mapping[str, Sequence[Any]],
    ids: Sequence[str],
    *,
    strangers: Literal["refuse", "drop"] = "refuse",
    repeats: Literal["refuse", "sum"] = "refuse",
) -> sparse.coo_array:
    """Counts between neurons from rows of connections, joined by id.

    Args:
        where: The table's file, or another origin, for messages.
        table: Cells by "pre", "post" and "count".
        ids: Of the neurons, in their order.
        strangers: As in :func:`read_tables`.
        repeats: As in :func:`read_tables`.

    Returns:
        Shape (neurons, neurons), row = pre.

    Raises:
        FormatError: As in :func:`read_tables`.
    """
    place = {one: index for index, one in enumerate(ids)}
    pre = [place.get(_id(cell), -1) for cell in table["pre"]]
    post = [place.get(_id(cell), -1) for cell in table["post"]]
    edge = np.array([pre, post], dtype=np.int64)
    count = np.array(_counts(where, table["count"]), dtype=np.int64)
    known = (edge >= 0).all(axis=0)
    if strangers == "refuse" and not known.all():
        row = int(known.argmin())
        end = "pre" if edge[0, row] < 0 else "post"
        raise FormatError(
            f"{where} must connect neurons of the other table, got {end} {_id(table[end][row])} in "
            f"row {row + 1} and {int((~known).sum())} such rows: give strangers='drop' to leave "
            "them out"
        )
    edge, count = edge[:, known], count[known]
    if repeats == "refuse":
        pairs, times = np.unique(edge[0] * len(ids) + edge[1], return_counts=True)
        if (times > 1).any():
            pair = int(pairs[times.argmax()])
            raise FormatError(
                f"{where} must list a connection once, got {ids[pair // len(ids)]} to "
                f"{ids[pair % len(ids)]} {times.max()} times: give repeats='sum' where these are "
                "its parts"
            )
    return sparse.coo_array((count, (edge[0], edge[1])), shape=(len(ids), len(ids)))


def _counts(where: str | Path, cells: Iterable[Any]) -> list[int]:
    counts = []
    for row, cell in enumerate(cells, start=1):
        try:
            number = float(cell)
        except (TypeError, ValueError):
            number = math.nan
        if not (number >= 0 and number.is_integer()):
            raise FormatError(
                f"{where} must hold whole numbers of synapses, 0 or more, got {cell!r} in row {row}"
            )
        counts.append(int(number))
    return counts


def _id(cell: Any) -> str:
    # a column of whole numbers with a gap comes from Arrow as floats
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return _text(cell)


def _text(cell: Any) -> str:
    return "" if _is_missing(cell) else str(cell)


def _is_missing(cell: Any) -> bool:
    return cell is None or (isinstance(cell, float) and math.isnan(cell))


_FACTS: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "type": ("types", _text),
    "class": ("classes", lambda cell: class_name(_text(cell))),
    "transmitter": ("transmitters", lambda cell: transmitter_name(_text(cell))),
    "roi": ("rois", lambda cell: frozenset() if _is_missing(cell) else roi_names(cell)),
}
