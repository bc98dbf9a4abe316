"""What several test modules share: the command, networks whose rhythm is known, an oracle."""

import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Callable
from itertools import product
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, settings

from neuro_common.rates import RateNetwork
from rhythm_rnn.equilibria import RateFlow
from rhythm_rnn.flows import Array

settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")


@pytest.fixture(scope="module")
def beating() -> RateNetwork:
    """Three inhibitory units that fire in turn, each with an excitatory one that it holds down.

    Units 0, 1, 2 excite, 3, 4, 5 inhibit in a ring, weaker forwards than backwards (a threshold-
    linear network with a limit cycle, Morrison and Curto 2019), 6 excites and 7 inhibits but both
    are silent. The ring is symmetric, so that its units fire a third of the cycle apart. The output
    is the rate of unit 0. A cue above 0 drives the ring: it scales the rhythm and leaves its tempo.
    """
    signs = torch.tensor([1.0, 1, 1, -1, -1, -1, 1, -1])
    network = RateNetwork(8, 2, 1, seed=0, signs=signs, dtype=torch.float64)
    weight = np.zeros((8, 8))
    for i in range(3):
        weight[3 + i, 3 + (i - 1) % 3] = 0.5
        weight[3 + i, 3 + (i + 1) % 3] = 1.75
        weight[i, 3 + i] = 1.0
    drive = np.zeros((8, 2))
    drive[3:6, 1] = (1.0, 1.0, 1.001)  # not quite alike, or nothing would begin
    with torch.no_grad():
        network.recurrent_weight.copy_(torch.from_numpy(weight))
        network.input_weight.copy_(torch.from_numpy(drive))
        network.bias.copy_(torch.tensor([0.5, 0.5, 0.5, 0, 0, 0, -1, -1]))
        network.output_weight.copy_(torch.eye(8, dtype=torch.float64)[:1])
    return network


@pytest.fixture(scope="module")
def relaxing() -> RateNetwork:
    """A unit that excites itself, and a slower one that silences it.

    Below cue 0 the first one rests off or, as a saddle, on; above 0 it switches itself on until the
    second one switches it off. The output is its rate.
    """
    tau = torch.tensor([10.0, 30.0])
    network = RateNetwork(
        2, 2, 1, seed=0, autapses=True, tau_ms=tau, dt_ms=0.5, dtype=torch.float64
    )
    with torch.no_grad():
        network.recurrent_weight.copy_(torch.tensor([[3.0, -4.0], [2.0, 0.0]]))
        network.input_weight.copy_(torch.tensor([[0.0, 1.0], [0.0, 0.0]]))
        network.bias.copy_(torch.tensor([0.0, -1.0]))
        network.output_weight.copy_(torch.tensor([[1.0, 0.0]]))
    return network


@pytest.fixture(scope="session")
def brute_force() -> Callable[[RateFlow, float], list[Array]]:
    """Every fixed point of a ReLU network at a cue: all active sets are tried."""

    def fixed_points(one: RateFlow, cue: float) -> list[Array]:
        n = len(one.bias)
        drive = one.cue_weight * cue + one.bias
        found = []
        for bits in product((0.0, 1.0), repeat=n):
            state = np.linalg.solve(np.eye(n) - one.weight * np.array(bits), drive)
            if ((state > 0) == np.array(bits, dtype=bool)).all():
                found.append(state)
        return found

    return fixed_points


@pytest.fixture(scope="session")
def rhythm() -> Callable[..., "subprocess.CompletedProcess[str]"]:
    """Runs the installed command in a folder, or its module where it runs from its sources."""
    script = shutil.which("rhythm-rnn", path=sysconfig.get_path("scripts"))
    program = [script] if script else [sys.executable, "-m", "rhythm_rnn.cli"]

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
