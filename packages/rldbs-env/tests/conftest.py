"""What several test modules share: the command, evaluations of few neurons, and scores."""

import csv
import io
import math
import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Callable
from contextlib import chdir, redirect_stderr, redirect_stdout
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from rldbs_env import BonhoefferVanDerPol, command, protocol, suite
from rldbs_env.controllers import LinearFeedback, make
from rldbs_env.disturbances import ObservationNoise
from rldbs_env.evaluation import Evaluation
from rldbs_env.protocol import Protocol, Recording
from rldbs_env.scoring import Score

# How long an example takes is the machine's affair.
settings.register_profile("rldbs-env", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("rldbs-env")


@dataclass
class Done:
    """How a command line ended."""

    code: int
    out: str
    err: str
    folder: Path

    @property
    def run(self) -> Path:
        """The only run below the folder, which the command has named."""
        (done,) = self.folder.glob("results/rldbs-env/*/*/done")
        assert f"{done.parent.relative_to(self.folder).as_posix()} is done" in self.out
        return done.parent


class Command:
    """The command, in a folder that is made where there is none."""

    def start(self, folder: Path, *words: str) -> "subprocess.Popen[str]":
        """The installed command, or its module where the package runs from its sources."""
        script = shutil.which("rldbs-env", path=sysconfig.get_path("scripts"))
        return subprocess.Popen(
            [*([script] if script else [sys.executable, "-m", "rldbs_env.command"]), *words],
            cwd=folder,
            env={**os.environ, "PYTHONWARNINGS": "error"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def __call__(self, folder: Path, *words: str) -> Done:
        process = self.start(folder, *words)
        out, err = process.communicate(timeout=300)
        assert "Traceback" not in err, err
        return Done(process.returncode, out, err, folder)

    def inside(self, folder: Path, *words: str) -> Done:
        """In this process, which is quicker."""
        folder.mkdir(exist_ok=True)
        out, err = io.StringIO(), io.StringIO()
        with chdir(folder), redirect_stdout(out), redirect_stderr(err):
            code = command.main(words)
        assert "Traceback" not in err.getvalue(), err.getvalue()
        return Done(code, out.getvalue(), err.getvalue(), folder)


@pytest.fixture(scope="session")
def rldbs_env() -> Command:
    """Runs a command line in a folder."""
    return Command()


@pytest.fixture(scope="session")
def short() -> tuple[str, ...]:
    """Options of a short evaluation."""
    return (
        "n_neurons=50",
        "n_ensembles=2",
        "free_steps=1000",
        "controlled_steps=2000",
        "recovery_steps=250",
    )


@pytest.fixture(scope="session")
def contents() -> Callable[[Path], dict[str, bytes]]:
    """Reads all files below a folder."""

    def read(folder: Path) -> dict[str, bytes]:
        found = (path for path in folder.rglob("*") if path.is_file())
        return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}

    return read


@pytest.fixture(scope="session")
def rows() -> Callable[[Path], list[dict[str, str]]]:
    """Reads the rows of a CSV file."""

    def read(file: Path) -> list[dict[str, str]]:
        with open(file, newline="", encoding="utf-8") as text:
            return list(csv.DictReader(text))

    return read


@pytest.fixture(scope="session")
def small() -> Callable[..., Protocol]:
    """Makes tests of two ensembles of 30 neurons, with changes."""

    def changed(**changes: Any) -> Protocol:
        test = Protocol(
            n_neurons=30,
            ensembles=(5, 3),
            free_steps=1000,
            controlled_steps=2000,
            recovery_steps=500,
            transient_steps=0,
        )
        return replace(test, **changes)

    return changed


@pytest.fixture(scope="session")
def recording(small: Callable[..., Protocol]) -> Recording:
    """The linear law in such a test."""
    return protocol.run(LinearFeedback(gain=-0.1, window=50), small())


@pytest.fixture(scope="session")
def evaluation() -> Evaluation:
    """Four controllers; the test's 4,503 steps are no multiple of the five between samples."""
    made = Evaluation(
        Protocol(
            model=BonhoefferVanDerPol(coupling=0.04),
            n_neurons=30,
            ensembles=(7, 3, 5),
            free_steps=1100,
            controlled_steps=3000,
            recovery_steps=403,
            transient_steps=3000,
            seed=5,
        )
    )
    for name in ("none", "tonic", "linear", "delayed"):
        made.add(name, make(name))
    return made


@pytest.fixture(scope="session")
def scores() -> Callable[..., list[Score]]:
    """Makes scores by the ensembles' S_ratio, NaN for a quenched one, and other numbers."""
    plain = Score(
        ensemble=0, s_ratio=4.0, s_sqrt=2.0, s_db=12.0, std_free=1.0, std_controlled=0.25,
        floor_ratio=1.5, quenched=False, diverged=False, active_fraction=1.0, mean_shift=0.02,
        order_free=0.8, order_controlled=0.1, charge=0.001, net_charge=-0.0001, energy=1e-6,
        peak=0.01, pulses_per_period=162.0, reward=-0.01, settling_step=300.0,
        recovery_step=math.nan, period=32.4,
    )  # fmt: skip

    def made(*s_ratios: float, first: int = 1000, **numbers: Any) -> list[Score]:
        return [
            replace(plain, ensemble=first + e, s_ratio=one, quenched=math.isnan(one), **numbers)
            for e, one in enumerate(s_ratios)
        ]

    return made


@pytest.fixture(scope="session")
def shorten_suite() -> Callable[[pytest.MonkeyPatch], None]:
    """Reduces the robustness suite to three conditions of few neurons and the shortest phases."""
    conditions = (
        suite.Condition("plain", "as it is", lambda test, environment: {"n_neurons": 20}),
        suite.Condition(
            "noisy",
            "a noisy recording",
            lambda test, environment: {"n_neurons": 20, "disturbances": (ObservationNoise(0.1),)},
        ),
        suite.Condition(
            "large", "more neurons", lambda test, environment: {"n_neurons": 30}, most_ensembles=1
        ),
    )

    def shorten(patch: pytest.MonkeyPatch) -> None:
        patch.setattr(suite, "CONDITIONS", conditions)
        patch.setattr(
            suite, "_PHASES", {"free_steps": 4, "controlled_steps": 8, "recovery_steps": 1}
        )

    return shorten


@pytest.fixture
def few(
    monkeypatch: pytest.MonkeyPatch, shorten_suite: Callable[[pytest.MonkeyPatch], None]
) -> None:
    """Has the suite reduced like this."""
    shorten_suite(monkeypatch)


@pytest.fixture
def short_validation(monkeypatch: pytest.MonkeyPatch) -> None:
    """Validates the agents in training in 30 steps."""
    monkeypatch.setattr("rldbs_env.training._SETTLING_STEPS", 10)
    monkeypatch.setattr("rldbs_env.training._SCORED_STEPS", 20)
