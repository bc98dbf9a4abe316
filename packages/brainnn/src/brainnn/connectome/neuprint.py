"""Connectomes from a neuPrint server, through its client, kept in a file once fetched."""

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from brainnn.connectome.formats import load_connectome, save_connectome
from brainnn.connectome.graph import Connectome
from brainnn.connectome.tables import neuron_facts, synapse_counts
from neuro_common.extras import require
from neuro_common.files import FormatError, read_json, to_json, write_json

__all__ = ["NeuprintClient", "fetch_neuprint"]

_TOKEN = "NEUPRINT_APPLICATION_CREDENTIALS"
_FORMAT = "brainnn/neuprint"


class NeuprintClient(Protocol):
    """What is asked of `neuprint.Client`."""

    def fetch_custom(self, cypher: str, *, format: str) -> dict[str, Any]:
        """Answer a Cypher query by columns and data (rows)."""


def fetch_neuprint(
    *,
    types: str | Sequence[str] = (),
    pattern: str | None = None,
    target: str | None = None,
    min_weight: int = 5,
    dataset: str = "manc:v1.2.1",
    server: str = "https://neuprint.janelia.org",
    cache: str | Path | None = "connectomes",
    client: NeuprintClient | None = None,
) -> Connectome:
    """Fetch some neurons and the connections among them.

    What was fetched is kept in ``cache`` as npz, by the hash of the query; beside it a JSON file
    says where it comes from, with the hash of the npz. A second call reads these, and needs neither
    token nor network.

    Args:
        types: Cell types, or one.
        pattern: Regular expression that the whole cell type matches, in the server's dialect.
        target: Neuropil that the neuron's property target names, such as `LegNpT1_L`.
        min_weight: Synapses that a connection has at least.
        dataset: Name and version on the server.
        server: Its address.
        cache: Folder to keep what was fetched; None keeps nothing.
        client: To ask; None makes a `neuprint.Client` with the token in the environment variable
            ``NEUPRINT_APPLICATION_CREDENTIALS``.

    Raises:
        ValueError: Nothing says which neurons, there is no token, the server lacks the dataset, or
            no neuron was found.
        ConnectionError: The server cannot be reached, or refuses.
        FormatError: What is in ``cache`` was changed.
        MissingExtra: neuprint-python is not installed.
    """
    if min_weight < 1:
        raise ValueError(f"min_weight must be 1 or more, got {min_weight}")
    types = [types] if isinstance(types, str) else sorted(types)
    query = {
        "server": server,
        "dataset": dataset,
        "types": types,
        "pattern": pattern,
        "target": target,
        "min_weight": min_weight,
    }
    which = _condition(types, pattern, target)
    name = f"{dataset.replace(':', '_')}_{_digest(to_json(query, sort_keys=True).encode())}"
    kept = None if cache is None else Path(cache) / f"{name}.npz"
    # the JSON file is written last: without it, a fetch was cut short
    if kept is not None and kept.with_suffix(".json").is_file():
        return _from_cache(kept)
    connectome = _fetched(client or _connect(server, dataset), which, min_weight, name, query)
    if kept is not None:
        save_connectome(kept, connectome)
        facts = {"query": query, "fetched": datetime.now(UTC).isoformat(timespec="seconds")}
        write_json(
            kept.with_suffix(".json"), {**facts, "sha256": _digest(kept.read_bytes(), 64)}, _FORMAT
        )
    return connectome


def _condition(types: Sequence[str], pattern: str | None, target: str | None) -> str:
    """Which neurons, in Cypher; strings of JSON are strings of Cypher."""
    parts = []
    if types:
        parts.append(f"n.type IN {json.dumps(types)}")
    if pattern is not None:
        parts.append(f"n.type =~ {json.dumps(pattern)}")
    if target is not None:
        parts.append(f"n.target = {json.dumps(target)}")
    if not parts:
        raise ValueError("give types, pattern or target: all neurons are too many to fetch at once")
    return " AND ".join(parts)


def _connect(server: str, dataset: str) -> NeuprintClient:
    neuprint = require("neuprint", "neuprint", "brainnn")
    if not (token := os.environ.get(_TOKEN)):
        raise ValueError(
            f"neuPrint wants a token, got none: log in at {server}, copy it from Account, and set "
            f"the environment variable {_TOKEN}"
        )
    try:
        client: NeuprintClient = neuprint.Client(server, dataset=dataset, token=token)
    except OSError as error:  # what requests raises are OSErrors
        raise _unreachable(error) from None
    except RuntimeError as error:
        raise ValueError(f"neuPrint has no such dataset, or no such token: {error}") from None
    return client


def _unreachable(error: OSError) -> ConnectionError:
    return ConnectionError(
        f"neuPrint cannot be reached, or refuses ({str(error).strip()}): check the network and "
        f"{_TOKEN}"
    )


def _ask(client: NeuprintClient, cypher: str) -> dict[str, list[Any]]:
    try:
        answer = client.fetch_custom(cypher, format="json")
    except OSError as error:
        raise _unreachable(error) from None
    columns: list[str] = answer["columns"]
    return {name: [row[place] for row in answer["data"]] for place, name in enumerate(columns)}


def _fetched(
    client: NeuprintClient, which: str, min_weight: int, name: str, query: Mapping[str, Any]
) -> Connectome:
    neurons = _ask(
        client,
        f"MATCH (n:Neuron) WHERE {which} RETURN n.bodyId AS id, n.type AS type, n.class AS class, "
        "n.predictedNt AS transmitter, n.roiInfo AS roi ORDER BY n.bodyId",
    )
    if not neurons["id"]:
        raise ValueError(f"neuPrint {query['dataset']} has no neuron where {which}")
    neurons["roi"] = [_output_rois(cell) for cell in neurons["roi"]]
    bodies = json.dumps(neurons["id"])
    table = _ask(
        client,
        f"MATCH (n:Neuron)-[c:ConnectsTo]->(m:Neuron) WHERE n.bodyId IN {bodies} "
        f"AND m.bodyId IN {bodies} AND c.weight >= {min_weight} "
        "RETURN n.bodyId AS pre, m.bodyId AS post, c.weight AS count",
    )
    where = f"neuPrint {query['dataset']}"
    ids, facts = neuron_facts(where, neurons)
    return Connectome.of(name, synapse_counts(where, table, ids), ids, source=where, **facts)


def _output_rois(cell: str | None) -> list[str]:
    """Neuropils where a neuron has output synapses, of its property roiInfo."""
    numbers: dict[str, dict[str, int]] = json.loads(cell or "{}")
    return [roi for roi, of in numbers.items() if of.get("pre", 0) > 0]


def _from_cache(path: Path) -> Connectome:
    beside = path.with_suffix(".json")
    found, wanted = _digest(path.read_bytes(), 64), read_json(beside, _FORMAT).get("sha256")
    if found != wanted:
        raise FormatError(
            f"{path} must be as it was fetched, got one that was changed: delete it and {beside} "
            "to fetch it again"
        )
    return load_connectome(path)


def _digest(data: bytes, digits: int = 8) -> str:
    return hashlib.sha256(data).hexdigest()[:digits]
