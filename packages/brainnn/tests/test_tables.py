"""Edge and node tables, joined by id."""

import csv
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from brainnn.connectome.signs import with_signs
from brainnn.connectome.tables import read_tables
from neuro_common.extras import MissingExtra
from neuro_common.files import FormatError

EDGES = "bodyId_pre,bodyId_post,weight\n11,12,5\n12,10,7\n10,12,1\n"
NODES = (
    "bodyId,type,class,target,outputRois,predictedNt\n"
    "12,INa,intrinsic neuron,LegNp(T1)(L),\"['LegNp(T1)(L)', 'IntTct']\",ACH\n"
    "10,MNb,motor neuron,None,[],unclear\n"
    "11,INc,intrinsic neuron,IntTct,['IntTct'],gaba\n"
)


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_the_release_tables_are_joined_by_id(tmp_path: Path) -> None:
    read = read_tables(write(tmp_path, "e.csv", EDGES), write(tmp_path, "n.csv", NODES))
    assert read.ids.tolist() == ["12", "10", "11"]
    expected = [[0, 7, 0], [1, 0, 0], [5, 0, 0]]  # 12 -> 10, 10 -> 12, 11 -> 12
    np.testing.assert_array_equal(read.synapse_count.toarray(), expected)
    assert read.types.tolist() == ["INa", "MNb", "INc"]
    assert read.classes.tolist() == ["interneuron", "motor", "interneuron"]
    assert read.transmitters.tolist() == ["acetylcholine", "", "gaba"]
    assert read.rois == ({"LegNpT1_L", "IntTct"}, frozenset(), {"IntTct"})
    assert (read.name, read.source) == ("e", "e.csv with n.csv")


def test_a_column_can_be_chosen(tmp_path: Path) -> None:
    edges, nodes = write(tmp_path, "e.csv", EDGES), write(tmp_path, "n.csv", NODES)
    read = read_tables(edges, nodes, columns={"roi": "target", "type": "class"}, name="by target")
    assert read.rois == ({"LegNpT1_L"}, {"None"}, {"IntTct"})
    assert read.types[1] == "motor neuron"
    assert read.name == "by target"


def test_without_a_table_of_neurons_the_ids_of_the_edges_are_sorted(tmp_path: Path) -> None:
    edges = write(tmp_path, "e.tsv", "source\ttarget\tcount\nB\t9\t3\n100\tB\t4\n")
    read = read_tables(edges)
    assert read.ids.tolist() == ["9", "100", "B"]
    assert read.synapse_count.toarray()[1, 2] == 4
    assert read.synapse_count.toarray()[2, 0] == 3


