"""Speed and memory of the rate networks of neuro-common, against the plain loop."""

from collections.abc import Callable
from typing import Any

import pytest
import torch

from benchmarks.memory import CHUNK_STEPS, growth_bytes
from benchmarks.plain_rates import PlainRates
from neuro_common.rate_ensemble import RateEnsemble
from neuro_common.rate_noise import Noise
from neuro_common.rate_structure import dale_signs
from neuro_common.rates import RateNetwork

UNITS, INPUTS, OUTPUTS = 500, 2, 1
NOISE = Noise(seed=3, recurrent=0.01, inputs=0.01, compat=True)


def fast(units: int = UNITS, seed: int = 1) -> RateNetwork:
    """A network with the published radius."""
    signs = dale_signs(units, 0.8)
    return RateNetwork(units, INPUTS, OUTPUTS, seed=seed, signs=signs, spectral_radius=0.53)


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


class Together:
    """Networks one after the other, and together; a step is one of one trial of one network."""

    members, units, trials, steps = 0, 0, 0, 0

    def networks(self) -> list[RateNetwork]:
        return [fast(self.units, seed) for seed in range(self.members)]

    def inputs(self) -> torch.Tensor:
        shape = (self.members, self.trials, self.steps, INPUTS)
        return inputs(self.members * self.trials, self.steps).view(shape)

    @property
    def noise(self) -> list[Noise]:
        return [Noise(seed, recurrent=0.01) for seed in range(self.members)]

    def measure(self, benchmark: Any, label: str, work: Callable[[], Any]) -> None:
        measure(benchmark, label, self.members * self.trials * self.steps, work)


class Training(Together):
    def test_one_by_one(self, benchmark: Any) -> None:
        networks, x, noise = self.networks(), self.inputs(), self.noise
        benchmark.extra_info["baseline"] = True

        def work() -> None:
            for network, own, kicks in zip(networks, x, noise, strict=True):
                network(own, noise=kicks)[0].square().mean().backward()

        self.measure(benchmark, "one after the other", work)

    def test_together(self, benchmark: Any) -> None:
        ensemble, x, noise = RateEnsemble(self.networks()), self.inputs(), self.noise
        self.measure(
            benchmark,
            "RateEnsemble",
            lambda: ensemble(x, noise=noise)[0].square().mean().backward(),
        )


@pytest.mark.benchmark(group="Rate networks: training of 16 (100 units, 16 trials of 500 steps)")
class TestTrainingOf16(Training):
    members, units, trials, steps = 16, 100, 16, 500


@pytest.mark.benchmark(group="Rate networks: training of 4 (500 units, 16 trials of 500 steps)")
class TestTrainingOf4(Training):
    members, units, trials, steps = 4, 500, 16, 500


@pytest.mark.benchmark(group="Rate networks: free run of 16 (100 units, one trial of 1,000 steps)")
class TestFreeRunOf16(Together):
    members, units, trials, steps = 16, 100, 1, 1000

    def test_one_by_one(self, benchmark: Any) -> None:
        networks, x, noise = self.networks(), self.inputs(), self.noise
        benchmark.extra_info["baseline"] = True

        def work() -> None:
            for network, own, kicks in zip(networks, x, noise, strict=True):
                network.free_run(own, noise=kicks)

        self.measure(benchmark, "one after the other", work)

    def test_together(self, benchmark: Any) -> None:
        ensemble, x, noise = RateEnsemble(self.networks()), self.inputs(), self.noise
        self.measure(benchmark, "RateEnsemble", lambda: ensemble.free_run(x, noise=noise))


@pytest.mark.benchmark(
    group="Rate network: memory of a training step (500 units, 512 trials of 2,000 steps, noise)"
)
class TestMemory:
    """What a process's peak grows by. The plain loop's is that of 100 steps, times 20."""

    @pytest.mark.parametrize(
        ("case", "steps", "label"),
        [
            ("plain", 100, "plain loop under autograd"),
            ("whole", 2000, "one function"),
            ("chunks", 2000, f"one function, in chunks of {CHUNK_STEPS} steps"),
        ],
    )
    def test_growth(self, benchmark: Any, case: str, steps: int, label: str) -> None:
        grown = benchmark.pedantic(growth_bytes, args=(case, 512, steps), rounds=1)
        baseline = case == "plain"
        benchmark.extra_info |= {
            "label": label,
            "baseline": baseline,
            "bytes": grown * 2000 / steps,
        }
