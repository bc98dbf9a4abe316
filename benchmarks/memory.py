"""Memory that one training step of a rate network takes, measured in a process of its own.

    python -m benchmarks.memory chunks 512 2000

prints the growth of the process's peak, in bytes.
"""

from __future__ import annotations

import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from benchmarks.plain_rates import PlainRates
from neuro_common.rate_noise import Noise
from neuro_common.rate_structure import dale_signs
from neuro_common.rates import RateNetwork

__all__ = ["growth_bytes"]

UNITS, CHUNK_STEPS = 500, 50
ROOT = Path(__file__).parents[1]


def growth_bytes(case: str, trials: int, steps: int) -> int:
    """Bytes that a process's peak grows by in one training step of 500 units.

    Args:
        case: "plain", the loop under autograd; "whole" or "chunks", neuro-common's network.
        trials: Trials of a batch.
        steps: Steps of a trial.
    """
    line = [sys.executable, "-m", "benchmarks.memory", case, str(trials), str(steps)]
    done = subprocess.run(line, check=True, capture_output=True, text=True, cwd=ROOT)
    return int(done.stdout)


def main(case: str, trials: int, steps: int) -> None:
    """Take the step and print the growth."""
    torch.set_num_threads(1)
    run = runner(case)
    # what a first step sets up is no part of it
    run(torch.rand(1, 2, 2)).square().mean().backward()
    inputs = torch.rand(trials, steps, 2)
    before = peak_bytes()
    run(inputs).square().mean().backward()
    print(peak_bytes() - before)


def runner(case: str) -> Callable[[Tensor], Tensor]:
    """From inputs to outputs, to be differentiated."""
    if case == "plain":
        return PlainRates(UNITS, 2, 1)
    network = RateNetwork(UNITS, 2, 1, seed=1, signs=dale_signs(UNITS, 0.8))
    noise = Noise(seed=3, recurrent=0.01)
    chunk_steps = {"whole": None, "chunks": CHUNK_STEPS}[case]
    return lambda inputs: network(inputs, noise=noise, chunk_steps=chunk_steps)[0]


def peak_bytes() -> int:
    """Largest resident size that this program had."""
    status = Path("/proc/self/status")
    if status.exists():
        # Linux's getrusage also counts what the process was before it became this program
        (line,) = (row for row in status.read_text().splitlines() if row.startswith("VmHWM"))
        return int(line.split()[1]) * 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
