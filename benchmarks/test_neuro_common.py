"""Steps per second of the rate networks of neuro-common, against the plain loop."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch

from benchmarks.plain_rates import PlainRates
from neuro_common.rate_noise import Noise
from neuro_common.rate_structure import dale_signs
from neuro_common.rates import RateNetwork

UNITS, INPUTS, OUTPUTS = 500, 2, 1
NOISE = Noise(seed=3, recurrent=0.01, inputs=0.01, compat=True)


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def fast() -> RateNetwork:
    """500 units with the published radius."""
    signs = dale_signs(UNITS, 0.8)
    return RateNetwork(UNITS, INPUTS, OUTPUTS, seed=1, signs=signs, spectral_radius=0.53)


def inputs(trials: int, steps: int) -> torch.Tensor:
    return torch.rand(trials, steps, INPUTS, generator=torch.Generator().manual_seed(0))


def measure(benchmark: Any, label: str, trial_steps: int, work: Callable[[], Any]) -> None:
    """Time work of so many steps, each of one trial."""
    benchmark.extra_info |= {"label": label, "steps": trial_steps}
    benchmark.pedantic(work, rounds=5, warmup_rounds=1)


@pytest.mark.benchmark(group="Rate network: training (500 units, 64 trials of 300 steps, noise)")
class TestTraining:
    """Forward, loss and backward; a step is one of one trial."""

    x = inputs(64, 300)

    def test_plain(self, benchmark: Any) -> None:
        network = PlainRates(UNITS, INPUTS, OUTPUTS)
        benchmark.extra_info["baseline"] = True
        measure(
            benchmark,
            "plain loop under autograd",
            64 * 300,
            lambda: network(self.x).square().mean().backward(),
        )

    @pytest.mark.parametrize("chunk_steps", [None, 64])
    def test_fast(self, benchmark: Any, chunk_steps: int | None) -> None:
        network = fast()

        def loss() -> None:
            outputs, _ = network(self.x, noise=NOISE, chunk_steps=chunk_steps)
            outputs.square().mean().backward()

        chunks = f", in chunks of {chunk_steps} steps" if chunk_steps else ""
        measure(benchmark, f"one function{chunks}", 64 * 300, loss)


@pytest.mark.benchmark(group="Rate network: free run (500 units, noise)")
class TestFreeRun:
    """No gradients; a step is one of one cue."""

    def test_plain(self, benchmark: Any) -> None:
        network, x = PlainRates(UNITS, INPUTS, OUTPUTS), inputs(1, 1000)
        benchmark.extra_info["baseline"] = True
        with torch.no_grad():
            measure(benchmark, "plain loop, one cue", 1000, lambda: network(x))

    def test_one_cue(self, benchmark: Any) -> None:
        network, x = fast(), inputs(1, 5000)
        measure(benchmark, "free_run, one cue", 5000, lambda: network.free_run(x, noise=NOISE))

    def test_hundred_cues(self, benchmark: Any) -> None:
        network, x = fast(), inputs(100, 500)
        measure(
            benchmark, "free_run, 100 cues", 100 * 500, lambda: network.free_run(x, noise=NOISE)
        )
