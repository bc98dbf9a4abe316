"""Circuits by a list of cell types and serial sets."""

from pathlib import Path

import numpy as np
import pytest

from brainnn.connectome.circuits import listed_neurons, read_serial_sets, read_type_list
from brainnn.connectome.graph import Connectome
from brainnn.connectome.selection import matching, with_roi
from brainnn.connectome.tables import read_tables
from neuro_common.files import FormatError

LIST = "IN03A007(6)\n2_GABA (2)\nIN20A_22A001(2)\n\nFe reductor MN(8)\n"
SETS = "plot_name,bodyid,type,target\n2_GABA,30,INx,LegNp(T1)(L)\n2_GABA,9,INy,LegNpT2_L\n"


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text)
    return path


@pytest.fixture
def cord() -> Connectome:
    leg, other = frozenset({"LegNpT1_L"}), frozenset({"IntTct"})
    return Connectome.of(
        "cord",
        np.arange(36).reshape(6, 6),
        [100, 30, 9, 20, 8, 7],
        types=["IN03A007", "INx", "INy", "IN20A.22A001", "Fe reductor MN", "INz"],
        rois=[leg, other, other, leg | other, leg, leg],
    )


def test_the_circuit_of_one_leg_is_built(tmp_path: Path, cord: Connectome) -> None:
    names = read_type_list(write(tmp_path, "list.txt", LIST))
    assert names.premotor == {"IN03A007": 6, "2_GABA": 2, "IN20A_22A001": 2}
    assert names.motor == {"Fe reductor MN": 8}
    sets = read_serial_sets(write(tmp_path, "sets.csv", SETS))
    circuit = listed_neurons(cord, names, sets)
    assert circuit.ids.tolist() == ["8", "9", "20", "30", "100"]  # sorted by body id
    assert circuit.synapse_count[0, 4] == 4 * 6 + 0  # 8 -> 100 of the whole
    # a body of a set sends where the set says, not where the connectome does
    assert circuit.rois[1] == {"LegNpT2_L"}
    assert with_roi(circuit, "LegNpT1_L").ids.tolist() == ["8", "20", "30", "100"]


def test_a_set_hides_the_type_of_its_name(cord: Connectome) -> None:
    sets = {"IN03A007": {"7": "LegNpT1_L"}}
    assert listed_neurons(cord, ["IN03A007"], sets).ids.tolist() == ["7"]
    both = listed_neurons(cord, ["IN20A_22A001", "set"], {"set": {"20": "LegNpT3_L"}})
    assert both.rois == ({"LegNpT1_L", "IntTct", "LegNpT3_L"},)


def test_what_is_absent_is_refused_or_dropped(cord: Connectome) -> None:
    with pytest.raises(ValueError, match=r"no type or serial set 'IN03A00' \(did you mean 'IN03A0"):
        listed_neurons(cord, ["IN03A00"])
    with pytest.raises(ValueError, match=r"cord has no neuron '31'; near: 30"):
        listed_neurons(cord, ["set"], {"set": {"31": "LegNpT1_L"}})
    kept = listed_neurons(cord, ["LTM", "set", "INz"], {"set": {"31": "A"}}, absent="drop")
    assert kept.ids.tolist() == ["7"]
    with pytest.raises(ValueError, match=r"got none of the 6 neurons of cord"):
        listed_neurons(cord, ["LTM"], absent="drop")
    with pytest.raises(ValueError, match=r"absent must be 'refuse' or 'drop', got 'keep'"):
        listed_neurons(cord, [], absent="keep")  # type: ignore[arg-type]


def test_neurons_by_target_and_type_pattern(tmp_path: Path) -> None:
    edges = write(tmp_path, "e.csv", "bodyId_pre,bodyId_post,weight\n1,2,5\n2,3,4\n4,1,9\n")
    nodes = write(
        tmp_path,
        "n.csv",
        "bodyId,type,target,outputRois\n1,IN01,LegNpT1_L,[]\n2,DNa,LegNpT1_L,[]\n"
        "3,MNa,LegNpT1_L,[]\n4,IN02,LegNpT2_L,[LegNp(T1)(L)]\n",
    )
    cord = read_tables(edges, nodes, columns={"roi": "target"})
    assert matching(with_roi(cord, "LegNpT1_L"), "IN|MN").ids.tolist() == ["1", "3"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"must hold premotor neurons and, after one empty line, motor neurons, got 0 parts"),
        ("A(1)\n\nB(1)\n\nC(2)\n", r"got 3 parts"),
        ("A(1)\nB\n", r"must hold NAME\(count\), got 'B' in line 2"),
        ("A(1)\n\nA(2)\n", r"must name A once, got it again, line 3"),
    ],
)
def test_bad_lists_are_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(FormatError, match=message):
        read_type_list(write(tmp_path, "list.txt", text))


def test_bad_sets_are_refused(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match=r"must have a column plot_name, got name, bodyid"):
        read_serial_sets(write(tmp_path, "sets.csv", "name,bodyid\n"))
    with pytest.raises(FormatError, match=r"must name a body once in A, got 1 again"):
        read_serial_sets(write(tmp_path, "sets.csv", "plot_name,bodyid,target\nA,1,B\nA,1,C\n"))
