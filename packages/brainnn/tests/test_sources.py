"""Connectomes by name or from a file."""

import json
from pathlib import Path

import numpy as np
import pytest

from brainnn.connectome.formats import save_connectome, save_graphml
from brainnn.connectome.sources import open_connectome


@pytest.fixture
def tables(tmp_path: Path) -> Path:
    (tmp_path / "e.csv").write_text("pre,post,weight\n1,2,5\n3,2,4\n2,3,1\n")
    (tmp_path / "n.csv").write_text("id,transmitter\n1,ACh\n2,Glu\n3,dopamine\n")
    return tmp_path


def test_tables_come_signed(tables: Path) -> None:
    read = open_connectome(tables / "e.csv", nodes=tables / "n.csv")
    assert (len(read), read.edges, read.signs.tolist()) == (3, 3, [1, -1, 0])
    other = open_connectome(
        str(tables / "e.csv"), nodes=tables / "n.csv", glutamate=1, unclear="drop", name="x"
    )
    assert (other.name, other.edges, other.signs.tolist()) == ("x", 2, [1, 1, 0])


def test_saved_connectomes_keep_their_signs(tables: Path) -> None:
    read = open_connectome(tables / "e.csv", nodes=tables / "n.csv", glutamate=1)
    save_connectome(tables / "c.npz", read)
    save_graphml(tables / "c.graphml", read)
    for name in ("c.npz", "c.graphml"):
        assert open_connectome(tables / name).signs.tolist() == [1, 1, 0]


def test_published_matrices_are_found_by_suffix(tmp_path: Path) -> None:
    graphs = {"a": {"matrix": [[0, 1], [0, 0]]}, "b": {"matrix": [[0]]}}
    (tmp_path / "m.json").write_text(json.dumps(graphs))
    assert open_connectome(tmp_path / "m.json", graph="a").edges == 1
    np.save(tmp_path / "m.npy", np.array([[0, 1], [0, 0]]))
    assert open_connectome(tmp_path / "m.npy").signs.tolist() == [0, 0]


def test_the_worm_and_the_surrogate_go_by_name(worm_edges: Path) -> None:
    worm = open_connectome("worm", path=worm_edges)
    assert (len(worm), worm.edges, int((worm.signs < 0).sum())) == (300, 3604, 26)
    inhibited = open_connectome("worm", path=worm_edges, glutamate=-1)
    assert int((inhibited.signs < 0).sum()) == 26 + 75


def test_the_surrogate_takes_a_seed() -> None:
    one, other = open_connectome("surrogate"), open_connectome("surrogate", seed=1)
    assert len(one) == len(other) == 143
    assert (one.synapse_count != other.synapse_count).nnz > 0


def test_unknown_sources_and_options_get_suggestions(tables: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"got 'wurm' \(did you mean 'worm'\?\)"):
        open_connectome("wurm")
    with pytest.raises(FileNotFoundError, match=r"connectome must be one of surrogate, worm, neup"):
        open_connectome(tables / "none.csv")
    with pytest.raises(FileNotFoundError, match=r"a file that ends in .npz, .graphml, .json"):
        open_connectome(tables)
    with pytest.raises(ValueError, match=r"worm cannot be told 'cell' \(did you mean 'cells'\?\)"):
        open_connectome("worm", cell="all")
    with pytest.raises(ValueError, match=r"surrogate cannot be told 'glutamate': it takes seed"):
        open_connectome("surrogate", glutamate=1)
    with pytest.raises(ValueError, match=r"e.csv cannot be told 'edges'"):
        open_connectome(tables / "e.csv", edges="x")
    (tables / "c.npz").write_text("")
    with pytest.raises(ValueError, match=r"cannot be told 'nodes': it takes no options"):
        open_connectome(tables / "c.npz", nodes="x")
