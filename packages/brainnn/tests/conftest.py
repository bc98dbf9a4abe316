"""What several test modules share: real connectomes, the command, pages without pictures."""

import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")

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


@pytest.fixture
def no_drawing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Figures are made and not drawn: their files are the least that a report takes for one."""

    def touch(_: object, path: Path, **__: object) -> None:
        path.write_bytes(b"")

    monkeypatch.setattr("matplotlib.figure.Figure.savefig", touch)


@pytest.fixture
def elsewhere(no_drawing: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty working folder, and no drawing."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="session")
def brainnn() -> Callable[..., "subprocess.CompletedProcess[str]"]:
    """Runs the installed command in a folder, or its module where it runs from its sources."""
    script = shutil.which("brainnn", path=sysconfig.get_path("scripts"))
    program = [script] if script else [sys.executable, "-m", "brainnn.cli"]

    def run(folder: Path, *words: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [*program, *words],
            cwd=folder,
            env={**os.environ, "PYTHONWARNINGS": "error"},
            capture_output=True,
            text=True,
            check=False,
        )

    return run
