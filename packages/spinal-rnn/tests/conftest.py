"""What several test modules share: a small session, the command, and examples without haste."""

import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, settings

from spinal_rnn.conditions import Conditions, parse_configuration
from spinal_rnn.session import Session

settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")


@pytest.fixture
def session() -> Session:
    """Three conditions, the first of them measured twice."""
    names = ("cath4_an3_5", "cath0_an16", "cath10_an9_11", "cath4_an3_5")
    vectors = np.stack([parse_configuration(name) for name in names])
    conditions = Conditions.of(vectors, [1.5, 3.0, 0.5, 1.5], [20, 60, 40, 20], 300, [1, 1, 2, 1])
    emg = np.random.default_rng(0).normal(size=(4, 400, 14)).round(4).astype(np.float32)
    return Session(conditions, emg, 2000.0, 20.0)


@pytest.fixture
def assert_same(session: Session) -> Callable[[Session], None]:
    """Holds what was read against this session."""

    def check(read: Session) -> None:
        for name, column in vars(session.conditions).items():
            assert getattr(read.conditions, name) == pytest.approx(column, abs=1e-12), name
        assert np.array_equal(read.emg, session.emg)
        assert (read.fs_hz, read.lead_in_ms, read.subject) == (2000, 20, "")

    return check


@pytest.fixture
def no_drawing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Figures are made and their numbers written; pictures are empty files."""

    def touch(_: object, path: Path, **__: object) -> None:
        path.write_bytes(b"")

    monkeypatch.setattr("matplotlib.figure.Figure.savefig", touch)


@pytest.fixture(scope="session")
def spinal() -> Callable[..., "subprocess.CompletedProcess[str]"]:
    """Runs the installed command in a folder, or its module where it runs from its sources."""
    script = shutil.which("spinal-rnn", path=sysconfig.get_path("scripts"))
    program = [script] if script else [sys.executable, "-m", "spinal_rnn.cli"]

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
