"""What several test modules share: a command that exists for them, runs, a recording."""

import importlib
import logging
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, settings

from neuro_common import cli
from neuro_common.runs import Run
from neuro_common.store import Recording, Signal

settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")

SOURCES = Path(cli.__file__).parents[1]

CONFIG = """
from __future__ import annotations
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

@dataclass
class Model:
    width: int = 2

@dataclass
class Train:
    model: Model = field(default_factory=Model)
    seed: int = 0
    gain: float = 1.0
    wait_for: str | None = None
    weights: Path | None = None
    arguments: dict[str, Any] = field(default_factory=dict)
    threads: int = 1
    device: str = "cpu"

    def __post_init__(self) -> None:
        if self.gain < 0:
            raise ValueError(f"gain must be >= 0, got {self.gain}")

@dataclass
class Build:
    run: str = "???"
"""

WORK = """
import os, time
from pathlib import Path
from neuro_common.extras import require
from toy_dist.config import Train

def train(config: Train, run) -> float:
    assert isinstance(config, Train)
    if config.gain == 7:
        raise ValueError("gain must not be 7")
    if config.gain == 8:
        raise KeyError("a bug")
    if config.gain == 9:
        require("a_module_that_nobody_has", "io")
    with open("calls.txt", "a") as calls:
        calls.write(f"{config.seed}\\n")
    run.log(step=0, loss=1.0)
    run.path("figures", "began").write_text("x")
    while config.wait_for and config.wait_for.startswith(f"{config.seed}-") and not Path(
        config.wait_for
    ).exists():
        time.sleep(0.01)
    run.log(step=1, loss=0.5)
    return config.seed * 10.0

def build(config, run) -> None:
    run.path("built").write_text(config.run)

def info(words) -> int:
    print("info", *words)
    return 0
"""

TRAIN = """
defaults:
  - neuro
  - train_schema
  - model: small
  - _self_
hydra:
  job: {name: toy-dist}
  searchpath: ["pkg://neuro_common.conf"]
seed: 3
"""

BUILD = """
defaults: [neuro, net_build_schema, _self_]
hydra:
  job: {name: toy-dist}
  searchpath: ["pkg://neuro_common.conf"]
"""

CLI = """
import sys
from neuro_common.cli import Verb, main

VERBS = [
    Verb("train", "train a toy", "toy-dist train seed=3", "toy_dist.work:train",
         "toy_dist.config:Train"),
    Verb("net build", "build a net", "toy-dist net build run=x", "toy_dist.work:build",
         "toy_dist.config:Build"),
    Verb("info", "print versions", "toy-dist info", "toy_dist.work:info"),
]

if __name__ == "__main__":
    sys.exit(main("toy-dist", VERBS))
"""


@dataclass
class Toy:
    """A distribution that exists for these tests, and the folder that it is used in."""

    sources: Path
    folder: Path

    def environment(self) -> dict[str, str]:
        path = os.pathsep.join([str(self.sources), str(SOURCES)])
        return {**os.environ, "PYTHONPATH": path, "PYTHONWARNINGS": "error::UserWarning"}

    def start(self, *words: str) -> "subprocess.Popen[str]":
        # as from a terminal, even where the tests run in the background and ignore Ctrl-C
        code = (
            "import signal, runpy; signal.signal(signal.SIGINT, signal.default_int_handler); "
            "runpy.run_module('toy_dist.cli', run_name='__main__', alter_sys=True)"
        )
        return subprocess.Popen(
            [sys.executable, "-c", code, *words],
            cwd=self.folder,
            env=self.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def __call__(self, *words: str) -> "subprocess.CompletedProcess[str]":
        process = self.start(*words)
        out, err = process.communicate(timeout=600)
        return subprocess.CompletedProcess(words, process.returncode, out, err)

    def calls(self) -> list[str]:
        file = self.folder / "calls.txt"
        return file.read_text().split() if file.exists() else []

    def wait(self, is_so: Callable[[], bool]) -> None:
        for _ in range(30_000):
            if is_so():
                return
            time.sleep(0.01)
        raise TimeoutError("the toy did not get as far as it should")


@pytest.fixture(scope="session")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("toy")
    package = root / "toy_dist"
    (package / "conf" / "model").mkdir(parents=True)
    for name, text in {
        "__init__.py": "",
        "config.py": CONFIG,
        "work.py": WORK,
        "cli.py": CLI,
        "conf/__init__.py": "",
        "conf/train.yaml": TRAIN,
        "conf/net_build.yaml": BUILD,
        "conf/model/small.yaml": "width: 2\n",
        "conf/model/big.yaml": "width: 20\n",
    }.items():
        (package / name).write_text(text)
    return root


@pytest.fixture
def toy(sources: Path, tmp_path: Path) -> Toy:
    return Toy(sources, tmp_path)


@pytest.fixture
def here(
    toy: Toy, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str]]:
    """The toy's command in this process, which is quicker: exit code and standard error."""
    monkeypatch.syspath_prepend(toy.sources)
    monkeypatch.chdir(toy.folder)

    root = logging.getLogger()
    monkeypatch.setattr(root, "handlers", list(root.handlers))
    monkeypatch.setattr(root, "level", root.level)

    def run(*words: str) -> tuple[int, str]:
        verbs = importlib.import_module("toy_dist.cli").VERBS
        code = cli.main("toy-dist", verbs, words)
        return code, capsys.readouterr().err

    return run


@pytest.fixture
def begin() -> Callable[..., Run]:
    """Opens the run of a toy in a directory; keywords change what is asked for."""

    def open_run(directory: Path, **changes: Any) -> Run:
        asked: dict[str, Any] = {
            "config": {"seed": 3, "model": {"width": 2, "gain": 1.5}, "threads": 1},
            "distribution": "toy",
            "verb": "train",
            "command": "toy train",
            "seed": 3,
        }
        return Run.open(directory, **asked | changes)

    return open_run


@pytest.fixture
def finished(begin: Callable[..., Run]) -> Callable[..., Path]:
    """Makes such a run that is done, with a metric."""

    def finish_run(directory: Path, metric: float | None = 0.25) -> Path:
        with begin(directory) as run:
            run.finish(metric)
        return directory

    return finish_run


@pytest.fixture
def recording() -> Recording:
    """With times, channels, neurons and a number."""
    time_ms = np.arange(0.0, 5.0, 0.5)
    return Recording(
        {
            "mean_x": Signal(np.cos(time_ms), ("time",), "1", "mean fast variable"),
            "lfp": Signal(np.outer(time_ms, [1, -2]).astype("f4"), ("time", "channel"), "mV"),
            "time": Signal(time_ms, ("time",), "ms", "time since switch-on"),
            "current": Signal(np.array([0.5, 0.7, 0.6]), ("neuron",), "nA", "bias"),
            "coupling": Signal(np.float64(0.03), (), "1"),
        },
        {"seed": 3, "controller": "linear", "phases": ["free", "controlled"], "settled": None},
    )
