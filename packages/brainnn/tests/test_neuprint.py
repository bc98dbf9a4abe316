"""neuPrint, by a stand-in for its client."""

import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from brainnn.connectome.neuprint import fetch_neuprint
from neuro_common.extras import MissingExtra
from neuro_common.files import FormatError

TOKEN = "NEUPRINT_APPLICATION_CREDENTIALS"


class Server:
    """Answers as neuPrint does: bodies 7 and 9, and 7 -> 9 of 12 synapses."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def fetch_custom(self, cypher: str, *, format: str) -> dict[str, Any]:
        assert format == "json"
        self.asked.append(cypher)
        if "ConnectsTo" in cypher:
            return {"columns": ["pre", "post", "count"], "data": [[7, 9, 12]]}
        if "nowhere" in cypher:
            return {"columns": ["id", "type", "class", "transmitter", "roi"], "data": []}
        where = json.dumps({"LegNp(T1)(L)": {"pre": 3, "post": 1}, "IntTct": {"post": 2}})
        return {
            "columns": ["id", "type", "class", "transmitter", "roi"],
            "data": [
                [7, "IN01", "intrinsic neuron", "gaba", where],
                [9, "MNa", "motor neuron", None, None],
            ],
        }


def test_neurons_and_connections_are_fetched() -> None:
    server = Server()
    read = fetch_neuprint(
        types=["MNa", "IN01"], target="LegNpT1_L", min_weight=3, client=server, cache=None
    )
    assert read.ids.tolist() == ["7", "9"]
    np.testing.assert_array_equal(read.synapse_count.toarray(), [[0, 12], [0, 0]])
    assert read.classes.tolist() == ["interneuron", "motor"]
    assert read.transmitters.tolist() == ["gaba", ""]
    assert read.rois == ({"LegNpT1_L"}, frozenset())  # where it has output synapses
    assert read.source == "neuPrint manc:v1.2.1"
    neurons, connections = server.asked
    assert 'WHERE n.type IN ["IN01", "MNa"] AND n.target = "LegNpT1_L" RETURN' in neurons
    assert "n.bodyId IN [7, 9] AND m.bodyId IN [7, 9] AND c.weight >= 3" in connections


def test_one_type_needs_no_list() -> None:
    server = Server()
    fetch_neuprint(types="IN01", client=server, cache=None)
    assert 'WHERE n.type IN ["IN01"] RETURN' in server.asked[0]


def test_a_name_cannot_leave_its_quotes() -> None:
    server = Server()
    fetch_neuprint(pattern='IN" OR "1"="1', client=server, cache=None)
    assert r'WHERE n.type =~ "IN\" OR \"1\"=\"1" RETURN' in server.asked[0]


def test_what_was_fetched_is_kept_with_its_provenance(tmp_path: Path) -> None:
    server = Server()
    first = fetch_neuprint(types=["IN01"], client=server, cache=tmp_path)
    again = fetch_neuprint(types=["IN01"], cache=tmp_path)  # neither token nor network
    assert len(server.asked) == 2
    np.testing.assert_array_equal(again.ids, first.ids)
    assert again.rois == first.rois
    fetch_neuprint(types=["IN01"], min_weight=6, client=server, cache=tmp_path)
    assert len(server.asked) == 4  # another query is another file
    beside, *_ = sorted(tmp_path.glob("*.json"))
    facts = json.loads(beside.read_text())
    assert facts["query"]["dataset"] == "manc:v1.2.1"
    assert len(facts["sha256"]) == 64
    assert beside.name.startswith("manc_v1.2.1_")


def test_a_fetch_that_was_cut_short_is_done_again(tmp_path: Path) -> None:
    server = Server()
    fetch_neuprint(types=["IN01"], client=server, cache=tmp_path)
    next(tmp_path.glob("*.json")).unlink()
    fetch_neuprint(types=["IN01"], client=server, cache=tmp_path)
    assert len(server.asked) == 4


def test_a_changed_file_is_refused(tmp_path: Path) -> None:
    fetch_neuprint(types=["IN01"], client=Server(), cache=tmp_path)
    (kept,) = tmp_path.glob("*.npz")
    kept.write_bytes(kept.read_bytes() + b" ")
    with pytest.raises(FormatError, match=r"must be as it was fetched, got one that was changed"):
        fetch_neuprint(types=["IN01"], cache=tmp_path)


def test_bad_queries_are_refused() -> None:
    with pytest.raises(ValueError, match=r"give types, pattern or target: all neurons are too"):
        fetch_neuprint(client=Server())
    with pytest.raises(ValueError, match=r"min_weight must be 1 or more, got 0"):
        fetch_neuprint(types=["IN01"], min_weight=0, client=Server())
    with pytest.raises(ValueError, match=r"manc:v1.2.1 has no neuron where n.target = \"nowhere\""):
        fetch_neuprint(target="nowhere", client=Server(), cache=None)


def fake_client(monkeypatch: pytest.MonkeyPatch, outcome: Any) -> None:
    def connect(server: str, *, dataset: str, token: str) -> Any:
        assert (server, dataset, token) == ("https://neuprint.janelia.org", "manc:v1.2.1", "secret")
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    monkeypatch.setitem(sys.modules, "neuprint", SimpleNamespace(Client=connect))
    monkeypatch.setenv(TOKEN, "secret")


def test_the_token_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    fake_client(monkeypatch, Server())
    assert len(fetch_neuprint(types=["IN01"], cache=None)) == 2
    monkeypatch.delenv(TOKEN)
    with pytest.raises(
        ValueError, match=rf"neuPrint wants a token, got none: log in at .* {TOKEN}"
    ):
        fetch_neuprint(types=["IN01"], cache=None)


def test_what_the_server_refuses_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    fake_client(monkeypatch, OSError("Max retries exceeded"))
    with pytest.raises(
        ConnectionError, match=r"cannot be reached, or refuses \(Max retries exceed"
    ):
        fetch_neuprint(types=["IN01"], cache=None)
    fake_client(monkeypatch, RuntimeError("Dataset 'manc:v1.2.1' does not exist"))
    with pytest.raises(ValueError, match=r"no such dataset, or no such token: Dataset 'manc"):
        fetch_neuprint(types=["IN01"], cache=None)

    class Broken(Server):
        def fetch_custom(self, cypher: str, *, format: str) -> dict[str, Any]:
            raise OSError("401 Unauthorized")

    fake_client(monkeypatch, Broken())
    with pytest.raises(ConnectionError, match=r"401 Unauthorized.*check the network and NEUPRINT"):
        fetch_neuprint(types=["IN01"], cache=None)


def test_without_the_client_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "neuprint", None)
    with pytest.raises(MissingExtra, match=r'run pip install "brainnn\[neuprint\]"'):
        fetch_neuprint(types=["IN01"], cache=None)
