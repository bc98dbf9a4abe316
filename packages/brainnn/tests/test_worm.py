"""C. elegans from the edge list of c302."""

import csv
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import numpy as np
import pytest

from brainnn.connectome import worm
from brainnn.connectome.signs import with_signs
from brainnn.connectome.worm import read_worm
from neuro_common.extras import MissingExtra
from neuro_common.files import FormatError


def small(folder: Path) -> Path:
    """Padded as the file is; a gap junction of two numbers, an autapse, a muscle."""
    path = folder / "list.csv"
    path.write_text(
        "Source,Target,Weight,Type\nAVAL , VB01   ,3,chemical\nVB01,VB01,2,chemical\n"
        "VB01 , dBWML7,9,chemical\nAVAL,ASHL,4,electrical\nASHL,AVAL,5,electrical\n"
        "ASHL , AVAL,6,chemical\nVB01,hyp,1,chemical\n"
    )
    return path


def test_cells_get_their_types_and_classes(tmp_path: Path) -> None:
    read = read_worm(small(tmp_path), cells="all")
    facts = zip(read.ids.tolist(), read.types.tolist(), read.classes.tolist(), strict=True)
    assert [*facts] == [
        ("ASHL", "ASH", "sensory"),
        ("AVAL", "AVA", "interneuron"),
        ("VB01", "VB", "motor"),
        ("dBWML7", "dBWM", "muscle"),
        ("hyp", "hyp", ""),
    ]
    assert read.transmitters.tolist() == ["glutamate", "acetylcholine", "acetylcholine", "", ""]


def test_synapses_of_each_kind_are_chosen(tmp_path: Path) -> None:
    path = small(tmp_path)
    np.testing.assert_array_equal(
        read_worm(path).synapse_count.toarray(), [[0, 6, 0], [0, 0, 3], [0, 0, 0]]
    )
    np.testing.assert_array_equal(
        read_worm(path, synapses="electrical").synapse_count.toarray(),
        [[0, 5, 0], [5, 0, 0], [0, 0, 0]],  # both ways, and the larger number
    )
    both = read_worm(path, synapses="both", cells="muscles", autapses=True)
    np.testing.assert_array_equal(
        both.synapse_count.toarray(), [[0, 11, 0, 0], [5, 0, 3, 0], [0, 0, 2, 9], [0, 0, 0, 0]]
    )
    assert both.name == "C. elegans, both synapses"


def test_the_whole_animal_has_its_published_numbers(worm_edges: Path) -> None:
    with worm_edges.open(encoding="utf-8") as file:
        rows = [{key: cell.strip() for key, cell in row.items()} for row in csv.DictReader(file)]
    assert len(rows) == 7379
    whole = read_worm(worm_edges, cells="all", autapses=True)
    assert len(whole) == 448
    assert (whole.edges, whole.synapses) == (4681, 27019)
    total: dict[str, int] = {}
    for row in rows:
        if row["Type"] == "chemical":
            total[row["Source"]] = total.get(row["Source"], 0) + int(row["Weight"])
    out = dict(zip(whole.ids.tolist(), whole.synapse_count.sum(axis=1).tolist(), strict=True))
    assert {name: count for name, count in out.items() if count} == total
    gaps = read_worm(worm_edges, cells="all", synapses="electrical", autapses=True)
    assert (gaps.synapse_count != gaps.synapse_count.T).nnz == 0
    pairs = {(r["Source"], r["Target"]) for r in rows if r["Type"] == "electrical"}
    assert gaps.edges == len(pairs | {pair[::-1] for pair in pairs}) == 2704


def test_its_neurons_are_300_of_117_types(worm_edges: Path) -> None:
    neurons = read_worm(worm_edges)
    assert (len(neurons), len(set(neurons.types.tolist()))) == (300, 117)  # CAN has no synapse
    names, sizes = np.unique(neurons.classes, return_counts=True)
    assert dict(zip(names.tolist(), sizes.tolist(), strict=True)) == {
        "interneuron": 89,
        "motor": 128,
        "sensory": 83,
    }
    assert not neurons.synapse_count.diagonal().any()
    here = set(neurons.ids.tolist())
    with worm_edges.open(encoding="utf-8") as file:
        ends = [(r["Source"].strip(), r["Target"].strip(), r["Type"]) for r in csv.DictReader(file)]
    among = [(a, b) for a, b, kind in ends if {a, b} <= here and a != b and kind == "chemical"]
    assert neurons.edges == len(among) == 3604
    gaba = neurons.types[neurons.transmitters == "gaba"]
    assert len(gaba) == 26  # McIntire et al. 1993
    assert set(gaba.tolist()) == {"AVL", "DD", "DVB", "RIS", "RME", "VD"}
    signs = with_signs(neurons, glutamate=1).signs
    assert [int((signs == sign).sum()) for sign in (1, -1, 0)] == [232, 26, 42]
    assert len(read_worm(worm_edges, cells="muscles")) == 300 + 137


def test_every_cell_type_has_one_class_and_one_transmitter() -> None:
    for table in (worm._CLASSES, worm._TRANSMITTERS):
        names = " ".join(table.values()).split()
        assert len(names) == len(set(names))
    assert len(worm._CLASS_OF) == 118
    assert set(worm._TRANSMITTER_OF) <= set(worm._CLASS_OF)


def test_without_c302_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> None:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(worm, "distribution", absent)
    with pytest.raises(MissingExtra, match=r'run pip install "brainnn\[worm\]", or give the path'):
        read_worm()


def test_bad_input_is_refused(tmp_path: Path) -> None:
    path = small(tmp_path)
    with pytest.raises(ValueError, match=r"synapses must be one of .*, got 'chemicals'"):
        read_worm(path, synapses="chemicals")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"cells must be one of .*, got 'glia'"):
        read_worm(path, cells="glia")  # type: ignore[arg-type]
    path.write_text("Source,Target,Weight,Type\nAVAL,VB01,3,Send\n")
    with pytest.raises(FormatError, match=r"Type must be chemical or electrical, got 'Send'"):
        read_worm(path)
    path.write_text("Source,Target,Weight\nAVAL,VB01,3\n")
    with pytest.raises(FormatError, match=r"must have a column Type, got Source, Target, Weight"):
        read_worm(path)