@given(
    counts=st.dictionaries(
        st.tuples(st.integers(1, 6), st.integers(1, 6)), st.integers(0, 10**9), min_size=1
    ),
    seed=st.integers(0, 99),
)
def test_the_order_of_rows_does_not_matter(
    counts: dict[tuple[int, int], int], seed: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("tables")
    rows = [f"{pre},{post},{count}" for (pre, post), count in counts.items()]
    random.Random(seed).shuffle(rows)
    edges = write(folder, "e.csv", "\n".join(["pre,post,weight", *rows]))
    order = random.Random(seed + 1).sample(range(1, 7), 6)
    nodes = write(folder, "n.csv", "\n".join(["id", *map(str, order)]))
    dense = read_tables(edges, nodes).synapse_count.toarray()
    for i, pre in enumerate(order):
        for j, post in enumerate(order):
            assert dense[i, j] == counts.get((pre, post), 0)


@pytest.mark.parametrize("suffix", [".feather", ".parquet"])
def test_arrow_tables_are_the_same(tmp_path: Path, suffix: str) -> None:
    arrow = pytest.importorskip("pyarrow")
    from pyarrow import feather, parquet

    write_table: Any = feather.write_feather if suffix == ".feather" else parquet.write_table
    edges, nodes = tmp_path / f"e{suffix}", tmp_path / f"n{suffix}"
    columns = {"bodyId_pre": [11, 12, 10], "bodyId_post": [12, 10, 12], "weight": [5, 7, 1]}
    write_table(arrow.table(columns), edges)
    facts = {
        "bodyId": [12.0, 10.0, 11.0],  # as whole numbers come out of a column with a gap
        "type": ["INa", "MNb", None],
        "class": ["intrinsic neuron", "motor neuron", None],
        "outputRois": [["LegNp(T1)(L)", "IntTct"], [], None],
    }
    write_table(arrow.table(facts), nodes)
    read = read_tables(edges, nodes)
    assert read.ids.tolist() == ["12", "10", "11"]
    np.testing.assert_array_equal(read.synapse_count.toarray(), [[0, 7, 0], [1, 0, 0], [5, 0, 0]])
    assert read.types.tolist() == ["INa", "MNb", ""]
    assert read.rois == ({"LegNpT1_L", "IntTct"}, frozenset(), frozenset())
    edges.write_bytes(edges.read_bytes()[:40])
    with pytest.raises(FormatError, match=rf"must be a whole {suffix} table"):
        read_tables(edges)


def test_a_feather_table_wants_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    edges = write(tmp_path, "e.feather", "")
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    with pytest.raises(MissingExtra, match=r'run pip install "brainnn\[arrow\]"'):
        read_tables(edges)


@pytest.mark.parametrize(
    ("edges", "message"),
    [
        ("", r"must have a column body_id_pre or bodyId_pre or pre or source, got none"),
        ("bodyid_pre,post,weight\n", r"got bodyid_pre, post, weight \(did you mean 'bodyid_pre'\?"),
        ("pre,post,weight\n", r"must name at least one neuron, got none"),
        ("pre,post,weight\n1,2\n", r"must have 3 cells in every row, got 2 in line 2"),
        ("pre,post,weight\n1,2,-3\n", r"whole numbers of synapses, 0 or more, got '-3' in row 1"),
        ("pre,post,weight\n1,2,2.5\n", r"got '2.5' in row 1"),
        ("pre,post,weight\n1,2,many\n", r"got 'many' in row 1"),
        ("pre,post,weight\n1,2,inf\n", r"got 'inf' in row 1"),
        ("pre,post,weight\n1,2,3\n2,1,1\n1,2,4\n", r"list a connection once, got 1 to 2 2 times"),
        ("pre,post,weight\n1,,3\n", r"must give every neuron an id of its own, got an empty one"),
    ],
)
def test_bad_edges_are_refused(tmp_path: Path, edges: str, message: str) -> None:
    with pytest.raises(FormatError, match=message):
        read_tables(write(tmp_path, "e.csv", edges))


def test_bad_neurons_are_refused(tmp_path: Path) -> None:
    edges = write(tmp_path, "e.csv", "pre,post,weight\n1,2,3\n7,2,3\n")
    with pytest.raises(FormatError, match=r"every neuron an id of its own, got 1 twice"):
        read_tables(edges, write(tmp_path, "n.csv", "id\n1\n2\n1\n"))
    with pytest.raises(FormatError, match=r"got pre 7 in row 2 and 1 such rows: give strangers="):
        read_tables(edges, write(tmp_path, "n.csv", "id\n1\n2\n"))
    with pytest.raises(FormatError, match=r"must have a column body_id or .*, got name"):
        read_tables(edges, write(tmp_path, "n.csv", "name\n1\n"))
    with pytest.raises(FormatError, match=r"must have a column typ, got id, type \(did you mean"):
        read_tables(edges, write(tmp_path, "n.csv", "id,type\n1,x\n"), columns={"type": "typ"})


def test_strangers_are_dropped_and_parts_are_summed_on_demand(tmp_path: Path) -> None:
    edges = write(tmp_path, "e.csv", "pre,post,weight\n1,2,3\n1,2,4\n7,2,3\n2,8,1\n")
    nodes = write(tmp_path, "n.csv", "id\n1\n2\n")
    read = read_tables(edges, nodes, strangers="drop", repeats="sum")
    np.testing.assert_array_equal(read.synapse_count.toarray(), [[0, 7], [0, 0]])


def test_bad_options_are_refused(tmp_path: Path) -> None:
    edges = write(tmp_path, "e.csv", EDGES)
    with pytest.raises(ValueError, match=r"columns must be by .*, got 'typ' \(did you mean 'type'"):
        read_tables(edges, columns={"typ": "type"})
    with pytest.raises(ValueError, match=r"strangers must be 'refuse' or 'drop', got 'keep'"):
        read_tables(edges, strangers="keep")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"repeats must be 'refuse' or 'sum', got 'keep'"):
        read_tables(edges, repeats="keep")  # type: ignore[arg-type]
    with pytest.raises(FileNotFoundError, match=r"none.csv must be a table, got nothing there"):
        read_tables(tmp_path / "none.csv")
    with pytest.raises(FormatError, match=r"must end in one of .csv, .tsv, .feather, .parquet"):
        read_tables(write(tmp_path, "e.xls", ""))
    edges.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(FormatError, match=r"must be a table as text, got something else"):
        read_tables(edges)


def test_the_standard_leg_circuit_has_its_published_numbers(manc: Path) -> None:
    nodes = manc / "manc_standard_leg_nodes.csv"
    leg = with_signs(read_tables(manc / "manc_standard_leg_edges.csv", nodes))
    assert (len(leg), leg.edges, leg.synapses) == (143, 1624, 52288)
    assert (leg.synapse_count.data.min(), leg.synapse_count.data.max()) == (5, 470)
    assert not leg.synapse_count.diagonal().any()
    pre, post, count = leg.edge_list()
    motor = leg.classes == "motor"
    assert (motor.sum(), (leg.classes == "interneuron").sum()) == (50, 93)
    blocks = [np.sum((motor[pre] == a) & (motor[post] == b)) for a in (0, 1) for b in (0, 1)]
    assert blocks == [1089, 520, 8, 7]
    by_sign = [leg.signs[pre] == sign for sign in (1, -1, 0)]
    assert [int(chosen.sum()) for chosen in by_sign] == [749, 860, 15]
    assert [int(count[chosen].sum()) for chosen in by_sign[:2]] == [21893, 30254]
    assert all("LegNpT1_L" in rois for rois in leg.rois)
    # an independent way from the file to a sum: row = pre
    with (manc / "manc_standard_leg_edges.csv").open() as file:
        row = next(csv.DictReader(file))
    here = leg.index_of([row["body_id_pre"], row["body_id_post"]])
    assert leg.synapse_count[here[0], here[1]] == int(row["weight"])
