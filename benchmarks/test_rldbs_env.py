"""Environment steps per second of rldbs-env, observation and reward included."""

from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from stable_baselines3 import PPO

from rldbs_env import BonhoefferVanDerPol, DBSEnv, DBSVectorEnv, HindmarshRose, KuramotoGrid
from rldbs_env.catalogue import settings_of
from rldbs_env.config import TrainConfig
from rldbs_env.networks import small_world
from rldbs_env.sb3 import DBSVecEnv
from rldbs_env.speed import numpy_step
from rldbs_env.training import train

ROUNDS = 9
ROUND_NEURON_STEPS = 40_000_000  # about 0.1 s of work


def measure(benchmark: Any, work: Callable[[], None], *, calls: int, steps: int) -> None:
    """Time ``calls`` calls a round, each of so many environment steps."""

    def one_round() -> None:
        for _ in range(calls):
            work()

    benchmark.extra_info["steps"] = calls * steps
    benchmark.pedantic(one_round, rounds=ROUNDS, warmup_rounds=1)


def measure_vector(benchmark: Any, num_envs: int, n_neurons: int, **settings: Any) -> None:
    """Time a vector environment under small random kicks."""
    env = DBSVectorEnv(
        num_envs, n_neurons=n_neurons, transient_steps=0, episode_steps=None, **settings
    )
    env.reset(seed=0)
    shape = env.action_space.shape
    kicks = np.random.default_rng(0).uniform(-0.1, 0.1, shape).astype(np.float32)
    calls = max(1, min(5000, ROUND_NEURON_STEPS // (num_envs * n_neurons)))
    measure(benchmark, lambda: env.step(kicks) and None, calls=calls, steps=num_envs)
    env.close()


@pytest.mark.benchmark(group="Programs (1,000 neurons)")
class TestPrograms:
    """The same step as plain numpy, as single environment and as batches of 64."""

    def test_plain_numpy(self, benchmark: Any) -> None:
        model = BonhoefferVanDerPol()
        state, currents = model.draw(1000, np.random.default_rng(0))
        benchmark.extra_info |= {"baseline": True, "label": "plain numpy, equations only"}
        measure(
            benchmark, lambda: numpy_step(model, state, currents, 0.0) is None, calls=500, steps=1
        )

    def test_single(self, benchmark: Any) -> None:
        env = DBSEnv(transient_steps=0, episode_steps=None)
        env.reset(seed=0)
        kick = np.full(1, 0.1, np.float32)
        benchmark.extra_info["label"] = "single environment, one after the other"
        measure(benchmark, lambda: env.step(kick) and None, calls=5000, steps=1)

    def test_single_python_side(self, benchmark: Any) -> None:
        env = DBSEnv(n_neurons=1, transient_steps=0, episode_steps=None)
        env.reset(seed=0)
        kick = np.full(1, 0.1, np.float32)
        benchmark.extra_info["label"] = "single environment of 1 neuron (its Python side)"
        measure(benchmark, lambda: env.step(kick) and None, calls=5000, steps=1)

    def test_vector_float64(self, benchmark: Any) -> None:
        benchmark.extra_info["label"] = "vector of 64, float64"
        measure_vector(benchmark, 64, 1000)

    def test_vector_float32(self, benchmark: Any) -> None:
        benchmark.extra_info["label"] = "vector of 64, float32"
        measure_vector(benchmark, 64, 1000, dtype="float32")

    def test_vector_two_threads(self, benchmark: Any) -> None:
        benchmark.extra_info["label"] = "vector of 64, float64, 2 threads"
        measure_vector(benchmark, 64, 1000, threads=2)

    def test_sb3(self, benchmark: Any) -> None:
        env = DBSVecEnv(DBSVectorEnv(64, transient_steps=0, episode_steps=None))
        env.reset()
        kicks = np.zeros((64, 1), np.float32)
        benchmark.extra_info["label"] = "stable-baselines3 adapter of 64, float64"
        measure(benchmark, lambda: env.step(kicks) and None, calls=900, steps=64)


@pytest.mark.benchmark(group="Training by PPO (1,000 neurons, policy and optimiser included)")
class TestTraining:
    """The agent of `rldbs-env train`, and stable-baselines3 left to its own networks."""

    steps = 12 * 64 * 128

    def test_plain(self, benchmark: Any) -> None:
        benchmark.extra_info |= {
            "baseline": True, "label": "stable-baselines3's MlpPolicy on whole windows",
            "steps": self.steps,
        }  # fmt: skip
        env = DBSVecEnv(
            DBSVectorEnv(64, signals=("x",), dtype="float32", ensemble=range(4), episode_steps=4000)
        )
        model = PPO("MlpPolicy", env, n_steps=128, batch_size=2048, n_epochs=4, device="cpu")
        benchmark.pedantic(lambda: model.learn(self.steps) and None, rounds=3, warmup_rounds=1)

    def test_agent(self, benchmark: Any, tmp_path: Path) -> None:
        benchmark.extra_info |= {
            "label": "rldbs-env train, checkpoint and validation included", "steps": self.steps,
        }  # fmt: skip
        config = TrainConfig(steps=self.steps, pool=4, checkpoint_steps=self.steps)
        folders = (tmp_path / str(i) for i in count())
        benchmark.pedantic(lambda: train(config, next(folders)) and None, rounds=3, warmup_rounds=1)


@pytest.mark.benchmark(group="Models (vector of 64, steps of RK4)")
@pytest.mark.parametrize(
    ("label", "n_neurons", "settings"),
    [
        ("Bonhoeffer-van der Pol, 1,000 neurons, float64", 1000, {}),
        ("the same, two populations", 1000, {"model": BonhoefferVanDerPol(populations=2)}),
        (
            "the same on a small-world network of 10 neighbours",
            1000,
            {"model": BonhoefferVanDerPol(network=small_world(1000, 10, 0.1, seed=0))},
        ),
        ("the same with dynamic noise", 1000, {"model": BonhoefferVanDerPol(noise=0.1)}),
        (
            "the same with every disturbance",
            1000,
            {"disturbances": settings_of("rldbs/BvdP-v0", "clinical")["disturbances"]},
        ),
        ("Hindmarsh-Rose, 1,000 neurons, float64", 1000, {"model": HindmarshRose()}),
        (
            "Hindmarsh-Rose, 1,000 neurons, float32",
            1000,
            {"model": HindmarshRose(), "dtype": "float32"},
        ),
        ("Kuramoto grid, 512 units, global, float64", 512, {"model": KuramotoGrid()}),
        (
            "Kuramoto grid, 512 units, global, float32",
            512,
            {"model": KuramotoGrid(), "dtype": "float32"},
        ),
        (
            "Kuramoto grid, 512 units, full kernel, float32",
            512,
            {"model": KuramotoGrid(coupling_kernel="gaussian"), "dtype": "float32"},
        ),
    ],
)
def test_models(benchmark: Any, label: str, n_neurons: int, settings: dict[str, Any]) -> None:
    """What a step of each model costs."""
    benchmark.extra_info |= {"baseline": not settings, "label": label}
    measure_vector(benchmark, 64, n_neurons, window=250, **settings)


@pytest.mark.benchmark(group="Neurons per ensemble (vector environment, float64)")
@pytest.mark.parametrize("n_neurons", [100, 300, 1000, 3000, 10_000, 100_000])
def test_neurons(benchmark: Any, n_neurons: int) -> None:
    """How the cost of a step grows with the ensemble."""
    num_envs = min(64, 640_000 // n_neurons)
    benchmark.extra_info |= {
        "baseline": n_neurons == 1000, "label": f"{n_neurons:,} neurons, {num_envs} environments"
    }  # fmt: skip
    measure_vector(benchmark, num_envs, n_neurons)


@pytest.mark.benchmark(group="Environments in the batch (1,000 neurons, float64)")
@pytest.mark.parametrize("num_envs", [1, 4, 16, 64, 256, 1024, 4096])
def test_environments(benchmark: Any, num_envs: int) -> None:
    """What batching saves, and that large batches do not fall out of the cache."""
    benchmark.extra_info |= {"baseline": num_envs == 1, "label": f"{num_envs:,} environments"}
    measure_vector(benchmark, num_envs, 1000)
