"""Where the real connectomes are that some tests want."""

import os
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import pytest

_BESIDE = Path(__file__).resolve().parents[4] / "shared" / "data" / "connectome"


@pytest.fixture(scope="session")
def manc() -> Path:
    """Folder of the tables of the standard leg premotor circuit."""
    folder = Path(os.environ.get("BRAINNN_MANC", _BESIDE))
    if not (folder / "manc_standard_leg_edges.csv").is_file():
        pytest.skip("BRAINNN_MANC names no folder with manc_standard_leg_edges.csv")
    return folder


@pytest.fixture(scope="session")
def worm_edges() -> Path:
    """Edge list of C. elegans, as c302 ships it."""
    path = os.environ.get("BRAINNN_WORM")
    if path is None:
        try:
            path = str(distribution("c302").locate_file("c302/data/herm_full_edgelist.csv"))
        except PackageNotFoundError:
            pytest.skip("c302 is not installed and BRAINNN_WORM names no edge list")
    return Path(path)
